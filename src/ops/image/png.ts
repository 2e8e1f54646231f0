// PNG (ISO/IEC 15948): all colour types and depths; interlaced images are refused.
import { inflateExactly } from './inflate.ts'
import { imageError, newPicture, readerOf, type Picture } from './picture.ts'

export function isPng(bytes: Uint8Array): boolean {
  return [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a].every((byte, i) => bytes[i] === byte)
}

/** Samples of a pixel by colour type. */
const SAMPLES: ReadonlyMap<number, number> = /* @__PURE__ */ new Map([[0, 1], [2, 3], [3, 1], [4, 2], [6, 4]])

export function decodePng(bytes: Uint8Array): Picture {
  const { u8, u32 } = readerOf('PNG', bytes)
  const [width, height, depth, colour] = [u32(16), u32(20), u8(24), u8(25)]
  const samples = SAMPLES.get(colour)
  if (samples === undefined || ![1, 2, 4, 8, 16].includes(depth) || (depth < 8 && samples > 1)) throw imageError('PNG', `has colour type ${colour} of ${depth} bits, which does not exist`)
  if (u8(28) !== 0) throw imageError('PNG', 'is interlaced, which is not supported; store it without')
  let palette: Uint8Array = new Uint8Array(0)
  const parts: Uint8Array[] = []
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = u32(at)
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    if (at + 12 + length > bytes.length) throw imageError('PNG', `has a chunk ${kind} that runs past its end`)
    const chunk = bytes.subarray(at + 8, at + 8 + length)
    if (kind === 'PLTE') palette = chunk
    else if (kind === 'IDAT') parts.push(chunk)
    at += 12 + length
  }
  const packed = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  parts.reduce((at, part) => {
    packed.set(part, at)
    return at + part.length
  }, 0)
  const picture = newPicture('PNG', width, height, colour === 0 ? 1 : colour === 2 || colour === 3 ? 3 : 4)
  const rowBytes = Math.ceil((width * samples * depth) / 8)
  const rows = inflateExactly('PNG', packed, height * (rowBytes + 1))
  unfilter(rows, height, rowBytes, Math.max(1, (samples * depth) >> 3))
  const { data } = picture
  const largest = depth < 8 ? (1 << depth) - 1 : 255
  for (let y = 0, o = 0; y < height; y++) {
    const start = y * (rowBytes + 1) + 1
    // The high byte stands for a sample of 16 bits.
    const sample = (i: number): number => (depth === 16 ? rows[start + 2 * i] : depth === 8 ? rows[start + i] : (rows[start + ((i * depth) >> 3)] >> (8 - depth - ((i * depth) & 7))) & largest)
    for (let x = 0; x < width; x++) {
      if (colour === 3) for (let c = 0; c < 3; c++) data[o++] = palette[3 * sample(x) + c] ?? 0
      else if (colour === 0) data[o++] = depth < 8 ? (sample(x) * 255) / largest : sample(x)
      else if (colour === 4) {
        for (let c = 0; c < 3; c++) data[o++] = sample(2 * x)
        data[o++] = sample(2 * x + 1)
      } else for (let c = 0; c < samples; c++) data[o++] = sample(samples * x + c)
    }
  }
  return picture
}

/** rows [height][filter, rowBytes]: takes the prediction of each byte back in place; `step` bytes make a pixel. */
function unfilter(rows: Uint8Array, height: number, rowBytes: number, step: number): void {
  for (let y = 0; y < height; y++) {
    const start = y * (rowBytes + 1) + 1
    const filter = rows[start - 1]
    for (let i = 0; i < rowBytes; i++) {
      const left = i >= step ? rows[start + i - step] : 0
      const up = y > 0 ? rows[start + i - rowBytes - 1] : 0
      const corner = y > 0 && i >= step ? rows[start + i - step - rowBytes - 1] : 0
      if (filter === 1) rows[start + i] += left
      else if (filter === 2) rows[start + i] += up
      else if (filter === 3) rows[start + i] += (left + up) >> 1
      else if (filter === 4) rows[start + i] += paeth(left, up, corner)
      else if (filter !== 0) throw imageError('PNG', `has a row of filter ${filter}`)
    }
  }
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)]
  return a <= b && a <= c ? left : b <= c ? up : corner
}
