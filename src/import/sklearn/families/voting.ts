// VotingClassifier and VotingRegressor: members fitted on the same data, their predictions counted or averaged.
import type { ValueName } from '../../../graph/builder.ts'
import { asList, asNumber, attribute, isNumericNdArray, asFloat64, isTuple, optionalAttribute, placeOf, type PyObject } from '../../pickle/index.ts'
import { argMax, concat, matrixResult, once, scalar, withScalar, vectorResult } from '../emit.ts'
import { matrixFeatures, type Features } from '../features.ts'
import { classesOf, classifierMethods } from '../labels.ts'
import { booleanSetting, choice } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, SklearnContext } from '../types.ts'
import { encodedClasses, importMembers, needed, numbersOf, predictedClass, stackColumns, sumOf } from './members.ts'

/** Weights of the members that were fitted: those of dropped ones are left out. */
function weightsOf(estimator: PyObject): readonly number[] | undefined {
  const value = optionalAttribute(estimator, 'weights')
  if (value === undefined) return undefined
  const where = placeOf(estimator, 'weights')
  const all = isNumericNdArray(value) ? Array.from(asFloat64(value)) : asList(value, where).map((one) => asNumber(one, where))
  const entries = asList(attribute(estimator, 'estimators'), placeOf(estimator, 'estimators'))
  return all.filter((_, i) => {
    const entry = entries[i]
    const member = isTuple(entry) ? entry.items[1] : Array.isArray(entry) ? entry[1] : undefined
    return member !== 'drop' && member !== null
  })
}

/** numpy's average over members: the sum of w times value over the sum of w. */
function average(context: SklearnContext, values: readonly ValueName[], weights: readonly number[] | undefined): ValueName {
  if (weights === undefined) return withScalar(context, 'Div', sumOf(context, values), values.length)
  const weighted = values.map((value, i) => withScalar(context, 'Mul', value, weights[i]))
  return withScalar(context, 'Div', sumOf(context, weighted), weights.reduce((sum, one) => sum + one, 0))
}

const classifier: EstimatorImporter = (context, estimator, x): Methods => {
  const members = importMembers(context, estimator, x)
  const classes = classesOf(estimator)
  const count = classes[0].values.length
  const weights = weightsOf(estimator)
  const where = (i: number): string => `${placeOf(estimator, 'estimators_')}[${i}]`
  if (choice(estimator, 'voting', ['hard', 'soft'], 'hard') === 'hard') {
    // One vote each, or its weight; the first of equals wins.
    const votes = once(() => {
      const encoded = encodedClasses(count)
      const each = members.map((member, i) => {
        const hit = predictedClass(context, member, encoded, where(i))
        return context.builder.add('Where', [hit, scalar(context, weights?.[i] ?? 1), scalar(context, 0)])
      })
      return sumOf(context, each)
    })
    return {
      ...classifierMethods(context, classes, () => [argMax(context, votes())]),
      transform: () => labelColumns(context, members, where, 'int64'),
    }
  }
  const collected = once(() => members.map((member, i) => numbersOf(context, needed(member.predictProba, 'predict_proba', where(i))()[0])))
  const probabilities = once(() => [matrixResult(average(context, collected(), weights), count)])
  const methods: Methods = {
    ...classifierMethods(context, classes, () => [argMax(context, probabilities()[0].value)]),
    predictProba: probabilities,
  }
  if (booleanSetting(estimator, 'flatten_transform', true)) {
    return { ...methods, transform: () => matrixFeatures(context, concat(context, collected()), count * members.length) }
  }
  const stacked = once(() => {
    const layers = collected().map((value) => context.builder.add('Unsqueeze', [value, context.builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(0n) })]))
    return { value: layers.length === 1 ? layers[0] : context.builder.add('Concat', layers, { axis: 0 }), dtype: 'float64' as const, shape: [members.length, 'batch', count] }
  })
  return { ...methods, extra: new Map([['transform', { output: 'transformed', result: stacked }]]) }
}

function labelColumns(context: SklearnContext, members: readonly Methods[], where: (i: number) => string, sourceDtype: string | undefined): Features {
  const columns = members.map((member, i) => numbersOf(context, needed(member.predict, 'predict', where(i))()))
  return matrixFeatures(context, stackColumns(context, columns), columns.length, { sourceDtype })
}

const regressor: EstimatorImporter = (context, estimator, x) => {
  const members = importMembers(context, estimator, x)
  const where = (i: number): string => `${placeOf(estimator, 'estimators_')}[${i}]`
  return {
    predict: () => vectorResult(average(context, members.map((member, i) => numbersOf(context, needed(member.predict, 'predict', where(i))())), weightsOf(estimator))),
    transform: () => labelColumns(context, members, where, undefined),
  }
}

export const voting: readonly EstimatorEntry[] = [
  { names: ['VotingClassifier'], kind: 'classifier', importer: classifier },
  { names: ['VotingRegressor'], kind: 'regressor', importer: regressor },
]
