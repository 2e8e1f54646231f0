// This project, as it is published: the built package in dist/.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Graph } from '../../src/graph/graph.ts'
import type { Model, Tensor } from '../../src/index.ts'
import type * as Library from '../../src/index.ts'
import type * as Import from '../../src/import/index.ts'
import type * as Format from '../../src/format/index.ts'
import type { Subject } from '../measure.ts'

const DIST = join(import.meta.dirname, '../../dist')
export const DIST_INDEX: string = pathToFileURL(join(DIST, 'index.js')).href

let imported: Promise<typeof Library> | undefined
/** Imported once: an import that is answered from memory still takes its time. */
const library = (): Promise<typeof Library> => (imported ??= import(DIST_INDEX))
const importer = (): Promise<typeof Import> => import(pathToFileURL(join(DIST, 'import.js')).href)
const format = (): Promise<typeof Format> => import(pathToFileURL(join(DIST, 'format.js')).href)

export async function convert(bytes: Uint8Array, fileName: string): Promise<Uint8Array> {
  const { importModel } = await importer()
  const { write } = await format()
  return write(await importModel(bytes, { fileName }))
}

export async function load(source: Uint8Array | Graph, options: Library.LoadOptions = {}): Promise<Model> {
  return (await library()).load(source, options)
}

export function numbers({ data }: { readonly data: Tensor['data'] }): Float64Array {
  return Float64Array.from(data as ArrayLike<number>, Number)
}

/** A session and `model.runSync`, which take `batches` of rows in turn. `outputs` are those that peers compute; the last is compared, for the first batch. */
export function subjects(model: Model, batches: readonly Float32Array[], count: number, outputs: readonly string[]): Subject[] {
  const output = outputs[outputs.length - 1]
  const { name, dtype } = model.inputs[0]
  // Rows in the model's own dtype, as a caller that cares about speed has them.
  const own = batches.map((rows) => (dtype === 'float64' ? Float64Array.from(rows) : rows))
  const feeds = own.map((data) => ({ [name]: { dtype, shape: [count, data.length / count], data } }))
  const session = model.session({ batch: count, outputs })
  const input = session.inputs[name]
  let call = 0
  const run = (): void => {
    ;(input.data as Float64Array).set(own[call++ % own.length])
    session.run()
  }
  let next = 0
  return [
    { engine: 'mle-runtime, session', run, values: () => ((call = 0), run(), numbers(session.outputs[output])) },
    { engine: 'mle-runtime, runSync', run: () => model.runSync(feeds[next++ % feeds.length], outputs), values: () => numbers(model.runSync(feeds[0], outputs)[output]) },
  ]
}
