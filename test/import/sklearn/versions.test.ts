// Attributes and rules that other versions of scikit-learn have than the one that made the fixtures.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asObject, attribute, type PyObject } from '../../../src/import/pickle/index.ts'
import { importSklearn } from '../../../src/import/sklearn/index.ts'
import { load } from '../../../src/load.ts'
import { inputOf } from '../../support/fixtures.ts'
import { call, changed, described, fixtureObject, floats, integers, logistic, matchesFixture, renamed, strings } from './described.ts'

function mapList(object: PyObject, name: string, change: (one: PyObject) => PyObject): PyObject {
  const list = attribute(object, name)
  assert.ok(Array.isArray(list))
  return changed(object, { [name]: list.map((one) => change(asObject(one, name))) })
}

test('calibrated classifiers of 0.22 to 1.1', async () => {
  for (const name of ['calibrated_sigmoid', 'calibrated_isotonic']) {
    const { fixture, object } = await fixtureObject('sklearn', name)
    await matchesFixture(fixture, mapList(object, 'calibrated_classifiers_', (pair) => renamed(pair, { estimator: 'base_estimator' })))
    await matchesFixture(fixture, mapList(object, 'calibrated_classifiers_', (pair) => renamed(pair, { estimator: 'base_estimator', calibrators: 'calibrators_' })))
  }
})

test('isotonic regression before 0.24', async () => {
  const { fixture, object } = await fixtureObject('sklearn_extra', 'isotonic')
  await matchesFixture(fixture, renamed(object, { X_thresholds_: '_necessary_X_', y_thresholds_: '_necessary_y_' }))
})

test('bagging before 0.24 says how many features there are under another name', async () => {
  const { fixture, object } = await fixtureObject('sklearn', 'bagging_classifier')
  await matchesFixture(fixture, renamed(object, { n_features_in_: 'n_features_' }))
})

test('SAMME since 1.3: scores of a member sum to 0, and the setting went away in 1.8', async () => {
  const { fixture, object } = await fixtureObject('sklearn', 'adaboost_classifier_samme')
  const rows = inputOf(fixture, fixture.description.inputs[0])
  const decide = async (estimator: PyObject): Promise<Float64Array> => {
    const model = await load(importSklearn(estimator), { device: 'cpu' })
    const [scores] = await model.call('decision_function', rows)
    return scores.data as Float64Array
  }
  const before = await decide(object)
  for (const changes of [{ _sklearn_version: '1.3.0' }, { _sklearn_version: '1.6.1', algorithm: 'deprecated' }, { _sklearn_version: '1.8.0', algorithm: undefined }]) {
    const after = await decide(changed(object, changes))
    // Two classes: one number, the difference of their scores, which are now w and -w instead of w and 0.
    after.forEach((one, i) => assert.ok(Math.abs(one - 2 * before[i]) < 1e-12))
  }
  assert.throws(() => importSklearn(changed(object, { algorithm: 'SAMME.X' })), { code: 'SKLEARN_UNSUPPORTED' })
})

test('SAMME of three classes, before and since 1.3', async () => {
  // Members that predict class 0, 0 and 2 with weights 1, 2 and 3.
  const members = [0, 0, 2].map((position) =>
    described('sklearn.dummy.DummyClassifier', { strategy: 'most_frequent', classes_: integers([5, 6, 7]), class_prior_: floats([0, 1, 2].map((k) => (k === position ? 1 : 0))) }),
  )
  const boosted = (version: string): PyObject =>
    described('sklearn.ensemble._weight_boosting.AdaBoostClassifier', { estimators_: members, estimator_weights_: floats([1, 2, 3, 0]), classes_: integers([5, 6, 7]), algorithm: 'SAMME', _sklearn_version: version })
  const close = (got: ArrayLike<unknown>, want: readonly number[]): void => want.forEach((one, i) => assert.ok(Math.abs(Number(got[i]) - one) < 1e-15))
  close((await call(boosted('1.2.2'), 'decision_function', [[0]])).data, [0.5, 0, 0.5])
  close((await call(boosted('1.3.0'), 'decision_function', [[0]])).data, [0.25, -0.5, 0.25])
  // The first of equals.
  assert.deepEqual([...(await call(boosted('1.3.0'), 'predict', [[0]])).data], [5])
})

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

test('chains since 1.3 may hand on probabilities', async () => {
  const chain = (method: string | undefined): PyObject =>
    described('sklearn.multioutput.ClassifierChain', {
      estimators_: [logistic([2], -1, integers([0, 1])), logistic([0.5, -3], 1, integers([0, 1]))],
      classes_: [integers([0, 1]), integers([0, 1])], order_: [1, 0], n_features_in_: 1, ...(method === undefined ? {} : { chain_method_: method }),
    })
  for (const x of [-1, 0.25, 2]) {
    const first = sigmoid(2 * x - 1)
    const links = new Map([[undefined, 2 * x - 1 > 0 ? 1 : 0], ['predict', 2 * x - 1 > 0 ? 1 : 0], ['predict_proba', first], ['predict_log_proba', Math.log(first)], ['decision_function', 2 * x - 1]])
    for (const [method, link] of links) {
      const { data } = await call(chain(method), 'predict_proba', [[x]])
      // The chain's first member is the second output.
      assert.ok(Math.abs(Number(data[1]) - first) < 1e-12)
      assert.ok(Math.abs(Number(data[0]) - sigmoid(0.5 * x - 3 * link + 1)) < 1e-12, `${method} at ${x}`)
    }
  }
  assert.throws(() => importSklearn(chain('score')), { code: 'SKLEARN_UNSUPPORTED' })
})

test('thresholds of 1.5: fixed and tuned, on either class', async () => {
  const inner = logistic([1], 0, strings(['no', 'yes']))
  const rows = [[-2], [-0.5], [0.5], [2]]
  const labels = async (estimator: PyObject): Promise<unknown[]> => [...(await call(estimator, 'predict', rows)).data]
  const fixed = (state: Parameters<typeof described>[1]): PyObject => described('sklearn.model_selection._classification_threshold.FixedThresholdClassifier', { estimator_: inner, threshold: 'auto', pos_label: null, response_method: 'auto', ...state })
  assert.deepEqual(await labels(fixed({})), ['no', 'no', 'yes', 'yes'])
  assert.deepEqual(await labels(fixed({ threshold: sigmoid(1) })), ['no', 'no', 'no', 'yes'])
  assert.deepEqual(await labels(fixed({ threshold: -1, response_method: 'decision_function' })), ['no', 'yes', 'yes', 'yes'])
  // p('no') >= 0.8 only for x = -2.
  assert.deepEqual(await labels(fixed({ threshold: 0.8, pos_label: 'no' })), ['no', 'yes', 'yes', 'yes'])
  assert.throws(() => importSklearn(fixed({ pos_label: 'maybe' })), { code: 'SKLEARN_UNSUPPORTED' })
  const scorer = (metric: string, kwargs: Map<string, string> = new Map()): PyObject =>
    described('sklearn.metrics._scorer._CurveScorer', { _score_func: { kind: 'global', module: 'sklearn.metrics._classification', name: metric, offset: 0 }, _kwargs: kwargs })
  const tuned = (classes: PyObject, curve: PyObject): PyObject => described('sklearn.model_selection._classification_threshold.TunedThresholdClassifierCV', { estimator_: classes, best_threshold_: 0.8, response_method: 'predict_proba', _curve_scorer: curve })
  assert.deepEqual(await labels(tuned(inner, scorer('balanced_accuracy_score'))), ['no', 'no', 'no', 'yes'])
  assert.deepEqual(await labels(tuned(inner, scorer('f1_score', new Map([['pos_label', 'no']])))), ['no', 'yes', 'yes', 'yes'])
  // Classes 1 and 2: f1_score takes 1 for positive, balanced accuracy the second.
  const numbered = logistic([1], 0, integers([1, 2]))
  assert.deepEqual(await labels(tuned(numbered, scorer('f1_score'))), [1, 2, 2, 2])
  assert.deepEqual(await labels(tuned(numbered, scorer('balanced_accuracy_score'))), [1, 1, 1, 2])
  const own = described('sklearn.metrics._scorer._CurveScorer', { _score_func: { kind: 'global', module: '__main__', name: 'gain', offset: 0 }, _kwargs: new Map() })
  assert.throws(() => importSklearn(tuned(numbered, own)), { code: 'SKLEARN_UNSUPPORTED' })
})

test('frozen estimators of 1.6 and self-training under both names', async () => {
  const inner = logistic([1], 0, integers([0, 1]))
  for (const estimator of [
    described('sklearn.frozen._frozen.FrozenEstimator', { estimator: inner }),
    described('sklearn.semi_supervised._self_training.SelfTrainingClassifier', { base_estimator_: inner, classes_: integers([0, 1]) }),
    described('sklearn.semi_supervised._self_training.SelfTrainingClassifier', { estimator_: inner, estimator: null, classes_: integers([0, 1]) }),
  ]) {
    assert.deepEqual([...(await call(estimator, 'predict', [[-1], [1]])).data], [0, 1])
  }
})

test('one-versus-rest leaves rows of zeros as they are since 1.7', async () => {
  const never = described('sklearn.multiclass._ConstantPredictor', { y_: integers([0]) })
  const ovr = (version: string): PyObject =>
    described('sklearn.multiclass.OneVsRestClassifier', {
      estimators_: [never, never, never], _sklearn_version: version, label_binarizer_: described('sklearn.preprocessing._label.LabelBinarizer', { y_type_: 'multiclass', classes_: integers([3, 4, 5]) }),
    })
  assert.deepEqual([...(await call(ovr('1.6.1'), 'predict_proba', [[1]])).data], [NaN, NaN, NaN])
  assert.deepEqual([...(await call(ovr('1.7.0'), 'predict_proba', [[1]])).data], [0, 0, 0])
})

test('what cannot be imported is refused by name', async () => {
  const refused: readonly (readonly [RegExp, PyObject])[] = [
    [/refit=True/, described('sklearn.model_selection._search.GridSearchCV', { refit: false })],
    [/strategy="stratified"/, described('sklearn.dummy.DummyClassifier', { strategy: 'stratified', classes_: integers([0, 1]), class_prior_: floats([0.5, 0.5]) })],
    [/precomputed kernel/, described('sklearn.multiclass.OneVsOneClassifier', { estimators_: [logistic([1], 0, integers([0, 1]))], classes_: integers([0, 1]), pairwise_indices_: [integers([0])] })],
    [/estimators_ is empty/, described('sklearn.ensemble._voting.VotingRegressor', { estimators_: [], estimators: [] })],
    [/_TemperatureScaling/, described('sklearn.calibration.CalibratedClassifierCV', {
      classes_: integers([0, 1]),
      calibrated_classifiers_: [described('sklearn.calibration._CalibratedClassifier', { estimator: logistic([1], 0, integers([0, 1])), calibrators: [described('sklearn.calibration._TemperatureScaling', { beta_: 1 })] })],
    })],
  ]
  for (const [message, estimator] of refused) assert.throws(() => importSklearn(estimator), { code: 'SKLEARN_UNSUPPORTED', message })
})
