// Element types of storages and tensors.
import type { NumericDType, PyGlobal, PyObject } from '../pickle/index.ts'
import { isPyGlobal } from '../pickle/index.ts'
import { bytesPerElement } from '../../tensor/index.ts'
import { pytorchError } from './error.ts'

/** dtypes by their name in torch and the prefix of their storage class. */
const DTYPES: ReadonlyMap<string, NumericDType> = /* @__PURE__ */ new Map<string, NumericDType>([
  ['float32', 'float32'], ['float', 'float32'], ['float64', 'float64'], ['double', 'float64'], ['float16', 'float16'], ['half', 'float16'], ['bfloat16', 'bfloat16'],
  ['int8', 'int8'], ['int16', 'int16'], ['short', 'int16'], ['int32', 'int32'], ['int', 'int32'], ['int64', 'int64'], ['long', 'int64'],
  ['uint8', 'uint8'], ['uint16', 'uint16'], ['uint32', 'uint32'], ['uint64', 'uint64'], ['bool', 'bool'], ['char', 'int8'], ['byte', 'uint8'],
])

/** dtypes by the number that scripts call them; undefined for complex and quantized ones. */
export const CODES: readonly (NumericDType | undefined)[] = ['uint8', 'int8', 'int16', 'int32', 'int64', 'float16', 'float32', 'float64', undefined, undefined, undefined, 'bool', undefined, undefined, undefined, 'bfloat16']

/** The dtype that torch calls by this name; undefined for complex, quantized and 8-bit floating ones. */
export function torchDType(name: string): NumericDType | undefined {
  return DTYPES.get(name.toLowerCase())
}

/** dtype of a storage's elements; undefined for untyped bytes. Throws PYTORCH_DTYPE. */
export function storageDType(storage: PyObject): NumericDType | undefined {
  const [type] = storage.args
  const name = isPyGlobal(type) ? type.name : ''
  if (/^_?UntypedStorage$/.test(name)) return undefined
  const dtype = torchDType(name.replace(/Storage$/, ''))
  if (dtype === undefined || !name.endsWith('Storage')) throw dtypeError(name)
  return dtype
}

export function storageElementBytes(storage: PyObject): number {
  const dtype = storageDType(storage)
  return dtype === undefined ? 1 : bytesPerElement(dtype)
}

/** The dtype that a file mentions as `torch.float16`. */
export function mentionedDType(global: PyGlobal): NumericDType {
  const dtype = torchDType(global.name)
  if (dtype === undefined) throw dtypeError(global.name)
  return dtype
}

function dtypeError(name: string): Error {
  return pytorchError('PYTORCH_DTYPE', `a tensor of ${name} (complex, quantized or 8-bit floating point) is not supported; convert it before saving, as with tensor.float() or tensor.dequantize()`)
}
