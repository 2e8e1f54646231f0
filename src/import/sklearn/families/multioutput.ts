// One estimator per output, side by side or in a chain where each reads the outputs before it.
import { asInt32, arrayAttribute, attribute, asList, asString, isNdArray, optionalAttribute, placeOf, type LabelArray, type PyObject } from '../../pickle/index.ts'
import type { ValueName } from '../../../graph/builder.ts'
import { gatherColumns, matrixResult, once, unsqueeze } from '../emit.ts'
import { concatFeatures, matrixFeatures, type Features } from '../features.ts'
import { classesOf, labelResult } from '../labels.ts'
import { unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { columnOf, importMembers, memberList, needed, numbersOf, stackColumns } from './members.ts'

const regressor: EstimatorImporter = (context, estimator, x) => {
  const members = importMembers(context, estimator, x)
  return {
    predict: () => {
      const columns = members.map((member, i) => numbersOf(context, needed(member.predict, 'predict', `${placeOf(estimator, 'estimators_')}[${i}]`)()))
      return matrixResult(stackColumns(context, columns), columns.length)
    },
  }
}

const classifier: EstimatorImporter = (context, estimator, x): Methods => {
  const members = importMembers(context, estimator, x)
  const where = (i: number): string => `${placeOf(estimator, 'estimators_')}[${i}]`
  const classes = members.map((member, i): LabelArray => {
    if (member.classes?.length !== 1) throw unsupported(estimator, `${where(i)} is no classifier of one output`)
    return member.classes[0]
  })
  const indices = once(() => members.map((member, i) => needed(member.predictIndex, 'predict', where(i))()[0]))
  const hasProbabilities = members.every((member) => member.predictProba !== undefined)
  return {
    classes,
    predictIndex: indices,
    predict: () => {
      const result = labelResult(context, indices(), classes)
      return classes.length > 1 ? result : { ...result, value: unsqueeze(context, result.value), shape: ['batch', 1] }
    },
    predictProba: hasProbabilities ? () => members.flatMap((member, i) => needed(member.predictProba, 'predict_proba', where(i))()) : undefined,
  }
}

type ChainMethod = 'predict' | 'predict_proba' | 'predict_log_proba' | 'decision_function'

/** The one number per row that a chain takes from a member: of probabilities that of the second class. */
function linkOf(context: SklearnContext, methods: Methods, method: ChainMethod, where: string): ValueName {
  if (method === 'predict') return numbersOf(context, needed(methods.predict, method, where)())
  if (method === 'decision_function') return numbersOf(context, needed(methods.decisionFunction, method, where)())
  const results: readonly Result[] = needed(method === 'predict_proba' ? methods.predictProba : methods.predictLogProba, method, where)()
  return columnOf(context, numbersOf(context, results[0]), 1)
}

function chainMethod(estimator: PyObject): ChainMethod {
  // 1.3 and later say what is handed on; before, it was always the prediction.
  const value = optionalAttribute(estimator, 'chain_method_')
  if (value === undefined) return 'predict'
  const name = asString(value, placeOf(estimator, 'chain_method_'))
  if (name === 'predict' || name === 'predict_proba' || name === 'predict_log_proba' || name === 'decision_function') return name
  throw unsupported(estimator, `chain_method_ ${name} is not supported`)
}

/** The chain's members, each reading `x` and what those before it gave. */
function chainMembers(context: SklearnContext, estimator: PyObject, x: Features): readonly Methods[] {
  const method = chainMethod(estimator)
  const links: ValueName[] = []
  return memberList(estimator).map((member, i) => {
    const where = `${placeOf(estimator, 'estimators_')}[${i}]`
    const input = i === 0 ? x : concatFeatures(context, [x, matrixFeatures(context, stackColumns(context, links), i)])
    const methods = context.importEstimator(member, input, where)
    links.push(linkOf(context, methods, method, where))
    return methods
  })
}

/** A matrix of what each member gives, its columns in the order of the outputs and not of the chain. */
function chained(context: SklearnContext, estimator: PyObject, members: readonly Methods[], method: ChainMethod): Result {
  const order = chainOrder(estimator, members.length)
  const columns = members.map((member, i) => linkOf(context, member, method, `${placeOf(estimator, 'estimators_')}[${i}]`))
  const value = stackColumns(context, columns)
  const back = order.map((_, output) => order.indexOf(output))
  return matrixResult(back.every((at, i) => at === i) ? value : gatherColumns(context, value, back), columns.length)
}

function chainOrder(estimator: PyObject, count: number): number[] {
  const value = attribute(estimator, 'order_')
  const where = placeOf(estimator, 'order_')
  const order = isNdArray(value) ? Array.from(asInt32(arrayAttribute(estimator, 'order_', 1), where)) : asList(value, where).map(Number)
  if (order.length !== count || new Set(order).size !== count || order.some((one) => !(one >= 0 && one < count))) throw unsupported(estimator, `order_ [${order.join(', ')}] is no order of ${count} outputs`)
  return order
}

const classifierChain: EstimatorImporter = (context, estimator, x): Methods => {
  const members = once(() => chainMembers(context, estimator, x))
  const all = (name: 'predictProba' | 'predictLogProba' | 'decisionFunction'): boolean => members().every((member) => member[name] !== undefined)
  return {
    classes: classesOf(estimator),
    predict: () => chained(context, estimator, members(), 'predict'),
    predictProba: all('predictProba') ? () => [chained(context, estimator, members(), 'predict_proba')] : undefined,
    predictLogProba: all('predictProba')
      ? () => {
          const result = chained(context, estimator, members(), 'predict_proba')
          return [{ ...result, value: context.builder.add('Log', [result.value]) }]
        }
      : undefined,
    decisionFunction: all('decisionFunction') ? () => chained(context, estimator, members(), 'decision_function') : undefined,
  }
}

const regressorChain: EstimatorImporter = (context, estimator, x) => ({
  predict: () => chained(context, estimator, chainMembers(context, estimator, x), 'predict'),
})

export const multioutput: readonly EstimatorEntry[] = [
  { names: ['MultiOutputRegressor'], kind: 'regressor', importer: regressor },
  { names: ['MultiOutputClassifier'], kind: 'classifier', importer: classifier },
  { names: ['ClassifierChain'], kind: 'classifier', importer: classifierChain },
  { names: ['RegressorChain'], kind: 'regressor', importer: regressorChain },
]
