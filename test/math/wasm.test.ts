// The Wasm build of src/math, compiled from the same sources, returns the same bits as the TypeScript.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { before, test } from 'node:test'
import { compileAssembly } from '../../scripts/assembly.ts'
import { FUNCTIONS, readReference } from './reference.ts'

// MATH_POINTS=1000000 compares a million arguments per function, in about a minute.
const POINTS = Number(process.env.MATH_POINTS ?? 4000)

let wasm: WebAssembly.Module
let exported = new Map<string, (...x: number[]) => number>()

before(async () => {
  const source = readFileSync('src/math/index.ts', 'utf8').replace(/^.*logsumexp.*\n/m, '')
  wasm = new WebAssembly.Module(await compileAssembly('src/math/all.ts', source))
  const { exports } = new WebAssembly.Instance(wasm)
  exported = new Map(Object.entries(exports).flatMap(([name, value]) => (typeof value === 'function' ? [[name, value as (...x: number[]) => number]] : [])))
})

const bits = new DataView(new ArrayBuffer(8))
let seed = 20240611n

/** xorshift64*: any bit pattern, or a uniform number of everyday size. */
function next(everyday: boolean): number {
  seed ^= seed >> 12n
  seed = BigInt.asUintN(64, seed ^ (seed << 25n))
  seed ^= seed >> 27n
  const random = BigInt.asUintN(64, seed * 0x2545f4914f6cdd1dn)
  if (everyday) return (Number(random >> 11n) / 2 ** 53) * (random & 1n ? 40 : 2) - (random & 1n ? 20 : 1)
  bits.setBigUint64(0, random)
  return bits.getFloat64(0)
}

function firstDifference(name: string, points: Iterable<readonly number[]>): string | undefined {
  const own = FUNCTIONS.get(name)
  const other = exported.get(name)
  assert.ok(own !== undefined && other !== undefined, `${name} is missing in the Wasm build`)
  for (const x of points) {
    const [a, b] = [own(...x), other(...x)]
    if (!Object.is(a, b)) return `${name}(${x.join(', ')}): ${a} in TypeScript, ${b} in Wasm`
  }
  return undefined
}

function* randomPoints(): Generator<readonly number[]> {
  const special = [0, -0, 1, -1, 2, 0.5, Infinity, -Infinity, NaN, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 709.782712893384, -745.1332191019411, -200.5, -201.5, 711]
  for (const x of special) for (const y of special) yield [x, y]
  for (let i = 0; i < POINTS; i++) yield [next(i % 2 === 0), next(i % 4 < 2)]
}

test('the module has no imports, no memory contents and no mutable globals', () => {
  assert.deepEqual(WebAssembly.Module.imports(wasm), [])
  assert.deepEqual(WebAssembly.Module.exports(wasm).filter(({ kind }) => kind === 'global'), [])
})

test('the same bits on random bit patterns, everyday numbers and special values', () => {
  const points = [...randomPoints()]
  for (const name of FUNCTIONS.keys()) assert.equal(firstDifference(name, points), undefined)
})

test('the same bits on the reference points', () => {
  for (const { name, arity, x } of readReference()) {
    const rows = Array.from({ length: x.length / arity }, (_, i) => Array.from(x.subarray(i * arity, (i + 1) * arity)))
    assert.equal(firstDifference(name, rows), undefined)
  }
})
