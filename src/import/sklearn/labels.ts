// Class labels: plain numbers or strings in the graph, whatever numpy dtype they had.
import type { ValueName } from '../../graph/builder.ts'
import { MleError } from '../../error.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { attribute, asLabels, isNdArray, isTuple, placeOf, type LabelArray, type PyObject, type PyValue } from '../pickle/index.ts'
import { argMax, castTo, concat, unsqueeze, withScalar } from './emit.ts'
import type { Methods, Result, SklearnContext } from './types.ts'

/** Labels as a tensor: int32, float64 where they do not fit, or string. Throws SKLEARN_LABELS for bytes, None and mixtures. */
export function labelTensor(labels: LabelArray): Tensor {
  const values = labels.values.map((value) => (typeof value === 'boolean' ? Number(value) : value))
  const shape = [values.length]
  if (values.every((value) => typeof value === 'string')) return { dtype: 'string', shape, data: values }
  const numbers = values.map((value) => {
    if (typeof value === 'number') return value
    throw new MleError('SKLEARN_LABELS', `class labels must be numbers up to 2^53 or strings, got ${typeof value} ${value}`)
  })
  const isInt32 = labels.dtype !== 'float64' && labels.dtype !== 'float32' && numbers.every((value) => (value | 0) === value)
  return isInt32 ? { dtype: 'int32', shape, data: Int32Array.from(numbers) } : { dtype: 'float64', shape, data: Float64Array.from(numbers) }
}

/** Labels as plain values for the metadata. */
export function plainLabels(labels: LabelArray): (string | number)[] {
  return labels.values.map((value) => (typeof value === 'string' ? value : Number(value)))
}

/** Labels of `predict` from positions in the list of classes (bool or integer, [batch]). */
export function lookUpLabels(context: SklearnContext, index: ValueName, labels: LabelArray): Result {
  const table = labelTensor(labels)
  const value = context.builder.add('mle.LabelLookup', [index, context.builder.constant(table, 'classes')])
  return { value, dtype: table.dtype, shape: ['batch'], sourceDtype: labels.dtype === table.dtype || table.dtype === 'string' ? undefined : labels.dtype }
}

/** `classes_`: one list, or for multi-output classifiers a list of lists. */
export function classesOf(estimator: PyObject, name: string = 'classes_'): readonly LabelArray[] {
  const value = attribute(estimator, name)
  const where = placeOf(estimator, name)
  const items: readonly PyValue[] | undefined = Array.isArray(value) ? value : isTuple(value) ? value.items : undefined
  if (items !== undefined && items.length > 0 && items.every((item) => isNdArray(item) && item.shape.length === 1)) return items.map((item, i) => asLabels(item, `${where}[${i}]`))
  return [asLabels(value, where)]
}

/** `predict` of one or several outputs from class positions; several stand in columns. */
export function labelResult(context: SklearnContext, indices: readonly ValueName[], classes: readonly LabelArray[]): Result {
  const looked = indices.map((index, i) => lookUpLabels(context, index, classes[i]))
  if (looked.length === 1) return looked[0]
  const dtype = looked.some((one) => one.dtype === 'string') ? 'string' : looked.every((one) => one.dtype === 'int32') ? 'int32' : 'float64'
  const columns = looked.map((one) => {
    if (one.dtype !== dtype && dtype === 'string') throw new MleError('SKLEARN_LABELS', 'outputs with string labels and outputs with number labels cannot stand in one array')
    return unsqueeze(context, one.dtype === dtype ? one.value : castTo(context, one.value, 'float64'))
  })
  return { value: concat(context, columns), dtype, shape: ['batch', looked.length], sourceDtype: looked[0].sourceDtype }
}

/** Scores from which a classifier's label follows as in scikit-learn's LinearClassifierMixin: > 0 for one column, else the largest. */
export function indexFromDecision(context: SklearnContext, decision: Result): ValueName {
  return decision.shape.length === 1 ? withScalar(context, 'Greater', decision.value, 0) : argMax(context, decision.value)
}

/** The methods of a classifier of one output that follow from the position of the label, and `classes`. */
export function classifierMethods(context: SklearnContext, classes: readonly LabelArray[], predictIndex: () => readonly ValueName[]): Required<Pick<Methods, 'classes' | 'predict' | 'predictIndex'>> {
  return { classes, predictIndex, predict: () => labelResult(context, predictIndex(), classes) }
}

/** log(predict_proba), where scikit-learn defines predict_log_proba so. */
export function logOf(context: SklearnContext, probabilities: () => readonly Result[]): () => readonly Result[] {
  return () => probabilities().map((one) => ({ ...one, value: context.builder.add('Log', [one.value]) }))
}
