// Logarithm of 1 + x without cancellation, on the series of log.ts.
import { atanhTail, logCore } from './log.ts'

/** log(1 + x + low) for x > -1, where |low| is at most about an ulp of x; keeps relative accuracy near x = 0. */
export function log1pCore(x: number, low: number): number {
  if (x > -0.29 && x < 0.41) {
    const s = x / (2 + x)
    const z = s * s
    const half = 0.5 * x * x
    return x - (half - (s * (half + z * atanhTail(z)) + low / (1 + x)))
  }
  const u = 1 + x
  const rest = x >= 1 ? 1 - (u - x) : x - (u - 1)
  return logCore(u, 0, (rest + low) / u)
}

/** log(1 + x) without cancellation. */
export function log1p(x: number): number {
  if (!(x > -1)) return x === -1 ? -Infinity : NaN
  if (Math.abs(x) < 5e-17) return x
  return x === Infinity ? x : log1pCore(x, 0)
}
