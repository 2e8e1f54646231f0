// Pixels of encoded images.
import { text } from '../attributes.ts'
import { decodeImage } from '../image/decode.ts'
import { allocateView, isView, type HostKernel, type KernelContext, type KernelEntry } from '../kernel.ts'

// encoded_stream [bytes] -> image [height, width, 1 or 3]
function makeImageDecoder({ attributes, scratch }: KernelContext): HostKernel {
  const format = text(attributes, 'pixel_format', 'RGB')
  return ([stream]) => {
    if (!isView(stream)) throw new TypeError('ImageDecoder was called without its input')
    const { width, height, channels, data } = decodeImage(Uint8Array.from(stream.data as Uint8Array))
    const out = allocateView('uint8', [height, width, format === 'Grayscale' ? 1 : 3], scratch)
    const pixels = out.data as Uint8Array
    for (let i = 0, o = 0; i < width * height; i++) {
      const at = i * channels
      const [r, g, b] = channels === 1 ? [data[at], data[at], data[at]] : [data[at], data[at + 1], data[at + 2]]
      // Weights of ITU-R 601 in multiples of 2^-16.
      if (format === 'Grayscale') pixels[o++] = channels === 1 ? r : (19595 * r + 38470 * g + 7471 * b + 32768) >> 16
      else for (const value of format === 'RGB' ? [r, g, b] : [b, g, r]) pixels[o++] = value
    }
    return [out]
  }
}

export const imageKernels: readonly (readonly [string, KernelEntry])[] = [['ImageDecoder', { makeHost: makeImageDecoder }]]
