// WebAssembly modules of the kernels: compiled once per process, instantiated once per memory.
import { MleError } from '../../error.ts'
import { fromBase64 } from '../../platform/base64.ts'

/** A module as its generated file carries it. */
export interface WasmImage {
  readonly byteLength: number
  /** True where `base64` holds a raw deflate stream. */
  readonly deflated: boolean
  readonly base64: string
}

export type WasmModuleName = 'trees' | 'linear' | 'conv' | 'pool' | 'norms' | 'reduce' | 'resize' | 'distance' | 'preprocess' | 'integer' | 'elementwise' | 'activation' | 'functions' | 'logic' | 'move' | 'attention' | 'recurrent' | 'weights'

const IMAGES: ReadonlyMap<WasmModuleName, () => Promise<{ readonly image: WasmImage }>> = /* @__PURE__ */ new Map<WasmModuleName, () => Promise<{ readonly image: WasmImage }>>([
  ['trees', () => import('./generated/trees.ts')],
  ['linear', () => import('./generated/linear.ts')],
  ['conv', () => import('./generated/conv.ts')],
  ['preprocess', () => import('./generated/preprocess.ts')],
  ['integer', () => import('./generated/integer.ts')],
  ['distance', () => import('./generated/distance.ts')],
  ['move', () => import('./generated/move.ts')],
  ['pool', () => import('./generated/pool.ts')],
  ['norms', () => import('./generated/norms.ts')],
  ['resize', () => import('./generated/resize.ts')],
  ['reduce', () => import('./generated/reduce.ts')],
  ['elementwise', () => import('./generated/elementwise.ts')],
  ['activation', () => import('./generated/activation.ts')],
  ['functions', () => import('./generated/functions.ts')],
  ['logic', () => import('./generated/logic.ts')],
  ['attention', () => import('./generated/attention.ts')],
  ['weights', () => import('./generated/weights.ts')],
  ['recurrent', () => import('./generated/recurrent.ts')],
])

/** Which build of a module. */
export interface WasmBuild {
  /** With fused multiply-add, whose last bits differ from cpu's; the strict build where the engine or the module has no other. */
  readonly relaxed?: boolean
  /** For a shared memory of up to 4 GiB, which threads have in common. */
  readonly shared?: boolean
}

const compiled = /* @__PURE__ */ new Map<string, Promise<WebAssembly.Module>>()

/** The bytes of a module. */
export async function wasmBytes(name: WasmModuleName): Promise<Uint8Array> {
  const fetch = IMAGES.get(name)
  if (fetch === undefined) throw new RangeError(`no WebAssembly module ${name}`)
  return imageBytes((await fetch()).image)
}

export async function imageBytes({ base64, deflated, byteLength }: WasmImage): Promise<Uint8Array> {
  const bytes = fromBase64(base64)
  if (!deflated) return bytes
  const { inflate } = await import('../../platform/inflate.ts')
  return inflate(bytes, 'deflate-raw', byteLength)
}

/**
 * A compiled module, the same for every caller. It may be posted to a worker.
 *
 * @throws MleError DEVICE_WASM where the host forbids compiling WebAssembly (a content security policy without 'wasm-unsafe-eval')
 */
export function wasmModule(name: WasmModuleName, { shared = false, relaxed = false }: WasmBuild = {}): Promise<WebAssembly.Module> {
  const key = `${name}${shared ? ' shared' : ''}${relaxed ? ' relaxed' : ''}`
  let module = compiled.get(key)
  if (module === undefined) {
    module = compile(name, shared, relaxed)
    compiled.set(key, module)
    // A failure is not kept: the next load tries again.
    module.catch(() => compiled.delete(key))
  }
  return module
}

async function compile(name: WasmModuleName, shared: boolean, relaxed: boolean): Promise<WebAssembly.Module> {
  const fused = relaxed ? await (await import('./relaxed.ts')).relaxedBytes(name) : undefined
  if (relaxed && fused === undefined) return wasmModule(name, { shared })
  const bytes = fused ?? (await wasmBytes(name))
  const build = shared ? (await import('./shared-memory.ts')).sharedMemoryBuild(bytes) : bytes
  try {
    return await WebAssembly.compile(build.slice())
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new MleError('DEVICE_WASM', `WebAssembly cannot be compiled here (${reason}); use device 'cpu'`, { section: name })
  }
}

/**
 * Instantiates modules over one memory, shared or not, and gives their functions together; no two modules export the same name.
 *
 * @param given modules compiled elsewhere, for hosts that forbid compiling from bytes; for memory that is not shared
 */
export async function instantiateWasm(
  memory: WebAssembly.Memory,
  names: readonly WasmModuleName[],
  given?: ReadonlyMap<WasmModuleName, WebAssembly.Module>,
  { relaxed = false }: WasmBuild = {},
): Promise<WebAssembly.Exports> {
  const shared = typeof SharedArrayBuffer === 'function' && (memory.buffer as ArrayBufferLike) instanceof SharedArrayBuffer
  const instances = await Promise.all(
    names.map(async (name) => WebAssembly.instantiate((shared ? undefined : given?.get(name)) ?? (await wasmModule(name, { shared, relaxed })), { env: { memory } })),
  )
  return Object.assign({}, ...instances.map((instance) => instance.exports))
}

/** A function that a module exports; its arguments are numbers and byte offsets. */
export type WasmFunction = (...numbers: number[]) => number

export function wasmFunction(exports: WebAssembly.Exports, name: string): WasmFunction {
  const value = exports[name]
  if (typeof value !== 'function') throw new TypeError(`the WebAssembly module exports no function ${name}`)
  return value as WasmFunction
}
