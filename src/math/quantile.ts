// The normal quantile and the inverse error function: Wichura's rational approximations PPND16 (Algorithm AS 241,
// Applied Statistics 37, 1988), then one Newton step on our own distribution function.
import { erf, normalCdf } from './erf.ts'
import { exp } from './exp.ts'
import { log } from './log.ts'

/** sqrt(2 pi) */
const SQRT_2PI = 2.5066282746310007

/** An estimate of the quantile for q = p - 1/2, |q| <= 0.425. */
function centralEstimate(q: number): number {
  const r = 0.180625 - q * q
  const numerator =
    ((((((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r + 45921.953931549871457) * r +
      13731.693765509461125) * r + 1971.5909503065514427) * r + 133.14166789178437745) * r + 3.387132872796366608
  const denominator =
    ((((((5226.495278852854561 * r + 28729.085735721942674) * r + 39307.89580009271061) * r + 21213.794301586595867) * r +
      5394.1960214247511077) * r + 687.1870074920579083) * r + 42.313330701600911252) * r + 1
  return (q * numerator) / denominator
}

/** Upper quantile of a tail probability p < 1/4. */
function tailQuantile(p: number): number {
  const x = p > 0.075 ? centralEstimate(0.5 - p) : tailEstimate(p)
  // Where the distribution function is subnormal, its error is larger than the estimate's.
  if (p < 1e-305) return x
  return x + (normalCdf(-x) - p) * SQRT_2PI * exp(0.5 * x * x)
}

function tailEstimate(p: number): number {
  const root = Math.sqrt(-log(p))
  if (root <= 5) {
    const r = root - 1.6
    const numerator =
      ((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r + 1.27045825245236838258) * r +
        3.64784832476320460504) * r + 5.7694972214606914055) * r + 4.6303378461565452959) * r + 1.42343711074968357734
    const denominator =
      ((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r + 0.14810397642748007459) * r +
        0.68976733498510000455) * r + 1.6763848301838038494) * r + 2.05319162663775882187) * r + 1
    return numerator / denominator
  }
  const r = root - 5
  const numerator =
    ((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r + 0.026532189526576123093) * r +
      0.29656057182850489123) * r + 1.7848265399172913358) * r + 5.4637849111641143699) * r + 6.6579046435011037772
  const denominator =
    ((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r + 7.868691311456132591e-4) * r +
      0.0148753612908506148525) * r + 0.13692988092273580531) * r + 0.59983220655588793769) * r + 1
  return numerator / denominator
}

/** The y with erf(y) = x, |x| <= 0.85. */
function centralInverse(x: number): number {
  const y = centralEstimate(0.5 * x) * 0.7071067811865476
  return y - (erf(y) - x) * 0.886226925452758 * exp(y * y)
}

/** The x with normalCdf(x) = p (scipy's ndtri); infinite at 0 and 1, NaN outside. */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : NaN
  const q = p - 0.5 // exact in the middle half
  if (Math.abs(q) > 0.25) return q < 0 ? -tailQuantile(p) : tailQuantile(1 - p)
  const y = centralInverse(2 * q)
  return y * 1.4142135623730951 - y * 9.667293313452913e-17
}

/** The y with erf(y) = x; infinite at +-1, NaN beyond. */
export function erfinv(x: number): number {
  const ax = Math.abs(x)
  if (!(ax < 1)) return ax === 1 ? x * Infinity : NaN
  if (ax <= 0.85) return x === 0 ? x : centralInverse(x)
  const t = tailQuantile(0.5 * (1 - ax))
  const y = t * 0.7071067811865476 - t * 4.833646656726457e-17
  return x < 0 ? -y : y
}
