// Linear and quadratic discriminant analysis.
import type { ValueName } from '../../../graph/builder.ts'
import { log, pow } from '../../../math/index.ts'
import { arrayAttribute, asFloat64, asList, attribute, expectNumericArray, placeOf } from '../../pickle/index.ts'
import { affine, argMax, concat, float64Constant, gatherColumns, matrixResult, once, scalar, squeeze, sumColumns, vectorResult, withScalar } from '../emit.ts'
import { matrixFeatures } from '../features.ts'
import { classesOf, classifierMethods, indexFromDecision, logOf } from '../labels.ts'
import { choice, numberSetting } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods } from '../types.ts'
import { decisionResult, readCoefficients, transposed } from './coefficients.ts'
import { twoColumns } from './linear-classifiers.ts'

/** Variances this much below the largest come from collinear features. */
const DEGENERATE = 1e-12

const SMALLEST_NORMAL = 2.2250738585072014e-308

const linear: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const coefficients = readCoefficients(estimator)
  const classes = classesOf(estimator)
  const nClasses = classes[0].values.length
  const decision = once(() => decisionResult(context, coefficients, x))
  const probabilities = once(() => {
    const { value, shape } = decision()
    if (shape.length === 1) return [matrixResult(twoColumns(context, builder.add('Sigmoid', [value])), 2)]
    return [matrixResult(builder.add('Softmax', [value], { axis: 1 }), nClasses)]
  })
  const solver = choice(estimator, 'solver', ['svd', 'lsqr', 'eigen'], 'svd')
  return {
    ...classifierMethods(context, classes, () => [indexFromDecision(context, decision())]),
    decisionFunction: decision,
    predictProba: probabilities,
    predictLogProba: () => {
      const [{ value }] = probabilities()
      const positive = builder.add('Where', [withScalar(context, 'Equal', value, 0), scalar(context, SMALLEST_NORMAL), value])
      return [matrixResult(builder.add('Log', [positive]), nClasses)]
    },
    ...(solver === 'lsqr'
      ? {}
      : {
          transform: () => {
            const scalings = arrayAttribute(estimator, 'scalings_', 2)
            const [nFeatures, rank] = scalings.shape
            const columns = Math.min(rank, numberSetting(estimator, '_max_components', rank))
            const weights = transposed(asFloat64(scalings), nFeatures, rank).subarray(0, columns * nFeatures)
            let value = x.numbers(nFeatures)
            if (solver === 'svd') value = builder.add('Sub', [value, float64Constant(context, asFloat64(arrayAttribute(estimator, 'xbar_')), [1, nFeatures])])
            return matrixFeatures(context, affine(context, value, weights, columns), columns)
          },
        }),
  }
}

// Per class: -(|(x - mean) R S^-1/2|^2 + sum(log S)) / 2 + log prior
const quadratic: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const classes = classesOf(estimator)
  const nClasses = classes[0].values.length
  const scores = once((): ValueName => {
    const means = arrayAttribute(estimator, 'means_', 2)
    const nFeatures = means.shape[1]
    const rotations = asList(attribute(estimator, 'rotations_'), placeOf(estimator, 'rotations_'))
    const scalings = asList(attribute(estimator, 'scalings_'), placeOf(estimator, 'scalings_'))
    const priors = asFloat64(arrayAttribute(estimator, 'priors_'))
    const input = x.numbers(nFeatures)
    const half = new Float64Array(nClasses)
    const logPriors = new Float64Array(nClasses)
    const norms = Array.from({ length: nClasses }, (_, c) => {
      const rotation = expectNumericArray(rotations[c], `${placeOf(estimator, 'rotations_')}[${c}]`, 2)
      const scaling = asFloat64(expectNumericArray(scalings[c], `${placeOf(estimator, 'scalings_')}[${c}]`, 1))
      const rank = rotation.shape[1]
      const weights = new Float64Array(asFloat64(rotation))
      for (let r = 0; r < rank; r++) {
        const scale = pow(scaling[r], -0.5)
        for (let f = 0; f < nFeatures; f++) weights[f * rank + r] *= scale
        half[c] += log(scaling[r])
      }
      logPriors[c] = log(priors[c])
      const mean = asFloat64(means).slice(c * nFeatures, (c + 1) * nFeatures)
      const centered = builder.add('Sub', [input, float64Constant(context, mean, [1, nFeatures])])
      // Collinear features leave directions whose variance is rounding noise; the scores then are noise that only the arithmetic of the
      // training library repeats.
      const isDegenerate = Math.min(...scaling) < DEGENERATE * Math.max(...scaling)
      const projected = builder.add(isDegenerate ? 'mle.FusedMatMul' : 'MatMul', [centered, float64Constant(context, weights, [nFeatures, rank], 'weights')])
      return sumColumns(context, builder.add('Mul', [projected, projected]), true)
    })
    const sum = builder.add('Add', [concat(context, norms), float64Constant(context, half, [1, nClasses])])
    return builder.add('Add', [withScalar(context, 'Mul', sum, -0.5), float64Constant(context, logPriors, [1, nClasses])])
  })
  const probabilities = once(() => [matrixResult(builder.add('Softmax', [scores()], { axis: 1 }), nClasses)])
  return {
    ...classifierMethods(context, classes, () => [argMax(context, scores())]),
    decisionFunction: () => {
      if (nClasses !== 2) return matrixResult(scores(), nClasses)
      const difference = builder.add('Sub', [gatherColumns(context, scores(), [1]), gatherColumns(context, scores(), [0])])
      return vectorResult(squeeze(context, difference))
    },
    predictProba: probabilities,
    predictLogProba: logOf(context, probabilities),
  }
}

export const discriminantAnalysis: readonly EstimatorEntry[] = [
  { names: ['LinearDiscriminantAnalysis'], kind: 'classifier', importer: linear },
  { names: ['QuadraticDiscriminantAnalysis'], kind: 'classifier', importer: quadratic },
]
