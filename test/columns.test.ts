// Category columns: tables give the values of the training table, arrays of numbers their positions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { categoryPositions } from '../src/columns.ts'
import { MleError } from '../src/error.ts'
import { read } from '../src/format/read.ts'
import { write } from '../src/format/write.ts'
import { importModel } from '../src/import/index.ts'
import { load, type Model } from '../src/index.ts'

/** One tree over `city` (a, b, c), whose members {b} go left, and one over `size`, categories 10 and 20. */
const lightgbm = (infos: string, categories: string): Uint8Array =>
  new TextEncoder().encode(
    ['tree', 'version=v4', 'num_class=1', 'num_tree_per_iteration=1', 'label_index=0', 'max_feature_idx=2', 'objective=regression', 'feature_names=city price size', `feature_infos=${infos}`, '',
      'Tree=0', 'num_leaves=2', 'num_cat=1', 'split_feature=0', 'split_gain=1', 'threshold=0', 'decision_type=1', 'left_child=-1', 'right_child=-2', 'leaf_value=1 2', 'cat_boundaries=0 1', 'cat_threshold=2', 'is_linear=0', 'shrinkage=1', '', '',
      'Tree=1', 'num_leaves=2', 'num_cat=1', 'split_feature=2', 'split_gain=1', 'threshold=0', 'decision_type=1', 'left_child=-1', 'right_child=-2', 'leaf_value=10 20', 'cat_boundaries=0 1', 'cat_threshold=2', 'is_linear=0', 'shrinkage=1', '', '',
      'end of trees', '', `pandas_categorical:${categories}`, ''].join('\n'),
  )

const values = async (model: Model, rows: Parameters<Model['predict']>[0]): Promise<number[]> => Array.from((await model.predict(rows)).data as Float64Array)

test('LightGBM: rows by column name give categories, arrays give codes, unseen categories are missing', async () => {
  const graph = await importModel(lightgbm('0:1:2 [0:5] 0:1', '[["a", "b", "c"], [10, 20]]'))
  assert.deepEqual(graph.metadata.columns?.map(({ categories }) => categories), [['a', 'b', 'c'], undefined, [10, 20]])
  const model = await load(graph)
  const rows = [{ city: 'b', price: 1, size: 20 }, { city: 'c', price: 1, size: 10 }, { city: 'z', price: 1, size: null }, { city: null, price: 1, size: '20' }]
  assert.deepEqual(await values(model, rows), [11, 22, 22, 12])
  assert.deepEqual(await values(model, [[1, 0, 1], [2, 0, 0], [7, 0, NaN]]), [11, 22, 22])
  assert.deepEqual(await values(model, [['b', 0, 1] as unknown as number[], [2, 0, 0]]), [11, 22])
})

test('categories survive the .mle file', async () => {
  const graph = await importModel(lightgbm('0:1:2 [0:5] 0:1', '[["a", "b", "c"], [true, false]]'))
  const again = await read(await write(graph))
  assert.deepEqual(again.metadata, graph.metadata)
  assert.deepEqual(again.metadata.columns?.[2], { name: 'size', input: 'X', index: 2, categories: [1, 0], unseen: 'missing' })
})

test('categories that cannot be told to belong to columns are kept as they are, with a note', async () => {
  const { metadata } = await importModel(lightgbm('none none none', '[["a", "b", "c"], [10, 20]]'))
  assert.equal(metadata.columns?.some(({ categories }) => categories !== undefined), false)
  assert.match(metadata.notes?.[0] ?? '', /categories of 2 columns/)
  assert.equal(new Map(metadata.properties).get('pandas_categorical'), '[["a", "b", "c"], [10, 20]]')
  assert.match((await importModel(lightgbm('0:1:2 [0:5] 0:1', '[["a", '))).metadata.notes?.[0] ?? '', /cannot be read/)
})

/** What XGBoost 3.1 writes for columns of strings (an Arrow array) and of integers. */
const xgboost = (city: object): Uint8Array => {
  const tree = {
    base_weights: [0, 1, 2], categories: [1], categories_nodes: [0], categories_segments: [0], categories_sizes: [1], default_left: [0, 0, 0], id: 0, left_children: [1, -1, -1], loss_changes: [1, 0, 0],
    parents: [2147483647, 0, 0], right_children: [2, -1, -1], split_conditions: [0, 1, 2], split_indices: [0, 0, 0], split_type: [1, 0, 0], sum_hessian: [2, 1, 1], tree_param: { num_deleted: '0', num_feature: '2', num_nodes: '3', size_leaf_vector: '1' },
  }
  const cats = { enc: [city, { type: 9, values: [] }], feature_segments: [0, 2, 2], sorted_idx: [] }
  const model = { gbtree_model_param: { num_parallel_tree: '1', num_trees: '1' }, tree_info: [0], trees: [tree], cats }
  const learner = {
    attributes: {}, feature_names: ['city', 'price'], feature_types: ['c', 'float'], gradient_booster: { model, name: 'gbtree' },
    learner_model_param: { base_score: '[0E0]', boost_from_average: '1', num_class: '0', num_feature: '2', num_target: '1' }, objective: { name: 'reg:squarederror', reg_loss_param: { scale_pos_weight: '1' } },
  }
  return new TextEncoder().encode(JSON.stringify({ learner, version: [3, 1, 0] }))
}

test('XGBoost 3.1: strings of the training table are recoded; one that it did not see is an error, as in the library', async () => {
  const model = await load(await importModel(xgboost({ offsets: [0, 4, 9], values: [...new TextEncoder().encode('RomeZürich')].slice(0, 9) })))
  // 'Zürich' cut after its first three letters: four bytes of UTF-8 each begin a character of their own.
  assert.deepEqual(model.metadata.columns?.[0].categories, ['Rome', 'Züri'])
  assert.deepEqual(await values(model, [{ city: 'Züri', price: 0 }, { city: 'Rome', price: 0 }]), [2, 1])
  await assert.rejects(values(model, [{ city: 'Oslo', price: 0 }]), (error) => error instanceof MleError && error.code === 'INPUT_CATEGORY' && /"Rome", "Züri"/.test(error.message))
  assert.deepEqual(await values(model, [[1, 0], [0, 0]]), [2, 1])
  await assert.rejects(importModel(xgboost({ offsets: [0, 99], values: [65] })), (error) => error instanceof MleError && error.code === 'XGBOOST_FIELD')
})

test('numbers and their digits are one category, where the categories are numbers', () => {
  const positions = categoryPositions({ name: 'n', input: 'X', index: 0, categories: [10, 'x', 20] })
  assert.deepEqual(['20', 10, 'x', null, NaN].map((value) => positions?.(value, 0)), [2, 0, 1, NaN, NaN])
  assert.equal(categoryPositions({ name: 'n', input: 'X', index: 0 }), undefined)
})
