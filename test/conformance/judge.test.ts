import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { judge, type Fault, type OutputFile, type Reply } from '../../conformance/runner/judge.ts'
import type { ExpectedOutput, Task, Tolerance } from '../../conformance/runner/vectors.ts'
import { tensor, type Tensor } from '../../src/index.ts'
import { writeNpy } from '../../src/tensor/npy.ts'

const folder = mkdtempSync(join(tmpdir(), 'judge-'))
after(() => rmSync(folder, { recursive: true }))

const npy = (value: Tensor): OutputFile => ({ format: 'npy', bytes: writeNpy(value) })
const json = (value: unknown): OutputFile => ({ format: 'json', bytes: new TextEncoder().encode(JSON.stringify(value)) })
const EXACT: Tolerance = { kind: 'exact' }

function taskFor(expected: readonly ExpectedOutput[], error?: string): Task {
  return { vector: { path: 'x', area: 'operators', features: [], operators: [], sha256: '' }, folder, model: '', inputs: [], expected, error }
}

function fault(stored: OutputFile, got: OutputFile | undefined, tolerance: Tolerance = EXACT, dtype?: string): Fault | undefined {
  const file = `0.${stored.format}`
  writeFileSync(join(folder, file), stored.bytes)
  return judge(taskFor([{ output: 0, name: 'y', file, dtype, tolerance }]), { kind: 'outputs', files: new Map(got === undefined ? [] : [[0, got]]) })
}

const floats = (...values: number[]): Tensor => tensor(Float32Array.from(values))

test('equal arrays pass, NaN and infinities included', () => {
  assert.equal(fault(npy(floats(1, NaN, Infinity, -Infinity)), npy(floats(1, NaN, Infinity, -Infinity))), undefined)
})

test('the first differing element is named with all that is needed', () => {
  const stored = tensor(Float64Array.of(1, 2, 3, 4, 5, 6), [2, 3])
  const got = tensor(Float64Array.of(1, 2, 3, 4, 5.5, 7), [2, 3])
  assert.deepEqual(fault(npy(stored), npy(got), { kind: 'absolute', bounds: [0, 0, 0, 0, 0.25, 0.5] }), { what: 'value', output: 'y', element: [1, 1], expected: '5', got: '5.5', bound: 0.25, count: 2 })
})

test('bounds hold to the last bit on both sides', () => {
  for (const got of [0.75, 1.25]) assert.equal(fault(npy(floats(1)), npy(floats(got)), { kind: 'absolute', bounds: [0.25] }), undefined)
  for (const got of [0.7499, 1.2501]) assert.equal(fault(npy(floats(1)), npy(floats(got)), { kind: 'absolute', bounds: [0.25] })?.what, 'value')
  assert.equal(fault(npy(floats(-2)), npy(floats(-2.5)), { kind: 'close', rtol: 0.125, atol: 0.25 }), undefined)
  assert.equal(fault(npy(floats(-2)), npy(floats(-2.51)), { kind: 'close', rtol: 0.125, atol: 0.25 })?.what, 'value')
})

test('no bound excuses NaN or an infinity', () => {
  const wide: Tolerance = { kind: 'close', rtol: 1e30, atol: 1e30 }
  for (const [stored, got] of [[1, NaN], [NaN, 1], [1, Infinity], [Infinity, 1], [Infinity, -Infinity], [NaN, Infinity]]) {
    assert.equal(fault(npy(floats(stored)), npy(floats(got)), wide)?.what, 'value', `${stored} ${got}`)
  }
})

test('the sign of zero counts for identical only', () => {
  assert.equal(fault(npy(floats(0)), npy(floats(-0))), undefined)
  assert.deepEqual(fault(npy(floats(0)), npy(floats(-0)), { kind: 'identical' }), { what: 'value', output: 'y', element: [0], expected: '0', got: '-0', bound: 0, count: 1 })
})

test('64-bit integers are compared in full', () => {
  const big = (value: bigint): OutputFile => npy(tensor(BigInt64Array.of(value)))
  assert.equal(fault(big(2n ** 53n + 1n), big(2n ** 53n + 1n)), undefined)
  assert.equal(fault(big(2n ** 53n + 1n), big(2n ** 53n))?.what, 'value')
})

test('half precision is compared as numbers', () => {
  const half = (bits: number): OutputFile => npy({ dtype: 'float16', shape: [1], data: Uint16Array.of(bits) })
  assert.equal(fault(half(0x3c00), half(0x3c01), { kind: 'absolute', bounds: [0.001] }), undefined)
  assert.equal(fault(half(0x3c00), half(0x3c02), { kind: 'absolute', bounds: [0.001] })?.got, '1.001953125')
})

test('shapes count, also those without elements', () => {
  assert.deepEqual(fault(npy(tensor(new Float32Array(0), [0, 3])), npy(tensor(new Float32Array(0), [0, 2]))), { what: 'shape', output: 'y', expected: '[0, 3]', got: '[0, 2]' })
  assert.equal(fault(npy(tensor(new Float32Array(1), [])), npy(tensor(new Float32Array(1), [1])))?.what, 'shape')
})

test('dtypes count where the vector names one', () => {
  const [stored, got] = [npy(tensor(Float64Array.of(1))), npy(tensor(Float32Array.of(1)))]
  assert.deepEqual(fault(stored, got, EXACT, 'float64'), { what: 'dtype', output: 'y', expected: 'float64', got: 'float32' })
  assert.equal(fault(stored, got), undefined)
})

test('texts are JSON lists, and the text NaN is no number', () => {
  assert.equal(fault(json(['a', 'NaN', null]), json(['a', 'NaN', null]), EXACT, 'string'), undefined)
  assert.equal(fault(json(['a', null]), json(['a', 'null']), EXACT, 'string')?.got, '"null"')
  assert.equal(fault(json([['a'], ['b']]), json(['a', 'b']), EXACT, 'string')?.what, 'shape')
  assert.equal(fault(json(['NaN', '-Infinity', 1]), json(['NaN', '-Infinity', 1.25]), { kind: 'close', rtol: 0, atol: 0.25 }), undefined)
})

test('sequences and maps are compared by their nesting', () => {
  assert.equal(fault(json([[1], [2, 3]]), json([[1], [2, 3]])), undefined)
  assert.equal(fault(json([[1], [2, 3]]), json([[1, 2], [3]]))?.what, 'shape')
  assert.equal(fault(json({ a: 1 }), json({ b: 1 }))?.what, 'shape')
  assert.equal(fault(json([{ a: 1, b: 2 }]), json([{ b: 2, a: 1 }])), undefined)
  assert.equal(fault(json([{ a: 1, b: 2 }]), json([{ b: 1, a: 2 }]))?.what, 'value')
})

test('what is missing, of another kind or unreadable fails', () => {
  assert.equal(fault(npy(floats(1)), undefined)?.what, 'output 0 is missing')
  assert.equal(fault(npy(floats(1)), json([1]))?.what, 'output 0 is a .json file, expected .npy')
  assert.match(fault(npy(floats(1)), { format: 'npy', bytes: new Uint8Array(3) })?.what ?? '', /cannot be read/)
  assert.match(fault(json([1]), { format: 'json', bytes: Uint8Array.of(0x5b) })?.what ?? '', /cannot be read/)
})

test('a refusal is right where the vector asks for it, with its code', () => {
  const task = taskFor([], 'FORMAT_MAGIC')
  const refused = (code: string): Reply => ({ kind: 'refused', code, message: 'no' })
  assert.equal(judge(task, refused('FORMAT_MAGIC')), undefined)
  assert.equal(judge(task, refused('FORMAT_CRC32'))?.what, 'refused with another code')
  assert.equal(judge(task, refused('FORMAT_CRC32'), { anyCode: true }), undefined)
  assert.equal(judge(task, { kind: 'outputs', files: new Map() }, { anyCode: true })?.what, 'accepted, but must be refused with FORMAT_MAGIC')
  assert.equal(judge(task, { kind: 'broken', why: 'hangs' }, { anyCode: true })?.what, 'hangs')
  assert.equal(judge(taskFor([]), refused('X'))?.what, 'refused with X: no')
})
