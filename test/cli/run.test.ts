import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readNpy, writeNpy } from '../../src/tensor/npy.ts'
import { tensor } from '../../src/tensor/tensor.ts'
import { at, file, plainGraph, run, saved, tableGraph } from './support.ts'

const table = await saved('table.mle', tableGraph())
const plain = await saved('plain.mle', plainGraph())
const csv = file('rows.csv', 'city,x,target,y\nRome,1,0,2\n"Oslo, N",,1,-4.5\n,inf,0,nan\n')
const npy = file('x.npy', writeNpy(tensor([[1, 2], [3, 4]])))
const ids = file('ids.npy', writeNpy(tensor(BigInt64Array.of(7n, 9n))))

const json = (path: string): unknown => JSON.parse(readFileSync(at(path), 'utf8'))
const array = (path: string): { dtype: string; shape: readonly number[]; values: unknown[] } => {
  const { dtype, shape, data } = readNpy(readFileSync(at(path)))
  return { dtype, shape, values: [...(data as ArrayLike<unknown> & Iterable<unknown>)] }
}

async function ok(...argv: string[]): Promise<string> {
  const { code, out, err } = await run('run', ...argv)
  assert.equal(err, '')
  assert.equal(code, 0)
  return out
}

test('a CSV fills all inputs by column names; other columns are left alone', async () => {
  await ok(table, '--input', csv, '--method', 'transform', '--output', at('t.npy'))
  assert.deepEqual(array('t.npy'), { dtype: 'float64', shape: [3, 2], values: [1, 2, NaN, -4.5, Infinity, NaN] })
  await ok(table, '--input', csv, '--output', at('c.json'))
  assert.deepEqual(json('c.json'), [['Rome'], ['Oslo, N'], [null]])
})

test('a list of objects and a table with columns do the same', async () => {
  const objects = file('objects.json', JSON.stringify([{ x: 1, y: 2, city: 'Rome', target: 1 }, { y: 'NaN', city: null, x: '-Infinity' }]))
  const columns = file('columns.json', JSON.stringify({ columns: ['city', 'y', 'x'], dtypes: ['object', 'float64', 'float64'], rows: [['Rome', 2, 1], [null, null, '-Infinity']] }))
  for (const path of [objects, columns]) {
    await ok(table, '--input', path, '--method', 'transformed', '--output', at('t.npy'))
    assert.deepEqual(array('t.npy').values, [1, 2, -Infinity, NaN])
  }
})

test('rows without names follow the order of the columns', async () => {
  const rows = file('rows.json', JSON.stringify([[2, 'Rome', 1], [4, 'Oslo', 3]]))
  await ok(table, '--input', rows, '--method', 'transform', '--output', at('t.npy'))
  assert.deepEqual(array('t.npy').values, [1, 2, 3, 4])
})

test('several inputs, by name or in order', async () => {
  for (const inputs of [['--input', npy, '--input', ids], ['--input', `ids=${ids}`, '--input', npy], ['--input', `X=${npy}`, '--input', `ids=${ids}`]]) {
    await ok(plain, ...inputs, '--outputs', at('all'))
    assert.deepEqual(array('all/0.npy'), { dtype: 'float32', shape: [2, 2], values: [1, 2, 3, 4] })
    assert.deepEqual(array('all/1.npy'), { dtype: 'int64', shape: [2], values: [7n, 9n] })
  }
})

test('nested JSON becomes the dtype of its input', async () => {
  const x = file('x.json', '[[1, null], ["Infinity", 2.5]]')
  const list = file('list.json', '[1, 2]')
  await ok(plain, '--input', x, '--input', list, '--outputs', at('nested'))
  assert.deepEqual(array('nested/0.npy').values, [1, NaN, Infinity, 2.5])
  assert.deepEqual(array('nested/1.npy').values, [1n, 2n])
})

test('npy takes the dtype of the training library', async () => {
  const rows = file('whole.json', JSON.stringify([[1, 'a', 0]]))
  await ok(table, '--input', rows, '--method', 'counts', '--output', at('c.npy'))
  assert.deepEqual(array('c.npy'), { dtype: 'int64', shape: [1, 2], values: [0n, 1n] })
  await ok(table, '--input', rows, '--method', 'flags', '--output', at('f.npy'))
  assert.deepEqual(array('f.npy'), { dtype: 'bool', shape: [1, 2], values: [0, 1] })
  assert.equal(await ok(table, '--input', rows, '--method', 'flags', '--output', '-'), '[[false, true]]\n')
  await ok(table, '--input', rows, '--method', 'predict', '--output', at('s.npy'))
  assert.deepEqual(array('s.npy'), { dtype: 'string', shape: [1, 1], values: ['a'] })
})

test('a method of several arrays writes one file each', async () => {
  const rows = file('two.json', JSON.stringify([[2, 'Rome', 1]]))
  await ok(table, '--input', rows, '--method', 'predict_proba', '--output', at('Y.npy'))
  assert.equal(array('Y_0.npy').dtype, 'float64')
  assert.equal(array('Y_1.npy').dtype, 'int64')
  await ok(table, '--input', rows, '--method', 'predict_proba', '--outputs', at('list'))
  assert.equal(array('list/1.npy').dtype, 'int64')
  assert.ok(!existsSync(at('list/2.npy')))
})

test('--outputs alone writes every output of the graph, texts as JSON', async () => {
  await ok(table, '--input', csv, '--method', 'transform', '--outputs', at('one'))
  assert.ok(!existsSync(at('one/1.npy')))
  const rows = file('r.json', JSON.stringify([[1, 'Rome', 0]]))
  await ok(table, '--input', rows, '--outputs', at('every'))
  assert.deepEqual(json('every/3.json'), [['Rome']])
  assert.deepEqual(array('every/0.npy').values, [0, 1])
})

test('JSON output names NaN and the infinities', async () => {
  assert.equal(await ok(table, '--input', csv, '--method', 'transform', '--output', '-'), '[[1, 2],\n ["NaN", -4.5],\n ["Infinity", "NaN"]]\n')
})

test('without --output a table is shown, at most 20 rows', async () => {
  const many = file('many.json', JSON.stringify(Array.from({ length: 25 }, (_, i) => [i, `city ${i}`, 0.5])))
  const shown = await ok(table, '--input', many, '--method', 'transform')
  const lines = shown.trimEnd().split('\n')
  assert.equal(lines[0].trim(), 'transformed[0]  transformed[1]')
  assert.match(lines[2], /^ +0\.5 +1$/)
  assert.equal(lines.length, 22)
  assert.equal(lines[21], '... 5 more rows; --output FILE writes all')
})

test('without --method the table has the probabilities beside the prediction', async () => {
  const rows = file('shown.json', JSON.stringify([[2, 'Rome', 1]]))
  const [title, row] = (await ok(table, '--input', rows)).split('\n')
  assert.match(title, /^cities +transformed\[0\] +transformed\[1\] +counts\[0\] +counts\[1\]$/)
  assert.match(row, /^Rome +1 +2 +1 +2$/)
})

test('bad data: exit code 1 and one line with the code', async () => {
  const cases: readonly (readonly [code: string, argv: readonly string[], pattern?: RegExp])[] = [
    ['CLI_FILE', [at('none.mle'), '--input', npy], /none\.mle does not exist/],
    ['CLI_FILE', [table, '--input', at('none.npy')], /none\.npy cannot be read/],
    ['CLI_FILE', [table, '--input', csv, '--method', 'transform', '--output', '/dev/null/x.npy'], /cannot be written/],
    ['CLI_JSON', [table, '--input', file('bad.json', '[1,')], /bad\.json is not JSON/],
    ['CLI_JSON', [table, '--input', file('object.json', '{"a": 1}')], /object/],
    ['CLI_JSON', [table, '--input', file('ragged.json', '{"columns": ["x", "y"], "rows": [[1, 2], [3]]}')], /row 1/],
    ['CLI_UTF8', [table, '--input', file('latin.csv', Uint8Array.of(0x61, 0x0a, 0xe9))]],
    ['CLI_VALUE', [table, '--input', file('words.csv', 'city,x,y\nRome,one,2\n')], /row 0, column "x" is "one"/],
    ['CLI_VALUE', [plain, '--input', file('deep.json', '[[[{}]]]'), '--input', ids]],
    ['CLI_VALUE', [plain, '--input', file('text.json', '[[["a"]]]'), '--input', ids]],
    ['CLI_VALUE', [plain, '--input', file('deep1.json', `${'['.repeat(50000)}${']'.repeat(50000)}`), '--input', ids], /64 levels/],
    ['CLI_INPUTS', [plain, '--input', npy, '--input', ids, '--input', npy], /one input file too many/],
    ['CSV_RAGGED', [table, '--input', file('ragged.csv', 'x,y\n1\n')], /ragged\.csv: line 2/],
    ['INPUT_COLUMNS', [table, '--input', file('few.csv', 'x,y\n1,2\n')], /lacks the column "city"/],
    ['INPUT_COLUMNS', [table, '--input', file('few.json', '[[1, 2]]')], /row 0 has 2 values, the model has 3 columns/],
    ['INPUT_MISSING', [plain, '--input', npy], /"ids" is missing/],
    ['INPUT_SHAPE', [plain, '--input', file('wide.json', '[[1, 2, 3]]'), '--input', ids]],
    ['METHOD_UNKNOWN', [table, '--input', csv, '--method', 'fly'], /it has transform, predict/],
    ['NPY_MAGIC', [table, '--input', file('fake.npy', 'no array')]],
    ['NPY_STRING', [table, '--input', csv, '--output', at('missing.npy')], /write \.json/],
    ['TENSOR_RAGGED', [plain, '--input', file('uneven.json', '[[1, 2], [3]]'), '--input', ids]],
    ['TENSOR_VALUE', [plain, '--input', npy, '--input', file('half.json', '[1.5, 2]')]],
    ['IMPORT_FORMAT', [file('nothing.bin', 'nothing that we know'), '--input', npy]],
    ['FORMAT_MAGIC', [file('other.mle', 'nothing that we know'), '--input', npy], /not an .mle file/],
    ['FORMAT_SHA256', ['conformance/malformed/sha256-weights.mle', '--input', npy, '--integrity', 'sha256']],
  ]
  for (const [code, argv, pattern] of cases) {
    const result = await run('run', ...argv)
    assert.match(result.err, new RegExp(`^mle: ${code}: .*\\n$`), `${code}: ${result.err}`)
    if (pattern !== undefined) assert.match(result.err, pattern)
    assert.equal(result.code, 1)
    assert.equal(result.out, '')
  }
})

test('wrong usage: exit code 2', async () => {
  const cases: readonly (readonly string[])[] = [
    [],
    [table],
    [table, table, '--input', csv],
    [table, '--input', at('x.txt')],
    [table, '--input', csv, '--output', at('y.txt')],
    [table, '--input', csv, '--output', at('y.npy'), '--outputs', at('y')],
    [table, '--input', csv, '--device', 'abacus'],
    [table, '--input', csv, '--integrity', 'md5'],
    [table, '--input', csv, '--speed'],
    [plain, '--input', `X=${npy}`, '--input', `X=${npy}`],
  ]
  for (const argv of cases) {
    const { code, out, err } = await run('run', ...argv)
    assert.equal(code, 2, argv.join(' '))
    assert.match(err, /^mle: .*; see mle help run\n$/)
    assert.equal(out, '')
  }
})

test('a list of numbered columns is turned into rows, in the order of the numbers', async () => {
  const columns = file('numbered.json', JSON.stringify([[4, [3, 4, 5]], [1, [1, 2, 'NaN'], [1, 2]]]))
  await ok(plain, '--input', `X=${columns}`, '--method', 'predict', '--output', at('n.npy'), '--input', `ids=${file('three.json', '[1, 2, 3]')}`)
  assert.deepEqual(array('n.npy').values, [1, 3, 2, 4, NaN, 5])
  for (const [name, text, pattern] of [['ragged', '[[0, [1, 2]], [1, [3]]]', /column 1 has 1 values, column 0 has 2/], ['twice', '[[1, [1]], [1, [3]]]', /column 1 is there twice/]] as const) {
    const { code, err } = await run('run', plain, '--input', file(`${name}.json`, text))
    assert.equal(code, 1)
    assert.match(err, pattern)
  }
})
