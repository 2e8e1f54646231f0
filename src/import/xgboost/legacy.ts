// XGBoost's legacy binary file (written up to 3.0, `.model`, `.bin`, `.deprecated`): C structs in file order, little endian.
// Layout: LearnerModelParam (136 bytes), objective, booster, booster's own parameters and trees, then attributes.
import { exp } from '../../math/index.ts'
import { withoutPrefix } from './detect.ts'
import { MAX_TREES, xgboostError, type XgbModel, type XgbTree } from './model.ts'

const LEARNER_PARAM_BYTES = 136
const GBTREE_PARAM_BYTES = 160
const TREE_PARAM_BYTES = 148
const NODE_BYTES = 20
const STAT_BYTES = 16
const GBLINEAR_PARAM_BYTES = 136
const MAX_TEXT_BYTES = 1 << 20

interface Reader {
  readonly view: DataView
  offset: number
}

function take(reader: Reader, bytes: number, what: string): number {
  const { offset, view } = reader
  if (bytes > view.byteLength - offset) throw xgboostError('XGBOOST_TRUNCATED', `${what} needs ${bytes} bytes at ${offset}, but only ${view.byteLength - offset} are left`, offset)
  reader.offset += bytes
  return offset
}

function length(reader: Reader, what: string): number {
  const at = take(reader, 8, what)
  const value = reader.view.getBigUint64(at, true)
  if (value > BigInt(reader.view.byteLength)) throw xgboostError('XGBOOST_LENGTH', `${what} claims ${value} entries at byte ${at}`, at)
  return Number(value)
}

function string(reader: Reader, what: string): string {
  const size = length(reader, what)
  if (size > MAX_TEXT_BYTES) throw xgboostError('XGBOOST_LENGTH', `${what} claims ${size} bytes of text`, reader.offset)
  const at = take(reader, size, what)
  return new TextDecoder().decode(new Uint8Array(reader.view.buffer, reader.view.byteOffset + at, size))
}

/** Reads a legacy file. */
export function readLegacy(bytes: Uint8Array): XgbModel {
  const body = withoutPrefix(bytes)
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength)
  const reader: Reader = { view, offset: 0 }
  const at = take(reader, LEARNER_PARAM_BYTES, 'the model parameters')
  let baseScore = view.getFloat32(at, true)
  const featureCount = view.getUint32(at + 4, true)
  const classCount = view.getInt32(at + 8, true)
  const hasAttributes = view.getInt32(at + 12, true) !== 0
  const major = view.getUint32(at + 20, true)
  const minor = view.getUint32(at + 24, true)
  const targetCount = Math.max(1, view.getUint32(at + 28, true))
  const objective = string(reader, 'the objective')
  const booster = string(reader, 'the booster')
  // Files older than 1.0 keep base_score in margin space; multi-class objectives have no transform.
  if (major < 1 && !objective.startsWith('multi:')) baseScore = outputOfMargin(objective, baseScore)
  const model = booster === 'gblinear' ? readLinear(reader) : booster === 'gbtree' || booster === 'dart' ? readTrees(reader, booster) : undefined
  if (model === undefined) throw xgboostError('XGBOOST_BOOSTER', `booster ${JSON.stringify(booster)} is unknown, expected gbtree, dart or gblinear`)
  return {
    version: major === 0 && minor === 0 ? '0.x' : `${major}.${minor}`,
    objective,
    objectiveParameters: new Map(),
    baseScore: [baseScore],
    classCount: Math.max(0, classCount),
    targetCount,
    featureCount,
    attributes: hasAttributes ? readAttributes(reader) : new Map(),
    featureNames: [],
    featureTypes: [],
    categories: new Map(),
    ...model,
  }
}

function outputOfMargin(objective: string, margin: number): number {
  if (objective === 'binary:logistic' || objective === 'reg:logistic') return Math.fround(1 / (1 + exp(-margin)))
  if (/^(count:poisson|reg:gamma|reg:tweedie|survival:)/.test(objective)) return Math.fround(exp(margin))
  return margin
}

function readAttributes(reader: Reader): Map<string, string> {
  const attributes = new Map<string, string>()
  const count = length(reader, 'attributes')
  for (let i = 0; i < count; i++) attributes.set(string(reader, `attribute ${i}`), string(reader, `attribute ${i}`))
  return attributes
}

type BoosterPart = Pick<XgbModel, 'booster' | 'parallelTrees' | 'trees' | 'treeOutput' | 'treeWeights' | 'linearWeights'>

function readLinear(reader: Reader): BoosterPart {
  take(reader, GBLINEAR_PARAM_BYTES, 'gblinear parameters')
  const count = length(reader, 'weights')
  const at = take(reader, count * 4, 'weights')
  const linearWeights = Float32Array.from({ length: count }, (_, i) => reader.view.getFloat32(at + 4 * i, true))
  return { booster: 'gblinear', parallelTrees: 1, trees: [], treeOutput: [], linearWeights }
}

function readTrees(reader: Reader, booster: 'gbtree' | 'dart'): BoosterPart {
  const { view } = reader
  const at = take(reader, GBTREE_PARAM_BYTES, 'gbtree parameters')
  const count = view.getInt32(at, true)
  if (count < 0 || count > MAX_TREES || count * TREE_PARAM_BYTES > view.byteLength) throw xgboostError('XGBOOST_LENGTH', `gbtree claims ${count} trees`, at)
  const trees = Array.from({ length: count }, (_, index) => readTree(reader, index))
  const info = take(reader, count * 4, 'tree groups')
  const treeOutput = Array.from({ length: count }, (_, i) => view.getInt32(info + 4 * i, true))
  let treeWeights: number[] | undefined
  if (booster === 'dart' && count > 0) {
    const weights = length(reader, 'tree weights')
    const start = take(reader, weights * 4, 'tree weights')
    treeWeights = Array.from({ length: weights }, (_, i) => view.getFloat32(start + 4 * i, true))
  }
  // num_parallel_tree took over the place of num_roots in 1.0; older files always say 1.
  return { booster, parallelTrees: Math.max(1, view.getInt32(at + 4, true)), trees, treeOutput, treeWeights }
}

function readTree(reader: Reader, index: number): XgbTree {
  const { view } = reader
  const param = take(reader, TREE_PARAM_BYTES, `tree ${index}`)
  const nodes = view.getInt32(param + 4, true)
  if (nodes < 1 || nodes * NODE_BYTES > view.byteLength - reader.offset) throw xgboostError('XGBOOST_LENGTH', `tree ${index} claims ${nodes} nodes at byte ${param + 4}`, param + 4)
  const start = take(reader, nodes * NODE_BYTES, `nodes of tree ${index}`)
  const stats = take(reader, nodes * STAT_BYTES, `statistics of tree ${index}`)
  const tree = {
    left: new Int32Array(nodes),
    right: new Int32Array(nodes),
    feature: new Uint32Array(nodes),
    condition: new Float32Array(nodes),
    defaultLeft: new Uint8Array(nodes),
    cover: new Float32Array(nodes),
    gain: new Float32Array(nodes),
  }
  for (let i = 0; i < nodes; i++) {
    const node = start + i * NODE_BYTES
    tree.left[i] = view.getInt32(node + 4, true)
    tree.right[i] = view.getInt32(node + 8, true)
    const split = view.getUint32(node + 12, true)
    tree.feature[i] = split & 0x7fffffff
    tree.defaultLeft[i] = split >>> 31
    tree.condition[i] = view.getFloat32(node + 16, true)
    tree.gain[i] = view.getFloat32(stats + i * STAT_BYTES, true)
    tree.cover[i] = view.getFloat32(stats + i * STAT_BYTES + 4, true)
  }
  // Old files may carry leaf vectors behind the statistics; XGBoost itself never used them for prediction.
  if (view.getInt32(param + 20, true) !== 0) {
    const count = length(reader, `leaf vectors of tree ${index}`)
    take(reader, count * 4, `leaf vectors of tree ${index}`)
  }
  return tree
}
