// Tensors of PyTorch files: a storage, an offset, a shape and strides -> row-major tensors.
import { bytesPerElement, gatherStrided, sizeOf, stridesOf, swapBytes, viewData, viewNumeric, type NumericArray, type Tensor } from '../../tensor/index.ts'
import { describe, isPyGlobal, isPyObject, isTuple, type NumericDType, type PyObject, type PyValue } from '../pickle/index.ts'
import { isStorage, type PytorchFile } from './archive.ts'
import { pytorchError } from './error.ts'
import { mentionedDType, storageDType } from './storages.ts'

/** Reads tensors of one file; a tensor described twice (tied weights) is one object. */
export interface TensorReader {
  /** The tensor that a value stands for; undefined where it stands for something else. */
  tensorOf(value: PyValue | undefined, where: string): Tensor | undefined
}

const MAX_RANK = 64
/** Wrappers around a tensor's description: a Parameter, a subclass. */
const MAX_WRAPPERS = 8
const COPY_FLOOR_BYTES = 16 * 1024 * 1024
const COPY_RATIO = 16

/** @param folder where the storages of this value lie in the archive: `data/` or `constants/` */
export function tensorReader(file: PytorchFile, folder: 'data/' | 'constants/' = 'data/'): TensorReader {
  const known = new Map<string, Tensor>()
  // Strides of 0 make large tensors of few bytes.
  let budget = Math.max(COPY_FLOOR_BYTES, file.fileBytes * COPY_RATIO)
  const read = (value: PyValue | undefined, where: string, depth: number): Tensor | undefined => {
    if (!isPyObject(value) || depth > MAX_WRAPPERS) return undefined
    const { module, name, args } = value
    if (module === 'torch._utils') {
      if (name === '_rebuild_parameter' || name === '_rebuild_parameter_with_state') return read(args[0], where, depth + 1)
      if (name === '_rebuild_tensor' || name === '_rebuild_tensor_v2' || name === '_rebuild_tensor_v3') return rebuild(value, where)
      if (name === '_rebuild_qtensor') throw pytorchError('PYTORCH_DTYPE', `${where} is a quantized tensor, which is not supported; dequantize the model before saving it`, where)
      if (name.startsWith('_rebuild')) throw pytorchError('PYTORCH_TENSOR', `${where} is a tensor made by ${name} (sparse, nested or without memory); save it as a dense tensor`, where)
    }
    if (module === 'torch._tensor' && name === '_rebuild_from_type_v2') {
      const [callee, , inner] = args
      if (isPyGlobal(callee) && isTuple(inner)) return read({ ...value, module: callee.module, name: callee.name, args: inner.items }, where, depth + 1)
    }
    return undefined
  }

  const rebuild = ({ name, args }: PyObject, where: string): Tensor => {
    const [storage, offset, shapeValue, stridesValue] = args
    if (!isPyObject(storage) || !isStorage(storage)) throw pytorchError('PYTORCH_TENSOR', `${where} has ${describe(storage)} for a storage`, where)
    const key = String(storage.args[1])
    const bytes = file.storages.get(folder + key)
    if (bytes === undefined) throw pytorchError('PYTORCH_STORAGE', `${where} uses storage ${key}, which the file does not have`, where)
    const mentioned = args[6]
    const dtype = name === '_rebuild_tensor_v3' && isPyGlobal(mentioned) ? mentionedDType(mentioned) : storageDType(storage)
    if (dtype === undefined) throw pytorchError('PYTORCH_TENSOR', `${where} has a storage of bytes and no dtype`, where)
    const shape = counts(shapeValue, where)
    const strides = counts(stridesValue, where)
    if (shape.length !== strides.length || typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) throw pytorchError('PYTORCH_TENSOR', `${where} has ${shape.length} dimensions, ${strides.length} strides and offset ${describe(offset)}`, where)
    const id = `${key} ${dtype} ${offset} ${shape.join(',')} ${strides.join(',')}`
    const same = known.get(id)
    if (same !== undefined) return same
    const tensor: Tensor = { dtype, shape, data: elements(bytes, dtype, offset, shape, strides, where) }
    known.set(id, tensor)
    return tensor
  }

  const elements = (bytes: Uint8Array, dtype: NumericDType, offset: number, shape: readonly number[], strides: readonly number[], where: string): NumericArray => {
    const size = sizeOf(shape)
    const elementBytes = bytesPerElement(dtype)
    const last = shape.reduce((sum, dim, axis) => sum + (dim - 1) * strides[axis], offset)
    if (size > 0 && !((last + 1) * elementBytes <= bytes.length)) {
      throw pytorchError('PYTORCH_STORAGE', `${where} of shape [${shape.join(', ')}] reaches to byte ${(last + 1) * elementBytes} of its storage, which has ${bytes.length}`, where)
    }
    const natural = stridesOf(shape)
    const isContiguous = shape.every((dim, axis) => dim === 1 || strides[axis] === natural[axis])
    if (size === 0) return viewData(dtype, new ArrayBuffer(0), 0, 0)
    if (isContiguous) {
      const own = bytes.subarray(offset * elementBytes, (offset + size) * elementBytes)
      if (file.bigEndian || own.byteOffset % elementBytes !== 0) charge(own.length, where)
      return checkedBooleans(viewNumeric(dtype, own, file.bigEndian), dtype, where)
    }
    charge(size * elementBytes, where)
    const span = bytes.subarray(offset * elementBytes, (last + 1) * elementBytes)
    if (file.bigEndian || span.byteOffset % elementBytes !== 0) charge(span.length, where)
    const source = viewNumeric(dtype, file.bigEndian ? swapBytes(span, elementBytes) : span)
    const out = viewData(dtype, new ArrayBuffer(size * elementBytes), 0, size)
    // 64-bit elements move as bit patterns: typed arrays of one class on both sides never convert.
    if (source instanceof BigInt64Array && out instanceof BigInt64Array) gatherStrided(source, shape, strides, out)
    else if (source instanceof BigUint64Array && out instanceof BigUint64Array) gatherStrided(source, shape, strides, out)
    else if (!(source instanceof BigInt64Array) && !(source instanceof BigUint64Array) && !(out instanceof BigInt64Array) && !(out instanceof BigUint64Array)) gatherStrided(source, shape, strides, out)
    return checkedBooleans(out, dtype, where)
  }

  const charge = (bytes: number, where: string): void => {
    budget -= bytes
    if (budget < 0) throw pytorchError('PYTORCH_LIMIT', `${where}: the tensors are more than ${COPY_RATIO} times as large as the file, because they repeat its elements; save them with .contiguous() and without expand()`, where)
  }

  return { tensorOf: (value, where) => read(value, where, 0) }
}

function checkedBooleans(data: NumericArray, dtype: NumericDType, where: string): NumericArray {
  if (dtype === 'bool') {
    for (let i = 0; i < data.length; i++) if (Number(data[i]) > 1) throw pytorchError('PYTORCH_TENSOR', `${where}: element ${i} of a bool tensor is ${data[i]}, expected 0 or 1`, where)
  }
  return data
}

/** A tuple of sizes or strides. */
function counts(value: PyValue | undefined, where: string): number[] {
  const items = isTuple(value) ? value.items : Array.isArray(value) ? value : isPyObject(value) && value.name === 'Size' && isTuple(value.args[0]) ? value.args[0].items : undefined
  if (items === undefined || items.length > MAX_RANK) throw pytorchError('PYTORCH_TENSOR', `${where} has ${describe(value)} for a shape or strides`, where)
  return items.map((item) => {
    if (typeof item !== 'number' || !Number.isSafeInteger(item) || item < 0) throw pytorchError('PYTORCH_TENSOR', `${where} has the size or stride ${describe(item)}`, where)
    return item
  })
}
