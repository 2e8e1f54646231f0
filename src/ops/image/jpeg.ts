// Baseline and extended sequential JPEG of 8 bits (ITU-T T.81) with Huffman codes, with the integer arithmetic of libjpeg's accurate inverse transform and
// its smooth upsampling, so that pixels are those of the usual decoders. Progressive and arithmetic-coded images are refused.
import { upsample, type Plane } from './jpeg-planes.ts'
import { imageError, newPicture, readerOf, type Picture } from './picture.ts'

export function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff
}

interface Component {
  readonly id: number
  readonly across: number
  readonly down: number
  readonly quantizer: number
  readonly plane: Plane
  /** Samples of whole blocks; the plane is its part inside the image. */
  readonly stride: number
  readonly samples: Uint8Array
  dcCodes: Huffman | undefined
  acCodes: Huffman | undefined
  previous: number
}

interface Huffman {
  /** Largest code of each length, -1 for none, and what to add to a code for the place of its value. */
  readonly largest: Int32Array
  readonly offset: Int32Array
  readonly values: Uint8Array
}

const ZIGZAG: readonly number[] = [
  0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
  52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
]

function huffmanOf(counts: Uint8Array, values: Uint8Array): Huffman {
  const largest = new Int32Array(17).fill(-1)
  const offset = new Int32Array(17)
  for (let length = 1, code = 0, at = 0; length <= 16; length++, code <<= 1) {
    const count = counts[length - 1]
    if (count === 0) continue
    offset[length] = at - code
    at += count
    code += count
    largest[length] = code - 1
  }
  return { largest, offset, values }
}

export function decodeJpeg(bytes: Uint8Array): Picture {
  const { u8, u16 } = readerOf('JPEG', bytes)
  const quantizers: Int32Array[] = []
  const codes = new Map<number, Huffman>()
  let components: Component[] = []
  let [width, height, interval] = [0, 0, 0]
  let isDone = false
  let adobe = -1
  for (let at = 2; !isDone; ) {
    while (u8(at) !== 0xff || u8(at + 1) === 0xff) at++
    const marker = u8(at + 1)
    if (marker === 0xd9) break
    const length = u16(at + 2)
    const end = at + 2 + length
    if (length < 2 || end > bytes.length) throw imageError('JPEG', `has a segment that runs past its end at byte ${at}`)
    at += 4
    if (marker === 0xdb) {
      while (at < end) {
        const wide = u8(at) >> 4
        const table = new Int32Array(64)
        for (let i = 0; i < 64; i++) table[ZIGZAG[i]] = wide ? u16(at + 1 + 2 * i) : u8(at + 1 + i)
        quantizers[u8(at) & 15] = table
        at += 1 + 64 * (wide ? 2 : 1)
      }
    } else if (marker === 0xc4) {
      while (at < end) {
        const counts = bytes.subarray(at + 1, at + 17)
        const total = counts.reduce((sum, count) => sum + count, 0)
        codes.set(u8(at), huffmanOf(counts, bytes.subarray(at + 17, at + 17 + total)))
        at += 17 + total
      }
    } else if (marker === 0xc0 || marker === 0xc1) {
      if (u8(at) !== 8) throw imageError('JPEG', `has samples of ${u8(at)} bits, expected 8`)
      height = u16(at + 1)
      width = u16(at + 3)
      newPicture('JPEG', width, height, 1)
      components = componentsOf(bytes.subarray(at + 5, end), width, height)
    } else if (marker >= 0xc2 && marker <= 0xcf && marker !== 0xc8 && marker !== 0xcc) throw imageError('JPEG', 'is progressive or coded in another way than baseline; store it as baseline')
    else if (marker === 0xdd) interval = u16(at)
    else if (marker === 0xee && length >= 14) adobe = u8(at + 11)
    else if (marker === 0xda) {
      const count = u8(at)
      const scanned: Component[] = []
      for (let i = 0; i < count; i++) {
        const one = components.find(({ id }) => id === u8(at + 1 + 2 * i))
        if (one === undefined) throw imageError('JPEG', 'has a scan of a component that it lacks')
        one.dcCodes = codes.get(u8(at + 2 + 2 * i) >> 4)
        one.acCodes = codes.get((u8(at + 2 + 2 * i) & 15) | 16)
        scanned.push(one)
      }
      at = decodeScan(bytes, end, scanned, components, quantizers, width, height, interval)
      isDone = scanned.length === components.length
      continue
    }
    at = end
  }
  if (components.length !== 1 && components.length !== 3) throw imageError('JPEG', `has ${components.length} components, expected 1 or 3`)
  return coloured(components, width, height, adobe !== 0)
}

function componentsOf(header: Uint8Array, width: number, height: number): Component[] {
  const list = Array.from({ length: header[0] }, (_, i) => ({ id: header[1 + 3 * i], across: header[2 + 3 * i] >> 4, down: header[2 + 3 * i] & 15, quantizer: header[3 + 3 * i] }))
  const [mostAcross, mostDown] = [Math.max(...list.map(({ across }) => across)), Math.max(...list.map(({ down }) => down))]
  return list.map((one): Component => {
    if (!(one.across >= 1 && one.across <= 4 && one.down >= 1 && one.down <= 4)) throw imageError('JPEG', `has a sampling of ${one.across} by ${one.down}`)
    const stride = Math.ceil(width / (8 * mostAcross)) * one.across * 8
    const samples = new Uint8Array(stride * Math.ceil(height / (8 * mostDown)) * one.down * 8)
    const plane: Plane = { width: Math.ceil((width * one.across) / mostAcross), height: Math.ceil((height * one.down) / mostDown), stride, samples }
    return { ...one, plane, stride, samples, dcCodes: undefined, acCodes: undefined, previous: 0 }
  })
}

/** Decodes one scan from `at` on; returns the place of the marker after it. */
function decodeScan(bytes: Uint8Array, at: number, scanned: readonly Component[], all: readonly Component[], quantizers: readonly (Int32Array | undefined)[], width: number, height: number, interval: number): number {
  let buffer = 0
  let held = 0
  const bit = (): number => {
    if (held === 0) {
      // After the end, or before a marker, libjpeg reads zeros.
      buffer = at < bytes.length ? bytes[at] : 0
      if (buffer === 0xff) {
        if (bytes[at + 1] === 0) at += 2
        else buffer = 0
      } else if (at < bytes.length) at++
      held = 8
    }
    held--
    return (buffer >> held) & 1
  }
  const symbol = ({ largest, offset, values }: Huffman): number => {
    for (let length = 1, code = 0; length <= 16; length++) {
      code = (code << 1) | bit()
      if (code <= largest[length]) return values[code + offset[length]]
    }
    throw imageError('JPEG', 'has a code of no symbol')
  }
  const signed = (size: number): number => {
    let value = 0
    for (let i = 0; i < size; i++) value = (value << 1) | bit()
    return size > 0 && value < 1 << (size - 1) ? value - (1 << size) + 1 : value
  }
  const block = new Int32Array(64)
  const decodeBlock = (component: Component, column: number, row: number): void => {
    const { dcCodes, acCodes } = component
    const table = quantizers[component.quantizer]
    if (dcCodes === undefined || acCodes === undefined || table === undefined) throw imageError('JPEG', 'lacks a table that a scan needs')
    block.fill(0)
    component.previous += signed(symbol(dcCodes) & 15)
    block[0] = component.previous * table[0]
    for (let k = 1; k < 64; k++) {
      const code = symbol(acCodes)
      const size = code & 15
      k += code >> 4
      if (size === 0 && code !== 0xf0) break
      if (k > 63) throw imageError('JPEG', 'has a block of more than 64 values')
      const place = ZIGZAG[k]
      block[place] = signed(size) * table[place]
    }
    inverseTransform(block, component.samples, row * 8 * component.stride + column * 8, component.stride)
  }
  const [mostAcross, mostDown] = [Math.max(...all.map(({ across }) => across)), Math.max(...all.map(({ down }) => down))]
  const single = scanned.length === 1 ? scanned[0] : undefined
  const columns = single === undefined ? Math.ceil(width / (8 * mostAcross)) : Math.ceil(single.plane.width / 8)
  const rows = single === undefined ? Math.ceil(height / (8 * mostDown)) : Math.ceil(single.plane.height / 8)
  for (const component of scanned) component.previous = 0
  for (let unit = 0; unit < columns * rows; unit++) {
    if (interval > 0 && unit > 0 && unit % interval === 0) {
      held = 0
      while (at < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] >= 0xd0 && bytes[at + 1] <= 0xd7)) at++
      at += 2
      for (const component of scanned) component.previous = 0
    }
    const [column, row] = [unit % columns, Math.floor(unit / columns)]
    if (single !== undefined) decodeBlock(single, column, row)
    else for (const component of scanned) for (let v = 0; v < component.down; v++) for (let h = 0; h < component.across; h++) decodeBlock(component, column * component.across + h, row * component.down + v)
  }
  return at
}

/** One dimension of the transform: eight values from `at`, `step` apart; results are shifted right by `shift`, rounded. */
function transformLine(x: Int32Array, at: number, step: number, shift: number): void {
  const [x0, x1, x2, x3] = [x[at], x[at + step], x[at + 2 * step], x[at + 3 * step]]
  const [x4, x5, x6, x7] = [x[at + 4 * step], x[at + 5 * step], x[at + 6 * step], x[at + 7 * step]]
  // Constants are multiples of 2^-13 (Loeffler, Ligtenberg and Moschytz, 1989).
  const e = (x2 + x6) * 4433
  const [e2, e3] = [e - x6 * 15137, e + x2 * 6270]
  const [e0, e1] = [(x0 + x4) * 8192, (x0 - x4) * 8192]
  const even = [e0 + e3, e1 + e2, e1 - e2, e0 - e3]
  const z5 = (x7 + x3 + x5 + x1) * 9633
  const z1 = (x7 + x1) * -7373
  const z2 = (x5 + x3) * -20995
  const z3 = (x7 + x3) * -16069 + z5
  const z4 = (x5 + x1) * -3196 + z5
  const odd = [x1 * 12299 + z1 + z4, x3 * 25172 + z2 + z3, x5 * 16819 + z2 + z4, x7 * 2446 + z1 + z3]
  const half = 1 << (shift - 1)
  for (let i = 0; i < 4; i++) {
    x[at + i * step] = (even[i] + odd[i] + half) >> shift
    x[at + (7 - i) * step] = (even[i] - odd[i] + half) >> shift
  }
}

/** block [8, 8] of coefficients -> samples in 0 to 255 */
function inverseTransform(block: Int32Array, samples: Uint8Array, at: number, stride: number): void {
  for (let column = 0; column < 8; column++) transformLine(block, column, 8, 11)
  for (let row = 0; row < 8; row++) {
    transformLine(block, 8 * row, 1, 18)
    for (let column = 0; column < 8; column++) samples[at + row * stride + column] = Math.min(Math.max(block[8 * row + column] + 128, 0), 255)
  }
}

/** Components as pixels; three of them are luminance and two colour differences unless the file says that they are red, green and blue. */
function coloured(components: readonly Component[], width: number, height: number, differences: boolean): Picture {
  const picture = newPicture('JPEG', width, height, components.length === 1 ? 1 : 3)
  const planes = components.map(({ plane }) => upsample(plane, width, height))
  const clamp = (value: number): number => Math.min(Math.max(value, 0), 255)
  for (let i = 0, o = 0; i < width * height; i++) {
    const [y, cb, cr] = planes.map((plane) => plane[i])
    if (planes.length === 1 || !differences) {
      for (const plane of planes) picture.data[o++] = plane[i]
      continue
    }
    const [b, r] = [cb - 128, cr - 128]
    picture.data[o++] = clamp(y + ((91881 * r + 32768) >> 16))
    picture.data[o++] = clamp(y + ((-22554 * b - 46802 * r + 32768) >> 16))
    picture.data[o++] = clamp(y + ((116130 * b + 32768) >> 16))
  }
  return picture
}
