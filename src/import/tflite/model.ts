// A TFLite file as plain data: fields by number, as the schema numbers them (tensorflow/lite/schema/schema.fbs, version 3).
import { MleError } from '../../error.ts'
import { flatBytes, flatFloat32s, flatInt32, flatInt32s, flatRoot, flatString, flatTable, flatTables, flatUint8, flatVector, type FlatTable } from '../flatbuffers.ts'
import { operatorName } from './codes.ts'

export interface TfliteTensor {
  readonly name: string
  readonly type: number
  readonly shape: readonly number[]
  /** The shape with -1 for dimensions that may vary; empty where the file has none. */
  readonly signature: readonly number[]
  readonly data: Uint8Array
  readonly scales: readonly number[]
  readonly zeroPoints: readonly number[]
  readonly quantizedAxis: number
}

export interface TfliteOperator {
  /** 'CONV_2D', or 'custom X'. */
  readonly name: string
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly options: FlatTable | undefined
}

export interface Named {
  readonly name: string
  readonly tensor: number
}

export interface TfliteModel {
  readonly tensors: readonly TfliteTensor[]
  readonly inputs: readonly Named[]
  readonly outputs: readonly Named[]
  readonly operators: readonly TfliteOperator[]
  readonly description: string
}

export function tfliteError(code: string, message: string): MleError {
  return new MleError(code, `TFLite model: ${message}`)
}

const VERSION = 3
const CUSTOM = 32
/** More than any real graph has. */
const MAX_TENSORS = 1 << 20

/** Reads the main graph. Throws FLATBUFFER_*, TFLITE_VERSION, TFLITE_GRAPH. */
export function readModel(bytes: Uint8Array): TfliteModel {
  const root = flatRoot(bytes, 'TFLite model')
  const version = flatInt32(root, 0, 0)
  if (version !== VERSION) throw tfliteError('TFLITE_VERSION', `the schema has version ${version}, expected ${VERSION}`)
  const graphs = flatTables(root, 2)
  if (graphs.length === 0) throw tfliteError('TFLITE_GRAPH', 'the file has no graph')
  const [graph] = graphs
  const codes = flatTables(root, 1).map((code) => {
    // The field of one byte came first; larger numbers stand in the other.
    const number = Math.max(flatUint8(code, 0, 0), flatInt32(code, 3, 0))
    return number === CUSTOM ? `custom ${flatString(code, 1)}` : operatorName(number)
  })
  const buffers = flatTables(root, 4)
  const tensors = flatTables(graph, 0).map((tensor) => readTensor(tensor, buffers, bytes))
  if (tensors.length > MAX_TENSORS) throw tfliteError('TFLITE_GRAPH', `the graph has ${tensors.length} tensors, expected at most ${MAX_TENSORS}`)
  const operators = flatTables(graph, 3).map((one): TfliteOperator => {
    const index = flatInt32(one, 0, 0)
    if (codes[index] === undefined) throw tfliteError('TFLITE_GRAPH', `an operator has code ${index} of a list of ${codes.length}`)
    return { name: codes[index], inputs: [...flatInt32s(one, 1)], outputs: [...flatInt32s(one, 2)], options: flatTable(one, 4) }
  })
  const check = (index: number, what: string): number => {
    if (tensors[index] === undefined) throw tfliteError('TFLITE_GRAPH', `${what} is tensor ${index} of ${tensors.length}`)
    return index
  }
  const inputs = [...flatInt32s(graph, 1)].map((index) => check(index, 'an input'))
  const outputs = [...flatInt32s(graph, 2)].map((index) => check(index, 'an output'))
  const [signature] = flatTables(root, 7)
  return {
    tensors, operators,
    inputs: named(inputs, signature === undefined ? [] : flatTables(signature, 0), tensors),
    outputs: named(outputs, signature === undefined ? [] : flatTables(signature, 1), tensors),
    description: flatString(root, 3),
  }
}

/** Names of a signature where it covers every tensor, else those of the tensors; no name twice. */
function named(indices: readonly number[], entries: readonly FlatTable[], tensors: readonly TfliteTensor[]): Named[] {
  const names = new Map(entries.map((entry) => [flatInt32(entry, 1, 0), flatString(entry, 0)]))
  const covers = indices.length > 0 && indices.every((index) => (names.get(index) ?? '') !== '')
  const seen = new Map<string, number>()
  return indices.map((tensor) => {
    const base = (covers ? names.get(tensor) : tensors[tensor].name) || `tensor_${tensor}`
    const count = seen.get(base) ?? 0
    seen.set(base, count + 1)
    return { name: count === 0 ? base : `${base}_${count}`, tensor }
  })
}

function readTensor(table: FlatTable, buffers: readonly FlatTable[], bytes: Uint8Array): TfliteTensor {
  const name = flatString(table, 3)
  const index = flatInt32(table, 2, 0)
  const buffer = buffers[index]
  if (buffer === undefined) throw tfliteError('TFLITE_GRAPH', `tensor ${JSON.stringify(name)} lies in buffer ${index} of ${buffers.length}`)
  const shape = [...flatInt32s(table, 0)]
  if (shape.some((dim) => dim < 0)) throw tfliteError('TFLITE_GRAPH', `tensor ${JSON.stringify(name)} has the shape [${shape.join(', ')}]`)
  const quantization = flatTable(table, 4)
  return {
    name,
    type: flatUint8(table, 1, 0),
    shape,
    signature: [...flatInt32s(table, 7)],
    data: bufferBytes(buffer, bytes, name),
    scales: quantization === undefined ? [] : [...flatFloat32s(quantization, 2)],
    zeroPoints: quantization === undefined ? [] : int64s(quantization, 3),
    quantizedAxis: quantization === undefined ? 0 : flatInt32(quantization, 6, 0),
  }
}

/** Bytes of a buffer; files over 2 GB keep them behind the FlatBuffer and say where. */
function bufferBytes(buffer: FlatTable, bytes: Uint8Array, name: string): Uint8Array {
  const own = flatBytes(buffer, 0)
  if (own.length > 0) return own
  const [offset, size] = [uint64(buffer, 1), uint64(buffer, 2)]
  if (offset <= 1 || size === 0) return own
  if (offset + size > bytes.length) throw tfliteError('TFLITE_GRAPH', `tensor ${JSON.stringify(name)} lies at ${offset} to ${offset + size} of ${bytes.length} bytes`)
  return bytes.subarray(offset, offset + size)
}

/** A field of 8 bytes, read as two of 4: the table knows its place. */
function uint64(table: FlatTable, field: number): number {
  if (field >= table.fields) return 0
  const { view } = table.buffer
  const offset = view.getUint16(table.vtable + 4 + 2 * field, true)
  if (offset === 0 || table.at + offset + 8 > view.byteLength) return 0
  return view.getUint32(table.at + offset, true) + view.getUint32(table.at + offset + 4, true) * 0x1_0000_0000
}

function int64s(table: FlatTable, field: number): number[] {
  const { buffer, at, length } = flatVector(table, field, 8)
  return Array.from({ length }, (_, i) => Number(buffer.view.getBigInt64(at + 8 * i, true)))
}
