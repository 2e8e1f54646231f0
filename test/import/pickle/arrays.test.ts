import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  allowPackages, asBoolean, asDict, asFloat64, asInt32, asInteger, asLabels, asList, asNumber, asObject, asString, attribute, expectArray, expectNumericArray, expectStruct, hasField, isNumericNdArray,
  isPyObject, optionalAttribute, plainValue, readPickle, structField, toCsr, toDense, type NumericNdArray, type PyObject, type PyValue, type StructNdArray,
} from '../../../src/import/pickle/index.ts'
import { fuzz } from '../../fuzz/pickle.ts'
import { bytesOf, call, codeOf, text, u32 } from './assemble.ts'

type Parts = Parameters<typeof bytesOf>

const read = (...parts: Parts): PyValue => readPickle(bytesOf(...parts), { allow: allowPackages('pkg') })
const codeFor = (...parts: Parts): string => codeOf(() => read(...parts))

/** numpy.dtype(code) with a state of byte order and width. */
function dtype(code: string, order = '<', width: Parts = ['J', u32(0xffffffff)]): Uint8Array {
  return bytesOf(call('numpy', 'dtype', text(code), 0x89, 0x88), '(K', 3, text(order), 'NNN', ...width, 'J', u32(0xffffffff), 'K', 0, 'tb')
}

/** An array: shape as the opcodes that push its dimensions. */
function array(type: Uint8Array, shape: Parts, data: Parts, fortran = 0x89): Uint8Array {
  return bytesOf(call('numpy.core.multiarray', '_reconstruct', 'cnumpy\nndarray\n', 'K', 0, 0x85, 'C', 1, 'b'), '(K', 1, '(', ...shape, 't', type, fortran, ...data, 'tb')
}

const bytes = (...values: number[]): Parts => ['C', values.length, values]

test('array content must fit shape and dtype', () => {
  const good = read(array(dtype('u1'), ['K', 2], bytes(1, 2)), '.')
  assert.deepEqual(good, { kind: 'ndarray', dtype: 'uint8', shape: [2], data: Uint8Array.of(1, 2) })
  assert.equal(codeFor(array(dtype('u1'), ['K', 3], bytes(1, 2)), '.'), 'PICKLE_ARRAY')
  assert.equal(codeFor(array(dtype('u1'), ['J', u32(0xffffffff)], bytes()), '.'), 'PICKLE_ARRAY')
  assert.equal(codeFor(array(dtype('u1'), [text('x')], bytes()), '.'), 'PICKLE_ARRAY')
  assert.equal(codeFor(array(dtype('u1'), [0x8a, 7, 255, 255, 255, 255, 255, 255, 31, 'K', 9], bytes()), '.'), 'PICKLE_ARRAY')
  assert.equal(codeFor(array(dtype('u1'), ['K', 1], ['N']), '.'), 'PICKLE_ARRAY')
  assert.equal(codeFor(array(dtype('u1'), ['K', 1], [']']), '.'), 'PICKLE_ARRAY')
  assert.equal(codeFor(array(dtype('b1'), ['K', 1], bytes(2)), '.'), 'PICKLE_ARRAY')
  assert.equal(codeFor(array(dtype('O8'), ['K', 1], bytes(1, 2, 3, 4, 5, 6, 7, 8)), '.'), 'PICKLE_ARRAY')
  assert.equal(codeFor(array(dtype('O8'), ['K', 2], ['](Ne']), '.'), 'PICKLE_ARRAY')
  assert.equal(codeFor(array(bytesOf('N'), ['K', 1], bytes(1)), '.'), 'PICKLE_ARRAY')
  assert.equal(codeFor(array(dtype('U', '<', ['K', 4]), ['K', 1], bytes(0, 0, 0x11, 0)), '.'), 'PICKLE_STRING')
  assert.equal(codeFor(array(dtype('u1'), ['K', 1], bytes(1)), 'N0b.'), 'PICKLE_STACK')
  assert.equal(codeFor(array(dtype('u1'), ['K', 1], bytes(1)), '(K', 1, '(K', 1, 't', dtype('u1'), 0x89, bytesOf(...bytes(1)), 'tb.'), 'PICKLE_BUILD')
  assert.equal(codeFor(call('numpy.core.multiarray', '_reconstruct', 'cpkg\nModel\n', 'K', 0, 0x85, 'C', 1, 'b'), '.'), 'PICKLE_ARGUMENT')
  assert.equal(codeFor(call('numpy.core.multiarray', 'scalar', 'NC', 1, 0), '.'), 'PICKLE_ARGUMENT')
  assert.equal(codeFor(call('numpy.core.numeric', '_frombuffer', 'C', 1, 0, dtype('u1'), 'K', 1, 0x85, text('X')), '.'), 'PICKLE_ARRAY')
  assert.equal(codeFor(call('numpy.core.numeric', '_frombuffer', 'C', 1, 0, dtype('u1'), 'K', 1, 0x85, text('K'), 'K', 1, 0x85), '.'), 'PICKLE_ARGUMENT')
})

test('dtypes are checked before any array uses them', () => {
  assert.equal(codeFor(call('numpy', 'dtype', 'K', 1), '.'), 'PICKLE_DTYPE')
  assert.equal(codeFor(call('numpy', 'dtype', text('float64')), '.'), 'PICKLE_DTYPE')
  assert.equal(codeFor(array(call('numpy', 'dtype', text('f8'), 0x89, 0x88), ['K', 0], bytes()), '.'), 'PICKLE_DTYPE')
  assert.equal(codeFor(dtype('f8', '!'), '.'), 'PICKLE_DTYPE')
  assert.equal(codeFor(call('numpy', 'dtype', text('f8')), 'Nb.'), 'PICKLE_DTYPE')
  assert.equal(codeFor(dtype('f8'), '(K', 3, text('<'), 'NNNNNK', 0, 'tb.'), 'PICKLE_DTYPE')
  assert.equal(codeFor(dtype('U', '<', ['K', 3]), '.'), 'PICKLE_DTYPE')
  const struct = (fieldOffset: number, width: number, names: Parts = [text('a'), 0x85]): Uint8Array =>
    bytesOf(call('numpy', 'dtype', text('V8'), 0x89, 0x88), '(K', 3, text('|'), 'N', ...names, '}', text('a'), dtype('i4'), 'K', fieldOffset, 0x86, 's', 'K', width, 'K', 1, 'K', 16, 'tb')
  const records = read(array(struct(4, 8), ['K', 1], bytes(9, 9, 9, 9, 1, 0, 0, 0)), '.')
  assert.deepEqual([...structField(expectStruct(records, 'x'), 'a', 'x').data], [1])
  assert.equal(codeFor(struct(5, 8), '.'), 'PICKLE_DTYPE')
  assert.equal(codeFor(struct(0, 3), '.'), 'PICKLE_DTYPE')
  assert.equal(codeFor(struct(0, 8, [text('b'), 0x85]), '.'), 'PICKLE_DTYPE')
  assert.equal(codeFor(struct(0, 8, [text('a'), text('a'), 0x86]), '.'), 'PICKLE_DTYPE')
  assert.equal(codeFor(struct(0, 8, ['N', 0x85]), '.'), 'PICKLE_DTYPE')
})

test('joblib wrappers are checked', () => {
  const wrapper = (...state: Parts): Uint8Array => bytesOf('cjoblib.numpy_pickle\nNumpyArrayWrapper\n)', 0x81, '}(', ...state, 'ub')
  const fields = (subclass: string, order: string): Parts => [text('subclass'), `c${subclass}\n`, text('shape'), 'K', 2, 0x85, text('order'), text(order), text('dtype'), dtype('u1')]
  assert.deepEqual(read(wrapper(...fields('numpy\nndarray', 'C')), 7, 8, '.'), { kind: 'ndarray', dtype: 'uint8', shape: [2], data: Uint8Array.of(7, 8) })
  const aligned = read(wrapper(...fields('numpy\nndarray', 'C'), text('numpy_array_alignment_bytes'), 'K', 16), 3, 255, 255, 255, 7, 8, '.')
  assert.ok(isNumericNdArray(aligned) && aligned.data[1] === 8)
  assert.equal(codeFor(wrapper(), '.'), 'PICKLE_JOBLIB')
  assert.equal(codeFor(wrapper(...fields('pkg\nModel', 'C')), 7, 8, '.'), 'PICKLE_JOBLIB')
  assert.equal(codeFor(wrapper(...fields('numpy\nndarray', 'Z')), 7, 8, '.'), 'PICKLE_ARRAY')
  assert.equal(codeFor(wrapper(...fields('numpy\nndarray', 'C'), text('numpy_array_alignment_bytes'), 'K', 255), '.'), 'PICKLE_JOBLIB')
  assert.equal(codeFor(wrapper(...fields('numpy\nndarray', 'C')), 7), 'PICKLE_TRUNCATED')
  const objects: Parts = [text('subclass'), 'cnumpy\nndarray\n', text('shape'), 'K', 1, 0x85, text('order'), text('C'), text('dtype'), dtype('O8')]
  assert.equal(codeFor(wrapper(...objects), 'K', 1, '..'), 'PICKLE_JOBLIB')
  // The inner pickle is held to the same allow-list.
  assert.equal(codeFor(wrapper(...objects), 'cos\nsystem\n..'), 'PICKLE_GLOBAL')
  const matryoshka = wrapper(...objects)
  assert.equal(codeFor(...Array.from({ length: 10 }, () => matryoshka), '.'), 'PICKLE_LIMIT')
})

test('array limits name themselves', () => {
  const limited = (limits: Record<string, number>, ...parts: Parts): void => {
    assert.throws(() => readPickle(bytesOf(...parts), { limits }), new RegExp(`limits\\.${Object.keys(limits)[0]}`), Object.keys(limits)[0])
  }
  limited({ arrayBytes: 1 }, array(dtype('u1'), ['K', 2], bytes(1, 2)), '.')
  limited({ rank: 1 }, array(dtype('u1'), ['K', 2, 'K', 1], bytes(1, 2)), '.')
  limited({ elements: 3 }, array(dtype('u1'), ['K', 0, 'K', 4], bytes()), '.')
  limited({ elements: 3 }, array(dtype('U', '<', ['K', 0]), ['K', 4], bytes()), '.')
  limited({ fields: 0 }, call('numpy', 'dtype', text('V8'), 0x89, 0x88), '(K', 3, text('|'), 'N', text('a'), 0x85, '}', text('a'), dtype('i4'), 'K', 0, 0x86, 's', 'K', 8, 'K', 1, 'K', 16, 'tb.')
  // One bytes object under many big-endian arrays: each would be a copy.
  const data = bytesOf('B', u32(60_000), new Uint8Array(60_000), 'q', 9)
  const type = bytesOf(dtype('f8', '>'), 'q', 10)
  const one = call('numpy.core.numeric', '_frombuffer', 'h', 9, 'h', 10, 'M', 7500 & 255, 7500 >> 8, 0x85, text('C'))
  limited({ copyRatio: 2 }, '(', data, type, ...Array.from({ length: 100 }, () => one), 't.')
})

const made = (value: PyValue): PyObject => asObject(value, 'made')

function numeric(data: NumericNdArray['data'], type: NumericNdArray['dtype'], shape: number[] = [data.length]): NumericNdArray {
  return { kind: 'ndarray', dtype: type, shape, data }
}

test('access names the attribute and what it found', () => {
  const model = made(read('cpkg\nSVC\n)', 0x81, '}(', text('coef_'), 'K', 3, text('none'), 'N', 'ub.'))
  assert.equal(attribute(model, 'coef_'), 3)
  assert.equal(optionalAttribute(model, 'none'), undefined)
  assert.equal(optionalAttribute(model, 'absent'), undefined)
  assert.equal(codeOf(() => attribute(model, 'absent')), 'PICKLE_ATTRIBUTE')
  assert.throws(() => attribute(model, 'absent'), /pkg\.SVC at byte 10 has no attribute absent/)
  assert.throws(() => expectArray(3, 'SVC.coef_'), /SVC\.coef_ is number 3, expected an array/)
  for (const wrong of [
    () => asNumber('a', 'x'), () => asNumber(null, 'x'), () => asNumber(numeric(BigInt64Array.of(2n ** 60n), 'int64', []), 'x'), () => asNumber(numeric(Float64Array.of(1), 'float64'), 'x'),
    () => asInteger(1.5, 'x'), () => asBoolean(2, 'x'), () => asString(1, 'x'), () => asList(1, 'x'), () => asDict([], 'x'), () => asObject([], 'x'), () => expectNumericArray([], 'x'),
    () => expectNumericArray(numeric(Float64Array.of(1), 'float64'), 'x', 2), () => asInt32(numeric(BigInt64Array.of(2n ** 31n), 'int64'), 'x'), () => asInt32(numeric(Float64Array.of(1), 'float64'), 'x'),
    () => asInt32(numeric(BigUint64Array.of(2n ** 31n), 'uint64'), 'x'), () => asInt32(numeric(Uint32Array.of(2 ** 31), 'uint32'), 'x'), () => asLabels(1, 'x'), () => plainValue([], 'x'), () => expectStruct(1, 'x'),
  ]) assert.equal(codeOf(wrong), 'PICKLE_VALUE', wrong.toString())
  assert.equal(asNumber(numeric(BigInt64Array.of(-5n), 'int64', []), 'x'), -5)
  assert.equal(asNumber(numeric(Uint16Array.of(0x3800), 'float16', []), 'x'), 0.5)
  assert.equal(asBoolean(1, 'x'), true)
  assert.deepEqual(asInt32(numeric(BigInt64Array.of(-1n, 5n, -(2n ** 31n)), 'int64'), 'x'), Int32Array.of(-1, 5, -(2 ** 31)))
  assert.deepEqual(asInt32(numeric(Uint8Array.of(1, 255), 'uint8'), 'x'), Int32Array.of(1, 255))
  assert.deepEqual(asFloat64(numeric(BigInt64Array.of(-1n, 5n), 'int64')), Float64Array.of(-1, 5))
  assert.deepEqual(asFloat64(numeric(Uint16Array.of(0x3800), 'float16')), Float64Array.of(0.5))
  assert.deepEqual(asLabels(numeric(BigInt64Array.of(1n, 2n ** 60n), 'int64'), 'x'), { dtype: 'int64', values: [1, 2n ** 60n] })
  assert.deepEqual(asLabels(numeric(Uint8Array.of(0, 1), 'bool'), 'x'), { dtype: 'bool', values: [false, true] })
  assert.deepEqual(asLabels({ kind: 'ndarray', dtype: 'object', shape: [2], data: ['a', 'b'] }, 'x'), { dtype: 'string', values: ['a', 'b'] })
  assert.deepEqual(asLabels(['a', null, 1], 'x'), { dtype: 'object', values: ['a', null, 1] })
})

test('columns of records, at any alignment', () => {
  const array4 = (shift: number): StructNdArray => {
    const buffer = new Uint8Array(40 + shift)
    const view = new DataView(buffer.buffer, shift)
    for (let i = 0; i < 2; i++) {
      view.setFloat64(i * 20, i + 0.5, true)
      view.setBigInt64(i * 20 + 8, -1n - BigInt(i), true)
      view.setInt16(i * 20 + 16, i - 3, false)
    }
    const field = (name: string, byteOffset: number, code: string, element: 'float64' | 'int64' | 'int16', itemBytes: number, bigEndian = false): StructNdArray['fields'][number] => ({
      name, byteOffset, dtype: { kind: 'dtype', code, element, itemBytes, bigEndian, fields: [], subShape: [] },
    })
    return { kind: 'ndarray', dtype: 'struct', shape: [2], data: buffer.subarray(shift), itemBytes: 20, fields: [field('a', 0, 'f8', 'float64', 8), field('b', 8, 'i8', 'int64', 8), field('c', 16, 'i2', 'int16', 2, true)] }
  }
  for (const shift of [0, 1, 2, 4]) {
    const records = array4(shift)
    assert.deepEqual(structField(records, 'a', 'x').data, Float64Array.of(0.5, 1.5))
    assert.deepEqual(structField(records, 'b', 'x').data, BigInt64Array.of(-1n, -2n))
    assert.deepEqual(structField(records, 'c', 'x').data, Int16Array.of(-3, -2))
    assert.equal(hasField(records, 'd'), false)
    assert.equal(codeOf(() => structField(records, 'd', 'x')), 'PICKLE_FIELD')
  }
})

test('sparse matrices with bad indices are refused', () => {
  const sparse = (name: string, state: Record<string, PyValue>): PyObject => ({ kind: 'object', module: 'scipy.sparse._csr', name, args: [], state: new Map(Object.entries(state)), offset: 0 })
  const i32 = (...values: number[]): NumericNdArray => numeric(Int32Array.from(values), 'int32')
  const csr = (indices: NumericNdArray, indptr: NumericNdArray, shape: PyValue = [2, 2]): PyObject => sparse('csr_matrix', { data: numeric(Float64Array.of(1, 2), 'float64'), indices, indptr, _shape: shape })
  assert.deepEqual([...toDense(csr(i32(0, 1), i32(0, 1, 2)), 'x').data], [1, 0, 0, 2])
  assert.deepEqual([...toDense(csr(i32(0, 0), i32(0, 2, 2)), 'x').data], [3, 0, 0, 0])
  for (const bad of [
    csr(i32(0, 2), i32(0, 1, 2)), csr(i32(0, -1), i32(0, 1, 2)), csr(i32(0, 1), i32(0, 1)), csr(i32(0, 1), i32(1, 1, 2)), csr(i32(0, 1), i32(0, 3, 2)), csr(i32(0, 1), i32(0, 1, 1)),
    csr(i32(0), i32(0, 1, 1)), csr(i32(0, 1), i32(0, 1, 2), [2, 2, 2]), sparse('dia_matrix', {}),
  ]) assert.equal(codeOf(() => toCsr(bad, 'x')), 'PICKLE_SPARSE')
  const coo = (shape: PyValue): PyObject => sparse('coo_matrix', { data: numeric(Float64Array.of(1), 'float64'), row: i32(0), col: i32(0), _shape: shape })
  assert.equal(codeOf(() => toDense(coo([1e6, 1e6]), 'x')), 'PICKLE_SPARSE')
  assert.equal(codeOf(() => toCsr(coo([1e9, 1]), 'x')), 'PICKLE_SPARSE')
  assert.ok(isPyObject(coo([1, 1])))
})

test('a second of fuzzing from a drawn seed ends every input in a value or an MleError', async () => {
  const [seed] = fc.sample(fc.nat(), 1)
  const report = await fuzz(1, seed)
  assert.ok(report.runs > 100 && report.codes.size > 5, `seed ${seed}: ${report.runs} runs`)
})
