// Blocks of one memory that kernels make from constants, by what they are made from.
import type { KernelBlock, WasmHost } from '../ops/kernel.ts'

/** Blocks that no other thread sees. */
export function ownBlocks(allocate: WasmHost['allocate']): WasmHost['block'] {
  const blocks = new Map<string, KernelBlock>()
  return (key, byteLength, isZeroed) => {
    let block = blocks.get(key)
    if (block === undefined) blocks.set(key, (block = ownBlock(allocate(byteLength, isZeroed))))
    return block
  }
}

function ownBlock(offset: number): KernelBlock {
  let isFilled = false
  return {
    offset,
    fill(write) {
      if (isFilled) return
      write(offset)
      isFilled = true
    },
  }
}
