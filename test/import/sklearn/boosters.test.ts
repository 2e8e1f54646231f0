// XGBoost's and LightGBM's wrappers as their pickles describe them, around boosters of the fixtures.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importModel } from '../../../src/import/index.ts'
import type { PyObject, PyValue } from '../../../src/import/pickle/index.ts'
import { importSklearn } from '../../../src/import/sklearn/index.ts'
import { load } from '../../../src/load.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { inputOf, readCases, type FixtureCase } from '../../support/fixtures.ts'
import { described, floats, integers, strings } from './described.ts'

const cases = new Map(['xgboost', 'lightgbm'].flatMap((pack) => readCases(pack).map((one) => [one.name, one] as const)))

function fixtureOf(name: string): FixtureCase {
  const found = cases.get(name)
  assert.ok(found !== undefined, `no fixture ${name}`)
  return found
}

/** What the booster itself computes from the fixture's input. */
async function boosterCall(fixture: FixtureCase, method: string): Promise<Tensor> {
  const { file, inputs } = fixture.description
  const model = await load(await importModel(fixture.bytes(file), { fileName: file }), { device: 'cpu' })
  return (await model.call(method, inputOf(fixture, inputs[0])))[0]
}

async function wrapperCall(estimator: PyObject, fixture: FixtureCase, method: string): Promise<Tensor> {
  const model = await load(importSklearn(estimator), { device: 'cpu' })
  return (await model.call(method, inputOf(fixture, fixture.description.inputs[0])))[0]
}

function xgb(name: string, handle: Uint8Array, state: Readonly<Record<string, PyValue>> = {}, booster: Readonly<Record<string, PyValue>> = {}): PyObject {
  return described(`xgboost.sklearn.${name}`, { _Booster: described('xgboost.core.Booster', { handle, ...booster }), missing: NaN, ...state })
}

function lgb(name: string, fixture: FixtureCase, state: Readonly<Record<string, PyValue>> = {}, booster: Readonly<Record<string, PyValue>> = {}): PyObject {
  const handle = new TextDecoder().decode(fixture.bytes(fixture.description.file))
  return described(`lightgbm.sklearn.${name}`, { _Booster: described('lightgbm.basic.Booster', { handle, best_iteration: 0, ...booster }), ...state })
}

test('an XGBClassifier around a legacy booster, bare and behind the header of its settings', async () => {
  const fixture = fixtureOf('binary_logistic_legacy')
  const bytes = fixture.bytes(fixture.description.file)
  const p = await boosterCall(fixture, 'predict')
  const header = new Uint8Array([...new TextEncoder().encode('CONFIG-offset:'), ...new Uint8Array(new BigInt64Array([BigInt(bytes.length)]).buffer), ...bytes, ...new TextEncoder().encode('{"learner":{}}')])
  for (const handle of [bytes, header]) {
    // Up to 1.5 an encoder kept the labels.
    const estimator = xgb('XGBClassifier', handle, { n_classes_: 2, _le: described('xgboost.compat.XGBoostLabelEncoder', { classes_: strings(['bad', 'good']) }) })
    assert.deepEqual([...(await wrapperCall(estimator, fixture, 'predict')).data], [...p.data].map((one) => (Number(one) > 0.5 ? 'good' : 'bad')))
    const proba = await wrapperCall(estimator, fixture, 'predict_proba')
    assert.equal(proba.dtype, 'float32')
    assert.deepEqual([...proba.data], [...p.data].map(Number).flatMap((one) => [Math.fround(1 - one), one]))
  }
})

test('rounds up to the best one, wherever a version keeps it', async () => {
  const fixture = fixtureOf('best_iteration_multi_json')
  const bytes = fixture.bytes(fixture.description.file)
  const best = await boosterCall(fixture, 'predict_best_iteration')
  const all = await boosterCall(fixture, 'predict')
  assert.notDeepEqual(best.data, all.data)
  const number = Number(JSON.parse(new TextDecoder().decode(bytes)).learner.attributes.best_iteration)
  assert.ok(Number.isInteger(number))
  const proba = async (estimator: PyObject): Promise<unknown> => (await wrapperCall(estimator, fixture, 'predict_proba')).data
  // In the model's attributes (2.0 and later), on the Booster (1.4 to 1.7), on the wrapper (before).
  assert.deepEqual(await proba(xgb('XGBClassifier', bytes, {})), best.data)
  assert.deepEqual(await proba(xgb('XGBClassifier', bytes, {}, { best_iteration: number })), best.data)
  assert.notDeepEqual(await proba(xgb('XGBClassifier', bytes, { best_iteration: 0 })), best.data)
  // Booster.predict itself uses every round.
  const bare = await load(importSklearn(described('xgboost.core.Booster', { handle: bytes })), { device: 'cpu' })
  assert.deepEqual((await bare.call('predict', inputOf(fixture, fixture.description.inputs[0])))[0].data, all.data)
})

test('a number may stand for missing values', async () => {
  const fixture = fixtureOf('binary_nan_ubj')
  const bytes = fixture.bytes(fixture.description.file)
  const x = inputOf(fixture, fixture.description.inputs[0]) as Tensor
  const marked: Tensor = { ...x, data: Float32Array.from(x.data as Float32Array, (one) => (Number.isNaN(one) ? -999 : one)) }
  const model = await load(importSklearn(xgb('XGBClassifier', bytes, { n_classes_: 2, missing: -999 })), { device: 'cpu' })
  const [p] = await model.call('predict_proba', marked)
  assert.deepEqual([...p.data].filter((_, i) => i % 2 === 1), [...(await boosterCall(fixture, 'predict')).data])
})

test('a handle that is no model is refused', () => {
  assert.throws(() => importSklearn(described('xgboost.sklearn.XGBRegressor', { _Booster: described('xgboost.core.Booster', { handle: 7 }) })), { code: 'SKLEARN_VALUE' })
  assert.throws(() => importSklearn(described('lightgbm.sklearn.LGBMRegressor', { _Booster: described('lightgbm.basic.Booster', { handle: null }) })), { code: 'SKLEARN_VALUE' })
})

test('an LGBMClassifier of several classes', async () => {
  const fixture = fixtureOf('leaves_multiclass')
  const want = await boosterCall(fixture, 'predict')
  const classes = want.shape[1]
  const names = Array.from({ length: classes }, (_, i) => `class ${i}`)
  const estimator = lgb('LGBMClassifier', fixture, { _n_classes: classes, _classes: strings(names), _le: described('sklearn.preprocessing._label.LabelEncoder', { classes_: strings(names) }) })
  assert.deepEqual((await wrapperCall(estimator, fixture, 'predict_proba')).data, want.data)
  const labels = await wrapperCall(estimator, fixture, 'predict')
  for (let row = 0; row < want.shape[0]; row++) {
    const p = Array.from((want.data as Float64Array).subarray(row * classes, (row + 1) * classes))
    assert.equal(labels.data[row], names[p.indexOf(Math.max(...p))])
  }
  assert.throws(() => importSklearn(lgb('LGBMClassifier', fixture, { _classes: integers([0, 1]) })), { code: 'SKLEARN_UNSUPPORTED' })
})

test('an LGBMClassifier of two classes, and an LGBMRegressor that stopped early', async () => {
  const fixture = fixtureOf('ruby_binary')
  const p = await boosterCall(fixture, 'predict')
  const classifier = lgb('LGBMClassifier', fixture, { _classes: floats([-1, 1]) })
  assert.deepEqual([...(await wrapperCall(classifier, fixture, 'predict_proba')).data], [...p.data].map(Number).flatMap((one) => [1 - one, one]))
  assert.deepEqual([...(await wrapperCall(classifier, fixture, 'predict')).data], [...p.data].map((one) => (Number(one) > 1 - Number(one) ? 1 : -1)))
  const all = await wrapperCall(lgb('LGBMRegressor', fixture), fixture, 'predict')
  assert.deepEqual(all.data, p.data)
  const first = await wrapperCall(lgb('LGBMRegressor', fixture, {}, { best_iteration: 1 }), fixture, 'predict')
  assert.notDeepEqual(first.data, p.data)
})

test('names that a DataFrame gave are read from the booster', () => {
  const fixture = fixtureOf('feature_names_json')
  const bytes = fixture.bytes(fixture.description.file)
  const names = JSON.parse(new TextDecoder().decode(bytes)).learner.feature_names
  const graph = importSklearn(described('sklearn.model_selection._search.GridSearchCV', { best_estimator_: xgb('XGBRegressor', bytes) }))
  assert.deepEqual(graph.metadata.columns?.map((column) => column.name), names)
})
