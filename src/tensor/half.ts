// float16 and bfloat16 <-> number, round to nearest even, for engines without Float16Array.

const FLOAT = /* @__PURE__ */ new Float32Array(1)
const BITS = /* @__PURE__ */ new Uint32Array(FLOAT.buffer)

/** The float16 bits nearest to `value`: IEEE 754 binary16, ties to even. Rounds once, from the double itself. */
export function floatToHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0
  if (value !== value) return 0x7e00
  const magnitude = Math.abs(value)
  if (magnitude >= 65520) return sign | 0x7c00
  if (magnitude < 2 ** -14) return sign | roundHalfEven(magnitude * 2 ** 24)
  FLOAT[0] = magnitude
  // Math.fround may round up into the next binade; comparing with the double itself keeps one rounding.
  let exponent = (BITS[0] >>> 23) - 127
  if (magnitude < powerOfTwo(exponent)) exponent--
  const significand = roundHalfEven(magnitude * powerOfTwo(10 - exponent))
  return sign | (((exponent + 15) << 10) + (significand - 1024))
}

/** 2^k for k in [-126, 127]; `**` may round differently between engines. */
function powerOfTwo(k: number): number {
  BITS[0] = (k + 127) << 23
  return FLOAT[0]
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value)
  const rest = value - floor
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor
}

/** The number held by float16 bits. */
export function halfToFloat(bits: number): number {
  const exponent = (bits >>> 10) & 31
  const fraction = bits & 1023
  const sign = bits & 0x8000 ? -1 : 1
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (1024 + fraction) * powerOfTwo(exponent - 25)
}

/** The bfloat16 bits nearest to `value` (through float32), ties to even. */
export function floatToBfloat(value: number): number {
  if (value !== value) return 0x7fc0
  FLOAT[0] = value
  const bits = BITS[0]
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff
}

/** The number held by bfloat16 bits. */
export function bfloatToFloat(bits: number): number {
  BITS[0] = bits << 16
  return FLOAT[0]
}
