// Blocks that kernels make from constants, in memory that threads share: the first thread to need one makes it, the others find it. A range of the
// memory holds them one behind the other, and is its own directory; the memory never moves, and nothing in the range is given back.
//
// Int32 words of the range, at multiples of 64 bytes:
//   header: a lock; where the next block begins, in units of 64 bytes from the start of the range; 1 when a block did not fit
//   block: state, UTF-16 units of the key, bytes; the key; then, at the next multiple of 64 bytes, what kernels see
import type { KernelBlock, WasmHost } from '../ops/kernel.ts'
import { alignUp, ALIGNMENT } from './arena.ts'

export interface SharedRange {
  readonly memory: WebAssembly.Memory
  readonly start: number
  readonly end: number
}

const LOCK = 0
const NEXT = 1
const IS_FULL = 2

/** States of a block. */
const EMPTY = 0
const FILLING = 1
const FILLED = 2

/** Bytes of a block's description, before its key. */
const ENTRY_BYTES = 12
/** A thread that has ended while it wrote a block leaves it to the next: any of them writes the same bytes. */
const PATIENCE_MS = 20_000

/**
 * @param own where blocks go that find no room in the range
 * @param count is told the bytes of each block of the range, once
 */
export function sharedBlocks({ memory, start, end }: SharedRange, own: WasmHost['block'], count: (byteLength: number) => void): WasmHost['block'] {
  const words = new Int32Array(memory.buffer, start, (end - start) >>> 2)
  const units = new Uint16Array(memory.buffer, start, (end - start) >>> 1)
  const known = new Map<string, KernelBlock>()
  let readTo = ALIGNMENT

  const keyAt = (at: number, length: number): string => {
    let key = ''
    for (let i = 0; i < length; i++) key += String.fromCharCode(units[(at + ENTRY_BYTES) / 2 + i])
    return key
  }
  /** Makes known what other threads have added; where the next block begins. */
  const read = (): number => {
    const next = words[NEXT] === 0 ? ALIGNMENT : words[NEXT] * ALIGNMENT
    while (readTo < next) {
      const [at, length, byteLength] = [readTo, words[readTo / 4 + 1], words[readTo / 4 + 2] >>> 0]
      const data = dataOf(at, length)
      known.set(keyAt(at, length), sharedBlock(words, at / 4, start + data))
      count(byteLength)
      readTo = data + alignUp(byteLength)
    }
    return next
  }
  const add = (key: string, byteLength: number): void => {
    const at = read()
    const data = dataOf(at, key.length)
    if (known.has(key) || words[IS_FULL] === 1) return
    if (start + data + alignUp(byteLength) > end) {
      // From here on every block is a thread's own: one in the range may hold addresses of those before it, in the range as well.
      words[IS_FULL] = 1
      return
    }
    words[at / 4 + 1] = key.length
    words[at / 4 + 2] = byteLength
    for (let i = 0; i < key.length; i++) units[(at + ENTRY_BYTES) / 2 + i] = key.charCodeAt(i)
    words[NEXT] = (data + alignUp(byteLength)) / ALIGNMENT
    read()
  }
  return (key, byteLength, isZeroed) => {
    if (!known.has(key)) locked(words, () => add(key, byteLength))
    return known.get(key) ?? own(key, byteLength, isZeroed)
  }
}

/** Where what kernels see of a block begins. */
function dataOf(at: number, keyLength: number): number {
  return alignUp(at + ENTRY_BYTES + 2 * keyLength)
}

function locked(words: Int32Array, use: () => void): void {
  while (Atomics.compareExchange(words, LOCK, 0, 1) !== 0) pause(words, LOCK, 1)
  try {
    use()
  } finally {
    Atomics.store(words, LOCK, 0)
    Atomics.notify(words, LOCK)
  }
}

function sharedBlock(words: Int32Array, state: number, offset: number): KernelBlock {
  return {
    offset,
    fill(write) {
      const deadline = performance.now() + PATIENCE_MS
      for (;;) {
        const before = Atomics.compareExchange(words, state, EMPTY, FILLING)
        if (before === FILLED) return
        if (before === EMPTY || performance.now() > deadline) break
        pause(words, state, FILLING)
      }
      let after = EMPTY
      try {
        write(offset)
        after = FILLED
      } finally {
        Atomics.store(words, state, after)
        Atomics.notify(words, state)
      }
    },
  }
}

/** Waits until a word may have changed. */
function pause(words: Int32Array, at: number, value: number): void {
  try {
    Atomics.wait(words, at, value, PATIENCE_MS)
  } catch {
    // The thread of a page must not wait: it looks again at once.
  }
}
