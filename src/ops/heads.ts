// Tensors of attention: heads in an axis of their own, or packed in the columns.
import type { View } from './kernel.ts'

/** Where element (batch, head, step, column) of a tensor with heads lies. */
export interface Heads {
  readonly heads: number
  readonly length: number
  readonly size: number
  readonly batchStep: number
  readonly headStep: number
  readonly rowStep: number
}

/** Heads in an axis of their own, or packed in the last of 3 dimensions. */
export function headsOf({ shape }: View, packedHeads: number): Heads {
  if (shape.length === 4) {
    const [, heads, length, size] = shape
    return { heads, length, size, batchStep: heads * length * size, headStep: length * size, rowStep: size }
  }
  const [, length, columns] = shape
  const size = columns / packedHeads
  return { heads: packedHeads, length, size, batchStep: length * columns, headStep: size, rowStep: columns }
}
