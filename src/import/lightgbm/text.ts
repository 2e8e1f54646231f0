// LightGBM's text model (versions v2 to v4): `key=value` lines, a header, then a block a tree.
import { MleError } from '../../error.ts'

/** A tree as the file has it; inner nodes and leaves are numbered apart, and a negative child c is leaf ~c. */
export interface LgbTree {
  readonly leafCount: number
  readonly splitFeature: Int32Array
  readonly threshold: Float64Array
  readonly decisionType: Uint8Array
  readonly leftChild: Int32Array
  readonly rightChild: Int32Array
  readonly leafValue: Float64Array
  readonly splitGain: Float64Array
  readonly leafCover: Float64Array
  readonly internalCover: Float64Array
  /** Categorical splits: words of bitset i are categoryThreshold[categoryBoundaries[i] .. categoryBoundaries[i + 1]]. */
  readonly categoryBoundaries: Int32Array
  readonly categoryThreshold: Uint32Array
  /** Linear trees: leaf value = constant + coefficients * features, unless one of these features is NaN. */
  readonly linear?: readonly LinearLeaf[]
}

export interface LinearLeaf {
  readonly constant: number
  readonly features: readonly number[]
  readonly coefficients: readonly number[]
}

export interface LgbModel {
  readonly version: string
  readonly classCount: number
  readonly treesPerIteration: number
  readonly featureCount: number
  /** 'binary sigmoid:1' split at spaces. */
  readonly objective: readonly string[]
  /** Random forest mode: outputs are means over iterations. */
  readonly averageOutput: boolean
  readonly featureNames: readonly string[]
  /** What training saw of each feature: `[least:most]`, categories `3:1:2`, or `none`; empty in files without them. */
  readonly featureInfos: readonly string[]
  readonly trees: readonly LgbTree[]
  /** JSON text of pandas' categories, as LightGBM appends it. */
  readonly pandasCategorical?: string
}

/** No real model has longer lines: a guard before splitting numbers (CWE-400). */
const MAX_LINE_BYTES = 256 * 2 ** 20
/** Classes of the largest real models, with room. */
const MAX_OUTPUTS = 1 << 20

export function lightgbmError(code: string, message: string, offset?: number): MleError {
  return new MleError(code, `LightGBM model: ${message}`, { offset })
}

/** Reads the text; throws LIGHTGBM_*. */
export function parseLightgbm(bytes: Uint8Array): LgbModel {
  const lines = lineReader(bytes)
  const header = new Map<string, string>()
  let averageOutput = false
  let line = lines.next()
  if (line?.trim() !== 'tree') throw lightgbmError('LIGHTGBM_FORMAT', 'the first line is not "tree"', 0)
  const trees: LgbTree[] = []
  let pandasCategorical: string | undefined
  while ((line = lines.next()) !== undefined) {
    if (line.startsWith('Tree=') || isEndOfTrees(line)) break
    if (line === 'average_output') averageOutput = true
    const at = line.indexOf('=')
    if (at > 0) header.set(line.slice(0, at), line.slice(at + 1))
  }
  while (line?.startsWith('Tree=')) {
    const fields = new Map<string, string>()
    const start = lines.offset()
    while ((line = lines.next()) !== undefined && !line.startsWith('Tree=') && !isEndOfTrees(line)) {
      const at = line.indexOf('=')
      if (at > 0) fields.set(line.slice(0, at), line.slice(at + 1))
    }
    trees.push(readTree(fields, trees.length, start))
  }
  if (line === undefined) throw lightgbmError('LIGHTGBM_TRUNCATED', 'nothing follows the last tree; the file is cut off', bytes.length)
  while ((line = lines.next()) !== undefined) {
    if (line.startsWith('pandas_categorical:')) pandasCategorical = line.slice('pandas_categorical:'.length)
  }
  const integer = (key: string, fallback?: number): number => {
    const text = header.get(key)
    const value = text === undefined ? fallback : Number(text)
    if (value === undefined || !Number.isSafeInteger(value) || value < 0) throw lightgbmError('LIGHTGBM_FIELD', `header field ${key} is ${JSON.stringify(text ?? '')}, expected a count`)
    return value
  }
  const treesPerIteration = Math.max(1, integer('num_tree_per_iteration', integer('num_class', 1)))
  if (treesPerIteration > MAX_OUTPUTS) throw lightgbmError('LIGHTGBM_LIMIT', `${treesPerIteration} outputs, at most ${MAX_OUTPUTS} are read`)
  return {
    version: header.get('version') ?? 'v1',
    classCount: integer('num_class', 1),
    treesPerIteration,
    featureCount: integer('max_feature_idx') + 1,
    objective: words(header.get('objective')),
    averageOutput,
    featureNames: words(header.get('feature_names')),
    featureInfos: words(header.get('feature_infos')),
    trees,
    pandasCategorical: pandasCategorical === 'null' || pandasCategorical === '[]' ? undefined : pandasCategorical,
  }
}

function words(line: string = ''): string[] {
  return line.split(' ').filter((word) => word !== '')
}

/** v2 files go on with 'feature importances:', later ones with 'end of trees'. */
function isEndOfTrees(line: string): boolean {
  return line.startsWith('end of trees') || line.startsWith('feature importances:') || line.startsWith('feature_importances:')
}

function lineReader(bytes: Uint8Array): { next(): string | undefined; offset(): number } {
  const decoder = new TextDecoder('utf-8')
  let at = 0
  return {
    offset: () => at,
    next() {
      if (at >= bytes.length) return undefined
      let end = bytes.indexOf(10, at)
      if (end < 0) end = bytes.length
      if (end - at > MAX_LINE_BYTES) throw lightgbmError('LIGHTGBM_LIMIT', `the line at byte ${at} is ${end - at} bytes long`, at)
      const stop = end > at && bytes[end - 1] === 13 ? end - 1 : end
      const line = decoder.decode(bytes.subarray(at, stop))
      at = end + 1
      return line
    },
  }
}

function readTree(fields: ReadonlyMap<string, string>, index: number, offset: number): LgbTree {
  const leafCount = Number(fields.get('num_leaves'))
  if (!Number.isSafeInteger(leafCount) || leafCount < 1) throw lightgbmError('LIGHTGBM_TREE', `tree ${index}: num_leaves is ${JSON.stringify(fields.get('num_leaves') ?? '')}`, offset)
  const inner = leafCount - 1
  const list = (key: string, count: number, required: boolean): string[] => {
    const text = fields.get(key)
    const parts = text === undefined || text === '' ? [] : text.trim().split(' ')
    if (parts.length !== count && (required || parts.length > 0)) throw lightgbmError('LIGHTGBM_TREE', `tree ${index}: ${key} has ${parts.length} entries, expected ${count}`, offset)
    return parts
  }
  const numbers = (key: string, count: number, required: boolean = true): Float64Array => {
    const out = Float64Array.from(list(key, count, required), parseNumber)
    const wrong = out.findIndex((value) => Number.isNaN(value))
    if (wrong >= 0 && !/nan/i.test(list(key, count, required)[wrong])) throw lightgbmError('LIGHTGBM_TREE', `tree ${index}: ${key}[${wrong}] is no number`, offset)
    return out
  }
  const categoryCount = Number(fields.get('num_cat') ?? 0)
  const boundaries = categoryCount > 0 ? Int32Array.from(numbers('cat_boundaries', categoryCount + 1)) : new Int32Array(0)
  const words = categoryCount > 0 ? boundaries[categoryCount] : 0
  return {
    leafCount,
    splitFeature: Int32Array.from(numbers('split_feature', inner)),
    threshold: numbers('threshold', inner),
    decisionType: fields.has('decision_type') ? Uint8Array.from(numbers('decision_type', inner)) : new Uint8Array(inner),
    leftChild: Int32Array.from(numbers('left_child', inner)),
    rightChild: Int32Array.from(numbers('right_child', inner)),
    leafValue: numbers('leaf_value', leafCount),
    splitGain: numbers('split_gain', inner, false),
    leafCover: firstPresent(fields, ['leaf_count', 'leaf_weight'], (key) => numbers(key, leafCount, false)),
    internalCover: firstPresent(fields, ['internal_count', 'internal_weight'], (key) => numbers(key, inner, false)),
    categoryBoundaries: boundaries,
    categoryThreshold: categoryCount > 0 ? Uint32Array.from(numbers('cat_threshold', words)) : new Uint32Array(0),
    linear: fields.get('is_linear')?.trim() === '1' ? readLinear(fields, index, leafCount, numbers, offset) : undefined,
  }
}

function firstPresent(fields: ReadonlyMap<string, string>, keys: readonly string[], read: (key: string) => Float64Array): Float64Array {
  const key = keys.find((name) => fields.has(name))
  return key === undefined ? new Float64Array(0) : read(key)
}

function parseNumber(text: string): number {
  if (text === 'inf' || text === '+inf') return Infinity
  return text === '-inf' ? -Infinity : Number(text)
}

function readLinear(
  fields: ReadonlyMap<string, string>,
  index: number,
  leafCount: number,
  numbers: (key: string, count: number) => Float64Array,
  offset: number,
): LinearLeaf[] {
  const constants = numbers('leaf_const', leafCount)
  const counts = numbers('num_features', leafCount)
  if (!counts.every((count) => Number.isSafeInteger(count) && count >= 0)) throw lightgbmError('LIGHTGBM_TREE', `tree ${index}: num_features holds something else than counts`, offset)
  // Lists of all leaves follow each other, separated by runs of spaces.
  const flat = (key: string): number[] => (fields.get(key) ?? '').split(' ').filter((part) => part !== '').map(parseNumber)
  const features = flat('leaf_features')
  const coefficients = flat('leaf_coeff')
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (features.length !== total || coefficients.length !== total) {
    throw lightgbmError('LIGHTGBM_TREE', `tree ${index}: linear leaves have ${features.length} features and ${coefficients.length} coefficients, expected ${total}`, offset)
  }
  let at = 0
  return Array.from({ length: leafCount }, (_, leaf) => {
    const end = at + counts[leaf]
    const own = { constant: constants[leaf], features: features.slice(at, end), coefficients: coefficients.slice(at, end) }
    at = end
    return own
  })
}
