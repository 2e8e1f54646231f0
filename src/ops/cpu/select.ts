// Operators whose output shapes depend on data.
import { axisOf } from '../schemas/define.ts'
import { int } from '../attributes.ts'
import { allocateView, isView, type HostKernel, type KernelContext, type KernelEntry, type Scratch, type Value, type View } from '../kernel.ts'
import { castLoop } from './cast.ts'
import { storeInt64 } from './arrays.ts'
import { numbers, wordsOf, type Numbers } from './nest.ts'
import { compareWide, numberToWide } from './wide.ts'

function viewOf(value: Value | undefined): View {
  if (!isView(value)) throw new TypeError('a kernel was called without a tensor that it needs')
  return value
}

function int64View(values: readonly number[]): View {
  const view = allocateView('int64', [values.length])
  storeInt64(numbers(view), values)
  return view
}

// X [any] -> indices [rank, count]
const makeNonZero = ({ scratch }: KernelContext): HostKernel => ([input]) => {
  const { dtype, shape, size } = viewOf(input)
  const x = numbers(viewOf(input))
  const words = wordsOf(dtype)
  // float16 and bfloat16 are their bits here, in which -0 has its sign.
  const mask = dtype === 'float16' || dtype === 'bfloat16' ? 0x7fff : undefined
  const isZero = (i: number): boolean => (mask === undefined ? x[i * words] : x[i] & mask) === 0 && (words === 1 || x[2 * i + 1] === 0)
  let count = 0
  for (let i = 0; i < size; i++) if (!isZero(i)) count++
  const found = allocateView('int64', [shape.length, count], scratch)
  const out = numbers(found)
  for (let i = 0, n = 0; i < size; i++) {
    if (isZero(i)) continue
    for (let axis = shape.length - 1, rest = i; axis >= 0; axis--) {
      const dim = shape[axis]
      numberToWide(out, 2 * (axis * count + n), rest % dim, false)
      rest = Math.floor(rest / dim)
    }
    n++
  }
  return [found]
}

/** The slices of x along an axis (of all elements without one) in the order of `chosen`. */
function takeSlices(x: View, axis: number | undefined, chosen: ArrayLike<number>, scratch: Scratch): View {
  const dim = axis === undefined ? x.size : x.shape[axis]
  const inner = wordsOf(x.dtype) * (axis === undefined ? 1 : x.shape.slice(axis + 1).reduce((product, size) => product * size, 1))
  const outer = axis === undefined ? 1 : x.shape.slice(0, axis).reduce((product, size) => product * size, 1)
  const out = allocateView(x.dtype, axis === undefined ? [chosen.length] : x.shape.map((size, i) => (i === axis ? chosen.length : size)), scratch)
  const [from, to] = [numbers(x), numbers(out)]
  for (let i = 0, o = 0; i < outer; i++) {
    for (let c = 0; c < chosen.length; c++) for (let e = 0; e < inner; e++) to[o++] = from[(i * dim + chosen[c]) * inner + e]
  }
  return out
}

function axisGiven({ attributes }: KernelContext, rank: number): number | undefined {
  return attributes.has('axis') ? axisOf(int(attributes, 'axis', 0), rank) : undefined
}

// input [any], condition [at most dim] -> slices where it holds
const makeCompress = (context: KernelContext): HostKernel => ([input, condition]) => {
  const x = viewOf(input)
  const axis = axisGiven(context, x.shape.length)
  const holds = numbers(viewOf(condition))
  const most = Math.min(axis === undefined ? x.size : x.shape[axis], holds.length)
  let count = 0
  for (let i = 0; i < most; i++) if (holds[i] !== 0) count++
  context.scratch.take(count * 4)
  const chosen = new Uint32Array(count)
  for (let i = 0, n = 0; i < most; i++) if (holds[i] !== 0) chosen[n++] = i
  return [takeSlices(x, axis, chosen, context.scratch)]
}

/** Of lists, for each slice: its place, and a group of its own. */
const UNIQUE_OBJECTS = 96

// X [any] -> distinct slices, and int64: first index of each, which of them each slice is, how often each occurs
const makeUnique = (context: KernelContext): HostKernel => ([input]) => {
  const x = viewOf(input)
  const axis = axisGiven(context, x.shape.length)
  const count = axis === undefined ? x.size : x.shape[axis]
  context.scratch.take(0, count * UNIQUE_OBJECTS)
  const order = sliceOrder(x, axis)
  const sorted = Array.from({ length: count }, (_, i) => i).sort((a, b) => order(a, b) || a - b)
  const groups: number[][] = []
  for (const slice of sorted) {
    const last = groups[groups.length - 1]
    if (last !== undefined && order(last[0], slice) === 0) last.push(slice)
    else groups.push([slice])
  }
  if (int(context.attributes, 'sorted', 1) === 0) groups.sort((a, b) => a[0] - b[0])
  const inverse = new Array<number>(count)
  groups.forEach((group, g) => group.forEach((slice) => (inverse[slice] = g)))
  const first = groups.map((group) => group[0])
  return [takeSlices(x, axis, first, context.scratch), int64View(first), int64View(inverse), int64View(groups.map((group) => group.length))]
}

/** Compares slices element by element; NaN is equal to itself and above all numbers, as numpy sorts. */
function sliceOrder(x: View, axis: number | undefined): (a: number, b: number) => number {
  let data = numbers(x)
  if (x.dtype === 'float16' || x.dtype === 'bfloat16') {
    data = new Float32Array(x.size)
    castLoop(x.dtype, 'float32')(data, numbers(x), x.size)
  }
  const dim = axis === undefined ? x.size : x.shape[axis]
  const inner = axis === undefined ? 1 : x.shape.slice(axis + 1).reduce((product, size) => product * size, 1)
  const outer = axis === undefined ? 1 : x.shape.slice(0, axis).reduce((product, size) => product * size, 1)
  const compare = wordsOf(x.dtype) === 2 ? (i: number, j: number): number => compareWide(data, 2 * i, data, 2 * j) : (i: number, j: number): number => compareItems(data, i, j)
  return (a, b) => {
    for (let i = 0; i < outer; i++) {
      for (let e = 0; e < inner; e++) {
        const order = compare((i * dim + a) * inner + e, (i * dim + b) * inner + e)
        if (order !== 0) return order
      }
    }
    return 0
  }
}

function compareItems(data: Numbers, i: number, j: number): number {
  const [a, b] = [data[i], data[j]]
  if (a !== a || b !== b) return (a !== a ? 1 : 0) - (b !== b ? 1 : 0)
  return a < b ? -1 : a > b ? 1 : 0
}

export const selectKernels: readonly (readonly [string, KernelEntry])[] = [
  ['NonZero', { makeHost: makeNonZero }],
  ['Compress', { makeHost: makeCompress }],
  ['Unique', { makeHost: makeUnique }],
]
