// KernelDensity: the logarithm of a mean of kernels around the training rows.
import type { ValueName } from '../../../graph/builder.ts'
import { lgamma, log } from '../../../math/index.ts'
import { asFloat64, expectNumericArray, isNumericNdArray, isPyObject, attribute, placeOf } from '../../pickle/index.ts'
import { float64Constant, int64Constant, scalar, vectorResult, withScalar } from '../emit.ts'
import { choice, numberSetting, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, SklearnContext } from '../types.ts'
import { distancesTo, rowsOf } from './kernels.ts'
import { metricSettings, treeState } from './neighbor-search.ts'

const KERNELS = ['gaussian', 'tophat', 'epanechnikov', 'exponential', 'linear', 'cosine'] as const
type KernelName = (typeof KERNELS)[number]

const PI = 3.141592653589793

/** Logarithms of the volume of the unit ball and of the surface of the unit sphere in n dimensions. */
const logVolume = (n: number): number => 0.5 * n * log(PI) - lgamma(0.5 * n + 1)
const logSurface = (n: number): number => log(2 * PI) + logVolume(n - 1)

/** Logarithm of the factor that makes the kernel's integral over n dimensions 1. */
function logNormalization(kernel: KernelName, n: number, bandwidth: number): number {
  const scale = n * log(bandwidth)
  switch (kernel) {
    case 'gaussian': return -0.5 * n * log(2 * PI) - scale
    case 'tophat': return -logVolume(n) - scale
    case 'epanechnikov': return -(logVolume(n) + log(2 / (n + 2))) - scale
    case 'exponential': return -(logSurface(n - 1) + lgamma(n)) - scale
    case 'linear': return -(logVolume(n) - log(n + 1)) - scale
    case 'cosine': {
      // Integration by parts, twice per term.
      let sum = 0
      let term = 2 / PI
      for (let k = 1; k <= n; k += 2) {
        sum += term
        term *= -(n - k) * (n - k - 1) * (2 / PI) * (2 / PI)
      }
      return -(log(sum) + logSurface(n - 1)) - scale
    }
  }
}

/** Logarithm of the kernel of distances d. */
function logKernel(context: SklearnContext, kernel: KernelName, d: ValueName, bandwidth: number): ValueName {
  const { builder } = context
  const ratio = withScalar(context, 'Div', d, bandwidth)
  const one = scalar(context, 1)
  const inside = (value: ValueName): ValueName => builder.add('Where', [withScalar(context, 'Less', d, bandwidth), value, scalar(context, -Infinity)])
  // Outside, values that have no logarithm are replaced before it is taken.
  const logInside = (value: ValueName): ValueName => inside(builder.add('Log', [builder.add('Where', [withScalar(context, 'Less', d, bandwidth), value, one])]))
  switch (kernel) {
    case 'gaussian': return withScalar(context, 'Mul', builder.add('Mul', [ratio, ratio]), -0.5)
    case 'tophat': return inside(withScalar(context, 'Mul', d, 0))
    case 'epanechnikov': return logInside(builder.add('Sub', [one, builder.add('Mul', [ratio, ratio])]))
    case 'exponential': return builder.add('Neg', [ratio])
    case 'linear': return logInside(builder.add('Sub', [one, ratio]))
    case 'cosine': return logInside(builder.add('Cos', [withScalar(context, 'Mul', ratio, 0.5 * PI)]))
  }
}

const kernelDensity: EstimatorImporter = (context, estimator, x) => ({
  scoreSamples: () => {
    const tree = treeState(estimator, 'tree_')
    const where = placeOf(estimator, 'tree_')
    const holder = attribute(estimator, 'tree_')
    if (tree === undefined || !isPyObject(holder)) throw unsupported(estimator, 'tree_ has a form that is not known')
    const data = expectNumericArray(tree[0], where, 2)
    const points = rowsOf(data, asFloat64(data))
    const kernel = choice(estimator, 'kernel', KERNELS, 'gaussian')
    const bandwidth = numberSetting(estimator, estimator.state.has('bandwidth_') ? 'bandwidth_' : 'bandwidth', 1)
    const { metric, p, parameters } = metricSettings(estimator, estimator.state.get('metric') ?? 'euclidean', estimator.state.get('metric_params'), undefined)
    let terms = logKernel(context, kernel, distancesTo(context, x.numbers(points.width), points, metric, { p, parameters }), bandwidth)
    const weightArray = tree[12]
    let total = points.rows
    if (isNumericNdArray(weightArray) && weightArray.shape.length === 1) {
      const weights = asFloat64(weightArray)
      total = weights.reduce((sum, one) => sum + one, 0)
      terms = context.builder.add('Add', [terms, float64Constant(context, weights.map(log), [1, weights.length])])
    }
    const sum = context.builder.add('ReduceLogSumExp', [terms, int64Constant(context, [1])], { keepdims: 0 })
    return vectorResult(withScalar(context, 'Add', sum, logNormalization(kernel, points.width, bandwidth) - log(total)))
  },
})

export const kernelDensities: readonly EstimatorEntry[] = [{ names: ['KernelDensity'], kind: 'outlier', importer: kernelDensity }]
