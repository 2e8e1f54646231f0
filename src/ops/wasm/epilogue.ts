// What kernels of products do to their results besides; see assembly/parts/epilogue.ts.
import type { Epilogue, Kernel, View, WasmHost } from '../kernel.ts'
import { offsetOf, wordsOf } from './memory.ts'

const BYTES = 32

/** Writes an epilogue where a module's functions read it, and gives its place; 0 where nothing follows. For results in y. */
export type PlacedEpilogue = (inputs: readonly (View | undefined)[], y: View) => number

const NONE: PlacedEpilogue = () => 0

/** A kernel, and how others like it are made that compute an epilogue: `make` is told where that lies, and at which input a row of biases is. */
export function fusible(host: WasmHost, bytes: number, addsRows: boolean, make: (place: PlacedEpilogue, row: number | undefined) => Kernel): Kernel {
  const fuse = (epilogue: Epilogue): Kernel => make(placeEpilogue(host, bytes, epilogue), epilogue.row)
  return Object.assign(make(NONE, undefined), { fuse: Object.assign(fuse, { addsRows }) })
}

function placeEpilogue(host: WasmHost, bytes: number, epilogue: Epilogue): PlacedEpilogue {
  if (epilogue.residual === undefined && epilogue.bounds === undefined) return NONE
  const { bounds: [low, high] = [-Infinity, Infinity], residual } = epilogue
  const at = host.allocate(BYTES)
  const view = new DataView(host.memory.buffer, at, BYTES)
  const numbers = [low, high, Object.is(low, 0) ? 0 : -0]
  numbers.forEach((value, i) => (bytes === 4 ? view.setFloat32(8 + 8 * i, value, true) : view.setFloat64(8 + 8 * i, value, true)))
  const words = wordsOf(host)
  return (inputs, y) => {
    const added = residual === undefined ? undefined : inputs[residual]
    // From any result to its residual: both lie alike.
    if (added !== undefined) words()[at / 4] = offsetOf(added) - offsetOf(y)
    return at
  }
}
