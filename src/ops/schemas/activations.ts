// Activation functions of neural networks.
import { text as textOf } from '../attributes.ts'
import { elementwise, elementwiseRows } from '../rules.ts'
import { exact, ulps, type OpSchema } from '../schema.ts'
import { FLOATS, INTEGERS, binary, float, op, oneOf, text, unary } from './define.ts'

/** Differences of two near values lose digits: a few ulps of the larger term, which is below 1 + |y|. */
const near: OpSchema['bound'] = (eps, reference) => 16 * eps * (1 + Math.abs(reference))

export const activationSchemas: readonly OpSchema[] = [
  /** X, or slope X where X is negative; the slope broadcasts to X. @formula Y = X < 0 ? slope X : X */
  op('PRelu', 16, 'X:T slope:T', { typeSets: { T: [...FLOATS, 'int32', 'uint32', 'int64', 'uint64'] }, infer: (context) => elementwise(context), rowWise: elementwiseRows, inPlace: true }),
  /** X, or alpha (e^X - 1) where X is negative. @formula Y = X < 0 ? alpha (e^X - 1) : X */
  unary('Elu', 22, { attributes: [float('alpha', 1)] }),
  /** Gamma times X, or gamma alpha (e^X - 1) where X is not positive. @formula Y = gamma (X > 0 ? X : alpha (e^X - 1)) */
  unary('Selu', 22, { attributes: [float('alpha', 1.67326319217681884765625), float('gamma', 1.05070102214813232421875)], bound: ulps(4) }),
  /** Elu that is smooth for every alpha. @formula Y = max(0, X) + min(0, alpha (e^(X / alpha) - 1)) */
  unary('Celu', 12, { attributes: [float('alpha', 1)], bound: ulps(4) }),
  /** A line cut at 0 and 1. @formula Y = max(0, min(1, alpha X + beta)) */
  unary('HardSigmoid', 22, { attributes: [float('alpha', 0.2), float('beta', 0.5)], bound: near }),
  /** X times a line cut at 0 and 1. @formula Y = X max(0, min(1, X / 6 + 1/2)) */
  unary('HardSwish', 22, { bound: near }),
  /** X times the normal distribution function of X, by erf, or by tanh where `approximate` is 'tanh'. @formula Y = X (1 + erf(X / sqrt(2))) / 2; tanh: Y = X (1 + tanh(sqrt(2 / pi) (X + 0.044715 X^3))) / 2 */
  unary('Gelu', 20, {
    attributes: [text('approximate', 'none')], bound: near,
    infer(context) {
      oneOf('approximate', textOf(context.attributes, 'approximate', 'none'), ['none', 'tanh'])
      return elementwise(context)
    },
  }),
  /** X times the hyperbolic tangent of its softplus. @formula Y = X tanh(ln(1 + e^X)) */
  unary('Mish', 22, { bound: ulps(4) }),
  /** X times the logistic function of alpha X. @formula Y = X / (1 + e^(-alpha X)) */
  unary('Swish', 24, { attributes: [float('alpha', 1)], bound: ulps(4) }),
  /** Swish of A as a gate for B. @formula Y = A / (1 + e^(-alpha A)) B */
  binary('SwiGLU', 28, { attributes: [float('alpha', 1)], bound: ulps(4) }),
  /** X over one more than its size. @formula Y = X / (1 + |X|) */
  unary('Softsign', 22),
  /** X where it is above alpha, else 0. @formula Y = X > alpha ? X : 0 */
  unary('ThresholdedRelu', 22, { attributes: [float('alpha', 1)], bound: exact }),
  /** X moved toward 0 by the bias, and 0 within lambd of 0. @formula Y = X < -lambd ? X + bias : X > lambd ? X - bias : 0 */
  unary('Shrink', 9, { typeSets: { T: [...FLOATS, ...INTEGERS] }, attributes: [float('bias', 0), float('lambd', 0.5)], bound: ulps(1) }),
]
