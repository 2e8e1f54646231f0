// The models of the ONNX project's backend tests, each a use of one operator: imported, exported and imported again they are the same graph.
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { exportOnnx } from '../../src/export/index.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { importModel } from '../../src/import/index.ts'
import { pruneGraph } from '../../src/graph/prune.ts'
import { MleError } from '../../src/index.ts'
import { readPack } from '../support/fixtures.ts'

/** Graphs as text: typed arrays by their bytes, subgraphs without the types that inference finds anyway, no left-out inputs at the end. */
function textOf({ inputs, outputs, nodes, initializers }: Graph): string {
  const plain = (key: string, value: unknown): unknown => {
    if (value instanceof Map) return [...value].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))
    if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')
    if (key === 'reads' && Array.isArray(value)) return value.slice(0, value.findLastIndex((name) => name !== '') + 1)
    if (typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'graph' && 'value' in value) {
      const body = value.value as Graph
      const untyped = (list: Graph['inputs']): Graph['inputs'] => list.map(({ name }) => ({ name, type: { dtype: 'bool' } }))
      return textOf({ ...body, inputs: untyped(body.inputs), outputs: untyped(body.outputs) })
    }
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
  }
  // The version of an operator is that of its schema.
  return JSON.stringify({ inputs, outputs, nodes: nodes.map(({ op, domain, inputs: reads, outputs: writes, attributes }) => ({ op, domain, reads, writes, attributes })), initializers }, plain)
}

let same = 0
let lowered = 0
let unread = 0
let untyped = 0

/** Every second model; EXPORT_LIST=1 takes all and lists what is wrong. */
const EVERY = process.env.EXPORT_LIST === undefined ? 2 : 1

test('every model that can be imported', async () => {
  const wrong: string[] = []
  const models = [...readPack('onnx_backend')].filter(([path]) => path.endsWith('/model.onnx')).filter((_, i) => i % EVERY === 0)
  for (const [path, bytes] of models) {
    let graph: Graph
    try {
      graph = await importModel(bytes)
    } catch (error) {
      assert.ok(error instanceof MleError)
      unread++
      continue
    }
    try {
      const { bytes: exported, notes } = await exportOnnx(graph)
      const again = await importModel(exported)
      // Operators of our own, which ai.onnx.ml is lowered to on import, come back as others; so do dtypes that an older opset lacks.
      if (graph.nodes.some(({ domain }) => domain === 'mle') || notes.length > 0) lowered++
      else {
        assert.equal(textOf(again), textOf(pruneGraph(graph)))
        same++
      }
    } catch (error) {
      // What cannot be planned either.
      if (error instanceof MleError && /^(GRAPH|OP|SHAPE)_/.test(error.code)) untyped++
      else wrong.push(`${path}: ${String(error).slice(0, 300)}`)
    }
  }
  if (process.env.EXPORT_LIST !== undefined) console.log(wrong.join('\n'))
  assert.equal(wrong.length, 0, `${wrong.length} models, the first ${wrong[0]}`)
})

after(() => console.log(`ONNX backend suite, every ${EVERY === 1 ? 'model' : 'second model'}: ${same} models are the same after export and import, ${lowered} are lowered, ${unread} are not imported, ${untyped} do not fit their shapes`))
