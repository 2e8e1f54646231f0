// What several threads do to one range of blocks.
import { ownBlocks } from '../../src/graph/kernel-blocks.ts'
import { sharedBlocks, type SharedRange } from '../../src/graph/shared-blocks.ts'

export interface FillTask {
  readonly range: SharedRange
  /** Int32: threads that have begun; then for each block how often it was written. */
  readonly counts: SharedArrayBuffer
  readonly threads: number
  readonly blocks: number
  readonly wordsPerBlock: number
  /** Which block this thread asks for first. */
  readonly first: number
}

export interface FillResult {
  readonly offsets: readonly number[]
  /** Blocks that did not hold what they must when `fill` came back. */
  readonly wrong: readonly number[]
  readonly countedBytes: number
}

/** Waits for the other threads, then asks for every block. */
export function fillBlocks({ range, counts, threads, blocks, wordsPerBlock, first }: FillTask): FillResult {
  let countedBytes = 0
  const alone = ownBlocks(() => {
    throw new Error('a block found no room')
  })
  const block = sharedBlocks(range, alone, (bytes) => (countedBytes += bytes))
  const times = new Int32Array(counts)
  Atomics.add(times, 0, 1)
  Atomics.notify(times, 0)
  for (let begun = Atomics.load(times, 0); begun < threads; begun = Atomics.load(times, 0)) Atomics.wait(times, 0, begun)
  const offsets: number[] = new Array<number>(blocks)
  const wrong: number[] = []
  for (let n = 0; n < blocks; n++) {
    const i = (first + n) % blocks
    const made = block(`block ${i} of ${'long'.repeat(i)}`, wordsPerBlock * 4)
    offsets[i] = made.offset
    made.fill((at) => {
      Atomics.add(times, 1 + i, 1)
      const words = new Int32Array(range.memory.buffer, at, wordsPerBlock)
      for (let w = 0; w < wordsPerBlock; w++) words[w] += i + w
    })
    if (new Int32Array(range.memory.buffer, made.offset, wordsPerBlock).some((value, w) => value !== i + w)) wrong.push(i)
  }
  return { offsets, wrong, countedBytes }
}
