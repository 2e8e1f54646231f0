// Recurrent layers over cells: an operator of ONNX where it can run the cell, else a Scan; with masks always a Scan.
import type { Json } from '../../json.ts'
import type { Tensor } from '../../../tensor/index.ts'
import type { Net, Value } from '../../network/net.ts'
import { add, asFloat, channelsFirst, channelsLast, concat, converted, flip, pick, reshape, scalar, sizeOfAxis, split, squeeze, transpose, unsqueeze, zeros } from '../../network/tensors.ts'
import { activationOf } from '../activations.ts'
import { count, flag, isObject, kerasError, nameOf, object, serialized, unsupported, whole, word, type Config } from '../config.ts'
import { isStandalone, type CallArguments, type Layer, type LayerFactory, type Masked, type ModelInfo } from '../layer.ts'
import { spec } from '../weights.ts'
import { cellOf, lstmStep, type Cell, type OperatorForm } from './cells.ts'
import { flipped, isTheano, operatorKernel, placementOf, windowAttributes } from './convolution.ts'
import { weight } from './core.ts'

interface Run {
  /** [batch, steps, ...] in the order of the input. */
  readonly sequence: Value
  /** The output of the step that was done last. */
  readonly last: Value
  readonly states: Value[]
}

/** Initial states that a call passes, as further inputs or by name. */
function statesOf(call: CallArguments, expected: number, name: string): Value[] | undefined {
  const given = call.inputs.length > 1 ? call.inputs.slice(1) : (call.tensors.get('initial_state') ?? [])
  if (given.length === 0) return undefined
  if (given.length !== expected) throw kerasError('KERAS_GRAPH', `layer ${JSON.stringify(name)} gets ${given.length} initial states, expected ${expected}`)
  return given.map((one) => one.value)
}

// x [batch, steps, inputs]; states [batch, units]
function runOperator(net: Net, x: Value, form: OperatorForm, states: readonly Value[] | undefined, reverse: boolean): Run {
  const { op, units, W, R, B, attributes } = form
  const leading = (tensor: typeof W, hint: string): Value => {
    const own = converted(tensor, net.dtype)
    return net.constant({ ...own, shape: [1, ...own.shape] }, hint)
  }
  const initial = states?.map((state) => unsqueeze(net, asFloat(net, state), [0]))
  const ordered = transpose(net, asFloat(net, x), [1, 0, 2])
  const outputs = net.emitMany(op, [ordered, leading(W, 'W'), leading(R, 'R'), B === undefined ? undefined : leading(B, 'B'), undefined, ...(initial ?? [])], op === 'LSTM' ? 3 : 2, {
    ...attributes, hidden_size: units, direction: reverse ? 'reverse' : 'forward',
  })
  const finals = outputs.slice(1).map((one) => squeeze(net, one, [0]))
  const sequence = transpose(net, squeeze(net, outputs[0], [1]), [1, 0, 2])
  return { sequence, last: finals[0], states: finals }
}

function runScan(net: Net, x: Value, cell: Cell, given: readonly Value[] | undefined, reverse: boolean, mask: Value | undefined, zeroMasked: boolean, info: ModelInfo): Run {
  const projected = cell.project(net, x)
  const initial = given?.map((one) => asFloat(net, one)) ?? cell.initial(net, x)
  if (mask === undefined) {
    const { states, outputs } = net.scan(initial, [projected], reverse, (inner, before, [slice]) => {
      const { output, states: after } = cell.step(inner, slice, before)
      return { states: after, outputs: [output] }
    })
    return { sequence: outputs[0], last: pick(net, outputs[0], 1, reverse ? 0 : -1), states }
  }
  // The output before the first step, which masked steps repeat, is zero, until Keras 2.3 the first state; its shape is that of the first state.
  const early = isStandalone(info)
  const before = early ? initial[0] : zeros(net, initial[0].shape.map((_, axis) => sizeOfAxis(initial[0], axis)))
  const outputShape = outputShapeOf(net, cell, projected, initial)
  const previous = outputShape === undefined || early ? before : zeros(net, [sizeOfAxis(x, 0), ...outputShape])
  const { states, outputs } = net.scan([...initial, previous], [projected, mask], reverse, (inner, [...old], [slice, flags]) => {
    const last = old[old.length - 1]
    const { output, states: after } = cell.step(inner, slice, old.slice(0, -1))
    const keep = (next: Value, stay: Value): Value => inner.emit('Where', [unsqueeze(inner, flags, next.shape.slice(1).map((_, i) => i + 1)), next, stay])
    const kept = keep(output, zeroMasked ? scalar(inner, 0) : last)
    return { states: [...after.map((next, i) => keep(next, old[i])), kept], outputs: [kept] }
  })
  return { sequence: outputs[0], last: states[states.length - 1], states: states.slice(0, -1) }
}

/** Dimensions of a cell's output after the batch where they are not those of its first state: stacks end in another cell. */
function outputShapeOf(net: Net, cell: Cell, projected: Value, initial: readonly Value[]): number[] | undefined {
  let shape: number[] | undefined
  const slice = { dtype: projected.dtype, shape: projected.shape.filter((_, axis) => axis !== 1) }
  net.subgraph([...initial, slice], (inner, values) => {
    const { output } = cell.step(inner, values[values.length - 1], values.slice(0, -1))
    const dims = output.shape.slice(1)
    if (dims.every((dim): dim is number => typeof dim === 'number')) shape = dims
    return [output]
  })
  return shape
}

function recurrentLayer(config: Config, cell: Cell, info: ModelInfo): Omit<Layer, 'className' | 'name'> {
  const name = nameOf(config)
  const sequences = flag(config, 'return_sequences', false)
  const returnsState = flag(config, 'return_state', false)
  const backwards = flag(config, 'go_backwards', false)
  const timeMajor = flag(config, 'time_major', false)
  const zeroMasked = flag(config, 'zero_output_for_mask', false)
  if (flag(config, 'stateful', false)) info.note(`layer ${name} is stateful: here every run begins with states of zero, as after reset_states()`)
  if (whole(config, 'num_constants', 0) > 0) throw unsupported(`layer ${JSON.stringify(name)}, a recurrent layer with constants`)
  return {
    call(net, call) {
      const { value: given, mask } = call.inputs[0]
      const value = asFloat(net, timeMajor ? transpose(net, given, [1, 0, ...Array.from({ length: given.shape.length - 2 }, (_, i) => i + 2)]) : given)
      const states = statesOf(call, cell.stateCount, name)
      const form = mask === undefined && value.shape.length === 3 ? cell.operator?.() : undefined
      const run = form === undefined ? runScan(net, value, cell, states, backwards, mask, zeroMasked, info) : runOperator(net, value, form, states, backwards)
      const ordered = backwards ? flip(net, run.sequence, 1) : run.sequence
      const output: Masked = sequences
        ? { value: timeMajor ? transpose(net, ordered, [1, 0, ...Array.from({ length: ordered.shape.length - 2 }, (_, i) => i + 2)]) : ordered, mask }
        : { value: run.last }
      return returnsState ? [output, ...run.states.map((one): Masked => ({ value: one }))] : [output]
    },
  }
}

const ofCell = (className: string): LayerFactory => (config, weights, info) => recurrentLayer(config, cellOf(className, config, weights.child('cell', '_cell'), info), info)

const rnn: LayerFactory = (config, weights, info) => {
  const { className, config: inner } = serialized(config.get('cell'), `cell of layer ${JSON.stringify(nameOf(config))}`)
  return recurrentLayer(config, cellOf(className, inner, weights.child('cell', '_cell'), info), info)
}

/** Convolutional LSTM over [batch, steps, ...places, channels]: the products of an LSTM are convolutions. */
const convLstm = (rank: number): LayerFactory => (config, weights, info) => {
  const filters = count(config, 'filters')
  const placement = placementOf(config, rank)
  const isFirst = placement.channelsFirst
  const name = nameOf(config)
  const hasBias = flag(config, 'use_bias', true)
  if (info.major === 1) throw unsupported(`layer ${JSON.stringify(name)}, a ConvLSTM of Keras 1`)
  const [kernel, recurrent, bias] = weights.child('cell', '_cell').take((hasBias ? ['kernel', 'recurrent_kernel', 'bias'] : ['kernel', 'recurrent_kernel']).map((one) => spec(one)))
  const turned = (tensor: Tensor): Tensor => operatorKernel(isTheano(info, isFirst) ? flipped(tensor, rank) : tensor)
  const activate = activationOf(config, 'activation', info, 'tanh')
  const gate = activationOf(config, 'recurrent_activation', info, 'hard_sigmoid')
  /** Everything inside the layer is channels first. */
  const cell: Cell = {
    stateCount: 2,
    project(net, x) {
      // [batch, steps, channels, ...places] -> one convolution over all steps
      const [batch, steps, ...rest] = x.shape.map((_, axis) => sizeOfAxis(x, axis))
      const flat = reshape(net, x, [typeof batch === 'number' && typeof steps === 'number' ? batch * steps : -1, ...rest])
      const inputs = [weight(net, turned(kernel), 'kernel'), ...(bias === undefined ? [] : [weight(net, bias, 'bias')])]
      const y = net.emit('Conv', [flat, ...inputs], windowAttributes(placement))
      return reshape(net, y, [batch, steps, ...y.shape.slice(1).map((_, i) => sizeOfAxis(y, i + 1))])
    },
    step(net, projected, [h, c]) {
      const inner = { ...placement, strides: placement.kernel.map(() => 1), dilations: placement.kernel.map(() => 1), padding: 'same' as const }
      const sums = add(net, projected, net.emit('Conv', [h, weight(net, turned(recurrent), 'recurrent')], windowAttributes(inner)))
      return lstmStep(net, split(net, { ...sums, shape: projected.shape }, 1, 4), c, gate, activate)
    },
    initial(net, x) {
      const places = x.shape.slice(3).map((dim, axis) => {
        if (typeof dim !== 'number') throw unsupported(`layer ${JSON.stringify(name)}, a ConvLSTM over images of unknown size`)
        const extent = (placement.kernel[axis] - 1) * placement.dilations[axis] + 1
        return placement.padding === 'same' ? Math.ceil(dim / placement.strides[axis]) : Math.floor((dim - extent) / placement.strides[axis]) + 1
      })
      const zero = zeros(net, [sizeOfAxis(x, 0), filters, ...places])
      return [zero, zero]
    },
  }
  const layer = recurrentLayer(config, cell, info)
  const toFirst = [0, 1, rank + 2, ...Array.from({ length: rank }, (_, i) => i + 2)]
  const sequenceToLast = [0, 1, ...Array.from({ length: rank }, (_, i) => i + 3), 2]
  return {
    call(net, call) {
      const [first, ...states] = call.inputs
      if (first.value.shape.length !== rank + 3) throw kerasError('KERAS_SHAPE', `layer ${JSON.stringify(name)} reads a tensor of ${first.value.shape.length} dimensions, expected ${rank + 3}`)
      const x = isFirst ? first.value : transpose(net, first.value, toFirst)
      const results = layer.call(net, { ...call, inputs: [{ value: x, mask: first.mask }, ...states.map((one) => (isFirst ? one : { value: channelsFirst(net, one.value) }))] })
      if (isFirst) return results
      return results.map(({ value, mask }) => ({ value: value.shape.length === rank + 3 ? transpose(net, value, sequenceToLast) : channelsLast(net, value), mask }))
    },
  }
}

/** A copy of a serialized layer with another setting. */
function withSetting(layer: Json, key: string, setting: (config: Config) => boolean): Json {
  const { className, config, whole: all } = serialized(layer, 'layer of Bidirectional')
  return new Map<string, Json>([...all, ['class_name', className], ['config', new Map<string, Json>([...config, [key, setting(config)]])]])
}

/** From TensorFlow 2.0 on, both directions of Bidirectional give zeros at masked steps where they return sequences. */
function zeroesMasked(info: ModelInfo): boolean {
  return !isStandalone(info)
}

const bidirectional: LayerFactory = (config, weights, info) => {
  const name = nameOf(config)
  const inner = object(config, 'layer')
  if (inner === undefined) throw kerasError('KERAS_CONFIG', `layer ${JSON.stringify(name)}: layer is missing`)
  const given = config.get('backward_layer')
  const merge = config.get('merge_mode') === null ? 'none' : word(config, 'merge_mode', ['concat', 'sum', 'mul', 'ave', 'none'], 'concat')
  const own = (layer: Json): Json => (zeroesMasked(info) ? withSetting(layer, 'zero_output_for_mask', (config) => flag(config, 'return_sequences', false)) : layer)
  const reversed = isObject(given) ? given : withSetting(inner, 'go_backwards', (config) => !flag(config, 'go_backwards', false))
  const forward = info.layer(own(inner), `forward layer of ${JSON.stringify(name)}`, weights.child('forward_layer'))
  const backward = info.layer(own(reversed), `backward layer of ${JSON.stringify(name)}`, weights.child('backward_layer'))
  const innerConfig = serialized(inner, 'layer of Bidirectional').config
  const sequences = flag(innerConfig, 'return_sequences', false)
  return {
    call(net, call) {
      const states = call.inputs.length > 1 ? call.inputs.slice(1) : (call.tensors.get('initial_state') ?? [])
      const half = states.length / 2
      const run = (layer: Layer, own: readonly Masked[]): Masked[] => layer.call(net, { inputs: [call.inputs[0], ...own], tensors: new Map(), plain: new Map() })
      const [y, ...forwardStates] = run(forward, states.slice(0, half))
      const [z, ...backwardStates] = run(backward, states.slice(half))
      const back = sequences ? flip(net, z.value, 1) : z.value
      const { mask } = y
      const finals = [...forwardStates, ...backwardStates]
      const join = (value: Value): Masked[] => [{ value, mask }, ...finals]
      switch (merge) {
        case 'sum':
          return join(net.emit('Add', [y.value, back]))
        case 'mul':
          return join(net.emit('Mul', [y.value, back]))
        case 'ave':
          return join(net.emit('Div', [net.emit('Add', [y.value, back]), scalar(net, 2)]))
        case 'none':
          return [y, { value: back, mask }, ...finals]
        default:
          return join(concat(net, [y.value, back], y.value.shape.length - 1))
      }
    },
  }
}

export const recurrentLayers: readonly (readonly [string, LayerFactory])[] = [
  ['SimpleRNN', ofCell('SimpleRNNCell')], ['LSTM', ofCell('LSTMCell')], ['GRU', ofCell('GRUCell')],
  ['CuDNNLSTM', ofCell('CuDNNLSTMCell')], ['CuDNNGRU', ofCell('CuDNNGRUCell')],
  ['RNN', rnn], ['ConvLSTM1D', convLstm(1)], ['ConvLSTM2D', convLstm(2)], ['ConvLSTM3D', convLstm(3)], ['Bidirectional', bidirectional],
]

