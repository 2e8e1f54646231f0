// What DepthToSpace and SpaceToDepth copy.
import { text } from '../attributes.ts'
import { blockOf } from '../schemas/rearrange.ts'
import { pulled, view, type Moves } from './moving.ts'

// x [N, C b b, H, W] -> y [N, C, H b, W b], written as [N, C, H, b, W, b]
export const depthToSpaceMoves: Moves = (attributes, _inputs, [y]) => {
  const b = blockOf({ attributes })
  const [n, c, h, w] = view(y).shape
  const [rows, columns] = [h / b, w / b]
  const plane = rows * columns
  const [channel, block] = text(attributes, 'mode', 'DCR') === 'DCR' ? [plane, c * plane] : [b * b * plane, plane]
  return pulled(y, [c * b * b * plane, channel, columns, b * block, 1, block], 0, [n, c, rows, b, columns, b])
}

// x [N, C, H b, W b] -> y [N, b b C, H, W], written as [N, b, b, C, H, W]
export const spaceToDepthMoves: Moves = (attributes, [x], [y]) => {
  const b = blockOf({ attributes })
  const [n, c, h, w] = view(x).shape
  return pulled(y, [c * h * w, w, 1, h * w, b * w, b], 0, [n, b, b, c, h / b, w / b])
}
