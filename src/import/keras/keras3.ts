// .keras files: a zip with the configuration, metadata and the arrays in an HDF5 file, by path.
import type { Graph } from '../../graph/graph.ts'
import type { Tensor } from '../../tensor/index.ts'
import { isDataset, members, openHdf5, readDataset, type Hdf5Object } from '../hdf5/index.ts'
import { readObject } from '../hdf5/header.ts'
import { parseJson } from '../json.ts'
import { openZip, readZipEntry } from '../zip.ts'
import { isObject, kerasError, serialized } from './config.ts'
import { buildGraph } from './graph.ts'
import { treeWeights } from './weights.ts'

/** Folders in folders; no real file is deeper. */
const MAX_DEPTH = 64

/** The graph of a .keras file. Throws ZIP_*, HDF5_*, KERAS_*, JSON_*. */
export async function importKeras3(bytes: Uint8Array): Promise<Graph> {
  const archive = openZip(bytes)
  const model = serialized(parseJson(await readZipEntry(archive, 'config.json'), 'config.json'), 'config.json')
  const metadata = archive.entries.has('metadata.json') ? parseJson(await readZipEntry(archive, 'metadata.json'), 'metadata.json') : undefined
  const written = isObject(metadata) ? metadata.get('keras_version') : undefined
  const arrays = new Map<string, Tensor>()
  if (!archive.entries.has('model.weights.h5')) throw kerasError('KERAS_WEIGHTS', 'the archive has no model.weights.h5; save the model again with model.save()')
  await collect(openHdf5(await readZipEntry(archive, 'model.weights.h5')), '', arrays, new Set(), 0)
  const assets = new Map<string, string>()
  for (const name of archive.entries.keys()) if (/^assets\/.*\.txt$/.test(name)) assets.set(name.slice('assets/'.length), new TextDecoder().decode(await readZipEntry(archive, name)))
  return buildGraph(model, treeWeights(arrays, '', assets), { version: typeof written === 'string' ? written : '3', isTfjs: false, framework: 'keras' })
}

/** Every dataset by its path, the optimizer's left out. */
async function collect(group: Hdf5Object, path: string, arrays: Map<string, Tensor>, above: Set<number>, depth: number): Promise<void> {
  if (depth > MAX_DEPTH || above.has(group.address)) throw kerasError('KERAS_WEIGHTS', `the folders of model.weights.h5 are nested in themselves at ${path}`)
  above.add(group.address)
  for (const [name, address] of members(group)) {
    if (path === '' && name === 'optimizer') continue
    const one = readObject(group.file, address)
    const at = path === '' ? name : `${path}/${name}`
    if (isDataset(one)) arrays.set(at, await readDataset(one))
    else await collect(one, at, arrays, above, depth + 1)
  }
}
