// One XGBoost model, whichever of the three file formats it came from.
import { MleError } from '../../error.ts'
import type { Column } from '../../graph/graph.ts'

/** A tree by node; leaves have a left child of -1 and keep their value in `condition`. */
export interface XgbTree {
  readonly left: Int32Array
  readonly right: Int32Array
  readonly feature: Uint32Array
  /** float32 thresholds, or leaf values. */
  readonly condition: Float32Array
  readonly defaultLeft: Uint8Array
  /** Category sets by node; members go right. */
  readonly categories?: ReadonlyMap<number, Int32Array>
  /** [nodes, size] leaf vectors of multi-output trees; absent where leaves are single numbers. */
  readonly leafVectors?: { readonly size: number; readonly values: Float32Array }
  readonly cover: Float32Array
  readonly gain: Float32Array
}

export interface XgbModel {
  readonly version: string
  readonly booster: 'gbtree' | 'dart' | 'gblinear'
  readonly objective: string
  /** Parameters of the objective by name, as text. */
  readonly objectiveParameters: ReadonlyMap<string, string>
  /** In the objective's output space (a probability for logistic); one for all outputs, or one each. */
  readonly baseScore: readonly number[]
  /** Classes of a multi-class objective, 0 or 1 otherwise. */
  readonly classCount: number
  readonly targetCount: number
  readonly featureCount: number
  readonly parallelTrees: number
  readonly trees: readonly XgbTree[]
  /** Output that each tree adds to. */
  readonly treeOutput: readonly number[]
  /** dart: weight of each tree. */
  readonly treeWeights?: readonly number[]
  /** gblinear: [features + 1, outputs], biases last. */
  readonly linearWeights?: Float32Array
  readonly attributes: ReadonlyMap<string, string>
  readonly featureNames: readonly string[]
  readonly featureTypes: readonly string[]
  /** Categories of the training table by feature, whose positions trees split by; files have them from 3.1 on. */
  readonly categories: ReadonlyMap<number, Pick<Column, 'categories'>>
}

/** Most that any real model has, with room: stops allocation by a lying count (CWE-789). */
export const MAX_TREES = 4_000_000

export function xgboostError(code: string, message: string, offset?: number): MleError {
  return new MleError(code, `XGBoost model: ${message}`, { offset })
}

/** Classes or targets of the largest real models, with room. */
const MAX_OUTPUTS = 1 << 20

/** The number of outputs: classes of a multi-class objective, or targets. Throws XGBOOST_LIMIT. */
export function outputCount(model: Pick<XgbModel, 'classCount' | 'targetCount'>): number {
  const count = Math.max(1, model.classCount, model.targetCount)
  if (count > MAX_OUTPUTS) throw xgboostError('XGBOOST_LIMIT', `${count} outputs, at most ${MAX_OUTPUTS} are read`)
  return count
}
