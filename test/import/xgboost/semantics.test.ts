// Random boosters in XGBoost's JSON, evaluated here by the library's rules, against the imported graph: the same bits.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newSeed, oddValue, predict, randomOf, randomShape, type Random } from '../support.ts'

interface JsonTree {
  readonly left_children: number[]
  readonly right_children: number[]
  readonly split_indices: number[]
  readonly split_conditions: number[]
  readonly default_left: number[]
  readonly split_type: number[]
  readonly categories: number[]
  readonly categories_nodes: number[]
  readonly categories_segments: number[]
  readonly categories_sizes: number[]
  readonly base_weights: number[]
  /** 3.1 and later keep the vectors of leaves here; `right_children` of a leaf is then its place among them. */
  leaf_weights?: number[]
  readonly tree_param: { readonly size_leaf_vector: string }
}

interface Booster {
  readonly version: readonly number[]
  readonly trees: readonly JsonTree[]
  readonly features: number
  readonly outputs: number
  readonly base: readonly number[]
  readonly treeOutput: readonly number[]
  readonly weights: readonly number[] | undefined
  readonly vector: boolean
}

const f32 = (value: number): number => Math.fround(value)

function randomTree(random: Random, features: number, vectorSize: number, withCategories: boolean): JsonTree {
  const { left, right } = randomShape(random, 5)
  const count = left.length
  const tree: JsonTree = {
    left_children: left,
    right_children: right,
    split_indices: left.map(() => random.below(features)),
    split_conditions: left.map(() => f32(random.chance(0.2) ? random.pick([0, -0, Infinity, 1e-40, 1]) : random.next() * 6 - 3)),
    default_left: left.map(() => random.below(2)),
    split_type: left.map((child) => (withCategories && child >= 0 && random.chance(0.4) ? 1 : 0)),
    categories: [], categories_nodes: [], categories_segments: [], categories_sizes: [],
    base_weights: Array.from({ length: count * vectorSize }, () => f32(random.next() - 0.5)),
    tree_param: { size_leaf_vector: String(vectorSize) },
  }
  tree.split_type.forEach((type, node) => {
    if (type === 0) return
    const members = [...new Set(Array.from({ length: 1 + random.below(5) }, () => random.below(random.chance(0.2) ? 90 : 8)))].sort((a, b) => a - b)
    tree.categories_nodes.push(node)
    tree.categories_segments.push(tree.categories.length)
    tree.categories_sizes.push(members.length)
    tree.categories.push(...members)
  })
  return tree
}

function randomBooster(random: Random): Booster {
  const outputs = random.pick([1, 1, 3])
  const vector = outputs > 1 && random.chance(0.3)
  const features = 1 + random.below(5)
  const version = random.pick([[1, 7, 4], [2, 0, 3], [3, 1, 0]])
  const trees = Array.from({ length: 1 + random.below(6) }, () => randomTree(random, features, vector ? outputs : 1, random.chance(0.5)))
  return {
    version, trees, features, outputs, vector,
    base: Array.from({ length: version[0] >= 3 ? outputs : 1 }, () => f32(random.next())),
    treeOutput: trees.map((_, t) => (vector ? 0 : t % outputs)),
    weights: !vector && random.chance(0.3) ? trees.map(() => f32(random.next())) : undefined,
  }
}

function textOf({ version, trees, features, outputs, base, treeOutput, weights, vector }: Booster): string {
  const number = (value: number): string => value.toExponential(9)
  const written = vector && version[0] >= 3 ? trees.map((tree) => withLeafWeights(tree, outputs)) : trees
  const model = { gbtree_model_param: { num_parallel_tree: '1', num_trees: String(trees.length) }, trees: written, tree_info: treeOutput }
  const document = {
    learner: {
      attributes: {}, feature_names: [], feature_types: [],
      gradient_booster: weights === undefined ? { name: 'gbtree', model } : { name: 'dart', gbtree: { name: 'gbtree', model }, weight_drop: weights },
      learner_model_param: { base_score: base.length === 1 && version[0] < 3 ? number(base[0]) : `[${base.map(number).join(',')}]`, num_class: outputs > 1 && !vector ? String(outputs) : '0', num_feature: String(features), num_target: vector ? String(outputs) : '1' },
      objective: { name: outputs > 1 && !vector ? 'multi:softprob' : 'reg:squarederror' },
    },
    version,
  }
  // Infinity is written bare, as the library does.
  return JSON.stringify(document, (_, value: unknown) => (value === Infinity ? 'INF' : Object.is(value, -0) ? 'NEG0' : value)).replaceAll('"INF"', 'Infinity').replaceAll('"NEG0"', '-0.0')
}

function withLeafWeights(tree: JsonTree, size: number): JsonTree {
  const weights: number[] = []
  const right = tree.right_children.map((child, node) => {
    if (tree.left_children[node] !== -1) return child
    weights.push(...tree.base_weights.slice(node * size, (node + 1) * size))
    return weights.length / size - 1
  })
  return { ...tree, right_children: right, leaf_weights: weights, base_weights: tree.base_weights.map((weight, i) => (tree.left_children[Math.floor(i / size)] === -1 ? 0 : weight)) }
}

function leafOf(tree: JsonTree, row: readonly number[], version: readonly number[]): number {
  let node = 0
  while (tree.left_children[node] !== -1) {
    const x = row[tree.split_indices[node]]
    let left: boolean
    if (Number.isNaN(x)) left = tree.default_left[node] === 1
    else if (tree.split_type[node] === 1) {
      const set = tree.categories_nodes.indexOf(node)
      const members = tree.categories.slice(tree.categories_segments[set], tree.categories_segments[set] + tree.categories_sizes[set])
      const bits = Math.ceil((Math.max(...members) + 1) / 32) * 32
      // A category that is none, or that the bit field has no place for.
      if (x < 0 || x >= 2 ** 24 || x >= bits) left = version[0] >= 2 || tree.default_left[node] === 1
      else left = !members.includes(Math.trunc(x))
    } else left = x < tree.split_conditions[node]
    node = left ? tree.left_children[node] : tree.right_children[node]
  }
  return node
}

function margins({ trees, outputs, base, treeOutput, weights, vector, version }: Booster, row: readonly number[]): number[] {
  const sums = Array.from({ length: outputs }, (_, k) => base[k] ?? base[0])
  trees.forEach((tree, t) => {
    const leaf = leafOf(tree, row, version)
    if (vector) for (let k = 0; k < outputs; k++) sums[k] = f32(sums[k] + tree.base_weights[leaf * outputs + k])
    else sums[treeOutput[t]] = f32(sums[treeOutput[t]] + (weights === undefined ? tree.split_conditions[leaf] : f32(weights[t] * tree.split_conditions[leaf])))
  })
  return sums
}

test('margins equal the rules of the library', async () => {
  const seed = newSeed('xgboost semantics')
  const random = randomOf(seed)
  for (let round = 0; round < 120; round++) {
    const booster = randomBooster(random)
    const conditions = booster.trees.flatMap((tree) => tree.split_conditions)
    const rows = Array.from({ length: 16 }, () => Array.from({ length: booster.features }, () => oddValue(random, conditions, 'float32', 9)))
    const x = { dtype: 'float32' as const, shape: [rows.length, booster.features], data: Float32Array.from(rows.flat()) }
    const got = await predict(textOf(booster), { X: x }, 'margin')
    assert.deepEqual(got, rows.flatMap((row) => margins(booster, row)), `seed ${seed}, round ${round}`)
  }
})
