// Components of a JPEG brought to the size of the image. Halves are filled in smoothly, as libjpeg does: a sample counts three times as much as its
// neighbour on the other side.

export interface Plane {
  readonly width: number
  readonly height: number
  readonly stride: number
  readonly samples: Uint8Array
}

/** plane -> [height, width] */
export function upsample(plane: Plane, width: number, height: number): Uint8Array {
  const across = Math.round(width / plane.width)
  const down = Math.round(height / plane.height)
  const out = new Uint8Array(width * height)
  const isSmooth = across === 2 && (down === 1 || down === 2) && plane.width > 2
  for (let y = 0; y < height; y++) {
    const row = Math.min(Math.floor(y / down), plane.height - 1)
    const at = (x: number, from: number): number => plane.samples[from * plane.stride + x]
    if (isSmooth) {
      // The nearer row three times, the next one once; edges repeat.
      const other = Math.min(Math.max(down === 2 ? (y % 2 === 0 ? row - 1 : row + 1) : row, 0), plane.height - 1)
      const column = (x: number): number => (down === 2 ? 3 * at(x, row) + at(x, other) : at(x, row))
      smoothRow(column, plane.width, down === 2, out, y * width, width)
    } else if (across === 1 && down === 2) {
      const other = Math.min(Math.max(y % 2 === 0 ? row - 1 : row + 1, 0), plane.height - 1)
      for (let x = 0; x < width; x++) out[y * width + x] = (3 * at(x, row) + at(x, other) + (y % 2 === 0 ? 1 : 2)) >> 2
    } else for (let x = 0; x < width; x++) out[y * width + x] = at(Math.min(Math.floor(x / across), plane.width - 1), row)
  }
  return out
}

function smoothRow(column: (x: number) => number, count: number, isTall: boolean, out: Uint8Array, start: number, width: number): void {
  const [shift, left, right] = isTall ? [4, 8, 7] : [2, 1, 2]
  for (let x = 0; x < count; x++) {
    const own = column(x)
    const before = x === 0 ? (isTall ? (4 * own + 8) >> 4 : own) : (3 * own + column(x - 1) + left) >> shift
    const after = x === count - 1 ? (isTall ? (4 * own + 7) >> 4 : own) : (3 * own + column(x + 1) + right) >> shift
    if (2 * x < width) out[start + 2 * x] = before
    if (2 * x + 1 < width) out[start + 2 * x + 1] = after
  }
}
