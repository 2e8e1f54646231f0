// The coefficients that all linear estimators store.
import type { ValueName } from '../../../graph/builder.ts'
import {
  asFloat64, asNumber, attribute, expectNumericArray, isNdArray, isPyObject, isSparse, placeOf, toDense, type NumericNdArray, type PyObject,
} from '../../pickle/index.ts'
import { affine, squeeze } from '../emit.ts'
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
  return { weights, outputs, nFeatures: coef.shape.at(-1) ?? 1, bias: readIntercept(estimator, names.intercept ?? 'intercept_', outputs), isVector }
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
  return affine(context, x.numbers(nFeatures), weights, outputs, bias)
}

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
