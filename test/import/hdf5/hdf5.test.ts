// HDF5: every storage that the reader knows, in the oldest and the newest form of the format; damaged and foreign files.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attributeOf, datasetAt, memberAt, members, openHdf5, textAttribute, textsAttribute } from '../../../src/import/hdf5/index.ts'
import { unfilter } from '../../../src/import/hdf5/filters.ts'
import { rejectsCode, throwsCode } from '../../support/errors.ts'
import { readPack } from '../../support/fixtures.ts'

const files = readPack('hdf5')

function file(version: string): Uint8Array {
  const bytes = files.get(`${version}.h5`)
  assert.ok(bytes !== undefined)
  return bytes
}

const VALUES = Float32Array.from({ length: 210 }, (_, i) => i)

for (const version of ['earliest', 'latest']) {
  test(`${version}: attributes`, () => {
    const root = openHdf5(file(version))
    assert.equal(textAttribute(root, 'fixed'), 'hello')
    assert.equal(textAttribute(root, 'variable'), 'wörld')
    assert.deepEqual(textsAttribute(root, 'names'), ['aa', 'bbb'])
    assert.deepEqual(textsAttribute(root, 'variable_names'), ['x', 'yy'])
    assert.deepEqual(textsAttribute(root, 'nothing'), [])
    assert.deepEqual(textsAttribute(root, 'split'), ['part0', 'part1'])
    assert.equal(textsAttribute(root, 'missing'), undefined)
    assert.deepEqual(attributeOf(root, 'numbers'), { dtype: 'int32', shape: [3], data: Int32Array.of(1, 2, 3) })
    assert.deepEqual(attributeOf(root, 'flag'), { dtype: 'bool', shape: [], data: Uint8Array.of(1) })
    for (let i = 0; i < 20; i++) assert.equal(attributeOf(root, `many${i}`)?.data[0], i * 1.5)
    assert.equal(textAttribute(root, 'long'), 'z'.repeat(70000))
  })

  test(`${version}: a group is listed once, however often it is looked into`, () => {
    const root = openHdf5(file(version))
    // Models of thousands of layers look each of them up; listing anew would read more than the file may be read.
    for (let i = 0; i < 50_000; i++) assert.equal(memberAt(root, 'nothing'), undefined)
    assert.ok(memberAt(root, 'plain') !== undefined)
  })

  test(`${version}: datasets`, async () => {
    const root = openHdf5(file(version))
    for (const name of ['plain', 'chunked', 'filtered', 'one_chunk', 'one_filtered', 'growing_both', ...(version === 'earliest' ? ['growing'] : [])]) {
      assert.deepEqual(await datasetAt(root, name), { dtype: 'float32', shape: [10, 21], data: VALUES }, name)
    }
    assert.deepEqual(await datasetAt(root, 'big_endian'), { dtype: 'float64', shape: [10, 21], data: Float64Array.from(VALUES) })
    assert.deepEqual((await datasetAt(root, 'half')).data.slice(0, 3), Uint16Array.of(0, 0x3c00, 0x4000))
    assert.deepEqual(await datasetAt(root, 'int8'), { dtype: 'int8', shape: [2], data: Int8Array.of(-1, 2) })
    assert.deepEqual(await datasetAt(root, 'uint64'), { dtype: 'uint64', shape: [2], data: BigUint64Array.of(1n, 2n ** 40n) })
    assert.deepEqual(await datasetAt(root, 'scalar'), { dtype: 'float32', shape: [], data: Float32Array.of(3.5) })
    assert.deepEqual(await datasetAt(root, 'empty'), { dtype: 'float32', shape: [0, 3], data: new Float32Array(0) })
    assert.deepEqual((await datasetAt(root, 'many_chunks')).data, Int32Array.from({ length: 5000 }, (_, i) => i))
    assert.deepEqual(await datasetAt(root, 'texts'), { dtype: 'string', shape: [2], data: ['ab', 'c'] })
    assert.deepEqual((await datasetAt(root, 'unwritten')).data, new Float32Array(210))
    assert.equal((await datasetAt(root, 'many/g7/x')).data[0], 7)
    assert.equal((await datasetAt(root, 'ordered/d29')).data[0], 29)
  })

  test(`${version}: groups`, () => {
    const root = openHdf5(file(version))
    const many = memberAt(root, 'many')
    assert.ok(many !== undefined)
    assert.equal(members(many).size, 300)
    assert.equal(memberAt(root, 'many/g7/y'), undefined)
  })

  test(`${version}: what is not read has a code of its own`, async () => {
    const root = openHdf5(file(version))
    await rejectsCode('HDF5_FILTER', () => datasetAt(root, 'lzf'), /lzf/)
    await rejectsCode('HDF5_DATATYPE', () => datasetAt(root, 'complex'), /compound/)
    await rejectsCode('HDF5_PATH', () => datasetAt(root, 'nowhere'))
    if (version === 'latest') await rejectsCode('HDF5_LAYOUT', () => datasetAt(root, 'growing'), /extensible array/)
  })

  test(`${version}: a file cut off anywhere is refused`, async () => {
    const whole = file(version)
    const codes = new Set<string>()
    for (let end = 8; end < whole.length; end = end + 97 + (end >> 4)) {
      try {
        const root = openHdf5(whole.slice(0, end))
        for (const name of ['plain', 'filtered', 'growing_both']) await datasetAt(root, name)
        // The structure of these three may lie before the cut.
      } catch (error) {
        assert.ok(error instanceof Error && 'code' in error && String(error.code).startsWith('HDF5_'), String(error))
        codes.add(String(error.code))
      }
    }
    assert.ok(codes.has('HDF5_OFFSET'), [...codes].join(' '))
  })
}

test('foreign and damaged files', () => {
  throwsCode('HDF5_SIGNATURE', () => openHdf5(new Uint8Array(600)))
  const version = file('earliest').slice()
  version[8] = 9
  throwsCode('HDF5_VERSION', () => openHdf5(version))
  // The first node of the root group's B-tree loses its signature.
  const broken = file('earliest').slice()
  const tree = new TextDecoder('latin1').decode(broken).indexOf('TREE')
  broken[tree] = 0
  throwsCode('HDF5_STRUCTURE', () => members(openHdf5(broken)))
})

test('a chunk with a wrong sum is refused', async () => {
  const data = Uint8Array.of(1, 2, 3, 4, 5)
  const stored = new Uint8Array(9)
  stored.set(data)
  // Fletcher's sum over the words 0102, 0304, 0500: a = 0906, b = 0102 + 0406 + 0906.
  new DataView(stored.buffer).setUint32(5, 0x0e0e_0906, true)
  const filters = [{ id: 3, name: '', values: [] }]
  assert.deepEqual(await unfilter(stored, filters, 0, 9, 1), data)
  assert.deepEqual(await unfilter(stored, filters, 1, 9, 1), stored)
  stored[0] = 2
  await rejectsCode('HDF5_CHECKSUM', () => unfilter(stored, filters, 0, 9, 1))
})

test('a user block before the file', async () => {
  const whole = file('earliest')
  const shifted = new Uint8Array(512 + whole.length)
  shifted.set(whole, 512)
  const root = openHdf5(shifted)
  assert.deepEqual((await datasetAt(root, 'filtered')).data, VALUES)
})
