// ONNX files written byte by byte: encodings of tensors, external data, functions, and what hostile files are refused with.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOfMessage, message, putBytes, putInteger, putIntegers, putMessage, putText, type MessageWriter } from '../../../src/export/protobuf.ts'
import { importModel } from '../../../src/import/index.ts'
import { load, type Tensor } from '../../../src/index.ts'
import { rejectsCode } from '../../support/errors.ts'

type Fields = readonly (readonly [field: number, value: number | string | Uint8Array | MessageWriter | readonly number[]])[]

function proto(...fields: Fields): MessageWriter {
  const out = message()
  for (const [field, value] of fields) {
    if (typeof value === 'number') putInteger(out, field, value)
    else if (typeof value === 'string') putText(out, field, value)
    else if (value instanceof Uint8Array) putBytes(out, field, value)
    else if ('chunks' in value) putMessage(out, field, value)
    else putIntegers(out, field, value)
  }
  return out
}

const FLOAT = 1
const raw = (...numbers: number[]): Uint8Array => new Uint8Array(Float32Array.from(numbers).buffer)
const value = (name: string): MessageWriter => proto([1, name], [2, proto([1, proto([1, FLOAT], [2, proto([1, proto([2, 'n'])])])])])
const node = (op: string, inputs: readonly string[], outputs: readonly string[], ...more: Fields): MessageWriter =>
  proto(...inputs.map((name): readonly [number, string] => [1, name]), ...outputs.map((name): readonly [number, string] => [2, name]), [4, op], ...more)
const opset = (domain: string, version: number): MessageWriter => proto([1, domain], [2, version])

/** A model x -> y with further fields in its graph and beside it. */
function model(graph: Fields, beside: Fields = []): Uint8Array {
  return bytesOfMessage(proto([1, 10], [7, proto(...graph, [2, 'g'], [11, value('x')], [12, value('y')])], [8, opset('', 21)], ...beside))
}

/** y = x + w for an initializer w as the fields say. */
const adding = (...tensor: Fields): Uint8Array => model([[1, node('Add', ['x', 'w'], ['y'])], [5, proto(...tensor, [8, 'w'])]])

async function run(bytes: Uint8Array, externalData?: (name: string) => Uint8Array | undefined, x: readonly number[] = [1, 2]): Promise<number[]> {
  const loaded = await load(await importModel(bytes, { externalData }), { device: 'cpu' })
  const { y } = await loaded.run({ x: { dtype: 'float32', shape: [x.length], data: Float32Array.from(x) } satisfies Tensor })
  loaded.dispose()
  return Array.from(y.data as Float32Array)
}

const external = (location: string, ...more: readonly [string, string][]): Fields => [
  [1, [2]], [2, FLOAT], [14, 1], ...([['location', location], ...more] as const).map(([key, text]): readonly [number, MessageWriter] => [13, proto([1, key], [2, text])]),
]

test('external data by offset and length', async () => {
  const file = Uint8Array.from([...new Uint8Array(4), ...raw(10, 20)])
  assert.deepEqual(await run(adding(...external('w.bin', ['offset', '4'], ['length', '8'])), (name) => (name === 'w.bin' ? file : undefined)), [11, 22])
  assert.deepEqual(await run(adding(...external('w.bin', ['offset', '4'])), () => file), [11, 22])
})

test('external data outside the folder, or not there, are refused', async () => {
  for (const location of ['', '.', '..', '../w.bin', '/etc/passwd', 'sub/w.bin', 'C:w.bin', 'C:\\w.bin', '..\\w.bin', 'w\0.bin', 'file:w.bin', 'https://host/w.bin']) {
    await rejectsCode('ONNX_EXTERNAL', () => importModel(adding(...external(location)), { externalData: () => raw(1, 2) }), /folder/)
  }
  await rejectsCode('ONNX_EXTERNAL', () => importModel(adding(...external('w.bin'))), /was not given/)
  for (const [offset, length] of [['-1', '8'], ['0', '9'], ['1', '8'], ['9007199254740992', '8'], ['x', '8'], ['0', '-8']]) {
    await rejectsCode('ONNX_EXTERNAL', () => importModel(adding(...external('w.bin', ['offset', offset], ['length', length])), { externalData: () => raw(1, 2) }))
  }
  // A wrong number of bytes is no part of a tensor.
  await rejectsCode('ONNX_TENSOR', () => importModel(adding(...external('w.bin', ['length', '4'])), { externalData: () => raw(1, 2) }))
  await rejectsCode('ONNX_EXTERNAL', () => importModel(adding(...external('__proto__')), { externalData: (name) => new Map([['w.bin', raw(1, 2)]]).get(name) }))
})

test('sparse initializers and constants become dense', async () => {
  const sparse = (dims: number[], indices: number[], shape: number[], ...values: number[]): MessageWriter =>
    proto([1, proto([1, [values.length]], [2, FLOAT], [9, raw(...values)], [8, 'w'])], [2, proto([1, shape], [2, 7], [7, indices])], [3, dims])
  const initializer = (one: MessageWriter): Uint8Array => model([[1, node('Add', ['x', 'w'], ['y'])], [15, one]])
  assert.deepEqual(await run(initializer(sparse([4], [1, 3], [2], 5, 7)), undefined, [1, 1, 1, 1]), [1, 6, 1, 8])
  assert.deepEqual(await run(initializer(sparse([1, 4], [0, 1, 0, 3], [2, 2], 5, 7)), undefined, [1, 1, 1, 1]), [1, 6, 1, 8])
  const constant = proto([1, 'sparse_value'], [20, 11], [22, sparse([2], [1], [1], 5)])
  assert.deepEqual(await run(model([[1, node('Constant', [], ['c'], [5, constant])], [1, node('Add', ['x', 'c'], ['y'])]])), [1, 7])
  for (const bad of [sparse([4], [4], [1], 5), sparse([4], [-1], [1], 5), sparse([2, 2], [0, 2], [1, 2], 5), sparse([2 ** 30], [1], [1], 5), sparse([2, 2], [0, 0, 0], [1, 3], 5)]) {
    await rejectsCode('ONNX_SPARSE', () => importModel(initializer(bad)))
  }
  await rejectsCode('ONNX_TENSOR', () => importModel(initializer(sparse([4], [1, 2], [2], 5))))
  const list = proto([1, 'value'], [20, 12], [23, sparse([2], [1], [1], 5)])
  await rejectsCode('ONNX_SPARSE', () => importModel(model([[1, node('Identity', ['x'], ['y'], [5, list])]])))
})

test('typed fields and raw bytes say the same; segments and wrong counts are refused', async () => {
  assert.deepEqual(await run(adding([1, [2]], [2, FLOAT], [9, raw(3, 4)])), [4, 6])
  assert.deepEqual(await run(adding([1, [2]], [2, FLOAT], [4, raw(3, 4)])), [4, 6])
  await rejectsCode('ONNX_SEGMENT', () => importModel(adding([1, [2]], [2, FLOAT], [3, proto([1, 0], [2, 8])], [9, raw(3, 4)])))
  await rejectsCode('ONNX_TENSOR', () => importModel(adding([1, [3]], [2, FLOAT], [9, raw(3, 4)])))
  await rejectsCode('ONNX_TENSOR', () => importModel(adding([1, [3]], [2, FLOAT], [4, raw(3, 4)])))
  await rejectsCode('ONNX_DTYPE', () => importModel(adding([1, [2]], [2, 14], [9, raw(3, 4, 5, 6)])))
})

/** A function of domain d: body nodes over input a and output b. */
const fn = (name: string, nodes: readonly MessageWriter[], ...more: Fields): readonly [number, MessageWriter] =>
  [25, proto([1, name], [4, 'a'], [5, 'b'], ...nodes.map((one): readonly [number, MessageWriter] => [7, one]), [9, opset('', 21)], [9, opset('d', 1)], [10, 'd'], ...more)]
const call = (name: string, from: string, to: string, ...more: Fields): MessageWriter => node(name, [from], [to], [7, 'd'], ...more)
const floatAttribute = (name: string, number: number): MessageWriter => {
  const out = proto([1, name], [20, 1])
  out.chunks.push(Uint8Array.from([0x15, ...raw(number)]))
  out.length += 5
  return out
}

test('functions call functions, and pass attributes on', async () => {
  const inner = fn('Leak', [node('LeakyRelu', ['a'], ['b'], [5, proto([1, 'alpha'], [20, 1], [21, 'slope'])])], [6, 'slope'])
  const outer = fn('Twice', [call('Leak', 'a', 't', [5, proto([1, 'slope'], [20, 1], [21, 'factor'])]), call('Leak', 't', 'b', [5, floatAttribute('slope', 0.5)])], [11, floatAttribute('factor', 0.25)])
  const bytes = (...attributes: Fields): Uint8Array => model([[1, call('Twice', 'x', 'y', ...attributes)]], [inner, outer, [8, opset('d', 1)]])
  assert.deepEqual(await run(bytes(), undefined, [-8, 3]), [-1, 3])
  assert.deepEqual(await run(bytes([5, floatAttribute('factor', 0.5)]), undefined, [-8, 3]), [-2, 3])
})

test('overloads are told apart', async () => {
  const functions = [fn('F', [node('Neg', ['a'], ['b'])], [13, 'one']), fn('F', [node('Abs', ['a'], ['b'])], [13, 'two'])]
  assert.deepEqual(await run(model([[1, call('F', 'x', 'y', [8, 'two'])]], functions), undefined, [-8, 3]), [8, 3])
  assert.deepEqual(await run(model([[1, call('F', 'x', 'y', [8, 'one'])]], functions), undefined, [-8, 3]), [8, -3])
})

test('functions that call themselves, or double at every level, are refused at once', async () => {
  await rejectsCode('ONNX_FUNCTION', () => importModel(model([[1, call('F', 'x', 'y')]], [fn('F', [call('F', 'a', 'b')])])))
  const levels = Array.from({ length: 30 }, (_, i) => fn(`F${i}`, [call(`F${i + 1}`, 'a', 't'), call(`F${i + 1}`, 't', 'b')]))
  await rejectsCode('ONNX_FUNCTION', () => importModel(model([[1, call('F0', 'x', 'y')]], [...levels, fn('F30', [node('Neg', ['a'], ['b'])])])), /more than/)
})

test('metadata that do not fit the graph are refused; foreign ones stay properties', async () => {
  const withProperty = (key: string, text: string): Uint8Array => model([[1, node('Neg', ['x'], ['y'])]], [[14, proto([1, key], [2, text])]])
  assert.deepEqual((await importModel(withProperty('author', 'somebody'))).metadata.properties, [['author', 'somebody']])
  const restored = await importModel(withProperty('mle.metadata', '{"methods":[{"name":"predict","outputs":["y"]}]}'))
  assert.deepEqual(restored.metadata, { methods: [{ name: 'predict', outputs: ['y'] }] })
  for (const text of ['', '{', '{"methods":[{"name":"predict","outputs":["z"]}]}', '{"columns":[{"name":"a","input":"nothing","index":0}]}', '{"__proto__":1}', `${'['.repeat(100)}${']'.repeat(100)}`]) {
    await rejectsCode('ONNX_METADATA', () => importModel(withProperty('mle.metadata', text)))
  }
  await rejectsCode('ONNX_METADATA', () => importModel(withProperty('mle.dtypes', '[["y"]]')))
})

test('names that objects have are only names', async () => {
  const names = ['__proto__', 'constructor', 'toString', 'length', 'hasOwnProperty']
  const nodes = names.map((name, i): readonly [number, MessageWriter] => [1, node('Neg', [i === 0 ? 'x' : names[i - 1]], [name])])
  assert.deepEqual(await run(model([...nodes, [1, node('Neg', ['hasOwnProperty'], ['y'])]]), undefined, [3]), [3])
})

test('wire format: deep nesting, groups, long numbers and lengths beyond the end', async () => {
  const tail = (...bytes: number[]): Uint8Array => Uint8Array.from([...model([[1, node('Neg', ['x'], ['y'])]]), ...bytes])
  assert.deepEqual(await run(tail(0x9b, 0x06, 0x08, 0x01, 0x9c, 0x06), undefined, [3]), [-3])
  await rejectsCode('PROTOBUF_VARINT', () => importModel(tail(0x08, ...new Array<number>(11).fill(0xff))))
  await rejectsCode('PROTOBUF_LENGTH', () => importModel(tail(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f)))
  await rejectsCode('PROTOBUF_DEPTH', () => importModel(tail(...new Array<number[]>(200).fill([0x9b, 0x06]).flat())))
  await rejectsCode('PROTOBUF_TRUNCATED', () => importModel(tail(0x9b, 0x06)))
  await rejectsCode('PROTOBUF_WIRE', () => importModel(tail(0x9c, 0x06)))
  // If in If in If: each level is a graph in an attribute of a node.
  let body = proto([1, node('Neg', ['x'], ['deep'])], [12, value('deep')])
  for (let i = 0; i < 60; i++) body = proto([1, node('If', ['c'], ['deep'], [5, proto([1, 'then_branch'], [20, 5], [6, body])])], [12, value('deep')])
  await rejectsCode('PROTOBUF_DEPTH', () => importModel(model([[1, node('If', ['c'], ['y'], [5, proto([1, 'then_branch'], [20, 5], [6, body])])]])))
})

test('symbolic dimensions go through shape inference', async () => {
  const { outputs, inputs } = await importModel(model([[1, node('Concat', ['x', 'x'], ['twice'], [5, proto([1, 'axis'], [20, 2], [3, 0])])], [1, node('Neg', ['x'], ['y'])]]))
  assert.deepEqual([inputs[0].type, outputs[0].type], [{ dtype: 'float32', shape: ['n'] }, { dtype: 'float32', shape: ['n'] }])
})
