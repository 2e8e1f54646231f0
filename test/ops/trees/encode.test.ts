import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { viewOfTensor } from '../../../src/ops/kernel.ts'
import { treeEnsembleFormula, treeLeavesFormula } from '../../../src/ops/formula/trees.ts'
import { checkTrees } from '../../../src/ops/trees/check.ts'
import { encodeTrees, type Comparison, type TreeDescription } from '../../../src/ops/trees/encode.ts'
import { CATEGORY_ROUNDINGS } from '../../../src/ops/trees/layout.ts'
import { attributesOf, ensembleInputs, leavesInputs, naiveLeaf, randomRows, randomSource, randomTrees, type RandomOptions } from './support.ts'

const ALL: readonly Comparison[] = ['le', 'lt', 'ge', 'gt', 'eq', 'ne']

const viewsOf = (inputs: ReturnType<typeof ensembleInputs>): (ReturnType<typeof viewOfTensor> | undefined)[] =>
  inputs.map((tensor) => (tensor === undefined ? undefined : viewOfTensor(tensor)))

test('encoded trees reach the leaves that the description names, for every comparison, missing value and category', () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom('float32' as const, 'float64' as const), fc.constantFrom(...CATEGORY_ROUNDINGS), (seed, precision, rounding) => {
      const random = randomSource(seed)
      const options: RandomOptions = { trees: 1 + Math.floor(random() * 5), features: 3, width: 1 + Math.floor(random() * 3), maxDepth: 5, precision, comparisons: ALL, wild: true }
      const trees = randomTrees(random, options)
      const encoded = encodeTrees(trees, { width: options.width, precision })
      checkTrees({ nodes: encoded.nodes.data as Uint8Array, roots: encoded.roots.data as Uint32Array, categories: encoded.categories?.data as Uint32Array | undefined })
      const x = randomRows(random, trees, 20, 3, precision, true)
      const data = x.data as Float64Array
      const attributes = attributesOf({ rounding })
      const leaves = treeLeavesFormula(attributes, viewsOf(leavesInputs(x, encoded)))
      const expected = Array.from({ length: 20 }, (_row, r) => trees.map((tree) => naiveLeaf(tree, data.subarray(3 * r, 3 * r + 3), precision, rounding)))
      assert.deepEqual(leaves, expected)
      const y = treeEnsembleFormula(attributesOf({ rounding, outputs: options.width }), viewsOf(ensembleInputs(x, encoded)))
      const sums = expected.map((row) =>
        Array.from({ length: options.width }, (_zero, j) => row.reduce((sum, leaf, t) => sum + trees[t].values[leaf * options.width + j], 0)),
      )
      assert.deepEqual(y, sums)
    }),
    { numRuns: 400 },
  )
})

const stump: TreeDescription = { left: [1, -1, -1], right: [2, -1, -1], feature: [0, -2, -2], threshold: [0.5, 0, 0], values: [0, 1, 2] }

test('a strict comparison in float32 steps down by one float32', () => {
  const { nodes } = encodeTrees([{ ...stump, comparison: 'lt' }], { width: 1, precision: 'float32' })
  const bytes = new DataView((nodes.data as Uint8Array).buffer)
  assert.equal(bytes.getFloat64(0, true), 0.5 - 2 ** -25)
  const wide = encodeTrees([{ ...stump, comparison: 'lt' }], { width: 1, precision: 'float64' })
  assert.equal(new DataView((wide.nodes.data as Uint8Array).buffer).getFloat64(0, true), 0.5 - 2 ** -54)
})

test('leaf values are rounded where a library stores them in float32', () => {
  const { leafValues } = encodeTrees([{ ...stump, values: [0, 0.1, 0.2] }], { width: 1, precision: 'float32', leafPrecision: 'float32' })
  assert.deepEqual(Array.from(leafValues.data as Float64Array), [Math.fround(0.1), Math.fround(0.2)])
})

test('nodes are depth first, siblings adjacent, leaves point at themselves', () => {
  const tree: TreeDescription = {
    left: [4, -1, -1, -1, 1, 3, -1],
    right: [5, -1, -1, -1, 2, 6, -1],
    feature: [2, 0, 0, 0, 1, 0, 0],
    threshold: [1, 0, 0, 0, 2, 3, 0],
    values: [0, 10, 20, 30, 0, 0, 60],
    ids: [100, 101, 102, 103, 104, 105, 106],
  }
  const encoded = encodeTrees([stump, tree], { width: 1, precision: 'float64' })
  const words = new Uint32Array((encoded.nodes.data as Uint8Array).buffer)
  const lefts = Array.from({ length: 10 }, (_node, i) => words[4 * i + 3])
  assert.deepEqual(lefts, [1, 1, 2, 4, 6, 8, 6, 7, 8, 9])
  assert.deepEqual(Array.from(encoded.roots.data as Uint32Array), [0, 3])
  assert.deepEqual(Array.from(encoded.nodeIds.data as Int32Array), [0, 1, 2, 100, 104, 105, 101, 102, 103, 106])
  assert.equal(encoded.featureCount, 3)
})

test('no trees and trees of one leaf', () => {
  const none = encodeTrees([], { width: 2, precision: 'float64' })
  assert.deepEqual(none.nodes.shape, [0, 16])
  const leaf = encodeTrees([{ left: [-1], right: [-1], feature: [0], threshold: [NaN], values: [7] }], { width: 1, precision: 'float64' })
  assert.equal(leaf.featureCount, 0)
  assert.deepEqual(Array.from(leaf.leafValues.data as Float64Array), [7])
})

test('a bad description is a coded error', () => {
  const fails = (code: string, tree: TreeDescription): void => {
    assert.throws(() => encodeTrees([tree], { width: 1, precision: 'float64' }), (error) => error instanceof MleError && error.code === code)
  }
  fails('TREE_CHILD', { ...stump, right: [3, -1, -1] })
  fails('TREE_CHILD', { ...stump, right: [1, -1, -1] })
  fails('TREE_CHILD', { ...stump, right: [0, -1, -1] })
  fails('TREE_CHILD', { ...stump, left: [1.5, -1, -1] })
  fails('TREE_FEATURE', { ...stump, feature: [-1, 0, 0] })
  fails('TREE_FEATURE', { ...stump, feature: [2 ** 27, 0, 0] })
  fails('TREE_LEAF', { ...stump, values: [0, 1] })
  fails('TREE_CATEGORIES', { ...stump, categories: new Map([[0, { members: [-1], side: 'left' as const }]]) })
  fails('TREE_CATEGORIES', { ...stump, categories: new Map([[0, { members: [4], bits: 4, side: 'left' as const }]]) })
  fails('TREE_CATEGORIES', { ...stump, categories: new Map([[0, { members: [], bits: 2 ** 29, side: 'left' as const }]]) })
})
