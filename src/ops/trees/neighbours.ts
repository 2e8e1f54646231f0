// The next representable number below, in float32 and float64, and the next in float32 that is not above.

const bytes = /* @__PURE__ */ new ArrayBuffer(8)
const f64 = /* @__PURE__ */ new Float64Array(bytes)
const f32 = /* @__PURE__ */ new Float32Array(bytes)
const words = /* @__PURE__ */ new Uint32Array(bytes)

/** The largest float64 below x; -infinity and NaN stay. */
export function below64(x: number): number {
  if (Number.isNaN(x) || x === -Infinity) return x
  if (x === 0) return -Number.MIN_VALUE
  f64[0] = x
  // Sign and magnitude: toward zero for positive numbers, away from it for negative ones, with carry between the words.
  if (x > 0) {
    if (words[0]-- === 0) words[1]--
  } else if (words[0]++ === 0xffffffff) words[1]++
  return f64[0]
}

/** The largest float32 below the float32 x; -infinity and NaN stay. */
export function below32(x: number): number {
  if (Number.isNaN(x) || x === -Infinity) return x
  if (x === 0) return -1.401298464324817e-45
  f32[0] = x
  if (x > 0) words[0]--
  else words[0]++
  return f32[0]
}

/** The largest float32 that is not above x: against it a float32 compares as against x. NaN stays. */
export function floor32(x: number): number {
  const near = Math.fround(x)
  return near > x ? below32(near) : near
}
