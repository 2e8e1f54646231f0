// AdaBoostClassifier (SAMME and SAMME.R) and AdaBoostRegressor (R2).
import type { ValueName } from '../../../graph/builder.ts'
import { log } from '../../../math/index.ts'
import { arrayAttribute, asFloat64, placeOf, type PyObject } from '../../pickle/index.ts'
import { argMax, concat, float64Constant, matrixResult, once, scalar, sumColumns, unsqueeze, vectorResult, withScalar } from '../emit.ts'
import type { Features } from '../features.ts'
import { classesOf, classifierMethods, logOf } from '../labels.ts'
import { isSince, unsupported, unsupportedSetting } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { columnOf, constantPosition, constantRows, importMembers, memberList, needed, numbersOf, predictedClass, stackColumns, sumOf } from './members.ts'
import { addMembers, classifierTrees, describeMember, regressorTrees, type TreeMember } from './tree-members.ts'

const EPSILON = 2 ** -52

/** Weights of the members; the array is longer where boosting stopped early. */
function weightsOf(estimator: PyObject): Float64Array {
  return asFloat64(arrayAttribute(estimator, 'estimator_weights_', 1))
}

/** SAMME.R: (K - 1) (log p - mean of log p), from probabilities kept above rounding. */
function realScores(context: SklearnContext, probabilities: ValueName, n: number): ValueName {
  const logs = context.builder.add('Log', [context.builder.add('Clip', [probabilities, scalar(context, EPSILON)])])
  const mean = withScalar(context, 'Mul', sumColumns(context, logs, true), 1 / n)
  return withScalar(context, 'Mul', context.builder.add('Sub', [logs, mean]), n - 1)
}

/** The same scores at the leaves of trees, so that an ensemble of trees needs no other operator. */
function treeScores(context: SklearnContext, estimator: PyObject, x: Features, members: readonly TreeMember[], weights: Float64Array, n: number, real: boolean, missed: number): ValueName {
  const descriptions = members.map(({ tree, probabilities, predicted }, i) => {
    const values = new Float64Array(probabilities.length)
    for (let node = 0; node < predicted.length; node++) {
      const start = node * n
      if (!real) for (let k = 0; k < n; k++) values[start + k] = k === predicted[node] ? weights[i] : missed * weights[i]
      else {
        const logs = probabilities.subarray(start, start + n).map((p) => log(Math.max(p, EPSILON)))
        const mean = (1 / n) * logs.reduce((sum, one) => sum + one, 0)
        for (let k = 0; k < n; k++) values[start + k] = (n - 1) * (logs[k] - mean)
      }
    }
    return describeMember(tree, values, undefined)
  })
  return addMembers(context, estimator, x, descriptions, n, { outputs: n })
}

function isReal(estimator: PyObject): boolean {
  // 1.6 dropped SAMME.R and deprecated the setting, later versions have none.
  const algorithm = estimator.state.get('algorithm')
  if (algorithm === 'SAMME.R') return true
  if (algorithm === undefined || algorithm === 'SAMME' || algorithm === 'deprecated') return false
  throw unsupportedSetting(estimator, 'algorithm', ['SAMME', 'SAMME.R'])
}

const classifier: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const classes = classesOf(estimator)
  if (classes.length !== 1) throw unsupported(estimator, 'predicts several outputs, which is not supported')
  const n = classes[0].values.length
  const weights = weightsOf(estimator)
  const trees = classifierTrees(memberList(estimator), classes[0])
  const members = trees === undefined ? importMembers(context, estimator, x) : []
  const count = trees?.length ?? members.length
  if (weights.length < count) throw unsupported(estimator, `estimator_weights_ has ${weights.length} weights for ${count} estimators`)
  const real = isReal(estimator)
  const where = (i: number): string => `${placeOf(estimator, 'estimators_')}[${i}]`
  if (n === 1) return singleClass(context, classes, x)
  // Since 1.3 a member's scores sum to 0: -w / (K - 1) for the classes that it does not predict.
  const missed = isSince(estimator, 1, 3) ? -1 / (n - 1) : 0
  const total = weights.reduce((sum, one) => sum + one, 0)
  const scores = once(() => {
    if (trees !== undefined) return withScalar(context, 'Div', treeScores(context, estimator, x, trees, weights, n, real, missed), total)
    const each = members.map((member, i) => {
      if (real) return realScores(context, numbersOf(context, needed(member.predictProba, 'predict_proba', where(i))()[0]), n)
      return builder.add('Where', [predictedClass(context, member, classes[0], where(i)), scalar(context, weights[i]), scalar(context, missed * weights[i])])
    })
    return withScalar(context, 'Div', sumOf(context, each), total)
  })
  const decision = once((): Result => {
    if (n > 2) return matrixResult(scores(), n)
    return vectorResult(builder.add('Sub', [columnOf(context, scores(), 1), columnOf(context, scores(), 0)]))
  })
  const probabilities = once(() => {
    const { value } = decision()
    const column = n === 2 ? unsqueeze(context, value) : value
    const scaled = n === 2 ? withScalar(context, 'Div', concat(context, [builder.add('Neg', [column]), column]), 2) : withScalar(context, 'Div', value, n - 1)
    return [matrixResult(builder.add('Softmax', [scaled], { axis: 1 }), n)]
  })
  const index = once(() => (n === 2 ? withScalar(context, 'Greater', decision().value, 0) : argMax(context, scores())))
  return {
    ...classifierMethods(context, classes, () => [index()]),
    decisionFunction: decision,
    predictProba: probabilities,
    predictLogProba: logOf(context, probabilities),
  }
}

function singleClass(context: SklearnContext, classes: NonNullable<Methods['classes']>, x: Features): Methods {
  return { ...classifierMethods(context, classes, () => [constantPosition(context, x, 0)]), predictProba: () => [matrixResult(constantRows(context, x, [1]), 1)] }
}

const regressor: EstimatorImporter = (context, estimator, x) => ({
  predict: () => {
    const weights = weightsOf(estimator)
    const count = memberList(estimator).length
    if (weights.length < count) throw unsupported(estimator, `estimator_weights_ has ${weights.length} weights for ${count} estimators`)
    return vectorResult(context.builder.add('mle.WeightedMedian', [predictions(context, estimator, x), float64Constant(context, weights.slice(0, count))]))
  },
})

/** What each member predicts, [batch, members]. */
function predictions(context: SklearnContext, estimator: PyObject, x: Features): ValueName {
  const trees = regressorTrees(memberList(estimator))
  if (trees !== undefined) {
    return addMembers(context, estimator, x, trees.map((tree) => describeMember(tree, tree.values, undefined)), 1, { outputs: trees.length, treeTarget: trees.map((_, i) => i) })
  }
  const members = importMembers(context, estimator, x)
  return stackColumns(context, members.map((member, i) => numbersOf(context, needed(member.predict, 'predict', `${placeOf(estimator, 'estimators_')}[${i}]`)())))
}

export const adaBoost: readonly EstimatorEntry[] = [
  { names: ['AdaBoostClassifier'], kind: 'classifier', importer: classifier },
  { names: ['AdaBoostRegressor'], kind: 'regressor', importer: regressor },
]
