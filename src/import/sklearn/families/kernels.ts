// Kernels between rows of data and rows of a model.
import type { ValueName } from '../../../graph/builder.ts'
import { MleError } from '../../../error.ts'
import { describe, type PyObject, type PyValue } from '../../pickle/index.ts'
import { affine, float64Constant, withScalar } from '../emit.ts'
import { unsupported } from '../params.ts'
import type { SklearnContext } from '../types.ts'

/** Rows of a model: [rows, width] row-major. */
export interface Rows {
  readonly data: Float64Array
  readonly rows: number
  readonly width: number
}

/** Distances [batch, rows] of x [batch, width] to rows. */
export function distancesTo(
  context: SklearnContext, x: ValueName, rows: Rows, metric: string, options: { readonly form?: 'direct' | 'expanded'; readonly p?: number; readonly parameters?: Float64Array } = {},
): ValueName {
  const { form = 'direct', p = 2, parameters } = options
  const inputs = [x, float64Constant(context, rows.data, [rows.rows, rows.width], 'points')]
  if (parameters !== undefined) inputs.push(float64Constant(context, parameters, [parameters.length], 'parameters'))
  return context.builder.add('mle.PairwiseDistance', inputs, { metric, form, p })
}

/** A whole power by repeated squaring, as libsvm multiplies. */
function wholePower(context: SklearnContext, value: ValueName, degree: number): ValueName {
  let square = value
  let result: ValueName | undefined
  for (let rest = degree; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result === undefined ? square : context.builder.add('Mul', [result, square])
    if (rest > 1) square = context.builder.add('Mul', [square, square])
  }
  return result ?? withScalar(context, 'Add', withScalar(context, 'Mul', value, 0), 1)
}

export interface KernelSettings {
  readonly gamma: number
  readonly coef0: number
  readonly degree: number
}

/** The kernel [batch, rows] as libsvm computes it, except precomputed ones. */
export function libsvmKernel(context: SklearnContext, kernel: 'linear' | 'poly' | 'rbf' | 'sigmoid', x: ValueName, rows: Rows, { gamma, coef0, degree }: KernelSettings): ValueName {
  const { builder } = context
  if (kernel === 'rbf') return builder.add('Exp', [withScalar(context, 'Mul', distancesTo(context, x, rows, 'sqeuclidean'), -gamma)])
  const product = affine(context, x, rows.data, rows.rows)
  if (kernel === 'linear') return product
  const scaled = withScalar(context, 'Add', withScalar(context, 'Mul', product, gamma), coef0)
  return kernel === 'poly' ? wholePower(context, scaled, degree) : builder.add('Tanh', [scaled])
}

/** Rows of length 1; rows of zeros stay. */
function normalizedRows({ data, rows, width }: Rows): Rows {
  const out = new Float64Array(data.length)
  for (let r = 0; r < rows; r++) {
    let sum = 0
    for (let f = r * width; f < (r + 1) * width; f++) sum += data[f] * data[f]
    const length = Math.sqrt(sum) || 1
    for (let f = r * width; f < (r + 1) * width; f++) out[f] = data[f] / length
  }
  return { data: out, rows, width }
}

/** x with rows of length 1; rows of zeros stay. */
export function normalizedInput(context: SklearnContext, x: ValueName): ValueName {
  const { builder } = context
  const length = builder.add('ReduceL2', [x, builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) })], { keepdims: 1 })
  const isZero = withScalar(context, 'Equal', length, 0)
  return builder.add('Div', [x, builder.add('Where', [isZero, float64Constant(context, [1], [1, 1]), length])])
}

/** Settings of sklearn.metrics.pairwise kernels; undefined where the function's default counts. */
export interface PairwiseSettings {
  readonly gamma: number | undefined
  readonly coef0: number | undefined
  readonly degree: number | undefined
}

/** A kernel [batch, rows] of sklearn.metrics.pairwise by name: what Nystroem, KernelPCA and their like take. */
export function pairwiseKernel(context: SklearnContext, estimator: PyObject, kernel: PyValue | undefined, x: ValueName, rows: Rows, settings: PairwiseSettings): ValueName {
  const { builder } = context
  const gamma = settings.gamma ?? 1 / rows.width
  const coef0 = settings.coef0 ?? 1
  switch (kernel) {
    case 'linear':
      return affine(context, x, rows.data, rows.rows)
    case 'cosine':
      return affine(context, normalizedInput(context, x), normalizedRows(rows).data, rows.rows)
    case 'rbf':
      return builder.add('Exp', [withScalar(context, 'Mul', distancesTo(context, x, rows, 'sqeuclidean', { form: 'expanded' }), -gamma)])
    case 'laplacian':
      return builder.add('Exp', [withScalar(context, 'Mul', distancesTo(context, x, rows, 'manhattan'), -gamma)])
    case 'poly':
    case 'polynomial':
    case 'sigmoid': {
      const scaled = withScalar(context, 'Add', withScalar(context, 'Mul', affine(context, x, rows.data, rows.rows), gamma), coef0)
      if (kernel === 'sigmoid') return builder.add('Tanh', [scaled])
      const degree = settings.degree ?? 3
      return Number.isSafeInteger(degree) && degree > 0 && degree <= 64 ? wholePower(context, scaled, degree) : withScalar(context, 'Pow', scaled, degree)
    }
    case 'chi2':
    case 'additive_chi2': {
      const sum = builder.add('mle.PairwiseDistance', [x, float64Constant(context, rows.data, [rows.rows, rows.width], 'points')], { metric: 'chi2' })
      return kernel === 'chi2' ? builder.add('Exp', [withScalar(context, 'Mul', sum, -(settings.gamma ?? 1))]) : builder.add('Neg', [sum])
    }
    default:
      throw unsupported(estimator, `kernel=${describe(kernel)} is not supported; known are linear, cosine, rbf, laplacian, poly, sigmoid, chi2, additive_chi2`)
  }
}

/** [rows, width] of a two-dimensional array. */
export function rowsOf(array: { readonly shape: readonly number[] }, data: Float64Array): Rows {
  if (array.shape.length !== 2) throw new MleError('SKLEARN_SHAPE', `an array of ${array.shape.length} dimensions stands where rows are expected`, { expected: 2, actual: array.shape.length })
  return { data, rows: array.shape[0], width: array.shape[1] }
}
