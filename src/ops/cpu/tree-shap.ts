// mle.TreeShap in time linear in the nodes. A set of known features is as likely as if each were known with probability t, t being uniform: the Shapley value
// of feature i is the integral over t from 0 to 1 of what i adds when every other feature is known with probability t. For a leaf below splits by the features j
// of a path that is its value times (one_i - zero_i) times the product over j other than i of (zero_j + (one_j - zero_j) t), where zero is the share of the
// weight that flows on when the feature is unknown (the product of its splits' shares) and one says whether the row's value takes the path. These are polynomials
// of t, which Gauss's formula integrates exactly at half as many points as there are features on a path, by terms that are never of opposite signs. So each
// node keeps that product at every point, and hands the sums of its leaves up to its parent (as in Linear TreeShap, Yu, Xu, Yang, Han 2022, which interpolates
// where this integrates). Sums over points are those of the even ones plus those of the odd ones.
import { MleError } from '../../error.ts'
import { int } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { ensembleOf, requireFeatures, type Ensemble } from '../trees/ensemble.ts'
import { FEATURE_MASK } from '../trees/layout.ts'
import { gaussPoints, type GaussPoints } from './gauss.ts'
import { rightAny, type NodeArrays } from './tree-walk.ts'

/** Deeper trees are refused: the walk recurses, and keeps products and sums at each level. */
const MAX_DEPTH = 2000
const MAX_PATH_ELEMENTS = 1 << 22
/** Values of a leaf that are explained in one walk: room for sums is levels x points x this. */
const MAX_VALUES = 8

/** Less flows nowhere: its reciprocal would have no number. */
const LEAST_SHARE = 1e-280

/** What is known of an ensemble besides its structure. */
interface Weights {
  /** By node, whose branch is the one that leads to it: share of the weight that flows on when its feature is unknown, through all of the path's splits by that feature. */
  readonly zero: Float64Array
  /** Level of the path's branch before this one by the same feature, 0 for none. */
  readonly before: Int32Array
  /** By tree: most features on a path. */
  readonly features: Int32Array
  /** [outputs]: expectation of all trees over their training data, base not included. */
  readonly expected: Float64Array
}

/** One row on its way through the trees; what belongs to levels is of the branch that leads to a level's node. */
interface Explanation extends Weights {
  readonly nodes: NodeArrays
  readonly words: Uint32Array
  readonly ensemble: Ensemble
  readonly categories: Uint32Array
  /** Player of each column; its own number when absent. */
  readonly players: Uint32Array | undefined
  /** [levels]: 1 if the row takes all of the path's branches by the feature so far. */
  readonly one: Uint8Array
  /** [levels][points]: product of the features' factors; what one - zero is divided by the feature's own factor, times the weight of the point; 1 by that factor. */
  readonly product: Float64Array
  readonly quotient: Float64Array
  readonly inverse: Float64Array
  /** [levels][values][points]: sums of leaves times their products. */
  readonly sums: Float64Array
  /** Room for points at a level. */
  readonly stride: number
  points: GaussPoints
  x: Float32Array | Float64Array
  xAt: number
  /** [outputs, columns] from yAt on */
  y: Float64Array
  yAt: number
  columns: number
  /** Values of leaves that this walk explains: `values` from the one at `from` on. */
  from: number
  values: number
}

/** Shares along paths, and what the trees expect. */
function weightsOf(ensemble: Ensemble, cover: View, playerOf: (feature: number) => number): Weights {
  const { arrays, facts, outputs } = ensemble
  const { words } = facts
  const { leafIndex, leafValues, width, roots, treeTarget } = arrays
  const count = words.length >>> 2
  const data = cover.data as Float32Array | Float64Array
  if (data.length !== count) throw new MleError('TREE_COVER', `there are ${data.length} covers for ${count} nodes`, { expected: count, actual: data.length })
  const zero = new Float64Array(count)
  const before = new Int32Array(count)
  const features = new Int32Array(roots.length)
  const expected = new Float64Array(outputs)
  const deepest = deepestOf(ensemble)
  /** Of the path to a node, by level: player and zero of its branch. */
  const player = new Int32Array(deepest + 1)
  const unknown = new Float64Array(deepest + 1)
  const visit = (node: number, level: number, distinct: number, reach: number, tree: number): void => {
    if (!(data[node] >= 0 && data[node] < Infinity)) throw new MleError('TREE_COVER', `node ${node} has cover ${data[node]}, expected a weight of at least 0`, { actual: data[node] })
    const left = words[4 * node + 3]
    if (left === node) {
      const target = treeTarget === undefined ? 0 : treeTarget[tree]
      for (let j = 0; j < width; j++) expected[target + j] += reach * leafValues[leafIndex[node] * width + j]
      features[tree] = Math.max(features[tree], distinct)
      return
    }
    const own = playerOf(words[4 * node + 2] & FEATURE_MASK)
    let known = level
    while (known > 0 && player[known] !== own) known--
    for (let child = left; child < left + 2; child++) {
      const share = data[node] > 0 ? data[child] / data[node] : 0.5
      before[child] = known
      const flowing = known > 0 ? share * unknown[known] : share
      zero[child] = flowing < LEAST_SHARE ? 0 : flowing
      player[level + 1] = own
      unknown[level + 1] = zero[child]
      visit(child, level + 1, distinct + Number(known === 0), reach * share, tree)
    }
  }
  for (let t = 0; t < roots.length; t++) visit(roots[t], 0, 0, 1, t)
  return { zero, before, features, expected }
}

function deepestOf({ facts }: Ensemble): number {
  return facts.depth.reduce((max, own) => Math.max(max, own), 0)
}

function checkDepth(ensemble: Ensemble, players: number): void {
  const depth = deepestOf(ensemble)
  if (depth > MAX_DEPTH || (depth + 2) * (Math.min(depth, players) + 2) > MAX_PATH_ELEMENTS) {
    throw new MleError('TREE_SHAP_DEPTH', `a tree is ${depth} levels deep over ${players} features, too deep to explain (at most ${MAX_DEPTH} levels, and levels x features below ${MAX_PATH_ELEMENTS})`, { expected: MAX_DEPTH, actual: depth })
  }
}

/** Explains what lies below the inner node `node`, to whose level the products belong: sums of its leaves. */
function descend(e: Explanation, node: number, level: number): void {
  const { words, sums, stride, values } = e
  const left = words[4 * node + 3]
  const to = level * stride * values
  for (let i = to; i < to + values * stride; i++) sums[i] = 0
  const feature = words[4 * node + 2] & FEATURE_MASK
  const taken = left + rightAny(e.nodes, node, e.x[e.xAt + feature], e.categories, e.ensemble.rounding)
  const yAt = e.yAt + (e.players === undefined ? feature : e.players[feature])
  takeBranch(e, left, level, taken === left, yAt)
  takeBranch(e, left + 1, level, taken !== left, yAt)
}

/** The branch from a node of `level` to `child`: what its feature, whose column is at `yAt`, adds through the leaves below. */
function takeBranch(e: Explanation, child: number, level: number, isTaken: boolean, yAt: number): void {
  const { one, sums, stride, values, y, columns, quotient, points: { count } } = e
  const zero = e.zero[child]
  const before = e.before[child]
  const isOne = isTaken && (before === 0 || one[before] === 1)
  // Nothing flows here whatever is known.
  if (zero === 0 && !isOne) return
  const isLeaf = e.words[4 * child + 3] === child
  const from = level * stride
  const at = from + stride
  const known = before * stride
  if (isOne) takeKnown(e, zero, from, at)
  else takeUnknown(e, zero, from, at)
  if (before !== 0) changeFactor(e, at, known)
  // A feature whose paths the row has left before adds what it did.
  const addsMore = isOne || before === 0 || one[before] === 1
  if (isLeaf) {
    addLeaf(e, child, level, addsMore, yAt)
    return
  }
  one[level + 1] = Number(isOne)
  descend(e, child, level + 1)
  for (let j = 0; j < values; j++) {
    const above = from * values + j * stride
    const below = at * values + j * stride
    for (let q = 0; q < count; q++) sums[above + q] += sums[below + q]
    if (!addsMore) continue
    let even = 0
    let odd = 0
    for (let q = 0; q < count; q += 2) {
      even += sums[below + q] * (before === 0 ? quotient[at + q] : quotient[at + q] - quotient[known + q])
      odd += sums[below + q + 1] * (before === 0 ? quotient[at + q + 1] : quotient[at + q + 1] - quotient[known + q + 1])
    }
    y[yAt + j * columns] += even + odd
  }
}

/** Products behind a branch that the row takes when the feature is known. */
function takeKnown({ product, quotient, inverse, points: { count, share, weight } }: Explanation, zero: number, from: number, at: number): void {
  const gain = 1 - zero
  for (let q = 0; q < count; q++) {
    const factor = zero + gain * share[q]
    const by = 1 / factor
    product[at + q] = product[from + q] * factor
    inverse[at + q] = by
    quotient[at + q] = weight[q] * gain * by
  }
}

/** Products behind a branch that the row does not take. */
function takeUnknown({ product, quotient, inverse, points: { count, rest, byRest, weightByRest } }: Explanation, zero: number, from: number, at: number): void {
  const by = 1 / zero
  for (let q = 0; q < count; q++) {
    product[at + q] = product[from + q] * (zero * rest[q])
    inverse[at + q] = by * byRest[q]
    quotient[at + q] = -weightByRest[q]
  }
}

/** Takes the factor of the branch before by the same feature out of the products. */
function changeFactor({ product, inverse, points: { count } }: Explanation, at: number, known: number): void {
  for (let q = 0; q < count; q++) product[at + q] *= inverse[known + q]
}

/** As `takeBranch` where a leaf follows. */
function addLeaf(e: Explanation, leaf: number, level: number, addsMore: boolean, yAt: number): void {
  const { sums, product, quotient, stride, values, y, columns, points: { count }, ensemble: { arrays: { leafIndex, leafValues, width } } } = e
  const from = level * stride
  const at = from + stride
  const before = e.before[leaf]
  const known = before * stride
  let even = 0
  let odd = 0
  if (addsMore) {
    for (let q = 0; q < count; q += 2) {
      even += product[at + q] * (before === 0 ? quotient[at + q] : quotient[at + q] - quotient[known + q])
      odd += product[at + q + 1] * (before === 0 ? quotient[at + q + 1] : quotient[at + q + 1] - quotient[known + q + 1])
    }
  }
  const first = leafIndex[leaf] * width + e.from
  for (let j = 0; j < values; j++) {
    const value = leafValues[first + j]
    const above = from * values + j * stride
    for (let q = 0; q < count; q++) sums[above + q] += value * product[at + q]
    y[yAt + j * columns] += (even + odd) * value
  }
}

// X [rows, features] float32 or float64; Y [rows, outputs, players + 1] float64
function makeTreeShap(context: KernelContext): Kernel {
  const ensemble = ensembleOf(context)
  const cover = context.constants[8]
  if (cover === undefined) throw new MleError('TREE_CONSTANT', 'cover must be an initializer, so that it can be checked before it is read', { actual: 8 })
  const { facts, outputs, arrays, treesPerOutput, start: base } = ensemble
  const declared = int(context.attributes, 'players', 0)
  const players = playersOf(context, declared)
  checkDepth(ensemble, declared > 0 ? declared : facts.featureCount)
  const weights = weightsOf(ensemble, cover, players === undefined ? (feature) => feature : (feature) => players[feature])
  // A polynomial of one degree less than there are features.
  const pointsOf = Array.from(weights.features, (count) => Math.max(1, Math.ceil(count / 2)))
  const formulas = new Map([...new Set(pointsOf)].map((count) => [count, gaussPoints(count)]))
  const points = pointsOf.map((count) => formulas.get(count) ?? gaussPoints(count))
  const stride = Math.max(2, ...points.map(({ count }) => count))
  const elements = (deepestOf(ensemble) + 1) * stride
  const isMean = ensemble.aggregate === 'mean'
  // Copies, as memory of the model may move between runs.
  const words = facts.words.slice()
  const own: Explanation = {
    ...weights, words, players, stride, nodes: { thresholds: new Float64Array(words.buffer), words: new Int32Array(words.buffer) },
    ensemble: { ...ensemble, arrays: { ...arrays, leafIndex: arrays.leafIndex.slice(), leafValues: arrays.leafValues.slice() } },
    categories: arrays.categories?.slice() ?? new Uint32Array(0),
    one: new Uint8Array(deepestOf(ensemble) + 1), product: new Float64Array(elements).fill(1, 0, stride), quotient: new Float64Array(elements), inverse: new Float64Array(elements),
    sums: new Float64Array(elements * Math.min(MAX_VALUES, arrays.width)),
    points: gaussPoints(1), x: new Float64Array(0), xAt: 0, y: new Float64Array(0), yAt: 0, columns: 0, from: 0, values: 0,
  }
  const roots = arrays.roots.slice()
  const targets = arrays.treeTarget?.slice()
  return ([xView], [yView]) => {
    const y = yView?.data
    if (xView === undefined || !(y instanceof Float64Array) || !(xView.data instanceof Float32Array || xView.data instanceof Float64Array)) throw new TypeError('TreeShap needs X and Y')
    const [rows, features] = xView.shape
    requireFeatures(facts, features)
    const columns = (declared > 0 ? declared : features) + 1
    own.x = xView.data
    own.y = y
    own.columns = columns
    y.fill(0)
    for (let row = 0; row < rows; row++) {
      own.xAt = row * features
      const yAt = row * outputs * columns
      for (let t = 0; t < roots.length; t++) {
        own.points = points[t]
        for (own.from = 0; own.from < arrays.width; own.from += MAX_VALUES) {
          own.values = Math.min(MAX_VALUES, arrays.width - own.from)
          own.yAt = yAt + (own.from + (targets === undefined ? 0 : targets[t])) * columns
          if (words[4 * roots[t] + 3] !== roots[t]) descend(own, roots[t], 0)
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
