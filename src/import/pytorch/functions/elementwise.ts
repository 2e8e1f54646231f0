// Functions of one element at a time, and matrix products.
import type { DType } from '../../../tensor/index.ts'
import { isFloat } from '../../../tensor/index.ts'
import { pytorchError } from '../error.ts'
import { arithmetic, compare } from '../trace/arithmetic.ts'
import { cast, optionalTensor, promoted, reshape, scalar, scalarOf, tensorArgument, toTensor, together, want, type Attributes, type Tracer } from '../trace/tracer.ts'
import { intOf, isKind, isNumberValue, numberOf, type TensorValue, type Value } from '../trace/values.ts'
import { fn, type TorchFunction } from './define.ts'

/** An input that must be floating: integers become float32, as in torch. */
export function floating(t: Tracer, value: Value | undefined, what = 'input'): TensorValue {
  const own = toTensor(t, value, what)
  return isFloat(own.dtype) ? own : cast(t, own, 'float32')
}

const unary = (names: string, op: string, attributes: Attributes = {}): TorchFunction[] => fn(names, 'input ...', (t, a) => t.op(op, [floating(t, a.get('input'))], attributes))

/** Numbers and constant scalars of the file, which take part as Python's numbers. */
function plain(value: Value | undefined): Value | undefined {
  if (isKind(value, 'tensor')) return scalarOf(value) ?? value
  return value
}

const isPlain = (value: Value | undefined): boolean => isNumberValue(value) || isKind(value, 'symbol') || typeof value === 'string' || isKind(value, 'list') || isKind(value, 'tuple')

/** x op y: Python's arithmetic where neither is a tensor. */
export function binary(t: Tracer, python: string, op: string, x: Value | undefined, y: Value | undefined): Value {
  const [a, b] = [plain(x), plain(y)]
  if (a !== undefined && b !== undefined && isPlain(a) && isPlain(b)) return arithmetic(t, python, a, b)
  const operands = [a ?? null, b ?? null]
  const dtype = promoted(operands)
  if (python === '/' && !isFloat(dtype)) return t.op('Div', together(t, operands, 'float32'))
  if (python === '%') return modulo(t, operands, dtype)
  if (python === '//') return isFloat(dtype) ? t.op('Floor', [t.op('Div', together(t, operands, dtype))]) : floorDivideInts(t, together(t, operands, dtype))
  const own: DType = dtype === 'bool' && op !== 'And' && op !== 'Or' && op !== 'Xor' ? 'int64' : dtype
  return t.op(op, together(t, operands, own))
}

/** Python's remainder has the sign of the divisor, which Mod has for integers only. */
function modulo(t: Tracer, operands: Value[], dtype: DType): TensorValue {
  const [a, b] = together(t, operands, dtype)
  if (!isFloat(dtype)) return t.op('Mod', [a, b])
  return t.op('Sub', [a, t.op('Mul', [b, t.op('Floor', [t.op('Div', [a, b])])])])
}

/** (a - a mod b) / b: integer division of operators truncates. */
function floorDivideInts(t: Tracer, [a, b]: TensorValue[]): TensorValue {
  return t.op('Div', [t.op('Sub', [a, t.op('Mod', [a, b])]), b])
}

export function comparison(t: Tracer, python: string, op: string, x: Value | undefined, y: Value | undefined): Value {
  const [a, b] = [plain(x) ?? null, plain(y) ?? null]
  if (!isKind(a, 'tensor') && !isKind(b, 'tensor')) return compare(python, a, b)
  if (a === null || b === null || typeof a === 'string' || typeof b === 'string') return compare(python, a, b)
  const values = together(t, [a, b])
  return python === '!=' ? t.op('Not', [t.op('Equal', values)]) : t.op(op, values.map((value) => (value.dtype === 'bool' && op !== 'Equal' ? cast(t, value, 'int32') : value)))
}

const scaled = (t: Tracer, value: Value | undefined, alpha: Value | undefined): Value => (alpha === 1 || alpha === null || alpha === undefined ? (value ?? null) : binary(t, '*', 'Mul', value, alpha))

function logic(t: Tracer, python: string, boolOp: string, bitOp: string, x: Value | undefined, y: Value | undefined): Value {
  if (typeof x === 'boolean' && typeof y === 'boolean') return python === '&' ? x && y : python === '|' ? x || y : x !== y
  const values = [x ?? null, y ?? null]
  const dtype = promoted(values)
  return t.op(dtype === 'bool' ? boolOp : bitOp, together(t, values, dtype))
}

export const asBool = (t: Tracer, value: Value | undefined): TensorValue => cast(t, toTensor(t, value, 'input'), 'bool')

function clip(t: Tracer, x: TensorValue, min: Value | undefined, max: Value | undefined): TensorValue {
  if (isKind(min, 'tensor') || isKind(max, 'tensor')) {
    let out = x
    if (min !== null && min !== undefined) out = t.op('Max', together(t, [out, min]))
    if (max !== null && max !== undefined) out = t.op('Min', together(t, [out, max]))
    return out
  }
  const bound = (value: Value | undefined): TensorValue | undefined => (value === null || value === undefined ? undefined : scalar(t, numberOf(value, 'bound'), x.dtype))
  return t.op('Clip', [x, bound(min), bound(max)])
}

export const times = (t: Tracer, x: TensorValue, by: number): TensorValue => t.op('Mul', [x, scalar(t, by, x.dtype)])

/** Product of matrices; vectors as in torch. */
export function matmul(t: Tracer, x: Value | undefined, y: Value | undefined): TensorValue {
  return t.op('MatMul', together(t, [tensorArgument(x, 'input'), tensorArgument(y, 'other')]))
}

/** x [..., in] times weight [out, in] transposed, plus bias. */
export function linear(t: Tracer, input: TensorValue, weight: TensorValue, bias: TensorValue | undefined): TensorValue {
  want(t, input, -1, Number(weight.shape[1]))
  if (input.shape.length === 2 && weight.shape.length === 2) return t.op('Gemm', bias === undefined ? [input, weight] : [input, weight, bias], { transB: 1 })
  const product = t.op('MatMul', [input, t.op('Transpose', [weight], { perm: weight.shape.map((_, i) => weight.shape.length - 1 - i) })])
  return bias === undefined ? product : t.op('Add', [product, bias])
}

function prelu(t: Tracer, input: TensorValue, weight: TensorValue): TensorValue {
  const own = weight.shape.length === 1 && input.shape.length > 2 ? reshape(t, weight, [Number(weight.shape[0]), ...input.shape.slice(2).map(() => 1)]) : weight
  return t.op('PRelu', [input, own])
}

/** Operands of an equation, lower-case and without spaces, as Einsum takes them. */
function einsum(t: Tracer, args: readonly Value[]): TensorValue {
  const [equation, ...rest] = args
  const operands = rest.length === 1 && (isKind(rest[0], 'list') || isKind(rest[0], 'tuple')) ? rest[0].items : rest
  if (typeof equation !== 'string') throw pytorchError('PYTORCH_ARGUMENT', 'einsum needs an equation')
  return t.op('Einsum', together(t, [...operands]), { equation: equation.replaceAll(' ', '') })
}

export const elementwiseFunctions: readonly TorchFunction[] = [
  ...unary('sigmoid special_expit', 'Sigmoid'), ...unary('tanh', 'Tanh'), ...unary('exp', 'Exp'), ...unary('log', 'Log'), ...unary('sqrt', 'Sqrt'), ...unary('erf', 'Erf'),
  ...unary('sin', 'Sin'), ...unary('cos', 'Cos'), ...unary('tan', 'Tan'), ...unary('asin arcsin', 'Asin'), ...unary('acos arccos', 'Acos'), ...unary('atan arctan', 'Atan'),
  ...unary('sinh', 'Sinh'), ...unary('cosh', 'Cosh'), ...unary('asinh', 'Asinh'), ...unary('acosh', 'Acosh'), ...unary('atanh', 'Atanh'), ...unary('log1p', 'mle.Log1p'), ...unary('expm1', 'mle.Expm1'),
  ...unary('reciprocal', 'Reciprocal'), ...unary('selu', 'Selu'), ...unary('mish', 'Mish'), ...unary('softsign', 'Softsign'), ...unary('silu swish', 'Swish'), ...unary('hardswish', 'HardSwish'),
  ...unary('hardsigmoid', 'HardSigmoid', { alpha: 1 / 6, beta: 0.5 }), ...unary('isnan', 'IsNaN'), ...unary('isinf', 'IsInf'),
  ...fn('relu', 'input ...', (t, a) => t.op('Relu', [tensorArgument(a.get('input'), 'input')])),
  ...fn('abs absolute', 'input', (t, a) => t.op('Abs', [tensorArgument(a.get('input'), 'input')])),
  ...fn('neg negative', 'input', (t, a) => (isKind(a.get('input'), 'tensor') ? t.op('Neg', [tensorArgument(a.get('input'), 'input')]) : arithmetic(t, '-', 0, a.get('input') ?? null))),
  ...fn('sign sgn', 'input', (t, a) => t.op('Sign', [tensorArgument(a.get('input'), 'input')])),
  ...fn('floor', 'input', (t, a) => rounding(t, 'Floor', a.get('input'))),
  ...fn('ceil', 'input', (t, a) => rounding(t, 'Ceil', a.get('input'))),
  ...fn('round', 'input decimals=0', (t, a) => rounding(t, 'Round', a.get('input'))),
  ...fn('trunc fix', 'input', (t, a) => truncate(t, tensorArgument(a.get('input'), 'input'))),
  ...fn('square', 'input', (t, a) => binary(t, '*', 'Mul', a.get('input'), a.get('input'))),
  ...fn('rsqrt', 'input', (t, a) => t.op('Reciprocal', [t.op('Sqrt', [floating(t, a.get('input'))])])),
  ...fn('log2', 'input', (t, a) => times(t, t.op('Log', [floating(t, a.get('input'))]), 1.4426950408889634)),
  ...fn('log10', 'input', (t, a) => times(t, t.op('Log', [floating(t, a.get('input'))]), 0.4342944819032518)),
  ...fn('exp2', 'input', (t, a) => t.op('Exp', [times(t, floating(t, a.get('input')), 0.6931471805599453)])),
  ...fn('gelu', 'input approximate=none', (t, a) => t.op('Gelu', [floating(t, a.get('input'))], { approximate: a.get('approximate') === 'tanh' ? 'tanh' : 'none' })),
  ...fn('relu6', 'input ...', (t, a) => clip(t, floating(t, a.get('input')), 0, 6)),
  ...fn('hardtanh', 'input min_val=-1.0 max_val=1.0 ...', (t, a) => clip(t, floating(t, a.get('input')), a.get('min_val'), a.get('max_val'))),
  ...fn('clamp clip', 'input min=None max=None', (t, a) => clip(t, tensorArgument(a.get('input'), 'input'), a.get('min'), a.get('max'))),
  ...fn('clamp_min', 'input min', (t, a) => clip(t, tensorArgument(a.get('input'), 'input'), a.get('min'), null)),
  ...fn('clamp_max', 'input max', (t, a) => clip(t, tensorArgument(a.get('input'), 'input'), null, a.get('max'))),
  ...fn('leaky_relu', 'input negative_slope=0.01 ...', (t, a) => t.op('LeakyRelu', [floating(t, a.get('input'))], { alpha: numberOf(a.get('negative_slope'), 'negative_slope') })),
  ...fn('rrelu', 'input lower=0.125 upper=0.3333333333333333 ...', (t, a) => t.op('LeakyRelu', [floating(t, a.get('input'))], { alpha: (numberOf(a.get('lower'), 'lower') + numberOf(a.get('upper'), 'upper')) / 2 })),
  ...fn('prelu', 'input weight', (t, a) => prelu(t, tensorArgument(a.get('input'), 'input'), tensorArgument(a.get('weight'), 'weight'))),
  ...fn('elu', 'input alpha=1.0 ...', (t, a) => t.op('Elu', [floating(t, a.get('input'))], { alpha: numberOf(a.get('alpha'), 'alpha') })),
  ...fn('celu', 'input alpha=1.0 ...', (t, a) => t.op('Celu', [floating(t, a.get('input'))], { alpha: numberOf(a.get('alpha'), 'alpha') })),
  ...fn('softplus', 'input beta=1 threshold=20', (t, a) => softplus(t, floating(t, a.get('input')), numberOf(a.get('beta'), 'beta'), numberOf(a.get('threshold'), 'threshold'))),
  ...fn('logsigmoid log_sigmoid', 'input', (t, a) => t.op('Neg', [softplus(t, t.op('Neg', [floating(t, a.get('input'))]), 1)])),
  ...fn('tanhshrink', 'input', (t, a) => { const x = floating(t, a.get('input')); return t.op('Sub', [x, t.op('Tanh', [x])]) }),
  ...fn('softshrink', 'input lambd=0.5', (t, a) => { const lambd = numberOf(a.get('lambd'), 'lambd'); return t.op('Shrink', [floating(t, a.get('input'))], { bias: lambd, lambd }) }),
  ...fn('hardshrink', 'input lambd=0.5', (t, a) => t.op('Shrink', [floating(t, a.get('input'))], { bias: 0, lambd: numberOf(a.get('lambd'), 'lambd') })),
  ...fn('threshold', 'input threshold value ...', (t, a) => { const x = floating(t, a.get('input')); return t.op('Where', [t.op('Greater', [x, scalar(t, numberOf(a.get('threshold'), 'threshold'), x.dtype)]), x, scalar(t, numberOf(a.get('value'), 'value'), x.dtype)]) }),
  ...fn('glu', 'input dim=-1', (t, a) => { const [x, gate] = t.ops('Split', [floating(t, a.get('input'))], 2, { axis: intOf(a.get('dim'), 'dim'), num_outputs: 2 }); return t.op('Mul', [x, t.op('Sigmoid', [gate])]) }),

  ...fn('add', 'input other alpha=1', (t, a) => binary(t, '+', 'Add', a.get('input'), scaled(t, a.get('other'), a.get('alpha')))),
  ...fn('sub subtract', 'input other alpha=1', (t, a) => binary(t, '-', 'Sub', a.get('input'), scaled(t, a.get('other'), a.get('alpha')))),
  ...fn('rsub', 'input other alpha=1', (t, a) => binary(t, '-', 'Sub', a.get('other'), scaled(t, a.get('input'), a.get('alpha')))),
  ...fn('mul multiply', 'input other', (t, a) => binary(t, '*', 'Mul', a.get('input'), a.get('other'))),
  ...fn('div divide true_divide', 'input other rounding_mode=None', (t, a) => divide(t, a.get('input'), a.get('other'), a.get('rounding_mode'))),
  ...fn('floor_divide floordiv __floordiv__', 'input other', (t, a) => binary(t, '//', 'Div', a.get('input'), a.get('other'))),
  ...fn('remainder', 'input other', (t, a) => binary(t, '%', 'Mod', a.get('input'), a.get('other'))),
  ...fn('fmod', 'input other', (t, a) => t.op('Mod', together(t, [a.get('input') ?? null, a.get('other') ?? null]), { fmod: 1 })),
  ...fn('pow __pow__', 'input exponent', (t, a) => power(t, a.get('input'), a.get('exponent'))),
  ...fn('maximum', 'input other', (t, a) => t.op('Max', together(t, [a.get('input') ?? null, a.get('other') ?? null]))),
  ...fn('minimum', 'input other', (t, a) => t.op('Min', together(t, [a.get('input') ?? null, a.get('other') ?? null]))),
  ...fn('eq', 'input other', (t, a) => comparison(t, '==', 'Equal', a.get('input'), a.get('other'))),
  ...fn('ne not_equal', 'input other', (t, a) => comparison(t, '!=', 'Equal', a.get('input'), a.get('other'))),
  ...fn('lt less', 'input other', (t, a) => comparison(t, '<', 'Less', a.get('input'), a.get('other'))),
  ...fn('le less_equal', 'input other', (t, a) => comparison(t, '<=', 'LessOrEqual', a.get('input'), a.get('other'))),
  ...fn('gt greater', 'input other', (t, a) => comparison(t, '>', 'Greater', a.get('input'), a.get('other'))),
  ...fn('ge greater_equal', 'input other', (t, a) => comparison(t, '>=', 'GreaterOrEqual', a.get('input'), a.get('other'))),
  ...fn('logical_and', 'input other', (t, a) => t.op('And', [asBool(t, a.get('input')), asBool(t, a.get('other'))])),
  ...fn('logical_or', 'input other', (t, a) => t.op('Or', [asBool(t, a.get('input')), asBool(t, a.get('other'))])),
  ...fn('logical_xor', 'input other', (t, a) => t.op('Xor', [asBool(t, a.get('input')), asBool(t, a.get('other'))])),
  ...fn('logical_not', 'input', (t, a) => t.op('Not', [asBool(t, a.get('input'))])),
  ...fn('bitwise_not', 'input', (t, a) => { const x = tensorArgument(a.get('input'), 'input'); return t.op(x.dtype === 'bool' ? 'Not' : 'BitwiseNot', [x]) }),
  ...fn('bitwise_and __and__', 'input other', (t, a) => logic(t, '&', 'And', 'BitwiseAnd', a.get('input'), a.get('other'))),
  ...fn('bitwise_or __or__', 'input other', (t, a) => logic(t, '|', 'Or', 'BitwiseOr', a.get('input'), a.get('other'))),
  ...fn('bitwise_xor __xor__', 'input other', (t, a) => logic(t, '^', 'Xor', 'BitwiseXor', a.get('input'), a.get('other'))),
  ...fn('where', 'condition input other', (t, a) => t.op('Where', [asBool(t, a.get('condition')), ...together(t, [a.get('input') ?? null, a.get('other') ?? null])])),
  ...fn('masked_fill', 'input mask value', (t, a) => { const x = tensorArgument(a.get('input'), 'input'); return t.op('Where', [asBool(t, a.get('mask')), cast(t, toTensor(t, plain(a.get('value')), 'value', x.dtype), x.dtype), x]) }),
  ...fn('addcmul', 'input tensor1 tensor2 value=1', (t, a) => binary(t, '+', 'Add', a.get('input'), scaled(t, binary(t, '*', 'Mul', a.get('tensor1'), a.get('tensor2')), a.get('value')))),
  ...fn('addcdiv', 'input tensor1 tensor2 value=1', (t, a) => binary(t, '+', 'Add', a.get('input'), scaled(t, binary(t, '/', 'Div', a.get('tensor1'), a.get('tensor2')), a.get('value')))),
  ...fn('lerp', 'input end weight', (t, a) => binary(t, '+', 'Add', a.get('input'), binary(t, '*', 'Mul', a.get('weight'), binary(t, '-', 'Sub', a.get('end'), a.get('input'))))),

  ...fn('matmul mm bmm mv dot __matmul__', 'input other', (t, a) => matmul(t, a.get('input'), a.get('other'))),
  ...fn('linear', 'input weight bias=None', (t, a) => linear(t, tensorArgument(a.get('input'), 'input'), tensorArgument(a.get('weight'), 'weight'), optionalTensor(a.get('bias'), 'bias'))),
  ...fn('addmm baddbmm addbmm', 'input mat1 mat2 beta=1 alpha=1', (t, a) => binary(t, '+', 'Add', scaled(t, a.get('input'), a.get('beta')), scaled(t, matmul(t, a.get('mat1'), a.get('mat2')), a.get('alpha')))),
  ...fn('bilinear', 'input1 input2 weight bias=None', (t, a) => { const y = t.op('Einsum', ['input1', 'weight', 'input2'].map((name) => tensorArgument(a.get(name), name)), { equation: '...i,oij,...j->...o' }); const bias = optionalTensor(a.get('bias'), 'bias'); return bias === undefined ? y : t.op('Add', [y, bias]) }),
  ...fn('outer ger', 'input vec2', (t, a) => t.op('Einsum', [tensorArgument(a.get('input'), 'input'), tensorArgument(a.get('vec2'), 'vec2')], { equation: 'i,j->ij' })),
  ...fn('einsum', 'equation operands a=None b=None c=None d=None', (t, a) => einsum(t, ['equation', 'operands', 'a', 'b', 'c', 'd'].map((name) => a.get(name) ?? null).filter((value, i) => i < 2 || (value !== null && !isKind(value, 'list'))))),
]

function rounding(t: Tracer, op: string, input: Value | undefined): Value {
  if (isNumberValue(input)) {
    const value = numberOf(input, 'input')
    return op === 'Floor' ? Math.floor(value) : op === 'Ceil' ? Math.ceil(value) : Math.round(value)
  }
  const x = tensorArgument(input, 'input')
  return isFloat(x.dtype) ? t.op(op, [x]) : x
}

const truncate = (t: Tracer, x: TensorValue): TensorValue => t.op('Mul', [t.op('Sign', [x]), t.op('Floor', [t.op('Abs', [x])])])

function divide(t: Tracer, x: Value | undefined, y: Value | undefined, rounding: Value | undefined): Value {
  if (rounding === 'floor') return binary(t, '//', 'Div', x, y)
  if (rounding === 'trunc') {
    const [a, b] = [plain(x) ?? null, plain(y) ?? null]
    // Sizes are not negative: both roundings agree.
    if (isPlain(a) && isPlain(b)) return arithmetic(t, '//', a, b)
    const dtype = promoted([a, b])
    return isFloat(dtype) ? truncate(t, t.op('Div', together(t, [a, b], dtype))) : t.op('Div', together(t, [a, b], dtype))
  }
  return binary(t, '/', 'Div', x, y)
}

function power(t: Tracer, x: Value | undefined, y: Value | undefined): Value {
  const [a, b] = [plain(x) ?? null, plain(y) ?? null]
  if (isPlain(a) && isPlain(b)) return arithmetic(t, '**', a, b)
  if (isKind(a, 'tensor') && isNumberValue(b)) {
    const exponent = numberOf(b, 'exponent')
    if (exponent === 2) return t.op('Mul', [a, a])
    if (exponent === 0.5) return t.op('Sqrt', [floating(t, a)])
    if (exponent === 1) return a
    if (exponent === -1) return t.op('Reciprocal', [floating(t, a)])
  }
  return t.op('Pow', together(t, [a, b]))
}

/** Beyond the threshold x itself, which from 20 on is the same within the precision of float32. */
function softplus(t: Tracer, x: TensorValue, beta: number, threshold = 20): TensorValue {
  const scaled = beta === 1 ? x : times(t, x, beta)
  const y = beta === 1 ? t.op('Softplus', [x]) : times(t, t.op('Softplus', [scaled]), 1 / beta)
  return threshold >= 20 ? y : t.op('Where', [t.op('Greater', [scaled, scalar(t, threshold, x.dtype)]), x, y])
}

