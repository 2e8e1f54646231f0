// How far two tensors are apart: absolute, relative, and in units in the last place.
import type { OutputValue } from '../runs.ts'
import { bytesPerElement, isFloat, type DType } from '../tensor/dtype.ts'
import { bfloatToFloat, halfToFloat } from '../tensor/half.ts'
import { isTensor, type Tensor } from '../tensor/tensor.ts'

export interface Tolerance {
  readonly rtol: number
  readonly atol: number
}

export interface Difference {
  /** In words, where the values cannot be compared element by element. */
  readonly kind?: string
  readonly maxAbs: number
  readonly maxRel: number
  /** Floats that lie between the two; in the shorter of their dtypes. */
  readonly maxUlp: number
  /** Elements beyond the tolerance, out of how many. */
  readonly beyond: number
  readonly count: number
  /** The element that is furthest beyond the tolerance. */
  readonly worst?: { readonly index: number; readonly a: number | string; readonly b: number | string }
}

const SAME: Difference = { maxAbs: 0, maxRel: 0, maxUlp: 0, beyond: 0, count: 0 }

/** Compares two outputs; sequences, maps and what has another shape differ as a whole. */
export function differenceOf(a: OutputValue | undefined, b: OutputValue | undefined, tolerance: Tolerance): Difference {
  if (!isTensor(a) || !isTensor(b)) {
    const same = JSON.stringify(plain(a)) === JSON.stringify(plain(b))
    return same ? { ...SAME, count: 1 } : { ...SAME, count: 1, beyond: 1, kind: 'differ' }
  }
  if (a.shape.length !== b.shape.length || a.shape.some((dim, i) => dim !== b.shape[i])) {
    return { ...SAME, count: 1, beyond: 1, kind: `shapes [${a.shape.join(', ')}] and [${b.shape.join(', ')}]` }
  }
  const isText = a.dtype === 'string' || b.dtype === 'string'
  return isText ? textDifference(a, b) : numberDifference(a, b, tolerance)
}

function textDifference(a: Tensor, b: Tensor): Difference {
  let beyond = 0
  let worst: Difference['worst']
  for (let i = 0; i < a.data.length; i++) {
    if (String(a.data[i]) === String(b.data[i])) continue
    beyond++
    worst ??= { index: i, a: String(a.data[i]), b: String(b.data[i]) }
  }
  return { ...SAME, beyond, count: a.data.length, worst }
}

function numberDifference(a: Tensor, b: Tensor, { rtol, atol }: Tolerance): Difference {
  let [maxAbs, maxRel, maxUlp, beyond, furthest] = [0, 0, 0, 0, 0]
  let worst: Difference['worst']
  const shorter: DType = bytesPerElement(a.dtype) <= bytesPerElement(b.dtype) ? a.dtype : b.dtype
  const distance = isFloat(a.dtype) && isFloat(b.dtype) ? ulps(shorter) : undefined
  const [readA, readB] = [reader(a), reader(b)]
  for (let i = 0; i < a.data.length; i++) {
    const x = readA(i)
    const y = readB(i)
    if (Object.is(x, y) || (x === 0 && y === 0)) continue
    const abs = Number.isNaN(x) || Number.isNaN(y) ? Infinity : Math.abs(x - y)
    const rel = abs === 0 ? 0 : abs / Math.abs(y)
    maxAbs = Math.max(maxAbs, abs)
    maxRel = Math.max(maxRel, Number.isNaN(rel) ? Infinity : rel)
    if (distance !== undefined) maxUlp = Math.max(maxUlp, distance(x, y))
    const excess = abs - (atol + rtol * (Number.isFinite(y) ? Math.abs(y) : 0))
    if (!(excess > 0)) continue
    beyond++
    if (worst === undefined || excess > furthest) {
      furthest = excess
      worst = { index: i, a: x, b: y }
    }
  }
  return { maxAbs, maxRel, maxUlp, beyond, count: a.data.length, worst }
}

function reader({ dtype, data }: Tensor): (i: number) => number {
  if (dtype === 'float16') return (i) => halfToFloat(Number(data[i]))
  if (dtype === 'bfloat16') return (i) => bfloatToFloat(Number(data[i]))
  return (i) => Number(data[i])
}

/** Floats between two numbers: places on the line of all floats of the dtype, on which -0 and 0 are one place. */
function ulps(dtype: DType): (x: number, y: number) => number {
  const wide = new Float64Array(1)
  const wideBits = new BigInt64Array(wide.buffer)
  const short = new Float32Array(1)
  const shortBits = new Int32Array(short.buffer)
  const place64 = (x: number): bigint => {
    wide[0] = x
    return wideBits[0] < 0n ? -(wideBits[0] & 0x7fffffffffffffffn) : wideBits[0]
  }
  const place32 = (x: number): number => {
    short[0] = x
    return shortBits[0] < 0 ? -(shortBits[0] & 0x7fffffff) : shortBits[0]
  }
  // The shorter dtypes are float32 with fewer bits at the end.
  const shift = dtype === 'float16' ? 2 ** 13 : dtype === 'bfloat16' ? 2 ** 16 : 1
  return (x, y) => {
    if (Number.isNaN(x) || Number.isNaN(y)) return Infinity
    if (dtype !== 'float64') return Math.round(Math.abs(place32(x) - place32(y)) / shift)
    const between = place64(x) - place64(y)
    return Number(between < 0n ? -between : between)
  }
}

function plain(value: OutputValue | undefined): unknown {
  if (isTensor(value)) return { dtype: value.dtype, shape: value.shape, data: Array.from(value.data as ArrayLike<unknown>, String) }
  if (value instanceof Map) return [...value].map(([key, item]) => [key, plain(item as OutputValue)])
  return Array.isArray(value) ? value.map((item) => plain(item as OutputValue)) : value
}
