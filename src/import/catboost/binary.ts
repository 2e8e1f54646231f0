// CatBoost's binary files (.cbm) -> CbModel: magic, u32 length, a FlatBuffers table TModelCore, then the tables of target
// statistics. Field numbers are those of the library's published schemas model.fbs, features.fbs and ctr_data.fbs.
import {
  flatBytes, flatFloat32, flatFloat32s, flatFloat64, flatFloat64s, flatInt32, flatInt32s, flatRoot, flatString, flatStrings, flatTable, flatTables, flatUint8, flatVector, type FlatTable,
} from '../flatbuffers.ts'
import { parseJson } from '../json.ts'
import { readInfo } from './info.ts'
import {
  catboostError, CTR_TYPES, MAX_DEPTH, MAX_DIMENSION, MAX_TREES, splitsOf, symmetricTree,
  type CbCatFeature, type CbCtr, type CbElement, type CbFloatFeature, type CbModel, type CbSplit, type CbTable, type CbTree, type CtrType,
} from './model.ts'

const CTR_PART = 'static_provider_v1'
const NAN_TREATMENTS = ['AsIs', 'AsFalse', 'AsTrue'] as const
/** u64 hash, u32 place in the table's blob. */
const BUCKET_BYTES = 12

/** Reads a whole file; throws CATBOOST_*, FLATBUFFER_*. */
export function readBinary(file: Uint8Array): CbModel {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  const { bytes, end } = sized(file, view, 4, 'the model')
  const core = flatRoot(bytes, 'CatBoost model')
  const trees = flatTable(core, 1)
  if (trees === undefined) throw catboostError('CATBOOST_FIELD', 'the file has no trees')
  if (flatVector(trees, 12, 4).length > 0) throw catboostError('CATBOOST_FEATURE', 'it has text features, which are not supported; train without them')
  if (flatVector(trees, 18, 4).length > 0) throw catboostError('CATBOOST_FEATURE', 'it has embedding features, which are not supported; train without them')
  if (flatVector(trees, 13, 4).length > 0) throw catboostError('CATBOOST_FEATURE', 'it has features estimated from texts or embeddings, which are not supported')

  const floatFeatures = flatTables(trees, 5).map(readFloat)
  const oneHots = flatTables(trees, 6).map((feature) => ({ index: flatInt32(feature, 0, -1), oneHot: flatInt32s(feature, 1) }))
  const oneHotOf = new Map(oneHots.map(({ index, oneHot }) => [index, oneHot]))
  const catFeatures = flatTables(trees, 4).map((feature): CbCatFeature => {
    const index = indexOf(flatInt32(feature, 0, -1), 'a categorical feature')
    return { index, flatIndex: indexOf(flatInt32(feature, 1, index), 'a categorical feature'), name: flatString(feature, 2), oneHot: oneHotOf.get(index) ?? new Int32Array(0) }
  })
  const ctrs = flatTables(trees, 7).map(readCtr)
  const splits = splitsOf(floatFeatures, oneHots, ctrs)
  const dimension = flatInt32(trees, 0, 1)
  if (!(dimension >= 1 && dimension <= MAX_DIMENSION)) throw catboostError('CATBOOST_TREE', `it has ${dimension} values per leaf, expected 1 to ${MAX_DIMENSION}`)

  const biases = flatFloat64s(trees, 16)
  const parts = flatStrings(core, 3)
  const unknown = parts.find((part) => part !== CTR_PART)
  if (unknown !== undefined) throw catboostError('CATBOOST_FEATURE', `it has a part ${JSON.stringify(unknown)} (of text or embedding features), which is not supported`)
  const info = new Map(flatTables(core, 2).map((entry): [string, string] => [flatString(entry, 0), flatString(entry, 1)]))
  return {
    ...readInfo(info, dimension, (text, key) => parseJson(new TextEncoder().encode(text), `CatBoost model_info.${key}`)),
    floatFeatures,
    catFeatures,
    ctrs,
    tables: parts.length > 0 ? readTables(file, view, end) : [],
    splits,
    trees: flatVector(trees, 10, 4).length > 0 ? generalTrees(trees, splits, dimension) : symmetricTrees(trees, splits, dimension),
    dimension,
    scale: flatFloat64(trees, 14, 1),
    bias: Array.from({ length: dimension }, (_, i) => biases[i] ?? (biases.length === 0 && dimension === 1 ? flatFloat64(trees, 15, 0) : 0)),
  }
}

/** Bytes behind their length: u32, or u64 behind 0xffffffff. */
function sized(file: Uint8Array, view: DataView, at: number, what: string): { readonly bytes: Uint8Array; readonly end: number } {
  const { value, end } = sizeAt(file, view, at, what)
  if (value > file.length - end) throw catboostError('CATBOOST_TRUNCATED', `${what} has ${value} bytes, but the file has only ${file.length - end} more`, at)
  return { bytes: file.subarray(end, end + value), end: end + value }
}

function sizeAt(file: Uint8Array, view: DataView, at: number, what: string): { readonly value: number; readonly end: number } {
  if (at + 4 > file.length) throw catboostError('CATBOOST_TRUNCATED', `the file ends before the length of ${what}`, at)
  const value = view.getUint32(at, true)
  if (value !== 0xffffffff) return { value, end: at + 4 }
  if (at + 12 > file.length) throw catboostError('CATBOOST_TRUNCATED', `the file ends before the length of ${what}`, at)
  return { value: view.getUint32(at + 8, true) * 4294967296 + view.getUint32(at + 4, true), end: at + 12 }
}

function indexOf(value: number, where: string): number {
  if (value < 0) throw catboostError('CATBOOST_FIELD', `${where} has index ${value}`)
  return value
}

function readFloat(feature: FlatTable): CbFloatFeature {
  const index = indexOf(flatInt32(feature, 1, -1), 'a float feature')
  const treatment = flatUint8(feature, 5, 0)
  if (treatment >= NAN_TREATMENTS.length) throw catboostError('CATBOOST_FIELD', `float feature ${index} treats missing values in way ${treatment}, which is not known`)
  return {
    index,
    flatIndex: indexOf(flatInt32(feature, 2, index), 'a float feature'),
    name: flatString(feature, 4),
    borders: flatFloat32s(feature, 3),
    nan: flatUint8(feature, 0, 0) === 0 ? 'AsIs' : NAN_TREATMENTS[treatment],
  }
}

/** Type and combination, as a statistic and its table both have them. */
function readBase(base: FlatTable | undefined): { readonly type: CtrType; readonly elements: CbElement[] } {
  if (base === undefined) throw catboostError('CATBOOST_CTR', 'a target statistic has no description')
  const number = flatUint8(base, 1, 0)
  if (number >= CTR_TYPES.length) throw catboostError('CATBOOST_CTR', `a target statistic has type ${number}, which is not known`)
  const combination = flatTable(base, 0)
  const elements: CbElement[] = []
  if (combination !== undefined) {
    for (const feature of flatInt32s(combination, 0)) elements.push({ kind: 'category', feature: indexOf(feature, 'a combination') })
    const floats = flatVector(combination, 1, 8)
    for (let i = 0, at = floats.at; i < floats.length; i++, at += 8) {
      elements.push({ kind: 'float', feature: indexOf(floats.buffer.view.getInt32(at, true), 'a combination'), border: floats.buffer.view.getFloat32(at + 4, true) })
    }
    const tests = flatVector(combination, 2, 8)
    for (let i = 0, at = tests.at; i < tests.length; i++, at += 8) {
      elements.push({ kind: 'oneHot', feature: indexOf(tests.buffer.view.getInt32(at, true), 'a combination'), value: tests.buffer.view.getInt32(at + 4, true) })
    }
  }
  return { type: CTR_TYPES[number], elements }
}

function readCtr(feature: FlatTable): CbCtr {
  const ctr = flatTable(feature, 0)
  if (ctr === undefined) throw catboostError('CATBOOST_CTR', 'a target statistic has no description')
  return {
    ...readBase(flatTable(ctr, 0)),
    targetBorder: indexOf(flatInt32(ctr, 1, 0), 'a target border'),
    priorNumerator: flatFloat32(ctr, 2, 0),
    priorDenominator: flatFloat32(ctr, 3, 1),
    shift: flatFloat32(ctr, 4, 0),
    scale: flatFloat32(ctr, 5, 1),
    borders: flatFloat32s(feature, 1),
  }
}

/** A count, then each table as a buffer of its own behind its length. */
function readTables(file: Uint8Array, view: DataView, start: number): CbTable[] {
  const { value: count, end } = sizeAt(file, view, start, 'the tables of target statistics')
  // Each takes at least a length and an offset.
  if (count > (file.length - end) / 8) throw catboostError('CATBOOST_TRUNCATED', `it names ${count} tables of target statistics, more than its ${file.length - end} remaining bytes hold`, start)
  const tables: CbTable[] = []
  for (let i = 0, at = end; i < count; i++) {
    const part = sized(file, view, at, `table ${i} of target statistics`)
    tables.push(readTable(flatRoot(part.bytes, `CatBoost table ${i} of target statistics`), i))
    at = part.end
  }
  return tables
}

function readTable(table: FlatTable, index: number): CbTable {
  const { type, elements } = readBase(flatTable(table, 0))
  const buckets = flatBytes(table, 1)
  const blob = flatBytes(table, 2)
  const classes = flatInt32(table, 4, 0)
  const isMean = type === 'BinarizedTargetMeanValue' || type === 'FloatTargetMeanValue'
  const stride = isMean ? 2 : type === 'Counter' || type === 'FeatureFreq' ? 1 : classes
  if (buckets.length % BUCKET_BYTES !== 0 || stride < 1 || blob.length % (4 * stride) !== 0) {
    throw catboostError('CATBOOST_CTR', `table ${index} has ${buckets.length} bytes of hashes and ${blob.length} of counts for ${stride} counts an entry, which do not go together`)
  }
  const bucketView = new DataView(buckets.buffer, buckets.byteOffset, buckets.length)
  const blobView = new DataView(blob.buffer, blob.byteOffset, blob.length)
  const entries = blob.length / (4 * stride)
  const hashes: number[] = []
  const counts: number[] = []
  for (let at = 0; at < buckets.length; at += BUCKET_BYTES) {
    const low = bucketView.getUint32(at, true)
    const high = bucketView.getUint32(at + 4, true)
    // The mark of an empty bucket.
    if (low === 0xffffffff && high === 0xffffffff) continue
    const entry = bucketView.getUint32(at + 8, true)
    if (entry >= entries) throw catboostError('CATBOOST_CTR', `table ${index} names entry ${entry}, but there are ${entries}`)
    hashes.push(low, high)
    for (let j = 0; j < stride; j++) {
      const place = 4 * (entry * stride + j)
      counts.push(isMean && j === 0 ? blobView.getFloat32(place, true) : blobView.getInt32(place, true))
    }
  }
  return { type, elements, hashes: Uint32Array.from(hashes), counts: Float64Array.from(counts), stride, denominator: flatInt32(table, 3, 0) }
}

function checkSplit(splits: readonly CbSplit[], split: number, tree: number): number {
  if (splits[split] === undefined) throw catboostError('CATBOOST_SPLIT', `tree ${tree} names split ${split}, but there are ${splits.length}`)
  return split
}

function treeSizes(trees: FlatTable): Int32Array {
  const sizes = flatInt32s(trees, 2)
  if (sizes.length > MAX_TREES) throw catboostError('CATBOOST_LIMIT', `${sizes.length} trees, at most ${MAX_TREES} are read`)
  return sizes
}

/** Splits and leaf values of one tree after the other. */
function symmetricTrees(trees: FlatTable, splits: readonly CbSplit[], dimension: number): CbTree[] {
  const treeSplits = flatInt32s(trees, 1)
  const values = flatFloat64s(trees, 8)
  const weights = flatFloat64s(trees, 9)
  const hasWeights = weights.length * dimension === values.length
  let splitAt = 0
  let leafAt = 0
  return Array.from(treeSizes(trees), (depth, t): CbTree => {
    if (depth < 0 || depth > MAX_DEPTH) throw catboostError('CATBOOST_LIMIT', `tree ${t} has depth ${depth}, expected 0 to ${MAX_DEPTH}`)
    const leaves = 1 << depth
    if (splitAt + depth > treeSplits.length || (leafAt + leaves) * dimension > values.length) throw catboostError('CATBOOST_TREE', `tree ${t} reaches past the splits or leaf values of the file`)
    const own = treeSplits.subarray(splitAt, splitAt + depth)
    own.forEach((split) => checkSplit(splits, split, t))
    const tree = symmetricTree(own, values.subarray(leafAt * dimension, (leafAt + leaves) * dimension), dimension, hasWeights ? weights.subarray(leafAt, leafAt + leaves) : undefined)
    splitAt += depth
    leafAt += leaves
    return tree
  })
}

/** Nodes whose children are so many nodes further on; 0 where the node itself holds the leaf of that side. */
function generalTrees(trees: FlatTable, splits: readonly CbSplit[], dimension: number): CbTree[] {
  const treeSplits = flatInt32s(trees, 1)
  const values = flatFloat64s(trees, 8)
  const weights = flatFloat64s(trees, 9)
  const hasWeights = weights.length * dimension === values.length
  const steps = flatVector(trees, 10, 4)
  const leafIds = flatInt32s(trees, 11)
  if (treeSplits.length !== steps.length || leafIds.length !== steps.length) {
    throw catboostError('CATBOOST_TREE', `there are ${steps.length} nodes, but ${treeSplits.length} splits and ${leafIds.length} leaf numbers`)
  }
  let start = 0
  return Array.from(treeSizes(trees), (count, t): CbTree => {
    const first = start
    if (count < 1 || first + count > steps.length) throw catboostError('CATBOOST_TREE', `tree ${t} has ${count} nodes from ${first} on, but there are ${steps.length}`)
    start += count
    const left: number[] = []
    const right: number[] = []
    const split: number[] = []
    const vectors: { readonly node: number; readonly leaf: number }[] = []
    for (let node = 0; node < count; node++) {
      const at = steps.at + 4 * (first + node)
      const toLeft = steps.buffer.view.getUint16(at, true)
      const toRight = steps.buffer.view.getUint16(at + 2, true)
      if (node + toLeft >= count || node + toRight >= count) throw catboostError('CATBOOST_TREE', `tree ${t}: node ${node} has a child outside the tree`)
      const isLeaf = toLeft === 0 && toRight === 0
      left[node] = isLeaf ? -1 : toLeft === 0 ? NaN : node + toLeft
      right[node] = isLeaf ? -1 : toRight === 0 ? NaN : node + toRight
      split[node] = isLeaf ? 0 : checkSplit(splits, treeSplits[first + node], t)
      if (toLeft !== 0 && toRight !== 0) continue
      const leaf = leafIds[first + node]
      if (!(leaf >= 0 && leaf + dimension <= values.length)) throw catboostError('CATBOOST_TREE', `tree ${t}: node ${node} names leaf value ${leaf}, but there are ${values.length}`)
      vectors.push({ node, leaf })
    }
    // A side that ends at its own node gets a leaf behind the others.
    for (let v = 0; v < vectors.length; v++) {
      const { node, leaf } = vectors[v]
      if (left[node] === -1) continue
      const added = left.length
      if (Number.isNaN(left[node])) left[node] = added
      else right[node] = added
      left.push(-1)
      right.push(-1)
      split.push(0)
      vectors[v] = { node: added, leaf }
    }
    const own = new Float64Array(left.length * dimension)
    const ownWeights = new Float64Array(left.length)
    for (const { node, leaf } of vectors) {
      own.set(values.subarray(leaf, leaf + dimension), node * dimension)
      ownWeights[node] = weights[Math.floor(leaf / dimension)] ?? 0
    }
    return { left: Int32Array.from(left), right: Int32Array.from(right), split: Int32Array.from(split), values: own, weights: hasWeights ? ownWeights : undefined }
  })
}
