// Attention: kernels of wasm against cpu's, bit for bit, never through the fallback.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { assertEqual, everyOperatorComputed, noise, wasmOnly } from './equal.ts'

const bits = (seed: number, shape: readonly number[]): Tensor => {
  const { data } = noise(seed, 'float32', shape, 0)
  return { dtype: 'bool', shape, data: Uint8Array.from(data as Float32Array, (value) => (value > -1.5 ? 1 : 0)) }
}
const int64 = (values: readonly number[]): Tensor => ({ dtype: 'int64', shape: [values.length], data: BigInt64Array.from(values, BigInt) })

interface Drawn {
  readonly dtype: 'float32' | 'float64'
  readonly sizes: readonly [batches: number, kvHeads: number, group: number, queries: number, keys: number, size: number, width: number, past: number]
  readonly isPacked: boolean
  readonly mask: 'none' | 'bool' | 'float' | 'row' | 'short'
  readonly causal: number
  readonly softcap: number
  readonly hasLengths: boolean
  readonly special: number
  readonly seed: number
}

function check({ dtype, sizes, isPacked, mask, causal, softcap, hasLengths, special, seed }: Drawn): Promise<void> {
  const [batches, kv, group, queries, keys, size, width, past] = sizes
  const heads = kv * group
  const of = (n: number, count: number, length: number, columns: number): Tensor => noise(seed + n, dtype, isPacked ? [batches, length, count * columns] : [batches, count, length, columns], special)
  const total = past + keys
  const masks: Record<Drawn['mask'], Tensor | undefined> = {
    none: undefined, bool: bits(seed + 4, [batches, 1, queries, total]), float: noise(seed + 4, dtype, [heads, queries, total], special), row: noise(seed + 4, dtype, [1, total], special),
    short: noise(seed + 4, dtype, [queries, Math.max(1, total - 1)], special),
  }
  const attributes = { is_causal: causal, softcap, ...(isPacked ? { q_num_heads: heads, kv_num_heads: kv } : {}) }
  const hasPast = past > 0
  const optional = [
    masks[mask], hasPast ? noise(seed + 5, dtype, [batches, kv, past, size], special) : undefined, hasPast ? noise(seed + 6, dtype, [batches, kv, past, width], special) : undefined,
    hasLengths && !hasPast ? int64(Array.from({ length: batches }, (_, b) => Math.max(0, total - b - 1))) : undefined,
  ]
  const inputs = [of(1, heads, queries, size), of(2, kv, keys, size), of(3, kv, keys, width), ...optional].map((tensor) => (tensor === undefined ? undefined : { tensor }))
  while (inputs[inputs.length - 1] === undefined) inputs.pop()
  return assertEqual('Attention', { inputs, attributes, outputs: hasPast ? 3 : 1 }, wasmOnly)
}

const count = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max })

test('wasm: Attention has cpu\'s bits', async () => {
  const drawn = fc.record({
    dtype: fc.constantFrom('float32' as const, 'float64' as const), sizes: fc.tuple(count(2), count(2), count(2), count(9), count(20), count(11), count(11), fc.integer({ min: 0, max: 5 })), isPacked: fc.boolean(),
    mask: fc.constantFrom('none' as const, 'bool' as const, 'float' as const, 'row' as const, 'short' as const), causal: fc.integer({ min: 0, max: 1 }), softcap: fc.constantFrom(0, 0, 0.7), hasLengths: fc.boolean(),
    special: fc.constantFrom(0, 0, 0.01, 0.1), seed: fc.integer({ min: 0, max: 1e6 }),
  })
  await fc.assert(fc.asyncProperty(drawn, check), { numRuns: 150 })
})

test('wasm: Attention over several blocks of queries, keys and depth has cpu\'s bits', async () => {
  const plain = { dtype: 'float32', isPacked: true, mask: 'none', causal: 1, softcap: 0, hasLengths: false, special: 0, seed: 1 } as const
  await check({ ...plain, sizes: [1, 1, 2, 130, 141, 33, 40, 20] })
  await check({ ...plain, isPacked: false, mask: 'bool', sizes: [1, 1, 1, 70, 300, 520, 9, 0] })
  await check({ ...plain, dtype: 'float64', mask: 'float', sizes: [1, 2, 1, 67, 131, 17, 12, 0] })
})

test('a key of weight 0 may have any value', async () => {
  const value = noise(3, 'float32', [1, 1, 4, 8], 0)
  value.data[8] = Infinity
  value.data[9] = NaN
  const inputs = [noise(1, 'float32', [1, 1, 5, 8], 0), noise(2, 'float32', [1, 1, 4, 8], 0), value, { dtype: 'bool' as const, shape: [1, 4], data: Uint8Array.of(1, 0, 1, 1) }].map((tensor) => ({ tensor }))
  await assertEqual('Attention', { inputs }, wasmOnly)
})

test('what gives scores out is left to cpu', async () => {
  const inputs = [noise(1, 'float32', [1, 1, 5, 8], 0), noise(2, 'float32', [1, 1, 4, 8], 0), noise(3, 'float32', [1, 1, 4, 8], 0)].map((tensor) => ({ tensor }))
  await assertEqual('Attention', { inputs, outputs: 4 })
  await assert.rejects(assertEqual('Attention', { inputs, outputs: 4 }, wasmOnly), /left to cpu/)
})

everyOperatorComputed('attention')
