import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../src/error.ts'
import { decodeNumber, encodeNumber, keys, parseJson, record, scanJson } from '../../src/format/json.ts'
import { DEFAULT_LIMITS, limitsOf } from '../../src/format/limits.ts'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const failsWith = (code: string) => (error: unknown): boolean => error instanceof MleError && error.code === code
const parse = (text: string, limits = DEFAULT_LIMITS): unknown => parseJson(utf8(text), 'graph', 0, limits)

test('every double survives, each in one form', () => {
  fc.assert(fc.property(fc.oneof(fc.double(), fc.constantFrom(NaN, -0, 2 ** 53, 1e21, 1e300, -Infinity)), (value) => {
    const encoded = encodeNumber(value)
    const text = JSON.stringify(encoded)
    assert.ok(Object.is(decodeNumber(parse(text)), value))
    if (typeof encoded === 'number') assert.ok(Number.isFinite(encoded) && Math.abs(Number.isInteger(encoded) ? encoded : 0) < 2 ** 53)
  }))
})

test('other forms of a number are refused', () => {
  for (const value of ['1', '0', '1.5', 'nan', 'NAN', '+Infinity', ' 9007199254740992', '9007199254740992.0', '9007199254740993', '1e300', '0x20000000000000', '', '-0.0', null, true, [1], { a: 1 }, 2 ** 53, -0, Infinity]) {
    assert.throws(() => decodeNumber(value), failsWith('FORMAT_VALUE'), JSON.stringify(value))
  }
})

test('any JSON value in its one text parses, any other text of it does not', () => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
    const text = JSON.stringify(value)
    // Lone surrogates are written as escapes, which no file may hold; -0 is written as 0.
    if (/\\ud/.test(text)) return
    assert.deepEqual(parse(text), JSON.parse(text))
    assert.throws(() => parse(` ${text}`), failsWith('FORMAT_CANONICAL'))
    assert.throws(() => parse(`${text}\n`), failsWith('FORMAT_CANONICAL'))
  }))
})

test('the scan counts at least as many values and levels as there are', () => {
  // Records of the schemas are small; larger ones are the next test's.
  const smallRecords = (value: unknown): boolean => typeof value !== 'object' || value === null || ((Array.isArray(value) || Object.keys(value).length <= 16) && Object.values(value).every(smallRecords))
  const measure = (value: unknown): { values: number; depth: number } => {
    if (typeof value !== 'object' || value === null) return { values: 1, depth: 0 }
    const parts = Object.values(value).map(measure)
    return { values: 1 + parts.reduce((sum, part) => sum + part.values, 0), depth: 1 + Math.max(0, ...parts.map((part) => part.depth)) }
  }
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
    const bytes = utf8(JSON.stringify(value))
    if (/\\ud/.test(JSON.stringify(value))) return
    if (!smallRecords(value)) return
    const { values, depth } = measure(value)
    scanJson(bytes, 'graph', 0, limitsOf({ maxDepth: depth, maxJsonBytes: bytes.length }))
    if (depth > 0) assert.throws(() => scanJson(bytes, 'graph', 0, limitsOf({ maxDepth: depth - 1 })), failsWith('FORMAT_LIMIT'))
    if (values > 1) assert.throws(() => scanJson(bytes, 'graph', 0, limitsOf({ maxJsonValues: values - 1 })), failsWith('FORMAT_LIMIT'))
    assert.throws(() => scanJson(bytes, 'graph', 0, limitsOf({ maxJsonBytes: bytes.length - 1 })), failsWith('FORMAT_LIMIT'))
  }))
})

test('bombs end in the scan', () => {
  assert.throws(() => parse('['.repeat(1_000_000)), failsWith('FORMAT_LIMIT'))
  assert.throws(() => parse(`[${'[],'.repeat(3_000_000)}[]]`), failsWith('FORMAT_LIMIT'))
  assert.throws(() => parse(`[${'0,'.repeat(5_000_000)}0]`), failsWith('FORMAT_LIMIT'))
  assert.throws(() => parse(`{"a":${'{"a":'.repeat(100)}1${'}'.repeat(101)}`), failsWith('FORMAT_LIMIT'))
})

test('a record has at most 16 keys, an array any number of elements', () => {
  const withKeys = (count: number): string => JSON.stringify([1, Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, [1, 2, { a: 1, b: 2 }]])), 2])
  assert.deepEqual(parse(withKeys(16)), JSON.parse(withKeys(16)))
  assert.throws(() => parse(withKeys(17)), failsWith('FORMAT_KEY'))
  assert.throws(() => parse(withKeys(100_000)), failsWith('FORMAT_KEY'))
  assert.deepEqual(parse(JSON.stringify(new Array(1000).fill(0))), new Array(1000).fill(0))
})

test('brackets and quotes inside strings do not count', () => {
  const text = JSON.stringify(['[[[[{{{{,,,,"\\', '\u0001\u001f'])
  assert.deepEqual(parse(text, limitsOf({ maxDepth: 1, maxJsonValues: 3 })), JSON.parse(text))
})

test('records take their keys in order and nothing from prototypes', () => {
  const schema = keys('name', 'type?', 'value')
  assert.deepEqual(record(JSON.parse('{"name":1,"value":2}'), schema), { name: 1, value: 2 })
  for (const text of ['{"value":2,"name":1}', '{"name":1}', '{"name":1,"value":2,"more":3}', '{"name":1,"value":2,"__proto__":3}', '{"__proto__":{"name":1,"value":2}}', '{}']) {
    assert.throws(() => record(JSON.parse(text), schema), failsWith('FORMAT_KEY'), text)
  }
  for (const text of ['[]', 'null', '5', '"a"']) assert.throws(() => record(JSON.parse(text), schema), failsWith('FORMAT_VALUE'), text)
})

test('limits: unknown names and values that are no count are caller mistakes', () => {
  const wrong: Record<string, number> = { maxNames: 1 }
  assert.throws(() => limitsOf(wrong), TypeError)
  assert.throws(() => limitsOf({ maxBytes: -1 }), RangeError)
  assert.throws(() => limitsOf({ maxBytes: NaN }), RangeError)
  assert.deepEqual(limitsOf({ maxBytes: undefined }), DEFAULT_LIMITS)
  assert.equal(limitsOf({ maxBytes: 10 }).maxBytes, 10)
})
