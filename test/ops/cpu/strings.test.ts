// Operators of strings by examples that Python's str, RE2's syntax page and ONNX's descriptions settle.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fullMatchPattern } from '../../../src/ops/text/re2.ts'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import { runOp } from '../../support/run-op.ts'

const texts = (data: readonly string[], shape: readonly number[] = [data.length]): Tensor => ({ dtype: 'string', shape, data: [...data] })

test('StringConcat broadcasts', async () => {
  const [z] = await runOp('StringConcat', [texts(['a', 'b'], [2, 1]), texts(['x', 'ü', ''])])
  assert.deepEqual(z, texts(['ax', 'aü', 'a', 'bx', 'bü', 'b'], [2, 3]))
})

test('StringSplit cuts as Python does', async () => {
  const run = async (value: string, attributes: Record<string, string | number>): Promise<unknown> => (await runOp('StringSplit', [texts([value])], attributes))[0].data
  assert.deepEqual(await run('a--b-', { delimiter: '-' }), ['a', '', 'b', ''])
  assert.deepEqual(await run('a-b-c', { delimiter: '-', maxsplit: 1 }), ['a', 'b-c'])
  assert.deepEqual(await run('  a  b c ', {}), ['a', 'b', 'c'])
  assert.deepEqual(await run('  a  b c ', { maxsplit: 1 }), ['a', 'b c '])
  const [parts, counts] = await runOp('StringSplit', [texts(['a b', '', 'c'], [3])])
  assert.deepEqual(parts, texts(['a', 'b', '', '', 'c', ''], [3, 2]))
  assert.deepEqual(counts.data, BigInt64Array.of(2n, 0n, 1n))
})

test('StringNormalizer drops stop words and changes case', async () => {
  const run = async (values: Tensor, attributes: Record<string, string | number | readonly string[]>): Promise<Tensor> => (await runOp('StringNormalizer', [values], attributes))[0]
  assert.deepEqual(await run(texts(['Monday', 'monday', 'Tag']), { stopwords: ['monday'], is_case_sensitive: 1, case_change_action: 'UPPER' }), texts(['MONDAY', 'TAG']))
  assert.deepEqual(await run(texts(['Monday', 'monday'], [1, 2]), { stopwords: ['MONDAY'] }), texts([''], [1, 1]))
  await assert.rejects(run(texts(['a'], [1, 1, 1]), {}), { code: 'OP_RANK' })
})

test('RegexFullMatch matches whole strings, with ASCII classes', async () => {
  const [y] = await runOp('RegexFullMatch', [texts(['ab1', 'ab1 ', 'äb1', ''])], { pattern: '\\w+\\d' })
  assert.deepEqual([...y.data], [1, 0, 0, 0])
  const matches = (pattern: string, value: string): boolean => fullMatchPattern(pattern).test(value)
  assert.ok(matches('a|b', 'b') && !matches('a|b', 'ab') && matches('(?P<n>a)\\.[]x]', 'a.]') && matches('[\\w.\\-]{0,3}', 'a-.') && matches('\\Aa\\z', 'a') && matches('a\\@b', 'a@b'))
  assert.ok(!matches('.', '\n') && matches('.', '\r') && !matches('\\s', '\u00a0') && matches('[\\s]', ' '))
  for (const pattern of ['(?i)a', '(?=a)', '\\1', '\\pL', '[[:alpha:]]', '(', 'a\\', 'x'.repeat(3000)]) assert.throws(() => fullMatchPattern(pattern), { code: 'TEXT_PATTERN' }, pattern)
})

test('TfIdfVectorizer counts n-grams with skips and weights', async () => {
  const attributes = { min_gram_length: 1, max_gram_length: 2, max_skip_count: 1, ngram_counts: [0, 2], ngram_indexes: [0, 3, 1], pool_strings: ['a', 'b', 'a', 'c'] }
  const run = async (mode: string, more: Record<string, readonly number[]> = {}): Promise<number[]> =>
    Array.from((await runOp('TfIdfVectorizer', [texts(['a', 'a', 'c', 'b'], [1, 4])], { ...attributes, mode, ...more }))[0].data, Number)
  assert.deepEqual(await run('TF'), [2, 2, 0, 1])
  assert.deepEqual(await run('IDF', { weights: [0.5, 4, 3] }), [0.5, 3, 0, 4])
  assert.deepEqual(await run('TFIDF', { weights: [0.5, 4, 3] }), [1, 6, 0, 4])
  const [y] = await runOp('TfIdfVectorizer', [tensor(BigInt64Array.of(5n, 6n, 5n, 6n))], { mode: 'TF', min_gram_length: 2, max_gram_length: 2, max_skip_count: 0, ngram_counts: [0, 0], ngram_indexes: [0], pool_int64s: [5, 6] })
  assert.deepEqual([y.shape, ...y.data], [[1], 2])
  await assert.rejects(run('OTHER'), { code: 'OP_ATTRIBUTE' })
})
