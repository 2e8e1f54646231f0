// Numpy's rules of shapes and axes, for what computes with tensors outside of operators' own rules.
import { MleError } from '../error.ts'

/** Shape of an elementwise result by numpy's rules; throws SHAPE_BROADCAST. */
export function broadcastShapes(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length)
  const out = new Array<number>(rank)
  for (let i = 1; i <= rank; i++) {
    const dimA = i <= a.length ? a[a.length - i] : 1
    const dimB = i <= b.length ? b[b.length - i] : 1
    if (dimA !== dimB && dimA !== 1 && dimB !== 1) {
      throw new MleError('SHAPE_BROADCAST', `shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast: ${dimA} against ${dimB}`)
    }
    out[rank - i] = dimA === 1 ? dimB : dimA
  }
  return out
}

/** A checked axis in [0, rank), counting negative ones from the end. */
export function normalizeAxis(axis: number, rank: number): number {
  const normal = axis < 0 ? axis + rank : axis
  if (!Number.isInteger(axis) || normal < 0 || normal >= rank) {
    throw new MleError('SHAPE_AXIS', `axis ${axis} is outside a tensor of ${rank} dimensions`)
  }
  return normal
}
