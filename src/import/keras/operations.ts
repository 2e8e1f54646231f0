// Operations between layers: functions of TensorFlow (TFOpLambda) and of Keras 3 called on a model's tensors. A closed table, as for layers.
import type { Json } from '../json.ts'
import type { Net, Value } from '../network/net.ts'
import { add, asFloat, cast, concat, div, frontAxis, mul, reduce, reshape, scalar, sub, transpose, unsqueeze } from '../network/tensors.ts'
import { activationNamed } from './activations.ts'
import { isObject, kerasError, nameOf, unsupported, type Serialized } from './config.ts'
import type { CallArguments, Layer, ModelInfo } from './layer.ts'

type Operation = (net: Net, call: CallArguments, where: string) => Value

/** The tensor that an operation works on. */
function first(call: CallArguments): Value {
  const found = call.inputs[0] ?? [...call.tensors.values()][0]?.[0]
  if (found === undefined) throw kerasError('KERAS_GRAPH', 'an operation is called on nothing')
  return found.value
}

/** The two sides of an operator; one of them may be a number. */
function sides(net: Net, call: CallArguments): [Value, Value] {
  const list: Value[] = []
  const other = call.tensors.get('y')?.[0] ?? call.tensors.get('x2')?.[0] ?? call.tensors.get('b')?.[0]
  const tensors = [...call.inputs.map((one) => one.value), ...(other === undefined ? [] : [other.value])]
  const named = call.plain.get('y') ?? call.plain.get('x2')
  for (let i = 0; i < 2; i++) {
    const plain = call.plain.get(String(i)) ?? (i === 1 ? named : undefined)
    const next = typeof plain === 'number' ? scalar(net, plain) : tensors.shift()
    if (next === undefined) throw kerasError('KERAS_GRAPH', `an operation of two sides gets ${call.inputs.length} tensors`)
    list.push(asFloat(net, next))
  }
  return [list[0], list[1]]
}

const binary = (step: (net: Net, a: Value, b: Value) => Value): Operation => (net, call) => step(net, ...sides(net, call))
const unary = (op: string): Operation => (net, call) => net.emit(op, [asFloat(net, first(call))])

function plainNumber(call: CallArguments, keys: readonly string[]): number | undefined {
  for (const key of keys) {
    const value = call.plain.get(key)
    if (typeof value === 'number') return value
  }
  return undefined
}

function plainList(call: CallArguments, keys: readonly string[]): number[] | undefined {
  for (const key of keys) {
    const value = call.plain.get(key)
    if (Number.isSafeInteger(value)) return [Number(value)]
    if (Array.isArray(value) && value.every((one): one is number => Number.isSafeInteger(one))) return value
  }
  return undefined
}

const reduction = (op: Parameters<typeof reduce>[1]): Operation => (net, call) => {
  const value = asFloat(net, first(call))
  const axes = plainList(call, ['axis', '1']) ?? value.shape.map((_, i) => i)
  const keep = call.plain.get('keepdims') === true || call.plain.get('2') === true
  return reduce(net, op, value, axes.map((axis) => frontAxis(axis, value.shape.length)), keep)
}

const reshapeTo: Operation = (net, call, where) => {
  const value = first(call)
  const target = plainList(call, ['shape', 'newshape', '1', 'target_shape'])
  if (target === undefined) throw unsupported(`${where}, a reshape to a shape that is computed`)
  return reshape(net, value, target.map((dim, axis) => (dim === -1 && axis === 0 && value.shape[0] !== undefined && target.filter((one) => one === -1).length === 1 ? -1 : dim)))
}

/** The product of matrices, either of which may be transposed first. */
const matmul: Operation = (net, call) => {
  const [a, b] = sides(net, call)
  const turned = (value: Value, letter: string): Value => {
    const isTurned = call.plain.get(`transpose_${letter}`) === true || call.plain.get(`adjoint_${letter}`) === true
    const rank = value.shape.length
    return isTurned ? transpose(net, value, [...value.shape.slice(0, -2).map((_, i) => i), rank - 1, rank - 2]) : value
  }
  return net.emit('MatMul', [turned(a, 'a'), turned(b, 'b')])
}

/** Softmax or LogSoftmax over the axis that the call names, else the last. */
const normalized = (op: 'Softmax' | 'LogSoftmax'): Operation => (net, call, where) => {
  const axis = call.plain.get('axis') ?? call.plain.get('dim') ?? call.plain.get('1') ?? -1
  if (!Number.isSafeInteger(axis)) throw unsupported(`${where}, over an axis of ${JSON.stringify(axis)}`)
  return net.emit(op, [asFloat(net, first(call))], { axis: Number(axis) })
}

/** The tanh form is the default of Keras 3's operation, as the erf form is of its activation and of TensorFlow. */
const gelu: Operation = (net, call) => {
  const approximate = call.plain.get('approximate') ?? call.plain.get('1')
  return net.emit('Gelu', [asFloat(net, first(call))], { approximate: approximate === true ? 'tanh' : 'none' })
}

/** A slope below zero: Keras 3 calls it negative_slope, TensorFlow alpha. */
const leakyRelu: Operation = (net, call) => {
  const alpha = plainNumber(call, ['negative_slope', 'alpha', '1']) ?? 0.2
  return net.emit('LeakyRelu', [asFloat(net, first(call))], { alpha })
}

const OPERATIONS: ReadonlyMap<string, Operation> = /* @__PURE__ */ new Map<string, Operation>([
  ['add', binary(add)], ['subtract', binary(sub)], ['multiply', binary(mul)], ['divide', binary(div)], ['truediv', binary(div)], ['sub', binary(sub)], ['mul', binary(mul)],
  ['true_divide', binary(div)], ['maximum', binary((net, a, b) => net.emit('Max', [a, b]))], ['minimum', binary((net, a, b) => net.emit('Min', [a, b]))],
  ['pow', binary((net, a, b) => net.emit('Pow', [a, b]))], ['power', binary((net, a, b) => net.emit('Pow', [a, b]))], ['matmul', matmul],
  ['radd', binary((net, a, b) => add(net, b, a))], ['rsub', binary((net, a, b) => sub(net, b, a))], ['rmul', binary((net, a, b) => mul(net, b, a))], ['rtruediv', binary((net, a, b) => div(net, b, a))],
  ['squared_difference', binary((net, a, b) => mul(net, sub(net, a, b), sub(net, a, b)))],
  ['exp', unary('Exp')], ['log', unary('Log')], ['sqrt', unary('Sqrt')], ['abs', unary('Abs')], ['absolute', unary('Abs')], ['neg', unary('Neg')], ['negative', unary('Neg')],
  ['square', (net, call) => mul(net, asFloat(net, first(call)), asFloat(net, first(call)))], ['reciprocal', unary('Reciprocal')], ['erf', unary('Erf')],
  ['rsqrt', (net, call) => net.emit('Reciprocal', [net.emit('Sqrt', [asFloat(net, first(call))])])],
  ['sin', unary('Sin')], ['cos', unary('Cos')], ['sign', unary('Sign')], ['floor', unary('Floor')], ['ceil', unary('Ceil')], ['round', unary('Round')],
  ...(['relu', 'relu6', 'sigmoid', 'tanh', 'softplus', 'softsign', 'selu', 'silu', 'swish', 'log_sigmoid'] as const).map((name): readonly [string, Operation] => [
    name, (net, call) => activationNamed(name, PLAIN)(net, first(call)),
  ]),
  ['softmax', normalized('Softmax')], ['log_softmax', normalized('LogSoftmax')], ['gelu', gelu], ['leaky_relu', leakyRelu],
  ['elu', (net, call) => net.emit('Elu', [asFloat(net, first(call))], { alpha: plainNumber(call, ['alpha', '1']) ?? 1 })],
  ['mean', reduction('ReduceMean')], ['sum', reduction('ReduceSum')], ['max', reduction('ReduceMax')], ['min', reduction('ReduceMin')], ['prod', reduction('ReduceProd')],
  ['reduce_mean', reduction('ReduceMean')], ['reduce_sum', reduction('ReduceSum')], ['reduce_max', reduction('ReduceMax')], ['reduce_min', reduction('ReduceMin')],
  ['reshape', reshapeTo],
  ['expand_dims', (net, call) => {
    const value = first(call)
    return unsqueeze(net, value, (plainList(call, ['axis', '1']) ?? [0]).map((axis) => frontAxis(axis, value.shape.length + 1)))
  }],
  ['squeeze', (net, call, where) => {
    const axes = plainList(call, ['axis', '1'])
    if (axes === undefined) throw unsupported(`${where}, a squeeze of all axes`)
    const value = first(call)
    return net.emit('Squeeze', [value, net.constant({ dtype: 'int64', shape: [axes.length], data: BigInt64Array.from(axes.map((axis) => frontAxis(axis, value.shape.length)), BigInt) }, 'axes')])
  }],
  ['transpose', (net, call) => {
    const value = first(call)
    return transpose(net, value, plainList(call, ['perm', 'axes', '1']) ?? value.shape.map((_, i) => value.shape.length - 1 - i))
  }],
  ['concat', (net, call) => concat(net, (call.inputs.length > 0 ? call.inputs : ([...call.tensors.values()][0] ?? [])).map((one) => one.value), frontAxis(plainNumber(call, ['axis', '1']) ?? -1, first(call).shape.length))],
  ['concatenate', (net, call) => concat(net, (call.inputs.length > 0 ? call.inputs : ([...call.tensors.values()][0] ?? [])).map((one) => one.value), frontAxis(plainNumber(call, ['axis', '1']) ?? -1, first(call).shape.length))],
  ['cast', (net, call, where) => {
    const to = call.plain.get('dtype') ?? call.plain.get('1')
    if (to !== 'float32' && to !== 'float64' && to !== 'int32' && to !== 'int64' && to !== 'bool') throw unsupported(`${where}, a cast to ${String(to)}`)
    return cast(net, first(call), to === 'float32' ? net.dtype : to)
  }],
  ['clip_by_value', (net, call) => clipped(net, call, 'clip_value_min', 'clip_value_max')],
  ['clip', (net, call) => clipped(net, call, 'x_min', 'x_max')],
  ['getitem', getItem], ['get_item', getItem],
  ['identity', (_net, call) => first(call)], ['stop_gradient', (_net, call) => first(call)],
])

function clipped(net: Net, call: CallArguments, low: string, high: string): Value {
  const [from, to] = [plainNumber(call, [low, '1']), plainNumber(call, [high, '2'])]
  return net.emit('Clip', [asFloat(net, first(call)), from === undefined ? undefined : scalar(net, from), to === undefined ? undefined : scalar(net, to)])
}

const PLAIN: ModelInfo = {
  major: 2, version: '', backend: undefined, isTfjs: false, note: () => undefined,
  layer(_one, where) {
    throw kerasError('KERAS_ACTIVATION', `${where} is a layer`)
  },
}

/** x[a:b, c, ...]: slices and whole numbers, as TensorFlow and Keras 3 write them. */
function getItem(net: Net, call: CallArguments, where: string): Value {
  const written = call.plain.get('slice_spec') ?? call.plain.get('1') ?? call.plain.get('key')
  const list = Array.isArray(written) ? written : isObject(written) && Array.isArray(written.get('items')) ? (written.get('items') as Json[]) : [written ?? null]
  const items = isObject(written) && written.get('class_name') === '__tuple__' ? tupleItems(written) : list
  let value = first(call)
  const fallen: number[] = []
  const made: number[] = []
  let axis = 0
  items.forEach((item, i) => {
    if (item === null) {
      // A new axis, counted among those that the result keeps.
      made.push(axis - fallen.length + made.length)
      return
    }
    if (isEllipsis(item)) {
      axis = value.shape.length - items.slice(i + 1).filter((one) => one !== null).length
      return
    }
    if (typeof item === 'number' && Number.isSafeInteger(item)) {
      value = sliced(net, value, axis, item, item === -1 ? undefined : item + 1, 1)
      fallen.push(axis++)
      return
    }
    const [start, stop, step] = sliceOf(item, where)
    if (start !== 0 || stop !== undefined || step !== 1) value = sliced(net, value, axis, start, stop, step)
    axis++
  })
  if (fallen.length > 0) value = net.emit('Squeeze', [value, net.constant({ dtype: 'int64', shape: [fallen.length], data: BigInt64Array.from(fallen, BigInt) }, 'axes')])
  return made.length === 0 ? value : unsqueeze(net, value, made)
}

function tupleItems(value: ReadonlyMap<string, Json>): Json[] {
  const items = value.get('items')
  return Array.isArray(items) ? items : []
}

function isEllipsis(item: Json): boolean {
  return isObject(item) && item.get('class_name') === '__ellipsis__'
}

function sliceOf(item: Json, where: string): [number, number | undefined, number] {
  const source = isObject(item) && isObject(item.get('config')) ? item.get('config') : item
  if (!isObject(source)) throw unsupported(`${where}, an index of an unknown kind`)
  const read = (key: string): number | undefined => {
    const value = source.get(key)
    if (value === null || value === undefined) return undefined
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw unsupported(`${where}, a slice whose ${key} is computed`)
    return value
  }
  return [read('start') ?? 0, read('stop'), read('step') ?? 1]
}

function sliced(net: Net, value: Value, axis: number, start: number, stop: number | undefined, step: number): Value {
  const one = (number: number): Value => net.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(BigInt(number)) }, 'slice')
  const dim = value.shape[axis]
  const result = net.emit('Slice', [value, one(start), one(stop ?? 0x7fff_ffff), one(axis), one(step)])
  return start === 0 && stop === undefined && step === 1 ? { ...result, shape: value.shape.map((old, i) => (i === axis ? dim : old)) } : result
}

const GELU_OF_KERAS3: readonly (readonly [string, Json])[] = [['approximate', true]]

/** The function that an entry of a model calls; undefined for layers. */
export function operationNamed({ className, config, whole }: Serialized): Layer['call'] | undefined {
  const module = whole.get('module')
  const isKeras3 = typeof module === 'string' && /^keras\.(src\.)?ops\./.test(module)
  const isTf = className === 'TFOpLambda' || className === 'SlicingOpLambda'
  if (!isKeras3 && !isTf) return undefined
  const written = isTf ? (className === 'SlicingOpLambda' ? 'getitem' : String(config.get('function') ?? '')) : className
  const plain = isTf ? (written.split('.').at(-1) ?? '').replace(/_v\d$/, '') : written.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()
  const found = OPERATIONS.get(plain)
  const where = `operation ${JSON.stringify(nameOf(config))} (${written})`
  if (found === undefined) throw unsupported(`${where}, which is not one of ${[...OPERATIONS.keys()].join(', ')}`)
  // Settings of Keras 3's operations, such as an axis, stand in their configuration.
  const settings: (readonly [string, Json])[] = [...(isKeras3 ? GELU_OF_KERAS3 : []), ...[...config].filter(([key]) => key !== 'name' && key !== 'dtype')]
  return (net, call) => [{ value: found(net, { ...call, plain: new Map([...settings, ...call.plain]) }, where) }]
}

