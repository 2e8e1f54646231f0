import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  arrayAttribute, asFloat64, describe, isNdArray, isNumericNdArray, isPyGlobal, isPyObject, isSparse, isTuple, readJoblib, readPickle, sniffPickle, structField, toCsr, toDense,
  type NdArray, type PyValue,
} from '../../../src/import/pickle/index.ts'
import { halfToFloat } from '../../../src/tensor/index.ts'
import { codeOf } from './assemble.ts'

/** What make.py wrote: see `describe` there. */
type Expected = null | boolean | string | { [key: string]: unknown }

interface Case {
  pickle?: string
  file?: string
  value: Expected
}

function load(name: string): Map<string, Case> {
  return new Map(Object.entries(JSON.parse(readFileSync(new URL(`../../fixtures/pickle/${name}`, import.meta.url), 'utf8'))))
}

const FILES = new Map([['numpy 1', load('numpy1.json')], ['numpy 2', load('numpy2.json')]])

const decode = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))

const pythonFloat = (text: string): number => (text === 'nan' ? NaN : Number(text.replace('inf', 'Infinity')))

function list(value: unknown): Expected[] {
  assert.ok(Array.isArray(value))
  return value
}

/** Asserts that a read value is what Python had. */
function match(value: PyValue, expected: Expected, where: string): void {
  if (expected === null || typeof expected !== 'object') return assert.equal(value, expected, where)
  if ('int' in expected) return assert.equal(plainText(value), expected.int, where)
  if ('float' in expected) return assert.ok(Object.is(value, pythonFloat(String(expected.float))), `${where}: ${describe(value)}`)
  if ('bytes' in expected) {
    assert.ok(value instanceof Uint8Array, where)
    return assert.equal(Buffer.from(value).toString('hex'), expected.bytes, where)
  }
  if ('tuple' in expected) {
    assert.ok(isTuple(value), where)
    return matchAll(value.items, list(expected.tuple), where)
  }
  if ('list' in expected) {
    assert.ok(Array.isArray(value), where)
    return matchAll(value, list(expected.list), where)
  }
  if ('dict' in expected) {
    assert.ok(value instanceof Map, where)
    return matchAll([...value].flat(), list(expected.dict).flatMap(list), where, true)
  }
  if ('set' in expected) {
    assert.ok(value instanceof Set, where)
    return matchAll([...value], list(expected.set), where)
  }
  if ('global' in expected) {
    assert.ok(isPyGlobal(value), where)
    return assert.equal(`${value.module}.${value.name}`, expected.global)
  }
  if ('object' in expected) return assert.ok(isPyObject(value) || isPyGlobal(value), where)
  assert.ok(isNdArray(value), `${where}: ${describe(value)}`)
  assert.deepEqual(value.shape, expected.shape, where)
  if ('struct' in expected) {
    assert.ok(value.dtype === 'struct', where)
    const columns = expected.struct
    assert.ok(typeof columns === 'object' && columns !== null)
    for (const [name, column] of Object.entries(columns)) match(structField(value, name, where), column, `${where}.${name}`)
    return
  }
  assert.equal(value.dtype, expected.array, where)
  matchElements(value, list(expected.data), where)
}

function plainText(value: PyValue): string {
  if (isNumericNdArray(value) && value.shape.length === 0) return String(value.data[0])
  assert.ok(typeof value === 'number' || typeof value === 'bigint', describe(value))
  return Object.is(value, -0) ? '-0' : String(value)
}

function matchAll(values: readonly PyValue[], expected: readonly Expected[], where: string, keys = false): void {
  assert.equal(values.length, expected.length, where)
  values.forEach((one, i) => {
    const wanted = expected[i]
    // Keys of a dict become plain numbers whatever numpy type they had.
    if (keys && i % 2 === 0 && typeof wanted === 'object' && wanted !== null && 'array' in wanted) assert.equal(Number(one), Number(list(wanted.data)[0]), where)
    else match(one, wanted, `${where}[${i}]`)
  })
}

function matchElements(array: NdArray, expected: readonly Expected[], where: string): void {
  assert.equal(array.data.length, expected.length, where)
  const kind = array.dtype
  for (let i = 0; i < expected.length; i++) {
    const one = array.data[i]
    const wanted = expected[i]
    if (kind === 'object') match(array.data[i], wanted, `${where}[${i}]`)
    else if (kind === 'bytes') assert.equal(Buffer.from(array.data[i]).toString('hex'), wanted, where)
    else if (kind === 'string') assert.equal(one, wanted, where)
    else if (kind === 'bool') assert.equal(one === 1, wanted, where)
    else if (kind.startsWith('float')) assert.ok(Object.is(kind === 'float16' ? halfToFloat(Number(one)) : one, kind === 'float32' ? Math.fround(pythonFloat(String(wanted))) : pythonFloat(String(wanted))), `${where}[${i}] ${String(one)}`)
    else assert.equal(String(one), wanted, where)
  }
}

for (const [numpy, cases] of FILES) {
  test(`${numpy}: every protocol and joblib stream gives Python's values`, () => {
    let count = 0
    for (const [name, { pickle, value }] of cases) {
      if (pickle === undefined || name.startsWith('refuse_')) continue
      match(readPickle(decode(pickle)), value, name)
      assert.equal(sniffPickle(decode(pickle)), 'pickle', name)
      count++
    }
    assert.ok(count > 200, `${count} cases`)
  })

  test(`${numpy}: dtypes without a place here are refused by name`, () => {
    const refused = [...cases].filter(([name]) => name.startsWith('refuse_'))
    assert.equal(refused.length, 6)
    for (const [name, { pickle }] of refused) assert.equal(codeOf(() => readPickle(decode(pickle ?? ''))), 'PICKLE_DTYPE', name)
  })

  test(`${numpy}: sparse matrices become dense and csr`, () => {
    const dense = [0, 1.5, 0, 2, 0, 0, 0, 0, -3]
    let count = 0
    for (const [name, { pickle }] of cases) {
      if (!name.startsWith('sparse_')) continue
      const value = readPickle(decode(pickle ?? ''))
      assert.ok(isSparse(value), name)
      assert.deepEqual(toDense(value, name), { kind: 'ndarray', dtype: 'float64', shape: [3, 3], data: Float64Array.from(dense) }, name)
      const csr = toCsr(value, name)
      assert.deepEqual([...csr.rowStarts], [0, 1, 2, 3], name)
      assert.deepEqual([...csr.columnIndices], [1, 0, 2], name)
      assert.deepEqual([...csr.data], [1.5, 2, -3], name)
      count++
    }
    assert.ok(count >= 12)
  })

  test(`${numpy}: random states are inert data`, () => {
    for (const [name, { pickle }] of cases) {
      if (!name.startsWith('random_state') && !name.startsWith('generator')) continue
      const value = readPickle(decode(pickle ?? ''))
      assert.ok(isPyObject(value) && value.module.startsWith('numpy.random'), name)
    }
  })
}

test('joblib files open in each of their compressions', async () => {
  let count = 0
  for (const [name, { file, value }] of FILES.get('numpy 1') ?? []) {
    if (file === undefined) continue
    const bytes = decode(file)
    match(await readJoblib(bytes), value, name)
    const kind = name.slice('file_'.length, name.indexOf('/'))
    assert.equal(sniffPickle(bytes), kind === 'none' ? 'pickle' : kind === 'bz2' ? 'bzip2' : kind)
    count++
  }
  assert.equal(count, 21)
})

test('arrays of a joblib file are views of it, at any alignment of the bytes', () => {
  const file = decode(FILES.get('numpy 1')?.get('file_none/p4')?.file ?? '')
  const read = (bytes: Uint8Array): Float64Array => {
    const value = readPickle(bytes)
    assert.ok(value instanceof Map)
    const w = value.get('w')
    assert.ok(isNumericNdArray(w))
    return asFloat64(w)
  }
  assert.equal(read(file).buffer, file.buffer)
  const shifted = new Uint8Array(file.length + 3)
  shifted.set(file, 3)
  const copied = read(shifted.subarray(3))
  assert.notEqual(copied.buffer, shifted.buffer)
  assert.deepEqual(copied, read(file))
})

test('containers are told by their first bytes and never guessed again', async () => {
  const code = async (...bytes: number[]): Promise<string> => {
    try {
      await readJoblib(Uint8Array.from(bytes))
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error)
    }
    return 'no error'
  }
  assert.equal(await code(0x5a, 0x46, 0x30, 0x78, 0x31), 'PICKLE_JOBLIB_OLD')
  assert.equal(await code(0x50, 0x4b, 3, 4, 0), 'PICKLE_CONTAINER')
  assert.equal(await code(0x78, 0x9c, 0, 0), 'CODEC_DATA')
  assert.equal(await code(0x1f, 0x8b, 0, 0), 'CODEC_DATA')
  assert.equal(await code(0x42, 0x5a, 0x68, 0x39), 'CODEC_DATA')
  assert.equal(await code(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), 'CODEC_DATA')
  assert.equal(await code(0x5d, 0, 0, 0x80, 0), 'CODEC_DATA')
  assert.equal(await code(4, 0x22, 0x4d, 0x18, 0), 'CODEC_DATA')
  const zeros = decode(FILES.get('numpy 1')?.get('file_zlib/p4')?.file ?? '')
  await assert.rejects(readJoblib(zeros, { limits: { decompressedBytes: 1000 } }), { code: 'CODEC_LIMIT' })
  assert.equal(sniffPickle(Uint8Array.of(0x50, 0x4b, 3, 4)), undefined)
  assert.equal(sniffPickle(new Uint8Array(0)), undefined)
  assert.equal(sniffPickle(Uint8Array.of(0x80, 9)), undefined)
})

test('the attribute of a sparse matrix reads as an array', () => {
  const value = readPickle(decode(FILES.get('numpy 1')?.get('sparse_csr/p2')?.pickle ?? ''))
  assert.ok(isPyObject(value))
  assert.deepEqual([...arrayAttribute(value, 'data', 1).data], [1.5, 2, -3])
})
