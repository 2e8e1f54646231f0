// Moving elements between channels, blocks and space.
import { stridesOf } from '../../tensor/shape.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { croppedAxes } from '../schemas/rearrange.ts'
import { threeDims, windowOf } from '../window.ts'
import { dtypeOf } from './elementwise.ts'
import { depthToSpaceMoves, spaceToDepthMoves } from './block-moves.ts'
import { integers, move, moveEntry, stridedEntry, view } from './moving.ts'
import { numbers, perShape } from './nest.ts'
import { widened } from './widen.ts'

/** The part of a dimension that stays in the middle: its start in the input, in the output, and its length. */
function middle(dim: number, size: number): readonly [from: number, to: number, count: number] {
  return size > dim ? [0, Math.floor((size - dim) / 2), dim] : [Math.floor((dim - size) / 2), 0, size]
}

// x [any] -> y of another shape, the middle of each dimension
function centerCropPad(): KernelEntry {
  const copy = moveEntry((context, [x], [y], words) => {
    const from = view(x).shape
    const to = view(y).shape
    const axes = croppedAxes(context, from.length)
    const parts = from.map((dim, axis) => (axes.includes(axis) ? middle(dim, to[axis]) : middle(dim, dim)))
    const [fromStrides, toStrides] = [stridesOf(from), stridesOf(to)]
    const start = (which: 0 | 1, strides: readonly number[]): number => parts.reduce((sum, part, axis) => sum + part[which] * strides[axis], 0)
    return [{ nest: move(parts.map(([, , count]) => count), toStrides, fromStrides, words, start(1, toStrides), start(0, fromStrides)), from: 0, to: 0 }]
  }, [1])
  return {
    make(context) {
      const run = 'make' in copy ? copy.make(context) : undefined
      const isText = dtypeOf(context) === 'string'
      return (inputs, outputs) => {
        const { data } = view(outputs[0])
        if (Array.isArray(data)) data.fill('')
        else if (!isText) data.fill(0 as never)
        run?.(inputs, outputs)
      }
    },
  }
}

interface Columns {
  readonly block: readonly number[]
  readonly image: readonly number[]
  readonly places: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly before: readonly number[]
}

// x [N, C blocks, places] -> y [N, C, ...image]; each pixel sums its blocks' elements in the order of the block
function makeCol2Im(context: KernelContext): Kernel {
  const layout = perShape(([, imageView, blockView]: readonly (View | undefined)[]): Columns => {
    const image = integers(imageView)
    const block = integers(blockView)
    const window = windowOf(context.attributes, block)
    const { strides, dilations, pads } = window
    const places = image.map((dim, axis) => Math.floor((dim + pads[axis] + pads[axis + image.length] - (block[axis] - 1) * dilations[axis] - 1) / strides[axis]) + 1)
    return { block: threeDims(block, 1), image: threeDims(image, 1), places: threeDims(places, 1), strides: threeDims(strides, 1), dilations: threeDims(dilations, 1), before: threeDims(pads.slice(0, image.length), 0) }
  }, [1, 2])
  return (inputs, outputs) => {
    const { block, image, places, strides, dilations, before } = layout(inputs, outputs)
    const [x, y] = [numbers(inputs[0]), numbers(outputs[0])]
    const planes = view(outputs[0]).shape[0] * view(outputs[0]).shape[1]
    for (let o = 0; o < view(outputs[0]).size; o++) y[o] = 0
    for (let plane = 0, i = 0; plane < planes; plane++) {
      for (let kd = 0; kd < block[0]; kd++) {
        for (let kh = 0; kh < block[1]; kh++) {
          for (let kw = 0; kw < block[2]; kw++) {
            for (let d = 0; d < places[0]; d++) {
              const z = d * strides[0] + kd * dilations[0] - before[0]
              for (let h = 0; h < places[1]; h++) {
                const row = h * strides[1] + kh * dilations[1] - before[1]
                const isInside = z >= 0 && z < image[0] && row >= 0 && row < image[1]
                const start = ((plane * image[0] + z) * image[1] + row) * image[2]
                for (let w = 0; w < places[2]; w++, i++) {
                  const column = w * strides[2] + kw * dilations[2] - before[2]
                  if (isInside && column >= 0 && column < image[2]) y[start + column] += x[i]
                }
              }
            }
          }
        }
      }
    }
  }
}

export const rearrangeKernels: readonly (readonly [string, KernelEntry])[] = [
  ['DepthToSpace', /* @__PURE__ */ stridedEntry(depthToSpaceMoves)],
  ['SpaceToDepth', /* @__PURE__ */ stridedEntry(spaceToDepthMoves)],
  ['CenterCropPad', /* @__PURE__ */ centerCropPad()],
  ['Col2Im', { make: /* @__PURE__ */ widened(makeCol2Im, (dtype) => dtype !== 'float32' && dtype !== 'float64', 'float64', 1) }],
]
