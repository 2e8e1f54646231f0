// Random models in CatBoost's JSON, evaluated here by the library's rules, against the imported graph: the same bits.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { categoryHashFormula } from '../../../src/ops/formula/hashed-categories.ts'
import { load, type Tensor } from '../../../src/index.ts'
import { importModel } from '../../../src/import/index.ts'
import { newSeed, oddValue, predict, randomOf, type Random } from '../support.ts'

const f32 = (value: number): number => Math.fround(value)
const MASK = (1n << 64n) - 1n
const MULTIPLIER = 0x4906ba494954cb65n
const TEXTS = ['a', 'b', 'red', 'a rather long category name of more than thirty-two bytes', 'Ünï', '']

interface Float { readonly borders: number[]; readonly treatment: string; readonly hasNans: boolean }
type Element = { combination_element: string; cat_feature_index?: number; float_feature_index?: number; border?: number; value?: number }
interface Ctr {
  readonly elements: Element[]; readonly type: string; readonly target: number; readonly prior: readonly [number, number]; readonly shift: number; readonly scale: number
  readonly borders: number[]
}
interface Table { readonly elements: Element[]; readonly type: string; readonly entries: Map<bigint, number[]>; readonly denominator: number }
type Split = { readonly split_type: string; readonly test: (row: Row) => boolean; readonly json: object }
interface Row { readonly x: number[]; readonly cats: string[] }
type Node = { readonly split: number; readonly left: Node; readonly right: Node } | { readonly value: number[]; readonly weight: number }

interface Forest {
  readonly floats: Float[]; readonly oneHots: number[][]; readonly ctrs: Ctr[]; readonly tables: Table[]; readonly splits: Split[]
  readonly trees: readonly ({ readonly levels: number[]; readonly values: number[] } | Node)[]
  readonly dimension: number; readonly scale: number; readonly bias: number[]; readonly symmetric: boolean
}

const hashOf = (text: string): number => categoryHashFormula([text])[0]

function above({ treatment, hasNans }: Float, x: number, border: number): boolean {
  return Number.isNaN(x) ? hasNans && treatment === 'AsTrue' : x > border
}

function jointHash(elements: readonly Element[], { x, cats }: Row, floats: readonly Float[]): bigint {
  return elements.reduce((hash, element) => {
    const { cat_feature_index: cat = 0, float_feature_index: feature = 0, border = 0, value = 0 } = element
    const part =
      element.combination_element === 'cat_feature_value' ? BigInt(hashOf(cats[cat])) & MASK
      : element.combination_element === 'float_feature' ? BigInt(above(floats[feature], x[feature], border))
      : BigInt(hashOf(cats[cat]) === value)
    return (MULTIPLIER * ((hash + MULTIPLIER * part) & MASK)) & MASK
  }, 0n)
}

function statistic(ctr: Ctr, table: Table, row: Row, floats: readonly Float[]): number {
  const counts = table.entries.get(jointHash(ctr.elements, row, floats))
  let good = 0
  let total = 0
  if (ctr.type === 'Counter' || ctr.type === 'FeatureFreq') [good, total] = [counts?.[0] ?? 0, table.denominator]
  else if (ctr.type.endsWith('MeanValue')) [good, total] = [counts?.[0] ?? 0, counts?.[1] ?? 0]
  else if (counts !== undefined) {
    total = counts.reduce((sum, count) => sum + count, 0)
    good = ctr.type === 'Buckets' ? counts[ctr.target] : counts.length === 2 ? counts[1] : counts.slice(ctr.target + 1).reduce((sum, count) => sum + count, 0)
  }
  const ratio = f32(f32(f32(good) + ctr.prior[0]) / f32(f32(total) + ctr.prior[1]))
  return f32(f32(ratio + ctr.shift) * ctr.scale)
}

function randomForest(random: Random, rows: readonly Row[], nFloats: number, nCats: number): Forest {
  const floats = Array.from({ length: nFloats }, (): Float => ({
    borders: [...new Set(Array.from({ length: random.below(5) }, () => f32(random.chance(0.2) ? random.pick([0, -0, -3.4028234663852886e38, 3.4028234663852886e38]) : random.next() * 6 - 3)))].sort((a, b) => a - b),
    treatment: random.pick(['AsIs', 'AsFalse', 'AsTrue']),
    hasNans: random.chance(0.7),
  }))
  const oneHots = Array.from({ length: nCats }, () => (random.chance(0.5) ? TEXTS.slice(0, random.below(4)).map(hashOf) : []))
  const element = (): Element => {
    const kind = random.below(3)
    if (kind === 1 && nFloats > 0) return { combination_element: 'float_feature', float_feature_index: random.below(nFloats), border: f32(random.next() * 4 - 2) }
    const cat = random.below(nCats)
    return kind === 2 ? { combination_element: 'cat_feature_exact_value', cat_feature_index: cat, value: hashOf(random.pick(TEXTS)) } : { combination_element: 'cat_feature_value', cat_feature_index: cat }
  }
  const ctrs: Ctr[] = []
  const tables: Table[] = []
  for (let i = 0; nCats > 0 && i < 3; i++) {
    const elements = Array.from({ length: 1 + random.below(3) }, element)
    const type = random.pick(['Borders', 'Buckets', 'BinarizedTargetMeanValue', 'FloatTargetMeanValue', 'Counter', 'FeatureFreq'])
    if (tables.some((table) => table.type === type && JSON.stringify(table.elements) === JSON.stringify(elements))) continue
    const stride = type.startsWith('B') && !type.endsWith('Value') ? 2 + random.below(3) : type.endsWith('Value') ? 2 : 1
    const entries = new Map<bigint, number[]>()
    for (const row of rows) if (random.chance(0.6)) entries.set(jointHash(elements, row, floats), Array.from({ length: stride }, (_, j) => (type === 'FloatTargetMeanValue' && j === 0 ? f32(random.next() * 9) : random.below(40))))
    tables.push({ elements, type, entries, denominator: type === 'Counter' || type === 'FeatureFreq' ? 1 + random.below(60) : 0 })
    for (let c = 0; c < 2; c++) {
      const prior: [number, number] = [f32(random.next()), 1]
      ctrs.push({ elements, type, prior, target: random.below(Math.max(1, stride - 1)), shift: random.pick([0, f32(-0.1)]), scale: random.pick([1, 15]), borders: [...new Set(Array.from({ length: 3 }, () => f32(random.next() * 15)))].sort((a, b) => a - b) })
    }
  }
  const splits: Split[] = []
  floats.forEach((feature, f) => {
    for (const border of feature.borders) splits.push({ split_type: 'FloatFeature', json: { float_feature_index: f, border }, test: ({ x }) => above(feature, x[f], border) })
  })
  oneHots.forEach((values, cat) => {
    for (const value of values) splits.push({ split_type: 'OneHotFeature', json: { cat_feature_index: cat, value }, test: ({ cats }) => hashOf(cats[cat]) === value })
  })
  for (const ctr of ctrs) {
    const table = tables.find((one) => one.type === ctr.type && one.elements === ctr.elements)
    assert.ok(table !== undefined)
    for (const border of ctr.borders) splits.push({ split_type: 'OnlineCtr', json: { border, ctr_target_border_idx: ctr.target }, test: (row) => statistic(ctr, table, row, floats) > border })
  }
  const dimension = random.pick([1, 1, 3])
  const symmetric = random.chance(0.6)
  const values = (count: number): number[] => Array.from({ length: count * dimension }, () => random.next() - 0.5)
  const grow = (depth: number): Node => (depth === 4 || random.chance(0.2) || splits.length === 0 ? { value: values(1), weight: random.below(30) } : { split: random.below(splits.length), left: grow(depth + 1), right: grow(depth + 1) })
  const trees = Array.from({ length: 1 + random.below(4) }, () => {
    if (!symmetric) return grow(0)
    const levels = Array.from({ length: splits.length === 0 ? 0 : random.below(5) }, () => random.below(splits.length))
    return { levels, values: values(1 << levels.length) }
  })
  return { floats, oneHots, ctrs, tables, splits, trees, dimension, symmetric, scale: random.pick([1, 0.5]), bias: Array.from({ length: dimension }, () => (random.chance(0.5) ? 0 : random.next())) }
}

function textOf({ floats, oneHots, ctrs, tables, splits, trees, dimension, symmetric, scale, bias }: Forest): string {
  const split = (index: number): object => ({ ...splits[index].json, split_index: index, split_type: splits[index].split_type })
  const node = (one: Node): object => ('value' in one ? { value: dimension === 1 ? one.value[0] : one.value, weight: one.weight } : { split: split(one.split), left: node(one.left), right: node(one.right) })
  const ctrData = Object.fromEntries(tables.map(({ elements, type, entries, denominator }) => [
    JSON.stringify({ identifier: elements, type }),
    { counter_denominator: denominator, hash_map: [...entries].flatMap(([hash, counts]) => [String(hash), ...counts]), hash_stride: 1 + ([...entries.values()][0]?.length ?? 1) },
  ]))
  const document = {
    ctr_data: ctrData,
    features_info: {
      float_features: floats.map(({ borders, treatment, hasNans }, f) => ({ borders, feature_index: f, flat_feature_index: f, has_nans: hasNans, nan_value_treatment: treatment })),
      categorical_features: oneHots.map((values, cat) => ({ feature_index: cat, flat_feature_index: floats.length + cat, values })),
      ctrs: ctrs.map(({ elements, type, target, prior, shift, scale: own, borders }) => ({ elements, ctr_type: type, target_border_idx: target, prior_numerator: prior[0], prior_denomerator: prior[1], shift, scale: own, borders })),
    },
    model_info: { params: { loss_function: { type: dimension === 1 ? 'RMSE' : 'MultiRMSE', params: {} } } },
    [symmetric ? 'oblivious_trees' : 'trees']: trees.map((tree) => ('levels' in tree ? { leaf_values: tree.values, leaf_weights: tree.levels.length < 9 ? Array.from({ length: 1 << tree.levels.length }, (_, i) => i % 5) : [], splits: tree.levels.map(split) } : node(tree))),
    scale_and_bias: [scale, bias],
  }
  return JSON.stringify(document, (_, value: unknown) => (Object.is(value, -0) ? 'NEG0' : value)).replaceAll('"NEG0"', '-0.0')
}

function margins({ trees, splits, dimension, scale, bias }: Forest, row: Row): number[] {
  const sums = new Array<number>(dimension).fill(0)
  for (const tree of trees) {
    let leaf: readonly number[]
    if ('levels' in tree) {
      const index = tree.levels.reduce((bits, split, level) => bits | (Number(splits[split].test(row)) << level), 0)
      leaf = tree.values.slice(index * dimension, (index + 1) * dimension)
    } else {
      let node: Node = tree
      while (!('value' in node)) node = splits[node.split].test(row) ? node.right : node.left
      leaf = node.value
    }
    leaf.forEach((value, j) => (sums[j] += value))
  }
  return sums.map((sum, j) => sum * scale + bias[j])
}

test('margins equal the rules of the library, contributions add up to them', async () => {
  const seed = newSeed('catboost semantics')
  const random = randomOf(seed)
  for (let round = 0; round < 80; round++) {
    const nFloats = random.below(4)
    const nCats = nFloats === 0 ? 1 + random.below(3) : random.below(3)
    const cats = (): string[] => Array.from({ length: nCats }, () => random.pick([...TEXTS, 'unseen']))
    const seen = Array.from({ length: 12 }, (): Row => ({ x: Array.from({ length: nFloats }, () => f32(random.next() * 4 - 2)), cats: cats() }))
    const forest = randomForest(random, seen, nFloats, nCats)
    const borders = forest.floats.flatMap((feature) => feature.borders)
    const rows = [...seen.slice(0, 6), ...Array.from({ length: 14 }, (): Row => ({ x: Array.from({ length: nFloats }, () => oddValue(random, borders, 'float32')), cats: cats() }))]
    const inputs: Record<string, Tensor> = {}
    if (nFloats > 0) inputs.X = { dtype: 'float32', shape: [rows.length, nFloats], data: Float32Array.from(rows.flatMap(({ x }) => x)) }
    if (nCats > 0) inputs.cats = { dtype: 'string', shape: [rows.length, nCats], data: rows.flatMap((row) => row.cats) }
    const text = textOf(forest)
    const wanted = rows.flatMap((row) => margins(forest, row))
    assert.deepEqual(await predict(text, inputs, 'margin'), wanted, `seed ${seed}, round ${round}`)

    const model = await load(await importModel(new TextEncoder().encode(text)))
    const [contributions] = await model.call('contributions', inputs)
    const columns = nFloats + nCats + 1
    wanted.forEach((margin, i) => {
      const own = Array.from(contributions.data.slice(i * columns, (i + 1) * columns) as Float64Array)
      assert.ok(Math.abs(own.reduce((sum, value) => sum + value, 0) - margin) < 1e-9, `seed ${seed}, round ${round}, value ${i}`)
    })
    model.dispose()
  }
})
