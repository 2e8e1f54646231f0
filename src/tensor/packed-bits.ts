import { bytesPerElement, type DType } from './dtype.ts'

/** Bits of an element in a packed form: 4 and 2 share bytes in files of other formats. */
export function bitsOf(dtype: DType): number {
  return dtype === 'float4e2m1' ? 4 : dtype.endsWith('int4') ? 4 : dtype.endsWith('int2') ? 2 : 8 * bytesPerElement(dtype)
}
