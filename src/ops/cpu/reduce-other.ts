// Reductions and other kernels along axes that few models need.
import { isFloat, is64BitInteger } from '../../tensor/dtype.ts'
import { log } from '../../math/log.ts'
import { int } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry } from '../kernel.ts'
import { axisOf } from '../schemas/define.ts'
import { integerRange } from './cast.ts'
import { dtypeOf } from './elementwise.ts'
import { integers } from './moving.ts'
import { numbers, perShape, wordsOf, type Numbers } from './nest.ts'
import {
  addElements, addMagnitudes, addSquares, axisLines, foldEntry, foldKernel, isBeyond, isNarrow, largestIn, lineEntry, lineLoop, linesOf, partialsFor, sumBy, sumExponentials, summed,
  wideFold, type Fold, type Lines, type Partials,
} from './reduce.ts'
import { addWide, compareWide, copyWide, maxWide, minWide, mulWide, numberToWide } from './wide.ts'
import { widened } from './widen.ts'

const multiplied = (p: Partials): Fold => (x, base, step, n, y, o) => {
  const whole = p instanceof Int32Array || p instanceof Uint32Array
  for (let e = 0; e < 16; e++) p[e] = 1
  for (let e = 0; e < n; e++) p[e & 15] = whole ? Math.imul(p[e & 15], x[base + e * step]) : p[e & 15] * x[base + e * step]
  for (let half = 8; half > 0; half >>= 1) for (let e = 0; e < half; e++) p[e] = whole ? Math.imul(p[e], p[e + half]) : p[e] * p[e + half]
  y[o] = p[0]
}

const largest: (none: number) => Fold = (none) => (x, base, step, n, y, o) => {
  y[o] = none
  for (let e = 0; e < n; e++) y[o] = Math.max(y[o], x[base + e * step])
}
const smallest: (none: number) => Fold = (none) => (x, base, step, n, y, o) => {
  y[o] = none
  for (let e = 0; e < n; e++) y[o] = Math.min(y[o], x[base + e * step])
}

function extremeEntry(sign: 1 | -1): KernelEntry {
  const make = (context: KernelContext): Kernel => {
    const dtype = dtypeOf(context)
    if (is64BitInteger(dtype)) return wideFold(sign > 0 ? maxWide : minWide, -sign * Infinity)(context)
    const [low, high] = isFloat(dtype) ? [-Infinity, Infinity] : dtype === 'bool' ? [0, 1] : integerRange(dtype)
    return foldKernel(context, sign > 0 ? largest(low) : smallest(high))
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
  const p = partialsFor(dtype)
  return (y, x, base, step, n) => {
    sumBy(euclid ? addSquares : addMagnitudes, p, x, base, step, n)
    if (euclid) p[0] = Math.sqrt(p[0])
    for (let e = 0; e < n; e++) y[base + e * step] = p[0] === 0 ? 0 : x[base + e * step] / p[0]
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
  const loop = lineLoop(1, visit)
  return (inputs, outputs) => {
    y = numbers(outputs[0])
    loop(layout(inputs, outputs), numbers(inputs[0]))
  }
}

// X [any], K -> values and indices [any with K]
function makeTopK(context: KernelContext): Kernel {
  const words = wordsOf(dtypeOf(context))
  const sign = int(context.attributes, 'largest', 1) !== 0 ? 1 : -1
  const from = axisLines(context, -1)
  const to = axisLines(context, -1, 'output')
  const memory = perShape(([data], outputs): { queue: Int32Array; places: Float64Array } => {
    const lines = to([data], outputs)
    const places = new Float64Array(lines.kept.rows * lines.kept.inner)
    lineLoop(1, (_x, base, _step, _n, output) => (places[output] = base))(lines, [])
    return { queue: new Int32Array(data?.size ?? 0), places }
  })
  let x: Numbers
  let start = 0
  let stride = 0
  const order = (p: number, q: number): number => {
    const i = start + stride * p
    const j = start + stride * q
    if (words === 2) return -sign * compareWide(x, 2 * i, x, 2 * j) || p - q
    const a = x[i]
    const b = x[j]
    // NaN counts as the largest number.
    if (a !== a || b !== b) return sign * ((a === a ? 1 : 0) - (b === b ? 1 : 0)) || p - q
    return a === b ? p - q : sign * (a > b ? -1 : 1)
  }
  let outLines: Lines
  let values: Numbers | undefined
  let indices: Numbers | undefined
  let kept: ReturnType<typeof memory>
  const loop = lineLoop(1, (data, base, step, count, line) => {
    const { queue, places } = kept
    x = data
    start = base
    stride = step
    for (let e = 0; e < count; e++) queue[e] = e
    selectSorted(queue, count, outLines.count, order)
    for (let e = 0; e < outLines.count; e++) {
      const o = places[line] + e * outLines.step
      if (values !== undefined) for (let w = 0; w < words; w++) values[o * words + w] = x[(start + stride * queue[e]) * words + w]
      if (indices !== undefined) numberToWide(indices, 2 * o, queue[e], false)
    }
  })
  return (inputs, outputs) => {
    kept = memory(inputs, outputs)
    outLines = to(inputs, outputs)
    values = outputs[0] && numbers(outputs[0])
    indices = outputs[1] && numbers(outputs[1])
    loop(from(inputs, outputs), numbers(inputs[0]))
  }
}

type Order = (p: number, q: number) => number

/** Puts the first k of the order at the front, sorted: a heap of k of which the last one is the root. */
function selectSorted(queue: Int32Array, count: number, k: number, order: Order): void {
  for (let root = (k >> 1) - 1; root >= 0; root--) sift(queue, root, k, order)
  for (let e = k; e < count && k > 0; e++) {
    if (order(queue[e], queue[0]) >= 0) continue
    swap(queue, e, 0)
    sift(queue, 0, k, order)
  }
  for (let size = k - 1; size > 0; size--) {
    swap(queue, 0, size)
    sift(queue, 0, size, order)
  }
}

function sift(queue: Int32Array, root: number, size: number, order: Order): void {
  for (let child = 2 * root + 1; child < size; child = 2 * root + 1) {
    if (child + 1 < size && order(queue[child + 1], queue[child]) > 0) child++
    if (order(queue[child], queue[root]) <= 0) return
    swap(queue, root, child)
    root = child
  }
}

function swap(queue: Int32Array, p: number, q: number): void {
  const held = queue[p]
  queue[p] = queue[q]
  queue[q] = held
}

function rootOf(y: Numbers, o: number): void {
  y[o] = Math.sqrt(y[o])
}

function logOf(y: Numbers, o: number): void {
  y[o] = log(y[o])
}

const logSumExp = (p: Partials): Fold => (x, base, step, n, y, o) => {
  sumExponentials(p, x, base, step, n)
  p[0] = log(p[0])
  const max = largestIn(p)
  // An infinity must not be subtracted from itself.
  y[o] = max - max !== 0 ? max : p[0] + max
}

export const otherReduceKernels: readonly (readonly [string, KernelEntry])[] = [
  ['ReduceMax', /* @__PURE__ */ extremeEntry(1)],
  ['ReduceMin', /* @__PURE__ */ extremeEntry(-1)],
  ['ReduceProd', /* @__PURE__ */ foldEntry(multiplied, wideFold(mulWide, 1))],
  ['ReduceSumSquare', /* @__PURE__ */ foldEntry(summed(addSquares))],
  ['ReduceL1', /* @__PURE__ */ foldEntry(summed(addMagnitudes))],
  ['ReduceL2', /* @__PURE__ */ foldEntry(summed(addSquares, rootOf))],
  ['ReduceLogSum', /* @__PURE__ */ foldEntry(summed(addElements, logOf))],
  ['ReduceLogSumExp', /* @__PURE__ */ foldEntry(logSumExp)],
  ['CumSum', { make: /* @__PURE__ */ widened(makeCumSum, isNarrow) }],
  ['TopK', { make: /* @__PURE__ */ widened(makeTopK, isNarrow) }],
  ['Hardmax', hardmax],
  ['LpNormalization', lpNormalization],
]
