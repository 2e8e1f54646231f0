import { test } from 'node:test'
import fc from 'fast-check'
import { assertEqual, everyOperatorComputed, equalSuite, noise } from './equal.ts'

equalSuite(['ReduceSum', 'ReduceMean', 'ReduceSumSquare', 'ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceProd', 'ReduceMax', 'ReduceMin', 'Softmax', 'LogSoftmax', 'ArgMax', 'ArgMin', 'CumSum', 'TopK'])

const dtype = fc.constantFrom('float32' as const, 'float64' as const)
const special = fc.constantFrom(0, 0, 0.03)

test('wasm: reductions of long lines and many columns have the bits of cpu', async () => {
  const length = fc.oneof(fc.integer({ min: 1, max: 18 }), fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 400 }))
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, special, fc.constantFrom('ReduceSum', 'ReduceMean', 'ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceProd', 'ReduceMax', 'ReduceMin'), fc.tuple(fc.integer({ min: 1, max: 9 }), length, fc.constantFrom(1, 1, 2, 5, 16, 39)), (seed, type, odd, key, shape) => assertEqual(key, {
      inputs: [{ tensor: noise(seed, type, shape, odd) }, { tensor: { dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) }, constant: true }],
    })),
    { numRuns: 150 },
  )
})

test('wasm: softmax of long lines has the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, special, fc.constantFrom('Softmax', 'LogSoftmax'), fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 150 })), fc.constantFrom(1, 10, 300), (seed, type, odd, key, shape, scale) =>
      assertEqual(key, { inputs: [{ tensor: noise(seed, type, shape, odd, scale) }] })),
    { numRuns: 150 },
  )
})

test('wasm: softmax of many short lines has the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, special, fc.constantFrom('Softmax', 'LogSoftmax'), fc.tuple(fc.integer({ min: 1, max: 23 }), fc.integer({ min: 1, max: 17 })), fc.constantFrom(1, 10, 300), (seed, type, odd, key, shape, scale) =>
      assertEqual(key, { inputs: [{ tensor: noise(seed, type, shape, odd, scale) }] })),
    { numRuns: 150 },
  )
})

test('wasm: softmax along any axis has the bits of cpu', async () => {
  const dims = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 11 }))
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, special, fc.constantFrom('Softmax', 'LogSoftmax'), dims, fc.constantFrom(0, 1), fc.constantFrom(1, 10, 300), (seed, type, odd, key, shape, axis, scale) =>
      assertEqual(key, { inputs: [{ tensor: noise(seed, type, shape, odd, scale) }], attributes: { axis } })),
    { numRuns: 150 },
  )
})

test('wasm: log(sum(exp)) of many short lines has the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, fc.constantFrom(0, 0.03, 0.6), fc.tuple(fc.integer({ min: 1, max: 23 }), fc.integer({ min: 1, max: 17 })), fc.constantFrom(1, 10, 800), (seed, type, odd, shape, scale) =>
      assertEqual('ReduceLogSumExp', { inputs: [{ tensor: noise(seed, type, shape, odd, scale) }, { tensor: { dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) }, constant: true }] })),
    { numRuns: 150 },
  )
})

test('wasm: the first elements of long lines, of which many are equal, are those of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, fc.constantFrom(0, 0.1, 0.5), fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 3 })), fc.integer({ min: 1, max: 150 }), fc.integer({ min: 0, max: 1 }), fc.boolean(), (seed, type, odd, shape, k, largest, isCoarse) => {
      const tensor = noise(seed, type, shape, odd)
      const data = tensor.data as Float64Array
      if (isCoarse) for (let i = 0; i < data.length; i++) data[i] = Math.round(data[i])
      return assertEqual('TopK', { inputs: [{ tensor }, { tensor: { dtype: 'int64', shape: [1], data: BigInt64Array.of(BigInt(Math.min(k, shape[1]))) }, constant: true }], attributes: { axis: 1, largest }, outputs: 2 })
    }),
    { numRuns: 150 },
  )
})

test('wasm: places of largest and smallest elements are those of cpu', async () => {
  const size = fc.integer({ min: 1, max: 9 })
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, fc.constantFrom(0, 0.1, 0.5), fc.constantFrom('ArgMax', 'ArgMin'), fc.tuple(size, size, size), fc.integer({ min: -3, max: 2 }), fc.boolean(), (seed, type, odd, key, shape, axis, isLast) => {
      // Few different values, so that there are ties.
      const tensor = noise(seed, type, shape, odd)
      const data = tensor.data as Float64Array
      for (let i = 0; i < data.length; i++) data[i] = Math.round(data[i])
      return assertEqual(key, { inputs: [{ tensor }], attributes: { axis, keepdims: 0, ...(isLast ? { select_last_index: 1 } : {}) } })
    }),
    { numRuns: 200 },
  )
})

test('wasm: normalizations have the bits of cpu', async () => {
  const dims = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom(2, 4, 6), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, special, dims, fc.constantFrom('BatchNormalization', 'InstanceNormalization', 'GroupNormalization', 'GlobalAveragePool', 'GlobalMaxPool'), (seed, type, odd, shape, key) => {
      const channel = (i: number): { tensor: ReturnType<typeof noise>; constant: boolean } => ({ tensor: noise(seed + i, type, [shape[1]], odd), constant: true })
      const variance = channel(4)
      variance.tensor.data.forEach((value, i) => (variance.tensor.data[i] = Math.abs(Number(value))))
      const parameters = key.startsWith('Global') ? [] : key === 'BatchNormalization' ? [channel(1), channel(2), channel(3), variance] : [channel(1), channel(2)]
      return assertEqual(key, { inputs: [{ tensor: noise(seed, type, shape, odd) }, ...parameters], attributes: key === 'GroupNormalization' ? { num_groups: 2 } : {} })
    }),
    { numRuns: 120 },
  )
})

test('wasm: normalizations over trailing dimensions have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, special, fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 50 })), fc.constantFrom('LayerNormalization', 'RMSNormalization'), fc.constantFrom(-1, -2, 0), fc.boolean(), fc.boolean(), (seed, type, odd, shape, key, axis, hasBias, whole) => {
      const own = whole ? shape.slice(axis) : shape.slice(-1)
      const parameters = [noise(seed + 1, type, own, odd), ...(hasBias && key === 'LayerNormalization' ? [noise(seed + 2, type, own, odd)] : [])]
      return assertEqual(key, { inputs: [{ tensor: noise(seed, type, shape, odd) }, ...parameters.map((tensor) => ({ tensor, constant: true }))], attributes: { axis } })
    }),
    { numRuns: 150 },
  )
})

everyOperatorComputed('reduce')
