import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { heapScratch } from '../../../src/graph/scratch.ts'
import { MleError } from '../../../src/error.ts'
import { treeKernels } from '../../../src/ops/cpu/trees.ts'
import { treeEnsembleFormula, treeLeavesFormula } from '../../../src/ops/formula/trees.ts'
import { viewOfTensor } from '../../../src/ops/kernel.ts'
import { checkTrees } from '../../../src/ops/trees/check.ts'
import { encodeTrees } from '../../../src/ops/trees/encode.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { attributesOf, ensembleInputs, lopsidedTree, randomCase, randomRows, randomSource, runnerOf, takeRows } from '../trees/support.ts'

const kernels = new Map(treeKernels)
const bits = (tensor: Tensor): Uint8Array => {
  const data = tensor.data as Float64Array
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

test('the kernels equal the formula exactly', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 0, max: 40 }), (seed, rows) => {
      const { attributes, inputs, leaves, x } = randomCase(seed, rows)
      const views = (list: typeof inputs): ReturnType<typeof viewOfTensor>[] => list.map((tensor) => tensor && viewOfTensor(tensor)) as never
      const entries = attributesOf(attributes)
      const y = runnerOf('mle.TreeEnsemble', kernels.get('mle.TreeEnsemble'), entries, inputs).run(x)
      assert.deepEqual(Array.from(y.data as Float64Array), treeEnsembleFormula(entries, views(inputs)).flat())
      const reached = runnerOf('mle.TreeLeaves', kernels.get('mle.TreeLeaves'), entries, leaves).run(x)
      assert.deepEqual(Array.from(reached.data as Int32Array), treeLeavesFormula(entries, views(leaves)).flat())
    }),
    { numRuns: 300 },
  )
})

test('a batch equals its rows one by one, in any order, split anywhere', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 60 }), fc.nat(60), (seed, rows, at) => {
      const { attributes, inputs, leaves, x } = randomCase(seed, rows)
      const entries = attributesOf(attributes)
      for (const [key, list] of [['mle.TreeEnsemble', inputs], ['mle.TreeLeaves', leaves]] as const) {
        const { run } = runnerOf(key, kernels.get(key), entries, list)
        const whole = run(x)
        const order = Array.from({ length: rows }, (_row, i) => i)
        const joined = (parts: Tensor[]): number[] => parts.flatMap((part) => Array.from(bits(part)))
        assert.deepEqual(joined(order.map((row) => run(takeRows(x, [row])))), joined([whole]))
        const split = at % (rows + 1)
        assert.deepEqual(joined([run(takeRows(x, order.slice(0, split))), run(takeRows(x, order.slice(split)))]), joined([whole]))
        const reversed = run(takeRows(x, order.toReversed()))
        const rowBytes = bits(whole).length / rows
        for (const row of order) {
          const there = rows - 1 - row
          assert.deepEqual(bits(reversed).subarray(there * rowBytes, (there + 1) * rowBytes), bits(whole).subarray(row * rowBytes, (row + 1) * rowBytes))
        }
      }
    }),
    { numRuns: 150 },
  )
})

test('trees much deeper than their mean path', () => {
  const random = randomSource(3)
  const trees = Array.from({ length: 11 }, () => lopsidedTree(random))
  const encoded = encodeTrees(trees, { width: 1, precision: 'float64' })
  const { depth, meanDepth } = checkTrees({ nodes: encoded.nodes.data as Uint8Array, roots: encoded.roots.data as Uint32Array })
  assert.ok(depth[0] > 3 * meanDepth[0])
  const attributes = attributesOf({ layout: 'nodes16/1', outputs: 1 })
  for (const rows of [1, 41]) {
    const x = randomRows(random, trees, rows, 3, 'float64', true)
    const inputs = ensembleInputs(x, encoded)
    const views = inputs.map((tensor) => tensor && viewOfTensor(tensor))
    const y = runnerOf('mle.TreeEnsemble', kernels.get('mle.TreeEnsemble'), attributes, inputs).run(x)
    assert.deepEqual(Array.from(y.data as Float64Array), treeEnsembleFormula(attributes, views).flat())
  }
})

const fails = (code: string, run: () => unknown): void => {
  assert.throws(run, (error) => error instanceof MleError && error.code === code)
}

const stump = encodeTrees([{ left: [1, -1, -1], right: [2, -1, -1], feature: [4, 0, 0], threshold: [0.5, 0, 0], values: [0, 1, 2] }], { width: 1, precision: 'float64' })
const row = (features: number): Tensor => ({ dtype: 'float64', shape: [1, features], data: new Float64Array(features) })

test('rows with too few columns, unknown layouts and bases without sums are refused', () => {
  const entry = kernels.get('mle.TreeEnsemble')
  const attributes = { layout: 'nodes16/1', outputs: 1 }
  fails('TREE_FEATURE', () => runnerOf('mle.TreeEnsemble', entry, attributesOf(attributes), ensembleInputs(row(4), stump)))
  const { run } = runnerOf('mle.TreeEnsemble', entry, attributesOf(attributes), ensembleInputs(row(5), stump))
  assert.deepEqual(Array.from(run(row(5)).data as Float64Array), [1])
  fails('TREE_FEATURE', () => run(row(4)))
  fails('TREE_LAYOUT', () => runnerOf('mle.TreeEnsemble', entry, attributesOf({ ...attributes, layout: 'nodes16/2' }), ensembleInputs(row(5), stump)))
  fails('TREE_BASE', () => runnerOf('mle.TreeEnsemble', entry, attributesOf({ ...attributes, aggregate: 'mean' }), ensembleInputs(row(5), stump, Float64Array.of(1))))
  fails('OP_ATTRIBUTE', () => runnerOf('mle.TreeEnsemble', entry, attributesOf({ ...attributes, aggregate: 'vote' }), ensembleInputs(row(5), stump)))
  fails('OP_ATTRIBUTE', () => runnerOf('mle.TreeEnsemble', entry, attributesOf({ ...attributes, outputs: 0 }), ensembleInputs(row(5), stump)))
})

test('the tensors of an ensemble must be initializers', () => {
  const entry = kernels.get('mle.TreeEnsemble')
  if (entry === undefined || !('make' in entry)) throw new Error('no kernel')
  const views = ensembleInputs(row(5), stump).map((tensor) => tensor && viewOfTensor(tensor))
  const scratch = heapScratch()
  const constants = views.map((view, i) => (i === 0 || i === 3 ? undefined : view))
  fails('TREE_CONSTANT', () => entry.make({ op: 'TreeEnsemble', attributes: attributesOf({ layout: 'nodes16/1', outputs: 1 }), inputTypes: views, outputTypes: [], constants, scratch }))
})
