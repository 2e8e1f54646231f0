import { test } from 'node:test'
import fc from 'fast-check'
import { WASM_OPERATORS } from '../../../src/ops/wasm/operators.ts'
import { assertEqual, everyBlockStayed, everyOperatorComputed, noise, wasmOnly } from './equal.ts'

const ATTRIBUTES: ReadonlyMap<string, readonly string[]> = new Map([
  ['Elu', ['alpha']], ['Selu', ['alpha', 'gamma']], ['Celu', ['alpha']], ['HardSigmoid', ['alpha', 'beta']], ['Swish', ['alpha']], ['ThresholdedRelu', ['alpha']],
])

for (const key of WASM_OPERATORS.get('activation') ?? []) {
  test(`wasm: ${key} has cpu's bits`, async () => {
    const shape = fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 })
    const scale = fc.constantFrom(1e-20, 1e-6, 0.3, 1, 5, 30, 200, 800, 1e30)
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.constantFrom('float32' as const, 'float64' as const), shape, scale, fc.double({ min: 0.1, max: 2, noNaN: true }), fc.boolean(), (seed, dtype, dims, size, parameter, given) => {
        const own: Record<string, number | string> = given ? Object.fromEntries((ATTRIBUTES.get(key) ?? []).map((name, i) => [name, Math.fround(parameter + i)])) : {}
        if (key === 'Gelu' && given) own.approximate = 'tanh'
        return assertEqual(key, { inputs: [{ tensor: noise(seed, dtype, dims, 0.1, size) }], attributes: own }, wasmOnly)
      }),
      { numRuns: 150 },
    )
  })
}

everyOperatorComputed('activation')
everyBlockStayed('Gelu')
