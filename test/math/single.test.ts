// The functions for float32: next to the float64 ones, and the same bits from the Wasm compiler.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileAssembly } from '../../scripts/assembly.ts'
import { readFileSync } from 'node:fs'
import { erf, exp, logistic, tanh } from '../../src/math/index.ts'
import { erfSingle, expSingle, logisticSingle, tanhSingle } from '../../src/math/single.ts'

type Scalar = (x: number) => number

const FUNCTIONS: readonly (readonly [name: string, single: Scalar, double: Scalar, low: number, high: number])[] = [
  ['expSingle', expSingle, exp, -110, 95],
  ['logisticSingle', logisticSingle, logistic, -110, 40],
  ['tanhSingle', tanhSingle, tanh, -12, 12],
  ['tanhSingle', tanhSingle, tanh, -1e-3, 1e-3],
  ['erfSingle', erfSingle, erf, -5, 5],
  ['erfSingle', erfSingle, erf, -1e-20, 1e-20],
]

const SPECIAL = [0, -0, NaN, Infinity, -Infinity, 2 ** -149, -(2 ** -149), 3.4e38, -3.4e38, 88.7, 89, -103.9, -104, 1, -1]
const words = new Int32Array(1)
const float = new Float32Array(words.buffer)

/** Numbers of float32 in order: neighbours differ by one. */
function place(x: number): number {
  float[0] = x
  return words[0] < 0 ? -(words[0] & 0x7fffffff) : words[0]
}

test('rounded to float32 they are the nearest number or its neighbour, and seldom the neighbour', () => {
  for (const [name, single, double, low, high] of FUNCTIONS) {
    let neighbours = 0
    const count = 200_000
    for (let i = 0; i < count; i++) {
      const x = Math.fround(low + ((high - low) * i) / count)
      const distance = Math.abs(place(single(x)) - place(double(x)))
      assert.ok(distance <= 1, `${name}(${x}) is ${single(x)}, expected ${double(x)}`)
      neighbours += distance
    }
    assert.ok(neighbours < count / 5000, `${name}: ${neighbours} neighbours`)
    for (const x of SPECIAL) assert.ok(Object.is(Math.fround(single(x)), Math.fround(double(x))), `${name}(${x}) is ${single(x)}`)
  }
})

test('the Wasm build gives the same bits', async () => {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(await compileAssembly('src/math/single-all.ts', readFileSync('src/math/single.ts', 'utf8'))))
  for (const [name, single, , low, high] of FUNCTIONS) {
    const other = exports[name] as Scalar
    const points = [...SPECIAL, ...Array.from({ length: 20_000 }, (_, i) => low + ((high - low) * i) / 19_999)]
    for (const x of points) assert.ok(Object.is(other(x), single(x)), `${name}(${x}): ${other(x)} and ${single(x)}`)
  }
})
