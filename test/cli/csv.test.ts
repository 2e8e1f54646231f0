import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CSV_LIMITS, csvNumber, readCsv } from '../../src/cli/csv.ts'

test('header, cells, missing values', () => {
  assert.deepEqual(readCsv('a,b,c\n1,,x\n,2,\n'), { columns: ['a', 'b', 'c'], rows: [['1', null, 'x'], [null, '2', null]] })
  assert.deepEqual(readCsv('a,b\r\n1,2\r\n'), { columns: ['a', 'b'], rows: [['1', '2']] })
  assert.deepEqual(readCsv('a,b\n1,2'), { columns: ['a', 'b'], rows: [['1', '2']] })
  assert.deepEqual(readCsv('a,b\n1,'), { columns: ['a', 'b'], rows: [['1', null]] })
  assert.deepEqual(readCsv('a,b'), { columns: ['a', 'b'], rows: [] })
})

test('a byte order mark is no part of the first name, blank lines are no rows', () => {
  assert.deepEqual(readCsv('\ufeffa\n\n1\n\n""\n2\n\n'), { columns: ['a'], rows: [['1'], [null], ['2']] })
  assert.deepEqual(readCsv(',a\n0,1\n').columns, ['', 'a'])
})

test('quoted cells hold commas, line ends and quotes', () => {
  assert.deepEqual(readCsv('"a,1","b ""x"""\n"line\nend","c\r\nd"\n'), { columns: ['a,1', 'b "x"'], rows: [['line\nend', 'c\r\nd']] })
})

test('one code per fault, with the line', () => {
  const fault = (text: string): unknown => {
    try {
      readCsv(text, { columns: 3, cells: 6, cellCharacters: 5 })
    } catch (error) {
      return `${(error as { code: string }).code} ${/^line \d+/.exec((error as Error).message)?.[0]}`
    }
    return undefined
  }
  assert.equal(fault(''), 'CSV_EMPTY line 1')
  assert.equal(fault('a,a\n'), 'CSV_HEADER line 1')
  assert.equal(fault('a,\n1,2'), 'CSV_HEADER line 1')
  assert.equal(fault('a,b\n1,2\n3\n'), 'CSV_RAGGED line 3')
  assert.equal(fault('a,b\n"x\ny",2\n3\n'), 'CSV_RAGGED line 4')
  assert.equal(fault('a\n"1\n'), 'CSV_QUOTE line 2')
  assert.equal(fault('a\n"1"2\n'), 'CSV_QUOTE line 2')
  assert.equal(fault('a\n1"2\n'), 'CSV_QUOTE line 2')
  assert.equal(fault('a,b,c,d\n'), 'CSV_LIMIT line 1')
  assert.equal(fault('abcdef\n'), 'CSV_LIMIT line 1')
  assert.equal(fault('a,b\n1,2\n1,2\n1,2\n1,2\n'), 'CSV_LIMIT line 5')
})

test('numbers as Python writes them', () => {
  const cases: readonly (readonly [string | null, number | undefined])[] = [
    [null, NaN], ['1', 1], ['-1.5e-3', -0.0015], ['.5', 0.5], ['5.', 5], ['+2', 2], [' 7 ', 7], ['nan', NaN], ['NaN', NaN], ['NA', NaN], ['inf', Infinity],
    ['-Infinity', -Infinity], ['True', 1], ['false', 0], ['0x10', undefined], ['1_000', undefined], ['one', undefined], ['', undefined], ['-', undefined], ['-nan', undefined],
  ]
  for (const [cell, value] of cases) assert.equal(csvNumber(cell), value, String(cell))
})

test('what is written by the rules reads back', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r\n', ' ', '1', 'é') })
  fc.assert(fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 5 }), (rows) => {
    const quote = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
    const text = ['x,y', ...rows.map((row) => row.map(quote).join(','))].join('\n')
    assert.deepEqual(readCsv(text).rows, rows.map((row) => row.map((value) => (value === '' ? null : value))))
  }))
})

test('any text gives a table or a coded error', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r') }), (text) => {
    try {
      for (const row of readCsv(text, CSV_LIMITS).rows) assert.ok(Array.isArray(row))
    } catch (error) {
      assert.equal((error as Error).name, 'MleError')
    }
  }))
})
