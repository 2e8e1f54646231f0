// Products, triangular systems and medians.
import { tensor } from '../../../tensor/index.ts'
import type { Lower } from '../context.ts'

const fusedMatMul: Lower = ({ node, inputs, add, note }) => {
  note('mle.FusedMatMul rounds once for each term, MatMul twice: last digits differ')
  add('MatMul', [inputs[0], inputs[1]], {}, node.outputs[0])
}

/** Y = B inv(L)^T, the inverse of the constant triangle computed here. */
const triangularSolve: Lower = ({ node, inputs, constant, add, value, note }) => {
  const { data, shape: [n] } = constant(1, 'L')
  const lower = data as Float64Array
  // inverse[j][i]: column j of the inverse is the solution for the j-th unit vector.
  const transposed = new Float64Array(n * n)
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = i === j ? 1 : 0
      for (let k = j; k < i; k++) sum -= lower[i * n + k] * transposed[j * n + k]
      transposed[j * n + i] = sum / lower[i * n + i]
    }
  }
  note('mle.TriangularSolve multiplies by the inverse of the triangle: last digits differ')
  add('MatMul', [inputs[0], value(tensor(transposed, [n, n]))], {}, node.outputs[0])
}

/** The rows of B in every rotation, then a product of a row by a matrix for each row. */
const circularConvolution: Lower = ({ node, inputs, type, add, value, int64s, refuse }) => {
  const n = type(0).shape?.[1] ?? type(1).shape?.[1]
  if (typeof n !== 'number') return refuse('the length of its rows is not known')
  const places = new BigInt64Array(n * n)
  for (let i = 0; i < n; i++) for (let k = 0; k < n; k++) places[i * n + k] = BigInt((k - i + n) % n)
  const rotated = add('Gather', [inputs[1], value(tensor(places, [n, n]))], { axis: 1 })
  const product = add('MatMul', [add('Unsqueeze', [inputs[0], int64s(1)]), rotated])
  add('Squeeze', [product, int64s(1)], {}, node.outputs[0])
}

/** Sorts each row, adds the weights up in that order and takes the first element that reaches half of them. */
const weightedMedian: Lower = ({ node, inputs: [x, weights], constant, add, addMany, scalar, int64s }) => {
  const n = constant(1, 'weights').data.length
  const [sorted, order] = addMany('TopK', [x, int64s(n)], 2, { axis: 1, largest: 0, sorted: 1 })
  const sums = add('CumSum', [add('Gather', [weights, order], { axis: 0 }), scalar(1, 'int64')])
  const half = add('Mul', [add('Gather', [sums, int64s(n - 1)], { axis: 1 }), scalar(0.5)])
  const first = add('ArgMax', [add('Cast', [add('GreaterOrEqual', [sums, half])], { to: 'int32' })], { axis: 1, keepdims: 1 })
  add('Squeeze', [add('GatherElements', [sorted, first], { axis: 1 }), int64s(1)], {}, node.outputs[0])
}

/** The weights whole, then a product. */
const weightMatMul: Lower = ({ node, inputs, add }) => {
  const isTransposed = node.attributes.get('transB')?.value === 1
  const [a, w, scale = '', zero = ''] = inputs
  const whole = scale === '' ? add('Cast', [w], { to: 'float32' }) : add('DequantizeLinear', zero === '' ? [w, scale] : [w, scale, zero], { axis: isTransposed ? 0 : 1 })
  add('MatMul', [a, isTransposed ? add('Transpose', [whole], { perm: [1, 0] }) : whole], {}, node.outputs[0])
}

export const matrixLowerings: readonly (readonly [string, Lower])[] = [
  ['mle.FusedMatMul', fusedMatMul],
  ['mle.WeightMatMul', weightMatMul],
  ['mle.TriangularSolve', triangularSolve],
  ['mle.CircularConvolution', circularConvolution],
  ['mle.WeightedMedian', weightedMedian],
]
