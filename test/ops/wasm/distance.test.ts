import { test } from 'node:test'
import fc from 'fast-check'
import { assertEqual, everyOperatorComputed, noise } from './equal.ts'

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

everyOperatorComputed('distance', ['float64'])
