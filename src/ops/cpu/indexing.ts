// Kernels that select, place and order by index.
import { MleError } from '../../error.ts'
import { is64BitInteger } from '../../tensor/dtype.ts'
import { stridesOf } from '../../tensor/shape.ts'
import { floatToBfloat, floatToHalf } from '../../tensor/half.ts'
import { int, text } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry } from '../kernel.ts'
import { axisOf } from '../schemas/define.ts'
import { narrowingOf } from '../schemas/tensor.ts'
import { isTensorType } from '../types.ts'
import { castLoop } from './cast.ts'
import { ADD, MAX, MIN, MUL, dtypeOf, isHalf, pickBinary } from './elementwise.ts'
import { integers, placeAt, view } from './moving.ts'
import { numbers, wordsOf, type Numbers } from './nest.ts'
import { copyWide, mulWide, wideToNumber } from './wide.ts'
import { widened } from './widen.ts'

const product = (dims: readonly number[]): number => dims.reduce((total, dim) => total * dim, 1)

// input [any], target_type of the dtype wanted -> output like the input
function makeCastLike(context: KernelContext): Kernel {
  const loop = castLoop(dtypeOf(context), dtypeOf(context, 1), narrowingOf(context.attributes))
  return ([input], [output]) => loop(numbers(output), numbers(input), view(output).size)
}

// input [..., rows, columns], k -> output alike
function makeTrilu(context: KernelContext): Kernel {
  const words = wordsOf(dtypeOf(context))
  const upper = int(context.attributes, 'upper', 1) !== 0
  const zero: Numbers = dtypeOf(context) === 'string' ? ([''] as unknown as Numbers) : [0]
  return ([input, k], [output]) => {
    const { shape, size } = view(input)
    const [rows, columns] = shape.slice(-2)
    const diagonal = k === undefined ? 0 : wideToNumber(numbers(k), 0)
    const x = numbers(input)
    const y = numbers(output)
    for (let i = 0; i < size; i++) {
      const column = i % columns
      const offset = column - (((i - column) / columns) % rows)
      const kept = upper ? offset >= diagonal : offset <= diagonal
      for (let at = i * words, end = at + words; at < end; at++) y[at] = kept ? x[at] : zero[0]
    }
  }
}

// input [rows, columns] -> output [rows, columns] of any dtype
function makeEyeLike(context: KernelContext): Kernel {
  const k = int(context.attributes, 'k', 0)
  const type = context.outputTypes[0]
  const dtype = isTensorType(type) ? type.dtype : 'float32'
  const words = wordsOf(dtype)
  const one = dtype === 'float16' ? floatToHalf(1) : dtype === 'bfloat16' ? floatToBfloat(1) : 1
  return (_inputs, [output]) => {
    const [rows, columns] = view(output).shape
    const y = numbers(output)
    for (let i = 0; i < y.length; i++) y[i] = 0
    for (let row = Math.max(0, -k); row < rows && row + k < columns; row++) y[(row * columns + row + k) * words] = one
  }
}

// x [outer, n, inner], axis -> y alike; one accumulator in the dtype for each line
function makeCumProd(context: KernelContext): Kernel {
  const wide = is64BitInteger(dtypeOf(context))
  const integer = dtypeOf(context) === 'int32' || dtypeOf(context) === 'uint32'
  const exclusive = int(context.attributes, 'exclusive', 0) !== 0
  const reverse = int(context.attributes, 'reverse', 0) !== 0
  const round = dtypeOf(context) === 'float32' ? Math.fround : (x: number): number => x
  const total = new Int32Array(2)
  return ([input, axis], [output]) => {
    const { shape } = view(input)
    const at = axisOf(integers(axis)[0], shape.length)
    const n = shape[at]
    const inner = product(shape.slice(at + 1))
    const lines = product(shape.slice(0, at)) * inner
    const x = numbers(input)
    const y = numbers(output)
    for (let line = 0; line < lines; line++) {
      const base = Math.floor(line / inner) * n * inner + (line % inner)
      let value = 1
      total[0] = 1
      total[1] = 0
      for (let e = 0; e < n; e++) {
        const i = base + (reverse ? n - 1 - e : e) * inner
        if (wide) {
          if (exclusive) copyWide(y, 2 * i, total, 0)
          mulWide(total, 0, total, 0, x, 2 * i)
          if (!exclusive) copyWide(y, 2 * i, total, 0)
        } else {
          if (exclusive) y[i] = value
          value = integer ? Math.imul(value, x[i]) : round(value * x[i])
          if (!exclusive) y[i] = value
        }
      }
    }
  }
}

/** Offsets in words of the slices that tuples of indices name, one for each tuple. */
function tupleOffset(indices: Numbers, tuple: number, width: number, shape: readonly number[], strides: readonly number[], from: number): number {
  let offset = 0
  for (let k = 0; k < width; k++) offset += placeAt(indices, tuple * width + k, true, shape[from + k]) * strides[from + k]
  return offset
}

// data [batch..., any...], indices [batch..., tuples..., width] -> output [batch..., tuples..., slice...]
function makeGatherND(context: KernelContext): Kernel {
  const words = wordsOf(dtypeOf(context))
  const batchDims = int(context.attributes, 'batch_dims', 0)
  return ([data, indices], [output]) => {
    const { shape } = view(data)
    const along = view(indices).shape
    const width = along[along.length - 1]
    const strides = stridesOf(shape)
    const slice = product(shape.slice(batchDims + width)) * words
    const perBatch = product(along.slice(batchDims, -1))
    const batchSize = product(shape.slice(batchDims))
    const tuples = product(along.slice(0, -1))
    const x = numbers(data)
    const y = numbers(output)
    const places = numbers(indices)
    for (let t = 0, o = 0; t < tuples; t++) {
      const start = (Math.floor(t / perBatch) * batchSize + tupleOffset(places, t, width, shape, strides, batchDims)) * words
      for (let i = start; i < start + slice; i++) y[o++] = x[i]
    }
  }
}

// data [any...], indices [tuples..., width], updates [tuples..., slice...] -> output like the data; tuples in order
function makeScatterND(context: KernelContext): Kernel {
  const dtype = dtypeOf(context)
  const words = wordsOf(dtype)
  const loops = new Map([['add', ADD], ['mul', MUL], ['max', MAX], ['min', MIN]]).get(text(context.attributes, 'reduction', 'none'))
  const combine = loops && pickBinary(loops, dtype)
  return ([data, indices, updates], [output]) => {
    const { shape } = view(data)
    const along = view(indices).shape
    const width = along[along.length - 1]
    const strides = stridesOf(shape)
    const slice = product(shape.slice(width))
    const tuples = product(along.slice(0, -1))
    const [x, u, y] = [numbers(data), numbers(updates), numbers(output)]
    for (let i = 0; i < y.length; i++) y[i] = x[i]
    for (let t = 0; t < tuples; t++) {
      const start = tupleOffset(numbers(indices), t, width, shape, strides, 0)
      if (combine !== undefined) combine(y, start, slice, y, start, 1, u, t * slice, 1)
      else for (let e = 0; e < slice * words; e++) y[start * words + e] = u[t * slice * words + e]
    }
  }
}

// past_cache [batch, ..., n, ...], update [batch, ..., s, ...], write_indices [batch] -> present_cache like the cache
function makeTensorScatter(context: KernelContext): Kernel {
  const words = wordsOf(dtypeOf(context))
  const circular = text(context.attributes, 'mode', 'linear') === 'circular'
  return ([cache, update, positions], [output]) => {
    const { shape } = view(cache)
    const axis = axisOf(int(context.attributes, 'axis', -2), shape.length)
    const [n, steps] = [shape[axis], view(update).shape[axis]]
    const inner = product(shape.slice(axis + 1)) * words
    const perBatch = product(shape.slice(1, axis))
    const [x, u, y] = [numbers(cache), numbers(update), numbers(output)]
    for (let i = 0; i < y.length; i++) y[i] = x[i]
    for (let block = 0; block < shape[0] * perBatch; block++) {
      const start = positions === undefined ? 0 : wideToNumber(numbers(positions), 2 * Math.floor(block / perBatch))
      if (start < 0 || (!circular && start + steps > n)) throw new MleError('OP_INDEX', `an update of ${steps} at position ${start} does not fit a cache of ${n}`, { expected: n, actual: start + steps })
      for (let s = 0; s < steps; s++) {
        const to = (block * n + (circular ? (start + s) % n : start + s)) * inner
        const from = (block * steps + s) * inner
        for (let e = 0; e < inner; e++) y[to + e] = u[from + e]
      }
    }
  }
}

// input [time, batch, inner...] or [batch, time, inner...], sequence_lens [batch] -> Y alike
function makeReverseSequence(context: KernelContext): Kernel {
  const words = wordsOf(dtypeOf(context))
  const timeFirst = int(context.attributes, 'time_axis', 0) === 0
  return ([input, lengths], [output]) => {
    const { shape } = view(input)
    const inner = product(shape.slice(2)) * words
    const [times, batches] = timeFirst ? [shape[0], shape[1]] : [shape[1], shape[0]]
    const [x, y] = [numbers(input), numbers(output)]
    const place = (t: number, b: number): number => (timeFirst ? t * batches + b : b * times + t) * inner
    for (let b = 0; b < batches; b++) {
      const n = wideToNumber(numbers(lengths), 2 * b)
      if (n < 0 || n > times) throw new MleError('OP_INDEX', `sequence ${b} has length ${n}, the input has ${times} steps`, { expected: times, actual: n })
      for (let t = 0; t < times; t++) {
        const from = place(t < n ? n - 1 - t : t, b)
        const to = place(t, b)
        for (let e = 0; e < inner; e++) y[to + e] = x[from + e]
      }
    }
  }
}

export const indexingKernels: readonly (readonly [string, KernelEntry])[] = [
  ['CastLike', { make: makeCastLike }],
  ['Trilu', { make: makeTrilu }],
  ['EyeLike', { make: makeEyeLike }],
  ['CumProd', { make: /* @__PURE__ */ widened(makeCumProd, isHalf) }],
  ['GatherND', { make: makeGatherND }],
  ['ScatterND', { make: (context) => (text(context.attributes, 'reduction', 'none') === 'none' ? makeScatterND : widened(makeScatterND, isHalf))(context) }],
  ['TensorScatter', { make: makeTensorScatter }],
  ['ReverseSequence', { make: makeReverseSequence }],
]
