// Models of one or a few nodes with random attributes, shapes, dtypes and opsets, against what onnxruntime computes for them, on cpu and wasm.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { modelMessage } from '../../../src/export/onnx/proto.ts'
import { bytesOfMessage } from '../../../src/export/protobuf.ts'
import type { Graph } from '../../../src/graph/graph.ts'
import { importModel } from '../../../src/import/index.ts'
import { load, type InputRecord, type Tensor } from '../../../src/index.ts'
import type { Attribute } from '../../../src/ops/types.ts'
import { bitsReader } from '../../../src/tensor/minifloat.ts'
import { isFloat, viewData, type DType } from '../../../src/tensor/index.ts'
import { readPack } from '../../support/fixtures.ts'

/** Elements of a tensor in base64, or as text. */
interface Recorded {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly data: string | string[]
}

interface Case {
  readonly feeds: Readonly<Record<string, Recorded>>
  readonly expected: Readonly<Record<string, Recorded>>
  /** Relative to the element, and to the largest element of the output. */
  readonly tolerance?: readonly [relative: number, ofLargest: number]
}

const TOLERANCES: ReadonlyMap<DType, readonly [number, number]> = new Map([['float16', [2e-3, 2e-3]], ['bfloat16', [2e-2, 2e-2]]])

function tensorOf({ dtype, shape, data }: Recorded): Tensor {
  if (typeof data !== 'string') return { dtype: 'string', shape, data }
  const bytes = Uint8Array.from(Buffer.from(data, 'base64'))
  const size = shape.reduce((count, dim) => count * dim, 1)
  return { dtype, shape, data: viewData(dtype, bytes.buffer, 0, size) }
}

function assertClose(got: Tensor, want: Tensor, tolerance: Case['tolerance'], where: string): void {
  assert.deepEqual([got.dtype, got.shape], [want.dtype, want.shape], where)
  if (!isFloat(want.dtype)) {
    assert.deepEqual([...(got.data as Iterable<unknown>)], [...(want.data as Iterable<unknown>)], where)
    return
  }
  const read = bitsReader(want.dtype) ?? Number
  const [a, b] = [got, want].map(({ data }) => Array.from(data as ArrayLike<number>, read))
  const largest = b.reduce((size, value) => (Number.isFinite(value) ? Math.max(size, Math.abs(value)) : size), 0)
  const [relative, ofLargest] = tolerance ?? TOLERANCES.get(want.dtype) ?? [2e-5, 2e-6]
  b.forEach((value, i) => assert.ok(Object.is(a[i], value) || a[i] === value || Math.abs(a[i] - value) <= relative * Math.abs(value) + ofLargest * largest, `${where}: element ${i} is ${a[i]}, expected ${value}`))
}

const files = readPack('onnx_nodes')
const names = [...files.keys()].filter((path) => path.endsWith('/case.json')).map((path) => path.slice(0, -'/case.json'.length))

for (const device of ['cpu', 'wasm'] as const) {
  test(`${names.length} models of a few nodes on ${device}`, async () => {
    for (const name of names) {
      const { feeds, expected, tolerance } = JSON.parse(new TextDecoder().decode(files.get(`${name}/case.json`))) as Case
      const bytes = files.get(`${name}/model.onnx`)
      assert.ok(bytes, name)
      const model = await load(await importModel(bytes, { fileName: 'model.onnx' }), { device })
      const results = await model.run(Object.fromEntries(model.inputs.map((input) => [input.name, tensorOf(feeds[input.name])])) as InputRecord)
      for (const [output, want] of Object.entries(expected)) assertClose(results[output], tensorOf(want), tolerance, `${name} ${output} on ${device}`)
      model.dispose()
    }
  })
}

test('what com.microsoft has beyond that, and nodes with too few inputs, are refused', async () => {
  const refused = async (op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>>, code: string = 'ONNX_ATTRIBUTE'): Promise<void> => {
    const graph: Graph = {
      inputs: inputs.filter((name) => name !== '').map((name) => ({ name, type: { dtype: 'float32' } })), outputs: [{ name: 'y', type: { dtype: 'float32' } }],
      nodes: [{ op, domain: 'com.microsoft', version: 1, inputs, outputs: ['y'], attributes: new Map(Object.entries(attributes)) }], initializers: new Map(), metadata: {},
    }
    const message = modelMessage({ graph, irVersion: 8, opsets: new Map([['ai.onnx', 17], ['com.microsoft', 1]]), producer: '', producerVersion: '', documentation: '', properties: [] })
    await assert.rejects(importModel(bytesOfMessage(message), { fileName: 'model.onnx' }), { code }, op)
  }
  const int = (value: number): Attribute => ({ kind: 'int', value })
  await refused('MatMulNBits', ['a', 'b', 'c'], { K: int(32), N: int(2), bits: int(4), block_size: int(32) })
  await refused('MatMulNBits', ['a', 'b', 'c'], { K: int(32), N: int(2), bits: int(3), block_size: int(32) })
  await refused('MultiHeadAttention', ['a'], { num_heads: int(2) })
  await refused('MultiHeadAttention', ['a', 'b', 'c'], {})
  await refused('Attention', ['a', 'b', 'c'], { num_heads: int(2), do_rotary: int(1) })
  await refused('GroupQueryAttention', ['a', 'b', 'c', '', '', 'd', 'e'], { num_heads: int(2), kv_num_heads: int(1), smooth_softmax: int(1) })
  await refused('FusedMatMul', ['a', 'b'], { transBatchA: int(1) })
  await refused('FusedConv', ['a', 'b'], { activation: { kind: 'string', value: 'Other' } })
  await refused('CDist', ['a', 'b'], { metric: { kind: 'string', value: 'cosine' } })
  await refused('Attention', ['a'], { num_heads: int(2) }, 'ONNX_GRAPH')
  await refused('EmbedLayerNormalization', ['a'], {}, 'ONNX_GRAPH')
  await refused('QuickGelu', [], {}, 'ONNX_GRAPH')
})
