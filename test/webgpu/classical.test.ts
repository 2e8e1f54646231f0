// Models of scikit-learn with `precision: 'float32'` on webgpu: what the same narrowed graph gives on cpu. Operators that take float64 only keep it, on cpu.
import assert from 'node:assert/strict'
import { importModel } from '../../src/import/index.ts'
import { load, MleError, type InputValue } from '../../src/index.ts'
import { isTensor } from '../../src/tensor/tensor.ts'
import { inputOf, readCases } from '../support/fixtures.ts'
import { gpuTest } from '../support/gpu.ts'

/** Of the largest magnitude of an output: float32 has 24 bits, and sums of both devices differ in order. */
const TOLERANCE = 1e-4
/** How many run on the GPU wholly, and at least partly, today. */
const LEAST_WHOLLY = 124
const LEAST_PARTLY = 172
/** Logarithms of numbers below 2^-126, which a GPU may take for zero. */
const LOG_OF_SUBNORMAL = -87.3

gpuTest('models of scikit-learn narrowed to float32 give what cpu gives', async (gpu, t) => {
  const wrong: string[] = []
  const places = { wholly: 0, partly: 0, 'on cpu': 0 }
  let models = 0
  for (const { name, description, bytes } of readCases('sklearn')) {
    const [input] = description.inputs
    if (description.inputs.length !== 1 || !input.file.endsWith('.npy')) continue
    const graph = await importModel(bytes(description.file), { fileName: description.file })
    const fixture = { name, description, bytes }
    const feeds = { [graph.inputs[0].name]: inputOf(fixture, input) satisfies InputValue }
    const cpu = await load(graph, { device: 'cpu', precision: 'float32' })
    let expected: Awaited<ReturnType<typeof cpu.run>>
    try {
      expected = await cpu.run(feeds)
    } catch (error) {
      assert.ok(error instanceof MleError, String(error))
      continue
    }
    models++
    const model = await load(graph, { device: 'webgpu', gpu, precision: 'float32' })
    const placed = model.placement({ inputs: feeds })
    const onDevice = placed.filter(({ place }) => place === 'device').length
    places[onDevice === placed.length ? 'wholly' : onDevice > 0 ? 'partly' : 'on cpu']++
    try {
      const actual = await model.run(feeds)
      for (const [key, wanted] of Object.entries(expected)) {
        const got = actual[key]
        assert.ok(isTensor(wanted) && isTensor(got), key)
        assert.deepEqual(got.shape, wanted.shape, key)
        assert.equal(got.dtype, wanted.dtype, key)
        if (wanted.dtype === 'string') {
          assert.deepEqual(got.data, wanted.data, key)
          continue
        }
        const values = Array.from(wanted.data as ArrayLike<number>, Number)
        const largest = values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 1e-6)
        values.forEach((value, i) => {
          const own = Number(got.data[i])
          const isSame = Object.is(own, value) || (own === -Infinity && value < LOG_OF_SUBNORMAL) || Math.abs(own - value) <= TOLERANCE * largest
          assert.ok(isSame, `${key}[${i}] is ${own}, expected ${value}`)
        })
      }
    } catch (error) {
      wrong.push(`${name}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
    }
    model.dispose()
  }
  t.diagnostic(`${models - wrong.length} of ${models} models right; ${Object.entries(places).map(([place, count]) => `${count} ${place}`).join(', ')}`)
  assert.deepEqual(wrong, [])
  assert.ok(places.wholly >= LEAST_WHOLLY && places.wholly + places.partly >= LEAST_PARTLY)
})
