// The k nearest points, by scanning them all or by walking a tree that scikit-learn built.
import { MleError } from '../../error.ts'
import { pow } from '../../math/pow.ts'
import { float, int, text } from '../attributes.ts'
import { metricOf, type Metric } from '../distances.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { expandedRow, squaredNorms } from './distances.ts'
import { argPartition } from './introselect.ts'
import { view } from './moving.ts'
import { float64Of, perShape } from './nest.ts'

function int32Of(view: View | undefined): Int32Array {
  if (view?.data instanceof Int32Array) return view.data
  throw new TypeError('expected int32')
}

/** The k nearest so far: a max-heap whose root is the farthest. Which of several farthest ones is the root decides ties, as in scikit-learn. */
export interface Heap {
  readonly values: Float64Array
  readonly indices: Int32Array
  readonly isLaterKept: boolean
}

export function pushHeap(heap: Heap, value: number, index: number): void {
  const { values, indices } = heap
  if (heap.isLaterKept ? value > values[0] : value >= values[0]) return
  const size = values.length
  let at = 0
  for (;;) {
    const left = 2 * at + 1
    if (left >= size) break
    const right = left + 1
    const child = right >= size || values[left] >= values[right] ? left : right
    if (!(value < values[child])) break
    values[at] = values[child]
    indices[at] = indices[child]
    at = child
  }
  values[at] = value
  indices[at] = index
}

/** Nearest first, equal ones in the order that the heap has them. */
export function sortHeap({ values, indices }: Pick<Heap, 'values' | 'indices'>): void {
  for (let i = 1; i < values.length; i++) {
    const value = values[i]
    const index = indices[i]
    let at = i
    for (; at > 0 && values[at - 1] > value; at--) {
      values[at] = values[at - 1]
      indices[at] = indices[at - 1]
    }
    values[at] = value
    indices[at] = index
  }
}

/** A tree over points in `order`; node i has children 2 i + 1 and 2 i + 2. */
export interface Tree {
  readonly points: Float64Array
  readonly order: Int32Array
  readonly nodes: Int32Array
  readonly bounds: Float64Array
  /** [nodes] of a ball tree; undefined for boxes. */
  readonly radii: Float64Array | undefined
  readonly nFeatures: number
}

/** The tree of the operator's inputs, points copied into its order. Throws OP_TREE where indices lead outside or leaves do not hold every point once. */
export function treeOf(inputs: readonly (View | undefined)[], isBall: boolean): Tree {
  const y = float64Of(inputs[1])
  const [nPoints, nFeatures] = (inputs[1] as View).shape
  const order = int32Of(inputs[3])
  const nodes = int32Of(inputs[4])
  const nNodes = nodes.length / 3
  const seen = new Uint8Array(nPoints)
  const points = new Float64Array(y.length)
  const fail = (what: string): MleError => new MleError('OP_TREE', `the tree of neighbours is damaged: ${what}`)
  for (let i = 0; i < nPoints; i++) {
    const index = order[i]
    if (!(index >= 0 && index < nPoints) || seen[index] === 1) throw fail(`point ${index} in place ${i} of its order`)
    seen[index] = 1
    points.set(y.subarray(index * nFeatures, (index + 1) * nFeatures), i * nFeatures)
  }
  if (nNodes === 0) throw fail('it has no node')
  for (let i = 0; i < nNodes; i++) {
    const start = nodes[3 * i]
    const end = nodes[3 * i + 1]
    if (!(start >= 0 && start <= end && end <= nPoints)) throw fail(`node ${i} holds places ${start} to ${end} of ${nPoints}`)
    if (nodes[3 * i + 2] === 0 && 2 * i + 2 >= nNodes) throw fail(`the children of node ${i} are not among ${nNodes}`)
  }
  return { points, order, nodes, bounds: float64Of(inputs[5]), radii: isBall ? float64Of(inputs[6]) : undefined, nFeatures }
}

/** Distances to nodes, from below, in reduced form. */
type NodeBound = (x: Float64Array, i: number, node: number) => number

function boxBound({ bounds, nFeatures: n }: Tree, metric: string, p: number): NodeBound {
  const highest = bounds.length / 2
  const isLargest = metric === 'chebyshev' || p === Infinity
  const power = metric === 'euclidean' ? 2 : metric === 'manhattan' ? 1 : p
  return (x, i, node) => {
    let sum = 0
    for (let f = 0, b = node * n; f < n; f++, b++) {
      const low = bounds[b] - x[i + f]
      const high = x[i + f] - bounds[highest + b]
      const d = 0.5 * (low + Math.abs(low) + (high + Math.abs(high)))
      if (isLargest) sum = Math.max(sum, d)
      else if (d !== 0) sum += power === 2 ? d * d : power === 1 ? d : pow(d, power)
    }
    return sum
  }
}

function ballBound({ bounds, radii, nFeatures: n }: Tree, metric: Metric): NodeBound {
  const sizes = radii ?? new Float64Array(0)
  return (x, i, node) => metric.toReduced(Math.max(0, metric.toDistance(metric.reduced(x, i, bounds, node * n, n)) - sizes[node]))
}

function walk(tree: Tree, metric: Metric, bound: NodeBound, x: Float64Array, i: number, node: number, lowest: number, heap: Heap): void {
  if (lowest > heap.values[0]) return
  const { nodes, order, points, nFeatures: n } = tree
  if (nodes[3 * node + 2] !== 0) {
    for (let at = nodes[3 * node], end = nodes[3 * node + 1]; at < end; at++) pushHeap(heap, metric.reduced(x, i, points, at * n, n), order[at])
    return
  }
  const left = 2 * node + 1
  const right = left + 1
  const toLeft = bound(x, i, left)
  const toRight = bound(x, i, right)
  if (toLeft <= toRight) {
    walk(tree, metric, bound, x, i, left, toLeft, heap)
    walk(tree, metric, bound, x, i, right, toRight, heap)
  } else {
    walk(tree, metric, bound, x, i, right, toRight, heap)
    walk(tree, metric, bound, x, i, left, toLeft, heap)
  }
}

/** What a search needs besides the values of a run. */
interface Search {
  readonly rows: number
  readonly n: number
  readonly metric: Metric
  readonly tree: Tree | undefined
  readonly bound: NodeBound | undefined
}

// x [rows, n] f64, y [points, n] f64, parameters f64, order [points] i32, nodes [nodes, 3] i32, bounds f64, radii f64; out [rows, k] f64 and i32
function makeNearestNeighbors({ attributes, constants, inputTypes, scratch }: KernelContext): Kernel {
  const name = text(attributes, 'metric', 'euclidean')
  const p = float(attributes, 'p', 2)
  const k = int(attributes, 'k', 1)
  const search = text(attributes, 'search', 'brute')
  const isExpanded = text(attributes, 'form', 'direct') === 'expanded'
  const ties = text(attributes, 'ties', 'earlier')
  const isLaterKept = ties === 'later'
  const parts = search === 'brute' ? [] : search === 'kd_tree' ? [1, 3, 4, 5] : [1, 3, 4, 5, 6]
  const known = parts.length > 0 && parts.every((i) => constants[i] !== undefined) ? treeOf(constants, search === 'ball_tree') : undefined
  const heap: Heap = { values: new Float64Array(k), indices: new Int32Array(k), isLaterKept }
  const searchOf = (inputs: readonly (View | undefined)[]): Search => {
    const [rows, n] = view(inputs[0]).shape
    const metric = metricOf(name, p, inputs[2] === undefined ? undefined : float64Of(inputs[2]), n)
    const tree = search === 'brute' ? undefined : (known ?? treeOf(inputs, search === 'ball_tree'))
    return { rows, n, metric, tree, bound: tree === undefined ? undefined : search === 'kd_tree' ? boxBound(tree, name, p) : ballBound(tree, metric) }
  }
  // What a run brings itself may be another each time.
  const isFixed = (search === 'brute' || known !== undefined) && (inputTypes[2] === undefined || constants[2] !== undefined)
  const prepared = isFixed ? perShape(searchOf) : searchOf
  return (inputs, outputs) => {
    const { rows, n, metric, tree, bound } = prepared(inputs, outputs)
    const x = float64Of(inputs[0])
    const y = float64Of(inputs[1])
    const distances = float64Of(outputs[0])
    const indices = int32Of(outputs[1])
    const points = view(inputs[1]).shape[0]
    const norms = scratch.float64(isExpanded ? 2 * points : 0)
    if (isExpanded) squaredNorms(y, points, n, norms)
    const partition = ties === 'partition' && tree === undefined ? { values: new Float64Array(points), order: new Int32Array(points) } : undefined
    for (let r = 0; r < rows; r++) {
      heap.values.fill(Infinity)
      heap.indices.fill(0)
      if (partition !== undefined) {
        const { values, order } = partition
        if (isExpanded) expandedRow(x, r * n, y, norms, points, n, values, 0)
        else for (let j = 0; j < points; j++) values[j] = metric.reduced(x, r * n, y, j * n, n)
        argPartition(values, order, k)
        for (let i = 0; i < k; i++) {
          heap.indices[i] = order[i]
          heap.values[i] = values[order[i]]
        }
      } else if (tree !== undefined && bound !== undefined) walk(tree, metric, bound, x, r * n, 0, bound(x, r * n, 0), heap)
      else if (isExpanded) {
        expandedRow(x, r * n, y, norms, points, n, norms, points)
        for (let j = 0; j < points; j++) pushHeap(heap, norms[points + j], j)
      } else for (let j = 0; j < points; j++) pushHeap(heap, metric.reduced(x, r * n, y, j * n, n), j)
      sortHeap(heap)
      distances.set(heap.values, r * k)
      indices.set(heap.indices, r * k)
    }
    for (let i = 0; i < distances.length; i++) distances[i] = metric.toDistance(distances[i])
  }
}

/** Sum of k terms in the order of numpy's sum over a contiguous axis. */
function numpySum(k: number, term: (i: number) => number): number {
  if (k < 8 || k > 128) {
    let sum = 0
    for (let i = 0; i < k; i++) sum += term(i)
    return sum
  }
  const part = (i: number): number => {
    let sum = term(i)
    for (let j = i + 8; j < k - (k % 8); j += 8) sum += term(j)
    return sum
  }
  let sum = part(0) + part(1) + (part(2) + part(3)) + (part(4) + part(5) + (part(6) + part(7)))
  for (let i = k - (k % 8); i < k; i++) sum += term(i)
  return sum
}

// index [rows, k] i32, labels [points] i32, weights [rows, k] f64; out [rows, classes] f64
function makeClassSums({ attributes }: KernelContext): Kernel {
  const nClasses = int(attributes, 'classes', 1)
  return ([indexView, labelView, weightView], [outView]) => {
    const index = int32Of(indexView)
    const labels = int32Of(labelView)
    const weights = weightView === undefined ? undefined : float64Of(weightView)
    const out = float64Of(outView).fill(0)
    const [rows, k] = (indexView as View).shape
    for (let r = 0, at = 0; r < rows; r++) {
      for (let i = 0; i < k; i++, at++) {
        const label = labels[index[at]]
        if (!(label >= 0 && label < nClasses)) throw new MleError('OP_INDEX', `point ${index[at]} has class ${label}, outside [0, ${nClasses})`, { expected: nClasses, actual: label })
        const cell = r * nClasses + label
        if (weights === undefined) out[cell]++
        else if (k < 8) out[cell] += weights[at]
        else out[cell] = 1
      }
      if (weights === undefined || k < 8) continue
      const start = at - k
      for (let c = 0; c < nClasses; c++) {
        if (out[r * nClasses + c] !== 0) out[r * nClasses + c] = numpySum(k, (i) => (labels[index[start + i]] === c ? weights[start + i] : 0))
      }
    }
  }
}

export const neighborKernels: readonly (readonly [string, KernelEntry])[] = [
  ['mle.NearestNeighbors', { make: makeNearestNeighbors }],
  ['mle.ClassSums', { make: makeClassSums }],
]
