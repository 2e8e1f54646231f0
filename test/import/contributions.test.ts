// Whatever a file holds, the contributions of its features add up to what it predicts.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { importModel } from '../../src/import/index.ts'
import { load, type Tensor } from '../../src/index.ts'
import { inputOf, readCases, type FixtureCase } from '../support/fixtures.ts'

/** Enough rows to take both sides of most splits. */
const ROWS = 6
/** What contributions add up to: the first of these methods that a model has. */
const EXPLAINED = ['margin', 'decision_function', 'predict_proba', 'predict']

const PACKS = ['xgboost', 'boosting', 'lightgbm', 'catboost', 'sklearn', 'sklearn_extra', 'sklearn_old'] as const
/** Files of other libraries, and estimators whose name is not this: they have no trees to explain. */
const TREES = /Forest|Tree|Boosting|Booster|CatBoost|XGB|LGBM/

/** Categories given by column, and a prediction that is the exponent of what is explained. */
const OTHER = new Set(['rs_onehot_multi', 'hgb_regressor_poisson'])

function firstRows(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, ROWS)
  const { dtype, shape, data } = value as Tensor
  const rows = Math.min(ROWS, shape[0])
  return { dtype, shape: [rows, ...shape.slice(1)], data: data.slice(0, (data.length / shape[0]) * rows) }
}

/** True where the case had contributions to look at. */
async function addsUp(fixture: FixtureCase): Promise<boolean> {
  const { file, inputs } = fixture.description
  const graph = await importModel(fixture.bytes(file), { fileName: file })
  const methods = graph.metadata.methods ?? []
  if (!methods.some(({ name }) => name === 'contributions')) return false
  const model = await load(graph)
  const values = inputs.filter(({ alternative }) => alternative !== true).map((input) => firstRows(inputOf(fixture, input)))
  const rows = graph.inputs.some(({ name }) => name === 'cats') ? Object.fromEntries(inputs.map(({ dtype }, i) => [dtype === 'strings' ? 'cats' : 'X', values[i]])) : values[0]
  const method = EXPLAINED.find((name) => methods.some((one) => one.name === name)) ?? ''
  const [contributions] = await model.call('contributions', rows as number[][])
  const [predicted] = await model.call(method, rows as number[][])
  const predictions = predicted.data.length
  assert.ok(predictions > 0 && contributions.data.length % predictions === 0, `${fixture.name}: [${contributions.shape.join()}] explains [${predicted.shape.join()}]`)
  const columns = contributions.data.length / predictions
  // XGBoost adds up margins in float32.
  const eps = predicted.dtype === 'float32' ? 2e-6 : 1e-9
  for (let i = 0; i < predictions; i++) {
    const own = Array.from(contributions.data.slice(i * columns, (i + 1) * columns) as Float64Array)
    const sum = own.reduce((total, value) => total + value, 0)
    const size = own.reduce((total, value) => total + Math.abs(value), 1)
    assert.ok(Math.abs(sum - Number(predicted.data[i])) <= eps * size, `${fixture.name}, ${method} ${i}: contributions add up to ${sum}, predicted ${predicted.data[i]}`)
  }
  model.dispose()
  return true
}

for (const pack of PACKS) {
  describe(pack, () => {
    const cases = readCases(pack).filter(({ name, description: { estimator } }) => TREES.test(estimator) && !OTHER.has(name))
    let explained = 0
    for (const fixture of cases) {
      test(fixture.name, async () => {
        if (await addsUp(fixture)) explained++
      })
    }
    test('most of them are explained', () => assert.ok(explained >= cases.length * 0.6, `${explained} of ${cases.length}`))
  })
}
