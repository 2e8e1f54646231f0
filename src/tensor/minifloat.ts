// Floats of 8 and 4 bits <-> number: https://onnx.ai/onnx/technical/float8.html and float4.html, and the microscaling formats of the Open Compute
// Project for float8e8m0, which is a power of two without sign.
import { isMinifloat, type DType } from './dtype.ts'
import { bfloatToFloat, halfToFloat } from './half.ts'

interface Minifloat {
  /** Bits of the fraction; the exponent has the rest but the sign. */
  readonly fraction: number
  readonly bias: number
  /** Bits that are not a number, where there are any. */
  readonly nan: number | undefined
  /** Bits of infinity, where there is one. */
  readonly infinity: number | undefined
  /** Bits of the largest number. */
  readonly largest: number
  readonly signBit: number
  /** False for the kinds whose -0 stands for NaN. */
  readonly hasMinusZero: boolean
}

const KINDS: ReadonlyMap<DType, Minifloat> = /* @__PURE__ */ new Map<DType, Minifloat>([
  ['float8e4m3fn', { fraction: 3, bias: 7, nan: 0x7f, infinity: undefined, largest: 0x7e, signBit: 0x80, hasMinusZero: true }],
  ['float8e4m3fnuz', { fraction: 3, bias: 8, nan: 0x80, infinity: undefined, largest: 0x7f, signBit: 0x80, hasMinusZero: false }],
  ['float8e5m2', { fraction: 2, bias: 15, nan: 0x7e, infinity: 0x7c, largest: 0x7b, signBit: 0x80, hasMinusZero: true }],
  ['float8e5m2fnuz', { fraction: 2, bias: 16, nan: 0x80, infinity: undefined, largest: 0x7f, signBit: 0x80, hasMinusZero: false }],
  ['float4e2m1', { fraction: 1, bias: 1, nan: undefined, infinity: undefined, largest: 0x7, signBit: 0x8, hasMinusZero: true }],
])

/** How a float of 8 bits is stored when it lies beyond the largest number, and how a power of two is chosen. */
export interface Narrowing {
  /** True: the largest number stands in for larger ones; false: infinity or NaN. */
  readonly saturate: boolean
  /** float8e8m0 only: the power of two above, below or nearest (ties up). */
  readonly round: 'up' | 'down' | 'nearest'
}

export const SATURATING: Narrowing = { saturate: true, round: 'up' }

function kindOf(dtype: DType): Minifloat {
  const kind = KINDS.get(dtype)
  if (kind === undefined) throw new TypeError(`${dtype} is no float of 8 or 4 bits`)
  return kind
}

/** 2^k, exact, for any k that these formats have. */
function power(k: number): number {
  let value = 1
  for (let i = 0; i < Math.abs(k); i++) value *= k < 0 ? 0.5 : 2
  return value
}

function decoded(bits: number, { fraction, bias, nan, infinity, signBit, hasMinusZero }: Minifloat): number {
  const sign = (bits & signBit) !== 0 ? -1 : 1
  const magnitude = bits & (signBit - 1)
  if (!hasMinusZero && bits === nan) return NaN
  if (hasMinusZero && infinity === undefined && magnitude === nan) return NaN
  if (infinity !== undefined && magnitude >= infinity) return magnitude === infinity ? sign * Infinity : NaN
  const exponent = magnitude >> fraction
  const rest = magnitude & ((1 << fraction) - 1)
  const significand = exponent === 0 ? rest : rest + (1 << fraction)
  return sign * significand * power(Math.max(exponent, 1) - bias - fraction)
}

/** The numbers of all bit patterns of a float of 8 or 4 bits; patterns of more bits than the format has read its low ones. */
export function minifloatValues(dtype: DType): Float32Array {
  if (dtype === 'float8e8m0') return Float32Array.from({ length: 256 }, (_, bits) => (bits === 255 ? NaN : power(bits - 127)))
  const kind = kindOf(dtype)
  return Float32Array.from({ length: 256 }, (_, bits) => decoded(bits & (2 * kind.signBit - 1), kind))
}

/** A function from numbers to the bits of the nearest float of 8 or 4 bits, ties to even. */
export function minifloatBits(dtype: DType, narrowing: Narrowing = SATURATING): (value: number) => number {
  if (dtype === 'float8e8m0') return (value) => powerBits(value, narrowing)
  const kind = kindOf(dtype)
  const values = minifloatValues(dtype)
  const { largest, signBit, hasMinusZero, infinity } = kind
  // float4 has no NaN: -0 stands in.
  const nan = kind.nan ?? signBit
  const top = values[largest]
  const beyond = top + (top - values[largest - 1]) / 2
  return (value) => {
    if (value !== value) return nan
    const sign = value < 0 || Object.is(value, -0) ? signBit : 0
    const magnitude = Math.abs(value)
    // A tie with the number that would come next goes to the even one: to the next where the largest is odd.
    if (magnitude > beyond || (magnitude === beyond && largest % 2 === 1)) {
      if (kind.nan === undefined || narrowing.saturate) return sign | largest
      return infinity === undefined ? (hasMinusZero ? sign | nan : nan) : sign | infinity
    }
    // Bits of positive numbers are in the order of the numbers.
    let low = 0
    let high = largest
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (values[middle] <= magnitude) low = middle
      else high = middle - 1
    }
    if (low < largest) {
      const below = magnitude - values[low]
      const above = values[low + 1] - magnitude
      if (below > above || (below === above && low % 2 === 1)) low++
    }
    return low === 0 && !hasMinusZero ? 0 : sign | low
  }
}

function powerBits(value: number, { saturate, round }: Narrowing): number {
  if (value !== value || value < 0) return 255
  if (value > 2 ** 127) return saturate ? 254 : 255
  if (value < 2 ** -127) return saturate ? 0 : 255
  let bits = 0
  let below = 2 ** -127
  while (bits < 254 && below * 2 <= value) {
    below *= 2
    bits++
  }
  if (below === value || round === 'down') return bits
  return round === 'up' || value >= 1.5 * below ? bits + 1 : bits
}

/** A function from the stored bits of a float dtype to its number; undefined for dtypes whose arrays hold the numbers themselves. */
export function bitsReader(dtype: DType): ((bits: number) => number) | undefined {
  if (dtype === 'float16') return halfToFloat
  if (dtype === 'bfloat16') return bfloatToFloat
  if (!isMinifloat(dtype)) return undefined
  const values = minifloatValues(dtype)
  return (bits) => values[bits]
}
