// Norms of windows on the wasm device: of elements beside each other, and of channels.
import { float, int } from '../attributes.ts'
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import { bytesOf, offsetOf } from './memory.ts'
import { wasmFunction } from './module.ts'
import { makePool } from './pool.ts'

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [
    ['LpPool', { make: (context, fallback) => makePool(host, context, fallback, 'norms', int(context.attributes, 'p', 2)) }],
    ['LRN', { make: (context) => makeResponses(host, context) }],
  ]
}

// x [N, C, ...] -> y alike; squares of up to `size` channels around each
function makeResponses(host: WasmHost, context: KernelContext): Kernel | undefined {
  const bytes = bytesOf(context)
  if (bytes === undefined) return undefined
  const run = wasmFunction(host.exports, `responses${bytes * 8}`)
  const round = bytes === 4 ? Math.fround : (value: number): number => value
  const size = int(context.attributes, 'size', 1)
  const alpha = round(round(float(context.attributes, 'alpha', 1e-4)) / size)
  const beta = round(float(context.attributes, 'beta', 0.75))
  const bias = round(float(context.attributes, 'bias', 1))
  return ([x], [y]) => {
    if (x === undefined || y === undefined || x.size === 0) return
    const [rows, channels] = x.shape
    run(offsetOf(x), offsetOf(y), rows, channels, x.size / (rows * channels), Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2), alpha, beta, bias)
  }
}
