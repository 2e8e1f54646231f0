import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fortranStrides, fortranToC, sizeOf, stridedBytesToC, stridedToC, stridesOf, swapBytes, viewNumeric } from '../../src/tensor/index.ts'

/** The element at each row-major position, by the definition of strides. */
function naive(shape: readonly number[], strides: readonly number[]): number[] {
  const c = stridesOf(shape)
  return Array.from({ length: sizeOf(shape) }, (_, position) => shape.reduce((from, dim, axis) => from + (Math.floor(position / c[axis]) % dim) * strides[axis], 0))
}

const shapes = fc.array(fc.nat(4), { maxLength: 4 })

test('any order of axes becomes row-major', () => {
  fc.assert(fc.property(shapes, fc.nat(), (shape, pick) => {
    const size = sizeOf(shape)
    const strides = pick % 2 === 0 ? fortranStrides(shape) : permutedStrides(shape, pick)
    const expected = naive(shape, strides)
    assert.deepEqual(stridedToC(Int32Array.from({ length: size }, (_, i) => i), 'int32', shape, strides), Int32Array.from(expected))
    assert.deepEqual(stridedToC(BigInt64Array.from({ length: size }, (_, i) => BigInt(i)), 'int64', shape, strides), BigInt64Array.from(expected, BigInt))
    assert.deepEqual(Array.from(stridedBytesToC(Uint8Array.from({ length: size * 2 }, (_, i) => i), shape, strides, 2)), expected.flatMap((from) => [(2 * from) & 255, (2 * from + 1) & 255]))
  }))
})

/** Strides of a row-major array whose axes were permuted to give `shape`. */
function permutedStrides(shape: readonly number[], pick: number): number[] {
  const order = shape.map((_, axis) => axis).sort((a, b) => ((a * 7 + pick) % 5) - ((b * 7 + pick) % 5))
  const own = stridesOf(order.map((axis) => shape[axis]))
  return shape.map((_, axis) => own[order.indexOf(axis)])
}

test('column-major data that is the same in both orders is not copied', () => {
  const data = Float32Array.of(1, 2, 3)
  assert.equal(fortranToC(data, 'float32', [1, 3, 1]), data)
  assert.notEqual(fortranToC(Float32Array.of(1, 2, 3, 4), 'float32', [2, 2]), data)
})

test('bytes become elements at any alignment and byte order', () => {
  const bytes = new Uint8Array(9)
  new DataView(bytes.buffer).setFloat64(1, -2.5, false)
  assert.deepEqual(viewNumeric('float64', bytes.subarray(1), true), Float64Array.of(-2.5))
  assert.deepEqual(viewNumeric('float64', swapBytes(bytes.subarray(1), 8)), Float64Array.of(-2.5))
  const aligned = new Uint8Array(8)
  assert.equal(viewNumeric('int32', aligned).buffer, aligned.buffer)
  assert.notEqual(viewNumeric('int32', bytes.subarray(1, 5)).buffer, bytes.buffer)
})

test('a Buffer of Node, whose slice is no copy, is read at its own offset', () => {
  const bytes = Buffer.alloc(17, 0xff)
  bytes.writeDoubleLE(-2.5, 9)
  assert.deepEqual(viewNumeric('float64', bytes.subarray(9)), Float64Array.of(-2.5))
})
