// mle inspect --device and mle profile, on a GPU.
import assert from 'node:assert/strict'
import { graphBuilder } from '../../src/graph/builder.ts'
import { tensor } from '../../src/index.ts'
import { run, saved } from '../cli/support.ts'
import { gpuTest } from '../support/gpu.ts'

/** relu(X W) -> probit(sigmoid), which only cpu has. */
const network = (() => {
  const b = graphBuilder()
  const x = b.input('X', { dtype: 'float32', shape: ['n', 8] })
  const h = b.add('Relu', [b.add('MatMul', [x, b.constant(tensor(Float32Array.from({ length: 64 }, (_, i) => (i % 5) - 2), [8, 8]))])])
  b.output('Y', b.add('mle.NormalQuantile', [b.add('Sigmoid', [h])]), { dtype: 'float32', shape: ['n', 8] })
  return b.build()
})()

gpuTest('mle inspect --device webgpu lists partitions', async () => {
  const { code, out, err } = await run('inspect', await saved('network.mle', network), '--device', 'webgpu')
  assert.deepEqual({ code, err }, { code: 0, err: '' })
  const lines = out.trimEnd().split('\n')
  assert.deepEqual(lines.slice(-3), ['webgpu    1 submissions, 1 stays on cpu', '          gpu, 3 steps in 1 dispatches: node 0 "MatMul", node 1 "Relu", node 2 "Sigmoid"', '          cpu: node 3 "NormalQuantile" (no kernel for this operator)'])
  const { out: json } = await run('inspect', await saved('network.mle', network), '--device', 'webgpu', '--json')
  assert.deepEqual(JSON.parse(json).partitions.map(({ place, dispatches }: { place: string; dispatches?: number }) => [place, dispatches]), [['device', 1], ['host', undefined]])
})

gpuTest('mle inspect --device auto says why the GPU is not taken', async () => {
  const { out } = await run('inspect', await saved('network.mle', network), '--device', 'auto')
  assert.match(out, /^webgpu {4}not taken: the work is too small: a run of one takes 0\.1 million multiplications/m)
})

gpuTest('mle profile shows what each step takes, and by which clock', async (gpu) => {
  const path = await saved('network.mle', network)
  const { code, out, err } = await run('profile', path, '--batch', '4', '--runs', '2')
  assert.deepEqual({ code, err }, { code: 0, err: '' })
  const clock = gpu.features.has('timestamp-query') ? 'timestamps of the GPU' : "the host's clock: this GPU has no timestamps"
  assert.match(out, new RegExp(`^2 steps, \\d+\\.\\d{3} ms; ${clock}\n`))
  assert.match(out, /gpu {4}node 0 "MatMul", node 1 "Relu", node 2 "Sigmoid"/)
  assert.match(out, /cpu {4}node 3 "NormalQuantile"/)
  const times = JSON.parse((await run('profile', path, '--json')).out)
  assert.deepEqual(times.map(({ place, clock: by }: { place: string; clock: string }) => [place, by]), [['device', gpu.features.has('timestamp-query') ? 'gpu' : 'host'], ['host', 'host']])
  for (const { ms } of times) assert.ok(ms >= 0)
  assert.equal((await run('profile', path, '--runs', '0')).code, 2)
})
