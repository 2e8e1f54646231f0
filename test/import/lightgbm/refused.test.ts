// What is refused of LightGBM's text, and by which code.
import { testRefusals, utf8 } from '../refusals.ts'

const HEADER = ['tree', 'version=v4', 'num_class=1', 'num_tree_per_iteration=1', 'max_feature_idx=1', 'objective=regression', 'feature_names=a b', '']
const TREE = ['Tree=0', 'num_leaves=2', 'num_cat=0', 'split_feature=0', 'threshold=0.5', 'decision_type=2', 'left_child=-1', 'right_child=-2', 'leaf_value=1 2', 'is_linear=0', '']
const END = ['end of trees', '']

function file(replace: Readonly<Record<string, string>> = {}, lines: readonly string[] = [...HEADER, ...TREE, ...END]): () => Uint8Array {
  const known = new Map(Object.entries(replace))
  return () => utf8(lines.map((line) => (known.has(line.split('=')[0]) ? `${line.split('=')[0]}=${known.get(line.split('=')[0])}` : line)).join('\n'))
}

const LINEAR = [...HEADER, ...TREE.slice(0, -2), 'is_linear=1', 'leaf_const=0 0', 'num_features=1 1', 'leaf_features=0 1', 'leaf_coeff=1 1', '', ...END]

testRefusals([
  ['LIGHTGBM_FIELD', 'a number of features that is none', file({ max_feature_idx: 'many' })],
  ['LIGHTGBM_FIELD', 'no number of features', file({}, ['tree', 'version=v4', '', ...TREE, ...END])],
  ['LIGHTGBM_OBJECTIVE', 'an unknown objective', file({ objective: 'magic' })],
  ['LIGHTGBM_LIMIT', 'more outputs than any model has', file({ num_tree_per_iteration: '2000000000' })],
  ['LIGHTGBM_TREE', 'a negative number of leaves', file({ num_leaves: '-3' })],
  ['LIGHTGBM_TREE', 'more leaves than values', file({ num_leaves: '3' })],
  ['LIGHTGBM_TREE', 'a lying number of leaves', file({ num_leaves: '9007199254740991' })],
  ['LIGHTGBM_TREE', 'a threshold that is no number', file({ threshold: 'half' })],
  ['LIGHTGBM_TREE', 'a child that is not there', file({ left_child: '7' })],
  ['LIGHTGBM_TREE', 'a category set that is not there', file({ decision_type: '1', threshold: '3' })],
  ['LIGHTGBM_TREE', 'a lying number of categories', file({ num_cat: '1000000000' })],
  ['LIGHTGBM_TREE', 'linear leaves with too few terms', file({ leaf_coeff: '1' }, LINEAR)],
  ['LIGHTGBM_TREE', 'linear leaves that read features that are not there', file({ leaf_features: '0 9' }, LINEAR)],
  ['LIGHTGBM_TREE', 'linear leaves with a negative number of terms', file({ num_features: '-1 3' }, LINEAR)],
  ['LIGHTGBM_TRUNCATED', 'a file that ends with its trees', file({}, [...HEADER, ...TREE])],
  ['TREE_CHILD', 'a tree that runs in circles', file({ left_child: '0' })],
  ['TREE_FEATURE', 'a feature that X does not have', file({ split_feature: '5' })],
])
