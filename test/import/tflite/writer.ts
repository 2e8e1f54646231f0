// Writes small TFLite models for tests: a FlatBuffer of tables whose fields all take four bytes, parents before children.
import type { DType, Tensor } from '../../../src/tensor/index.ts'

export type Field =
  | { readonly u8: number }
  | { readonly i32: number }
  | { readonly f32: number }
  | { readonly text: string }
  | { readonly ints: readonly number[] }
  | { readonly longs: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly bytes: Uint8Array }
  | { readonly table: Table }
  | { readonly tables: readonly Table[] }

/** Fields by number. */
export type Table = Readonly<Record<number, Field | undefined>>

/** TFLite wants the bytes of constants at multiples of 16. */
const DATA_ALIGNMENT = 16

/** The bytes of a FlatBuffer with the identifier TFL3. */
export function flatBuffer(root: Table): Uint8Array {
  const bytes: number[] = [0, 0, 0, 0, ...[...'TFL3'].map((one) => one.charCodeAt(0))]
  const u32 = (value: number): number[] => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, (value >>> 24) & 255]
  const patch = (at: number, value: number): void => u32(value).forEach((byte, i) => (bytes[at + i] = byte))
  const align = (to: number, behind = 0): void => {
    while ((bytes.length + behind) % to !== 0) bytes.push(0)
  }
  const vector = (length: number, data: Iterable<number>, alignment = 4): number => {
    align(Math.max(4, alignment), 4)
    const at = bytes.length
    bytes.push(...u32(length))
    for (const byte of data) bytes.push(byte)
    return at
  }
  const bytesOfFloat = (value: number): number[] => [...new Uint8Array(Float32Array.of(value).buffer)]
  const reference = (at: number, target: number): void => patch(at, target - at)
  const write = (table: Table): number => {
    const numbers = Object.keys(table).map(Number).filter((number) => table[number] !== undefined)
    const count = numbers.length === 0 ? 0 : Math.max(...numbers) + 1
    align(4, 4 + 2 * count)
    const vtable = bytes.length
    const at = vtable + 4 + 2 * count
    const places = Array.from({ length: count }, (_, field) => (table[field] === undefined ? 0 : 4 + 4 * numbers.indexOf(field)))
    for (const value of [4 + 2 * count, 4 + 4 * numbers.length, ...places]) bytes.push(value & 255, value >>> 8)
    bytes.push(...u32(at - vtable))
    for (const number of numbers) {
      const field = table[number]
      if (field === undefined) continue
      bytes.push(...('u8' in field ? u32(field.u8) : 'i32' in field ? u32(field.i32) : 'f32' in field ? bytesOfFloat(field.f32) : u32(0)))
    }
    numbers.forEach((number, i) => {
      const field = table[number]
      const place = at + 4 + 4 * i
      if (field === undefined) return
      if ('text' in field) {
        const text = [...new TextEncoder().encode(field.text)]
        reference(place, vector(text.length, [...text, 0]))
      } else if ('ints' in field) reference(place, vector(field.ints.length, field.ints.flatMap(u32)))
      else if ('longs' in field) reference(place, vector(field.longs.length, field.longs.flatMap((value) => [...u32(value), ...u32(value < 0 ? -1 : 0)]), 8))
      else if ('floats' in field) reference(place, vector(field.floats.length, field.floats.flatMap(bytesOfFloat)))
      else if ('bytes' in field) reference(place, vector(field.bytes.length, field.bytes, DATA_ALIGNMENT))
      else if ('table' in field) reference(place, write(field.table))
      else if ('tables' in field) {
        const start = vector(field.tables.length, field.tables.flatMap(() => u32(0)))
        reference(place, start)
        field.tables.forEach((one, k) => reference(start + 4 + 4 * k, write(one)))
      }
    })
    return at
  }
  reference(0, write(root))
  return Uint8Array.from(bytes)
}

const TYPES: ReadonlyMap<DType, number> = new Map([['float32', 0], ['float16', 1], ['int32', 2], ['uint8', 3], ['int64', 4], ['bool', 6], ['int16', 7], ['int8', 9]])

export interface TestTensor {
  readonly shape: readonly number[]
  readonly dtype?: DType
  readonly data?: Tensor['data']
  readonly signature?: readonly number[]
  /** Scale of quantized integers, or one for each place along `axis`. */
  readonly scale?: number | readonly number[]
  readonly zeroPoint?: number | readonly number[]
  readonly axis?: number
  readonly name?: string
  /** Keeps its numbers between runs. */
  readonly variable?: boolean
}

export interface TestOperator {
  readonly code: number
  readonly custom?: string
  /** Numbers of tensors; -1 for one left out. */
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly options?: Table
  readonly optionsType?: number
}

export interface TestModel {
  readonly tensors: readonly TestTensor[]
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  readonly operators: readonly TestOperator[]
  readonly version?: number
}

const LARGEST_OLD_CODE = 127

/** The bytes of a model. */
export function tfliteModel({ tensors, inputs, outputs, operators, version = 3 }: TestModel): Uint8Array {
  return flatBuffer({
    0: { i32: version },
    1: {
      tables: operators.map(({ code, custom }) => ({
        0: { u8: Math.min(code, LARGEST_OLD_CODE) }, ...(custom === undefined ? {} : { 1: { text: custom } }), 2: { i32: 1 }, 3: { i32: code },
      })),
    },
    2: {
      tables: [{
        0: {
          tables: tensors.map((tensor, i): Table => ({
            0: { ints: tensor.shape },
            1: { u8: TYPES.get(tensor.dtype ?? 'float32') ?? 0 },
            2: { i32: i + 1 },
            3: { text: tensor.name ?? `t${i}` },
            ...(tensor.scale === undefined ? {} : { 4: { table: { 2: { floats: [tensor.scale].flat() }, 3: { longs: [tensor.zeroPoint ?? [tensor.scale].flat().map(() => 0)].flat() }, 6: { i32: tensor.axis ?? 0 } } } }),
            ...(tensor.variable === true ? { 5: { u8: 1 } } : {}),
            ...(tensor.signature === undefined ? {} : { 7: { ints: tensor.signature } }),
          })),
        },
        1: { ints: inputs },
        2: { ints: outputs },
        3: {
          tables: operators.map((one, i): Table => ({
            0: { i32: i }, 1: { ints: one.inputs }, 2: { ints: one.outputs },
            ...(one.options === undefined ? {} : { 3: { u8: one.optionsType ?? 0 }, 4: { table: one.options } }),
          })),
        },
      }],
    },
    3: { text: 'test' },
    4: { tables: [{}, ...tensors.map((tensor): Table => (tensor.data === undefined ? {} : { 0: { bytes: bytesOf(tensor.data) } }))] },
  })
}

function bytesOf(data: Tensor['data']): Uint8Array {
  if (Array.isArray(data)) throw new TypeError('texts are not written here')
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

