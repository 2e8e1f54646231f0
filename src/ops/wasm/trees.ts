// Tree ensembles on the wasm device: constants and plans laid out in its memory once, then one call per run.
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import { ensembleOf, leafEnsembleOf, requireFeatures } from '../trees/ensemble.ts'
import { AGGREGATES, CATEGORY_ROUNDINGS, type CategoryRounding } from '../trees/layout.ts'
import { blockRows, LANES, treeSchedule } from '../trees/schedule.ts'
import { numberingOf } from '../trees/stored.ts'
import { isTensorType } from '../types.ts'
import { nameOf } from './constants.ts'
import { blockOnce, offsetOf } from './memory.ts'
import { wasmFunction, type WasmFunction } from './module.ts'
import { maskedPlan, maskedScratchBytes } from './masked-trees.ts'
import { MIN_RANKED_ROWS, placeExits, rankedPlan, rankedScratchBytes } from './ranked-trees.ts'
import { columnTableOnce, derivedNodes, leafIdsOnce, packedOnce, tableOnce, topsOnce, treeBlockKey, type LazyBlock, type PlacedTrees } from './tree-blocks.ts'
import { LateLayout } from './tree-layouts.ts'
import { preparerIn } from './stored-trees.ts'
import { columnsIn, flagsLeft } from './tree-passes.ts'

const PLAN_BYTES = 112
/** Where a plan says which layout batches take, whether whole nodes are still to be derived, and which layout single rows take. */
const RANKED_AT = 88
const UNFILLED_AT = 92
const MASKED_AT = 96
const MAX_RANKED_COLUMNS = 1024

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  const known: KnownPacked = new Map()
  return [
    ['mle.TreeEnsemble', { make: (context) => makeTreeEnsemble(host, known, context) }],
    ['mle.TreeLeaves', { make: (context) => makeTreeLeaves(host, known, context) }],
    ['Cast', { make: (context) => makeRounding(host, context) }],
  ]
}

/** Packed nodes of ensembles by places of their nodes and roots, and what their leaves are called: mle.TreeLeaves walks those of mle.TreeEnsemble. */
type KnownPacked = Map<string, { readonly packed: number; readonly leafIndex: number }>

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

/** What a plan holds of its operator; see src/ops/wasm/assembly/trees.ts for the fields' places. */
interface PlanFields {
  readonly table: number
  readonly categories: number
  readonly rounding: CategoryRounding
  /** 0: none. */
  readonly packed: number
  readonly leafIndex?: number
  readonly leafValues?: number
  readonly width?: number
  readonly start?: Float64Array
  readonly treesPerOutput?: Float64Array
  readonly aggregate?: number
  readonly isFloat32?: boolean
  readonly leavesAreSingle?: boolean
  /** Trees go to outputs of their own. */
  readonly isSpread?: boolean
  readonly nodeIds?: number
  /** Ids by what packed nodes call their leaves. */
  readonly leafIds?: number
  readonly exits?: number
}

/** Where rows are copied to in the scratch: behind leaves. */
function rowsAtOf({ schedule, columns }: PlacedTrees): number {
  const leafBytes = 4 * Math.max(blockRows(columns) + LANES, Math.ceil(schedule.trees / 16) * 16)
  return Math.ceil(leafBytes / 64) * 64
}

/** Writes a plan and asks for the scratch that its runs need. */
function placePlan(trees: PlacedTrees, nodes: number, fields: PlanFields): number {
  const { host, schedule, derived, columns } = trees
  const { start = new Float64Array(0), treesPerOutput = start, packed } = fields
  const rows = blockRows(columns)
  const rowsAt = rowsAtOf(trees)
  const columnTable = columnTableOnce(trees)
  const tops = packed === 0 ? 0 : topsOnce(trees, packed)
  const offset = host.allocate(PLAN_BYTES + start.byteLength + treesPerOutput.byteLength)
  const startAt = offset + PLAN_BYTES
  const treesPerOutputAt = startAt + start.byteLength
  const words = [
    nodes, fields.leafIndex ?? 0, fields.leafValues ?? 0, fields.categories, fields.table, schedule.trees, fields.width ?? 0, start.length, rows,
    startAt, treesPerOutputAt, rowsAt, CATEGORY_ROUNDINGS.indexOf(fields.rounding), fields.aggregate ?? 0, fields.isFloat32 === true ? 1 : 0, fields.nodeIds ?? 0,
    derived === undefined ? 0 : columns, columnTable, packed, tops, fields.leavesAreSingle === true ? 1 : 0, fields.isSpread === true ? 1 : 0, 0, derived === undefined ? 0 : 1, 0, fields.leafIds ?? 0, fields.exits ?? 0, columns - (derived?.tests?.length ?? 0),
  ]
  new Uint32Array(host.memory.buffer, offset, words.length).set(words)
  new Float64Array(host.memory.buffer, startAt, start.length).set(start)
  new Float64Array(host.memory.buffer, treesPerOutputAt, treesPerOutput.length).set(treesPerOutput)
  // Behind the first group of rows one row has a list of trees.
  host.reserveScratch(rowsAt + Math.max((rows + LANES) * columns * 8, LANES * columns * 4 + 2 * (schedule.trees + LANES)))
  return offset
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
function makeTreeEnsemble(host: WasmHost, known: KnownPacked, context: KernelContext): Kernel | undefined {
  const features = featuresOf(context)
  if (features === undefined) return undefined
  const { arrays, facts, aggregate, accumulate, rounding, start, treesPerOutput } = ensembleOf(context, preparerIn(host))
  const derived = columnsIn(host, arrays.nodes, facts)
  const schedule = treeSchedule(facts, arrays.roots, flagsLeft(derived))
  // Views of constants die when memory grows: all are read before the first block is allocated.
  const treeTarget = arrays.treeTarget?.slice()
  const { width } = arrays
  const count = arrays.leafIndex.length
  const leaves = width === 0 ? 0 : arrays.leafValues.length / width
  const [nodes, roots, leafIndex, leafValues, categories, targetAt] = placeAll(host, [arrays.nodes, arrays.roots, arrays.leafIndex, arrays.leafValues, arrays.categories, arrays.treeTarget])
  const trees: PlacedTrees = { host, facts, schedule, derived, nodes, roots, count, columns: derived?.columns.features.length ?? features }
  const table = tableOnce(trees, treeTarget, targetAt)
  const isSum = aggregate === 'sum' || aggregate === 'mean'
  const packed = isSum ? packedOnce(trees, leafIndex, leaves) : 0
  if (packed !== 0) known.set(treeBlockKey('', trees), { packed, leafIndex })
  const isFloat32 = accumulate === 'float32'
  const leavesAreSingle = isFloat32 && wasmFunction(host.exports, 'areSingle')(leafValues, leaves * width) === 1
  const whole = wholeNodes(trees, packed, context)
  const canBeRanked = isSum && !schedule.special.includes(1) && trees.columns <= MAX_RANKED_COLUMNS && trees.columns > 0 && schedule.trees > 0
  const exits = canBeRanked ? placeExits(host) : 0
  const plan = placePlan(trees, whole.offset, {
    table, categories, rounding, packed, exits, leafIndex, leafValues, width, start, treesPerOutput, aggregate: AGGREGATES.indexOf(aggregate), isFloat32, leavesAreSingle, isSpread: treeTarget !== undefined,
  })
  if (canBeRanked) host.reserveScratch(rankedScratchBytes(trees.columns))
  const masked = maskedPlan(trees, packed)
  if (masked !== undefined) host.reserveScratch(rowsAtOf(trees) + 32 * trees.columns + maskedScratchBytes(trees))
  return caller(trees, plan, whole, wasmFunction(host.exports, 'treeEnsemble32'), wasmFunction(host.exports, 'treeEnsemble64'), {
    ranked: canBeRanked ? new LateLayout(trees, rankedPlan(trees, { leafIndex, leafValues, width, isSingle: leavesAreSingle, packed, table }), plan + RANKED_AT) : undefined,
    masked: masked && new LateLayout(trees, masked, plan + MASKED_AT),
  })
}

// X [rows, features]; Y [rows, trees] int32
function makeTreeLeaves(host: WasmHost, known: KnownPacked, context: KernelContext): Kernel | undefined {
  const features = featuresOf(context)
  if (features === undefined) return undefined
  const { arrays, facts, rounding, nodeIds } = leafEnsembleOf(context, preparerIn(host))
  const derived = columnsIn(host, arrays.nodes, facts)
  const schedule = treeSchedule(facts, arrays.roots, flagsLeft(derived))
  const count = facts.words.length >>> 2
  const [nodes, roots, categories] = placeAll(host, [arrays.nodes, arrays.roots, arrays.categories])
  const trees: PlacedTrees = { host, facts, schedule, derived, nodes, roots, count, columns: derived?.columns.features.length ?? features }
  const ids = placeIds(trees, context, nodeIds)
  const table = tableOnce(trees, undefined, 0)
  const found = known.get(treeBlockKey('', trees))
  const leafIds = found === undefined ? 0 : leafIdsOnce(trees, found.leafIndex, ids)
  const packed = found !== undefined && leafIds !== 0 ? found.packed : packedOnce(trees, 0, count)
  const whole = wholeNodes(trees, packed, context)
  const plan = placePlan(trees, whole.offset, { table, categories, rounding, packed, nodeIds: ids, leafIds: leafIds === 0 ? ids : leafIds })
  return caller(trees, plan, whole, wasmFunction(host.exports, 'treeLeaves32'), wasmFunction(host.exports, 'treeLeaves64'))
}

/** Ids by node, in a block where they are no constant. */
function placeIds(trees: PlacedTrees, { attributes, constants: [, , , , stored] }: KernelContext, nodeIds: Int32Array): number {
  const { host } = trees
  if (nodeIds.buffer === host.memory.buffer) return nodeIds.byteOffset
  const name = stored === undefined ? numberingOf(attributes) : nameOf(host, stored)
  return blockOnce(host, `${treeBlockKey('ids of nodes', trees)} ${name}`, nodeIds.byteLength, (to) => new Int32Array(host.memory.buffer, to, nodeIds.length).set(nodeIds), false)
}

/** Nodes for rows that packed ones do not take. */
function wholeNodes(trees: PlacedTrees, packed: number, context: KernelContext): LazyBlock {
  if (trees.derived !== undefined && (packed === 0 || !isSingle(context))) return derivedNodes(trees)
  return { offset: trees.derived === undefined ? trees.nodes : 0, fill: () => undefined }
}

/** Rows of forests are often rounded first: too little to fetch all casts for, and up to a tenth of a batch's time. */
function makeRounding(host: WasmHost, context: KernelContext): Kernel | undefined {
  const [from, to] = [context.inputTypes[0], context.outputTypes[0]]
  if (!isTensorType(from) || !isTensorType(to) || from.dtype !== 'float64' || to.dtype !== 'float32') return undefined
  const round = wasmFunction(host.exports, 'roundRows')
  return ([x], [y]) => {
    if (x !== undefined && y !== undefined) round(offsetOf(x), x.size, offsetOf(y))
  }
}

/** Layouts for batches and for few rows, where they may pay; room for them is reserved now, while memory may grow. */
interface Layouts {
  readonly ranked?: LateLayout
  readonly masked?: LateLayout
}

function caller({ host, facts }: PlacedTrees, plan: number, whole: LazyBlock, run32: WasmFunction, run64: WasmFunction, { ranked, masked }: Layouts = {}): Kernel {
  const { featureCount } = facts
  return (inputs, outputs) => {
    const x = inputs[0]
    const y = outputs[0]
    if (x === undefined || y === undefined || Array.isArray(x.data) || Array.isArray(y.data)) throw new TypeError('trees need X and Y')
    const features = x.shape[1]
    if (features < featureCount) requireFeatures(facts, features)
    const rows = x.shape[0]
    if (rows >= MIN_RANKED_ROWS) ranked?.count(rows)
    else if (rows < LANES) masked?.count(rows)
    const run = x.dtype === 'float32' ? run32 : run64
    if (run(plan, x.data.byteOffset, rows, features, y.data.byteOffset, host.scratchOffset) === 1) return
    // Some rows need whole nodes, the first time.
    whole.fill()
    new Uint32Array(host.memory.buffer, plan + UNFILLED_AT, 1)[0] = 0
    run(plan, x.data.byteOffset, rows, features, y.data.byteOffset, host.scratchOffset)
  }
}
