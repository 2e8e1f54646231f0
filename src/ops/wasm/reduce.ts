// Reductions, softmax and normalizations on the wasm device, where what is combined lies side by side or in neighbouring columns;
// the rest is cpu's.
import { float, int } from '../attributes.ts'
import { integers } from '../cpu/moving.ts'
import { perShape } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { axesOf, axisOf } from '../schemas/define.ts'
import { bytesOf, offsetOf } from './memory.ts'
import { wasmFunction, type WasmFunction } from './module.ts'

const MEAN = 1
/** Functions and finishes of assembly/reduce.ts. */
const REDUCTIONS: ReadonlyMap<string, readonly [name: string, finish?: number]> = /* @__PURE__ */ new Map<string, readonly [string, number?]>([
  ['ReduceSum', ['sums']], ['ReduceMean', ['sums', MEAN]], ['ReduceSumSquare', ['squares']], ['ReduceL1', ['magnitudes']], ['ReduceL2', ['squares', 2]], ['ReduceLogSum', ['sums', 3]],
  ['ReduceMax', ['largest']], ['ReduceMin', ['smallest']], ['ReduceProd', ['products']], ['ReduceLogSumExp', ['logSumExp']],
])
/** Partials of four vectors of columns. */
const SCRATCH_BYTES = 1024
/** Counts up to it are exact in float32. */
const MAX_COUNT = 2 ** 24

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  const entry = (make: Make): PreferredEntry => ({ make: (context, fallback) => made(host, context, fallback, make) })
  return [
    ...[...REDUCTIONS].map(([key, [name, finish]]): [string, PreferredEntry] => [key, entry((tools) => reduction(tools, name, finish))]),
    ['GlobalAveragePool', entry((tools) => globalPool(tools, 'sums', MEAN))],
    ['GlobalMaxPool', entry((tools) => globalPool(tools, 'largest'))],
    ['Softmax', entry((tools) => softmax(tools, 0))],
    ['LogSoftmax', entry((tools) => softmax(tools, 1))],
    ['CumSum', entry(runningSums)],
    ['TopK', entry(firstElements)],
    ['ArgMax', entry((tools) => extremePlaces(tools, 1))],
    ['ArgMin', entry((tools) => extremePlaces(tools, 0))],
    ['BatchNormalization', entry(batchNorm)],
    ['InstanceNormalization', entry((tools) => groupNorm(tools, (channels) => channels))],
    ['GroupNormalization', entry((tools) => groupNorm(tools, () => int(tools.context.attributes, 'num_groups', 1)))],
    ['LayerNormalization', entry((tools) => layerNorm(tools, 1))],
    ['RMSNormalization', entry((tools) => layerNorm(tools, 0))],
  ]
}

interface Tools {
  readonly host: WasmHost
  readonly context: KernelContext
  readonly fallback: Kernel
  /** The function of the context's dtype. */
  readonly named: (name: string) => WasmFunction
  readonly round: (x: number) => number
}

type Make = (tools: Tools) => Kernel | undefined

function made(host: WasmHost, context: KernelContext, fallback: Kernel, make: Make): Kernel | undefined {
  const bytes = bytesOf(context)
  if (bytes === undefined) return undefined
  host.reserveScratch(SCRATCH_BYTES)
  return make({ host, context, fallback, named: (name) => wasmFunction(host.exports, name + (bytes === 4 ? '32' : '64')), round: bytes === 4 ? Math.fround : (x) => x })
}

interface Lines {
  readonly outer: number
  readonly n: number
  readonly inner: number
}

const product = (dims: readonly number[]): number => dims.reduce((count, dim) => count * dim, 1)

/** The reduced axes as the middle one of three; undefined where they are apart, nothing is reduced or too much. */
function linesOf(shape: readonly number[], axes: readonly number[]): Lines | undefined {
  const reduced = shape.map((dim, axis) => axes.includes(axis) && dim !== 1)
  const first = reduced.indexOf(true)
  const last = reduced.lastIndexOf(true)
  if (first < 0) return undefined
  for (let axis = first; axis <= last; axis++) if (!reduced[axis] && shape[axis] !== 1) return undefined
  const n = product(shape.slice(first, last + 1))
  return n === 0 || n >= MAX_COUNT ? undefined : { outer: product(shape.slice(0, first)), n, inner: product(shape.slice(last + 1)) }
}

// data [any] -> reduced; axes are input 1, or all
function reduction({ host, context, fallback, named }: Tools, name: string, finish: number = 0): Kernel {
  const run = named(name)
  const none = int(context.attributes, 'noop_with_empty_axes', 0) !== 0
  const layout = perShape(([x, axes]) => {
    if (x === undefined) return undefined
    const given = axes === undefined ? [] : integers(axes)
    return linesOf(x.shape, given.length > 0 ? axesOf(given, x.shape.length) : none ? [] : x.shape.map((_, axis) => axis))
  }, [1])
  return (inputs, outputs) => {
    const lines = layout(inputs, outputs)
    const [x] = inputs
    const [y] = outputs
    if (lines === undefined || x === undefined || y === undefined) fallback(inputs, outputs)
    else run(offsetOf(x), offsetOf(y), lines.outer, lines.n, lines.inner, finish, host.scratchOffset)
  }
}

// x [N, C, ...] -> y [N, C, 1 ...]
function globalPool({ host, fallback, named }: Tools, name: string, finish: number = 0): Kernel {
  const run = named(name)
  return (inputs, outputs) => {
    const [x] = inputs
    const [y] = outputs
    if (x === undefined || y === undefined || x.size === 0 || x.size / y.size >= MAX_COUNT) fallback(inputs, outputs)
    else run(offsetOf(x), offsetOf(y), y.size, x.size / y.size, 1, finish, host.scratchOffset)
  }
}

// x [outer, n, inner] -> y [outer, inner] int64
function extremePlaces({ host, context, fallback, named }: Tools, largest: number): Kernel {
  const run = named('places')
  const axis = int(context.attributes, 'axis', 0)
  const isFirst = int(context.attributes, 'select_last_index', 0) === 0
  return (inputs, outputs) => {
    const [x] = inputs
    const [y] = outputs
    if (x === undefined || y === undefined || x.size === 0 || !isFirst) {
      fallback(inputs, outputs)
      return
    }
    const along = axisOf(axis, x.shape.length)
    let outer = 1
    for (let i = 0; i < along; i++) outer *= x.shape[i]
    run(largest, offsetOf(x), offsetOf(y), outer, x.shape[along], y.size / outer, host.scratchOffset)
  }
}

/** x as [outer, n, inner] around an axis; undefined where there is nothing. */
function around(x: View | undefined, axis: number): Lines | undefined {
  if (x === undefined || x.size === 0) return undefined
  const along = axisOf(axis, x.shape.length)
  return { outer: product(x.shape.slice(0, along)), n: x.shape[along], inner: product(x.shape.slice(along + 1)) }
}

// x [outer, n, inner] -> y alike
function softmax({ host, context, fallback, named }: Tools, isLog: number): Kernel {
  const run = named('softmax')
  const axis = int(context.attributes, 'axis', -1)
  const layout = perShape(([x]) => around(x, axis))
  return (inputs, outputs) => {
    const lines = layout(inputs, outputs)
    const [x] = inputs
    const [y] = outputs
    if (lines === undefined || x === undefined || y === undefined) fallback(inputs, outputs)
    else run(offsetOf(x), offsetOf(y), lines.outer, lines.n, lines.inner, isLog, host.scratchOffset)
  }
}

// x [outer, n, inner], axis -> y alike
function runningSums({ context, fallback, named }: Tools): Kernel {
  const run = named('runningSums')
  const [isExclusive, isReverse] = ['exclusive', 'reverse'].map((name) => int(context.attributes, name, 0))
  const layout = perShape(([x, axis]) => around(x, integers(axis)[0]), [1])
  return (inputs, outputs) => {
    const lines = layout(inputs, outputs)
    const [x] = inputs
    const [y] = outputs
    if (lines === undefined || x === undefined || y === undefined) fallback(inputs, outputs)
    else run(offsetOf(x), offsetOf(y), lines.outer, lines.n, lines.inner, isExclusive, isReverse)
  }
}

/** Of more elements cpu's heap makes less work than keeping them in order. */
const MAX_FIRST = 128

// x [outer, n, inner], k -> values and indices [outer, k, inner]
function firstElements({ host, context, fallback, named }: Tools): Kernel {
  const run = named('firsts')
  host.reserveScratch(MAX_FIRST * 12)
  const axis = int(context.attributes, 'axis', -1)
  const isLargest = int(context.attributes, 'largest', 1) !== 0 ? 1 : 0
  const layout = perShape(([x]) => around(x, axis))
  return (inputs, outputs) => {
    const lines = layout(inputs, outputs)
    const [x] = inputs
    const [values, indices] = outputs
    const k = lines === undefined ? 0 : ((values ?? indices)?.size ?? 0) / (lines.outer * lines.inner)
    if (lines === undefined || x === undefined || k > MAX_FIRST) fallback(inputs, outputs)
    else if (k > 0) run(isLargest, offsetOf(x), values === undefined ? 0 : offsetOf(values), indices === undefined ? 0 : offsetOf(indices), lines.outer, lines.n, lines.inner, k, host.scratchOffset)
  }
}

// x [N, C, ...], scale, bias, mean, variance [C] -> y alike
function batchNorm({ context, fallback, named, round }: Tools): Kernel | undefined {
  if (int(context.attributes, 'training_mode', 0) !== 0) return undefined
  const run = named('batchNorm')
  const epsilon = round(float(context.attributes, 'epsilon', 1e-5))
  const dtype = context.inputTypes.map((type) => type !== undefined && 'dtype' in type ? type.dtype : undefined)
  if (dtype.some((one) => one !== dtype[0])) return undefined
  return (inputs, outputs) => {
    const [x, scale, bias, mean, variance] = inputs
    const [y] = outputs
    if (x === undefined || scale === undefined || bias === undefined || mean === undefined || variance === undefined || y === undefined || x.shape.length < 2 || x.size === 0) {
      fallback(inputs, outputs)
      return
    }
    const [rows, channels] = x.shape
    run(offsetOf(x), offsetOf(scale), offsetOf(bias), offsetOf(mean), offsetOf(variance), offsetOf(y), rows, channels, x.size / (rows * channels), epsilon)
  }
}

// x [N, C, ...], scale, bias [C] -> y alike
function groupNorm({ context, fallback, named, round }: Tools, groupsOf: (channels: number) => number): Kernel {
  const run = named('groupNorm')
  const epsilon = round(float(context.attributes, 'epsilon', 1e-5))
  return (inputs, outputs) => {
    const [x, scale, bias] = inputs
    const [y] = outputs
    if (x === undefined || scale === undefined || bias === undefined || y === undefined || x.size === 0 || x.size >= MAX_COUNT) {
      fallback(inputs, outputs)
      return
    }
    const [rows, channels] = x.shape
    const groups = groupsOf(channels)
    run(offsetOf(x), offsetOf(scale), offsetOf(bias), offsetOf(y), rows, groups, channels / groups, x.size / (rows * channels), epsilon)
  }
}

/** True where a parameter has the trailing dimensions of x, one value for each of n elements. */
function isTrailing(parameter: View | undefined, x: View, n: number): boolean {
  if (parameter === undefined) return true
  const lead = x.shape.length - parameter.shape.length
  return parameter.size === n && parameter.shape.every((dim, i) => dim === x.shape[lead + i])
}

// x [outer, n], scale and bias [n] -> y alike
function layerNorm({ context, fallback, named, round }: Tools, centered: number): Kernel | undefined {
  const run = named('layerNorm')
  const epsilon = round(float(context.attributes, 'epsilon', 1e-5))
  const axis = int(context.attributes, 'axis', -1)
  const layout = perShape(([x, scale, bias]) => {
    if (x === undefined) return undefined
    const n = product(x.shape.slice(axisOf(axis, x.shape.length)))
    return n > 0 && n < MAX_COUNT && isTrailing(scale, x, n) && isTrailing(bias, x, n) ? n : undefined
  })
  return (inputs, outputs) => {
    const [x, scale, bias] = inputs
    const [y, mean, deviation] = outputs
    const n = layout(inputs, outputs)
    if (n === undefined || x === undefined || scale === undefined || y === undefined || mean !== undefined || deviation !== undefined || scale.dtype !== x.dtype) fallback(inputs, outputs)
    else run(centered, offsetOf(x), offsetOf(scale), bias === undefined ? 0 : offsetOf(bias), offsetOf(y), x.size / n, n, epsilon)
  }
}
