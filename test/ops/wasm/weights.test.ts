// Products with weights of 16 and 8 bits: kernels of wasm against cpu's, bit for bit, never through the fallback.
import { test } from 'node:test'
import fc from 'fast-check'
import { floatToBfloat, floatToHalf } from '../../../src/tensor/half.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { assertEqual, everyBlockStayed, everyOperatorComputed, noise, wasmOnly } from './equal.ts'

type Kind = 'float16' | 'bfloat16' | 'int8' | 'uint8'

/** Weights, among the halves subnormal ones too. */
function weights(dtype: Kind, shape: readonly number[], seed: number): Tensor {
  const values = noise(seed, 'float32', shape, 0, dtype === 'int8' || dtype === 'uint8' ? 128 : 1).data as Float32Array
  const tiny = values.map((value, i) => (i % 7 === 0 ? value * 2 ** -18 : value))
  if (dtype === 'float16') return { dtype, shape, data: Uint16Array.from(tiny, floatToHalf) }
  if (dtype === 'bfloat16') return { dtype, shape, data: Uint16Array.from(tiny, floatToBfloat) }
  return { dtype, shape, data: dtype === 'int8' ? Int8Array.from(values, Math.floor) : Uint8Array.from(values, (value) => Math.floor(value + 128)) }
}

const KINDS: readonly Kind[] = ['float16', 'bfloat16', 'int8', 'uint8']

function check(dtype: Kind, [rows, depth, columns]: readonly number[], transposed: boolean, scale: 'none' | 'one' | 'each', seed: number): Promise<void> {
  const isBytes = dtype === 'int8' || dtype === 'uint8'
  const shape = scale === 'each' ? [columns] : []
  const inputs = [{ tensor: noise(seed, 'float32', [rows, depth]) }, { tensor: weights(dtype, transposed ? [columns, depth] : [depth, columns], seed + 1), constant: true }]
  if (isBytes && scale !== 'none') inputs.push({ tensor: noise(seed + 2, 'float32', shape, 0), constant: true }, { tensor: weights(dtype, shape, seed + 3), constant: true })
  return assertEqual('mle.WeightMatMul', { inputs, attributes: transposed ? { transB: 1 } : {} }, wasmOnly)
}

test('wasm: products with weights of 16 and 8 bits have the bits of cpu', async () => {
  const count = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 70 }))
  await fc.assert(fc.asyncProperty(fc.constantFrom(...KINDS), fc.tuple(count, count, count), fc.boolean(), fc.constantFrom('none' as const, 'one' as const, 'each' as const), fc.nat(), check), { numRuns: 150 })
})

test('wasm: products with weights of 16 and 8 bits of several blocks have the bits of cpu', async () => {
  for (const kind of KINDS) for (const sizes of [[1, 700, 70], [5, 1100, 140], [3, 513, 37]]) await check(kind, sizes, sizes[0] === 5, 'each', sizes[1])
})

everyOperatorComputed('weights', ['float32'])
everyBlockStayed('mle.WeightMatMul')
