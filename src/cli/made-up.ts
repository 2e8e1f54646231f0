// Inputs for timing a model when there are none: numbers, and text that the model knows.
import { MleError } from '../error.ts'
import type { InputRecord, InputValue } from '../feed.ts'
import type { Graph, ValueInfo } from '../graph/graph.ts'
import { isTensorType } from '../ops/types.ts'
import { allocateData } from '../tensor/dtype.ts'
import { isTensor, type Tensor } from '../tensor/tensor.ts'

/** Words of a made-up document. */
const DOCUMENT_WORDS = 12

/** Sizes of dimensions by their symbol; `rows` for the first symbolic one of the first input, 1 for others that are not named. */
export interface Dimensions {
  readonly rows: number
  readonly named: ReadonlyMap<string, number>
}

/** The symbol that counts rows. */
export function rowsSymbol({ inputs }: Graph): string | undefined {
  const type = inputs[0]?.type
  const symbol = isTensorType(type) ? type.shape?.[0] : undefined
  return typeof symbol === 'string' ? symbol : undefined
}

/**
 * The same inputs on every call: normal-looking numbers, zeros for integers, text from the categories or vocabulary that the model has for the input.
 *
 * @throws MleError CLI_INPUTS for inputs of which the graph says too little
 */
export function madeUp(graph: Graph, dimensions: Dimensions): InputRecord {
  const record: Record<string, InputValue> = Object.create(null)
  const symbol = rowsSymbol(graph)
  for (const info of graph.inputs) record[info.name] = madeUpTensor(graph, info, (dim, axis) => (typeof dim === 'string' ? dimensions.named.get(dim) : undefined) ?? (dim === symbol || (dim === null && axis === 0) ? dimensions.rows : 1))
  return record
}

function madeUpTensor(graph: Graph, info: ValueInfo, sizeOf: (dim: string | null, axis: number) => number): Tensor {
  const { name, type } = info
  if (!isTensorType(type) || type.shape === undefined) throw cannot(name, 'no plain array')
  const shape = type.shape.map((dim, axis) => (typeof dim === 'number' ? dim : sizeOf(dim, axis)))
  const size = shape.reduce((product, dim) => product * dim, 1)
  if (type.dtype === 'string') return { dtype: 'string', shape, data: madeUpText(graph, name, size) }
  if (!type.dtype.startsWith('float') || type.dtype === 'float16') return { dtype: type.dtype, shape, data: allocateData(type.dtype, size) }
  const data = new Float64Array(size)
  let state = 12345
  for (let i = 0; i < size; i++) {
    let sum = 0
    for (let k = 0; k < 4; k++) {
      state = Math.imul(state, 1664525) + 1013904223
      sum += (state >>> 0) / 2 ** 32 - 0.5
    }
    data[i] = sum * Math.sqrt(3)
  }
  return { dtype: 'float64', shape, data }
}

function cannot(name: string, what: string): MleError {
  return new MleError('CLI_INPUTS', `input ${JSON.stringify(name)} takes ${what}, which cannot be made up; pass --input`)
}

/** Text constants of the first operator on the way from the input that has some: the categories of an encoder, the words of a vectorizer. */
function madeUpText(graph: Graph, name: string, size: number): string[] {
  const reached = new Set([name])
  for (const { op, inputs, outputs } of graph.nodes) {
    if (!inputs.some((input) => reached.has(input))) continue
    const known = inputs.map((input) => graph.initializers.get(input)).find((constant) => constant?.dtype === 'string' && constant.data.length > 0)
    if (known !== undefined) {
      const words = Array.from(known.data, String)
      const text = (i: number): string => words[i % words.length]
      return Array.from({ length: size }, (_, i) => (op === 'TextCounts' ? Array.from({ length: DOCUMENT_WORDS }, (_word, k) => text(i * 7 + k * 3)).join(' ') : text(i)))
    }
    for (const output of outputs) reached.add(output)
  }
  throw cannot(name, 'text')
}

/** Rows of real inputs, from the start again where there are too few. */
export function repeated(graph: Graph, inputs: InputRecord, rows: number): InputRecord {
  const record: Record<string, InputValue> = Object.create(null)
  for (const { name, type } of graph.inputs) {
    const value = inputs[name]
    if (!isTensor(value) || value.shape.length === 0 || value.shape[0] === 0 || (isTensorType(type) && typeof type.shape?.[0] === 'number')) {
      record[name] = value
      continue
    }
    const width = value.data.length / value.shape[0]
    const data = allocateData(value.dtype, rows * width)
    for (let i = 0; i < data.length; i++) data[i] = value.data[i % value.data.length]
    record[name] = { dtype: value.dtype, shape: [rows, ...value.shape.slice(1)], data }
  }
  return record
}
