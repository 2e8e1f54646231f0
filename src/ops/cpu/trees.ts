// Tree ensembles in plain TypeScript.
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { ensembleOf, leafEnsembleOf, requireFeatures, type Ensemble } from '../trees/ensemble.ts'
import { CATEGORICAL, EQUAL, FEATURE_MASK, nodeWords, UNKNOWN_RIGHT, ZERO_MISSING, ZERO_THRESHOLD, type CategoryRounding, type NodeWords } from '../trees/layout.ts'

type Rows = Float32Array | Float64Array

function rowsOf(view: View | undefined): Rows {
  if (view !== undefined && (view.data instanceof Float32Array || view.data instanceof Float64Array)) return view.data
  throw new TypeError('rows must be float32 or float64')
}

/** The nodes of this run: memory may have moved since the last one, and its views with it. */
function nodeReader(): (view: View | undefined) => NodeWords {
  let of: View['data'] | undefined
  let current: NodeWords = { thresholds: new Float64Array(0), words: new Uint32Array(0) }
  return (view) => {
    if (view !== undefined && view.data !== of && view.data instanceof Uint8Array) {
      of = view.data
      current = nodeWords(view.data)
    }
    return current
  }
}

/** 1 for right, 0 for left, with every flag honoured. */
function stepAny(thresholds: Float64Array, words: Uint32Array, node: number, x: number, categories: Uint32Array, rounding: CategoryRounding): number {
  const word = words[4 * node + 2]
  if (x !== x) return word >>> 31
  if (word >>> 27 === 0) return x > thresholds[2 * node] ? 1 : 0
  if ((word & CATEGORICAL) !== 0) {
    const category = rounding === 'floor' ? Math.floor(x) : Math.trunc(x)
    if (!(category >= 0 && category < words[4 * node + 1]) || (rounding === 'exact' && category !== x)) return (word & UNKNOWN_RIGHT) >>> 28
    return (categories[words[4 * node] + (category >>> 5)] >>> (category & 31)) & 1
  }
  if ((word & ZERO_MISSING) !== 0 && Math.abs(x) <= ZERO_THRESHOLD) return word >>> 31
  return ((word & EQUAL) !== 0 ? x === thresholds[2 * node] : x > thresholds[2 * node]) ? 1 : 0
}

const NO_WORDS = /* @__PURE__ */ new Uint32Array(0)

// x [features] at xOffset; node: where the walk starts. The leaf it reaches.
function leafAny(nodes: NodeWords, node: number, x: Rows, xOffset: number, categories: Uint32Array, rounding: CategoryRounding): number {
  const { thresholds, words } = nodes
  for (let left = words[4 * node + 3]; left !== node; left = words[4 * node + 3]) {
    node = left + stepAny(thresholds, words, node, x[xOffset + (words[4 * node + 2] & FEATURE_MASK)], categories, rounding)
  }
  return node
}

function uint32(view: View | undefined): Uint32Array {
  return view !== undefined && view.data instanceof Uint32Array ? view.data : NO_WORDS
}

// X [rows, features] float32 or float64; Y [rows, outputs] float64, or float32 where sums are rounded after each tree
function makeTreeEnsemble(context: KernelContext): Kernel {
  const ensemble = ensembleOf(context)
  const read = nodeReader()
  return (inputs, outputs) => {
    const xView = inputs[0]
    const y = outputs[0]?.data
    if (xView === undefined || !(y instanceof Float64Array || y instanceof Float32Array)) throw new TypeError('TreeEnsemble needs X and Y')
    const [rows, features] = xView.shape
    requireFeatures(ensemble.facts, features)
    const x = rowsOf(xView)
    const nodes = read(inputs[1])
    const leafIndex = uint32(inputs[2])
    const roots = uint32(inputs[3])
    const values = inputs[4]?.data as Float64Array
    const categories = uint32(inputs[6])
    begin(ensemble, y, rows)
    for (let t = 0; t < roots.length; t++) {
      for (let r = 0; r < rows; r++) {
        const leaf = leafAny(nodes, roots[t], x, r * features, categories, ensemble.rounding)
        addLeaf(ensemble, y, r, t, values, leafIndex[leaf])
      }
    }
    finish(ensemble, y, rows)
  }
}

function begin(ensemble: Ensemble, y: Float64Array | Float32Array, rows: number): void {
  const { outputs, base, aggregate, treesPerOutput } = ensemble
  for (let j = 0; j < outputs; j++) {
    const start = treesPerOutput[j] === 0 || aggregate === 'sum' || aggregate === 'mean' ? base[j] : aggregate === 'min' ? Infinity : -Infinity
    for (let i = j; i < rows * outputs; i += outputs) y[i] = start
  }
}

function addLeaf(ensemble: Ensemble, y: Float64Array | Float32Array, row: number, tree: number, values: Float64Array, leaf: number): void {
  const { arrays: { width, treeTarget }, outputs, aggregate } = ensemble
  const from = leaf * width
  const to = row * outputs + (treeTarget === undefined ? 0 : treeTarget[tree])
  if (aggregate === 'min') for (let j = 0; j < width; j++) y[to + j] = Math.min(y[to + j], values[from + j])
  else if (aggregate === 'max') for (let j = 0; j < width; j++) y[to + j] = Math.max(y[to + j], values[from + j])
  else for (let j = 0; j < width; j++) y[to + j] += values[from + j]
}

function finish(ensemble: Ensemble, y: Float64Array | Float32Array, rows: number): void {
  if (ensemble.aggregate !== 'mean') return
  const { outputs, treesPerOutput } = ensemble
  for (let i = 0, j = 0; i < rows * outputs; i++) {
    if (treesPerOutput[j] !== 0) y[i] /= treesPerOutput[j]
    if (++j === outputs) j = 0
  }
}

// X [rows, features]; Y [rows, trees] int32
function makeTreeLeaves(context: KernelContext): Kernel {
  const ensemble = leafEnsembleOf(context)
  const read = nodeReader()
  return (inputs, outputs) => {
    const xView = inputs[0]
    const y = outputs[0]?.data
    if (xView === undefined || !(y instanceof Int32Array)) throw new TypeError('TreeLeaves needs X and Y')
    const [rows, features] = xView.shape
    requireFeatures(ensemble.facts, features)
    const x = rowsOf(xView)
    const nodes = read(inputs[1])
    const roots = uint32(inputs[2])
    const categories = uint32(inputs[3])
    const ids = inputs[4]?.data instanceof Int32Array ? inputs[4].data : ensemble.nodeIds
    const trees = roots.length
    for (let t = 0; t < trees; t++) {
      for (let r = 0; r < rows; r++) y[r * trees + t] = ids[leafAny(nodes, roots[t], x, r * features, categories, ensemble.rounding)]
    }
  }
}

export const treeKernels: readonly (readonly [string, KernelEntry])[] = [
  ['mle.TreeEnsemble', { make: makeTreeEnsemble }],
  ['mle.TreeLeaves', { make: makeTreeLeaves }],
]
