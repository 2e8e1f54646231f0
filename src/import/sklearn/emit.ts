// Small pieces of graph that many importers build.
import type { ValueName } from '../../graph/builder.ts'
import { tensor, type Tensor } from '../../tensor/tensor.ts'
import type { Result, SklearnContext } from './types.ts'

/** A float64 constant. */
export function float64Constant(context: SklearnContext, data: Float64Array | readonly number[], shape: readonly number[] = [data.length], hint?: string): ValueName {
  return context.builder.constant(tensor(data instanceof Float64Array ? data : Float64Array.from(data), shape), hint)
}

/** A float64 scalar of shape []. */
export function scalar(context: SklearnContext, value: number): ValueName {
  return float64Constant(context, [value], [])
}

/** An int64 constant: axes, indices, shapes. */
export function int64Constant(context: SklearnContext, values: readonly number[], shape: readonly number[] = [values.length]): ValueName {
  return context.builder.constant(tensor(BigInt64Array.from(values, BigInt), shape), 'indices')
}

export function stringConstant(context: SklearnContext, values: readonly string[], hint?: string): ValueName {
  const strings: Tensor = { dtype: 'string', shape: [values.length], data: [...values] }
  return context.builder.constant(strings, hint)
}

/** Columns of a matrix [batch, n] in the given order. */
export function gatherColumns(context: SklearnContext, value: ValueName, indices: readonly number[]): ValueName {
  return context.builder.add('Gather', [value, int64Constant(context, indices)], { axis: 1 })
}

/** [batch, 1] -> [batch]. */
export function squeeze(context: SklearnContext, value: ValueName): ValueName {
  return context.builder.add('Squeeze', [value, int64Constant(context, [1])])
}

/** [batch] -> [batch, 1]. */
export function unsqueeze(context: SklearnContext, value: ValueName): ValueName {
  return context.builder.add('Unsqueeze', [value, int64Constant(context, [1])])
}

/** x [batch, n] times weights [outputs, n] transposed, plus bias [outputs]. */
export function affine(context: SklearnContext, x: ValueName, weights: Float64Array, outputs: number, bias?: Float64Array): ValueName {
  const inputs = [x, float64Constant(context, weights, [outputs, weights.length / outputs], 'weights')]
  if (bias !== undefined) inputs.push(float64Constant(context, bias, [outputs], 'bias'))
  return context.builder.add('Gemm', inputs, { transB: 1 })
}

/** Elementwise operator with a scalar on the right. */
export function withScalar(context: SklearnContext, op: string, value: ValueName, number: number): ValueName {
  return context.builder.add(op, [value, scalar(context, number)])
}

/** Sum over columns, [batch, n] -> [batch, 1] or [batch]. */
export function sumColumns(context: SklearnContext, value: ValueName, keep: boolean): ValueName {
  return context.builder.add('ReduceSum', [value, int64Constant(context, [1])], { keepdims: keep ? 1 : 0 })
}

export function maxColumns(context: SklearnContext, value: ValueName, keep: boolean): ValueName {
  return context.builder.add('ReduceMax', [value, int64Constant(context, [1])], { keepdims: keep ? 1 : 0 })
}

/** Position of the largest column, the first on ties; int64 [batch]. */
export function argMax(context: SklearnContext, value: ValueName): ValueName {
  return context.builder.add('ArgMax', [value], { axis: 1, keepdims: 0 })
}

export function castTo(context: SklearnContext, value: ValueName, dtype: 'float64' | 'float32' | 'int64' | 'int32' | 'bool'): ValueName {
  return context.builder.add('Cast', [value], { to: dtype })
}

/** Matrices side by side. */
export function concat(context: SklearnContext, values: readonly ValueName[]): ValueName {
  return values.length === 1 ? values[0] : context.builder.add('Concat', values, { axis: 1 })
}

/** [batch] float64, as one-output regressors give. */
export function vectorResult(value: ValueName): Result {
  return { value, dtype: 'float64', shape: ['batch'] }
}

/** [batch, columns] float64. */
export function matrixResult(value: ValueName, columns: number): Result {
  return { value, dtype: 'float64', shape: ['batch', columns] }
}

export { once, onceEach } from '../once.ts'
