// Activation functions. Each is computed in float64 and rounded once, when it is stored; attributes are float32 numbers.
import { is64BitInteger } from '../../tensor/dtype.ts'
import { celuSingle, eluSingle, geluSingle, geluTanhSingle, mishSingle, seluSingle, swishSingle } from '../../math/units-single.ts'
import { celu, elu, gelu, geluTanh, hardSigmoid, hardSwish, mish, selu, swish, thresholdedRelu } from '../../math/units.ts'
import { float, text } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry } from '../kernel.ts'
import type { Attributes } from '../types.ts'
import { binaryEntry, dtypeOf, each, isHalf, pairs, unaryKernel, widePairs } from './elementwise.ts'
import { copyWide, mulWide } from './wide.ts'
import { widened } from './widen.ts'

type Make = (attributes: Attributes) => (x: number) => number

/** A kernel of one function whose parameters come from the attributes: of `double` for float64, of `single` for other dtypes. */
function configured(double: Make, single: Make = double): KernelEntry {
  const make = (context: KernelContext): Kernel => {
    const value = (dtypeOf(context) === 'float64' ? double : single)(context.attributes)
    return unaryKernel((y, x, n) => {
      for (let i = 0; i < n; i++) y[i] = value(x[i])
    })
  }
  return { make: widened(make, isHalf) }
}

export function seluFactors(attributes: Attributes): readonly [gammaAlpha: number, gamma: number] {
  const gamma = float(attributes, 'gamma', 1.05070102214813232421875)
  return [gamma * float(attributes, 'alpha', 1.67326319217681884765625), gamma]
}

/** Whether Gelu is its approximation by tanh. */
export function isTanh(attributes: Attributes): boolean {
  return text(attributes, 'approximate', 'none') === 'tanh'
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
    return (x) => elu(x, alpha)
  }, (attributes) => {
    const alpha = float(attributes, 'alpha', 1)
    return (x) => eluSingle(x, alpha)
  })],
  ['Selu', /* @__PURE__ */ configured((attributes) => {
    const [gammaAlpha, gamma] = seluFactors(attributes)
    return (x) => selu(x, gammaAlpha, gamma)
  }, (attributes) => {
    const [gammaAlpha, gamma] = seluFactors(attributes)
    return (x) => seluSingle(x, gammaAlpha, gamma)
  })],
  ['Celu', /* @__PURE__ */ configured((attributes) => {
    const alpha = float(attributes, 'alpha', 1)
    return (x) => celu(x, alpha)
  }, (attributes) => {
    const alpha = float(attributes, 'alpha', 1)
    return (x) => celuSingle(x, alpha)
  })],
  ['HardSigmoid', /* @__PURE__ */ configured((attributes) => {
    const alpha = float(attributes, 'alpha', 0.2)
    const beta = float(attributes, 'beta', 0.5)
    return (x) => hardSigmoid(x, alpha, beta)
  })],
  ['HardSwish', /* @__PURE__ */ each(hardSwish)],
  ['Gelu', /* @__PURE__ */ configured((attributes) => (isTanh(attributes) ? geluTanh : gelu), (attributes) => (isTanh(attributes) ? geluTanhSingle : geluSingle))],
  ['Mish', /* @__PURE__ */ configured(() => mish, () => mishSingle)],
  ['Swish', /* @__PURE__ */ configured((attributes) => {
    const alpha = float(attributes, 'alpha', 1)
    return (x) => swish(x, alpha)
  }, (attributes) => {
    const alpha = float(attributes, 'alpha', 1)
    return (x) => swishSingle(x, alpha)
  })],
  ['SwiGLU', /* @__PURE__ */ binaryEntry((attributes) => {
    const alpha = float(attributes, 'alpha', 1)
    return { float64: pairs((a, b) => swish(a, alpha) * b) }
  })],
  ['Softsign', /* @__PURE__ */ each((x) => (x - x !== 0 && x === x ? Math.sign(x) : x / (1 + Math.abs(x))))],
  ['ThresholdedRelu', /* @__PURE__ */ configured((attributes) => {
    const alpha = float(attributes, 'alpha', 1)
    return (x) => thresholdedRelu(x, alpha)
  })],
  ['Shrink', { make: (context) => (is64BitInteger(dtypeOf(context)) ? widened(makeShrink, () => true, 'float64') : widened(makeShrink, isHalf))(context) }],
]
