// What Slice, Split, Expand and Tile copy, and where the elements of GatherElements and ScatterElements lie.
import { broadcastStrides, stridesOf } from '../../tensor/shape.ts'
import { int } from '../attributes.ts'
import type { View } from '../kernel.ts'
import { axisOf } from '../schemas/define.ts'
import { sliceRange, splitSizes } from '../slices.ts'
import { integers, pulled, view, type Moves } from './moving.ts'
import { nestOf, type Nest } from './nest.ts'

export const expandMoves: Moves = (_attributes, [x], [y]) => pulled(y, broadcastStrides(view(x).shape, view(y).shape))

export const tileMoves: Moves = (_attributes, [x, repeats], [y]) => {
  const { shape } = view(x)
  return pulled(y, stridesOf(shape).flatMap((stride) => [0, stride]), 0, integers(repeats).flatMap((count, i) => [count, shape[i]]))
}

export const sliceMoves: Moves = (_attributes, [x, starts, ends, axes, steps], [y]) => {
  const { shape } = view(x)
  const strides = stridesOf(shape)
  const from = integers(starts)
  const to = integers(ends)
  const along = axes === undefined ? from.map((_, i) => i) : integers(axes)
  const by = steps === undefined ? from.map(() => 1) : integers(steps)
  let start = 0
  along.forEach((given, i) => {
    const axis = axisOf(given, shape.length)
    const range = sliceRange(shape[axis], from[i], to[i], by[i])
    start += range.start * strides[axis]
    strides[axis] *= range.step
  })
  return pulled(y, strides, start)
}

export const splitMoves: Moves = (attributes, [x, parts], outputs) => {
  const { shape } = view(x)
  const from = stridesOf(shape)
  const axis = axisOf(int(attributes, 'axis', 0), shape.length)
  const sizes = splitSizes(shape[axis], outputs.length, parts === undefined ? undefined : integers(parts))
  let end = 0
  return sizes.flatMap((size, output) => {
    const startFrom = end
    end += size * from[axis]
    if (outputs[output] === undefined) return []
    const part = shape.map((dim, i) => (i === axis ? size : dim))
    return [{ shape: part, to: stridesOf(part), from, startTo: 0, startFrom, input: 0, output }]
  })
}

/** Loops over the indices of GatherElements and ScatterElements beside data in which the indexed axis stands still. */
export function elementNest(data: View | undefined, indices: View | undefined, axis: number): { nest: Nest; stride: number; dim: number } {
  const { shape } = view(data)
  const at = axisOf(axis, shape.length)
  const own = stridesOf(shape)
  const along = view(indices).shape
  return { nest: nestOf(along, [stridesOf(along), own.map((stride, i) => (i === at ? 0 : stride))]), stride: own[at], dim: shape[at] }
}
