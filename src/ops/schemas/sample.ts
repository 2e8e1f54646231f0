// Sampling images at computed places: grids, regions, deformable windows; and choosing boxes.
import { MleError } from '../../error.ts'
import { int as intOf, ints as intsOf, text as textOf } from '../attributes.ts'
import { inputShape, tensorInput, unifyDims } from '../rules.ts'
import { exact, reducing, type InferContext, type OpSchema } from '../schema.ts'
import type { Dim, ValueType } from '../types.ts'
import { outputDim, windowOf } from '../window.ts'
import { CONVOLUTION, kernelOf } from './conv.ts'
import { FLOATS, float, int, knownInts, oneOf, op, text } from './define.ts'

/** Dimensions of images that are sampled by a grid: rows and columns, and depth. */
const MAX_SAMPLED = 3

function inferGridSample(context: InferContext): ValueType[] {
  oneOf('mode', textOf(context.attributes, 'mode', 'linear'), ['linear', 'nearest', 'cubic'])
  oneOf('padding_mode', textOf(context.attributes, 'padding_mode', 'zeros'), ['zeros', 'border', 'reflection'])
  const { dtype, shape } = tensorInput(context, 0)
  const grid = inputShape(context, 1, shape?.length)
  if (shape !== undefined && (shape.length < 3 || shape.length > 2 + MAX_SAMPLED)) throw new MleError('OP_RANK', `input 0 has ${shape.length} dimensions, expected a batch, channels and 1 to ${MAX_SAMPLED} spatial dimensions`, { actual: shape.length })
  if (shape === undefined || grid === undefined) return [{ dtype }]
  unifyDims(grid[grid.length - 1], shape.length - 2, 'coordinates of a grid point')
  return [{ dtype, shape: [unifyDims(shape[0], grid[0], 'images and grids'), shape[1], ...grid.slice(1, -1)] }]
}

function inferAffineGrid(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const theta = inputShape(context, 0, 3)
  const size = knownInts(context, 1)
  const length = inputShape(context, 1, 1)?.[0]
  if (length !== undefined && typeof length === 'number' && length !== 4 && length !== 5) throw new MleError('OP_DIMENSION', `the size has ${length} dimensions, expected 4 or 5`, { expected: 4, actual: length })
  if (theta !== undefined && typeof length === 'number') {
    unifyDims(theta[1], length - 2, 'rows of theta')
    unifyDims(theta[2], length - 1, 'columns of theta')
  }
  if (size !== undefined) return [{ dtype, shape: [size[0], ...size.slice(2), size.length - 2] }]
  return [{ dtype, shape: typeof length === 'number' ? [theta?.[0] ?? null, ...new Array<Dim>(length - 2).fill(null), length - 2] : undefined }]
}

/** [regions, channels, rows, columns] of a pool over regions. */
function inferRegions(context: InferContext, columns: number, pooled: readonly number[]): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const shape = inputShape(context, 0, 4)
  const rois = inputShape(context, 1, 2)
  if (rois !== undefined) unifyDims(rois[1], columns, 'columns of the regions')
  if (pooled.length !== 2 || pooled.some((dim) => dim < 1)) throw new MleError('OP_ATTRIBUTE', `an output of [${pooled.join(', ')}] cells, expected two counts of at least 1`)
  return [{ dtype, shape: [rois?.[0] ?? null, shape?.[1] ?? null, ...pooled] }]
}

function inferDeformConv(context: InferContext): ValueType[] {
  const { attributes } = context
  const { dtype } = tensorInput(context, 0)
  const x = inputShape(context, 0, 4)
  const w = inputShape(context, 1, 4)
  const offset = inputShape(context, 2, 4)
  if (context.inputs[4] !== undefined) inputShape(context, 4, 4)
  const kernel = kernelOf(attributes, w)
  if (x === undefined || w === undefined || kernel === undefined) return [{ dtype, shape: offset && [offset[0], w?.[0] ?? null, offset[2], offset[3]] }]
  if (typeof w[1] === 'number') unifyDims(x[1], w[1] * intOf(attributes, 'group', 1), 'channels of the input and of the weights')
  const [kh, kw] = kernel
  if (kh === undefined || kw === undefined) return [{ dtype, shape: [x[0], w[0], null, null] }]
  const groups = intOf(attributes, 'offset_group', 1)
  if (offset !== undefined) unifyDims(offset[1], groups * kh * kw * 2, 'channels of the offsets')
  const window = windowOf(attributes, [kh, kw])
  const out = [outputDim(window, 0, x[2]), outputDim(window, 1, x[3])]
  return [{ dtype, shape: [x[0], w[0], ...out.map((dim, i) => (offset === undefined ? dim : unifyDims(dim, offset[2 + i], `spatial dimension ${i} of the offsets`)))] }]
}

const PARTS: OpSchema['attributes'] = CONVOLUTION.filter(({ name }) => name !== 'auto_pad')

export const sampleSchemas: readonly OpSchema[] = [
  /** Samples of X [N, C, ...] at points in [-1, 1] (columns first), nearest, linear or cubic; points outside see zeros, the border or a reflection. @formula Y[n, c, p] = X[n, c] at grid[n, p] */
  op('GridSample', 22, 'X:T grid:G', {
    typeSets: { T: FLOATS, G: FLOATS }, attributes: [int('align_corners', 0), text('mode', 'linear'), text('padding_mode', 'zeros')], bound: reducing, infer: inferGridSample,
    rowWise: (_context, carries) => carries[0] && carries[1],
  }),
  /** Points of a regular grid in [-1, 1] through an affine map each. @formula grid[n, p] = theta[n] (p, 1) */
  op('AffineGrid', 20, 'theta:T size:int64', { outputs: 'grid', attributes: [int('align_corners', 0)], bound: reducing, valueInputs: [1], infer: inferAffineGrid }),
  /** Largest element of each cell of regions [image, x1, y1, x2, y2], rounded to pixels; 0 for an empty cell. @see Girshick 2015, Fast R-CNN */
  op('MaxRoiPool', 22, 'X:T rois:T', {
    attributes: [{ name: 'pooled_shape', kind: 'ints', required: true }, float('spatial_scale', 1)], bound: exact, infer: (context) => inferRegions(context, 5, intsOf(context.attributes, 'pooled_shape') ?? []),
  }),
  /** Mean or maximum of bilinear samples in each cell of regions [x1, y1, x2, y2]. @see He et al. 2017, Mask R-CNN */
  op('RoiAlign', 22, 'X:T rois:T batch_indices:int64', {
    bound: reducing,
    attributes: [text('coordinate_transformation_mode', 'half_pixel'), text('mode', 'avg'), int('output_height', 1), int('output_width', 1), int('sampling_ratio', 0), float('spatial_scale', 1)],
    infer(context) {
      oneOf('mode', textOf(context.attributes, 'mode', 'avg'), ['avg', 'max'])
      oneOf('coordinate_transformation_mode', textOf(context.attributes, 'coordinate_transformation_mode', 'half_pixel'), ['half_pixel', 'output_half_pixel'])
      return inferRegions(context, 4, [intOf(context.attributes, 'output_height', 1), intOf(context.attributes, 'output_width', 1)])
    },
  }),
  /** Convolution whose window's places are moved by offsets (row, column) and weighted by a mask; samples are bilinear. @see Dai et al. 2017, Deformable Convolutional Networks */
  op('DeformConv', 22, 'X:T W:T offset:T B:T? mask:T?', { attributes: [...PARTS, int('offset_group', 1)], bound: reducing, infer: inferDeformConv }),
  /** Indices [image, class, box] of the boxes that stay when those that overlap a better one of their class by more than a share are left out. */
  op('NonMaxSuppression', 11, 'boxes:T scores:T max_output_boxes_per_class:int64? iou_threshold:float32? score_threshold:float32?', {
    outputs: 'selected_indices', typeSets: { T: ['float32'] }, attributes: [int('center_point_box', 0)], bound: exact,
    infer(context) {
      const boxes = inputShape(context, 0, 3)
      const scores = inputShape(context, 1, 3)
      if (boxes !== undefined) unifyDims(boxes[2], 4, 'numbers of a box')
      if (boxes !== undefined && scores !== undefined) {
        unifyDims(boxes[0], scores[0], 'images of boxes and scores')
        unifyDims(boxes[1], scores[2], 'boxes and scores')
      }
      return [{ dtype: 'int64', shape: [null, 3] }]
    },
  }),
]
