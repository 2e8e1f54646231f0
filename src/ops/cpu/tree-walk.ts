// Walks of decision trees, eight at a time: a step waits for two loads in a row, so walks in flight side by side hide most
// of the waiting. All assume a checked ensemble (../trees/check.ts), which keeps every index below inside its array.
import { CATEGORICAL, EQUAL, FEATURE_MASK, UNKNOWN_RIGHT, ZERO_MISSING, ZERO_THRESHOLD, type CategoryRounding } from '../trees/layout.ts'

/** The nodes' bytes as doubles (threshold of node i at 2 i) and as words (feature at 4 i + 2, left child at 4 i + 3). */
export interface NodeArrays {
  readonly thresholds: Float64Array
  readonly words: Int32Array
}

/** Which walks to take: walk w starts at `roots[rootAt + w * rootStride]` and reads features from `x[xAt + w * xStride]` on. */
export interface Walks {
  readonly roots: Int32Array
  rootAt: number
  /** 0 for many rows through one tree, 1 for one row through many trees. */
  rootStride: number
  /** float64 always, so that engines see one kind of array. */
  x: Float64Array
  xAt: number
  xStride: number
  /** Steps after which every walk has reached its leaf. */
  steps: number
  /** Steps between looks whether all eight have, for trees much deeper than most of their leaves. */
  stepsPerLook: number
  /** The leaf of walk w goes to `leaves[leafAt + w]`. */
  readonly leaves: Int32Array
  leafAt: number
  /** A multiple of 8. */
  count: number
}


// Number(x > t) and not x > t ? 1 : 0: engines make a flag read of the first and a branch of the second, which goes wrong
// half of the time and costs 3.5 times as much.
function next(thresholds: Float64Array, words: Int32Array, x: Float64Array, node: number, xAt: number): number {
  return words[(node << 2) + 3] + Number(x[xAt + words[(node << 2) + 2]] > thresholds[node << 1])
}

/** Nodes without flags. */
export function walk(nodes: NodeArrays, walks: Walks): void {
  const { thresholds, words } = nodes
  const { roots, rootStride, x, xStride, steps, stepsPerLook, leaves, leafAt, count } = walks
  for (let w = 0, r = walks.rootAt, x0 = walks.xAt; w < count; w += 8, r += 8 * rootStride, x0 += 8 * xStride) {
    const x1 = x0 + xStride
    const x2 = x1 + xStride
    const x3 = x2 + xStride
    const x4 = x3 + xStride
    const x5 = x4 + xStride
    const x6 = x5 + xStride
    const x7 = x6 + xStride
    let a = roots[r]
    let b = roots[r + rootStride]
    let c = roots[r + 2 * rootStride]
    let d = roots[r + 3 * rootStride]
    let e = roots[r + 4 * rootStride]
    let f = roots[r + 5 * rootStride]
    let g = roots[r + 6 * rootStride]
    let h = roots[r + 7 * rootStride]
    for (let step = 0; step < steps; ) {
      const until = Math.min(steps, step + stepsPerLook)
      for (; step < until; step++) {
        a = next(thresholds, words, x, a, x0)
        b = next(thresholds, words, x, b, x1)
        c = next(thresholds, words, x, c, x2)
        d = next(thresholds, words, x, d, x3)
        e = next(thresholds, words, x, e, x4)
        f = next(thresholds, words, x, f, x5)
        g = next(thresholds, words, x, g, x6)
        h = next(thresholds, words, x, h, x7)
      }
      if (step < steps && allLeaves(words, a, b, c, d, e, f, g, h)) break
    }
    const to = leafAt + w
    leaves[to] = a
    leaves[to + 1] = b
    leaves[to + 2] = c
    leaves[to + 3] = d
    leaves[to + 4] = e
    leaves[to + 5] = f
    leaves[to + 6] = g
    leaves[to + 7] = h
  }
}

function allLeaves(words: Int32Array, a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number): boolean {
  return (
    ((words[(a << 2) + 3] ^ a) | (words[(b << 2) + 3] ^ b) | (words[(c << 2) + 3] ^ c) | (words[(d << 2) + 3] ^ d) |
      (words[(e << 2) + 3] ^ e) | (words[(f << 2) + 3] ^ f) | (words[(g << 2) + 3] ^ g) | (words[(h << 2) + 3] ^ h)) === 0
  )
}

/** Any node, one walk after the other. */
export function walkAny(nodes: NodeArrays, walks: Walks, categories: Uint32Array, rounding: CategoryRounding): void {
  const { words } = nodes
  const { roots, rootAt, rootStride, x, xAt, xStride, leaves, leafAt, count } = walks
  for (let w = 0; w < count; w++) {
    const from = xAt + w * xStride
    let node = roots[rootAt + w * rootStride]
    for (let left = words[(node << 2) + 3]; left !== node; left = words[(node << 2) + 3]) {
      node = left + rightAny(nodes, node, x[from + (words[(node << 2) + 2] & FEATURE_MASK)], categories, rounding)
    }
    leaves[leafAt + w] = node
  }
}

/** 1 for right, 0 for left, with every flag honoured. */
export function rightAny(nodes: NodeArrays, node: number, x: number, categories: Uint32Array, rounding: CategoryRounding): number {
  const word = nodes.words[(node << 2) + 2]
  if (x !== x) return word >>> 31
  if (word >>> 27 === 0) return Number(x > nodes.thresholds[node << 1])
  if ((word & CATEGORICAL) !== 0) {
    const category = rounding === 'floor' ? Math.floor(x) : Math.trunc(x)
    const isKnown = category >= 0 && category < nodes.words[(node << 2) + 1] && (rounding !== 'exact' || category === x)
    if (!isKnown) return (word & UNKNOWN_RIGHT) >>> 28
    return (categories[nodes.words[node << 2] + (category >>> 5)] >>> (category & 31)) & 1
  }
  if ((word & ZERO_MISSING) !== 0 && Math.abs(x) <= ZERO_THRESHOLD) return word >>> 31
  return (word & EQUAL) !== 0 ? Number(x === nodes.thresholds[node << 1]) : Number(x > nodes.thresholds[node << 1])
}
