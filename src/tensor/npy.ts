// numpy's .npy files, versions 1 to 3: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
import { plainBytes } from './bytes.ts'
import { MleError } from '../error.ts'
import { bytesPerElement, narrowRange, type DType, type StringArray } from './dtype.ts'
import { decodeUtf32, encodeUtf32, splitFixedBytes } from './fixed-strings.ts'
import { fortranStrides, fortranToC, isOrderless, stridedOrder, viewNumeric } from './layout.ts'
import { bitsReader } from './minifloat.ts'
import { NUMERIC_CODES, numericDTypeOfCode } from './numpy-codes.ts'
import { sizeOf } from './shape.ts'
import { isNumericArray, type Tensor } from './tensor.ts'

export interface NpyLimits {
  /** Bytes of the header text: numpy itself refuses more than 10,000 from untrusted files. */
  readonly headerBytes: number
  /** Dimensions: numpy allows 32, version 2 of it 64. */
  readonly rank: number
  /** Characters of all strings together, padding included: one element may claim any width. */
  readonly stringCharacters: number
}

export const DEFAULT_NPY_LIMITS: NpyLimits = { headerBytes: 65536, rank: 64, stringCharacters: 2 ** 28 }

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]

interface NpyHeader {
  readonly descr: string
  readonly fortranOrder: boolean
  readonly shape: readonly number[]
}

function npyError(code: string, message: string, offset?: number): MleError {
  return new MleError(code, `npy: ${message}`, { offset })
}

/** True when the bytes begin like an .npy file. */
export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte)
}

/**
 * Reads an .npy file: C or Fortran order, either byte order; 'U' and 'S' become strings. Numeric data is a view of `bytes` where its
 * alignment allows, else a copy.
 *
 * @throws MleError NPY_MAGIC, NPY_VERSION, NPY_HEADER, NPY_DTYPE (object, structured, complex, datetime...), NPY_SIZE, NPY_VALUE, NPY_STRING, NPY_LIMIT
 * @example const { dtype, shape, data } = readNpy(bytes)
 */
export function readNpy(source: Uint8Array, limits: Partial<NpyLimits> = {}): Tensor {
  const bytes = plainBytes(source)
  const caps = { ...DEFAULT_NPY_LIMITS, ...limits }
  if (!isNpy(bytes)) throw npyError('NPY_MAGIC', 'the bytes do not begin with \\x93NUMPY: this is no .npy file', 0)
  const version = bytes[6]
  if (version !== 1 && version !== 2 && version !== 3) throw npyError('NPY_VERSION', `version ${version ?? 'missing'} is not supported, expected 1, 2 or 3`, 6)
  const textStart = version === 1 ? 10 : 12
  if (bytes.length < textStart) throw npyError('NPY_SIZE', `${bytes.length} bytes are too few for a header`, bytes.length)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const textBytes = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  if (textBytes > caps.headerBytes) throw npyError('NPY_LIMIT', `header of ${textBytes} bytes exceeds the limit of ${caps.headerBytes}`, 8)
  if (textBytes > bytes.length - textStart) throw npyError('NPY_SIZE', `header of ${textBytes} bytes runs past the end of the file`, 8)
  const dataStart = textStart + textBytes
  const header = parseHeader(latin1(bytes.subarray(textStart, dataStart)), caps)
  return decodeData(header, bytes.subarray(dataStart), dataStart, caps)
}

function latin1(bytes: Uint8Array): string {
  // Field names are the only text that versions 2 and 3 may write differently, and structured arrays are refused.
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

const HEADER_TOKEN = /\s*(?:'([^'\\]*)'|(\d{1,16})L?|(True|False)|([{}()[\]:,]))/y

/** Parses the dict literal that numpy writes: exactly the keys descr, fortran_order and shape, in any order. */
function parseHeader(text: string, caps: NpyLimits): NpyHeader {
  let at = 0
  const fail = (what: string): MleError => npyError('NPY_HEADER', `${what} in the header ${JSON.stringify(text.slice(0, 120))}`)
  const next = (): { text?: string; number?: number; symbol?: string } => {
    HEADER_TOKEN.lastIndex = at
    const match = HEADER_TOKEN.exec(text)
    if (match === null) throw fail(`unexpected text at position ${at}`)
    at = HEADER_TOKEN.lastIndex
    return { text: match[1], number: match[2] === undefined ? undefined : Number(match[2]), symbol: match[3] ?? match[4] }
  }
  const expectSymbol = (symbol: string): void => {
    if (next().symbol !== symbol) throw fail(`expected ${symbol} before position ${at}`)
  }
  let descr: string | undefined
  let fortranOrder: boolean | undefined
  let shape: number[] | undefined
  expectSymbol('{')
  for (;;) {
    const key = next()
    if (key.symbol === '}') break
    expectSymbol(':')
    const value = next()
    if (key.text === 'descr' && descr === undefined) {
      if (value.symbol === '[') throw npyError('NPY_DTYPE', 'structured dtypes are not supported: save each field as an array of its own')
      descr = value.text
    } else if (key.text === 'fortran_order' && fortranOrder === undefined && (value.symbol === 'True' || value.symbol === 'False')) fortranOrder = value.symbol === 'True'
    else if (key.text === 'shape' && shape === undefined && value.symbol === '(') {
      shape = []
      for (let token = next(); token.symbol !== ')'; ) {
        if (token.number === undefined) throw fail('a shape that is no tuple of integers')
        shape.push(token.number)
        if (shape.length > caps.rank) throw npyError('NPY_LIMIT', `more than ${caps.rank} dimensions`)
        token = next()
        if (token.symbol === ',') token = next()
        else if (token.symbol !== ')') throw fail('a shape that is no tuple of integers')
      }
    } else throw fail(`unexpected or repeated entry ${JSON.stringify(key.text ?? key.symbol)}`)
    const end = next().symbol
    if (end === '}') break
    if (end !== ',') throw fail('missing comma')
  }
  if (text.slice(at).trim() !== '') throw fail('text after the dict')
  if (descr === undefined || fortranOrder === undefined || shape === undefined) throw fail('descr, fortran_order or shape missing')
  return { descr, fortranOrder, shape }
}

function decodeData(header: NpyHeader, data: Uint8Array, dataStart: number, caps: NpyLimits): Tensor {
  const { descr, shape, fortranOrder } = header
  const match = /^([<>=|]?)([a-zA-Z])(\d{0,10})$/.exec(descr)
  if (match === null) throw npyError('NPY_DTYPE', `dtype ${JSON.stringify(descr)} is not supported`)
  const [, order, letter, widthText] = match
  const size = sizeOf(shape)
  const checkSize = (elementBytes: number): void => {
    if (!Number.isSafeInteger(size * elementBytes) || data.length !== size * elementBytes) {
      throw npyError('NPY_SIZE', `shape [${shape.join(', ')}] of ${descr} needs ${size * elementBytes} bytes of data, the file has ${data.length}`, dataStart)
    }
  }
  if (letter === 'U' || letter === 'S') {
    const width = Number(widthText)
    // Zero-width elements take no bytes, so that the file's size does not bound their number.
    if (size * Math.max(width, 1) > caps.stringCharacters) throw npyError('NPY_LIMIT', `${size} strings of ${width} characters exceed the limit of ${caps.stringCharacters}`)
    checkSize(letter === 'U' ? width * 4 : width)
    const strings = letter === 'U' ? decodeUtf32(data, size, width, order === '>', 'NPY_STRING') : splitFixedBytes(data, size, width).map(asciiText)
    return { dtype: 'string', shape, data: fortranOrder && !isOrderless(shape) ? reorder(strings, shape) : strings }
  }
  const dtype = numericDTypeOfCode(letter + widthText)
  if (dtype === undefined) {
    const hint = letter === 'O' ? 'object arrays hold pickles: convert the array to numbers or strings before saving' : 'convert it with astype before saving'
    throw npyError('NPY_DTYPE', `dtype ${JSON.stringify(descr)} is not supported: ${hint}`)
  }
  checkSize(bytesPerElement(dtype))
  const array = viewNumeric(dtype, data, order === '>')
  if (dtype === 'bool') array.forEach((value, i) => { if (value > 1) throw npyError('NPY_VALUE', `element ${i} of a bool array is ${value}, expected 0 or 1`, dataStart + i) })
  return { dtype, shape, data: fortranOrder ? fortranToC(array, dtype, shape) : array }
}

function asciiText(bytes: Uint8Array, index: number): string {
  let text = ''
  for (const byte of bytes) {
    if (byte > 127) throw npyError('NPY_STRING', `string ${index} holds the byte ${byte}: byte strings must be ASCII, or save the array as dtype U`)
    text += String.fromCharCode(byte)
  }
  return text
}

function reorder(strings: readonly string[], shape: readonly number[]): string[] {
  return Array.from(stridedOrder(shape, fortranStrides(shape)), (from) => strings[from])
}

const CODE_OF: ReadonlyMap<DType, string> = /* @__PURE__ */ new Map<DType, string>([...NUMERIC_CODES].map(([code, dtype]) => [dtype, code]))

/**
 * Writes an .npy file, version 1, C order, little endian, data at a multiple of 64 bytes. bfloat16 and floats of 8 and 4 bits, which numpy
 * lacks, are written as the float32 of the same value, integers of 4 and 2 bits as those of 8; strings as '<U' of the longest.
 *
 * @throws MleError NPY_STRING for a missing (null) string
 */
export function writeNpy(tensor: Tensor): Uint8Array {
  const size = sizeOf(tensor.shape)
  if (tensor.data.length !== size) throw new RangeError(`tensor of shape [${tensor.shape.join(', ')}] has ${tensor.data.length} elements`)
  const { descr, payload } = encodeData(tensor)
  const shape = tensor.shape.length === 1 ? `(${tensor.shape[0]},)` : `(${tensor.shape.join(', ')})`
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`
  // The text ends in a newline and fills the file to a multiple of 64, so that the data can be mapped.
  const total = Math.ceil((10 + dict.length + 1) / 64) * 64
  const text = `${dict.padEnd(total - 11)}\n`
  const out = new Uint8Array(total + payload.length)
  out.set(MAGIC)
  out[6] = 1
  new DataView(out.buffer).setUint16(8, text.length, true)
  for (let i = 0; i < text.length; i++) out[10 + i] = text.charCodeAt(i)
  out.set(payload, total)
  return out
}

function encodeData(tensor: Tensor): { descr: string; payload: Uint8Array } {
  const { dtype, data } = tensor
  if (!isNumericArray(data)) {
    const { bytes, characters } = encodeUtf32(completeStrings(data))
    return { descr: `<U${characters}`, payload: bytes }
  }
  const read = dtype === 'float16' ? undefined : bitsReader(dtype)
  if (read !== undefined) {
    const floats = Float32Array.from(data as Uint16Array, read)
    return { descr: '<f4', payload: new Uint8Array(floats.buffer) }
  }
  const code = CODE_OF.get(narrowRange(dtype) === undefined ? dtype : dtype.startsWith('u') ? 'uint8' : 'int8')
  if (code === undefined) throw new TypeError(`tensor of dtype ${dtype} has numeric data`)
  if (data.BYTES_PER_ELEMENT !== bytesPerElement(dtype)) throw new TypeError(`tensor of dtype ${dtype} holds a ${data.constructor.name}`)
  return { descr: `${code.endsWith('1') ? '|' : '<'}${code}`, payload: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) }
}

function completeStrings(data: StringArray): string[] {
  return data.map((text, i) => {
    if (text === null) throw npyError('NPY_STRING', `string ${i} is missing (null), which an .npy file cannot hold: write .json instead`)
    return text
  })
}
