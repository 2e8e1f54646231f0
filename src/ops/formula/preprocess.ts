// Definitions of the preprocessing operators, one number at a time.
import { expm1, log, log1p, normalQuantile, pow } from '../../math/index.ts'

/** mle.PowerTransform. */
export function powerFormula(form: string, x: number, lambda: number): number {
  if (Number.isNaN(x)) return NaN
  if (form === 'box-cox') return Math.abs(lambda) < 1e-19 ? log(x) : expm1(lambda * log(x)) / lambda
  const power = form === 'yeo-johnson' ? (base: number, by: number): number => pow(base, by) - 1 : (base: number, by: number): number => expm1(by * log1p(base - 1))
  const eps = 2 ** -52
  if (x >= 0) return Math.abs(lambda) < eps ? log1p(x) : power(x + 1, lambda) / lambda
  return Math.abs(lambda - 2) > eps ? -power(1 - x, 2 - lambda) / (2 - lambda) : -log1p(-x)
}

function interpolate(x: number, knots: readonly number[], values: readonly number[]): number {
  const last = knots.length - 1
  if (x > knots[last]) return values[last]
  const j = knots.findLastIndex((knot) => knot <= x)
  if (j < 0) return values[0]
  if (j === last || knots[j] === x) return values[j]
  return values[j] + ((values[j + 1] - values[j]) / (knots[j + 1] - knots[j])) * (x - knots[j])
}

/** mle.QuantileMap of one feature. */
export function quantileFormula(x: number, quantiles: readonly number[], references: readonly number[], output: string): number {
  if (Number.isNaN(x)) return NaN
  const low = quantiles[0]
  const high = quantiles[quantiles.length - 1]
  const negated = (values: readonly number[]): number[] => values.map((value) => -value).reverse()
  const middle = (interpolate(x, quantiles, references) - interpolate(-x, negated(quantiles), negated(references))) / 2
  if (output === 'uniform') return x === low ? 0 : x === high ? 1 : middle
  const edge = 1e-7
  const y = x - edge < low ? 0 : x + edge > high ? 1 : middle
  return Math.min(Math.max(normalQuantile(y), normalQuantile(edge - 2 ** -52)), normalQuantile(1 - (edge - 2 ** -52)))
}

/** All bases of mle.BSplineBasis at x inside the knots, by the recurrence over degrees. */
export function bsplineFormula(knots: readonly number[], degree: number, x: number): number[] {
  const last = knots.length - degree - 1
  const basis = (i: number, k: number): number => {
    if (k === 0) return (i < last && knots[i] <= x && x < knots[i + 1]) || (i + 1 === last && x === knots[i + 1]) ? 1 : 0
    const left = knots[i + k] === knots[i] ? 0 : ((x - knots[i]) / (knots[i + k] - knots[i])) * basis(i, k - 1)
    const right = knots[i + k + 1] === knots[i + 1] ? 0 : ((knots[i + k + 1] - x) / (knots[i + k + 1] - knots[i + 1])) * basis(i + 1, k - 1)
    return left + right
  }
  return Array.from({ length: last }, (_, i) => basis(i, degree))
}

/** mle.CategoryMap with codes for everything. */
export function categoryFormula(x: readonly (string | number | null)[], categories: readonly (string | number)[], codes: readonly number[], missing: number, unknown: number): number[] {
  return x.map((value) => {
    if (value === null || Number.isNaN(value)) return missing
    const at = categories.indexOf(value)
    return at < 0 ? unknown : codes[at]
  })
}

/** a b + c rounded once, by exact integers. Inputs are finite. */
export function fmaFormula(a: number, b: number, c: number): number {
  const [am, ae] = integerParts(a)
  const [bm, be] = integerParts(b)
  const [cm, ce] = integerParts(c)
  const scale = Math.min(ae + be, ce)
  const sum = ((am * bm) << BigInt(ae + be - scale)) + (cm << BigInt(ce - scale))
  return roundedInteger(sum, scale, a * b + c)
}

/** x = mantissa * 2^exponent. */
function integerParts(x: number): [bigint, number] {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, x)
  const high = view.getUint32(0)
  const exponent = (high >>> 20) & 0x7ff
  const fraction = (BigInt(high & 0xfffff) << 32n) | BigInt(view.getUint32(4))
  const mantissa = exponent === 0 ? fraction : fraction | (1n << 52n)
  return [high >>> 31 === 1 ? -mantissa : mantissa, (exponent === 0 ? 1 : exponent) - 1075]
}

/** value * 2^scale rounded to nearest even; `zero` where it is nothing, for the sign. */
function roundedInteger(value: bigint, scale: number, zero: number): number {
  if (value === 0n) return zero
  const negative = value < 0n
  let magnitude = negative ? -value : value
  let exponent = scale
  const bits = magnitude.toString(2).length
  const drop = Math.max(bits - 53, -1074 - exponent, 0)
  if (drop > 0) {
    const kept = magnitude >> BigInt(drop)
    const rest = magnitude - (kept << BigInt(drop))
    const half = 1n << BigInt(drop - 1)
    magnitude = kept + (rest > half || (rest === half && (kept & 1n) === 1n) ? 1n : 0n)
    exponent += drop
  }
  let out = Number(magnitude)
  for (; exponent > 0; exponent--) out *= 2
  for (; exponent < 0; exponent++) out /= 2
  return negative ? -out : out
}

/** Row x of mle.KnnImpute; undefined where distances are too close to say which rows are nearest. */
export function knnImputeFormula(x: readonly number[], training: readonly (readonly number[])[], neighbors: number, byDistance: boolean): number[] | undefined {
  const distances = training.map((row) => {
    const shared = row.map((value, f) => (value - x[f]) * (value - x[f])).filter((square) => !Number.isNaN(square))
    return shared.length === 0 ? NaN : Math.sqrt((shared.reduce((a, b) => a + b) / shared.length) * x.length)
  })
  const out: number[] = []
  for (let f = 0; f < x.length; f++) {
    if (!Number.isNaN(x[f])) {
      out.push(x[f])
      continue
    }
    const donors = training.flatMap((row, i) => (Number.isNaN(row[f]) ? [] : [{ value: row[f], distance: distances[i] }]))
    const reachable = donors.filter(({ distance }) => !Number.isNaN(distance)).sort((a, b) => a.distance - b.distance)
    if (reachable.length === 0) {
      out.push(donors.reduce((sum, { value }) => sum + value, 0) / donors.length)
      continue
    }
    const nearest = reachable.slice(0, neighbors)
    const isTied = reachable.length > neighbors && reachable[neighbors].distance - reachable[neighbors - 1].distance < 1e-6
    if (isTied || reachable.length < Math.min(neighbors, donors.length) || nearest[0].distance < 1e-3) return undefined
    const weights = nearest.map(({ distance }) => (byDistance ? 1 / distance : 1))
    out.push(nearest.reduce((sum, { value }, i) => sum + weights[i] * value, 0) / weights.reduce((a, b) => a + b))
  }
  return out
}
