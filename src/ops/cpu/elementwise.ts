// Elementwise kernels: scalar functions and inner loops, and the one driver that broadcasts. Each loop that matters for
// speed is a literal of its own, because engines specialise code per literal: float64 apart from the other dtypes.
import { is64BitInteger, type DType } from '../../tensor/dtype.ts'
import { exp } from '../../math/exp.ts'
import { log } from '../../math/log.ts'
import { logistic } from '../../math/logistic.ts'
import { expSingle, logisticSingle } from '../../math/single-exp.ts'
import type { Kernel, KernelContext, KernelEntry } from '../kernel.ts'
import { isTensorType, type Attributes } from '../types.ts'
import { broadcastNest, numbers, perShape, walk, wordsOf, type Nest, type Numbers } from './nest.ts'
import { addWide, compareWide, copyWide, divWide, maxWide, minWide, mulWide, subWide, type WideOp } from './wide.ts'
import { widened } from './widen.ts'

/** y[o + e] = f(x[e]) for e below n; both contiguous. */
export type UnaryLoop = (y: Numbers, x: Numbers, n: number) => void

/** y[o + e] = f(a[i + e s], b[j + e t]) for e below n. */
export type BinaryLoop = (y: Numbers, o: number, n: number, a: Numbers, i: number, s: number, b: Numbers, j: number, t: number) => void

/** The dtype of input `index`, which planning has made known. */
export function dtypeOf(context: KernelContext, index: number = 0): DType {
  const type = context.inputTypes[index]
  if (!isTensorType(type)) throw new TypeError(`${context.op}: input ${index} has no dtype`)
  return type.dtype
}

export function isHalf(dtype: DType): boolean {
  return dtype === 'float16' || dtype === 'bfloat16'
}

export function unaryKernel(loop: UnaryLoop): Kernel {
  return (inputs, outputs) => loop(numbers(outputs[0]), numbers(inputs[0]), outputs[0]?.size ?? 0)
}

/** Maps one function over numbers of any dtype; halves go through float32. */
export function each(f: (x: number) => number): KernelEntry {
  const loop: UnaryLoop = (y, x, n) => {
    for (let i = 0; i < n; i++) y[i] = f(x[i])
  }
  return unaryEntry(loop)
}

/** A kernel from a loop for float64, one for other dtypes and one over the words of 64-bit integers. */
export function unaryEntry(loop: UnaryLoop, other: UnaryLoop = loop, wide?: UnaryLoop): KernelEntry {
  const make = (context: KernelContext): Kernel => {
    const dtype = dtypeOf(context)
    return unaryKernel(dtype === 'float64' ? loop : is64BitInteger(dtype) && wide !== undefined ? wide : other)
  }
  return { make: widened(make, isHalf) }
}

export const ZERO: Int32Array = /* @__PURE__ */ new Int32Array(2)

export function eachWide(f: (y: Numbers, o: number, x: Numbers) => void): UnaryLoop {
  return (y, x, n) => {
    for (let o = 0; o < 2 * n; o += 2) f(y, o, x)
  }
}

const isNegativeWide = (x: Numbers, o: number): boolean => x[o + 1] < 0
const neg: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = -x[i]
}
const relu64: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = Math.max(x[i], 0)
}
const relu: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = Math.max(x[i], 0)
}
const abs: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = Math.abs(x[i])
}
const exp64: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = exp(x[i])
}
const exp32: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = expSingle(x[i])
}
const sigmoid64: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = logistic(x[i])
}
const sigmoid32: UnaryLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = logisticSingle(x[i])
}
// Broadcasting pairs.

const add64: BinaryLoop = (y, o, n, a, i, s, b, j, t) => {
  for (let e = 0; e < n; e++, i += s, j += t) y[o + e] = a[i] + b[j]
}
const add: BinaryLoop = (y, o, n, a, i, s, b, j, t) => {
  for (let e = 0; e < n; e++, i += s, j += t) y[o + e] = a[i] + b[j]
}
const sub64: BinaryLoop = (y, o, n, a, i, s, b, j, t) => {
  for (let e = 0; e < n; e++, i += s, j += t) y[o + e] = a[i] - b[j]
}
const sub: BinaryLoop = (y, o, n, a, i, s, b, j, t) => {
  for (let e = 0; e < n; e++, i += s, j += t) y[o + e] = a[i] - b[j]
}
const mul64: BinaryLoop = (y, o, n, a, i, s, b, j, t) => {
  for (let e = 0; e < n; e++, i += s, j += t) y[o + e] = a[i] * b[j]
}
const mul: BinaryLoop = (y, o, n, a, i, s, b, j, t) => {
  for (let e = 0; e < n; e++, i += s, j += t) y[o + e] = a[i] * b[j]
}
const div64: BinaryLoop = (y, o, n, a, i, s, b, j, t) => {
  for (let e = 0; e < n; e++, i += s, j += t) y[o + e] = a[i] / b[j]
}
// Storing a quotient into an integer array truncates it, and an infinity becomes 0.
const div: BinaryLoop = (y, o, n, a, i, s, b, j, t) => {
  for (let e = 0; e < n; e++, i += s, j += t) y[o + e] = a[i] / b[j]
}
const max: BinaryLoop = (y, o, n, a, i, s, b, j, t) => {
  for (let e = 0; e < n; e++, i += s, j += t) y[o + e] = Math.max(a[i], b[j])
}
const min: BinaryLoop = (y, o, n, a, i, s, b, j, t) => {
  for (let e = 0; e < n; e++, i += s, j += t) y[o + e] = Math.min(a[i], b[j])
}
const equal: BinaryLoop = (y, o, n, a, i, s, b, j, t) => {
  for (let e = 0; e < n; e++, i += s, j += t) y[o + e] = a[i] === b[j] ? 1 : 0
}
const less: BinaryLoop = (y, o, n, a, i, s, b, j, t) => {
  for (let e = 0; e < n; e++, i += s, j += t) y[o + e] = a[i] < b[j] ? 1 : 0
}
const lessOrEqual: BinaryLoop = (y, o, n, a, i, s, b, j, t) => {
  for (let e = 0; e < n; e++, i += s, j += t) y[o + e] = a[i] <= b[j] ? 1 : 0
}

/** The loop of any scalar function: a call for each element. */
export function pairs(f: (a: number, b: number) => number): BinaryLoop {
  return (y, o, n, a, i, s, b, j, t) => {
    for (let e = 0; e < n; e++, i += s, j += t) y[o + e] = f(a[i], b[j])
  }
}

/** The same with its operands exchanged. */
function swapped(loop: BinaryLoop): BinaryLoop {
  return (y, o, n, a, i, s, b, j, t) => loop(y, o, n, b, j, t, a, i, s)
}

/** The loop of an operation on 64-bit integers; `outWords` is 1 where the result is a bool. */
export function widePairs(f: WideOp, outWords: number = 2): BinaryLoop {
  return (y, o, n, a, i, s, b, j, t) => {
    for (let e = 0; e < n; e++, i += s, j += t) f(y, outWords * (o + e), a, 2 * i, b, 2 * j)
  }
}

function wideTest(test: (order: number) => boolean): BinaryLoop {
  return widePairs((y, o, a, i, b, j) => {
    y[o] = test(compareWide(a, i, b, j)) ? 1 : 0
  }, 1)
}

/** y [any] = loop over a, b that broadcast to it. */
export function binaryKernel(loop: BinaryLoop): Kernel {
  let y: Numbers
  let a: Numbers
  let b: Numbers
  let nest: Nest
  const layout = perShape((inputs, outputs) => broadcastNest(inputs, outputs))
  const row = (at: readonly number[]): void => loop(y, at[0], nest.inner, a, at[1], nest.steps[1], b, at[2], nest.steps[2])
  return (inputs, outputs) => {
    nest = layout(inputs, outputs)
    y = numbers(outputs[0])
    a = numbers(inputs[0])
    b = numbers(inputs[1])
    walk(nest, row)
  }
}

export interface BinaryLoops {
  readonly float64: BinaryLoop
  readonly other?: BinaryLoop
  /** 32-bit integers, whose products a double does not hold. */
  readonly int32?: BinaryLoop
  readonly wide?: BinaryLoop
}

export function pickBinary({ float64, other = float64, int32 = other, wide }: BinaryLoops, dtype: DType): BinaryLoop {
  if (dtype === 'float64') return float64
  if (dtype === 'int32' || dtype === 'uint32') return int32
  return is64BitInteger(dtype) && wide !== undefined ? wide : other
}

export function binaryEntry(loops: BinaryLoops | ((attributes: Attributes, dtype: DType) => BinaryLoops)): KernelEntry {
  return {
    make: widened((context) => {
      const dtype = dtypeOf(context)
      return binaryKernel(pickBinary(typeof loops === 'function' ? loops(context.attributes, dtype) : loops, dtype))
    }, isHalf),
  }
}

export const ADD: BinaryLoops = { float64: add64, other: add, wide: /* @__PURE__ */ widePairs(addWide) }
export const MUL: BinaryLoops = { float64: mul64, other: mul, int32: /* @__PURE__ */ pairs(Math.imul), wide: /* @__PURE__ */ widePairs(mulWide) }
export const MAX: BinaryLoops = { float64: max, wide: /* @__PURE__ */ widePairs(maxWide) }
export const MIN: BinaryLoops = { float64: min, wide: /* @__PURE__ */ widePairs(minWide) }
const LESS: BinaryLoops = { float64: less, wide: /* @__PURE__ */ wideTest((order) => order < 0) }
const LESS_OR_EQUAL: BinaryLoops = { float64: lessOrEqual, wide: /* @__PURE__ */ wideTest((order) => order <= 0) }

function swappedLoops({ float64, wide }: BinaryLoops): BinaryLoops {
  return { float64: swapped(float64), wide: wide && swapped(wide) }
}

// condition, x, y broadcast to z; two words of an element are one more axis.
function makeWhere(context: KernelContext): Kernel {
  const words = wordsOf(dtypeOf(context, 1))
  let z: Numbers
  let condition: Numbers
  let x: Numbers
  let y: Numbers
  let nest: Nest
  const layout = perShape((inputs, outputs) => broadcastNest(inputs, outputs, [words, 1, words, words]))
  const row = (at: readonly number[]): void => {
    const [, s, t, u] = nest.steps
    for (let e = 0; e < nest.inner; e++) z[at[0] + e] = condition[at[1] + e * s] !== 0 ? x[at[2] + e * t] : y[at[3] + e * u]
  }
  return (inputs, outputs) => {
    nest = layout(inputs, outputs)
    z = numbers(outputs[0])
    condition = numbers(inputs[0])
    x = numbers(inputs[1])
    y = numbers(inputs[2])
    walk(nest, row)
  }
}

export const elementwiseKernels: readonly (readonly [string, KernelEntry])[] = [
  ['Add', /* @__PURE__ */ binaryEntry(ADD)],
  ['Sub', /* @__PURE__ */ binaryEntry({ float64: sub64, other: sub, wide: widePairs(subWide) })],
  ['Mul', /* @__PURE__ */ binaryEntry(MUL)],
  ['Div', /* @__PURE__ */ binaryEntry({ float64: div64, other: div, wide: widePairs(divWide) })],
  ['Neg', /* @__PURE__ */ unaryEntry(neg, neg, eachWide((y, o, x) => subWide(y, o, ZERO, 0, x, o)))],
  ['Abs', /* @__PURE__ */ unaryEntry(abs, abs, eachWide((y, o, x) => (isNegativeWide(x, o) ? subWide(y, o, ZERO, 0, x, o) : copyWide(y, o, x, o))))],
  ['Sqrt', /* @__PURE__ */ each(Math.sqrt)],
  ['Exp', /* @__PURE__ */ unaryEntry(exp64, exp32)],
  ['Log', /* @__PURE__ */ each(log)],
  ['Sigmoid', /* @__PURE__ */ unaryEntry(sigmoid64, sigmoid32)],
  ['Relu', /* @__PURE__ */ unaryEntry(relu64, relu, eachWide((y, o, x) => copyWide(y, o, isNegativeWide(x, o) ? ZERO : x, isNegativeWide(x, o) ? 0 : o)))],
  ['Where', { make: makeWhere }],
  ['Equal', /* @__PURE__ */ binaryEntry({ float64: equal, wide: wideTest((order) => order === 0) })],
  ['Less', /* @__PURE__ */ binaryEntry(LESS)],
  ['LessOrEqual', /* @__PURE__ */ binaryEntry(LESS_OR_EQUAL)],
  ['Greater', /* @__PURE__ */ binaryEntry(swappedLoops(LESS))],
  ['GreaterOrEqual', /* @__PURE__ */ binaryEntry(swappedLoops(LESS_OR_EQUAL))],
  ['And', /* @__PURE__ */ binaryEntry({ float64: pairs((a, b) => a & b) })],
  ['Or', /* @__PURE__ */ binaryEntry({ float64: pairs((a, b) => a | b) })],
  ['Xor', /* @__PURE__ */ binaryEntry({ float64: pairs((a, b) => a ^ b) })],
  ['Not', /* @__PURE__ */ each((x) => 1 - x)],
  ['IsNaN', /* @__PURE__ */ each((x) => (x !== x ? 1 : 0))],
]
