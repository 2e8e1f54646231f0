// Activation functions. Each is computed in float64 and rounded once, when it is stored; attributes are float32 numbers.
import { is64BitInteger } from '../../tensor/dtype.ts'
import { erfc, expm1, logistic, softplus, tanh } from '../../math/index.ts'
import { float, text } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry } from '../kernel.ts'
import type { Attributes } from '../types.ts'
import { binaryEntry, dtypeOf, each, isHalf, pairs, unaryKernel, widePairs } from './elementwise.ts'
import { copyWide, mulWide } from './wide.ts'
import { widened } from './widen.ts'

/** A kernel of one function whose parameters come from the attributes. */
function configured(f: (attributes: Attributes) => (x: number) => number): KernelEntry {
  const make = ({ attributes }: KernelContext): Kernel => {
    const value = f(attributes)
    return unaryKernel((y, x, n) => {
      for (let i = 0; i < n; i++) y[i] = value(x[i])
    })
  }
  return { make: widened(make, isHalf) }
}

const SQRT_HALF = 0.7071067811865476
const SQRT_2_OVER_PI = 0.7978845608028654

/** x Phi(x); erfc keeps the digits of the lower tail. */
export function gelu(x: number): number {
  return x === -Infinity ? -0 : 0.5 * x * erfc(-x * SQRT_HALF)
}

export function geluTanh(x: number): number {
  return x === -Infinity ? -0 : x * logistic(2 * SQRT_2_OVER_PI * (x + 0.044715 * x * x * x))
}

export function mish(x: number): number {
  return x === -Infinity ? -0 : x * tanh(softplus(x))
}

/** x / (1 + e^(-alpha x)) */
export function swish(x: number, alpha: number): number {
  const gate = logistic(alpha * x)
  return gate === 0 ? 0 : x * gate
}

export function hardSigmoid(x: number, alpha: number, beta: number): number {
  return Math.max(0, Math.min(1, alpha * x + beta))
}

function celu(x: number, alpha: number): number {
  return Math.max(0, x) + Math.min(0, alpha * expm1(x / alpha))
}

/** Shrinks in the dtype of x: integers that leave the range wrap. */
function makeShrink(context: KernelContext): Kernel {
  const bias = float(context.attributes, 'bias', 0)
  const lambd = float(context.attributes, 'lambd', 0.5)
  return unaryKernel((y, x, n) => {
    for (let i = 0; i < n; i++) y[i] = x[i] < -lambd ? x[i] + bias : x[i] > lambd ? x[i] - bias : 0 * x[i]
  })
}

export const activationKernels: readonly (readonly [string, KernelEntry])[] = [
  ['PRelu', /* @__PURE__ */ binaryEntry((_attributes, dtype) => ({
    float64: pairs((x, slope) => (x < 0 ? slope * x : x)),
    int32: pairs((x, slope) => (x < 0 ? Math.imul(slope, x) : x)),
    wide: widePairs((y, o, a, i, b, j) => (a[i + 1] < 0 && dtype === 'int64' ? mulWide(y, o, b, j, a, i) : copyWide(y, o, a, i))),
  }))],
  ['Elu', /* @__PURE__ */ configured((attributes) => {
    const alpha = float(attributes, 'alpha', 1)
    return (x) => (x < 0 ? alpha * expm1(x) : x)
  })],
  ['Selu', /* @__PURE__ */ configured((attributes) => {
    const gamma = float(attributes, 'gamma', 1.05070102214813232421875)
    const alpha = gamma * float(attributes, 'alpha', 1.67326319217681884765625)
    return (x) => (x <= 0 ? alpha * expm1(x) : gamma * x)
  })],
  ['Celu', /* @__PURE__ */ configured((attributes) => {
    const alpha = float(attributes, 'alpha', 1)
    return (x) => celu(x, alpha)
  })],
  ['HardSigmoid', /* @__PURE__ */ configured((attributes) => {
    const alpha = float(attributes, 'alpha', 0.2)
    const beta = float(attributes, 'beta', 0.5)
    return (x) => hardSigmoid(x, alpha, beta)
  })],
  ['HardSwish', /* @__PURE__ */ each((x) => (x === -Infinity ? -0 : x * Math.max(0, Math.min(1, x / 6 + 0.5))))],
  ['Gelu', /* @__PURE__ */ configured((attributes) => (text(attributes, 'approximate', 'none') === 'tanh' ? geluTanh : gelu))],
  ['Mish', /* @__PURE__ */ each(mish)],
  ['Swish', /* @__PURE__ */ configured((attributes) => {
    const alpha = float(attributes, 'alpha', 1)
    return (x) => swish(x, alpha)
  })],
  ['SwiGLU', /* @__PURE__ */ binaryEntry((attributes) => {
    const alpha = float(attributes, 'alpha', 1)
    return { float64: pairs((a, b) => swish(a, alpha) * b) }
  })],
  ['Softsign', /* @__PURE__ */ each((x) => (x - x !== 0 && x === x ? Math.sign(x) : x / (1 + Math.abs(x))))],
  ['ThresholdedRelu', /* @__PURE__ */ configured((attributes) => {
    const alpha = float(attributes, 'alpha', 1)
    return (x) => (x <= alpha ? 0 : x)
  })],
  ['Shrink', { make: (context) => (is64BitInteger(dtypeOf(context)) ? widened(makeShrink, () => true, 'float64') : widened(makeShrink, isHalf))(context) }],
]
