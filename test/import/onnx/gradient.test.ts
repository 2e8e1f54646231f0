// Gradients against differences of values nearby.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { modelMessage } from '../../../src/export/onnx/proto.ts'
import { bytesOfMessage } from '../../../src/export/protobuf.ts'
import type { Graph, Node } from '../../../src/graph/graph.ts'
import { importModel } from '../../../src/import/index.ts'
import { load } from '../../../src/index.ts'
import type { Attribute } from '../../../src/ops/types.ts'
import { isTensor, tensor, type Tensor } from '../../../src/tensor/tensor.ts'

const node = (op: string, inputs: readonly string[], output: string, attributes: Readonly<Record<string, Attribute>> = {}): Node => ({ op, domain: 'ai.onnx', version: 1, inputs, outputs: [output], attributes: new Map(Object.entries(attributes)) })

/** A model of nodes from a and b to y; its outputs are y and the derivatives of the sum of y by a and by b. */
async function modelOf(nodes: readonly Node[], fixed: ReadonlyMap<string, Tensor>): ReturnType<typeof load> {
  const slope: Node = { op: 'Gradient', domain: 'ai.onnx.preview.training', version: 1, inputs: ['a', 'b'], outputs: ['da', 'db'], attributes: new Map<string, Attribute>([['xs', { kind: 'strings', value: ['a', 'b'] }], ['y', { kind: 'string', value: 'y' }]]) }
  const graph: Graph = { inputs: ['a', 'b'].map((name) => ({ name, type: { dtype: 'float64' } })), outputs: ['y', 'da', 'db'].map((name) => ({ name, type: { dtype: 'float64' } })), nodes: [...nodes, slope], initializers: fixed, metadata: {} }
  const opsets = new Map([['ai.onnx', 18], ['ai.onnx.preview.training', 1]])
  return load(await importModel(bytesOfMessage(modelMessage({ graph, irVersion: 8, opsets, producer: '', producerVersion: '', documentation: '', properties: [] })), { fileName: 'slopes.onnx' }), { device: 'cpu' })
}

async function check(nodes: readonly Node[], shapeA: readonly number[], shapeB: readonly number[], fixed: ReadonlyMap<string, Tensor> = new Map()): Promise<void> {
  const values = (shape: readonly number[], start: number): Tensor => tensor(Float64Array.from({ length: shape.reduce((x, y) => x * y, 1) }, (_, i) => 0.3 + ((i * 37 + start) % 11) / 8), shape)
  const [a, b] = [values(shapeA, 1), values(shapeB, 5)]
  const model = await modelOf(nodes, fixed)
  const run = async (p: Tensor, q: Tensor): Promise<readonly Tensor[]> => {
    const results = await model.run({ a: p, b: q })
    return ['y', 'da', 'db'].map((name) => {
      const value = results[name]
      assert.ok(isTensor(value))
      return value
    })
  }
  const sum = ({ data }: Tensor): number => (data as Float64Array).reduce((total, value) => total + value, 0)
  const [, da, db] = await run(a, b)
  assert.deepEqual([da.shape, db.shape], [a.shape, b.shape])
  for (const [x, slope, at] of [[a, da, 0], [b, db, 1]] as const) {
    for (let i = 0; i < x.data.length; i++) {
      const moved = (by: number): Tensor => ({ ...x, data: Float64Array.from(x.data as Float64Array, (value, j) => (i === j ? value + by : value)) })
      const difference = async (by: number): Promise<number> => sum((await (at === 0 ? run(moved(by), b) : run(a, moved(by))))[0])
      const expected = ((await difference(1e-5)) - (await difference(-1e-5))) / 2e-5
      assert.ok(Math.abs(Number(slope.data[i]) - expected) < 1e-6, `${nodes.map(({ op }) => op).join(' ')}: slope ${i} by input ${at} is ${slope.data[i]}, expected ${expected}`)
    }
  }
  model.dispose()
}

test('derivatives through arithmetic that broadcasts', async () => {
  await check([node('Add', ['a', 'b'], 'c'), node('Mul', ['a', 'c'], 'y')], [], [])
  await check([node('Mul', ['a', 'b'], 'c'), node('Sub', ['c', 'b'], 'd'), node('Div', ['d', 'a'], 'y')], [2, 3], [3])
  await check([node('Div', ['a', 'b'], 'y')], [2, 1], [1, 3])
  await check([node('Sum', ['a', 'b', 'a'], 'y')], [2, 2], [1])
})

test('derivatives through functions, products and sums', async () => {
  for (const op of ['Exp', 'Log', 'Sqrt', 'Tanh', 'Sigmoid', 'Relu', 'Neg', 'Reciprocal', 'Abs', 'Sin', 'Cos', 'Identity']) await check([node(op, ['a'], 'c'), node('Mul', ['c', 'b'], 'y')], [3], [3])
  await check([node('MatMul', ['a', 'b'], 'c'), node('Tanh', ['c'], 'y')], [2, 2, 3], [3, 2])
  await check([node('Pow', ['a', 'two'], 'c'), node('Mul', ['c', 'b'], 'y')], [3], [1], new Map([['two', tensor(Float64Array.of(2), [])]]))
  const perm: Attribute = { kind: 'ints', value: [1, 2, 0] }
  await check([node('Transpose', ['a'], 'c', { perm }), node('Mul', ['c', 'b'], 'y')], [2, 3, 4], [3, 4, 2])
  const keepdims: Attribute = { kind: 'int', value: 0 }
  const axes = new Map([['axes', tensor(BigInt64Array.of(1n))]])
  await check([node('ReduceSum', ['a', 'axes'], 'c', { keepdims }), node('Mul', ['c', 'b'], 'y')], [2, 3], [2], axes)
  await check([node('ReduceMean', ['a', 'axes'], 'c'), node('Mul', ['c', 'b'], 'y')], [2, 3], [2, 1], axes)
  await check([node('Flatten', ['a'], 'c'), node('Mul', ['c', 'b'], 'y')], [2, 3, 2], [2, 6])
})

test('operators without a rule are refused by name', async () => {
  await assert.rejects(modelOf([node('Erf', ['a'], 'y')], new Map()), { code: 'ONNX_GRADIENT' })
})
