// What is refused of XGBoost's three formats, and by which code.
import { withoutPrefix } from '../../../src/import/xgboost/detect.ts'
import { readCases } from '../../support/fixtures.ts'
import { documentOf, replaced, testRefusals, utf8, type Json } from '../refusals.ts'

const TREE: Json = {
  left_children: [1, -1, -1], right_children: [2, -1, -1], split_indices: [0, 0, 0], split_conditions: [0.5, 1, 2], default_left: [0, 0, 0], split_type: [0, 0, 0],
  categories: [], categories_nodes: [], categories_segments: [], categories_sizes: [], base_weights: [0, 1, 2], tree_param: { size_leaf_vector: '1' },
}
const MODEL: Json = { gbtree_model_param: { num_parallel_tree: '1', num_trees: '1' }, trees: [TREE], tree_info: [0] }
const BOOSTER: Json = {
  learner: {
    gradient_booster: { name: 'gbtree', model: MODEL },
    learner_model_param: { base_score: '5E-1', num_class: '0', num_feature: '2', num_target: '1' },
    objective: { name: 'binary:logistic' },
  },
  version: [1, 7, 4],
}
const AT_MODEL = ['learner', 'gradient_booster', 'model'] as const
const AT_TREE = [...AT_MODEL, 'trees', 0] as const

function ubj(...parts: (string | number)[]): () => Uint8Array {
  const bytes = parts.flatMap((part) => (typeof part === 'number' ? [part] : [...part].map((one) => one.charCodeAt(0))))
  // The first key's length marker tells UBJSON from JSON.
  return () => Uint8Array.from([...utf8('{i'), 7, ...utf8('learner'), ...bytes])
}

function legacy(): Uint8Array {
  const found = readCases('xgboost').find(({ name }) => name === 'stump_single_legacy')
  if (found === undefined) throw new Error('no legacy model')
  return found.bytes(found.description.file).slice()
}

/** A legacy file with a word changed, counted from where the model parameters begin. */
function legacyWith(change: (view: DataView) => void): () => Uint8Array {
  return () => {
    const bytes = legacy()
    const body = withoutPrefix(bytes)
    change(new DataView(body.buffer, body.byteOffset, body.length))
    return bytes
  }
}

testRefusals([
  ['XGBOOST_FIELD', 'no learner', documentOf(BOOSTER, ['learner'])],
  ['XGBOOST_FIELD', 'a learner that is a list', documentOf(BOOSTER, ['learner'], [1])],
  ['XGBOOST_FIELD', 'trees that are no list', documentOf(BOOSTER, [...AT_MODEL, 'trees'], 'none')],
  ['XGBOOST_FIELD', 'children that are texts', documentOf(BOOSTER, [...AT_TREE, 'left_children'], ['1', '-1', '-1'])],
  ['XGBOOST_FIELD', 'a base score that is no number', documentOf(BOOSTER, ['learner', 'learner_model_param', 'base_score'], 'half')],
  ['XGBOOST_FIELD', 'a negative count of features', documentOf(BOOSTER, ['learner', 'learner_model_param', 'num_feature'], '-1')],
  ['XGBOOST_FIELD', 'weights of gblinear that do not fit', documentOf(BOOSTER, ['learner', 'gradient_booster'], { name: 'gblinear', model: { weights: [1, 2] } })],
  ['XGBOOST_BOOSTER', 'an unknown booster', documentOf(BOOSTER, ['learner', 'gradient_booster', 'name'], 'gbforest')],
  ['XGBOOST_OBJECTIVE', 'an unknown objective', documentOf(BOOSTER, ['learner', 'objective', 'name'], 'reg:magic')],
  ['XGBOOST_BASE_SCORE', 'a base score that is no probability', documentOf(BOOSTER, ['learner', 'learner_model_param', 'base_score'], '2')],
  ['XGBOOST_LIMIT', 'more outputs than any model has', documentOf(BOOSTER, ['learner', 'learner_model_param', 'num_target'], '2000000000')],
  ['XGBOOST_TREE', 'arrays of different lengths', documentOf(BOOSTER, [...AT_TREE, 'split_indices'], [0])],
  ['XGBOOST_TREE', 'a tree for an output that is not there', () => documentOf(replaced(replaced(BOOSTER, [...AT_MODEL, 'tree_info'], [7]), ['learner', 'learner_model_param', 'num_class'], '3'), ['learner', 'objective', 'name'], 'multi:softprob')()],
  ['XGBOOST_TREE', 'category sets that overlap', documentOf(BOOSTER, [...AT_TREE], {
    ...(TREE as object), split_type: [1, 1, 1], categories: [1, 2], categories_nodes: [0, 1], categories_segments: [0, 0], categories_sizes: [2, 2],
  } as Json)],
  ['XGBOOST_TREE', 'leaf vectors that do not fit the leaves', () => documentOf(replaced(replaced(BOOSTER, [...AT_TREE, 'tree_param', 'size_leaf_vector'], '2'), [...AT_TREE, 'leaf_weights'], [1]), ['learner', 'learner_model_param', 'num_target'], '2')()],
  ['TREE_CHILD', 'a child outside the tree', documentOf(BOOSTER, [...AT_TREE, 'left_children'], [9, -1, -1])],
  ['TREE_CHILD', 'a tree that runs in circles', documentOf(BOOSTER, [...AT_TREE, 'left_children'], [0, -1, -1])],
  ['TREE_FEATURE', 'a feature that X does not have', documentOf(BOOSTER, [...AT_TREE, 'split_indices'], [5, 0, 0])],
  ['TREE_CATEGORIES', 'a negative category', documentOf(BOOSTER, [...AT_TREE], {
    ...(TREE as object), split_type: [1, 0, 0], categories: [-4], categories_nodes: [0], categories_segments: [0], categories_sizes: [1],
  } as Json)],
  ['JSON_DEPTH', 'lists in lists without end', () => utf8(`{"learner":${'['.repeat(50_000)}`)],
  ['JSON_SYNTAX', 'a file that is cut off', () => documentOf(BOOSTER)().slice(0, 200)],
  ['UBJ_TRUNCATED', 'text longer than the file', ubj('S', 'L', 0, 0, 0, 0, 0x7f, 0, 0, 0)],
  ['UBJ_TRUNCATED', 'a list longer than the file', ubj('[$d#l', 0x7f, 0, 0, 0)],
  ['UBJ_LENGTH', 'a negative length', ubj('Si', 0xff)],
  ['UBJ_MARKER', 'an unknown type', ubj('?')],
  ['UBJ_MARKER', 'a list of an unknown type', ubj('[$?#i', 1, 1)],
  ['UBJ_MARKER', 'a key twice', ubj('Z', 'i', 7, 'learner', 'Z}')],
  ['UBJ_DEPTH', 'lists in lists without end', ubj('['.repeat(50_000))],
  ['UBJ_TRAILING', 'bytes behind the end', ubj('Z}', 'xx')],
  ['XGBOOST_TRUNCATED', 'a legacy file that is cut off', () => legacy().slice(0, 400)],
  ['XGBOOST_LENGTH', 'a legacy file that claims trees', legacyWith((view) => {
    const objective = view.getUint32(136, true)
    const booster = view.getUint32(144 + objective, true)
    view.setInt32(152 + objective + booster, 0x7fffffff, true)
  })],
  ['IMPORT_FORMAT', 'a legacy file whose objective has no end', legacyWith((view) => view.setUint32(136, 0xffff, true))],
])
