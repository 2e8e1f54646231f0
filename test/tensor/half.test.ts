import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from '../../src/tensor/half.ts'

const isNaNHalf = (bits: number): boolean => (bits & 0x7c00) === 0x7c00 && (bits & 1023) !== 0

/** The value of float16 bits by the text of IEEE 754, without the code under test. */
function valueOf(bits: number): number {
  const exponent = (bits >> 10) & 31
  const magnitude = exponent === 0 ? (bits & 1023) * 2 ** -24 : (1 + (bits & 1023) / 1024) * 2 ** (exponent - 15)
  return bits & 0x8000 ? -magnitude : magnitude
}

test('all 65536 float16 patterns decode to their value and back', () => {
  for (let bits = 0; bits < 65536; bits++) {
    const value = halfToFloat(bits)
    if (isNaNHalf(bits)) {
      assert.ok(Number.isNaN(value), bits.toString(16))
      continue
    }
    if ((bits & 0x7c00) === 0x7c00) assert.equal(value, bits & 0x8000 ? -Infinity : Infinity)
    else assert.ok(Object.is(value, valueOf(bits)), bits.toString(16))
    assert.equal(floatToHalf(value), bits, bits.toString(16))
  }
})

test('every midpoint between neighbours goes to the even one, and its neighbours to theirs', () => {
  for (let bits = 0; bits < 0x7bff; bits++) {
    const middle = (valueOf(bits) + valueOf(bits + 1)) / 2
    const even = bits & 1 ? bits + 1 : bits
    assert.equal(floatToHalf(middle), even, `${middle}`)
    assert.equal(floatToHalf(-middle), even | 0x8000, `${-middle}`)
    // Past the midpoint by far less than a float32 ulp: rounding through float32 first would see a tie.
    assert.equal(floatToHalf(middle * (1 + 2 ** -40)), bits + 1, `above ${middle}`)
    assert.equal(floatToHalf(middle * (1 - 2 ** -40)), bits, `below ${middle}`)
  }
})

test('the edges of float16', () => {
  const cases: readonly (readonly [number, number])[] = [
    [0, 0], [-0, 0x8000], [NaN, 0x7e00], [Infinity, 0x7c00], [-Infinity, 0xfc00], [1, 0x3c00], [-2, 0xc000], [65504, 0x7bff], [65519.99, 0x7bff], [65520, 0x7c00], [-65520, 0xfc00], [1e308, 0x7c00],
    [2 ** -14, 0x0400], [2 ** -24, 1], [2 ** -25, 0], [-(2 ** -25), 0x8000], [2 ** -25 * (1 + 2 ** -52), 1], [5e-324, 0], [-5e-324, 0x8000], [3 * 2 ** -25, 2],
    // The largest below 2^-14 rounds up into the normal numbers; below 2^k into the next binade.
    [2 ** -14 * (1 - 2 ** -53), 0x0400], [1 - 2 ** -53, 0x3c00], [2048 - 2 ** -42, 0x6800], [1 - 2 ** -12, 0x3c00], [1 - 2 ** -11, 0x3bff],
  ]
  for (const [value, bits] of cases) assert.equal(floatToHalf(value), bits, `${value}`)
})

test('float16 encoding is monotonic and nearest', () => {
  fc.assert(fc.property(fc.double({ min: -65504, max: 65504, noNaN: true }), (x) => {
    const back = halfToFloat(floatToHalf(x))
    const error = Math.abs(back - x)
    const bits = floatToHalf(x) & 0x7fff
    for (const neighbour of [bits - 1, bits + 1]) {
      if (neighbour >= 0 && neighbour < 0x7c00) assert.ok(error <= Math.abs(valueOf(neighbour) - Math.abs(x)), `${x}`)
    }
  }))
})

test('all 65536 bfloat16 patterns decode to their value and back', () => {
  const view = new DataView(new ArrayBuffer(4))
  for (let bits = 0; bits < 65536; bits++) {
    view.setUint16(0, bits)
    const value = bfloatToFloat(bits)
    assert.ok(Object.is(value, view.getFloat32(0)), bits.toString(16))
    assert.equal(floatToBfloat(value), Number.isNaN(value) ? 0x7fc0 : bits, bits.toString(16))
  }
})

test('bfloat16 rounds float32 values to nearest, ties to even', () => {
  const cases: readonly (readonly [number, number])[] = [
    [1, 0x3f80], [1 + 2 ** -8, 0x3f80], [1 + 3 * 2 ** -8, 0x3f82], [1 + 2 ** -8 + 2 ** -20, 0x3f81], [-0, 0x8000], [NaN, 0x7fc0], [Infinity, 0x7f80], [-Infinity, 0xff80],
    [3.3895313892515355e38, 0x7f7f], [3.4028234663852886e38, 0x7f80], [-3.4028234663852886e38, 0xff80], [1e300, 0x7f80], [2 ** -149, 0], [2 ** -133, 1], [2 ** -134, 0], [3 * 2 ** -134, 2],
  ]
  for (const [value, bits] of cases) assert.equal(floatToBfloat(value), bits, `${value}`)
})
