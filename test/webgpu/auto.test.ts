// device 'auto': when it takes the GPU, and each reason why it does not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load, tensor, type Model } from '../../src/index.ts'
import { describeGpu, requestGpu } from '../../src/webgpu.ts'
import { gpuTest } from '../support/gpu.ts'

const WIDTH = 1024

/** Products enough to be worth a GPU: 40 of a row of 1,024 by the same matrix; `islands` steps between them that only cpu has. */
function network(islands: number, dtype: 'float32' | 'float64' = 'float32', width: number = WIDTH): Graph {
  const b = graphBuilder()
  const data = dtype === 'float32' ? new Float32Array(width * width) : new Float64Array(width * width)
  for (let i = 0; i < width; i++) data[i * width + ((i * 7) % width)] = 0.9
  const w = b.constant(tensor(data, [width, width]))
  let h = b.input('X', { dtype, shape: ['n', width] })
  for (let i = 0; i < 40; i++) {
    h = b.add('MatMul', [h, w])
    if (i < islands) h = b.add('mle.NormalQuantile', [b.add('Sigmoid', [h])])
  }
  b.output('Y', h, { dtype, shape: ['n', width] })
  return b.build()
}

const reasonOf = (model: Model): string => {
  const placement = model.placement()
  assert.deepEqual([placement.length, placement[0].place], [1, 'host'])
  assert.equal(placement[0].steps.length, model.graph.nodes.length)
  return placement[0].reason ?? ''
}

test('strict determinism: never, and the model says so', async () => {
  const model = await load(network(0))
  assert.notEqual(model.device.name, 'webgpu')
  assert.match(reasonOf(model), /other last digits, which determinism: 'relaxed' allows/)
  model.dispose()
})

test('a device that was asked for declines nothing', async () => {
  assert.deepEqual((await load(network(0), { device: 'cpu' })).placement(), [])
})

test('float64, and too little work', async () => {
  const wide = await load(network(0, 'float64'), { determinism: 'relaxed' })
  assert.match(reasonOf(wide), /float64, which a GPU does not have; precision: 'float32'/)
  wide.dispose()
  const small = await load(network(0, 'float32', 64), { determinism: 'relaxed' })
  assert.match(reasonOf(small), /the work is too small: a run of one takes 0\.2 million multiplications, a GPU is worth asking from 33 million on/)
  small.dispose()
})

test('no adapter', async () => {
  // A feature that no adapter has stands for a machine without one.
  const model = await load(network(0), { determinism: 'relaxed', gpu: { requiredLimits: { maxStorageBuffersPerShaderStage: 1e6 } } })
  assert.match(reasonOf(model), /^no GPU: device webgpu is not available here: /)
  model.dispose()
})

gpuTest('a software adapter of our own is left alone', async (_gpu, t) => {
  const own = await requestGpu()
  if (!describeGpu(own).isSoftware) return t.skip('needs a WebGPU adapter that is software')
  own.destroy()
  const model = await load(network(0), { determinism: 'relaxed' })
  assert.match(reasonOf(model), /the only adapter is software/)
  model.dispose()
})

gpuTest('enough work on a GPU at hand: taken', async (gpu) => {
  const model = await load(network(4), { determinism: 'relaxed', gpu })
  assert.equal(model.device.name, 'webgpu')
  assert.deepEqual(model.placement().filter(({ place }) => place === 'host').length, 4)
  const X = tensor(Float32Array.from({ length: WIDTH }, (_, i) => (i % 3) - 1), [1, WIDTH])
  const [actual, expected] = [(await model.run({ X })).Y.data as Float32Array, (await load(network(4), { device: 'cpu' })).runSync({ X }).Y.data as Float32Array]
  expected.forEach((value, i) => assert.ok(Math.abs(actual[i] - value) <= 1e-4 * (1 + Math.abs(value))))
  model.dispose()
})

gpuTest('more than four islands', async (gpu) => {
  const model = await load(network(5), { determinism: 'relaxed', gpu })
  assert.notEqual(model.device.name, 'webgpu')
  assert.match(reasonOf(model), /^5 stays on the host between submissions, at most 4 are worth it: node 2 "NormalQuantile", /)
  model.dispose()
})

gpuTest('threads stay on the host', async (gpu) => {
  const model = await load(network(0), { determinism: 'relaxed', gpu, workers: 1 })
  assert.notEqual(model.device.name, 'webgpu')
  model.dispose()
})
