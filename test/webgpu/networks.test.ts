// Networks that PyTorch exported, on webgpu, within 1e-3 of what PyTorch computed.
import assert from 'node:assert/strict'
import { posix } from 'node:path'
import type { InputValue } from '../../src/feed.ts'
import { importModel } from '../../src/import/index.ts'
import { load, type Model } from '../../src/index.ts'
import { readNpy } from '../../src/tensor/npy.ts'
import { inputOf, readCases, readPack, type FixtureCase } from '../support/fixtures.ts'
import { gpuTest } from '../support/gpu.ts'

const TOLERANCE = 1e-3
const files = readPack('networks')
/** Networks that run on the GPU wholly today; the others have an If. */
const LEAST_WHOLLY = 28
let right = 0
let wholly = 0

const fixtures = readCases('networks')

for (const fixture of fixtures) {
  gpuTest(`${fixture.name} on webgpu`, async (gpu, t) => {
    const { file, inputs, expected } = fixture.description
    const bytes = files.get(posix.join(fixture.name, file))
    assert.ok(bytes)
    const graph = await importModel(bytes, { fileName: 'model.onnx' })
    const feeds = Object.fromEntries(inputs.map((input, i): [string, InputValue] => [input.name ?? graph.inputs[i].name, inputOf(fixture, input)]))
    const model = await load(graph, { device: 'webgpu', gpu, precision: 'float32' })
    const results = await model.run(feeds)
    let worst = 0
    expected.forEach((one, i) => {
      const result = results[outputName(model, one.name, one.output_index ?? i)]
      worst = Math.max(worst, difference(fixture, one.file, result.data as ArrayLike<number>))
    })
    const placed = model.placement({ inputs: feeds })
    const hosted = placed.flatMap(({ place, steps }) => (place === 'host' ? steps.map(({ node, reason }) => `${node}: ${reason}`) : []))
    t.diagnostic(`largest relative difference ${worst.toExponential(1)}; ${placed.length} partitions; on cpu: ${hosted.join('; ') || 'nothing'}`)
    assert.ok(worst <= TOLERANCE, `${worst}`)
    right++
    if (hosted.length === 0) wholly++
    model.dispose()
  })
}

gpuTest(`${fixtures.length} networks in all`, async (_gpu, t) => {
  t.diagnostic(`${right} of ${fixtures.length} networks right on webgpu; ${wholly} wholly on the GPU`)
  assert.equal(right, fixtures.length)
  assert.ok(wholly >= LEAST_WHOLLY)
})

function outputName(model: Model, name: string | undefined, index: number): string {
  return name !== undefined && model.outputs.some((output) => output.name === name) ? name : model.outputs[index].name
}

/** The largest |got - expected| over 1 + |expected|. */
function difference(fixture: FixtureCase, file: string, got: ArrayLike<number>): number {
  const { data } = readNpy(fixture.bytes(file))
  assert.equal(got.length, data.length)
  let worst = 0
  for (let i = 0; i < data.length; i++) {
    const wanted = Number(data[i])
    if (Object.is(wanted, Number(got[i]))) continue
    const off = Math.abs(Number(got[i]) - wanted) / (1 + Math.abs(wanted))
    worst = Math.max(worst, off === off ? off : Infinity)
  }
  return worst
}
