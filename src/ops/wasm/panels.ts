// How products want their right side: panels of 32 bytes of columns, one k after the other; see assembly/parts/product.ts.

/** Columns of a panel for one k. */
export const PANEL_BYTES = 32
/** What a product may scribble on: a tile's edge, then 16 panels of 16 KB; see assembly/linear.ts. */
export const PRODUCT_SCRATCH_BYTES: number = 128 + 16 * 16384

/** Bytes of b [depth, columns] in panels. */
export function panelBytes(bytes: number, depth: number, columns: number): number {
  return Math.ceil((columns * bytes) / PANEL_BYTES) * PANEL_BYTES * depth
}
