// What is refused of CatBoost's files, and by which code.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MleError } from '../../../src/error.ts'
import { readCatboost } from '../../../src/import/catboost/index.ts'
import { readPack } from '../../support/fixtures.ts'
import { documentOf, replaced, testRefusals, utf8, type Json } from '../refusals.ts'

const ELEMENTS: Json = [{ combination_element: 'cat_feature_value', cat_feature_index: 0 }]
const IDENTIFIER = JSON.stringify({ identifier: ELEMENTS, type: 'Borders' })
const MODEL: Json = {
  ctr_data: { [IDENTIFIER]: { counter_denominator: 0, hash_map: ['12', 1, 2, '7', 3, 4], hash_stride: 3 } },
  features_info: {
    float_features: [{ borders: [0.5], feature_index: 0, flat_feature_index: 0, has_nans: false, nan_value_treatment: 'AsIs' }],
    categorical_features: [{ feature_index: 0, flat_feature_index: 1, values: [5] }],
    ctrs: [{ borders: [3], ctr_type: 'Borders', elements: ELEMENTS, prior_numerator: 0.5, prior_denomerator: 1, scale: 15, shift: 0, target_border_idx: 0 }],
  },
  model_info: { params: { loss_function: { type: 'Logloss', params: {} } }, class_params: { class_label_type: 'Integer', class_names: [0, 1], class_to_label: [0, 1], classes_count: 0 } },
  oblivious_trees: [{
    leaf_values: [1, 2, 3, 4, 5, 6, 7, 8], leaf_weights: [1, 1, 1, 1, 1, 1, 1, 1],
    splits: [{ split_index: 0, split_type: 'FloatFeature' }, { split_index: 1, split_type: 'OneHotFeature' }, { split_index: 2, split_type: 'OnlineCtr' }],
  }],
  scale_and_bias: [1, [0]],
}
const AT_TREE = ['oblivious_trees', 0] as const
const AT_CTR = ['features_info', 'ctrs', 0] as const
const AT_TABLE = ['ctr_data', IDENTIFIER] as const
const withTrees = (...trees: Json[]): (() => Uint8Array) => documentOf(replaced(MODEL, ['oblivious_trees'], undefined), ['trees'], trees)

test('the document that the others are made from is read', () => {
  assert.equal(readCatboost(documentOf(MODEL)()).trees.length, 1)
})

function binary(change: (bytes: Uint8Array, view: DataView) => void): () => Uint8Array {
  return () => {
    const bytes = readPack('catboost').get('rs_ctr_load_simple/model.cbm')?.slice()
    if (bytes === undefined) throw new Error('no binary model')
    change(bytes, new DataView(bytes.buffer))
    return bytes
  }
}

testRefusals([
  ['CATBOOST_FIELD', 'features that are a list', documentOf(MODEL, ['features_info'], [1])],
  ['CATBOOST_FIELD', 'borders that are texts', documentOf(MODEL, ['features_info', 'float_features', 0, 'borders'], ['a'])],
  ['CATBOOST_FIELD', 'a negative index', documentOf(MODEL, ['features_info', 'float_features', 0, 'feature_index'], -1)],
  ['CATBOOST_FIELD', 'a treatment of missing values that is not known', documentOf(MODEL, ['features_info', 'float_features', 0, 'nan_value_treatment'], 'Drop')],
  ['CATBOOST_FIELD', 'a hash of more than 32 bits', documentOf(MODEL, ['features_info', 'categorical_features', 0, 'values'], [2 ** 40])],
  ['CATBOOST_FIELD', 'biases for other outputs', documentOf(MODEL, ['scale_and_bias'], [1, [1, 2, 3]])],
  ['CATBOOST_FIELD', 'no trees', documentOf(replaced(MODEL, ['oblivious_trees'], undefined))],
  ['CATBOOST_FIELD', 'a threshold that is no probability', documentOf(MODEL, ['model_info', 'binclass_probability_threshold'], '7')],
  ['CATBOOST_FEATURE', 'text features', documentOf(MODEL, ['features_info', 'text_features'], [{ feature_index: 0 }])],
  ['CATBOOST_FEATURE', 'embedding features', documentOf(MODEL, ['features_info', 'embedding_features'], [{ feature_index: 0 }])],
  ['CATBOOST_FEATURE', 'no features at all', documentOf({ features_info: {}, oblivious_trees: [{ leaf_values: [1], splits: null }] })],
  ['CATBOOST_LIMIT', 'a feature number past any table', documentOf(MODEL, ['features_info', 'float_features', 0, 'feature_index'], 2_000_000_000)],
  ['CATBOOST_LIMIT', 'a tree deeper than the library grows them', documentOf(MODEL, [...AT_TREE, 'splits'], Array.from({ length: 40 }, () => ({ split_index: 0, split_type: 'FloatFeature' })))],
  ['CATBOOST_SPLIT', 'a split that is not there', documentOf(MODEL, [...AT_TREE, 'splits', 0, 'split_index'], 99)],
  ['CATBOOST_SPLIT', 'a split of another type', documentOf(MODEL, [...AT_TREE, 'splits', 0, 'split_index'], 2)],
  ['CATBOOST_TREE', 'too few leaf values', documentOf(MODEL, [...AT_TREE, 'leaf_values'], [1, 2, 3])],
  ['CATBOOST_TREE', 'too few leaf weights', documentOf(MODEL, [...AT_TREE, 'leaf_weights'], [1, 2, 3])],
  ['CATBOOST_TREE', 'trees of different numbers of outputs', withTrees({ value: 1, weight: 1 }, { value: [1, 2], weight: 1 })],
  ['CATBOOST_TREE', 'a leaf that is text', withTrees({ value: 'x', weight: 1 })],
  ['CATBOOST_FIELD', 'a node without children', withTrees({ split: { split_index: 0, split_type: 'FloatFeature' } })],
  ['JSON_DEPTH', 'nodes in nodes without end', () => utf8(`{"trees":[${'{"left":'.repeat(50_000)}`)],
  ['CATBOOST_CTR', 'a statistic of an unknown type', documentOf(MODEL, [...AT_CTR, 'ctr_type'], 'Magic')],
  ['CATBOOST_CTR', 'a statistic without a table', documentOf(MODEL, ['ctr_data'], {})],
  ['CATBOOST_CTR', 'a statistic that reads more counts than there are', documentOf(MODEL, [...AT_CTR, 'target_border_idx'], 5)],
  ['CATBOOST_CTR', 'an element that is nothing', documentOf(MODEL, [...AT_CTR, 'elements', 0, 'combination_element'], 'magic')],
  ['CATBOOST_CTR', 'a stride that does not divide the table', documentOf(MODEL, [...AT_TABLE, 'hash_stride'], 4)],
  ['CATBOOST_CTR', 'a hash that is a number', documentOf(MODEL, [...AT_TABLE, 'hash_map', 0], 12)],
  ['CATBOOST_CTR', 'a hash of more than 64 bits', documentOf(MODEL, [...AT_TABLE, 'hash_map', 0], '99999999999999999999')],
  ['CATBOOST_CTR', 'a count that is text', documentOf(MODEL, [...AT_TABLE, 'hash_map', 1], 'x')],
  ['CTR_ELEMENT', 'a statistic of a category that is not there', () => {
    const elements: Json = [{ combination_element: 'cat_feature_value', cat_feature_index: 9 }]
    const tables: Json = { [JSON.stringify({ identifier: elements, type: 'Borders' })]: { counter_denominator: 0, hash_map: ['12', 1, 2], hash_stride: 3 } }
    return documentOf(replaced(MODEL, ['ctr_data'], tables), [...AT_CTR, 'elements'], elements)()
  }],
  ['CATBOOST_CLASSES', 'classes that are lists', documentOf(MODEL, ['model_info', 'class_params', 'class_names'], [[], []])],
  ['CATBOOST_CLASSES', 'a leaf value for a class that is not there', () => documentOf(replaced(replaced(MODEL, ['oblivious_trees'], [{ leaf_values: [1, 2, 3], splits: [] }]), ['scale_and_bias'], [1, [0, 0, 0]]), ['model_info', 'class_params'], { class_names: ['a', 'b', 'c'], class_to_label: [0, 1, 7], classes_count: 0 })()],
  ['CATBOOST_TRUNCATED', 'a binary file of its magic only', () => utf8('CBM1')],
  ['CATBOOST_TRUNCATED', 'a binary model longer than its file', binary((_, view) => view.setUint32(4, 0x7fffffff, true))],
  ['CATBOOST_TRUNCATED', 'a binary file with more tables than bytes', binary((_, view) => view.setUint32(8 + view.getUint32(4, true), 0x7fffffff, true))],
  ['FLATBUFFER_OFFSET', 'a binary file whose root lies outside', binary((_, view) => view.setUint32(8, 0x7fffffff, true))],
])

test('CATBOOST_FORMAT: bytes of another format', () => {
  assert.throws(() => readCatboost(utf8('tree\nversion=v4')), (error) => error instanceof MleError && error.code === 'CATBOOST_FORMAT')
})
