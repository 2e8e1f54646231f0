// Methods besides predictions: apply of boosted trees, kneighbors.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importSklearn } from '../../../src/import/sklearn/index.ts'
import { readTree } from '../../../src/import/sklearn/families/tree-structure.ts'
import { asObject, attribute, isNdArray } from '../../../src/import/pickle/index.ts'
import { load } from '../../../src/load.ts'
import { inputOf } from '../../support/fixtures.ts'
import { described, fixtureObject, floats, integers } from './described.ts'

for (const [name, score] of [['gb_multi', 'decision_function'], ['gb_binary', 'decision_function'], ['gb_regressor', 'predict']]) {
  test(`leaves of ${name} add up to its score`, async () => {
    const { fixture, object } = await fixtureObject('sklearn', name)
    const array = attribute(object, 'estimators_')
    assert.ok(isNdArray(array) && array.dtype === 'object')
    const trees = array.data.map((tree) => readTree(asObject(tree, 'tree')))
    const [stages, outputs] = array.shape
    const rate = Number(attribute(object, 'learning_rate'))
    const model = await load(importSklearn(object))
    const rows = inputOf(fixture, fixture.description.inputs[0])
    const [leaves] = await model.call('apply', rows)
    const [scores] = await model.call(score, rows)
    const n = leaves.shape[0]
    assert.deepEqual(leaves.shape, name === 'gb_regressor' ? [n, stages] : [n, stages, outputs])
    assert.equal(model.outputs.find((one) => one.name === 'leaf')?.sourceDtype, 'float64')
    // The score less its leaves is where boosting starts, the same for each row.
    for (let o = 0; o < outputs; o++) {
      const starts = Array.from({ length: n }, (_, r) => {
        let sum = Number(scores.data[r * outputs + o])
        for (let s = 0; s < stages; s++) sum -= rate * trees[s * outputs + o].values[Number(leaves.data[(r * stages + s) * outputs + o])]
        return sum
      })
      assert.ok(Math.max(...starts) - Math.min(...starts) < 1e-9, `output ${o}`)
    }
    model.dispose()
  })
}

test('kneighbors gives distances and positions, nearest first', async () => {
  const estimator = described('sklearn.neighbors._unsupervised.NearestNeighbors', {
    _sklearn_version: '1.2.1', n_neighbors: 2, effective_metric_: 'euclidean', effective_metric_params_: null, _fit_method: 'brute', _fit_X: floats([0, 0, 3, 4, 0, 1], [3, 2]), n_features_in_: 2,
  })
  const model = await load(importSklearn(estimator))
  assert.deepEqual(model.methods, ['kneighbors'])
  const [distances, indices] = await model.call('kneighbors', [[0, 0], [3, 4]])
  assert.deepEqual([...distances.data], [0, 1, 0, Math.sqrt(18)])
  assert.deepEqual([...indices.data], [0, 2, 1, 2])
  assert.deepEqual(model.outputs.map(({ name, sourceDtype }) => [name, sourceDtype]), [['distances', undefined], ['indices', 'int64']])
  model.dispose()
})

test('of integers brute force takes those neighbours that numpy puts first', async () => {
  const points = Array.from('00 20 22 12 22 21 00 01 00 02 20 00 21 20 02 21 11 12 22 00'.replaceAll(' ', ''), Number)
  const state = { _sklearn_version: '1.2.1', n_neighbors: 5, effective_metric_: 'euclidean', effective_metric_params_: null, _fit_method: 'brute', n_features_in_: 2 }
  const nearest = async (fitted: ReturnType<typeof floats>): Promise<number[]> => {
    const model = await load(importSklearn(described('sklearn.neighbors._unsupervised.NearestNeighbors', { ...state, _fit_X: fitted })))
    const [, indices] = await model.call('kneighbors', [[2, 1], [2, 0]])
    model.dispose()
    return [...indices.data].map(Number)
  }
  // kneighbors of scikit-learn 1.2.1, of integers and of the same numbers as floats, without their order among equal ones.
  const sets = (all: readonly number[]): number[][] => [all.slice(0, 5), all.slice(5)].map((one) => [...one].sort((a, b) => a - b))
  assert.deepEqual(sets(await nearest({ ...integers(points), shape: [20, 2] })), [[5, 10, 12, 15, 16], [1, 10, 12, 13, 15]])
  assert.deepEqual(sets(await nearest(floats(points, [20, 2]))), [[1, 2, 5, 12, 15], [1, 5, 10, 12, 13]])
})
