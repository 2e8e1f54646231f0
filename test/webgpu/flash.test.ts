// Attention by blocks of queries, which parallel hardware gets: run on this machine's adapter and compared with cpu, and compiled in float16 as in float32.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load, tensor, type InputRecord, type Tensor } from '../../src/index.ts'
import { graphBuilder, type AttributeInput } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { allocateView } from '../../src/ops/kernel.ts'
import { gpuKernels } from '../../src/ops/webgpu/index.ts'
import type { GpuDispatch, GpuFeatures, GpuKernel } from '../../src/ops/webgpu/kernel.ts'
import { gpuModel, gpuTest, nullGpu } from '../support/gpu.ts'

type Shape = readonly number[]

/** Numbers without a pattern, from -1 to 1. */
function noise(seed: number, shape: Shape): Tensor {
  let state = seed * 2654435761 + 1
  return tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state / 2 ** 31
  }), [...shape])
}

/** Masks of float32: some columns hidden, and every fifth row whole. */
function rowsHidden(shape: Shape): Tensor {
  const columns = shape[shape.length - 1]
  const { data } = noise(7, shape)
  return tensor(Float32Array.from(data as Float32Array, (x, i) => (Math.floor(i / columns) % 5 === 2 || x < -0.5 ? -Infinity : x)), [...shape])
}

interface Run {
  readonly name: string
  /** Q, K, V, mask, past keys, past values, lengths. */
  readonly inputs: readonly (Tensor | undefined)[]
  readonly attributes?: Readonly<Record<string, AttributeInput>>
  /** More workgroups to keep busy mean smaller blocks. */
  readonly busyWorkgroups?: number
  readonly maxBindingBytes?: number
  /** Run with HARDWARE=full only: software adapters take ten seconds to compile the largest blocks. */
  readonly slow?: boolean
}

const IS_FULL = process.env.HARDWARE === 'full'
const LARGE_GPU = 128

/** Values that are no numbers where the lengths hide them. */
function withHoles(values: Tensor, from: number): Tensor {
  const [, , length, width] = values.shape
  return tensor(Float32Array.from(values.data as Float32Array, (x, i) => (Math.floor(i / width) % length >= from ? [NaN, Infinity][i % 2] : x)), [...values.shape])
}

const RUNS: readonly Run[] = [
  { name: 'blocks of 32 queries and 32 keys at their edges', inputs: [noise(1, [2, 2, 37, 12]), noise(2, [2, 2, 70, 12]), noise(3, [2, 2, 70, 20]), rowsHidden([2, 1, 37, 70])], slow: true },
  { name: 'blocks at their edges, a mask with whole rows hidden', inputs: [noise(1, [2, 2, 37, 12]), noise(2, [2, 2, 70, 12]), noise(3, [2, 2, 70, 20]), rowsHidden([2, 1, 37, 70])], busyWorkgroups: LARGE_GPU },
  { name: 'causal with past, grouped heads, capped', inputs: [noise(1, [1, 4, 35, 64]), noise(2, [1, 2, 35, 64]), noise(3, [1, 2, 35, 64]), undefined, noise(4, [1, 2, 21, 64]), noise(5, [1, 2, 21, 64])], attributes: { is_causal: 1, softcap: 2 } },
  { name: 'packed heads of odd sizes in small blocks, causal', inputs: [noise(1, [2, 19, 14]), noise(2, [2, 41, 14]), noise(3, [2, 41, 18])], attributes: { is_causal: 1, q_num_heads: 2, kv_num_heads: 2 }, busyWorkgroups: LARGE_GPU },
  { name: 'lengths of a cache with no numbers behind them, and a mask of bool with whole rows hidden', inputs: [noise(1, [2, 2, 9, 128]), noise(2, [2, 2, 27, 128]), withHoles(noise(3, [2, 2, 27, 128]), 20), tensor(Uint8Array.from({ length: 9 * 27 }, (_, i) => (i % 7 === 3 || (i > 53 && i < 82) ? 0 : 1)), [9, 27], 'bool'), undefined, undefined, tensor(BigInt64Array.of(20n, 13n), [2])], attributes: { is_causal: 1 } },
  { name: 'heads of 80 elements', inputs: [noise(1, [1, 2, 50, 80]), noise(2, [1, 2, 50, 80]), noise(3, [1, 2, 50, 80])], slow: true },
  { name: 'tensors bound in windows', inputs: [noise(1, [2, 2, 37, 12]), noise(2, [2, 2, 70, 12]), noise(3, [2, 2, 70, 20]), rowsHidden([2, 1, 37, 70])], busyWorkgroups: LARGE_GPU, maxBindingBytes: 12288 },
  { name: 'infinite values', inputs: [noise(1, [1, 1, 33, 8]), noise(2, [1, 1, 40, 8]), withHoles(noise(3, [1, 1, 40, 8]), 36), tensor(Float32Array.from({ length: 33 * 40 }, (_, i) => (i % 40 >= 36 && i < 1200 ? -Infinity : 0)), [33, 40])], busyWorkgroups: LARGE_GPU },
]

function graphOf({ inputs, attributes = {} }: Run, change: (tensor: Tensor) => Tensor = (same) => same): { graph: Graph; feeds: InputRecord } {
  const b = graphBuilder()
  const feeds: Record<string, Tensor> = {}
  const names = inputs.map((given, i) => {
    if (given === undefined) return ''
    const own = change(given)
    feeds[`x${i}`] = own
    return b.input(`x${i}`, { dtype: own.dtype, shape: [...own.shape] })
  })
  const hasPast = inputs[4] !== undefined
  b.output('Y', b.addMany('Attention', names, hasPast ? 3 : 1, attributes)[0], { dtype: 'float32' })
  return { graph: b.build(), feeds }
}

for (const run of RUNS.filter(({ slow }) => slow !== true || IS_FULL)) {
  gpuTest(`${run.name}: Attention by blocks is what cpu gives`, async (gpu) => {
    const { graph, feeds } = graphOf(run)
    const { model } = await gpuModel(graph, gpu, { software: false, subgroups: false, busyWorkgroups: run.busyWorkgroups ?? 1, ...(run.maxBindingBytes === undefined ? {} : { maxBindingBytes: run.maxBindingBytes }) })
    const expected = (await (await load(graph, { device: 'cpu' })).run(feeds)).Y as Tensor
    for (let time = 0; time < 2; time++) {
      const actual = (await model.run(feeds)).Y as Tensor
      assert.deepEqual([...actual.shape], [...expected.shape])
      for (let i = 0; i < expected.data.length; i++) {
        const [got, wanted] = [Number(actual.data[i]), Number(expected.data[i])]
        assert.ok(Object.is(got, wanted) || Math.abs(got - wanted) <= 2e-6 * (1 + Math.abs(wanted)), `element ${i} is ${got}, expected ${wanted}`)
      }
    }
    assert.equal(model.placement()[0].place, 'device')
    model.dispose()
  })
}

/** What the kernel makes of shapes: whether it takes blocks, and workgroups. */
function chosen(shapes: readonly Shape[], features: Partial<GpuFeatures> = {}): { isBlocks: boolean; workgroups: number } {
  const [q, k, v] = shapes.map((shape) => allocateView('float32', shape))
  const work = (gpuKernels.get('Attention') as GpuKernel)({
    op: 'Attention', attributes: new Map(), inputs: [q, k, v], outputs: [allocateView('float32', [...q.shape.slice(0, 3), v.shape[3]])], constants: [],
    features: { half: false, subgroups: false, software: false, busyWorkgroups: 1, maxBindings: 8, maxBindingBytes: 2 ** 27, maxBufferBytes: 2 ** 28, maxWorkgroupBytes: 16384, maxWorkgroups: 65535, ...features },
  })
  assert.ok(Array.isArray(work))
  const [{ declarations = '', workgroups }] = work as readonly GpuDispatch[]
  return { isBlocks: declarations.includes('tile_q'), workgroups: workgroups[0] }
}

test('attention takes blocks of queries where they pay', () => {
  const heads = (queries: number, size: number): Shape[] => [[2, 4, queries, size], [2, 4, 100, size], [2, 4, 100, size]]
  assert.deepEqual(chosen(heads(100, 64)), { isBlocks: true, workgroups: 8 * 4 })
  assert.deepEqual(chosen(heads(100, 64), { busyWorkgroups: LARGE_GPU }), { isBlocks: true, workgroups: 8 * 7 })
  assert.deepEqual(chosen(heads(100, 128)), { isBlocks: true, workgroups: 8 * 7 })
  assert.deepEqual(chosen(heads(100, 160)), { isBlocks: false, workgroups: 8 * 100 })
  assert.deepEqual(chosen(heads(7, 64)), { isBlocks: false, workgroups: 8 * 7 })
  assert.equal(chosen(heads(100, 64), { software: true }).isBlocks, false)
})

test('attention by blocks compiles in float32 and float16', async () => {
  const gpu = await nullGpu()
  for (const run of RUNS) {
    for (const half of [false, true]) {
      for (const busyWorkgroups of [1, LARGE_GPU]) {
        const { graph, feeds } = graphOf(run, (given) => (half && given.dtype === 'float32' ? tensor(new Uint16Array(given.data.length), [...given.shape], 'float16') : given))
        const { model } = await gpuModel(graph, gpu, { software: false, half, subgroups: half, busyWorkgroups })
        await model.run(feeds)
        assert.equal(model.placement()[0].place, 'device')
        model.dispose()
      }
    }
  }
})

test(`${RUNS.length} runs of attention by blocks are known here`, (t) => {
  t.diagnostic(`${RUNS.filter(({ slow }) => slow !== true || IS_FULL).length} of ${RUNS.length} were run; HARDWARE=full runs all`)
})
