import { test } from 'node:test'
import fc from 'fast-check'
import { assertEqual, everyOperatorComputed, noise, wasmOnly } from './equal.ts'

test('wasm: Euclidean distances have the bits of cpu', async () => {
  const size = fc.integer({ min: 1, max: 40 })
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.constantFrom('euclidean', 'sqeuclidean', 'manhattan'), fc.constantFrom('direct', 'expanded'), fc.tuple(fc.integer({ min: 0, max: 13 }), size, fc.oneof(size, fc.integer({ min: 250, max: 300 }))), fc.boolean(), fc.boolean(), (seed, metric, form, [rows, points, n], constant, odd) => assertEqual('mle.PairwiseDistance', {
      inputs: [{ tensor: noise(seed, 'float64', [rows, n], odd ? 0.02 : 0) }, { tensor: noise(seed + 1, 'float64', [points, n], odd ? 0.02 : 0), constant }],
      attributes: { metric, form: metric === 'manhattan' ? 'direct' : form },
    })),
    { numRuns: 150 },
  )
})

test('wasm: decisions of support vector machines have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 0, max: 19 }), fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 2, maxLength: 5 }), fc.boolean(), (seed, rows, counts, odd) => {
      const vectors = counts.reduce((sum, count) => sum + count, 0)
      const pairs = (counts.length * (counts.length - 1)) / 2
      return assertEqual('mle.SvmDecision', {
        inputs: [
          { tensor: noise(seed, 'float64', [rows, vectors], odd ? 0.02 : 0) }, { tensor: noise(seed + 1, 'float64', [counts.length - 1, vectors], odd ? 0.02 : 0), constant: true },
          { tensor: noise(seed + 2, 'float64', [pairs], 0), constant: true }, { tensor: { dtype: 'int32', shape: [counts.length], data: Int32Array.from(counts) }, constant: true },
        ],
      }, wasmOnly)
    }),
    { numRuns: 150 },
  )
})

test('wasm: triangular systems have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 0, max: 19 }), fc.integer({ min: 1, max: 60 }), fc.boolean(), (seed, rows, n, odd) => assertEqual('mle.TriangularSolve', {
      inputs: [{ tensor: noise(seed, 'float64', [rows, n], odd ? 0.02 : 0) }, { tensor: noise(seed + 1, 'float64', [n, n], odd ? 0.01 : 0), constant: true }],
    }, wasmOnly)),
    { numRuns: 100 },
  )
})

everyOperatorComputed('distance', ['float64'])
