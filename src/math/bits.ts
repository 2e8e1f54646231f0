// Bit access to float64, the one file of this folder whose body differs between engines: JavaScript reads the words through
// typed arrays, the Wasm build replaces this file by one that reinterprets registers. Everything else here is float64 arithmetic.
// Little-endian, as every engine with typed arrays is in practice.

const F64 = /* @__PURE__ */ new Float64Array(1)
const I32 = /* @__PURE__ */ new Int32Array(F64.buffer)

// A table, because storing 32 bits and loading 64 stalls on store forwarding: 2^-1074 ... 2^1023, 17 KB.
const POWERS = /* @__PURE__ */ powersOfTwo()

function powersOfTwo(): Float64Array {
  const powers = new Float64Array(2098)
  let power = 5e-324
  for (let i = 0; i < 2098; i++) {
    powers[i] = power
    power *= 2
  }
  return powers
}

/** 2^k for an integer k in [-1074, 1023]. */
export function pow2(k: number): number {
  return POWERS[k + 1074]
}

/** floor(log2(x)) of a positive normal x. */
export function exponentOf(x: number): number {
  F64[0] = x
  return (I32[1] >> 20) - 1023
}

/** The k for which a positive normal x is m * 2^k with m in about [sqrt(1/2), sqrt(2)). */
export function balancedExponentOf(x: number): number {
  F64[0] = x
  return (I32[1] - 0x3fe6a09e) >> 20
}

/** The magnitude of `magnitude` with the sign of `sign`. */
export function copySign(magnitude: number, sign: number): number {
  const positive = Math.abs(magnitude)
  return sign < 0 || (sign === 0 && 1 / sign < 0) ? -positive : positive
}
