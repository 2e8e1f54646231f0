// mle.TreeShap: algorithm 2 of Lundberg, Erion, Lee 2018. Each path from a root keeps the features met on it with the shares
// of the weight that flow on when a feature is unknown (zero) and known (one), and for every size of a set of known features
// the weight of all sets of that size. Going down a branch extends that list; a feature met again is first taken out.
import { MleError } from '../../error.ts'
import { int } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { ensembleOf, requireFeatures, type Ensemble } from '../trees/ensemble.ts'
import { FEATURE_MASK } from '../trees/layout.ts'
import { rightAny, type NodeArrays } from './tree-walk.ts'

/** Deeper trees are refused: the walk recurses, and keeps a list of path elements at each level. */
const MAX_DEPTH = 2000
const MAX_PATH_ELEMENTS = 1 << 22

/** What is known of an ensemble besides its structure. */
interface Weights {
  /** Share of its parent's weight that reaches a node; 1 for roots. */
  readonly share: Float64Array
  /** [outputs]: expectation of all trees over their training data, base not included. */
  readonly expected: Float64Array
}

/** Lists of path elements, one for each level. */
interface Paths {
  /** Elements that a list has room for. */
  readonly stride: number
  readonly player: Int32Array
  readonly zero: Float64Array
  readonly one: Float64Array
  /** Weight of all sets of known features of each size. */
  readonly weight: Float64Array
}

/** One row on its way through the trees. */
interface Explanation {
  readonly nodes: NodeArrays
  readonly words: Uint32Array
  readonly share: Float64Array
  readonly paths: Paths
  readonly ensemble: Ensemble
  readonly categories: Uint32Array
  /** Player of each column; its own number when absent. */
  readonly players: Uint32Array | undefined
  x: Float32Array | Float64Array
  xAt: number
  /** [outputs, columns] from yAt on */
  y: Float64Array
  yAt: number
  columns: number
  target: number
}

function weightsOf(ensemble: Ensemble, cover: View): Weights {
  const { arrays, facts, outputs } = ensemble
  const { words } = facts
  const { leafIndex, leafValues, width, roots, treeTarget } = arrays
  const count = words.length >>> 2
  const data = cover.data as Float32Array | Float64Array
  if (data.length !== count) throw new MleError('TREE_COVER', `there are ${data.length} covers for ${count} nodes`, { expected: count, actual: data.length })
  const share = new Float64Array(count)
  const reach = new Float64Array(count)
  const expected = new Float64Array(outputs)
  for (let t = 0; t < roots.length; t++) {
    const end = t + 1 < roots.length ? roots[t + 1] : count
    const target = treeTarget === undefined ? 0 : treeTarget[t]
    share[roots[t]] = reach[roots[t]] = 1
    for (let i = roots[t]; i < end; i++) {
      if (!(data[i] >= 0 && data[i] < Infinity)) throw new MleError('TREE_COVER', `node ${i} has cover ${data[i]}, expected a weight of at least 0`, { actual: data[i] })
      const left = words[4 * i + 3]
      if (left === i) {
        for (let j = 0; j < width; j++) expected[target + j] += reach[i] * leafValues[leafIndex[i] * width + j]
        continue
      }
      for (const child of [left, left + 1]) {
        share[child] = data[i] > 0 ? data[child] / data[i] : 0.5
        reach[child] = reach[i] * share[child]
      }
    }
  }
  return { share, expected }
}

function pathsFor(ensemble: Ensemble, players: number): Paths {
  const depth = ensemble.facts.depth.reduce((max, own) => Math.max(max, own), 0)
  // The root's element, and at most one for each player.
  const stride = Math.min(depth, players) + 2
  const elements = (depth + 2) * stride
  if (depth > MAX_DEPTH || elements > MAX_PATH_ELEMENTS) {
    throw new MleError('TREE_SHAP_DEPTH', `a tree is ${depth} levels deep over ${players} features, too deep to explain (at most ${MAX_DEPTH} levels, and levels x features below ${MAX_PATH_ELEMENTS})`, { expected: MAX_DEPTH, actual: depth })
  }
  return { stride, player: new Int32Array(elements), zero: new Float64Array(elements), one: new Float64Array(elements), weight: new Float64Array(elements) }
}

/** Adds an element behind the `length` of the list that starts at `start`. */
function extend(paths: Paths, start: number, length: number, player: number, zero: number, one: number): void {
  const { weight } = paths
  const last = start + length
  paths.player[last] = player
  paths.zero[last] = zero
  paths.one[last] = one
  weight[last] = length === 0 ? 1 : 0
  for (let i = length - 1; i >= 0; i--) {
    weight[start + i + 1] += (one * weight[start + i] * (i + 1)) / (length + 1)
    weight[start + i] = (zero * weight[start + i] * (length - i)) / (length + 1)
  }
}

/** Takes element `k` out of a list whose last element is `last` places behind its start. */
function unwind(paths: Paths, start: number, last: number, k: number): void {
  const { player, zero, one, weight } = paths
  const known = one[start + k]
  const unknown = zero[start + k]
  let carried = weight[start + last]
  for (let i = last - 1; i >= 0; i--) {
    const own = weight[start + i]
    if (known !== 0) {
      weight[start + i] = (carried * (last + 1)) / ((i + 1) * known)
      carried = own - (weight[start + i] * unknown * (last - i)) / (last + 1)
    } else weight[start + i] = (own * (last + 1)) / (unknown * (last - i))
  }
  for (let i = start + k; i < start + last; i++) {
    player[i] = player[i + 1]
    zero[i] = zero[i + 1]
    one[i] = one[i + 1]
  }
}

/** Sum of the weights that the list would have without element `k`. */
function unwoundSum(paths: Paths, start: number, last: number, k: number): number {
  const { weight } = paths
  const known = paths.one[start + k]
  const unknown = paths.zero[start + k]
  let carried = weight[start + last]
  let total = 0
  for (let i = last - 1; i >= 0; i--) {
    if (known !== 0) {
      const own = (carried * (last + 1)) / ((i + 1) * known)
      total += own
      carried = weight[start + i] - (own * unknown * (last - i)) / (last + 1)
    } else total += (weight[start + i] * (last + 1)) / (unknown * (last - i))
  }
  return total
}

/** Explains the tree below `node`, entered over a branch of `player`; `length` elements of the level above come before it. */
function descend(e: Explanation, node: number, level: number, length: number, player: number, zero: number, one: number): void {
  // Nothing flows here whatever is known.
  if (zero === 0 && one === 0) return
  const { paths, words } = e
  const { stride } = paths
  const start = level * stride
  if (level > 0) {
    const above = start - stride
    paths.player.copyWithin(start, above, above + length)
    paths.zero.copyWithin(start, above, above + length)
    paths.one.copyWithin(start, above, above + length)
    paths.weight.copyWithin(start, above, above + length)
  }
  extend(paths, start, length, player, zero, one)
  const left = words[4 * node + 3]
  if (left === node) {
    addLeaf(e, node, start, length)
    return
  }
  const feature = words[4 * node + 2] & FEATURE_MASK
  const own = e.players === undefined ? feature : e.players[feature]
  let last = length
  let inZero = 1
  let inOne = 1
  for (let k = 1; k <= length; k++) {
    if (paths.player[start + k] !== own) continue
    inZero = paths.zero[start + k]
    inOne = paths.one[start + k]
    unwind(paths, start, last--, k)
    break
  }
  const taken = left + rightAny(e.nodes, node, e.x[e.xAt + feature], e.categories, e.ensemble.rounding)
  const other = 2 * left + 1 - taken
  descend(e, taken, level + 1, last + 1, own, e.share[taken] * inZero, inOne)
  descend(e, other, level + 1, last + 1, own, e.share[other] * inZero, 0)
}

function addLeaf(e: Explanation, node: number, start: number, last: number): void {
  const { paths, ensemble: { arrays: { leafIndex, leafValues, width } } } = e
  const from = leafIndex[node] * width
  for (let k = 1; k <= last; k++) {
    const share = unwoundSum(paths, start, last, k) * (paths.one[start + k] - paths.zero[start + k])
    for (let j = 0; j < width; j++) e.y[e.yAt + (e.target + j) * e.columns + paths.player[start + k]] += share * leafValues[from + j]
  }
}

// X [rows, features] float32 or float64; Y [rows, outputs, players + 1] float64
function makeTreeShap(context: KernelContext): Kernel {
  const ensemble = ensembleOf(context)
  const cover = context.constants[8]
  if (cover === undefined) throw new MleError('TREE_CONSTANT', 'cover must be an initializer, so that it can be checked before it is read', { actual: 8 })
  const { share, expected } = weightsOf(ensemble, cover)
  const { facts, outputs, arrays, treesPerOutput, start: base } = ensemble
  const declared = int(context.attributes, 'players', 0)
  const players = playersOf(context, declared)
  const paths = pathsFor(ensemble, declared > 0 ? declared : facts.featureCount)
  const isMean = ensemble.aggregate === 'mean'
  // Copies, as memory of the model may move between runs.
  const words = facts.words.slice()
  const own: Explanation = {
    nodes: { thresholds: new Float64Array(words.buffer), words: new Int32Array(words.buffer) }, words, share, paths,
    ensemble: { ...ensemble, arrays: { ...arrays, leafIndex: arrays.leafIndex.slice(), leafValues: arrays.leafValues.slice() } },
    categories: arrays.categories?.slice() ?? new Uint32Array(0), players,
    x: new Float64Array(0), xAt: 0, y: new Float64Array(0), yAt: 0, columns: 0, target: 0,
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
      own.yAt = row * outputs * columns
      for (let t = 0; t < roots.length; t++) {
        own.target = targets === undefined ? 0 : targets[t]
        descend(own, roots[t], 0, 0, -1, 1, 1)
      }
      for (let j = 0; j < outputs; j++) {
        const at = own.yAt + j * columns
        const divisor = isMean ? Math.max(1, treesPerOutput[j]) : 1
        if (isMean) for (let c = 0; c < columns - 1; c++) y[at + c] /= divisor
        y[at + columns - 1] = base[j] + expected[j] / divisor
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
