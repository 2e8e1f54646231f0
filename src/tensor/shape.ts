// Concrete shapes: sizes, strides, broadcasting. Symbolic shapes belong to the graph.
import { MleError } from '../error.ts'

/** Kernels go into each dimension, and numpy has no more. */
const MAX_RANK = 64

export function checkRank(rank: number): number {
  if (rank > MAX_RANK) throw new MleError('SHAPE_RANK', `a shape of ${rank} dimensions, expected at most ${MAX_RANK}`, { expected: MAX_RANK, actual: rank })
  return rank
}

/** Number of elements; throws for a dimension that is no count, for more than 64 dimensions, and for products past 2^53. */
export function sizeOf(shape: readonly number[]): number {
  checkRank(shape.length)
  let size = 1
  for (let axis = 0; axis < shape.length; axis++) {
    const dim = shape[axis]
    if (!Number.isSafeInteger(dim) || dim < 0) {
      throw new MleError('SHAPE_DIMENSION', `shape [${shape.join(', ')}]: dimension ${axis} is ${dim}, expected a count of at least 0`)
    }
    // Infinity * 0 would be NaN.
    size = dim === 0 ? 0 : size * dim
  }
  if (!Number.isSafeInteger(size)) {
    throw new MleError('SHAPE_TOO_LARGE', `shape [${shape.join(', ')}] holds more than 2^53 elements`)
  }
  return size
}

/** Row-major strides in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride
    stride *= shape[axis]
  }
  return strides
}

/** Strides to read `shape` as if it were `out`: 0 along broadcast axes. */
export function broadcastStrides(shape: readonly number[], out: readonly number[]): number[] {
  const own = stridesOf(shape)
  const lead = out.length - shape.length
  return out.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : own[axis - lead]))
}
