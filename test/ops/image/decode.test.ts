// Images of a few pixels in every format and variant, written here; what libpng and libjpeg make of larger ones is in the ONNX project's tests.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync } from 'node:zlib'
import { MleError } from '../../../src/error.ts'
import { decodeImage } from '../../../src/ops/image/decode.ts'
import { tensor } from '../../../src/tensor/tensor.ts'
import { readPack } from '../../support/fixtures.ts'
import { valueOf } from '../../support/onnx-values.ts'
import { runOp } from '../../support/run-op.ts'

const big = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
const little = (value: number): number[] => big(value).reverse()
const chunk = (kind: string, data: readonly number[]): number[] => [...big(data.length), ...Buffer.from(kind), ...data, 0, 0, 0, 0]

function png(width: number, height: number, depth: number, colour: number, rows: readonly number[], level: number, palette: readonly number[] = [], interlace = 0): Uint8Array {
  const header = [...big(width), ...big(height), depth, colour, 0, 0, interlace]
  return Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, ...chunk('IHDR', header), ...(palette.length > 0 ? chunk('PLTE', palette) : []), ...chunk('IDAT', [...deflateSync(Uint8Array.from(rows), { level })]), ...chunk('IEND', [])])
}

const pixels = (bytes: Uint8Array): number[] => [...decodeImage(bytes).data]

test('PNG in all colour types and depths, stored and compressed', () => {
  for (const level of [0, 1, 9]) {
    assert.deepEqual(pixels(png(2, 1, 8, 2, [0, 1, 2, 3, 4, 5, 6], level)), [1, 2, 3, 4, 5, 6])
    assert.deepEqual(pixels(png(3, 1, 1, 0, [0, 0b10100000], level)), [255, 0, 255])
    assert.deepEqual(pixels(png(2, 1, 2, 3, [0, 0b01100000], level, [9, 9, 9, 1, 2, 3, 4, 5, 6])), [1, 2, 3, 4, 5, 6])
    assert.deepEqual(pixels(png(1, 1, 16, 2, [0, 1, 99, 2, 99, 3, 99], level)), [1, 2, 3])
    assert.deepEqual(pixels(png(1, 1, 8, 4, [0, 7, 128], level)), [7, 7, 7, 128])
    assert.deepEqual(pixels(png(1, 1, 8, 6, [0, 1, 2, 3, 4], level)), [1, 2, 3, 4])
  }
})

test('every filter of PNG is taken back', () => {
  const first = [10, 20, 30]
  const next: readonly (readonly [number, readonly number[]])[] = [[0, [1, 2, 3]], [1, [1, 1, 1]], [2, [1, 2, 3]], [3, [1, 2, 3]], [4, [1, 2, 3]]]
  const want = [[1, 2, 3], [1, 2, 3], [11, 22, 33], [6, 15, 25], [11, 22, 33]]
  next.forEach(([filter, bytes], i) => assert.deepEqual(pixels(png(3, 2, 8, 0, [0, ...first, filter, ...bytes], 9)), [...first, ...want[i]], `filter ${filter}`))
})

test('a long image has codes of its own lengths', () => {
  const rows = Array.from({ length: 64 }, (_, y) => [0, ...Array.from({ length: 192 }, (_unused, x) => (x * y * 7 + (x >> 3)) & 255)]).flat()
  assert.deepEqual(pixels(png(64, 64, 8, 2, rows, 9)), rows.filter((_, i) => i % 193 !== 0))
})

test('BMP from below and from above, with a palette', () => {
  const bmp = (width: number, height: number, bits: number, data: readonly number[]): Uint8Array =>
    Uint8Array.from([0x42, 0x4d, ...little(0), 0, 0, 0, 0, ...little(54 + (bits === 8 ? 12 : 0)), ...little(40), ...little(width), ...little(height), 1, 0, bits, 0, ...little(0), ...new Array<number>(20).fill(0), ...data])
  assert.deepEqual(pixels(bmp(1, 2, 24, [3, 2, 1, 0, 6, 5, 4, 0])), [4, 5, 6, 1, 2, 3])
  assert.deepEqual(pixels(bmp(1, -2, 32, [3, 2, 1, 0, 6, 5, 4, 0])), [1, 2, 3, 4, 5, 6])
  assert.deepEqual(pixels(bmp(2, 1, 8, [0, 0, 0, 0, 3, 2, 1, 0, 6, 5, 4, 0, 1, 2, 0, 0])), [1, 2, 3, 4, 5, 6])
})

test('TIFF in both byte orders', () => {
  for (const order of [little, big]) {
    const short = (value: number): number[] => (order === little ? [value & 255, value >> 8] : [value >> 8, value & 255])
    const field = (tag: number, value: number): number[] => [...short(tag), ...short(4), ...order(1), ...order(value)]
    const fields = [field(256, 2), field(257, 2), field(258, 8), field(262, 1), field(273, 98), field(277, 1), field(278, 2)]
    assert.deepEqual(pixels(Uint8Array.from([...(order === little ? [0x49, 0x49, 42, 0] : [0x4d, 0x4d, 0, 42]), ...order(8), ...short(7), ...fields.flat(), ...order(0), 1, 2, 3, 4])), [1, 2, 3, 4])
  }
})

test('Netpbm as text and as bytes', () => {
  const text = (content: string): Uint8Array => Uint8Array.from(Buffer.from(content, 'latin1'))
  assert.deepEqual(pixels(text('P2 # grey\n2 1\n15\n0 15')), [0, 255])
  assert.deepEqual(pixels(text('P3 1 1 255 1 2 3')), [1, 2, 3])
  assert.deepEqual(pixels(text('P5 2 1 255\n\x01\x02')), [1, 2])
  assert.deepEqual(pixels(text('P6 1 1 255\n\x01\x02\x03')), [1, 2, 3])
})

test('channels in the order asked for, or as grey', async () => {
  const stream = tensor(png(1, 1, 8, 2, [0, 200, 100, 50], 9))
  assert.deepEqual([...(await runOp('ImageDecoder', [stream]))[0].data], [200, 100, 50])
  assert.deepEqual([...(await runOp('ImageDecoder', [stream], { pixel_format: 'BGR' }))[0].data], [50, 100, 200])
  const [grey] = await runOp('ImageDecoder', [stream], { pixel_format: 'Grayscale' })
  assert.deepEqual([grey.shape, [...grey.data]], [[1, 1, 1], [124]])
  await assert.rejects(runOp('ImageDecoder', [stream], { pixel_format: 'HSV' }), { code: 'OP_ATTRIBUTE' })
})

test('damaged images are refused by code, whatever is wrong with them', () => {
  const files = readPack('onnx_backend')
  const jpeg = valueOf(files.get('node/test_image_decoder_decode_jpeg_rgb/test_data_set_0/input_0.pb') ?? new Uint8Array(0), undefined)
  assert.ok(jpeg !== null && 'dtype' in jpeg)
  const whole = [png(2, 1, 8, 2, [0, 1, 2, 3, 4, 5, 6], 9), Uint8Array.from(jpeg.data as Uint8Array)]
  let refused = 0
  for (const bytes of whole) {
    for (let i = 0; i < bytes.length; i++) {
      for (const damaged of [bytes.subarray(0, i), bytes.map((byte, at) => (at === i ? byte ^ 0x55 : byte))]) {
        try {
          decodeImage(damaged)
        } catch (error) {
          assert.ok(error instanceof MleError && error.code === 'OP_IMAGE', String(error))
          refused++
        }
      }
    }
  }
  assert.ok(refused > 500)
  assert.throws(() => decodeImage(png(65535, 65535, 8, 2, [0], 9)), { code: 'OP_IMAGE' })
  assert.throws(() => decodeImage(png(1, 1, 8, 2, [0, 1, 2, 3], 9, [], 1)), { code: 'OP_IMAGE' })
  assert.throws(() => decodeImage(Uint8Array.of(1, 2, 3)), { code: 'OP_IMAGE' })
})
