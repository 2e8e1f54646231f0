// Zip archives of stored entries, for files of PyTorch made by hand.
import { crc32 } from 'node:zlib'

export function zipArchive(entries: Iterable<readonly [string, Uint8Array | string]>): Uint8Array {
  const chunks: Buffer[] = []
  const central: Buffer[] = []
  let at = 0
  let count = 0
  for (const [path, content] of entries) {
    const data = Buffer.from(content)
    const name = Buffer.from(path)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(name.length, 26)
    const record = Buffer.alloc(46)
    record.writeUInt32LE(0x02014b50, 0)
    record.writeUInt32LE(crc32(data), 16)
    record.writeUInt32LE(data.length, 20)
    record.writeUInt32LE(data.length, 24)
    record.writeUInt16LE(name.length, 28)
    record.writeUInt32LE(at, 42)
    chunks.push(local, name, data)
    central.push(record, name)
    at += 30 + name.length + data.length
    count++
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(at, 16)
  return new Uint8Array(Buffer.concat([...chunks, directory, end]))
}
