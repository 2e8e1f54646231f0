import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { graphBuilder } from '../../../src/graph/builder.ts'
import { cityHash64 } from '../../../src/ops/categorical/city-hash.ts'
import { categoryHashFormula, cityHash64Formula, ctrValuesFormula, type FormulaTable } from '../../../src/ops/formula/hashed-categories.ts'
import { MleError } from '../../../src/error.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { cpu, runOp, type OpInput } from '../../support/run-op.ts'

const constant = (tensor: Tensor): OpInput => ({ tensor, constant: true })

test('CityHash64 equals its BigInt definition for every length up to 300', () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 131 + (i >> 3) * 17) & 255)
  for (let length = 0; length <= 300; length++) {
    const { low, high } = cityHash64(bytes, length)
    assert.equal((BigInt(high) << 32n) | BigInt(low), cityHash64Formula(bytes.subarray(0, length)), `length ${length}`)
  }
})

const KNOWN = new Map([['red', -1242798403], ['blue', -863087293], ['medium', -1932926211], ['yes', -725272813], ['alpha', 1296865003], ['beta', 1564428181], ['x', -784473192], ['z', 476319382]])

// Values of one-hot features in files of CatBoost 1.2.10 that were trained on these texts.
test('known hashes', async () => {
  const [out] = await runOp('mle.CategoryHash', [{ dtype: 'string', shape: [KNOWN.size], data: [...KNOWN.keys()] }])
  assert.deepEqual([...out.data], [...KNOWN.values()])
})

test('hashes of texts in any script equal the formula, met again or not', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme', maxLength: 90 }), { minLength: 1 }), async (texts) => {
      const twice = [...texts, ...texts]
      const [out] = await runOp('mle.CategoryHash', [{ dtype: 'string', shape: [twice.length], data: twice }])
      assert.deepEqual([...out.data], categoryHashFormula(twice))
    }),
    { numRuns: 50 },
  )
})

test('a missing text is refused', async () => {
  const data: (string | null)[] = ['a', null]
  await assert.rejects(runOp('mle.CategoryHash', [{ dtype: 'string', shape: [2], data }]), (error) => error instanceof MleError && error.code === 'OP_CATEGORY')
})

interface Statistics {
  readonly tables: readonly FormulaTable[]
  readonly columns: readonly number[]
  readonly values: readonly (readonly number[])[]
}

function inputsOf(hashes: readonly (readonly number[])[], x: readonly (readonly number[])[], { tables, columns, values }: Statistics): (OpInput | undefined)[] {
  const starts = (counts: readonly number[]): Tensor => {
    const data = new Uint32Array(counts.length + 1)
    counts.forEach((count, i) => (data[i + 1] = data[i] + count))
    return { dtype: 'uint32', shape: [data.length], data }
  }
  const elements = tables.flatMap((table) => table.elements.flat())
  const keys = tables.flatMap((table) => table.keys.flatMap((key) => [Number(key & 0xffffffffn), Number(key >> 32n)]))
  const flat = values.flat()
  return [
    { tensor: { dtype: 'int32', shape: [hashes.length, 2], data: Int32Array.from(hashes.flat()) } },
    { tensor: { dtype: 'float32', shape: [x.length, 2], data: Float32Array.from(x.flat()) } },
    constant({ dtype: 'float64', shape: [elements.length / 3, 3], data: Float64Array.from(elements) }),
    constant(starts(tables.map((table) => table.elements.length))),
    constant({ dtype: 'uint32', shape: [keys.length / 2, 2], data: Uint32Array.from(keys) }),
    constant(starts(tables.map((table) => table.keys.length))),
    constant({ dtype: 'uint32', shape: [columns.length], data: Uint32Array.from(columns) }),
    constant({ dtype: 'float32', shape: [flat.length], data: Float32Array.from(flat) }),
  ]
}

/** X has no fixed width in graphs of one operator, so these are given through a graph of fixed shapes. */
async function run(inputs: (OpInput | undefined)[]): Promise<Tensor> {
  const builder = graphBuilder()
  const feeds = new Map<string, Tensor>()
  const names = inputs.map((input, i) => {
    if (input === undefined) return ''
    if (input.constant) return builder.constant(input.tensor, `x${i}`)
    feeds.set(`x${i}`, input.tensor)
    return builder.input(`x${i}`, { dtype: input.tensor.dtype, shape: ['batch', input.tensor.shape[1]] })
  })
  builder.output('y', builder.add('mle.CtrValues', names), { dtype: 'float32' })
  return (await cpu.run(builder.build(), feeds))[0]
}

const hash = fc.constantFrom(-2147483648, -7, -1, 0, 1, 5, 2147483647)
const number = fc.constantFrom(NaN, -Infinity, -1, -0, 0, Math.fround(0.1), 1, Infinity)

test('values of random combinations equal the formula', async () => {
  const element = fc.oneof(
    fc.tuple(fc.constant(0), fc.nat(1), fc.constant(0)),
    fc.tuple(fc.constantFrom(1, 2), fc.nat(1), number.filter((value) => !Number.isNaN(value))),
    fc.tuple(fc.constant(3), fc.nat(1), hash),
  )
  const row = fc.record({ hashes: fc.tuple(hash, hash), x: fc.tuple(number, number) })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(element, { maxLength: 4 }), { minLength: 1, maxLength: 3 }), fc.array(row, { minLength: 1, maxLength: 12 }), async (combinations, rows) => {
      const tables = combinations.map((elements): FormulaTable => {
        // Keys that some of the rows have, and one that none has.
        const probe: FormulaTable = { elements, keys: [] }
        const met = rows.slice(0, 6).map(({ hashes, x }) => keyOf(probe, hashes, x))
        return { elements, keys: [...new Set([...met, 12345n])].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)) }
      })
      const columns = [...tables.keys(), 0]
      const values = columns.map((table, c) => Array.from({ length: tables[table].keys.length + 1 }, (_, k) => c * 100 + k))
      const y = await run(inputsOf(rows.map((one) => one.hashes), rows.map((one) => one.x), { tables, columns, values }))
      assert.deepEqual([...y.data], rows.flatMap(({ hashes, x }) => ctrValuesFormula(hashes, x, tables, columns, values)))
    }),
    { numRuns: 60 },
  )
})

/** The joint hash, as the place of a table of one key tells it. */
function keyOf({ elements }: FormulaTable, hashes: readonly number[], x: readonly number[]): bigint {
  const mask = (1n << 64n) - 1n
  const m = 0x4906ba494954cb65n
  return elements.reduce((sum, [kind, feature, value]) => {
    const part = kind === 0 ? BigInt(hashes[feature]) : kind === 3 ? BigInt(hashes[feature] === value) : BigInt(x[feature] > value || (kind === 2 && Number.isNaN(x[feature])))
    return (m * ((sum + m * part) & mask)) & mask
  }, 0n)
}

const SOUND: Statistics = { tables: [{ elements: [[0, 0, 0]], keys: [1n, 2n] }], columns: [0], values: [[1, 2, 3]] }

const BROKEN: readonly (readonly [code: string, position: number, tensor: Tensor])[] = [
  ['CTR_ELEMENT', 2, { dtype: 'float64', shape: [1, 3], data: Float64Array.of(0, 2, 0) }],
  ['CTR_ELEMENT', 2, { dtype: 'float64', shape: [1, 3], data: Float64Array.of(4, 0, 0) }],
  ['CTR_STARTS', 3, { dtype: 'uint32', shape: [2], data: Uint32Array.of(0, 2) }],
  ['CTR_STARTS', 5, { dtype: 'uint32', shape: [2], data: Uint32Array.of(1, 2) }],
  ['CTR_KEYS', 4, { dtype: 'uint32', shape: [2, 2], data: Uint32Array.of(2, 0, 1, 0) }],
  ['CTR_KEYS', 4, { dtype: 'uint32', shape: [2, 2], data: Uint32Array.of(1, 0, 1, 0) }],
  ['CTR_COLUMN', 6, { dtype: 'uint32', shape: [1], data: Uint32Array.of(1) }],
  ['CTR_VALUES', 7, { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) }],
]

test('constants that do not fit together are refused', async () => {
  const rows = [[1, 2]]
  await run(inputsOf(rows, rows, SOUND))
  for (const [code, position, tensor] of BROKEN) {
    const inputs = inputsOf(rows, rows, SOUND)
    inputs[position] = constant(tensor)
    await assert.rejects(run(inputs), (error) => error instanceof MleError && error.code === code, `${code} at ${position}`)
  }
  const inputs = inputsOf(rows, rows, SOUND)
  inputs[4] = { tensor: { dtype: 'uint32', shape: [2, 2], data: Uint32Array.of(1, 0, 2, 0) } }
  await assert.rejects(run(inputs), (error) => error instanceof MleError && error.code === 'CTR_CONSTANT')
})
