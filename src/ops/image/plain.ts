// Images whose pixels are not compressed: BMP, TIFF and the formats of Netpbm.
import { imageError, newPicture, readerOf, type Picture } from './picture.ts'

export function isBmp(bytes: Uint8Array): boolean {
  return bytes[0] === 0x42 && bytes[1] === 0x4d
}

/** Windows bitmaps of 8 (with a palette), 24 and 32 bits. */
export function decodeBmp(bytes: Uint8Array): Picture {
  const { u8, u16, u32 } = readerOf('BMP', bytes)
  const [start, header, width, signed, bits, compression] = [u32(10, true), u32(14, true), u32(18, true), u32(22, true) | 0, u16(28, true), u32(30, true)]
  if (header < 40 || (compression !== 0 && !(compression === 3 && bits === 32)) || ![8, 24, 32].includes(bits)) throw imageError('BMP', `has ${bits} bits and compression ${compression}, which is not supported`)
  const picture = newPicture('BMP', width, Math.abs(signed), 3)
  const { height, data } = picture
  const rowBytes = Math.ceil((width * bits) / 32) * 4
  for (let y = 0, o = 0; y < height; y++) {
    // A negative height says that rows begin at the top.
    const row = start + (signed < 0 ? y : height - 1 - y) * rowBytes
    for (let x = 0; x < width; x++) {
      const at = bits === 8 ? 14 + header + 4 * u8(row + x) : row + (x * bits) / 8
      for (let c = 2; c >= 0; c--) data[o++] = u8(at + c)
    }
  }
  return picture
}

export function isTiff(bytes: Uint8Array): boolean {
  return (bytes[0] === 0x49 && bytes[1] === 0x49 && bytes[2] === 42) || (bytes[0] === 0x4d && bytes[1] === 0x4d && bytes[3] === 42)
}

/** Baseline TIFF: strips of 8-bit samples without compression, pixel by pixel. */
export function decodeTiff(bytes: Uint8Array): Picture {
  const { u8, u16, u32 } = readerOf('TIFF', bytes)
  const little = bytes[0] === 0x49
  const directory = u32(4, little)
  const fields = new Map<number, number[]>()
  for (let i = 0; i < u16(directory, little); i++) {
    const at = directory + 2 + 12 * i
    const [tag, kind, count] = [u16(at, little), u16(at + 2, little), u32(at + 4, little)]
    const size = kind === 3 ? 2 : kind === 4 ? 4 : 1
    if (count * size > bytes.length) throw imageError('TIFF', `has a field of ${count} values`)
    const from = count * size <= 4 ? at + 8 : u32(at + 8, little)
    fields.set(tag, Array.from({ length: count }, (_, j) => (size === 2 ? u16(from + 2 * j, little) : size === 4 ? u32(from + 4 * j, little) : u8(from + j))))
  }
  const one = (tag: number, fallback: number): number => fields.get(tag)?.[0] ?? fallback
  const [width, height, samples, photometric] = [one(256, 0), one(257, 0), one(277, 1), one(262, 1)]
  if (one(259, 1) !== 1 || one(284, 1) !== 1 || (fields.get(258) ?? [1]).some((bits) => bits !== 8) || ![1, 3, 4].includes(samples)) throw imageError('TIFF', 'is compressed, or has no samples of 8 bits, which is not supported')
  const channels = samples === 1 ? 1 : samples === 3 ? 3 : 4
  const picture = newPicture('TIFF', width, height, channels)
  const rowsPerStrip = one(278, height)
  const starts = fields.get(273) ?? []
  for (let y = 0, o = 0; y < height; y++) {
    const strip = Math.floor(y / rowsPerStrip)
    const from = (starts[strip] ?? bytes.length) + (y - strip * rowsPerStrip) * width * samples
    for (let i = 0; i < width * samples; i++) picture.data[o++] = photometric === 0 ? 255 - u8(from + i) : u8(from + i)
  }
  return picture
}

export function isNetpbm(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] >= 0x31 && bytes[1] <= 0x36
}

/** P2, P3 (text), P5 and P6 (bytes), of up to 255 levels. */
export function decodeNetpbm(bytes: Uint8Array): Picture {
  const kind = bytes[1] - 0x30
  let at = 2
  const number = (): number => {
    for (;;) {
      if (bytes[at] === 0x23) while (at < bytes.length && bytes[at] !== 10) at++
      else if (bytes[at] === 32 || (bytes[at] >= 9 && bytes[at] <= 13)) at++
      else break
    }
    let value = 0
    const first = at
    for (; bytes[at] >= 0x30 && bytes[at] <= 0x39; at++) value = value * 10 + bytes[at] - 0x30
    if (at === first || value > 2 ** 31) throw imageError('Netpbm', `has no number at byte ${at}`)
    return value
  }
  if (kind === 1 || kind === 4) throw imageError('Netpbm', 'is a bitmap, which is not supported')
  const [width, height, largest] = [number(), number(), number()]
  if (largest < 1 || largest > 255) throw imageError('Netpbm', `has ${largest} levels, expected at most 255`)
  const picture = newPicture('Netpbm', width, height, kind === 2 || kind === 5 ? 1 : 3)
  const { data } = picture
  if (kind > 3) at++
  if (kind > 3 && bytes.length - at < data.length) throw imageError('Netpbm', `has ${bytes.length - at} bytes of pixels, expected ${data.length}`)
  for (let i = 0; i < data.length; i++) {
    const value = kind > 3 ? bytes[at++] : number()
    data[i] = largest === 255 ? value : Math.round((value * 255) / largest)
  }
  return picture
}
