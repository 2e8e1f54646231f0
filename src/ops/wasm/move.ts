// Rearranging memory on the wasm device: the copies that cpu makes, for elements of any size.
import { bytesPerElement } from '../../tensor/dtype.ts'
import { stridesOf } from '../../tensor/shape.ts'
import { int, text } from '../attributes.ts'
import { expandMoves, sliceMoves, splitMoves, tileMoves } from '../cpu/array-moves.ts'
import { concatMoves, integers, pulled, transposeMoves, view, type Moves, type Strided } from '../cpu/moving.ts'
import { nestOf, perShape } from '../cpu/nest.ts'
import { depthToSpaceMoves, spaceToDepthMoves } from '../cpu/block-moves.ts'
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import { axisOf } from '../schemas/define.ts'
import { padMap, padsOf } from '../slices.ts'
import { isTensorType } from '../types.ts'
import { wasmIndexingKernels } from './indexing.ts'
import { offsetOf } from './memory.ts'
import { wasmFunction, type WasmFunction } from './module.ts'

/** Copies that need more calls than this for one run are left to cpu. */
const MAX_CALLS = 256

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  const moving = (moves: Moves, valueInputs?: readonly number[]): PreferredEntry => ({ make: (context, fallback) => makeMove(host, context, fallback, moves, valueInputs) })
  return [
    ['Transpose', moving(transposeMoves)],
    ['Concat', moving(concatMoves)],
    ['Slice', moving(sliceMoves, [1, 2, 3, 4])],
    ['Split', moving(splitMoves, [1])],
    ['Expand', moving(expandMoves)],
    ['Tile', moving(tileMoves, [1])],
    ['Pad', { make: (context, fallback) => makePad(host, context, fallback) }],
    ['Gather', { make: (context, fallback) => makeGather(host, context, fallback) }],
    ['DepthToSpace', moving(depthToSpaceMoves)],
    ['SpaceToDepth', moving(spaceToDepthMoves)],
    ...wasmIndexingKernels(host),
  ]
}

/** Bytes of an element of input 0; 0 for text. */
function elementBytes({ inputTypes: [type] }: KernelContext): number {
  return isTensorType(type) && type.dtype !== 'string' ? bytesPerElement(type.dtype) : 0
}

/** A call: three loops around the innermost one, sizes and steps in bytes. */
interface Call {
  readonly input: number
  readonly output: number
  readonly startTo: number
  readonly startFrom: number
  readonly sizes: readonly number[]
  readonly to: readonly number[]
  readonly from: readonly number[]
  readonly inner: number
  readonly step: number
}

/** undefined where too many calls would be needed. */
function callsOf(moves: readonly Strided[], bytes: number): readonly Call[] | undefined {
  const calls: Call[] = []
  for (const { shape, to, from, startTo, startFrom, input, output } of moves) {
    const nest = nestOf(shape, [to, from])
    if (nest.rows === 0) continue
    // The innermost loop writes neighbours.
    const isWide = nest.inner > 1 && nest.steps[0] !== 1
    const sizes = isWide ? [...nest.sizes, nest.inner] : nest.sizes
    const strides = isWide ? nest.strides.map((own, i) => [...own, nest.steps[i]]) : nest.strides
    const inner = isWide ? 1 : nest.inner
    const step = isWide ? 1 : nest.steps[1]
    const outer = Math.max(0, sizes.length - 3)
    let starts = [[startTo, startFrom]]
    for (let axis = 0; axis < outer; axis++) starts = starts.flatMap(([o, i]) => Array.from({ length: sizes[axis] }, (_, k) => [o + k * strides[0][axis], i + k * strides[1][axis]]))
    if (calls.length + starts.length > MAX_CALLS) return undefined
    const lead = Math.max(0, 3 - sizes.length)
    const last = (list: readonly number[], fill: number, unit: number): number[] => [...new Array<number>(lead).fill(fill), ...list.slice(outer).map((value) => value * unit)]
    for (const [o, i] of starts) {
      calls.push({ input, output, startTo: o * bytes, startFrom: i * bytes, sizes: last(sizes, 1, 1), to: last(strides[0], 0, bytes), from: last(strides[1], 0, bytes), inner, step: step * bytes })
    }
  }
  return calls
}

function run(copy: WasmFunction, { startTo, startFrom, sizes, to, from, inner, step }: Call, y: number, x: number): void {
  copy(y + startTo, sizes[0], sizes[1], sizes[2], inner, to[0], to[1], to[2], x + startFrom, from[0], from[1], from[2], step)
}

// inputs -> outputs, elements in other places
function makeMove(host: WasmHost, context: KernelContext, fallback: Kernel, moves: Moves, valueInputs?: readonly number[]): Kernel | undefined {
  const bytes = elementBytes(context)
  if (bytes === 0) return undefined
  const copy = wasmFunction(host.exports, `copy${bytes}`)
  const layout = perShape((inputs, outputs) => callsOf(moves(context.attributes, inputs, outputs), bytes), valueInputs)
  return (inputs, outputs) => {
    const calls = layout(inputs, outputs)
    if (calls === undefined) {
      fallback(inputs, outputs)
      return
    }
    for (let i = 0; i < calls.length; i++) run(copy, calls[i], offsetOf(view(outputs[calls[i].output])), offsetOf(view(inputs[calls[i].input])))
  }
}

/** Consecutive indices of a padded dimension that come from indices `step` apart. */
interface Run {
  readonly to: number
  readonly from: number
  readonly count: number
  readonly step: number
}

function runsOf(map: readonly number[]): Run[] {
  const runs: Run[] = []
  for (let to = 0; to < map.length; ) {
    const step = to + 1 < map.length ? map[to + 1] - map[to] : 1
    let count = 1
    while (to + count < map.length && map[to + count] - map[to + count - 1] === step) count++
    runs.push({ to, from: map[to], count, step })
    to += count
  }
  return runs
}

/** Copies of x, of its edges and of what they mirror: Pad by other modes than constants. */
const padMoves: Moves = (attributes, [x, pads, , axes], [y]) => {
  const { shape } = view(x)
  const all = padsOf(integers(pads), axes === undefined ? undefined : integers(axes), shape.length)
  const from = stridesOf(shape)
  const to = stridesOf(view(y).shape)
  const mode = text(attributes, 'mode', 'constant')
  let moves: Strided[] = [{ shape: [], to: [], from: [], startTo: 0, startFrom: 0, input: 0, output: 0 }]
  shape.forEach((dim, axis) => {
    const runs = runsOf(padMap(dim, all[axis], all[axis + shape.length], mode))
    moves = moves.flatMap((move) => runs.map((run) => ({
      ...move, shape: [...move.shape, run.count], to: [...move.to, to[axis]], from: [...move.from, from[axis] * run.step], startTo: move.startTo + run.to * to[axis], startFrom: move.startFrom + run.from * from[axis],
    })))
  })
  return moves
}

// x [any] -> y with elements of a constant around it, or by padMoves
function makePad(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  if (text(context.attributes, 'mode', 'constant') !== 'constant') return makeMove(host, context, fallback, padMoves, [1, 3])
  const bytes = elementBytes(context)
  if (bytes !== 4 && bytes !== 8) return undefined
  const copy = wasmFunction(host.exports, `copy${bytes}`)
  const fill = wasmFunction(host.exports, `fill${bytes}`)
  const layout = perShape(([x, pads, , axes], [y]) => {
    const { shape } = view(x)
    const all = padsOf(integers(pads), axes === undefined ? undefined : integers(axes), shape.length)
    const from = stridesOf(shape)
    const to = stridesOf(view(y).shape)
    // Negative pads cut.
    const kept = shape.map((dim, i) => Math.max(0, dim + Math.min(0, all[i]) + Math.min(0, all[i + shape.length])))
    let startTo = 0
    let startFrom = 0
    shape.forEach((_, i) => {
      startTo += Math.max(0, all[i]) * to[i]
      startFrom += Math.max(0, -all[i]) * from[i]
    })
    return callsOf(pulled(y, from, startFrom, kept).map((move) => ({ ...move, to, startTo })), bytes)
  }, [1, 3])
  return (inputs, outputs) => {
    const calls = layout(inputs, outputs)
    const [x, , value] = inputs
    const [y] = outputs
    if (calls === undefined || x === undefined || y === undefined) {
      fallback(inputs, outputs)
      return
    }
    fill(offsetOf(y), y.size, value === undefined ? 0 : offsetOf(value))
    for (let i = 0; i < calls.length; i++) run(copy, calls[i], offsetOf(y), offsetOf(x))
  }
}

/** Indices that fit the scratch. */
const MAX_PLACES = 16384

// data [outer, dim, inner], indices [count] int64 or int32 -> y [outer, count, inner]; indices out of range are cpu's, which says so
function makeGather(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const bytes = elementBytes(context)
  const indexType = context.inputTypes[1]
  if (bytes === 0 || !isTensorType(indexType) || (indexType.dtype !== 'int64' && indexType.dtype !== 'int32')) return undefined
  host.reserveScratch(MAX_PLACES * 4)
  // Rows of halves are rows of bytes.
  const unit = bytes === 2 ? 1 : bytes
  const gather = wasmFunction(host.exports, `gather${unit}`)
  const locate = wasmFunction(host.exports, indexType.dtype === 'int64' ? 'locate64' : 'locate32')
  const axis = int(context.attributes, 'axis', 0)
  return (inputs, outputs) => {
    const [data, indices] = inputs
    const [y] = outputs
    if (data === undefined || indices === undefined || y === undefined) return
    const { shape } = data
    const along = axisOf(axis, shape.length)
    const count = indices.size
    const { scratchOffset } = host
    if (count > MAX_PLACES || locate(offsetOf(indices), count, shape[along], scratchOffset) !== 0) {
      fallback(inputs, outputs)
      return
    }
    let outer = 1
    let inner = bytes / unit
    for (let i = 0; i < along; i++) outer *= shape[i]
    for (let i = along + 1; i < shape.length; i++) inner *= shape[i]
    gather(offsetOf(y), offsetOf(data), scratchOffset, outer, count, shape[along], inner)
  }
}
