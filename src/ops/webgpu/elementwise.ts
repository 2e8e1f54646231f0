// Operators that compute each element from one element of each input: expressions of WGSL, which the executor fuses.
import { halfToFloat } from '../../tensor/half.ts'
import type { DType } from '../../tensor/dtype.ts'
import { float, int, text } from '../attributes.ts'
import type { View } from '../kernel.ts'
import type { Attributes } from '../types.ts'
import type { GpuContext, GpuElementwise, GpuKernel } from './kernel.ts'
import { storageOf, type Scalar } from './storage.ts'
import { literal } from './wgsl.ts'

type Expression = (inputs: readonly string[], attributes: Attributes, dtype: DType) => string

/** dtypes in which a GPU computes: others are moved and converted only. */
export function isArithmetic(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float16' || dtype === 'int32' || dtype === 'uint32'
}

export function isFloating(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float16'
}

export function scalarOf(view: View | undefined): Scalar | undefined {
  return view === undefined ? undefined : storageOf(view.dtype, false)?.scalar
}

/** A kernel of one expression where `accepts` takes the dtype of the first input. */
function elementwise(accepts: (dtype: DType) => boolean, expression: Expression, which: number = 0): GpuKernel {
  return (context): GpuElementwise | string => {
    const { inputs, outputs, attributes } = context
    const dtype = inputs[which]?.dtype
    if (dtype === undefined || !accepts(dtype) || [...inputs, ...outputs].some((view) => view !== undefined && scalarOf(view) === undefined)) return noDType(context)
    return { expression: (values) => expression(values, attributes, dtype) }
  }
}

export function noDType({ inputs }: GpuContext): string {
  return `no kernel for ${[...new Set(inputs.flatMap((view) => (view === undefined ? [] : [view.dtype])))].join(' and ')}`
}

const floats = (expression: Expression): GpuKernel => elementwise(isFloating, expression)
const unary = (name: string): GpuKernel => floats(([x]) => `${name}(${x})`)
/** One text for floats, another for integers. */
const numbers = (ofFloats: (a: string, b: string) => string, ofIntegers: (a: string, b: string) => string = ofFloats): GpuKernel =>
  elementwise(isArithmetic, ([a, b], _attributes, dtype) => (isFloating(dtype) ? ofFloats(a, b) : ofIntegers(a, b)))
const isComparable = (dtype: DType): boolean => isFloating(dtype) || dtype === 'bool' || dtype.startsWith('int') || dtype.startsWith('uint')
const compare = (ofFloats: (a: string, b: string) => string, ofOthers: (a: string, b: string) => string): GpuKernel =>
  elementwise((dtype) => isComparable(dtype), ([a, b], _attributes, dtype) => (isFloating(dtype) ? ofFloats(a, b) : ofOthers(a, b)))
const logic = (operator: string): GpuKernel => elementwise((dtype) => dtype === 'bool', ([a, b]) => `(${a} ${operator} ${b})`)
const fold = (ofFloats: (a: string, b: string) => string, ofIntegers: (a: string, b: string) => string): GpuKernel =>
  elementwise(isArithmetic, (values, _attributes, dtype) => values.reduce((a, b) => (isFloating(dtype) ? ofFloats(a, b) : ofIntegers(a, b))))
const bits = (expression: Expression): GpuKernel => elementwise((dtype) => dtype === 'int32' || dtype === 'uint32', expression)

const add = (a: string, b: string): string => `(${a} + ${b})`
const attribute = (attributes: Attributes, name: string, fallback: number): string => literal(float(attributes, name, fallback))

/** Minimum and maximum may be left out. */
const clip: GpuKernel = (context) => {
  const { inputs: [x, low, high] } = context
  if (x === undefined || !isArithmetic(x.dtype)) return noDType(context)
  const [least, most] = isFloating(x.dtype) ? ['mle_max', 'mle_min'] : ['max', 'min']
  return {
    expression: ([value, ...bounds]) => {
      const floor = low === undefined ? value : `${least}(${value}, ${bounds[0]})`
      return high === undefined ? floor : `${most}(${floor}, ${bounds[low === undefined ? 0 : 1]})`
    },
  }
}

/** An expression of one scalar type in another, as the rules of docs/numerics.md say; undefined where 32 bits do not do. */
export function castExpression(value: string, from: DType, to: DType): string | undefined {
  const source = storageOf(from, false)?.scalar
  const target = storageOf(to, false)?.scalar
  if (source === undefined || target === undefined || to === 'int8' || to === 'int16' || to === 'uint8' || to === 'uint16') return undefined
  if (from === to) return value
  if (target === 'f32') return source === 'f32' ? value : source === 'bool' ? `select(0.0, 1.0, ${value})` : `f32(${value})`
  if (target === 'bool') return source === 'bool' ? value : source === 'f32' ? `(mle_bits(${value}) != 0u)` : source === 'i32' ? `(${value} != 0i)` : `(${value} != 0u)`
  // Integers: only where every value of the source is one of the target in 32 bits.
  if (source === 'bool') return `select(0${target === 'i32' ? 'i' : 'u'}, 1${target === 'i32' ? 'i' : 'u'}, ${value})`
  if (source === 'f32') return to === 'int32' ? `mle_to_i32(${value})` : undefined
  if (from === 'uint64' || from === 'int64') return from === 'int64' && to === 'int32' ? value : undefined
  if (to === 'int64' || to === 'int32') return source === 'i32' ? value : from === 'uint8' || from === 'uint16' ? `i32(${value})` : undefined
  return source === 'u32' ? value : undefined
}

const cast: GpuKernel = (context) => {
  const { inputs: [x], outputs: [y] } = context
  if (x === undefined || y === undefined || castExpression('x', x.dtype, y.dtype) === undefined) return `no conversion from ${x?.dtype} to ${y?.dtype}`
  return { expression: ([value]) => castExpression(value, x.dtype, y.dtype) ?? value }
}

const pow: GpuKernel = (context) => {
  const { inputs: [x, y], constants } = context
  if (x === undefined || y === undefined || !isFloating(x.dtype)) return noDType(context)
  const exponent = castExpression('y', y.dtype, 'float32')
  if (exponent === undefined || y.dtype.startsWith('u')) return noDType(context)
  const known = constantNumber(constants[1])
  if (known === 2) return { expression: ([a]) => `(${a} * ${a})` }
  if (known === 0.5) return { expression: ([a]) => `select(sqrt(${a}), mle_pow(${a}, 0.5), !(${a} > 0.0))` }
  return { expression: ([a, b]) => `mle_pow(${a}, ${castExpression(b, y.dtype, 'float32')})` }
}

/** The value of a constant of one element. */
export function constantNumber(view: View | undefined): number | undefined {
  if (view === undefined || view.size !== 1 || Array.isArray(view.data)) return undefined
  const value = Number(view.data[0])
  return view.dtype === 'float16' ? halfToFloat(value) : value
}

const mod: GpuKernel = elementwise(isArithmetic, ([a, b], attributes, dtype) => {
  if (isFloating(dtype)) return `mle_fmod(${a}, ${b})`
  const rest = `(${a} % select(${b}, ${dtype === 'int32' ? '1i' : '1u'}, ${b} == 0))`
  if (dtype === 'uint32' || int(attributes, 'fmod', 0) !== 0) return rest
  return `select(${rest}, ${rest} + ${b}, ${rest} != 0 && ((${rest} < 0) != (${b} < 0)))`
})

const where: GpuKernel = (context) => {
  const { inputs: [condition, x, y], outputs: [z] } = context
  if (condition?.dtype !== 'bool' || [x, y, z].some((view) => scalarOf(view) === undefined)) return noDType(context)
  return { expression: ([c, a, b]) => `select(${b}, ${a}, ${c})` }
}

const isInf: GpuKernel = floats(([x], attributes) => {
  const negative = int(attributes, 'detect_negative', 1) !== 0
  const positive = int(attributes, 'detect_positive', 1) !== 0
  if (!negative && !positive) return `(mle_is_inf(${x}) && false)`
  return negative && positive ? `mle_is_inf(${x})` : `(mle_is_inf(${x}) && ${negative ? '' : '!'}mle_negative(${x}))`
})

export const elementwiseKernels: readonly (readonly [string, GpuKernel])[] = [
  ['Add', numbers(add)],
  ['Sub', numbers((a, b) => `(${a} - ${b})`)],
  ['Mul', numbers((a, b) => `(${a} * ${b})`)],
  // Integers truncate, and a quotient by zero is 0.
  ['Div', numbers((a, b) => `(${a} / ${b})`, (a, b) => `select(${a} / ${b}, ${b}, ${b} == 0)`)],
  ['Neg', elementwise((dtype) => isFloating(dtype) || dtype === 'int32', ([x], _attributes, dtype) => (dtype === 'int32' ? `(-${x})` : `mle_negate(${x})`))],
  ['Abs', numbers((x) => `mle_abs(${x})`, (x) => `abs(${x})`)],
  ['Sqrt', unary('sqrt')],
  ['Exp', unary('mle_exp')],
  ['Log', unary('mle_log')],
  ['Sigmoid', unary('mle_sigmoid')],
  ['Relu', numbers((x) => `mle_relu(${x})`, (x) => `max(${x}, 0)`)],
  ['Max', fold((a, b) => `mle_max(${a}, ${b})`, (a, b) => `max(${a}, ${b})`)],
  ['Min', fold((a, b) => `mle_min(${a}, ${b})`, (a, b) => `min(${a}, ${b})`)],
  ['Sum', floats((values) => values.reduce(add))],
  ['Mean', floats((values) => `(${values.reduce(add)} / ${literal(values.length)})`)],
  ['Clip', clip],
  ['Where', where],
  ['Cast', cast],
  ['Equal', compare((a, b) => `mle_equal(${a}, ${b})`, (a, b) => `(${a} == ${b})`)],
  ['Less', compare((a, b) => `mle_less(${a}, ${b})`, (a, b) => `(${a} < ${b})`)],
  ['LessOrEqual', compare((a, b) => `mle_less_equal(${a}, ${b})`, (a, b) => `(${a} <= ${b})`)],
  ['Greater', compare((a, b) => `mle_less(${b}, ${a})`, (a, b) => `(${a} > ${b})`)],
  ['GreaterOrEqual', compare((a, b) => `mle_less_equal(${b}, ${a})`, (a, b) => `(${a} >= ${b})`)],
  ['And', logic('&&')],
  ['Or', logic('||')],
  ['Xor', logic('!=')],
  ['Not', elementwise((dtype) => dtype === 'bool', ([x]) => `(!${x})`)],
  ['IsNaN', unary('mle_is_nan')],
  ['IsInf', isInf],
  ['Mod', mod],
  ['Pow', pow],
  ['Sign', elementwise(isArithmetic, ([x], _attributes, dtype) => (isFloating(dtype) ? `mle_sign(${x})` : dtype === 'int32' ? `clamp(${x}, -1i, 1i)` : `min(${x}, 1u)`))],
  ['Reciprocal', floats(([x]) => `(1.0 / ${x})`)],
  ['Erf', unary('mle_erf')],
  ['Tanh', unary('mle_tanh')],
  ['LeakyRelu', floats(([x], attributes) => `select(${x}, ${attribute(attributes, 'alpha', 0.01)} * ${x}, ${x} < 0.0)`)],
  ['Softplus', unary('mle_softplus')],
  ['Floor', unary('mle_floor')],
  ['Ceil', unary('mle_ceil')],
  ['Round', unary('mle_round')],
  ['Sin', unary('mle_sin')],
  ['Cos', unary('mle_cos')],
  ['Tan', unary('mle_tan')],
  ['Asin', unary('mle_asin')],
  ['Acos', unary('mle_acos')],
  ['Atan', unary('mle_atan')],
  ['Sinh', unary('mle_sinh')],
  ['Cosh', unary('mle_cosh')],
  ['Asinh', unary('mle_asinh')],
  ['Acosh', unary('mle_acosh')],
  ['Atanh', unary('mle_atanh')],
  ['mle.Log1p', unary('mle_log1p')],
  ['mle.Expm1', unary('mle_expm1')],
  ['mle.NormalCdf', unary('mle_normal_cdf')],
  ['mle.LogExpit', floats(([x]) => `(-mle_softplus(-${x}))`)],
  ['mle.XLogY', floats(([x, y]) => `mle_xlogy(${x}, ${y})`)],
  ['PRelu', elementwise(isFloating, ([x, slope]) => `select(${x}, ${slope} * ${x}, ${x} < 0.0)`)],
  ['Elu', floats(([x], attributes) => `select(${x}, ${attribute(attributes, 'alpha', 1)} * mle_expm1(${x}), ${x} < 0.0)`)],
  ['Selu', floats(([x], attributes) => {
    const gamma = float(attributes, 'gamma', 1.05070102214813232421875)
    const alpha = gamma * float(attributes, 'alpha', 1.67326319217681884765625)
    return `select(${literal(gamma)} * ${x}, ${literal(alpha)} * mle_expm1(${x}), ${x} <= 0.0)`
  })],
  ['Celu', floats(([x], attributes) => {
    const alpha = attribute(attributes, 'alpha', 1)
    return `(mle_max(0.0, ${x}) + mle_min(0.0, ${alpha} * mle_expm1(${x} / ${alpha})))`
  })],
  ['HardSigmoid', floats(([x], attributes) => `mle_max(0.0, mle_min(1.0, ${attribute(attributes, 'alpha', 0.2)} * ${x} + ${attribute(attributes, 'beta', 0.5)}))`)],
  ['HardSwish', floats(([x]) => `select(${x} * mle_max(0.0, mle_min(1.0, ${x} / 6.0 + 0.5)), -0.0, mle_is_inf(${x}) && mle_negative(${x}))`)],
  ['Gelu', floats(([x], attributes) => `${text(attributes, 'approximate', 'none') === 'tanh' ? 'mle_gelu_tanh' : 'mle_gelu'}(${x})`)],
  ['Mish', unary('mle_mish')],
  ['Swish', floats(([x], attributes) => `mle_swish(${x}, ${attribute(attributes, 'alpha', 1)})`)],
  ['SwiGLU', floats(([a, b], attributes) => `(mle_swish(${a}, ${attribute(attributes, 'alpha', 1)}) * ${b})`)],
  ['Softsign', unary('mle_softsign')],
  ['ThresholdedRelu', floats(([x], attributes) => `select(${x}, 0.0, ${x} <= ${attribute(attributes, 'alpha', 1)})`)],
  ['Shrink', floats(([x], attributes) => {
    const bias = attribute(attributes, 'bias', 0)
    const lambd = attribute(attributes, 'lambd', 0.5)
    return `select(select(0.0 * ${x}, ${x} - ${bias}, ${x} > ${lambd}), ${x} + ${bias}, ${x} < -(${lambd}))`
  })],
  ['BitShift', elementwise((dtype) => dtype === 'uint32', ([a, b], attributes) => `select(${a} ${text(attributes, 'direction', 'LEFT') === 'LEFT' ? '<<' : '>>'} (${b} & 31u), 0u, ${b} > 31u)`)],
  ['BitwiseAnd', bits(([a, b]) => `(${a} & ${b})`)],
  ['BitwiseOr', bits(([a, b]) => `(${a} | ${b})`)],
  ['BitwiseXor', bits(([a, b]) => `(${a} ^ ${b})`)],
  ['BitwiseNot', bits(([x]) => `(~${x})`)],
]
