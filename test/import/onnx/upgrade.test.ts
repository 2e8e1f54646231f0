// Operators as older opsets defined them: a model of one node in that opset, with what the definition of the day says it gives.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { modelMessage } from '../../../src/export/onnx/proto.ts'
import { bytesOfMessage } from '../../../src/export/protobuf.ts'
import type { Graph, Node } from '../../../src/graph/graph.ts'
import { importModel } from '../../../src/import/index.ts'
import { load } from '../../../src/index.ts'
import type { Attribute } from '../../../src/ops/types.ts'
import { isTensor, tensor, type Tensor } from '../../../src/tensor/tensor.ts'

type Values = Readonly<Record<string, Attribute>>

const int = (value: number): Attribute => ({ kind: 'int', value })
const ints = (...value: number[]): Attribute => ({ kind: 'ints', value })
const float = (value: number): Attribute => ({ kind: 'float', value })
const floats = (...value: number[]): Attribute => ({ kind: 'floats', value })
const text = (value: string): Attribute => ({ kind: 'string', value })
const f32 = (shape: readonly number[], ...values: number[]): Tensor => tensor(Float32Array.from(values), shape)
const i64 = (shape: readonly number[], ...values: number[]): Tensor => tensor(BigInt64Array.from(values, BigInt), shape)
const range = (shape: readonly number[], from = 0): Tensor => tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => from + i), shape)

const node = (op: string, inputs: readonly string[], outputs: readonly string[], attributes: Values = {}): Node => ({ op, domain: 'ai.onnx', version: 1, inputs, outputs, attributes: new Map(Object.entries(attributes)) })

/** Imports a graph written in an old opset and runs it; feeds are inputs of the graph unless they are `fixed`. */
async function runGraph(opset: number, nodes: readonly Node[], feeds: Readonly<Record<string, Tensor>>, outputs: readonly string[], fixed: readonly string[] = [], producer = 'test'): Promise<Tensor[]> {
  const graph: Graph = {
    inputs: Object.entries(feeds).filter(([name]) => !fixed.includes(name)).map(([name, { dtype, shape }]) => ({ name, type: { dtype, shape: shape.map(() => null) } })),
    outputs: outputs.map((name) => ({ name, type: { dtype: 'float32' } })), nodes, initializers: new Map(Object.entries(feeds).filter(([name]) => fixed.includes(name))), metadata: {},
  }
  const bytes = bytesOfMessage(modelMessage({ graph, irVersion: 3, opsets: new Map([['ai.onnx', opset]]), producer, producerVersion: '1', documentation: '', properties: [] }))
  const model = await load(await importModel(bytes, { fileName: 'old.onnx' }), { device: 'cpu' })
  const results = await model.run(Object.fromEntries(Object.entries(feeds).filter(([name]) => !fixed.includes(name))))
  return outputs.map((name) => {
    const value = results[name]
    assert.ok(isTensor(value))
    return value
  })
}

/** One node; inputs are named a, b, c ... and undefined leaves one out. */
async function run(opset: number, op: string, inputs: readonly (Tensor | undefined)[], attributes: Values = {}, outputs = 1): Promise<Tensor[]> {
  const names = inputs.map((input, i) => (input === undefined ? '' : String.fromCharCode(97 + i)))
  const results = Array.from({ length: outputs }, (_, i) => `out${i}`)
  return runGraph(opset, [node(op, names, results, attributes)], Object.fromEntries(inputs.flatMap((input, i) => (input === undefined ? [] : [[names[i], input]]))), results)
}

const numbers = ({ data }: Tensor): number[] => Array.from(data as ArrayLike<number>, Number)
async function gives(opset: number, op: string, inputs: readonly (Tensor | undefined)[], attributes: Values, shape: readonly number[], values: readonly number[]): Promise<void> {
  const [got] = await run(opset, op, inputs, attributes)
  assert.deepEqual([got.shape, numbers(got)], [shape, values], `${op} of opset ${opset}`)
}

test('broadcasting by an axis', async () => {
  const a = range([2, 3, 2])
  await gives(6, 'Add', [a, f32([3], 10, 20, 30)], { broadcast: int(1), axis: int(1) }, [2, 3, 2], [10, 11, 22, 23, 34, 35, 16, 17, 28, 29, 40, 41])
  await gives(1, 'Sub', [a, f32([2], 1, 2)], { broadcast: int(1), consumed_inputs: ints(0, 0) }, [2, 3, 2], [-1, -1, 1, 1, 3, 3, 5, 5, 7, 7, 9, 9])
  await gives(6, 'Mul', [a, f32([2], 0, 1)], { broadcast: int(1), axis: int(0) }, [2, 3, 2], [0, 0, 0, 0, 0, 0, 6, 7, 8, 9, 10, 11])
  await gives(1, 'Pow', [f32([2, 2], 1, 2, 3, 4), f32([2], 2, 3)], { broadcast: int(1), axis: int(0) }, [2, 2], [1, 4, 27, 64])
  await gives(1, 'Greater', [f32([2, 2], 1, 2, 3, 4), f32([2], 1, 4)], { broadcast: int(1), axis: int(0) }, [2, 2], [0, 1, 0, 0])
  await gives(6, 'PRelu', [f32([1, 2, 2], -1, -2, -3, 4), f32([2], 2, 3)], {}, [1, 2, 2], [-2, -4, -9, 4])
  await gives(6, 'Gemm', [f32([1, 2], 1, 2), f32([2, 2], 1, 2, 3, 4), f32([2], 10, 20)], { broadcast: int(1) }, [1, 2], [17, 30])
})

test('attributes that became inputs', async () => {
  const x = range([2, 3])
  await gives(1, 'Reshape', [x], { shape: ints(3, -1), consumed_inputs: ints(0) }, [3, 2], [0, 1, 2, 3, 4, 5])
  await gives(6, 'Clip', [x], { min: float(1), max: float(4) }, [2, 3], [1, 1, 2, 3, 4, 4])
  await gives(6, 'Clip', [x], { max: float(2) }, [2, 3], [0, 1, 2, 2, 2, 2])
  await gives(9, 'Slice', [x], { starts: ints(1), ends: ints(9), axes: ints(-1) }, [2, 2], [1, 2, 4, 5])
  await gives(1, 'Slice', [x], { starts: ints(0, 1), ends: ints(1, 3) }, [1, 2], [1, 2])
  await gives(1, 'Pad', [x], { paddings: ints(0, 1, 0, 1), value: float(9) }, [2, 5], [9, 0, 1, 2, 9, 9, 3, 4, 5, 9])
  await gives(2, 'Pad', [f32([3], 1, 2, 3)], { pads: ints(1, 1), mode: text('reflect') }, [5], [2, 1, 2, 3, 2])
  await gives(1, 'TopK', [f32([3], 1, 3, 2)], { k: int(2), axis: int(0) }, [2], [3, 2])
  await gives(11, 'Squeeze', [range([1, 3, 1])], { axes: ints(0) }, [3, 1], [0, 1, 2])
  await gives(1, 'Unsqueeze', [range([3])], { axes: ints(0, 2) }, [1, 3, 1], [0, 1, 2])
  await gives(11, 'ReduceSum', [x], { axes: ints(1), keepdims: int(0) }, [2], [3, 12])
  await gives(13, 'ReduceMax', [x], { axes: ints(-2) }, [1, 3], [3, 4, 5])
  await gives(1, 'ReduceLogSumExp', [f32([1, 2], 0, 0)], { axes: ints(0) }, [1, 2], [0, 0])
  const [left, right] = await run(2, 'Split', [x], { axis: int(1), split: ints(1, 2) }, 2)
  assert.deepEqual([numbers(left), numbers(right)], [[0, 3], [1, 2, 4, 5]])
  const [first, second] = await run(11, 'Split', [x], {}, 2)
  assert.deepEqual([numbers(first), numbers(second)], [[0, 1, 2], [3, 4, 5]])
  await gives(1, 'Tile', [f32([2, 2], 1, 2, 3, 4), f32([], 2), f32([], 1)], {}, [2, 4], [1, 2, 1, 2, 3, 4, 3, 4])
  await gives(6, 'Tile', [f32([2], 1, 2), i64([1], 2)], {}, [4], [1, 2, 1, 2])
})

test('constants have the dtype of values between', async () => {
  const x = tensor(Float64Array.of(-2, 0.1, 3), [3])
  const between = async (nodes: readonly Node[]): Promise<Tensor> => (await runGraph(10, [node('Relu', ['a'], ['b']), ...nodes], { a: x }, ['out0']))[0]
  const clipped = await between([node('Clip', ['b'], ['out0'], { max: float(2) })])
  assert.deepEqual([clipped.dtype, numbers(clipped)], ['float64', [0, 0.1, 2]])
  const padded = await between([node('Transpose', ['b'], ['c']), node('Pad', ['c'], ['out0'], { pads: ints(1, 0), value: float(0.5) })])
  assert.deepEqual([padded.dtype, numbers(padded)], ['float64', [0.5, 0, 0.1, 3]])
  const cast = await between([node('Cast', ['b'], ['c'], { to: int(1) }), node('Clip', ['c'], ['out0'], { max: float(2) })])
  assert.deepEqual([cast.dtype, numbers(cast)], ['float32', [0, Math.fround(0.1), 2]])
})

test('Softmax of no elements', () => gives(11, 'Softmax', [f32([2, 3, 0])], { axis: int(1) }, [2, 3, 0], []))

test('Resize of opset 10 takes the pixel above where it shrinks, that below where it grows', async () => {
  const x = range([1, 1, 2, 4], 1)
  const resize = async (scales: readonly number[], fixed: readonly string[]): Promise<unknown> => {
    const [got] = await runGraph(10, [node('Resize', ['a', 'b'], ['out0'], { mode: text('nearest') })], { a: x, b: f32([4], 1, 1, ...scales) }, ['out0'], fixed)
    return [got.shape, numbers(got)]
  }
  for (const fixed of [[], ['b']]) {
    assert.deepEqual(await resize([0.6, 0.6], fixed), [[1, 1, 1, 2], [1, 3]])
    assert.deepEqual(await resize([1.5, 0.6], fixed), [[1, 1, 3, 2], [1, 3, 1, 3, 5, 7]])
    assert.deepEqual(await resize([1, 1.5], fixed), [[1, 1, 2, 6], [1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8]])
  }
})

test('inputs of Resize without elements are left out', async () => {
  const attributes = { mode: text('nearest'), nearest_mode: text('floor'), coordinate_transformation_mode: text('asymmetric') }
  const feeds = { a: f32([1, 2], 1, 2), none: f32([0]), sizes: i64([2], 1, 4) }
  const [got] = await runGraph(11, [node('Resize', ['a', 'none', 'none', 'sizes'], ['out0'], attributes)], feeds, ['out0'], ['none', 'sizes'])
  assert.deepEqual([got.shape, numbers(got)], [[1, 4], [1, 1, 2, 2]])
})

test('nodes that stand before what they read are put after it', async () => {
  const [got] = await runGraph(13, [node('Add', ['b', 'c'], ['out0']), node('Neg', ['b'], ['c']), node('Relu', ['a'], ['b'])], { a: f32([2], -1, 2) }, ['out0'])
  assert.deepEqual(numbers(got), [0, 0])
  await assert.rejects(runGraph(13, [node('Add', ['a', 'c'], ['b']), node('Neg', ['b'], ['c'])], { a: f32([1], 1) }, ['b']), { code: 'GRAPH_UNDEFINED' })
})

test('PyTorch aligns corners by whole sizes', async () => {
  const resize = async (producer: string): Promise<number[]> => {
    const attributes = { mode: text('linear'), coordinate_transformation_mode: text('align_corners') }
    const [got] = await runGraph(11, [node('Resize', ['a', '', 'b'], ['out0'], attributes)], { a: f32([1, 1, 4], 0, 1, 2, 3), b: f32([3], 1, 1, 0.9) }, ['out0'], ['b'], producer)
    return numbers(got)
  }
  assert.deepEqual(await resize('pytorch'), [0, 1.5, 3])
  assert.deepEqual(await resize('other'), [0, 3 / 2.6, 6 / 2.6].map((value) => Math.fround(value)))
})

test('other defaults and meanings', async () => {
  const x = range([2, 2])
  const [joined] = await run(1, 'Concat', [x, x])
  assert.deepEqual(joined.shape, [2, 4])
  const [cast] = await run(1, 'Cast', [f32([2], 1.5, -2)], { to: text('INT32') })
  assert.deepEqual([cast.dtype, numbers(cast)], ['int32', [1, -2]])
  await gives(11, 'Hardmax', [f32([2, 1, 2], 1, 2, 4, 3)], { axis: int(1) }, [2, 1, 2], [0, 1, 1, 0])
  // All but the first dimension together.
  await gives(12, 'Softmax', [f32([1, 2, 2], 0, 0, 0, 0)], {}, [1, 2, 2], [0.25, 0.25, 0.25, 0.25])
  await gives(13, 'Softmax', [f32([1, 2, 2], 0, 0, 0, 0)], {}, [1, 2, 2], [0.5, 0.5, 0.5, 0.5])
  await gives(9, 'Scatter', [f32([3], 1, 2, 3), i64([1], 1), f32([1], 9)], {}, [3], [1, 9, 3])
  await gives(1, 'LpPool', [f32([1, 1, 3], 3, 4, 0)], { kernel_shape: ints(2), p: float(2) }, [1, 1, 2], [5, 4])
  await gives(1, 'GlobalLpPool', [f32([1, 1, 2], 3, 4)], { p: float(2) }, [1, 1, 1], [5])
  await gives(1, 'Upsample', [f32([1, 1, 1, 2], 1, 2)], { height_scale: float(2), width_scale: float(1), mode: text('nearest') }, [1, 1, 2, 2], [1, 2, 1, 2])
  await gives(7, 'Upsample', [f32([1, 1, 1, 2], 1, 3)], { scales: floats(1, 1, 1, 2), mode: text('linear') }, [1, 1, 1, 4], [1, 2, 3, 3])
  await gives(9, 'Upsample', [f32([1, 1, 1, 2], 1, 2), f32([4], 1, 1, 1, 2)], {}, [1, 1, 1, 4], [1, 1, 2, 2])
  await gives(10, 'Resize', [f32([1, 1, 1, 4], 1, 2, 3, 4), f32([4], 1, 1, 1, 0.5)], {}, [1, 1, 1, 2], [1, 3])
  await gives(11, 'Resize', [f32([1, 1, 1, 4], 1, 2, 3, 4), f32([0]), f32([4], 1, 1, 1, 0.5)], { coordinate_transformation_mode: text('tf_half_pixel_for_nn') }, [1, 1, 1, 2], [2, 4])
  await gives(6, 'InstanceNormalization', [f32([1, 1, 2], -1, 1), f32([1], 2), f32([1], 3)], { epsilon: float(0) }, [1, 1, 2], [1, 5])
  await gives(20, 'GroupNormalization', [f32([1, 4, 1], -1, 1, -2, 2), f32([2], 1, 2), f32([2], 0, 10)], { num_groups: int(2), epsilon: float(0) }, [1, 4, 1], [-1, 1, 8, 12])
  await gives(17, 'DFT', [f32([1, 2, 1], 1, 3)], { axis: int(1) }, [1, 2, 2], [4, 0, -2, 0])
  await gives(16, 'GridSample', [f32([1, 1, 1, 2], 1, 3), f32([1, 1, 1, 2], 0, 0)], { mode: text('bilinear') }, [1, 1, 1, 1], [2])
})

test('normalization by batch', async () => {
  const x = f32([2, 1, 2], 1, 2, 3, 4)
  const [one, zero] = [f32([1], 1), f32([1], 0)]
  await gives(7, 'BatchNormalization', [x, one, zero, f32([1], 1), f32([1], 4)], { epsilon: float(0) }, [2, 1, 2], [0, 0.5, 1, 1.5])
  await gives(1, 'BatchNormalization', [x, one, zero, f32([1], 1), f32([1], 4)], { epsilon: float(0), is_test: int(1), consumed_inputs: ints(0, 0, 0, 1, 1) }, [2, 1, 2], [0, 0.5, 1, 1.5])
  // Statistics of each element rather than of each channel.
  const each = (a: number, b: number): Tensor => f32([1, 2], a, b)
  await gives(7, 'BatchNormalization', [x, each(1, 2), each(0, 1), each(1, 2), each(1, 4)], { epsilon: float(0), spatial: int(0) }, [2, 1, 2], [0, 1, 2, 3])
  await assert.rejects(run(6, 'BatchNormalization', [x, one, zero, one, one]), { code: 'ONNX_TRAINING' })
})

test('masks of Dropout', async () => {
  const x = f32([2], 1, 2)
  const [y, mask] = await run(7, 'Dropout', [x], { ratio: float(0.9) }, 2)
  assert.deepEqual([numbers(y), mask.dtype, numbers(mask)], [[1, 2], 'float32', [1, 1]])
  assert.equal((await run(10, 'Dropout', [x], {}, 2))[1].dtype, 'bool')
})

test('recurrent layers may say whether they want the sequence', async () => {
  const [y] = await run(1, 'RNN', [f32([1, 1, 1], 0), f32([1, 1, 1], 1), f32([1, 1, 1], 1)], { hidden_size: int(1), output_sequence: int(1) })
  assert.deepEqual(numbers(y), [0])
})

const SUM_BODY: Graph = {
  inputs: [{ name: 'sum_in', type: { dtype: 'float32' } }, { name: 'next', type: { dtype: 'float32' } }], outputs: [{ name: 'sum_out', type: { dtype: 'float32' } }, { name: 'each', type: { dtype: 'float32' } }],
  nodes: [node('Add', ['sum_in', 'next'], ['sum_out']), node('Identity', ['sum_out'], ['each'])], initializers: new Map(), metadata: {},
}

test('Scan of opset 8 goes over a batch, as far as each sequence goes', async () => {
  const x = range([2, 3, 1], 1)
  const scan = (lengths: string, attributes: Values = {}): Node => node('Scan', [lengths, 'state', 'x'], ['last', 'all'], { body: { kind: 'graph', value: SUM_BODY }, num_scan_inputs: int(1), ...attributes })
  const state = f32([2, 1], 0, 100)
  const [last, all] = await runGraph(8, [scan('')], { state, x }, ['last', 'all'])
  assert.deepEqual([last.shape, numbers(last), all.shape, numbers(all)], [[2, 1], [6, 115], [2, 3, 1], [1, 3, 6, 104, 109, 115]])
  const [short, padded] = await runGraph(8, [scan('lengths', { directions: ints(1) })], { lengths: i64([2], 2, 3), state, x }, ['last', 'all'])
  assert.deepEqual([numbers(short), numbers(padded)], [[3, 115], [2, 3, 0, 106, 111, 115]])
})
