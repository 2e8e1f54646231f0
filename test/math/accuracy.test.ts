import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { mathDocument } from '../../scripts/math-table.ts'
import { CATALOG } from './catalog.ts'
import { FUNCTIONS, largestError, readReference, ulp } from './reference.ts'

const SETS = readReference()

test('every exported function has a documented bound and reference values', () => {
  const names = [...FUNCTIONS.keys()].sort()
  assert.deepEqual(CATALOG.map((entry) => entry.name).sort(), names)
  assert.deepEqual(SETS.map((set) => set.name).sort(), names)
})

for (const { name, bound } of CATALOG) {
  test(`${name} stays within ${bound} ulp`, () => {
    const set = SETS.find((candidate) => candidate.name === name)
    assert.ok(set !== undefined && set.nearest.length >= 300)
    const { error, at } = largestError(set)
    assert.ok(error <= bound, `${name}(${at.join(', ')}) is off by ${error} ulp`)
  })
}

test('the error measure sees one ulp', () => {
  assert.equal(ulp(1), 2 ** -52)
  assert.equal(ulp(5e-324), 5e-324)
  const off = { name: 'exp', arity: 1, searched: 1, domain: '', x: new Float64Array(1), nearest: new Float64Array([1 + 2 ** -52]), remainder: new Float32Array(1) }
  assert.equal(largestError(off).error, 1)
  assert.ok(Number.isNaN(largestError({ ...off, x: new Float64Array([NaN]) }).error))
})

test('docs/math.md is up to date', () => {
  assert.equal(readFileSync('docs/math.md', 'utf8'), mathDocument(), 'run: node --import tsx scripts/math-table.ts')
})
