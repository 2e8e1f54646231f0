// Pools. Elements of a window are taken in row-major order, with one accumulator for each output.
import { MleError } from '../../error.ts'
import { pow } from '../../math/pow.ts'
import { int } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { placeWindow, poolWindow, type Places } from '../window.ts'
import { dtypeOf, isHalf } from './elementwise.ts'
import { numbers, perShape, type Numbers } from './nest.ts'
import { addElements, partialsFor, sumBy } from './reduce.ts'
import { wideToNumber } from './wide.ts'
import { widened } from './widen.ts'

type Views = readonly (View | undefined)[]

function given(view: View | undefined): View {
  if (view === undefined) throw new TypeError('a pool was called without an input that it needs')
  return view
}

function poolPlaces({ attributes }: KernelContext): (inputs: Views, outputs: Views) => Places {
  return perShape(([x], [y]) => placeWindow(poolWindow(attributes), given(x).shape.slice(2), given(y).shape.slice(2)))
}

/** Range of the window's places, along one axis, whose element lies in [low, high). */
interface Span {
  at: number
  from: number
  to: number
}

function span(place: number, axis: number, { strides, before, dilations, kernel }: Places, low: number, high: number, into: Span): void {
  const at = place * strides[axis] - before[axis]
  const step = dilations[axis]
  into.at = at
  into.from = at >= low ? 0 : Math.ceil((low - at) / step)
  into.to = Math.min(kernel[axis], Math.ceil((high - at) / step))
}

type VisitWindow = (plane: number, output: number, d: Span, h: Span, w: Span, place: readonly number[]) => void

/** A loop that visits each output with the spans of its window inside the input. Made once per kernel, so that running it allocates nothing. */
function windowLoop(visit: VisitWindow): (places: Places, planes: number) => void {
  const d: Span = { at: 0, from: 0, to: 0 }
  const h: Span = { at: 0, from: 0, to: 0 }
  const w: Span = { at: 0, from: 0, to: 0 }
  const place = [0, 0, 0]
  return (places, planes) => {
    const { input, output } = places
    let o = 0
    for (let plane = 0; plane < planes; plane++) {
      for (let i = 0; i < output[0]; i++) {
        place[0] = i
        span(i, 0, places, 0, input[0], d)
        for (let j = 0; j < output[1]; j++) {
          place[1] = j
          span(j, 1, places, 0, input[1], h)
          for (let k = 0; k < output[2]; k++) {
            place[2] = k
            span(k, 2, places, 0, input[2], w)
            visit(plane, o++, d, h, w, place)
          }
        }
      }
    }
  }
}

const planesOf = (x: View): number => x.shape[0] * x.shape[1]

// x [N, C, ...] -> y [N, C, ...], indices int64 alike
function makeMaxPool(context: KernelContext): Kernel {
  const layout = poolPlaces(context)
  const columnMajor = int(context.attributes, 'storage_order', 0) !== 0
  const least = new Map<string, number>([['int8', -128], ['uint8', 0]]).get(dtypeOf(context)) ?? -Infinity
  let x: Numbers
  let y: Numbers
  let indices: Numbers | undefined
  let places: Places
  const loop = windowLoop((plane, o, d, h, w) => {
    const [depth, height, width] = places.input
    const [sd, sh, sw] = places.dilations
    let best = least
    let where = -1
    for (let i = d.from; i < d.to; i++) {
      for (let j = h.from; j < h.to; j++) {
        const row = (plane * depth + d.at + i * sd) * height * width + (h.at + j * sh) * width + w.at
        for (let k = w.from; k < w.to; k++) {
          const at = row + k * sw
          const value = x[at]
          if (value > best || where < 0 || (value !== value && best === best)) {
            best = value
            where = at
          }
        }
      }
    }
    y[o] = best
    if (indices === undefined) return
    let index = where
    if (columnMajor && where >= 0) {
      const planeSize = depth * height * width
      const inner = where - plane * planeSize
      const row = Math.floor(inner / width) % height
      index = plane * planeSize + ((inner % width) * height + row) * depth + Math.floor(inner / (width * height))
    }
    indices[2 * o] = index
    indices[2 * o + 1] = Math.floor(index / 4294967296)
  })
  return (inputs, outputs) => {
    places = layout(inputs, outputs)
    x = numbers(inputs[0])
    y = numbers(outputs[0])
    indices = outputs[1] === undefined ? undefined : numbers(outputs[1])
    loop(places, planesOf(given(inputs[0])))
  }
}

// x [N, C, ...] -> y [N, C, ...]
function makeSumPool(context: KernelContext, term: (value: number) => number, finish: (sum: number, inside: number, padded: number) => number): Kernel {
  const layout = poolPlaces(context)
  // The cell rounds each sum to the dtype.
  const sum = dtypeOf(context) === 'float64' ? new Float64Array(1) : new Float32Array(1)
  const wide: Span[] = [0, 1, 2].map(() => ({ at: 0, from: 0, to: 0 }))
  let x: Numbers
  let y: Numbers
  let places: Places
  const loop = windowLoop((plane, o, d, h, w, place) => {
    const { input, before, after, dilations } = places
    const [depth, height, width] = input
    const [sd, sh, sw] = dilations
    sum[0] = 0
    for (let i = d.from; i < d.to; i++) {
      for (let j = h.from; j < h.to; j++) {
        const row = (plane * depth + d.at + i * sd) * height * width + (h.at + j * sh) * width + w.at
        for (let k = w.from; k < w.to; k++) sum[0] += term(x[row + k * sw])
      }
    }
    let padded = 1
    for (let axis = 0; axis < 3; axis++) {
      span(place[axis], axis, places, -before[axis], input[axis] + after[axis], wide[axis])
      padded *= wide[axis].to - wide[axis].from
    }
    y[o] = finish(sum[0], Math.max(0, d.to - d.from) * Math.max(0, h.to - h.from) * Math.max(0, w.to - w.from), padded)
  })
  return (inputs, outputs) => {
    places = layout(inputs, outputs)
    x = numbers(inputs[0])
    y = numbers(outputs[0])
    loop(places, planesOf(given(inputs[0])))
  }
}

function makeAveragePool(context: KernelContext): Kernel {
  const withPads = int(context.attributes, 'count_include_pad', 0) !== 0
  return makeSumPool(context, (value) => value, withPads ? (sum, _inside, padded) => sum / padded : (sum, inside) => sum / inside)
}

/** |x|^p and the p-th root, rounded to the dtype. */
function powersOf(context: KernelContext): readonly [term: (x: number) => number, root: (sum: number) => number] {
  const p = int(context.attributes, 'p', 2)
  const round = dtypeOf(context) === 'float64' ? (value: number): number => value : Math.fround
  if (p === 1) return [Math.abs, (sum) => sum]
  if (p === 2) return [(x) => round(x * x), Math.sqrt]
  return [(x) => round(pow(Math.abs(x), p)), (sum) => pow(sum, 1 / p)]
}

function makeLpPool(context: KernelContext): Kernel {
  const [term, root] = powersOf(context)
  return makeSumPool(context, term, root)
}

// x [N, C, ...] -> y [N, C, 1 ...], one fold of each plane
function globalEntry(makeFold: (context: KernelContext) => (x: Numbers, start: number, count: number, y: Numbers, o: number) => void): KernelEntry {
  const make = (context: KernelContext): Kernel => {
    const fold = makeFold(context)
    return ([x], [y]) => {
      const [source, target] = [given(x), given(y)]
      const count = target.size === 0 ? 0 : source.size / target.size
      const [from, to] = [numbers(x), numbers(y)]
      for (let o = 0; o < target.size; o++) fold(from, o * count, count, to, o)
    }
  }
  return { make: widened(make, isHalf) }
}

// x [N, C, ...], indices int64 alike -> y [N, C, ...] with zeros between
function makeMaxUnpool(): Kernel {
  return ([xView, indices], [yView]) => {
    const [x, y, at] = [numbers(xView), numbers(yView), numbers(indices)]
    const source = given(xView)
    const target = given(yView)
    for (let o = 0; o < target.size; o++) y[o] = 0
    // Indices count through the tensor that was pooled, whose planes may be smaller than those asked for.
    for (let i = 0; i < source.size; i++) {
      const place = wideToNumber(at, 2 * i)
      if (!(place >= 0 && place < target.size)) throw new MleError('OP_INDEX', `index ${place} is outside an output of ${target.size} elements`, { expected: target.size, actual: place })
      y[place] = x[i]
    }
  }
}

export const poolKernels: readonly (readonly [string, KernelEntry])[] = [
  ['MaxPool', { make: /* @__PURE__ */ widened(makeMaxPool, isHalf) }],
  ['AveragePool', { make: /* @__PURE__ */ widened(makeAveragePool, isHalf) }],
  ['LpPool', { make: /* @__PURE__ */ widened(makeLpPool, isHalf) }],
  ['GlobalAveragePool', /* @__PURE__ */ globalEntry((context) => {
    const partials = partialsFor(dtypeOf(context))
    return (x, start, count, y, o) => {
      sumBy(addElements, partials, x, start, 1, count)
      y[o] = partials[0] / count
    }
  })],
  ['GlobalMaxPool', /* @__PURE__ */ globalEntry(() => (x, start, count, y, o) => {
    let best = -Infinity
    for (let e = 0; e < count; e++) best = Math.max(best, x[start + e])
    y[o] = best
  })],
  ['GlobalLpPool', /* @__PURE__ */ globalEntry((context) => {
    const [term, root] = powersOf(context)
    const sum = dtypeOf(context) === 'float64' ? new Float64Array(1) : new Float32Array(1)
    return (x, start, count, y, o) => {
      sum[0] = 0
      for (let e = 0; e < count; e++) sum[0] += term(x[start + e])
      y[o] = root(sum[0])
    }
  })],
  ['MaxUnpool', { make: /* @__PURE__ */ widened(makeMaxUnpool, isHalf) }],
]
