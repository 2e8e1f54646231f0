// Tree ensembles in plain TypeScript: tree by tree over blocks of rows, or a few rows through many trees at once.
import type { Kernel, KernelContext, KernelEntry, Scratch, View } from '../kernel.ts'
import { ensembleOf, leafEnsembleOf, requireFeatures, type Ensemble } from '../trees/ensemble.ts'
import { deriveNodes, IS_NAN, IS_ZERO, NAN_RIGHT, PLAIN, specialFlags, ZERO_LEFT, type Columns, type DerivedNodes } from '../trees/derive.ts'
import { nodeWords, ZERO_THRESHOLD, type CategoryRounding, type NodeWords, type TreeArrays } from '../trees/layout.ts'
import { blockRows, LANES, treeSchedule, type TreeSchedule } from '../trees/schedule.ts'
import { walk, walkAny, type NodeArrays, type Walks } from './tree-walk.ts'

/** Below this many rows, trees side by side keep more walks in flight than rows do. */
const FEW_ROWS = LANES
const NO_CATEGORIES = /* @__PURE__ */ new Uint32Array(0)

/** The walks of one kernel: its schedule, and what changes from call to call. */
interface Walker {
  readonly scratch: Scratch
  readonly rounding: CategoryRounding
  readonly schedule: TreeSchedule
  readonly derived: DerivedNodes | undefined
  /** The nodes are no constant of the graph. */
  readonly areOwn: boolean
  nodes: NodeArrays
  nodeData: View['data'] | undefined
  readonly walks: { -readonly [K in keyof Walks]: Walks[K] }
}

function walkerOf({ facts, arrays: { roots }, rounding, places }: Pick<Ensemble, 'facts' | 'rounding' | 'places'> & { readonly arrays: Pick<TreeArrays, 'roots'> }, scratch: Scratch): Walker {
  const derived = deriveNodes(facts)
  const areOwn = derived !== undefined || places !== undefined
  const schedule = treeSchedule(facts, roots, specialFlags(derived !== undefined))
  return {
    scratch,
    rounding,
    schedule,
    derived,
    areOwn,
    nodes: derived ?? (areOwn ? arraysOf(facts) : { thresholds: new Float64Array(0), words: new Int32Array(0) }),
    nodeData: undefined,
    walks: { roots: schedule.roots, rootAt: 0, rootStride: 0, x: new Float64Array(0), xAt: 0, xStride: 0, steps: 0, stepsPerLook: 1, leaves: new Int32Array(0), leafAt: 0, count: 0 },
  }
}

function arraysOf({ thresholds, words }: NodeWords): NodeArrays {
  return { thresholds, words: new Int32Array(words.buffer, words.byteOffset, words.length) }
}

/** Memory may have moved since the last run, and views of the stored nodes with it. */
function attachNodes(walker: Walker, view: View | undefined): void {
  if (walker.areOwn || view === undefined || view.data === walker.nodeData || !(view.data instanceof Uint8Array)) return
  walker.nodes = arraysOf(nodeWords(view.data))
  walker.nodeData = view.data
}

/** Rows that are walked together: as many as fit a block, but no more lanes than there are rows. */
function blockRowsOf(features: number, rows: number): number {
  return Math.max(LANES, Math.min(blockRows(features), Math.ceil(rows / LANES) * LANES))
}

// from [rows, features] float32 or float64, starting at `at`; to [rows, columns] float64
function copyRows(from: Float32Array | Float64Array, at: number, rows: number, features: number, columns: Columns | undefined, to: Float64Array): void {
  if (columns === undefined) {
    for (let i = 0; i < rows * features; i++) to[i] = from[at + i]
    return
  }
  const { features: sources, kinds } = columns
  for (let row = 0, i = 0; row < rows; row++) {
    for (let c = 0; c < sources.length; c++) {
      const value = from[at + row * features + sources[c]]
      to[i++] = kinds[c] === PLAIN ? value : kinds[c] === NAN_RIGHT ? (value === value ? value : Infinity) : replaced(kinds[c], value)
    }
  }
}

/** What a column of a rarer kind holds for a value. */
function replaced(kind: number, value: number): number {
  const isNaN = value !== value
  if (kind === IS_NAN) return Number(isNaN)
  const isMissing = isNaN || Math.abs(value) <= ZERO_THRESHOLD
  if (kind === IS_ZERO) return Number(isMissing)
  return !isMissing ? value : kind === ZERO_LEFT ? NaN : Infinity
}

/** One tree over a block of rows, `walks.count` of them. */
function walkTree(walker: Walker, tree: number, categories: Uint32Array): void {
  const { walks, schedule } = walker
  walks.rootAt = tree
  walks.steps = schedule.steps[tree]
  walks.stepsPerLook = schedule.stepsPerLook[tree]
  walkBy(schedule.special[tree], walker, categories)
}

function walkBy(special: number, walker: Walker, categories: Uint32Array): void {
  if (special !== 0) walkAny(walker.nodes, walker.walks, categories, walker.rounding)
  else walk(walker.nodes, walker.walks)
}

/** One row through all trees: leaves [trees]. */
function walkRow(walker: Walker, xAt: number, categories: Uint32Array): void {
  const { walks, schedule } = walker
  walks.rootStride = 1
  walks.xStride = 0
  walks.xAt = xAt
  walks.count = LANES
  for (let group = 0; group < schedule.groupSteps.length; group++) {
    walks.rootAt = walks.leafAt = group * LANES
    walks.steps = schedule.groupSteps[group]
    walks.stepsPerLook = schedule.groupStepsPerLook[group]
    walkBy(schedule.groupSpecial[group], walker, categories)
  }
}

/** Calls `row` after each row's walk through all trees, or `tree` after each tree's walk over a block of rows. */
interface Consumer {
  /** Row `row` of the block ended in `leaves` [trees]. */
  readonly row: (row: number, leaves: Int32Array) => void
  /** `rows` rows of the block ended in `leaves` [rows] of a tree. */
  readonly tree: (tree: number, rows: number, leaves: Int32Array) => void
}

function walkBlock(walker: Walker, rows: number, columns: number, categories: Uint32Array, consumer: Consumer): void {
  const { walks } = walker
  const { leaves } = walks
  if (rows < FEW_ROWS) {
    for (let row = 0; row < rows; row++) {
      walkRow(walker, row * columns, categories)
      consumer.row(row, leaves)
    }
    return
  }
  walks.rootStride = 0
  walks.xAt = 0
  walks.xStride = columns
  walks.leafAt = 0
  walks.count = Math.ceil(rows / LANES) * LANES
  for (let tree = 0; tree < walker.schedule.trees; tree++) {
    walkTree(walker, tree, categories)
    consumer.tree(tree, rows, leaves)
  }
}

function rowsOf(view: View): Float32Array | Float64Array {
  if (view.data instanceof Float32Array || view.data instanceof Float64Array) return view.data
  throw new TypeError('rows must be float32 or float64')
}

function uint32(view: View | undefined): Uint32Array {
  return view !== undefined && view.data instanceof Uint32Array ? view.data : NO_CATEGORIES
}

// X [rows, features] float32 or float64; Y [rows, outputs] float64, or float32 where sums are rounded after each tree
function makeTreeEnsemble(context: KernelContext): Kernel {
  const ensemble = ensembleOf(context)
  const { facts, outputs, arrays: { treeTarget } } = ensemble
  const walker = walkerOf(ensemble, context.scratch)
  const { derived } = walker
  const targets = treeTarget === undefined ? undefined : Int32Array.from(treeTarget)
  const add = adderOf(ensemble)
  let { leafIndex } = ensemble.arrays
  let values: Float64Array = new Float64Array(0)
  let sums: Float64Array = values
  let sumsAt = 0
  const consumer: Consumer = {
    row: (row, leaves) => add(sums, sumsAt + row * outputs, 0, targets, leaves, leafIndex, values, walker.schedule.trees),
    tree: (tree, rows, leaves) => add(sums, sumsAt + (targets === undefined ? 0 : targets[tree]), outputs, undefined, leaves, leafIndex, values, rows),
  }
  return (inputs, results) => {
    const xView = inputs[0]
    const y = results[0]?.data
    if (xView === undefined || !(y instanceof Float64Array || y instanceof Float32Array)) throw new TypeError('TreeEnsemble needs X and Y')
    const rows = xView.shape[0]
    const features = xView.shape[1]
    requireFeatures(facts, features)
    attachNodes(walker, inputs[1])
    if (ensemble.places === undefined) leafIndex = uint32(inputs[2])
    if (inputs[4]?.data instanceof Float64Array) values = inputs[4].data
    const categories = uint32(inputs[6])
    const x = rowsOf(xView)
    const columns = derived === undefined ? features : derived.columns.features.length
    const perBlock = blockRowsOf(columns, rows)
    sums = walker.walks.x = walker.scratch.float64(perBlock * (columns + outputs))
    sumsAt = perBlock * columns
    walker.walks.leaves = walker.scratch.int32(Math.max(perBlock, walker.schedule.roots.length))
    for (let start = 0; start < rows; start += perBlock) {
      const count = Math.min(perBlock, rows - start)
      copyRows(x, start * features, count, features, derived?.columns, sums)
      begin(ensemble, sums, sumsAt, count)
      walkBlock(walker, count, columns, categories, consumer)
      finish(ensemble, sums, sumsAt, y, start * outputs, count)
    }
  }
}

function begin(ensemble: Ensemble, sums: Float64Array, at: number, rows: number): void {
  const { outputs, start } = ensemble
  for (let row = 0, i = at; row < rows; row++) for (let j = 0; j < outputs; j++) sums[i++] = start[j]
}

function finish(ensemble: Ensemble, sums: Float64Array, at: number, y: Float64Array | Float32Array, yAt: number, rows: number): void {
  const { outputs, treesPerOutput } = ensemble
  if (ensemble.aggregate !== 'mean') {
    for (let i = 0; i < rows * outputs; i++) y[yAt + i] = sums[at + i]
    return
  }
  for (let row = 0, i = 0; row < rows; row++) for (let j = 0; j < outputs; j++, i++) y[yAt + i] = sums[at + i] / Math.max(1, treesPerOutput[j])
}

/**
 * Adds leaf vectors: walk w, which ended in node leaves[w], to the sums from `at + w * stride` (+ targets[w]) on.
 * Sums are float64 and rounded after each addition where the ensemble accumulates in float32.
 */
type Adder = (
  sums: Float64Array, at: number, stride: number, targets: Int32Array | undefined,
  leaves: Int32Array, leafIndex: Uint32Array, values: Float64Array, count: number,
) => void

function adderOf(ensemble: Ensemble): Adder {
  const { aggregate, accumulate, arrays: { width } } = ensemble
  if (aggregate === 'min' || aggregate === 'max') {
    const choose = aggregate === 'min' ? Math.min : Math.max
    return (sums, at, stride, targets, leaves, leafIndex, values, count) => {
      for (let w = 0; w < count; w++) {
        const to = at + w * stride + (targets === undefined ? 0 : targets[w])
        const from = leafIndex[leaves[w]] * width
        for (let j = 0; j < width; j++) sums[to + j] = choose(sums[to + j], values[from + j])
      }
    }
  }
  if (accumulate === 'float32') {
    return (sums, at, stride, targets, leaves, leafIndex, values, count) => {
      for (let w = 0; w < count; w++) {
        const to = at + w * stride + (targets === undefined ? 0 : targets[w])
        const from = leafIndex[leaves[w]] * width
        for (let j = 0; j < width; j++) sums[to + j] = Math.fround(sums[to + j] + values[from + j])
      }
    }
  }
  return (sums, at, stride, targets, leaves, leafIndex, values, count) => {
    for (let w = 0; w < count; w++) {
      const to = at + w * stride + (targets === undefined ? 0 : targets[w])
      const from = leafIndex[leaves[w]] * width
      for (let j = 0; j < width; j++) sums[to + j] += values[from + j]
    }
  }
}

// X [rows, features]; Y [rows, trees] int32
function makeTreeLeaves(context: KernelContext): Kernel {
  const ensemble = leafEnsembleOf(context)
  const { facts } = ensemble
  const walker = walkerOf(ensemble, context.scratch)
  const { derived } = walker
  const { trees } = walker.schedule
  let ids = ensemble.nodeIds
  let y: Int32Array = ids
  let yAt = 0
  const consumer: Consumer = {
    row: (row, leaves) => {
      for (let t = 0; t < trees; t++) y[yAt + row * trees + t] = ids[leaves[t]]
    },
    tree: (tree, rows, leaves) => {
      for (let r = 0; r < rows; r++) y[yAt + r * trees + tree] = ids[leaves[r]]
    },
  }
  return (inputs, results) => {
    const xView = inputs[0]
    const result = results[0]?.data
    if (xView === undefined || !(result instanceof Int32Array)) throw new TypeError('TreeLeaves needs X and Y')
    const rows = xView.shape[0]
    const features = xView.shape[1]
    requireFeatures(facts, features)
    attachNodes(walker, inputs[1])
    if (ensemble.places === undefined && inputs[4]?.data instanceof Int32Array) ids = inputs[4].data
    y = result
    const categories = uint32(inputs[3])
    const x = rowsOf(xView)
    const columns = derived === undefined ? features : derived.columns.features.length
    const perBlock = blockRowsOf(columns, rows)
    walker.walks.x = walker.scratch.float64(perBlock * columns)
    walker.walks.leaves = walker.scratch.int32(Math.max(perBlock, walker.schedule.roots.length))
    for (let start = 0; start < rows; start += perBlock) {
      const count = Math.min(perBlock, rows - start)
      copyRows(x, start * features, count, features, derived?.columns, walker.walks.x)
      yAt = start * trees
      walkBlock(walker, count, columns, categories, consumer)
    }
  }
}

export const treeKernels: readonly (readonly [string, KernelEntry])[] = [
  ['mle.TreeEnsemble', { make: makeTreeEnsemble }],
  ['mle.TreeLeaves', { make: makeTreeLeaves }],
]
