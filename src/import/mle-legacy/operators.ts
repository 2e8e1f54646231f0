// Numbers of operators. Four numberings existed; files of version 1 that were ever written all use the exporters' own, so the
// version decides: 28 to 34 mean other operators in version 2.
import { legacyError } from './error.ts'

const COMMON: readonly (readonly [number, string])[] = [
  [1, 'Linear'], [2, 'Relu'], [3, 'Gelu'], [4, 'Softmax'], [5, 'LayerNorm'], [26, 'DecisionTree'], [27, 'TreeEnsemble'],
]

const VERSION_1: ReadonlyMap<number, string> = new Map([
  ...COMMON,
  [28, 'Svm'], [29, 'NaiveBayes'], [30, 'Neighbors'], [31, 'Clustering'], [32, 'Decomposition'], [33, 'XGBoost'], [34, 'LightGBM'], [35, 'CatBoost'],
])

const VERSION_2: ReadonlyMap<number, string> = new Map([
  ...COMMON,
  [6, 'MatMul'], [7, 'Add'], [8, 'Mul'], [9, 'Conv2D'], [10, 'MaxPool2D'], [11, 'BatchNorm'], [12, 'Dropout'], [13, 'Embedding'], [14, 'Attention'],
  [28, 'GradientBoosting'], [29, 'Svm'], [30, 'NaiveBayes'], [31, 'Neighbors'], [32, 'Clustering'], [33, 'Dbscan'], [34, 'Decomposition'],
  [35, 'TransformerBlock'], [36, 'MultiHeadAttention'], [37, 'PositionalEncoding'], [38, 'CrossAttention'],
])

/** The operator that a number means in a version; throws LEGACY_OPERATOR. */
export function operatorName(version: 1 | 2, number: number): string {
  const name = (version === 1 ? VERSION_1 : VERSION_2).get(number)
  if (name === undefined) throw legacyError('LEGACY_OPERATOR', `operator ${number} is not one that files of version ${version} have`, { actual: number })
  return name
}
