// Tensors -> the ranges of the decoded weights that hold them: each content once, in canonical order.
import { MleError } from '../error.ts'
import { crc32 } from '../platform/crc32.ts'
import { bytesPerElement, dtypeOfArray, holdsBitsOf, type DType } from '../tensor/dtype.ts'
import { isNumericArray, type Tensor } from '../tensor/tensor.ts'
import { equalBytes, viewOf } from './bytes.ts'
import { strayElement } from './tensors.ts'
import { alignUp, CHUNK_BYTES } from './layout.ts'

/** Small tensors are grouped in this order, so that those of a dtype share chunks. */
const DTYPE_ORDER: readonly DType[] = [
  'float32', 'float64', 'float16', 'bfloat16', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'bool', 'string',
  'float8e4m3fn', 'float8e4m3fnuz', 'float8e5m2', 'float8e5m2fnuz', 'float8e8m0', 'float4e2m1', 'int4', 'uint4', 'int2', 'uint2',
]

/** A distinct tensor of the file. */
export interface StoredTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
  /** Set by `place`. */
  index: number
  offset: number
}

export interface TensorStore {
  /** Adds a tensor, or finds the equal one that is there. `owner` is the object to look it up by. */
  add(tensor: Tensor, owner: object): void
  /** The tensor that `owner` was added with. */
  of(owner: object): StoredTensor
  /** Orders the tensors and gives them offsets. Tensors were added in the order of their first use. */
  place(): readonly StoredTensor[]
}

export function tensorStore(): TensorStore {
  const byOwner = new Map<object, StoredTensor>()
  const byContent = new Map<string, StoredTensor[]>()
  const stored: StoredTensor[] = []
  return {
    add(tensor, owner) {
      if (byOwner.has(owner)) return
      const bytes = tensorBytes(tensor)
      const key = `${tensor.dtype} ${tensor.shape.join(',')} ${crc32(bytes)}`
      const similar = byContent.get(key) ?? []
      let found = similar.find((other) => equalBytes(other.bytes, bytes))
      if (found === undefined) {
        found = { dtype: tensor.dtype, shape: tensor.shape, bytes, index: -1, offset: -1 }
        byContent.set(key, [...similar, found])
        stored.push(found)
      }
      byOwner.set(owner, found)
    },
    of(owner) {
      const found = byOwner.get(owner)
      if (found === undefined) throw new TypeError('the tensor was not collected')
      return found
    },
    place() {
      const small = DTYPE_ORDER.flatMap((dtype) => stored.filter((tensor) => tensor.dtype === dtype && tensor.bytes.length < CHUNK_BYTES))
      const ordered = [...small, ...stored.filter((tensor) => tensor.bytes.length >= CHUNK_BYTES)]
      let end = 0
      ordered.forEach((tensor, index) => {
        tensor.index = index
        tensor.offset = end
        end = alignUp(end + tensor.bytes.length)
      })
      return ordered
    },
  }
}

function cannotWrite(tensor: Tensor, problem: string): MleError {
  return new MleError('FORMAT_WRITE', `a tensor ${tensor.dtype} [${tensor.shape.join(', ')}] cannot be written: ${problem}`)
}

/** A tensor's elements as the file holds them; a view where there is nothing to convert. */
function tensorBytes(tensor: Tensor): Uint8Array {
  const { dtype, shape, data } = tensor
  const size = shape.reduce((product, dim) => product * dim, 1)
  if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0) || data.length !== size) throw cannotWrite(tensor, `it has ${data.length} elements`)
  if (!isNumericArray(data)) {
    if (dtype !== 'string') throw cannotWrite(tensor, 'its data is an array of strings')
    return encodeStringTable(tensor, data)
  }
  const own = dtypeOfArray(data)
  if (own !== dtype && !holdsBitsOf(own, dtype)) throw cannotWrite(tensor, `its data is a ${data.constructor.name}`)
  const bytes = new Uint8Array(data.buffer, data.byteOffset, size * bytesPerElement(dtype))
  if (dtype === 'bool' && bytes.some((value) => value > 1)) throw cannotWrite(tensor, 'a bool is neither 0 nor 1')
  const stray = strayElement(dtype, bytes)
  if (stray >= 0) throw cannotWrite(tensor, `element ${stray} is beyond the dtype`)
  return bytes
}

/** n + 1 u32 offsets, then the UTF-8 text of all strings. */
function encodeStringTable(tensor: Tensor, strings: readonly (string | null)[]): Uint8Array {
  const complete = strings.map((item, i) => {
    if (item === null) throw cannotWrite(tensor, `string ${i} is missing (null)`)
    if (!item.isWellFormed()) throw cannotWrite(tensor, `string ${i} holds a lone surrogate, which has no UTF-8`)
    return item
  })
  const content = new TextEncoder().encode(complete.join(''))
  if (content.length > 0xffffffff) throw cannotWrite(tensor, 'its text is longer than 4 GiB')
  const start = 4 * (complete.length + 1)
  const bytes = new Uint8Array(start + content.length)
  bytes.set(content, start)
  const view = viewOf(bytes)
  let end = 0
  complete.forEach((item, i) => {
    end += utf8Length(item)
    view.setUint32(4 * (i + 1), end, true)
  })
  return bytes
}

function utf8Length(item: string): number {
  let length = 0
  for (let i = 0; i < item.length; i++) {
    const unit = item.charCodeAt(i)
    // A pair of surrogates, two units, takes four bytes.
    length += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3
  }
  return length
}
