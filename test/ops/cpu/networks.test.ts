// Operators of networks against their formulas on random examples.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import { cpu, runOp } from '../../support/run-op.ts'
import { networkCases } from '../network-cases.ts'
import { checkExample } from '../suite.ts'

for (const [key, example] of networkCases) {
  test(`${key} is its formula`, async () => {
    await fc.assert(fc.asyncProperty(example, (one) => checkExample(cpu, key, one)), { numRuns: 120 })
  })
}

const int8s = (values: readonly number[], shape: readonly number[]): Tensor => tensor(Int8Array.from(values), shape)
const noise = (count: number, seed: number): number[] => Array.from({ length: count }, (_, i) => ((i * 7919 + seed * 104729) % 255) - 127)

test('ConvInteger and QLinearConv are Conv of what they stand for', async () => {
  const [x, w] = [noise(2 * 4 * 5 * 5, 1), noise(6 * 2 * 3 * 3, 2)]
  const attributes = { group: 2, pads: [1, 0, 1, 2], strides: [2, 1], dilations: [1, 2] }
  const doubles = (values: readonly number[], zero: (i: number) => number, shape: readonly number[]): Tensor => tensor(Float64Array.from(values, (value, i) => value - zero(i)), shape)
  const zeros = Int8Array.of(1, -2, 3, 0, 5, -6)
  const byChannel = doubles(w, (i) => zeros[Math.floor(i / 18)], [6, 2, 3, 3])
  const [sums] = await runOp('Conv', [doubles(x, () => 3, [2, 4, 5, 5]), byChannel], attributes)
  const [integers] = await runOp('ConvInteger', [int8s(x, [2, 4, 5, 5]), int8s(w, [6, 2, 3, 3]), int8s([3], []), tensor(zeros)], attributes)
  assert.deepEqual([...integers.data], [...sums.data])
  const bias = Int32Array.of(100, -200, 300, 0, 5, 6)
  const scales = Float32Array.of(0.5, 0.25, 1, 2, 0.125, 0.5)
  const one = (value: number): Tensor => tensor(Float32Array.of(value), [])
  const [quantized] = await runOp('QLinearConv', [int8s(x, [2, 4, 5, 5]), one(0.5), int8s([3], []), int8s(w, [6, 2, 3, 3]), tensor(scales), tensor(zeros), one(512), int8s([10], []), tensor(bias)], attributes)
  const plane = integers.data.length / 12
  const expected = Array.from(sums.data as Float64Array, (sum, i) => {
    const m = Math.floor(i / plane) % 6
    const real = ((sum + bias[m]) * 0.5 * scales[m]) / 512
    const nearest = Math.abs(real % 1) === 0.5 ? 2 * Math.round(real / 2) : Math.round(real)
    return Math.min(127, Math.max(-128, nearest + 10))
  })
  assert.deepEqual([...quantized.data], expected)
})

test('DynamicQuantizeLinear takes the range of the values and 0', async () => {
  const [y, scale, zero] = await runOp('DynamicQuantizeLinear', [tensor(Float32Array.of(-1, 0, 2, 1.5))])
  assert.deepEqual([...scale.data, ...zero.data], [Math.fround(3 / 255), 85])
  assert.deepEqual([...y.data], [0, 85, 255, 213])
  const [none, one] = await runOp('DynamicQuantizeLinear', [tensor(new Float32Array(2))])
  assert.deepEqual([...none.data, ...one.data], [0, 0, 1])
})

test('quantized values that do not fit are refused', async () => {
  const x = tensor(new Float32Array(6), [2, 3])
  await assert.rejects(runOp('QuantizeLinear', [x, tensor(new Float32Array(2))]), { code: 'OP_DIMENSION' })
  await assert.rejects(runOp('QuantizeLinear', [x, tensor(new Float32Array(3)), tensor(new Uint8Array(3))], { output_dtype: 'int8' }), { code: 'OP_DTYPE' })
  await assert.rejects(runOp('QuantizeLinear', [x, tensor(new Float32Array(1), [])], { output_dtype: 'int64' }), { code: 'OP_ATTRIBUTE' })
  await assert.rejects(runOp('DequantizeLinear', [tensor(new Uint8Array(6), [2, 3]), tensor(new Float32Array(6), [2, 3])]), { code: 'OP_RANK' })
})

test('labels beyond the classes are refused', async () => {
  await assert.rejects(runOp('NegativeLogLikelihoodLoss', [tensor(new Float32Array(2), [1, 2]), tensor(Int32Array.of(2))]), { code: 'OP_INDEX' })
  await assert.rejects(runOp('NegativeLogLikelihoodLoss', [tensor(new Float32Array(2), [1, 2]), tensor(Int32Array.of(1))], { reduction: 'most' }), { code: 'OP_ATTRIBUTE' })
})

test('a mel filter rises to its centre and falls', async () => {
  const count = (value: number): Tensor => tensor(BigInt64Array.of(BigInt(value)), [])
  const [y] = await runOp('MelWeightMatrix', [count(8), count(32), count(8192), tensor(Float32Array.of(0), []), tensor(Float32Array.of(4096), [])])
  assert.deepEqual(y.shape, [17, 8])
  for (let mel = 0; mel < 8; mel++) {
    const column = Array.from({ length: 17 }, (_, bin) => Number(y.data[bin * 8 + mel]))
    const top = column.indexOf(Math.max(...column))
    assert.equal(column[top], 1)
    assert.ok(column.every((value, bin) => value >= 0 && (bin === 0 || (bin <= top ? value >= column[bin - 1] : value <= column[bin - 1]))))
  }
})

test('steps of optimizers', async () => {
  const f64 = (...values: number[]): Tensor => tensor(Float64Array.from(values))
  const [rate, first, third] = [tensor(Float64Array.of(0.1), []), tensor(BigInt64Array.of(0n), []), tensor(BigInt64Array.of(3n), [])]
  const [x, g, v, h] = [f64(1, -2), f64(0.5, 1), f64(0.1, 0.2), f64(0.3, 0.4)]
  const close = (got: Tensor, want: readonly number[]): void => want.forEach((value, i) => assert.ok(Math.abs(Number(got.data[i]) - value) < 1e-14, `${got.data[i]} is not ${value}`))
  const slope = (norm: number, i: number): number => norm * Number(x.data[i]) + Number(g.data[i])
  const key = (name: string): string => `ai.onnx.preview.training.${name}`
  const [a, aH] = await runOp(key('Adagrad'), [rate, third, x, g, h], { decay_factor: 0.1, norm_coefficient: 0.01 }, { outputs: 2 })
  close(aH, [0, 1].map((i) => Number(h.data[i]) + slope(0.01, i) ** 2))
  close(a, [0, 1].map((i) => Number(x.data[i]) - ((0.1 / 1.3) * slope(0.01, i)) / (Math.sqrt(Number(h.data[i]) + slope(0.01, i) ** 2) + 1e-6)))
  for (const [updates, correction] of [[first, 1], [third, Math.sqrt(1 - 0.99 ** 3) / (1 - 0.8 ** 3)]] as const) {
    const [m, mV, mH] = await runOp(key('Adam'), [rate, updates, x, g, v, h], { alpha: 0.8, beta: 0.99, norm_coefficient_post: 0.1 }, { outputs: 3 })
    const mean = [0, 1].map((i) => 0.8 * Number(v.data[i]) + 0.2 * slope(0, i))
    const square = [0, 1].map((i) => 0.99 * Number(h.data[i]) + 0.01 * slope(0, i) ** 2)
    close(mV, mean)
    close(mH, square)
    close(m, [0, 1].map((i) => 0.9 * (Number(x.data[i]) - (0.1 * correction * mean[i]) / (Math.sqrt(square[i]) + 1e-6))))
  }
  const [n] = await runOp(key('Momentum'), [rate, third, x, x, g, g, v, v], { alpha: 0.5, beta: 0.25, mode: 'nesterov' }, { outputs: 4 })
  close(n, [0, 1].map((i) => Number(x.data[i]) - 0.1 * (slope(0, i) + 0.5 * (0.5 * Number(v.data[i]) + 0.25 * slope(0, i)))))
  await assert.rejects(runOp(key('Momentum'), [rate, first, x, g, v], { mode: 'other' }, { outputs: 2 }), { code: 'OP_ATTRIBUTE' })
  await assert.rejects(runOp(key('Adam'), [rate, first, x, g], {}, { outputs: 1 }), { code: 'OP_INPUT' })
})

test('random numbers are those of numpy for the same seed', async () => {
  const [uniform] = await runOp('RandomUniform', [], { shape: [3], seed: 42, dtype: 'float64' })
  assert.deepEqual([...uniform.data], [0.3745401188473625, 0.9507143064099162, 0.7319939418114051])
  const [normal] = await runOp('RandomNormal', [], { shape: [3], seed: 42, dtype: 'float64' })
  ;[0.4967141530112327, -0.13826430117118466, 0.6476885381006925].forEach((value, i) => assert.ok(Math.abs(Number(normal.data[i]) - value) < 1e-15))
  const [scaled] = await runOp('RandomUniformLike', [tensor(new Float32Array(4), [2, 2])], { low: 10, high: 20, seed: 42 })
  assert.deepEqual([scaled.dtype, scaled.shape, scaled.data[0]], ['float32', [2, 2], Math.fround(13.745401188473625)])
  const [drawn] = await runOp('Bernoulli', [tensor(Float64Array.of(0, 1, 0.3, 0.9))], { dtype: 'bool', seed: 1 })
  assert.deepEqual([...drawn.data].slice(0, 2), [0, 1])
  const [classes] = await runOp('Multinomial', [tensor(Float32Array.of(0, 100, 0, 50, 0, 0), [2, 3])], { sample_size: 5, dtype: 'int64' })
  assert.deepEqual([classes.shape, [...classes.data]], [[2, 5], [1n, 1n, 1n, 1n, 1n, 0n, 0n, 0n, 0n, 0n]])
  await assert.rejects(runOp('RandomNormal', [], { shape: [1], dtype: 'int32' }), { code: 'OP_ATTRIBUTE' })
})

test('Dropout drops in training only', async () => {
  const x = tensor(Float32Array.from({ length: 1000 }, (_, i) => i + 1))
  const yes = tensor(Uint8Array.of(1), [], 'bool')
  const ratio = tensor(Float32Array.of(0.75), [])
  const [y, mask] = await runOp('Dropout', [x, ratio, yes], {}, { outputs: 2 })
  const kept = [...mask.data].filter((one) => one === 1).length
  assert.ok(kept > 200 && kept < 300, `${kept}`)
  for (let i = 0; i < 1000; i++) assert.equal(y.data[i], mask.data[i] === 1 ? 4 * (i + 1) : 0)
  assert.deepEqual((await runOp('Dropout', [x, ratio], {}, { outputs: 1 }))[0].data, x.data)
})

// Values of torch.nn.functional.grid_sample.
test('a cubic sample near the border takes its four places there', async () => {
  const x = tensor(Float32Array.of(1, 2, 4, 8, 16), [1, 1, 1, 5])
  const [y] = await runOp('GridSample', [x, tensor(Float32Array.of(-0.95, 0, 0.95, 0, 2, 0), [1, 1, 3, 2])], { mode: 'cubic', padding_mode: 'border' })
  assert.deepEqual(Array.from(y.data as Float32Array, (value) => Math.round(value * 1e4) / 1e4), [0.8901, 16.8789, 16])
})

test('pixels between two others are told in float32', async () => {
  const x = tensor(Float32Array.of(0, 1, 2, 3, 4, 5), [6])
  const [y] = await runOp('Resize', [x, undefined, tensor(Float32Array.of(2.3))], {})
  assert.deepEqual([...(y.data as Float32Array)], [0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 4, 5])
})
