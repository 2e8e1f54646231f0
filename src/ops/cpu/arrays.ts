// Kernels that make, cut and fill arrays. 64-bit integers move as two words, one more axis.
import { is64BitInteger } from '../../tensor/dtype.ts'
import { stridesOf } from '../../tensor/shape.ts'
import { int, tensorAttribute, text } from '../attributes.ts'
import { viewOfTensor, type Kernel, type KernelContext, type KernelEntry } from '../kernel.ts'
import { oneHotAxis } from '../schemas/arrays.ts'
import { padMap, padsOf } from '../slices.ts'
import { elementNest, expandMoves, sliceMoves, splitMoves, tileMoves } from './array-moves.ts'
import { ADD, MAX, MIN, MUL, dtypeOf, isHalf, pickBinary } from './elementwise.ts'
import { integers, placeAt, stridedEntry, view } from './moving.ts'
import { numbers, perShape, walk, wordsOf, type Numbers } from './nest.ts'
import { numberToWide, wideToNumber } from './wide.ts'
import { widened } from './widen.ts'

// data, indices [...] -> y like the indices
function makeGatherElements(context: KernelContext): Kernel {
  const words = wordsOf(dtypeOf(context))
  const wide = is64BitInteger(dtypeOf(context, 1))
  const layout = perShape(([data, indices]) => elementNest(data, indices, int(context.attributes, 'axis', 0)))
  let y: Numbers
  let x: Numbers
  let indices: Numbers
  let loops: ReturnType<typeof elementNest>
  const row = (at: readonly number[]): void => {
    const { nest, stride, dim } = loops
    for (let e = 0; e < nest.inner; e++) {
      const o = at[0] + e * nest.steps[0]
      const i = at[1] + e * nest.steps[1] + placeAt(indices, o, wide, dim) * stride
      for (let w = 0; w < words; w++) y[o * words + w] = x[i * words + w]
    }
  }
  return (inputs, outputs) => {
    loops = layout(inputs, outputs)
    y = numbers(outputs[0])
    x = numbers(inputs[0])
    indices = numbers(inputs[1])
    walk(loops.nest, row)
  }
}

// data, indices [...], updates like the indices -> y like the data
function makeScatterElements(context: KernelContext): Kernel {
  const dtype = dtypeOf(context)
  const words = wordsOf(dtype)
  const wide = is64BitInteger(dtypeOf(context, 1))
  const loops = new Map([['add', ADD], ['mul', MUL], ['max', MAX], ['min', MIN]]).get(text(context.attributes, 'reduction', 'none'))
  const combine = loops && pickBinary(loops, dtype)
  const layout = perShape(([data, indices]) => elementNest(data, indices, int(context.attributes, 'axis', 0)))
  let y: Numbers
  let indices: Numbers
  let updates: Numbers
  let elements: ReturnType<typeof elementNest>
  const row = (at: readonly number[]): void => {
    const { nest, stride, dim } = elements
    for (let e = 0; e < nest.inner; e++) {
      const j = at[0] + e * nest.steps[0]
      const o = at[1] + e * nest.steps[1] + placeAt(indices, j, wide, dim) * stride
      if (combine !== undefined) combine(y, o, 1, y, o, 0, updates, j, 0)
      else for (let w = 0; w < words; w++) y[o * words + w] = updates[j * words + w]
    }
  }
  return (inputs, outputs) => {
    elements = layout(inputs, outputs)
    const x = numbers(inputs[0])
    y = numbers(outputs[0])
    indices = numbers(inputs[1])
    updates = numbers(inputs[2])
    for (let i = 0; i < y.length; i++) y[i] = x[i]
    walk(elements.nest, row)
  }
}

// data [...], pads [2 axes] -> y
function makePad(context: KernelContext): Kernel {
  const dtype = dtypeOf(context)
  const words = wordsOf(dtype)
  const zero: Numbers = dtype === 'string' ? ([''] as unknown as Numbers) : [0, 0]
  const layout = perShape(([x, pads, , axes]) => {
    const { shape } = view(x)
    const all = padsOf(integers(pads), axes === undefined ? undefined : integers(axes), shape.length)
    const strides = stridesOf(shape)
    const mode = text(context.attributes, 'mode', 'constant')
    const maps = shape.map((dim, i) => padMap(dim, all[i], all[i + shape.length], mode).map((from) => (from < 0 ? -1 : from * strides[i] * words)))
    return [...maps, Array.from({ length: words }, (_, w) => w)]
  }, [1, 3])
  let maps: readonly (readonly number[])[]
  let x: Numbers
  let y: Numbers
  let fill: Numbers
  let o = 0
  const visit = (axis: number, base: number): void => {
    const map = maps[axis]
    if (axis === maps.length - 1) for (let w = 0; w < words; w++, o++) y[o] = base < 0 ? fill[w] : x[base + w]
    else for (let e = 0; e < map.length; e++) visit(axis + 1, base < 0 || map[e] < 0 ? -1 : base + map[e])
  }
  return (inputs, outputs) => {
    maps = layout(inputs, outputs)
    x = numbers(inputs[0])
    y = numbers(outputs[0])
    fill = inputs[2] === undefined ? zero : numbers(inputs[2])
    o = 0
    visit(0, 0)
  }
}

function fillWith(y: Numbers, value: Numbers, from: number, words: number): void {
  for (let i = 0; i < y.length; i++) y[i] = value[from + (words === 1 ? 0 : i % 2)]
}

function makeConstantOfShape({ attributes }: KernelContext): Kernel {
  const tensor = tensorAttribute(attributes, 'value')
  const value = tensor === undefined ? [0] : numbers(viewOfTensor(tensor))
  const words = tensor === undefined ? 1 : wordsOf(tensor.dtype)
  return (_inputs, [y]) => fillWith(numbers(y), value, 0, words)
}

/** Stores numbers as int64. */
export function storeInt64(y: Numbers, values: readonly number[]): void {
  for (let i = 0; i < values.length; i++) numberToWide(y, 2 * i, values[i], false)
}

function makeShape({ attributes }: KernelContext): Kernel {
  const end = attributes.get('end')?.value
  return ([x], [y]) => storeInt64(numbers(y), view(x).shape.slice(int(attributes, 'start', 0), typeof end === 'number' ? end : undefined))
}

const sizeKernel: Kernel = ([x], [y]) => storeInt64(numbers(y), [view(x).size])

function makeRange(context: KernelContext): Kernel {
  const wide = is64BitInteger(dtypeOf(context))
  return ([start, , delta], [y]) => {
    const data = numbers(y)
    const first = wide ? wideToNumber(numbers(start), 0) : numbers(start)[0]
    const step = wide ? wideToNumber(numbers(delta), 0) : numbers(delta)[0]
    for (let i = 0; i < view(y).size; i++) {
      if (wide) numberToWide(data, 2 * i, first + i * step, false)
      else data[i] = first + i * step
    }
  }
}

// indices [...], depth, values [off, on] -> y with one more axis
function makeOneHot(context: KernelContext): Kernel {
  const words = wordsOf(dtypeOf(context, 2))
  const wide = is64BitInteger(dtypeOf(context))
  return ([indices, , values], [y]) => {
    const { shape, size } = view(indices)
    const axis = oneHotAxis(int(context.attributes, 'axis', -1), shape.length)
    const depth = view(y).shape[axis]
    let inner = 1
    for (let i = axis; i < shape.length; i++) inner *= shape[i]
    const out = numbers(y)
    const pair = numbers(values)
    fillWith(out, pair, 0, words)
    for (let j = 0; j < size; j++) {
      const index = wide ? wideToNumber(numbers(indices), 2 * j) : numbers(indices)[j]
      const place = Math.trunc(index < 0 ? index + depth : index)
      if (!(place >= 0 && place < depth)) continue
      const o = (Math.floor(j / inner) * depth + place) * inner + (j % inner)
      for (let w = 0; w < words; w++) out[o * words + w] = pair[words + w]
    }
  }
}

export const arrayKernels: readonly (readonly [string, KernelEntry])[] = [
  ['Split', /* @__PURE__ */ stridedEntry(splitMoves, [1])],
  ['Slice', /* @__PURE__ */ stridedEntry(sliceMoves, [1, 2, 3, 4])],
  ['GatherElements', { make: makeGatherElements }],
  ['ScatterElements', { make: (context) => (text(context.attributes, 'reduction', 'none') === 'none' ? makeScatterElements : widened(makeScatterElements, isHalf))(context) }],
  ['Expand', /* @__PURE__ */ stridedEntry(expandMoves)],
  ['Tile', /* @__PURE__ */ stridedEntry(tileMoves, [1])],
  ['Pad', { make: makePad }],
  ['Shape', { make: makeShape }],
  ['Size', { make: () => sizeKernel }],
  ['ConstantOfShape', { make: makeConstantOfShape }],
  ['Range', { make: /* @__PURE__ */ widened(makeRange, isHalf) }],
  ['OneHot', { make: makeOneHot }],
]
