// CatBoost's wrappers as their pickles describe them, around models of the fixtures.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MleError } from '../../../src/error.ts'
import { readCatboost } from '../../../src/import/catboost/index.ts'
import { importModel } from '../../../src/import/index.ts'
import { allowSklearn, importSklearn } from '../../../src/import/sklearn/index.ts'
import { load } from '../../../src/load.ts'
import { readPack } from '../../support/fixtures.ts'
import { randomOf } from '../support.ts'
import { described } from './described.ts'

const pack = readPack('catboost')

function bytesOf(path: string): Uint8Array {
  const bytes = pack.get(path)
  assert.ok(bytes !== undefined, path)
  return bytes
}

/** Tables of numbers and categories in the order of training, and the same by kind as the file itself takes them. */
function tableOf(bytes: Uint8Array, rows: number): { table: (string | number)[][]; X: number[][]; cats: string[][] } {
  const { floatFeatures, catFeatures } = readCatboost(bytes)
  const random = randomOf(7)
  const table = Array.from({ length: rows }, () => {
    const row: (string | number)[] = []
    for (const { flatIndex, borders } of floatFeatures) row[flatIndex] = borders.length > 0 ? random.pick([...borders]) + random.next() - 0.5 : random.next()
    for (const { flatIndex } of catFeatures) row[flatIndex] = random.pick(['a', 'b', 'c', '0', '1', '2', '3'])
    return row
  })
  const byIndex = (features: readonly { index: number; flatIndex: number }[]): readonly { index: number; flatIndex: number }[] => [...features].sort((a, b) => a.index - b.index)
  return {
    table,
    X: table.map((row) => byIndex(floatFeatures).map(({ flatIndex }) => Number(row[flatIndex]))),
    cats: table.map((row) => byIndex(catFeatures).map(({ flatIndex }) => String(row[flatIndex]))),
  }
}

for (const path of ['rs_model_serde_regression/model.cbm', 'rs_nonsym_depthwise/model.cbm', 'rs_ctr_load_simple/model.cbm', 'rs_ctr_btmv_simple/model.cbm', 'rs_onehot_multi/model.cbm', 'go_multiclass_3/model.json', 'rs_multilogloss/model.json']) {
  test(`a wrapper around ${path} gives what the file itself gives`, async () => {
    const bytes = bytesOf(path)
    const { loss, dimension, catFeatures, floatFeatures } = readCatboost(bytes)
    const isClassifier = loss !== 'RMSE'
    const estimator = described(`catboost.core.${isClassifier ? 'CatBoostClassifier' : 'CatBoostRegressor'}`, { iterations: 10, loss_function: loss, __model: bytes })
    const wrapped = await load(importSklearn(estimator), { device: 'cpu' })
    const direct = await load(await importModel(bytes), { device: 'cpu' })
    const { table, X, cats } = tableOf(bytes, 40)
    const inputs = { ...(floatFeatures.length > 0 ? { X } : {}), ...(catFeatures.length > 0 ? { cats } : {}) }
    const numbers = async (model: typeof wrapped, method: string, own: Parameters<typeof model.call>[1]): Promise<{ shape: readonly number[]; data: unknown[] }> => {
      const [{ shape, data }] = await model.call(method, own)
      return { shape, data: [...data] }
    }
    for (const [method, other] of [['predict', 'predict'], ['margin', 'margin'], ['apply', 'leaf'], ...(direct.methods.includes('contributions') ? [['contributions', 'contributions']] : [])]) {
      const got = await numbers(wrapped, method, table)
      const want = await numbers(direct, other, inputs)
      const isColumn = method === 'predict' && isClassifier && dimension > 1 && loss !== 'MultiLogloss'
      assert.deepEqual(got, isColumn ? { ...want, shape: [40, 1] } : want, method)
    }
    if (isClassifier) {
      const got = await numbers(wrapped, 'predict_proba', table)
      const probabilities = await direct.run(inputs, ['probabilities'])
      assert.deepEqual(got, { shape: probabilities.probabilities.shape, data: [...probabilities.probabilities.data] })
      assert.equal(got.shape[1], loss === 'MultiLogloss' ? dimension : Math.max(2, dimension))
    }
    wrapped.dispose()
    direct.dispose()
  })
}

test('wrappers in a pipeline, without a model, and of no kind', async () => {
  const bytes = bytesOf('rs_model_serde_regression/model.cbm')
  const regressor = described('catboost.core.CatBoostRegressor', { __model: bytes })
  const pipeline = described('sklearn.pipeline.Pipeline', { steps: [{ kind: 'tuple', items: ['model', regressor] }] })
  const { table } = tableOf(bytes, 5)
  const call = async (object: typeof regressor): Promise<number[]> => {
    const model = await load(importSklearn(object), { device: 'cpu' })
    const [out] = await model.call('predict', table)
    model.dispose()
    return [...out.data].map(Number)
  }
  const alone = await call(regressor)
  assert.deepEqual(await call(pipeline), alone)
  assert.deepEqual(await call(described('catboost.core.CatBoost', { __model: bytes })), alone)
  assert.throws(() => importSklearn(described('catboost.core.CatBoostRegressor', {})), (error) => error instanceof MleError && error.code === 'PICKLE_ATTRIBUTE')
  assert.throws(() => importSklearn(described('catboost.core.CatBoostRegressor', { __model: 'text' })), (error) => error instanceof MleError && error.code === 'SKLEARN_VALUE')
  assert.ok(allowSklearn('catboost.core', 'CatBoostClassifier'))
})
