// The graph section: a header of 144 bytes, tensor descriptions of 56 bytes, nodes of 208 bytes.
import { legacyError } from './error.ts'

/** A tensor of the file; `data` is empty for the placeholders that stand for inputs and results. */
export interface LegacyTensor {
  readonly shape: readonly number[]
  readonly dtype: 'float32' | 'float16' | 'int8' | 'int32' | 'float64' | 'bytes'
  readonly data: Uint8Array
}

export interface LegacyNode {
  readonly op: number
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly parameters: readonly number[]
}

export interface LegacyRecords {
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly tensors: readonly LegacyTensor[]
  readonly nodes: readonly LegacyNode[]
}

const HEADER_BYTES = 144
const TENSOR_BYTES = 56
const NODE_BYTES = 208
const MAX_IDS = 16
const MAX_DIMENSIONS = 8
const DTYPES = [['float32', 4], ['float16', 2], ['int8', 1], ['int32', 4]] as const

/** Reads the records; throws LEGACY_GRAPH and LEGACY_TENSOR. */
export function readRecords(graph: Uint8Array, weights: Uint8Array): LegacyRecords {
  if (graph.length < HEADER_BYTES) {
    throw legacyError('LEGACY_GRAPH', `its graph section has ${graph.length} bytes, expected at least ${HEADER_BYTES}`, {
      expected: HEADER_BYTES, actual: graph.length,
    })
  }
  const view = new DataView(graph.buffer, graph.byteOffset, graph.byteLength)
  const nodeCount = view.getUint32(0, true)
  const tensorCount = view.getUint32(4, true)
  const needed = HEADER_BYTES + TENSOR_BYTES * tensorCount + NODE_BYTES * nodeCount
  if (needed !== graph.length) {
    throw legacyError('LEGACY_GRAPH', `its graph section has ${graph.length} bytes, but ${nodeCount} nodes and ${tensorCount} tensors need ${needed}: its records are missing or damaged`, {
      expected: needed,
      actual: graph.length,
    })
  }
  const ids = (what: string, countAt: number, at: number, count: number): number[] => {
    if (count > MAX_IDS) {
      throw legacyError('LEGACY_GRAPH', `${what} says ${count} ids, at most ${MAX_IDS} fit`, { offset: countAt, expected: MAX_IDS, actual: count })
    }
    return Array.from({ length: count }, (_, i) => view.getUint32(at + 4 * i, true))
  }
  const inputs = ids('the list of inputs', 8, 16, view.getUint32(8, true))
  const outputs = ids('the list of outputs', 12, 80, view.getUint32(12, true))
  // Tensors follow each other in the weights, so that no byte counts twice whatever the records say.
  let end = 0
  const tensors: LegacyTensor[] = []
  for (let i = 0; i < tensorCount; i++) {
    const tensor = readTensor(view, HEADER_BYTES + TENSOR_BYTES * i, i, weights, end)
    end += tensor.data.length
    tensors.push(tensor)
  }
  const nodes: LegacyNode[] = []
  for (let i = 0; i < nodeCount; i++) {
    const at = HEADER_BYTES + TENSOR_BYTES * tensorCount + NODE_BYTES * i
    const list = (what: string, field: number, first: number): number[] => ids(`node ${i}: ${what}`, at + field, at + first, view.getUint16(at + field, true))
    nodes.push({ op: view.getUint16(at, true), inputs: list('inputs', 2, 8), outputs: list('outputs', 4, 72), parameters: list('parameters', 6, 136) })
  }
  return { inputs, outputs, tensors, nodes }
}

function readTensor(view: DataView, at: number, index: number, weights: Uint8Array, end: number): LegacyTensor {
  const fail = (what: string): Error => legacyError('LEGACY_TENSOR', `tensor ${index} ${what}`, { offset: at })
  const rank = view.getUint32(at + 16, true)
  if (rank > MAX_DIMENSIONS) throw fail(`has ${rank} dimensions, at most ${MAX_DIMENSIONS} fit`)
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(at + 20 + 4 * i, true))
  const code = view.getUint8(at + 52)
  if (code >= DTYPES.length) throw fail(`has dtype ${code}, expected 0 to ${DTYPES.length - 1}`)
  const [dtype, elementBytes] = DTYPES[code]
  const bytes = u64(view, at + 8)
  if (bytes === 0) return { shape, dtype, data: new Uint8Array(0) }
  const offset = u64(view, at)
  if (offset < end || offset + bytes > weights.length) throw fail(`has bytes ${offset} to ${offset + bytes}, expected them after byte ${end} of ${weights.length} bytes of weights`)
  const data = weights.subarray(offset, offset + bytes)
  const elements = shape.reduce((product, dim) => product * dim, 1)
  if (bytes === elements * elementBytes) return { shape, dtype, data }
  // Arrays of any other dtype were written under code 0: raw bytes, or float64.
  if (code === 0 && bytes === elements) return { shape, dtype: 'bytes', data }
  if (code === 0 && bytes === elements * 8) return { shape, dtype: 'float64', data }
  throw fail(`of shape [${shape.join(', ')}] and dtype ${dtype} has ${bytes} bytes`)
}

function u64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true)
}
