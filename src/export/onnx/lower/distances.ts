// Distances between rows by broadcasting: [rows, 1, features] against [1, points, features].
import { float, int, text } from '../../../ops/attributes.ts'
import { tensor } from '../../../tensor/index.ts'
import type { Lower, Lowering } from '../context.ts'

/** A distance through a cheaper value of the same order. */
interface Distance {
  readonly reduced: string
  readonly toDistance: (lowering: Lowering, reduced: string, output?: string) => string
}

const root = ({ add }: Lowering, reduced: string, output?: string): string => add('Sqrt', [reduced], {}, output)
const plain = ({ add }: Lowering, reduced: string, output?: string): string => (output === undefined ? reduced : add('Identity', [reduced], {}, output))

/** Metrics of yes-or-no features from how often both are true, and just one. */
const BOOLEAN: ReadonlyMap<string, (lowering: Lowering, both: string, different: string, n: number) => string> = new Map([
  ['matching', ({ add, scalar }, _both, different, n) => add('Div', [different, scalar(n)])],
  ['jaccard', ({ add, scalar }, both, different) => {
    const total = add('Add', [both, different])
    const isEmpty = add('Equal', [total, scalar(0)])
    return add('Div', [different, add('Where', [isEmpty, scalar(1), total])])
  }],
  ['dice', ({ add, scalar }, both, different) => add('Div', [different, add('Add', [add('Mul', [both, scalar(2)]), different])])],
  ['kulsinski', ({ add, scalar }, both, different, n) => {
    const size = scalar(n)
    return add('Div', [add('Sub', [add('Add', [different, size]), both]), add('Add', [different, size])])
  }],
  ['rogerstanimoto', ({ add, scalar }, _both, different, n) => add('Div', [add('Mul', [different, scalar(2)]), add('Add', [different, scalar(n)])])],
  ['russellrao', ({ add, scalar }, both, _different, n) => add('Div', [add('Sub', [scalar(n), both]), scalar(n)])],
  ['sokalmichener', ({ add, scalar }, _both, different, n) => add('Div', [add('Mul', [different, scalar(2)]), add('Add', [different, scalar(n)])])],
  ['sokalsneath', ({ add, scalar }, both, different) => add('Div', [different, add('Add', [add('Mul', [both, scalar(0.5)]), different])])],
])

function distanceOf(lowering: Lowering): Distance {
  const { node, inputs: [x, y, parameters], has, type, constant, add, scalar, int64s, value, note, refuse } = lowering
  const metric = text(node.attributes, 'metric', 'euclidean')
  const sum = (values: string): string => add('ReduceSum', [values, int64s(2)], { keepdims: 0 })
  const squares = (values: string): string => add('Mul', [values, values])
  const isEuclidean = metric === 'euclidean' || metric === 'sqeuclidean'
  const toEuclidean = metric === 'euclidean' ? root : plain
  if (text(node.attributes, 'form', 'direct') === 'expanded') {
    note('distances in their expanded form have other last digits here: rows at equal distances may change places')
    const norm = (rows: string): string => add('ReduceSum', [squares(rows), int64s(1)], { keepdims: 1 })
    const products = add('MatMul', [x, add('Transpose', [y], { perm: [1, 0] })])
    const all = add('Add', [add('Add', [add('Mul', [products, scalar(-2)]), norm(x)]), add('Transpose', [norm(y)], { perm: [1, 0] })])
    return { reduced: add('Max', [all, scalar(0)]), toDistance: toEuclidean }
  }
  const a = add('Unsqueeze', [x, int64s(1)])
  const b = add('Unsqueeze', [y, int64s(0)])
  const difference = add('Sub', [a, b])
  if (isEuclidean) return { reduced: sum(squares(difference)), toDistance: toEuclidean }
  const features = type(1).shape?.[1] ?? type(0).shape?.[1]
  const n = typeof features === 'number' ? features : refuse('the number of features is not known')
  const size = add('Abs', [difference])
  const safeRatio = (top: string, bottom: string): string => {
    const isZero = add('Equal', [bottom, scalar(0)])
    return add('Where', [isZero, scalar(0), add('Div', [top, add('Where', [isZero, scalar(1), bottom])])])
  }
  switch (metric) {
    case 'manhattan':
      return { reduced: sum(size), toDistance: plain }
    case 'chebyshev':
      return { reduced: add('ReduceMax', [size, int64s(2)], { keepdims: 0 }), toDistance: plain }
    case 'canberra':
      return { reduced: sum(safeRatio(size, add('Add', [add('Abs', [a]), add('Abs', [b])]))), toDistance: plain }
    case 'braycurtis':
      return { reduced: safeRatio(sum(size), sum(add('Add', [add('Abs', [a]), add('Abs', [b])]))), toDistance: plain }
    case 'braycurtis-sums':
      return { reduced: add('Div', [sum(size), sum(add('Abs', [add('Add', [a, b])]))]), toDistance: plain }
    case 'chi2':
      return { reduced: sum(safeRatio(squares(difference), add('Add', [a, b]))), toDistance: plain }
    case 'hamming': {
      const different = add('Cast', [add('Not', [add('Equal', [a, b])])], { to: 'float64' })
      return { reduced: add('Div', [sum(different), scalar(n)]), toDistance: plain }
    }
    case 'seuclidean':
      return { reduced: sum(add('Div', [squares(difference), parameters])), toDistance: root }
    case 'mahalanobis': {
      const matrix = constant(2, 'parameters')
      const inverse = matrix.data as Float64Array
      const transposed = Float64Array.from({ length: n * n }, (_, i) => inverse[(i % n) * n + Math.floor(i / n)])
      return { reduced: sum(add('Mul', [add('MatMul', [difference, value(tensor(transposed, [n, n]))]), difference])), toDistance: root }
    }
    case 'minkowski': {
      const p = float(node.attributes, 'p', 2)
      const powers = add('Pow', [size, scalar(p)])
      const reduced = sum(has(2) ? add('Mul', [powers, parameters]) : powers)
      return { reduced, toDistance: (own, from, output) => own.add('Pow', [from, own.scalar(1 / p)], {}, output) }
    }
    case 'cosine': {
      const unit = (rows: string): string => {
        const length = add('Sqrt', [add('ReduceSum', [squares(rows), int64s(1)], { keepdims: 1 })])
        return add('Div', [rows, add('Where', [add('Equal', [length, scalar(0)]), scalar(1), length])])
      }
      const products = add('MatMul', [unit(x), add('Transpose', [unit(y)], { perm: [1, 0] })])
      return { reduced: add('Clip', [add('Sub', [scalar(1), products]), scalar(0), scalar(2)]), toDistance: plain }
    }
    case 'correlation': {
      const unit = (rows: string): string => {
        const centred = add('Sub', [rows, add('ReduceMean', [rows, int64s(1)], { keepdims: 1 })])
        return add('Div', [centred, add('Sqrt', [add('ReduceSum', [squares(centred), int64s(1)], { keepdims: 1 })])])
      }
      const products = add('MatMul', [unit(x), add('Transpose', [unit(y)], { perm: [1, 0] })])
      return { reduced: add('Sub', [scalar(1), add('Clip', [products, scalar(-1), scalar(1)])]), toDistance: plain }
    }
    case 'haversine': {
      const column = (rows: string, f: number): string => add('Gather', [rows, scalar(f, 'int64')], { axis: 2 })
      const half = (f: number): string => add('Sin', [add('Mul', [column(difference, f), scalar(0.5)])])
      const [first, second] = [half(0), half(1)]
      const across = add('Mul', [add('Cos', [column(a, 0)]), add('Cos', [column(b, 0)])])
      return {
        reduced: add('Add', [squares(first), add('Mul', [across, squares(second)])]),
        toDistance: (own, from, output) => own.add('Mul', [own.add('Asin', [own.add('Sqrt', [from])]), own.scalar(2)], {}, output),
      }
    }
    default: {
      const of = BOOLEAN.get(metric) ?? refuse(`metric ${metric} is not known`)
      const truth = (rows: string): string => add('Not', [add('Equal', [rows, scalar(0)])])
      const [p, q] = [truth(a), truth(b)]
      const counted = (flags: string): string => sum(add('Cast', [flags], { to: 'float64' }))
      return { reduced: of(lowering, counted(add('And', [p, q])), counted(add('Xor', [p, q])), n), toDistance: plain }
    }
  }
}

const pairwiseDistance: Lower = (lowering) => {
  const { reduced, toDistance } = distanceOf(lowering)
  lowering.note('mle.PairwiseDistance is computed by broadcasting: memory for rows x points x features')
  toDistance(lowering, reduced, lowering.node.outputs[0])
}

const nearestNeighbors: Lower = (lowering) => {
  const { node, add, addMany, int64s, note } = lowering
  const { reduced, toDistance } = distanceOf(lowering)
  note('mle.NearestNeighbors is computed by TopK over all distances: of points at equal distances the one with the lower index is nearer')
  const [nearest, indices] = addMany('TopK', [reduced, int64s(int(node.attributes, 'k', 1))], 2, { axis: 1, largest: 0, sorted: 1 })
  toDistance(lowering, nearest, node.outputs[0])
  if (node.outputs[1] !== undefined && node.outputs[1] !== '') add('Cast', [indices], { to: 'int32' }, node.outputs[1])
}

/** Weights of the neighbours of each class: [rows, k, classes] with a weight where the label is the class, 0 elsewhere. */
const classSums: Lower = ({ node, inputs: [index, labels, weights], has, add, scalar, int64s, value }) => {
  const classes = int(node.attributes, 'classes', 1)
  const own = add('Unsqueeze', [add('Gather', [labels, index], { axis: 0 }), int64s(2)])
  const isClass = add('Equal', [own, value(tensor(Int32Array.from({ length: classes }, (_, c) => c)))])
  const weight = has(2) ? add('Unsqueeze', [weights, int64s(2)]) : scalar(1)
  add('ReduceSum', [add('Where', [isClass, weight, scalar(0)]), int64s(1)], { keepdims: 0 }, node.outputs[0])
}

export const distanceLowerings: readonly (readonly [string, Lower])[] = [
  ['mle.PairwiseDistance', pairwiseDistance],
  ['mle.NearestNeighbors', nearestNeighbors],
  ['mle.ClassSums', classSums],
]
