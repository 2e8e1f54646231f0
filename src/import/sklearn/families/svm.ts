// Support vector machines of libsvm. Decisions are sums of kernels with support vectors, votes and probabilities follow from them.
import type { ValueName } from '../../../graph/builder.ts'
import { arrayAttribute, asFloat64, asInt32, expectNumericArray, optionalAttribute, placeOf, type PyObject } from '../../pickle/index.ts'
import { affine, argMax, castTo, float64Constant, gatherColumns, matrixResult, once, squeeze, vectorResult, withScalar } from '../emit.ts'
import type { Features } from '../features.ts'
import { classesOf, classifierMethods, logOf } from '../labels.ts'
import { booleanSetting, choice, firstAttribute, numberSetting, unsupported, unsupportedSetting } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { denseAttribute } from './coefficients.ts'
import { libsvmKernel, rowsOf } from './kernels.ts'
import { mostVotes, pairScores } from './pairs.ts'

/** K [batch, vectors] and the number of vectors. */
function supportKernel(context: SklearnContext, estimator: PyObject, x: Features): { value: ValueName; nVectors: number } {
  const support = asInt32(arrayAttribute(estimator, 'support_', 1), placeOf(estimator, 'support_'))
  const kernel = choice(estimator, 'kernel', ['linear', 'poly', 'rbf', 'sigmoid', 'precomputed'], 'rbf')
  // Precomputed kernels come as columns, one per training row.
  if (kernel === 'precomputed') return { value: gatherColumns(context, x.numbers(), Array.from(support)), nVectors: support.length }
  const array = denseAttribute(estimator, 'support_vectors_')
  const vectors = rowsOf(array, asFloat64(array))
  const settings = { gamma: numberSetting(estimator, estimator.state.has('_gamma') ? '_gamma' : 'gamma', 0), coef0: numberSetting(estimator, 'coef0', 0), degree: numberSetting(estimator, 'degree', 3) }
  if (!Number.isSafeInteger(settings.degree) || settings.degree < 0 || settings.degree > 1024) throw unsupportedSetting(estimator, 'degree', ['whole numbers'])
  return { value: libsvmKernel(context, kernel, x.numbers(vectors.width), vectors, settings), nVectors: vectors.rows }
}

/** dual_coef_ and intercept_ as libsvm has them: the public ones have the other sign for two classes. */
function dualOf(estimator: PyObject, isTwoClasses: boolean): { coefficients: Float64Array; intercepts: Float64Array } {
  const read = (name: string): Float64Array => {
    if (optionalAttribute(estimator, `_${name}`) !== undefined) return asFloat64(denseAttribute(estimator, `_${name}`))
    const values = asFloat64(denseAttribute(estimator, name))
    return isTwoClasses ? values.map((one) => -one) : values
  }
  return { coefficients: read('dual_coef_'), intercepts: read('intercept_') }
}

function vectorOf(estimator: PyObject, names: readonly string[]): Float64Array {
  return asFloat64(expectNumericArray(firstAttribute(estimator, names), placeOf(estimator, names[0]), 1))
}

// SVC, NuSVC
const classifier: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const classes = classesOf(estimator)
  const nClasses = classes[0].values.length
  const nPairs = (nClasses * (nClasses - 1)) / 2
  const isPairwise = choice(estimator, 'decision_function_shape', ['ovr', 'ovo'], 'ovr') === 'ovo'
  // As libsvm decides: > 0 for the first class of each pair.
  const decisions = once((): ValueName => {
    const { value, nVectors } = supportKernel(context, estimator, x)
    const { coefficients, intercepts } = dualOf(estimator, nClasses === 2)
    const counts = asInt32(expectNumericArray(firstAttribute(estimator, ['_n_support', 'n_support_']), placeOf(estimator, '_n_support'), 1), placeOf(estimator, '_n_support'))
    if (coefficients.length !== (nClasses - 1) * nVectors || intercepts.length !== nPairs || counts.length !== nClasses) throw unsupported(estimator, 'dual_coef_, intercept_ and n_support_ do not fit together')
    return builder.add('mle.SvmDecision', [
      value,
      float64Constant(context, coefficients, [nClasses - 1, nVectors], 'coefficients'),
      float64Constant(context, intercepts, [nPairs], 'intercepts'),
      builder.constant({ dtype: 'int32', shape: [nClasses], data: counts }, 'counts'),
    ])
  })
  const decision = once((): Result => {
    if (nClasses === 2) return vectorResult(builder.add('Neg', [squeeze(context, decisions())]))
    if (isPairwise) return matrixResult(decisions(), nPairs)
    const second = withScalar(context, 'Less', decisions(), 0)
    return matrixResult(pairScores(context, second, builder.add('Neg', [decisions()]), nClasses), nClasses)
  })
  const breaksTies = booleanSetting(estimator, 'break_ties', false) && !isPairwise && nClasses > 2
  const methods: Methods = {
    ...classifierMethods(context, classes, () => [breaksTies ? argMax(context, decision().value) : mostVotes(context, decisions(), nClasses)]),
    decisionFunction: decision,
  }
  if (estimator.state.get('probability') !== true) return methods
  const probabilities = once(() => {
    const a = vectorOf(estimator, ['_probA', 'probA_'])
    const b = vectorOf(estimator, ['_probB', 'probB_'])
    if (a.length !== nPairs || b.length !== nPairs) throw unsupported(estimator, 'was fitted without probability=True')
    const value = builder.add('mle.PairCoupling', [decisions(), float64Constant(context, a), float64Constant(context, b)], { classes: nClasses })
    return [matrixResult(value, nClasses)]
  })
  return { ...methods, predictProba: probabilities, predictLogProba: logOf(context, probabilities) }
}

/** K coef^T + intercept, [batch]. */
function weightedKernels(context: SklearnContext, estimator: PyObject, x: Features): ValueName {
  const { value, nVectors } = supportKernel(context, estimator, x)
  const { coefficients, intercepts } = dualOf(estimator, false)
  if (coefficients.length !== nVectors || intercepts.length !== 1) throw unsupported(estimator, 'dual_coef_ and intercept_ do not fit together')
  return squeeze(context, affine(context, value, coefficients, 1, intercepts))
}

// SVR, NuSVR
const regressor: EstimatorImporter = (context, estimator, x) => ({ predict: () => vectorResult(weightedKernels(context, estimator, x)) })

// OneClassSVM: inlier where the decision is > 0.
const oneClass: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const decision = once(() => weightedKernels(context, estimator, x))
  return {
    predict: () => {
      const inlier = castTo(context, withScalar(context, 'Greater', decision(), 0), 'int32')
      const two = builder.constant({ dtype: 'int32', shape: [], data: Int32Array.of(2) })
      const one = builder.constant({ dtype: 'int32', shape: [], data: Int32Array.of(1) })
      return { value: builder.add('Sub', [builder.add('Mul', [inlier, two]), one]), dtype: 'int32', shape: ['batch'], sourceDtype: 'int64' }
    },
    decisionFunction: () => vectorResult(decision()),
    scoreSamples: () => vectorResult(context.builder.add('Add', [decision(), float64Constant(context, asFloat64(denseAttribute(estimator, 'offset_')), [1])])),
  }
}

export const supportVectorMachines: readonly EstimatorEntry[] = [
  { names: ['SVC', 'NuSVC'], kind: 'classifier', importer: classifier },
  { names: ['SVR', 'NuSVR'], kind: 'regressor', importer: regressor },
  { names: ['OneClassSVM'], kind: 'outlier', importer: oneClass },
]
