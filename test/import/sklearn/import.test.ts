// Refusals, and what other versions of scikit-learn wrote: estimators described by hand, as the pickle reader would.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MleError } from '../../../src/error.ts'
import type { NdArray, PyObject, PyValue } from '../../../src/import/pickle/index.ts'
import { importSklearn } from '../../../src/import/sklearn/index.ts'
import { load } from '../../../src/load.ts'

function estimator(name: string, state: Readonly<Record<string, PyValue>>, module: string = 'sklearn.some.module'): PyObject {
  return { kind: 'object', module, name, args: [], state: new Map(Object.entries(state)), offset: 0 }
}

const array = (values: readonly number[], shape: readonly number[] = [values.length]): NdArray => ({ kind: 'ndarray', dtype: 'float64', shape, data: Float64Array.from(values) })
const objects = (values: readonly PyValue[]): NdArray => ({ kind: 'ndarray', dtype: 'object', shape: [values.length], data: values })
const tuple = (...items: PyValue[]): PyValue => ({ kind: 'tuple', items })

async function call(model: PyObject, method: string, rows: number[][] | (string | null)[][]): Promise<unknown[]> {
  const [result] = await (await load(importSklearn(model), { device: 'cpu' })).call(method, rows)
  return [...result.data]
}

const refusedWith = (code: string, ...words: string[]) => (error: unknown): boolean => error instanceof MleError && error.code === code && words.every((word) => error.message.includes(word))

const regression = (state: Readonly<Record<string, PyValue>> = {}): PyObject => estimator('LinearRegression', { coef_: array([2, 3]), intercept_: 1, ...state })

test('unknown estimators and settings are refused by name', () => {
  assert.throws(() => importSklearn(estimator('Oracle', {}, 'sklearn.magic')), refusedWith('SKLEARN_UNSUPPORTED', 'sklearn.magic.Oracle'))
  assert.throws(() => importSklearn(estimator('LinearRegression', {}, 'other.linear')), refusedWith('SKLEARN_UNSUPPORTED', 'other.linear.LinearRegression'))
  assert.throws(() => importSklearn(estimator('TSNE', {}, 'sklearn.manifold._t_sne')), refusedWith('SKLEARN_UNSUPPORTED', 'sklearn.manifold._t_sne.TSNE', 'embedding_'))
  assert.throws(() => importSklearn(estimator('SMOTE', {}, 'imblearn.over_sampling')), refusedWith('SKLEARN_UNSUPPORTED', 'imblearn.over_sampling.SMOTE', 'without this part'))
  assert.throws(() => importSklearn(estimator('Normalizer', { norm: 'l7' })), refusedWith('SKLEARN_UNSUPPORTED', 'Normalizer', 'norm', 'l7', 'l1, l2, max'))
  const user = estimator('FunctionTransformer', { func: { kind: 'global', module: 'mycode', name: 'clean', offset: 0 } })
  assert.throws(() => importSklearn(user), refusedWith('SKLEARN_UNSUPPORTED', 'FunctionTransformer', 'mycode.clean'))
  const inner = estimator('Pipeline', { steps: [tuple('a', estimator('Oracle', {})), tuple('b', regression())] })
  assert.throws(() => importSklearn(inner), refusedWith('SKLEARN_UNSUPPORTED', 'Pipeline step "a"', 'Oracle'))
})

test('a file that holds no estimator is refused', () => {
  assert.throws(() => importSklearn([1, 2]), refusedWith('SKLEARN_VALUE', 'list of 2'))
  assert.throws(() => importSklearn(estimator('Pipeline', { steps: [tuple('a', 7)] })), refusedWith('SKLEARN_VALUE', 'Pipeline step "a"'))
})

test('an estimator that is not fitted says which attribute is missing', () => {
  assert.throws(() => importSklearn(estimator('LinearRegression', {})), refusedWith('PICKLE_ATTRIBUTE', 'coef_'))
})

test('steps of different widths are refused', () => {
  const scaler = estimator('StandardScaler', { mean_: array([0, 0, 0]), scale_: array([1, 1, 1]) })
  assert.throws(() => importSklearn(estimator('Pipeline', { steps: [tuple('a', scaler), tuple('b', regression())] })), refusedWith('SKLEARN_SHAPE', '2', '3'))
})

test('counts that no table has are refused before anything of that length is made', () => {
  for (const count of [1e300, -2, 1.5, NaN, 2 ** 40]) {
    assert.throws(() => importSklearn(estimator('FunctionTransformer', { func: null, n_features_in_: count })), refusedWith('SKLEARN_SHAPE', 'n_features_in_', String(count)))
    assert.throws(() => importSklearn(estimator('DummyRegressor', { constant_: array([1], [1, 1]), n_outputs_: count })), refusedWith('SKLEARN_SHAPE', 'n_outputs_'))
    assert.throws(() => importSklearn(estimator('MissingIndicator', { features: 'all', missing_values: NaN, _n_features: count })), refusedWith('SKLEARN_SHAPE', '_n_features'))
  }
  assert.throws(() => importSklearn(estimator('SplineTransformer', { degree: 3, bsplines_: [], n_features_in_: 0 })), refusedWith('SKLEARN_UNSUPPORTED', 'bsplines_ is empty'))
})

test('labels that are neither numbers nor strings are refused', () => {
  const model = estimator('Perceptron', { coef_: array([1], [1, 1]), intercept_: array([0]), classes_: objects(['a', null]) })
  assert.throws(() => importSklearn(model), refusedWith('SKLEARN_LABELS'))
})

test('estimators nested without end are refused', () => {
  let model = regression()
  for (let i = 0; i < 100; i++) model = estimator('Pipeline', { steps: [tuple('a', model)] })
  assert.throws(() => importSklearn(model), refusedWith('SKLEARN_DEPTH'))
})

test('metadata says what the model is', () => {
  const { metadata, inputs, outputs } = importSklearn(
    estimator('LogisticRegression', { coef_: array([1, 2], [1, 2]), intercept_: array([0]), classes_: objects(['no', 'yes']), _sklearn_version: '1.2.1', feature_names_in_: objects(['a', 'b']) }),
  )
  assert.deepEqual(metadata.methods?.map((method) => method.name), ['predict', 'predict_proba', 'predict_log_proba', 'decision_function'])
  assert.deepEqual(metadata.classes, [['no', 'yes']])
  assert.deepEqual(metadata.columns, [{ name: 'a', input: 'X', index: 0 }, { name: 'b', input: 'X', index: 1 }])
  assert.equal(metadata.framework, 'scikit-learn')
  assert.equal(metadata.frameworkVersion, '1.2.1')
  assert.deepEqual(inputs.map(({ name, type }) => [name, type]), [['X', { dtype: 'float64', shape: ['batch', 2] }]])
  assert.deepEqual(outputs.map(({ name }) => name), ['label', 'probabilities', 'log_probabilities', 'decision'])
})

test('columns of strings become inputs of their own', async () => {
  const encoder = estimator('OneHotEncoder', { categories_: [objects(['x', 'y']), array([1, 2])], handle_unknown: 'ignore', feature_names_in_: objects(['label', 'n']) })
  const graph = importSklearn(encoder)
  // `label` is the name of an output of classifiers, so the input steps aside.
  assert.deepEqual(graph.inputs.map(({ name, type }) => [name, 'dtype' in type && type.dtype]), [['label_', 'string'], ['n', 'float64']])
  const model = await load(graph, { device: 'cpu' })
  const [result] = await model.call('transform', [{ label: 'y', n: 2 }, { label: null, n: 7 }])
  assert.deepEqual([...result.data], [0, 1, 0, 1, 0, 0, 0, 0])
})

test('multi-class probabilities follow the version', async () => {
  const newest = { coef_: array([1, 0, 0], [3, 1]), intercept_: array([0, 0, 0]), classes_: array([0, 1, 2]), solver: 'lbfgs' }
  const base = { ...newest, solver: 'newton-cholesky', multi_class: 'auto' }
  const oneVersusRest = await call(estimator('LogisticRegression', { ...base, _sklearn_version: '1.5.2' }), 'predict_proba', [[0]])
  assert.ok(Math.abs(Number(oneVersusRest[0]) - 1 / 3) < 1e-12)
  const [first] = await call(estimator('LogisticRegression', { ...base, _sklearn_version: '1.5.2' }), 'predict_proba', [[2]])
  const sigmoid = 1 / (1 + Math.E ** -2)
  assert.ok(Math.abs(Number(first) - sigmoid / (sigmoid + 1)) < 1e-12)
  const softmax = Math.E ** 2 / (Math.E ** 2 + 2)
  for (const state of [{ ...base, _sklearn_version: '1.6.0' }, { ...base, multi_class: 'deprecated', solver: 'lbfgs' }]) {
    const [other] = await call(estimator('LogisticRegression', state), 'predict_proba', [[2]])
    assert.ok(Math.abs(Number(other) - softmax) < 1e-12)
  }
  assert.ok(Math.abs(Number((await call(estimator('LogisticRegression', newest), 'predict_proba', [[2]]))[0]) - softmax) < 1e-12)
})

test('attributes that were renamed are found', async () => {
  const naive = { theta_: array([0, 4], [2, 1]), class_prior_: array([0.5, 0.5]), classes_: array([0, 1]) }
  assert.deepEqual(await call(estimator('GaussianNB', { ...naive, sigma_: array([1, 1], [2, 1]) }), 'predict', [[1], [3]]), [0, 1])
  assert.deepEqual(await call(estimator('GaussianNB', { ...naive, var_: array([1, 1], [2, 1]) }), 'predict', [[1], [3]]), [0, 1])
  const pls = { x_rotations_: array([1, 2], [2, 1]), y_loadings_: array([3], [1, 1]) }
  const names = [['x_mean_', 'x_std_', 'y_mean_', 'y_std_'], ['_x_mean', '_x_std', '_y_mean', '_y_std']]
  for (const [xMean, xStd, yMean, yStd] of names) {
    const model = estimator('PLSRegression', { ...pls, [xMean]: array([1, 1]), [xStd]: array([2, 2]), [yMean]: array([5]), [yStd]: array([4]) })
    // ((3 - 1) / 2 * 1 + (5 - 1) / 2 * 2) * 3 * 4 + 5
    assert.deepEqual(await call(model, 'predict', [[3, 5]]), [65])
  }
})

test('bins before 1.1 counted values just below an edge as above it', async () => {
  const state = { bin_edges_: objects([array([0, 1, 2])]), encode: 'ordinal' }
  assert.deepEqual(await call(estimator('KBinsDiscretizer', { ...state, _sklearn_version: '0.24.2' }), 'transform', [[0.999999], [0.9]]), [1, 0])
  assert.deepEqual(await call(estimator('KBinsDiscretizer', { ...state, _sklearn_version: '1.1.0' }), 'transform', [[0.999999], [1]]), [0, 1])
})

test('columns are found as old versions kept them', async () => {
  const scaler = estimator('MaxAbsScaler', { scale_: array([2]) })
  for (const columns of [[-1], { kind: 'ndarray', dtype: 'bool', shape: [2], data: Uint8Array.of(0, 1) } as NdArray, 1, [false, true], estimator('slice', {}, 'builtins')]) {
    const spec: PyValue = typeof columns === 'object' && 'name' in columns ? { ...columns, args: [1, null, null] } : columns
    const model = estimator('ColumnTransformer', { transformers_: [tuple('a', scaler, spec), tuple('remainder', 'drop', [0])], n_features_in_: 2 })
    assert.deepEqual(await call(model, 'transform', [[1, 4]]), [2])
  }
})

test('an encoder gives the dtype that it was made with', () => {
  const dtypes: readonly (readonly [PyValue, string | undefined])[] = [
    [{ kind: 'global', module: 'numpy', name: 'int32', offset: 0 }, 'int32'],
    [{ kind: 'global', module: 'numpy', name: 'bool_', offset: 0 }, 'bool'],
    [{ kind: 'global', module: 'builtins', name: 'bool', offset: 0 }, 'bool'],
    [{ kind: 'global', module: 'numpy', name: 'float64', offset: 0 }, undefined],
  ]
  for (const [dtype, expected] of dtypes) {
    for (const name of ['OneHotEncoder', 'OrdinalEncoder']) {
      const graph = importSklearn(estimator(name, { categories_: [array([1, 2])], dtype, n_features_in_: 1 }))
      assert.equal(graph.outputs[0].sourceDtype, expected, name)
    }
  }
})

test('a feature without missing values at fit may have none later', async () => {
  const indicator = (error: boolean): PyObject => estimator('MissingIndicator', { features: 'missing-only', missing_values: NaN, error_on_new: error, features_: { ...array([1]), dtype: 'int64', data: BigInt64Array.of(1n) }, n_features_in_: 2 })
  assert.deepEqual(await call(indicator(true), 'transform', [[1, NaN], [2, 3]]), [1, 0])
  assert.deepEqual(await call(indicator(false), 'transform', [[NaN, 1]]), [0])
  await assert.rejects(call(indicator(true), 'transform', [[NaN, 1]]), refusedWith('OP_REQUIRE', 'error_on_new'))
})

test('a method that cannot be imported is left out with a note', () => {
  const state = { x_rotations_: array([1, 2], [2, 1]), y_loadings_: array([3, 4], [1, 2]), _x_mean: array([0, 0]), _x_std: array([1, 1]), _y_mean: array([0]), _y_std: array([1]) }
  const { metadata } = importSklearn(estimator('PLSRegression', state))
  assert.deepEqual(metadata.methods?.map((method) => method.name), ['transform'])
  assert.match(metadata.notes?.[0] ?? '', /predict is not available.*y_loadings_/)
})
