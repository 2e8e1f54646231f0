// Power transforms, quantile maps and spline bases.
import { MleError } from '../../error.ts'
import { normalCdf } from '../../math/erf.ts'
import { normalQuantile } from '../../math/quantile.ts'
import { boxCox, boxCoxInverse, yeoJohnson, yeoJohnsonExpm1, yeoJohnsonInverse } from '../../math/power-transform.ts'
import { int, text } from '../attributes.ts'
import { bsplineValues } from '../bspline.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { float64Of } from './nest.ts'

const EPSILON = 2.220446049250313e-16

function checkedBoxCox(x: number, lambda: number): number {
  if (x <= 0) throw new MleError('OP_VALUE', `Box-Cox takes positive values only, got ${x}`, { expected: 'a positive number', actual: x })
  return boxCox(x, lambda)
}

const POWER_FORMS: ReadonlyMap<string, (x: number, lambda: number) => number> = /* @__PURE__ */ new Map([
  ['box-cox', checkedBoxCox],
  ['yeo-johnson', yeoJohnson],
  ['yeo-johnson-expm1', yeoJohnsonExpm1],
  ['box-cox-inverse', boxCoxInverse],
  ['yeo-johnson-inverse', yeoJohnsonInverse],
])

// x [rows, features] f64, lambdas [features] f64; out like x
function makePowerTransform({ attributes }: KernelContext): Kernel {
  const transform = POWER_FORMS.get(text(attributes, 'form', '')) ?? yeoJohnson
  return ([xView, lambdaView], [outView]) => {
    const x = float64Of(xView)
    const lambdas = float64Of(lambdaView)
    const out = float64Of(outView)
    const nFeatures = lambdas.length
    for (let i = 0; i < x.length; i++) out[i] = x[i] !== x[i] ? NaN : transform(x[i], lambdas[i % nFeatures])
  }
}

/**
 * Linear interpolation of x in column `column` of knots [count, width], as numpy's interp: constant outside, the value itself at a knot.
 * `sign` -1 reads knots and values negated from the last to the first.
 */
function interpolate(x: number, knots: Float64Array, count: number, width: number, column: number, values: Float64Array, sign: 1 | -1): number {
  // Knot i is sign * knots[start + i * step], value i sign * values[from + i * sign].
  const step = sign * width
  const start = sign === 1 ? column : (count - 1) * width + column
  const from = sign === 1 ? 0 : count - 1
  if (x > sign * knots[start + (count - 1) * step]) return sign * values[from + (count - 1) * sign]
  // Number of knots <= x.
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (x >= sign * knots[start + middle * step]) low = middle + 1
    else high = middle
  }
  const j = low - 1
  if (j < 0) return sign * values[from]
  const knot = sign * knots[start + j * step]
  const value = sign * values[from + j * sign]
  if (j === count - 1 || knot === x) return value
  return ((sign * values[from + low * sign] - value) / (sign * knots[start + low * step] - knot)) * (x - knot) + value
}

/** Places within it of 0 and 1 are those, before they become normal quantiles. */
export const NORMAL_BOUND = 1e-7

/** The smallest and the largest normal quantile that a map gives. */
export function normalLimits(): readonly [lowest: number, highest: number] {
  return [normalQuantile(NORMAL_BOUND - EPSILON), normalQuantile(1 - (NORMAL_BOUND - EPSILON))]
}

// x [rows, features] f64, quantiles [levels, features] f64, references [levels] f64; out like x
function makeQuantileMap({ attributes }: KernelContext): Kernel {
  const isNormal = text(attributes, 'output', 'uniform') === 'normal'
  if (int(attributes, 'inverse', 0) === 1) return inverseQuantileMap(isNormal)
  const [lowest, highest] = normalLimits()
  return ([xView, quantileView, referenceView], [outView]) => {
    const x = float64Of(xView)
    const quantiles = float64Of(quantileView)
    const references = float64Of(referenceView)
    const out = float64Of(outView)
    const levels = references.length
    const nFeatures = quantiles.length / levels
    for (let i = 0; i < x.length; i++) {
      const f = i % nFeatures
      const at = x[i]
      if (at !== at) {
        out[i] = NaN
        continue
      }
      const low = quantiles[f]
      const high = quantiles[(levels - 1) * nFeatures + f]
      let y = 0.5 * (interpolate(at, quantiles, levels, nFeatures, f, references, 1) - interpolate(-at, quantiles, levels, nFeatures, f, references, -1))
      if (isNormal ? at + NORMAL_BOUND > high : at === high) y = 1
      if (isNormal ? at - NORMAL_BOUND < low : at === low) y = 0
      out[i] = isNormal ? Math.min(Math.max(normalQuantile(y), lowest), highest) : y
    }
  }
}

// x [rows, features] f64, quantiles [levels, features] f64, references [levels] f64; out like x
function inverseQuantileMap(isNormal: boolean): Kernel {
  return ([xView, quantileView, referenceView], [outView]) => {
    const x = float64Of(xView)
    const quantiles = float64Of(quantileView)
    const references = float64Of(referenceView)
    const out = float64Of(outView)
    const levels = references.length
    const nFeatures = quantiles.length / levels
    const column = new Float64Array(levels)
    for (let f = 0; f < nFeatures; f++) {
      for (let i = 0; i < levels; i++) column[i] = quantiles[i * nFeatures + f]
      for (let i = f; i < x.length; i += nFeatures) {
        const at = isNormal ? normalCdf(x[i]) : x[i]
        if (at !== at) out[i] = NaN
        else if (isNormal ? at - NORMAL_BOUND < 0 : at === 0) out[i] = column[0]
        else if (isNormal ? at + NORMAL_BOUND > 1 : at === 1) out[i] = column[levels - 1]
        else out[i] = interpolate(at, references, levels, 1, 0, column, 1)
      }
    }
  }
}

// x [rows, features] f64, knots [features, knots] f64; out [rows, features * columns] f64
function makeBSplineBasis({ attributes }: KernelContext): Kernel {
  const degree = int(attributes, 'degree', 3)
  const columns = int(attributes, 'columns', 1)
  const outside = text(attributes, 'outside', 'continue')
  const values = new Float64Array(degree + 1)
  const scratch = new Float64Array(2 * degree + 3)
  return ([xView, knotView, lowView, highView, lowValues, lowSlopes, highValues, highSlopes], [outView]) => {
    const x = float64Of(xView)
    const knots = float64Of(knotView)
    const out = float64Of(outView).fill(0)
    const [nFeatures, count] = (knotView as View).shape
    for (let i = 0; i < x.length; i++) {
      const f = i % nFeatures
      const at = i * columns
      let value = x[i]
      const first = knots[f * count + degree]
      const last = knots[f * count + count - degree - 1]
      if (value !== value) {
        out.fill(NaN, at, at + columns)
        continue
      }
      if (outside === 'line') {
        const low = float64Of(lowView)[f]
        const high = float64Of(highView)[f]
        if (value < low || value > high) {
          const start = float64Of(value < low ? lowValues : highValues)
          const slope = float64Of(value < low ? lowSlopes : highSlopes)
          const distance = value - (value < low ? low : high)
          for (let j = 0; j < columns; j++) out[at + j] = start[f * columns + j] + distance * slope[f * columns + j]
          continue
        }
      } else if (outside === 'periodic') {
        const period = last - first
        const rest = (value - first) % period
        value = first + (rest < 0 ? rest + period : rest)
      } else if (outside === 'error' && (value < first || value > last)) {
        throw new MleError('OP_VALUE', `feature ${f} is ${value}, outside the knots ${first} to ${last} of its spline`, { actual: value })
      }
      const start = bsplineValues(knots, f * count, count, degree, value, values, scratch)
      for (let j = 0; j <= degree; j++) out[at + ((start + j) % columns)] += values[j]
    }
  }
}

export const preprocessKernels: readonly (readonly [string, KernelEntry])[] = [
  ['mle.PowerTransform', { make: makePowerTransform }],
  ['mle.QuantileMap', { make: makeQuantileMap }],
  ['mle.BSplineBasis', { make: makeBSplineBasis }],
]
