// Where slices, parts and pads of a dimension begin and end.
import { MleError } from '../error.ts'
import { axisOf } from './schemas/define.ts'

/** Start, step and count of a slice along a dimension, clamped as Python does. */
export function sliceRange(dim: number, start: number, end: number, step: number): { start: number; step: number; count: number } {
  if (step === 0) throw new MleError('OP_ATTRIBUTE', 'a slice has step 0', { actual: 0 })
  const low = step > 0 ? 0 : -1
  const high = step > 0 ? dim : dim - 1
  const clamp = (at: number, least: number): number => Math.min(Math.max(at < 0 ? at + dim : at, least), high)
  // A start before the first element is the first, in both directions; numpy takes none where it goes backwards.
  const from = clamp(start, 0)
  return { start: from, step, count: Math.max(0, Math.ceil((clamp(end, low) - from) / step)) }
}

/** Lengths of the parts of a Split along its axis. */
export function splitSizes(dim: number, parts: number, given: readonly number[] | undefined): number[] {
  const chunk = Math.ceil(dim / parts)
  const sizes = given ?? Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(chunk, dim - i * chunk)))
  const total = sizes.reduce((sum, size) => sum + size, 0)
  if (sizes.length !== parts || total !== dim || sizes.some((size) => size < 0)) throw new MleError('OP_DIMENSION', `parts of ${sizes.join(', ')} for ${parts} outputs of ${dim} elements`, { expected: dim, actual: total })
  return [...sizes]
}

/** Pads of each dimension: before in the first half, after in the second. */
export function padsOf(pads: readonly number[], axes: readonly number[] | undefined, rank: number): number[] {
  const named = axes === undefined ? Array.from({ length: rank }, (_, i) => i) : axes.map((axis) => axisOf(axis, rank))
  if (pads.length !== 2 * named.length) throw new MleError('OP_DIMENSION', `${pads.length} pads for ${named.length} axes`, { expected: 2 * named.length, actual: pads.length })
  const all = new Array<number>(2 * rank).fill(0)
  named.forEach((axis, i) => {
    all[axis] = pads[i]
    all[axis + rank] = pads[i + named.length]
  })
  return all
}

/** For each index of a padded dimension the index that it comes from; -1 for the constant. */
export function padMap(dim: number, before: number, after: number, mode: string): number[] {
  const period = 2 * (dim - 1)
  return Array.from({ length: dim + before + after }, (_, i) => {
    const from = i - before
    if (from >= 0 && from < dim) return from
    if (mode === 'edge') return from < 0 ? 0 : dim - 1
    if (mode === 'wrap') return ((from % dim) + dim) % dim
    if (mode === 'constant') return -1
    const folded = period === 0 ? 0 : ((from % period) + period) % period
    return folded < dim ? folded : period - folded
  })
}
