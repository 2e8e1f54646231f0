// The wasm device: kernels of one WebAssembly module over one memory. Small models share a memory, because engines allow
// few of them (Chromium 124, Node about 13,000); a large one owns its memory.
import { MleError } from '../error.ts'
import { viewOfTensor, type View, type WasmHost } from '../ops/kernel.ts'
import type { WasmKernels } from '../ops/wasm/index.ts'
import { bytesPerElement, viewKernelData } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { memoryLimit, type Arena, type Region } from './arena.ts'
import type { Device, WeightStore } from './device.ts'
import { fuseSteps } from './fuse-steps.ts'
import type { Graph } from './graph.ts'
import { ownBlocks } from './kernel-blocks.ts'
import type { MemoryPart } from './shared-weights.ts'
import { RUN_LIMITS, type RunLimits } from './run-limits.ts'
import { operatorKeys } from './subgraphs.ts'
import { heapScratch } from './scratch.ts'
import { shareArena, USE_LESS, wasmArena } from './wasm-arena.ts'
import { weightBytesOf } from './weights.ts'

export interface WasmDeviceOptions {
  readonly kernels: WasmKernels
  readonly limits?: RunLimits
  /** A part of a memory that threads share, in which the graph's constants lie already. */
  readonly part?: MemoryPart
}

/** Models with fewer bytes of weights share a memory, while it is not larger than this. A new memory costs far more than the copy of such weights: each of its pages is fetched anew. */
const POOLED_BYTES = 16 * 2 ** 20
const MAX_POOL_BYTES = 256 * 2 ** 20
const PAGE_BYTES = 65536
const MAX_PAGES = 65535
/** The first page is nobody's: a null offset in a kernel hits no data. */
const RESERVED_BYTES = PAGE_BYTES

interface WasmMemory {
  readonly memory: WebAssembly.Memory
  readonly exports: Map<string, Promise<WebAssembly.Exports>>
  readonly arena: Arena
  scratch: Region | undefined
}

const pools = /* @__PURE__ */ new WeakMap<WasmKernels, WasmMemory>()

/**
 * A device for `graph`.
 *
 * @throws MleError DEVICE_UNAVAILABLE where there is no WebAssembly, DEVICE_WASM where compiling it is forbidden
 */
export async function createWasmDevice(graph: Graph, options: WasmDeviceOptions): Promise<Device> {
  const { kernels, limits = RUN_LIMITS, part } = options
  if (typeof WebAssembly !== 'object') throw new MleError('DEVICE_UNAVAILABLE', "this host has no WebAssembly; use device 'cpu'", { actual: 'wasm' })
  const weightBytes = weightBytesOf(graph)
  const isPooled = part === undefined && weightBytes < POOLED_BYTES
  let own = isPooled ? pools.get(kernels) : undefined
  if (own === undefined || own.arena.allocatedBytes > MAX_POOL_BYTES) {
    own = part === undefined ? openMemory(weightBytes) : { memory: part.memory, exports: new Map(), arena: wasmArena(part.memory, part.start, part.end), scratch: undefined }
    if (isPooled) pools.set(kernels, own)
  }
  const memory = own
  const modules = kernels.modulesFor(operatorKeys(graph))
  const exports: WebAssembly.Exports = Object.assign({}, ...(await Promise.all(modules.map((name) => instantiateOnce(memory, kernels, name)))))
  const shared = part && (await import('./shared-blocks.ts')).sharedBlocks
  return deviceOver(own, exports, kernels, modules, limits, shared && ((alone, count) => shared(part.blocks, alone, count)))
}

function instantiateOnce(own: WasmMemory, kernels: WasmKernels, name: string): Promise<WebAssembly.Exports> {
  let exports = own.exports.get(name)
  if (exports === undefined) {
    exports = kernels.instantiate(name, own.memory)
    own.exports.set(name, exports)
    // A failure is not kept: the next load tries again.
    exports.catch(() => own.exports.delete(name))
  }
  return exports
}

function openMemory(weightBytes: number): WasmMemory {
  const pages = Math.min(MAX_PAGES, Math.ceil((RESERVED_BYTES + weightBytes) / PAGE_BYTES) + 1)
  try {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: MAX_PAGES })
    return { memory, exports: new Map(), arena: wasmArena(memory, RESERVED_BYTES), scratch: undefined }
  } catch {
    throw memoryLimit(pages * PAGE_BYTES, 0, USE_LESS)
  }
}

/** Blocks of kernels where threads share the memory; `alone` are those of one thread, `count` is told the bytes of the others. */
type BlocksOfThreads = (alone: WasmHost['block'], count: (byteLength: number) => void) => WasmHost['block']

function deviceOver(own: WasmMemory, exports: WebAssembly.Exports, kernels: WasmKernels, modules: readonly string[], limits: RunLimits, blocksOfThreads?: BlocksOfThreads): Device {
  const share = shareArena(own.arena, limits.maxMemoryBytes)
  const weights = weightStore(share, own.memory)
  const scratch = heapScratch(limits, share)
  const allocate: WasmHost['allocate'] = (byteLength, isZeroed) => {
    const { byteOffset } = share.allocate(byteLength, isZeroed)
    weights.refresh()
    return byteOffset
  }
  const alone = ownBlocks(allocate)
  const host: WasmHost = {
    exports,
    memory: own.memory,
    allocate,
    block: blocksOfThreads?.(alone, scratch.keep) ?? alone,
    reserveScratch(byteLength) {
      // One scratch block per memory: kernels run one at a time.
      if (own.scratch !== undefined && own.scratch.byteLength >= byteLength) return
      if (own.scratch !== undefined) own.arena.free(own.scratch)
      own.scratch = undefined
      own.scratch = own.arena.allocate(byteLength, false)
      weights.refresh()
    },
    get scratchOffset() {
      return own.scratch?.byteOffset ?? 0
    },
  }
  return {
    name: 'wasm',
    arena: share,
    preferred: kernels.table(host, modules),
    fuse: fuseSteps,
    weights,
    scratch,
    dispose: () => share.dispose(),
  }
}

interface ResidentView {
  readonly dtype: View['dtype']
  readonly shape: View['shape']
  readonly size: number
  data: View['data']
}

/** Copies each constant into the arena once; those in the memory already stay where they are. */
function weightStore(arena: Arena, memory: WebAssembly.Memory): WeightStore {
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
      if (source.dtype === 'string' || (source.data as Uint8Array).buffer === memory.buffer) {
        views.set(tensor, source)
        return source
      }
      const region = arena.allocate(source.size * bytesPerElement(source.dtype), false)
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
