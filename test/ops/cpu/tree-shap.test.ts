import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MleError } from '../../../src/error.ts'
import { graphBuilder, type AttributeInput } from '../../../src/graph/builder.ts'
import { treeShapFormula } from '../../../src/ops/formula/tree-shap.ts'
import { treeEnsembleFormula } from '../../../src/ops/formula/trees.ts'
import { viewOfTensor } from '../../../src/ops/kernel.ts'
import { encodeTrees, type EncodedTrees, type TreeDescription } from '../../../src/ops/trees/encode.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { cpu } from '../../support/run-op.ts'
import { attributesOf, ensembleInputs, randomRows, randomSource, randomTrees } from '../trees/support.ts'

const SEED = Math.floor(Math.random() * 2 ** 31)
console.log(`tree-shap seed ${SEED}`)

/** Random covers, some of them 0, inner ones the sum of their children's. */
function withCover(tree: TreeDescription, random: () => number): TreeDescription {
  const cover = Array.from(tree.left, () => 0)
  const fill = (node: number): number => (cover[node] = tree.left[node] < 0 ? (random() < 0.2 ? 0 : Math.ceil(random() * 50)) : fill(tree.left[node]) + fill(tree.right[node]))
  fill(0)
  return { ...tree, cover }
}

interface Case {
  readonly x: Tensor
  readonly encoded: EncodedTrees
  readonly outputs: number
  readonly base?: Float64Array
  readonly aggregate?: 'sum' | 'mean'
  readonly players?: { readonly count: number; readonly of: readonly number[] }
  readonly cover?: Tensor
}

async function shap({ x, encoded, outputs, base, aggregate = 'sum', players, cover = encoded.cover }: Case): Promise<Tensor> {
  const builder = graphBuilder()
  const name = builder.input('X', { dtype: x.dtype, shape: ['batch', x.shape[1]] })
  const tensors = [...ensembleInputs(x, encoded, base).slice(1), cover, players === undefined ? undefined : { dtype: 'uint32' as const, shape: [players.of.length], data: Uint32Array.from(players.of) }]
  const names = [name, ...tensors.map((tensor) => (tensor === undefined ? '' : builder.constant(tensor)))]
  while (names[names.length - 1] === '') names.pop()
  const attributes: Record<string, AttributeInput> = { layout: 'nodes16/1', outputs, aggregate, players: players?.count ?? 0 }
  builder.output('Y', builder.add('mle.TreeShap', names, attributes), { dtype: 'float64' })
  return (await cpu.run(builder.build(), new Map([['X', x]])))[0]
}

/** Sums of the formula over trees, [rows][outputs][players + 1]. */
function expected({ x, encoded, outputs, base, aggregate = 'sum', players, cover = encoded.cover }: Case): number[][][] {
  const features = x.shape[1]
  const count = players?.count ?? features
  const leafValues = viewOfTensor(encoded.leafValues)
  const width = leafValues.shape[1]
  const roots = Array.from(encoded.roots.data, Number)
  const tree = {
    nodes: encoded.nodes.data as Uint8Array,
    cover: cover?.data as Float64Array,
    categories: (encoded.categories?.data ?? []) as Uint32Array,
    rounding: 'trunc',
    leafIndex: encoded.leafIndex.data as Uint32Array,
    leafValues,
  }
  const treesOf = Array.from({ length: outputs }, () => 0)
  roots.forEach((_, t) => {
    for (let j = 0; j < width; j++) treesOf[Number(encoded.treeTarget?.data[t] ?? 0) + j]++
  })
  return Array.from({ length: x.shape[0] }, (_, r) => {
    const row = (x.data as Float64Array).subarray(r * features, (r + 1) * features)
    const sums = Array.from({ length: outputs }, (__, o) => [...new Array<number>(count).fill(0), base?.[o] ?? 0])
    roots.forEach((root, t) => {
      for (let j = 0; j < width; j++) {
        const output = Number(encoded.treeTarget?.data[t] ?? 0) + j
        const own = treeShapFormula(tree, root, row, count, (feature) => players?.of[feature] ?? feature, j)
        own.forEach((value, c) => (sums[output][c] += value / (aggregate === 'mean' ? treesOf[output] : 1)))
      }
    })
    return sums
  })
}

function close(got: Tensor, wanted: number[][][]): void {
  const flat = wanted.flat(2)
  assert.deepEqual([...got.shape], [wanted.length, wanted[0].length, wanted[0][0].length])
  flat.forEach((value, i) => assert.ok(Math.abs(Number(got.data[i]) - value) <= 1e-9 * Math.max(1, Math.abs(value)), `element ${i}: ${got.data[i]}, expected ${value}`))
}

test('equals the Shapley values of every set of features, and adds up to the prediction', async () => {
  const random = randomSource(SEED)
  for (let round = 0; round < 60; round++) {
    const outputs = round % 3 === 0 ? 3 : 1
    const width = outputs === 3 && round % 2 === 0 ? 3 : 1
    const options = { trees: 1 + Math.floor(random() * 4), features: 1 + Math.floor(random() * 5), width, maxDepth: 1 + Math.floor(random() * 6), precision: 'float64' as const, comparisons: ['le', 'lt', 'eq'] as const, wild: round % 2 === 1 }
    const trees = randomTrees(random, options).map((tree) => withCover(tree, random))
    const treeTarget = outputs === 3 && width === 1 ? trees.map(() => Math.floor(random() * 3)) : undefined
    const encoded = encodeTrees(trees, { width, precision: 'float64', treeTarget })
    const x = randomRows(random, trees, 5, options.features, 'float64', true)
    const aggregate = round % 4 === 3 ? 'mean' : 'sum'
    const base = aggregate === 'sum' && random() < 0.5 ? Float64Array.from({ length: outputs }, () => random() - 0.5) : undefined
    const one = { x, encoded, outputs, base, aggregate } as const
    const got = await shap(one)
    close(got, expected(one))
    const margins = treeEnsembleFormula(attributesOf({ outputs, aggregate }), ensembleInputs(x, encoded, base).map((tensor) => (tensor === undefined ? undefined : viewOfTensor(tensor))))
    margins.flat().forEach((margin, i) => {
      const own = [...got.data].slice(i * (options.features + 1), (i + 1) * (options.features + 1)).map(Number)
      assert.ok(Math.abs(own.reduce((sum, value) => sum + value, 0) - margin) <= 1e-9 * Math.max(1, Math.abs(margin)), `row and output ${i}, round ${round}, seed ${SEED}`)
    })
  }
})

test('columns of one player count as one feature', async () => {
  const random = randomSource(SEED + 1)
  for (let round = 0; round < 20; round++) {
    const trees = randomTrees(random, { trees: 2, features: 5, width: 1, maxDepth: 4, precision: 'float32', comparisons: ['le'], wild: false }).map((tree) => withCover(tree, random))
    const encoded = encodeTrees(trees, { width: 1, precision: 'float32' })
    const x = randomRows(random, trees, 4, 5, 'float32', false)
    const one = { x, encoded, outputs: 1, players: { count: 3, of: [0, 2, 0, 1, 2] } }
    close(await shap(one), expected(one))
  }
})

const STUMP: TreeDescription = { left: [1, -1, -1], right: [2, -1, -1], feature: [0, 0, 0], threshold: [0, 0, 0], values: [0, 1, 2], cover: [4, 1, 3] }
const ROW: Tensor = { dtype: 'float64', shape: [1, 1], data: Float64Array.of(1) }

function refused(code: string): (error: unknown) => boolean {
  return (error) => error instanceof MleError && error.code === code
}

test('covers that are no weights are refused', async () => {
  const encoded = encodeTrees([STUMP], { width: 1, precision: 'float64' })
  for (const data of [Float64Array.of(4, -1, 3), Float64Array.of(4, NaN, 3), Float64Array.of(Infinity, 1, 3)]) {
    await assert.rejects(shap({ x: ROW, encoded, outputs: 1, cover: { dtype: 'float64', shape: [3], data } }), refused('TREE_COVER'))
  }
})

test('players outside their count are refused', async () => {
  const encoded = encodeTrees([STUMP], { width: 1, precision: 'float64' })
  await assert.rejects(shap({ x: ROW, encoded, outputs: 1, players: { count: 1, of: [1] } }), refused('TREE_PLAYER'))
})

test('trees too deep to explain are refused', async () => {
  const depth = 2001
  const left = Array.from({ length: 2 * depth + 1 }, (_, i) => (i % 2 === 0 && i < 2 * depth ? i + 1 : -1))
  const right = Array.from({ length: 2 * depth + 1 }, (_, i) => i + 2)
  const zeros = left.map(() => 0)
  const encoded = encodeTrees([{ left, right, feature: zeros, threshold: zeros, values: zeros, cover: zeros.map(() => 1) }], { width: 1, precision: 'float64' })
  await assert.rejects(shap({ x: ROW, encoded, outputs: 1 }), refused('TREE_SHAP_DEPTH'))
})

test('inner nodes without a cover get that of their leaves', () => {
  const encoded = encodeTrees([{ ...STUMP, cover: [0, 1, 3] }], { width: 1, precision: 'float64' })
  assert.deepEqual(encoded.cover, { dtype: 'float32', shape: [3], data: Float32Array.of(4, 1, 3) })
})
