// a * b + c rounded once (IEEE 754 fusedMultiplyAdd), as BLAS libraries compute, from operations that round twice.
import { productTail, sumTail } from './exact.ts'

const bits = /* @__PURE__ */ new Float64Array(1)
const words = /* @__PURE__ */ new Int32Array(bits.buffer)

/**
 * a * b + c with one rounding. Correct where no operand exceeds 2^995 and the product's error does not underflow (|a b| > 2^-960); results that are
 * not finite are those of a * b + c.
 */
export function fma(a: number, b: number, c: number): number {
  const product = a * b
  const sum = product + c
  const rest = sumTail(product, c, sum) + productTail(a, b, product)
  const result = sum + rest
  // What rounding took from `rest` is far below its last bit, and matters only where sum + rest lies halfway between two numbers.
  const twice = 2 * sumTail(sum, rest, result)
  const isHalfway = twice !== 0 && result + twice - result === twice
  if (isHalfway || !(Math.abs(product) > 1e-270 || product === 0) || result - result !== 0) return roundedToOdd(a, b, c)
  return result
}

/**
 * The same in every case: the exact product's two parts and c are added by rounding the tail of the sum to odd (S. Boldo, G. Melquiond,
 * Emulation of FMA and correctly rounded sums, IEEE Transactions on Computers 57(4), 2008).
 */
function roundedToOdd(a: number, b: number, c: number): number {
  const product = a * b
  const productError = productTail(a, b, product)
  if (!Number.isFinite(productError) || !Number.isFinite(c)) return product + c
  const low = c + productError
  const lowError = sumTail(c, productError, low)
  const high = product + low
  const highError = sumTail(product, low, high)
  let tail = lowError + highError
  const tailError = sumTail(lowError, highError, tail)
  if (tailError !== 0) {
    bits[0] = tail
    if ((words[0] & 1) === 0) {
      // The odd neighbour of an even number, on the side of the error; its lowest bit is 0, so going away from 0 never carries.
      if (tailError > 0 === tail > 0) words[0] |= 1
      else {
        if (words[0] === 0) words[1]--
        words[0]--
      }
      tail = bits[0]
    }
  }
  return high + tail
}
