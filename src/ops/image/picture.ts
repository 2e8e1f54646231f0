// What decoders of images share.
import { MleError } from '../../error.ts'

/** Rows from the top, `channels` bytes a pixel: 1 grey, 3 red green blue, 4 with opacity. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly channels: 1 | 3 | 4
  readonly data: Uint8Array
}

/** More pixels are a mistake, or an attack (CWE-409): no network takes images of this size. */
const MAX_PIXELS = 2 ** 26

export function imageError(format: string, problem: string): MleError {
  return new MleError('OP_IMAGE', `the ${format} image ${problem}`, { actual: format })
}

/** An empty picture; throws OP_IMAGE for sizes that no image has. */
export function newPicture(format: string, width: number, height: number, channels: 1 | 3 | 4): Picture {
  if (!(width > 0 && height > 0 && width * height <= MAX_PIXELS)) throw imageError(format, `has ${width} by ${height} pixels, expected 1 to ${MAX_PIXELS} in all`)
  return { width, height, channels, data: new Uint8Array(width * height * channels) }
}

/** A view over the bytes; reads beyond its end are errors of the format. */
export function readerOf(format: string, bytes: Uint8Array): { u8(at: number): number; u16(at: number, little?: boolean): number; u32(at: number, little?: boolean): number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const check = (at: number, size: number): void => {
    if (!(at >= 0 && at + size <= bytes.length)) throw imageError(format, `ends at byte ${bytes.length}, but byte ${at} is needed`)
  }
  return {
    u8(at) {
      check(at, 1)
      return view.getUint8(at)
    },
    u16(at, little = false) {
      check(at, 2)
      return view.getUint16(at, little)
    },
    u32(at, little = false) {
      check(at, 4)
      return view.getUint32(at, little)
    },
  }
}
