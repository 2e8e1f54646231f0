// Hashed categories and target statistics.
import { MleError } from '../../error.ts'
import { cityHash64 } from '../categorical/city-hash.ts'
import { ctrTablesOf, type CtrTables } from '../categorical/tables.ts'
import { mixHash } from '../categorical/words64.ts'
import type { Kernel, KernelContext, KernelEntry } from '../kernel.ts'

/** Texts whose hashes are kept: columns of categories repeat a few of them. */
const MAX_KNOWN = 65_536

// x [any] string; out [any] i32
function makeCategoryHash(): Kernel {
  const known = new Map<string, number>()
  const encoder = new TextEncoder()
  let bytes = new Uint8Array(256)
  const hashOf = (text: string): number => {
    // No UTF-16 unit takes more than three bytes.
    if (bytes.length < text.length * 3) bytes = new Uint8Array(text.length * 3)
    return cityHash64(bytes, encoder.encodeInto(text, bytes).written).low | 0
  }
  return ([x], [out]) => {
    if (x === undefined || out === undefined) return
    const hashes = out.data as Int32Array
    for (let i = 0; i < x.size; i++) {
      const text: unknown = x.data[i]
      if (typeof text !== 'string') throw new MleError('OP_CATEGORY', `category ${i} is missing; pass the text that training had for missing values`, { actual: i })
      let hash = known.get(text)
      if (hash === undefined) {
        if (known.size >= MAX_KNOWN) known.clear()
        hash = hashOf(text)
        known.set(text, hash)
      }
      hashes[i] = hash
    }
  }
}

/** Place of a hash among the keys [start, end) of a table, or `end` where it is not among them. */
function find(keys: Uint32Array, start: number, end: number, low: number, high: number): number {
  let from = start
  let to = end
  while (from < to) {
    const middle = (from + to) >>> 1
    const difference = keys[2 * middle + 1] - high || keys[2 * middle] - low
    if (difference === 0) return middle
    if (difference < 0) from = middle + 1
    else to = middle
  }
  return end
}

// hashes [rows, categories] i32, X [rows, features] f32; out [rows, columns] f32
function makeCtrValues(context: KernelContext): Kernel {
  const tables: CtrTables = ctrTablesOf(context)
  const { tableCount, kinds, features, columns, valueStarts, keyStarts } = tables
  const { elementStarts } = tables
  const hash = new Uint32Array(2)
  const places = new Int32Array(tableCount)
  return ([hashView, xView, elementView, , keyView, , , valueView], [out]) => {
    if (hashView === undefined || out === undefined || elementView === undefined || keyView === undefined || valueView === undefined) return
    const [rows, categories] = hashView.shape
    const width = xView?.shape[1] ?? 0
    const hashes = hashView.data as Int32Array
    const x = xView?.data as Float32Array
    const elements = elementView.data as Float64Array
    const keys = keyView.data as Uint32Array
    const values = valueView.data as Float32Array
    const y = out.data as Float32Array
    for (let row = 0; row < rows; row++) {
      for (let t = 0; t < tableCount; t++) {
        hash[0] = hash[1] = 0
        for (let e = elementStarts[t]; e < elementStarts[t + 1]; e++) {
          const feature = features[e]
          const value = elements[3 * e + 2]
          if (kinds[e] === 0) {
            const category = hashes[row * categories + feature]
            mixHash(hash, category >>> 0, category < 0 ? 0xffffffff : 0)
          } else if (kinds[e] === 3) mixHash(hash, hashes[row * categories + feature] === value ? 1 : 0, 0)
          else {
            const number = x[row * width + feature]
            mixHash(hash, number > value || (kinds[e] === 2 && number !== number) ? 1 : 0, 0)
          }
        }
        places[t] = find(keys, keyStarts[t], keyStarts[t + 1], hash[0], hash[1]) - keyStarts[t]
      }
      for (let c = 0; c < columns.length; c++) y[row * columns.length + c] = values[valueStarts[c] + places[columns[c]]]
    }
  }
}

export const categoricalKernels: readonly (readonly [string, KernelEntry])[] = [
  ['mle.CategoryHash', { make: makeCategoryHash }],
  ['mle.CtrValues', { make: makeCtrValues }],
]
