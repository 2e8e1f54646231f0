// The functions for float32: next to the float64 ones, and the same bits from the Wasm compiler.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileAssembly } from '../../scripts/assembly.ts'
import { readFileSync } from 'node:fs'
import { measureSingle, SINGLES } from './singles.ts'

type Scalar = (x: number) => number

const SPECIAL = [0, -0, NaN, Infinity, -Infinity, 2 ** -149, -(2 ** -149), 3.4e38, -3.4e38, 88.7, 89, -103.9, -104, 1, -1]
test('rounded to float32 they are the nearest number or its neighbour, and seldom the neighbour', () => {
  for (const entry of SINGLES) {
    const { name, single, double, bound } = entry
    const { points, relative, neighbours, wrong } = measureSingle(entry)
    assert.equal(wrong, 0, name)
    assert.ok(relative <= bound, `${name}: 2^${relative}`)
    assert.ok(neighbours < points / 5000, `${name}: ${neighbours} neighbours`)
    for (const x of SPECIAL) assert.ok(Object.is(Math.fround(single(x)), Math.fround(double(x))), `${name}(${x}) is ${single(x)}`)
  }
})

test('the Wasm build gives the same bits', async () => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(await compileAssembly('src/math/single-all.ts', readFileSync('src/math/single.ts', 'utf8'))))
  for (const { name, single, low, high } of SINGLES) {
    const other = exports[name] as Scalar
    const points = [...SPECIAL, ...Array.from({ length: 20_000 }, (_, i) => low + ((high - low) * i) / 19_999)]
    for (const x of points) assert.ok(Object.is(other(x), single(x)), `${name}(${x}): ${other(x)} and ${single(x)}`)
  }
})
