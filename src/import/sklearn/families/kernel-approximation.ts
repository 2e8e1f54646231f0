// Feature maps whose inner products approximate kernels.
import type { ValueName } from '../../../graph/builder.ts'
import { cosh } from '../../../math/index.ts'
import { arrayAttribute, asFloat64, asInt32, optionalAttribute, placeOf, type PyObject } from '../../pickle/index.ts'
import { affine, concat, scalar, withScalar } from '../emit.ts'
import { matrixFeatures, type Features } from '../features.ts'
import { numberSetting, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, SklearnContext } from '../types.ts'
import { transposed } from './coefficients.ts'
import { kernelSettings, rowsAttribute } from './decomposition.ts'
import { pairwiseKernel } from './kernels.ts'

/** sqrt(2 / n) cos(x weights + offset) */
function fourierFeatures(context: SklearnContext, estimator: PyObject, x: ValueName, width: number): Features {
  const weights = arrayAttribute(estimator, 'random_weights_', 2)
  const count = weights.shape[1]
  const offset = asFloat64(arrayAttribute(estimator, 'random_offset_', 1))
  const projection = affine(context, x, transposed(asFloat64(weights), width, count), count, offset)
  return matrixFeatures(context, withScalar(context, 'Mul', context.builder.add('Cos', [projection]), Math.sqrt(2) / Math.sqrt(count)), count)
}

// RBFSampler
const fourier: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const width = arrayAttribute(estimator, 'random_weights_', 2).shape[0]
    return fourierFeatures(context, estimator, x.numbers(width), width)
  },
})

// SkewedChi2Sampler: of the logarithm of x + skewedness, which must be positive.
const skewedChi2: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { builder } = context
    const width = arrayAttribute(estimator, 'random_weights_', 2).shape[0]
    const shifted = withScalar(context, 'Add', x.numbers(width), numberSetting(estimator, 'skewedness', 1))
    const checked = builder.add('mle.Require', [shifted, withScalar(context, 'Greater', shifted, 0)], { message: 'SkewedChi2Sampler takes values above -skewedness only' })
    return fourierFeatures(context, estimator, builder.add('Log', [checked]), width)
  },
})

// Nystroem: kernels with some training rows, whitened.
const nystroem: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const rows = rowsAttribute(estimator, 'components_')
    const normalization = rowsAttribute(estimator, 'normalization_')
    const kernel = estimator.state.get('kernel')
    const value = kernel === 'precomputed' ? x.numbers(rows.width) : pairwiseKernel(context, estimator, kernel, x.numbers(rows.width), rows, kernelSettings(estimator))
    return matrixFeatures(context, affine(context, value, normalization.data, normalization.rows), normalization.rows)
  },
})

const DEFAULT_INTERVALS: ReadonlyMap<number, number> = new Map([[1, 0.8], [2, 0.5], [3, 0.4]])
const PI = 3.141592653589793

// AdditiveChi2Sampler: 0 stays 0; else samples of the Fourier transform of the kernel.
const additiveChi2: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { builder } = context
    const steps = numberSetting(estimator, 'sample_steps', 2)
    const given = optionalAttribute(estimator, 'sample_interval_') === undefined ? 'sample_interval' : 'sample_interval_'
    const interval = optionalAttribute(estimator, given) === undefined ? (DEFAULT_INTERVALS.get(steps) ?? 0.5) : numberSetting(estimator, given, 0.5)
    if (!Number.isSafeInteger(steps) || steps < 1 || steps > 4096) throw unsupported(estimator, `sample_steps=${steps} is not supported`)
    const width = x.width ?? numberSetting(estimator, 'n_features_in_', 0)
    const raw = x.numbers(width === 0 ? undefined : width)
    const input = builder.add('mle.Require', [raw, withScalar(context, 'GreaterOrEqual', raw, 0)], { message: 'AdditiveChi2Sampler takes no negative values' })
    const isZero = withScalar(context, 'Equal', input, 0)
    const zero = scalar(context, 0)
    const keepZero = (value: ValueName): ValueName => builder.add('Where', [isZero, zero, value])
    const positive = builder.add('Where', [isZero, scalar(context, 1), input])
    const logs = withScalar(context, 'Mul', builder.add('Log', [positive]), interval)
    const scaled = withScalar(context, 'Mul', positive, 2 * interval)
    const blocks = [keepZero(builder.add('Sqrt', [withScalar(context, 'Mul', positive, interval)]))]
    for (let j = 1; j < steps; j++) {
      const factor = builder.add('Sqrt', [withScalar(context, 'Div', scaled, cosh(PI * j * interval))])
      const angle = withScalar(context, 'Mul', logs, j)
      for (const wave of ['Cos', 'Sin']) blocks.push(keepZero(builder.add('Mul', [factor, builder.add(wave, [angle])])))
    }
    return matrixFeatures(context, concat(context, blocks), width === 0 ? undefined : width * blocks.length)
  },
})

// PolynomialCountSketch: the circular convolution of one count sketch per degree.
const countSketch: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { builder } = context
    const degree = numberSetting(estimator, 'degree', 2)
    const count = numberSetting(estimator, 'n_components', 100)
    const gamma = numberSetting(estimator, 'gamma', 1)
    const coef0 = numberSetting(estimator, 'coef0', 0)
    const hashes = arrayAttribute(estimator, 'indexHash_', 2)
    const places = asInt32(hashes, placeOf(estimator, 'indexHash_'))
    const signs = asFloat64(arrayAttribute(estimator, 'bitHash_', 2))
    const hashed = hashes.shape[1]
    const width = coef0 === 0 ? hashed : hashed - 1
    const input = x.numbers(width)
    if (hashes.shape[0] !== degree || places.some((one) => one < 0 || one >= count)) throw unsupported(estimator, 'indexHash_ does not fit degree and n_components')
    const sketches = Array.from({ length: degree }, (_, d) => {
      const weights = new Float64Array(count * width)
      const bias = new Float64Array(count)
      for (let f = 0; f < hashed; f++) {
        const place = places[d * hashed + f]
        if (f < width) weights[place * width + f] += signs[d * hashed + f] * Math.sqrt(gamma)
        else bias[place] += signs[d * hashed + f] * Math.sqrt(coef0)
      }
      return affine(context, input, weights, count, bias)
    })
    return matrixFeatures(context, sketches.reduce((a, b) => builder.add('mle.CircularConvolution', [a, b])), count)
  },
})

export const kernelApproximations: readonly EstimatorEntry[] = [
  { names: ['RBFSampler'], kind: 'transformer', importer: fourier },
  { names: ['SkewedChi2Sampler'], kind: 'transformer', importer: skewedChi2 },
  { names: ['Nystroem'], kind: 'transformer', importer: nystroem },
  { names: ['AdditiveChi2Sampler'], kind: 'transformer', importer: additiveChi2 },
  { names: ['PolynomialCountSketch'], kind: 'transformer', importer: countSketch },
]
