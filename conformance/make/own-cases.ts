// Cases of this project's own operators, whose formulas work on rows and numbers.
import { categoryHashFormula } from '../../src/ops/formula/hashed-categories.ts'
import { interpolateFormula, weightedMedianFormula } from '../../src/ops/formula/combine.ts'
import { distanceFormula } from '../../src/ops/formula/distances.ts'
import { needed, num, type Formula, type Grid, type Item } from '../../src/ops/formula/formula.ts'
import { classSumsFormula } from '../../src/ops/formula/neighbors.ts'
import { bsplineFormula, categoryFormula, powerFormula, quantileFormula } from '../../src/ops/formula/preprocess.ts'
import { pairScoresFormula, pairVotesFormula, svmDecisionFormula } from '../../src/ops/formula/svm.ts'
import { treeEnsembleFormula, treeLeavesFormula } from '../../src/ops/formula/trees.ts'
import { float, int, text } from '../../src/ops/attributes.ts'
import { viewOfTensor } from '../../src/ops/kernel.ts'
import { encodeTrees, type TreeDescription } from '../../src/ops/trees/encode.ts'
import { NODE_LAYOUT } from '../../src/ops/trees/layout.ts'
import { storeTrees } from '../../src/ops/trees/store.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { tensorOf } from './grids.ts'
import type { Cases, Constant, OperatorCase } from './cases.ts'
import { bools, f32, f64, fill, texts } from './values.ts'

const fixed = (value: Tensor): Constant => ({ constant: value })
const numbers = (grid: Grid | undefined): number[] => needed(grid).items.map(num)
const result = (dtype: Grid['dtype'], shape: readonly number[], items: readonly Item[], magnitudes?: readonly number[]): Grid[] => [{ dtype, shape, items, magnitudes }]

/** The rows of a matrix. */
function rows(grid: Grid | undefined): number[][] {
  const { shape } = needed(grid)
  const all = numbers(grid)
  return Array.from({ length: shape[0] }, (_, r) => all.slice(r * shape[1], (r + 1) * shape[1]))
}

/** Rows of results: [rows, width]. */
function table(dtype: Grid['dtype'], values: readonly (readonly Item[])[], width: number): Grid[] {
  const items = values.flat()
  return result(dtype, [values.length, width], items, items.map((item) => Math.abs(Number(item))))
}

function asTensor({ dtype, shape, items }: Grid): Tensor {
  return tensorOf(dtype, shape, items)
}

const pairsIn = (classes: number): number => (classes * (classes - 1)) / 2

export const ownFormulas: readonly (readonly [string, Formula])[] = [
  ['mle.TreeEnsemble', (inputs, attributes) => {
    const values = treeEnsembleFormula(attributes, inputs.map((grid) => grid && viewOfTensor(asTensor(grid))))
    return table(text(attributes, 'accumulate', 'float64') === 'float32' ? 'float32' : 'float64', values, int(attributes, 'outputs', 1))
  }],
  ['mle.TreeLeaves', (inputs, attributes) => table('int32', treeLeavesFormula(attributes, inputs.map((grid) => grid && viewOfTensor(asTensor(grid)))).map((row) => row.map(BigInt)), needed(inputs[2]).shape[0])],
  ['mle.LabelLookup', ([index, classes]) => result(needed(classes).dtype, needed(index).shape, numbers(index).map((at) => needed(classes).items[at]))],
  ['mle.PowerTransform', ([x, lambdas], attributes) => table('float64', rows(x).map((row) => row.map((value, f) => powerFormula(text(attributes, 'form', ''), value, numbers(lambdas)[f]))), needed(x).shape[1])],
  ['mle.QuantileMap', ([x, quantiles, references], attributes) =>
    table('float64', rows(x).map((row) => row.map((value, f) => quantileFormula(value, rows(quantiles).map((level) => level[f]), numbers(references), text(attributes, 'output', 'uniform')))), needed(x).shape[1])],
  ['mle.BSplineBasis', ([x, knots], attributes) => table('float64', rows(x).map((row) => row.flatMap((value, f) => bsplineFormula(rows(knots)[f], int(attributes, 'degree', 0), value))), needed(x).shape[1] * int(attributes, 'columns', 0))],
  ['mle.CategoryMap', ([x, categories, codes], attributes) => {
    const values = categoryFormula(needed(x).items as (string | number | null)[], needed(categories).items as (string | number)[], numbers(codes), float(attributes, 'missingCode', NaN), float(attributes, 'unknownCode', NaN))
    return result('float64', needed(x).shape, values)
  }],
  ['mle.CategoryHash', ([x]) => result('int32', needed(x).shape, categoryHashFormula(needed(x).items.map(String)).map(BigInt))],
  ['mle.IsMissing', ([x], attributes) => result('bool', needed(x).shape, needed(x).items.map((item) => item === null || (attributes.has('token') && item === text(attributes, 'token', ''))))],
  ['mle.FillMissing', ([x], attributes) => result('string', needed(x).shape, needed(x).items.map((item) => (item === null || (attributes.has('token') && item === text(attributes, 'token', '')) ? text(attributes, 'fill', '') : item)))],
  ['mle.PairwiseDistance', ([x, y, parameters], attributes) =>
    table('float64', rows(x).map((a) => rows(y).map((b) => distanceFormula(text(attributes, 'metric', 'euclidean'), a, b, float(attributes, 'p', 2), parameters && numbers(parameters)))), needed(y).shape[0])],
  ['mle.ClassSums', ([index, labels, weights], attributes) => table('float64', rows(index).map((row, r) => classSumsFormula(row, numbers(labels), int(attributes, 'classes', 0), weights && rows(weights)[r])), int(attributes, 'classes', 0))],
  ['mle.SvmDecision', ([k, coefficients, intercepts, counts]) => {
    const classOf = numbers(counts).flatMap((count, c) => new Array<number>(count).fill(c))
    const values = rows(k).map((row) => svmDecisionFormula(row, rows(coefficients), numbers(intercepts), classOf))
    const sizes = rows(k).map((row) => svmDecisionFormula(row.map(Math.abs), rows(coefficients).map((own) => own.map(Math.abs)), numbers(intercepts).map(Math.abs), classOf))
    return result('float64', [values.length, pairsIn(numbers(counts).length)], values.flat(), sizes.flat())
  }],
  ['mle.PairVotes', ([d], attributes) => table('float64', rows(d).map((row) => pairVotesFormula(row, int(attributes, 'classes', 0))), int(attributes, 'classes', 0))],
  ['mle.PairScores', ([second, confidence], attributes) => table('float64', rows(confidence).map((row, r) => pairScoresFormula(rows(second)[r].map(Boolean), row, int(attributes, 'classes', 0))), int(attributes, 'classes', 0))],
  ['mle.Interpolate', ([x, knots, values], attributes) => {
    const found = numbers(x).map((value) => interpolateFormula(value, numbers(knots), numbers(values)))
    const ends = (value: number): number => (text(attributes, 'outside', 'clip') === 'nan' || Number.isNaN(value) ? NaN : numbers(values)[value < numbers(knots)[0] ? 0 : numbers(values).length - 1])
    return result(needed(x).dtype, needed(x).shape, found.map((one, i) => one?.value ?? ends(numbers(x)[i])), found.map((one) => one?.magnitude ?? 0))
  }],
  ['mle.Require', ([x]) => [needed(x)]],
  ['mle.WeightedMedian', ([x, weights]) => result(needed(x).dtype, [needed(x).shape[0]], rows(x).map((row) => weightedMedianFormula(row, numbers(weights))))],
]

/** x0 <= 0.5 ? (x1 <= -1 ? 1 : 2) : 3, with NaN to the right at the root; and a stump on x1. */
const TREES: readonly TreeDescription[] = [
  { left: [1, 3, -1, -1, -1], right: [2, 4, -1, -1, -1], feature: [0, 1, 0, 0, 0], threshold: [0.5, -1, 0, 0, 0], values: [0, 0, 3, 1, 2], missingRight: [true, false, false, false, false] },
  { left: [1, -1, -1], right: [2, -1, -1], feature: [1, 0, 0], threshold: [0.1, 0, 0], values: [0, 0.1, 0.2], missingRight: false },
]
/** Both sides of each threshold, on it, and missing values. */
const ROWS = f64([0.5, -1, 0.5, 0.1, 0.5000000000000001, 0.1, 0.4999, 0.10000000000000002, NaN, NaN, -Infinity, -1.0000000000000002, Infinity, 0, -0, -5], [8, 2])
const plain = encodeTrees(TREES, { width: 1, precision: 'float64' })
const strict = encodeTrees(TREES, { width: 1, precision: 'float64', comparison: 'lt' })
const vector = encodeTrees([{ left: [1, -1, -1], right: [2, -1, -1], feature: [0, 0, 0], threshold: [0.5, 0, 0], values: [0, 0, 1, -2, 3, 4] }], { width: 2, precision: 'float64' })
const single = encodeTrees(TREES.map((tree) => ({ ...tree, threshold: Array.from(tree.threshold, Math.fround) })), { width: 1, precision: 'float32' })
const sets = encodeTrees([{ left: [1, -1, -1], right: [2, -1, -1], feature: [0, 0, 0], threshold: [0, 0, 0], values: [0, 10, 20], categories: new Map([[0, { members: [0, 2, 33], side: 'right' as const }]]) }], { width: 1, precision: 'float64' })

/** Nine nodes whose numbers by place, depth first and level by level differ; equal leaf vectors, rows of float32. */
const NINE = { left: [1, 3, 5, 7, -1, -1, -1, -1, -1], right: [2, 4, 6, 8, -1, -1, -1, -1, -1], feature: [0, 1, 1, 0, 0, 0, 0, 0, 0], threshold: [0.1, 0.2, 0.3, -0.7, 0, 0, 0, 0, 0], missingRight: [true, false, false, true, false, false, false, false, false] }
const nine = (ids: readonly number[] | undefined): Encoded => encodeTrees([{ ...NINE, values: [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2], ids }, { ...NINE, values: [0, 0, 0, 0, 0, 0, 0, 0, 3, 4, 3, 4, 5, 6, 1, 2, 1, 2], ids }], { width: 2, precision: 'float64', rows: 'float32' })
const NINE_ROWS = f32([0.1, 0.2, 0.1, 0.20000002, -1, 0.2, -0.7, 0.2, -0.70000005, 0, 0.100000024, 0.3, 0.2, 0.30000004, NaN, 0.3, 0, NaN, -1, -1], [10, 2])

type Encoded = ReturnType<typeof encodeTrees>
function ensemble(name: string, x: Tensor, trees: Encoded, attributes: OperatorCase['attributes'] = {}, base?: Tensor): OperatorCase {
  const { nodes, leafIndex, roots, leafValues, treeTarget, categories } = trees
  const optional = [treeTarget, categories, base].map((one) => one && fixed(one))
  return { name, inputs: [x, ...[nodes, leafIndex, roots, leafValues].map(fixed), ...optional], attributes: { layout: NODE_LAYOUT, outputs: 1, ...attributes } }
}

/** The same trees as files hold them: fewer bytes, and what belongs to leaves by leaf. */
function storedEnsemble(name: string, x: Tensor, trees: Encoded, attributes: OperatorCase['attributes'] = {}): OperatorCase {
  const { layout, nodes, leafIndex, roots, leafValues, treeTarget, categories } = storeTrees(trees)
  return { name, inputs: [x, ...[nodes, leafIndex, roots, leafValues, treeTarget, categories].map((one) => one && fixed(one))], attributes: { layout, outputs: 1, ...attributes } }
}

function storedLeaves(name: string, x: Tensor, trees: Encoded): OperatorCase {
  const { layout, nodes, roots, categories, nodeIds } = storeTrees(trees)
  const { tensor, numbering } = nodeIds()
  return { name, inputs: [x, ...[nodes, roots, categories, tensor].map((one) => one && fixed(one))], attributes: { layout, numbering } }
}

const distances = ['euclidean', 'sqeuclidean', 'manhattan', 'chebyshev', 'canberra', 'braycurtis', 'cosine'].map((metric): OperatorCase => ({ name: metric, inputs: [f64([1, 2, 3, 4, -5, 6], [2, 3]), f64([1, 2, 3, 0, 1, -1, 7, 7, 8], [3, 3])], attributes: { metric } }))

export const ownCases: Cases = [
  ['mle.TreeEnsemble', [
    ensemble('thresholds', ROWS, plain),
    ensemble('strict-comparison', ROWS, strict),
    ensemble('float32-input', f32([0.5, -1, 0.5000001, 0.1, 0.49999997, 0.099999994, NaN, 0, Infinity, -Infinity], [5, 2]), single),
    ensemble('mean', ROWS, plain, { aggregate: 'mean' }),
    ensemble('max', ROWS, plain, { aggregate: 'max' }),
    ensemble('min', ROWS, plain, { aggregate: 'min' }),
    ensemble('base-float32', ROWS, plain, { accumulate: 'float32' }, f64([0.3])),
    ensemble('vector-leaves', f64([0, 1, NaN], [3, 1]), vector, { outputs: 2 }),
    ensemble('categories', f64([0, 1, 2, 33, 34, -1, NaN, 2.5], [8, 1]), sets),
    ensemble('categories-floor', f64([0, -0.5, 2.5], [3, 1]), sets, { rounding: 'floor' }),
    ensemble('no-rows', f64([], [0, 2]), plain),
    storedEnsemble('stored', ROWS, plain),
    storedEnsemble('stored-equal-leaves', NINE_ROWS, nine(undefined), { outputs: 2 }),
    storedEnsemble('stored-categories', f64([0, 1, 2, 33, 34, -1, NaN, 2.5], [8, 1]), sets),
  ]],
  ['mle.TreeLeaves', [
    { name: 'ids', inputs: [ROWS, fixed(plain.nodes), fixed(plain.roots), undefined, fixed(plain.nodeIds)], attributes: { layout: NODE_LAYOUT } },
    { name: 'places', inputs: [ROWS, fixed(plain.nodes), fixed(plain.roots)], attributes: { layout: NODE_LAYOUT } },
    storedLeaves('stored-ids', NINE_ROWS, nine([0, 0, 0, 0, 4, 300, 2, 1, 3])),
    storedLeaves('stored-level', NINE_ROWS, nine(undefined)),
    storedLeaves('stored-preorder', NINE_ROWS, nine([0, 1, 6, 2, 5, 7, 8, 3, 4])),
    storedLeaves('stored-place', NINE_ROWS, nine([0, 1, 2, 3, 4, 7, 8, 5, 6])),
  ]],
  ['mle.LabelLookup', [
    { name: 'string', inputs: [tensorOf('int64', [4], [2n, 0n, 1n, 0n]), fixed(texts(['no', 'é', '']))] },
    { name: 'float64', inputs: [tensorOf('int32', [2, 2], [1n, 0n, 1n, 1n]), fixed(f64([-0.5, 1e300]))] },
    { name: 'bool-index', inputs: [bools([true, false]), fixed(texts(['no', 'yes']))] },
    { name: 'empty', inputs: [tensorOf('int64', [0], []), fixed(texts(['no']))] },
  ]],
  ['mle.PowerTransform', [
    ...[0, 0.5, -1].map((lambda): OperatorCase => ({ name: `box-cox-${lambda}`, inputs: [f64([0.5, 1, 3, NaN], [4, 1]), fixed(f64([lambda]))], attributes: { form: 'box-cox' } })),
    ...[0, 0.5, 2, 2.5].map((lambda): OperatorCase => ({ name: `yeo-johnson-${lambda}`, inputs: [f64([-3, -0.5, 1, 3, NaN], [5, 1]), fixed(f64([lambda]))], attributes: { form: 'yeo-johnson' } })),
  ]],
  ['mle.QuantileMap', [{ name: 'uniform', inputs: [f64([-1, 0, 0.5, 1.5, 2, 9, NaN], [7, 1]), fixed(f64([0, 1, 1, 2], [4, 1])), fixed(f64([0, 1 / 3, 2 / 3, 1]))] }]],
  ['mle.BSplineBasis', [
    { name: 'cubic', inputs: [f64([0, 0.5, 1, 1.75, 2], [5, 1]), fixed(f64([-3, -2, -1, 0, 1, 2, 3, 4, 5], [1, 9]))], attributes: { degree: 3, columns: 5 } },
    { name: 'linear', inputs: [f64([0, 0.25, 2], [3, 1]), fixed(f64([-1, 0, 1, 2, 3], [1, 5]))], attributes: { degree: 1, columns: 3 } },
  ]],
  ['mle.CategoryMap', [
    { name: 'string', inputs: [texts(['b', 'a', null, 'x'], [4, 1]), fixed(texts(['a', 'b'])), fixed(f64([10, 20]))], attributes: { missing: 'code', missingCode: -1, unknown: 'code', unknownCode: -2 } },
    { name: 'float64', inputs: [f64([3, 1, NaN, 2, -0], [5, 1]), fixed(f64([0, 1, 3])), fixed(f64([0, 1, 2]))], attributes: { missing: 'code', missingCode: 7, unknown: 'code', unknownCode: 8 } },
  ]],
  ['mle.CategoryHash', [{ name: 'texts', inputs: [texts(['red', '', 'é', 'a text of more than sixteen bytes', 'a text of more than thirty-two bytes, with some room', 'a text of more than sixty-four bytes, for which the hash takes its longest way round'])] }]],
  ['mle.IsMissing', [{ name: 'null', inputs: [texts(['a', null, ''])] }, { name: 'token', inputs: [texts(['a', null, '?'])], attributes: { token: '?' } }]],
  ['mle.FillMissing', [{ name: 'null', inputs: [texts(['a', null, ''])], attributes: { fill: 'none' } }, { name: 'token', inputs: [texts(['a', null, '?'])], attributes: { fill: 'none', token: '?' } }]],
  ['mle.PairwiseDistance', [...distances, { name: 'expanded', inputs: [f64([1, 2, 3, 4], [2, 2]), f64([1, 2, -3, 5], [2, 2])], attributes: { form: 'expanded' } }, { name: 'minkowski', inputs: [f64([1, 2, 3, 4], [2, 2]), f64([1, 2, -3, 5], [2, 2])], attributes: { metric: 'minkowski', p: 3 } }]],
  ['mle.ClassSums', [
    { name: 'counts', inputs: [tensorOf('int32', [2, 3], [0n, 1n, 2n, 3n, 3n, 1n]), fixed(tensorOf('int32', [4], [0n, 1n, 0n, 2n]))], attributes: { classes: 3 } },
    { name: 'weights', inputs: [tensorOf('int32', [1, 3], [0n, 1n, 2n]), fixed(tensorOf('int32', [3], [0n, 1n, 0n])), f64([0.5, 2, 0.25], [1, 3])], attributes: { classes: 2 } },
  ]],
  ['mle.SvmDecision', [{ name: 'three-classes', inputs: [fill('float64', [2, 5], 'whole', 2), fixed(fill('float64', [2, 5], 'whole', 3)), fixed(f64([0.5, -1, 2])), fixed(tensorOf('int32', [3], [2n, 1n, 2n]))] }]],
  ['mle.PairVotes', [{ name: 'three-classes', inputs: [f64([1, -1, 0.5, 0, -0, NaN, -2, -3, -4], [3, 3])], attributes: { classes: 3 } }]],
  ['mle.PairScores', [{ name: 'three-classes', inputs: [bools([true, false, true, false, false, false], [2, 3]), f64([0.5, -1, 2, 0, 0, 0], [2, 3])], attributes: { classes: 3 } }]],
  ['mle.Interpolate', [
    { name: 'clip', inputs: [f64([-1, 0, 0.25, 1, 1.5, 9, NaN]), fixed(f64([0, 1, 2])), fixed(f64([10, 20, 0]))] },
    { name: 'nan', inputs: [f64([-1, 0.75, 9]), fixed(f64([0, 1, 2])), fixed(f64([10, 20, 0]))], attributes: { outside: 'nan' } },
  ]],
  ['mle.Require', [{ name: 'holds', inputs: [f64([1, NaN]), bools([true, true, true])], attributes: { message: 'never' } }, { name: 'nothing-to-hold', inputs: [texts(['a']), bools([], [0])], attributes: { message: 'never' } }]],
  ['mle.WeightedMedian', [{ name: 'ties', inputs: [f64([3, 1, 2, 5, 5, 5, -1, 0, 1], [3, 3]), fixed(f64([1, 1, 2]))] }]],
]
