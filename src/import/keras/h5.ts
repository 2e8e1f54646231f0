// Keras models in HDF5 files (.h5, .hdf5, .keras of Keras 2): the configuration is an attribute, each layer's arrays are a group.
import type { Graph } from '../../graph/graph.ts'
import { datasetAt, memberAt, members, openHdf5, textAttribute, textsAttribute, type Hdf5Object } from '../hdf5/index.ts'
import { parseJson } from '../json.ts'
import { kerasError, serialized } from './config.ts'
import { buildGraph } from './graph.ts'
import { looksLikeKeras1, modernized } from './keras1.ts'
import { currentName } from './registry.ts'
import { listWeights, type NamedTensor, type Weights } from './weights.ts'

/** The graph of a model file. Throws HDF5_*, KERAS_*, JSON_*. */
export async function importKerasH5(bytes: Uint8Array): Promise<Graph> {
  const root = openHdf5(bytes)
  const text = textAttribute(root, 'model_config')
  const folder = memberAt(root, 'model_weights')
  if (text === undefined) {
    const layers = textsAttribute(root, 'layer_names') ?? [...members(root).keys()]
    throw kerasError('KERAS_WEIGHTS_ONLY', `the file has weights only (${layers.slice(0, 8).join(', ')}${layers.length > 8 ? ', ...' : ''}), no architecture; save the whole model with model.save()`)
  }
  const written = textAttribute(root, 'keras_version') ?? (folder === undefined ? undefined : textAttribute(folder, 'keras_version'))
  const version = written ?? (looksLikeKeras1(text) ? '1' : '2')
  const backend = textAttribute(root, 'backend') ?? (folder === undefined ? undefined : textAttribute(folder, 'backend'))
  const parsed = parseJson(new TextEncoder().encode(text), 'model_config')
  const isOld = version.startsWith('1')
  const model = serialized(isOld ? modernized(parsed) : parsed, 'model_config')
  const weights = groupWeights(folder === undefined ? new Map() : await readGroups(folder))
  return buildGraph(model, weights, { version, backend, isTfjs: false, framework: 'keras' })
}

/** Arrays of each layer in the order of the file. */
async function readGroups(folder: Hdf5Object): Promise<Map<string, NamedTensor[]>> {
  const groups = new Map<string, NamedTensor[]>()
  for (const layer of textsAttribute(folder, 'layer_names') ?? []) {
    const group = memberAt(folder, layer)
    if (group === undefined) throw kerasError('KERAS_WEIGHTS', `the file lists layer ${JSON.stringify(layer)} but has no arrays for it`)
    const list: NamedTensor[] = []
    for (const name of textsAttribute(group, 'weight_names') ?? []) list.push({ name, tensor: await datasetAt(group, name) })
    groups.set(layer, list)
  }
  return groups
}

/** Layers find their arrays by name; layers of a model that Keras 1 wrote without its own group find them beside it. */
function groupWeights(groups: ReadonlyMap<string, NamedTensor[]>): Weights {
  const own: Weights = {
    take(specs) {
      if (specs.length === 0) return []
      throw kerasError('KERAS_WEIGHTS', `the file has no arrays for a layer that needs ${specs.map((one) => one.name).join(', ')}`)
    },
    child: () => own,
    members: (layers) => layers.map((layer) => {
      const found = groups.get(layer.name)
      if (found === undefined) return own
      // Layers of training keep states of random generators, which inference has no use for.
      if (layer.specs.length > 0 && layer.specs.length !== found.length) {
        throw kerasError('KERAS_WEIGHTS', `layer ${JSON.stringify(layer.name)} (${currentName(layer.className)}) has ${found.length} arrays (${found.map((one) => one.name).join(', ').slice(0, 200)}), expected ${layer.specs.length}: ${layer.specs.map((one) => one.name).join(', ')}`)
      }
      return listWeights(found, `layer ${JSON.stringify(layer.name)}`)
    }),
  }
  return own
}
