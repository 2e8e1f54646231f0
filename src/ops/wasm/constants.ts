// Constants that kernels read only while they are made: they have no copy in the host's memory, and pass through its scratch instead.
import { bytesPerElement } from '../../tensor/dtype.ts'
import type { View, WasmHost } from '../kernel.ts'
import { blockOnce } from './memory.ts'

const buffers = /* @__PURE__ */ new WeakMap<ArrayBufferLike, number>()
let bufferCount = 0

/** What a key calls a constant: the same in all plans of a model, and in all threads that share the memory with it. */
export function nameOf(host: WasmHost, constant: View): string {
  const { buffer, byteOffset } = constant.data as Uint8Array
  if (buffer === host.memory.buffer) return `${byteOffset}`
  let number = buffers.get(buffer)
  if (number === undefined) buffers.set(buffer, (number = bufferCount++))
  return `${number}:${byteOffset}`
}

/** Bytes of a constant that pass through scratch at a time. */
const PIECE_BYTES = 262144

/** A range of a constant: `units` of `unitSize` elements from element `from` on. */
export interface Range {
  readonly from: number
  readonly units: number
  readonly unitSize: number
  /** Pieces are multiples of so many units, but for the last. */
  readonly together?: number
}

/**
 * Brings a range of a constant to `use` piece by piece, through scratch: `count` units from unit `first` on, at `at`. What lies in the memory already is one
 * piece. Only while kernels are made.
 */
export function eachPiece(host: WasmHost, constant: View, { from, units, unitSize, together = 1 }: Range, use: (at: number, first: number, count: number) => void): void {
  const { buffer, byteOffset } = constant.data as Uint8Array
  const bytes = bytesPerElement(constant.dtype)
  const start = byteOffset + from * bytes
  if (buffer === host.memory.buffer) {
    use(start, 0, units)
    return
  }
  const unitBytes = unitSize * bytes
  const most = Math.max(1, Math.floor(PIECE_BYTES / (unitBytes * together))) * together
  host.reserveScratch(Math.min(units, most) * unitBytes)
  for (let first = 0; first < units; first += most) {
    const count = Math.min(most, units - first)
    new Uint8Array(host.memory.buffer, host.scratchOffset).set(new Uint8Array(buffer, start + first * unitBytes, count * unitBytes))
    use(host.scratchOffset, first, count)
  }
}

/** Where a constant lies in the memory, or a copy of it. */
export function placeOnce(host: WasmHost, constant: View): number {
  const { buffer, byteOffset, byteLength } = constant.data as Uint8Array
  if (buffer === host.memory.buffer) return byteOffset
  return blockOnce(host, `copy ${nameOf(host, constant)} ${byteLength}`, byteLength, (to) => new Uint8Array(host.memory.buffer).set(new Uint8Array(buffer, byteOffset, byteLength), to))
}

/** Steps of the constant are in bytes; panels of all of `depth`. */
type Pack = (from: number, rowStep: number, columnStep: number, depth: number, columns: number, to: number) => void

export interface Matrix {
  readonly constant: View
  /** Its first element. */
  readonly from: number
  readonly depth: number
  readonly columns: number
  /** Stored as [columns, depth]. */
  readonly isTransposed: boolean
}

/** Packs a matrix of a constant into panels [ceil(columns / lanes)][depth][lanes] by a function that packs what lies in the memory. */
export function packMatrix(host: WasmHost, { constant, from, depth, columns, isTransposed }: Matrix, lanes: number, to: number, pack: Pack): void {
  const bytes = bytesPerElement(constant.dtype)
  if (isTransposed) {
    eachPiece(host, constant, { from, units: columns, unitSize: depth, together: lanes }, (at, first, count) => pack(at, bytes, depth * bytes, depth, count, to + first * depth * bytes))
    return
  }
  eachPiece(host, constant, { from, units: depth, unitSize: columns }, (at, first, count) => {
    if (count === depth) pack(at, columns * bytes, bytes, depth, columns, to)
    else for (let j = 0; j < columns; j += lanes) pack(at + j * bytes, columns * bytes, bytes, count, Math.min(lanes, columns - j), to + (j * depth + first * lanes) * bytes)
  })
}
