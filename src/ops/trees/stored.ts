// The layout 'splits/1': what files hold of trees, and how it becomes what kernels read (layout.ts). Everything is listed depth first, left before right, tree
// after tree, which leaves of the structure one bit a node.
//
// nodes [bytes] u8, little endian:
//   u32 nodes, u8 bytes of a threshold (4 or 8), u8 bytes of a feature (1, 2 or 4), u8 bits of a feature that are flags (0 to 5), u8 0
//   thresholds [splits] f32 or f64; of categorical splits, which need 8 bytes, u32 first word and u32 bits of the set
//   features [splits] u8, u16 or u32: the feature word of nodes16/1, rotated left by so many bits
//   [nodes] bits, low bit first: 1 for a split, 0 for a leaf; zeros up to the next byte
// Roots, leaf values, targets and categories are the same in both layouts. What belongs to nodes is listed by leaf: leafIndex, nodeIds and cover are [leaves] and in
// integers of few bytes. Without leafIndex, leaf i has row i. Inner nodes' cover is the sum of their children's; where that is not so, cover is [nodes], by place.
//
// Places: a root has the first of its tree, and whenever a split is met its children get the next two. So a tree's bits must end with its last place.
import { MleError } from '../../error.ts'
import { text } from '../attributes.ts'
import type { Attributes } from '../types.ts'
import { MAX_FLAG_BITS, NODE_BYTES, NODE_LAYOUT, nodeWords, NUMBERINGS, STORED_LAYOUT, type Numbering } from './layout.ts'

const HEADER_BYTES = 8
const INFINITY_HIGH = 0x7ff00000

/** Throws TREE_LAYOUT for a layout that only a newer version can read. */
export function requireLayout(layout: string): void {
  if (layout === STORED_LAYOUT || layout === NODE_LAYOUT) return
  const expected = `${STORED_LAYOUT} or ${NODE_LAYOUT}`
  throw new MleError('TREE_LAYOUT', `node layout ${JSON.stringify(layout)} is not known to this version of mle-runtime, expected ${expected}`, { expected, actual: layout })
}

/** What the bytes of the nodes hold where. */
export interface StoredNodes {
  readonly bytes: Uint8Array
  readonly nodes: number
  readonly leaves: number
  readonly thresholdBytes: 4 | 8
  readonly featureBytes: 1 | 2 | 4
  readonly flagBits: number
  /** Byte offsets within `bytes`. */
  readonly thresholdsAt: number
  readonly featuresAt: number
  readonly bitsAt: number
}

/**
 * Reads the header of stored nodes.
 *
 * @throws MleError TREE_NODES if the bytes are not as many as it says, TREE_ROOTS if the roots do not ascend within the nodes
 */
export function storedNodes(bytes: Uint8Array, roots: Uint32Array): StoredNodes {
  const fail = (what: string): never => {
    throw new MleError('TREE_NODES', `the nodes ${what}`, { actual: bytes.length })
  }
  if (bytes.length < HEADER_BYTES) fail(`hold ${bytes.length} bytes, less than their header has`)
  const nodes = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES).getUint32(0, true)
  const [thresholdBytes, featureBytes, flagBits, zero] = bytes.subarray(4, HEADER_BYTES)
  const trees = roots.length
  const splits = (nodes - trees) / 2
  if ((thresholdBytes !== 4 && thresholdBytes !== 8) || (featureBytes !== 1 && featureBytes !== 2 && featureBytes !== 4) || flagBits > MAX_FLAG_BITS || zero !== 0) {
    return fail(`begin with a header of ${thresholdBytes}, ${featureBytes}, ${flagBits} and ${zero}, which is none`)
  }
  if (splits < 0 || !Number.isInteger(splits)) fail(`are ${nodes} in ${trees} trees, but trees of splits in two have ${trees} leaves more than splits`)
  const thresholdsAt = HEADER_BYTES
  const featuresAt = thresholdsAt + splits * thresholdBytes
  const bitsAt = featuresAt + splits * featureBytes
  const end = bitsAt + Math.ceil(nodes / 8)
  if (bytes.length !== end) fail(`hold ${bytes.length} bytes, but ${nodes} of them in ${trees} trees take ${end}`)
  if (nodes % 8 !== 0 && bytes[end - 1] >>> (nodes % 8) !== 0) fail('have bits behind their last one that are not 0')
  for (let t = 0; t < trees; t++) {
    const next = t + 1 < trees ? roots[t + 1] : nodes
    if ((t === 0 && roots[0] !== 0) || next <= roots[t] || next > nodes) {
      throw new MleError('TREE_ROOTS', `tree ${t} starts at node ${roots[t]} and ends at ${next} of ${nodes}; roots must ascend from 0`, { expected: nodes, actual: next })
    }
  }
  return { bytes, nodes, leaves: nodes - splits, thresholdBytes, featureBytes, flagBits, thresholdsAt, featuresAt, bitsAt }
}

/** Throws for a tree whose bits end before or behind its last place. */
export function refuseSize(tree: number, roots: Uint32Array, nodes: number): never {
  const places = (tree + 1 < roots.length ? roots[tree + 1] : nodes) - roots[tree]
  throw new MleError('TREE_ROOTS', `tree ${tree} has room for ${places} nodes, but its bits are those of another tree`, { expected: places })
}

/** Trees as kernels read them. */
export interface PlainNodes {
  /** [nodes, 16] nodes16/1 */
  readonly nodes: Uint8Array
  /** [leaves]: their nodes, from left to right; undefined where trees are stored as kernels read them, and everything is by node. */
  readonly places?: Uint32Array
}

const known = /* @__PURE__ */ new WeakMap<Uint8Array, { readonly roots: Uint32Array; readonly plain: PlainNodes }>()

/**
 * The nodes of trees stored in `layout`; the same array for the same bytes.
 *
 * @throws MleError TREE_NODES, TREE_ROOTS
 */
export function plainNodes(layout: string, bytes: Uint8Array, roots: Uint32Array): PlainNodes {
  requireLayout(layout)
  if (layout === NODE_LAYOUT) return { nodes: bytes }
  const found = known.get(bytes)
  if (found !== undefined && found.roots === roots) return found.plain
  const plain = expandNodes(storedNodes(bytes, roots), roots)
  known.set(bytes, { roots, plain })
  return plain
}

// As expandTree of src/ops/wasm/assembly/trees/stored.ts, for all trees.
function expandNodes(stored: StoredNodes, roots: Uint32Array): Required<PlainNodes> {
  const { bytes, nodes, leaves, thresholdBytes, featureBytes, flagBits, thresholdsAt, featuresAt, bitsAt } = stored
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const to = new Uint8Array(nodes * NODE_BYTES)
  const { thresholds, words } = nodeWords(to)
  const places = new Uint32Array(leaves)
  const wordAt = (split: number): number => {
    const at = featuresAt + split * featureBytes
    const value = featureBytes === 1 ? bytes[at] : featureBytes === 2 ? view.getUint16(at, true) : view.getUint32(at, true)
    return flagBits === 0 ? value : (value >>> flagBits) | (value << (32 - flagBits))
  }
  let split = 0
  let leaf = 0
  for (let t = 0; t < roots.length; t++) {
    const start = roots[t]
    const end = t + 1 < roots.length ? roots[t + 1] : nodes
    let next = start + 1
    let at = start
    // Right children whose turn will come: a chain through where their own left child will stand. No child has place 0.
    let pending = 0
    for (let bit = start; ; bit++) {
      if (((bytes[bitsAt + (bit >>> 3)] >>> (bit & 7)) & 1) === 0) {
        words[4 * at + 1] = INFINITY_HIGH
        words[4 * at + 3] = at
        places[leaf++] = at
        if (pending === 0) break
        at = pending
        pending = words[4 * at + 3]
        continue
      }
      if (next + 2 > end) refuseSize(t, roots, nodes)
      if (thresholdBytes === 4) thresholds[2 * at] = view.getFloat32(thresholdsAt + 4 * split, true)
      else {
        words[4 * at] = view.getUint32(thresholdsAt + 8 * split, true)
        words[4 * at + 1] = view.getUint32(thresholdsAt + 8 * split + 4, true)
      }
      words[4 * at + 2] = wordAt(split++)
      words[4 * at + 3] = next
      words[4 * next + 7] = pending
      pending = next + 1
      at = next
      next += 2
    }
    if (next !== end) refuseSize(t, roots, nodes)
  }
  return { nodes: to, places }
}

/** Integers of few bytes, by leaf. */
export type LeafNumbers = Uint8Array | Uint16Array | Uint32Array | Int32Array

/** Leaf indices by node; what is stored by node already stays. Absent: the leaf's own number. */
export function plainLeafIndex({ nodes, places }: PlainNodes, stored: LeafNumbers | undefined): Uint32Array {
  if (places === undefined) {
    if (stored instanceof Uint32Array) return stored
    throw new MleError('OP_DTYPE', `leafIndex of layout ${NODE_LAYOUT} is no uint32`, { expected: 'uint32' })
  }
  checkLeafCount('TREE_LEAF_INDEX', 'leaf indices', stored?.length ?? places.length, places.length)
  return spread(places, stored, new Uint32Array(nodes.length / NODE_BYTES))
}

/** Throws unless there are as many of something as leaves. */
export function checkLeafCount(code: string, what: string, count: number, leaves: number): void {
  if (count !== leaves) throw new MleError(code, `there are ${count} ${what} for ${leaves} leaves`, { expected: leaves, actual: count })
}

function spread<T extends Uint32Array | Int32Array>(places: Uint32Array, stored: LeafNumbers | undefined, to: T): T {
  for (let leaf = 0; leaf < places.length; leaf++) to[places[leaf]] = stored === undefined ? leaf : stored[leaf]
  return to
}

/**
 * What mle.TreeLeaves reports, by node; only that of leaves means something.
 *
 * @param stored by node or by leaf, as the layout has it
 */
export function plainNodeIds({ nodes, places }: PlainNodes, roots: Uint32Array, stored: LeafNumbers | undefined, numbering: Numbering): Int32Array {
  const count = nodes.length / NODE_BYTES
  if (stored !== undefined && places !== undefined) {
    checkLeafCount('TREE_NODES', 'node ids', stored.length, places.length)
    return spread(places, stored, new Int32Array(count))
  }
  if (stored instanceof Int32Array) {
    if (stored.length !== count) throw new MleError('TREE_NODES', `there are ${stored.length} node ids for ${count} nodes`, { expected: count, actual: stored.length })
    return stored
  }
  if (stored !== undefined) throw new MleError('OP_DTYPE', `nodeIds of layout ${NODE_LAYOUT} are no int32`, { expected: 'int32' })
  return numbered(nodes, roots, numbering)
}

/** The rule of a mle.TreeLeaves node. */
export function numberingOf(attributes: Attributes): Numbering {
  const own = text(attributes, 'numbering', 'place')
  return NUMBERINGS.find((name) => name === own) ?? 'place'
}

/** The numbers that a rule gives to all nodes. The children of a node are never before it. */
export function numbered(nodes: Uint8Array, roots: Uint32Array, numbering: Numbering): Int32Array {
  const { words } = nodeWords(nodes)
  const count = words.length / 4
  const ids = new Int32Array(count)
  const pending = new Uint32Array(numbering === 'place' ? 0 : count + 1)
  for (let t = 0; t < roots.length; t++) {
    const end = t + 1 < roots.length ? roots[t + 1] : count
    if (numbering === 'place') {
      for (let i = roots[t]; i < end; i++) ids[i] = i - roots[t]
      continue
    }
    // A stack gives depth first, a queue level by level.
    let first = 0
    let last = 1
    pending[0] = roots[t]
    for (let number = 0; first < last && number < end - roots[t]; number++) {
      const i = numbering === 'level' ? pending[first++] : pending[--last]
      const left = words[4 * i + 3]
      ids[i] = number
      if (left === i) continue
      pending[last++] = numbering === 'level' ? left : left + 1
      pending[last++] = numbering === 'level' ? left + 1 : left
    }
  }
  return ids
}

/** Covers by node. */
export function plainCover({ nodes, places }: PlainNodes, stored: ArrayLike<number>): ArrayLike<number> {
  const count = nodes.length / NODE_BYTES
  if (stored.length === count) return stored
  if (stored.length !== places?.length) throw new MleError('TREE_COVER', `there are ${stored.length} covers for ${count} nodes`, { expected: count, actual: stored.length })
  const cover = new Float64Array(count)
  for (let leaf = 0; leaf < places.length; leaf++) cover[places[leaf]] = stored[leaf]
  return summedCover(cover, nodeWords(nodes).words)
}

/** Gives inner nodes without a cover that of their children, which follow them. */
export function summedCover(cover: Float64Array, words: Uint32Array): Float64Array {
  for (let i = cover.length - 1; i >= 0; i--) {
    const left = words[4 * i + 3]
    if (left !== i && cover[i] === 0) cover[i] = cover[left] + cover[left + 1]
  }
  return cover
}
