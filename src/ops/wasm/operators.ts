// Which operators have wasm kernels, and in which module: known before any of it is loaded.
import type { WasmModuleName } from './module.ts'

export const WASM_OPERATORS: ReadonlyMap<WasmModuleName, readonly string[]> = /* @__PURE__ */ new Map<WasmModuleName, readonly string[]>([
  ['trees', ['mle.TreeEnsemble', 'mle.TreeLeaves']],
  ['linear', ['MatMul', 'Gemm']],
  ['conv', ['Conv']],
])

/** Names of the modules that have kernels for some of these operators. */
export function wasmModulesFor(keys: ReadonlySet<string>): readonly WasmModuleName[] {
  return [...WASM_OPERATORS].filter(([, operators]) => operators.some((key) => keys.has(key))).map(([name]) => name)
}
