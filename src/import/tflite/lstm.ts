// The recurrent layer that TFLite fuses: UNIDIRECTIONAL_SEQUENCE_LSTM with gates input, forget, cell, output.
import { allocateData, type Tensor } from '../../tensor/index.ts'
import { flatFloat32 } from '../flatbuffers.ts'
import type { Value } from '../network/net.ts'
import { numbersOf, squeeze, transpose } from '../network/tensors.ts'
import { byteOption, input, unsupported, type Lowering, type Op } from './operator.ts'

/** Parts one after the other in the order of the operator: input, output, forget, cell. */
function gates(op: Op, first: number, what: string): Float64Array {
  const parts = [0, 3, 1, 2].map((gate) => {
    const found = op.constants[first + gate]
    if (found === undefined) throw unsupported(op, `an LSTM without constant ${what}`)
    return numbersOf(found)
  })
  return Float64Array.from(parts.flatMap((part) => [...part]))
}

function constant(op: Op, values: Float64Array, shape: readonly number[]): Value {
  const data = allocateData(op.net.dtype, values.length)
  for (let i = 0; i < values.length; i++) data[i] = values[i]
  const tensor: Tensor = { dtype: op.net.dtype, shape, data }
  return op.net.constant(tensor, 'lstm')
}

const sequenceLstm: Lowering = (op) => {
  const { net, options } = op
  if ([9, 10, 11, 16, 17, 20, 21, 22, 23].some((index) => op.inputs[index] !== undefined)) throw unsupported(op, 'an LSTM with peepholes, a projection or layer normalization')
  if (byteOption(op, 0) !== 4) throw unsupported(op, 'an LSTM whose activation is not tanh')
  if (options !== undefined && (flatFloat32(options, 1, 0) > 0 || flatFloat32(options, 2, 0) > 0)) throw unsupported(op, 'an LSTM that clips its cell')
  const [hidden, features] = op.constants[2]?.shape ?? []
  if (hidden === undefined || features === undefined) throw unsupported(op, 'an LSTM without constant weights')
  const timeMajor = byteOption(op, 3) !== 0
  const x = timeMajor ? input(op, 0) : transpose(net, input(op, 0), [1, 0, 2])
  const bias = Float64Array.from([...gates(op, 12, 'biases'), ...new Float64Array(4 * hidden)])
  const [y] = net.emitMany('LSTM', [
    x, constant(op, gates(op, 1, 'weights'), [1, 4 * hidden, features]), constant(op, gates(op, 5, 'recurrent weights'), [1, 4 * hidden, hidden]), constant(op, bias, [1, 8 * hidden]),
  ], 1, { hidden_size: hidden })
  const sequence = squeeze(net, y, [1])
  return timeMajor ? sequence : transpose(net, sequence, [1, 0, 2])
}

export const recurrentOperators: readonly (readonly [string, Lowering])[] = [['UNIDIRECTIONAL_SEQUENCE_LSTM', sequenceLstm]]
