// The wasm device: kernels of one WebAssembly module over one memory. Small models share a memory, because engines allow
// few of them (Chromium 124, Node about 13,000); a large one owns its memory.
import { MleError } from '../error.ts'
import { viewOfTensor, type PreferredTable, type View, type WasmHost } from '../ops/kernel.ts'
import { bytesPerElement, viewKernelData } from '../tensor/dtype.ts'
import { sizeOf } from '../tensor/shape.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { alignUp, memoryLimit, shareArena, wasmArena, type Arena, type Region } from './arena.ts'
import type { Device, WeightStore } from './device.ts'
import type { Graph } from './graph.ts'
import { heapScratch } from './scratch.ts'

/** The wasm kernels as a whole; src/ops/wasm/ has the one that is shipped. */
export interface WasmKernels {
  /** Compiles the module; it imports `env.memory`. */
  readonly compile: () => Promise<WebAssembly.Module>
  /** Kernels of one model. */
  readonly table: (host: WasmHost) => PreferredTable
}

export interface WasmDeviceOptions {
  readonly kernels: WasmKernels
  /** A module that the caller has compiled, where compiling from bytes is forbidden. */
  readonly module?: WebAssembly.Module
  readonly maxBytes: number
}

/** Models with fewer bytes of weights share a memory. */
const POOLED_BYTES = 4 * 2 ** 20
const PAGE_BYTES = 65536
const MAX_PAGES = 65535
/** The first page is nobody's: a null offset in a kernel hits no data. */
const RESERVED_BYTES = PAGE_BYTES

interface WasmMemory {
  readonly memory: WebAssembly.Memory
  readonly exports: WebAssembly.Exports
  readonly arena: Arena
  scratch: Region | undefined
}

const modules = /* @__PURE__ */ new WeakMap<WasmKernels, Promise<WebAssembly.Module>>()
const pools = /* @__PURE__ */ new WeakMap<WebAssembly.Module, WasmMemory>()

/**
 * A device for `graph`.
 *
 * @throws MleError DEVICE_UNAVAILABLE where WebAssembly is missing or forbidden
 */
export async function createWasmDevice(graph: Graph, options: WasmDeviceOptions): Promise<Device> {
  const { kernels, maxBytes } = options
  const module = options.module ?? (await compiled(kernels))
  let weightBytes = 0
  for (const { dtype, shape } of graph.initializers.values()) weightBytes += alignUp(sizeOf(shape) * bytesPerElement(dtype))
  let own: WasmMemory | undefined
  if (weightBytes < POOLED_BYTES) {
    own = pools.get(module)
    if (own === undefined) {
      own = await openMemory(module, 0)
      // Another load may have opened the pool meanwhile: there is one per module.
      const other = pools.get(module)
      if (other === undefined) pools.set(module, own)
      else own = other
    }
  } else own = await openMemory(module, weightBytes)
  return deviceOver(own, kernels, maxBytes)
}

function compiled(kernels: WasmKernels): Promise<WebAssembly.Module> {
  let module = modules.get(kernels)
  if (module === undefined) {
    if (typeof WebAssembly !== 'object') throw unavailable('this host has no WebAssembly')
    module = kernels.compile()
    modules.set(kernels, module)
  }
  return module.catch((error: unknown) => {
    throw error instanceof MleError ? error : unavailable(error instanceof Error ? error.message : String(error))
  })
}

function unavailable(reason: string): MleError {
  return new MleError('DEVICE_UNAVAILABLE', `device wasm is not available here (${reason}); use 'cpu', or pass a compiled module as load(..., { wasm: module })`, { actual: 'wasm' })
}

async function openMemory(module: WebAssembly.Module, weightBytes: number): Promise<WasmMemory> {
  const pages = Math.min(MAX_PAGES, Math.ceil((RESERVED_BYTES + weightBytes) / PAGE_BYTES) + 1)
  let memory: WebAssembly.Memory
  try {
    memory = new WebAssembly.Memory({ initial: pages, maximum: MAX_PAGES })
  } catch {
    throw memoryLimit(pages * PAGE_BYTES, 0)
  }
  const instance = await WebAssembly.instantiate(module, { env: { memory } })
  return { memory, exports: instance.exports, arena: wasmArena(memory, RESERVED_BYTES), scratch: undefined }
}

function deviceOver(own: WasmMemory, kernels: WasmKernels, maxBytes: number): Device {
  const share = shareArena(own.arena, maxBytes)
  const host: WasmHost = {
    exports: own.exports,
    memory: own.memory,
    allocate: (byteLength) => share.allocate(byteLength).byteOffset,
    reserveScratch(byteLength) {
      // One scratch block per memory: kernels run one at a time.
      if (own.scratch !== undefined && own.scratch.byteLength >= byteLength) return
      if (own.scratch !== undefined) own.arena.free(own.scratch)
      own.scratch = undefined
      own.scratch = own.arena.allocate(byteLength)
    },
    get scratchOffset() {
      return own.scratch?.byteOffset ?? 0
    },
  }
  return {
    name: 'wasm',
    arena: share,
    preferred: kernels.table(host),
    weights: weightStore(share),
    scratch: heapScratch(),
    dispose: () => share.dispose(),
  }
}

interface ResidentView {
  readonly dtype: View['dtype']
  readonly shape: View['shape']
  readonly size: number
  data: View['data']
}

/** Copies each constant into the arena once. */
function weightStore(arena: Arena): WeightStore {
  const views = new Map<Tensor, View>()
  const residents: { view: ResidentView; region: Region }[] = []
  let generation = arena.generation
  const attach = ({ view, region }: { view: ResidentView; region: Region }): void => {
    view.data = viewKernelData(view.dtype, arena.bufferOf(region), region.byteOffset, view.size)
  }
  const refresh = (): void => {
    if (generation === arena.generation) return
    generation = arena.generation
    residents.forEach(attach)
  }
  return {
    refresh,
    view(tensor) {
      const known = views.get(tensor)
      if (known !== undefined) return known
      const source = viewOfTensor(tensor)
      if (source.dtype === 'string') {
        views.set(tensor, source)
        return source
      }
      const region = arena.allocate(source.size * bytesPerElement(source.dtype))
      refresh()
      const resident = { view: { ...source }, region }
      attach(resident)
      ;(resident.view.data as Uint8Array).set(source.data as Uint8Array)
      residents.push(resident)
      views.set(tensor, resident.view)
      return resident.view
    },
  }
}
