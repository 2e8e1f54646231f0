// Shapes of datasets and attributes.
import { hdf5Error, length, take, u8, type Cursor } from './file.ts'

/** HDF5's own limit. */
const MAX_RANK = 32

/** The shape; [] for a scalar, undefined for the null space, which has no elements at all. */
export function readDataspace(cursor: Cursor): number[] | undefined {
  const start = cursor.at
  const version = u8(cursor)
  const rank = u8(cursor)
  take(cursor, 1)
  if (version !== 1 && version !== 2) throw hdf5Error('HDF5_VERSION', `a shape has version ${version}, expected 1 or 2`, start)
  if (rank > MAX_RANK) throw hdf5Error('HDF5_STRUCTURE', `a shape has ${rank} dimensions, expected at most ${MAX_RANK}`, start)
  if (version === 1) take(cursor, 5)
  else if (u8(cursor) === 2) return undefined
  return Array.from({ length: rank }, () => length(cursor))
}

/** Elements of a shape; throws HDF5_LIMIT past `limit`. */
export function elementCount(shape: readonly number[], limit: number, at: number): number {
  let count = 1
  for (const dim of shape) {
    count *= dim
    if (count > limit) throw hdf5Error('HDF5_LIMIT', `a shape of [${shape.join(', ')}] has more elements than the file can hold; it is damaged`, at)
  }
  return count
}
