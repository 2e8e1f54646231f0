// src/math/bits.ts for the Wasm build: the same functions on registers. The build hands this text to the AssemblyScript
// compiler in place of that file.

export function pow2(k: f64): f64 {
  const n = <i64>k
  return reinterpret<f64>(n >= -1022 ? <u64>(n + 1023) << 52 : <u64>1 << <u64>(n + 1074))
}

export function exponentOf(x: f64): f64 {
  return <f64>(<i32>(reinterpret<u64>(x) >> 52) - 1023)
}

export function balancedExponentOf(x: f64): f64 {
  return <f64>((<i32>(reinterpret<u64>(x) >> 32) - 0x3fe6a09e) >> 20)
}

export function copySign(magnitude: f64, sign: f64): f64 {
  return copysign<f64>(magnitude, sign)
}
