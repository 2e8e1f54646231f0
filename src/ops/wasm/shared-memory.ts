// The shared-memory build of a module. Its code is the same: loads and stores work on either kind of memory, only the import says
// which kind. So the build is made from the bytes at hand by rewriting the limits of that import, and nothing more is downloaded.
import { numberBytes, readNumber, type Cursor } from './binary.ts'

const IMPORT_SECTION = 2
const MEMORY_IMPORT = 2
/** Limits with a maximum, of shared memory. */
const SHARED = 3
const MAX_PAGES = 65536

/**
 * A module of ours, which imports a memory and nothing else, as a module that imports a shared memory of up to 4 GiB.
 *
 * @throws TypeError when the module does not have that form
 */
export function sharedMemoryBuild(bytes: Uint8Array): Uint8Array {
  const cursor: Cursor = { bytes, at: 8 }
  while (cursor.at < bytes.length) {
    const start = cursor.at
    const id = bytes[cursor.at++]
    const size = readNumber(cursor)
    if (id !== IMPORT_SECTION) {
      cursor.at += size
      continue
    }
    const body = cursor.at
    const end = body + size
    const count = readNumber(cursor)
    for (let name = 0; name < 2; name++) {
      const length = readNumber(cursor)
      cursor.at += length
    }
    const kindAt = cursor.at
    if (count !== 1 || bytes[kindAt] !== MEMORY_IMPORT) break
    cursor.at += 2
    const minimum = readNumber(cursor)
    const section = [...bytes.subarray(body, kindAt + 1), SHARED, ...numberBytes(minimum), ...numberBytes(MAX_PAGES)]
    return Uint8Array.from([...bytes.subarray(0, start), IMPORT_SECTION, ...numberBytes(section.length), ...section, ...bytes.subarray(end)])
  }
  throw new TypeError('a module of kernels imports one memory and nothing else')
}
