// Reads test/fixtures/*.pack (see test/fixtures/README.md) and compares what a model computes with what was expected.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { InputValue, RowObject } from '../../src/feed.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { readNpy } from '../../src/tensor/npy.ts'

export interface CaseInput {
  readonly file: string
  /** The model's input that it is for, where it has several. */
  readonly name?: string
  /** A numpy dtype, or text, mixed, table, dict, csv. */
  readonly dtype: string
  readonly shape: readonly number[]
  readonly alternative?: boolean
}

export interface CaseExpected {
  readonly method: string
  /** The model's output, for networks. */
  readonly name?: string
  readonly file: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** Position in the list that the method returns. */
  readonly output_index?: number
  readonly rtol?: number
  readonly atol?: number
}

/** case.json */
export interface CaseDescription {
  readonly framework: string
  readonly framework_version: string
  readonly estimator: string
  readonly params?: string
  readonly file: string
  readonly inputs: readonly CaseInput[]
  readonly expected: readonly CaseExpected[]
  readonly rtol: number
  readonly atol: number
}

export interface FixtureCase {
  readonly name: string
  readonly description: CaseDescription
  readonly bytes: (file: string) => Uint8Array
}

/** The files of a pack by path. */
export function readPack(name: string): Map<string, Uint8Array> {
  const data = gunzipSync(readFileSync(new URL(`../fixtures/${name}.pack`, import.meta.url)))
  const listBytes = data.readUInt32LE(0)
  const list: readonly (readonly [string, number])[] = JSON.parse(data.toString('utf8', 4, 4 + listBytes))
  const files = new Map<string, Uint8Array>()
  let at = 4 + listBytes
  for (const [path, bytes] of list) {
    // A copy each, as if read from a file: nothing lies at an offset that happens to be aligned.
    files.set(path, new Uint8Array(data.subarray(at, at + bytes)))
    at += bytes
  }
  assert.equal(at, data.length, `${name}.pack has bytes that its list does not name`)
  return files
}

/** The cases of a pack: folders with a case.json. */
export function readCases(pack: string): FixtureCase[] {
  const files = readPack(pack)
  return [...files.keys()]
    .filter((path) => path.endsWith('/case.json'))
    .map((path) => {
      const name = path.slice(0, -'/case.json'.length)
      const bytes = (file: string): Uint8Array => {
        const found = files.get(`${name}/${file}`)
        assert.ok(found !== undefined, `${pack}/${name} has no ${file}`)
        return found
      }
      const description: CaseDescription = JSON.parse(new TextDecoder().decode(bytes('case.json')))
      return { name, description, bytes }
    })
}

/** One of a case's inputs as a caller would pass it: a tensor, texts, rows as arrays or rows as objects. */
export function inputOf(fixture: FixtureCase, input: CaseInput): InputValue {
  const bytes = fixture.bytes(input.file)
  if (input.file.endsWith('.npy')) return readNpy(bytes)
  const text = new TextDecoder().decode(bytes)
  if (input.dtype === 'csv') return csvRows(text)
  const value = JSON.parse(text)
  if (input.dtype === 'table') return value.rows.map((row: unknown[]) => Object.fromEntries(row.map((cell, i) => [value.columns[i], cell])))
  return value
}

/** Cells become numbers where they look like numbers; an empty cell is missing. No quoting: the fixtures have none. */
function csvRows(text: string): RowObject[] {
  const [header, ...lines] = text.trimEnd().split('\n').map((line) => line.replace(/\r$/, ''))
  assert.ok(!text.includes('"'), 'quoted CSV cells are not read here')
  const names = header.split(',')
  return lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [names[i], cell === '' ? null : Number.isNaN(Number(cell)) ? cell : Number(cell)])))
}

/** Asserts that `got` is what the case expects: labels exactly, numbers within the case's tolerance. */
export function compareCase(fixture: FixtureCase, expected: CaseExpected, got: Tensor): void {
  const { description } = fixture
  const where = `${fixture.name} ${expected.method}${expected.output_index === undefined ? '' : ` [${expected.output_index}]`}`
  assert.deepEqual([...got.shape], [...expected.shape], `${where}: shape`)
  const wanted = expectedValues(fixture.bytes(expected.file), expected.file)
  assert.equal(got.data.length, wanted.length, `${where}: elements`)
  const isExact = !expected.dtype.startsWith('float')
  const rtol = expected.rtol ?? description.rtol
  const atol = expected.atol ?? description.atol
  for (let i = 0; i < wanted.length; i++) {
    const a = got.data[i]
    const b = wanted[i]
    if (isExact || typeof a === 'string' || typeof b === 'string') {
      const same = typeof b === 'string' || b === null ? a === b : Number(a) === Number(b) || (Number.isNaN(Number(a)) && Number.isNaN(Number(b)))
      assert.ok(same, `${where}: element ${i} is ${String(a)}, expected ${String(b)}`)
    } else {
      assert.ok(isClose(Number(a), Number(b), rtol, atol), `${where}: element ${i} is ${String(a)}, expected ${String(b)}`)
    }
  }
}

function expectedValues(bytes: Uint8Array, file: string): ArrayLike<unknown> {
  return file.endsWith('.json') ? JSON.parse(new TextDecoder().decode(bytes)).flat(Infinity) : readNpy(bytes).data
}

function isClose(a: number, b: number, rtol: number, atol: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b)
  return a === b || Math.abs(a - b) <= atol + rtol * Math.abs(b)
}
