// Pools on the wasm device: the largest element of a window, or the average.
import { int } from '../attributes.ts'
import { perShape } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import { placeWindow, poolWindow } from '../window.ts'
import { bytesOf, offsetOf, wordsOf, writePlaces } from './memory.ts'
import { wasmFunction } from './module.ts'

/** The description of a window. */
const SHAPE_BYTES = 84
const LARGEST = 0
const AVERAGE = 1
const AVERAGE_WITH_PADS = 2

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [
    ['MaxPool', { make: (context, fallback) => makePool(host, context, fallback, 'pool', LARGEST) }],
    ['AveragePool', { make: (context, fallback) => makePool(host, context, fallback, 'pool', int(context.attributes, 'count_include_pad', 0) === 0 ? AVERAGE : AVERAGE_WITH_PADS) }],
  ]
}

/** x [N, C, ...] -> y [N, C, ...] by an export's loop of a kind; places of the largest are cpu's. */
export function makePool(host: WasmHost, context: KernelContext, fallback: Kernel, name: string, kind: number): Kernel | undefined {
  const bytes = bytesOf(context)
  if (bytes === undefined) return undefined
  host.reserveScratch(SHAPE_BYTES)
  const pool = wasmFunction(host.exports, `${name}${bytes * 8}`)
  const layout = perShape(([x], [y]) => {
    const window = placeWindow(poolWindow(context.attributes), x?.shape.slice(2) ?? [], y?.shape.slice(2) ?? [])
    // The loops go through whole windows; cpu's leave out what lies in the padding.
    return window.kernel.some((size, axis) => size > window.input[axis]) ? undefined : window
  })
  const words = wordsOf(host)
  return (inputs, outputs) => {
    const [x] = inputs
    const [y, indices] = outputs
    if (x === undefined || y === undefined || indices !== undefined) {
      fallback(inputs, outputs)
      return
    }
    const { scratchOffset } = host
    const window = layout(inputs, outputs)
    if (window === undefined) {
      fallback(inputs, outputs)
      return
    }
    writePlaces(words(), scratchOffset / 4, window)
    pool(kind, scratchOffset, offsetOf(x), offsetOf(y), x.shape[0] * x.shape[1])
  }
}
