import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../src/error.ts'
import { bfloatToFloat, floatToBfloat, halfToFloat, readNpy, tensor, writeNpy, type Tensor } from '../../src/tensor/index.ts'

interface Case {
  npy: string
  shape: number[]
  dtype: string
  values: (string | boolean)[] | null
}

const CASES = new Map<string, Case>(Object.entries(JSON.parse(readFileSync(new URL('../fixtures/npy/npy.json', import.meta.url), 'utf8'))))

function fileOf(name: string): Uint8Array {
  const found = CASES.get(name)
  assert.ok(found, name)
  return new Uint8Array(Buffer.from(found.npy, 'base64'))
}

function code(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof MleError) return error.code
    throw error
  }
  return 'no error'
}

function pythonFloat(text: string): number {
  return text === 'nan' ? NaN : Number(text.replace('inf', 'Infinity'))
}

function plainElements(value: Tensor): (number | bigint | string | boolean | null)[] {
  return Array.from(value.data as ArrayLike<number | bigint | string>, (one) =>
    value.dtype === 'float16' ? halfToFloat(Number(one)) : value.dtype === 'bool' ? one === 1 : one)
}

test('reads what numpy wrote: every dtype, order, byte order and version', () => {
  let read = 0
  for (const [name, { shape, dtype, values }] of CASES) {
    if (name.startsWith('refuse_') || values === null) continue
    const got = readNpy(fileOf(name))
    assert.deepEqual(got.shape, shape, name)
    assert.equal(got.dtype, dtype.startsWith('str') || dtype.startsWith('bytes') ? 'string' : dtype, name)
    const expected = values.map((one) => typeof one === 'boolean' || got.dtype === 'string' ? one : got.dtype.startsWith('float') ? pythonFloat(one) : one)
    assert.deepEqual(plainElements(got).map((one) => (got.dtype.includes('int') ? String(one) : one)), expected, name)
    read++
  }
  assert.ok(read > 55, `${read} cases`)
})

test('writing and reading gives the same tensor, and the data lies at a multiple of 64', () => {
  for (const [name, { values }] of CASES) {
    if (name.startsWith('refuse_') || values === null) continue
    const value = readNpy(fileOf(name))
    const bytes = writeNpy(value)
    assert.equal((bytes.length - dataBytes(value)) % 64, 0, name)
    assert.deepEqual(readNpy(bytes), { ...value }, name)
  }
})

function dataBytes(value: Tensor): number {
  return ArrayBuffer.isView(value.data) ? value.data.byteLength : Math.max(1, ...value.data.map((text) => [...(text ?? '')].length)) * 4 * value.data.length
}

test('bfloat16 is written as the float32 of the same value', () => {
  const bits = Uint16Array.from([floatToBfloat(1.5), floatToBfloat(-3e38), 0x7fc0])
  const back = readNpy(writeNpy({ dtype: 'bfloat16', shape: [3], data: bits }))
  assert.deepEqual(back, { dtype: 'float32', shape: [3], data: Float32Array.from(bits, bfloatToFloat) })
})

test('reads from an unaligned view', () => {
  const file = fileOf('f8_c')
  const shifted = new Uint8Array(file.length + 3)
  shifted.set(file, 3)
  assert.deepEqual(readNpy(shifted.subarray(3)), readNpy(file))
})

test('one code per fault', () => {
  const good = fileOf('version1')
  const withByte = (at: number, value: number): Uint8Array => {
    const copy = good.slice()
    copy[at] = value
    return copy
  }
  const withHeader = (text: string, data = new Uint8Array(0)): Uint8Array => {
    const bytes = new Uint8Array(10 + text.length + data.length)
    bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 255, text.length >> 8])
    bytes.set(Buffer.from(text, 'latin1'), 10)
    bytes.set(data, 10 + text.length)
    return bytes
  }
  const header = (descr: string, shape: string): string => `{'descr': ${descr}, 'fortran_order': False, 'shape': ${shape}, }`
  assert.equal(code(() => readNpy(withByte(0, 0))), 'NPY_MAGIC')
  assert.equal(code(() => readNpy(new Uint8Array(0))), 'NPY_MAGIC')
  assert.equal(code(() => readNpy(withByte(6, 4))), 'NPY_VERSION')
  assert.equal(code(() => readNpy(good.subarray(0, 9))), 'NPY_SIZE')
  assert.equal(code(() => readNpy(good.subarray(0, good.length - 1))), 'NPY_SIZE')
  assert.equal(code(() => readNpy(Uint8Array.from([...good, 0]))), 'NPY_SIZE')
  assert.equal(code(() => readNpy(good.subarray(0, 20))), 'NPY_SIZE')
  assert.equal(code(() => readNpy(withHeader(header(`'<f8'`, '(9007199254740991, 9)')))), 'SHAPE_TOO_LARGE')
  assert.equal(code(() => readNpy(withHeader(header(`'<f8'`, '(9007199254740991,)')))), 'NPY_SIZE')
  assert.equal(code(() => readNpy(withHeader(header(`'<U0'`, '(900719925474099,)')))), 'NPY_LIMIT')
  assert.equal(code(() => readNpy(withHeader(header(`'<f8'`, `(${'1,'.repeat(65)})`)))), 'NPY_LIMIT')
  assert.equal(code(() => readNpy(good, { headerBytes: 10 })), 'NPY_LIMIT')
  assert.equal(code(() => readNpy(withHeader(header(`'|b1'`, '(1,)'), Uint8Array.of(2)))), 'NPY_VALUE')
  assert.equal(code(() => readNpy(withHeader(header(`'<U1'`, '(1,)'), Uint8Array.of(0, 0, 0x11, 0)))), 'NPY_STRING')
  assert.equal(code(() => readNpy(withHeader(header(`'|S1'`, '(1,)'), Uint8Array.of(200)))), 'NPY_STRING')
  assert.equal(code(() => writeNpy({ dtype: 'string', shape: [1], data: [null] })), 'NPY_STRING')
  for (const text of ['', '{', '{}', header(`'<f8'`, '(1'), header(`'<f8'`, '1'), header(`'<f8'`, '(-1,)'), header(`'<f8'`, '(1 2)'), `${header(`'<f8'`, '(0,)')}x`,
    `{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (0,), }`, `{'descr': '<f8', 'fortran_order': 0, 'shape': (0,), }`,
    `{'descr': '<f8', 'fortran_order': False, 'shape': (0,), '__proto__': 1}`]) {
    assert.equal(code(() => readNpy(withHeader(text))), 'NPY_HEADER', text)
  }
  for (const name of CASES.keys()) if (name.startsWith('refuse_')) assert.equal(code(() => readNpy(fileOf(name))), 'NPY_DTYPE', name)
  assert.throws(() => writeNpy({ ...tensor([1, 2]), shape: [3] }), RangeError)
  assert.throws(() => writeNpy({ dtype: 'float32', shape: [1], data: new Float64Array(1) }), TypeError)
})

test('damaged files give a value or an MleError', () => {
  const files = [...CASES.keys()].map(fileOf)
  fc.assert(fc.property(fc.nat(files.length - 1), fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }), fc.nat(400), (which, edits, cut) => {
    const bytes = files[which].slice(0, Math.max(0, files[which].length - (cut > 200 ? 0 : cut)))
    for (const [at, value] of edits) if (at < bytes.length) bytes[at] = value
    try {
      readNpy(bytes)
    } catch (error) {
      assert.ok(error instanceof MleError, String(error))
    }
  }), { numRuns: 2000 })
})
