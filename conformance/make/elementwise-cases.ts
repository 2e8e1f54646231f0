// Cases of the operators that work element by element.
import { schemaOf } from '../../src/ops/registry.ts'
import { isFloat, type DType } from '../../src/tensor/dtype.ts'
import type { Cases, OperatorCase } from './cases.ts'
import { bools, f32, f64, fill, integers, pairs, specials, texts } from './values.ts'

/** dtypes that are judged where an operator takes them: all floats, and three kinds of integers. */
const JUDGED: readonly DType[] = ['float32', 'float64', 'float16', 'bfloat16', 'int32', 'int64', 'uint8']

function judged(key: string): DType[] {
  const allowed = new Map(Object.entries(schemaOf(key).typeSets ?? {})).get('T') ?? []
  return JUDGED.filter((dtype) => allowed.includes(dtype))
}

/** Every dtype on the numbers that matter, and an input without elements. */
function unary(key: string, attributes?: OperatorCase['attributes']): [string, OperatorCase[]] {
  return [key, [
    ...judged(key).map((dtype): OperatorCase => ({ name: dtype, inputs: [isFloat(dtype) ? specials(dtype) : integers(dtype)], attributes })),
    { name: 'empty', inputs: [fill(judged(key)[0], [0, 3])], attributes },
  ]]
}

/** Functions of a part of the numbers: between -1 and 1, or above 0. */
function within(key: string, kind: 'unit' | 'positive'): [string, OperatorCase[]] {
  return [key, [...unary(key)[1], { name: 'inside', inputs: [fill('float64', [12], kind, 3)] }]]
}

/** Every pair of special floats by broadcasting, ordinary shapes, scalars and no elements. */
function binary(key: string, more: readonly OperatorCase[] = []): [string, OperatorCase[]] {
  const dtypes = judged(key)
  const first = dtypes[0]
  return [key, [
    ...dtypes.map((dtype): OperatorCase => ({ name: dtype, inputs: isFloat(dtype) ? pairs(dtype, dtype === 'float32' ? 10 : 7) : [integers(dtype), fill(dtype, [13], 'positive', 5)] })),
    { name: 'broadcast', inputs: [fill(first, [2, 1, 3], 'moderate', 2), fill(first, [4, 1], 'moderate', 3)] },
    { name: 'scalar', inputs: [fill(first, [], 'moderate', 4), fill(first, [3], 'moderate', 5)] },
    { name: 'empty', inputs: [fill(first, [0, 3]), fill(first, [3])] },
    ...more,
  ]]
}

function logical(key: string): [string, OperatorCase[]] {
  return [key, [{ name: 'table', inputs: [bools([false, true], [2, 1]), bools([false, true])] }, { name: 'empty', inputs: [bools([], [0]), bools([true], [])] }]]
}

function variadic(key: string): [string, OperatorCase[]] {
  const dtypes = judged(key)
  return [key, [
    ...dtypes.map((dtype): OperatorCase => ({ name: dtype, inputs: [1, 2, 3].map((seed) => fill(dtype, [6], 'moderate', seed)) })),
    ...(key === 'Max' || key === 'Min' ? [{ name: 'special', inputs: pairs('float32') }] : []),
    { name: 'one', inputs: [fill('float32', [2, 2])] },
    { name: 'broadcast', inputs: [fill('float32', [2, 1]), fill('float32', [3], 'moderate', 2), fill('float32', [], 'moderate', 3)] },
    { name: 'empty', inputs: [fill('float32', [0]), fill('float32', [1])] },
  ]]
}

export const elementwiseCases: Cases = [
  ...['Neg', 'Abs', 'Sign', 'Sqrt', 'Reciprocal', 'Exp', 'Erf', 'Sigmoid', 'Tanh', 'Relu', 'Softplus', 'Floor', 'Ceil', 'Round', 'Sin', 'Cos', 'Tan', 'Atan', 'Sinh', 'Cosh', 'Asinh', 'IsNaN', 'mle.Expm1', 'mle.NormalCdf', 'mle.LogExpit'].map((key) => unary(key)),
  within('Asin', 'unit'), within('Acos', 'unit'), within('Atanh', 'unit'), within('Log', 'positive'), within('mle.Log1p', 'unit'), within('mle.NormalQuantile', 'positive'),
  ['Acosh', [...unary('Acosh')[1], { name: 'inside', inputs: [f64([1, 1 + 2 ** -52, 1.000001, 1.5, 2, 10, 1e10])] }]],
  // Far from poles and zeros: there the bound is in units of the argument's last place.
  ...['mle.LogGamma', 'mle.Digamma'].map((key): [string, OperatorCase[]] => [key, [
    { name: 'float64', inputs: [f64([0.1, 0.5, 1, 1.5, 2, 3.25, 10, 100.5, 1e6, Infinity, NaN])] },
    { name: 'float32', inputs: [f32([0.125, 0.5, 1, 2, 3.25, 10, 100.5, NaN])] },
    { name: 'empty', inputs: [f64([], [0])] },
  ]]),
  ['LeakyRelu', [...unary('LeakyRelu')[1].filter(({ name }) => name !== 'empty'), { name: 'alpha', inputs: [fill('float32', [9], 'moderate', 7)], attributes: { alpha: 0.5 } }]],
  ['IsInf', [
    ...unary('IsInf')[1],
    { name: 'negative-only', inputs: [specials('float32')], attributes: { detect_positive: 0 } },
    { name: 'positive-only', inputs: [specials('float64')], attributes: { detect_negative: 0 } },
  ]],
  ['Not', [{ name: 'both', inputs: [bools([false, true])] }, { name: 'empty', inputs: [bools([], [0, 2])] }]],
  ...['Add', 'Sub', 'Mul', 'Div', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'mle.XLogY'].map((key) => binary(key)),
  binary('Equal', [{ name: 'string', inputs: [texts(['a', '', 'é']), texts(['a', ' ', 'é'])] }, { name: 'bool', inputs: [bools([true, false], [2, 1]), bools([true, false])] }]),
  ...['And', 'Or', 'Xor'].map(logical),
  ...['Max', 'Min', 'Sum', 'Mean'].map(variadic),
  ['Mod', [
    ...(['int32', 'int64', 'uint8'] as const).map((dtype): OperatorCase => ({ name: dtype, inputs: [integers(dtype), fill(dtype, [13], 'positive', 5)] })),
    { name: 'sign-of-divisor', inputs: [fill('int32', [12], 'moderate', 2), fill('int32', [12], 'positive', 3)] },
    { name: 'fmod-int32', inputs: [integers('int32'), fill('int32', [13], 'positive', 5)], attributes: { fmod: 1 } },
    ...(['float32', 'float64'] as const).map((dtype): OperatorCase => ({ name: `fmod-${dtype}`, inputs: pairs(dtype, 8), attributes: { fmod: 1 } })),
  ]],
  ['Pow', [
    { name: 'float32', inputs: [f32([2, 0.5, 3, 10, -2, -2, 0, 0, -0, 1, -1, Infinity, NaN, 1.5]), f32([3, -2, 0.5, -3, 3, 2, -1, 0, 3, NaN, Infinity, -1, 0, 7.25])] },
    { name: 'float64', inputs: [f64([2, 1.0000001, 3, 10, -2, -8, 1e-300, 1e200, 5]), f64([0.5, 1e8, -700, -5, 5, 0.5, 2, 2, 3])] },
    { name: 'integer-exponent', inputs: [f32([1.5, -1.5, 0], [3, 1]), fill('int32', [4], 'positive', 2)] },
    { name: 'int32', inputs: [fill('int32', [6], 'moderate', 3), fill('int32', [6], 'positive', 4)] },
    { name: 'empty', inputs: [f32([], [0]), f32([2])] },
  ]],
  ['Clip', [
    { name: 'float32', inputs: [specials('float32'), f32([-1], []), f32([2], [])] },
    { name: 'float64-low', inputs: [specials('float64'), f64([0], [])] },
    { name: 'float64-high', inputs: [specials('float64'), undefined, f64([0.5], [])] },
    { name: 'int32', inputs: [integers('int32'), fill('int32', [], 'moderate', 9), fill('int32', [], 'positive', 4)] },
    { name: 'low-above-high', inputs: [f32([1, 2, 3]), f32([5], []), f32([-5], [])] },
    { name: 'none', inputs: [fill('float16', [4])] },
  ]],
  ['Where', [
    { name: 'float32', inputs: [bools([true, false], [2, 1]), specials('float32'), fill('float32', [30], 'moderate', 3)] },
    { name: 'string', inputs: [bools([true, false, true]), texts(['a', 'b', 'c']), texts(['z'], [])] },
    { name: 'int64', inputs: [bools([false], []), fill('int64', [3]), fill('int64', [2, 1], 'moderate', 2)] },
    { name: 'empty', inputs: [bools([], [0]), f32([1]), f32([2], [])] },
  ]],
]
