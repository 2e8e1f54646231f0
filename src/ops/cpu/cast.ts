// Conversion of elements from any dtype to any other; the rules are in the schema of Cast.
import { MleError } from '../../error.ts'
import { is64BitInteger, isFloat, isMinifloat, narrowRange, type DType } from '../../tensor/dtype.ts'
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from '../../tensor/half.ts'
import { bitsReader, minifloatBits, SATURATING, type Narrowing } from '../../tensor/minifloat.ts'
import type { Kernel, KernelContext } from '../kernel.ts'
import { castTarget, narrowingOf } from '../schemas/tensor.ts'
import { isTensorType } from '../types.ts'
import { numbers, wordsOf, type Numbers } from './nest.ts'
import { numberToWide, wideToFloat32, wideToNumber } from './wide.ts'

/** Converts n elements. */
export type CastLoop = (y: Numbers, x: Numbers, n: number) => void

/** The loop that converts elements of one dtype to another; `narrowing` concerns floats of 8 bits only. */
export function castLoop(from: DType, to: DType, narrowing: Narrowing = SATURATING): CastLoop {
  if (from === to) return wordsOf(from) === 2 ? copyPairs : copyAll
  if (to === 'string') return storeStrings(formatter(from))
  if (from === 'string') return parseAll(to)
  if (is64BitInteger(from) && is64BitInteger(to)) return copyPairs
  if (is64BitInteger(from) && !isFloat(to) && !isMinifloat(to) && narrowRange(to) === undefined) return to === 'bool' ? anyWord : lowWords
  const read = reader(from, to)
  const write = writer(to, isFloat(from) || isMinifloat(from), narrowing)
  if (read === plainRead && write === plainWrite) return to === 'float64' ? copyTo64 : copyAll
  return (y, x, n) => {
    for (let i = 0; i < n; i++) write(y, i, read(x, i))
  }
}

const copyAll: CastLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = x[i]
}
const copyTo64: CastLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = x[i]
}
const copyPairs: CastLoop = (y, x, n) => {
  for (let i = 0; i < 2 * n; i++) y[i] = x[i]
}
const lowWords: CastLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = x[2 * i]
}
const anyWord: CastLoop = (y, x, n) => {
  for (let i = 0; i < n; i++) y[i] = (x[2 * i] | x[2 * i + 1]) !== 0 ? 1 : 0
}

type Read = (x: Numbers, i: number) => number
type Write = (y: Numbers, i: number, value: number) => void

const plainRead: Read = (x, i) => x[i]
const plainWrite: Write = (y, i, value) => {
  y[i] = value
}

/** Numbers as doubles that round to `to` as the elements themselves do. */
function reader(from: DType, to: DType): Read {
  const decode = bitsReader(from)
  if (decode !== undefined) return (x, i) => decode(x[i])
  // Integers of a few bits keep low bits, which the low word has.
  if (is64BitInteger(from) && narrowRange(to) !== undefined) return (x, i) => x[2 * i]
  if (is64BitInteger(from)) return to === 'float64' || isMinifloat(to) ? (x, i) => wideToNumber(x, 2 * i) : (x, i) => wideToFloat32(x, 2 * i)
  return plainRead
}

/** Stores doubles; floats saturate in integers, integers keep their low bits. */
function writer(to: DType, fromFloat: boolean, narrowing: Narrowing = SATURATING): Write {
  if (to === 'float16') return (y, i, value) => (y[i] = floatToHalf(value))
  if (to === 'bfloat16') return (y, i, value) => (y[i] = floatToBfloat(value))
  if (to === 'bool') return (y, i, value) => (y[i] = value !== 0 ? 1 : 0)
  if (is64BitInteger(to)) {
    if (fromFloat) return (y, i, value) => numberToWide(y, 2 * i, value === value ? Math.trunc(value) : 0, to === 'uint64')
    return (y, i, value) => {
      y[2 * i] = value
      y[2 * i + 1] = value < 0 ? -1 : 0
    }
  }
  if (isMinifloat(to)) {
    const encode = minifloatBits(to, narrowing)
    return (y, i, value) => (y[i] = encode(value))
  }
  // Integers of a few bits keep the low bits of floats as well, once truncated: what ONNX's own reference does.
  if (narrowRange(to) !== undefined) {
    const bits = to.endsWith('4') ? 4 : 2
    const [mask, half] = [(1 << bits) - 1, 1 << (bits - 1)]
    return to.startsWith('u') ? (y, i, value) => (y[i] = value & mask) : (y, i, value) => (y[i] = ((value & mask) ^ half) - half)
  }
  if (isFloat(to) || !fromFloat) return plainWrite
  const [low, high] = integerRange(to)
  return (y, i, value) => (y[i] = Math.min(Math.max(value, low), high))
}

/** The ends of an integer dtype of up to 32 bits. */
export function integerRange(dtype: DType): readonly [low: number, high: number] {
  // 2^(bits - 1), by way of a shift whose sign bit is taken back.
  const half = (1 << (Number(dtype.replace(/\D+/, '')) - 1)) >>> 0
  return dtype.startsWith('u') ? [0, 2 * half - 1] : [-half, half - 1]
}

function storeStrings(format: (x: Numbers, i: number) => string): CastLoop {
  return (y, x, n) => {
    const texts = y as unknown as string[]
    for (let i = 0; i < n; i++) texts[i] = format(x, i)
  }
}

function formatter(from: DType): (x: Numbers, i: number) => string {
  if (from === 'bool') return (x, i) => (x[i] !== 0 ? 'True' : 'False')
  if (is64BitInteger(from)) return (x, i) => String((BigInt(x[2 * i + 1]) << 32n) | BigInt(x[2 * i] >>> 0))
  if (!isFloat(from) && !isMinifloat(from)) return (x, i) => String(x[i])
  const read = reader(from, 'float64')
  const round = from === 'float32' || isMinifloat(from) ? Math.fround : from === 'float16' ? (v: number) => halfToFloat(floatToHalf(v)) : from === 'bfloat16' ? (v: number) => bfloatToFloat(floatToBfloat(v)) : undefined
  return (x, i) => formatFloat(read(x, i), round)
}

/** As Python writes a float: the fewest digits that read back as the same value; `round` is to the value's own dtype. */
export function formatFloat(value: number, round?: (value: number) => number): string {
  if (value !== value) return 'nan'
  if (value - value !== 0) return value > 0 ? 'inf' : '-inf'
  let scientific = value.toExponential()
  if (round !== undefined) {
    for (let digits = 0; digits < 9; digits++) {
      scientific = value.toExponential(digits)
      if (round(Number(scientific)) === value) break
    }
  }
  const [mantissa, power] = scientific.split('e')
  const exponent = Number(power)
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const digits = mantissa.replace(/[-.]/g, '').replace(/0+$/, '') || '0'
  if (exponent < -4 || exponent >= 16) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  return `${sign}${digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')}.${digits.slice(exponent + 1) || '0'}`
}

/** Strings become the nearest value; through a double for float32. A missing string is NaN. */
function parseAll(to: DType): CastLoop {
  const write = writer(to, true)
  return (y, x, n) => {
    const texts = x as unknown as readonly (string | null)[]
    for (let i = 0; i < n; i++) {
      const text = texts[i]
      if (is64BitInteger(to) && text !== null && /^\s*[+-]?\d{16,19}\s*$/.test(text)) {
        const value = BigInt(text.trim().replace('+', ''))
        y[2 * i] = Number(BigInt.asIntN(32, value))
        y[2 * i + 1] = Number(BigInt.asIntN(32, value >> 32n))
      } else write(y, i, parseNumber(text, isFloat(to) || isMinifloat(to), i))
    }
  }
}

/** A number as Python's float() reads it; throws CAST_STRING. */
function parseNumber(text: string | null, mayMiss: boolean, index: number): number {
  if (text === null && mayMiss) return NaN
  const word = (text ?? '').trim()
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(word)) return Number(word)
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(word)
  if (special === null) throw new MleError('CAST_STRING', `element ${index} is ${text === null ? 'missing' : `the string ${JSON.stringify(text.slice(0, 40))}`}, which is no number`, { actual: text ?? 'null' })
  return special[2].toLowerCase() === 'nan' ? NaN : special[1] === '-' ? -Infinity : Infinity
}

// x [any] of one dtype -> y of another
export function makeCast(context: KernelContext): Kernel {
  const type = context.inputTypes[0]
  if (!isTensorType(type)) throw new TypeError('Cast: the input has no dtype')
  const loop = castLoop(type.dtype, castTarget(context), narrowingOf(context.attributes))
  return (inputs, outputs) => loop(numbers(outputs[0]), numbers(inputs[0]), outputs[0]?.size ?? 0)
}
