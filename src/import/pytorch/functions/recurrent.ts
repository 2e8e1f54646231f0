// LSTM, GRU and plain recurrent layers. PyTorch's gates stand in another order than the operators', so the rows of weights move.
import { bytesPerElement, viewData, type Tensor } from '../../../tensor/index.ts'
import { EXPORT_ADVICE, pytorchError } from '../error.ts'
import { sizeOf, reshape, tensorArgument, want, type Attributes, type Tracer } from '../trace/tracer.ts'
import { flagOf, intOf, isKind, itemsOf, tuple, type TensorValue, type Value } from '../trace/values.ts'
import { fn, type TorchFunction } from './define.ts'
import { concat, slice, squeeze, swapAxes, transpose, unsqueeze } from './shapes.ts'

interface Cell {
  readonly op: 'LSTM' | 'GRU' | 'RNN'
  /** PyTorch's gate at each place of the operator's. */
  readonly gates: readonly number[]
  readonly attributes: Attributes
  readonly activation?: string
}

const LSTM: Cell = { op: 'LSTM', gates: [0, 3, 1, 2], attributes: {} }
const GRU: Cell = { op: 'GRU', gates: [1, 0, 2], attributes: { linear_before_reset: 1 } }
const RNN_TANH: Cell = { op: 'RNN', gates: [0], attributes: {} }
const RNN_RELU: Cell = { op: 'RNN', gates: [0], attributes: {}, activation: 'Relu' }

/** Blocks of rows of several constants in the operator's order, one constant after the other, under a new shape. */
function packed(t: Tracer, values: readonly TensorValue[], { gates }: Cell, shape: readonly number[]): TensorValue {
  const parts = values.map(({ constant }) => {
    if (constant === undefined) throw pytorchError('PYTORCH_OPERATOR', `weights of a recurrent layer that are computed are not supported; ${EXPORT_ADVICE}`)
    return constant
  })
  const { dtype } = parts[0]
  const elementBytes = bytesPerElement(dtype)
  const total = parts.reduce((sum, { data }) => sum + data.length * elementBytes, 0)
  const out = new Uint8Array(total)
  let at = 0
  for (const { data, dtype: own } of parts) {
    if (own !== dtype || !ArrayBuffer.isView(data)) throw pytorchError('PYTORCH_TENSOR', `weights of a recurrent layer differ in dtype: ${dtype} and ${own}`)
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const block = bytes.length / gates.length
    for (const gate of gates) {
      out.set(bytes.subarray(gate * block, (gate + 1) * block), at)
      at += block
    }
  }
  const packedTensor: Tensor = { dtype, shape, data: viewData(dtype, out.buffer, 0, total / elementBytes) }
  return t.constant(packedTensor, 'gates')
}

interface Layout {
  readonly hasBiases: boolean
  readonly layers: number
  readonly bidirectional: boolean
  readonly batchFirst: boolean
}

/** @param states initial h, and c of an LSTM: [layers directions, batch, hidden] */
function recurrent(t: Tracer, cell: Cell, input: TensorValue, states: readonly TensorValue[], params: readonly TensorValue[], { hasBiases, layers, bidirectional, batchFirst }: Layout): TensorValue[] {
  if (input.shape.length !== 3) throw pytorchError('PYTORCH_RANK', `a recurrent layer is given a tensor of ${input.shape.length} dimensions, expected 3`)
  const directions = bidirectional ? 2 : 1
  const each = hasBiases ? 4 : 2
  if (params.length !== layers * directions * each) throw pytorchError('PYTORCH_OPERATOR', `a recurrent layer of ${layers} layers has ${params.length} weights, expected ${layers * directions * each} (projections, proj_size, are not supported)`)
  want(t, input, -1, Number(params[0].shape[1]))
  let x = batchFirst ? swapAxes(t, input, 0, 1) : input
  const ends: TensorValue[][] = [[], []]
  for (let layer = 0; layer < layers; layer++) {
    const own = Array.from({ length: directions }, (_, direction) => params.slice((layer * directions + direction) * each, (layer * directions + direction + 1) * each))
    const rows = Number(own[0][0].shape[0])
    const hidden = rows / cell.gates.length
    const weights = packed(t, own.map((one) => one[0]), cell, [directions, rows, Number(own[0][0].shape[1])])
    const recurrence = packed(t, own.map((one) => one[1]), cell, [directions, rows, hidden])
    const bias = hasBiases ? packed(t, own.flatMap((one) => [one[2], one[3]]), cell, [directions, 2 * rows]) : undefined
    // States that start as zeros are the operator's default.
    const initial = states.map((state) => (state.fill === 0 ? undefined : slice(t, state, 0, layer * directions, (layer + 1) * directions, null)))
    const inputs = [x, weights, recurrence, bias, undefined, ...initial]
    while (inputs[inputs.length - 1] === undefined) inputs.pop()
    const attributes: Attributes = {
      ...cell.attributes, hidden_size: hidden, direction: bidirectional ? 'bidirectional' : 'forward',
      ...(cell.activation === undefined ? {} : { activations: new Array<string>(directions).fill(cell.activation) }),
    }
    const [y, ...last] = t.ops(cell.op, inputs, cell.op === 'LSTM' ? 3 : 2, attributes)
    last.forEach((state, i) => ends[i].push(state))
    // [steps, directions, batch, hidden] -> [steps, batch, directions hidden]
    x = bidirectional ? reshape(t, transpose(t, y, [0, 2, 1, 3]), [sizeOf(t, y, 0), sizeOf(t, y, 2), directions * hidden]) : squeeze(t, y, [1])
  }
  const output = batchFirst ? swapAxes(t, x, 0, 1) : x
  return [output, ...ends.filter((list) => list.length > 0).map((list) => concat(t, list, 0))]
}

const tensors = (value: Value | undefined, what: string): TensorValue[] => itemsOf(value, what).map((item) => tensorArgument(item, what))

function layer(name: string, cell: Cell): TorchFunction[] {
  return fn(name, 'input hx params has_biases num_layers dropout train bidirectional batch_first', (t, a) => {
    const hx = a.get('hx') ?? null
    // The form for packed sequences has their sizes here.
    if (isKind(a.get('params'), 'tensor') || (isKind(hx, 'tensor') && isKind(a.get('num_layers'), 'tensor'))) throw pytorchError('PYTORCH_OPERATOR', `packed sequences are not supported; ${EXPORT_ADVICE}`)
    const states = isKind(hx, 'tensor') ? [hx] : tensors(hx, 'hx')
    const layout = { hasBiases: flagOf(a.get('has_biases'), 'has_biases'), layers: intOf(a.get('num_layers'), 'num_layers'), bidirectional: flagOf(a.get('bidirectional'), 'bidirectional'), batchFirst: flagOf(a.get('batch_first'), 'batch_first') }
    return tuple(recurrent(t, cell, tensorArgument(a.get('input'), 'input'), states, tensors(a.get('params'), 'params'), layout))
  })
}

/** One step: x [batch, features] and states [batch, hidden]. */
function step(name: string, cell: Cell): TorchFunction[] {
  return fn(name, 'input hx w_ih w_hh b_ih=None b_hh=None', (t, a) => {
    const hx = a.get('hx') ?? null
    const states = isKind(hx, 'tensor') ? [hx] : tensors(hx, 'hx')
    const params = ['w_ih', 'w_hh', 'b_ih', 'b_hh'].flatMap((key) => { const value = a.get(key) ?? null; return value === null ? [] : [tensorArgument(value, key)] })
    const wide = states.map((state) => (state.fill === 0 ? state : unsqueeze(t, state, 0)))
    const [, ...ends] = recurrent(t, cell, unsqueeze(t, tensorArgument(a.get('input'), 'input'), 0), wide, params, { hasBiases: params.length === 4, layers: 1, bidirectional: false, batchFirst: false })
    const last = ends.map((end) => squeeze(t, end, [0]))
    return cell.op === 'LSTM' ? tuple(last) : last[0]
  })
}

export const recurrentFunctions: readonly TorchFunction[] = [
  ...layer('lstm', LSTM), ...layer('gru', GRU), ...layer('rnn_tanh', RNN_TANH), ...layer('rnn_relu', RNN_RELU),
  ...step('lstm_cell', LSTM), ...step('gru_cell', GRU), ...step('rnn_tanh_cell', RNN_TANH), ...step('rnn_relu_cell', RNN_RELU),
]

