import { test } from 'node:test'
import fc from 'fast-check'
import type { AttributeInput } from '../../../src/graph/builder.ts'
import type { DType } from '../../../src/tensor/dtype.ts'
import { allocateData } from '../../../src/tensor/dtype.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { assertEqual, everyOperatorComputed, noise, wasmOnly } from './equal.ts'

const DTYPES = ['float32', 'float64', 'int64', 'uint8'] as const
const transform = fc.constantFrom('half_pixel', 'align_corners', 'asymmetric', 'pytorch_half_pixel', 'half_pixel_symmetric')

function image(seed: number, dtype: DType, shape: readonly number[]): Tensor {
  if (dtype === 'float32' || dtype === 'float64') return noise(seed, dtype, shape, 0.02)
  const data = allocateData(dtype, shape.reduce((product, dim) => product * dim, 1))
  for (let i = 0; i < data.length; i++) data[i] = (typeof data[i] === 'bigint' ? BigInt(i) : i % 251) as never
  return { dtype, shape, data } as Tensor
}

/** Sizes of an image of which one or two neighbouring axes change. */
const sizes = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 11 }), fc.integer({ min: 1, max: 11 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 23 }), fc.integer({ min: 1, max: 23 }), fc.constantFrom<readonly [boolean, boolean]>([true, true], [true, false], [false, true]), fc.boolean())

function resized([n, c, h, w, lanes, toH, toW, [isHigh, isWide], isLast]: readonly [number, number, number, number, number, number, number, readonly [boolean, boolean], boolean]): { shape: number[]; to: number[] } {
  const [rows, columns] = [isHigh ? toH : h, isWide ? toW : w]
  return isLast ? { shape: [n, h, w, c * lanes], to: [n, rows, columns, c * lanes] } : { shape: [n, c, h, w], to: [n, c, rows, columns] }
}

function resize(seed: number, dtype: DType, { shape, to }: { shape: readonly number[]; to: readonly number[] }, attributes: Readonly<Record<string, AttributeInput>>): Promise<void> {
  // What stays as it is needs no kernel.
  if (shape.join() === to.join()) return Promise.resolve()
  return assertEqual('Resize', { inputs: [{ tensor: image(seed, dtype, shape) }, undefined, undefined, { tensor: { dtype: 'int64', shape: [to.length], data: BigInt64Array.from(to, BigInt) }, constant: true }], attributes }, wasmOnly)
}

test('wasm: elements are repeated as on cpu', async () => {
  await fc.assert(fc.asyncProperty(fc.nat(), fc.constantFrom(...DTYPES), sizes, transform, fc.constantFrom('round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'), (seed, dtype, own, coordinates, nearest) =>
    resize(seed, dtype, resized(own), { mode: 'nearest', coordinate_transformation_mode: coordinates, nearest_mode: nearest })), { numRuns: 200 })
})

test('wasm: elements are interpolated as on cpu', async () => {
  await fc.assert(fc.asyncProperty(fc.nat(), fc.constantFrom('float32' as const, 'float64' as const), sizes, transform, fc.constantFrom('linear', 'cubic'), fc.integer({ min: 0, max: 1 }), (seed, dtype, own, coordinates, mode, antialias) =>
    resize(seed, dtype, resized(own), { mode, coordinate_transformation_mode: coordinates, antialias })), { numRuns: 200 })
})

test('wasm: axes apart, three axes and places outside are left to cpu', async () => {
  const x = { tensor: noise(1, 'float32', [2, 3, 4, 5]) }
  const sizesOf = (...to: number[]): { tensor: Tensor; constant: true } => ({ tensor: { dtype: 'int64', shape: [to.length], data: BigInt64Array.from(to, BigInt) }, constant: true })
  for (const mode of ['nearest', 'linear']) {
    await assertEqual('Resize', { inputs: [x, undefined, undefined, sizesOf(2, 6, 4, 9)], attributes: { mode } })
    await assertEqual('Resize', { inputs: [x, undefined, undefined, sizesOf(2, 6, 7, 9)], attributes: { mode } })
    const roi = { tensor: { dtype: 'float32' as const, shape: [8], data: Float32Array.of(0, 0, 0.2, -0.3, 1, 1, 1.4, 1.2) }, constant: true }
    await assertEqual('Resize', { inputs: [x, roi, undefined, sizesOf(2, 3, 6, 7)], attributes: { mode, coordinate_transformation_mode: 'tf_crop_and_resize', extrapolation_value: 7 } })
  }
})

everyOperatorComputed('resize', DTYPES)
