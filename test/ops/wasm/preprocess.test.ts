import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { assertEqual, everyOperatorComputed, noise, wasm, wasmOnly } from './equal.ts'
import { opGraph } from '../../support/run-op.ts'

const FORMS = ['yeo-johnson', 'yeo-johnson-expm1', 'box-cox', 'yeo-johnson-inverse', 'box-cox-inverse']
const f64 = (shape: readonly number[], values: readonly number[]): Tensor => ({ dtype: 'float64', shape, data: Float64Array.from(values) })

test('wasm: power transforms have the bits of cpu', async () => {
  const lambda = fc.oneof(fc.constantFrom(0, 2, 1, -0, 1e-17, 2 + 1e-16), fc.double({ min: -4, max: 6, noNaN: true }))
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.constantFrom(...FORMS), fc.nat(9), fc.array(lambda, { minLength: 1, maxLength: 5 }), fc.constantFrom(1e-9, 1, 30, 1e6), fc.boolean(), (seed, form, rows, lambdas, scale, constant) => {
      const x = noise(seed, 'float64', [rows, lambdas.length], 0.1, scale)
      const data = x.data as Float64Array
      if (form === 'box-cox') for (let i = 0; i < data.length; i++) data[i] = Math.abs(data[i]) + 1e-9
      return assertEqual('mle.PowerTransform', { inputs: [{ tensor: x }, { tensor: f64([lambdas.length], lambdas), constant }], attributes: { form } }, wasmOnly)
    }),
    { numRuns: 200 },
  )
})

test('wasm: Box-Cox refuses what is not positive as cpu does', async () => {
  const [x, lambda] = [f64([2, 1], [1, -0]), f64([1], [0.5])]
  await assert.rejects(wasm.run(opGraph('mle.PowerTransform', [{ tensor: x }, { tensor: lambda }], { form: 'box-cox' }), new Map([['x0', x], ['x1', lambda]])), { code: 'OP_VALUE' })
})

test('wasm: quantile maps have the bits of cpu, repeated quantiles included', async () => {
  const column = fc.array(fc.integer({ min: -4, max: 4 }), { minLength: 7, maxLength: 7 }).map((list) => list.toSorted((a, b) => a - b))
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(column, { minLength: 1, maxLength: 4 }), fc.nat(9), fc.constantFrom('uniform', 'normal'), fc.constantFrom(1, 0.3), fc.boolean(), async (seed, columns, rows, output, unit, isCoarse) => {
      const quantiles = f64([7, columns.length], Array.from({ length: 7 }, (_, i) => columns.map((own) => own[i] * unit)).flat())
      const references = f64([7], Array.from({ length: 7 }, (_, i) => i / 6))
      const x = noise(seed, 'float64', [rows, columns.length], 0.1, 5)
      const data = x.data as Float64Array
      if (isCoarse) for (let i = 0; i < data.length; i++) data[i] = Math.round(data[i]) * unit
      await assertEqual('mle.QuantileMap', { inputs: [{ tensor: x }, { tensor: quantiles, constant: true }, { tensor: references, constant: true }], attributes: { output } }, wasmOnly)
    }),
    { numRuns: 200 },
  )
})

everyOperatorComputed('preprocess', ['float64'])
