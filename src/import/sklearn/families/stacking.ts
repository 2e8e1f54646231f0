// StackingClassifier and StackingRegressor: what the members predict is what the final estimator reads.
import { asList, asString, attribute, placeOf, type PyObject } from '../../pickle/index.ts'
import type { ValueName } from '../../../graph/builder.ts'
import { castTo, concat, gatherColumns, matrixResult, once, unsqueeze } from '../emit.ts'
import { concatFeatures, matrixFeatures, type Features } from '../features.ts'
import { classesOf, classifierMethods, labelResult } from '../labels.ts'
import { booleanSetting, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, Result, SklearnContext } from '../types.ts'
import { columnOf, importMembers, needed, numbersOf, positionsOf } from './members.ts'

interface Block {
  readonly value: ValueName
  readonly width: number
  /** numpy's dtype where it is not float64. */
  readonly sourceDtype?: string
}

function widthOf(result: Result, where: string, estimator: PyObject): number {
  if (result.shape.length === 1) return 1
  const width = result.shape[1]
  if (typeof width !== 'number') throw unsupported(estimator, `${where} has an unknown number of columns`)
  return width
}

/** Columns that one member adds. Of probabilities of two classes only the second is kept, of several outputs all but the first of each. */
function memberBlocks(context: SklearnContext, estimator: PyObject, methods: Methods, method: string, nClasses: number | undefined, where: string): Block[] {
  if (method === 'predict_proba') {
    const results = needed(methods.predictProba, 'predict_proba', where)()
    return results.map((result) => {
      const width = widthOf(result, where, estimator)
      const value = numbersOf(context, result)
      if (results.length === 1 && nClasses !== 2) return { value, width }
      return { value: gatherColumns(context, value, Array.from({ length: width - 1 }, (_, i) => i + 1)), width: width - 1 }
    })
  }
  const result = method === 'decision_function' ? needed(methods.decisionFunction, method, where)() : needed(methods.predict, 'predict', where)()
  const value = numbersOf(context, result)
  return [{ value: result.shape.length === 1 ? unsqueeze(context, value) : value, width: widthOf(result, where, estimator), sourceDtype: result.dtype === 'int32' ? (result.sourceDtype ?? 'int64') : undefined }]
}

function stacked(context: SklearnContext, estimator: PyObject, x: Features, nClasses: number | undefined): Features {
  const place = placeOf(estimator, 'stack_method_')
  const names = asList(attribute(estimator, 'stack_method_'), place).filter((one) => one !== null)
  const members = importMembers(context, estimator, x)
  if (names.length !== members.length) throw unsupported(estimator, `stack_method_ names ${names.length} methods of ${members.length} estimators`)
  const blocks = members.flatMap((member, i) => {
    const method = asString(names[i], place)
    if (method !== 'predict_proba' && method !== 'decision_function' && method !== 'predict') throw unsupported(estimator, `stack_method_ ${method} is not supported`)
    return memberBlocks(context, estimator, member, method, nClasses, `${placeOf(estimator, 'estimators_')}[${i}]`)
  })
  const value = concat(context, blocks.map((block) => block.value))
  const features = matrixFeatures(context, value, blocks.reduce((sum, block) => sum + block.width, 0), {
    sourceDtype: blocks.every((block) => block.sourceDtype === blocks[0].sourceDtype) ? blocks[0].sourceDtype : undefined,
  })
  return booleanSetting(estimator, 'passthrough', false) ? concatFeatures(context, [features, x]) : features
}

const classifier: EstimatorImporter = (context, estimator, x) => {
  const classes = classesOf(estimator)
  const isMultilabel = classes.length > 1
  const features = once(() => stacked(context, estimator, x, isMultilabel ? classes.length : classes[0].values.length))
  const where = placeOf(estimator, 'final_estimator_')
  const { predict, predictProba, decisionFunction } = context.importEstimator(attribute(estimator, 'final_estimator_'), features(), where)
  const labels = needed(predict, 'predict', where)
  const common: Methods = { transform: features, decisionFunction }
  if (!isMultilabel) return { ...common, ...classifierMethods(context, classes, () => [positionsOf(context, labels())]), predictProba }
  // Labels of each output were encoded by themselves; the probabilities kept are those of its first class.
  return {
    ...common,
    classes,
    predict: () => {
      const positions = castTo(context, numbersOf(context, labels()), 'int64')
      return labelResult(context, classes.map((_, i) => columnOf(context, positions, i)), classes)
    },
    predictProba: predictProba === undefined ? undefined : () => [matrixResult(concat(context, predictProba().map((one) => gatherColumns(context, one.value, [0]))), classes.length)],
  }
}

const regressor: EstimatorImporter = (context, estimator, x) => {
  const features = once(() => stacked(context, estimator, x, undefined))
  const { predict } = context.importEstimator(attribute(estimator, 'final_estimator_'), features(), placeOf(estimator, 'final_estimator_'))
  return { predict, transform: features }
}

export const stacking: readonly EstimatorEntry[] = [
  { names: ['StackingClassifier'], kind: 'classifier', importer: classifier },
  { names: ['StackingRegressor'], kind: 'regressor', importer: regressor },
]
