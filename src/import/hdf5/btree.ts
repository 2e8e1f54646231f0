// B-trees: version 1 for groups and chunks, version 2 for dense storage and chunks.
import { addressOf, bitLength, bytesOf, cursorAt, expectSignature, hdf5Error, requiredAddress, take, u16, u32, u8, uint, visit, type Cursor, type Hdf5File } from './file.ts'

/** Calls `leaf` for each child of the leaves of a tree of version 1, keys before children. */
export function walkTree1(file: Hdf5File, address: number, type: number, keyBytes: number, leaf: (key: Cursor, child: number) => void): void {
  walkNode1(file, address, type, keyBytes, leaf, undefined, new Set())
}

function walkNode1(file: Hdf5File, address: number, type: number, keyBytes: number, leaf: (key: Cursor, child: number) => void, expectedLevel: number | undefined, visited: Set<number>): void {
  visit(visited, address, 'a node of a B-tree')
  const cursor = cursorAt(file, address)
  expectSignature(cursor, 'TREE', 'a node of a B-tree')
  const kind = u8(cursor)
  const level = u8(cursor)
  if (kind !== type || (expectedLevel !== undefined && level !== expectedLevel)) {
    throw hdf5Error('HDF5_STRUCTURE', `a node of a B-tree at address ${address} has type ${kind} and level ${level}, expected ${type} and ${expectedLevel ?? 'any'}; the file is damaged`, address)
  }
  const count = u16(cursor)
  take(cursor, 2 * file.offsetBytes)
  for (let i = 0; i < count; i++) {
    const at = take(cursor, keyBytes)
    const child = requiredAddress(cursor, 'a child of a B-tree')
    if (level === 0) leaf({ file, at, end: at + keyBytes }, child)
    else walkNode1(file, child, type, keyBytes, leaf, level - 1, visited)
  }
}

/** Bytes that a count up to `max` takes. */
function countBytes(max: number): number {
  return Math.ceil(bitLength(max) / 8)
}

/** Calls `record` for each record of a tree of version 2, and says which type the tree has. */
export function walkTree2(file: Hdf5File, address: number, record: (record: Cursor) => void): number {
  const head = cursorAt(file, address)
  expectSignature(head, 'BTHD', 'a B-tree')
  take(head, 1)
  const type = u8(head)
  const nodeBytes = u32(head)
  const recordBytes = u16(head)
  const depth = u16(head)
  take(head, 2)
  const root = addressOf(head)
  const rootRecords = u16(head)
  if (root === undefined || rootRecords === 0) return type
  if (recordBytes === 0 || nodeBytes < 16 || depth > 16) throw hdf5Error('HDF5_STRUCTURE', `a B-tree at address ${address} has records of ${recordBytes} bytes and ${depth} levels; the file is damaged`, address)
  // Signature, version, type, checksum: 10 bytes of each node.
  const leafMax = Math.floor((nodeBytes - 10) / recordBytes)
  const totals = [leafMax]
  const maxOf = [leafMax]
  const pointerBytes = (level: number): number => file.offsetBytes + countBytes(maxOf[level - 1]) + (level > 1 ? countBytes(totals[level - 1]) : 0)
  for (let level = 1; level <= depth; level++) {
    maxOf.push(Math.floor((nodeBytes - 10 - pointerBytes(level)) / (recordBytes + pointerBytes(level))))
    totals.push((maxOf[level] + 1) * totals[level - 1] + maxOf[level])
  }
  const visited = new Set<number>()
  const node = (at: number, level: number, records: number): void => {
    visit(visited, at, 'a node of a B-tree')
    const cursor = cursorAt(file, at, Math.min(nodeBytes, file.bytes.length - file.base - at))
    expectSignature(cursor, level === 0 ? 'BTLF' : 'BTIN', 'a node of a B-tree')
    take(cursor, 2)
    for (let i = 0; i < records; i++) {
      const start = take(cursor, recordBytes)
      record({ file, at: start, end: start + recordBytes })
    }
    if (level === 0) return
    for (let i = 0; i <= records; i++) {
      const child = requiredAddress(cursor, 'a child of a B-tree')
      const childRecords = uint(cursor, countBytes(maxOf[level - 1]))
      if (level > 1) take(cursor, countBytes(totals[level - 1]))
      node(child, level - 1, childRecords)
    }
  }
  node(root, depth, rootRecords)
  return type
}

/** The heap ids of a tree of links or attributes, which lie at the end or the start of its records. */
export function heapIds(file: Hdf5File, address: number, idBytes: number): Uint8Array[] {
  const ids: Uint8Array[] = []
  // Type 5 and 6: links by name and by age, 8 and 9: attributes by name and by age.
  walkTree2Typed(file, address, (record, type) => {
    if (type === 5) take(record, 4)
    else if (type === 6) take(record, 8)
    else if (type !== 8 && type !== 9) throw hdf5Error('HDF5_STRUCTURE', `a B-tree at address ${address} has type ${type}, expected one of links or attributes; the file is damaged`, address)
    ids.push(bytesOf(record, idBytes))
  })
  return ids
}

function walkTree2Typed(file: Hdf5File, address: number, record: (record: Cursor, type: number) => void): void {
  const type = file.bytes[cursorAt(file, address + 5, 1).at]
  walkTree2(file, address, (one) => record(one, type))
}
