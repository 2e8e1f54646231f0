// A memory for wasm kernels under test, with the parts of an arena that they see.
import { ownBlocks } from '../../../src/graph/kernel-blocks.ts'
import type { WasmHost } from '../../../src/ops/kernel.ts'
import { instantiateWasm, type WasmModuleName } from '../../../src/ops/wasm/module.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'

export interface TestHost extends WasmHost {
  /** A copy of a tensor in the host's memory. */
  place(tensor: Tensor): Tensor
  /** Forgets every block: kernels made before must not run again. */
  reset(): void
  /** Throws if anything was written between blocks. */
  checkGuards(): void
}

const GUARD_BYTES = 64
/** Modules keep constants in the first page. */
const START = 65536

/** 16 MiB that do not grow. Bytes of 0xff, which read as NaN and as huge indices, stand between blocks. */
export async function testHost(names: readonly WasmModuleName[]): Promise<TestHost> {
  const memory = new WebAssembly.Memory({ initial: 256 })
  const exports = await instantiateWasm(memory, names)
  const bytes = new Uint8Array(memory.buffer)
  let end = START
  let guards: number[] = []
  let scratchOffset = 0
  let scratchBytes = 0
  const guard = (from: number): void => {
    end = Math.ceil((from + GUARD_BYTES) / 64) * 64
    if (end > bytes.length) throw new RangeError('the test host is full')
    bytes.fill(0xff, from, end)
    guards.push(from, end)
  }
  const allocate = (byteLength: number, isZeroed = true): number => {
    const offset = end
    if (offset + byteLength > bytes.length) throw new RangeError('the test host is full')
    bytes.fill(isZeroed ? 0 : 0xff, offset, offset + byteLength)
    guard(offset + byteLength)
    return offset
  }
  let block = ownBlocks(allocate)
  const host: TestHost = {
    exports,
    memory,
    allocate,
    block: (key, byteLength, isZeroed) => block(key, byteLength, isZeroed),
    reserveScratch(byteLength) {
      if (byteLength <= scratchBytes) return
      scratchBytes = byteLength
      scratchOffset = allocate(byteLength)
    },
    get scratchOffset() {
      return scratchOffset
    },
    place(tensor) {
      const { data } = tensor
      if (!ArrayBuffer.isView(data)) throw new TypeError('only numbers can be placed')
      const offset = allocate(data.byteLength)
      bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset)
      const Data = data.constructor as unknown as new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Float64Array
      return { dtype: tensor.dtype, shape: tensor.shape, data: new Data(memory.buffer, offset, data.length) }
    },
    reset() {
      end = START
      scratchBytes = scratchOffset = 0
      guards = []
      block = ownBlocks(allocate)
      guard(START)
    },
    checkGuards() {
      for (let i = 0; i < guards.length; i += 2) {
        for (let at = guards[i]; at < guards[i + 1]; at++) if (bytes[at] !== 0xff) throw new Error(`byte ${at} outside any block was written`)
      }
    },
  }
  host.reset()
  return host
}
