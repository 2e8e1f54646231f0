// Object headers: the messages that describe a group or a dataset. Versions 1 and 2, with continuations.
import { addressOf, cursorAt, expectSignature, hdf5Error, length, requiredAddress, take, u16, u32, u8, uint, visit, type Cursor, type Hdf5File } from './file.ts'

export const MESSAGE = {
  dataspace: 0x01, linkInfo: 0x02, datatype: 0x03, fillOld: 0x04, fill: 0x05, link: 0x06, layout: 0x08, filters: 0x0b, attribute: 0x0c,
  continuation: 0x10, symbolTable: 0x11, attributeInfo: 0x15,
} as const

export interface Message {
  readonly type: number
  /** The address of the object header that has the message; undefined where it stands here. */
  readonly shared: number | undefined
  readonly at: number
  readonly length: number
}

/** A group or a dataset: what its header says. */
export interface Hdf5Object {
  readonly file: Hdf5File
  readonly address: number
  readonly messages: readonly Message[]
}

const SHARED = 0x02
/** More than any object that Keras writes has. */
const MAX_MESSAGES = 1 << 20

/** Reads an object header; throws HDF5_STRUCTURE, HDF5_VERSION, HDF5_CYCLE, HDF5_OFFSET. */
export function readObject(file: Hdf5File, address: number): Hdf5Object {
  const start = cursorAt(file, address)
  const messages: Message[] = []
  if (file.bytes[start.at] === 1) readOld(file, start, messages)
  else readNew(file, start, messages)
  return { file, address, messages }
}

function readOld(file: Hdf5File, cursor: Cursor, messages: Message[]): void {
  take(cursor, 2)
  const count = u16(cursor)
  take(cursor, 4)
  const bytes = u32(cursor)
  take(cursor, 4)
  const visited = new Set<number>()
  const blocks: Cursor[] = [cursorAt(file, cursor.at - file.base, bytes)]
  for (let block = blocks.shift(); block !== undefined; block = blocks.shift()) {
    while (block.end - block.at >= 8 && messages.length < count) {
      const type = u16(block)
      const size = u16(block)
      const flags = u8(block)
      take(block, 3)
      addMessage(messages, type, flags, block, size, (at, bytesThere) => {
        visit(visited, at, 'a continuation of an object header')
        blocks.push(cursorAt(file, at, bytesThere))
      })
    }
  }
}

function readNew(file: Hdf5File, cursor: Cursor, messages: Message[]): void {
  expectSignature(cursor, 'OHDR', 'an object header')
  const version = u8(cursor)
  if (version !== 2) throw hdf5Error('HDF5_VERSION', `an object header has version ${version}, expected 1 or 2`, cursor.at - 1)
  const flags = u8(cursor)
  if ((flags & 0x20) !== 0) take(cursor, 16)
  if ((flags & 0x10) !== 0) take(cursor, 4)
  const bytes = uint(cursor, 1 << (flags & 3))
  const orderBytes = (flags & 0x04) !== 0 ? 2 : 0
  const visited = new Set<number>()
  const blocks: Cursor[] = [cursorAt(file, cursor.at - file.base, bytes)]
  for (let block = blocks.shift(); block !== undefined; block = blocks.shift()) {
    // What is left at the end and holds no message is a gap.
    while (block.end - block.at >= 4 + orderBytes) {
      const type = u8(block)
      const size = u16(block)
      const messageFlags = u8(block)
      take(block, orderBytes)
      addMessage(messages, type, messageFlags, block, size, (at, bytesThere) => {
        visit(visited, at, 'a continuation of an object header')
        if (bytesThere < 8) throw hdf5Error('HDF5_STRUCTURE', `a continuation of an object header at address ${at} has ${bytesThere} bytes, expected at least 8`, at)
        // Without the checksum at the end.
        const next = cursorAt(file, at, bytesThere - 4)
        expectSignature(next, 'OCHK', 'a continuation of an object header')
        blocks.push(next)
      })
    }
  }
}

function addMessage(messages: Message[], type: number, flags: number, block: Cursor, size: number, more: (address: number, length: number) => void): void {
  const at = take(block, size)
  const body: Cursor = { file: block.file, at, end: at + size }
  if (type === MESSAGE.continuation) {
    const address = requiredAddress(body, 'a continuation')
    more(address, length(body))
  }
  if (messages.length >= MAX_MESSAGES) throw hdf5Error('HDF5_LIMIT', `an object header has more than ${MAX_MESSAGES} messages`, at)
  messages.push({ type, shared: (flags & SHARED) !== 0 ? sharedAddress(body) : undefined, at, length: size })
}

function sharedAddress(cursor: Cursor): number {
  const version = u8(cursor)
  const kind = u8(cursor)
  if (version === 1) take(cursor, 6)
  const address = version === 3 && kind !== 2 ? undefined : addressOf(cursor)
  if (address === undefined) throw hdf5Error('HDF5_STRUCTURE', 'a message lies in the heap of shared messages, which is not read; save the file without shared messages', cursor.at)
  return address
}

/** The first message of a type, followed to where it is shared from; undefined where the object has none. */
export function messageOf(object: Hdf5Object, type: number, depth = 0): Cursor | undefined {
  const message = object.messages.find((one) => one.type === type)
  if (message === undefined) return undefined
  if (message.shared === undefined) return { file: object.file, at: message.at, end: message.at + message.length }
  if (depth > 0) throw hdf5Error('HDF5_CYCLE', 'a shared message is shared again', message.at)
  return messageOf(readObject(object.file, message.shared), type, depth + 1)
}

/** Every message of a type that stands in the header itself. */
export function messagesOf(object: Hdf5Object, type: number): Cursor[] {
  return object.messages.filter((one) => one.type === type).map(({ at, length: bytes }) => ({ file: object.file, at, end: at + bytes }))
}
