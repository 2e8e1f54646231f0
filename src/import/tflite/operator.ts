// What an operator's lowering sees.
import type { Tensor } from '../../tensor/index.ts'
import type { FlatTable } from '../flatbuffers.ts'
import { flatInt32, flatUint8 } from '../flatbuffers.ts'
import type { Net, Value } from '../network/net.ts'
import { cast, numbersOf, scalar } from '../network/tensors.ts'
import { tfliteError, type TfliteTensor } from './model.ts'

export interface Op {
  readonly net: Net
  /** For messages: operator 12 (CONV_2D). */
  readonly where: string
  readonly inputs: readonly (Value | undefined)[]
  /** Inputs that are constants of the file, as numbers may be needed of them. */
  readonly constants: readonly (Tensor | undefined)[]
  readonly options: FlatTable | undefined
  readonly outputs: readonly TfliteTensor[]
}

export type Lowering = (op: Op) => Value | Value[]

export function unsupported(op: Op, what: string): Error {
  return tfliteError('TFLITE_UNSUPPORTED', `${op.where}: ${what} is not supported; convert the original model to ONNX (tf2onnx reads TFLite too) and import that`)
}

/** Input `index`; throws TFLITE_GRAPH where the operator has none. */
export function input(op: Op, index: number): Value {
  const found = op.inputs[index]
  if (found === undefined) throw tfliteError('TFLITE_GRAPH', `${op.where} has no input ${index}`)
  return found
}

/** The whole numbers of a constant input; throws TFLITE_UNSUPPORTED where it is computed, TFLITE_GRAPH for other numbers. */
export function constantNumbers(op: Op, index: number, what: string): number[] {
  const found = op.constants[index]
  if (found === undefined) throw unsupported(op, `${what} that is computed in the graph`)
  return wholeNumbers(op, found, what)
}

function wholeNumbers(op: Op, tensor: Tensor, what: string): number[] {
  const list = [...numbersOf(tensor)]
  const wrong = list.find((one) => !Number.isSafeInteger(one))
  if (wrong !== undefined || list.length === 0) throw tfliteError('TFLITE_GRAPH', `${op.where}: ${what} is ${wrong ?? 'empty'}, expected whole numbers`)
  return list
}

export function intOption({ options }: Op, field: number, fallback: number): number {
  return options === undefined ? fallback : flatInt32(options, field, fallback)
}

export function byteOption({ options }: Op, field: number, fallback = 0): number {
  return options === undefined ? fallback : flatUint8(options, field, fallback)
}

/** The activation that an operator's options name. */
export function fused(op: Op, value: Value, field: number): Value {
  const { net } = op
  const limits = (low: number, high: number): Value => net.emit('Clip', [value, scalar(net, low, value.dtype), scalar(net, high, value.dtype)])
  const code = byteOption(op, field)
  switch (code) {
    case 0:
      return value
    case 1:
      return net.emit('Relu', [value])
    case 2:
      return limits(-1, 1)
    case 3:
      return limits(0, 6)
    default:
      // TFLite's kernels leave a fused tanh (4) or sign (5) out without a word; its converter never writes them.
      throw unsupported(op, `fused activation ${code}`)
  }
}

/** An integer tensor as int64, which ONNX wants for shapes. */
export function int64(op: Op, index: number): Value {
  const constant = op.constants[index]
  if (constant !== undefined) {
    const list = wholeNumbers(op, constant, `input ${index}`)
    return op.net.constant({ dtype: 'int64', shape: constant.shape, data: BigInt64Array.from(list, (one) => BigInt(one)) }, 'ints')
  }
  return cast(op.net, input(op, index), 'int64')
}
