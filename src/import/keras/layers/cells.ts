// Recurrent cells: what one step does. A cell projects its input first, which a layer does for all steps at once.
import type { Json } from '../../json.ts'
import type { Net, Value } from '../../network/net.ts'
import { add, asFloat, mul, numbersOf, scalar, sizeOfAxis, split, sub, zeros } from '../../network/tensors.ts'
import type { Tensor } from '../../../tensor/index.ts'
import { activationName, activationOf, hardSigmoidSlope, type Activation } from '../activations.ts'
import { count, flag, kerasError, nameOf, serialized, text, unsupported, type Config } from '../config.ts'
import { isStandalone, type ModelInfo } from '../layer.ts'
import { spec, type Weights } from '../weights.ts'
import { weight } from './core.ts'

export interface Stepped {
  readonly output: Value
  readonly states: Value[]
}

/** Arrays and names for the recurrent operators of ONNX, where those can run the cell. */
export interface OperatorForm {
  readonly op: 'RNN' | 'LSTM' | 'GRU'
  readonly units: number
  /** [gates units, inputs], [gates units, units], [2 gates units] in the operator's order of gates. */
  readonly W: Tensor
  readonly R: Tensor
  readonly B: Tensor | undefined
  readonly attributes: Readonly<Record<string, number | readonly string[] | readonly number[]>>
}

export interface Cell {
  /** What of a step does not depend on the state; [batch, steps, ...] or [batch, ...]. */
  project(net: Net, value: Value): Value
  step(net: Net, projected: Value, states: readonly Value[]): Stepped
  /** States before the first step for an input [batch, steps, ...]. */
  initial(net: Net, value: Value): Value[]
  readonly stateCount: number
  operator?(): OperatorForm | undefined
}

type CellFactory = (config: Config, weights: Weights, info: ModelInfo) => Cell

/** Names and parameters of activations that the recurrent operators know. */
function operatorActivation(value: Json | undefined, info: ModelInfo): { name: string; alpha?: number; beta?: number } | undefined {
  switch (activationName(value)) {
    case 'tanh':
      return { name: 'Tanh' }
    case 'sigmoid':
      return { name: 'Sigmoid' }
    case 'relu':
      return { name: 'Relu' }
    case 'softsign':
      return { name: 'Softsign' }
    case 'softplus':
      return { name: 'Softplus' }
    case 'hard_sigmoid':
      return { name: 'HardSigmoid', alpha: hardSigmoidSlope(info.major), beta: 0.5 }
    case 'linear':
      return { name: 'Affine', alpha: 1, beta: 0 }
    case 'elu':
      return { name: 'Elu', alpha: 1 }
    default:
      return undefined
  }
}

function activationAttributes(values: readonly (Json | undefined)[], info: ModelInfo): OperatorForm['attributes'] | undefined {
  const found = values.map((value) => operatorActivation(value, info))
  if (!found.every((one) => one !== undefined)) return undefined
  return {
    activations: found.map((one) => one.name),
    activation_alpha: found.flatMap((one) => one.alpha ?? []),
    activation_beta: found.flatMap((one) => one.beta ?? []),
  }
}

/** Gate blocks of the columns of [rows, gates units] -> [gates units, rows], blocks in another order. */
function gateRows(kernel: Tensor, units: number, order: readonly number[]): Tensor {
  const source = numbersOf(kernel)
  const rows = kernel.shape[0]
  const width = kernel.shape[1]
  const data = new Float64Array(source.length)
  order.forEach((from, to) => {
    for (let u = 0; u < units; u++) for (let r = 0; r < rows; r++) data[(to * units + u) * rows + r] = source[r * width + from * units + u]
  })
  return { dtype: 'float64', shape: [order.length * units, rows], data }
}

function gateBias(bias: Float64Array, units: number, order: readonly number[]): Float64Array {
  const data = new Float64Array(order.length * units)
  order.forEach((from, to) => data.set(bias.subarray(from * units, (from + 1) * units), to * units))
  return data
}

function float64(data: Float64Array, shape: readonly number[]): Tensor {
  return { dtype: 'float64', shape, data }
}

/** Columns of several matrices side by side, or vectors one after the other. */
function joined(parts: readonly Tensor[]): Tensor {
  if (parts[0].shape.length < 2) return float64(Float64Array.from(parts.flatMap((part) => [...numbersOf(part)])), [parts.reduce((sum, part) => sum + part.data.length, 0)])
  const [rows] = parts[0].shape
  const widths = parts.map((part) => part.shape[1] ?? 0)
  const width = widths.reduce((sum, one) => sum + one, 0)
  const data = new Float64Array(rows * width)
  let at = 0
  parts.forEach((part, p) => {
    const source = numbersOf(part)
    for (let r = 0; r < rows; r++) data.set(source.subarray(r * widths[p], (r + 1) * widths[p]), r * width + at)
    at += widths[p]
  })
  return float64(data, [rows, width])
}

interface GateArrays {
  readonly kernel: Tensor
  readonly recurrent: Tensor
  readonly bias: Tensor | undefined
}

/** The arrays of a gated cell; Keras 1 kept one of each kind for each gate, in `oldOrder`. */
function gateArrays(config: Config, weights: Weights, info: ModelInfo, oldGates: readonly string[], order: readonly number[]): () => GateArrays {
  if (info.major === 1 && text(config, 'consume_less', 'cpu') !== 'gpu') {
    const parts = weights.take(oldGates.flatMap((gate) => ['W', 'U', 'b'].map((kind) => spec(`${kind}_${gate}`))))
    const kind = (offset: number): Tensor => joined(order.map((gate) => parts[3 * gate + offset]))
    return () => ({ kernel: kind(0), recurrent: kind(1), bias: kind(2) })
  }
  const hasBias = flag(config, 'use_bias', true)
  const [kernel, recurrent, bias] = weights.take((hasBias ? ['kernel', 'recurrent_kernel', 'bias'] : ['kernel', 'recurrent_kernel']).map((one) => spec(one)))
  return () => ({ kernel, recurrent, bias })
}

function checked(arrays: GateArrays, units: number, gates: number, name: string): GateArrays {
  const { kernel, recurrent } = arrays
  if (kernel.shape.length !== 2 || kernel.shape[1] !== gates * units || recurrent.shape[0] !== units || recurrent.shape[1] !== gates * units) {
    throw kerasError('KERAS_WEIGHTS', `layer ${JSON.stringify(name)}: kernels have the shapes [${kernel.shape.join(', ')}] and [${recurrent.shape.join(', ')}], expected [inputs, ${gates * units}] and [${units}, ${gates * units}]`)
  }
  return arrays
}

function zeroStates(net: Net, value: Value, units: number, states: number): Value[] {
  const zero = zeros(net, [sizeOfAxis(value, 0), units])
  return new Array<Value>(states).fill(zero)
}

const simpleCell: CellFactory = (config, weights, info) => {
  const units = count(config, 'units')
  const name = nameOf(config)
  const hasBias = flag(config, 'use_bias', true)
  const taken = weights.take((hasBias ? ['kernel', 'recurrent_kernel', 'bias'] : ['kernel', 'recurrent_kernel']).map((one) => spec(one)))
  const activate = activationOf(config, 'activation', info, 'tanh')
  const arrays = (): GateArrays => checked({ kernel: taken[0], recurrent: taken[1], bias: taken[2] }, units, 1, name)
  return {
    stateCount: 1,
    initial: (net, value) => zeroStates(net, value, units, 1),
    project(net, value) {
      const { kernel, bias } = arrays()
      const product = net.emit('MatMul', [asFloat(net, value), weight(net, kernel, 'kernel')])
      return bias === undefined ? product : add(net, product, weight(net, bias, 'bias'))
    },
    step(net, projected, [state]) {
      const output = activate(net, add(net, projected, net.emit('MatMul', [state, weight(net, arrays().recurrent, 'recurrent')])))
      return { output, states: [output] }
    },
    operator() {
      const { kernel, recurrent, bias } = arrays()
      const attributes = activationAttributes([config.get('activation') ?? 'tanh'], info)
      if (attributes === undefined) return undefined
      const b = bias === undefined ? undefined : float64(Float64Array.from([...numbersOf(bias), ...new Float64Array(units)]), [2 * units])
      return { op: 'RNN', units, W: gateRows(kernel, units, [0]), R: gateRows(recurrent, units, [0]), B: b, attributes }
    },
  }
}

/** CuDNN's kernels are the same numbers read as [units, inputs] for each gate. */
function fromCudnn(kernel: Tensor, units: number): Tensor {
  const source = numbersOf(kernel)
  const [rows, width] = kernel.shape
  const gates = width / units
  const data = new Float64Array(source.length)
  for (let gate = 0; gate < gates; gate++) {
    for (let i = 0; i < rows; i++) {
      for (let u = 0; u < units; u++) {
        // Element u rows + i of the gate's [rows, units] block.
        const flat = u * rows + i
        data[i * width + gate * units + u] = source[Math.floor(flat / units) * width + gate * units + (flat % units)]
      }
    }
  }
  return float64(data, kernel.shape)
}

const lstmCell = (isCudnn: boolean): CellFactory => (config, weights, info) => {
  const units = count(config, 'units')
  const name = nameOf(config)
  const taken = gateArrays(config, weights, info, ['i', 'c', 'f', 'o'], [0, 2, 1, 3])
  const activate = activationOf(config, 'activation', info, 'tanh')
  const recurrentKey = 'recurrent_activation'
  const recurrentFallback = isCudnn ? 'sigmoid' : 'hard_sigmoid'
  const gate = activationOf(config, recurrentKey, info, recurrentFallback)
  const arrays = (): GateArrays => {
    const found = checked(taken(), units, 4, name)
    if (!isCudnn || found.bias === undefined) return found
    const both = numbersOf(found.bias)
    const bias = float64(both.subarray(0, 4 * units).map((one, i) => one + both[4 * units + i]), [4 * units])
    return { kernel: fromCudnn(found.kernel, units), recurrent: fromCudnn(found.recurrent, units), bias }
  }
  return {
    stateCount: 2,
    initial: (net, value) => zeroStates(net, value, units, 2),
    project(net, value) {
      const { kernel, bias } = arrays()
      const product = net.emit('MatMul', [asFloat(net, value), weight(net, kernel, 'kernel')])
      return bias === undefined ? product : add(net, product, weight(net, bias, 'bias'))
    },
    step(net, projected, [h, c]) {
      const sums = add(net, projected, net.emit('MatMul', [h, weight(net, arrays().recurrent, 'recurrent')]))
      return lstmStep(net, split(net, sums, 1, 4), c, gate, activate)
    },
    operator() {
      const { kernel, recurrent, bias } = arrays()
      const attributes = activationAttributes([config.get(recurrentKey) ?? recurrentFallback, config.get('activation') ?? 'tanh', config.get('activation') ?? 'tanh'], info)
      if (attributes === undefined) return undefined
      // Keras: input, forget, cell, output; the operator: input, output, forget, cell.
      const order = [0, 3, 1, 2]
      const b = bias === undefined ? undefined : float64(Float64Array.from([...gateBias(numbersOf(bias), units, order), ...new Float64Array(4 * units)]), [8 * units])
      return { op: 'LSTM', units, W: gateRows(kernel, units, order), R: gateRows(recurrent, units, order), B: b, attributes }
    },
  }
}

/** One step from the four sums of an LSTM. */
export function lstmStep(net: Net, [i, f, g, o]: readonly Value[], cell: Value, gate: Activation, activate: Activation): Stepped {
  const next = add(net, mul(net, gate(net, f), cell), mul(net, gate(net, i), activate(net, g)))
  const output = mul(net, gate(net, o), activate(net, next))
  return { output, states: [output, next] }
}

const gruCell = (isCudnn: boolean): CellFactory => (config, weights, info) => {
  const units = count(config, 'units')
  const name = nameOf(config)
  const taken = gateArrays(config, weights, info, ['z', 'r', 'h'], [0, 1, 2])
  const activate = activationOf(config, 'activation', info, 'tanh')
  const recurrentFallback = isCudnn ? 'sigmoid' : 'hard_sigmoid'
  const gate = activationOf(config, 'recurrent_activation', info, recurrentFallback)
  const isAfter = isCudnn || flag(config, 'reset_after', false)
  const arrays = (): GateArrays => {
    const found = checked(taken(), units, 3, name)
    return isCudnn ? { kernel: fromCudnn(found.kernel, units), recurrent: fromCudnn(found.recurrent, units), bias: found.bias } : found
  }
  /** Biases of the input and of the state. */
  const biases = (bias: Tensor): [Float64Array, Float64Array] => {
    const all = numbersOf(bias)
    if (all.length !== (isAfter ? 6 : 3) * units) throw kerasError('KERAS_WEIGHTS', `layer ${JSON.stringify(name)}: bias has ${all.length} numbers, expected ${(isAfter ? 6 : 3) * units}`)
    return [all.subarray(0, 3 * units), isAfter ? all.subarray(3 * units) : new Float64Array(3 * units)]
  }
  return {
    stateCount: 1,
    initial: (net, value) => zeroStates(net, value, units, 1),
    project(net, value) {
      const { kernel, bias } = arrays()
      const product = net.emit('MatMul', [asFloat(net, value), weight(net, kernel, 'kernel')])
      return bias === undefined ? product : add(net, product, weight(net, float64(biases(bias)[0], [3 * units]), 'bias'))
    },
    step(net, projected, [h]) {
      const { recurrent, bias } = arrays()
      const [xz, xr, xh] = split(net, projected, 1, 3)
      if (isAfter) {
        const product = net.emit('MatMul', [h, weight(net, recurrent, 'recurrent')])
        const [hz, hr, hh] = split(net, bias === undefined ? product : add(net, product, weight(net, float64(biases(bias)[1], [3 * units]), 'bias')), 1, 3)
        const z = gate(net, add(net, xz, hz))
        const r = gate(net, add(net, xr, hr))
        return gruBlend(net, z, h, activate(net, add(net, xh, mul(net, r, hh))))
      }
      const columns = (from: number, to: number): Value => weight(net, columnsOf(recurrent, from * units, to * units), 'recurrent')
      const [hz, hr] = split(net, net.emit('MatMul', [h, columns(0, 2)]), 1, 2)
      const z = gate(net, add(net, xz, hz))
      const r = gate(net, add(net, xr, hr))
      return gruBlend(net, z, h, activate(net, add(net, xh, net.emit('MatMul', [mul(net, r, h), columns(2, 3)]))))
    },
    operator() {
      const { kernel, recurrent, bias } = arrays()
      const attributes = activationAttributes([config.get('recurrent_activation') ?? recurrentFallback, config.get('activation') ?? 'tanh'], info)
      if (attributes === undefined) return undefined
      const order = [0, 1, 2]
      const b = bias === undefined ? undefined : float64(Float64Array.from(biases(bias).flatMap((one) => [...one])), [6 * units])
      return { op: 'GRU', units, W: gateRows(kernel, units, order), R: gateRows(recurrent, units, order), B: b, attributes: { ...attributes, linear_before_reset: isAfter ? 1 : 0 } }
    },
  }
}

function gruBlend(net: Net, z: Value, h: Value, candidate: Value): Stepped {
  const output = add(net, mul(net, z, h), mul(net, sub(net, scalar(net, 1), z), candidate))
  return { output, states: [output] }
}

function columnsOf(tensor: Tensor, from: number, to: number): Tensor {
  const source = numbersOf(tensor)
  const [rows, width] = tensor.shape
  const data = new Float64Array(rows * (to - from))
  for (let r = 0; r < rows; r++) data.set(source.subarray(r * width + from, r * width + to), r * (to - from))
  return float64(data, [rows, to - from])
}

/** Cells on top of each other, each with states of its own. */
const stackedCells: CellFactory = (config, weights, info) => {
  const list = config.get('cells')
  if (!Array.isArray(list)) throw kerasError('KERAS_CONFIG', `layer ${JSON.stringify(nameOf(config))}: cells is not a list`)
  const parts = list.map((one, i) => serialized(one, `cell ${i}`))
  const sources = weights.members(parts.map((one) => ({ name: nameOf(one.config), className: one.className, specs: [] })), 'cells')
  const cells = parts.map((one, i) => cellOf(one.className, one.config, sources[i], info))
  // Until Keras 2.3 the states of the last cell came first.
  const isReversed = isStandalone(info) || flag(config, 'reverse_state_order', false)
  const inOrder = <T>(list: readonly T[]): readonly T[] => (isReversed ? [...list].reverse() : list)
  const statesOf = (states: readonly Value[]): readonly Value[][] => {
    let at = 0
    return inOrder(inOrder(cells).map((cell) => states.slice(at, (at += cell.stateCount))))
  }
  return {
    stateCount: cells.reduce((sum, cell) => sum + cell.stateCount, 0),
    initial: (net, value) => inOrder(cells).flatMap((cell) => cell.initial(net, value)),
    project: (net, value) => cells[0].project(net, value),
    step(net, projected, states) {
      const before = statesOf(states)
      const after: Value[][] = []
      let output = projected
      cells.forEach((cell, i) => {
        const result = cell.step(net, i === 0 ? projected : cell.project(net, output), before[i])
        after.push(result.states)
        output = result.output
      })
      return { output, states: inOrder(after).flat() }
    },
  }
}

const CELLS: ReadonlyMap<string, CellFactory> = /* @__PURE__ */ new Map<string, CellFactory>([
  ['SimpleRNNCell', simpleCell], ['LSTMCell', lstmCell(false)], ['GRUCell', gruCell(false)], ['StackedRNNCells', stackedCells],
  ['CuDNNLSTMCell', lstmCell(true)], ['CuDNNGRUCell', gruCell(true)],
])

/** The cell of a class; throws KERAS_UNSUPPORTED for others. */
export function cellOf(className: string, config: Config, weights: Weights, info: ModelInfo): Cell {
  const factory = CELLS.get(className)
  if (factory === undefined) throw unsupported(`recurrent cell ${className} is not one of ${[...CELLS.keys()].join(', ')}`)
  return factory(config, weights, info)
}

