// Functions of single elements beyond arithmetic: roundings, trigonometry, special functions.
import { MleError } from '../../error.ts'
import { int as intOf } from '../attributes.ts'
import { broadcastDims, elementwise, elementwiseRows, tensorInput } from '../rules.ts'
import { exact, type InferContext, type OpSchema } from '../schema.ts'
import type { ValueType } from '../types.ts'
import { FLOATS, INTEGERS, binary, float, int, op, toBool, unary } from './define.ts'
import { EXACT } from './elementwise.ts'

const MLE = { domain: 'mle' }

function inferMod(context: InferContext): ValueType[] {
  if (intOf(context.attributes, 'fmod', 0) === 0 && (FLOATS as readonly string[]).includes(tensorInput(context, 0).dtype)) {
    throw new MleError('OP_ATTRIBUTE', 'attribute fmod must be 1 for floating point', { expected: 1, actual: 0 })
  }
  return elementwise(context)
}

/** The base decides the dtype; the exponent may have another. */
function inferPow(context: InferContext): ValueType[] {
  const base = tensorInput(context, 0)
  const exponent = tensorInput(context, 1)
  const shape = base.shape === undefined || exponent.shape === undefined ? undefined : broadcastDims(base.shape, exponent.shape)
  return [{ dtype: base.dtype, shape }]
}

export const functionSchemas: readonly OpSchema[] = [
  /** Remainder: of floor division (sign of B) with fmod 0, of truncating division (sign of A) with fmod 1; integers modulo zero give 0. @formula C = A - B floor(A / B) */
  binary('Mod', 13, { ...EXACT, attributes: [int('fmod', 0)], infer: inferMod }),
  /** Power in the dtype of X; integers truncate toward zero and saturate. @formula Z = X^Y */
  op('Pow', 15, 'X:T Y:E', { typeSets: { T: [...FLOATS, 'int32', 'int64'], E: [...FLOATS, ...INTEGERS] }, infer: inferPow, rowWise: elementwiseRows }),
  /** -1, 0 or 1; NaN stays NaN. @formula Y = sign(X) */
  unary('Sign', 13, EXACT),
  /** One over X. @formula Y = 1 / X */
  unary('Reciprocal', 13, { bound: exact }),
  /** Error function. @formula Y = 2 / sqrt(pi) integral from 0 to X of e^(-t^2) dt */
  unary('Erf', 13),
  /** Hyperbolic tangent. @formula Y = tanh(X) */
  unary('Tanh', 13),
  /** X, or alpha X where X is negative; alpha is rounded to the dtype first. @formula Y = X >= 0 ? X : alpha X */
  unary('LeakyRelu', 16, { attributes: [float('alpha', 0.01)] }),
  /** Logarithm of 1 + e^X, without overflow. @formula Y = ln(1 + e^X) */
  unary('Softplus', 22),
  /** Largest integer not above X. @formula Y = floor(X) */
  unary('Floor', 13, { bound: exact }),
  /** Smallest integer not below X. @formula Y = ceil(X) */
  unary('Ceil', 13, { bound: exact }),
  /** Nearest integer, ties to even. @formula Y = rint(X) */
  unary('Round', 22, { bound: exact }),
  /** Sine of radians. @formula Y = sin(X) */
  unary('Sin', 22),
  /** Cosine of radians. @formula Y = cos(X) */
  unary('Cos', 22),
  /** Tangent of radians. @formula Y = tan(X) */
  unary('Tan', 22),
  /** Angle whose sine is X. @formula Y = asin(X) */
  unary('Asin', 22),
  /** Angle whose cosine is X. @formula Y = acos(X) */
  unary('Acos', 22),
  /** Angle whose tangent is X. @formula Y = atan(X) */
  unary('Atan', 22),
  /** Hyperbolic sine. @formula Y = (e^X - e^-X) / 2 */
  unary('Sinh', 22),
  /** Hyperbolic cosine. @formula Y = (e^X + e^-X) / 2 */
  unary('Cosh', 22),
  /** Inverse hyperbolic sine. @formula Y = asinh(X) */
  unary('Asinh', 22),
  /** Inverse hyperbolic cosine. @formula Y = acosh(X) */
  unary('Acosh', 22),
  /** Inverse hyperbolic tangent. @formula Y = atanh(X) */
  unary('Atanh', 22),
  /** Logarithm of 1 + X, exact near 0. @formula Y = ln(1 + X) */
  unary('Log1p', 1, MLE),
  /** Exponential minus 1, exact near 0. @formula Y = e^X - 1 */
  unary('Expm1', 1, MLE),
  /** Logarithm of the absolute gamma function. @formula Y = ln|gamma(X)| */
  unary('LogGamma', 1, { ...MLE, bound: gammaBound }),
  /** Logarithmic derivative of the gamma function. @formula Y = d/dX ln(gamma(X)) */
  unary('Digamma', 1, { ...MLE, bound: gammaBound }),
  /** Standard normal quantile. @formula Y = sqrt(2) erfinv(2 X - 1) */
  unary('NormalQuantile', 1, { ...MLE, bound: gammaBound }),
  /** Standard normal distribution function. @formula Y = (1 + erf(X / sqrt(2))) / 2 */
  unary('NormalCdf', 1, MLE),
  /** Logarithm of the logistic function, without overflow. @formula Y = -ln(1 + e^-X) */
  unary('LogExpit', 1, MLE),
  /** X ln(Y), and 0 where X is 0 and Y is no NaN. @formula Z = X ln(Y) */
  binary('XLogY', 1, MLE),
  /** True where X is an infinity of a sign that is asked for. @formula Y = |X| == infinity */
  unary('IsInf', 20, { bound: exact, infer: toBool, inPlace: false, attributes: [int('detect_negative', 1), int('detect_positive', 1)] }),
]

/** 4 ulps of the value, or of 1 near its zeros, where the value itself is a difference. */
function gammaBound(eps: number, reference: number): number {
  return 8 * eps * Math.max(Math.abs(reference), 1)
}
