// Attributes of groups and datasets: compact in the header, or in dense storage.
import type { Tensor } from '../../tensor/index.ts'
import { heapIds } from './btree.ts'
import { elementCount, readDataspace } from './dataspace.ts'
import { decodeElements, readDatatype } from './datatype.ts'
import { addressOf, align8, bytesOf, hdf5Error, take, textOf, u16, u8, type Cursor } from './file.ts'
import { fractalHeapObject, readFractalHeap } from './fractal-heap.ts'
import { MESSAGE, messageOf, messagesOf, type Hdf5Object } from './header.ts'

/** An attribute that is found but not yet decoded. */
interface RawAttribute {
  readonly name: string
  readonly value: () => Tensor
}

/** The attribute of a name; undefined where the object has none. Throws HDF5_DATATYPE for types that no tensor holds. */
export function attributeOf(object: Hdf5Object, name: string): Tensor | undefined {
  for (const message of messagesOf(object, MESSAGE.attribute)) {
    const found = readAttribute(message, object)
    if (found.name === name) return found.value()
  }
  const info = messageOf(object, MESSAGE.attributeInfo)
  if (info === undefined) return undefined
  take(info, 1)
  if ((u8(info) & 1) !== 0) take(info, 2)
  const heapAddress = addressOf(info)
  const tree = addressOf(info)
  if (heapAddress === undefined || tree === undefined) return undefined
  const heap = readFractalHeap(object.file, heapAddress)
  for (const id of heapIds(object.file, tree, heap.idBytes)) {
    const found = readAttribute(fractalHeapObject(heap, id), object)
    if (found.name === name) return found.value()
  }
  return undefined
}

/** The text of an attribute; undefined where there is none of that name or it is no text. */
export function textAttribute(object: Hdf5Object, name: string): string | undefined {
  const value = attributeOf(object, name)
  const first = value?.data[0]
  return typeof first === 'string' ? first : undefined
}

/** A list of texts; Keras splits long ones into name0, name1, ... */
export function textsAttribute(object: Hdf5Object, name: string): string[] | undefined {
  const whole = attributeOf(object, name)
  if (whole !== undefined) return strings(whole)
  const parts: string[] = []
  for (let i = 0; ; i++) {
    const part = attributeOf(object, `${name}${i}`)
    if (part === undefined) return i === 0 ? undefined : parts
    parts.push(...strings(part))
  }
}

function strings(value: Tensor): string[] {
  // An empty list is written as an empty array of numbers.
  return Array.from(value.data as ArrayLike<unknown>, (one) => (typeof one === 'string' ? one : String(one)))
}

function readAttribute(cursor: Cursor, object: Hdf5Object): RawAttribute {
  const start = cursor.at
  const version = u8(cursor)
  const flags = u8(cursor)
  if (version < 1 || version > 3) throw hdf5Error('HDF5_VERSION', `an attribute has version ${version}, expected 1 to 3`, start)
  const nameBytes = u16(cursor)
  const typeBytes = u16(cursor)
  const spaceBytes = u16(cursor)
  if (version === 3) take(cursor, 1)
  const part = (bytes: number): Cursor => {
    const from = cursor.at
    const at = take(cursor, bytes)
    if (version === 1) align8(cursor, from)
    return { file: cursor.file, at, end: at + bytes }
  }
  const nameAt = part(nameBytes)
  const name = textOf(cursor.file.bytes.subarray(nameAt.at, nameAt.end))
  const typeAt = part(typeBytes)
  const spaceAt = part(spaceBytes)
  return {
    name,
    value() {
      if (version > 1 && (flags & 3) !== 0) throw hdf5Error('HDF5_DATATYPE', `attribute ${JSON.stringify(name)} has a committed type, which is not read`, start)
      const type = readDatatype(typeAt)
      const shape = readDataspace(spaceAt) ?? [0]
      const count = elementCount(shape, Math.floor((cursor.end - cursor.at) / type.bytes), start)
      return decodeElements(object.file, type, shape, count, bytesOf(cursor, count * type.bytes))
    },
  }
}
