// mle.TreeShap in time linear in the nodes. A set of known features is as likely as if each were known with probability t, t being uniform: the Shapley value
// of feature i is the integral over t from 0 to 1 of what i adds when every other feature is known with probability t. For a leaf below splits by the features j
// of a path that is its value times (one_i - zero_i) times the product over j other than i of (zero_j + (one_j - zero_j) t), where zero is the share of the
// weight that flows on when the feature is unknown (the product of its splits' shares) and one says whether the row's value takes the path. These are polynomials
// of t, which Gauss's formula integrates exactly at half as many points as there are features on a path, by terms that are never of opposite signs. So for two
// points after the other a pass down a tree works out that product of every node, and a pass up hands sums of leaves to their parents (as in Linear TreeShap, Yu,
// Xu, Yang, Han 2022, which interpolates where this integrates).
import { MleError } from '../../error.ts'
import { int } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { ensembleOf, requireFeatures, type Ensemble } from '../trees/ensemble.ts'
import { FEATURE_MASK, type CategoryRounding, type TreeArrays } from '../trees/layout.ts'
import { plainCover } from '../trees/stored.ts'
import { gaussPoints, type GaussPoints } from './gauss.ts'
import { rightAny, type NodeArrays } from './tree-walk.ts'

/** Deeper trees are refused: what was known of a feature is looked for along the path, and points are as many as features on it. */
const MAX_DEPTH = 2000
const MAX_PATH_ELEMENTS = 1 << 22
/** What counts as nothing: its reciprocal is still a number. */
const LEAST_SHARE = 1e-280

/** What is known of an ensemble besides its structure; what belongs to nodes is of the branch that leads to them. */
interface Weights {
  /** By node: share of the weight that flows on when its feature is unknown, through all of the path's branches by that feature. */
  readonly zero: Float64Array
  /** By node: where the path's branch before this one by the same feature leads to, counted from the root; 0 for none. */
  readonly before: Int32Array
  /** By node: the feature that it splits by. */
  readonly player: Int32Array
  /** By tree: most features on a path. */
  readonly features: Int32Array
  /** [outputs]: expectation of all trees over their training data, base not included. */
  readonly expected: Float64Array
}

function weightsOf(ensemble: Ensemble, cover: View, players: Uint32Array | undefined): Weights {
  const { arrays, facts, outputs } = ensemble
  const { words } = facts
  const { leafIndex, leafValues, width, roots, treeTarget } = arrays
  const count = words.length >>> 2
  const data = plainCover({ nodes: arrays.nodes, places: ensemble.places }, cover.data as Float64Array)
  const zero = new Float64Array(count)
  const before = new Int32Array(count)
  const player = new Int32Array(count)
  const features = new Int32Array(roots.length)
  const expected = new Float64Array(outputs)
  const reach = new Float64Array(count)
  const parent = new Int32Array(count)
  /** Features on the path to a node. */
  const distinct = new Int32Array(count)
  for (let t = 0; t < roots.length; t++) {
    const root = roots[t]
    const end = t + 1 < roots.length ? roots[t + 1] : count
    const target = treeTarget === undefined ? 0 : treeTarget[t]
    reach[root] = zero[root] = 1
    for (let i = root; i < end; i++) {
      if (!(data[i] >= 0 && data[i] < Infinity)) throw new MleError('TREE_COVER', `node ${i} has cover ${data[i]}, expected a weight of at least 0`, { actual: data[i] })
      const left = words[4 * i + 3]
      if (left === i) {
        for (let j = 0; j < width; j++) expected[target + j] += reach[i] * leafValues[leafIndex[i] * width + j]
        features[t] = Math.max(features[t], distinct[i])
        continue
      }
      const feature = words[4 * i + 2] & FEATURE_MASK
      player[i] = players === undefined ? feature : players[feature]
      let known = i
      while (known !== root && player[parent[known]] !== player[i]) known = parent[known]
      for (let child = left; child < left + 2; child++) {
        const share = data[i] > 0 ? data[child] / data[i] : 0.5
        zero[child] = Math.max(LEAST_SHARE, share * zero[known])
        before[child] = known - root
        parent[child] = i
        distinct[child] = distinct[i] + Number(known === root)
        reach[child] = reach[i] * share
      }
    }
  }
  return { zero, before, player, features, expected }
}

function checkDepth(ensemble: Ensemble, players: number): void {
  const depth = ensemble.facts.depth.reduce((max, own) => Math.max(max, own), 0)
  if (depth > MAX_DEPTH || (depth + 2) * (Math.min(depth, players) + 2) > MAX_PATH_ELEMENTS) {
    throw new MleError('TREE_SHAP_DEPTH', `a tree is ${depth} levels deep over ${players} features, too deep to explain (at most ${MAX_DEPTH} levels, and levels x features below ${MAX_PATH_ELEMENTS})`, { expected: MAX_DEPTH, actual: depth })
  }
}

/** Of a tree: its nodes, and which of them split; counted from its root on. */
interface Split {
  readonly root: number
  readonly count: number
  /** Parents first. */
  readonly inner: Int32Array
  readonly leaves: Int32Array
}

function splitsOf({ arrays: { roots }, facts: { words } }: Ensemble): Split[] {
  const end = words.length >>> 2
  return Array.from(roots, (root, t) => {
    const count = (t + 1 < roots.length ? roots[t + 1] : end) - root
    const all = Int32Array.from({ length: count }, (_, i) => i)
    const isLeaf = (i: number): boolean => words[4 * (root + i) + 3] === root + i
    return { root, count, inner: all.filter((i) => !isLeaf(i)), leaves: all.filter(isLeaf) }
  })
}

/** Room for two points of each node of a tree. */
interface Passes {
  /** Products of the factors of all features on the path. */
  readonly product: Float64Array
  /** What one - zero is divided by the factor of the branch's feature, times the weight of the point; 1 by that factor. Of the root, which no branch leads to, 0 and 1. */
  readonly quotient: Float64Array
  readonly inverse: Float64Array
  /** [nodes][values]: of the leaves below, values times products. */
  readonly sums: Float64Array
  /** 1 if the row takes all of the path's branches by the feature so far. */
  readonly one: Float64Array
}

function passesFor(most: number, width: number): Passes {
  return {
    product: new Float64Array(2 * most).fill(1, 0, 2), quotient: new Float64Array(2 * most), inverse: new Float64Array(2 * most).fill(1, 0, 2),
    sums: new Float64Array(2 * most * width), one: new Float64Array(most).fill(1, 0, 1),
  }
}

/** Products of all nodes at the points `q` and `q + 1`. Which branches a row takes is as good as random, so that nothing branches on it. */
function passDown({ words }: NodeArrays, { zero, before }: Weights, { product, quotient, inverse, one }: Passes, { root, inner }: Split, { share, rest, weight }: GaussPoints, q: number): void {
  const share0 = share[q]
  const share1 = share[q + 1]
  const rest0 = rest[q]
  const rest1 = rest[q + 1]
  const weight0 = weight[q]
  const weight1 = weight[q + 1]
  for (let n = 0; n < inner.length; n++) {
    const i = inner[n]
    const left = words[4 * (root + i) + 3] - root
    const known = 2 * before[root + left]
    const product0 = product[2 * i] * inverse[known]
    const product1 = product[2 * i + 1] * inverse[known + 1]
    for (let child = left; child < left + 2; child++) {
      const at = 2 * child
      const unknown = zero[root + child]
      const own = one[child]
      const factor0 = unknown * rest0 + own * share0
      const factor1 = unknown * rest1 + own * share1
      const by0 = 1 / factor0
      const by1 = 1 / factor1
      product[at] = product0 * factor0
      product[at + 1] = product1 * factor1
      inverse[at] = by0
      inverse[at + 1] = by1
      quotient[at] = (own - unknown) * by0 * weight0
      quotient[at + 1] = (own - unknown) * by1 * weight1
    }
  }
}

/** Sums of leaves, and what each branch's feature adds to the row of `columns` at `yAt`, value by value, through the leaves behind it. */
function passUp(
  { words }: NodeArrays, { before, player }: Weights, { product, quotient, sums }: Passes, { leafIndex, leafValues, width }: TreeArrays, { root, inner, leaves }: Split, y: Float64Array, yAt: number, columns: number,
): void {
  for (let n = 0; n < leaves.length; n++) {
    const at = 2 * leaves[n]
    const leaf = leafIndex[root + leaves[n]] * width
    for (let j = 0; j < width; j++) {
      const value = leafValues[leaf + j]
      sums[at * width + 2 * j] = value * product[at]
      sums[at * width + 2 * j + 1] = value * product[at + 1]
    }
  }
  for (let n = inner.length - 1; n >= 0; n--) {
    const i = inner[n]
    const left = words[4 * (root + i) + 3] - root
    const known = 2 * before[root + left]
    const leftChange0 = quotient[2 * left] - quotient[known]
    const leftChange1 = quotient[2 * left + 1] - quotient[known + 1]
    const rightChange0 = quotient[2 * left + 2] - quotient[known]
    const rightChange1 = quotient[2 * left + 3] - quotient[known + 1]
    for (let j = 0, to = 2 * i * width, from = 2 * left * width, at = yAt + player[root + i]; j < width; j++, to += 2, from += 2, at += columns) {
      const left0 = sums[from]
      const left1 = sums[from + 1]
      const right0 = sums[from + 2 * width]
      const right1 = sums[from + 2 * width + 1]
      sums[to] = left0 + right0
      sums[to + 1] = left1 + right1
      y[at] += left0 * leftChange0 + right0 * rightChange0 + (left1 * leftChange1 + right1 * rightChange1)
    }
  }
}

// X [rows, features] float32 or float64; Y [rows, outputs, players + 1] float64
function makeTreeShap(context: KernelContext): Kernel {
  const ensemble = ensembleOf(context)
  const cover = context.constants[8]
  if (cover === undefined) throw new MleError('TREE_CONSTANT', 'cover must be an initializer, so that it can be checked before it is read', { actual: 8 })
  const { facts, outputs, treesPerOutput, start: base, rounding } = ensemble
  const declared = int(context.attributes, 'players', 0)
  const players = playersOf(context, declared)
  checkDepth(ensemble, declared > 0 ? declared : facts.featureCount)
  const weights = weightsOf(ensemble, cover, players)
  // A polynomial of one degree less than there are features.
  const formulas = new Map<number, GaussPoints>()
  const pointsOf = Array.from(weights.features, (features) => {
    const count = Math.max(1, Math.ceil(features / 2))
    const points = formulas.get(count) ?? gaussPoints(count)
    formulas.set(count, points)
    return points
  })
  const splits = splitsOf(ensemble)
  const passes = passesFor(splits.reduce((most, { count }) => Math.max(most, count), 1), ensemble.arrays.width)
  const isMean = ensemble.aggregate === 'mean'
  // Copies, as memory of the model may move between runs.
  const words = new Int32Array(facts.words)
  const nodes: NodeArrays = { thresholds: new Float64Array(words.buffer), words }
  const arrays: TreeArrays = { ...ensemble.arrays, leafIndex: ensemble.arrays.leafIndex.slice(), leafValues: ensemble.arrays.leafValues.slice() }
  const categories = arrays.categories?.slice() ?? new Uint32Array(0)
  const targets = arrays.treeTarget?.slice()
  return ([xView], [yView]) => {
    const x = xView?.data
    const y = yView?.data
    if (xView === undefined || !(y instanceof Float64Array) || !(x instanceof Float32Array || x instanceof Float64Array)) throw new TypeError('TreeShap needs X and Y')
    const [rows, features] = xView.shape
    requireFeatures(facts, features)
    const columns = (declared > 0 ? declared : features) + 1
    y.fill(0)
    for (let row = 0; row < rows; row++) {
      const yAt = row * outputs * columns
      for (let t = 0; t < splits.length; t++) {
        takeRow(nodes, weights, passes, splits[t], categories, rounding, x, row * features)
        for (let q = 0; q < pointsOf[t].count; q += 2) {
          passDown(nodes, weights, passes, splits[t], pointsOf[t], q)
          passUp(nodes, weights, passes, arrays, splits[t], y, yAt + (targets === undefined ? 0 : targets[t]) * columns, columns)
        }
      }
      for (let j = 0; j < outputs; j++) {
        const at = yAt + j * columns
        const divisor = isMean ? Math.max(1, treesPerOutput[j]) : 1
        if (isMean) for (let c = 0; c < columns - 1; c++) y[at + c] /= divisor
        y[at + columns - 1] = base[j] + weights.expected[j] / divisor
      }
    }
  }
}

/** Which branches of a tree a row takes, as far as each branch's feature is concerned. */
function takeRow(nodes: NodeArrays, { before }: Weights, { one }: Passes, { root, inner }: Split, categories: Uint32Array, rounding: CategoryRounding, x: Float32Array | Float64Array, xAt: number): void {
  const { words } = nodes
  for (let n = 0; n < inner.length; n++) {
    const i = root + inner[n]
    const left = words[4 * i + 3]
    const right = rightAny(nodes, i, x[xAt + (words[4 * i + 2] & FEATURE_MASK)], categories, rounding)
    const isOne = one[before[left]]
    one[left - root] = isOne * (1 - right)
    one[left + 1 - root] = isOne * right
  }
}

function playersOf(context: KernelContext, count: number): Uint32Array | undefined {
  if (context.inputTypes[9] === undefined) return undefined
  const view = context.constants[9]
  if (view === undefined) throw new MleError('TREE_CONSTANT', 'players must be an initializer, so that they can be checked before they are read', { actual: 9 })
  const players = (view.data as Uint32Array).slice()
  players.forEach((player, column) => {
    if (player >= count) throw new MleError('TREE_PLAYER', `column ${column} counts as player ${player}, but there are ${count}`, { expected: count, actual: player })
  })
  return players
}

export const treeShapKernels: readonly (readonly [string, KernelEntry])[] = [['mle.TreeShap', { make: makeTreeShap }]]
