// The ONNX project's backend tests on webgpu: those of float32, and the others whose values a GPU can hold. How many are right, and how many run there
// wholly, is printed and held. Many of these tests give shapes, axes and scales as inputs, which models have as constants: what does not run on
// the GPU wholly is run again with every input but the first as a constant.
import assert from 'node:assert/strict'
import type { Placement } from '../../src/graph/device.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { importModel } from '../../src/import/index.ts'
import { load, type InputRecord } from '../../src/index.ts'
import { isTensor } from '../../src/tensor/tensor.ts'
import { assertClose, FAILING, failureOf, onnxCases, type OnnxCase } from '../support/onnx-suite.ts'
import { gpuTest } from '../support/gpu.ts'

/** TensorProto.DataType. */
const FLOAT = 1
const HALF = 10
/** uint8, int8, uint16, int16, int32, int64, bool, uint32, uint64: they go with floats of either kind. */
const WHOLE: ReadonlySet<number> = new Set([2, 3, 4, 5, 6, 7, 9, 12, 13])

type Group = 'float32' | 'other'

/** How many run on the GPU wholly today, as given and with constants: a kernel that starts to decline must not go unnoticed. */
const LEAST_WHOLLY: Readonly<Record<Group, readonly [asGiven: number, withConstants: number]>> = { float32: [712, 861], other: [86, 99] }

/** float32 where every number that is not whole is; other where the device has storage for all; else undefined. */
function groupOf({ graph }: OnnxCase): Group | undefined {
  const types = [...graph.inputs, ...graph.outputs].map(({ type }) => (type?.kind === 'tensor' ? type.dataType : 0))
  if (!types.every((type) => type === FLOAT || type === HALF || WHOLE.has(type))) return undefined
  return types.includes(FLOAT) && !types.includes(HALF) ? 'float32' : 'other'
}

type Place = 'wholly' | 'partly' | 'not at all' | 'without a step'

function placeOf(placed: readonly Placement[]): Place {
  const onDevice = placed.filter(({ place }) => place === 'device').length
  return placed.length === 0 ? 'without a step' : onDevice === placed.length ? 'wholly' : onDevice > 0 ? 'partly' : 'not at all'
}

/** The graph with all inputs but the first as constants. */
function withConstants(graph: Graph, feeds: InputRecord): Graph {
  const rest = graph.inputs.slice(1).filter(({ name }) => isTensor(feeds[name]))
  return { ...graph, inputs: graph.inputs.filter((input) => !rest.includes(input)), initializers: new Map([...graph.initializers, ...rest.map(({ name }) => [name, feeds[name]] as const)]) } as Graph
}

/** Runs a test; gives where its steps were, and throws where a result is wrong. */
async function runCase(gpu: GPUDevice, { name, expected }: OnnxCase, graph: Graph, feeds: InputRecord): Promise<readonly Placement[]> {
  const model = await load(graph, { device: 'webgpu', gpu, precision: 'float32' })
  try {
    const inputs = Object.fromEntries(model.inputs.flatMap((input) => (input.name in feeds ? [[input.name, feeds[input.name]]] : [])))
    const placed = model.placement({ inputs })
    const results = await model.run(inputs)
    for (const [output, want] of expected()) assertClose(results[output], want, `${name} ${output}`)
    return placed
  } finally {
    model.dispose()
  }
}

/** ONNX_LIST=1 prints each test with what stays on cpu, and why. */
function list(name: string, placed: readonly Placement[]): void {
  if (process.env.ONNX_LIST !== undefined) console.log(`${name}: ${placeOf(placed)}; ${placed.flatMap(({ place, steps }) => (place === 'host' ? steps.map(({ node, reason }) => `${node}: ${reason}`) : [])).join('; ')}`)
}

const cases = onnxCases()

for (const group of ['float32', 'other'] as const) {
  const own = cases.filter((one) => groupOf(one) === group)
  gpuTest(`${own.length} ${group} tests of the ONNX project`, async (gpu, t) => {
    const wrong: string[] = []
    const places = { wholly: 0, partly: 0, 'not at all': 0, 'without a step': 0 }
    let right = 0
    let more = 0
    for (const one of own) {
      const known = FAILING.get(one.name)
      try {
        const graph = await importModel(one.model, { fileName: 'model.onnx' })
        const feeds = one.feeds(new Set(graph.inputs.map((info) => info.name)))
        let placed = await runCase(gpu, one, graph, feeds)
        right++
        places[placeOf(placed)]++
        if (known !== undefined) wrong.push(`${one.name} passes now: take it off the list`)
        if (/wholly|without/.test(placeOf(placed))) continue
        if (graph.inputs.length > 1) {
          placed = await runCase(gpu, one, withConstants(graph, feeds), feeds)
          if (placeOf(placed) === 'wholly') more++
        }
        list(one.name, placed)
      } catch (error) {
        const code = failureOf(error)
        if (code !== known) wrong.push(`${one.name}: ${code} (${error instanceof Error ? error.message.split('\n')[0] : ''})`)
      }
    }
    t.diagnostic(`ONNX backend suite on webgpu, ${group} tests: ${right} of ${own.length} right; ${Object.entries(places).map(([place, count]) => `${count} ${place}`).join(', ')} on the GPU; with constants for inputs ${more} more wholly`)
    assert.deepEqual(wrong, [])
    const [asGiven, constant] = LEAST_WHOLLY[group]
    assert.ok(places.wholly >= asGiven && places.wholly + more >= constant, `only ${places.wholly}, and ${more} with constants, run on the GPU wholly`)
  })
}
