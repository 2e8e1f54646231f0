// What callers may pass as inputs, turned into feeds that write themselves into a graph input's memory, a range of rows at
// a time: typed arrays, tensors and nested arrays. feed-table.ts has rows keyed by column name.
import { MleError } from './error.ts'
import type { GpuInput } from './graph/gpu-tensor.ts'
import type { ValueInfo } from './graph/graph.ts'
import { viewOfTensor, type Value, type View } from './ops/kernel.ts'
import { isTensorType, type Dim, type TensorType } from './ops/types.ts'
import { dtypeOfArray, holdsBitsOf, is64BitInteger, isFloat, isMinifloat, type DType, type NumericArray } from './tensor/dtype.ts'
import { floatToBfloat, floatToHalf } from './tensor/half.ts'
import { readInt64Nearest, writeInt64 } from './tensor/int64.ts'
import { bitsReader, minifloatBits } from './tensor/minifloat.ts'
import { isNumericArray, isRow, isTensor, tensor, type Nested, type Tensor } from './tensor/tensor.ts'

/** A row keyed by column name; null, NaN and undefined are missing values. */
export interface RowObject {
  readonly [column: string]: number | string | boolean | bigint | null | undefined
}

/** One input: a tensor, also one on the model's GPU, a flat typed array, nested arrays, rows as objects, or for ONNX's container types arrays and Maps of tensors. */
export type InputValue = Tensor | GpuInput | NumericArray | Nested | readonly RowObject[] | readonly Tensor[] | ReadonlyMap<string | number, Tensor | number | string> | null

/** Inputs by graph input name. */
export type InputRecord = Readonly<Record<string, InputValue>>

/** Values of one row by position. */
export type Row = readonly unknown[] | NumericArray

/** A graph input's data, ready to be written. */
export interface Feed {
  readonly shape: readonly number[]
  /** Data that is on a GPU; there is nothing to fill from then. */
  readonly gpu?: GpuInput
  /** Writes `rows` rows from `firstRow` on; a scalar counts as one row. */
  fill(view: View, firstRow: number, rows: number): void
}

/** A feed for tensors, or the value itself for sequences, maps and optionals. */
export type Fed = Feed | { readonly value: Value }

/** Turns one caller's value into a feed for `info`; throws INPUT_* errors that name the input. */
export function feedOf(info: ValueInfo, input: InputValue | undefined): Fed {
  const { name, type } = info
  if (input === undefined) {
    if ('optional' in type) return { value: null }
    throw new MleError('INPUT_MISSING', `input ${JSON.stringify(name)} is missing`, { section: `input ${name}` })
  }
  if (!isTensorType(type)) return { value: containerValue(input) }
  if (isOnGpu(input)) return gpuFeed(info, type, input)
  if (isTensor(input)) return typedFeed(info, type, input.dtype, checkedShape(info, type, input.shape), input.data)
  if (isNumericArray(input)) {
    const dtype = rawDtype(input, type.dtype)
    return typedFeed(info, type, dtype, flatShape(info, type, input.length), input)
  }
  if (info.sourceDtype === 'dict' && Array.isArray(input)) return typedFeed(info, type, 'string', checkedShape(info, type, [input.length]), (input as readonly unknown[]).map(recordText))
  if (isRowObjects(input)) throw new MleError('INPUT_COLUMNS', `input ${JSON.stringify(name)} got rows as objects, but this model has no column names; pass arrays`, { section: `input ${name}` })
  if (Array.isArray(input) && input.length > 0 && isRow(input[0]) && type.dtype !== 'string' && isFloat(type.dtype)) {
    return rowsFeed(info, type, input as readonly Row[])
  }
  const nested = tensor(input as Nested, undefined, type.dtype)
  const shape = nested.shape.length === 1 && nested.data.length === 0 ? emptyShape(type) : nested.shape
  return typedFeed(info, type, type.dtype, checkedShape(info, type, shape), nested.data)
}

export function isOnGpu(input: unknown): input is GpuInput {
  return typeof input === 'object' && input !== null && 'gpuBuffer' in input
}

function gpuFeed(info: ValueInfo, type: TensorType, gpu: GpuInput): Feed {
  if (gpu.dtype !== type.dtype) throw dtypeError(info, type.dtype, gpu.dtype)
  return {
    shape: checkedShape(info, type, gpu.shape),
    gpu,
    fill() {
      throw new MleError('DEVICE_BUFFER_HOST', `input ${JSON.stringify(info.name)} is on a GPU, and the model is not: await tensor.read(), or load the model with device: 'webgpu'`)
    },
  }
}

/** Vectorizers of dicts read each row as a JSON text. */
function recordText(row: unknown): string {
  return typeof row === 'string' ? row : JSON.stringify(row)
}

/** Rows keyed by column name, rather than arrays of values or a sequence of tensors. */
export function isRowObjects(input: unknown): input is readonly RowObject[] {
  if (!Array.isArray(input) || input.length === 0) return false
  const first: unknown = input[0]
  return typeof first === 'object' && first !== null && !isRow(first) && !isTensor(first)
}

function containerValue(input: InputValue): Value {
  if (input === null) return null
  if (isTensor(input)) return viewOfTensor(input)
  if (input instanceof Map) {
    const entries = [...input].map(([key, value]): [string | number, Value] => [key, viewOfTensor(isTensor(value) ? value : tensor(value as Nested, []))])
    return new Map(entries)
  }
  if (Array.isArray(input)) return input.map((item) => containerValue(item as InputValue))
  throw new MleError('INPUT_VALUE', 'a sequence, map or optional input takes arrays, Maps, tensors or null')
}

/** Uint16Array stands for half-precision bits, Uint8Array for bool, where the input has that dtype. */
function rawDtype(data: NumericArray, wanted: DType): DType {
  const own = dtypeOfArray(data)
  return holdsBitsOf(own, wanted) ? wanted : own
}

function describe(shape: readonly Dim[] | undefined): string {
  return shape === undefined ? 'of any shape' : `[${shape.map((dim) => dim ?? '?').join(', ')}]`
}

export function checkedShape(info: ValueInfo, type: TensorType, shape: readonly number[]): readonly number[] {
  const expected = type.shape
  if (expected === undefined) return shape
  const fits = expected.length === shape.length && expected.every((dim, axis) => typeof dim !== 'number' || dim === shape[axis])
  if (fits) return shape
  const given = describe(shape)
  // One row of a [rows, features] input is accepted as it stands.
  if (shape.length === 1 && expected.length === 2 && shape[0] === expected[1]) return [1, shape[0]]
  // A column vector for a flat list of rows, and the reverse.
  if (shape.length === 2 && shape[1] === 1 && expected.length === 1) return [shape[0]]
  if (shape.length === 1 && expected.length === 2 && expected[1] === 1) return [shape[0], 1]
  throw new MleError('INPUT_SHAPE', `input ${JSON.stringify(info.name)} has shape ${given}, expected ${describe(expected)}`, {
    section: `input ${info.name}`,
    expected: describe(expected),
    actual: given,
  })
}

function emptyShape(type: TensorType): readonly number[] {
  return type.shape?.map((dim) => (typeof dim === 'number' ? dim : 0)) ?? [0]
}

/** The shape of a flat typed array: the one unknown dimension follows from its length. */
function flatShape(info: ValueInfo, type: TensorType, length: number): readonly number[] {
  const expected = type.shape
  if (expected === undefined) return [length]
  const open = expected.flatMap((dim, axis) => (typeof dim === 'number' ? [] : [axis]))
  const known = expected.reduce<number>((product, dim) => (typeof dim === 'number' ? product * dim : product), 1)
  const count = open.length === 0 ? 1 : length / known
  if (open.length > 1 || !Number.isInteger(count) || (open.length === 0 && known !== length)) {
    throw new MleError('INPUT_SHAPE', `input ${JSON.stringify(info.name)} is a flat array of ${length} elements, which does not fill ${describe(expected)}; pass a tensor with its shape`, {
      section: `input ${info.name}`,
      expected: describe(expected),
      actual: length,
    })
  }
  return expected.map((dim) => (typeof dim === 'number' ? dim : count))
}

function typedFeed(info: ValueInfo, type: TensorType, dtype: DType, shape: readonly number[], data: Tensor['data']): Feed {
  let size = 1
  for (const dim of shape) size *= dim
  if (data.length !== size) {
    throw new MleError('TENSOR_SIZE', `input ${JSON.stringify(info.name)} of shape [${shape.join(', ')}] needs ${size} elements, got ${data.length}`, { expected: size, actual: data.length })
  }
  const rowSize = shape.length === 0 ? 1 : shape[0] === 0 ? 0 : size / shape[0]
  if ((dtype === 'string') !== (type.dtype === 'string')) throw dtypeError(info, type.dtype, dtype)
  if (dtype === 'string') {
    const strings = data as (string | null)[]
    return {
      shape,
      fill(view, firstRow, rows) {
        const target = view.data as (string | null)[]
        for (let i = 0; i < rows * rowSize; i++) target[i] = strings[firstRow * rowSize + i]
      },
    }
  }
  const source = viewOfTensor({ dtype, shape, data })
  const words = is64BitInteger(dtype) ? 2 : 1
  if (dtype === type.dtype) {
    const array = source.data as Float64Array
    return {
      shape,
      fill(view, firstRow, rows) {
        const target = view.data as Float64Array
        const from = firstRow * rowSize * words
        if (rows * rowSize * words === array.length) target.set(array)
        else target.set(array.subarray(from, from + rows * rowSize * words))
      },
    }
  }
  if (!isFloat(type.dtype) && !isMinifloat(type.dtype) && (isFloat(dtype) || isMinifloat(dtype))) throw dtypeError(info, type.dtype, dtype)
  const read = reader(source)
  return {
    shape,
    fill(view, firstRow, rows) {
      const write = writer(info, view)
      for (let i = 0; i < rows * rowSize; i++) write(i, read(firstRow * rowSize + i))
    },
  }
}

function dtypeError(info: ValueInfo, expected: DType, actual: DType): MleError {
  return new MleError('INPUT_DTYPE', `input ${JSON.stringify(info.name)} is ${actual}, expected ${expected}; convert it first`, { section: `input ${info.name}`, expected, actual })
}

function reader(view: View): (index: number) => number {
  const { data, dtype } = view
  if (dtype === 'int64') return (index) => readInt64Nearest(data as Int32Array, index)
  if (dtype === 'uint64') return (index) => (data as Uint32Array)[2 * index + 1] * 4294967296 + (data as Uint32Array)[2 * index]
  const decode = bitsReader(dtype)
  if (decode !== undefined) return (index) => decode((data as Uint16Array)[index])
  return (index) => (data as Float64Array)[index]
}

const INTEGER_RANGE: ReadonlyMap<DType, readonly [number, number]> = /* @__PURE__ */ new Map<DType, readonly [number, number]>([
  ['int8', [-128, 127]],
  ['int16', [-32768, 32767]],
  ['int32', [-2147483648, 2147483647]],
  ['int64', [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]],
  ['uint8', [0, 255]],
  ['uint16', [0, 65535]],
  ['uint32', [0, 4294967295]],
  ['uint64', [0, Number.MAX_SAFE_INTEGER]],
  ['bool', [0, 1]],
  ['int4', [-8, 7]],
  ['uint4', [0, 15]],
  ['int2', [-2, 1]],
  ['uint2', [0, 3]],
])

export function writer(info: ValueInfo, view: View): (index: number, value: number) => void {
  const { data, dtype } = view
  const range = INTEGER_RANGE.get(dtype)
  const check = (index: number, value: number): void => {
    if (range !== undefined && (!Number.isInteger(value) || value < range[0] || value > range[1])) {
      throw new MleError('INPUT_VALUE', `input ${JSON.stringify(info.name)}: element ${index} is ${value}, which is no ${dtype}`, { section: `input ${info.name}` })
    }
  }
  if (is64BitInteger(dtype)) {
    return (index, value) => {
      check(index, value)
      writeInt64(data as Int32Array, index, value)
    }
  }
  if (dtype === 'float16') return (index, value) => void ((data as Uint16Array)[index] = floatToHalf(value))
  if (dtype === 'bfloat16') return (index, value) => void ((data as Uint16Array)[index] = floatToBfloat(value))
  if (isMinifloat(dtype)) {
    const encode = minifloatBits(dtype)
    return (index, value) => void ((data as Uint8Array)[index] = encode(value))
  }
  return (index, value) => {
    check(index, value)
    ;(data as Float64Array)[index] = value
  }
}

/** Rows of numbers, written without an intermediate array: the common call of a server. */
function rowsFeed(info: ValueInfo, type: TensorType, rows: readonly Row[]): Feed {
  const width = rows[0].length
  if (isRow(rows[0][0])) {
    const nested = tensor(rows as Nested, undefined, type.dtype)
    return typedFeed(info, type, type.dtype, checkedShape(info, type, nested.shape), nested.data)
  }
  const shape = checkedShape(info, type, [rows.length, width])
  for (let r = 0; r < rows.length; r++) {
    if (rows[r].length !== width) {
      throw new MleError('TENSOR_RAGGED', `input ${JSON.stringify(info.name)}: row ${r} has ${rows[r].length} values, row 0 has ${width}`, { section: `input ${info.name}`, expected: width, actual: rows[r].length })
    }
  }
  // Whole numbers of typed rows are the bits of halves, as in flat arrays.
  const areBits = rows[0] instanceof Uint16Array
  const half = areBits ? undefined : type.dtype === 'float16' ? floatToHalf : type.dtype === 'bfloat16' ? floatToBfloat : undefined
  return {
    shape,
    fill(view, firstRow, count) {
      const target = view.data as Float64Array
      let at = 0
      for (let r = firstRow; r < firstRow + count; r++) {
        const row = rows[r]
        for (let c = 0; c < width; c++, at++) {
          const value = numberOf(row[c])
          if (value === undefined) {
            throw new MleError('INPUT_VALUE', `input ${JSON.stringify(info.name)}: row ${r}, column ${c} is ${typeof row[c]} ${JSON.stringify(String(row[c]))}, expected a number`, { section: `input ${info.name}` })
          }
          target[at] = half === undefined ? value : half(value)
        }
      }
    },
  }
}

export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (value === null || value === undefined) return NaN
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'bigint') return Number(value)
  return undefined
}
