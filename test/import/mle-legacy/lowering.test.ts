// Models that no sample holds: boosters, networks, estimators with unusual settings. Expected numbers are worked out by hand or by a
// plain evaluation of the same arrays.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MleError } from '../../../src/error.ts'
import { importModel } from '../../../src/import/index.ts'
import { countsByClass } from '../../../src/import/mle-legacy/svm-classes.ts'
import { recoverGamma } from '../../../src/import/mle-legacy/svm-gamma.ts'
import { load } from '../../../src/load.ts'
import type { RowObject } from '../../../src/feed.ts'
import { isTensor } from '../../../src/tensor/tensor.ts'
import { floats, ints, legacyFile, placeholder, raw, type FileSpec, type TensorSpec } from './build.ts'

/** A file of one node that reads input 0 of `width` columns. */
function single(op: number, metadata: object, parameters: readonly TensorSpec[], width: number, framework = 'scikit-learn'): Uint8Array {
  const tensors = [placeholder(1, width), ...parameters, placeholder(1, 1)]
  const nodes = [{ op, inputs: [0], output: parameters.length + 1, parameters: parameters.map((_, i) => i + 1) }]
  return legacyFile({ metadata: { framework, framework_version: '1.6.1', ...metadata }, tensors, nodes, output: parameters.length + 1 })
}

async function results(file: Uint8Array, X: number[][] | RowObject[]): Promise<Record<string, number[]>> {
  const model = await load(await importModel(file), { device: 'cpu' })
  const run = await model.run({ X })
  return Object.fromEntries(Object.entries(run).map(([name, value]) => [name, isTensor(value) ? Array.from(value.data, Number) : []]))
}

function near(actual: readonly number[], expected: readonly number[], tolerance = 1e-12): void {
  assert.equal(actual.length, expected.length)
  actual.forEach((one, i) => assert.ok(Math.abs(one - expected[i]) <= tolerance, `element ${i} is ${one}, expected ${expected[i]}`))
}

async function refused(file: Uint8Array, code: string, words = /./): Promise<void> {
  await assert.rejects(importModel(file), (error) => error instanceof MleError && error.code === code && words.test(error.message))
}

const leaf = (value: number): object => ({ nodeid: 9, leaf: value })

test('XGBoost: margins without base_score, one column a class', async () => {
  const tree = (split: string, low: number, high: number): object => ({ nodeid: 0, depth: 0, split, split_condition: 0.5, yes: 1, no: 2, missing: 2, children: [{ nodeid: 1, leaf: low }, { nodeid: 2, leaf: high }] })
  const file = single(33, { model_params: { num_trees: 1 } }, [raw([tree('f0', 1, 2), tree('f2', 3, 4), leaf(5)])], 3, 'xgboost')
  const got = await results(file, [[0, 0, 0], [0.5, 0, 0.4], [NaN, 0, NaN]])
  near(got.margin_without_start, [1, 3, 5, 2, 3, 5, 2, 4, 5])
  const { metadata } = await importModel(file)
  assert.match(metadata.notes?.join('\n') ?? '', /base_score[\s\S]*3 trees a round/)
  // Names instead of positions: columns by name.
  const named = await importModel(single(33, { model_params: { num_trees: 2 } }, [raw([tree('age', 1, 2), tree('income', 3, 4)])], 7, 'xgboost'))
  assert.deepEqual(named.metadata.columns?.map(({ name }) => name), ['age', 'income'])
  near((await results(single(33, { model_params: { num_trees: 2 } }, [raw([tree('age', 1, 2), tree('income', 3, 4)])], 7, 'xgboost'), [{ income: 1, age: 0 }])).margin_without_start, [5])
})

test('XGBoost: damaged dumps', async () => {
  const booster = (content: unknown): Uint8Array => single(33, { model_params: { num_trees: 1 } }, [raw(content)], 3, 'xgboost')
  await refused(booster([]), 'LEGACY_BOOSTER')
  await refused(booster([{ nodeid: 0 }]), 'LEGACY_BOOSTER')
  await refused(booster([{ nodeid: 0, split: 'f1', split_condition: 1, yes: 1, no: 2, missing: 1, children: [leaf(1)] }]), 'LEGACY_BOOSTER')
  await refused(booster([{ nodeid: 0, split: 'f1', split_condition: 1, yes: 1, no: 2, missing: 1, children: [leaf(1), leaf(2)] }]), 'LEGACY_BOOSTER', /ids/)
  await refused(booster([{ nodeid: 0, split: 'f1', split_condition: [1], yes: 1, no: 2, missing: 1, children: [{ nodeid: 1, leaf: 1 }, { nodeid: 2, leaf: 2 }] }]), 'LEGACY_BOOSTER')
  await refused(single(33, {}, [floats([1], 1)], 3, 'xgboost'), 'LEGACY_BOOSTER', /raw bytes/)
})

const lgbTree = (root: object): object => ({ tree_index: 0, num_leaves: 2, num_cat: 0, shrinkage: 1, tree_structure: root })
const lgbSplit = (about: object, low: number, high: number): object => ({
  split_index: 0, split_feature: 1, threshold: 0.5, decision_type: '<=', default_left: true, missing_type: 'NaN', left_child: { leaf_index: 0, leaf_value: low }, right_child: { leaf_index: 1, leaf_value: high }, ...about,
})

test('LightGBM: the objective where the roots tell it', async () => {
  const file = (roots: readonly object[]): Uint8Array => single(34, { model_params: { num_trees: roots.length } }, [raw(roots.map(lgbTree))], 2, 'lightgbm')
  const rows = [[0, 0], [0, 1], [0, NaN]]
  const squared = await results(file([lgbSplit({ internal_value: 3, internal_weight: 80, internal_count: 80 }, 1, 2)]), rows)
  near(squared.value, [1, 2, 1])
  const start = Math.log(0.25 / 0.75)
  const binary = await results(file([lgbSplit({ internal_value: start, internal_weight: 80 * 0.25 * 0.75, internal_count: 80 }, 0, 2)]), rows)
  near(binary.probabilities, [0.5, 0.5, 1 / (1 + Math.exp(2)), 1 / (1 + Math.exp(-2)), 0.5, 0.5])
  const priors = [0.2, 0.3, 0.5]
  const roots = [...priors, ...priors].map((p, i) => lgbSplit({ internal_value: i < 3 ? Math.log(p) : 0, internal_weight: 80 * 1.5 * p * (1 - p), internal_count: 80 }, i, i + 1))
  const several = await results(file(roots), rows)
  // Trees i and i + 3 add to class i: at x <= 0.5 these are 0 + 3, 1 + 4, 2 + 5.
  near(several.margin.slice(0, 6), [3, 5, 7, 5, 7, 9])
  near([several.probabilities[0] + several.probabilities[1] + several.probabilities[2]], [1])
  const unknown = await importModel(file([lgbSplit({ internal_value: 3, internal_weight: 11, internal_count: 80 }, 1, 2)]))
  assert.deepEqual(unknown.outputs.map(({ name }) => name), ['margin', 'leaf'])
  assert.match(unknown.metadata.notes?.[0] ?? '', /predict is not available/)
})

test('LightGBM: categories, and damaged dumps', async () => {
  const about = { internal_value: 3, internal_weight: 80, internal_count: 80, decision_type: '==', missing_type: 'None' }
  const file = (root: unknown): Uint8Array => single(34, {}, [raw([lgbTree(root as object)])], 2, 'lightgbm')
  near((await results(file(lgbSplit({ ...about, threshold: '1||40' }, 1, 2)), [[0, 1], [0, 40], [0, 2], [0, -1]])).value, [1, 1, 2, 2])
  await refused(file(lgbSplit({ ...about, threshold: '1||-4' }, 1, 2)), 'LEGACY_BOOSTER', /categories/)
  await refused(file(lgbSplit({ decision_type: '>' }, 1, 2)), 'LEGACY_BOOSTER')
  await refused(file(lgbSplit({ split_feature: 0.5 }, 1, 2)), 'LEGACY_BOOSTER')
  await refused(file(lgbSplit({ split_feature: 2 }, 1, 2)), 'LEGACY_BOOSTER', /2 columns/)
  await refused(file({}), 'LEGACY_BOOSTER', /leaf_value/)
})

test('CatBoost: only its own bytes are handed on', async () => {
  await refused(single(35, {}, [raw(new TextEncoder().encode('tree\nversion=v3\n'))], 2, 'catboost'), 'LEGACY_BOOSTER', /CatBoost/)
  await assert.rejects(importModel(single(35, {}, [raw(new TextEncoder().encode('CBM1____'))], 2, 'catboost')), (error) => error instanceof MleError && error.code.startsWith('CATBOOST_'))
})

test('weights of linear models: the same model in both orientations, square ones too', async () => {
  const metadata = { framework: 'scikit-learn', framework_version: '1.0', model_type: 'LinearRegression' }
  // y0 = x0 + 2 x1 + 0.5, y1 = 3 x0 + 4 x1 - 0.5
  const old: FileSpec = { metadata, tensors: [floats([1, 2], 0, 0), floats([2, 2], 1, 3, 2, 4), floats([2], 0.5, -0.5)], nodes: [{ op: 1, inputs: [0], output: 3, parameters: [1, 2] }], output: 3 }
  const later: FileSpec = { ...old, tensors: [placeholder(1, 2), floats([2, 2], 1, 2, 3, 4), floats([2], 0.5, -0.5), placeholder(1, 2)] }
  for (const spec of [{ ...old, layout: 'A' as const }, old, later]) near((await results(legacyFile(spec), [[1, 10]])).value, [21.5, 42.5])
})

test('a classifier whose label count a widened row hides', async () => {
  const metadata = { framework: 'scikit-learn', model_type: 'LogisticRegression', model_params: { solver: 'lbfgs' } }
  const spec: FileSpec = {
    metadata, tensors: [placeholder(1, 2), floats([2, 2], 0, 0, 1, -1), floats([2], 0, 0.5), placeholder(1, 2), placeholder(1, 2)],
    nodes: [{ op: 1, inputs: [0], output: 3, parameters: [1, 2] }, { op: 4, inputs: [3], output: 4 }], output: 4,
  }
  const got = await results(legacyFile(spec), [[2, 1]])
  near(got.decision, [1.5])
  near(got.probabilities, [1 / (1 + Math.exp(1.5)), 1 / (1 + Math.exp(-1.5))])
  assert.deepEqual(got.label, [1])
  await refused(legacyFile({ ...spec, tensors: [placeholder(1, 2), floats([2, 2], 0, 0, 1, -1), floats([3], 0, 0.5, 1), placeholder(1, 2), placeholder(1, 2)] }), 'LEGACY_SHAPE')
})

test('perceptrons: activation from the settings; several labels', async () => {
  const chain = (activation: string | undefined, softmax: boolean): Uint8Array => {
    const tensors = [placeholder(1, 1), floats([2, 1], 1, -1), floats([2], 0, 0), placeholder(1, 2), placeholder(1, 2), floats([2, 2], 1, 0, 0, 1), floats([2], 0, 0), placeholder(1, 2), ...(softmax ? [placeholder(1, 2)] : [])]
    const nodes = [{ op: 1, inputs: [0], output: 3, parameters: [1, 2] }, { op: 3, inputs: [3], output: 4 }, { op: 1, inputs: [4], output: 7, parameters: [5, 6] }, ...(softmax ? [{ op: 4, inputs: [7], output: 8 }] : [])]
    return legacyFile({ metadata: { framework: 'scikit-learn', model_type: 'MLPClassifier', model_params: activation === undefined ? {} : { activation } }, tensors, nodes, output: softmax ? 8 : 7 })
  }
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
  near((await results(chain('tanh', false), [[2]])).probabilities, [sigmoid(Math.tanh(2)), sigmoid(-Math.tanh(2))])
  assert.deepEqual((await results(chain('identity', false), [[2]])).label, [1, 0])
  near((await results(chain('logistic', true), [[0]])).probabilities, [0.5, 0.5])
  await refused(chain(undefined, true), 'LEGACY_LOST', /activation/)
})

test('networks: GELU by framework, LayerNorm with the epsilon of Keras', async () => {
  const file = (framework: string, op: number, parameters: readonly TensorSpec[] = []): Uint8Array => single(op, { model_type: 'Net' }, parameters, 2, framework)
  near((await results(file('pytorch', 3), [[1, -2]])).output, [0.841344746, -0.045500264], 1e-6)
  near((await results(file('', 3), [[1, -2]])).output, [0.841191991, -0.045402306], 1e-6)
  const [gamma, beta] = [floats([2], 2, 3), floats([2], 0.5, 0)]
  const scale = 1 / Math.sqrt(1 + 1e-3)
  near((await results(file('tensorflow', 5, [gamma, beta]), [[1, 3]])).output, [-2 * scale + 0.5, 3 * scale], 1e-6)
  near((await results(file('tensorflow', 4), [[1, 1]])).output, [0.5, 0.5], 1e-7)
  await refused(file('tensorflow', 5, [gamma]), 'LEGACY_GRAPH')
  await refused(legacyFile({ metadata: {}, tensors: [placeholder(1, 2), placeholder(1, 2), floats([1, 2], 1, 2), placeholder(1, 1)], nodes: [{ op: 2, inputs: [0], output: 1 }, { op: 31, inputs: [1], output: 3, parameters: [2] }], output: 3 }), 'LEGACY_OPERATOR')
})

/** A stump on feature 0 at 0: counts or fractions of classes, or values. */
const stump = (low: readonly number[], high: readonly number[], root: readonly number[]): TensorSpec[] => [
  ints([3], 0, -2, -2), floats([3], 0, -2, -2), floats([3, 1, root.length], ...root, ...low, ...high), ints([3], 1, -1, -1), ints([3], 2, -1, -1),
]

test('trees: counts of old versions are probabilities all the same', async () => {
  const forest = single(27, { model_type: 'RandomForestClassifier', framework_version: '0.24', model_params: { n_estimators: 2 } }, [...stump([3, 1], [0, 4], [3, 5]), ...stump([1, 1], [1, 3], [2, 4])], 2)
  near((await results(forest, [[-1, 0], [1, 0]])).probabilities, [0.625, 0.375, 0.125, 0.875])
  await refused(single(27, { model_type: 'RandomForestClassifier', model_params: { n_estimators: 3 } }, stump([3, 1], [0, 4], [3, 5]), 2), 'LEGACY_LOST', /1 of 3/)
  await refused(single(27, { model_type: 'Forest' }, stump([3, 1], [0, 4], [3, 5]), 2), 'LEGACY_LOST', /Classifier or Regressor/)
  await refused(single(27, { model_type: 'RandomForestClassifier' }, stump([3, 1], [0, 4], [3, 5]).slice(0, 4), 2), 'LEGACY_GRAPH')
  await refused(single(27, { model_type: 'RandomForestClassifier' }, [...stump([3, 1], [0, 4], [3, 5]), ...stump([1], [1], [1])], 2), 'LEGACY_SHAPE', /different sizes/)
  await refused(single(26, { model_type: 'DecisionTreeClassifier' }, stump([3, 1], [0, 4], [3, 5]).map((one, i) => (i === 3 ? ints([2], 1, -1) : one)), 2), 'LEGACY_SHAPE')
  await refused(single(26, { model_type: 'DecisionTreeClassifier' }, stump([3, 1], [0, 4], [3, 5]).map((one, i) => (i === 0 ? ints([3], 7, -2, -2) : one)), 2), 'LEGACY_SHAPE', /feature 7/)
  await refused(single(26, { model_type: 'DecisionTreeClassifier' }, stump([3, 1], [0, 4], [3, 5]).map((one, i) => (i === 3 ? ints([3], 0, -1, -1) : one)), 2), 'TREE_CHILD')
})

test('bags: members that read some columns are refused, all columns in either spelling read', async () => {
  // JSON.stringify writes 1.0 as 1, Python as 1.0.
  const bag = (settings: string, width: number): Uint8Array => {
    const metadata = `{"framework": "scikit-learn", "framework_version": "1.6.1", "model_type": "BaggingRegressor", "model_params": {${settings}}}`
    return legacyFile({ metadata, tensors: [placeholder(1, width), ...stump([1], [2], [1.5]), placeholder(1, 1)], nodes: [{ op: 27, inputs: [0], output: 6, parameters: [1, 2, 3, 4, 5] }], output: 6 })
  }
  near((await results(bag('"n_estimators": 1, "max_features": 1.0', 2), [[-1, 0], [1, 0]])).value, [1, 2])
  near((await results(bag('"n_estimators": 1, "max_features": 2', 2), [[-1, 0]])).value, [1])
  await refused(bag('"n_estimators": 1, "max_features": 1', 2), 'LEGACY_LOST', /max_features/)
  await refused(bag('"n_estimators": 1, "max_features": 0.5', 2), 'LEGACY_LOST', /max_features/)
  await refused(bag('"n_estimators": 1, "max_features": 1.0, "bootstrap_features": true', 2), 'LEGACY_LOST', /bootstrap_features/)
})

test('AdaBoost: weights by the error of each tree; a perfect first tree weighs 1', async () => {
  // 0.25 of the weight lies left with 0.2 wrong, 0.75 right with 0.1 wrong: error 0.125, weight ln 7 for two classes.
  const share = (left: readonly number[], right: readonly number[]): number[] => left.map((one, k) => 0.25 * one + 0.75 * right[k])
  const first = stump([0.8, 0.2], [0.1, 0.9], share([0.8, 0.2], [0.1, 0.9]))
  const second = stump([0.4, 0.6], [0.5, 0.5], share([0.4, 0.6], [0.5, 0.5]))
  const file = (parameters: readonly TensorSpec[], model_params: object, name = 'AdaBoostClassifier'): Uint8Array => single(27, { model_type: name, model_params }, parameters, 1)
  const settings = { learning_rate: 1, algorithm: 'SAMME' }
  const error = 0.25 * 0.4 + 0.75 * 0.5
  const [a, b] = [Math.log(7), Math.log((1 - error) / error)]
  // Left the first says 0, the second 1: class 1 - class 0 = 2 (b - a) / (a + b).
  near((await results(file([...first, ...second], settings), [[-1]])).decision, [(2 * (b - a)) / (a + b)], 1e-6)
  near((await results(file(stump([1, 0], [0, 1], [0.5, 0.5]), settings), [[-1], [1]])).decision, [-2, 2])
  // Both children the same, and so their errors: still defined.
  near((await results(file(stump([0.75, 0.25], [0.75, 0.25], [0.75, 0.25]), settings), [[1]])).label, [0])
  await refused(file(first, settings, 'AdaBoostRegressor'), 'LEGACY_SHAPE', /classes/)
  await refused(file([...stump([1], [2], [1.5]), ...stump([1], [2], [1.5])], settings, 'AdaBoostRegressor'), 'LEGACY_LOST', /weighted median/)
  near((await results(file(stump([1], [2], [1.5]), settings, 'AdaBoostRegressor'), [[-1]])).value, [1])
})

test('support vector machines: what is neither in the file nor follows from it', async () => {
  const machine = (model_type: string, model_params: object, rows: TensorSpec, intercepts: TensorSpec): Uint8Array => single(28, { model_type, model_params }, [floats([3, 1], 0, 1, 3), rows, intercepts], 1)
  const pair = floats([1, 3], -0.5, -0.5, 1)
  // Public coefficients of two classes: a positive decision means the second.
  const linear = await results(machine('SVC', { kernel: 'linear', gamma: 'scale', probability: true }, pair, floats([1], -1)), [[1], [2]])
  near(linear.decision, [1.5, 4])
  const auto = await results(machine('SVR', { kernel: 'rbf', gamma: 'auto' }, pair, floats([1], -1)), [[0]])
  near(auto.value, [-0.5 - 0.5 * Math.exp(-1) + Math.exp(-9) - 1])
  const poly = await results(machine('SVR', { kernel: 'poly', gamma: 0.5, degree: 2, coef0: 1 }, pair, floats([1], 0)), [[2]])
  near(poly.value, [-0.5 - 0.5 * 4 + 16])
  await refused(machine('SVR', { kernel: 'rbf', gamma: 'scale' }, pair, floats([1], 0)), 'LEGACY_LOST', /gamma/)
  await refused(machine('SVC', { kernel: 'rbf', gamma: 'scale' }, floats([1, 3], -1, -1, 1), floats([1], 0)), 'LEGACY_LOST', /does not follow/)
  await refused(machine('SVC', { kernel: '<function f>' }, pair, floats([1], 0)), 'LEGACY_LOST', /kernel/)
  await refused(machine('Machine', { kernel: 'rbf' }, pair, floats([1], 0)), 'LEGACY_LOST', /Machine/)
  await refused(machine('SVC', { kernel: 'linear' }, floats([2, 3], 1, 1, 1, 1, 1, 1), floats([3], 0, 0, 0)), 'LEGACY_LOST', /support vectors each/)
  await refused(machine('SVC', { kernel: 'linear' }, floats([1, 2], 1, 1), floats([1], 0)), 'LEGACY_SHAPE')
  const { metadata } = await importModel(machine('SVC', { kernel: 'linear', probability: true }, pair, floats([1], -1)))
  assert.match(metadata.notes?.join('\n') ?? '', /calibration/)
})

test('support vectors by class from signs and sums', () => {
  // Three classes of 2, 1 and 2 vectors; the zero of the second vector's first row leaves open where class 0 ends.
  const coefficients = Float64Array.from([1, 0, -1, -0.5, -0.25, 0.5, 0.25, 2, -1, -1])
  assert.deepEqual([...(countsByClass(coefficients, 3, 5) ?? [])], [2, 1, 2])
  assert.equal(countsByClass(Float64Array.from([1, 1, -1, 1]), 3, 2), undefined)
  // Nothing but zeros ends, if not in an answer.
  countsByClass(new Float64Array(9 * 400), 10, 400)
})

test('gamma from the margin', () => {
  const gamma = 0.7
  const vectors = Float64Array.from([0, 0.4, 1, 1.5])
  const k = (i: number, j: number): number => Math.exp(-gamma * (vectors[i] - vectors[j]) ** 2)
  // Classes {0, 1} and {2, 3}; vectors 1 and 2 are bound at 1.5, 0 and 3 carry the same small coefficient a and the intercept b solves both.
  const rest = (i: number): number => 1.5 * k(1, i) - 1.5 * k(2, i)
  const a = (2 - rest(0) + rest(3)) / (k(0, 0) - k(3, 0) - k(0, 3) + k(3, 3))
  const b = 1 - rest(0) - a * (k(0, 0) - k(3, 0))
  assert.ok(a > 0 && a < 1.5, `a is ${a}`)
  const machine = { kernel: 'rbf' as const, coef0: 0, degree: 3, vectors, width: 1, coefficients: Float64Array.of(a, 1.5, -1.5, -a), intercepts: Float64Array.of(b), counts: Int32Array.of(2, 2) }
  const found = recoverGamma(machine)
  assert.ok(found !== undefined && Math.abs(found - gamma) < 1e-6, `found ${found}`)
  assert.equal(recoverGamma({ ...machine, intercepts: Float64Array.of(b + 30) }), undefined)
  assert.equal(recoverGamma({ ...machine, coefficients: Float64Array.of(1.5, 1.5, -1.5, -1.5) }), undefined)
})

test('naive Bayes: given priors count, kinds must be named', async () => {
  const gaussian = (priors?: string): Uint8Array => single(29, { model_type: 'GaussianNB', model_params: { priors: priors ?? null } }, [floats([2, 1], -1, 1), floats([2, 1], 1, 1)], 1)
  near((await results(gaussian(), [[0]])).probabilities, [0.5, 0.5])
  near((await results(gaussian('[0.25, 0.75]'), [[0]])).probabilities, [0.25, 0.75])
  assert.equal((await importModel(gaussian('[0.25, 0.75]'))).metadata.notes?.length, 1)
  await refused(single(29, { model_type: 'NB' }, [floats([2, 1], -1, -1), floats([2], -1, -1)], 1), 'LEGACY_LOST', /NB/)
  await refused(single(29, { model_type: 'GaussianNB' }, [floats([2, 1], -1, -1), floats([3, 1], 1, 1, 1)], 1), 'LEGACY_SHAPE')
})

test('neighbours: settings, and targets that are no classes', async () => {
  const rows = floats([4, 1], 0, 1, 2, 10)
  const file = (model_type: string, model_params: object, targets: TensorSpec): Uint8Array => single(30, { model_type, model_params }, [rows, targets], 1)
  near((await results(file('KNeighborsRegressor', { n_neighbors: 2, weights: 'distance', metric: 'minkowski', p: 1 }, floats([4], 1, 2, 3, 4)), [[0.25]])).value, [(1 / 0.25 + 2 / 0.75) / (1 / 0.25 + 1 / 0.75)])
  near((await results(file('KNeighborsClassifier', { n_neighbors: 3 }, floats([4], 0, 1, 1, 2)), [[0]])).probabilities, [1 / 3, 2 / 3, 0])
  await refused(file('KNeighborsClassifier', { n_neighbors: 3 }, floats([4], 0, 1, 1, 1e9)), 'LEGACY_SHAPE', /class of training row 3/)
  await refused(file('KNeighborsClassifier', { metric_params: "{'V': 1}" }, floats([4], 0, 1, 1, 1)), 'LEGACY_LOST', /metric/)
  await refused(file('Neighbours', {}, floats([4], 0, 1, 1, 1)), 'LEGACY_LOST')
})

test('boosted trees without learning rate', async () => {
  await refused(single(27, { model_type: 'GradientBoostingRegressor' }, stump([1], [2], [1.5]), 1), 'LEGACY_LOST', /learning rate/)
})
