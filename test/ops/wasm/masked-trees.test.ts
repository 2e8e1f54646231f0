// Single rows through masks of leaves (src/ops/wasm/assembly/trees/masked.ts) against the cpu kernels, bit for bit; each test asserts that the kernel took that way.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { treeKernels } from '../../../src/ops/cpu/trees.ts'
import { encodeTrees, type TreeDescription } from '../../../src/ops/trees/encode.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { attributesOf, bitsOf, ensembleInputs, randomRows, randomSource, runnerOf, takeRows } from '../trees/support.ts'
import { testHost } from './host.ts'
import { spiedTreeKernels } from './tree-spy.ts'

const host = await testHost(['trees'])
const cpu = new Map(treeKernels)
const { kernels: wasm, layoutWord, settle } = spiedTreeKernels(host)
const KEY = 'mle.TreeEnsemble'

const columnCount = (): number | undefined => layoutWord('masked', 0)
const pairCount = (): number | undefined => layoutWord('masked', 5)
const nodesBetweenRows = (): number => (layoutWord('masked', 7) ?? NaN) / 16

/** Runs rows one by one and a few at a time, before, while and after the layout is made; how many runs made it. */
function check(entries: Readonly<Record<string, string | number>>, inputs: readonly (Tensor | undefined)[], x: Tensor): number {
  host.reset()
  const attributes = attributesOf({ layout: 'nodes16/1', ...entries })
  const expected = bitsOf(runnerOf(KEY, cpu.get(KEY), attributes, inputs).run(x))
  const { run } = runnerOf(KEY, wasm.get(KEY), attributes, inputs, host.place)
  const rows = x.shape[0]
  const rowBytes = expected.length / rows
  const few = takeRows(x, [0, 1, 2, 3, 4, 5, 6])
  const runFew = (): void => assert.deepEqual(bitsOf(run(few)), expected.subarray(0, 7 * rowBytes))
  for (let i = 0; i < 36; i++) runFew()
  const pieces = settle('masked', runFew)
  for (let from = 0, count = 1; from < rows; from += count, count = (from % 7) + 1) {
    const order = Array.from({ length: Math.min(count, rows - from) }, (_, i) => from + i)
    assert.deepEqual(bitsOf(run(takeRows(x, order))), expected.subarray(from * rowBytes, (from + order.length) * rowBytes))
  }
  host.checkGuards()
  return pieces
}

interface Shape {
  readonly features: number
  readonly width: number
  /** Values between which thresholds are drawn: few make equal ones. */
  readonly thresholds: number
  /** All, or at random. */
  readonly missingRight?: boolean
  readonly zeroMissing?: boolean
}

/** A tree of so many leaves that grows at random ends, or at the last one: then it is a chain. */
function grown(random: () => number, leaves: number, isChain: boolean, { features, width, thresholds, missingRight, zeroMissing }: Shape): TreeDescription {
  const left = [-1]
  const right = [-1]
  const ends = [0]
  while (ends.length < leaves) {
    const at = isChain ? ends.length - 1 : Math.floor(random() * ends.length)
    const [end] = ends.splice(at, 1)
    left[end] = left.length
    right[end] = left.length + 1
    ends.push(...(random() < 0.5 ? [left.length, left.length + 1] : [left.length + 1, left.length]))
    left.push(-1, -1)
    right.push(-1, -1)
  }
  return {
    left, right, feature: left.map(() => Math.floor(random() * features)), threshold: left.map(() => Math.round(thresholds * (random() - 0.5)) / 4),
    values: Array.from({ length: left.length * width }, () => random() - 0.5), missingRight: missingRight ?? left.map(() => random() < 0.5), zeroMissing: zeroMissing ?? left.map(() => random() < 0.2),
  }
}

test('any small trees, any rows', () => {
  let masked = 0
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const random = randomSource(seed)
      const pick = <T,>(list: readonly T[]): T => list[Math.floor(random() * list.length)]
      const precision = pick(['float32', 'float64'] as const)
      const missing = pick([undefined, false])
      const shape = { features: pick([1, 3, 7, 20]), width: pick([1, 1, 2, 3]), thresholds: pick([10, 60]), missingRight: missing, zeroMissing: missing }
      const most = pick([2, 8, 16, 17, 31, 32, 33, 64])
      const count = 3 * 6 * shape.features + Math.floor(random() * 40)
      const trees = Array.from({ length: count }, () => grown(random, random() < 0.1 ? 1 : 2 + Math.floor(random() * (most - 1)), random() < 0.2, shape))
      const spread = random() < 0.3 ? 3 : 0
      const encoded = encodeTrees(trees, { width: shape.width, precision, treeTarget: spread > 0 ? trees.map(() => Math.floor(random() * (spread + 1))) : undefined })
      const x = randomRows(random, trees, 60, shape.features, precision === 'float32' ? 'float32' : pick(['float32', 'float64'] as const), random() < 0.7)
      check({ outputs: shape.width + spread, aggregate: pick(['sum', 'mean']), accumulate: pick(['float64', 'float32']) }, ensembleInputs(x, encoded), x)
      masked += Number(columnCount() !== undefined)
    }),
    { numRuns: 60 },
  )
  // Those of many columns or leaves may be walked faster.
  assert.ok(masked >= 36, `${masked} of 60 ensembles had masks`)
})

test('many columns', () => {
  for (const features of [4, 16, 17, 33, 49, 64]) {
    const random = randomSource(features)
    const shape = { features, width: 1, thresholds: 100, missingRight: false, zeroMissing: false }
    const trees = Array.from({ length: 8 * features + 5 }, () => grown(random, 9, false, shape))
    const encoded = encodeTrees(trees, { width: 1, precision: 'float64' })
    const x = randomRows(random, trees, 30, features, 'float32', false)
    const pieces = check({ outputs: 1 }, ensembleInputs(x, encoded), x)
    assert.equal(columnCount(), Math.ceil(features / 4) * 4)
    assert.ok(features < 16 || pieces > 4, `${pieces} runs made it`)
  }
})

test('rows of the table behind every node, and behind up to sixteen', () => {
  for (const [trees, thresholds, between] of [[20, 1, 0], [60, 1e9, 0], [110, 1e9, 2], [150, 1e9, 4], [210, 1e9, 8], [300, 1e9, 16]]) {
    const random = randomSource(trees)
    const grove = Array.from({ length: trees }, () => grown(random, 32, false, { features: 3, width: 1, thresholds, missingRight: false, zeroMissing: false }))
    const encoded = encodeTrees(grove, { width: 1, precision: 'float64' })
    const x = randomRows(random, grove, 60, 3, 'float32', true)
    check({ outputs: 1 }, ensembleInputs(x, encoded), x)
    assert.equal(columnCount(), 4)
    assert.equal(nodesBetweenRows(), between, `${trees} trees`)
  }
})

test('ensembles whose table would be too large keep to walks', () => {
  const random = randomSource(5)
  const trees = Array.from({ length: 330 }, () => grown(random, 64, false, { features: 1, width: 1, thresholds: 1e9, missingRight: false, zeroMissing: false }))
  const encoded = encodeTrees(trees, { width: 1, precision: 'float32' })
  const x = randomRows(random, trees, 20, 1, 'float32', true)
  check({ outputs: 1 }, ensembleInputs(x, encoded), x)
  assert.equal(columnCount(), undefined)
})

test('a feature whose missing values go both ways is searched once, and rows that lack it take walks', () => {
  const random = randomSource(2)
  const trees = Array.from({ length: 90 }, () => grown(random, 31, false, { features: 3, width: 1, thresholds: 40, zeroMissing: false }))
  const encoded = encodeTrees(trees, { width: 1, precision: 'float64' })
  const x = randomRows(random, trees, 60, 3, 'float32', true)
  check({ outputs: 1 }, ensembleInputs(x, encoded), x)
  assert.equal(pairCount(), 3)
})

test('trees of more than 64 leaves, and too few trees for so many columns, keep to walks', () => {
  const random = randomSource(6)
  const shape = { features: 40, width: 1, thresholds: 40, missingRight: false, zeroMissing: false }
  for (const trees of [Array.from({ length: 199 }, (_, t) => grown(random, t === 50 ? 65 : 9, false, shape)), Array.from({ length: 20 }, () => grown(random, 31, false, shape))]) {
    const encoded = encodeTrees(trees, { width: 1, precision: 'float64' })
    const x = randomRows(random, trees, 20, 40, 'float32', true)
    check({ outputs: 1 }, ensembleInputs(x, encoded), x)
    assert.equal(columnCount(), undefined)
  }
})
