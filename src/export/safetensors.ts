// safetensors files, as the reference implementation lays them out: tensors of wide dtypes first, then by name; the header padded to 8 bytes.
import { MleError } from '../error.ts'
import { bytesPerElement, sizeOf, type DType, type Tensor } from '../tensor/index.ts'

const NAMES: ReadonlyMap<DType, string> = /* @__PURE__ */ new Map<DType, string>([
  ['float32', 'F32'], ['float64', 'F64'], ['float16', 'F16'], ['bfloat16', 'BF16'], ['int8', 'I8'], ['int16', 'I16'], ['int32', 'I32'], ['int64', 'I64'],
  ['uint8', 'U8'], ['uint16', 'U16'], ['uint32', 'U32'], ['uint64', 'U64'], ['bool', 'BOOL'],
  ['float8e4m3fn', 'F8_E4M3'], ['float8e5m2', 'F8_E5M2'], ['float8e4m3fnuz', 'F8_E4M3FNUZ'], ['float8e5m2fnuz', 'F8_E5M2FNUZ'], ['float8e8m0', 'F8_E8M0'],
])

const refused = (name: string, why: string): MleError => new MleError('SAFETENSORS_WRITE', `tensor ${JSON.stringify(name)} ${why}`, { section: name })

/**
 * The bytes of a safetensors file.
 *
 * @param metadata free text pairs; Python's libraries expect `format: 'pt'`
 * @throws MleError SAFETENSORS_WRITE for strings and other dtypes that the format does not have
 * @example await writeFile('model.safetensors', writeSafetensors(new Map([['fc.weight', weight]]), new Map([['format', 'pt']])))
 */
export function writeSafetensors(tensors: ReadonlyMap<string, Tensor>, metadata: ReadonlyMap<string, string> = new Map()): Uint8Array {
  const order = [...tensors].sort(([a, { dtype: x }], [b, { dtype: y }]) => bytesPerElement(y) - bytesPerElement(x) || (a < b ? -1 : 1))
  const fields: string[] = []
  if (metadata.size > 0) fields.push(`"__metadata__":{${[...metadata].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`)
  let at = 0
  const parts: Uint8Array[] = []
  for (const [name, { dtype, shape, data }] of order) {
    const code = NAMES.get(dtype)
    if (code === undefined || !ArrayBuffer.isView(data)) throw refused(name, `has dtype ${dtype}, which the format does not have`)
    if (name === '__metadata__') throw refused(name, 'has the name of the metadata')
    if (data.length !== sizeOf(shape)) throw refused(name, `of shape [${shape.join(', ')}] has ${data.length} elements`)
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    fields.push(`${JSON.stringify(name)}:{"dtype":"${code}","shape":[${shape.join(',')}],"data_offsets":[${at},${at + bytes.length}]}`)
    parts.push(bytes)
    at += bytes.length
  }
  let header = new TextEncoder().encode(`{${fields.join(',')}}`)
  const padding = -header.length & 7
  if (padding > 0) header = new TextEncoder().encode(`{${fields.join(',')}}${' '.repeat(padding)}`)
  const out = new Uint8Array(8 + header.length + at)
  new DataView(out.buffer).setBigUint64(0, BigInt(header.length), true)
  out.set(header, 8)
  let to = 8 + header.length
  for (const part of parts) {
    out.set(part, to)
    to += part.length
  }
  return out
}
