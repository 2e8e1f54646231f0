import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseJson, type Json } from '../../src/import/json.ts'
import { MleError } from '../../src/error.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Objects as JSON.parse gives them. */
function plain(value: Json): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, child]) => [key, plain(child)]))
  return Array.isArray(value) ? value.map(plain) : value
}

test('reads what JSON.stringify writes', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(undefined, 1, '\t'), (value, space) => {
      const text = JSON.stringify(value, null, space)
      assert.deepEqual(plain(parseJson(bytesOf(text), 'test')), JSON.parse(text))
    }),
  )
})

test('reads the numbers that training libraries write', () => {
  assert.deepEqual(parseJson(bytesOf('[NaN, nan, Infinity, -Infinity, inf, -inf, 1E-45, -0, 12345678901234567890]'), 'test'), [NaN, NaN, Infinity, -Infinity, Infinity, -Infinity, 1e-45, -0, 12345678901234567890])
})

const REFUSED: readonly (readonly [code: string, text: string])[] = [
  ['JSON_SYNTAX', ''],
  ['JSON_SYNTAX', '{'],
  ['JSON_SYNTAX', '{"a"'],
  ['JSON_SYNTAX', '{"a":1,}'],
  ['JSON_SYNTAX', '[1,]'],
  ['JSON_SYNTAX', '[1 2]'],
  ['JSON_SYNTAX', '-'],
  ['JSON_SYNTAX', '1.2.3'],
  ['JSON_SYNTAX', '"\\x"'],
  ['JSON_SYNTAX', '"\n"'],
  ['JSON_SYNTAX', 'tru'],
  ['JSON_SYNTAX', '1 1'],
  ['JSON_SYNTAX', "{'a':1}"],
  ['JSON_DUPLICATE', '{"a":1,"a":2}'],
  ['JSON_DEPTH', '['.repeat(100_000)],
  ['JSON_DEPTH', '{"a":'.repeat(100_000)],
]

for (const [code, text] of REFUSED) {
  test(`${code}: ${text.slice(0, 20)}`, () => {
    assert.throws(() => parseJson(bytesOf(text), 'test'), (error) => error instanceof MleError && error.code === code && error.offset !== undefined)
  })
}
