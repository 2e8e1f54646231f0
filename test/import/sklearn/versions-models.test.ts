// Support vector machines, neighbours, decompositions and Gaussian processes with the attributes of other versions, and settings that are refused.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MleError } from '../../../src/error.ts'
import { arrayAttribute, asFloat64, attribute, type NumericNdArray, type PyObject, type PyValue } from '../../../src/import/pickle/index.ts'
import { importSklearn } from '../../../src/import/sklearn/index.ts'
import { call, changed, described, fixtureObject, floats, integers, matchesFixture, renamed } from './described.ts'

const get = (name: string): ReturnType<typeof fixtureObject> => fixtureObject('sklearn_models', `v12_${name}`)

function negated(array: NumericNdArray): NumericNdArray {
  return { ...array, dtype: 'float64', data: asFloat64(array).map((one) => -one) }
}

async function refuses(object: PyObject, changes: Readonly<Record<string, PyValue>>, text: RegExp): Promise<void> {
  await assert.rejects(async () => importSklearn(changed(object, changes)), (error) => error instanceof MleError && error.code === 'SKLEARN_UNSUPPORTED' && text.test(error.message))
}

test('support vector machines before 0.24 keep the parameters of probabilities and counts under public names', async () => {
  const { fixture, object } = await get('svm_proba4')
  await matchesFixture(fixture, renamed(object, { _probA: 'probA_', _probB: 'probB_', _n_support: 'n_support_' }))
})

test('two classes: the public coefficients have the other sign', async () => {
  const { fixture, object } = await get('svm_bin')
  await matchesFixture(fixture, changed(object, { _dual_coef_: undefined, _intercept_: undefined }))
  const flipped = { dual_coef_: negated(arrayAttribute(object, 'dual_coef_')), intercept_: negated(arrayAttribute(object, 'intercept_')) }
  await matchesFixture(fixture, changed(object, flipped))
})

test('kernels that are functions and parts that do not fit are refused', async () => {
  const { object } = await get('svm_multi')
  await refuses(object, { kernel: { kind: 'global', module: '__main__', name: 'mine', offset: 0 } }, /kernel/)
  await refuses(object, { degree: 2.5 }, /degree/)
  await refuses(object, { _n_support: integers([1, 2]) }, /do not fit/)
})

test('probabilities of a machine that was fitted without them are left out', async () => {
  const { object } = await get('svm_multi')
  const { metadata } = importSklearn(changed(object, { probability: true }))
  assert.ok(metadata.methods?.every(({ name }) => name !== 'predict_proba'))
  assert.ok(metadata.notes?.some((note) => note.includes('predict_proba')))
})

test('a tree of neighbours that cannot be read gives way to brute force', async () => {
  const { fixture, object } = await get('nn_k1')
  await matchesFixture(fixture, changed(object, { _tree: described('sklearn.neighbors._kd_tree.KDTree') }))
})

test('weights and metrics that are functions are refused by name', async () => {
  const { object } = await get('nn_k1')
  const callable: PyValue = { kind: 'global', module: '__main__', name: 'mine', offset: 0 }
  await refuses(object, { weights: callable }, /weights/)
  await refuses(object, { effective_metric_: callable }, /metric/)
  await refuses(object, { effective_metric_: 'wminkowski' }, /wminkowski/)
  await refuses(object, { effective_metric_: 'nan_euclidean' }, /nan_euclidean/)
})

test('a row without neighbours is an error where the model has no label for it', async () => {
  const { object } = await get('nn_rad')
  const alone = changed(object, { outlier_label_: null })
  const far = [new Array<number>(7).fill(1000)]
  await assert.rejects(call(alone, 'predict', far), (error) => error instanceof MleError && error.code === 'OP_REQUIRE')
  assert.deepEqual([...(await call(object, 'predict', far)).data], [0])
})

test('kernel principal components before 1.0', async () => {
  const { fixture, object } = await get('dec_kpca_rbf')
  await matchesFixture(fixture, renamed(object, { eigenvalues_: 'lambdas_', eigenvectors_: 'alphas_' }))
})

test('Gaussian processes before 0.23 keep no deviation of the targets', async () => {
  const { fixture, object } = await get('gpr_m15')
  await matchesFixture(fixture, changed(object, { _y_train_std: undefined, _y_train_mean: floats([0]) }))
})

test('kernels of Gaussian processes that are not known are refused by name', async () => {
  const { object } = await get('gpr_m15')
  await refuses(object, { kernel_: described('mine.OwnKernel') }, /OwnKernel/)
  let deep: PyValue = attribute(object, 'kernel_')
  for (let i = 0; i < 200; i++) deep = described('sklearn.gaussian_process.kernels.Exponentiation', { kernel: deep, exponent: 1 })
  await refuses(object, { kernel_: deep }, /nested/)
})

test('a kernel that is part of itself many times over is built once', async () => {
  const { object } = await get('gpr_m15')
  let sum: PyValue = described('sklearn.gaussian_process.kernels.ConstantKernel', { constant_value: 1 })
  for (let i = 0; i < 60; i++) sum = described('sklearn.gaussian_process.kernels.Sum', { k1: sum, k2: sum })
  assert.ok(importSklearn(changed(object, { kernel_: sum })).nodes.length < 100)
})

test('perceptrons before 0.22 name classes only in the binarizer', async () => {
  const { fixture, object } = await get('mlp_relu')
  await matchesFixture(fixture, changed(object, { classes_: undefined }))
})

test('settings of decompositions that are not deterministic or not known are refused', async () => {
  await refuses((await get('dec_nmf')).object, { shuffle: true }, /shuffle/)
  await refuses((await get('dec_dict_omp')).object, { transform_algorithm: 'lars' }, /lars/)
  await refuses((await get('dec_dict_lars')).object, { positive_code: true }, /positive_code/)
  await refuses((await get('dec_isomap')).object, { radius: 2 }, /radius/)
  await refuses((await get('features_mean')).object, { pooling_func: { kind: 'global', module: 'numpy', name: 'median', offset: 0 } }, /median/)
})

test('penalties of factorisations before 1.0 are not scaled by the number of features', async () => {
  const { fixture, object } = await get('dec_nmf_penalty')
  await matchesFixture(fixture, changed(object, { alpha_W: undefined, alpha_H: undefined, alpha: 0.01 * 12, regularization: 'both' }))
})

test('outliers that were found at fit keep their labels', async () => {
  const { object } = await get('nn_lof')
  const labels = await call(changed(object, { novelty: false, negative_outlier_factor_: floats([-1, -2, -1.5]), offset_: -1.5 }), 'fit_predict', [[0, 0, 0, 0]])
  assert.deepEqual([...labels.data], [1, -1, 1])
})

test('a chain of splits that leads back to itself is an error', async () => {
  const { object } = await get('cluster_bisecting')
  const state = new Map<string, PyValue>([['center', floats([0, 0, 0, 0])], ['label', 0]])
  const node: PyObject = { ...described('sklearn.cluster._bisect_k_means._BisectingTree'), state }
  state.set('left', node)
  state.set('right', node)
  const { metadata } = importSklearn(changed(object, { _bisecting_tree: node }))
  assert.ok(metadata.notes?.some((note) => note.includes('more splits')))
})
