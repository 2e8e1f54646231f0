// One CatBoost model, whichever of the file formats it came from.
import { MleError } from '../../error.ts'

/** Which way a missing number goes in every split of its feature: as any comparison with NaN (false), or to one side. */
export type NanTreatment = 'AsIs' | 'AsFalse' | 'AsTrue'

export interface CbFloatFeature {
  /** Among the float features. */
  readonly index: number
  /** Among all features. */
  readonly flatIndex: number
  readonly name: string
  readonly borders: Float32Array
  readonly nan: NanTreatment
}

export interface CbCatFeature {
  readonly index: number
  readonly flatIndex: number
  readonly name: string
  /** Hashes that one-hot splits compare with. */
  readonly oneHot: Int32Array
}

/** A part of a combination of features, whose joint value a target statistic is kept for. */
export type CbElement =
  | { readonly kind: 'category'; readonly feature: number }
  | { readonly kind: 'float'; readonly feature: number; readonly border: number }
  | { readonly kind: 'oneHot'; readonly feature: number; readonly value: number }

export const CTR_TYPES = ['Borders', 'Buckets', 'BinarizedTargetMeanValue', 'FloatTargetMeanValue', 'Counter', 'FeatureFreq'] as const
export type CtrType = (typeof CTR_TYPES)[number]

/** A target statistic as a feature: (count + prior) / (total + prior denominator), shifted and scaled, in float32. */
export interface CbCtr {
  readonly type: CtrType
  readonly elements: readonly CbElement[]
  readonly targetBorder: number
  readonly priorNumerator: number
  readonly priorDenominator: number
  readonly shift: number
  readonly scale: number
  readonly borders: Float32Array
}

/** Counts of a combination's values, by hash. */
export interface CbTable {
  readonly type: CtrType
  readonly elements: readonly CbElement[]
  /** [entries, 2]: low and high word of each hash. */
  readonly hashes: Uint32Array
  /** [entries, stride]: counts by target class; sum and count for mean values; one count for Counter and FeatureFreq. */
  readonly counts: Float64Array
  readonly stride: number
  /** Counter and FeatureFreq. */
  readonly denominator: number
}

/** What a split asks; right iff so. */
export type CbSplit =
  | { readonly kind: 'float'; readonly feature: number; readonly border: number }
  | { readonly kind: 'oneHot'; readonly feature: number; readonly value: number }
  | { readonly kind: 'ctr'; readonly ctr: number; readonly border: number }

/** A tree by node; a negative left child makes a leaf. */
export interface CbTree {
  readonly left: Int32Array
  readonly right: Int32Array
  /** Index into the model's splits. */
  readonly split: Int32Array
  /** [nodes, dimension] */
  readonly values: Float64Array
  /** Training weight that reached each leaf; absent where the file has none. */
  readonly weights?: Float64Array
}

export interface CbModel {
  readonly version: string
  readonly floatFeatures: readonly CbFloatFeature[]
  readonly catFeatures: readonly CbCatFeature[]
  readonly ctrs: readonly CbCtr[]
  readonly tables: readonly CbTable[]
  readonly splits: readonly CbSplit[]
  readonly trees: readonly CbTree[]
  /** Values per leaf. */
  readonly dimension: number
  readonly scale: number
  /** [dimension] */
  readonly bias: readonly number[]
  readonly loss: string
  readonly lossParameters: ReadonlyMap<string, string>
  readonly classes: CbClasses | undefined
  /** A probability; rows above it get the second class. */
  readonly binaryThreshold: number
}

export interface CbClasses {
  readonly type: 'Integer' | 'Float' | 'String' | 'Boolean'
  /** In the order of probability columns. */
  readonly labels: readonly (number | string)[]
  /** Column that each dimension of the leaves belongs to. */
  readonly columns: readonly number[]
}

/** Most trees of any real model, with room: stops allocation by a lying count (CWE-789). */
export const MAX_TREES = 4_000_000
/** The library's own limit of symmetric trees. */
export const MAX_DEPTH = 16
/** Features of the largest real models, with room. */
export const MAX_FEATURES: number = 1 << 20
/** Values per leaf: classes of the largest real models, with room. */
export const MAX_DIMENSION = 65_536

export function catboostError(code: string, message: string, offset?: number): MleError {
  return new MleError(code, `CatBoost model: ${message}`, { offset })
}

/**
 * Every condition that trees can name by number: borders of float features, values of one-hot features, borders of target
 * statistics, each group in the order of the file.
 */
export function splitsOf(floats: readonly CbFloatFeature[], oneHots: readonly Pick<CbCatFeature, 'index' | 'oneHot'>[], ctrs: readonly CbCtr[]): CbSplit[] {
  const splits: CbSplit[] = []
  for (const { index, borders } of floats) for (const border of borders) splits.push({ kind: 'float', feature: index, border })
  for (const { index, oneHot } of oneHots) for (const value of oneHot) splits.push({ kind: 'oneHot', feature: index, value })
  ctrs.forEach(({ borders }, ctr) => {
    for (const border of borders) splits.push({ kind: 'ctr', ctr, border })
  })
  return splits
}

/** A symmetric tree of at most MAX_DEPTH levels, the same split at each, as nodes. Split i decides bit i of the leaf's number. */
export function symmetricTree(splits: ArrayLike<number>, values: Float64Array, dimension: number, weights?: Float64Array): CbTree {
  const depth = splits.length
  const leaves = 1 << depth
  const nodes = 2 * leaves - 1
  // Heap order: level l starts at 2^l - 1, and the bits of a leaf's place, highest first, are its path. The root asks the last split.
  const left = new Int32Array(nodes).fill(-1)
  const right = new Int32Array(nodes).fill(-1)
  const split = new Int32Array(nodes)
  for (let level = 0, node = 0; level < depth; level++) {
    for (; node < (2 << level) - 1; node++) {
      left[node] = 2 * node + 1
      right[node] = 2 * node + 2
      split[node] = splits[depth - 1 - level]
    }
  }
  const all = new Float64Array(nodes * dimension)
  all.set(values, (leaves - 1) * dimension)
  let allWeights: Float64Array | undefined
  if (weights !== undefined) {
    allWeights = new Float64Array(nodes)
    allWeights.set(weights, leaves - 1)
  }
  return { left, right, split, values: all, weights: allWeights }
}

/** The loss without its parameters; multi-dimensional leaves without a known loss count as classes. */
export function isClassification(loss: string): boolean {
  return CLASSIFICATION.has(loss)
}

const CLASSIFICATION: ReadonlySet<string> = new Set([
  'Logloss', 'CrossEntropy', 'Focal', 'MultiClass', 'MultiClassOneVsAll', 'MultiLogloss', 'MultiCrossEntropy',
])
