// safetensors: a JSON header with names, dtypes, shapes and offsets, then the tensors' bytes without gaps.
// Layout: https://github.com/huggingface/safetensors#format
import { MleError } from '../../error.ts'
import { bytesPerElement, sizeOf, viewNumeric, type Tensor } from '../../tensor/index.ts'
import { parseJson, type Json, type JsonObject } from '../json.ts'
import type { NumericDType } from '../pickle/index.ts'

export interface SafetensorsFile {
  /** In the order of the header. */
  readonly tensors: ReadonlyMap<string, Tensor>
  /** `__metadata__`: free text pairs. */
  readonly metadata: ReadonlyMap<string, string>
}

/** What the reference implementation allows; a header names about ten thousand tensors per megabyte. */
const MAX_HEADER_BYTES = 100_000_000
const MAX_RANK = 64

export const SAFETENSORS_DTYPES: ReadonlyMap<string, NumericDType> = /* @__PURE__ */ new Map<string, NumericDType>([
  ['F32', 'float32'], ['F64', 'float64'], ['F16', 'float16'], ['BF16', 'bfloat16'], ['I8', 'int8'], ['I16', 'int16'], ['I32', 'int32'], ['I64', 'int64'],
  ['U8', 'uint8'], ['U16', 'uint16'], ['U32', 'uint32'], ['U64', 'uint64'], ['BOOL', 'bool'],
  ['F8_E4M3', 'float8e4m3fn'], ['F8_E5M2', 'float8e5m2'], ['F8_E4M3FNUZ', 'float8e4m3fnuz'], ['F8_E5M2FNUZ', 'float8e5m2fnuz'], ['F8_E8M0', 'float8e8m0'],
])

function fail(code: string, message: string, section?: string): MleError {
  return new MleError(code, `safetensors: ${message}`, { section })
}

/**
 * Reads a safetensors file; data are views of `bytes` where alignment allows.
 *
 * @throws MleError SAFETENSORS_HEADER, SAFETENSORS_TENSOR, SAFETENSORS_DTYPE, SAFETENSORS_OFFSETS; JSON_* for a header that is no JSON or names a tensor twice
 */
export function readSafetensors(bytes: Uint8Array): SafetensorsFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 8) throw fail('SAFETENSORS_HEADER', `${bytes.length} bytes are too few for the length of the header`)
  const length = view.getBigUint64(0, true)
  if (length > BigInt(MAX_HEADER_BYTES) || length > BigInt(bytes.length - 8)) throw fail('SAFETENSORS_HEADER', `the header is said to have ${length} bytes of the file's ${bytes.length}; the file is cut short or damaged`)
  const header = bytes.subarray(8, 8 + Number(length))
  if (header[0] !== 0x7b) throw fail('SAFETENSORS_HEADER', 'the header does not begin with {')
  const data = bytes.subarray(8 + header.length)
  const root = parseJson(header, 'safetensors header')
  if (!(root instanceof Map)) throw fail('SAFETENSORS_HEADER', 'the header is no JSON object')
  const metadata = new Map<string, string>()
  const tensors = new Map<string, Tensor>()
  const spans: { name: string; begin: number; end: number }[] = []
  for (const [name, entry] of root) {
    if (name === '__metadata__') {
      if (!(entry instanceof Map)) throw fail('SAFETENSORS_HEADER', '__metadata__ is no object')
      for (const [key, value] of entry) {
        if (typeof value !== 'string') throw fail('SAFETENSORS_HEADER', `__metadata__ has ${JSON.stringify(key)} that is no text`)
        metadata.set(key, value)
      }
      continue
    }
    const where = `tensor ${JSON.stringify(name)}`
    if (!(entry instanceof Map)) throw fail('SAFETENSORS_TENSOR', `${where} is described by no object`, name)
    const dtype = dtypeOf(entry, where, name)
    const shape = countList(entry.get('shape'), `${where}: shape`, name)
    const offsets = countList(entry.get('data_offsets'), `${where}: data_offsets`, name)
    if (offsets.length !== 2 || entry.size !== 3 || shape.length > MAX_RANK) throw fail('SAFETENSORS_TENSOR', `${where} needs dtype, shape of at most ${MAX_RANK} dimensions and two data_offsets, and nothing else`, name)
    const [begin, end] = offsets
    const size = sizeOf(shape)
    if (end - begin !== size * bytesPerElement(dtype)) throw fail('SAFETENSORS_TENSOR', `${where} of ${dtype} [${shape.join(', ')}] needs ${size * bytesPerElement(dtype)} bytes, its offsets span ${end - begin}`, name)
    if (end > data.length) throw fail('SAFETENSORS_OFFSETS', `${where} ends at byte ${end} of ${data.length}; the file is cut short`, name)
    spans.push({ name, begin, end })
    const content = viewNumeric(dtype, data.subarray(begin, end))
    if (dtype === 'bool') content.forEach((value: number | bigint, i: number) => {
      if (Number(value) > 1) throw fail('SAFETENSORS_TENSOR', `${where}: element ${i} is ${value}, which is no bool`, name)
    })
    tensors.set(name, { dtype, shape, data: content })
  }
  // Tensors fill the data without holes and do not overlap, so that no bytes hide.
  spans.sort((a, b) => a.begin - b.begin || a.end - b.end)
  let at = 0
  for (const { name, begin, end } of spans) {
    if (begin !== at) throw fail('SAFETENSORS_OFFSETS', `tensor ${JSON.stringify(name)} begins at byte ${begin}, where ${at} is expected: tensors overlap or leave a hole`, name)
    at = end
  }
  if (at !== data.length) throw fail('SAFETENSORS_OFFSETS', `the tensors end at byte ${at}, the file at ${data.length}`)
  return { tensors, metadata }
}

function dtypeOf(entry: JsonObject, where: string, section: string): NumericDType {
  const name = entry.get('dtype')
  const dtype = typeof name === 'string' ? SAFETENSORS_DTYPES.get(name) : undefined
  if (dtype === undefined) throw fail('SAFETENSORS_DTYPE', `${where} has dtype ${JSON.stringify(name ?? null)}; known are ${[...SAFETENSORS_DTYPES.keys()].join(', ')}; convert the tensor to one of these before it is saved`, section)
  return dtype
}

function countList(value: Json | undefined, where: string, section: string): number[] {
  if (!Array.isArray(value)) throw fail('SAFETENSORS_TENSOR', `${where} is no list`, section)
  return value.map((item) => {
    if (typeof item !== 'number' || !Number.isSafeInteger(item) || item < 0) throw fail('SAFETENSORS_TENSOR', `${where} holds ${JSON.stringify(item)}, expected counts`, section)
    return item
  })
}
