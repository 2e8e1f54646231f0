// Functions that combine the elements along axes.
import { isFloat, type DType } from '../../../tensor/index.ts'
import { pytorchError } from '../error.ts'
import { axisOf, cast, countsTensor, countOf, int64s, scalar, sizeOf, tensorArgument, together, type Tracer } from '../trace/tracer.ts'
import { arithmetic } from '../trace/arithmetic.ts'
import { flagOf, intOf, intsOf, isKind, isNumberValue, numberOf, tuple, type TensorValue, type Value } from '../trace/values.ts'
import { fn, type Arguments, type TorchFunction } from './define.ts'
import { floating } from './elementwise.ts'
import { dtypeArgument, squeeze } from './shapes.ts'

const input = (a: Arguments): TensorValue => tensorArgument(a.get('input') ?? null, 'input')

/** Axes of `dim`; all where it is None or empty. */
function axesOf(a: Arguments, rank: number): number[] {
  const dim = a.get('dim') ?? null
  if (dim === null || ((isKind(dim, 'list') || isKind(dim, 'tuple')) && dim.items.length === 0)) return Array.from({ length: rank }, (_, axis) => axis)
  return intsOf(dim, 'dim').map((axis) => axisOf(axis, rank, 'dim'))
}

export function reduce(t: Tracer, op: string, x: TensorValue, axes: readonly number[], keep: boolean): TensorValue {
  return t.op(op, [x, int64s(t, axes)], { keepdims: keep ? 1 : 0 })
}

const SMALL: readonly DType[] = ['bool', 'uint8', 'int8', 'int16', 'uint16']

function reducing(names: string, op: string, needsFloat: boolean): TorchFunction[] {
  return fn(names, 'input dim=None keepdim=False dtype=None', (t, a) => {
    const x = input(a)
    const dtype = dtypeArgument(a.get('dtype')) ?? (isFloat(x.dtype) ? x.dtype : needsFloat ? 'float32' : 'int64')
    return reduce(t, op, cast(t, x, dtype), axesOf(a, x.shape.length), flagOf(a.get('keepdim'), 'keepdim'))
  })
}

/** torch.max(x), torch.max(x, dim) with places, torch.max(x, other). */
function extreme(name: 'max' | 'min'): TorchFunction[] {
  const [reduction, pair, place] = name === 'max' ? ['ReduceMax', 'Max', 'ArgMax'] : ['ReduceMin', 'Min', 'ArgMin']
  return fn(name, 'input dim=None keepdim=False', (t, a) => {
    const other = a.get('dim') ?? null
    const first = a.get('input') ?? null
    if (isNumberValue(first) && isNumberValue(other)) return name === 'max' ? Math.max(numberOf(first, 'a'), numberOf(other, 'b')) : Math.min(numberOf(first, 'a'), numberOf(other, 'b'))
    const x = input(a)
    if (isKind(other, 'tensor')) return t.op(pair, together(t, [x, other]))
    if (other === null) return reduce(t, reduction, widened(t, x), axesOf(a, x.shape.length), false)
    const axis = axisOf(intOf(other, 'dim'), x.shape.length, name)
    const keep = flagOf(a.get('keepdim'), 'keepdim')
    return tuple([reduce(t, reduction, x, [axis], keep), t.op(place, [x], { axis, keepdims: keep ? 1 : 0 })], ['values', 'indices'])
  })
}

const widened = (t: Tracer, x: TensorValue): TensorValue => (SMALL.includes(x.dtype) && x.dtype === 'bool' ? cast(t, x, 'int32') : x)

function argument(name: string, op: string): TorchFunction[] {
  return fn(name, 'input dim=None keepdim=False', (t, a) => {
    const x = input(a)
    const dim = a.get('dim') ?? null
    if (dim === null) return t.op(op, [t.op('Reshape', [x, int64s(t, [-1])])], { axis: 0, keepdims: 0 })
    return t.op(op, [x], { axis: intOf(dim, 'dim'), keepdims: flagOf(a.get('keepdim'), 'keepdim') ? 1 : 0 })
  })
}

/** Number of elements along axes, as a scalar of the dtype. */
function countAlong(t: Tracer, x: TensorValue, axes: readonly number[], less: number): TensorValue {
  const count = axes.reduce((product: Value, axis) => arithmetic(t, '*', product, sizeOf(t, x, axis)), 1)
  const own = less === 0 ? count : arithmetic(t, '-', count, less)
  if (typeof own === 'number') return scalar(t, own, x.dtype)
  return cast(t, squeeze(t, countsTensor(t, [countOf(own, 'count')]), [0]), x.dtype)
}

function variance(t: Tracer, x: TensorValue, axes: readonly number[], correction: number, keep: boolean): TensorValue {
  const centred = t.op('Sub', [x, reduce(t, 'ReduceMean', x, axes, true)])
  const sum = reduce(t, 'ReduceSumSquare', centred, axes, keep)
  return t.op('Div', [sum, countAlong(t, x, axes, correction)])
}

/** var(x, unbiased), var(x, dim, unbiased, keepdim), var(x, dim, correction=1, keepdim=False). */
function spread(names: string, finish: (t: Tracer, value: TensorValue, x: TensorValue, axes: readonly number[], keep: boolean) => Value): TorchFunction[] {
  return fn(names, 'input dim=None unbiased=None keepdim=False correction=None', (t, a) => {
    const x = floating(t, a.get('input'))
    const dim = a.get('dim') ?? null
    const all = typeof dim === 'boolean'
    const axes = all ? x.shape.map((_, axis) => axis) : axesOf(a, x.shape.length)
    const given = a.get('correction') ?? null
    const unbiased = all ? dim : (a.get('unbiased') ?? null)
    const correction = given !== null ? numberOf(given, 'correction') : unbiased === null ? 1 : typeof unbiased === 'boolean' ? Number(unbiased) : numberOf(unbiased, 'correction')
    const keep = flagOf(a.get('keepdim'), 'keepdim')
    return finish(t, variance(t, x, axes, correction, keep), x, axes, keep)
  })
}

function norm(t: Tracer, x: TensorValue, p: Value, axes: readonly number[], keep: boolean): TensorValue {
  const order = p === null || p === 'fro' ? 2 : isNumberValue(p) ? numberOf(p, 'p') : NaN
  if (order === 2) return reduce(t, 'ReduceL2', x, axes, keep)
  if (order === 1) return reduce(t, 'ReduceL1', x, axes, keep)
  const size = t.op('Abs', [x])
  if (order === Infinity) return reduce(t, 'ReduceMax', size, axes, keep)
  if (order === -Infinity) return reduce(t, 'ReduceMin', size, axes, keep)
  if (!(order > 0)) throw pytorchError('PYTORCH_OPERATOR', `a norm of order ${String(p)} is not supported`)
  return t.op('Pow', [reduce(t, 'ReduceSum', t.op('Pow', [size, scalar(t, order, x.dtype)]), axes, keep), scalar(t, 1 / order, x.dtype)])
}

function alongAxis(names: string, op: string): TorchFunction[] {
  return fn(names, 'input dim=-1 dtype=None ...', (t, a) => {
    const x = floating(t, a.get('input'))
    const dtype = dtypeArgument(a.get('dtype'))
    const dim = a.get('dim') ?? null
    // Without dim the axis is 0 for 0, 1 and 3 dimensions, else 1.
    const axis = dim === null ? (x.shape.length === 0 || x.shape.length === 1 || x.shape.length === 3 ? 0 : 1) : intOf(dim, 'dim')
    return t.op(op, [cast(t, x, dtype ?? x.dtype)], { axis: axisOf(axis, x.shape.length, 'softmax') })
  })
}

function topk(t: Tracer, x: TensorValue, k: number | Value, axis: number, largest: boolean): Value {
  return tuple(t.ops('TopK', [x, countsTensor(t, [countOf(k, 'k')])], 2, { axis, largest: largest ? 1 : 0, sorted: 1 }), ['values', 'indices'])
}

function anyOf(t: Tracer, a: Arguments, op: string): TensorValue {
  const x = cast(t, cast(t, input(a), 'bool'), 'int32')
  return cast(t, reduce(t, op, x, axesOf(a, x.shape.length), flagOf(a.get('keepdim'), 'keepdim')), 'bool')
}

function cosine(t: Tracer, a: Arguments): TensorValue {
  const [x, y] = [tensorArgument(a.get('x1'), 'x1'), tensorArgument(a.get('x2'), 'x2')]
  const axis = intOf(a.get('dim'), 'dim')
  const eps = scalar(t, numberOf(a.get('eps'), 'eps'), x.dtype)
  const axes = [axisOf(axis, x.shape.length, 'cosine_similarity')]
  const length = (v: TensorValue): TensorValue => t.op('Max', [reduce(t, 'ReduceL2', v, axes, false), eps])
  return t.op('Div', [reduce(t, 'ReduceSum', t.op('Mul', [x, y]), axes, false), t.op('Mul', [length(x), length(y)])])
}

/** The norm of x1 - x2 + eps along the last axis. */
function pairwise(t: Tracer, a: Arguments): TensorValue {
  const [x, y] = together(t, [floating(t, a.get('x1')), floating(t, a.get('x2'))])
  const difference = t.op('Add', [t.op('Sub', [x, y]), scalar(t, numberOf(a.get('eps'), 'eps'), x.dtype)])
  return norm(t, difference, a.get('p') ?? null, [difference.shape.length - 1], flagOf(a.get('keepdim'), 'keepdim'))
}

/** Weights of length g along every axis but `dim`, of one length in all for -1. */
function weightNorm(t: Tracer, v: TensorValue, g: TensorValue, dim: number): TensorValue {
  const axes = v.shape.map((_, axis) => axis).filter((axis) => axis !== dim)
  return t.op('Mul', [v, t.op('Div', [g, reduce(t, 'ReduceL2', v, axes, true)])])
}

export const reductionFunctions: readonly TorchFunction[] = [
  ...reducing('sum', 'ReduceSum', false), ...reducing('mean', 'ReduceMean', true), ...reducing('prod', 'ReduceProd', false), ...reducing('logsumexp', 'ReduceLogSumExp', true),
  ...extreme('max'), ...extreme('min'), ...argument('argmax', 'ArgMax'), ...argument('argmin', 'ArgMin'),
  ...fn('amax', 'input dim=None keepdim=False', (t, a) => reduce(t, 'ReduceMax', widened(t, input(a)), axesOf(a, input(a).shape.length), flagOf(a.get('keepdim'), 'keepdim'))),
  ...fn('amin', 'input dim=None keepdim=False', (t, a) => reduce(t, 'ReduceMin', widened(t, input(a)), axesOf(a, input(a).shape.length), flagOf(a.get('keepdim'), 'keepdim'))),
  ...spread('var', (_t, value) => value),
  ...spread('std', (t, value) => t.op('Sqrt', [value])),
  ...spread('var_mean', (t, value, x, axes, keep) => tuple([value, reduce(t, 'ReduceMean', x, axes, keep)])),
  ...spread('std_mean', (t, value, x, axes, keep) => tuple([t.op('Sqrt', [value]), reduce(t, 'ReduceMean', x, axes, keep)])),
  ...fn('norm', 'input p=2 dim=None keepdim=False ...', (t, a) => norm(t, floating(t, a.get('input')), a.get('p') ?? null, axesOf(a, input(a).shape.length), flagOf(a.get('keepdim'), 'keepdim'))),
  ...fn('linalg_vector_norm', 'input p=2 dim=None keepdim=False ...', (t, a) => norm(t, floating(t, a.get('input')), a.get('p') ?? null, axesOf(a, input(a).shape.length), flagOf(a.get('keepdim'), 'keepdim'))),
  ...fn('frobenius_norm', 'input dim=None keepdim=False', (t, a) => norm(t, floating(t, a.get('input')), 2, axesOf(a, input(a).shape.length), flagOf(a.get('keepdim'), 'keepdim'))),
  ...fn('normalize', 'input p=2.0 dim=1 eps=1e-12 ...', (t, a) => { const x = floating(t, a.get('input')); return t.op('Div', [x, t.op('Max', [norm(t, x, a.get('p') ?? null, axesOf(a, x.shape.length), true), scalar(t, numberOf(a.get('eps'), 'eps'), x.dtype)])]) }),
  ...fn('pairwise_distance', 'x1 x2 p=2 eps=1e-06 keepdim=False', pairwise),
  ...fn('_weight_norm', 'v g dim=0', (t, a) => weightNorm(t, tensorArgument(a.get('v'), 'v'), tensorArgument(a.get('g'), 'g'), intOf(a.get('dim'), 'dim'))),
  ...fn('cosine_similarity', 'x1 x2 dim=1 eps=1e-08', cosine),
  ...alongAxis('softmax _softmax', 'Softmax'), ...alongAxis('log_softmax _log_softmax', 'LogSoftmax'),
  ...fn('softmin', 'input dim=-1 ...', (t, a) => t.op('Softmax', [t.op('Neg', [input(a)])], { axis: intOf(a.get('dim'), 'dim') })),
  ...fn('cumsum', 'input dim dtype=None', (t, a) => { const x = input(a); return t.op('CumSum', [cast(t, x, dtypeArgument(a.get('dtype')) ?? (isFloat(x.dtype) ? x.dtype : 'int64')), scalar(t, axisOf(intOf(a.get('dim'), 'dim'), x.shape.length, 'cumsum'), 'int64')]) }),
  ...fn('topk', 'input k dim=-1 largest=True sorted=True', (t, a) => topk(t, input(a), a.get('k') ?? 1, intOf(a.get('dim'), 'dim'), flagOf(a.get('largest'), 'largest'))),
  ...fn('sort', 'input dim=-1 descending=False stable=False', (t, a) => { const x = input(a); const axis = axisOf(intOf(a.get('dim'), 'dim'), x.shape.length, 'sort'); return topk(t, x, sizeOf(t, x, axis), axis, flagOf(a.get('descending'), 'descending')) }),
  ...fn('argsort', 'input dim=-1 descending=False stable=False', (t, a) => { const x = input(a); const axis = axisOf(intOf(a.get('dim'), 'dim'), x.shape.length, 'argsort'); const sorted = topk(t, x, sizeOf(t, x, axis), axis, flagOf(a.get('descending'), 'descending')); return isKind(sorted, 'tuple') ? sorted.items[1] : null }),
  ...fn('all', 'input dim=None keepdim=False', (t, a) => anyOf(t, a, 'ReduceMin')),
  ...fn('any', 'input dim=None keepdim=False', (t, a) => anyOf(t, a, 'ReduceMax')),
]
