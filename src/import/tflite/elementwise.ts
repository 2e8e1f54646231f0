// Operators that treat every number alike, with broadcasting.
import { flatFloat32 } from '../flatbuffers.ts'
import type { Net, Value } from '../network/net.ts'
import { add, anyFloat, channelsFirst, channelsLast, div, elementwise, mul, reduce, scalar, sub } from '../network/tensors.ts'
import { byteOption, fused, input, type Lowering, type Op } from './operator.ts'

type Step = (net: Net, a: Value, b: Value) => Value

/** Both sides in channels-first form where both have it and are of one shape. */
function sides(op: Op, step: Step, activation: number | undefined): Value {
  const { net } = op
  const [a, b] = [input(op, 0), input(op, 1)]
  const [x, y] = [net.twins.get(a.name), net.twins.get(b.name)]
  const finish = (value: Value): Value => (activation === undefined ? value : fused(op, value, activation))
  const isSame = a.shape.length === b.shape.length && a.shape.every((dim, axis) => dim === b.shape[axis])
  if (x !== undefined && y !== undefined && isSame) return channelsLast(net, finish(step(net, x, y)))
  return finish(step(net, a, b))
}

const binary = (step: Step, activation?: number): Lowering => (op) => sides(op, step, activation)
const named = (name: string): Step => (net, a, b) => net.emit(name, [a, b])
const unary = (step: (net: Net, value: Value, op: Op) => Value): Lowering => (op) => elementwise(op.net, input(op, 0), (one) => step(op.net, one, op))
const plain = (name: string, attributes: Readonly<Record<string, string | number>> = {}): Lowering => unary((net, value) => net.emit(name, [value], attributes))

function clip(net: Net, value: Value, low: number, high: number): Value {
  return net.emit('Clip', [value, scalar(net, low, value.dtype), scalar(net, high, value.dtype)])
}

function floatOption({ options }: Op, field: number, fallback: number): number {
  return options === undefined ? fallback : flatFloat32(options, field, fallback)
}

const softmax = (name: 'Softmax' | 'LogSoftmax'): Lowering => (op) => {
  const { net } = op
  const value = input(op, 0)
  const beta = name === 'Softmax' ? floatOption(op, 0, 1) : 1
  return net.emit(name, [beta === 1 ? value : mul(net, value, scalar(net, beta))], { axis: -1 })
}

/** What TFLite keeps lengths from falling below. */
const LEAST_LENGTH = 1e-6

const l2Normalization: Lowering = (op) => {
  const { net } = op
  const value = input(op, 0)
  const length = net.emit('Sqrt', [reduce(net, 'ReduceSum', mul(net, value, value), [value.shape.length - 1], true)])
  return fused(op, div(net, value, net.emit('Max', [length, scalar(net, LEAST_LENGTH)])), 0)
}

const localResponse: Lowering = (op) => {
  const { net, options } = op
  const radius = options === undefined ? 0 : byteOption(op, 0)
  const size = 2 * radius + 1
  return channelsLast(net, net.emit('LRN', [channelsFirst(net, input(op, 0))], { size, bias: floatOption(op, 1, 1), alpha: floatOption(op, 2, 1) * size, beta: floatOption(op, 3, 0.5) }))
}

const floorDiv: Step = (net, a, b) => {
  const quotient = net.emit('Floor', [div(net, anyFloat(net, a), anyFloat(net, b))])
  return quotient.dtype === a.dtype ? quotient : net.emit('Cast', [quotient], { to: a.dtype })
}

const floorMod: Step = (net, a, b) => (a.dtype === net.dtype ? sub(net, a, mul(net, net.emit('Floor', [div(net, a, b)]), b)) : net.emit('Mod', [a, b]))

export const elementwiseOperators: readonly (readonly [string, Lowering])[] = [
  ['ADD', binary(add, 0)], ['SUB', binary(sub, 0)], ['MUL', binary(mul, 0)], ['DIV', binary(div, 0)],
  ['MAXIMUM', binary(named('Max'))], ['MINIMUM', binary(named('Min'))], ['POW', binary(named('Pow'))],
  ['SQUARED_DIFFERENCE', binary((net, a, b) => { const difference = sub(net, a, b); return mul(net, difference, difference) })],
  ['FLOOR_DIV', binary(floorDiv)], ['FLOOR_MOD', binary(floorMod)],
  ['EQUAL', binary(named('Equal'))], ['NOT_EQUAL', binary((net, a, b) => net.emit('Not', [net.emit('Equal', [a, b])]))], ['LESS', binary(named('Less'))],
  ['LESS_EQUAL', binary(named('LessOrEqual'))], ['GREATER', binary(named('Greater'))], ['GREATER_EQUAL', binary(named('GreaterOrEqual'))],
  ['LOGICAL_AND', binary(named('And'))], ['LOGICAL_OR', binary(named('Or'))], ['LOGICAL_NOT', plain('Not')],
  ['RELU', plain('Relu')], ['RELU6', unary((net, value) => clip(net, value, 0, 6))], ['RELU_N1_TO_1', unary((net, value) => clip(net, value, -1, 1))],
  ['RELU_0_TO_1', unary((net, value) => clip(net, value, 0, 1))], ['LOGISTIC', plain('Sigmoid')], ['TANH', plain('Tanh')], ['ELU', plain('Elu')],
  ['LEAKY_RELU', unary((net, value, op) => net.emit('LeakyRelu', [value], { alpha: floatOption(op, 0, 0) }))], ['HARD_SWISH', plain('HardSwish')],
  ['GELU', unary((net, value, op) => net.emit('Gelu', [value], { approximate: byteOption(op, 0) === 0 ? 'none' : 'tanh' }))],
  ['PRELU', (op) => op.net.emit('PRelu', [input(op, 0), input(op, 1)])],
  ['EXP', plain('Exp')], ['LOG', plain('Log')], ['SQRT', plain('Sqrt')], ['ABS', plain('Abs')], ['NEG', plain('Neg')], ['SIN', plain('Sin')], ['COS', plain('Cos')],
  ['FLOOR', plain('Floor')], ['CEIL', plain('Ceil')], ['ROUND', plain('Round')], ['SIGN', plain('Sign')],
  ['RSQRT', unary((net, value) => net.emit('Reciprocal', [net.emit('Sqrt', [value])]))], ['SQUARE', unary((net, value) => mul(net, value, value))],
  ['SOFTMAX', softmax('Softmax')], ['LOG_SOFTMAX', softmax('LogSoftmax')], ['L2_NORMALIZATION', l2Normalization], ['LOCAL_RESPONSE_NORMALIZATION', localResponse],
]
