// What a group links to, in all three forms: symbol table, link messages, dense storage.
import { heapIds, walkTree1 } from './btree.ts'
import { addressOf, bytesOf, cursorAt, expectSignature, requiredAddress, take, textOf, u16, u8, uint, type Cursor } from './file.ts'
import { fractalHeapObject, readFractalHeap } from './fractal-heap.ts'
import { MESSAGE, messageOf, messagesOf, type Hdf5Object } from './header.ts'
import { localHeap } from './heap.ts'

/** Addresses of the members of a group by name; soft and external links are left out. Empty for a dataset. */
export function linksOf(group: Hdf5Object): ReadonlyMap<string, number> {
  const { groups } = group.file
  const links = groups.get(group.address) ?? readLinks(group)
  groups.set(group.address, links)
  return links
}

function readLinks(group: Hdf5Object): Map<string, number> {
  const links = new Map<string, number>()
  const { file } = group
  const table = messageOf(group, MESSAGE.symbolTable)
  if (table !== undefined) {
    const tree = requiredAddress(table, 'the tree of a group')
    const nameAt = localHeap(file, requiredAddress(table, 'the names of a group'))
    walkTree1(file, tree, 0, file.lengthBytes, (_key, node) => readSymbols(cursorAt(file, node), nameAt, links))
  }
  for (const message of messagesOf(group, MESSAGE.link)) readLink(message, links)
  const info = messageOf(group, MESSAGE.linkInfo)
  if (info !== undefined) {
    take(info, 1)
    if ((u8(info) & 1) !== 0) take(info, 8)
    const heapAddress = addressOf(info)
    const tree = addressOf(info)
    if (heapAddress !== undefined && tree !== undefined) {
      const heap = readFractalHeap(file, heapAddress)
      for (const id of heapIds(file, tree, heap.idBytes)) readLink(fractalHeapObject(heap, id), links)
    }
  }
  return links
}

const SOFT_LINK = 2

function readSymbols(cursor: Cursor, nameAt: (offset: number) => string, links: Map<string, number>): void {
  const { file } = cursor
  expectSignature(cursor, 'SNOD', 'symbols of a group')
  take(cursor, 2)
  const count = u16(cursor)
  for (let i = 0; i < count; i++) {
    const name = nameAt(uint(cursor, file.offsetBytes))
    const address = addressOf(cursor)
    const kind = uint(cursor, 4)
    take(cursor, 20)
    if (address !== undefined && kind !== SOFT_LINK) links.set(name, address)
  }
}

function readLink(cursor: Cursor, links: Map<string, number>): void {
  take(cursor, 1)
  const flags = u8(cursor)
  const type = (flags & 0x08) !== 0 ? u8(cursor) : 0
  if ((flags & 0x04) !== 0) take(cursor, 8)
  if ((flags & 0x10) !== 0) take(cursor, 1)
  const name = textOf(bytesOf(cursor, uint(cursor, 1 << (flags & 3))))
  if (type === 0) links.set(name, requiredAddress(cursor, `the link ${JSON.stringify(name)}`))
}

