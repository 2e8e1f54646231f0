import { test } from 'node:test'
import fc from 'fast-check'
import { WASM_OPERATORS } from '../../../src/ops/wasm/operators.ts'
import type { DType } from '../../../src/tensor/dtype.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { arbitraryTensor } from '../values.ts'
import { assertEqual, everyOperatorComputed, equalSuite, noise, wasmOnly } from './equal.ts'

equalSuite(WASM_OPERATORS.get('logic') ?? [], 100, (dtype) => dtype !== 'string')

const dim = fc.constantFrom<number>(0, 1, 1, 2, 3, 17, 33, 70)
const shapes = fc.array(dim, { maxLength: 4 }).filter((shape) => shape.reduce((a, b) => a * b, 1) < 20000)
const some = (shape: readonly number[], mask: number): number[] => shape.map((size, axis) => ((mask >> axis) & 1 ? 1 : size))
/** Few different values, so that many are equal. */
const few = (seed: number, dtype: DType, shape: readonly number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1)
  const value = (i: number): number => ((Math.imul(seed + i, 0x9e3779b9) >>> 16) % 5) - 2
  if (dtype === 'int64') return { dtype, shape, data: BigInt64Array.from({ length: size }, (_, i) => BigInt(value(i)) << BigInt(i % 2 === 0 ? 0 : 33)) }
  if (dtype === 'bool') return { dtype, shape, data: Uint8Array.from({ length: size }, (_, i) => value(i) & 1) }
  if (dtype === 'int32') return { dtype, shape, data: Int32Array.from({ length: size }, (_, i) => value(i)) }
  const odd = [NaN, -0, Infinity, -Infinity, 2 ** -140]
  const number = (i: number): number => (i % 3 === 0 ? odd[value(i) + 2] : value(i))
  return dtype === 'float32' ? { dtype, shape, data: Float32Array.from({ length: size }, (_, i) => number(i)) } : { dtype, shape, data: Float64Array.from({ length: size }, (_, i) => number(i)) }
}

test('wasm: comparisons and logic that broadcast have the bits of cpu', async () => {
  const compared = fc.tuple(fc.constantFrom('Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual'), fc.constantFrom<DType>('float32', 'float64', 'int32', 'int64'))
  const combined = fc.tuple(fc.constantFrom('And', 'Or', 'Xor'), fc.constant<DType>('bool'))
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.oneof(compared, combined), shapes, fc.nat(15), fc.nat(15), (seed, [key, dtype], shape, first, second) =>
      assertEqual(key, { inputs: [{ tensor: few(seed, dtype, some(shape, first)) }, { tensor: few(seed + 7, dtype, some(shape, second)) }] }, wasmOnly)),
    { numRuns: 300 },
  )
})

test('wasm: selections that broadcast have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.constantFrom<DType>('float32', 'float64', 'int32', 'int64', 'bool'), shapes, fc.nat(15), fc.nat(15), fc.nat(15), (seed, dtype, shape, first, second, third) =>
      assertEqual('Where', { inputs: [{ tensor: few(seed, 'bool', some(shape, first)) }, { tensor: few(seed + 7, dtype, some(shape, second)) }, { tensor: few(seed + 9, dtype, some(shape, third)) }] }, wasmOnly)),
    { numRuns: 200 },
  )
})

test('wasm: casts of numbers of every size have the bits of cpu', async () => {
  const dtypes: readonly DType[] = ['float32', 'float64', 'int32', 'int64', 'bool']
  for (const from of [...dtypes, 'uint8'] as const) {
    for (const to of dtypes) {
      await fc.assert(fc.asyncProperty(arbitraryTensor(from, [71]), (tensor) => assertEqual('Cast', { inputs: [{ tensor }], attributes: { to } }, wasmOnly)), { numRuns: 20 })
      if (from !== 'float32' && from !== 'float64') continue
      for (const scale of [1, 2 ** 31, 2 ** 53, 2 ** 63, 1e30]) await assertEqual('Cast', { inputs: [{ tensor: noise(scale, from, [501], 0.05, 2 * scale) }], attributes: { to } }, wasmOnly)
    }
  }
})

everyOperatorComputed('logic', ['bool'], ['And', 'Or', 'Xor', 'Not', 'Where'])
everyOperatorComputed('logic', ['float32', 'float64'], ['IsNaN'])
everyOperatorComputed('logic', ['float32', 'float64', 'int32', 'int64'], ['Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'Cast'])
