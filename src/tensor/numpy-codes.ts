// numpy's short names of dtypes.
import type { DType } from './dtype.ts'

export const NUMERIC_CODES: ReadonlyMap<string, Exclude<DType, 'string'>> = /* @__PURE__ */ new Map<string, Exclude<DType, 'string'>>([
  ['b1', 'bool'],
  ['i1', 'int8'],
  ['i2', 'int16'],
  ['i4', 'int32'],
  ['i8', 'int64'],
  ['u1', 'uint8'],
  ['u2', 'uint16'],
  ['u4', 'uint32'],
  ['u8', 'uint64'],
  ['f2', 'float16'],
  ['f4', 'float32'],
  ['f8', 'float64'],
])

/** The dtype behind numpy's short name without byte order (`f8`, `i4`, `b1`), or undefined when it has none here. */
export function numericDTypeOfCode(code: string): Exclude<DType, 'string'> | undefined {
  return NUMERIC_CODES.get(code)
}
