// Every kernel of the wasm device.
import type { PreferredTable, WasmHost } from '../kernel.ts'
import type { WasmModuleName } from './module.ts'
import { wasmTreeKernels } from './trees.ts'

/** Modules whose exports `wasmKernels` needs in `host.exports`; see `instantiateWasm`. */
export const WASM_MODULES: readonly WasmModuleName[] = ['trees']

/** Kernels that go before cpu's where values lie in the host's memory. They give cpu's bits. */
export function wasmKernels(host: WasmHost): PreferredTable {
  return new Map(wasmTreeKernels(host))
}
