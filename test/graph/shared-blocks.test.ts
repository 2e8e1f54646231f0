// Blocks of kernels in memory that threads share.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { ownBlocks } from '../../src/graph/kernel-blocks.ts'
import { sharedBlocks, type SharedRange } from '../../src/graph/shared-blocks.ts'
import { fillBlocks, type FillResult, type FillTask } from '../support/fill-blocks.ts'

const PAGE_BYTES = 65536

function rangeOf(byteLength: number): SharedRange {
  const pages = Math.ceil(byteLength / PAGE_BYTES) + 2
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  return { memory, start: PAGE_BYTES, end: PAGE_BYTES + byteLength }
}

/** Blocks of the range, those that find no room at offsets below 0, and the bytes that were counted. */
function blocksOf(range: SharedRange, patienceMs?: number): { block: ReturnType<typeof sharedBlocks>; counted: () => number } {
  let next = 0
  let counted = 0
  return { block: sharedBlocks(range, ownBlocks(() => --next), (bytes) => (counted += bytes), patienceMs), counted: () => counted }
}

test('threads that ask for the same blocks at the same time find each written once', async () => {
  const [threads, blocks, wordsPerBlock] = [4, 60, 5000]
  const range = rangeOf(blocks * wordsPerBlock * 4 + 65536)
  const counts = new SharedArrayBuffer(4 * (1 + blocks))
  const task = (first: number): FillTask => ({ range, counts, threads, blocks, wordsPerBlock, first })
  const others = Array.from({ length: threads - 1 }, (_, i) => new Promise<FillResult>((resolve, reject) => {
    const worker = new Worker(new URL('../support/blocks-worker.mjs', import.meta.url), { workerData: task(i % 2 === 0 ? 0 : 30) })
    worker.on('message', resolve)
    worker.on('error', reject)
  }))
  const results = [fillBlocks(task(0)), ...(await Promise.all(others))]
  for (const { offsets, wrong, countedBytes } of results) {
    assert.deepEqual(wrong, [])
    assert.deepEqual(offsets, results[0].offsets)
    assert.equal(countedBytes, blocks * wordsPerBlock * 4)
  }
  assert.deepEqual([...new Int32Array(counts)].slice(1), new Array(blocks).fill(1))
  const sorted = results[0].offsets.slice().sort((a, b) => a - b)
  sorted.forEach((offset, i) => {
    assert.equal(offset % 64, 0)
    assert.ok(i === 0 || offset >= sorted[i - 1] + wordsPerBlock * 4, 'blocks do not overlap')
  })
})

test('once a block finds no room, it and all new ones are the thread\'s own', () => {
  const range = rangeOf(4096)
  const [one, other] = [blocksOf(range), blocksOf(range)]
  const first = one.block('first', 1000)
  assert.ok(first.offset > range.start)
  assert.equal(one.block('large', 4000).offset, -1)
  assert.equal(one.block('small', 10).offset, -2)
  assert.equal(one.block('small', 10).offset, -2)
  assert.equal(other.block('first', 1000).offset, first.offset)
  assert.equal(other.block('small', 10).offset, -1)
  assert.equal(other.counted(), 1000)
})

test('a block whose writing failed is written by who comes next', () => {
  const range = rangeOf(4096)
  const [one, other] = [blocksOf(range).block('b', 4), blocksOf(range).block('b', 4)]
  assert.throws(() => one.fill(() => {
    throw new RangeError('not now')
  }), RangeError)
  const written: number[] = []
  other.fill((offset) => written.push(offset))
  one.fill((offset) => written.push(offset))
  assert.deepEqual(written, [one.offset])
})

test('keys of one letter, long ones and ones beyond Latin letters are told apart', () => {
  const range = rangeOf(65536)
  const keys = ['a', 'b', 'x'.repeat(5000), `${'x'.repeat(4999)}y`, 'é', '漢', '']
  const one = blocksOf(range)
  const offsets = keys.map((key) => one.block(key, 7).offset)
  assert.equal(new Set(offsets).size, keys.length)
  const other = blocksOf(range)
  assert.deepEqual(keys.slice().reverse().map((key) => other.block(key, 7).offset), offsets.slice().reverse())
})

/** Runs a step of a thread that ends before its atomic operation number `end`, none of the later ones included; false where it needs fewer. */
function endsBefore(end: number, run: () => void): boolean {
  const names = ['load', 'store', 'compareExchange', 'notify'] as const
  const real = Object.fromEntries(names.map((name) => [name, Atomics[name]]))
  let operations = 0
  for (const name of names) {
    Object.assign(Atomics, { [name]: (...given: unknown[]): unknown => {
      if (operations++ >= end) throw new RangeError('the thread has ended')
      return Reflect.apply(real[name], Atomics, given)
    } })
  }
  try {
    run()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  } finally {
    Object.assign(Atomics, real)
  }
  return operations > end
}

test('wherever a thread ends, the others have its block and all that follow', () => {
  let end = 0
  for (; ; end++) {
    const range = rangeOf(4096)
    const write = (offset: number): void => void new Int32Array(range.memory.buffer, offset, 4).fill(7)
    blocksOf(range).block('before', 16).fill(write)
    const ended = endsBefore(end, () => blocksOf(range).block('b', 16).fill(write))
    const [one, other] = [blocksOf(range, 5), blocksOf(range, 5)]
    for (const key of ['b', 'after']) {
      one.block(key, 16).fill(write)
      assert.ok(one.block(key, 16).offset > range.start, `ended before operation ${end}`)
      assert.equal(one.block(key, 16).offset, other.block(key, 16).offset)
      assert.deepEqual(new Int32Array(range.memory.buffer, other.block(key, 16).offset, 4), new Int32Array(4).fill(7))
    }
    other.block('b', 16).fill(() => assert.fail('it was written'))
    if (!ended) break
  }
  assert.ok(end > 10)
})
