// Reductions along axes. Sums and products go to 16 interleaved partials that are merged pairwise (docs/numerics.md), so
// that every backend, whatever its vector width, gets the same bits.
import { isFloat, is64BitInteger, type DType } from '../../tensor/dtype.ts'
import { stridesOf } from '../../tensor/shape.ts'
import { exp } from '../../math/exp.ts'
import { log } from '../../math/log.ts'
import { int } from '../attributes.ts'
import { allocateView, type Kernel, type KernelContext, type KernelEntry, type View } from '../kernel.ts'
import { axesOf, axisOf } from '../schemas/define.ts'
import { dtypeOf } from './elementwise.ts'
import { integers } from './moving.ts'
import { nestOf, numbers, perShape, walk, type Nest, type Numbers } from './nest.ts'
import { addWide, compareWide, numberToWide, type WideOp } from './wide.ts'
import { widened } from './widen.ts'

type Views = readonly (View | undefined)[]

/** Reduces the n elements of x that begin at `base`, `step` apart, into one number. */
export type Fold = (x: Numbers, base: number, step: number, n: number) => number

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

/** Calls `visit` for each output with the elements that it combines. */
export function forEachLine(lines: Lines, x: Numbers, words: number, visit: (x: Numbers, base: number, step: number, count: number, output: number) => void): void {
  const { kept, step, count, spread, copy } = lines
  let output = 0
  walk(kept, (at) => {
    for (let e = 0, base = at[0]; e < kept.inner; e++, base += kept.steps[0]) {
      if (spread === undefined) visit(x, base, step, count, output++)
      else {
        let o = 0
        walk(spread, (from) => {
          for (let k = 0, i = from[0]; k < spread.inner; k++, i += spread.steps[0]) for (let w = 0; w < words; w++) copy[o++] = x[(base + i) * words + w]
        })
        visit(copy, 0, 1, count, output++)
      }
    }
  })
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

/** The order of every sum: 16 partials, or as many of them as get elements, up to a power of two; then halves onto halves. */
export function summer(partials: Float64Array | Float32Array): (x: Numbers, base: number, step: number, n: number) => number {
  return (x, base, step, n) => {
    const width = n > 8 ? 16 : n > 4 ? 8 : n > 2 ? 4 : n > 1 ? 2 : 1
    for (let e = 0; e < width; e++) partials[e] = 0
    for (let e = 0; e < n; e++) partials[e & 15] += x[base + e * step]
    for (let half = width >> 1; half > 0; half >>= 1) for (let e = 0; e < half; e++) partials[e] += partials[e + half]
    return partials[0]
  }
}

export type Partials = Float64Array | Float32Array | Int32Array | Uint32Array

/** A fold of terms f(x) by partials of the dtype, which round (or wrap) each addition. */
export function summed(term: (x: number) => number): (partials: Partials) => Fold {
  return (partials) => (x, base, step, n) => {
    for (let e = 0; e < 16; e++) partials[e] = 0
    const single = partials instanceof Float32Array
    for (let e = 0; e < n; e++) {
      const value = term(x[base + e * step])
      partials[e & 15] += single ? Math.fround(value) : value
    }
    for (let half = 8; half > 0; half >>= 1) for (let e = 0; e < half; e++) partials[e] += partials[e + half]
    return partials[0]
  }
}

export function partialsFor(dtype: DType): Partials {
  return dtype === 'float64' ? new Float64Array(16) : dtype === 'float32' ? new Float32Array(16) : dtype === 'uint32' ? new Uint32Array(16) : new Int32Array(16)
}

/** sum of e^(x - max); `max` gives the largest element of the range that was summed last. */
export function expSummer(partials: Partials): { sum: Fold; max: () => number } {
  let largest = 0
  const round = partials instanceof Float32Array ? Math.fround : (value: number): number => value
  const shifted = summed((x) => exp(round(x - largest)))(partials)
  return {
    max: () => largest,
    sum(x, base, step, n) {
      largest = largestOf(x, base, step, n, -Infinity)
      return shifted(x, base, step, n)
    },
  }
}

export const largestOf = (x: Numbers, base: number, step: number, n: number, none: number): number => {
  let value = none
  for (let e = 0; e < n; e++) value = Math.max(value, x[base + e * step])
  return value
}
/** data [any] -> reduced, one fold for each element. */
export function foldKernel(context: KernelContext, fold: Fold, finish?: (value: number, n: number) => number): Kernel {
  const layout = reducedLines(context)
  let y: Numbers
  const visit = (x: Numbers, base: number, step: number, n: number, output: number): void => {
    const value = fold(x, base, step, n)
    y[output] = finish === undefined ? value : finish(value, n)
  }
  return (inputs, outputs) => {
    y = numbers(outputs[0])
    forEachLine(layout(inputs, outputs), numbers(inputs[0]), 1, visit)
  }
}

export type MakeFold = (partials: Partials) => Fold
export const isNarrow = (dtype: DType): boolean => dtype === 'float16' || dtype === 'bfloat16'

/** A reduction of floats and 32-bit integers, with one of its own for 64-bit integers; `wide` absent: in float64. */
export function foldEntry(makeFold: MakeFold, finish?: (value: number, n: number) => number, wide?: (context: KernelContext) => Kernel): KernelEntry {
  return {
    make(context) {
      const dtype = dtypeOf(context)
      if (is64BitInteger(dtype) && wide !== undefined) return wide(context)
      const viaFloat = isFloat(dtype) || (finish === undefined && !is64BitInteger(dtype)) ? isNarrow : () => true
      const make = (inner: KernelContext): Kernel => foldKernel(inner, makeFold(partialsFor(dtypeOf(inner))), finish)
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
    return (inputs, outputs) => {
      y = numbers(outputs[0])
      forEachLine(layout(inputs, outputs), numbers(inputs[0]), 2, visit)
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
    return (inputs, outputs) => {
      y = numbers(outputs[0])
      forEachLine(layout(inputs, outputs), numbers(inputs[0]), 1, visit)
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
    return (inputs, outputs) => {
      y = numbers(outputs[0])
      forEachLine(layout(inputs, outputs), numbers(inputs[0]), 1, visit)
    }
  }
  return { make: widened(make, isNarrow) }
}

const softmax = /* @__PURE__ */ lineEntry((_context, dtype) => {
  const partials = dtype === 'float64' ? new Float64Array(16) : new Float32Array(16)
  const sum = summer(partials)
  const single = dtype === 'float32'
  return (y, x, base, step, n) => {
    const max = largestOf(x, base, step, n, -Infinity)
    for (let e = 0; e < n; e++) {
      const i = base + e * step
      y[i] = exp(single ? Math.fround(x[i] - max) : x[i] - max)
    }
    const total = sum(y, base, step, n)
    for (let e = 0; e < n; e++) y[base + e * step] /= total
  }
})

const logSoftmax = /* @__PURE__ */ lineEntry((_context, dtype) => {
  const { sum, max } = expSummer(partialsFor(dtype))
  const round = dtype === 'float32' ? Math.fround : (value: number): number => value
  return (y, x, base, step, n) => {
    const total = round(log(sum(x, base, step, n)))
    for (let e = 0; e < n; e++) y[base + e * step] = round(x[base + e * step] - max()) - total
  }
})

export const plainSum: MakeFold = (partials) => (partials instanceof Float64Array || partials instanceof Float32Array ? summer(partials) : summed((x) => x)(partials))

export const reduceKernels: readonly (readonly [string, KernelEntry])[] = [
  ['ReduceSum', /* @__PURE__ */ foldEntry(plainSum, undefined, wideFold(addWide, 0))],
  ['ReduceMean', /* @__PURE__ */ foldEntry(plainSum, (sum, n) => sum / n)],
  ['ArgMax', /* @__PURE__ */ argEntry(1)],
  ['ArgMin', /* @__PURE__ */ argEntry(-1)],
  ['Softmax', softmax],
  ['LogSoftmax', logSoftmax],
]
