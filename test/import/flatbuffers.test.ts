import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MleError } from '../../src/error.ts'
import { flatFloat32, flatInt32, flatInt32s, flatRoot, flatString, flatStrings, flatTable, flatTables, flatUint8 } from '../../src/import/flatbuffers.ts'

/** Words of a buffer: u32 little endian, or two u16. */
function buffer(...words: (number | readonly [number, number])[]): Uint8Array {
  const bytes = new Uint8Array(4 * words.length)
  const view = new DataView(bytes.buffer)
  words.forEach((word, i) => {
    if (typeof word === 'number') view.setUint32(4 * i, word >>> 0, true)
    else {
      view.setUint16(4 * i, word[0], true)
      view.setUint16(4 * i + 2, word[1], true)
    }
  })
  return bytes
}

// Root table at 16; vtable at 4 of 3 fields: an int at 4, a vector at 8, none.
const SMALL = (): Uint8Array => buffer(16, [10, 12], [4, 8], [0, 0], 12, 7, 4, 2, 0x64636261, 5)

test('reads fields, defaults and vectors', () => {
  const root = flatRoot(SMALL(), 'test')
  assert.equal(flatInt32(root, 0, -1), 7)
  assert.deepEqual([...flatInt32s(root, 1)], [0x64636261, 5])
  assert.equal(flatInt32(root, 2, -1), -1)
  assert.equal(flatUint8(root, 9, 3), 3)
  assert.equal(flatFloat32(root, 9, 1.5), 1.5)
  assert.equal(flatTable(root, 2), undefined)
  assert.deepEqual(flatTables(root, 2), [])
  assert.equal(flatString(root, 1), 'ab')
})

const DAMAGE: readonly (readonly [what: string, word: number, value: number | readonly [number, number]])[] = [
  ['a root outside', 0, 1000],
  ['a vtable before the file', 4, 100],
  ['a vtable behind the file', 4, -100],
  ['a vtable of odd size', 1, [9, 12]],
  ['a vtable that reaches past the end', 1, [400, 12]],
  ['a field outside', 2, [4, 4000]],
  ['a vector outside', 6, 4000],
  ['a vector longer than the file', 7, 0xffffffff],
]

for (const [what, word, value] of DAMAGE) {
  test(`FLATBUFFER_OFFSET: ${what}`, () => {
    const bytes = SMALL()
    bytes.set(buffer(value), 4 * word)
    assert.throws(
      () => {
        const root = flatRoot(bytes, 'test')
        flatInt32(root, 0, -1)
        flatInt32s(root, 1)
      },
      (error) => error instanceof MleError && error.code === 'FLATBUFFER_OFFSET',
    )
  })
}

test('FLATBUFFER_LIMIT: a small file that stands for a huge one', () => {
  // A vector of 20,000 references to one string of 20,000 bytes.
  const count = 20_000
  const bytes = new Uint8Array(24 + 4 + 4 * count + 4 + count)
  bytes.set(buffer(12, [6, 8], [4, 0], 8, 4, count))
  const view = new DataView(bytes.buffer)
  const string = 20 + 4 + 4 * count
  for (let i = 0; i < count; i++) view.setUint32(24 + 4 * i - 4 + 4, string + 4 - (24 + 4 * i), true)
  view.setUint32(string + 4, count, true)
  assert.throws(() => flatStrings(flatRoot(bytes, 'test'), 0), (error) => error instanceof MleError && error.code === 'FLATBUFFER_LIMIT')
})
