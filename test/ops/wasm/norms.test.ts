import { test } from 'node:test'
import fc from 'fast-check'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { assertEqual, everyOperatorComputed, noise, wasmOnly } from './equal.ts'

const dtype = fc.constantFrom('float32' as const, 'float64' as const)

test('wasm: norms of windows of every power have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, fc.integer({ min: 1, max: 5 }), fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 })), fc.constantFrom(1e-30, 1, 1e20), (seed, type, p, [kernel, stride], scale) =>
      assertEqual('LpPool', { inputs: [{ tensor: noise(seed, type, [2, 3, 9, 13], 0.05, scale) }], attributes: { kernel_shape: [kernel, kernel], strides: [stride, stride], p } }, wasmOnly)),
    { numRuns: 150 },
  )
})

test('wasm: responses of neighbouring channels have the bits of cpu', async () => {
  const size = fc.integer({ min: 0, max: 6 })
  const shape = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 9 }), fc.array(size, { maxLength: 2 })).map(([batch, channels, spatial]) => [batch, channels, ...spatial])
  const beta = fc.oneof(fc.constantFrom(0.75, 0.5, 1, 0, -0.75, 2), fc.double({ min: -3, max: 3, noNaN: true }))
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, shape, fc.integer({ min: 1, max: 7 }), beta, fc.constantFrom(1, 0, 2.5, -1), fc.constantFrom(1e-4, 1, -0.3), fc.tuple(fc.constantFrom(0, 0.05), fc.constantFrom(1e-30, 1, 50, 1e18)), (seed, type, dims, window, power, bias, alpha, [special, scale]) =>
      assertEqual('LRN', { inputs: [{ tensor: noise(seed, type, dims, special, scale) }], attributes: { size: window, beta: power, bias, alpha } }, wasmOnly)),
    { numRuns: 500 },
  )
})

test('wasm: roots of float32 whose estimates lie beside the middle of two numbers have the bits of cpu', async () => {
  // Squares of odd numbers of 25 bits have roots in the middle of two float32; so have fourth powers, whose root to the power 3 is taken.
  const data = Float32Array.from({ length: 4000 }, (_, i) => (i % 2 === 0 ? (2 ** 11 + i) ** 2 : (1 + i) * 2 ** -9) * (i % 3 === 0 ? 2 ** -20 : 1))
  const tensor: Tensor = { dtype: 'float32', shape: [1, 1, data.length], data }
  for (const beta of [0.5, 0.75]) for (const bias of [0, 1]) await assertEqual('LRN', { inputs: [{ tensor }], attributes: { size: 1, alpha: 1, bias, beta } }, wasmOnly)
})

everyOperatorComputed('norms')
