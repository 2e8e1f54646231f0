// Partial least squares and canonical correlation: a centred, scaled x times a matrix.
import { arrayAttribute, asFloat64, optionalAttribute, expectNumericArray, placeOf, type PyObject } from '../../pickle/index.ts'
import type { ValueName } from '../../../graph/builder.ts'
import { affine, float64Constant, matrixResult, once, squeeze, vectorResult } from '../emit.ts'
import { matrixFeatures } from '../features.ts'
import { firstAttribute, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, SklearnContext } from '../types.ts'
import { transposed } from './coefficients.ts'

function vectorOf(estimator: PyObject, names: readonly string[]): Float64Array {
  return asFloat64(expectNumericArray(firstAttribute(estimator, names), placeOf(estimator, names[0]), 1))
}

function standardized(context: SklearnContext, estimator: PyObject, x: ValueName): ValueName {
  const mean = vectorOf(estimator, ['_x_mean', 'x_mean_'])
  const std = vectorOf(estimator, ['_x_std', 'x_std_'])
  const centered = context.builder.add('Sub', [x, float64Constant(context, mean, [1, mean.length])])
  return context.builder.add('Div', [centered, float64Constant(context, std, [1, std.length])])
}

// PLSRegression, PLSCanonical, CCA. What coef_ holds (its orientation, whether it contains the scale of x) differs between versions;
// rotations, loadings and the statistics of y, from which it comes, do not.
const partialLeastSquares: EstimatorImporter = (context, estimator, x) => {
  const rotations = arrayAttribute(estimator, 'x_rotations_', 2)
  const [nFeatures, components] = rotations.shape
  const rotationData = asFloat64(rotations)
  const scaled = once(() => standardized(context, estimator, x.numbers(nFeatures)))
  return {
    predict: () => {
      const loadings = arrayAttribute(estimator, 'y_loadings_', 2)
      const targets = loadings.shape[0]
      if (loadings.shape[1] !== components) throw unsupported(estimator, `y_loadings_ has ${loadings.shape[1]} components, expected ${components}`)
      const loadingData = asFloat64(loadings)
      const yStd = vectorOf(estimator, ['_y_std', 'y_std_'])
      const weights = new Float64Array(targets * nFeatures)
      for (let t = 0; t < targets; t++) {
        for (let f = 0; f < nFeatures; f++) {
          let sum = 0
          for (let c = 0; c < components; c++) sum += rotationData[f * components + c] * loadingData[t * components + c]
          weights[t * nFeatures + f] = sum * yStd[t]
        }
      }
      const bias = optionalAttribute(estimator, 'intercept_') === undefined ? vectorOf(estimator, ['_y_mean', 'y_mean_']) : vectorOf(estimator, ['intercept_'])
      const value = affine(context, scaled(), weights, targets, bias)
      return estimator.state.get('_predict_1d') === true ? vectorResult(squeeze(context, value)) : matrixResult(value, targets)
    },
    transform: () => matrixFeatures(context, affine(context, scaled(), transposed(rotationData, nFeatures, components), components), components),
  }
}

const plsSvd: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const weights = arrayAttribute(estimator, 'x_weights_', 2)
    const [nFeatures, components] = weights.shape
    return matrixFeatures(context, affine(context, standardized(context, estimator, x.numbers(nFeatures)), transposed(asFloat64(weights), nFeatures, components), components), components)
  },
})

export const projections: readonly EstimatorEntry[] = [
  { names: ['PLSRegression', 'PLSCanonical', 'CCA'], kind: 'regressor', importer: partialLeastSquares },
  { names: ['PLSSVD'], kind: 'transformer', importer: plsSvd },
]
