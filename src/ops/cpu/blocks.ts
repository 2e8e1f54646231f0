// Cutting tensors along an axis and joining them again.
import { MleError } from '../../error.ts'
import { is64BitInteger } from '../../tensor/dtype.ts'
import { normalizeAxis } from '../../tensor/numpy-shapes.ts'
import { allocateView, type Scratch, type View } from '../kernel.ts'

/** Copies `count` elements; `start`s are in elements. */
export function copyElements(source: View, sourceStart: number, target: View, targetStart: number, count: number): void {
  const words = is64BitInteger(source.dtype) ? 2 : 1
  const { data: from } = source
  const { data: to } = target
  if (Array.isArray(to)) for (let i = 0; i < count; i++) to[targetStart + i] = from[sourceStart + i] as string | null
  else if (!Array.isArray(from)) (to as Uint8Array).set((from as Uint8Array).subarray(sourceStart * words, (sourceStart + count) * words), targetStart * words)
}

function product(shape: readonly number[], start: number, end: number): number {
  let size = 1
  for (let axis = start; axis < end; axis++) size *= shape[axis]
  return size
}

/** x [..., start:start + length, ...] along `axis`, in memory of its own; without the axis itself when `drop`. `scratch` counts it. */
export function sliceView(x: View, axis: number, start: number, length: number, drop: boolean, scratch?: Scratch): View {
  const { shape } = x
  const outer = product(shape, 0, axis)
  const inner = product(shape, axis + 1, shape.length)
  const outShape = drop ? shape.filter((_, i) => i !== axis) : shape.map((dim, i) => (i === axis ? length : dim))
  const out = allocateView(x.dtype, outShape, scratch)
  for (let o = 0; o < outer; o++) copyElements(x, (o * shape[axis] + start) * inner, out, o * length * inner, length * inner)
  return out
}

/**
 * parts [..., n_i, ...] -> [..., sum n_i, ...] along `axis`, or [..., parts, ...] along a new axis.
 *
 * @throws MleError OP_PARTS when shapes or dtypes do not fit together
 */
export function joinViews(parts: readonly View[], axis: number, isNewAxis: boolean, scratch: Scratch): View {
  const first = parts[0]
  if (first === undefined) throw new MleError('OP_PARTS', 'there is no tensor to join')
  const rank = first.shape.length
  const at = normalizeAxis(axis, isNewAxis ? rank + 1 : rank)
  let total = 0
  for (const part of parts) {
    const fits = part.dtype === first.dtype && part.shape.length === rank && part.shape.every((dim, i) => dim === first.shape[i] || (!isNewAxis && i === at))
    if (!fits) throw new MleError('OP_PARTS', `tensors of ${first.dtype} [${first.shape.join(', ')}] and ${part.dtype} [${part.shape.join(', ')}] cannot be joined along axis ${axis}`)
    total += isNewAxis ? 1 : part.shape[at]
  }
  const outShape = isNewAxis ? [...first.shape.slice(0, at), total, ...first.shape.slice(at)] : first.shape.map((dim, i) => (i === at ? total : dim))
  const out = allocateView(first.dtype, outShape, scratch)
  const outer = product(first.shape, 0, at)
  const inner = product(first.shape, isNewAxis ? at : at + 1, rank)
  let before = 0
  for (const part of parts) {
    const length = isNewAxis ? 1 : part.shape[at]
    for (let o = 0; o < outer; o++) copyElements(part, o * length * inner, out, (o * total + before) * inner, length * inner)
    before += length
  }
  return out
}
