// The k nearest points of a model on the wasm device, by scanning them all or by walking a tree. Points are packed once, leaf by leaf.
import { float, int, text } from '../attributes.ts'
import { treeOf, type Tree } from '../cpu/neighbors.ts'
import { squaredNorms } from '../cpu/distances.ts'
import type { Kernel, KernelContext, View, WasmHost } from '../kernel.ts'
import { nameOf } from './constants.ts'
import { blockOnce, numbersAt, offsetOf, wordsOf } from './memory.ts'
import { wasmFunction } from './module.ts'

/** Numbers of the kinds of distances in assembly/parts/metric.ts; EXPANDED is of Euclidean ones. */
const KINDS: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([['euclidean', 0], ['sqeuclidean', 0], ['manhattan', 1], ['chebyshev', 2], ['canberra', 4], ['hamming', 5]])
const LARGEST = 2
const EXPANDED = 3
export const PANEL_POINTS = 4
const SEARCH_BYTES = 52

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
export function makeNearestNeighbors(host: WasmHost, { attributes, constants }: KernelContext): Kernel | undefined {
  const metric = text(attributes, 'metric', 'euclidean')
  const search = text(attributes, 'search', 'brute')
  const k = int(attributes, 'k', 1)
  const points = constants[1]
  const kind = KINDS.get(metric)
  const isTree = search !== 'brute'
  const isBall = search === 'ball_tree'
  const parts = isTree ? (isBall ? [3, 4, 5, 6] : [3, 4, 5]) : []
  if (kind === undefined || points === undefined || points.size === 0 || parts.some((i) => constants[i] === undefined)) return undefined
  if (text(attributes, 'ties', 'earlier') === 'partition') return undefined
  // cpu's bound of a box takes the power from p where the metric does not say it.
  if (search === 'kd_tree' && kind > LARGEST) return undefined
  if (isTree && (metric === 'sqeuclidean' || float(attributes, 'p', 2) === Infinity)) return undefined
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
  const normsAt = !isExpanded ? 0 : blockOnce(host, `neighbours' norms ${key}`, lanes * 8, (to) => squaredNorms(points.data as Float64Array, points.shape[0], n, numbersAt(host, 'float64', to, lanes) as Float64Array))
  const words = wordsOf(host)
  const put = (name: string, list: ArrayLike<number>): number => blockOnce(host, `neighbours' ${name} ${key}`, Math.max(1, list.length) * 4, (to) => words().set(list, to / 4))
  const firstAt = put('panels', leaves.first)
  const nodesAt = isTree ? offsetOf(constants[4] as View) : put('leaf', leaves.nodes)
  const orderAt = isTree ? offsetOf(constants[3] as View) : put('order', leaves.order)
  const isLaterKept = text(attributes, 'ties', 'earlier') === 'later' ? 1 : 0
  const [boundsAt, radiiAt] = [5, 6].map((i) => (isTree && parts.includes(i) ? offsetOf(constants[i] as View) : 0))
  const description = [isExpanded ? EXPANDED : kind, k, n, isLaterKept, panelsAt, firstAt, normsAt, nodesAt, orderAt, boundsAt, radiiAt, isTree ? (isBall ? 2 : 1) : 0, leaves.first.length]
  const searchAt = blockOnce(host, `search ${description.join()}`, SEARCH_BYTES, (to) => words().set(description, to / 4))
  const nearest = wasmFunction(host.exports, 'nearest')
  const isRoot = metric === 'euclidean' ? 1 : 0
  return ([x], [distances, indices]) => {
    if (x !== undefined && distances !== undefined && indices !== undefined) nearest(searchAt, x.shape[0], offsetOf(x), offsetOf(distances), offsetOf(indices), isRoot)
  }
}
