// Kernels of parallel hardware: tiles, workgroups whose threads wait for one another, float16 as such. Software adapters are given simpler ones, so here the
// features of other GPUs are assumed. Every shader of the ONNX project's models and of the operators' examples is compiled by Dawn for a GPU of no
// hardware, which has every feature; some of each kind run on this machine's adapter and are compared with cpu.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { graphBuilder, type AttributeInput } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { importModel } from '../../src/import/index.ts'
import { load, tensor, type InputRecord, type Tensor } from '../../src/index.ts'
import { gpuKernels } from '../../src/ops/webgpu/index.ts'
import type { GpuFeatures } from '../../src/ops/webgpu/kernel.ts'
import { cases } from '../ops/cases.ts'
import { onnxCases } from '../support/onnx-suite.ts'
import { gpuModel, gpuTest, nullGpu } from '../support/gpu.ts'
import { opGraph } from '../support/run-op.ts'

/** HARDWARE=full runs every kernel below, which takes software adapters minutes to compile; else those that are marked. */
const IS_FULL = process.env.HARDWARE === 'full'
/** Every so many models of the ONNX project. */
const EVERY = IS_FULL ? 1 : 4
const EXAMPLES = 3

/** GPUs whose shaders are compiled: few processors take large tiles, many take small ones and split sums. */
const KINDS: readonly (readonly [name: string, features: Partial<GpuFeatures>])[] = [
  ['a small GPU', { software: false, half: false, subgroups: false, busyWorkgroups: 1 }],
  ['a large GPU with float16 and subgroups', { software: false, half: true, subgroups: true, busyWorkgroups: 128 }],
]

/** Runs a graph on a GPU that computes nothing: its pipelines are made, and validated. */
async function compile(gpu: GPUDevice, graph: Graph, feeds: InputRecord, features: Partial<GpuFeatures>): Promise<void> {
  const { model } = await gpuModel(graph, gpu, features)
  try {
    await model.run(feeds)
  } finally {
    model.dispose()
  }
}

for (const [kind, features] of KINDS) {
  test(`shaders for ${kind} compile: models of the ONNX project`, async (t) => {
    const gpu = await nullGpu()
    const wrong: string[] = []
    let compiled = 0
    for (const { name, model, feeds } of onnxCases().filter((_, i) => i % EVERY === 0)) {
      try {
        const graph = await importModel(model, { fileName: 'model.onnx' })
        await compile(gpu, graph, feeds(new Set(graph.inputs.map((info) => info.name))), features)
        compiled++
      } catch (error) {
        // Steps on cpu meet values that no GPU has computed; what the compiler says comes as DEVICE_GPU.
        if (String(error).includes('WGSL') || (error as { code?: string }).code === 'DEVICE_GPU') wrong.push(`${name}: ${String(error).slice(0, 300)}`)
      }
    }
    t.diagnostic(`${compiled} models compiled`)
    assert.deepEqual(wrong, [])
    assert.ok(compiled > 200 / EVERY)
  })

  test(`shaders for ${kind} compile: operators in float32 and float16`, async (t) => {
    const gpu = await nullGpu()
    let compiled = 0
    for (const [key, arbitrary] of cases) {
      if (!gpuKernels.has(key)) continue
      for (const dtype of ['float32', 'float16'] as const) {
        for (const { inputs, attributes = {}, outputs = 1 } of fc.sample(arbitrary((own) => own === dtype || own === 'int64' || own === 'bool'), { numRuns: EXAMPLES, seed: 1 })) {
          const graph = opGraph(key, inputs, attributes, outputs)
          const feeds = Object.fromEntries(inputs.flatMap((input, i): [string, Tensor][] => (input === undefined || input.constant ? [] : [[`x${i}`, input.tensor]])))
          try {
            await compile(gpu, graph, feeds, features)
            compiled++
          } catch (error) {
            if (String(error).includes('WGSL') || (error as { code?: string }).code === 'DEVICE_GPU') assert.fail(`${key} ${dtype}: ${String(error)}`)
          }
        }
      }
    }
    t.diagnostic(`${compiled} examples compiled`)
    assert.ok(compiled > 300)
  })
}

type Shape = readonly number[]

/** Whole numbers: products and sums of them are exact in any order. */
const whole = (shape: Shape, seed: number): Tensor => tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => ((i * 7 + seed * 13) % 5) - 2), [...shape])

interface Run {
  readonly name: string
  readonly op: string
  readonly inputs: readonly Shape[]
  readonly attributes?: Readonly<Record<string, AttributeInput>>
  readonly features?: Partial<GpuFeatures>
  /** Run by default; the others with HARDWARE=full. */
  readonly always?: boolean
  /** Allowed |got - expected| over 1 + |expected|; exact else. */
  readonly tolerance?: number
}

const RUNS: readonly Run[] = [
  { name: 'small tiles at their edges', op: 'MatMul', inputs: [[34, 9], [9, 35]], always: true },
  { name: 'small tiles in vectors', op: 'MatMul', inputs: [[36, 20], [20, 36]] },
  { name: 'middle tiles', op: 'MatMul', inputs: [[66, 17], [17, 60]] },
  { name: 'large tiles', op: 'MatMul', inputs: [[130, 9], [9, 132]] },
  { name: 'large tiles in vectors', op: 'MatMul', inputs: [[130, 20], [20, 132]], always: true },
  { name: 'both operands transposed, in vectors', op: 'Gemm', inputs: [[24, 36], [40, 24], [40]], attributes: { transA: 1, transB: 1, alpha: 0.5 }, always: true },
  { name: 'both operands transposed', op: 'Gemm', inputs: [[23, 37], [41, 23], [37, 1]], attributes: { transA: 1, transB: 1, beta: 2 } },
  { name: 'large transposed tiles', op: 'Gemm', inputs: [[20, 132], [136, 20], [136]], attributes: { transA: 1, transB: 1 } },
  { name: 'terms split among workgroups', op: 'Gemm', inputs: [[33, 400], [400, 40], [40]], features: { busyWorkgroups: 8 }, always: true },
  { name: 'a batch of products', op: 'MatMul', inputs: [[3, 34, 12], [3, 12, 36]] },
  { name: 'one row', op: 'MatMul', inputs: [[1, 70], [70, 100]], always: true },
  { name: 'few rows, odd columns', op: 'MatMul', inputs: [[3, 70], [70, 33]], always: true },
  { name: 'few rows by a transposed matrix', op: 'Gemm', inputs: [[2, 136], [50, 136]], attributes: { transB: 1 }, always: true },
  { name: 'few columns', op: 'MatMul', inputs: [[100, 70], [70, 3]], always: true },
  { name: 'few columns of a transposed matrix', op: 'Gemm', inputs: [[72, 100], [72, 2]], attributes: { transA: 1 }, always: true },
  { name: 'a convolution', op: 'Conv', inputs: [[2, 3, 9, 8], [33, 3, 3, 3], [33]], attributes: { pads: [1, 1, 1, 1], strides: [2, 1] }, always: true },
  { name: 'a convolution in vectors, dilated, of groups', op: 'Conv', inputs: [[2, 8, 9, 8], [64, 4, 3, 3], [64]], attributes: { pads: [1, 2, 0, 1], dilations: [2, 1], group: 2 } },
  { name: 'a convolution of one tap', op: 'Conv', inputs: [[1, 12, 6, 6], [36, 12, 1, 1], [36]] },
  { name: 'a convolution of one tap over a batch', op: 'Conv', inputs: [[2, 5, 5, 5], [36, 5, 1, 1]] },
  { name: 'a transposed convolution', op: 'ConvTranspose', inputs: [[2, 5, 6, 7], [5, 34, 3, 3], [34]], attributes: { strides: [2, 2], pads: [1, 0, 1, 2] } },
  { name: 'a transpose', op: 'Transpose', inputs: [[2, 40, 35]], attributes: { perm: [0, 2, 1] }, always: true },
  { name: 'an exchange of the outer axes', op: 'Transpose', inputs: [[40, 3, 35]], attributes: { perm: [2, 1, 0] }, always: true },
  { name: 'softmax', op: 'Softmax', inputs: [[3, 300]], tolerance: 1e-6, always: true },
  { name: 'softmax of short lines', op: 'Softmax', inputs: [[50, 10]], tolerance: 1e-6, always: true },
  { name: 'layer normalization', op: 'LayerNormalization', inputs: [[3, 100], [100], [100]], tolerance: 1e-5, always: true },
  { name: 'group normalization', op: 'GroupNormalization', inputs: [[2, 8, 5, 5], [8], [8]], attributes: { num_groups: 2 }, tolerance: 1e-5, always: true },
  { name: 'a sum of all, in parts', op: 'ReduceSum', inputs: [[3, 5000]], always: true },
  { name: 'the largest of lines', op: 'ReduceMax', inputs: [[3, 5000]], always: true },
  { name: 'places of the largest', op: 'ArgMax', inputs: [[3, 300]], attributes: { axis: 1 }, always: true },
  { name: 'places of the last smallest', op: 'ArgMin', inputs: [[3, 300]], attributes: { axis: 1, select_last_index: 1 }, always: true },
  { name: 'attention', op: 'Attention', inputs: [[2, 2, 5, 8], [2, 2, 70, 8], [2, 2, 70, 8]], attributes: { is_causal: 0 }, tolerance: 1e-5, always: true },
  { name: 'softmax by subgroups', op: 'Softmax', inputs: [[3, 300]], tolerance: 1e-6, features: { subgroups: true }, always: true },
  { name: 'layer normalization by subgroups', op: 'LayerNormalization', inputs: [[3, 100], [100], [100]], tolerance: 1e-5, features: { subgroups: true }, always: true },
  { name: 'a sum in parts by subgroups', op: 'ReduceSum', inputs: [[3, 5000]], features: { subgroups: true }, always: true },
  { name: 'attention by subgroups', op: 'Attention', inputs: [[2, 2, 5, 8], [2, 2, 70, 8], [2, 2, 70, 8]], tolerance: 1e-5, features: { subgroups: true }, always: true },
  { name: 'LSTM', op: 'LSTM', inputs: [[3, 2, 4], [1, 20, 4], [1, 20, 5]], attributes: { hidden_size: 5 }, tolerance: 1e-5, always: true },
  { name: 'distances', op: 'mle.PairwiseDistance', inputs: [[70, 19], [67, 19]], tolerance: 1e-6, always: true },
  { name: 'GRU', op: 'GRU', inputs: [[3, 2, 4], [1, 15, 4], [1, 15, 5]], attributes: { hidden_size: 5 }, tolerance: 1e-5, always: true },
]

for (const { name, op, inputs, attributes = {}, features = {}, tolerance = 0 } of RUNS.filter(({ always }) => always === true || IS_FULL)) {
  gpuTest(`${name}: ${op} of parallel hardware is what cpu gives`, async (gpu, t) => {
    const b = graphBuilder()
    const names = inputs.map((shape, i) => (i === 0 ? b.input('X', { dtype: 'float32', shape: [...shape] }) : b.constant(whole(shape, i))))
    b.output('Y', b.addMany(op, names, 1, attributes)[0], { dtype: 'float32' })
    const graph = b.build()
    const feeds = { X: whole(inputs[0], 0) }
    if (features.subgroups === true && !gpu.features.has('subgroups')) {
      t.skip('needs a WebGPU adapter with subgroups')
      return
    }
    const { model } = await gpuModel(graph, gpu, { software: false, subgroups: false, busyWorkgroups: 1, ...features })
    const actual = (await model.run(feeds)).Y as Tensor
    const again = (await model.run(feeds)).Y as Tensor
    const expected = (await (await load(graph, { device: 'cpu' })).run(feeds)).Y as Tensor
    t.diagnostic(`${model.placement()[0].dispatches} dispatches`)
    assert.equal(model.placement()[0].place, 'device')
    assert.deepEqual([...actual.shape], [...expected.shape])
    for (const { data } of [actual, again]) {
      for (let i = 0; i < expected.data.length; i++) {
        const [got, wanted] = [Number(data[i]), Number(expected.data[i])]
        assert.ok(Math.abs(got - wanted) <= tolerance * (1 + Math.abs(wanted)), `element ${i} is ${got}, expected ${wanted}`)
      }
    }
    model.dispose()
  })
}

test(`${RUNS.length} kernels of parallel hardware are known here`, (t) => {
  t.diagnostic(`${RUNS.filter(({ always }) => always === true || IS_FULL).length} of ${RUNS.length} were run; HARDWARE=full runs all`)
})
