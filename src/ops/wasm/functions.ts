// Functions of elements on the wasm device, beyond those of elementwise.ts.
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import { bytesOf, offsetOf } from './memory.ts'
import { wasmFunction } from './module.ts'

/** Names of the functions in assembly/functions.ts, without the bits of their dtype. */
const FUNCTIONS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['Sin', 'sin'], ['Cos', 'cos'], ['Tan', 'tan'], ['Asin', 'asin'], ['Acos', 'acos'], ['Atan', 'atan'], ['Sinh', 'sinh'], ['Cosh', 'cosh'], ['Asinh', 'asinh'], ['Acosh', 'acosh'],
  ['Atanh', 'atanh'], ['mle.NormalCdf', 'normalCdf'], ['mle.NormalQuantile', 'normalQuantile'], ['mle.LogExpit', 'logExpit'],
])

/** What is left of four elements, and their results as float64. */
const SCRATCH_BYTES = 64

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [...FUNCTIONS].map(([key, name]): [string, PreferredEntry] => [key, { make: (context) => makeFunction(host, context, name) }])
}

// x -> y alike
function makeFunction(host: WasmHost, context: KernelContext, name: string): Kernel | undefined {
  const bytes = bytesOf(context)
  if (bytes === undefined) return undefined
  host.reserveScratch(SCRATCH_BYTES)
  const run = wasmFunction(host.exports, `${name}${bytes * 8}`)
  return ([x], [y]) => {
    if (x !== undefined && y !== undefined) run(offsetOf(y), offsetOf(x), y.size, host.scratchOffset)
  }
}
