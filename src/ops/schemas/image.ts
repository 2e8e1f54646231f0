// Images as they are stored.
import { text as textOf } from '../attributes.ts'
import { inputShape } from '../rules.ts'
import { exact, type OpSchema } from '../schema.ts'
import { oneOf, op, text } from './define.ts'

export const imageSchemas: readonly OpSchema[] = [
  /** The pixels of an encoded image: PNG, baseline JPEG, BMP, TIFF without compression, or Netpbm. Opacity is left out. @formula image[y, x, c] */
  op('ImageDecoder', 20, 'encoded_stream:uint8', {
    outputs: 'image', bound: exact, attributes: [text('pixel_format', 'RGB')],
    infer(context) {
      inputShape(context, 0, 1)
      const format = oneOf('pixel_format', textOf(context.attributes, 'pixel_format', 'RGB'), ['RGB', 'BGR', 'Grayscale'])
      return [{ dtype: 'uint8', shape: [null, null, format === 'Grayscale' ? 1 : 3] }]
    },
  }),
]
