// Writes old .mle files, for what no sample has.
import { crc32 } from '../../../src/platform/crc32.ts'

export interface TensorSpec {
  readonly shape: readonly number[]
  /** Absent: a placeholder. */
  readonly data?: Float32Array | Int32Array | Uint8Array
}

export interface NodeSpec {
  readonly op: number
  readonly inputs: readonly number[]
  readonly output: number
  readonly parameters?: readonly number[]
}

export interface FileSpec {
  readonly layout?: 'A' | 'B' | 'D'
  readonly metadata: unknown
  readonly tensors: readonly TensorSpec[]
  readonly nodes: readonly NodeSpec[]
  readonly input?: number
  readonly output: number
}

export const floats = (shape: readonly number[], ...values: number[]): TensorSpec => ({ shape, data: Float32Array.from(values) })
export const ints = (shape: readonly number[], ...values: number[]): TensorSpec => ({ shape, data: Int32Array.from(values) })
export const raw = (content: unknown): TensorSpec => {
  const data = content instanceof Uint8Array ? content : new TextEncoder().encode(JSON.stringify(content))
  return { shape: [data.length], data }
}
export const placeholder = (...shape: number[]): TensorSpec => ({ shape })

const bytesOf = (data: TensorSpec['data']): Uint8Array => (data === undefined ? new Uint8Array(0) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength))

export function graphSection({ tensors, nodes, input = 0, output }: FileSpec): Uint8Array {
  const out = new Uint8Array(144 + 56 * tensors.length + 208 * nodes.length)
  const view = new DataView(out.buffer)
  const ids = (countAt: number, at: number, list: readonly number[], wide: boolean): void => {
    if (wide) view.setUint32(countAt, list.length, true)
    else view.setUint16(countAt, list.length, true)
    list.forEach((id, i) => view.setUint32(at + 4 * i, id, true))
  }
  view.setUint32(0, nodes.length, true)
  view.setUint32(4, tensors.length, true)
  ids(8, 16, [input], true)
  ids(12, 80, [output], true)
  let offset = 0
  tensors.forEach(({ shape, data }, i) => {
    const at = 144 + 56 * i
    const size = bytesOf(data).length
    view.setUint32(at, size === 0 ? 0 : offset, true)
    view.setUint32(at + 8, size, true)
    view.setUint32(at + 16, shape.length, true)
    shape.forEach((dim, d) => view.setUint32(at + 20 + 4 * d, dim, true))
    out[at + 52] = data instanceof Int32Array ? 3 : 0
    offset += size
  })
  nodes.forEach((node, i) => {
    const at = 144 + 56 * tensors.length + 208 * i
    view.setUint16(at, node.op, true)
    ids(at + 2, at + 8, node.inputs, false)
    ids(at + 4, at + 72, [node.output], false)
    ids(at + 6, at + 136, node.parameters ?? [], false)
  })
  return out
}

export function legacyFile(spec: FileSpec): Uint8Array {
  const { layout = 'B' } = spec
  const header = { A: 80, B: 72, D: 144 }[layout]
  const stored = layout === 'A' ? 64 : header
  const metadata = typeof spec.metadata === 'string' ? new TextEncoder().encode(spec.metadata) : new TextEncoder().encode(JSON.stringify(spec.metadata))
  const graph = graphSection(spec)
  const weights = Buffer.concat(spec.tensors.map(({ data }) => bytesOf(data)))
  const out = new Uint8Array(Buffer.concat([new Uint8Array(header), metadata, graph, weights]))
  const view = new DataView(out.buffer)
  out.set([0x4d, 0x4c, 0x45, 0])
  view.setUint32(4, layout === 'D' ? 2 : 1, true)
  const sizes = [metadata.length, graph.length, weights.length]
  let at = stored
  sizes.forEach((size, i) => {
    const field = (layout === 'D' ? 16 : 8) + 16 * i
    view.setUint32(field, at, true)
    view.setUint32(field + 8, size, true)
    at += size
  })
  if (layout === 'D') {
    view.setUint32(8, 0x20, true)
    view.setUint32(12, 144, true)
    ;[metadata, graph, weights].forEach((section, i) => view.setUint32(96 + 4 * i, crc32(section), true))
    view.setUint32(112, 1, true)
    view.setUint32(116, 2, true)
    view.setUint32(108, crc32(out.subarray(0, 144)), true)
  }
  return out
}

/** Layout C. */
export function pickleFile(metadata: unknown, payload: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(metadata))
  const out = new Uint8Array(24 + json.length + payload.length)
  out.set([0x4d, 0x4c, 0x45, 0, 2])
  const view = new DataView(out.buffer)
  view.setUint32(8, json.length, true)
  view.setUint32(16, payload.length, true)
  out.set(json, 24)
  out.set(payload, 24 + json.length)
  return out
}
