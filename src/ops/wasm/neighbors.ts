// The k nearest points of a model on the wasm device, by scanning them all or by walking a tree. Points are packed once, leaf by leaf.
import { float, int, text } from '../attributes.ts'
import { sortHeap, treeOf, type Tree } from '../cpu/neighbors.ts'
import { squaredNorms } from '../cpu/distances.ts'
import type { Kernel, KernelContext, View, WasmHost } from '../kernel.ts'
import { nameOf } from './constants.ts'
import { blockOnce, numbersAt, offsetOf, wordsOf } from './memory.ts'
import { wasmFunction } from './module.ts'
import { PANEL_POINTS, pointDistances } from './point-distances.ts'

const POWERS = 8
/** Numbers of the kinds of distances in assembly/parts/metric.ts; EXPANDED is of Euclidean ones. */
const KINDS: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([['euclidean', 0], ['sqeuclidean', 0], ['manhattan', 1], ['chebyshev', 2], ['canberra', 4], ['hamming', 5], ['minkowski', POWERS]])
const LARGEST = 2
const EXPANDED = 3
const SEARCH_BYTES = 64
const POWER_AT = 56
/** The edge of a product, a tile of 4 rows by 64 points, and a number for each of its rows. */
const SCAN_BYTES = 128 + 4 * 64 * 8 + 4 * 8

/** What a search reads, as assembly/parts/neighbors.ts has it: one leaf of all points, or a tree with bounds of its nodes. */
interface Leaves extends Pick<Tree, 'points' | 'order' | 'nodes' | 'nFeatures'> {
  /** First panel of each node; those of inner nodes are not read. */
  readonly first: readonly number[]
  readonly panels: number
}

function leavesOf({ points, order, nodes, nFeatures }: Pick<Tree, 'points' | 'order' | 'nodes' | 'nFeatures'>): Leaves {
  const first: number[] = []
  let panels = 0
  for (let at = 0; at < nodes.length; at += 3) {
    first.push(panels)
    if (nodes[at + 2] !== 0) panels += Math.ceil((nodes[at + 1] - nodes[at]) / PANEL_POINTS)
  }
  // Nodes of a constant lie in the memory, which may grow before they are read again.
  return { points, order, nodes: nodes.slice(), nFeatures, first, panels }
}

/** Calls `visit` with each point's place in the order and its place among the panels' lanes. */
function eachPoint({ nodes, first }: Leaves, visit: (place: number, lane: number) => void): void {
  for (let at = 0, node = 0; at < nodes.length; at += 3, node++) {
    if (nodes[at + 2] === 0) continue
    for (let place = nodes[at]; place < nodes[at + 1]; place++) visit(place, first[node] * PANEL_POINTS + place - nodes[at])
  }
}

/** All points as one leaf, in their own order. */
function oneLeaf(points: View): Pick<Tree, 'points' | 'order' | 'nodes' | 'nFeatures'> {
  const [count, nFeatures] = points.shape
  return { points: points.data as Float64Array, order: Int32Array.from({ length: count }, (_, i) => i), nodes: Int32Array.of(0, count, 1), nFeatures }
}

// x [rows, n] f64, constant y [points, n] f64 and tree; out [rows, k] f64 and i32. Other metrics are cpu's.
export function makeNearestNeighbors(host: WasmHost, context: KernelContext): Kernel | undefined {
  const { attributes, constants, inputTypes } = context
  const metric = text(attributes, 'metric', 'euclidean')
  const search = text(attributes, 'search', 'brute')
  const k = int(attributes, 'k', 1)
  const points = constants[1]
  const kind = KINDS.get(metric)
  const isTree = search !== 'brute'
  const isBall = search === 'ball_tree'
  const parts = isTree ? (isBall ? [3, 4, 5, 6] : [3, 4, 5]) : []
  const p = float(attributes, 'p', 2)
  if (!isTree && text(attributes, 'ties', 'earlier') === 'partition') return makePartitioned(host, context, k)
  if (kind === undefined || points === undefined || points.size === 0 || parts.some((i) => constants[i] === undefined)) return undefined
  // cpu's bound of a box takes the power from p where the metric does not say it.
  if (search === 'kd_tree' && kind > LARGEST && kind !== POWERS) return undefined
  if ((isTree && metric === 'sqeuclidean') || p === Infinity || (kind === POWERS && inputTypes[2] !== undefined)) return undefined
  const isExpanded = !isTree && kind === 0 && text(attributes, 'form', 'direct') === 'expanded'
  if (!isTree && kind !== 0 && text(attributes, 'form', 'direct') === 'expanded') return undefined
  const leaves = leavesOf(isTree ? treeOf(constants, isBall) : oneLeaf(points))
  const { nFeatures: n, panels } = leaves
  const lanes = panels * PANEL_POINTS
  // Leaves of a damaged tree may hold points more than once.
  if (lanes > points.shape[0] + leaves.first.length * PANEL_POINTS) return undefined
  const key = `${nameOf(host, points)} ${points.shape.join()} ${isTree ? parts.map((i) => offsetOf(constants[i] as View)).join() : ''}`
  const panelsAt = blockOnce(host, `neighbours ${key}`, lanes * n * 8, (to) => {
    const packed = numbersAt(host, 'float64', to, lanes * n)
    eachPoint(leaves, (place, lane) => {
      const at = (lane - (lane % PANEL_POINTS)) * n + (lane % PANEL_POINTS)
      for (let f = 0; f < n; f++) packed[at + f * PANEL_POINTS] = leaves.points[place * n + f]
    })
  })
  // Eight are read at once.
  const normsAt = !isExpanded ? 0 : blockOnce(host, `neighbours' norms ${key}`, (lanes + PANEL_POINTS) * 8, (to) => squaredNorms(points.data as Float64Array, points.shape[0], n, numbersAt(host, 'float64', to, lanes) as Float64Array))
  const words = wordsOf(host)
  const put = (name: string, list: ArrayLike<number>): number => blockOnce(host, `neighbours' ${name} ${key}`, Math.max(1, list.length) * 4, (to) => words().set(list, to / 4))
  const firstAt = put('panels', leaves.first)
  const nodesAt = isTree ? offsetOf(constants[4] as View) : put('leaf', leaves.nodes)
  const orderAt = isTree ? offsetOf(constants[3] as View) : put('order', leaves.order)
  const isLaterKept = text(attributes, 'ties', 'earlier') === 'later' ? 1 : 0
  const [boundsAt, radiiAt] = [5, 6].map((i) => (isTree && parts.includes(i) ? offsetOf(constants[i] as View) : 0))
  const description = [isExpanded ? EXPANDED : kind, k, n, isLaterKept, panelsAt, firstAt, normsAt, nodesAt, orderAt, boundsAt, radiiAt, isTree ? (isBall ? 2 : 1) : 0, leaves.first.length]
  const power = kind === POWERS ? p : 2
  const searchAt = blockOnce(host, `search ${description.join()} ${power}`, SEARCH_BYTES, (to) => {
    words().set(description, to / 4)
    numbersAt(host, 'float64', to + POWER_AT, 1)[0] = power
  })
  host.reserveScratch(SCAN_BYTES)
  const nearest = wasmFunction(host.exports, 'nearest')
  const isRoot = metric === 'euclidean' || kind === POWERS ? 1 : 0
  return ([x], [distances, indices]) => {
    if (x !== undefined && distances !== undefined && indices !== undefined) nearest(searchAt, x.shape[0], offsetOf(x), offsetOf(distances), offsetOf(indices), isRoot, host.scratchOffset)
  }
}

/** What argPartition of assembly/parts/introselect.ts takes of the scratch, and two numbers of 32 bits for each value. */
export const CHOICE_BYTES = 32

// x [rows, n] f64, constant y [points, n] f64; out [rows, k] f64 and i32: all distances of a row, of which numpy's argpartition chooses
function makePartitioned(host: WasmHost, context: KernelContext, k: number): Kernel | undefined {
  const distances = pointDistances(host, context, false)
  if (distances === undefined) return undefined
  const { points, scratchBytes, measure } = distances
  const valuesAt = Math.ceil(scratchBytes / 8) * 8
  const orderAt = valuesAt + points * 8
  const choiceAt = orderAt + Math.ceil(points / 2) * 8
  host.reserveScratch(choiceAt + CHOICE_BYTES + points * 8)
  const argPartition = wasmFunction(host.exports, 'argPartition')
  const isRoot = text(context.attributes, 'metric', 'euclidean') === 'euclidean'
  const nearest = { values: new Float64Array(k), indices: new Int32Array(k) }
  let values = new Float64Array(0)
  let order = new Int32Array(0)
  return ([x], [out, places]) => {
    if (x === undefined || out === undefined || places === undefined) return
    const at = host.scratchOffset
    if (values.buffer !== host.memory.buffer || values.byteOffset !== at + valuesAt) {
      values = new Float64Array(host.memory.buffer, at + valuesAt, points)
      order = new Int32Array(host.memory.buffer, at + orderAt, points)
    }
    const [rows, n] = x.shape
    for (let row = 0; row < rows; row++) {
      measure(1, offsetOf(x) + row * n * 8, at + valuesAt)
      argPartition(at + valuesAt, at + orderAt, points, k, -1, at + choiceAt)
      for (let i = 0; i < k; i++) {
        nearest.indices[i] = order[i]
        nearest.values[i] = values[order[i]]
      }
      sortHeap(nearest)
      for (let i = 0; i < k; i++) {
        ;(places.data as Int32Array)[row * k + i] = nearest.indices[i]
        ;(out.data as Float64Array)[row * k + i] = isRoot ? Math.sqrt(nearest.values[i]) : nearest.values[i]
      }
    }
  }
}
