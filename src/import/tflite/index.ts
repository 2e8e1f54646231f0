// TFLite models of floats and of quantized integers -> Graph.
import type { Graph } from '../../graph/graph.ts'
import { pruneGraph } from '../../graph/prune.ts'
import type { Dim } from '../../ops/types.ts'
import type { DType, Tensor } from '../../tensor/index.ts'
import { createNet, type Value } from '../network/net.ts'
import { cast, converted } from '../network/tensors.ts'
import { arrayOperators } from './arrays.ts'
import { elementwiseOperators } from './elementwise.ts'
import { recurrentOperators } from './lstm.ts'
import { readModel, tfliteError, type TfliteModel, type TfliteOperator, type TfliteTensor } from './model.ts'
import type { Lowering } from './operator.ts'
import { lowerIntegers, movesIntegers, quantizedValues, type Quantized } from './quantized.ts'
import { constantOf, dtypeOf } from './tensors.ts'
import { windowOperators } from './windows.ts'

const OPERATORS: ReadonlyMap<string, Lowering> = /* @__PURE__ */ new Map<string, Lowering>([
  ...windowOperators, ...elementwiseOperators, ...arrayOperators, ...recurrentOperators,
  // Constants are floats already.
  ['DEQUANTIZE', ({ net, inputs: [value] }) => (value === undefined ? [] : cast(net, value, net.dtype))],
  // Its output's scale rounds.
  ['QUANTIZE', ({ net, inputs: [value] }) => (value === undefined ? [] : cast(net, value, net.dtype))],
])

export function operatorNames(): string[] {
  return [...OPERATORS.keys()]
}

/** What a value is in the graph: floats of 16 bits are widened. */
function graphDtype(tensor: TfliteTensor): DType {
  const dtype = dtypeOf(tensor)
  return dtype === 'float16' || dtype === 'bfloat16' || dtype === 'float64' ? 'float32' : dtype
}

/**
 * The graph of a TFLite model in float32. Weights stored as float16 or quantized integers are read as the floats that they stand for.
 *
 * @throws MleError TFLITE_OPERATOR for operators that are not known, TFLITE_QUANTIZED for integers of 32 bits with a scale, other TFLITE_* and
 *   FLATBUFFER_* for damaged files
 */
export function importTflite(bytes: Uint8Array): Graph {
  const model = readModel(bytes)
  const net = createNet('float32')
  const values = new Map<number, Value>()
  const constants = new Map<number, Tensor>()
  const quantized = quantizedValues(model, net, new Set([...model.inputs.map((one) => one.tensor), ...model.operators.flatMap((operator) => operator.outputs)]))
  model.inputs.forEach(({ name, tensor }) => {
    const one = model.tensors[tensor]
    const value = net.input(name, graphDtype(one), dimsOf(one, name))
    if (quantized.has(tensor)) quantized.setIntegers(tensor, value)
    else values.set(tensor, value)
  })
  const constantAt = (index: number): Tensor | undefined => {
    const known = constants.get(index)
    if (known !== undefined || values.has(index) || quantized.integers(index) !== undefined) return known
    const one = model.tensors[index]
    if (one === undefined) throw tfliteError('TFLITE_GRAPH', `an operator reads tensor ${index} of ${model.tensors.length}`)
    if (one.data.length === 0 && one.shape.every((dim) => dim !== 0)) return undefined
    const made = constantOf(one)
    constants.set(index, made)
    return made
  }
  const valueAt = (index: number): Value | undefined => {
    const known = values.get(index) ?? quantized.floats(index)
    if (known !== undefined) return known
    const constant = constantAt(index)
    if (constant === undefined) return undefined
    const made = net.constant(constant, 'constant')
    values.set(index, made)
    return made
  }
  model.operators.forEach((operator, i) => {
    const where = `operator ${i} (${operator.name})`
    if (operator.name === 'DEQUANTIZE' && widenConstant(operator)) return
    const moves = movesIntegers(operator, model, quantized)
    const { results, areIntegers } = lower(operator, where, model, moves ? (index) => quantized.integers(index) ?? valueAt(index) : valueAt, constantAt, net, quantized)
    operator.outputs.forEach((index, output) => {
      const value = results[output]
      if (value === undefined) return
      if (model.tensors[index] === undefined) throw tfliteError('TFLITE_GRAPH', `${where} writes tensor ${index} of ${model.tensors.length}`)
      constants.delete(index)
      if (!quantized.has(index)) values.set(index, value)
      else if (areIntegers || moves) quantized.setIntegers(index, value)
      else quantized.setFloats(index, value)
    })
  })
  /** Weights in float16 or integers are constants still when they are floats. */
  function widenConstant({ inputs: [from], outputs: [to] }: TfliteOperator): boolean {
    const constant = from === undefined ? undefined : constantAt(from)
    if (constant === undefined || to === undefined) return false
    constants.set(to, converted(constant, net.dtype))
    return true
  }
  const taken = new Set(model.inputs.map((one) => one.name))
  const names = model.outputs.map(({ name, tensor }) => {
    const value = quantized.integers(tensor) ?? valueAt(tensor)
    if (value === undefined) throw tfliteError('TFLITE_GRAPH', `no operator makes the output ${JSON.stringify(name)}`)
    let own = name
    for (let n = 0; taken.has(own); n++) own = n === 0 ? `${name}_output` : `${name}_output_${n}`
    taken.add(own)
    net.output(own, value)
    return own
  })
  return pruneGraph(net.build({ framework: 'tflite', estimator: model.description === '' ? undefined : model.description, methods: [{ name: 'predict', outputs: names }] }))
}

function dimsOf({ shape, signature }: TfliteTensor, name: string): Dim[] {
  const dims = signature.length === shape.length && signature.length > 0 ? signature : shape
  return dims.map((dim, axis) => (dim >= 0 ? dim : axis === 0 ? 'batch' : `${name}.${axis}`))
}

function lower(operator: TfliteOperator, where: string, model: TfliteModel, valueAt: (index: number) => Value | undefined, constantAt: (index: number) => Tensor | undefined, net: ReturnType<typeof createNet>, quantized: Quantized): { readonly results: Value[]; readonly areIntegers: boolean } {
  const lowering = OPERATORS.get(operator.name)
  if (lowering === undefined) throw tfliteError('TFLITE_OPERATOR', `${where} is not one that can be read (docs/keras.md lists them); convert the original model to ONNX (tf2onnx reads TFLite too) and import that`)
  if (operator.inputs.length === 0) throw tfliteError('TFLITE_GRAPH', `${where} reads nothing`)
  try {
    const constants = operator.inputs.map((index) => (index < 0 ? undefined : constantAt(index)))
    const outputs = operator.outputs.flatMap((index) => model.tensors[index] ?? [])
    const integers = lowerIntegers({ net, where, options: operator.options, inputs: [], constants, outputs }, operator, model, quantized)
    if (integers !== undefined) return { results: [integers], areIntegers: true }
    const result = lowering({ net, where, options: operator.options, inputs: operator.inputs.map((index) => (index < 0 ? undefined : valueAt(index))), constants, outputs })
    return { results: Array.isArray(result) ? result : [result], areIntegers: false }
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || String(error.code).startsWith('TFLITE_')) throw error
    throw tfliteError('TFLITE_GRAPH', `${where}: ${error.message}`)
  }
}
