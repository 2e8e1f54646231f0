// Batches over ranks (src/ops/wasm/assembly/trees/ranked.ts) against the cpu kernels, bit for bit; each test asserts that the kernel took that way.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { treeKernels } from '../../../src/ops/cpu/trees.ts'
import { encodeTrees, type TreeDescription } from '../../../src/ops/trees/encode.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { attributesOf, bitsOf, ensembleInputs, lopsidedTree, randomRows, randomSource, randomTrees, runnerOf, takeRows } from '../trees/support.ts'
import { testHost } from './host.ts'
import { spiedTreeKernels } from './tree-spy.ts'

const host = await testHost(['trees'])
const cpu = new Map(treeKernels)
const { kernels: wasm, layoutWord, settle } = spiedTreeKernels(host)
const KEY = 'mle.TreeEnsemble'

const groupCount = (): number | undefined => layoutWord('ranked', 2)
const goesOn = (): boolean => layoutWord('ranked', 5) === 1

type Entries = Readonly<Record<string, string | number>>

/** Runs all rows, until the layout is made, then parts of them, on both backends. */
function check(entries: Entries, inputs: readonly (Tensor | undefined)[], x: Tensor, parts: readonly number[] = [16, 17, 48, 64, 65, 100, 129]): void {
  host.reset()
  const attributes = attributesOf({ layout: 'nodes16/1', ...entries })
  const expected = bitsOf(runnerOf(KEY, cpu.get(KEY), attributes, inputs).run(x))
  const { run } = runnerOf(KEY, wasm.get(KEY), attributes, inputs, host.place)
  settle('ranked', () => assert.deepEqual(bitsOf(run(x)), expected))
  const rowBytes = expected.length / x.shape[0]
  let from = 0
  for (const count of parts) {
    if (from + count > x.shape[0]) from = 0
    const rows = Array.from({ length: count }, (_, i) => from + i)
    assert.deepEqual(bitsOf(run(takeRows(x, rows))), expected.subarray(from * rowBytes, (from + count) * rowBytes))
    from += count
  }
  host.checkGuards()
}

/** One inner node a level: each has a leaf on a random side. */
function chain(random: () => number, depth: number, features: number, width: number): TreeDescription {
  const left: number[] = []
  const right: number[] = []
  for (let level = 0; level < depth; level++) {
    const node = 2 * level
    const goesLeft = random() < 0.5
    left[node] = node + (goesLeft ? 2 : 1)
    right[node] = node + (goesLeft ? 1 : 2)
    left[node + 1] = right[node + 1] = -1
  }
  left[2 * depth] = right[2 * depth] = -1
  const numbers = (): number[] => left.map(() => random() * 8 - 4)
  return {
    left, right, feature: left.map(() => Math.floor(random() * features)), threshold: numbers(), values: Array.from({ length: left.length * width }, () => random()),
    missingRight: left.map(() => random() < 0.5), zeroMissing: left.map(() => random() < 0.2),
  }
}

test('any trees without categories, any rows', () => {
  let walked = 0
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 256, max: 700 }), (seed, rows) => {
      const random = randomSource(seed)
      const pick = <T,>(list: readonly T[]): T => list[Math.floor(random() * list.length)]
      const width = pick([1, 1, 2, 3, 5])
      const precision = pick(['float32', 'float64'] as const)
      const accumulate = pick(['float64', 'float32'] as const)
      const features = pick([1, 3, 7, 40])
      const grown = randomTrees(random, { trees: pick([1, 2, 5, 9, 20]), features, width, maxDepth: pick([1, 3, 6, 9, 11]), precision, comparisons: ['le', 'lt', 'ge', 'gt'], wild: false, leaves32: random() < 0.5 })
      const depths = [1, 2, 8, 20, 50]
      const trees = [...grown, ...Array.from({ length: pick([0, 0, 1, 5]) }, () => ({ ...chain(random, pick(depths), features, width), comparison: 'le' as const }))]
      const spread = random() < 0.3 ? 3 : 0
      const treeTarget = spread > 0 ? trees.map(() => Math.floor(random() * (spread + 1))) : undefined
      const missing = random() < 0.5
      const encoded = encodeTrees(missing ? trees : trees.map((tree) => ({ ...tree, missingRight: false, zeroMissing: false })), { width, precision, treeTarget })
      const aggregate = pick(['sum', 'mean'])
      const base = aggregate === 'sum' && random() < 0.5 ? Float64Array.from({ length: width + spread }, () => random()) : undefined
      const x = randomRows(random, trees, rows, features, precision === 'float32' ? 'float32' : pick(['float32', 'float64'] as const), true)
      check({ outputs: width + spread, aggregate, accumulate }, ensembleInputs(x, encoded, base), x)
      assert.notEqual(groupCount(), undefined)
      walked += Number(goesOn())
    }),
    { numRuns: 150 },
  )
  assert.ok(walked > 5, `${walked} cases went on below their programs`)
})

test('complete trees of every depth, whole and cut', () => {
  for (const depth of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]) {
    const random = randomSource(depth)
    const inner = 2 ** depth - 1
    const at = Array.from({ length: 2 * inner + 1 }, (_, i) => i)
    const trees = Array.from({ length: 7 }, () => ({
      left: at.map((i) => (i < inner ? 2 * i + 1 : -1)), right: at.map((i) => (i < inner ? 2 * i + 2 : -1)), feature: at.map(() => Math.floor(5 * random())),
      threshold: at.map(() => random()), values: at.map(() => random()),
    }))
    const encoded = encodeTrees(trees, { width: 1, precision: 'float32' })
    const x = { dtype: 'float64', shape: [300, 5], data: Float64Array.from({ length: 1500 }, () => Math.fround(random())) } as const
    check({ outputs: 1 }, ensembleInputs(x, encoded), x)
    assert.equal(goesOn(), depth > 6, `depth ${depth}`)
  }
})

test('trees much deeper than their mean path', () => {
  const random = randomSource(3)
  const trees = Array.from({ length: 11 }, () => lopsidedTree(random))
  const encoded = encodeTrees(trees, { width: 1, precision: 'float64' })
  for (const odd of [false, true]) {
    const x = randomRows(random, trees, 300, 3, 'float64', odd)
    check({ outputs: 1 }, ensembleInputs(x, encoded), x)
    assert.notEqual(groupCount(), undefined)
  }
})

test('large trees, and rows that float32 holds and does not hold', () => {
  const random = randomSource(4)
  const trees = randomTrees(random, { trees: 9, features: 3, width: 2, maxDepth: 13, precision: 'float64', comparisons: ['le'], wild: false })
  const encoded = encodeTrees(trees, { width: 2, precision: 'float64' })
  for (const third of [1, 3]) {
    const x = { dtype: 'float64', shape: [300, 3], data: Float64Array.from({ length: 900 }, () => Math.fround(random() * 8 - 4) / third) } as const
    check({ outputs: 2 }, ensembleInputs(x, encoded), x)
    assert.equal(goesOn(), true)
  }
})

/** Stumps on one column, at 0, 1, 2, ... */
function stumps(count: number): TreeDescription[] {
  return Array.from({ length: count }, (_, t) => ({ left: [1, -1, -1], right: [2, -1, -1], feature: [0, 0, 0], threshold: [t, 0, 0], values: [0, 1 + t / 8, -t] }))
}

test('groups of at most 255 thresholds a column', () => {
  for (const [thresholds, groups] of [[1, 1], [254, 1], [255, 1], [256, 2], [510, 2], [511, 3], [4080, 16], [4081, undefined]] as const) {
    const encoded = encodeTrees(stumps(thresholds), { width: 1, precision: 'float64' })
    // On thresholds, beside them, beyond all.
    const values = Array.from({ length: 256 }, (_, i) => (i < 100 ? thresholds - 50 + i / 2 : i < 200 ? (i - 100) * thresholds / 100 : [NaN, Infinity, -Infinity, 0, -0, 5e-324, -5e-324, 1e300][i % 8]))
    const x = { dtype: 'float64', shape: [256, 1], data: Float64Array.from(values) } as const
    check({ outputs: 1 }, ensembleInputs(x, encoded), x)
    assert.equal(groupCount(), groups, `${thresholds} thresholds`)
  }
})

test('thresholds at the edges of numbers', () => {
  const edges = [0, -0, 1e-50, -1e-50, 5e-324, 2 ** -149, -(2 ** -149), 0.1, -0.1, Math.fround(0.1), 3.4028234663852886e38, 1e39, -1e39, Infinity, -Infinity, Number.MAX_VALUE]
  for (const missingRight of [false, true]) {
    const trees = edges.map((threshold, t) => ({ left: [1, -1, -1], right: [2, -1, -1], feature: [t % 2, 0, 0], threshold: [threshold, 0, 0], values: [0, 2 ** t, 0], missingRight }))
    const encoded = encodeTrees(trees, { width: 1, precision: 'float64' })
    const values = [...edges, ...edges.map(Math.fround), NaN, 1, -1]
    for (const dtype of ['float32', 'float64'] as const) {
      const numbers = Array.from({ length: 2 * 260 }, (_, i) => values[(i * 7 + (i >>> 6)) % values.length] * (i % 3 === 0 ? -1 : 1))
      const x = { dtype, shape: [260, 2], data: dtype === 'float32' ? Float32Array.from(numbers) : Float64Array.from(numbers) } as Tensor
      check({ outputs: 1 }, ensembleInputs(x, encoded), x)
      assert.equal(groupCount(), 1)
    }
  }
})

test('tests for categories and equality have columns of their own', () => {
  let made = 0
  for (let seed = 0; seed < 30; seed++) {
    const random = randomSource(seed)
    const precision = seed % 2 === 0 ? 'float64' : 'float32'
    const trees = randomTrees(random, { trees: 20, features: 4, width: 1, maxDepth: 3, precision, comparisons: seed % 3 === 0 ? ['le', 'lt'] : ['le', 'le', 'le', 'eq', 'ne'], wild: true })
    const encoded = encodeTrees(trees, { width: 1, precision })
    const x = randomRows(random, trees, 300, 4, precision, true)
    check({ outputs: 1, rounding: ['trunc', 'floor', 'exact'][seed % 3] }, ensembleInputs(x, encoded), x)
    made += Number(groupCount() !== undefined)
  }
  assert.ok(made > 10, `${made} of 30 went over ranks`)
})

test('fewer rows than pay, and more tests than a walk has steps, keep to walks', () => {
  const random = randomSource(8)
  const trees = randomTrees(random, { trees: 9, features: 3, width: 1, maxDepth: 8, precision: 'float32', comparisons: ['eq'], wild: false })
  const encoded = encodeTrees(trees, { width: 1, precision: 'float32' })
  const x = randomRows(random, trees, 300, 3, 'float32', true)
  check({ outputs: 1 }, ensembleInputs(x, encoded), x)
  assert.equal(groupCount(), undefined)
  const few = encodeTrees(stumps(3), { width: 1, precision: 'float64' })
  const y = { dtype: 'float64', shape: [40, 1], data: Float64Array.from({ length: 40 }, (_, i) => i / 10) } as const
  check({ outputs: 1 }, ensembleInputs(y, few), y, [16, 40])
  assert.equal(groupCount(), undefined)
})
