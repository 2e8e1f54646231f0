// Functions of single elements beyond arithmetic. Halves go through float32.
import { isFloat, type DType } from '../../tensor/dtype.ts'
import { logExpit, softplus, xlogy } from '../../math/activation.ts'
import { acos, asin, atan } from '../../math/arc.ts'
import { erf, normalCdf } from '../../math/erf.ts'
import { expm1 } from '../../math/expm1.ts'
import { digamma, lgamma } from '../../math/gamma.ts'
import { acosh, asinh, atanh, cosh, sinh, tanh } from '../../math/hyperbolic.ts'
import { log1p } from '../../math/log1p.ts'
import { pow } from '../../math/pow.ts'
import { normalQuantile } from '../../math/quantile.ts'
import { cos, sin, tan } from '../../math/trig.ts'
import { erfSingle, expm1Single, softplusSingle, tanhSingle } from '../../math/single.ts'
import { float, int } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry } from '../kernel.ts'
import type { Attributes } from '../types.ts'
import { ZERO, binaryEntry, binaryKernel, dtypeOf, each, eachWide, isHalf, pairs, unaryEntry, unaryKernel, widePairs, type BinaryLoops, type UnaryLoop } from './elementwise.ts'
import type { Numbers } from './nest.ts'
import { floorMod, modWide, remWide } from './remainders.ts'
import { compareWide } from './wide.ts'
import { widened } from './widen.ts'
import { roundEven } from '../../math/round-even.ts'

const tanh64: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = tanh(x[i])
}
const tanh32: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = tanhSingle(x[i])
}
const erf64: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = erf(x[i])
}
const erf32: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = erfSingle(x[i])
}
const softplus64: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = softplus(x[i])
}
const softplus32: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = softplusSingle(x[i])
}
const expm1_64: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = expm1(x[i])
}
const expm1_32: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = expm1Single(x[i])
}

function modLoops(attributes: Attributes, dtype: DType): BinaryLoops {
  if (int(attributes, 'fmod', 0) === 0) return { float64: pairs(floorMod), wide: widePairs(modWide) }
  return { float64: pairs(isFloat(dtype) ? (a, b) => a % b : (a, b) => (b === 0 ? 0 : a % b)), wide: widePairs(remWide) }
}

function makeLeakyRelu(context: KernelContext): Kernel {
  const alpha = float(context.attributes, 'alpha', 0.01)
  const slope = dtypeOf(context) === 'float64' ? alpha : Math.fround(alpha)
  return unaryKernel((y, x, n) => {
    for (let i = 0; i < n; i++) y[i] = x[i] < 0 ? slope * x[i] : x[i]
  })
}

function makeIsInf({ attributes }: KernelContext): Kernel {
  const negative = int(attributes, 'detect_negative', 1) !== 0
  const positive = int(attributes, 'detect_positive', 1) !== 0
  return unaryKernel((y, x, n) => {
    for (let i = 0; i < n; i++) y[i] = (positive && x[i] === Infinity) || (negative && x[i] === -Infinity) ? 1 : 0
  })
}

/** Exponents of another dtype are brought to float64, in which the power is taken. */
function makePow(context: KernelContext): Kernel {
  const [base, exponent] = [dtypeOf(context), dtypeOf(context, 1)]
  const kernel = (): Kernel => binaryKernel(pairs(pow))
  const direct = (dtype: DType): boolean => dtype === 'float64' || dtype === 'float32'
  return base === exponent && direct(base) ? kernel() : widened(kernel, () => true, 'float64')(context)
}

export const functionKernels: readonly (readonly [string, KernelEntry])[] = [
  ['Mod', /* @__PURE__ */ binaryEntry(modLoops)],
  ['Pow', { make: makePow }],
  ['Sign', /* @__PURE__ */ unaryEntry(signLoop, signLoop, eachWide((y, o, x) => {
    const sign = Math.sign(compareWide(x, o, ZERO, 0))
    y[o + 1] = sign < 0 ? -1 : 0
    y[o] = sign
  }))],
  ['Reciprocal', /* @__PURE__ */ each((x) => 1 / x)],
  ['Erf', /* @__PURE__ */ unaryEntry(erf64, erf32)],
  ['Tanh', /* @__PURE__ */ unaryEntry(tanh64, tanh32)],
  ['LeakyRelu', { make: /* @__PURE__ */ widened(makeLeakyRelu, isHalf) }],
  ['Softplus', /* @__PURE__ */ unaryEntry(softplus64, softplus32)],
  ['Floor', /* @__PURE__ */ each(Math.floor)],
  ['Ceil', /* @__PURE__ */ each(Math.ceil)],
  ['Round', /* @__PURE__ */ each(roundEven)],
  ['Sin', /* @__PURE__ */ each(sin)],
  ['Cos', /* @__PURE__ */ each(cos)],
  ['Tan', /* @__PURE__ */ each(tan)],
  ['Asin', /* @__PURE__ */ each(asin)],
  ['Acos', /* @__PURE__ */ each(acos)],
  ['Atan', /* @__PURE__ */ each(atan)],
  ['Sinh', /* @__PURE__ */ each(sinh)],
  ['Cosh', /* @__PURE__ */ each(cosh)],
  ['Asinh', /* @__PURE__ */ each(asinh)],
  ['Acosh', /* @__PURE__ */ each(acosh)],
  ['Atanh', /* @__PURE__ */ each(atanh)],
  ['mle.Log1p', /* @__PURE__ */ each(log1p)],
  ['mle.Expm1', /* @__PURE__ */ unaryEntry(expm1_64, expm1_32)],
  ['mle.LogGamma', /* @__PURE__ */ each(lgamma)],
  ['mle.Digamma', /* @__PURE__ */ each(digamma)],
  ['mle.NormalQuantile', /* @__PURE__ */ each(normalQuantile)],
  ['mle.NormalCdf', /* @__PURE__ */ each(normalCdf)],
  ['mle.LogExpit', /* @__PURE__ */ each(logExpit)],
  ['mle.XLogY', /* @__PURE__ */ binaryEntry({ float64: pairs(xlogy) })],
  ['IsInf', { make: /* @__PURE__ */ widened(makeIsInf, isHalf) }],
]

function signLoop(y: Numbers, x: Numbers, n: number): void {
  for (let i = 0; i < n; i++) y[i] = Math.sign(x[i])
}
