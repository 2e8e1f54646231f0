// Reductions and other kernels along axes that few models need.
import { isFloat, is64BitInteger } from '../../tensor/dtype.ts'
import { log } from '../../math/index.ts'
import { int } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry } from '../kernel.ts'
import { axisOf } from '../schemas/define.ts'
import { integerRange } from './cast.ts'
import { dtypeOf } from './elementwise.ts'
import { integers } from './moving.ts'
import { numbers, perShape, wordsOf, type Numbers } from './nest.ts'
import {
  axisLines, expSummer, foldEntry, foldKernel, forEachLine, isBeyond, isNarrow, largestOf, lineEntry, linesOf, partialsFor, plainSum, summed, wideFold, type Fold, type Partials,
} from './reduce.ts'
import { addWide, compareWide, copyWide, maxWide, minWide, mulWide, numberToWide } from './wide.ts'
import { widened } from './widen.ts'

const multiplied = (partials: Partials): Fold => (x, base, step, n) => {
  const whole = partials instanceof Int32Array || partials instanceof Uint32Array
  const times = (e: number, value: number): void => {
    partials[e] = whole ? Math.imul(partials[e], value) : partials[e] * value
  }
  for (let e = 0; e < 16; e++) partials[e] = 1
  for (let e = 0; e < n; e++) times(e & 15, x[base + e * step])
  for (let half = 8; half > 0; half >>= 1) for (let e = 0; e < half; e++) times(e, partials[e + half])
  return partials[0]
}

const smallestOf = (x: Numbers, base: number, step: number, n: number, none: number): number => {
  let value = none
  for (let e = 0; e < n; e++) value = Math.min(value, x[base + e * step])
  return value
}

function extremeEntry(sign: 1 | -1): KernelEntry {
  const pick = sign > 0 ? largestOf : smallestOf
  const make = (context: KernelContext): Kernel => {
    const dtype = dtypeOf(context)
    if (is64BitInteger(dtype)) return wideFold(sign > 0 ? maxWide : minWide, -sign * Infinity)(context)
    const [low, high] = isFloat(dtype) ? [-Infinity, Infinity] : dtype === 'bool' ? [0, 1] : integerRange(dtype)
    const none = sign > 0 ? low : high
    return foldKernel(context, (x, base, step, n) => pick(x, base, step, n, none))
  }
  return { make: widened(make, isNarrow, 'float32', 1) }
}

const hardmax = /* @__PURE__ */ lineEntry(() => (y, x, base, step, n) => {
  let best = 0
  for (let e = 1; e < n; e++) if (isBeyond(x[base + e * step], x[base + best * step], 1)) best = e
  for (let e = 0; e < n; e++) y[base + e * step] = e === best ? 1 : 0
})

const lpNormalization = /* @__PURE__ */ lineEntry(({ attributes }, dtype) => {
  const euclid = int(attributes, 'p', 2) === 2
  const sum = summed(euclid ? (x) => x * x : Math.abs)(partialsFor(dtype))
  const round = dtype === 'float32' ? Math.fround : (value: number): number => value
  return (y, x, base, step, n) => {
    const total = sum(x, base, step, n)
    const norm = euclid ? round(Math.sqrt(total)) : total
    for (let e = 0; e < n; e++) y[base + e * step] = norm === 0 ? 0 : x[base + e * step] / norm
  }
})

// x [any], axis -> y alike
function makeCumSum(context: KernelContext): Kernel {
  const dtype = dtypeOf(context)
  const wide = is64BitInteger(dtype)
  const exclusive = int(context.attributes, 'exclusive', 0) !== 0
  const reverse = int(context.attributes, 'reverse', 0) !== 0
  const total = partialsFor(dtype)
  const layout = perShape(([x, axis]) => linesOf(x ?? { dtype, shape: [], size: 0, data: [] }, [axisOf(integers(axis)[0], x?.shape.length ?? 0)]), [1])
  let y: Numbers
  const visit = (x: Numbers, base: number, step: number, n: number): void => {
    total.fill(0)
    for (let e = 0; e < n; e++) {
      const at = base + (reverse ? n - 1 - e : e) * step
      if (wide) {
        if (exclusive) copyWide(y, 2 * at, total, 0)
        addWide(total, 0, total, 0, x, 2 * at)
        if (!exclusive) copyWide(y, 2 * at, total, 0)
      } else {
        if (exclusive) y[at] = total[0]
        total[0] += x[at]
        if (!exclusive) y[at] = total[0]
      }
    }
  }
  return (inputs, outputs) => {
    y = numbers(outputs[0])
    forEachLine(layout(inputs, outputs), numbers(inputs[0]), 1, visit)
  }
}

// X [any], K -> values and indices [any with K]
function makeTopK(context: KernelContext): Kernel {
  const words = wordsOf(dtypeOf(context))
  const sign = int(context.attributes, 'largest', 1) !== 0 ? 1 : -1
  const from = axisLines(context, -1)
  const to = axisLines(context, -1, 'output')
  const queues = perShape(([data], outputs): { queue: Int32Array; places: Float64Array } => {
    const lines = to([data], outputs)
    const places = new Float64Array(lines.kept.rows * lines.kept.inner)
    forEachLine(lines, [], 1, (_x, base, _step, _n, output) => (places[output] = base))
    return { queue: new Int32Array(data?.size ?? 0), places }
  })
  let x: Numbers
  let start = 0
  let stride = 0
  const order = (p: number, q: number): number => {
    const i = start + stride * p
    const j = start + stride * q
    if (words === 2) return -sign * compareWide(x, 2 * i, x, 2 * j) || p - q
    const [a, b] = [x[i], x[j]]
    // NaN counts as the largest number.
    if (a !== a || b !== b) return sign * ((a === a ? 1 : 0) - (b === b ? 1 : 0)) || p - q
    return a === b ? p - q : sign * (a > b ? -1 : 1)
  }
  return (inputs, outputs) => {
    const [values, indices] = outputs
    const { queue, places } = queues(inputs, outputs)
    const { count: k, step: outStep } = to(inputs, outputs)
    forEachLine(from(inputs, outputs), numbers(inputs[0]), 1, (data, base, step, count, line) => {
      x = data
      start = base
      stride = step
      for (let e = 0; e < count; e++) queue[e] = e
      selectSorted(queue, count, k, order)
      for (let e = 0; e < k; e++) {
        const o = places[line] + e * outStep
        if (values !== undefined) for (let w = 0; w < words; w++) numbers(values)[o * words + w] = x[(start + stride * queue[e]) * words + w]
        if (indices !== undefined) numberToWide(numbers(indices), 2 * o, queue[e], false)
      }
    })
  }
}

/** Puts the first k of the order at the front, sorted: a heap of k of which the last one is the root. */
function selectSorted(queue: Int32Array, count: number, k: number, order: (p: number, q: number) => number): void {
  const sift = (root: number, size: number): void => {
    for (let child = 2 * root + 1; child < size; child = 2 * root + 1) {
      if (child + 1 < size && order(queue[child + 1], queue[child]) > 0) child++
      if (order(queue[child], queue[root]) <= 0) return
      swap(queue, root, child)
      root = child
    }
  }
  for (let root = (k >> 1) - 1; root >= 0; root--) sift(root, k)
  for (let e = k; e < count && k > 0; e++) {
    if (order(queue[e], queue[0]) >= 0) continue
    swap(queue, e, 0)
    sift(0, k)
  }
  for (let size = k - 1; size > 0; size--) {
    swap(queue, 0, size)
    sift(0, size)
  }
}

function swap(queue: Int32Array, p: number, q: number): void {
  const held = queue[p]
  queue[p] = queue[q]
  queue[q] = held
}

const squares = /* @__PURE__ */ summed((x) => x * x)

export const otherReduceKernels: readonly (readonly [string, KernelEntry])[] = [
  ['ReduceMax', /* @__PURE__ */ extremeEntry(1)],
  ['ReduceMin', /* @__PURE__ */ extremeEntry(-1)],
  ['ReduceProd', /* @__PURE__ */ foldEntry(multiplied, undefined, wideFold(mulWide, 1))],
  ['ReduceSumSquare', /* @__PURE__ */ foldEntry(squares, (sum) => sum)],
  ['ReduceL1', /* @__PURE__ */ foldEntry(summed(Math.abs), (sum) => sum)],
  ['ReduceL2', /* @__PURE__ */ foldEntry(squares, Math.sqrt)],
  ['ReduceLogSum', /* @__PURE__ */ foldEntry(plainSum, log)],
  ['ReduceLogSumExp', { make: makeLogSumExp }],
  ['CumSum', { make: /* @__PURE__ */ widened(makeCumSum, isNarrow) }],
  ['TopK', { make: /* @__PURE__ */ widened(makeTopK, isNarrow) }],
  ['Hardmax', hardmax],
  ['LpNormalization', lpNormalization],
]

function makeLogSumExp(context: KernelContext): Kernel {
  const make = (inner: KernelContext): Kernel => {
    const single = dtypeOf(inner) === 'float32'
    const { sum, max } = expSummer(partialsFor(dtypeOf(inner)))
    // The logarithm of an infinite sum is the infinity itself, which must not be subtracted from itself.
    return foldKernel(inner, sum, (total) => (max() - max() !== 0 ? max() : (single ? Math.fround(log(total)) : log(total)) + max()))
  }
  const dtype = dtypeOf(context)
  return widened(make, (own) => own !== 'float32' && own !== 'float64', isFloat(dtype) ? 'float32' : 'float64', 1)(context)
}

