// BaggingClassifier and BaggingRegressor: members that each read some columns, averaged.
import { asInt32, asList, attribute, expectNumericArray, placeOf, type LabelArray, type PyObject } from '../../pickle/index.ts'
import { argMax, castTo, matrixResult, once, squeeze, vectorResult, withScalar } from '../emit.ts'
import type { Features } from '../features.ts'
import { classesOf, classifierMethods, logOf } from '../labels.ts'
import { numberSetting, unsupported } from '../params.ts'
import { log } from '../../../math/index.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { encodedClasses, memberList, needed, numbersOf, predictedClass, spreadColumns, sumOf } from './members.ts'
import { addMembers, classifierTrees, describeMember, regressorTrees } from './tree-members.ts'

/** Columns that each member reads. */
function columnsOf(estimator: PyObject, count: number): Int32Array[] {
  const place = placeOf(estimator, 'estimators_features_')
  const columns = asList(attribute(estimator, 'estimators_features_'), place)
  if (columns.length !== count) throw unsupported(estimator, `estimators_features_ has ${columns.length} lists for ${count} estimators`)
  return columns.map((one) => asInt32(expectNumericArray(one, place, 1), place))
}

interface Bag {
  readonly members: readonly Methods[]
  readonly where: (i: number) => string
  /** What sums are divided by. */
  readonly count: number
}

function bagOf(context: SklearnContext, estimator: PyObject, x: Features): Bag {
  const estimators = memberList(estimator)
  const columns = columnsOf(estimator, estimators.length)
  const where = (i: number): string => `${placeOf(estimator, 'estimators_')}[${i}]`
  const members = estimators.map((member, i) => context.importEstimator(member, x.select(Array.from(columns[i])), where(i)))
  return { members, where, count: numberSetting(estimator, 'n_estimators', members.length) }
}

/** Sums are divided by n_estimators, which a setting may have changed since. */
function hasOwnCount(estimator: PyObject, members: number): boolean {
  return numberSetting(estimator, 'n_estimators', members) !== members
}

/** Mean over members of results of one shape. */
function meanOf(context: SklearnContext, bag: Bag, results: readonly Result[]): Result {
  const value = withScalar(context, 'Div', sumOf(context, results.map((one) => numbersOf(context, one))), bag.count)
  return { value, dtype: 'float64', shape: results[0].shape }
}

const regressor: EstimatorImporter = (context, estimator, x) => ({
  predict: () => {
    tellWidth(estimator, x)
    const estimators = memberList(estimator)
    const trees = hasOwnCount(estimator, estimators.length) ? undefined : regressorTrees(estimators)
    if (trees !== undefined) {
      const columns = columnsOf(estimator, trees.length)
      const value = addMembers(context, estimator, x, trees.map((tree, i) => describeMember(tree, tree.values, columns[i])), 1, { outputs: 1, aggregate: 'mean' })
      return vectorResult(squeeze(context, value))
    }
    const bag = bagOf(context, estimator, x)
    return meanOf(context, bag, bag.members.map((member, i) => needed(member.predict, 'predict', bag.where(i))()))
  },
})

const classifier: EstimatorImporter = (context, estimator, x): Methods => {
  tellWidth(estimator, x)
  const classes = classesOf(estimator)
  const n = classes[0].values.length
  const estimators = memberList(estimator)
  const trees = hasOwnCount(estimator, estimators.length) ? undefined : classifierTrees(estimators, encodedClasses(n))
  if (trees !== undefined) {
    const columns = columnsOf(estimator, trees.length)
    const mean = once((): readonly Result[] => {
      const descriptions = trees.map(({ tree, probabilities }, i) => describeMember(tree, probabilities, columns[i]))
      return [matrixResult(addMembers(context, estimator, x, descriptions, n, { outputs: n, aggregate: 'mean' }), n)]
    })
    return { ...classifierMethods(context, classes, () => [argMax(context, mean()[0].value)]), predictProba: mean, predictLogProba: logOf(context, mean) }
  }
  const bag = bagOf(context, estimator, x)
  // Members are fitted on positions of classes; one that did not meet all of them has fewer columns.
  const encoded = encodedClasses(n)
  const spread = (member: Methods, result: Result): Result => {
    const own: LabelArray | undefined = member.classes?.[0]
    return own === undefined ? result : { ...result, dtype: 'float64', value: spreadColumns(context, numbersOf(context, result), own, encoded) }
  }
  const probabilities = once((): readonly Result[] => {
    const each = bag.members.map((member, i) => {
      if (member.predictProba !== undefined) return spread(member, member.predictProba()[0])
      return matrixResult(castTo(context, predictedClass(context, member, encoded, bag.where(i)), 'float64'), n)
    })
    return [meanOf(context, bag, each)]
  })
  const hasDecision = bag.members.every((member) => member.decisionFunction !== undefined)
  return {
    ...classifierMethods(context, classes, () => [argMax(context, probabilities()[0].value)]),
    predictProba: probabilities,
    predictLogProba: logProbabilities(context, bag, n) ?? logOf(context, probabilities),
    decisionFunction: hasDecision ? () => meanOf(context, bag, bag.members.map((member, i) => needed(member.decisionFunction, 'decision_function', bag.where(i))())) : undefined,
  }
}

// log of the mean, from the members' own logarithms where each knows all classes.
function logProbabilities(context: SklearnContext, bag: Bag, n: number): (() => readonly Result[]) | undefined {
  if (bag.members.some((member) => member.predictLogProba === undefined || member.classes?.[0].values.length !== n)) return undefined
  return () => {
    const axis = context.builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(2n) })
    const layers = bag.members.map((member, i) => context.builder.add('Unsqueeze', [needed(member.predictLogProba, 'predict_log_proba', bag.where(i))()[0].value, axis]))
    const all = layers.length === 1 ? layers[0] : context.builder.add('Concat', layers, { axis: 2 })
    const sum = context.builder.add('ReduceLogSumExp', [all, axis], { keepdims: 0 })
    return [matrixResult(withScalar(context, 'Sub', sum, log(bag.count)), n)]
  }
}

// Members read some columns only; the input learns its width here where nothing before told it (0.24 and later say n_features_in_).
function tellWidth(estimator: PyObject, x: Features): void {
  const width = estimator.state.get('n_features_')
  if (x.width === undefined && typeof width === 'number') x.numbers(width)
}

export const bagging: readonly EstimatorEntry[] = [
  { names: ['BaggingClassifier'], kind: 'classifier', importer: classifier },
  { names: ['BaggingRegressor'], kind: 'regressor', importer: regressor },
]
