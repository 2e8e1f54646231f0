import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32, deflateRawSync } from 'node:zlib'
import { isZip, openZip, readZipEntry, type ZipLimits } from '../../src/import/zip.ts'
import { throwsCode, rejectsCode } from '../support/errors.ts'

interface Part {
  readonly name: string
  readonly content: Uint8Array
  readonly deflate?: boolean
  readonly flags?: number
  readonly method?: number
  readonly descriptor?: boolean
  readonly localName?: string
  readonly crc?: number
  readonly bytes?: number
  readonly zip64?: boolean
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** An archive written by hand, so that each field can be wrong. */
function zipOf(parts: readonly Part[], change: { prefix?: Uint8Array; count?: number; comment?: string; zip64End?: boolean } = {}): Uint8Array {
  const chunks: Buffer[] = change.prefix === undefined ? [] : [Buffer.from(change.prefix)]
  const central: Buffer[] = []
  let at = change.prefix?.length ?? 0
  for (const part of parts) {
    const data = part.deflate ? deflateRawSync(part.content) : Buffer.from(part.content)
    const method = part.method ?? (part.deflate ? 8 : 0)
    const crc = part.crc ?? crc32(part.content)
    const size = part.bytes ?? part.content.length
    const flags = (part.flags ?? 0) | (part.descriptor ? 8 : 0)
    const localName = Buffer.from(part.localName ?? part.name)
    const local = Buffer.alloc(30)
    local.writeUInt32LE(0x04034b50, 0)
    local.writeUInt16LE(flags, 6)
    local.writeUInt16LE(method, 8)
    local.writeUInt16LE(localName.length, 26)
    const descriptor = part.descriptor ? Buffer.alloc(16) : Buffer.alloc(0)
    const name = Buffer.from(part.name)
    const extra = part.zip64 ? Buffer.alloc(28) : Buffer.alloc(0)
    if (part.zip64) {
      extra.writeUInt16LE(1, 0)
      extra.writeUInt16LE(24, 2)
      extra.writeBigUInt64LE(BigInt(size), 4)
      extra.writeBigUInt64LE(BigInt(data.length), 12)
      extra.writeBigUInt64LE(BigInt(at), 20)
    }
    const record = Buffer.alloc(46)
    record.writeUInt32LE(0x02014b50, 0)
    record.writeUInt16LE(flags, 8)
    record.writeUInt16LE(method, 10)
    record.writeUInt32LE(crc, 16)
    record.writeUInt32LE(part.zip64 ? 0xffffffff : data.length, 20)
    record.writeUInt32LE(part.zip64 ? 0xffffffff : size, 24)
    record.writeUInt16LE(name.length, 28)
    record.writeUInt16LE(extra.length, 30)
    record.writeUInt32LE(part.zip64 ? 0xffffffff : at, 42)
    central.push(record, name, extra)
    chunks.push(local, localName, data, descriptor)
    at += 30 + localName.length + data.length + descriptor.length
  }
  const directory = Buffer.concat(central)
  const comment = Buffer.from(change.comment ?? '')
  const tail: Buffer[] = []
  const count = change.count ?? parts.length
  if (change.zip64End) {
    const end64 = Buffer.alloc(56 + 20)
    end64.writeUInt32LE(0x06064b50, 0)
    end64.writeBigUInt64LE(44n, 4)
    end64.writeBigUInt64LE(BigInt(count), 32)
    end64.writeBigUInt64LE(BigInt(directory.length), 40)
    end64.writeBigUInt64LE(BigInt(at), 48)
    end64.writeUInt32LE(0x07064b50, 56)
    end64.writeBigUInt64LE(BigInt(at + directory.length), 64)
    tail.push(end64)
  }
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(change.zip64End ? 0xffff : count, 10)
  end.writeUInt32LE(change.zip64End ? 0xffffffff : directory.length, 12)
  end.writeUInt32LE(change.zip64End ? 0xffffffff : at, 16)
  end.writeUInt16LE(comment.length, 20)
  return new Uint8Array(Buffer.concat([...chunks, directory, ...tail, end, comment]))
}

const A: Part = { name: 'model/a.txt', content: text('stored bytes') }
const B: Part = { name: 'model/b.txt', content: text('deflated '.repeat(50)), deflate: true }

test('stored and deflated entries, folders, comments, descriptors and zip64 are read', async () => {
  for (const bytes of [
    zipOf([A, B]),
    zipOf([{ name: 'model/', content: text('') }, A, B], { comment: 'written by hand' }),
    zipOf([{ ...A, descriptor: true }, { ...B, descriptor: true }]),
    zipOf([{ ...A, zip64: true }, { ...B, zip64: true }], { zip64End: true }),
  ]) {
    assert.ok(isZip(bytes))
    const archive = openZip(bytes)
    assert.deepEqual([...archive.entries.keys()], ['model/a.txt', 'model/b.txt'])
    assert.deepEqual(await readZipEntry(archive, 'model/a.txt'), A.content)
    assert.deepEqual(await readZipEntry(archive, 'model/b.txt'), B.content)
  }
  const archive = openZip(zipOf([A]))
  assert.equal((await readZipEntry(archive, A.name)).buffer, archive.bytes.buffer, 'a stored entry is a view')
})

test('archives that two programs could read differently are refused', () => {
  const good = zipOf([A, B])
  throwsCode('ZIP_END', () => openZip(text('PK')))
  throwsCode('ZIP_END', () => openZip(good.subarray(0, good.length - 1)))
  throwsCode('ZIP_END', () => openZip(Uint8Array.of(...good, 0)))
  throwsCode('ZIP_DIRECTORY', () => openZip(zipOf([A, B], { count: 1 })))
  throwsCode('ZIP_DIRECTORY', () => openZip(zipOf([A, B], { count: 3 })))
  throwsCode('ZIP_DUPLICATE', () => openZip(zipOf([A, A])))
  throwsCode('ZIP_OVERLAP', () => openZip(Uint8Array.from(zipOf([A], { prefix: text('#!/bin/sh\n') }))))
  throwsCode('ZIP_ENTRY', () => openZip(zipOf([{ ...A, localName: 'model/c.txt' }])))
  throwsCode('ZIP_ENTRY', () => openZip(zipOf([{ ...A, bytes: 5 }])))
  throwsCode('ZIP_METHOD', () => openZip(zipOf([{ ...A, method: 14 }])))
  throwsCode('ZIP_ENCRYPTED', () => openZip(zipOf([{ ...A, flags: 1 }])))
  for (const name of ['../a', '/a', 'a/../../b', 'c:a', 'a\\b', 'a\0b', '']) throwsCode('ZIP_NAME', () => openZip(zipOf([{ name, content: text('') }])))
  throwsCode('ZIP_NAME', () => openZip(zipOf([{ name: 'folder/', content: text('x') }])))
  // Two directory entries that share one header.
  const shared = zipOf([A, { ...A, name: 'model/b.txt' }])
  const view = new DataView(shared.buffer)
  const second = shared.length - 22 - 46 - A.name.length
  view.setUint32(second + 42, 0, true)
  throwsCode('ZIP_ENTRY', () => openZip(shared))
})

test('content that its entry does not promise is refused', async () => {
  const read = async (part: Part, limits?: Partial<ZipLimits>): Promise<Uint8Array> => readZipEntry(openZip(zipOf([part]), limits), part.name)
  await rejectsCode('ZIP_CHECKSUM', () => read({ ...A, crc: 1 }))
  await rejectsCode('ZIP_SIZE', () => read({ ...B, bytes: B.content.length + 1 }))
  await rejectsCode('CODEC_LIMIT', () => read({ ...B, bytes: 10 }))
  await rejectsCode('CODEC_DATA', () => read({ ...A, method: 8 }))
  await rejectsCode('ZIP_MISSING', () => readZipEntry(openZip(zipOf([A])), 'model/c.txt'))
  const zeros: Part = { name: 'zeros', content: new Uint8Array(20 * 1024 * 1024), deflate: true }
  await rejectsCode('ZIP_LIMIT', () => read(zeros, { ratio: 100 }))
  throwsCode('ZIP_LIMIT', () => openZip(zipOf([A, B]), { entries: 1 }))
  throwsCode('ZIP_LIMIT', () => openZip(zipOf([A, B]), { totalBytes: 20 }))
})
