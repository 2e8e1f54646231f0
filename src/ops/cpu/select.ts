// Operators whose output shapes depend on data.
import { axisOf } from '../schemas/define.ts'
import { int } from '../attributes.ts'
import { allocateView, isView, type HostKernel, type KernelContext, type KernelEntry, type Value, type View } from '../kernel.ts'
import { castLoop } from './cast.ts'
import { storeInt64 } from './arrays.ts'
import { numbers, wordsOf, type Numbers } from './nest.ts'
import { compareWide } from './wide.ts'

function viewOf(value: Value | undefined): View {
  if (!isView(value)) throw new TypeError('a kernel was called without a tensor that it needs')
  return value
}

function int64View(values: readonly number[], shape: readonly number[] = [values.length]): View {
  const view = allocateView('int64', shape)
  storeInt64(numbers(view), values)
  return view
}

// X [any] -> indices [rank, count]
const nonZero: HostKernel = ([input]) => {
  const { dtype, shape, size } = viewOf(input)
  const x = numbers(viewOf(input))
  const words = wordsOf(dtype)
  // float16 and bfloat16 are their bits here, in which -0 has its sign.
  const mask = dtype === 'float16' || dtype === 'bfloat16' ? 0x7fff : undefined
  const found: number[] = []
  for (let i = 0; i < size; i++) {
    const value = mask === undefined ? x[i * words] : x[i] & mask
    if (value !== 0 || (words === 2 && x[2 * i + 1] !== 0)) found.push(i)
  }
  let inner = size
  const rows = shape.flatMap((dim) => {
    inner /= dim
    return found.map((place) => Math.floor(place / inner) % dim)
  })
  return [int64View(rows, [shape.length, found.length])]
}

/** The slices of x along an axis (of all elements without one) in the order of `chosen`. */
function takeSlices(x: View, axis: number | undefined, chosen: readonly number[]): View {
  const dim = axis === undefined ? x.size : x.shape[axis]
  const inner = wordsOf(x.dtype) * (axis === undefined ? 1 : x.shape.slice(axis + 1).reduce((product, size) => product * size, 1))
  const outer = axis === undefined ? 1 : x.shape.slice(0, axis).reduce((product, size) => product * size, 1)
  const out = allocateView(x.dtype, axis === undefined ? [chosen.length] : x.shape.map((size, i) => (i === axis ? chosen.length : size)))
  const [from, to] = [numbers(x), numbers(out)]
  for (let i = 0, o = 0; i < outer; i++) {
    for (const slice of chosen) for (let e = 0; e < inner; e++) to[o++] = from[(i * dim + slice) * inner + e]
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
  const chosen: number[] = []
  const dim = axis === undefined ? x.size : x.shape[axis]
  for (let i = 0; i < Math.min(dim, holds.length); i++) if (holds[i] !== 0) chosen.push(i)
  return [takeSlices(x, axis, chosen)]
}

// X [any] -> distinct slices, and int64: first index of each, which of them each slice is, how often each occurs
const makeUnique = (context: KernelContext): HostKernel => ([input]) => {
  const x = viewOf(input)
  const axis = axisGiven(context, x.shape.length)
  const count = axis === undefined ? x.size : x.shape[axis]
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
  return [takeSlices(x, axis, first), int64View(first), int64View(inverse), int64View(groups.map((group) => group.length))]
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
  ['NonZero', { makeHost: () => nonZero }],
  ['Compress', { makeHost: makeCompress }],
  ['Unique', { makeHost: makeUnique }],
]
