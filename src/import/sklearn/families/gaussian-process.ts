// Gaussian processes: kernels with the training rows, weighted; variances by the Cholesky factor of their covariance.
import type { ValueName } from '../../../graph/builder.ts'
import { arrayAttribute, asFloat64, asNumber, attribute, isNumericNdArray, numberAttribute, optionalAttribute, placeOf, type PyObject } from '../../pickle/index.ts'
import { affine, float64Constant, matrixResult, once, scalar, squeeze, sumColumns, vectorResult, withScalar } from '../emit.ts'
import type { Features } from '../features.ts'
import { classesOf, classifierMethods, logOf } from '../labels.ts'
import { unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, SklearnContext } from '../types.ts'
import { transposed } from './coefficients.ts'
import { rowsOf, type Rows } from './kernels.ts'
import { twoColumns } from './linear-classifiers.ts'
import { processKernel, type Form } from './process-kernels.ts'

interface Process {
  /** k(x, training), [batch, rows]. */
  readonly cross: () => ValueName
  /** k(x, x), [batch, 1] or one number. */
  readonly diagonal: () => Form
  readonly rows: Rows
}

function processOf(context: SklearnContext, estimator: PyObject, x: Features): Process {
  const array = arrayAttribute(estimator, 'X_train_', 2)
  const rows = rowsOf(array, asFloat64(array))
  const input = x.numbers(rows.width)
  const kernel = processKernel(context, attribute(estimator, 'kernel_'), placeOf(estimator, 'kernel_'), input, rows)
  const cross = once((): ValueName => {
    const form = kernel.cross()
    if (typeof form !== 'number') return form
    // A kernel that is the same everywhere still has one value per row and training row.
    return withScalar(context, 'Add', withScalar(context, 'Mul', affine(context, input, new Float64Array(rows.data.length), rows.rows), 0), form)
  })
  return { cross, diagonal: kernel.diagonal, rows }
}

/** k(x, x) - |v|^2 with L v = weights k(x, training), [batch, 1]. */
function variance(context: SklearnContext, estimator: PyObject, process: Process, weights: Float64Array | undefined): ValueName {
  const { builder } = context
  const n = process.rows.rows
  const lower = asFloat64(arrayAttribute(estimator, 'L_', 2))
  if (lower.length !== n * n) throw unsupported(estimator, `L_ has ${lower.length} elements, expected ${n * n}`)
  const cross = weights === undefined ? process.cross() : builder.add('Mul', [process.cross(), float64Constant(context, weights, [1, n])])
  const v = builder.add('mle.TriangularSolve', [cross, float64Constant(context, lower, [n, n], 'cholesky')])
  const explained = sumColumns(context, builder.add('Mul', [v, v]), true)
  const diagonal = process.diagonal()
  return typeof diagonal === 'number' ? builder.add('Sub', [scalar(context, diagonal), explained]) : builder.add('Sub', [diagonal, explained])
}

/** A statistic of the targets: one number per output. */
function statistic(estimator: PyObject, name: string, outputs: number, fallback: number): Float64Array {
  const value = optionalAttribute(estimator, name)
  if (value === undefined) return new Float64Array(outputs).fill(fallback)
  const own = isNumericNdArray(value) && value.shape.length > 0 ? asFloat64(value) : Float64Array.of(asNumber(value, placeOf(estimator, name)))
  if (own.length === outputs) return own
  if (own.length === 1) return new Float64Array(outputs).fill(own[0])
  throw unsupported(estimator, `${name} has ${own.length} elements for ${outputs} outputs`)
}

// GaussianProcessRegressor
const regressor: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const process = once(() => processOf(context, estimator, x))
  const alpha = arrayAttribute(estimator, 'alpha_')
  const outputs = alpha.shape.length === 1 ? 1 : alpha.shape[1]
  const mean = statistic(estimator, '_y_train_mean', outputs, 0)
  const scale = statistic(estimator, '_y_train_std', outputs, 1)
  return {
    predict: () => {
      const { cross, rows } = process()
      const value = affine(context, cross(), transposed(asFloat64(alpha), rows.rows, outputs), outputs)
      const restored = builder.add('Add', [builder.add('Mul', [value, float64Constant(context, scale, [1, outputs])]), float64Constant(context, mean, [1, outputs])])
      return outputs === 1 ? vectorResult(squeeze(context, restored)) : matrixResult(restored, outputs)
    },
    predictStd: () => {
      const positive = builder.add('Clip', [variance(context, estimator, process(), undefined), scalar(context, 0)])
      const restored = builder.add('Sqrt', [builder.add('Mul', [positive, float64Constant(context, scale.map((one) => one * one), [1, outputs])])])
      return outputs === 1 ? vectorResult(squeeze(context, restored)) : matrixResult(restored, outputs)
    },
  }
}

// The logistic function as a sum of five error functions (C. K. I. Williams and D. Barber, Bayesian classification with Gaussian processes,
// IEEE PAMI 20(12), 1998, appendix A), whose mean over a Gaussian is known.
const LAMBDAS = [0.41, 0.4, 0.37, 0.44, 0.39]
const COEFFICIENTS = [-1854.8214151, 3516.89893646, 221.29346712, 128.12323805, -2010.49422654]

// One binary classifier by Laplace's approximation.
const binary: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const classes = classesOf(estimator)
  const process = once(() => processOf(context, estimator, x))
  const latent = once((): ValueName => {
    const targets = asFloat64(arrayAttribute(estimator, 'y_train_', 1))
    const pi = asFloat64(arrayAttribute(estimator, 'pi_', 1))
    return affine(context, process().cross(), targets.map((one, i) => one - pi[i]), 1)
  })
  const probabilities = once(() => {
    const spread = variance(context, estimator, process(), asFloat64(arrayAttribute(estimator, 'W_sr_', 1)))
    const terms = LAMBDAS.map((lambda, i) => {
      const width = builder.add('Sqrt', [withScalar(context, 'Add', withScalar(context, 'Mul', spread, 2 * lambda * lambda), 1)])
      const area = builder.add('Erf', [builder.add('Div', [withScalar(context, 'Mul', latent(), lambda), width])])
      return withScalar(context, 'Mul', area, 0.5 * COEFFICIENTS[i])
    })
    const sum = terms.reduce((a, b) => builder.add('Add', [a, b]))
    return [matrixResult(twoColumns(context, squeeze(context, withScalar(context, 'Add', sum, 0.5 * COEFFICIENTS.reduce((a, b) => a + b)))), 2)]
  })
  return {
    ...classifierMethods(context, classes, () => [withScalar(context, 'Greater', squeeze(context, latent()), 0)]),
    predictProba: probabilities,
    predictLogProba: logOf(context, probabilities),
  }
}

// GaussianProcessClassifier: the binary one, or several of them; one against one has no probabilities.
const classifier: EstimatorImporter = (context, estimator, x): Methods => {
  const where = placeOf(estimator, 'base_estimator_')
  const { classes, predict, predictIndex, predictProba, predictLogProba } = context.importEstimator(attribute(estimator, 'base_estimator_'), x, where)
  const isOneVersusOne = estimator.state.get('multi_class') === 'one_vs_one' && numberAttribute(estimator, 'n_classes_') > 2
  if (isOneVersusOne) return { classes, predict, predictIndex }
  return { classes, predict, predictIndex, predictProba, predictLogProba: predictLogProba ?? (predictProba && logOf(context, predictProba)) }
}

export const gaussianProcesses: readonly EstimatorEntry[] = [
  { names: ['GaussianProcessRegressor'], kind: 'regressor', importer: regressor },
  { names: ['GaussianProcessClassifier'], kind: 'classifier', importer: classifier },
  { names: ['_BinaryGaussianProcessClassifierLaplace'], kind: 'classifier', importer: binary },
]
