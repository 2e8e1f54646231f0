// The stored true values of test/math/reference (see its README) and the error of the functions against them.
import { readFileSync } from 'node:fs'
import * as own from '../../src/math/index.ts'

export interface ReferenceSet {
  readonly name: string
  readonly arity: number
  readonly searched: number
  readonly domain: string
  /** [count * arity] arguments. */
  readonly x: Float64Array
  /** True values are nearest + remainder * ulp(nearest). */
  readonly nearest: Float64Array
  readonly remainder: Float32Array
}

interface IndexEntry {
  readonly name: string
  readonly arity: number
  readonly count: number
  readonly searched: number
  readonly domain: string
}

const FOLDER = new URL('./reference/', import.meta.url)

export function readReference(): ReferenceSet[] {
  const index: readonly IndexEntry[] = JSON.parse(readFileSync(new URL('reference.json', FOLDER), 'utf8'))
  const { buffer, byteOffset, byteLength } = readFileSync(new URL('reference.bin', FOLDER))
  const bytes = buffer.slice(byteOffset, byteOffset + byteLength)
  let offset = 0
  const take = (length: number): ArrayBufferLike => bytes.slice(offset, (offset += length))
  const sets = index.map(({ name, arity, count, searched, domain }) => ({
    name, arity, searched, domain,
    x: new Float64Array(take(count * arity * 8)),
    nearest: new Float64Array(take(count * 8)),
    remainder: new Float32Array(take(count * 4)),
  }))
  if (offset !== byteLength) throw new Error(`reference.bin has ${byteLength} bytes, its index describes ${offset}`)
  return sets
}

/** Distance between neighbouring float64 values at `value`. */
export function ulp(value: number): number {
  const bits = new DataView(new ArrayBuffer(8))
  bits.setFloat64(0, value)
  const exponent = (bits.getUint16(0) >> 4) & 2047
  return 2 ** (Math.max(exponent, 1) - 1075)
}

/** The functions of src/math that take numbers only, by name. */
export const FUNCTIONS: ReadonlyMap<string, (...x: number[]) => number> = new Map(Object.entries(own).flatMap(([name, f]) => (name === 'logsumexp' ? [] : [[name, f as (...x: number[]) => number]])))

/** Largest error in ulp over a set, and the arguments where it occurs. */
export function largestError(set: ReferenceSet): { readonly error: number; readonly at: readonly number[] } {
  const f = FUNCTIONS.get(set.name)
  if (f === undefined) throw new Error(`src/math exports no ${set.name}`)
  let error = 0
  let at: readonly number[] = []
  for (let i = 0; i < set.nearest.length; i++) {
    const x = Array.from(set.x.subarray(i * set.arity, (i + 1) * set.arity))
    const here = Math.abs((f(...x) - set.nearest[i]) / ulp(set.nearest[i]) - set.remainder[i])
    // A NaN must win, not vanish.
    if (!(here <= error)) [error, at] = [here, x]
  }
  return { error, at }
}
