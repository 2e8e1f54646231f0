// What Slice, Split, Expand and Tile copy.
import { broadcastStrides, stridesOf } from '../../tensor/shape.ts'
import { int } from '../attributes.ts'
import { axisOf } from '../schemas/define.ts'
import { sliceRange, splitSizes } from '../slices.ts'
import { integers, pulled, view, type Moves } from './moving.ts'

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
