// The superblock: sizes of addresses and where the root group is. Versions 0 to 3.
import { cursorAt, fileOf, hdf5Error, requiredAddress, take, u8, type Hdf5File } from './file.ts'
import { SIGNATURE_BYTES, signatureAt } from './signature.ts'

/** Opens a file; throws HDF5_SIGNATURE, HDF5_VERSION, HDF5_OFFSET. */
export function readSuperblock(bytes: Uint8Array): { file: Hdf5File; root: number } {
  const start = signatureAt(bytes)
  if (start === undefined) throw hdf5Error('HDF5_SIGNATURE', 'the bytes do not begin with the signature of HDF5', 0)
  const cursor = cursorAt(fileOf(bytes, 8, 8, 0), start)
  take(cursor, SIGNATURE_BYTES)
  const version = u8(cursor)
  if (version > 3) throw hdf5Error('HDF5_VERSION', `the superblock has version ${version}, expected 0 to 3`, start + 8)
  const isOld = version < 2
  // Versions of the parts, which are all 0.
  if (isOld) take(cursor, 4)
  const offsetBytes = u8(cursor)
  const lengthBytes = u8(cursor)
  for (const size of [offsetBytes, lengthBytes]) {
    if (size !== 2 && size !== 4 && size !== 8) throw hdf5Error('HDF5_VERSION', `addresses or lengths have ${size} bytes, expected 2, 4 or 8`, start)
  }
  const file = fileOf(bytes, offsetBytes, lengthBytes, start)
  const rest = cursorAt(file, cursor.at - start)
  // Old: a reserved byte, ranks of B-trees, flags; version 1 also the rank of chunk trees. New: flags.
  take(rest, isOld ? (version === 1 ? 13 : 9) : 1)
  take(rest, offsetBytes)
  take(rest, offsetBytes)
  take(rest, offsetBytes)
  if (isOld) {
    take(rest, offsetBytes)
    // The root group's entry: the offset of its name, then its address.
    take(rest, offsetBytes)
  }
  return { file, root: requiredAddress(rest, 'the root group') }
}

