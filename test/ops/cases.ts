// How to draw an example of each operator: inputs, attributes and the number of outputs. Examples are valid; what is refused is
// tested apart.
import fc from 'fast-check'
import type { AttributeInput } from '../../src/graph/builder.ts'
import { schemaOf } from '../../src/ops/registry.ts'
import type { DType } from '../../src/tensor/dtype.ts'
import { floatToBfloat, floatToHalf } from '../../src/tensor/half.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import type { OpInput } from '../support/run-op.ts'
import { arbitraryShape, arbitraryTensor, broadcastingShapes, type Kind } from './values.ts'

type AttributeRecord = Readonly<Record<string, AttributeInput>>
/** Attributes, some of them left out. */
const given = (record: Readonly<Record<string, AttributeInput | undefined>>): AttributeRecord =>
  Object.fromEntries(Object.entries(record).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))

export interface Example {
  readonly inputs: readonly (OpInput | undefined)[]
  readonly attributes?: AttributeRecord
  readonly outputs?: number
}

type Filter = (dtype: DType) => boolean
type Draw = (has: Filter) => fc.Arbitrary<Example>

const run = (tensor: Tensor): OpInput => ({ tensor })
/** Given with the run, or part of the model. */
const either = (tensor: Tensor): fc.Arbitrary<OpInput> => fc.boolean().map((constant) => ({ tensor, constant }))
const int64 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor => ({ dtype: 'int64', shape, data: BigInt64Array.from(values, BigInt) })
const int32 = (values: readonly number[]): Tensor => ({ dtype: 'int32', shape: [values.length], data: Int32Array.from(values) })
const flag = fc.integer({ min: 0, max: 1 })
const signed = (axis: number, rank: number): fc.Arbitrary<number> => fc.constantFrom(axis, axis - rank)
const axisIn = (rank: number): fc.Arbitrary<number> => (rank === 0 ? fc.constant(0) : fc.integer({ min: -rank, max: rank - 1 }))
const front = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

/** dtypes that a letter of the schema allows; float64 and float32 most often. */
function dtypesOf(key: string, has: Filter, letter: string = 'T'): fc.Arbitrary<DType> {
  const all = (new Map(Object.entries(schemaOf(key).typeSets ?? {})).get(letter) ?? []).filter(has)
  const usual = all.filter((dtype) => dtype === 'float64' || dtype === 'float32')
  return usual.length === 0 ? fc.constantFrom(...all) : fc.oneof(fc.constantFrom(...usual), fc.constantFrom(...all))
}

/** Elementwise: `count` inputs that broadcast. */
function broadcast(key: string, count: number, kind: Kind = 'any', attributes: fc.Arbitrary<AttributeRecord> = fc.constant({})): Draw {
  return (has) => fc.tuple(dtypesOf(key, has), broadcastingShapes(count), attributes).chain(([dtype, shapes, own]) =>
    fc.tuple(...shapes.map((shape) => arbitraryTensor(dtype, shape, kind).chain(either))).map((inputs) => ({ inputs, attributes: own })))
}

/** A tensor of a rank of at least `minRank`, and what else follows from its shape. */
function fromShape(key: string, minRank: number, rest: (x: Tensor) => fc.Arbitrary<Omit<Example, 'inputs'> & { readonly more?: readonly (OpInput | undefined)[] }>, kind: Kind = 'any', accepts: (shape: readonly number[]) => boolean = () => true): Draw {
  return (has) => fc.tuple(dtypesOf(key, has), arbitraryShape(minRank)).filter(([, shape]) => accepts(shape)).chain(([dtype, shape]) => arbitraryTensor(dtype, shape, kind))
    .chain((x) => rest(x).map(({ more = [], ...example }) => ({ inputs: [run(x), ...more], ...example })))
}

const axesSubset = (rank: number): fc.Arbitrary<number[]> => fc.subarray(Array.from({ length: rank }, (_, i) => i)).chain((axes) => fc.tuple(...axes.map((axis) => signed(axis, rank))))

function reduction(key: string, kind: Kind, mayBeEmpty: boolean = true): Draw {
  return fromShape(key, 0, (x) => fc.record({ axes: fc.option(axesSubset(x.shape.length), { nil: undefined }), keepdims: flag, none: flag }).chain(({ axes, keepdims, none }) => {
    const attributes = { keepdims, noop_with_empty_axes: none }
    if (axes === undefined) return fc.constant({ attributes })
    return either(int64(axes)).map((input) => ({ attributes, more: [input] }))
  }), kind, (shape) => mayBeEmpty || !shape.includes(0))
}

const alongAxis = (key: string, kind: Kind, extra: fc.Arbitrary<AttributeRecord> = fc.constant({})): Draw =>
  fromShape(key, 1, (x) => fc.tuple(axisIn(x.shape.length), extra).map(([axis, more]) => ({ attributes: { axis, ...more } })), kind)

const arg = (key: string): Draw => fromShape(key, 1, (x) => fc.record({ axis: axisIn(x.shape.length), keepdims: flag, select_last_index: flag })
  .map((attributes) => ({ attributes })), 'any', (shape) => !shape.includes(0))

const matMul: Draw = (has) => fc.tuple(dtypesOf('MatMul', has), broadcastingShapes(2), fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 3, maxLength: 3 }), fc.constantFrom('mm', 'mv', 'vm', 'vv'))
  .chain(([dtype, batches, [rows, depth, columns], form]) => {
    const [left, right] = batches.map((batch) => batch.slice(-2))
    const a = form[0] === 'v' ? [depth] : [...left, rows, depth]
    const b = form[1] === 'v' ? [depth] : [...right, depth, columns]
    return fc.tuple(arbitraryTensor(dtype, a, 'moderate').chain(either), arbitraryTensor(dtype, b, 'moderate').chain(either)).map((inputs) => ({ inputs }))
  })

const gemm: Draw = (has) => fc.tuple(dtypesOf('Gemm', has), fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 3, maxLength: 3 }), flag, flag, fc.constantFrom('none', 'scalar', 'row', 'column', 'vector', 'whole'), fc.constantFrom([1, 1], [0.5, 2]))
  .chain(([dtype, [rows, depth, columns], transA, transB, form, scales]) => {
    const float = dtype.includes('float')
    const shapes = new Map<string, number[]>([['scalar', []], ['row', [1, columns]], ['column', [rows, 1]], ['vector', [columns]], ['whole', [rows, columns]]])
    const c = shapes.get(form)
    const [alpha, beta] = float ? scales : [1, 1]
    return fc.tuple(
      arbitraryTensor(dtype, transA ? [depth, rows] : [rows, depth], 'moderate').chain(either),
      arbitraryTensor(dtype, transB ? [columns, depth] : [depth, columns], 'moderate').chain(either),
      ...(c === undefined ? [] : [arbitraryTensor(dtype, c, 'moderate').chain(either)]),
    ).map((inputs) => ({ inputs, attributes: { alpha, beta, transA, transB } }))
  })

const clip: Draw = fromShape('Clip', 0, (x) => {
  const bound = fc.option(arbitraryTensor(x.dtype, []).chain(either), { nil: undefined })
  return fc.tuple(bound, bound).map((more) => ({ more }))
})

const where: Draw = (has) => fc.tuple(dtypesOf('Where', has), broadcastingShapes(3)).chain(([dtype, [c, x, y]]) =>
  fc.tuple(arbitraryTensor('bool', c).map(run), arbitraryTensor(dtype, x).chain(either), arbitraryTensor(dtype, y).chain(either)).map((inputs) => ({ inputs })))

const pow: Draw = (has) => fc.tuple(dtypesOf('Pow', has), dtypesOf('Pow', has, 'E'), broadcastingShapes(2)).chain(([base, exponent, [x, y]]) =>
  fc.tuple(arbitraryTensor(base, x, base.includes('float') ? 'any' : 'moderate').map(run), arbitraryTensor(exponent, y, 'moderate').map(run)).map((inputs) => ({ inputs })))

const concat: Draw = (has) => fc.tuple(dtypesOf('Concat', has), arbitraryShape(1, 3)).chain(([dtype, shape]) => fc.tuple(axisIn(shape.length), fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 })).chain(([axis, lengths]) =>
  fc.tuple(...lengths.map((length) => arbitraryTensor(dtype, shape.map((dim, i) => (i === front(axis, shape.length) ? length : dim))).chain(either))).map((inputs) => ({ inputs, attributes: { axis } }))))

const split = fromShape('Split', 1, (x) => axisIn(x.shape.length).chain((axis) => {
  const dim = x.shape[front(axis, x.shape.length)]
  const equal = fc.integer({ min: 1, max: 4 }).map((count) => ({ attributes: { axis, num_outputs: count }, outputs: count }))
  const cut = fc.tuple(fc.array(fc.integer({ min: 0, max: dim }), { maxLength: 3 }), fc.boolean()).map(([cuts, constant]) => {
    const places = [0, ...cuts.sort((a, b) => a - b), dim]
    const sizes = places.slice(1).map((place, i) => place - places[i])
    return { attributes: { axis }, more: [{ tensor: int64(sizes), constant }], outputs: sizes.length }
  })
  return fc.oneof(equal, cut)
}))

const slice = fromShape('Slice', 0, (x) => axesSubset(x.shape.length).chain((axes) => {
  const place = fc.oneof(fc.integer({ min: -6, max: 6 }), fc.constantFrom(2147483647, -2147483648))
  const step = fc.integer({ min: -3, max: 3 }).filter((s) => s !== 0)
  const many = (of: fc.Arbitrary<number>): fc.Arbitrary<number[]> => fc.tuple(...axes.map(() => of))
  return fc.record({ starts: many(place), ends: many(place), steps: many(step), wide: fc.boolean(), constant: fc.boolean() }).map(({ starts, ends, steps, wide, constant }) => {
    const make = wide ? int64 : int32
    return { more: [starts, ends, axes, steps].map((values) => ({ tensor: make(values), constant })) }
  })
}))

const indicesBelow = (dim: number, shape: readonly number[]): fc.Arbitrary<Tensor> => {
  const size = shape.reduce((count, d) => count * d, 1)
  return fc.tuple(fc.array(fc.integer({ min: -dim, max: dim - 1 }), { minLength: size, maxLength: size }), fc.boolean())
    .map(([values, wide]) => (wide ? int64(values, shape) : { dtype: 'int32', shape, data: Int32Array.from(values) }))
}

const gather = fromShape('Gather', 1, (x) => fc.tuple(axisIn(x.shape.length), arbitraryShape(0, 2)).filter(([axis, own]) => x.shape[front(axis, x.shape.length)] > 0 || own.includes(0))
  .chain(([axis, own]) => indicesBelow(Math.max(1, x.shape[front(axis, x.shape.length)]), own).chain(either).map((input) => ({ attributes: { axis }, more: [input] }))))

/** Indices of GatherElements and ScatterElements: no longer than the data but along the axis. */
function elementIndices(x: Tensor): fc.Arbitrary<{ axis: number; indices: Tensor }> {
  return axisIn(x.shape.length).chain((axis) => {
    const at = front(axis, x.shape.length)
    const shape = fc.tuple(...x.shape.map((dim, i) => fc.integer({ min: 0, max: i === at ? (dim === 0 ? 0 : 4) : Math.min(dim, 4) })))
    return shape.chain((own) => indicesBelow(Math.max(1, x.shape[at]), own)).map((indices) => ({ axis, indices }))
  })
}

const gatherElements = fromShape('GatherElements', 1, (x) => elementIndices(x).map(({ axis, indices }) => ({ attributes: { axis }, more: [run(indices)] })))

const scatterElements = fromShape('ScatterElements', 1, (x) => elementIndices(x).chain(({ axis, indices }) => {
  const reductions = x.dtype === 'string' || x.dtype === 'bool' ? ['none'] : ['none', 'add', 'mul', 'max', 'min']
  return fc.tuple(arbitraryTensor(x.dtype, indices.shape, 'moderate'), fc.constantFrom(...reductions)).map(([updates, how]) => ({ attributes: { axis, reduction: how }, more: [run(indices), run(updates)] }))
}), 'moderate')

const reshape = fromShape('Reshape', 0, (x) => {
  const size = x.data.length
  const shapes = [[size], [-1], [1, size], [-1, 1], ...(size % 2 === 0 && size > 0 ? [[2, -1], [size / 2, 2]] : []), [...x.shape], ...(size > 0 ? [x.shape.map(() => 0)] : [])].filter((shape) => size > 0 || !shape.includes(-1))
  return fc.tuple(fc.constantFrom(...shapes), fc.boolean()).map(([shape, constant]) => ({ attributes: given({ allowzero: size === 0 ? 1 : undefined }), more: [{ tensor: int64(shape), constant }] }))
})

const squeeze = fromShape('Squeeze', 0, (x) => {
  const ones = x.shape.flatMap((dim, axis) => (dim === 1 ? [axis] : []))
  return fc.oneof(fc.constant({}), fc.subarray(ones).chain((axes) => either(int64(axes)).map((input) => ({ more: [input] }))))
})

const unsqueeze = fromShape('Unsqueeze', 0, (x) => fc.integer({ min: 0, max: 2 }).chain((count) => {
  const rank = x.shape.length + count
  return fc.shuffledSubarray(Array.from({ length: rank }, (_, i) => i), { minLength: count, maxLength: count }).chain((axes) => fc.tuple(...axes.map((axis) => signed(axis, rank)))).chain((axes) => either(int64(axes)).map((input) => ({ more: [input] })))
}))

const expand: Draw = (has) => fc.tuple(dtypesOf('Expand', has), broadcastingShapes(2)).chain(([dtype, [x, target]]) => fc.tuple(arbitraryTensor(dtype, x), fc.boolean()).map(([data, constant]) => ({ inputs: [run(data), { tensor: int64(target), constant }] })))

const tile = fromShape('Tile', 0, (x) => fc.tuple(fc.tuple(...x.shape.map(() => fc.integer({ min: 0, max: 3 }))), fc.boolean()).map(([repeats, constant]) => ({ more: [{ tensor: int64(repeats), constant }] })))

const pad = fromShape('Pad', 0, (x) => fc.record({ mode: fc.constantFrom('constant', 'reflect', 'edge', 'wrap'), all: fc.boolean(), constant: fc.boolean() }).chain(({ mode, all, constant }) => (all ? fc.constant(x.shape.map((_, i) => i)) : axesSubset(x.shape.length)).chain((axes) => {
  const bounds = axes.map((axis) => x.shape[front(axis, x.shape.length)])
  const amount = (i: number): fc.Arbitrary<number> => (mode === 'constant' ? fc.integer({ min: -Math.floor(bounds[i] / 2), max: 3 }) : fc.integer({ min: 0, max: bounds[i] === 0 ? 0 : 5 }))
  const pads = fc.tuple(...bounds.map((_, i) => amount(i)), ...bounds.map((_, i) => amount(i)))
  return fc.tuple(pads, fc.option(arbitraryTensor(x.dtype, []).map(run), { nil: undefined })).map(([values, fill]) => ({ attributes: { mode }, more: [{ tensor: int64(values), constant }, mode === 'constant' ? fill : undefined, ...(all ? [] : [{ tensor: int64(axes), constant }])] }))
})))

const range: Draw = (has) => fc.tuple(dtypesOf('Range', has), fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 }), fc.constantFrom(-3, -1, 1, 2), fc.boolean()).map(([dtype, start, limit, delta, constant]) => {
  const scale = dtype.includes('float') ? 2 : 1
  const bits = (value: number): number => (dtype === 'float16' ? floatToHalf(value) : dtype === 'bfloat16' ? floatToBfloat(value) : value)
  const scalar = (value: number): Tensor => ({ dtype, shape: [], data: tensor([dtype === 'int64' ? BigInt(value) : bits(value / scale)], [1], dtype.endsWith('16') && dtype !== 'int16' ? 'uint16' : dtype).data })
  return { inputs: [start, limit, delta].map((value) => ({ tensor: scalar(value), constant })) }
})

const oneHot: Draw = (has) => fc.tuple(dtypesOf('OneHot', has), arbitraryShape(0, 3), fc.integer({ min: 0, max: 5 }), fc.boolean()).chain(([dtype, shape, depth, constant]) =>
  fc.tuple(arbitraryTensor(dtype, [2]), axisIn(shape.length + 1), fc.array(fc.integer({ min: -7, max: 7 }), { minLength: shape.reduce((n, d) => n * d, 1), maxLength: shape.reduce((n, d) => n * d, 1) })).map(([values, axis, indices]) => ({
    inputs: [run(int64(indices, shape)), { tensor: int64([depth], []), constant }, run(values)], attributes: { axis },
  })))

const topK = fromShape('TopK', 1, (x) => axisIn(x.shape.length).chain((axis) => fc.record({ k: fc.integer({ min: 0, max: x.shape[front(axis, x.shape.length)] }), largest: flag, constant: fc.boolean() }).map(({ k, largest, constant }) => ({ attributes: { axis, largest }, more: [{ tensor: int64([k]), constant }], outputs: 2 }))))

const cumSum = fromShape('CumSum', 1, (x) => fc.record({ axis: axisIn(x.shape.length), exclusive: flag, reverse: flag, constant: fc.boolean() }).map(({ axis, exclusive, reverse, constant }) => ({ attributes: { exclusive, reverse }, more: [{ tensor: int64([axis], []), constant }] })), 'moderate')

/** Casts whose result the formula gives: numbers to strings are written in ways of their own, and not every string is a number. */
const cast: Draw = (has) => fc.tuple(dtypesOf('Cast', has, 'A'), dtypesOf('Cast', has, 'A'), arbitraryShape()).filter(([from, to]) => to !== 'string' || from === 'string' || from === 'bool' || from.includes('int'))
  .filter(([from, to]) => !(from === 'float64' && to === 'bfloat16')).chain(([from, to, shape]) => arbitraryTensor(from === 'string' && to !== 'string' ? 'int32' : from, shape).map((x) => {
    const texts = from === 'string' && to !== 'string'
    const tensor: Tensor = texts ? { dtype: 'string', shape, data: Array.from(x.data as Int32Array, (value) => String(to === 'bool' ? value : value / 4)) } : x
    return { inputs: [run(tensor)], attributes: { to } }
  }))

const plain = (key: string, minRank: number, attributes: (x: Tensor) => fc.Arbitrary<AttributeRecord>, outputs: number = 1): Draw => fromShape(key, minRank, (x) => attributes(x).map((own) => ({ attributes: own, outputs })))
const noAttributes = (): fc.Arbitrary<AttributeRecord> => fc.constant({})

/** Identity and Shape call their type letter V and A. */
const anyTensor = (key: string, letter: string, minRank: number, attributes: (x: Tensor) => fc.Arbitrary<AttributeRecord>): Draw => (has) =>
  fc.tuple(dtypesOf(key, has, letter), arbitraryShape(minRank)).chain(([dtype, shape]) => arbitraryTensor(dtype, shape)).chain((x) => attributes(x).map((own) => ({ inputs: [run(x)], attributes: own })))

const constantOfShape: Draw = (has) => fc.tuple(fc.constantFrom<DType>('float64', 'int64', 'bool', 'string').filter(has), arbitraryShape(), fc.boolean(), fc.boolean()).chain(([dtype, shape, hasValue, constant]) =>
  arbitraryTensor(dtype, [1]).map((value) => ({ inputs: [{ tensor: int64(shape), constant }], attributes: given({ value: hasValue ? value : undefined }) })))

const compress = fromShape('Compress', 1, (x) => fc.option(axisIn(x.shape.length), { nil: undefined }).chain((axis) => {
  const dim = axis === undefined ? x.data.length : x.shape[front(axis, x.shape.length)]
  return fc.integer({ min: 0, max: dim }).chain((length) => arbitraryTensor('bool', [length])).map((condition) => ({ attributes: given({ axis }), more: [run(condition)] }))
}))

const unique = fromShape('Unique', 1, (x) => fc.tuple(fc.option(axisIn(x.shape.length), { nil: undefined }), flag).map(([axis, sorted]) => ({ attributes: given({ axis, sorted }), outputs: 4 })), 'moderate', (shape) => !shape.includes(0))

const UNARY = [
  'Neg', 'Abs', 'Sign', 'Sqrt', 'Reciprocal', 'Exp', 'Log', 'Erf', 'Sigmoid', 'Tanh', 'Relu', 'Softplus', 'Floor', 'Ceil', 'Round', 'Sin', 'Cos', 'Tan', 'Asin', 'Acos', 'Atan',
  'Sinh', 'Cosh', 'Asinh', 'Acosh', 'Atanh', 'mle.Log1p', 'mle.Expm1', 'mle.LogGamma', 'mle.Digamma', 'mle.NormalQuantile', 'mle.NormalCdf', 'mle.LogExpit', 'Not', 'IsNaN',
]
const BINARY = ['Add', 'Sub', 'Mul', 'Div', 'mle.XLogY', 'Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'And', 'Or', 'Xor']

export const cases: ReadonlyMap<string, Draw> = new Map<string, Draw>([
  ...UNARY.map((key): [string, Draw] => [key, broadcast(key, 1)]),
  ...BINARY.map((key): [string, Draw] => [key, broadcast(key, 2)]),
  ['LeakyRelu', broadcast('LeakyRelu', 1, 'any', fc.constantFrom(0.5, 0.1, undefined).map((alpha) => given({ alpha })))],
  ['IsInf', broadcast('IsInf', 1, 'any', fc.record({ detect_negative: flag, detect_positive: flag }))],
  ['Mod', (has) => fc.oneof(broadcast('Mod', 2, 'any', fc.constant({ fmod: 1 }))(has), broadcast('Mod', 2)((dtype) => has(dtype) && !dtype.includes('float')))],
  ['Max', (has) => fc.integer({ min: 1, max: 4 }).chain((count) => broadcast('Max', count)(has))],
  ['Min', (has) => fc.integer({ min: 1, max: 4 }).chain((count) => broadcast('Min', count)(has))],
  ['Sum', (has) => fc.integer({ min: 1, max: 4 }).chain((count) => broadcast('Sum', count, 'moderate')(has))],
  ['Mean', (has) => fc.integer({ min: 1, max: 4 }).chain((count) => broadcast('Mean', count, 'moderate')(has))],
  ['Pow', pow],
  ['Clip', clip],
  ['Where', where],
  ['ReduceSum', reduction('ReduceSum', 'moderate')],
  ['ReduceMean', (has) => fc.oneof(reduction('ReduceMean', 'moderate')((dtype) => has(dtype) && dtype.includes('float')), reduction('ReduceMean', 'moderate', false)(has))],
  ['ReduceMax', reduction('ReduceMax', 'any')],
  ['ReduceMin', reduction('ReduceMin', 'any')],
  ['ReduceProd', reduction('ReduceProd', 'factor')],
  ['ReduceSumSquare', reduction('ReduceSumSquare', 'moderate')],
  ['ReduceL1', reduction('ReduceL1', 'moderate')],
  ['ReduceL2', (has) => reduction('ReduceL2', 'coarse')((dtype) => has(dtype) && dtype.includes('float'))],
  ['ReduceLogSum', (has) => reduction('ReduceLogSum', 'positive')((dtype) => has(dtype) && dtype.includes('float'))],
  ['ReduceLogSumExp', (has) => reduction('ReduceLogSumExp', 'moderate')((dtype) => has(dtype) && dtype.includes('float'))],
  ['ArgMax', arg('ArgMax')],
  ['ArgMin', arg('ArgMin')],
  ['CumSum', cumSum],
  ['TopK', topK],
  ['Softmax', alongAxis('Softmax', 'moderate')],
  ['LogSoftmax', alongAxis('LogSoftmax', 'moderate')],
  ['Hardmax', alongAxis('Hardmax', 'any')],
  ['LpNormalization', alongAxis('LpNormalization', 'coarse', fc.constantFrom({ p: 1 }, { p: 2 }))],
  ['MatMul', matMul],
  ['Gemm', gemm],
  ['Identity', anyTensor('Identity', 'V', 0, noAttributes)],
  ['Cast', cast],
  ['Concat', concat],
  ['Split', split],
  ['Slice', slice],
  ['Gather', gather],
  ['GatherElements', gatherElements],
  ['ScatterElements', scatterElements],
  ['Reshape', reshape],
  ['Transpose', plain('Transpose', 0, (x) => fc.option(fc.shuffledSubarray(x.shape.map((_, i) => i), { minLength: x.shape.length }), { nil: undefined }).map((perm) => given({ perm })))],
  ['Squeeze', squeeze],
  ['Unsqueeze', unsqueeze],
  ['Flatten', plain('Flatten', 0, (x) => fc.integer({ min: -x.shape.length, max: x.shape.length }).map((axis) => ({ axis })))],
  ['Expand', expand],
  ['Tile', tile],
  ['Pad', pad],
  ['Shape', anyTensor('Shape', 'A', 0, () => fc.record({ start: fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined }), end: fc.option(fc.integer({ min: -3, max: 3 }), { nil: undefined }) }).map(given))],
  ['Size', anyTensor('Size', 'A', 0, noAttributes)],
  ['ConstantOfShape', constantOfShape],
  ['Range', range],
  ['OneHot', oneHot],
  ['NonZero', plain('NonZero', 1, noAttributes)],
  ['Compress', compress],
  ['Unique', unique],
])
