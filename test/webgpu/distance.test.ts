// Distances in float32 on webgpu: what cpu gives, which computes them in float64; those that have no kernel are computed by cpu itself.
import assert from 'node:assert/strict'
import { graphBuilder } from '../../src/graph/builder.ts'
import { load, tensor, type Tensor } from '../../src/index.ts'
import { METRICS } from '../../src/ops/distances.ts'
import { gpuTest } from '../support/gpu.ts'

const [ROWS, POINTS, FEATURES] = [9, 17, 5]
/** Metrics that have a kernel today. */
const LEAST_ON_DEVICE = 9
/** Positive numbers: every metric has a value for them. */
const positive = (rows: number, columns: number, seed: number): Tensor => tensor(Float32Array.from({ length: rows * columns }, (_, i) => (((i + 1) * 2654435761 * seed) % 97) / 16 + 0.25), [rows, columns])

gpuTest('every metric is what cpu gives', async (gpu, t) => {
  let onDevice = 0
  for (const metric of METRICS.filter((name) => name !== 'haversine')) {
    const b = graphBuilder()
    const x = b.input('X', { dtype: 'float32', shape: ['rows', FEATURES] })
    const parameters = metric === 'seuclidean' || metric === 'minkowski' ? [tensor(Float32Array.of(1, 2, 3, 4, 5), [FEATURES])] : metric === 'mahalanobis' ? [tensor(Float32Array.from({ length: 25 }, (_, i) => (i % 6 === 0 ? 2 : 1)), [25])] : []
    b.output('D', b.add('mle.PairwiseDistance', [x, b.constant(positive(POINTS, FEATURES, 3)), ...parameters.map((own) => b.constant(own))], { metric, p: 3 }), { dtype: 'float32' })
    const [model, cpu] = [await load(b.build(), { device: 'webgpu', gpu }), await load(b.build(), { device: 'cpu' })]
    const feeds = { X: positive(ROWS, FEATURES, 5) }
    const [actual, expected] = [(await model.run(feeds)).D as Tensor, (await cpu.run(feeds)).D as Tensor]
    if (model.placement({ inputs: feeds }).every(({ place }) => place === 'device')) onDevice++
    assert.deepEqual(actual.shape, expected.shape)
    for (let i = 0; i < expected.data.length; i++) {
      const [got, wanted] = [Number(actual.data[i]), Number(expected.data[i])]
      assert.ok(Object.is(got, wanted) || Math.abs(got - wanted) <= 1e-5 * (1 + Math.abs(wanted)), `${metric}: element ${i} is ${got}, expected ${wanted}`)
    }
    model.dispose()
  }
  t.diagnostic(`${onDevice} of ${METRICS.length - 1} metrics on the GPU`)
  assert.ok(onDevice >= LEAST_ON_DEVICE)
})
