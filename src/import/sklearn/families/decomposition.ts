// Linear and kernel decompositions: a centred x times a matrix.
import type { ValueName } from '../../../graph/builder.ts'
import { log } from '../../../math/index.ts'
import { arrayAttribute, asDict, asFloat64, asNumber, attribute, isNdArray, isPyObject, optionalAttribute, placeOf, type PyObject, type PyValue } from '../../pickle/index.ts'
import { affine, float64Constant, sumColumns, vectorResult, withScalar } from '../emit.ts'
import { matrixFeatures, type Features } from '../features.ts'
import { invert, product, solve } from '../linear-algebra.ts'
import { booleanSetting, firstAttribute, numberSetting, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Result, SklearnContext } from '../types.ts'
import { denseAttribute, transposed } from './coefficients.ts'
import { pairwiseKernel, rowsOf, type PairwiseSettings, type Rows } from './kernels.ts'

function rowsAttribute(estimator: PyObject, name: string): Rows {
  const array = denseAttribute(estimator, name)
  return rowsOf(array, asFloat64(array))
}

/** x minus `mean_`, where there is one. */
function centred(context: SklearnContext, estimator: PyObject, x: Features, width: number): ValueName {
  if (optionalAttribute(estimator, 'mean_') === undefined) return x.numbers(width)
  const mean = asFloat64(arrayAttribute(estimator, 'mean_'))
  return context.builder.add('Sub', [x.numbers(width), float64Constant(context, mean, [1, mean.length])])
}

function projected(context: SklearnContext, value: ValueName, components: Rows): Features {
  return matrixFeatures(context, affine(context, value, components.data, components.rows), components.rows)
}

// PCA, IncrementalPCA
const principal: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const components = rowsAttribute(estimator, 'components_')
    const value = affine(context, centred(context, estimator, x, components.width), components.data, components.rows)
    if (!booleanSetting(estimator, 'whiten', false)) return matrixFeatures(context, value, components.rows)
    // Since 1.5 variances of 0 count as the smallest step above 0.
    const scale = asFloat64(arrayAttribute(estimator, 'explained_variance_', 1)).map((one) => Math.max(Math.sqrt(one), one === 0 ? 2.220446049250313e-16 : 0))
    return matrixFeatures(context, context.builder.add('Div', [value, float64Constant(context, scale, [1, scale.length])]), components.rows)
  },
  ...(estimator.name === 'PCA' ? { scoreSamples: () => gaussianScores(context, estimator, x, principalCovariance(estimator)) } : {}),
})

/** components^T diag(variance - noise) components + noise I */
function principalCovariance(estimator: PyObject): Float64Array {
  const { data, rows: k, width } = rowsAttribute(estimator, 'components_')
  const variances = asFloat64(arrayAttribute(estimator, 'explained_variance_', 1))
  const noise = numberSetting(estimator, 'noise_variance_', 0)
  // scikit-learn scales components by their deviations once more when it whitens.
  const scale = booleanSetting(estimator, 'whiten', false) ? variances : new Float64Array(k).fill(1)
  const scaled = data.map((one, i) => one * scale[Math.floor(i / width)] * Math.max(variances[Math.floor(i / width)] - noise, 0))
  return withDiagonal(product(transposed(data, k, width), width, k, scaled, width), new Float64Array(width).fill(noise))
}

function withDiagonal(matrix: Float64Array, diagonal: Float64Array): Float64Array {
  diagonal.forEach((one, i) => (matrix[i * diagonal.length + i] += one))
  return matrix
}

/** Log densities of a Gaussian with mean `mean_`. */
function gaussianScores(context: SklearnContext, estimator: PyObject, x: Features, covariance: Float64Array): Result {
  const width = Math.sqrt(covariance.length)
  const { inverse, logDeterminant } = invert(covariance, width)
  const value = centred(context, estimator, x, width)
  const squares = sumColumns(context, context.builder.add('Mul', [affine(context, value, inverse, width), value]), false)
  return vectorResult(withScalar(context, 'Sub', withScalar(context, 'Mul', squares, -0.5), 0.5 * (width * log(2 * PI) + logDeterminant)))
}

const PI = 3.141592653589793

// TruncatedSVD, random projections: x components^T
const linear: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const components = rowsAttribute(estimator, 'components_')
    return projected(context, x.numbers(components.width), components)
  },
})

// FastICA
const independent: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const components = rowsAttribute(estimator, 'components_')
    return projected(context, centred(context, estimator, x, components.width), components)
  },
})

// FactorAnalysis: the expected factors, (x - mean) W (I + W components^T)^-1 with W = (components / noise)^T.
const factors: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { data, rows: k, width } = rowsAttribute(estimator, 'components_')
    const noise = asFloat64(arrayAttribute(estimator, 'noise_variance_', 1))
    const scaled = data.map((one, i) => one / noise[i % width])
    const system = product(scaled, k, width, transposed(data, k, width), k)
    for (let i = 0; i < k; i++) system[i * k + i] += 1
    return projected(context, centred(context, estimator, x, width), { data: solve(transposed(system, k, k), k, scaled, width), rows: k, width })
  },
  scoreSamples: () => {
    const { data, rows: k, width } = rowsAttribute(estimator, 'components_')
    return gaussianScores(context, estimator, x, withDiagonal(product(transposed(data, k, width), width, k, data, width), asFloat64(arrayAttribute(estimator, 'noise_variance_', 1))))
  },
})

// SparsePCA, MiniBatchSparsePCA: ridge regression of x on the components.
const sparsePrincipal: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { data, rows: k, width } = rowsAttribute(estimator, 'components_')
    const system = product(data, k, width, transposed(data, k, width), k)
    const alpha = numberSetting(estimator, 'ridge_alpha', 0.01)
    for (let i = 0; i < k; i++) system[i * k + i] += alpha
    return projected(context, centred(context, estimator, x, width), { data: solve(system, k, data, width), rows: k, width })
  },
})

/** gamma, coef0 and degree, and those of `kernel_params` first. */
export function kernelSettings(estimator: PyObject): PairwiseSettings {
  const params = optionalAttribute(estimator, 'kernel_params')
  const own = params === undefined ? new Map<PyValue, PyValue>() : asDict(params, placeOf(estimator, 'kernel_params'))
  const read = (name: string, fitted?: string): number | undefined => {
    const value = own.get(name) ?? (fitted === undefined ? undefined : optionalAttribute(estimator, fitted)) ?? optionalAttribute(estimator, name)
    return value === undefined || value === null ? undefined : asNumber(value, placeOf(estimator, name))
  }
  return { gamma: read('gamma', 'gamma_'), coef0: read('coef0'), degree: read('degree') }
}

/** K [batch, training rows], centred and projected as KernelPCA does. */
function kernelProjection(context: SklearnContext, estimator: PyObject, kernel: ValueName): Features {
  const { builder } = context
  const centerer = attribute(estimator, '_centerer')
  if (!isPyObject(centerer)) throw unsupported(estimator, 'has no _centerer')
  const columns = asFloat64(arrayAttribute(centerer, 'K_fit_rows_', 1))
  const count = columns.length
  const all = asNumber(attribute(centerer, 'K_fit_all_'), placeOf(centerer, 'K_fit_all_'))
  const shift = columns.map((one) => all - one)
  const mean = withScalar(context, 'Div', builder.add('ReduceSum', [kernel, builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) })], { keepdims: 1 }), count)
  const centredKernel = builder.add('Sub', [builder.add('Add', [kernel, float64Constant(context, shift, [1, count])]), mean])
  const values = numericOf(estimator, ['eigenvalues_', 'lambdas_'])
  const vectors = numericOf(estimator, ['eigenvectors_', 'alphas_'])
  const k = values.length
  if (vectors.length !== count * k) throw unsupported(estimator, `has ${vectors.length} elements of eigenvectors, expected ${count * k}`)
  const scaled = vectors.map((one, i) => (values[i % k] === 0 ? 0 : one / Math.sqrt(values[i % k])))
  return projected(context, centredKernel, { data: transposed(scaled, count, k), rows: k, width: count })
}

function numericOf(estimator: PyObject, names: readonly string[]): Float64Array {
  const value = firstAttribute(estimator, names)
  if (isNdArray(value) && value.dtype !== 'string' && value.dtype !== 'bytes' && value.dtype !== 'object' && value.dtype !== 'struct') return asFloat64(value)
  throw unsupported(estimator, `${names[0]} is no array of numbers`)
}

// KernelPCA
const kernelPrincipal: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const kernel = estimator.state.get('kernel')
    if (kernel === 'precomputed') return kernelProjection(context, estimator, x.numbers())
    const rows = rowsAttribute(estimator, 'X_fit_')
    return kernelProjection(context, estimator, pairwiseKernel(context, estimator, kernel, x.numbers(rows.width), rows, kernelSettings(estimator)))
  },
})

// KernelCenterer
const centerer: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { builder } = context
    const columns = asFloat64(arrayAttribute(estimator, 'K_fit_rows_', 1))
    const kernel = x.numbers(columns.length)
    const all = asNumber(attribute(estimator, 'K_fit_all_'), placeOf(estimator, 'K_fit_all_'))
    const mean = withScalar(context, 'Div', builder.add('ReduceSum', [kernel, builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) })], { keepdims: 1 }), columns.length)
    const shifted = builder.add('Sub', [builder.add('Sub', [kernel, float64Constant(context, columns, [1, columns.length])]), mean])
    return matrixFeatures(context, withScalar(context, 'Add', shifted, all), columns.length)
  },
})

// BernoulliRBM: probabilities of the hidden units.
const boltzmann: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const components = rowsAttribute(estimator, 'components_')
    const bias = asFloat64(arrayAttribute(estimator, 'intercept_hidden_', 1))
    return matrixFeatures(context, context.builder.add('Sigmoid', [affine(context, x.numbers(components.width), components.data, components.rows, bias)]), components.rows)
  },
})

export { kernelProjection, rowsAttribute }

export const decompositions: readonly EstimatorEntry[] = [
  { names: ['PCA', 'IncrementalPCA'], kind: 'transformer', importer: principal },
  { names: ['TruncatedSVD', 'GaussianRandomProjection', 'SparseRandomProjection'], kind: 'transformer', importer: linear },
  { names: ['FastICA'], kind: 'transformer', importer: independent },
  { names: ['FactorAnalysis'], kind: 'transformer', importer: factors },
  { names: ['SparsePCA', 'MiniBatchSparsePCA'], kind: 'transformer', importer: sparsePrincipal },
  { names: ['KernelPCA'], kind: 'transformer', importer: kernelPrincipal },
  { names: ['KernelCenterer'], kind: 'transformer', importer: centerer },
  { names: ['BernoulliRBM'], kind: 'transformer', importer: boltzmann },
]
