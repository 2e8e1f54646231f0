// The wasm kernels as a device takes them: which module serves which operators, instances, the table.
import type { PreferredTable, WasmHost } from '../kernel.ts'
import { loadKernelFamily, wasmKernels } from './kernels.ts'
import { instantiateWasm, type WasmBuild, type WasmModuleName } from './module.ts'
import { WASM_OPERATORS, wasmModulesFor } from './operators.ts'

/** The wasm kernels as a device sees them. */
export interface WasmKernels {
  /** Names of the modules that have kernels for some of these operators. */
  readonly modulesFor: (operatorKeys: ReadonlySet<string>) => readonly string[]
  /** Instantiates a module, which imports `env.memory`, and fetches its kernels. */
  readonly instantiate: (name: string, memory: WebAssembly.Memory) => Promise<WebAssembly.Exports>
  /** Kernels of one model by the names of its modules. `host.exports` holds their functions together; no two export the same name. */
  readonly table: (host: WasmHost, modules: readonly string[]) => PreferredTable
}

/** Modules that the caller has compiled, for hosts that forbid compiling from bytes. */
export type GivenModules = Readonly<Partial<Record<WasmModuleName, WebAssembly.Module>>>

function isModuleName(name: string): name is WasmModuleName {
  return WASM_OPERATORS.has(name as WasmModuleName)
}

/** Kernels over the caller's modules where there are any. Models share a memory only if they share this object. */
function wasmKernelsOf(given: ReadonlyMap<WasmModuleName, WebAssembly.Module>, build: WasmBuild = {}): WasmKernels {
  return {
    modulesFor: wasmModulesFor,
    async instantiate(name, memory) {
      if (!isModuleName(name)) throw new RangeError(`no WebAssembly module ${name}`)
      const [exports] = await Promise.all([instantiateWasm(memory, [name], given, build), loadKernelFamily(name)])
      return exports
    },
    table: wasmKernels,
  }
}

/** Kernels over modules compiled here. */
const OWN: WasmKernels = /* @__PURE__ */ wasmKernelsOf(new Map())
/** The same with fused multiply-add where the engine has it. */
const RELAXED: WasmKernels = /* @__PURE__ */ wasmKernelsOf(new Map(), { relaxed: true })

const givenKernels = /* @__PURE__ */ new WeakMap<GivenModules, WasmKernels>()

/** Kernels over modules that the caller has compiled, or that are compiled here; the same ones for the same object. */
export function wasmKernelsGiven(given: GivenModules | undefined, determinism: 'strict' | 'relaxed' = 'strict'): WasmKernels {
  if (given === undefined) return determinism === 'relaxed' ? RELAXED : OWN
  let kernels = givenKernels.get(given)
  if (kernels === undefined) {
    const modules = new Map<WasmModuleName, WebAssembly.Module>()
    for (const name of WASM_OPERATORS.keys()) {
      const module = given[name]
      if (module !== undefined) modules.set(name, module)
    }
    kernels = wasmKernelsOf(modules)
    givenKernels.set(given, kernels)
  }
  return kernels
}
