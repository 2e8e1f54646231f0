// The definition of mle.TreeEnsemble and mle.TreeLeaves, one row and one node at a time: what every backend must equal.
import { int, text } from '../attributes.ts'
import type { View } from '../kernel.ts'
import { CATEGORICAL, EQUAL, FEATURE_MASK, MISSING_RIGHT, NODE_LAYOUT, UNKNOWN_RIGHT, ZERO_MISSING, ZERO_THRESHOLD } from '../trees/layout.ts'
import { numberingOf, plainLeafIndex, plainNodeIds, plainNodes, type LeafNumbers, type PlainNodes } from '../trees/stored.ts'
import type { Attributes } from '../types.ts'

export interface NodeRecord {
  readonly threshold: number
  readonly bitsetWord: number
  readonly bitsetBits: number
  readonly word: number
  readonly left: number
}

export function nodeAt(nodes: Uint8Array, index: number): NodeRecord {
  const bytes = new DataView(nodes.buffer, nodes.byteOffset + 16 * index, 16)
  return {
    threshold: bytes.getFloat64(0, true),
    bitsetWord: bytes.getUint32(0, true),
    bitsetBits: bytes.getUint32(4, true),
    word: bytes.getUint32(8, true),
    left: bytes.getUint32(12, true),
  }
}

export function goesRight(node: NodeRecord, x: number, categories: ArrayLike<number>, rounding: string): boolean {
  const { word } = node
  if (Number.isNaN(x)) return (word & MISSING_RIGHT) !== 0
  if ((word & CATEGORICAL) !== 0) {
    const category = rounding === 'floor' ? Math.floor(x) : Math.trunc(x)
    const unknown = category < 0 || category >= node.bitsetBits || (rounding === 'exact' && category !== x)
    if (unknown) return (word & UNKNOWN_RIGHT) !== 0
    return ((categories[node.bitsetWord + Math.floor(category / 32)] >>> (category % 32)) & 1) === 1
  }
  if ((word & ZERO_MISSING) !== 0 && Math.abs(x) <= ZERO_THRESHOLD) return (word & MISSING_RIGHT) !== 0
  return (word & EQUAL) !== 0 ? x === node.threshold : x > node.threshold
}

function leafOf(nodes: Uint8Array, index: number, row: ArrayLike<number>, categories: ArrayLike<number>, rounding: string): number {
  const node = nodeAt(nodes, index)
  if (node.left === index) return index
  const right = goesRight(node, row[node.word & FEATURE_MASK], categories, rounding)
  return leafOf(nodes, right ? node.left + 1 : node.left, row, categories, rounding)
}

function numbers(view: View | undefined): ArrayLike<number> {
  return view === undefined ? [] : (view.data as ArrayLike<number>)
}

function rowsOf(x: View): number[][] {
  const data = numbers(x)
  return Array.from({ length: x.shape[0] }, (_row, r) => Array.from({ length: x.shape[1] }, (_value, f) => data[r * x.shape[1] + f]))
}

function plainOf(attributes: Attributes, nodes: View, roots: View | undefined, leafIndex: View | undefined): PlainNodes & { readonly leafIndex: Uint32Array } {
  const plain = plainNodes(text(attributes, 'layout', NODE_LAYOUT), nodes.data as Uint8Array, roots?.data as Uint32Array)
  return { ...plain, leafIndex: plainLeafIndex(plain, leafIndex?.data as LeafNumbers | undefined) }
}

/** y [rows, outputs] of mle.TreeEnsemble. */
export function treeEnsembleFormula(attributes: Attributes, inputs: readonly (View | undefined)[]): number[][] {
  const [x, nodeView, leafIndexView, rootView, leafView, targetView, categoryView, baseView] = inputs
  if (x === undefined || nodeView === undefined || leafView === undefined) throw new TypeError('TreeEnsemble needs its first five inputs')
  const { nodes, leafIndex } = plainOf(attributes, nodeView, rootView, leafIndexView)
  const roots = Array.from(numbers(rootView))
  const values = numbers(leafView)
  const width = leafView.shape[1]
  const outputs = int(attributes, 'outputs', 1)
  const aggregate = text(attributes, 'aggregate', 'sum')
  const round = text(attributes, 'accumulate', 'float64') === 'float32' ? Math.fround : (value: number): number => value
  const rounding = text(attributes, 'rounding', 'trunc')

  return rowsOf(x).map((row) => {
    const y = new Array<number>(outputs).fill(0).map((_zero, j) => round(baseView === undefined ? 0 : numbers(baseView)[j]))
    const terms = new Array<number>(outputs).fill(0)
    roots.forEach((root, t) => {
      const leaf = leafOf(nodes, root, row, numbers(categoryView), rounding)
      const target = targetView === undefined ? 0 : numbers(targetView)[t]
      for (let j = 0; j < width; j++) {
        const value = values[leafIndex[leaf] * width + j]
        const column = target + j
        const first = terms[column]++ === 0
        if (aggregate === 'min') y[column] = first ? round(value) : Math.min(y[column], round(value))
        else if (aggregate === 'max') y[column] = first ? round(value) : Math.max(y[column], round(value))
        else y[column] = round(y[column] + value)
      }
    })
    return aggregate === 'mean' ? y.map((sum, j) => (terms[j] === 0 ? sum : round(sum / terms[j]))) : y
  })
}

/** y [rows, trees] of mle.TreeLeaves. */
export function treeLeavesFormula(attributes: Attributes, inputs: readonly (View | undefined)[]): number[][] {
  const [x, nodeView, rootView, categoryView, idView] = inputs
  if (x === undefined || nodeView === undefined) throw new TypeError('TreeLeaves needs its first three inputs')
  const plain = plainNodes(text(attributes, 'layout', NODE_LAYOUT), nodeView.data as Uint8Array, rootView?.data as Uint32Array)
  const { nodes } = plain
  const ids = plainNodeIds(plain, rootView?.data as Uint32Array, idView?.data as LeafNumbers | undefined, numberingOf(attributes))
  const rounding = text(attributes, 'rounding', 'trunc')
  return rowsOf(x).map((row) =>
    Array.from(numbers(rootView), (root) => {
      const leaf = leafOf(nodes, root, row, numbers(categoryView), rounding)
      return ids[leaf]
    }),
  )
}
