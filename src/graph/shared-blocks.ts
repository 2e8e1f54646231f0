// Blocks that kernels make from constants, in memory that threads share: the first thread to need one makes it, the others find it. A range of the
// memory holds them one behind the other, and is its own directory: a list that only grows. The memory never moves, and nothing in the range is given back.
//
// There is no lock, because a thread may end at any moment: each step is one atomic operation, before which nobody sees what the thread has written, and
// what a thread has begun and not finished within PATIENCE_MS another does as well. What it had reserved is lost.
//
// Int32 words of the range, entries and blocks at multiples of 64 bytes, places in units of 64 bytes from the start of the range:
//   header: the place of the first entry, 0 for none; the first free place; 1 when a block did not fit
//   entry: the place of the next entry, 0 for none; the place of the block, 0 while it has none, -1 when it did not fit; its state; UTF-16 units of the key, bytes; the key
import type { KernelBlock, WasmHost } from '../ops/kernel.ts'
import { alignUp, ALIGNMENT } from './arena.ts'

export interface SharedRange {
  readonly memory: WebAssembly.Memory
  readonly start: number
  readonly end: number
}

/** Words of the header. */
const FIRST = 0
const FREE = 1
const IS_FULL = 2

/** Words of an entry. The link comes first, as in the header. */
const BLOCK = 1
const STATE = 2
const KEY_LENGTH = 3
const BYTES = 4
const ENTRY_BYTES = 20

const NO_ROOM = -1

/** States of a block. */
const EMPTY = 0
const FILLING = 1
const FILLED = 2

const PATIENCE_MS = 20_000

/**
 * @param own where blocks go that find no room in the range
 * @param count is told the bytes of each block of the range, once
 * @param patienceMs how long another thread may take to reserve a block or to write it: any of them writes the same bytes
 */
export function sharedBlocks({ memory, start, end }: SharedRange, own: WasmHost['block'], count: (byteLength: number) => void, patienceMs: number = PATIENCE_MS): WasmHost['block'] {
  const words = new Int32Array(memory.buffer, start, (end - start) >>> 2)
  const units = new Uint16Array(memory.buffer, start, (end - start) >>> 1)
  /** Entries by key, as indices of words. */
  const entries = new Map<string, number>()
  /** Blocks of the range; undefined for those that did not fit. */
  const blocks = new Map<string, KernelBlock | undefined>()
  /** The word that will link to the next entry. */
  let link = FIRST

  /** The place of so many bytes; NO_ROOM where they do not fit, and from then on for all: a block may hold addresses of those before it, which others must find too. */
  const reserve = (byteLength: number): number => {
    for (;;) {
      const free = Atomics.load(words, FREE)
      const at = Math.max(1, free)
      const next = at + alignUp(byteLength) / ALIGNMENT
      if (Atomics.load(words, IS_FULL) === 1) return NO_ROOM
      if (start + next * ALIGNMENT > end) Atomics.store(words, IS_FULL, 1)
      else if (Atomics.compareExchange(words, FREE, free, next) === free) return at
    }
  }
  /** Makes known what has been added to the list. */
  const read = (): void => {
    for (let place = Atomics.load(words, link); place !== 0; place = Atomics.load(words, link)) {
      const entry = (place * ALIGNMENT) / 4
      let key = ''
      for (let i = 0; i < words[entry + KEY_LENGTH]; i++) key += String.fromCharCode(units[(entry * 4 + ENTRY_BYTES) / 2 + i])
      entries.set(key, entry)
      link = entry
    }
  }
  /** The entry of a key, added where there is none, and whether this thread has; undefined where it does not fit. */
  const entryOf = (key: string, byteLength: number): { readonly entry: number; readonly isNew: boolean } | undefined => {
    let place = 0
    for (;;) {
      read()
      const known = entries.get(key)
      if (known !== undefined) return { entry: known, isNew: false }
      if (place === 0) {
        place = reserve(ENTRY_BYTES + 2 * key.length)
        if (place === NO_ROOM) return undefined
      }
      const entry = (place * ALIGNMENT) / 4
      words[entry + KEY_LENGTH] = key.length
      words[entry + BYTES] = byteLength
      for (let i = 0; i < key.length; i++) units[(entry * 4 + ENTRY_BYTES) / 2 + i] = key.charCodeAt(i)
      // Another thread may have been faster, with this key or another.
      if (Atomics.compareExchange(words, link, 0, place) === 0) return { entry, isNew: true }
    }
  }
  /** The place of an entry's block. */
  const placeOf = (entry: number, isNew: boolean): number => {
    const deadline = performance.now() + patienceMs
    for (let isMine = isNew; ; isMine = performance.now() > deadline) {
      const place = Atomics.load(words, entry + BLOCK)
      if (place !== 0) return place
      if (!isMine) pause(words, entry + BLOCK, 0, patienceMs)
      else if (Atomics.compareExchange(words, entry + BLOCK, 0, reserve(words[entry + BYTES] >>> 0)) === 0) Atomics.notify(words, entry + BLOCK)
    }
  }
  const find = (key: string, byteLength: number): KernelBlock | undefined => {
    const found = entryOf(key, byteLength)
    const place = found === undefined ? NO_ROOM : placeOf(found.entry, found.isNew)
    if (found === undefined || place === NO_ROOM) return undefined
    count(byteLength)
    return sharedBlock(words, found.entry + STATE, start + place * ALIGNMENT, patienceMs)
  }
  return (key, byteLength, isZeroed) => {
    if (!blocks.has(key)) blocks.set(key, find(key, byteLength))
    return blocks.get(key) ?? own(key, byteLength, isZeroed)
  }
}

function sharedBlock(words: Int32Array, state: number, offset: number, patienceMs: number): KernelBlock {
  return {
    offset,
    fill(write) {
      const deadline = performance.now() + patienceMs
      for (;;) {
        const before = Atomics.compareExchange(words, state, EMPTY, FILLING)
        if (before === FILLED) return
        if (before === EMPTY || performance.now() > deadline) break
        pause(words, state, FILLING, patienceMs)
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
function pause(words: Int32Array, at: number, value: number, patienceMs: number): void {
  try {
    Atomics.wait(words, at, value, patienceMs)
  } catch {
    // The thread of a page must not wait: it looks again at once.
  }
}
