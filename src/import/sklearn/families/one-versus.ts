// Many classes by several estimators of two: one against the rest, one against one, output codes.
import type { ValueName } from '../../../graph/builder.ts'
import { MleError } from '../../../error.ts'
import { arrayAttribute, asFloat64, asObject, attribute, placeOf, stringAttribute, type PyObject } from '../../pickle/index.ts'
import { affine, argMax, castTo, concat, float64Constant, matrixResult, once, squeeze, sumColumns, vectorResult, withScalar } from '../emit.ts'
import type { Features } from '../features.ts'
import { classesOf, classifierMethods, logOf } from '../labels.ts'
import { isSince, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { columnOf, constantPosition, constantRows, importMembers, memberList, needed, numbersOf, stackColumns } from './members.ts'

interface Binary {
  readonly methods: Methods
  readonly isRegressor: boolean
  readonly isClassifier: boolean
  readonly where: string
}

function binaries(context: SklearnContext, estimator: PyObject, x: Features): readonly Binary[] {
  const members = memberList(estimator)
  return importMembers(context, estimator, x).map((methods, i) => {
    const kind = methods.kind ?? context.kindOf(members[i])
    return { methods, isRegressor: kind === 'regressor', isClassifier: kind === 'classifier', where: `${placeOf(estimator, 'estimators_')}[${i}]` }
  })
}

/** How sure an estimator is of its second class, ['batch']: a regressor's prediction, a decision, else a probability. */
function confidence(context: SklearnContext, { methods, isRegressor, where }: Binary): ValueName {
  if (isRegressor) return flat(context, needed(methods.predict, 'predict', where)(), where)
  if (methods.decisionFunction !== undefined) return flat(context, methods.decisionFunction(), where)
  return columnOf(context, numbersOf(context, needed(methods.predictProba, 'decision_function or predict_proba', where)()[0]), 1)
}

function flat(context: SklearnContext, result: Result, where: string): ValueName {
  const value = numbersOf(context, result)
  if (result.shape.length === 1) return value
  if (result.shape[1] === 1) return squeeze(context, value)
  throw new MleError('SKLEARN_UNSUPPORTED', `${where} gives [${result.shape.join(', ')}] where one number per row is read`, { section: where })
}

/** Above which confidence the second class is meant. A constant that stands for an estimator counts as no classifier. */
function thresholdOf({ methods, isClassifier }: Binary): number {
  return methods.decisionFunction !== undefined && isClassifier ? 0 : 0.5
}

const oneVersusRest: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const binarizer = asObject(attribute(estimator, 'label_binarizer_'), placeOf(estimator, 'label_binarizer_'))
  const type = stringAttribute(binarizer, 'y_type_')
  const isMultilabel = type.startsWith('multilabel')
  const classes = classesOf(binarizer)
  const members = binaries(context, estimator, x)
  const confidences = once(() => members.map((member) => confidence(context, member)))

  const probabilities = once((): readonly Result[] => {
    const columns = stackColumns(context, members.map(({ methods, where }) => columnOf(context, numbersOf(context, needed(methods.predictProba, 'predict_proba', where)()[0]), 1)))
    const all = members.length > 1 ? columns : concat(context, [builder.add('Sub', [float64Constant(context, [1], [1, 1]), columns]), columns])
    const count = Math.max(2, members.length)
    if (isMultilabel) return [matrixResult(all, count)]
    const sum = sumColumns(context, all, true)
    // Since 1.7 a row of zeros stays as it is instead of becoming NaN.
    const divisor = isSince(estimator, 1, 7) ? builder.add('Where', [withScalar(context, 'Equal', sum, 0), float64Constant(context, [1], [1, 1]), sum]) : sum
    return [matrixResult(builder.add('Div', [all, divisor]), count)]
  })
  const decision = once((): Result => {
    const results = members.map(({ methods, where }) => needed(methods.decisionFunction, 'decision_function', where)())
    if (results.length === 1) return results[0]
    return matrixResult(stackColumns(context, results.map((result, i) => flat(context, result, members[i].where))), results.length)
  })
  const common: Methods = {
    predictProba: members.every(({ methods }) => methods.predictProba !== undefined) ? probabilities : undefined,
    decisionFunction: members.every(({ methods }) => methods.decisionFunction !== undefined) ? decision : undefined,
  }
  const above = (value: ValueName): ValueName => withScalar(context, 'Greater', value, thresholdOf(members[0]))
  if (isMultilabel) {
    const predict = once((): Result => {
      const hits = castTo(context, above(stackColumns(context, confidences())), 'int32')
      return { value: hits, dtype: 'int32', shape: ['batch', members.length], sourceDtype: 'int64' }
    })
    return { ...common, kind: 'classifier', predict }
  }
  const nClasses = classes[0].values.length
  const index = once(() => {
    // The last of equals wins.
    if (type === 'multiclass') return builder.add('ArgMax', [stackColumns(context, confidences())], { axis: 1, keepdims: 0, select_last_index: 1 })
    return nClasses === 1 ? constantPosition(context, x, 0) : above(confidences()[0])
  })
  return { ...common, ...classifierMethods(context, classes, () => [index()]) }
}

// What stands for an estimator when all labels of its training data were equal.
const constantPredictor: EstimatorImporter = (context, estimator, x): Methods => {
  const [label] = asFloat64(arrayAttribute(estimator, 'y_'))
  const value = once(() => vectorResult(squeeze(context, constantRows(context, x, [label]))))
  const probabilities = once(() => [matrixResult(constantRows(context, x, [1 - label, label]), 2)])
  return { predict: value, decisionFunction: value, predictProba: probabilities, predictLogProba: logOf(context, probabilities) }
}

// Votes of all pairs, and within less than half a vote the sum of their confidences.
const oneVersusOne: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  if ((estimator.state.get('pairwise_indices_') ?? null) !== null) throw unsupported(estimator, 'reads a precomputed kernel, which is not supported')
  const classes = classesOf(estimator)
  const n = classes[0].values.length
  const members = binaries(context, estimator, x)
  if (members.length !== (n * (n - 1)) / 2) throw unsupported(estimator, `has ${members.length} estimators for ${n} classes`)
  const scores = once(() => {
    const labels = stackColumns(context, members.map(({ methods, where }) => flat(context, needed(methods.predict, 'predict', where)(), where)))
    const confidences = stackColumns(context, members.map((member) => confidence(context, member)))
    const size = n * members.length
    const [first, second, signs] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)]
    let k = 0
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) {
        first[i * members.length + k] = 1
        second[j * members.length + k] = 1
        signs[i * members.length + k] = -1
        signs[j * members.length + k] = 1
        k++
      }
    }
    const votesFor = (label: number, pairs: Float64Array): ValueName => affine(context, castTo(context, withScalar(context, 'Equal', labels, label), 'float64'), pairs, n)
    const votes = builder.add('Add', [votesFor(0, first), votesFor(1, second)])
    const sums = affine(context, confidences, signs, n)
    const scale = withScalar(context, 'Mul', withScalar(context, 'Add', builder.add('Abs', [sums]), 1), 3)
    return builder.add('Add', [votes, builder.add('Div', [sums, scale])])
  })
  const decision = once(() => (n === 2 ? vectorResult(columnOf(context, scores(), 1)) : matrixResult(scores(), n)))
  const index = once(() => (n === 2 ? withScalar(context, 'Greater', decision().value, thresholdOf(members[0])) : argMax(context, scores())))
  return { ...classifierMethods(context, classes, () => [index()]), decisionFunction: decision }
}

// The class whose code is nearest to the confidences: |c|^2 - 2 y c ranks as the distance does.
const outputCode: EstimatorImporter = (context, estimator, x): Methods => {
  const classes = classesOf(estimator)
  const codes = arrayAttribute(estimator, 'code_book_', 2)
  const [n, bits] = codes.shape
  const data = asFloat64(codes)
  const members = binaries(context, estimator, x)
  if (members.length !== bits || classes[0].values.length !== n) throw unsupported(estimator, `code_book_ is [${codes.shape.join(', ')}] for ${members.length} estimators and ${classes[0].values.length} classes`)
  const norms = Float64Array.from({ length: n }, (_, i) => data.subarray(i * bits, (i + 1) * bits).reduce((sum, one) => sum + one * one, 0))
  return classifierMethods(context, classes, () => {
    const distances = affine(context, stackColumns(context, members.map((member) => confidence(context, member))), data.map((one) => -2 * one), n, norms)
    return [context.builder.add('ArgMin', [distances], { axis: 1, keepdims: 0 })]
  })
}

export const oneVersus: readonly EstimatorEntry[] = [
  { names: ['OneVsRestClassifier'], kind: 'classifier', importer: oneVersusRest },
  { names: ['OneVsOneClassifier'], kind: 'classifier', importer: oneVersusOne },
  { names: ['OutputCodeClassifier'], kind: 'classifier', importer: outputCode },
  { names: ['_ConstantPredictor'], kind: 'transformer', importer: constantPredictor },
]
