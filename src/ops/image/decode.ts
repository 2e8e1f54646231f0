// An encoded image as pixels, by what its first bytes say.
import { decodeJpeg, isJpeg } from './jpeg.ts'
import { imageError, type Picture } from './picture.ts'
import { decodeBmp, decodeNetpbm, decodeTiff, isBmp, isNetpbm, isTiff } from './plain.ts'
import { decodePng, isPng } from './png.ts'

/** Throws OP_IMAGE for other formats, and for damaged images. */
export function decodeImage(bytes: Uint8Array): Picture {
  if (isPng(bytes)) return decodePng(bytes)
  if (isJpeg(bytes)) return decodeJpeg(bytes)
  if (isBmp(bytes)) return decodeBmp(bytes)
  if (isTiff(bytes)) return decodeTiff(bytes)
  if (isNetpbm(bytes)) return decodeNetpbm(bytes)
  throw imageError('encoded', 'is in no format that is known here: PNG, baseline JPEG, BMP, TIFF without compression, Netpbm')
}
