// Reductions along axes. Sums and products go to 16 interleaved partials that are merged pairwise (docs/numerics.md), so
// that every backend, whatever its vector width, gets the same bits.
import { isFloat, is64BitInteger, type DType } from '../../tensor/dtype.ts'
import { stridesOf } from '../../tensor/shape.ts'
import { exp } from '../../math/exp.ts'
import { log } from '../../math/log.ts'
import { expSingle } from '../../math/single-exp.ts'
import { int } from '../attributes.ts'
import { allocateView, type Kernel, type KernelContext, type KernelEntry, type View } from '../kernel.ts'
import { axesOf, axisOf } from '../schemas/define.ts'
import { dtypeOf } from './elementwise.ts'
import { integers } from './moving.ts'
import { nestOf, numbers, perShape, walk, type Nest, type Numbers } from './nest.ts'
import { addWide, compareWide, numberToWide, type WideOp } from './wide.ts'
import { widened } from './widen.ts'

type Views = readonly (View | undefined)[]

/** Reduces the n elements of x that begin at `base`, `step` apart, into y[o]. */
export type Fold = (x: Numbers, base: number, step: number, n: number, y: Numbers, o: number) => void

/** Where the elements of each output lie: output after output in `kept`, and from there `count` elements `step` apart. */
export interface Lines {
  readonly kept: Nest
  readonly step: number
  readonly count: number
  /** Where they are not evenly spaced: their places, and a row of memory that they are copied to. */
  readonly spread?: Nest
  readonly copy: Numbers
}

export function linesOf({ dtype, shape }: View, axes: readonly number[]): Lines {
  const strides = stridesOf(shape)
  const nest = (inside: boolean): Nest => {
    const own = shape.map((_, axis) => axis).filter((axis) => axes.includes(axis) === inside)
    return nestOf(own.map((axis) => shape[axis]), [own.map((axis) => strides[axis])])
  }
  const reduced = nest(true)
  const count = reduced.rows * reduced.inner
  return reduced.rows <= 1 ? { kept: nest(false), step: reduced.steps[0], count, copy: [] } : { kept: nest(false), step: 1, count, spread: reduced, copy: numbers(allocateView(dtype, [count])) }
}

/** What is done with the elements that an output combines. */
type Visit = (x: Numbers, base: number, step: number, count: number, output: number) => void

/** A loop that calls `visit` for each line. Made once per kernel, so that running it allocates nothing. */
export function lineLoop(words: number, visit: Visit): (lines: Lines, x: Numbers) => void {
  let lines: Lines
  let x: Numbers
  let output = 0
  let base = 0
  let copied = 0
  const copyRow = (from: readonly number[]): void => {
    const { spread, copy } = lines
    if (spread === undefined) return
    for (let k = 0, i = base + from[0]; k < spread.inner; k++, i += spread.steps[0]) for (let w = 0; w < words; w++) copy[copied++] = x[i * words + w]
  }
  const row = (at: readonly number[]): void => {
    const { kept, spread, copy, step, count } = lines
    base = at[0]
    for (let e = 0; e < kept.inner; e++, base += kept.steps[0]) {
      if (spread === undefined) visit(x, base, step, count, output++)
      else {
        copied = 0
        walk(spread, copyRow)
        visit(copy, 0, 1, count, output++)
      }
    }
  }
  return (newLines, newX) => {
    lines = newLines
    x = newX
    output = 0
    walk(lines.kept, row)
  }
}

/** Lines of a reduction whose axes are input 1, or all. */
function reducedLines({ attributes }: KernelContext): (inputs: Views, outputs: Views) => Lines {
  const none = int(attributes, 'noop_with_empty_axes', 0) !== 0
  return perShape(([x, axes]) => {
    if (x === undefined) throw new TypeError('a reduction was called without its input')
    const given = axes === undefined ? [] : integers(axes)
    return linesOf(x, given.length > 0 ? axesOf(given, x.shape.length) : none ? [] : x.shape.map((_, axis) => axis))
  }, [1])
}

/**
 * Memory of a reduction in its dtype, whose array rounds (or wraps) what is stored: 16 partials, the term at hand, the largest
 * element. Numbers go through it rather than through calls, because engines box a double that a call returns.
 */
export type Partials = Float64Array | Float32Array | Int32Array | Uint32Array
const TERM = 16
const LARGEST = 17

export function partialsFor(dtype: DType): Partials {
  return dtype === 'float64' ? new Float64Array(18) : dtype === 'float32' ? new Float32Array(18) : dtype === 'uint32' ? new Uint32Array(18) : new Int32Array(18)
}

/** Adds terms of n elements, `step` apart from `base` on, to the partials: that of element e to partial e modulo 16. */
type Adder = (p: Partials, x: Numbers, base: number, step: number, n: number) => void

export const addElements: Adder = (p, x, base, step, n) => {
  for (let e = 0; e < n; e++) p[e & 15] += x[base + e * step]
}
export const addSquares: Adder = (p, x, base, step, n) => {
  for (let e = 0; e < n; e++) {
    p[TERM] = x[base + e * step] * x[base + e * step]
    p[e & 15] += p[TERM]
  }
}
export const addMagnitudes: Adder = (p, x, base, step, n) => {
  for (let e = 0; e < n; e++) p[e & 15] += Math.abs(x[base + e * step])
}
const addExponentials: Adder = (p, x, base, step, n) => {
  const largest = p[LARGEST]
  for (let e = 0; e < n; e++) p[e & 15] += exp(x[base + e * step] - largest)
}
const addSingleExponentials: Adder = (p, x, base, step, n) => {
  const largest = p[LARGEST]
  for (let e = 0; e < n; e++) p[e & 15] += Math.fround(expSingle(Math.fround(x[base + e * step] - largest)))
}

/** The order of every sum: 16 partials, or as many of them as get elements, up to a power of two; then halves onto halves. Leaves it in partial 0. */
export function sumBy(add: Adder, p: Partials, x: Numbers, base: number, step: number, n: number): void {
  const width = n > 8 ? 16 : n > 4 ? 8 : n > 2 ? 4 : n > 1 ? 2 : 1
  for (let e = 0; e < width; e++) p[e] = 0
  add(p, x, base, step, n)
  for (let half = width >> 1; half > 0; half >>= 1) for (let e = 0; e < half; e++) p[e] += p[e + half]
}

/** Sum of e^(x - largest) in partial 0; returns nothing, and leaves the largest element for `largestIn`. */
export function sumExponentials(p: Partials, x: Numbers, base: number, step: number, n: number): void {
  let largest = -Infinity
  for (let e = 0; e < n; e++) largest = Math.max(largest, x[base + e * step])
  p[LARGEST] = largest
  sumBy(p instanceof Float64Array ? addExponentials : addSingleExponentials, p, x, base, step, n)
}

export function largestIn(p: Partials): number {
  return p[LARGEST]
}

/** A fold that sums terms and then finishes the result in place. */
export function summed(add: Adder, finish?: (y: Numbers, o: number, n: number) => void): MakeFold {
  return (p) => (x, base, step, n, y, o) => {
    sumBy(add, p, x, base, step, n)
    y[o] = p[0]
    finish?.(y, o, n)
  }
}

/** data [any] -> reduced, one fold for each element. */
export function foldKernel(context: KernelContext, fold: Fold): Kernel {
  const layout = reducedLines(context)
  let y: Numbers
  const loop = lineLoop(1, (x, base, step, n, output) => fold(x, base, step, n, y, output))
  return (inputs, outputs) => {
    y = numbers(outputs[0])
    loop(layout(inputs, outputs), numbers(inputs[0]))
  }
}

export type MakeFold = (partials: Partials) => Fold
export const isNarrow = (dtype: DType): boolean => dtype === 'float16' || dtype === 'bfloat16'

/** A reduction of floats, and of integers: 64-bit ones by `wide`, the others in 32 bits; without `wide` all of them in float64. */
export function foldEntry(makeFold: MakeFold, wide?: (context: KernelContext) => Kernel): KernelEntry {
  return {
    make(context) {
      const dtype = dtypeOf(context)
      if (is64BitInteger(dtype) && wide !== undefined) return wide(context)
      const viaFloat = isFloat(dtype) || wide !== undefined ? isNarrow : () => true
      const make = (inner: KernelContext): Kernel => foldKernel(inner, makeFold(partialsFor(dtypeOf(inner))))
      return widened(make, viaFloat, isFloat(dtype) ? 'float32' : 'float64', 1)(context)
    },
  }
}

/** Folds 64-bit integers by words, starting from `first`, which saturates; order does not matter to them. */
export function wideFold(combine: WideOp, first: number): (context: KernelContext) => Kernel {
  return (context) => {
    const layout = reducedLines(context)
    const unsigned = dtypeOf(context) === 'uint64'
    let y: Numbers
    const visit = (x: Numbers, base: number, step: number, n: number, output: number): void => {
      numberToWide(y, 2 * output, first, unsigned)
      for (let e = 0; e < n; e++) combine(y, 2 * output, y, 2 * output, x, 2 * (base + e * step))
    }
    const loop = lineLoop(2, visit)
    return (inputs, outputs) => {
      y = numbers(outputs[0])
      loop(layout(inputs, outputs), numbers(inputs[0]))
    }
  }
}

/** Lines along one axis, which an attribute names. */
export function axisLines({ attributes }: KernelContext, fallback: number, of: 'input' | 'output' = 'input'): (inputs: Views, outputs: Views) => Lines {
  return perShape(([x], [y]) => {
    const view = of === 'input' ? x : y
    if (view === undefined) throw new TypeError('a kernel was called without its input')
    return linesOf(view, [axisOf(int(attributes, 'axis', fallback), view.shape.length)])
  })
}

/** True if element a goes before element b in the search for the largest (sign 1) or smallest; NaN goes before all. */
export function isBeyond(a: number, b: number, sign: number): boolean {
  return sign * a > sign * b || (a !== a && b === b)
}

// data [any] -> index int64 of the largest or smallest along an axis
function argEntry(sign: 1 | -1): KernelEntry {
  const make = (context: KernelContext): Kernel => {
    const layout = axisLines(context, 0)
    const wide = is64BitInteger(dtypeOf(context))
    const last = int(context.attributes, 'select_last_index', 0) !== 0
    let y: Numbers
    const visit = (x: Numbers, base: number, step: number, n: number, output: number): void => {
      let best = 0
      for (let e = 1; e < n; e++) {
        const p = base + e * step
        const q = base + best * step
        if (wide) {
          const order = sign * compareWide(x, 2 * p, x, 2 * q)
          if (order > 0 || (last && order === 0)) best = e
        } else if (isBeyond(x[p], x[q], sign) || (last && !isBeyond(x[q], x[p], sign))) best = e
      }
      y[2 * output] = best
      y[2 * output + 1] = 0
    }
    const loop = lineLoop(1, visit)
    return (inputs, outputs) => {
      y = numbers(outputs[0])
      loop(layout(inputs, outputs), numbers(inputs[0]))
    }
  }
  return { make: widened(make, isNarrow) }
}

// x [any] -> y alike, by `line` along an axis
export function lineEntry(makeLine: (context: KernelContext, dtype: DType) => (y: Numbers, x: Numbers, base: number, step: number, n: number) => void): KernelEntry {
  const make = (context: KernelContext): Kernel => {
    const layout = axisLines(context, -1)
    const line = makeLine(context, dtypeOf(context))
    let y: Numbers
    const visit = (x: Numbers, base: number, step: number, n: number): void => line(y, x, base, step, n)
    const loop = lineLoop(1, visit)
    return (inputs, outputs) => {
      y = numbers(outputs[0])
      loop(layout(inputs, outputs), numbers(inputs[0]))
    }
  }
  return { make: widened(make, isNarrow) }
}

const softmax = /* @__PURE__ */ lineEntry((_context, dtype) => {
  const p = partialsFor(dtype)
  if (dtype !== 'float64') {
    return (y, x, base, step, n) => {
      let largest = -Infinity
      for (let e = 0, i = base; e < n; e++, i += step) largest = Math.max(largest, x[i])
      for (let e = 0, i = base; e < n; e++, i += step) y[i] = expSingle(Math.fround(x[i] - largest))
      sumBy(addElements, p, y, base, step, n)
      const sum = p[0]
      for (let e = 0, i = base; e < n; e++, i += step) y[i] /= sum
    }
  }
  return (y, x, base, step, n) => {
    let largest = -Infinity
    for (let e = 0, i = base; e < n; e++, i += step) largest = Math.max(largest, x[i])
    for (let e = 0, i = base; e < n; e++, i += step) y[i] = exp(x[i] - largest)
    sumBy(addElements, p, y, base, step, n)
    const sum = p[0]
    for (let e = 0, i = base; e < n; e++, i += step) y[i] /= sum
  }
})

const logSoftmax = /* @__PURE__ */ lineEntry((_context, dtype) => {
  const p = partialsFor(dtype)
  return (y, x, base, step, n) => {
    sumExponentials(p, x, base, step, n)
    p[0] = log(p[0])
    const largest = p[LARGEST]
    const logarithm = p[0]
    for (let e = 0; e < n; e++) {
      p[TERM] = x[base + e * step] - largest
      y[base + e * step] = p[TERM] - logarithm
    }
  }
})

export const reduceKernels: readonly (readonly [string, KernelEntry])[] = [
  ['ReduceSum', /* @__PURE__ */ foldEntry(summed(addElements), wideFold(addWide, 0))],
  ['ReduceMean', /* @__PURE__ */ foldEntry(summed(addElements, (y, o, n) => {
    y[o] /= n
  }))],
  ['ArgMax', /* @__PURE__ */ argEntry(1)],
  ['ArgMin', /* @__PURE__ */ argEntry(-1)],
  ['Softmax', softmax],
  ['LogSoftmax', logSoftmax],
]
