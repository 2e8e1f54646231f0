// Support vector machines: decisions, votes and scores of classes two by two.
import { int } from '../../../ops/attributes.ts'
import type { ValueInfo } from '../../../graph/graph.ts'
import { tensor } from '../../../tensor/index.ts'
import type { Lower } from '../context.ts'

/** Every pair of classes a < b in the order of their columns. */
function pairsOf(classes: number): (readonly [a: number, b: number])[] {
  const pairs: (readonly [number, number])[] = []
  for (let a = 0; a < classes; a++) for (let b = a + 1; b < classes; b++) pairs.push([a, b])
  return pairs
}

/** A matrix [pairs, classes] with `first` in the column of a pair's first class and `second` in that of its second. */
function pairMatrix(classes: number, first: number, second: number): Float64Array {
  const pairs = pairsOf(classes)
  const data = new Float64Array(pairs.length * classes)
  pairs.forEach(([a, b], pair) => {
    data[pair * classes + a] = first
    data[pair * classes + b] = second
  })
  return data
}

/** D = K W + intercepts: a column of W holds the coefficients of the vectors of its two classes, 0 for the others. */
const svmDecision: Lower = ({ node, inputs, constant, add, value }) => {
  const coefficients = constant(1, 'coefficients')
  const counts = Array.from(constant(3, 'counts').data as Int32Array)
  const vectors = coefficients.shape[1]
  const pairs = pairsOf(counts.length)
  const starts = counts.reduce<number[]>((all, count) => [...all, all[all.length - 1] + count], [0])
  const weights = new Float64Array(vectors * pairs.length)
  const from = coefficients.data as Float64Array
  pairs.forEach(([a, b], pair) => {
    for (let v = starts[a]; v < starts[a + 1]; v++) weights[v * pairs.length + pair] = from[(b - 1) * vectors + v]
    for (let v = starts[b]; v < starts[b + 1]; v++) weights[v * pairs.length + pair] = from[a * vectors + v]
  })
  add('Add', [add('MatMul', [inputs[0], value(tensor(weights, [vectors, pairs.length]))]), inputs[2]], {}, node.outputs[0])
}

/** Votes are small whole numbers, whose products and sums are exact: a win is 1 for the first class, a loss 1 for the second. */
const pairVotes: Lower = ({ node, inputs, add, scalar, value }) => {
  const classes = int(node.attributes, 'classes', 2)
  const shape = [pairsOf(classes).length, classes]
  const wins = add('Cast', [add('Greater', [inputs[0], scalar(0)])], { to: 'float64' })
  const losses = add('Sub', [scalar(1), wins])
  const first = add('MatMul', [wins, value(tensor(pairMatrix(classes, 1, 0), shape))])
  add('Add', [first, add('MatMul', [losses, value(tensor(pairMatrix(classes, 0, 1), shape))])], {}, node.outputs[0])
}

const pairScores: Lower = ({ node, inputs: [second, confidence], add, scalar, value }) => {
  const classes = int(node.attributes, 'classes', 2)
  const shape = [pairsOf(classes).length, classes]
  const losses = add('Cast', [second], { to: 'float64' })
  const wins = add('Sub', [scalar(1), losses])
  const votes = add('Add', [
    add('MatMul', [wins, value(tensor(pairMatrix(classes, 1, 0), shape))]),
    add('MatMul', [losses, value(tensor(pairMatrix(classes, 0, 1), shape))]),
  ])
  const sums = add('MatMul', [confidence, value(tensor(pairMatrix(classes, -1, 1), shape))])
  const bottom = add('Mul', [add('Add', [add('Abs', [sums]), scalar(1)]), scalar(3)])
  add('Add', [votes, add('Div', [sums, bottom])], {}, node.outputs[0])
}

/** Probabilities are kept this far away from 0 and 1. */
const CLOSEST = 1e-7

/**
 * The iteration of Wu, Lin and Weng as a Loop over all rows at once; a row that has converged keeps its probabilities. Products by MatMul add in
 * ascending order, as the model does.
 */
const pairCoupling: Lower = ({ node, inputs: [decisions, slopes, offsets], add, addMany, body, scalar, int64s, value }) => {
  const k = int(node.attributes, 'classes', 2)
  const pairs = pairsOf(k)
  const logits = add('Add', [add('Mul', [decisions, slopes]), offsets])
  const p = add('Clip', [add('Sigmoid', [add('Neg', [logits])]), scalar(CLOSEST), scalar(1 - CLOSEST)])
  // r [rows, k, k]: the probability of a pair's first class in one triangle, of its second in the other, 0 on the diagonal.
  const zero = add('Mul', [add('Gather', [p, int64s(0)], { axis: 1 }), scalar(0)])
  const places = new BigInt64Array(k * k).fill(BigInt(2 * pairs.length))
  pairs.forEach(([a, b], pair) => {
    places[a * k + b] = BigInt(pair)
    places[b * k + a] = BigInt(pairs.length + pair)
  })
  const r = add('Gather', [add('Concat', [p, add('Sub', [scalar(1), p]), zero], { axis: 1 }), value(tensor(places, [k, k]))], { axis: 1 })
  const other = add('Transpose', [r], { perm: [0, 2, 1] })
  const ones = value(tensor(new Float64Array(k).fill(1), [k, 1]))
  const diagonal = add('MatMul', [add('Mul', [other, other]), ones])
  const isDiagonal = value(tensor(Uint8Array.from({ length: k * k }, (_, i) => (i % (k + 1) === 0 ? 1 : 0)), [k, k], 'bool'))
  const q = add('Where', [isDiagonal, diagonal, add('Neg', [add('Mul', [other, r])])])
  const start = add('Expand', [scalar(1 / k), add('Concat', [add('Shape', [decisions], { end: 1 }), int64s(k)], { axis: 0 })])
  const columns = Array.from({ length: k }, (_, t) => value(tensor(Uint8Array.from({ length: k }, (__, j) => (j === t ? 1 : 0)), [k], 'bool')))
  const rowOf = (t: number): string => add('Gather', [q, scalar(t, 'int64')], { axis: 1 })
  const rows = columns.map((_, t) => rowOf(t))
  const float: ValueInfo['type'] = { dtype: 'float64', shape: [null, k] }
  const flag: ValueInfo['type'] = { dtype: 'bool', shape: [] }
  const loop = body(
    [{ name: `${node.outputs[0]}_iteration`, type: { dtype: 'int64', shape: [] } }, { name: `${node.outputs[0]}_continue`, type: flag }, { name: `${node.outputs[0]}_current`, type: float }],
    (inner) => {
      const current = `${node.outputs[0]}_current`
      const column = (matrix: string, t: number): string => inner.add('Gather', [matrix, inner.int64s(t)], { axis: 1 })
      let qp = inner.add('Squeeze', [inner.add('MatMul', [q, inner.add('Unsqueeze', [current, inner.int64s(2)])]), inner.int64s(2)])
      let pqp = inner.add('Squeeze', [inner.add('MatMul', [inner.add('Unsqueeze', [current, inner.int64s(1)]), inner.add('Unsqueeze', [qp, inner.int64s(2)])]), inner.int64s(2)])
      const error = inner.add('ReduceMax', [inner.add('Abs', [inner.add('Sub', [qp, pqp])]), inner.int64s(1)], { keepdims: 1 })
      const isOpen = inner.add('GreaterOrEqual', [error, inner.scalar(0.005 / k)])
      let next = current
      for (let t = 0; t < k; t++) {
        const own = column(rows[t], t)
        const step = inner.add('Div', [inner.add('Sub', [pqp, column(qp, t)]), own])
        const scale = inner.add('Add', [inner.scalar(1), step])
        next = inner.add('Where', [columns[t], inner.add('Add', [next, step]), next])
        const change = inner.add('Mul', [step, inner.add('Add', [inner.add('Mul', [step, own]), inner.add('Mul', [inner.scalar(2), column(qp, t)])])])
        pqp = inner.add('Div', [inner.add('Div', [inner.add('Add', [pqp, change]), scale]), scale])
        qp = inner.add('Div', [inner.add('Add', [qp, inner.add('Mul', [step, rows[t]])]), scale])
        next = inner.add('Div', [next, scale])
      }
      const open = inner.add('ReduceMax', [inner.add('Cast', [isOpen], { to: 'int32' })], { keepdims: 0 })
      return [
        { name: inner.add('Cast', [open], { to: 'bool' }), type: flag },
        { name: inner.add('Where', [isOpen, next, current]), type: float },
      ]
    },
  )
  addMany('Loop', [scalar(Math.max(100, k), 'int64'), value(tensor(Uint8Array.of(1), [], 'bool')), start], 1, { body: loop }, node.outputs)
}

export const pairLowerings: readonly (readonly [string, Lower])[] = [
  ['mle.SvmDecision', svmDecision],
  ['mle.PairVotes', pairVotes],
  ['mle.PairScores', pairScores],
  ['mle.PairCoupling', pairCoupling],
]
