// Operators that multiply, reduce, move and pick.
import { flatInt32s } from '../flatbuffers.ts'
import type { DType } from '../../tensor/index.ts'
import type { Value } from '../network/net.ts'
import { add, cast, channelsFirst, channelsLast, concat, converted, flip, floats, frontAxis, ints, listLength, numbersOf, pick, reduce, scalar, slice, squeeze, transpose, unsqueeze } from '../network/tensors.ts'
import { permuted } from '../network/permute.ts'
import { dtypeOf } from './tensors.ts'
import { byteOption, constantNumbers, fused, input, int64, intOption, unsupported, type Lowering, type Op } from './operator.ts'

const fullyConnected: Lowering = (op) => {
  const { net } = op
  const given = input(op, 0)
  const weights = op.constants[1]
  const keeps = byteOption(op, 2) !== 0
  const width = input(op, 1).shape[1]
  const isFlat = given.shape.length === 2 || keeps
  const x = isFlat ? given : net.emit('Reshape', [given, ints(net, [-1, typeof width === 'number' ? width : 0])])
  const matrix = weights === undefined ? transpose(net, input(op, 1), [1, 0]) : net.constant(converted(permuted(weights, [1, 0]), net.dtype), 'weights')
  const product = net.emit('MatMul', [x, matrix])
  return fused(op, op.inputs[2] === undefined ? product : add(net, product, op.inputs[2]), 0)
}

const batchMatmul: Lowering = (op) => {
  const { net } = op
  const side = (index: number, field: number): Value => {
    const value = input(op, index)
    const rank = value.shape.length
    return byteOption(op, field) === 0 ? value : transpose(net, value, [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2])
  }
  return net.emit('MatMul', [side(0, 0), side(1, 1)])
}

/** A value with the shape that the file states where the rules leave it open. */
function stated(op: Op, value: Value): Value {
  const output = op.outputs[0]
  if (output === undefined || output.shape.length !== value.shape.length) return value
  const varies = output.signature.length === output.shape.length ? output.signature : output.shape
  return { ...value, shape: value.shape.map((dim, axis) => (dim === null && varies[axis] >= 0 ? varies[axis] : dim)) }
}

const reshape: Lowering = (op) => {
  const { net } = op
  if (op.inputs[1] !== undefined) return stated(op, net.emit('Reshape', [input(op, 0), int64(op, 1)]))
  const target = op.options === undefined ? [...(op.outputs[0]?.shape ?? [])] : [...flatInt32s(op.options, 0)]
  return net.emit('Reshape', [input(op, 0), ints(net, target)])
}

const reduction = (name: 'ReduceMean' | 'ReduceSum' | 'ReduceMax' | 'ReduceMin' | 'ReduceProd'): Lowering => (op) => {
  const { net } = op
  const value = input(op, 0)
  const axes = constantNumbers(op, 1, 'a list of axes').map((axis) => frontAxis(axis, value.shape.length))
  const keep = byteOption(op, 0) !== 0
  const twin = net.twins.get(value.name)
  // The mean over height and width of an image in channels-first form.
  if (!keep && twin !== undefined && value.shape.length === 4 && axes.length === 2 && axes.includes(1) && axes.includes(2)) return reduce(net, name, twin, [2, 3])
  return reduce(net, name, value, axes, keep)
}

const squeezeAxes: Lowering = (op) => {
  const value = input(op, 0)
  const listed = op.options === undefined ? [] : [...flatInt32s(op.options, 0)]
  const axes = listed.length > 0 ? listed : value.shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []))
  return axes.length === 0 ? value : squeeze(op.net, value, axes.map((axis) => frontAxis(axis, value.shape.length)))
}

const concatenation: Lowering = (op) => {
  const { net } = op
  const values = op.inputs.map((_, i) => input(op, i))
  const rank = values[0].shape.length
  const axis = frontAxis(intOption(op, 0, 0), rank)
  const twins = values.map((value) => net.twins.get(value.name))
  const joined = rank === 4 && axis === 3 && twins.every((twin) => twin !== undefined) ? channelsLast(net, concat(net, twins, 1)) : concat(net, values, axis)
  return byteOption(op, 1) === 0 ? joined : fused(op, joined, 1)
}

const split: Lowering = (op) => {
  const { net } = op
  const value = input(op, 1)
  const [axis] = constantNumbers(op, 0, 'an axis')
  const count = Math.max(1, op.outputs.length)
  return net.emitMany('Split', [value], count, { axis: frontAxis(axis, value.shape.length), num_outputs: count })
}

const splitSizes: Lowering = (op) => {
  const { net } = op
  const value = input(op, 0)
  const [axis] = constantNumbers(op, 2, 'an axis')
  const at = frontAxis(axis, value.shape.length)
  const sizes = constantNumbers(op, 1, 'a list of sizes')
  const open = sizes.indexOf(-1)
  const whole = value.shape[at]
  if (open >= 0 && typeof whole === 'number') sizes[open] = whole - sizes.reduce((sum, size) => sum + (size < 0 ? 0 : size), 0)
  return net.emitMany('Split', [value, ints(net, sizes)], sizes.length, { axis: at })
}

const pad: Lowering = (op) => {
  const { net } = op
  const value = input(op, 0)
  const pairs = constantNumbers(op, 1, 'a padding')
  const pads = [...pairs.filter((_, i) => i % 2 === 0), ...pairs.filter((_, i) => i % 2 === 1)]
  return net.emit('Pad', [value, ints(net, pads), op.inputs[2] ?? scalar(net, 0, value.dtype)])
}

const SYMMETRIC = 1

const mirrorPad: Lowering = (op) => {
  const pairs = constantNumbers(op, 1, 'a padding')
  if (byteOption(op, 0) === SYMMETRIC) {
    // The edge itself is repeated: no mode of Pad does so.
    return input(op, 0).shape.reduce((value: Value, dim, axis) => {
      const [before, after] = [pairs[2 * axis] ?? 0, pairs[2 * axis + 1] ?? 0]
      if (before === 0 && after === 0) return value
      if (typeof dim !== 'number') throw unsupported(op, 'padding that repeats the edge of an axis of unknown length')
      const places = Array.from({ length: listLength(before + dim + after) }, (_, i) => (i < before ? before - 1 - i : i < before + dim ? i - before : 2 * dim - 1 - (i - before)))
      return op.net.emit('Gather', [value, ints(op.net, places)], { axis })
    }, input(op, 0))
  }
  return op.net.emit('Pad', [input(op, 0), ints(op.net, [...pairs.filter((_, i) => i % 2 === 0), ...pairs.filter((_, i) => i % 2 === 1)])], { mode: 'reflect' })
}

const resize = (mode: 'linear' | 'nearest'): Lowering => (op) => {
  const { net } = op
  const value = input(op, 0)
  const sizes = constantNumbers(op, 1, 'a size')
  const [aligned, half] = mode === 'linear' ? [byteOption(op, 2), byteOption(op, 3)] : [byteOption(op, 0), byteOption(op, 1)]
  const place = aligned !== 0 ? 'align_corners' : half !== 0 ? 'half_pixel' : 'asymmetric'
  const result = net.emit('Resize', [channelsFirst(net, value), undefined, undefined, ints(net, sizes)], {
    axes: [2, 3], mode, coordinate_transformation_mode: place, ...(mode === 'nearest' ? { nearest_mode: place === 'asymmetric' ? 'floor' : 'round_prefer_ceil' } : {}),
  })
  return channelsLast(net, { ...result, shape: [result.shape[0], result.shape[1], ...sizes] })
}

const FAR = 0x7fff_ffff

const stridedSlice: Lowering = (op) => {
  const { net } = op
  let value = input(op, 0)
  const [begin, end, strides] = [constantNumbers(op, 1, 'a start'), constantNumbers(op, 2, 'an end'), constantNumbers(op, 3, 'a stride')]
  const [beginMask, endMask, ellipsis, added, shrink] = [0, 1, 2, 3, 4].map((field) => intOption(op, field, 0))
  const has = (mask: number, entry: number): boolean => Math.floor(mask / (1 << entry)) % 2 === 1
  const fallen: number[] = []
  const made: number[] = []
  let axis = 0
  let outAxis = 0
  begin.forEach((from, entry) => {
    const step = strides[entry]
    if (has(ellipsis, entry)) {
      // As many axes as the other entries leave over.
      const rest = begin.filter((_, other) => other > entry && !has(added, other)).length
      const skipped = Math.max(0, value.shape.length - rest - axis)
      axis += skipped
      outAxis += skipped
      return
    }
    if (has(added, entry)) {
      made.push(outAxis++)
      return
    }
    if (has(shrink, entry)) {
      const place = has(beginMask, entry) ? 0 : from
      value = slice(net, value, axis, place, place === -1 ? FAR : place + 1)
      fallen.push(axis++)
      return
    }
    const low = has(beginMask, entry) ? (step > 0 ? 0 : FAR) : from
    const high = has(endMask, entry) ? (step > 0 ? FAR : -FAR) : end[entry]
    if (low !== 0 || high !== FAR || step !== 1) value = slice(net, value, axis, low, high, step)
    axis++
    outAxis++
  })
  if (fallen.length > 0) value = squeeze(net, value, fallen)
  return made.length === 0 ? value : unsqueeze(net, value, made)
}

const sliceRange: Lowering = (op) => {
  const { net } = op
  const [begin, size] = [constantNumbers(op, 1, 'a start'), constantNumbers(op, 2, 'a size')]
  return begin.reduce((value, from, axis) => (from === 0 && size[axis] < 0 ? value : slice(net, value, axis, from, size[axis] < 0 ? FAR : from + size[axis])), input(op, 0))
}

const gather: Lowering = (op) => {
  const value = input(op, 0)
  const places = int64(op, 1)
  const axis = frontAxis(intOption(op, 0, 0), value.shape.length)
  const batch = frontAxis(intOption(op, 1, 0), places.shape.length)
  if (batch === 0) return op.net.emit('Gather', [value, places], { axis })
  if (batch > axis || axis >= value.shape.length) throw unsupported(op, `GATHER of axis ${axis} with ${batch} batch dimensions`)
  // The gathered axis goes behind the batch's, its places there take its old position.
  const { net } = op
  const between = Array.from({ length: axis - batch }, (_, i) => batch + i)
  const moved = transpose(net, value, [...Array.from({ length: batch }, (_, i) => i), axis, ...between, ...Array.from({ length: value.shape.length - axis - 1 }, (_, i) => axis + 1 + i)])
  const found = net.emit('GatherND', [moved, unsqueeze(net, places, [places.shape.length])], { batch_dims: batch })
  const width = places.shape.length - batch
  return transpose(net, found, [
    ...Array.from({ length: batch }, (_, i) => i), ...between.map((one) => one + width), ...Array.from({ length: width }, (_, i) => batch + i),
    ...Array.from({ length: value.shape.length - axis - 1 }, (_, i) => axis + width + i),
  ])
}

const pack: Lowering = (op) => {
  const { net } = op
  const values = op.inputs.map((_, i) => input(op, i))
  const axis = frontAxis(intOption(op, 1, 0), values[0].shape.length + 1)
  return concat(net, values.map((value) => unsqueeze(net, value, [axis])), axis)
}

const unpack: Lowering = (op) => {
  const value = input(op, 0)
  const axis = frontAxis(intOption(op, 1, 0), value.shape.length)
  return op.outputs.map((_, i) => pick(op.net, value, axis, i))
}

const argument = (name: 'ArgMax' | 'ArgMin'): Lowering => (op) => {
  const value = input(op, 0)
  const [axis] = constantNumbers(op, 1, 'an axis')
  return cast(op.net, op.net.emit(name, [value], { axis: frontAxis(axis, value.shape.length), keepdims: 0 }), outputType(op))
}

function outputType(op: Op): DType {
  return op.outputs[0] === undefined ? 'int32' : dtypeOf(op.outputs[0])
}

const oneHot: Lowering = (op) => {
  const { net } = op
  const [depth] = constantNumbers(op, 1, 'a depth')
  const values = concat(net, [unsqueeze(net, input(op, 3), [0]), unsqueeze(net, input(op, 2), [0])], 0)
  // Negative places count from the end in OneHot; here they are none.
  const given = int64(op, 0)
  const none = scalar(net, depth, 'int64')
  const places = net.emit('Where', [net.emit('Less', [given, scalar(net, 0, 'int64')]), none, given])
  return net.emit('OneHot', [places, net.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(depth)) }, 'depth'), values], { axis: intOption(op, 0, -1) })
}

/** A condition of one dimension picks rows. */
const select: Lowering = (op) => {
  const { net } = op
  const [condition, a] = [input(op, 0), input(op, 1)]
  const rank = a.shape.length
  const rows = condition.shape.length === 1 && rank > 1 ? unsqueeze(net, condition, Array.from({ length: rank - 1 }, (_, i) => i + 1)) : condition
  return net.emit('Where', [rows, a, input(op, 2)])
}

/** Numbers of constants, from a start up to a limit. */
const range: Lowering = (op) => {
  const [start, limit, delta] = [0, 1, 2].map((index) => {
    const found = op.constants[index]
    if (found === undefined) throw unsupported(op, 'a range that is computed in the graph')
    return numbersOf(found)[0] ?? 0
  })
  const count = Math.max(0, Math.ceil((limit - start) / delta))
  return op.net.constant(floats(Array.from({ length: listLength(count) }, (_, i) => start + i * delta), [count], input(op, 0).dtype), 'range')
}

/** Writes updates into zeros; those for one place add up. */
const scatter: Lowering = (op) => {
  const { net } = op
  const updates = input(op, 1)
  const base = net.emit('Expand', [scalar(net, 0, updates.dtype), int64(op, 2)])
  return stated(op, net.emit('ScatterND', [base, int64(op, 0), updates], { reduction: 'add' }))
}

const reverseSequence: Lowering = (op) => {
  const [time, batch] = [intOption(op, 0, 0), intOption(op, 1, 0)]
  const value = input(op, 0)
  const order = value.shape.map((_, axis) => axis)
  // ReverseSequence takes the first two axes only.
  const perm = [batch, time, ...order.filter((axis) => axis !== batch && axis !== time)]
  const back = order.map((axis) => perm.indexOf(axis))
  return transpose(op.net, op.net.emit('ReverseSequence', [transpose(op.net, value, perm), int64(op, 1)], { batch_axis: 0, time_axis: 1 }), back)
}

/** Blocks of an image become further images of a batch: how dilated convolutions were written once. */
const spaceToBatch: Lowering = (op) => {
  const { net } = op
  const value = input(op, 0)
  const [[h, w], pairs] = [constantNumbers(op, 1, 'a block'), constantNumbers(op, 2, 'a padding')]
  if (w === undefined || value.shape.length !== 4) throw unsupported(op, 'blocks of other than two dimensions')
  const padded = net.emit('Pad', [value, ints(net, [0, pairs[0], pairs[2], 0, 0, pairs[1], pairs[3], 0]), scalar(net, 0, value.dtype)])
  const [, height, width, channels] = padded.shape.map(Number)
  const blocks = net.emit('Reshape', [padded, ints(net, [-1, height / h, h, width / w, w, channels])])
  return { ...net.emit('Reshape', [transpose(net, blocks, [2, 4, 0, 1, 3, 5]), ints(net, [-1, height / h, width / w, channels])]), shape: [null, height / h, width / w, channels] }
}

const batchToSpace: Lowering = (op) => {
  const { net } = op
  const value = input(op, 0)
  const [[h, w], crops] = [constantNumbers(op, 1, 'a block'), constantNumbers(op, 2, 'a crop')]
  if (w === undefined || value.shape.length !== 4) throw unsupported(op, 'blocks of other than two dimensions')
  const [, height, width, channels] = value.shape.map(Number)
  const blocks = net.emit('Reshape', [value, ints(net, [h, w, -1, height, width, channels])])
  const image = { ...net.emit('Reshape', [transpose(net, blocks, [2, 3, 0, 4, 1, 5]), ints(net, [-1, height * h, width * w, channels])]), shape: [null, height * h, width * w, channels] }
  return stated(op, slice(net, slice(net, image, 1, crops[0], height * h - crops[1]), 2, crops[2], width * w - crops[3]))
}

const blocksOf = (name: 'DepthToSpace' | 'SpaceToDepth'): Lowering => (op) => channelsLast(op.net, op.net.emit(name, [channelsFirst(op.net, input(op, 0))], { blocksize: intOption(op, 0, 1) }))

export const arrayOperators: readonly (readonly [string, Lowering])[] = [
  ['FULLY_CONNECTED', fullyConnected], ['BATCH_MATMUL', batchMatmul], ['RESHAPE', reshape], ['SQUEEZE', squeezeAxes],
  ['EXPAND_DIMS', (op) => unsqueeze(op.net, input(op, 0), [frontAxis(constantNumbers(op, 1, 'an axis')[0], input(op, 0).shape.length + 1)])],
  ['TRANSPOSE', (op) => transpose(op.net, input(op, 0), constantNumbers(op, 1, 'an order of axes'))],
  ['MEAN', reduction('ReduceMean')], ['SUM', reduction('ReduceSum')], ['REDUCE_MAX', reduction('ReduceMax')], ['REDUCE_MIN', reduction('ReduceMin')], ['REDUCE_PROD', reduction('ReduceProd')],
  ['CONCATENATION', concatenation], ['SPLIT', split], ['SPLIT_V', splitSizes], ['PAD', pad], ['PADV2', pad], ['MIRROR_PAD', mirrorPad],
  ['RESIZE_BILINEAR', resize('linear')], ['RESIZE_NEAREST_NEIGHBOR', resize('nearest')], ['STRIDED_SLICE', stridedSlice], ['SLICE', sliceRange],
  ['GATHER', gather], ['GATHER_ND', (op) => op.net.emit('GatherND', [input(op, 0), int64(op, 1)])], ['EMBEDDING_LOOKUP', (op) => op.net.emit('Gather', [input(op, 1), int64(op, 0)], { axis: 0 })],
  ['PACK', pack], ['UNPACK', unpack], ['ARG_MAX', argument('ArgMax')], ['ARG_MIN', argument('ArgMin')], ['ONE_HOT', oneHot],
  ['CAST', (op) => cast(op.net, input(op, 0), outputType(op))], ['SHAPE', (op) => cast(op.net, op.net.emit('Shape', [input(op, 0)]), outputType(op))],
  ['TILE', (op) => stated(op, op.net.emit('Tile', [input(op, 0), int64(op, 1)]))], ['BROADCAST_TO', (op) => stated(op, op.net.emit('Expand', [input(op, 0), int64(op, 1)]))],
  ['FILL', (op) => stated(op, op.net.emit('Expand', [input(op, 1), int64(op, 0)]))],
  ['ZEROS_LIKE', (op) => op.net.emit('Mul', [input(op, 0), scalar(op.net, 0, input(op, 0).dtype)])],
  ['SELECT', select], ['RANGE', range], ['SCATTER_ND', scatter], ['REVERSE_SEQUENCE', reverseSequence],
  ['RANK', (op) => op.net.constant({ dtype: 'int32', shape: [], data: Int32Array.of(input(op, 0).shape.length) }, 'rank')],
  ['REDUCE_ANY', reduction('ReduceMax')], ['REDUCE_ALL', reduction('ReduceMin')], ['SELECT_V2', (op) => op.net.emit('Where', [input(op, 0), input(op, 1), input(op, 2)])],
  ['ADD_N', (op) => op.inputs.map((_, i) => input(op, i)).reduce((a, b) => add(op.net, a, b))],
  ['REVERSE_V2', (op) => constantNumbers(op, 1, 'a list of axes').reduce((value, axis) => flip(op.net, value, frontAxis(axis, value.shape.length)), input(op, 0))],
  ['CUMSUM', (op) => op.net.emit('CumSum', [input(op, 0), op.net.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(constantNumbers(op, 1, 'an axis')[0])) }, 'axis')], { exclusive: byteOption(op, 0), reverse: byteOption(op, 1) })],
  ['TOPK_V2', (op) => {
    const [values, indices] = op.net.emitMany('TopK', [input(op, 0), ints(op.net, constantNumbers(op, 1, 'a count').slice(0, 1))], 2, { axis: -1 })
    return [values, cast(op.net, indices, 'int32')]
  }],
  ['SPACE_TO_BATCH_ND', spaceToBatch], ['BATCH_TO_SPACE_ND', batchToSpace], ['SPACE_TO_DEPTH', blocksOf('SpaceToDepth')], ['DEPTH_TO_SPACE', blocksOf('DepthToSpace')],
]
