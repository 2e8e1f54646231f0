// From trees as the encoder gives them, by node, to what files hold of them (stored.ts).
import type { Tensor } from '../../tensor/tensor.ts'
import type { EncodedTrees } from './encode.ts'
import { CATEGORICAL, EQUAL, FEATURE_MASK, nodeWords, NUMBERINGS, STORED_LAYOUT, type Numbering } from './layout.ts'
import { floor32 } from './neighbours.ts'
import { numbered, summedCover } from './stored.ts'

const HEADER_BYTES = 8

/** The tensors of one ensemble, made once however many operators read them. */
export interface StoredTrees extends Pick<EncodedTrees, 'roots' | 'treeTarget' | 'categories'> {
  readonly layout: typeof STORED_LAYOUT
  readonly nodes: Tensor
  /** Absent where leaf i has row i. */
  readonly leafIndex?: Tensor
  readonly leafValues: Tensor
  readonly nodeIds: () => StoredIds
  /** Absent where not every tree has covers. */
  readonly cover: () => Tensor | undefined
}

/** Numbers of leaves: a tensor, or the rule that they follow. */
export interface StoredIds {
  readonly tensor?: Tensor
  readonly numbering: Numbering
}

const known = /* @__PURE__ */ new WeakMap<EncodedTrees, StoredTrees>()

/** What a file holds of encoded trees. */
export function storeTrees(trees: EncodedTrees): StoredTrees {
  let stored = known.get(trees)
  if (stored === undefined) known.set(trees, (stored = store(trees)))
  return stored
}

function store(trees: EncodedTrees): StoredTrees {
  const { roots, treeTarget, categories } = trees
  const { words } = nodeWords(trees.nodes.data as Uint8Array)
  const order = depthFirst(words, roots.data as Uint32Array)
  const leaves = leavesOf(words, order, roots.shape[0])
  const nodes = packNodes(trees, words, order, leaves.length)
  let ids: StoredIds | undefined
  let cover: Tensor | undefined
  return {
    layout: STORED_LAYOUT, nodes, roots, treeTarget, categories,
    ...storeLeaves(trees, leaves),
    nodeIds: () => (ids ??= storeIds(trees, leaves)),
    cover: () => (cover ??= trees.cover === undefined ? undefined : storeCover(trees.cover.data as ArrayLike<number>, words, leaves)),
  }
}

/** All nodes, left before right. */
function depthFirst(words: Uint32Array, roots: Uint32Array): Uint32Array {
  const order = new Uint32Array(words.length / 4)
  const pending: number[] = []
  let at = 0
  for (const root of roots) {
    pending.push(root)
    for (let i = pending.pop(); i !== undefined; i = pending.pop()) {
      order[at++] = i
      const left = words[4 * i + 3]
      if (left !== i) pending.push(left + 1, left)
    }
  }
  return order
}

function leavesOf(words: Uint32Array, order: Uint32Array, trees: number): Uint32Array {
  const leaves = new Uint32Array((order.length + trees) / 2)
  let leaf = 0
  for (let n = 0; n < order.length; n++) if (words[4 * order[n] + 3] === order[n]) leaves[leaf++] = order[n]
  return leaves
}

function packNodes({ nodes, isSingle }: EncodedTrees, words: Uint32Array, order: Uint32Array, leaves: number): Tensor {
  const { thresholds } = nodeWords(nodes.data as Uint8Array)
  const splits = order.length - leaves
  let allWords = 0
  let isNarrow = true
  let isExact = true
  for (let i = 0; i < order.length; i++) {
    if (words[4 * i + 3] === i) continue
    const word = words[4 * i + 2]
    allWords |= word
    const isOwn = Math.fround(thresholds[2 * i]) === thresholds[2 * i]
    isExact &&= isOwn
    if ((word & CATEGORICAL) !== 0 || ((word & EQUAL) !== 0 && !isOwn)) isNarrow = false
  }
  let flagBits = 0
  while ((allWords & ~FEATURE_MASK) << flagBits !== 0) flagBits++
  const rotated = flagBits === 0 ? allWords : (allWords << flagBits) | (allWords >>> (32 - flagBits))
  const featureBytes = rotated >>> 8 === 0 ? 1 : rotated >>> 16 === 0 ? 2 : 4
  const thresholdBytes = isNarrow && (isExact || isSingle) ? 4 : 8
  const featuresAt = HEADER_BYTES + splits * thresholdBytes
  const bitsAt = featuresAt + splits * featureBytes
  const bytes = new Uint8Array(bitsAt + Math.ceil(order.length / 8))
  new DataView(bytes.buffer).setUint32(0, order.length, true)
  bytes.set([thresholdBytes, featureBytes, flagBits], 4)
  const singles = new Float32Array(thresholdBytes === 4 ? bytes.buffer : new ArrayBuffer(0), thresholdBytes === 4 ? HEADER_BYTES : 0, thresholdBytes === 4 ? splits : 0)
  const doubles = new Uint32Array(thresholdBytes === 8 ? bytes.buffer : new ArrayBuffer(0), thresholdBytes === 8 ? HEADER_BYTES : 0, thresholdBytes === 8 ? 2 * splits : 0)
  const Features = featureBytes === 1 ? Uint8Array : featureBytes === 2 ? Uint16Array : Uint32Array
  const features = new Features(bytes.buffer, featuresAt, splits)
  let split = 0
  for (let n = 0; n < order.length; n++) {
    const i = order[n]
    if (words[4 * i + 3] === i) continue
    bytes[bitsAt + (n >>> 3)] |= 1 << (n & 7)
    if (thresholdBytes === 4) singles[split] = floor32(thresholds[2 * i])
    else {
      doubles[2 * split] = words[4 * i]
      doubles[2 * split + 1] = words[4 * i + 1]
    }
    const word = words[4 * i + 2]
    features[split++] = flagBits === 0 ? word : (word << flagBits) | (word >>> (32 - flagBits))
  }
  return { dtype: 'uint8', shape: [bytes.length], data: bytes }
}

/** Leaf vectors, of equal ones only the first where that makes the file smaller. */
function storeLeaves({ leafIndex, leafValues }: EncodedTrees, leaves: Uint32Array): Pick<StoredTrees, 'leafIndex' | 'leafValues'> {
  const [rows, width] = leafValues.shape
  const values = leafValues.data as Float64Array
  const given = pick(leafIndex.data as Uint32Array, leaves)
  const { index, first } = distinctRows(new Uint32Array(values.buffer, values.byteOffset, 2 * values.length), 2 * width, rows)
  const stored = narrowIntegers(pick(index, given))
  const bytes = first.length * width * 8 + leaves.length * (stored.data as Uint8Array).BYTES_PER_ELEMENT
  const isWorth = bytes < leaves.length * width * 8
  const kept = isWorth ? Uint32Array.from(first) : given
  const data = new Float64Array(kept.length * width)
  for (let row = 0, at = 0; row < kept.length; row++) for (let j = 0; j < width; j++) data[at++] = values[kept[row] * width + j]
  return { leafIndex: isWorth ? stored : undefined, leafValues: { dtype: 'float64', shape: [kept.length, width], data } }
}

function pick(from: ArrayLike<number>, places: Uint32Array): Uint32Array {
  const picked = new Uint32Array(places.length)
  for (let i = 0; i < places.length; i++) picked[i] = from[places[i]]
  return picked
}

/** By row, the number of the first row with the same bits among such rows; and these. */
function distinctRows(words: Uint32Array, perRow: number, rows: number): { index: Uint32Array; first: number[] } {
  const index = new Uint32Array(rows)
  const first: number[] = []
  let slots = 2
  while (slots < 2 * rows + 1) slots *= 2
  // 1 + a number
  const table = new Uint32Array(slots)
  const isSame = (a: number, b: number): boolean => {
    for (let j = 0; j < perRow; j++) if (words[a * perRow + j] !== words[b * perRow + j]) return false
    return true
  }
  for (let row = 0; row < rows; row++) {
    let hash = 0
    for (let j = 0; j < perRow; j++) {
      hash = Math.imul(hash ^ words[row * perRow + j], 0x9e3779b1)
      hash ^= hash >>> 15
    }
    let slot = hash & (slots - 1)
    while (table[slot] !== 0 && !isSame(row, first[table[slot] - 1])) slot = (slot + 1) & (slots - 1)
    if (table[slot] === 0) table[slot] = first.push(row)
    index[row] = table[slot] - 1
  }
  return { index, first }
}

function storeIds({ nodeIds, nodes, roots }: EncodedTrees, leaves: Uint32Array): StoredIds {
  const ids = nodeIds.data as Int32Array
  for (const numbering of NUMBERINGS) {
    const own = numbered(nodes.data as Uint8Array, roots.data as Uint32Array, numbering)
    let leaf = 0
    while (leaf < leaves.length && own[leaves[leaf]] === ids[leaves[leaf]]) leaf++
    if (leaf === leaves.length) return { numbering }
  }
  const stored = Int32Array.from(pick(ids, leaves))
  return { numbering: 'place', tensor: stored.some((id) => id < 0) ? { dtype: 'int32', shape: [stored.length], data: stored } : narrowIntegers(stored, 'int32') }
}

/** By leaf where inner nodes have the sums of their children, and in no more bytes than it takes. */
function storeCover(cover: ArrayLike<number>, words: Uint32Array, leaves: Uint32Array): Tensor {
  const own = new Float64Array(leaves.length)
  const sums = new Float64Array(words.length / 4)
  for (let leaf = 0; leaf < leaves.length; leaf++) own[leaf] = sums[leaves[leaf]] = cover[leaves[leaf]]
  summedCover(sums, words)
  let i = 0
  while (i < sums.length && sums[i] === cover[i]) i++
  return narrowNumbers(i === sums.length ? own : Float64Array.from(cover))
}

function narrowNumbers(values: Float64Array): Tensor {
  const shape = [values.length]
  let areIntegers = true
  let areSingle = true
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    areIntegers &&= value >= 0 && value < 65536 && value === Math.floor(value)
    areSingle &&= Math.fround(value) === value
  }
  if (areIntegers) return narrowIntegers(values)
  return areSingle ? { dtype: 'float32', shape, data: new Float32Array(values) } : { dtype: 'float64', shape, data: values }
}

/** Integers of 0 or more, in no more bytes than they take. */
function narrowIntegers(values: ArrayLike<number>, wide: 'uint32' | 'int32' = 'uint32'): Tensor {
  let most = 0
  for (let i = 0; i < values.length; i++) if (values[i] > most) most = values[i]
  const shape = [values.length]
  if (most < 256) return { dtype: 'uint8', shape, data: new Uint8Array(values) }
  if (most < 65536) return { dtype: 'uint16', shape, data: new Uint16Array(values) }
  return wide === 'uint32' ? { dtype: 'uint32', shape, data: new Uint32Array(values) } : { dtype: 'int32', shape, data: new Int32Array(values) }
}
