// What estimators made of other estimators share: their members, sums in order, votes, labels that are positions.
import type { ValueName } from '../../../graph/builder.ts'
import { MleError } from '../../../error.ts'
import { asList, attribute, placeOf, type LabelArray, type PyObject, type PyValue } from '../../pickle/index.ts'
import { castTo, concat, float64Constant, gatherColumns, int64Constant, squeeze, unsqueeze } from '../emit.ts'
import type { Features } from '../features.ts'
import { labelTensor } from '../labels.ts'
import { unsupported } from '../params.ts'
import type { Methods, Result, SklearnContext } from '../types.ts'

/** The fitted estimators in a list attribute; throws SKLEARN_UNSUPPORTED for an empty one. */
export function memberList(estimator: PyObject, name: string = 'estimators_'): readonly PyValue[] {
  const list = asList(attribute(estimator, name), placeOf(estimator, name))
  if (list.length === 0) throw unsupported(estimator, `${name} is empty`)
  return list
}

/** Methods of every member, all reading `x`. */
export function importMembers(context: SklearnContext, estimator: PyObject, x: Features, name: string = 'estimators_'): readonly Methods[] {
  return memberList(estimator, name).map((member, i) => context.importEstimator(member, x, `${placeOf(estimator, name)}[${i}]`))
}

/** A method that a member must have; throws SKLEARN_UNSUPPORTED. */
export function needed<T>(method: (() => T) | undefined, what: string, where: string): () => T {
  if (method === undefined) throw new MleError('SKLEARN_UNSUPPORTED', `${where} has no ${what}`, { section: where })
  return method
}

/** Sum from left to right, as Python adds. */
export function sumOf(context: SklearnContext, values: readonly ValueName[]): ValueName {
  return values.length === 1 ? values[0] : context.builder.add('Sum', values)
}

/** Column `index` of a matrix, ['batch']. */
export function columnOf(context: SklearnContext, matrix: ValueName, index: number): ValueName {
  return squeeze(context, gatherColumns(context, matrix, [index]))
}

/** Vectors ['batch'] side by side. */
export function stackColumns(context: SklearnContext, vectors: readonly ValueName[]): ValueName {
  return concat(context, vectors.map((one) => unsqueeze(context, one)))
}

/** Labels 0, 1, ... of estimators fitted on encoded labels. */
export function encodedClasses(count: number): LabelArray {
  return { dtype: 'int64', values: Array.from({ length: count }, (_, i) => i) }
}

/** `predict` of an estimator fitted on encoded labels, as positions. */
export function positionsOf(context: SklearnContext, labels: Result): ValueName {
  if (labels.dtype === 'string') throw new MleError('SKLEARN_UNSUPPORTED', 'an inner estimator predicts strings where positions of classes are read')
  return labels.dtype === 'float64' || labels.dtype === 'float32' ? castTo(context, labels.value, 'int64') : labels.value
}

/** `predict` of an inner estimator as numbers, float64 of the same shape. */
export function numbersOf(context: SklearnContext, labels: Result): ValueName {
  if (labels.dtype === 'string') throw new MleError('SKLEARN_UNSUPPORTED', 'an inner estimator predicts strings where numbers are read')
  return labels.dtype === 'float64' ? labels.value : castTo(context, labels.value, 'float64')
}

const plain = (label: LabelArray['values'][number]): LabelArray['values'][number] => (typeof label === 'boolean' ? Number(label) : label)

/** Where each label of `labels` stands in `among`, -1 for those that it has not. */
export function placesIn(labels: LabelArray, among: LabelArray): number[] {
  const places = new Map(among.values.map((label, i) => [plain(label), i]))
  return labels.values.map((label) => places.get(plain(label)) ?? -1)
}

/** True in the column of the class that `methods` predicts: bool [batch, classes]. */
export function predictedClass(context: SklearnContext, methods: Methods, classes: LabelArray, where: string): ValueName {
  const { builder } = context
  const own = methods.classes
  if (methods.predictIndex !== undefined && own?.length === 1) {
    const index = castTo(context, unsqueeze(context, methods.predictIndex()[0]), 'int64')
    return builder.add('Equal', [index, int64Constant(context, placesIn(classes, own[0]), [1, classes.values.length])])
  }
  const labels = needed(methods.predict, 'predict', where)()
  if (labels.shape.length !== 1) throw new MleError('SKLEARN_UNSUPPORTED', `${where} predicts several outputs where one is read`, { section: where })
  const table = labelTensor(classes)
  const value = unsqueeze(context, labels.value)
  if (table.dtype === labels.dtype) return builder.add('Equal', [value, builder.constant({ ...table, shape: [1, classes.values.length] }, 'classes')])
  if (table.dtype === 'string' || labels.dtype === 'string') throw new MleError('SKLEARN_LABELS', `${where} predicts ${labels.dtype} labels where classes are ${table.dtype}`, { section: where })
  return builder.add('Equal', [castTo(context, value, 'float64'), float64Constant(context, classes.values.map(Number), [1, classes.values.length])])
}

/**
 * Columns of `matrix`, whose classes are `own`, in the order of `classes`; classes that it has not get 0.
 */
export function spreadColumns(context: SklearnContext, matrix: ValueName, own: LabelArray, classes: LabelArray): ValueName {
  const places = placesIn(classes, own)
  const count = own.values.length
  if (count === places.length && places.every((place, i) => place === i)) return matrix
  const pads = int64Constant(context, [0, 0, 0, 1])
  const padded = places.includes(-1) ? context.builder.add('Pad', [matrix, pads, float64Constant(context, [0], [])]) : matrix
  return gatherColumns(context, padded, places.map((place) => (place < 0 ? count : place)))
}

/** The same row for every row of the batch, float64 [batch, n]. */
export function constantRows(context: SklearnContext, x: Features, row: Float64Array | readonly number[]): ValueName {
  const constant = float64Constant(context, row, [1, row.length])
  return context.builder.add('Where', [anyCondition(context, x), constant, constant])
}

/** The same position for every row, int64 [batch]. */
export function constantPosition(context: SklearnContext, x: Features, position: number): ValueName {
  const constant = int64Constant(context, [position], [1, 1])
  return squeeze(context, context.builder.add('Where', [anyCondition(context, x), constant, constant]))
}

// A condition [batch, 1], whatever its value: it carries the rows, so that batches can still run in blocks.
function anyCondition(context: SklearnContext, x: Features): ValueName {
  return context.builder.add('IsNaN', [gatherColumns(context, x.numbers(), [0])])
}
