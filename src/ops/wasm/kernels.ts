// The kernels of each module, fetched when a graph has operators for them.
import type { PreferredEntry, PreferredTable, WasmHost } from '../kernel.ts'
import type { WasmModuleName } from './module.ts'

/** Makes a module's kernels, which need its exports in `host.exports`; see `instantiateWasm`. */
export type KernelFamily = (host: WasmHost) => readonly (readonly [string, PreferredEntry])[]

const FAMILIES: ReadonlyMap<WasmModuleName, () => Promise<KernelFamily>> = /* @__PURE__ */ new Map<WasmModuleName, () => Promise<KernelFamily>>([
  ['trees', async () => (await import('./trees.ts')).wasmTreeKernels],
  ['linear', async () => (await import('./linear.ts')).wasmLinearKernels],
  ['conv', async () => (await import('./conv.ts')).wasmConvKernels],
  ['preprocess', async () => (await import('./preprocess.ts')).wasmPreprocessKernels],
  ['integer', async () => (await import('./integer.ts')).wasmIntegerKernels],
  ['distance', async () => (await import('./distance.ts')).wasmDistanceKernels],
  ['move', async () => (await import('./move.ts')).wasmMoveKernels],
  ['pool', async () => (await import('./pool.ts')).wasmPoolKernels],
  ['resize', async () => (await import('./resize.ts')).wasmResizeKernels],
  ['reduce', async () => (await import('./reduce.ts')).wasmReduceKernels],
  ['elementwise', async () => (await import('./elementwise.ts')).wasmElementwiseKernels],
  ['activation', async () => (await import('./activation.ts')).wasmActivationKernels],
  ['functions', async () => (await import('./functions.ts')).wasmFunctionKernels],
  ['logic', async () => (await import('./logic.ts')).wasmLogicKernels],
  ['attention', async () => (await import('./attention.ts')).wasmAttentionKernels],
  ['weights', async () => (await import('./weights.ts')).wasmWeightKernels],
  ['recurrent', async () => (await import('./recurrent.ts')).wasmRecurrentKernels],
])

export const WASM_MODULES: readonly WasmModuleName[] = /* @__PURE__ */ [...FAMILIES.keys()]

const loaded = /* @__PURE__ */ new Map<WasmModuleName, KernelFamily>()

/** Fetches the kernels of a module, once per process. */
export async function loadKernelFamily(name: WasmModuleName): Promise<void> {
  // Even an import of what is there takes 20 us, and more through a host's hooks.
  if (loaded.has(name)) return
  const family = await FAMILIES.get(name)?.()
  if (family !== undefined) loaded.set(name, family)
}

/** Kernels of these modules, which go before cpu's where values lie in the host's memory. They give cpu's bits. */
export function wasmKernels(host: WasmHost, modules: readonly string[]): PreferredTable {
  return new Map([...loaded].flatMap(([name, kernels]) => (modules.includes(name) ? [...kernels(host)] : [])))
}
