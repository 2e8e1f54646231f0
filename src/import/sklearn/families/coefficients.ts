// The coefficients that all linear estimators store.
import type { ValueName } from '../../../graph/builder.ts'
import {
  asFloat64, asNumber, attribute, expectNumericArray, isNdArray, isPyObject, isSparse, placeOf, toDense, type NumericNdArray, type PyObject,
} from '../../pickle/index.ts'
import { affine, castTo, gatherColumns, squeeze } from '../emit.ts'
import type { Features } from '../features.ts'
import { unsupported } from '../params.ts'
import type { Result, SklearnContext } from '../types.ts'

export interface Coefficients {
  /** [outputs, features] row-major. */
  readonly weights: Float64Array
  readonly outputs: number
  readonly nFeatures: number
  /** [outputs]; undefined when all are 0. */
  readonly bias: Float64Array | undefined
  /** True when coef_ has one dimension: predictions are ['batch']. */
  readonly isVector: boolean
  /** Fitted on float32: float32 rows are then multiplied in float32. */
  readonly isFloat32: boolean
}

/** An array attribute, a sparse matrix made dense. */
export function denseAttribute(estimator: PyObject, name: string): NumericNdArray {
  const value = attribute(estimator, name)
  return isPyObject(value) && isSparse(value) ? toDense(value, placeOf(estimator, name)) : expectNumericArray(value, placeOf(estimator, name))
}

/** coef_ and intercept_, whatever their rank. */
export function readCoefficients(estimator: PyObject, names: { readonly coef?: string; readonly intercept?: string } = {}): Coefficients {
  const coef = denseAttribute(estimator, names.coef ?? 'coef_')
  if (coef.shape.length > 2) throw unsupported(estimator, `coef_ has ${coef.shape.length} dimensions, expected 1 or 2`)
  const isVector = coef.shape.length < 2
  const outputs = isVector ? 1 : coef.shape[0]
  const weights = asFloat64(coef)
  return { weights, outputs, nFeatures: coef.shape.at(-1) ?? 1, bias: readIntercept(estimator, names.intercept ?? 'intercept_', outputs), isVector, isFloat32: coef.dtype === 'float32' }
}

function readIntercept(estimator: PyObject, name: string, outputs: number): Float64Array | undefined {
  const value = attribute(estimator, name)
  const where = placeOf(estimator, name)
  const own = isNdArray(value) && value.shape.length > 0 ? asFloat64(expectNumericArray(value, where)) : Float64Array.of(asNumber(value, where))
  if (own.every((one) => one === 0)) return undefined
  if (own.length === outputs) return own
  if (own.length === 1) return new Float64Array(outputs).fill(own[0])
  throw unsupported(estimator, `${name} has ${own.length} elements, expected ${outputs}`)
}

/** x weights^T + bias, [batch, outputs]. */
export function linearMatrix(context: SklearnContext, coefficients: Coefficients, x: Features): ValueName {
  const { weights, outputs, nFeatures, bias } = coefficients
  if (coefficients.isFloat32 && x.sourceDtype === 'float32' && outputs === 1) return float32Dot(context, coefficients, x)
  return affine(context, x.numbers(nFeatures), weights, outputs, bias)
}

/**
 * x weights + bias in float32, for estimators inside others that hand them float32 rows. The order is that of single
 * precision matrix-vector products with four lanes: products of columns i, i + 4, ... into lane i, lanes merged in pairs,
 * what is left after the last four columns summed apart.
 */
function float32Dot(context: SklearnContext, { weights, nFeatures, bias }: Coefficients, x: Features): ValueName {
  const { builder } = context
  const rows = castTo(context, x.numbers(nFeatures), 'float32')
  const dot = (columns: readonly number[]): ValueName => {
    const picked = Float32Array.from(columns, (column) => weights[column])
    return builder.add('MatMul', [gatherColumns(context, rows, columns), builder.constant({ dtype: 'float32', shape: [columns.length, 1], data: picked }, 'weights')])
  }
  const whole = nFeatures - (nFeatures % LANES)
  const lanes = whole === 0 ? [] : Array.from({ length: LANES }, (_, lane) => dot(Array.from({ length: whole / LANES }, (__, i) => lane + i * LANES)))
  const parts = lanes.length === 0 ? [] : [builder.add('Add', [builder.add('Add', [lanes[0], lanes[1]]), builder.add('Add', [lanes[2], lanes[3]])])]
  if (whole < nFeatures) parts.push(dot(Array.from({ length: nFeatures - whole }, (_, i) => whole + i)))
  let sum = parts.reduce((total, part) => builder.add('Add', [total, part]))
  if (bias !== undefined) sum = builder.add('Add', [sum, builder.constant({ dtype: 'float32', shape: [1], data: Float32Array.from(bias) }, 'bias')])
  return castTo(context, sum, 'float64')
}

const LANES = 4

/** As regressors predict: ['batch'] for a vector of coefficients, else ['batch', outputs]. */
export function linearResult(context: SklearnContext, coefficients: Coefficients, x: Features): Result {
  const value = linearMatrix(context, coefficients, x)
  if (coefficients.isVector) return { value: squeeze(context, value), dtype: 'float64', shape: ['batch'] }
  return { value, dtype: 'float64', shape: ['batch', coefficients.outputs] }
}

/** As linear classifiers decide: ['batch'] for one row of coefficients, else ['batch', classes]. */
export function decisionResult(context: SklearnContext, coefficients: Coefficients, x: Features): Result {
  return linearResult(context, { ...coefficients, isVector: coefficients.outputs === 1 }, x)
}

/** [rows, columns] -> [columns, rows]. */
export function transposed(data: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(data.length)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j]
  return out
}
