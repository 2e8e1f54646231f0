// Elements and slices at indices on the wasm device. Indices outside their dimension are cpu's, which says so.
import { bytesPerElement, is64BitInteger } from '../../tensor/dtype.ts'
import { sizeOf, stridesOf } from '../../tensor/shape.ts'
import { int, text } from '../attributes.ts'
import { elementNest } from '../cpu/array-moves.ts'
import { integers } from '../cpu/moving.ts'
import { perShape } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { oneHotAxis } from '../schemas/arrays.ts'
import { isTensorType } from '../types.ts'
import { bytesOf, offsetOf, wordsOf } from './memory.ts'
import { wasmFunction, type WasmFunction } from './module.ts'

/** Operands that need more calls than this for one run are left to cpu. */
const MAX_CALLS = 256
/** Indices of a tuple that fit the scratch. */
const MAX_WIDTH = 16

/** Kernels over a host's memory, by operator key. */
export function wasmIndexingKernels(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  const entry = (make: (host: WasmHost, context: KernelContext, fallback: Kernel) => Kernel | undefined): PreferredEntry => ({ make: (context, fallback) => make(host, context, fallback) })
  return [
    ['GatherElements', entry(makeGatherElements)],
    ['ScatterElements', entry(makeScatterElements)],
    ['GatherND', entry(makeGatherND)],
    ['ScatterND', entry(makeScatterND)],
    ['OneHot', entry(makeOneHot)],
    ['Trilu', entry(makeTrilu)],
  ]
}

/** Bytes of an element of an input; 0 for text. */
function bytesAt({ inputTypes }: KernelContext, index: number): number {
  const type = inputTypes[index]
  return isTensorType(type) && type.dtype !== 'string' ? bytesPerElement(type.dtype) : 0
}

/** 1 for indices of 64 bits, 0 for those of 32; undefined for others. */
function widthOf({ inputTypes }: KernelContext, index: number): number | undefined {
  const type = inputTypes[index]
  if (!isTensorType(type) || (type.dtype !== 'int32' && type.dtype !== 'int64')) return undefined
  return is64BitInteger(type.dtype) ? 1 : 0
}

interface Elements {
  /** Places of the first index and the first element of data of each call. */
  readonly starts: readonly (readonly [index: number, element: number])[]
  readonly sizes: readonly [number, number, number]
  /** Bytes between elements of data along those sizes, and along the axis. */
  readonly steps: readonly [number, number, number]
  readonly along: number
  readonly dim: number
}

/** undefined where too many calls would be needed. */
function elementsOf(data: View | undefined, indices: View | undefined, axis: number, bytes: number): Elements | undefined {
  const { nest, stride, dim } = elementNest(data, indices, axis)
  const { sizes, strides, inner, steps } = nest
  const outer = Math.max(0, sizes.length - 2)
  let starts: [number, number][] = nest.rows === 0 ? [] : [[0, 0]]
  for (let i = 0; i < outer; i++) starts = starts.flatMap(([at, element]) => Array.from({ length: sizes[i] }, (_, k): [number, number] => [at + k * strides[0][i], element + k * strides[1][i] * bytes]))
  if (starts.length > MAX_CALLS) return undefined
  const own = strides[1].map((step) => step * bytes)
  return { starts, sizes: [sizes.at(-2) ?? 1, sizes.at(-1) ?? 1, inner], steps: [own.at(-2) ?? 0, own.at(-1) ?? 0, steps[1] * bytes], along: stride * bytes, dim }
}

const GATHER = 0
const SCATTER = 1
/** Numbers of the reductions in assembly/parts/indexing.ts. */
const REDUCTIONS: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([['none', SCATTER], ['add', 2], ['mul', 3], ['max', 4], ['min', 5]])

/** True where an index lies outside. */
function runElements(run: WasmFunction, op: number, { starts, sizes, steps, along, dim }: Elements, list: number, listBytes: number, data: number, indices: number, isWide: number): boolean {
  for (let i = 0; i < starts.length; i++) {
    const [index, element] = starts[i]
    if (run(op, list + index * listBytes, data + element, indices + index * (isWide === 0 ? 4 : 8), isWide, sizes[0], sizes[1], sizes[2], steps[0], steps[1], steps[2], along, dim) !== 0) return true
  }
  return false
}

// data, indices [...] -> y like the indices
function makeGatherElements(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const bytes = bytesAt(context, 0)
  const isWide = widthOf(context, 1)
  if ((bytes !== 4 && bytes !== 8) || isWide === undefined) return undefined
  const run = wasmFunction(host.exports, `moveElements${bytes}`)
  const axis = int(context.attributes, 'axis', 0)
  const layout = perShape(([data, indices]) => elementsOf(data, indices, axis, bytes))
  return (inputs, outputs) => {
    const elements = layout(inputs, outputs)
    const [data, indices] = inputs
    const [y] = outputs
    if (elements === undefined || data === undefined || indices === undefined || y === undefined) fallback(inputs, outputs)
    else if (runElements(run, GATHER, elements, offsetOf(y), bytes, offsetOf(data), offsetOf(indices), isWide)) fallback(inputs, outputs)
  }
}

/** y = x, both of the same size. */
function copyWhole(host: WasmHost): (y: View, x: View) => void {
  const copy = wasmFunction(host.exports, 'copyBytes')
  return (y, x) => {
    const bytes = (x.data as Uint8Array).byteLength
    if (offsetOf(y) !== offsetOf(x)) copy(offsetOf(y), offsetOf(x), bytes)
  }
}

// data, indices [...], updates like the indices -> y like the data
function makeScatterElements(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const bytes = bytesAt(context, 0)
  const isWide = widthOf(context, 1)
  const op = REDUCTIONS.get(text(context.attributes, 'reduction', 'none'))
  const isFloat = bytesOf(context) !== undefined
  if ((bytes !== 4 && bytes !== 8) || isWide === undefined || op === undefined || (op !== SCATTER && !isFloat)) return undefined
  const run = wasmFunction(host.exports, op === SCATTER ? `moveElements${bytes}` : `combineElements${bytes * 8}`)
  const copy = copyWhole(host)
  const axis = int(context.attributes, 'axis', 0)
  const layout = perShape(([data, indices]) => elementsOf(data, indices, axis, bytes))
  return (inputs, outputs) => {
    const elements = layout(inputs, outputs)
    const [data, indices, updates] = inputs
    const [y] = outputs
    if (elements === undefined || data === undefined || indices === undefined || updates === undefined || y === undefined) {
      fallback(inputs, outputs)
      return
    }
    copy(y, data)
    if (runElements(run, op, elements, offsetOf(updates), bytes, offsetOf(y), offsetOf(indices), isWide)) fallback(inputs, outputs)
  }
}

interface Slices {
  readonly tuples: number
  readonly width: number
  /** Dimensions that a tuple is about, then bytes between their places. */
  readonly layout: readonly number[]
  readonly bytes: number
  readonly perBatch: number
  readonly batchBytes: number
}

function slicesOf(data: View | undefined, indices: View | undefined, batchDims: number, elementBytes: number): Slices | undefined {
  if (data === undefined || indices === undefined) return undefined
  const { shape } = data
  const along = indices.shape
  const width = along[along.length - 1]
  if (width > MAX_WIDTH) return undefined
  const strides = stridesOf(shape).slice(batchDims, batchDims + width)
  return {
    tuples: sizeOf(along.slice(0, -1)),
    width,
    layout: [...shape.slice(batchDims, batchDims + width), ...strides.map((stride) => stride * elementBytes)],
    bytes: sizeOf(shape.slice(batchDims + width)) * elementBytes,
    perBatch: sizeOf(along.slice(batchDims, -1)),
    batchBytes: sizeOf(shape.slice(batchDims)) * elementBytes,
  }
}

/** Runs `slices` of the assembly; true where an index lies outside. */
function sliceRunner(host: WasmHost): (isScatter: number, slices: Slices, list: View, data: View, indices: View) => boolean {
  host.reserveScratch(2 * MAX_WIDTH * 4)
  const run = wasmFunction(host.exports, 'slices')
  const words = wordsOf(host)
  return (isScatter, { tuples, width, layout, bytes, perBatch, batchBytes }, list, data, indices) => {
    const { scratchOffset } = host
    const to = words()
    for (let i = 0; i < layout.length; i++) to[scratchOffset / 4 + i] = layout[i]
    return run(isScatter, offsetOf(list), offsetOf(data), offsetOf(indices), tuples, width, scratchOffset, bytes, perBatch, batchBytes) !== 0
  }
}

// data [batch..., any...], indices [batch..., tuples..., width] -> output [batch..., tuples..., slice...]
function makeGatherND(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const bytes = bytesAt(context, 0)
  if (bytes === 0) return undefined
  const run = sliceRunner(host)
  const batchDims = int(context.attributes, 'batch_dims', 0)
  const layout = perShape(([data, indices]) => slicesOf(data, indices, batchDims, bytes))
  return (inputs, outputs) => {
    const slices = layout(inputs, outputs)
    const [data, indices] = inputs
    const [y] = outputs
    if (slices === undefined || data === undefined || indices === undefined || y === undefined || run(0, slices, y, data, indices)) fallback(inputs, outputs)
  }
}

// data [any...], indices [tuples..., width], updates [tuples..., slice...] -> output like the data; tuples in order
function makeScatterND(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const bytes = bytesAt(context, 0)
  if (bytes === 0 || text(context.attributes, 'reduction', 'none') !== 'none') return undefined
  const run = sliceRunner(host)
  const copy = copyWhole(host)
  const layout = perShape(([data, indices]) => slicesOf(data, indices, 0, bytes))
  return (inputs, outputs) => {
    const slices = layout(inputs, outputs)
    const [data, indices, updates] = inputs
    const [y] = outputs
    if (slices === undefined || data === undefined || indices === undefined || updates === undefined || y === undefined) {
      fallback(inputs, outputs)
      return
    }
    copy(y, data)
    if (run(1, slices, updates, y, indices)) fallback(inputs, outputs)
  }
}

// indices [...] of integers, depth, values [off, on] -> y with one more axis
function makeOneHot(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const bytes = bytesAt(context, 2)
  const isWide = widthOf(context, 0)
  if ((bytes !== 4 && bytes !== 8) || isWide === undefined) return undefined
  const fill = wasmFunction(host.exports, `fill${bytes}`)
  const place = wasmFunction(host.exports, `oneHot${bytes}`)
  const given = int(context.attributes, 'axis', -1)
  return (inputs, outputs) => {
    const [indices, , values] = inputs
    const [y] = outputs
    if (indices === undefined || values === undefined || y === undefined) {
      fallback(inputs, outputs)
      return
    }
    const { shape } = indices
    const axis = oneHotAxis(given, shape.length)
    let outer = 1
    for (let i = 0; i < axis; i++) outer *= shape[i]
    fill(offsetOf(y), y.size, offsetOf(values))
    if (y.size > 0) place(offsetOf(y), offsetOf(indices), isWide, outer, indices.size / outer, y.shape[axis], offsetOf(values) + bytes)
  }
}

// input [..., rows, columns], k -> output alike
function makeTrilu(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const bytes = bytesAt(context, 0)
  if (bytes === 0) return undefined
  const run = wasmFunction(host.exports, 'triangles')
  const isUpper = int(context.attributes, 'upper', 1) !== 0 ? 1 : 0
  const diagonalOf = perShape(([, k]) => (k === undefined ? 0 : integers(k)[0]), [1])
  return (inputs, outputs) => {
    const diagonal = diagonalOf(inputs, outputs)
    const [x] = inputs
    const [y] = outputs
    if (x === undefined || y === undefined || Math.abs(diagonal) >= 2 ** 30) {
      fallback(inputs, outputs)
      return
    }
    const { length } = x.shape
    const [rows, columns] = [x.shape[length - 2], x.shape[length - 1]]
    if (x.size > 0) run(offsetOf(y), offsetOf(x), x.size / (rows * columns), rows, columns, bytes, diagonal, isUpper)
  }
}
