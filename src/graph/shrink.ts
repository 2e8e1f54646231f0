// Weights in fewer bits, as operators of the graph: Cast of float16 or bfloat16, DequantizeLinear of int8 with a scale and a zero point for
// each channel. docs/format.md: the container knows nothing of it.
import { MleError } from '../error.ts'
import { signatureOf } from '../ops/signatures.ts'
import type { Attribute } from '../ops/types.ts'
import { bytesPerElement } from '../tensor/dtype.ts'
import { floatToBfloat, floatToHalf, halfToFloat } from '../tensor/half.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Graph, Node } from './graph.ts'

export type WeightBits = 'fp16' | 'bf16' | 'int8'

/** Smaller tensors gain little, and are mostly biases and scales that errors hurt most. */
const MIN_ELEMENTS = 1024

/** Operators whose matrices may lose digits: the input that holds them and the axis of their channels (Gemm: as transB says). */
const MATRICES: ReadonlyMap<string, readonly (readonly [input: number, axis: number])[]> = new Map<string, readonly (readonly [number, number])[]>([
  ['MatMul', [[0, -1], [1, -1]]],
  ['Gemm', [[1, -1]]],
  ['Conv', [[1, 0]]],
  ['ConvTranspose', [[1, 1]]],
  ['Gather', [[0, 0]]],
  ['LSTM', [[1, 1], [2, 1]]],
  ['GRU', [[1, 1], [2, 1]]],
  ['RNN', [[1, 1], [2, 1]]],
  ['PairwiseDistance', [[1, 0]]],
])

export interface Shrunk {
  readonly graph: Graph
  /** Tensors that are stored in fewer bits now. */
  readonly count: number
  /** Bytes of these tensors before and after. */
  readonly bytesBefore: number
  readonly bytesAfter: number
  /** Large float tensors that stay as they are, and why. */
  readonly notes: readonly string[]
}

type FloatTensor = Tensor & { readonly data: Float32Array | Float64Array }

/**
 * Stores the large float matrices of a graph in fewer bits.
 *
 * @throws MleError WEIGHTS_NONE when there are none, as in tree ensembles, whose thresholds must stay exact
 */
export function shrinkWeights(graph: Graph, bits: WeightBits): Shrunk {
  const uses = matrixUses(graph.nodes)
  const initializers = new Map(graph.initializers)
  const made: Node[] = []
  const notes: string[] = []
  let count = 0
  let bytesBefore = 0
  let bytesAfter = 0
  for (const [name, tensor] of graph.initializers) {
    if (!isLarge(tensor)) continue
    const axis = uses.get(name)
    const problem = axis === undefined ? 'no product of matrices reads it' : unfit(tensor, bits)
    if (axis === undefined || problem !== undefined) {
      notes.push(`${name} [${tensor.shape.join(', ')}] stays ${tensor.dtype}: ${problem}`)
      continue
    }
    const packed = bits === 'int8' ? quantize(name, tensor, axis < 0 ? axis + tensor.shape.length : axis) : narrow(name, tensor, bits)
    initializers.delete(name)
    for (const [key, part] of packed.tensors) {
      if (initializers.has(key)) throw new MleError('WEIGHTS_NAME', `the graph has a constant ${JSON.stringify(key)} already: convert the original model`)
      initializers.set(key, part)
      bytesAfter += part.data.length * bytesPerElement(part.dtype)
    }
    made.push(packed.node)
    bytesBefore += tensor.data.length * bytesPerElement(tensor.dtype)
    count++
  }
  if (count === 0) {
    throw new MleError('WEIGHTS_NONE', `the model has no matrices of ${MIN_ELEMENTS} or more floats that can be stored in fewer bits${notes.length > 0 ? ` (${notes[0]})` : '; trees keep their exact thresholds'}; use --codec to make the file smaller`)
  }
  return { graph: { ...graph, initializers, nodes: [...made, ...graph.nodes] }, count, bytesBefore, bytesAfter, notes }
}

function isLarge(tensor: Tensor): tensor is FloatTensor {
  return (tensor.data instanceof Float32Array || tensor.data instanceof Float64Array) && tensor.data.length >= MIN_ELEMENTS && tensor.shape.length >= 2
}

/** Constants that are matrices of every node that reads them, with the axis of their channels. */
function matrixUses(nodes: readonly Node[]): Map<string, number> {
  const uses = new Map<string, number>()
  const others = new Set<string>()
  for (const { op, inputs, attributes } of nodes) {
    inputs.forEach((name, input) => {
      const found = MATRICES.get(op)?.find(([index]) => index === input)
      if (found === undefined) others.add(name)
      else uses.set(name, op === 'Gemm' && attributes.get('transB')?.value === 1 ? 0 : found[1])
    })
  }
  for (const name of others) uses.delete(name)
  return uses
}

/** What a tensor's numbers have that the fewer bits have not. */
function unfit({ data }: FloatTensor, bits: WeightBits): string | undefined {
  for (const value of data) {
    if (!Number.isFinite(value)) return 'it holds NaN or infinities'
    if (bits === 'fp16' && Math.abs(halfToFloat(floatToHalf(value))) === Infinity) return 'a number is beyond the range of float16; bf16 has more'
  }
  return undefined
}

interface Packed {
  readonly tensors: readonly (readonly [name: string, tensor: Tensor])[]
  readonly node: Node
}

const node = (op: string, inputs: readonly string[], output: string, attributes: readonly (readonly [string, Attribute])[]): Node => {
  const { domain, version } = signatureOf(op)
  return { op, domain, version, inputs, outputs: [output], attributes: new Map(attributes) }
}

function narrow(name: string, { shape, dtype, data }: FloatTensor, bits: 'fp16' | 'bf16'): Packed {
  const encode = bits === 'fp16' ? floatToHalf : floatToBfloat
  const packed: Tensor = { dtype: bits === 'fp16' ? 'float16' : 'bfloat16', shape, data: Uint16Array.from(data, encode) }
  const key = `${name}.${bits}`
  return { tensors: [[key, packed]], node: node('Cast', [key], name, [['to', { kind: 'string', value: dtype }]]) }
}

/** w [outer, channels, inner] -> int8, scale and zero point of each channel, such that 0 is exact: w = (q - zero) scale. */
function quantize(name: string, { shape, dtype, data }: FloatTensor, axis: number): Packed {
  const channels = shape[axis]
  const inner = shape.slice(axis + 1).reduce((product, dim) => product * dim, 1)
  const low = new Float64Array(channels)
  const high = new Float64Array(channels)
  for (let i = 0; i < data.length; i++) {
    const channel = Math.floor(i / inner) % channels
    low[channel] = Math.min(low[channel], data[i])
    high[channel] = Math.max(high[channel], data[i])
  }
  const scale = dtype === 'float32' ? new Float32Array(channels) : new Float64Array(channels)
  const zero = new Int8Array(channels)
  for (let channel = 0; channel < channels; channel++) {
    scale[channel] = (high[channel] - low[channel]) / 255
    // A channel of zeros, or of numbers that float32 has no scale for.
    if (scale[channel] === 0) scale[channel] = 1
    zero[channel] = clamp(-128 - low[channel] / scale[channel])
  }
  const packed = new Int8Array(data.length)
  for (let i = 0; i < data.length; i++) {
    const channel = Math.floor(i / inner) % channels
    packed[i] = clamp(data[i] / scale[channel] + zero[channel])
  }
  const keys = [`${name}.int8`, `${name}.scale`, `${name}.zero`]
  return {
    tensors: [[keys[0], { dtype: 'int8', shape, data: packed }], [keys[1], { dtype, shape: [channels], data: scale }], [keys[2], { dtype: 'int8', shape: [channels], data: zero }]],
    node: node('DequantizeLinear', keys, name, [['axis', { kind: 'int', value: axis }]]),
  }
}

const clamp = (value: number): number => Math.max(-128, Math.min(127, Math.round(value)))
