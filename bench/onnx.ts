// Writes the small ONNX files that generated workloads need: one operator, named inputs and outputs.

/** An ONNX value's element type. */
export const FLOAT = 1
export const DOUBLE = 11

export interface OnnxValue {
  readonly name: string
  readonly type: number
  readonly shape: readonly (number | string)[]
}

const utf8 = new TextEncoder()

function varint(value: number): number[] {
  const bytes: number[] = []
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) + 128)
  return [...bytes, value]
}

function field(number: number, content: readonly number[] | number): number[] {
  if (typeof content === 'number') return [...varint(number * 8), ...varint(content)]
  return concat(varint(number * 8 + 2), varint(content.length), content)
}

const text = (number: number, value: string): number[] => field(number, [...utf8.encode(value)])

function valueInfo({ name, type, shape }: OnnxValue): number[] {
  const dims = shape.flatMap((dim) => field(1, typeof dim === 'number' ? field(1, dim) : text(2, dim)))
  return [...text(1, name), ...field(2, field(1, [...field(1, type), ...field(2, dims)]))]
}

/** Lists of attribute values by name. */
export interface OnnxLists {
  readonly ints?: Readonly<Record<string, readonly number[]>>
  readonly floats?: Readonly<Record<string, readonly number[]>>
  readonly strings?: Readonly<Record<string, readonly string[]>>
  readonly int?: Readonly<Record<string, number>>
}

function attributes({ ints = {}, floats = {}, strings = {}, int = {} }: OnnxLists): number[] {
  const one = (name: string, type: number, content: number[]): number[] => field(5, concat(text(1, name), content, [...varint(20 * 8), type]))
  return concat(
    ...Object.entries(ints).map(([name, values]) => one(name, 7, concat(...values.map((value) => field(8, value))))),
    ...Object.entries(floats).map(([name, values]) => one(name, 6, concat(...values.map((value) => [...varint(7 * 8 + 5), ...new Uint8Array(Float32Array.of(value).buffer)])))),
    ...Object.entries(strings).map(([name, values]) => one(name, 8, concat(...values.map((value) => text(9, value))))),
    ...Object.entries(int).map(([name, value]) => one(name, 2, field(3, value))),
  )
}

/** Spreading lists of a hundred thousand would overflow the stack. */
function concat(...parts: readonly (readonly number[])[]): number[] {
  const all: number[] = []
  for (const part of parts) for (const byte of part) all.push(byte)
  return all
}

/** A model of one node, of the default domain unless `domain` says otherwise. */
export function oneNode(op: string, inputs: readonly OnnxValue[], output: OnnxValue, lists: OnnxLists = {}, domain = ''): Uint8Array {
  const node = concat(...inputs.map(({ name }) => text(1, name)), text(2, output.name), text(4, op), attributes(lists), domain === '' ? [] : text(7, domain))
  const graph = concat(field(1, node), text(2, 'g'), ...inputs.map((input) => field(11, valueInfo(input))), field(12, valueInfo(output)))
  const opset = domain === '' ? field(2, 13) : [...text(1, domain), ...field(2, 3)]
  return Uint8Array.from(concat(field(1, 8), field(7, graph), field(8, field(2, 13)), domain === '' ? [] : field(8, opset)))
}
