// Gaussian mixtures: log densities of components from the Cholesky factors of their precisions.
import type { ValueName } from '../../../graph/builder.ts'
import { digamma, log } from '../../../math/index.ts'
import { arrayAttribute, asFloat64, asList, attribute, expectNumericArray, placeOf, type PyObject } from '../../pickle/index.ts'
import { affine, argMax, castTo, concat, float64Constant, int64Constant, matrixResult, once, sumColumns, vectorResult, withScalar } from '../emit.ts'
import { choice, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, SklearnContext } from '../types.ts'
import { transposed } from './coefficients.ts'
import { rowsOf, type Rows } from './kernels.ts'

const COVARIANCES = ['full', 'tied', 'diag', 'spherical'] as const
const LOG_2PI = log(6.283185307179586)

/** Squared distances under each component's precision, [batch, components], and half the logarithm of each precision's determinant. */
function precisionForms(context: SklearnContext, estimator: PyObject, x: ValueName, means: Rows): { squares: ValueName; logDeterminants: Float64Array } {
  const { builder } = context
  const { rows: count, width } = means
  const type = choice(estimator, 'covariance_type', COVARIANCES, 'full')
  const factors = asFloat64(arrayAttribute(estimator, 'precisions_cholesky_'))
  const expected = { full: count * width * width, tied: width * width, diag: count * width, spherical: count }[type]
  if (factors.length !== expected) throw unsupported(estimator, `precisions_cholesky_ has ${factors.length} elements, expected ${expected}`)
  const logDeterminants = new Float64Array(count)
  if (type === 'full' || type === 'tied') {
    const columns = Array.from({ length: count }, (_, c) => {
      const factor = factors.subarray(type === 'full' ? c * width * width : 0).subarray(0, width * width)
      for (let f = 0; f < width; f++) logDeterminants[c] += log(factor[f * width + f])
      const shift = new Float64Array(width)
      for (let i = 0; i < width; i++) for (let j = 0; j < width; j++) shift[j] -= means.data[c * width + i] * factor[i * width + j]
      const y = affine(context, x, transposed(factor, width, width), width, shift)
      return sumColumns(context, builder.add('Mul', [y, y]), true)
    })
    return { squares: concat(context, columns), logDeterminants }
  }
  // sum of (m^2 - 2 x m + x^2) p, with one p per feature or per component
  const precision = (c: number, f: number): number => (type === 'diag' ? factors[c * width + f] * factors[c * width + f] : factors[c] * factors[c])
  const constant = new Float64Array(count)
  const linear = new Float64Array(count * width)
  const quadratic = new Float64Array(count * width)
  for (let c = 0; c < count; c++) {
    for (let f = 0; f < width; f++) {
      const m = means.data[c * width + f]
      constant[c] += m * m * precision(c, f)
      linear[c * width + f] = -2 * m * precision(c, f)
      quadratic[c * width + f] = precision(c, f)
      logDeterminants[c] += log(type === 'diag' ? factors[c * width + f] : factors[c])
    }
  }
  const first = affine(context, x, linear, count, constant)
  return { squares: builder.add('Add', [first, affine(context, builder.add('Mul', [x, x]), quadratic, count)]), logDeterminants }
}

function mixture(logWeights: (estimator: PyObject, count: number) => Float64Array, offset: (estimator: PyObject, component: number, width: number) => number): EstimatorImporter {
  return (context, estimator, x): Methods => {
    const { builder } = context
    const array = arrayAttribute(estimator, 'means_', 2)
    const means = rowsOf(array, asFloat64(array))
    const scores = once(() => {
      const { squares, logDeterminants } = precisionForms(context, estimator, x.numbers(means.width), means)
      const weights = logWeights(estimator, means.rows)
      const shift = logDeterminants.map((one, c) => one - 0.5 * means.width * LOG_2PI + offset(estimator, c, means.width) + weights[c])
      return builder.add('Add', [withScalar(context, 'Mul', squares, -0.5), float64Constant(context, shift, [1, means.rows])])
    })
    return {
      predict: () => ({ value: castTo(context, argMax(context, scores()), 'int32'), dtype: 'int32', shape: ['batch'], sourceDtype: 'int64' }),
      predictProba: () => [matrixResult(builder.add('Softmax', [scores()], { axis: 1 }), means.rows)],
      scoreSamples: () => vectorResult(builder.add('ReduceLogSumExp', [scores(), int64Constant(context, [1])], { keepdims: 0 })),
    }
  }
}

const gaussian = mixture((estimator) => asFloat64(arrayAttribute(estimator, 'weights_', 1)).map(log), () => 0)

// Expectations of log weights under a Dirichlet distribution or a truncated Dirichlet process.
function expectedLogWeights(estimator: PyObject, count: number): Float64Array {
  const where = placeOf(estimator, 'weight_concentration_')
  const value = attribute(estimator, 'weight_concentration_')
  if (choice(estimator, 'weight_concentration_prior_type', ['dirichlet_process', 'dirichlet_distribution'], 'dirichlet_process') === 'dirichlet_distribution') {
    const concentration = asFloat64(expectNumericArray(value, where, 1))
    const total = digamma(concentration.reduce((sum, one) => sum + one, 0))
    return concentration.map((one) => digamma(one) - total)
  }
  const [a, b] = asList(value, where).map((one) => asFloat64(expectNumericArray(one, where, 1)))
  const out = new Float64Array(count)
  let rest = 0
  for (let c = 0; c < count; c++) {
    const total = digamma(a[c] + b[c])
    out[c] = digamma(a[c]) - total + rest
    rest += digamma(b[c]) - total
  }
  return out
}

function wishartOffset(estimator: PyObject, c: number, width: number): number {
  const freedom = asFloat64(arrayAttribute(estimator, 'degrees_of_freedom_'))
  const precision = asFloat64(arrayAttribute(estimator, 'mean_precision_', 1))
  const dof = freedom.length === 1 ? freedom[0] : freedom[c]
  let logLambda = width * log(2)
  for (let f = 0; f < width; f++) logLambda += digamma(0.5 * (dof - f))
  return -0.5 * width * log(dof) + 0.5 * (logLambda - width / precision[c])
}

export const mixtures: readonly EstimatorEntry[] = [
  { names: ['GaussianMixture'], kind: 'clusterer', importer: gaussian },
  { names: ['BayesianGaussianMixture'], kind: 'clusterer', importer: mixture(expectedLogWeights, wishartOffset) },
]
