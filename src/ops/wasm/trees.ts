// Tree ensembles on the wasm device: constants and plans laid out in its memory once, then one call per run.
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { nodePasses, type NodePasses, type TreeFacts } from '../trees/check.ts'
import { derivedColumns, specialFlags, type DerivedColumns } from '../trees/derive.ts'
import { ensembleOf, leafEnsembleOf, requireFeatures } from '../trees/ensemble.ts'
import { AGGREGATES, CATEGORY_ROUNDINGS, NODE_BYTES, type CategoryRounding } from '../trees/layout.ts'
import { blockRows, LANES, treeSchedule, type TreeSchedule } from '../trees/schedule.ts'
import { isTensorType } from '../types.ts'
import { wasmFunction, type WasmFunction } from './module.ts'
import { makeRanked, MIN_RANKED_ROWS, rankedBytes, rankedScratchBytes, type RankedSource } from './ranked-trees.ts'

const PLAN_BYTES = 104
/** Where a plan says which layout batches take. */
const RANKED_AT = 88
const TABLE_BYTES = 32
/** What a pass over a tree finds: f64 and four words. */
const FOUND_BYTES = 24
/** Slots of columns that are marked in scratch; of more, in TypeScript. */
const SLOT_BYTES = 65536
const SLOTS_PER_FEATURE = 6

/** Kernels over a host's memory, by operator key. */
export function wasmTreeKernels(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [
    ['mle.TreeEnsemble', { make: (context) => makeTreeEnsemble(host, context) }],
    ['mle.TreeLeaves', { make: (context) => makeTreeLeaves(host, context) }],
  ]
}

/** Scratch for `passesIn`: levels of the largest tree's nodes behind what is found. To be reserved before views of constants are taken. */
export function passBytes(roots: View | undefined, nodes: View | undefined): number {
  const count = (nodes?.size ?? 0) >>> 4
  let largest = 0
  for (let t = 0; t < (roots?.size ?? 0); t++) {
    const next = roots?.data[t + 1] ?? count
    largest = Math.max(largest, Math.min(Number(next), count) - Number(roots?.data[t]))
  }
  return FOUND_BYTES + Math.max(SLOT_BYTES, 4 * (largest + 2))
}

/** The passes over nodes in the host's memory; in TypeScript where they lie elsewhere. */
export function passesIn(host: WasmHost): (nodes: Uint8Array) => NodePasses {
  return (nodes) => {
    const { buffer } = host.memory
    if (nodes.buffer !== buffer) return nodePasses(nodes)
    const scan = wasmFunction(host.exports, 'scanTree')
    const fit = wasmFunction(host.exports, 'leavesFit')
    const at = host.scratchOffset
    const view = new DataView(buffer, at, FOUND_BYTES)
    return {
      scanTree(start, end, found) {
        view.setInt32(20, found.maxFeature, true)
        scan(nodes.byteOffset, at + FOUND_BYTES, start, end, at)
        found.leafLevels = view.getFloat64(0, true)
        found.bad = view.getInt32(8, true)
        found.deepest = view.getInt32(12, true)
        found.flags = view.getInt32(16, true)
        found.maxFeature = view.getInt32(20, true)
      },
      leavesFit: (leafIndex, leaves) =>
        leafIndex.buffer === buffer ? fit(nodes.byteOffset, leafIndex.byteOffset, leafIndex.length, Math.min(leaves, 0xffffffff)) === 1 : nodePasses(nodes).leavesFit(leafIndex, leaves),
    }
  }
}

/** The columns of an ensemble whose checked nodes lie in the host's memory; more slots than scratch has room for are marked in TypeScript. */
function columnsIn(host: WasmHost, nodes: Uint8Array, facts: TreeFacts): DerivedColumns | undefined {
  const { buffer } = host.memory
  if (nodes.buffer !== buffer) return derivedColumns(facts)
  return derivedColumns(facts, facts.featureCount * SLOTS_PER_FEATURE * 4 > SLOT_BYTES ? undefined : (slots) => {
    const marks = new Int32Array(buffer, host.scratchOffset, slots.length)
    marks.fill(0)
    wasmFunction(host.exports, 'markSlots')(nodes.byteOffset, facts.words.length >>> 2, host.scratchOffset)
    slots.set(marks)
  })
}

/** Byte offsets of constants in the host's memory, which keeps those that lie there already and takes copies of the others. */
function placeAll(host: WasmHost, constants: readonly (Uint8Array | Uint32Array | Int32Array | Float64Array | undefined)[]): number[] {
  const inside = constants.map((data) => data !== undefined && data.buffer === host.memory.buffer)
  const offsets = constants.map((data) => data?.byteOffset ?? 0)
  return constants.map((data, i) => (inside[i] ? offsets[i] : place(host, data)))
}

function place(host: WasmHost, data: Uint8Array | Uint32Array | Int32Array | Float64Array | undefined): number {
  if (data === undefined) return 0
  const offset = host.allocate(data.byteLength, false)
  new Uint8Array(host.memory.buffer, offset, data.byteLength).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  return offset
}

/** The table of trees that src/ops/wasm/assembly/trees.ts describes. */
function placeTable(host: WasmHost, schedule: TreeSchedule, treeTarget: Uint32Array | undefined): number {
  const { roots, trees } = schedule
  const offset = host.allocate(Math.max(1, roots.length) * TABLE_BYTES)
  const table = new Uint32Array(host.memory.buffer, offset, roots.length * (TABLE_BYTES / 4))
  for (let t = 0; t < roots.length; t++) {
    const at = t * (TABLE_BYTES / 4)
    table[at] = roots[t]
    if (t < trees) {
      table[at + 1] = schedule.steps[t]
      table[at + 2] = schedule.stepsPerLook[t]
      table[at + 3] = schedule.special[t]
      table[at + 4] = treeTarget === undefined ? 0 : treeTarget[t]
    }
    if (t % LANES === 0) {
      const group = t / LANES
      table[at + 5] = schedule.groupSteps[group]
      table[at + 6] = schedule.groupStepsPerLook[group]
      table[at + 7] = schedule.groupSpecial[group]
    }
  }
  return offset
}

/** What both operators' plans hold; see src/ops/wasm/assembly/trees.ts for the fields' places. */
interface PlanFields {
  readonly nodes: number
  readonly leafIndex?: number
  readonly leafValues?: number
  readonly categories: number
  readonly treeTarget?: Uint32Array
  readonly width?: number
  readonly outputs?: number
  readonly start?: Float64Array
  readonly treesPerOutput?: Float64Array
  readonly rounding: CategoryRounding
  readonly aggregate?: number
  readonly isFloat32?: boolean
  readonly nodeIds?: number
  readonly packed?: number
  readonly meanDepth?: Float64Array
  readonly leavesAreSingle?: boolean
  /** What `nodes` is derived from when walks first need it. */
  readonly stored?: number
  readonly slots?: number
  readonly count?: number
}

/** Leaves that a packed node can name, and columns that it can reach: see src/ops/wasm/assembly/trees/packed.ts. */
const MAX_PACKED_LEAVES = 2 ** 23
const MAX_PACKED_COLUMNS = 2048
const PACKED_BYTES = 8
const TOP_BYTES = 96
const TOP_LEVELS = 3
/** Rows of batches after which the layout for them is made. */
const WORTH_RANKING_ROWS = 256
const MAX_RANKED_COLUMNS = 1024
/** Looks cost a fifth of a step each, and a branch that is predicted wrongly once a walk. */
const MIN_SAVED_STEPS = 3

/** Half-sized nodes for rows that float32 holds exactly; 0 where some node has a flag or does not fit. */
function packNodes(host: WasmHost, schedule: TreeSchedule, columns: number, nodes: number, leafIndex: number, count: number, leaves: number, slots: number): number {
  if (schedule.special.includes(1) || columns > MAX_PACKED_COLUMNS || leaves > MAX_PACKED_LEAVES) return 0
  const packed = host.allocate(count * PACKED_BYTES, false)
  return wasmFunction(host.exports, 'packNodes')(nodes, leafIndex, count, packed, slots) === 1 ? packed : 0
}

/** What packed walks take together, and when they look whether they have ended. */
function placeTops(host: WasmHost, packed: number, table: number, schedule: TreeSchedule, meanDepth: Float64Array | undefined): number {
  if (packed === 0 || meanDepth === undefined) return 0
  const { trees, steps, groupSteps } = schedule
  const looks = new Uint32Array(2 * trees)
  for (let t = 0; t < trees; t++) {
    looks[t] = firstLook(steps[t], meanDepth[t])
    if (t % LANES !== 0) continue
    let mean = 0
    for (let i = t; i < Math.min(trees, t + LANES); i++) mean += meanDepth[i] / Math.min(LANES, trees - t)
    looks[trees + t] = firstLook(groupSteps[t / LANES], mean)
  }
  const tops = host.allocate(trees * TOP_BYTES)
  wasmFunction(host.exports, 'packTops')(packed, table, trees, place(host, looks), tops)
  return tops
}

/** Eight walks seldom all end before the mean of one. */
function firstLook(steps: number, meanDepth: number): number {
  const first = Math.max(TOP_LEVELS, Math.ceil(1.1 * meanDepth))
  return steps - first >= MIN_SAVED_STEPS ? first : Math.max(TOP_LEVELS, steps)
}

/** Writes a plan and asks for the scratch that its runs need. */
function placePlan(host: WasmHost, schedule: TreeSchedule, features: number, derived: DerivedColumns | undefined, fields: PlanFields): number {
  const columns = derived?.columns.features.length ?? 0
  const valuesPerRow = derived === undefined ? features : columns
  const rows = blockRows(valuesPerRow)
  const leafBytes = 4 * Math.max(rows + LANES, schedule.roots.length)
  const rowsAt = Math.ceil(leafBytes / 64) * 64
  const table = placeTable(host, schedule, fields.treeTarget)
  const words = [
    fields.nodes, fields.leafIndex ?? 0, fields.leafValues ?? 0, fields.categories, table, schedule.trees, fields.width ?? 0, fields.outputs ?? 0, rows,
    place(host, fields.start), place(host, fields.treesPerOutput), rowsAt, CATEGORY_ROUNDINGS.indexOf(fields.rounding), fields.aggregate ?? 0,
    fields.isFloat32 === true ? 1 : 0, fields.nodeIds ?? 0, columns, place(host, columnTable(derived)), fields.packed ?? 0, placeTops(host, fields.packed ?? 0, table, schedule, fields.meanDepth), fields.leavesAreSingle === true ? 1 : 0,
    fields.treeTarget === undefined ? 0 : 1, 0, fields.stored ?? 0, fields.slots ?? 0, fields.count ?? 0,
  ]
  const offset = host.allocate(PLAN_BYTES)
  new Uint32Array(host.memory.buffer, offset, words.length).set(words)
  host.reserveScratch(rowsAt + (rows + LANES) * valuesPerRow * 8)
  return offset
}

function columnTable(derived: DerivedColumns | undefined): Uint32Array | undefined {
  if (derived === undefined) return undefined
  const { features, kinds } = derived.columns
  const table = new Uint32Array(features.length * 2)
  for (let c = 0; c < features.length; c++) {
    table[2 * c] = features[c]
    table[2 * c + 1] = kinds[c]
  }
  return table
}

/** Rows of X must have their number of columns known: the size of a block follows from it. */
function featuresOf(context: KernelContext): number | undefined {
  const type = context.inputTypes[0]
  const features = isTensorType(type) ? type.shape?.[1] : undefined
  return typeof features === 'number' ? features : undefined
}

function isSingle(context: KernelContext): boolean {
  const type = context.inputTypes[0]
  return isTensorType(type) && type.dtype === 'float32'
}

// X [rows, features] float32 or float64; Y [rows, outputs] float64, or float32 where sums are rounded after each tree
function makeTreeEnsemble(host: WasmHost, context: KernelContext): Kernel | undefined {
  const features = featuresOf(context)
  if (features === undefined) return undefined
  host.reserveScratch(passBytes(context.constants[3], context.constants[1]))
  const { arrays, facts, outputs, aggregate, accumulate, rounding, start, treesPerOutput } = ensembleOf(context, passesIn(host))
  const derived = columnsIn(host, arrays.nodes, facts)
  const schedule = treeSchedule(facts, arrays.roots, specialFlags(derived !== undefined))
  // Views of constants die when memory grows: all are read before the first block is allocated.
  const treeTarget = arrays.treeTarget?.slice()
  const roots = arrays.roots.slice()
  const { width } = arrays
  const count = arrays.leafIndex.length
  const leaves = width === 0 ? 0 : arrays.leafValues.length / width
  const [stored, leafIndex, leafValues, categories] = placeAll(host, [arrays.nodes, arrays.leafIndex, arrays.leafValues, arrays.categories])
  const slots = place(host, derived?.slots)
  const columns = derived?.columns.features.length ?? features
  const isSum = aggregate === 'sum' || aggregate === 'mean'
  const packed = isSum ? packNodes(host, schedule, columns, stored, leafIndex, count, leaves, slots) : 0
  const isFloat32 = accumulate === 'float32'
  const leavesAreSingle = isFloat32 && wasmFunction(host.exports, 'areSingle')(leafValues, leaves * width) === 1
  // Packed nodes take all rows that float32 holds.
  const nodes = derived === undefined ? stored : packed !== 0 && isSingle(context) ? 0 : host.allocate(count * NODE_BYTES, false)
  const plan = placePlan(host, schedule, features, derived, {
    nodes, leafIndex, leafValues, categories, treeTarget, width, outputs, start, treesPerOutput, rounding,
    aggregate: AGGREGATES.indexOf(aggregate), isFloat32, packed, meanDepth: facts.meanDepth, leavesAreSingle, stored: nodes === stored ? 0 : stored, slots, count,
  })
  const ranking = isSum && !schedule.special.includes(1) && columns <= MAX_RANKED_COLUMNS && columns > 0 && schedule.trees > 0
    ? rankingOf(host, plan, { nodes: stored, count, slots: derived?.slots, leafIndex, leafValues, width, isSingle: leavesAreSingle, packed, columns, roots, depth: facts.depth, meanDepth: facts.meanDepth })
    : undefined
  return caller(host, plan, facts, wasmFunction(host.exports, 'treeEnsemble32'), wasmFunction(host.exports, 'treeEnsemble64'), ranking)
}

// X [rows, features]; Y [rows, trees] int32
function makeTreeLeaves(host: WasmHost, context: KernelContext): Kernel | undefined {
  const features = featuresOf(context)
  if (features === undefined) return undefined
  host.reserveScratch(passBytes(context.constants[2], context.constants[1]))
  const { arrays, facts, rounding, nodeIds } = leafEnsembleOf(context, passesIn(host))
  const derived = columnsIn(host, arrays.nodes, facts)
  const schedule = treeSchedule(facts, arrays.roots, specialFlags(derived !== undefined))
  const count = facts.words.length >>> 2
  const [stored, categories, ids] = placeAll(host, [arrays.nodes, arrays.categories, nodeIds])
  const slots = place(host, derived?.slots)
  const packed = packNodes(host, schedule, derived?.columns.features.length ?? features, stored, 0, count, count, slots)
  const nodes = derived === undefined ? stored : packed !== 0 && isSingle(context) ? 0 : host.allocate(count * NODE_BYTES, false)
  const plan = placePlan(host, schedule, features, derived, { nodes, categories, nodeIds: ids, rounding, packed, meanDepth: facts.meanDepth, stored: nodes === stored ? 0 : stored, slots, count })
  return caller(host, plan, facts, wasmFunction(host.exports, 'treeLeaves32'), wasmFunction(host.exports, 'treeLeaves64'))
}

/** Batches that have come, and the layout that they are worth. */
interface Ranking {
  rows: number
  readonly make: () => void
}

/** Reserves room for the layout of batches now, while memory may grow. */
function rankingOf(host: WasmHost, plan: number, source: RankedSource): Ranking {
  const room = rankedBytes(source)
  const at = host.allocate(room, false)
  host.reserveScratch(rankedScratchBytes(source.columns))
  return {
    rows: 0,
    make: () => {
      new Uint32Array(host.memory.buffer, plan + RANKED_AT, 1)[0] = makeRanked(host, source, at, room)
    },
  }
}

function caller(host: WasmHost, plan: number, facts: TreeFacts, run32: WasmFunction, run64: WasmFunction, ranking?: Ranking): Kernel {
  const { featureCount } = facts
  return (inputs, outputs) => {
    const x = inputs[0]
    const y = outputs[0]
    if (x === undefined || y === undefined || Array.isArray(x.data) || Array.isArray(y.data)) throw new TypeError('trees need X and Y')
    const features = x.shape[1]
    if (features < featureCount) requireFeatures(facts, features)
    if (ranking !== undefined && x.shape[0] >= MIN_RANKED_ROWS && ranking.rows < WORTH_RANKING_ROWS) {
      ranking.rows += x.shape[0]
      if (ranking.rows >= WORTH_RANKING_ROWS) ranking.make()
    }
    const run = x.dtype === 'float32' ? run32 : run64
    run(plan, x.data.byteOffset, x.shape[0], features, y.data.byteOffset, host.scratchOffset)
  }
}
