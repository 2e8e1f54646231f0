import { test } from 'node:test'
import fc from 'fast-check'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { assertEqual, everyOperatorComputed, equalSuite } from './equal.ts'

equalSuite(['Transpose'], 60, (dtype) => dtype === 'float32' || dtype === 'float64' || dtype === 'int32' || dtype === 'int64')

test('wasm: transposes of larger tensors have the bits of cpu', async () => {
  const shape = fc.array(fc.integer({ min: 1, max: 13 }), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(shape.chain((dims) => fc.tuple(fc.constant(dims), fc.shuffledSubarray(dims.map((_, i) => i), { minLength: dims.length }))), fc.constantFrom('float32' as const, 'float64' as const), ([dims, perm], dtype) => {
      const size = dims.reduce((product, dim) => product * dim, 1)
      const data = dtype === 'float32' ? Float32Array.from({ length: size }, (_, i) => i) : Float64Array.from({ length: size }, (_, i) => i)
      const tensor: Tensor = { dtype, shape: dims, data }
      return assertEqual('Transpose', { inputs: [{ tensor }], attributes: { perm } })
    }),
    { numRuns: 120 },
  )
})

everyOperatorComputed('move', ['float32', 'float64', 'int32', 'int64'])
