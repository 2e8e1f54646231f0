import { test } from 'node:test'
import { WASM_OPERATORS } from '../../../src/ops/wasm/operators.ts'
import { assertEqual, everyOperatorComputed, noise, wasmOnly } from './equal.ts'

for (const key of WASM_OPERATORS.get('functions') ?? []) {
  test(`wasm: ${key} has cpu's bits`, async () => {
    for (const type of ['float32', 'float64'] as const) {
      for (const scale of [1e-20, 1e-9, 0.3, 1, 5, 30, 800, 1e5, 3e6, 1e30]) {
        for (const size of [0, 1, 3, 1001]) await assertEqual(key, { inputs: [{ tensor: noise(scale + size, type, [size], 0.05, scale) }] }, wasmOnly)
      }
    }
  })
}

test('wasm: sine and cosine beside multiples of a quarter turn have the bits of cpu', async () => {
  const data = Float64Array.from({ length: 4000 }, (_, i) => ((i - 2000) * Math.PI) / 2 + ((i % 7) - 3) * 2 ** -50)
  for (const key of ['Sin', 'Cos']) {
    await assertEqual(key, { inputs: [{ tensor: { dtype: 'float64', shape: [4000], data } }] }, wasmOnly)
    await assertEqual(key, { inputs: [{ tensor: { dtype: 'float32', shape: [4000], data: Float32Array.from(data) } }] }, wasmOnly)
  }
})

everyOperatorComputed('functions')
