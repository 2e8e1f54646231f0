// Random models in LightGBM's text, evaluated here by the library's rules, against the imported graph: the same bits.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { newSeed, oddValue, predict, randomOf, type Random } from '../support.ts'

/** Inner nodes and leaves are numbered apart; child c >= 0 is an inner node, c < 0 leaf ~c. */
interface TextTree {
  readonly leaves: number
  readonly left: number[]
  readonly right: number[]
  readonly feature: number[]
  readonly threshold: number[]
  readonly type: number[]
  readonly values: number[]
  readonly sets: number[][]
  readonly linear?: readonly { readonly constant: number; readonly features: number[]; readonly coefficients: number[] }[]
}

const MISSING = ['none', 'zero', 'nan'] as const

function randomTree(random: Random, features: number, isLinear: boolean): TextTree {
  const left: number[] = []
  const right: number[] = []
  let leaves = 0
  const grow = (depth: number): number => {
    if (depth === 4 || random.chance(0.2)) return ~leaves++
    const node = left.length
    left.push(0)
    right.push(0)
    left[node] = grow(depth + 1)
    right[node] = grow(depth + 1)
    return node
  }
  grow(0)
  const sets: number[][] = []
  const threshold: number[] = []
  const type = left.map(() => {
    if (random.chance(0.3)) {
      threshold.push(sets.length)
      sets.push([...new Set(Array.from({ length: random.below(5) }, () => random.below(random.chance(0.2) ? 70 : 8)))])
      return 1
    }
    threshold.push(random.chance(0.2) ? random.pick([0, -0, 1.0000000180025095e-35, -1.0000000180025095e-35, 1e300]) : random.next() * 6 - 3)
    return random.below(2) * 2 + random.below(3) * 4
  })
  return {
    leaves, left, right, threshold, type, sets,
    feature: left.map(() => random.below(features)),
    values: Array.from({ length: leaves }, () => random.next() - 0.5),
    linear: isLinear
      ? Array.from({ length: leaves }, () => {
          const own = Array.from({ length: random.below(3) }, () => random.below(features))
          return { constant: random.next(), features: own, coefficients: own.map(() => random.next() * 2 - 1) }
        })
      : undefined,
  }
}

function textOf(trees: readonly TextTree[], features: number, outputs: number, average: boolean, { version = 'v4', objective }: { version?: string; objective?: string } = {}): string {
  const lines = ['tree', `version=${version}`, `num_class=${outputs}`, `num_tree_per_iteration=${outputs}`, 'label_index=0', `max_feature_idx=${features - 1}`, `objective=${objective ?? (outputs > 1 ? `multiclass num_class:${outputs}` : 'regression')}`]
  if (average) lines.push('average_output')
  lines.push(`feature_names=${Array.from({ length: features }, (_, i) => `Column_${i}`).join(' ')}`, `feature_infos=${'none '.repeat(features).trim()}`, '')
  const number = (value: number): string => (Object.is(value, -0) ? '-0' : String(value))
  trees.forEach((tree, t) => {
    const boundaries = [0]
    const words: number[] = []
    for (const set of tree.sets) {
      const own = new Uint32Array(Math.ceil((Math.max(0, ...set) + 1) / 32))
      for (const member of set) own[member >> 5] |= 1 << (member & 31)
      words.push(...own)
      boundaries.push(words.length)
    }
    lines.push(`Tree=${t}`, `num_leaves=${tree.leaves}`, `num_cat=${tree.sets.length}`, `split_feature=${tree.feature.join(' ')}`, `threshold=${tree.threshold.map(number).join(' ')}`, `decision_type=${tree.type.join(' ')}`)
    lines.push(`left_child=${tree.left.join(' ')}`, `right_child=${tree.right.join(' ')}`, `leaf_value=${tree.values.join(' ')}`)
    if (tree.sets.length > 0) lines.push(`cat_boundaries=${boundaries.join(' ')}`, `cat_threshold=${words.join(' ')}`)
    lines.push(`is_linear=${tree.linear === undefined ? 0 : 1}`)
    if (tree.linear !== undefined) {
      lines.push(`leaf_const=${tree.linear.map(({ constant }) => constant).join(' ')}`, `num_features=${tree.linear.map((leaf) => leaf.features.length).join(' ')}`)
      // The library ends each leaf's list with two spaces.
      lines.push(`leaf_features=${tree.linear.map((leaf) => `${leaf.features.join(' ')} `).join(' ')}`, `leaf_coeff=${tree.linear.map((leaf) => `${leaf.coefficients.join(' ')} `).join(' ')}`)
    }
    lines.push('shrinkage=1', '', '')
  })
  lines.push('end of trees', '', 'pandas_categorical:null', '')
  return lines.join('\n')
}

function leafOf(tree: TextTree, row: readonly number[]): number {
  let node = tree.left.length === 0 ? -1 : 0
  while (node >= 0) {
    const x = row[tree.feature[node]]
    const type = tree.type[node]
    let left: boolean
    if ((type & 1) === 1) left = !Number.isNaN(x) && Math.trunc(x) >= 0 && tree.sets[tree.threshold[node]].includes(Math.trunc(x))
    else {
      const missing = MISSING[(type >> 2) & 3]
      const value = Number.isNaN(x) && missing !== 'nan' ? 0 : x
      const isMissing = (missing === 'zero' && Math.abs(value) <= 1.0000000180025095e-35) || (missing === 'nan' && Number.isNaN(value))
      left = isMissing ? (type & 2) === 2 : value <= tree.threshold[node]
    }
    node = left ? tree.left[node] : tree.right[node]
  }
  return ~node
}

function outputOf(tree: TextTree, row: readonly number[]): number {
  const leaf = leafOf(tree, row)
  const linear = tree.linear?.[leaf]
  if (linear === undefined || linear.features.some((feature) => Number.isNaN(row[feature]))) return tree.values[leaf]
  return linear.features.reduce((sum, feature, k) => sum + linear.coefficients[k] * row[feature], linear.constant)
}

function margins(trees: readonly TextTree[], row: readonly number[], outputs: number): number[] {
  const sums = new Array<number>(outputs).fill(0)
  trees.forEach((tree, t) => (sums[t % outputs] += outputOf(tree, row)))
  return sums
}

test('raw scores equal the rules of the library', async () => {
  const seed = newSeed('lightgbm semantics')
  const random = randomOf(seed)
  for (let round = 0; round < 150; round++) {
    const outputs = random.pick([1, 1, 3])
    const features = 1 + random.below(5)
    const isLinear = round % 3 === 0
    const average = round % 10 === 5
    const trees = Array.from({ length: outputs * (1 + random.below(4)) }, () => randomTree(random, features, isLinear && random.chance(0.8)))
    const thresholds = trees.flatMap((tree) => tree.threshold.filter((_, node) => (tree.type[node] & 1) === 0))
    const rows = Array.from({ length: 16 }, () => Array.from({ length: features }, () => oddValue(random, thresholds, 'float64', 9)))
    const got = await predict(textOf(trees, features, outputs, average), { X: { dtype: 'float64', shape: [rows.length, features], data: Float64Array.from(rows.flat()) } }, 'margin')
    assert.deepEqual(got, rows.flatMap((row) => margins(trees, row, outputs)), `seed ${seed}, round ${round}`)
  }
})

// From 2.2.3 on trees of a random forest hold scores, whose mean goes through the objective's function; before that they held its results.
test('random forests average scores, or outputs of old versions', async () => {
  const seed = newSeed('lightgbm forests')
  const random = randomOf(seed)
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
  const near = (got: readonly number[], want: readonly number[], what: string): void => got.forEach((value, i) => assert.ok(Math.abs(value - want[i]) <= 1e-12 * Math.max(1, Math.abs(want[i])), `${what}: ${value} for ${want[i]}`))
  for (let round = 0; round < 20; round++) {
    const trees = Array.from({ length: 1 + random.below(4) }, () => randomTree(random, 2, round % 2 === 0))
    const rows = Array.from({ length: 8 }, () => [random.next() * 8 - 4, random.next() * 8 - 4])
    const X = { X: { dtype: 'float64' as const, shape: [8, 2], data: Float64Array.from(rows.flat()) } }
    const means = rows.map((row) => margins(trees, row, 1)[0] / trees.length)
    near(await predict(textOf(trees, 2, 1, true, { version: 'v3', objective: 'binary sigmoid:1' }), X, 'predict'), means.map(sigmoid), `seed ${seed}, round ${round}, binary`)
    near(await predict(textOf(trees, 2, 1, true, { objective: 'poisson' }), X, 'predict'), means.map(Math.exp), `seed ${seed}, round ${round}, poisson`)
    near(await predict(textOf(trees, 2, 1, true), X, 'predict'), means, `seed ${seed}, round ${round}, regression`)
    const old = trees.map((tree) => ({ ...tree, values: tree.values.map(sigmoid), linear: undefined }))
    const outputs = rows.map((row) => margins(old, row, 1)[0] / old.length)
    near(await predict(textOf(old, 2, 1, true, { version: 'v2', objective: 'binary sigmoid:1' }), X, 'predict'), outputs, `seed ${seed}, round ${round}, before 2.2.3`)
    const scores = old.map((tree) => ({ ...tree, values: tree.values.map((value, i) => (i === 0 ? -1 - value : value)) }))
    const later = rows.map((row) => sigmoid(margins(scores, row, 1)[0] / scores.length))
    near(await predict(textOf(scores, 2, 1, true, { version: 'v2', objective: 'binary sigmoid:1' }), X, 'predict'), later, `seed ${seed}, round ${round}, v2 of 2.2.3`)
  }
})

test('reg_sqrt squares what the objectives of its family give', async () => {
  const tree: TextTree = { ...randomTree(randomOf(1), 1, false), leaves: 1, left: [], right: [], feature: [], threshold: [], type: [], sets: [], values: [-3] }
  for (const objective of ['regression', 'regression_l1', 'quantile', 'mape', 'fair']) {
    const X = { X: { dtype: 'float64' as const, shape: [1, 1], data: Float64Array.of(0) } }
    assert.deepEqual(await predict(textOf([tree], 1, 1, false, { objective: `${objective} sqrt` }), X, 'predict'), [-9], objective)
    assert.deepEqual(await predict(textOf([tree], 1, 1, false, { objective }), X, 'predict'), [-3], objective)
  }
})
