// Each pass by itself: what it finds, what it leaves alone, and that outputs keep their bits (relaxed: their bound).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { graphBuilder } from '../../../src/graph/builder.ts'
import { optimizeGraph, passNames } from '../../../src/graph/optimize/index.ts'
import { load, tensor, type Tensor } from '../../../src/index.ts'
import { loadOperators } from '../../../src/ops/packs.ts'
import { expectSame, optimized, run } from './support.ts'

const matrix = (rows: number, columns: number): Tensor => tensor(Float32Array.from({ length: rows * columns }, (_, i) => Math.fround(((i * 37) % 19) / 7 - 1.2)), [rows, columns])
const vector = (...values: number[]): Tensor => tensor(Float32Array.from(values))
const only = (...passes: string[]): { passes: string[] } => ({ passes })

test('fold-constants computes what depends on constants alone, but not what random operators make', async () => {
  await expectSame((b, x) => b.add('Add', [x, b.add('Mul', [b.constant(vector(1, 2, 3)), b.constant(vector(0.1, 0.2, 0.3))])]), matrix(2, 3), { counts: { 'fold-constants': 1 }, ops: ['Add', 'Identity'] }, only('fold-constants'))
  // A result much larger than what it is made of stays in the graph.
  const b = graphBuilder()
  b.input('x', { dtype: 'float32', shape: [1] })
  b.output('y', b.add('Add', ['x', b.add('Expand', [b.constant(vector(1)), b.constant(tensor([1 << 20], [1], 'int64'))])]), { dtype: 'float32' })
  assert.equal((await optimized(b.build(), only('fold-constants'))).counts.size, 0)
})

test('what cannot be computed is left to say so when it runs', async () => {
  const b = graphBuilder()
  b.input('x', { dtype: 'float32', shape: [1] })
  const looked = b.add('mle.LabelLookup', [b.constant(tensor([7], [1], 'int64')), b.constant(vector(1, 2))])
  b.output('y', b.add('Add', ['x', looked]), { dtype: 'float32' })
  const { graph, counts } = await optimized(b.build())
  assert.equal(counts.get('fold-constants'), undefined)
  await assert.rejects(run(graph, { x: vector(1) }), { code: 'OP_INDEX' })
})

test('fold-shapes takes shapes, sizes and single dimensions that are known', async () => {
  await expectSame((b, x) => b.add('Reshape', [x, b.add('Concat', [b.add('Unsqueeze', [b.add('Size', [x]), b.constant(tensor([0], [1], 'int64'))])], { axis: 0 })]), matrix(2, 3), { counts: { 'fold-shapes': 1 }, ops: ['Unsqueeze', 'Concat', 'Reshape', 'Identity'] }, only('fold-shapes', 'remove-dead'))
  const b = graphBuilder()
  b.input('x', { dtype: 'float32', shape: ['rows', 4, 2] })
  const dims = b.add('Shape', ['x'])
  b.output('last', b.add('Gather', [dims, b.constant(tensor([-1], [], 'int64'))]), { dtype: 'int64', shape: [] })
  b.output('rows', b.add('Gather', [dims, b.constant(tensor([0], [], 'int64'))]), { dtype: 'int64', shape: [] })
  b.output('inner', b.add('Slice', [dims, ...[[1], [3], [0]].map((values) => b.constant(tensor(values, [1], 'int64')))]), { dtype: 'int64', shape: [2] })
  const { graph, counts } = await optimized(b.build(), only('fold-shapes', 'remove-dead'))
  assert.equal(counts.get('fold-shapes'), 2)
  assert.deepEqual(graph.nodes.map(({ op }) => op), ['Shape', 'Identity', 'Gather', 'Identity', 'Identity'])
  const { last, rows, inner } = await run(graph, { x: tensor(new Float32Array(24), [3, 4, 2]) })
  assert.deepEqual([last.data, rows.data, inner.data], [BigInt64Array.of(2n), BigInt64Array.of(3n), BigInt64Array.of(4n, 2n)])
})

test('remove-no-ops keeps every bit: 0 is not added, 1 is not multiplied where shapes grow', async () => {
  const zeros = tensor(Float32Array.of(-0, 0, NaN, 1.5), [2, 2])
  const passes = only('remove-no-ops')
  await expectSame((b, x) => b.add('Identity', [b.add('Neg', [b.add('Neg', [b.add('Cast', [x], { to: 'float32' })])])]), zeros, { counts: { 'remove-no-ops': 3 }, ops: ['Neg', 'Identity'] }, passes)
  await expectSame((b, x) => b.add('Mul', [b.add('Div', [x, b.constant(vector(1, 1))]), b.constant(vector(1))]), zeros, { counts: { 'remove-no-ops': 2 }, ops: ['Identity'] }, passes)
  await expectSame((b, x) => b.add('Sub', [b.add('Add', [x, b.constant(vector(0))]), b.constant(vector(0))]), zeros, { counts: { 'remove-no-ops': 2 }, ops: ['Add'] }, passes)
  await expectSame((b, x) => b.add('Sub', [b.add('Add', [x, b.constant(vector(-0))]), b.constant(vector(-0))]), zeros, { counts: { 'remove-no-ops': 2 }, ops: ['Sub'] }, passes)
  await expectSame((b, x) => b.add('Mul', [x, b.constant(tensor(new Float32Array(4).fill(1), [2, 1, 2]))]), zeros, { counts: { 'remove-no-ops': 1 }, ops: ['Mul'] }, passes)
  await expectSame((b, x) => b.add('Transpose', [b.add('Reshape', [x, b.constant(tensor([2, 2], [2], 'int64'))])], { perm: [0, 1] }), zeros, { counts: { 'remove-no-ops': 2 }, ops: ['Identity'] }, passes)
})

test('merge-transposes composes them, across functions of elements too', async () => {
  const x3 = tensor(Float32Array.from({ length: 24 }, (_, i) => i - 7), [2, 3, 4])
  await expectSame((b, x) => b.add('Transpose', [b.add('Transpose', [x], { perm: [2, 0, 1] })], { perm: [0, 2, 1] }), x3, { counts: { 'merge-transposes': 1 }, ops: ['Transpose', 'Identity'] }, only('merge-transposes', 'remove-dead'))
  await expectSame((b, x) => b.add('Transpose', [b.add('Relu', [b.add('Sigmoid', [b.add('Transpose', [x], { perm: [0, 2, 1] })])])], { perm: [0, 2, 1] }), x3, { counts: {}, ops: ['Transpose', 'Sigmoid', 'Relu', 'Transpose', 'Identity'] }, only('merge-transposes', 'remove-dead'))
  await expectSame((b, x) => b.add('Transpose', [b.add('Relu', [b.add('Transpose', [x], { perm: [0, 2, 1] })])], { perm: [0, 2, 1] }), x3, { counts: { 'merge-transposes': 2, 'remove-no-ops': 2 }, ops: ['Relu'] }, only('merge-transposes', 'remove-no-ops', 'remove-dead'))
})

test('merge-reshapes keeps the last one', async () => {
  const shape = (...dims: number[]): Tensor => tensor(dims, [dims.length], 'int64')
  await expectSame((b, x) => b.add('Reshape', [b.add('Reshape', [x, b.constant(shape(6))]), b.constant(shape(3, 2))]), matrix(2, 3), { counts: { 'merge-reshapes': 1 }, ops: ['Reshape', 'Identity'] }, only('merge-reshapes', 'remove-dead'))
  // A 0 takes a dimension of its own input.
  await expectSame((b, x) => b.add('Reshape', [b.add('Reshape', [x, b.constant(shape(3, 2))]), b.constant(shape(0, 2))]), matrix(2, 3), { counts: {}, ops: ['Reshape', 'Reshape', 'Identity'] }, only('merge-reshapes', 'remove-dead'))
})

test('merge-duplicates tells constants and attributes apart', async () => {
  const passes = only('merge-duplicates', 'remove-dead')
  await expectSame((b, x) => b.add('Add', [b.add('Mul', [x, b.constant(vector(2))]), b.add('Mul', [x, b.constant(vector(2))])]), matrix(2, 3), { counts: { 'merge-duplicates': 1 }, ops: ['Mul', 'Add', 'Identity'] }, passes)
  await expectSame((b, x) => b.add('Div', [b.add('Mul', [x, b.constant(vector(0))]), b.add('Mul', [x, b.constant(vector(-0))])]), matrix(2, 3), { counts: {}, ops: ['Mul', 'Mul', 'Div', 'Identity'] }, passes)
  await expectSame((b, x) => b.add('Add', [b.add('Softmax', [x], { axis: 0 }), b.add('Softmax', [x], { axis: 1 })]), matrix(2, 3), { counts: {}, ops: ['Softmax', 'Softmax', 'Add', 'Identity'] }, passes)
})

test('fuse-bias has the bits of MatMul and Add', async () => {
  for (const dtype of ['float32', 'float64'] as const) {
    const cast = (one: Tensor): Tensor => (dtype === 'float32' ? one : tensor(Float64Array.from(one.data as Float32Array, (value) => value / 3), one.shape))
    await expectSame((b, x) => b.add('Add', [b.constant(cast(vector(0.1, -0.2, 0.3, 0.7, 1e-3))), b.add('MatMul', [x, b.constant(cast(matrix(3, 5)))])]), cast(matrix(7, 3)), { counts: { 'fuse-bias': 1 }, ops: ['Gemm', 'Identity'] }, only('fuse-bias', 'remove-dead'))
  }
  // A vector by row is no bias of columns.
  await expectSame((b, x) => b.add('Add', [b.constant(matrix(7, 1)), b.add('MatMul', [x, b.constant(matrix(3, 5))])]), matrix(7, 3), { counts: {}, ops: ['MatMul', 'Add', 'Identity'] }, only('fuse-bias', 'remove-dead'))
})

test('remove-dead drops what no output needs', async () => {
  const b = graphBuilder()
  b.input('x', { dtype: 'float32', shape: [2] })
  b.add('Exp', [b.add('Neg', ['x'])])
  b.output('y', b.add('Abs', ['x']), { dtype: 'float32' })
  const { graph, counts } = await optimized(b.build(), only('remove-dead'))
  assert.deepEqual([Object.fromEntries(counts), graph.nodes.map(({ op }) => op)], [{ 'remove-dead': 2 }, ['Abs', 'Identity']])
})

test('relaxed: fold-batch-norm', async () => {
  const image = tensor(Float32Array.from({ length: 2 * 3 * 25 }, (_, i) => ((i * 31) % 23) / 9 - 1), [2, 3, 5, 5])
  const weights = tensor(Float32Array.from({ length: 4 * 3 * 9 }, (_, i) => ((i * 17) % 13) / 11 - 0.5), [4, 3, 3, 3])
  for (const bias of [[], [vector(0.5, -1, 2, 0)]]) {
    await expectSame(
      (b, x) => b.add('BatchNormalization', [b.add('Conv', [x, b.constant(weights), ...bias.map((one) => b.constant(one))], { pads: [1, 1, 1, 1] }), ...[vector(1, 2, -1, 0.5), vector(0, 1, 2, 3), vector(0.1, 0.2, 0.3, 0.4), vector(1, 2, 0.5, 4)].map((one) => b.constant(one))]),
      image, { counts: { 'fold-batch-norm': 1 }, ops: ['Conv', 'Identity'] }, { determinism: 'relaxed', passes: ['fold-batch-norm', 'remove-dead'] },
    )
  }
})

test('relaxed: reciprocals', async () => {
  await expectSame((b, x) => b.add('Div', [x, b.constant(vector(3, 7, -0.3))]), matrix(2, 3), { counts: { reciprocals: 1 }, ops: ['Mul', 'Identity'] }, { determinism: 'relaxed', passes: ['reciprocals'] })
  await expectSame((b, x) => b.add('Div', [x, b.constant(vector(3, 0, 1))]), matrix(2, 3), { counts: {}, ops: ['Div', 'Identity'] }, { determinism: 'relaxed', passes: ['reciprocals'] })
})

test('relaxed: fuse-gelu in each order of its factors', async () => {
  const erf = (b: ReturnType<typeof graphBuilder>, x: string): string => b.add('Add', [b.add('Erf', [b.add('Div', [x, b.constant(tensor([Math.SQRT2], [], 'float32'))])]), b.constant(tensor([1], [], 'float32'))])
  const half = (b: ReturnType<typeof graphBuilder>): string => b.constant(tensor([0.5], [], 'float32'))
  const options = { determinism: 'relaxed' as const, passes: ['fuse-gelu', 'remove-dead'] }
  const expected = { counts: { 'fuse-gelu': 1 }, ops: ['Gelu', 'Identity'] }
  await expectSame((b, x) => b.add('Mul', [b.add('Mul', [x, erf(b, x)]), half(b)]), matrix(2, 3), expected, options)
  await expectSame((b, x) => b.add('Mul', [b.add('Mul', [x, half(b)]), erf(b, x)]), matrix(2, 3), expected, options)
  await expectSame((b, x) => b.add('Mul', [x, b.add('Mul', [half(b), erf(b, x)])]), matrix(2, 3), expected, options)
})

test('relaxed: fuse-layer-norm', async () => {
  await expectSame(
    (b, x) => {
      const axes = b.constant(tensor([-1], [1], 'int64'))
      const centred = b.add('Sub', [x, b.add('ReduceMean', [x, axes])])
      const variance = b.add('ReduceMean', [b.add('Pow', [centred, b.constant(tensor([2], [], 'float32'))]), axes])
      const root = b.add('Sqrt', [b.add('Add', [variance, b.constant(tensor([1e-5], [], 'float32'))])])
      return b.add('Add', [b.add('Mul', [b.add('Div', [centred, root]), b.constant(vector(1, 2, 3))]), b.constant(vector(0, 1, -1))])
    },
    matrix(4, 3), { counts: { 'fuse-layer-norm': 1 }, ops: ['LayerNormalization', 'Identity'] }, { determinism: 'relaxed', passes: ['fuse-layer-norm', 'remove-dead'] },
  )
})

test('relaxed passes do not run in strict mode, nor on float64', async () => {
  await expectSame((b, x) => b.add('Div', [x, b.constant(vector(3))]), matrix(2, 3), { counts: {}, ops: ['Div', 'Identity'] }, { passes: ['reciprocals'] })
  await expectSame((b, x) => b.add('Div', [x, b.constant(tensor([3], [1], 'float64'))]), tensor(Float64Array.of(1, 2), [2]), { counts: {}, ops: ['Div', 'Identity'] }, { determinism: 'relaxed', passes: ['reciprocals'] })
})

test('subgraphs follow the values that they read', async () => {
  const inner = graphBuilder()
  inner.output('then_out', inner.add('Add', ['doubled', 'again']), { dtype: 'float32' })
  const other = graphBuilder()
  other.output('else_out', other.add('Sub', ['doubled', 'again']), { dtype: 'float32' })
  const b = graphBuilder()
  b.input('x', { dtype: 'float32', shape: [2] })
  b.input('condition', { dtype: 'bool', shape: [] })
  const graph = b.build()
  const node = (op: string, inputs: string[], outputs: string[]) => ({ op, domain: 'ai.onnx', version: 13, inputs, outputs, attributes: new Map() })
  const full = {
    ...graph,
    nodes: [
      node('Add', ['x', 'x'], ['doubled']), node('Add', ['x', 'x'], ['twin']), node('Identity', ['twin'], ['again']),
      { ...node('If', ['condition'], ['y']), version: 25, attributes: new Map([['then_branch', { kind: 'graph' as const, value: inner.build() }], ['else_branch', { kind: 'graph' as const, value: other.build() }]]) },
    ],
    outputs: [{ name: 'y', type: { dtype: 'float32' as const } }],
  }
  const { graph: small, counts } = await optimized(full)
  assert.deepEqual(small.nodes.map(({ op }) => op), ['Add', 'If'])
  assert.deepEqual([counts.get('remove-no-ops'), counts.get('merge-duplicates')], [1, 1])
  for (const [condition, wanted] of [[true, 12], [false, 0]] as const) {
    const { y } = await run(small, { x: vector(3, 3), condition: tensor([condition], []) })
    assert.deepEqual(Array.from(y.data as Float32Array), [wanted, wanted])
  }
})

test('load optimizes large graphs, or what it is asked to; a name that is no pass is refused', async () => {
  const b = graphBuilder()
  let value = b.input('x', { dtype: 'float32', shape: [1] })
  for (let i = 0; i < 30; i++) value = b.add('Neg', [value])
  b.output('y', value, { dtype: 'float32', shape: [1] })
  const nodes = async (options: Parameters<typeof load>[1]): Promise<number> => {
    const model = await load(b.build(), options)
    model.dispose()
    return model.graph.nodes.length
  }
  assert.equal(await nodes({}), 1)
  assert.equal(await nodes({ optimize: false }), 31)
  assert.equal(await nodes({ optimize: ['fuse-bias'] }), 31)
  await assert.rejects(load(b.build(), { optimize: ['faster'] }), RangeError)
  assert.ok(passNames().includes('remove-dead'))
  assert.equal(optimizeGraph(b.build(), await loadOperators(['Neg', 'Identity'])).graph.inputs, b.build().inputs)
})


test('cancel-quantization gives back the integers, where scale and zero point are the same', async () => {
  const quantized = tensor(Int8Array.from({ length: 256 }, (_, i) => i - 128), [256])
  const passes = only('cancel-quantization', 'remove-dead')
  for (const [scale, zero, other, count] of [[0.1, 3, 0.1, 1], [3.7, -128, 3.7, 1], [0.1, 3, 0.2, 0], [1e-38, 0, 1e-38, 0]] as const) {
    await expectSame(
      (b, x) => {
        const parameters = (one: number): string[] => [b.constant(tensor([one], [], 'float32')), b.constant(tensor([zero], [], 'int8'))]
        return b.add('QuantizeLinear', [b.add('DequantizeLinear', [x, ...parameters(scale)]), ...parameters(other)])
      },
      quantized, { counts: count === 0 ? {} : { 'cancel-quantization': 1 }, ops: count === 0 ? ['DequantizeLinear', 'QuantizeLinear', 'Identity'] : ['Identity'] }, passes,
    )
  }
})
