// The kernels of each module, fetched when a graph has operators for them.
import type { PreferredEntry, PreferredTable, WasmHost } from '../kernel.ts'
import type { WasmModuleName } from './module.ts'

/** Makes a module's kernels, which need its exports in `host.exports`; see `instantiateWasm`. */
export type KernelFamily = (host: WasmHost) => readonly (readonly [string, PreferredEntry])[]

const FAMILIES: Readonly<Record<WasmModuleName, () => Promise<{ readonly kernelsOf: KernelFamily }>>> = {
  trees: () => import('./trees.ts'),
  linear: () => import('./linear.ts'),
  conv: () => import('./conv.ts'),
  preprocess: () => import('./preprocess.ts'),
  integer: () => import('./integer.ts'),
  distance: () => import('./distance.ts'),
  move: () => import('./move.ts'),
  pool: () => import('./pool.ts'),
  norms: () => import('./norms.ts'),
  resize: () => import('./resize.ts'),
  reduce: () => import('./reduce.ts'),
  elementwise: () => import('./elementwise.ts'),
  activation: () => import('./activation.ts'),
  functions: () => import('./functions.ts'),
  logic: () => import('./logic.ts'),
  attention: () => import('./attention.ts'),
  weights: () => import('./weights.ts'),
  recurrent: () => import('./recurrent.ts'),
}

export const WASM_MODULES: readonly WasmModuleName[] = /* @__PURE__ */ Object.keys(FAMILIES) as WasmModuleName[]

const loaded = /* @__PURE__ */ new Map<WasmModuleName, KernelFamily>()

/** Fetches the kernels of a module, once per process. */
export async function loadKernelFamily(name: WasmModuleName): Promise<void> {
  // Even an import of what is there takes 20 us, and more through a host's hooks.
  if (!loaded.has(name)) loaded.set(name, (await FAMILIES[name]()).kernelsOf)
}

/** Kernels of these modules, which go before cpu's where values lie in the host's memory. They give cpu's bits. */
export function wasmKernels(host: WasmHost, modules: readonly string[]): PreferredTable {
  return new Map([...loaded].flatMap(([name, kernels]) => (modules.includes(name) ? [...kernels(host)] : [])))
}
