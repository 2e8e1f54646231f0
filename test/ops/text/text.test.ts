// Patterns, analyzers and hashes against what Python gave (test/fixtures/text/make.py).
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { AttributeInput } from '../../../src/graph/builder.ts'
import { MleError } from '../../../src/error.ts'
import { textKernels } from '../../../src/ops/cpu/text.ts'
import { analyzerOf, stripAccents } from '../../../src/ops/text/analyze.ts'
import { isCombining } from '../../../src/ops/text/combining.ts'
import { murmur3 } from '../../../src/ops/text/murmur3.ts'
import { pythonPattern } from '../../../src/ops/text/pattern.ts'
import { tensor } from '../../../src/tensor/tensor.ts'
import { attributesOf, runKernel } from '../support.ts'

interface Fixture {
  readonly texts: readonly string[]
  readonly patterns: readonly (readonly [string, readonly (readonly string[])[]])[]
  readonly analyzers: readonly (readonly [Readonly<Record<string, unknown>>, readonly (readonly string[])[]])[]
  readonly ascii: readonly string[]
  readonly unicode: readonly string[]
  readonly combining: readonly number[]
  readonly hashes: readonly (readonly [string, number])[]
}

const fixture: Fixture = JSON.parse(readFileSync(new URL('../../fixtures/text/text.json', import.meta.url), 'utf8'))
const hasCode = (code: string) => (error: unknown): boolean => error instanceof MleError && error.code === code
const kernels = new Map(textKernels)

test('patterns of Python find what they find there', () => {
  for (const [pattern, expected] of fixture.patterns) {
    const expression = pythonPattern(pattern)
    fixture.texts.forEach((text, i) => {
      const found = Array.from(text.matchAll(expression), (match) => (match.length > 1 ? (match[1] ?? '') : match[0]))
      assert.deepEqual(found, expected[i], `${pattern} in ${JSON.stringify(text)}`)
    })
  }
})

test('flags a and x of Python at the start of a pattern', () => {
  const found = (pattern: string, text: string): string[] => Array.from(text.matchAll(pythonPattern(pattern)), (match) => match[0])
  assert.deepEqual(found('(?a)\\w+', 'Stra\u00dfe 4\u0664 x_1'), ['Stra', 'e', '4', 'x_1'])
  assert.deepEqual(found('(?a)\\b\\W\\b', 'a\u00e9b c'), ['\u00e9', ' '])
  assert.deepEqual(found('(?a)[^\\d\\s]+', '1\u0661 a\u00a0b'), ['\u0661', 'a\u00a0b'])
  assert.deepEqual(found('(?ix) [a-c #]+  # letters\n \\ x', 'ab# X c x'), ['ab# X', ' c x'])
})

test('patterns that have no equal are refused', () => {
  for (const pattern of ['a(?x)b', 'a*+', '(?>a)', '(a)?(?(1)b|c)', '(', '\\q', 'x'.repeat(3000), 'a\\']) assert.throws(() => pythonPattern(pattern), hasCode('TEXT_PATTERN'), pattern)
  assert.throws(() => analyzerOf(attributesOf('mle.TextHash', { width: 1, pattern: '(a)(b)' }), new Set()), hasCode('TEXT_PATTERN'))
})

test('analyzers cut texts as scikit-learn does', () => {
  for (const [settings, expected] of fixture.analyzers) {
    const range = settings.ngram_range ?? [1, 1]
    assert.ok(Array.isArray(range))
    const values: Record<string, AttributeInput> = { width: 1, lowest: range[0], highest: range[1] }
    if (typeof settings.analyzer === 'string') values.analyzer = settings.analyzer
    if (settings.lowercase === false) values.lowercase = 0
    if (typeof settings.strip_accents === 'string') values.stripAccents = settings.strip_accents
    const stopWords = new Set<string>(Array.isArray(settings.stop_words) ? settings.stop_words : [])
    const analyze = analyzerOf(attributesOf('mle.TextHash', values), stopWords)
    fixture.texts.forEach((text, i) => {
      const tokens: string[] = []
      analyze(text, (token) => tokens.push(token))
      assert.deepEqual(tokens, expected[i], `${JSON.stringify(settings)} on ${JSON.stringify(text)}`)
    })
  }
})

test('accents are stripped as in Python', () => {
  assert.deepEqual(fixture.texts.map((text) => stripAccents(text, 'ascii')), fixture.ascii)
  assert.deepEqual(fixture.texts.map((text) => stripAccents(text, 'unicode')), fixture.unicode)
  assert.ok(fixture.combining.every(isCombining))
  assert.ok(!isCombining(0x41) && !isCombining(0x902) && !isCombining(0x10ffff))
})

test('hashes are those of MurmurHash3', () => {
  for (const [text, hash] of fixture.hashes) assert.equal(murmur3(new TextEncoder().encode(text)), hash)
})

test('words are counted in their columns', () => {
  const inputs = [tensor(['a b b', 'c', '']), tensor(['b', 'a']), tensor([2, 0], [2], 'int32'), tensor(['x'])]
  const pattern = '\\w'
  assert.deepEqual([...runKernel(kernels, 'mle.TextCounts', inputs, { width: 3, pattern }).data], [1, 0, 2, 0, 0, 0, 0, 0, 0])
  assert.deepEqual([...runKernel(kernels, 'mle.TextCounts', inputs, { width: 3, pattern, binary: 1 }).data], [1, 0, 1, 0, 0, 0, 0, 0, 0])
  assert.deepEqual([...runKernel(kernels, 'mle.TextCounts', [inputs[0], inputs[1], inputs[2], tensor(['b'])], { width: 3, pattern }).data], [1, 0, 0, 0, 0, 0, 0, 0, 0])
  assert.throws(() => runKernel(kernels, 'mle.TextCounts', [tensor([null], [1], 'string'), inputs[1], inputs[2]], { width: 3 }), hasCode('OP_TEXT'))
  assert.throws(() => runKernel(kernels, 'mle.TextCounts', inputs, { width: 2 }), hasCode('OP_INDEX'))
})

test('hashed words alternate signs', () => {
  const text = tensor(['The quick'])
  const hash = murmur3(new TextEncoder().encode('quick'))
  const out = runKernel(kernels, 'mle.TextHash', [text], { width: 1024 })
  assert.equal(out.data[Math.abs(hash) % 1024], Math.sign(hash))
  assert.equal([...out.data].filter((value) => value !== 0).length, 2)
  const twice = runKernel(kernels, 'mle.TextHash', [tensor(['a1 a1'])], { width: 8, alternateSign: 0 })
  assert.ok([...twice.data].includes(2))
})

test('records become columns', () => {
  const rows = tensor(['{"a": 2, "b": "x", "c": ["u", "u"], "d": null, "z": 9}', '{}'])
  const names = ['a', 'b=x', 'c=u', 'd']
  const out = runKernel(kernels, 'mle.RecordColumns', [rows, tensor(names), tensor([0, 1, 2, 3], [4], 'int32')], { width: 4 })
  assert.deepEqual([...out.data], [2, 1, 2, NaN, 0, 0, 0, 0])
  for (const row of ['[', '[]', '3', '{"a": {}}', '{"c": [1]}']) {
    assert.throws(() => runKernel(kernels, 'mle.RecordColumns', [tensor([row]), tensor(names), tensor([0, 1, 2, 3], [4], 'int32')], { width: 4 }), hasCode('OP_RECORD'), row)
  }
})

test('records hash their keys', () => {
  const slot = (key: string): number => Math.abs(murmur3(new TextEncoder().encode(key))) % 64
  const sign = (key: string): number => (murmur3(new TextEncoder().encode(key)) >= 0 ? 1 : -1)
  const dict = runKernel(kernels, 'mle.RecordHash', [tensor(['{"a": 2, "b": "x"}'])], { width: 64 })
  assert.equal(dict.data[slot('a')], 2 * sign('a'))
  assert.equal(dict.data[slot('b=x')], sign('b=x'))
  assert.deepEqual(runKernel(kernels, 'mle.RecordHash', [tensor(['[["a", 2], ["b", "x"]]'])], { width: 64, input: 'pair' }).data, dict.data)
  assert.equal(runKernel(kernels, 'mle.RecordHash', [tensor(['["a", "a"]'])], { width: 64, input: 'string', alternateSign: 0 }).data[slot('a')], 2)
  assert.throws(() => runKernel(kernels, 'mle.RecordHash', [tensor(['["a", 1]'])], { width: 64, input: 'string' }), hasCode('OP_RECORD'))
  assert.throws(() => runKernel(kernels, 'mle.RecordHash', [tensor(['{"a": null}'])], { width: 64 }), hasCode('OP_RECORD'))
})
