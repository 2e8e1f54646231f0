// Constants in another order of axes.
import type { Tensor } from '../../tensor/index.ts'
import { numbersOf } from './tensors.ts'

/** The elements of a tensor in another order of axes. */
export function permuted(tensor: Tensor, perm: readonly number[]): Tensor {
  const source = numbersOf(tensor)
  const shape = perm.map((axis) => tensor.shape[axis])
  const strides = tensor.shape.map((_, axis) => tensor.shape.slice(axis + 1).reduce((product, dim) => product * dim, 1))
  const steps = perm.map((axis) => strides[axis])
  const data = new Float64Array(source.length)
  const index = new Array<number>(shape.length).fill(0)
  for (let to = 0, from = 0; to < data.length; to++) {
    data[to] = source[from]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis]
      if (++index[axis] < shape[axis]) break
      from -= steps[axis] * shape[axis]
      index[axis] = 0
    }
  }
  return { dtype: 'float64', shape, data }
}
