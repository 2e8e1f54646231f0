// Resize on the wasm device, along one axis or two neighbouring ones; the rest is cpu's. Tables of taps are written into scratch for each run.
import { bytesPerElement } from '../../tensor/dtype.ts'
import { text } from '../attributes.ts'
import { perShape } from '../cpu/nest.ts'
import { passesOf, type Pass } from '../cpu/resize.ts'
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { isTensorType } from '../types.ts'
import { bytesOf, numbersAt, offsetOf } from './memory.ts'
import { wasmFunction } from './module.ts'

/** Tables and a row. */
const SCRATCH_BYTES = 131072

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [['Resize', { make: (context, fallback) => (text(context.attributes, 'mode', 'nearest') === 'nearest' ? makeNearest : makeBlended)(host, context, fallback) }]]
}

/** x as [outer, height, width, inner], and what is done with rows and columns. */
interface Image {
  readonly outer: number
  readonly height: number
  readonly width: number
  readonly inner: number
  readonly rows: Pass | undefined
  readonly columns: Pass | undefined
}

/** undefined where axes are apart, or places lie outside. */
function imageOf(context: KernelContext, inputs: readonly (View | undefined)[]): Image | undefined {
  const passes = passesOf(context, inputs)
  const [first, second] = passes
  if (first === undefined || passes.length > 2 || passes.some(({ taps }) => taps.outside !== undefined)) return undefined
  const { outer, dim, inner } = first
  if (second === undefined) return inner > 1 ? { outer, height: dim, width: 1, inner, rows: first, columns: undefined } : { outer: 1, height: outer, width: dim, inner: 1, rows: undefined, columns: first }
  if (second.outer !== outer * first.size) return undefined
  return { outer, height: dim, width: second.dim, inner: second.inner, rows: first, columns: second }
}

const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8
const placesBytes = (pass: Pass | undefined): number => (pass === undefined ? 0 : aligned(pass.taps.places.length * 4))

/** Writes places at a scratch offset; 0 without a pass. */
function putPlaces(host: WasmHost, pass: Pass | undefined, at: number): number {
  if (pass === undefined) return 0
  new Int32Array(host.memory.buffer, at, pass.taps.places.length).set(pass.taps.places)
  return at
}

// x [outer, height, width, inner] of any numbers -> y [outer, toHeight, toWidth, inner], copies
function makeNearest(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const [type] = context.inputTypes
  const bytes = isTensorType(type) && type.dtype !== 'string' ? bytesPerElement(type.dtype) : 0
  if (bytes !== 1 && bytes !== 4 && bytes !== 8) return undefined
  host.reserveScratch(SCRATCH_BYTES)
  const run = wasmFunction(host.exports, `repeat${bytes}`)
  const layout = perShape((inputs) => imageOf(context, inputs), [1, 2, 3])
  return (inputs, outputs) => {
    const image = layout(inputs, outputs)
    const [x] = inputs
    const [y] = outputs
    if (image === undefined || x === undefined || y === undefined || y.size === 0 || placesBytes(image.rows) + placesBytes(image.columns) > SCRATCH_BYTES) {
      fallback(inputs, outputs)
      return
    }
    const { outer, height, width, inner, rows, columns } = image
    const { scratchOffset } = host
    const rowsAt = putPlaces(host, rows, scratchOffset)
    const columnsAt = putPlaces(host, columns, scratchOffset + placesBytes(rows))
    run(offsetOf(y), offsetOf(x), outer, height, width, inner, rows?.size ?? height, columns?.size ?? width, rowsAt, columnsAt)
  }
}

// x [outer, height, width, inner] of floats -> y [outer, toHeight, toWidth, inner], sums over taps in order
function makeBlended(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const bytes = bytesOf(context)
  if (bytes === undefined) return undefined
  host.reserveScratch(SCRATCH_BYTES)
  const run = wasmFunction(host.exports, bytes === 4 ? 'resize32' : 'resize64')
  const layout = perShape((inputs) => imageOf(context, inputs), [1, 2, 3])
  const tableBytes = (pass: Pass | undefined): number => placesBytes(pass) + (pass === undefined ? 0 : aligned(pass.taps.weights.length * bytes))
  // The array of the dtype rounds weights.
  const putWeights = ({ taps: { weights } }: Pass, at: number): void => (numbersAt(host, bytes === 4 ? 'float32' : 'float64', at, weights.length) as Float64Array).set(weights)
  return (inputs, outputs) => {
    const image = layout(inputs, outputs)
    const [x] = inputs
    const [y] = outputs
    if (image === undefined || x === undefined || y === undefined || y.size === 0 || tableBytes(image.rows) + tableBytes(image.columns) + image.width * image.inner * bytes > SCRATCH_BYTES) {
      fallback(inputs, outputs)
      return
    }
    const { outer, height, width, inner, rows, columns } = image
    const { scratchOffset } = host
    const rowsAt = putPlaces(host, rows, scratchOffset)
    if (rows !== undefined) putWeights(rows, rowsAt + placesBytes(rows))
    const columnsAt = putPlaces(host, columns, scratchOffset + tableBytes(rows))
    if (columns !== undefined) putWeights(columns, columnsAt + placesBytes(columns))
    const rowAt = scratchOffset + tableBytes(rows) + tableBytes(columns)
    run(offsetOf(y), offsetOf(x), outer, height, width, inner, rows?.size ?? height, columns?.size ?? width, rowsAt, rows?.taps.taps ?? 0, columnsAt, columns?.taps.taps ?? 0, rowAt)
  }
}
