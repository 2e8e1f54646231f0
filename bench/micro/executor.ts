// What the executor itself costs: binding, a run's overhead over its kernels, and allocation per run.
// node --expose-gc --import tsx bench/micro/executor.ts
import { PerformanceObserver } from 'node:perf_hooks'
import { bindPlan, memoryOf } from '../../src/graph/bind.ts'
import { graphBuilder } from '../../src/graph/builder.ts'
import { createWorkspace, instantiate, runInstance } from '../../src/graph/execute.ts'
import { bufferArena } from '../../src/graph/arena.ts'
import { cpuDevice } from '../../src/graph/device.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { planGraph, type Plan } from '../../src/graph/plan.ts'
import { operatorKeys } from '../../src/graph/subgraphs.ts'
import { load, tensor } from '../../src/index.ts'
import { loadOperators } from '../../src/ops/packs.ts'

const STEPS = 100

/** 100 steps of a transformer's kinds: products, sums, activations, reshapes, over a symbolic length. */
function chain(): Graph {
  const b = graphBuilder()
  const type = { dtype: 'float32', shape: ['n', 8] } as const
  const w = b.constant(tensor(new Float32Array(64).fill(0.01), [8, 8]))
  const bias = b.constant(tensor(new Float32Array(8).fill(0.01)))
  let x = b.input('x', type)
  for (let i = 0; i < STEPS / 5; i++) {
    const h = b.add('Relu', [b.add('Add', [b.add('MatMul', [x, w]), bias])])
    x = b.add('Mul', [b.add('Add', [h, x]), bias])
  }
  b.output('y', x, type)
  return b.build()
}

/** Median time of `run` in microseconds over `repeats` timings of `count` calls. */
function medianUs(repeats: number, count: number, run: (i: number) => void): number {
  const times: number[] = []
  for (let r = 0; r < repeats; r++) {
    const start = performance.now()
    for (let i = 0; i < count; i++) run(i)
    times.push(((performance.now() - start) * 1000) / count)
  }
  return times.sort((a, b) => a - b)[repeats >> 1]
}

async function planOf(graph: Graph): Promise<Plan> {
  const operators = await loadOperators(operatorKeys(graph))
  return planGraph(graph, graph.outputs.map((output) => output.name), { ...operators, scratch: cpuDevice().scratch })
}

const plan = await planOf(chain())
const io = bufferArena(2 ** 30)
const region = memoryOf(io, io.allocate(2 ** 20))
const bindUs = medianUs(41, 400, (i) => bindPlan(plan, [{ dtype: 'float32', shape: [1 + (i % 64), 8] }], { inputs: 'io' }).attach(region, region))
console.log(`bind ${plan.steps.length} steps: ${bindUs.toFixed(1)} us`)

const workspace = createWorkspace(bufferArena(2 ** 30))
const instance = instantiate(plan, workspace, [{ dtype: 'float32', shape: [1, 8] }], 'io')
runInstance(instance)
const { steps } = instance.bound
const whole = medianUs(15, 2000, () => runInstance(instance))
const raw = medianUs(15, 2000, () => {
  for (let i = 0; i < steps.length; i++) steps[i].kernel?.(steps[i].inputs, steps[i].outputs)
})
console.log(`run ${steps.length} steps: ${whole.toFixed(2)} us, the kernels alone ${raw.toFixed(2)} us: ${(((whole - raw) * 1000) / steps.length).toFixed(1)} ns a step`)

const small = graphBuilder()
small.output('y', small.add('Relu', [small.input('x', { dtype: 'float32', shape: ['n', 8] })]), { dtype: 'float32', shape: ['n', 8] })
const model = await load(small.build(), { device: 'cpu' })
const row = new Float32Array(8).fill(1)
const options = { outputs: ['y'] }
const session = model.session()
console.log(`model.runSync of one step, one row: ${medianUs(15, 20000, () => model.runSync({ x: row }, options)).toFixed(2)} us`)
const awaited: number[] = []
for (let r = 0; r < 15; r++) {
  const start = performance.now()
  for (let i = 0; i < 20000; i++) await model.run({ x: row }, options)
  awaited.push(((performance.now() - start) * 1000) / 20000)
}
console.log(`await model.run of one step, one row: ${awaited.sort((a, b) => a - b)[7].toFixed(2)} us`)
console.log(`session.run of one step, one row: ${medianUs(15, 20000, () => session.run()).toFixed(3)} us`)

// A young-generation collection comes after a few megabytes of garbage: without one, a million runs have made less than a few bytes each.
const { gc } = globalThis as { gc?: () => void }
if (gc === undefined) console.log('allocation: run with --expose-gc')
else {
  const RUNS = 5_000_000
  let collections = 0
  const observer = new PerformanceObserver((list) => (collections += list.getEntries().length))
  for (let i = 0; i < 20_000; i++) session.run()
  gc()
  observer.observe({ entryTypes: ['gc'] })
  await new Promise((resolve) => setTimeout(resolve, 50))
  collections = 0
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < RUNS; i++) session.run()
  const bytes = process.memoryUsage().heapUsed - before
  await new Promise((resolve) => setTimeout(resolve, 50))
  collections += observer.takeRecords().length
  console.log(`allocation of a session: ${collections} collections and ${bytes} bytes of heap in ${RUNS} runs`)
  // The measure itself must see garbage.
  collections = 0
  const kept: unknown[] = [undefined]
  for (let i = 0; i < RUNS; i++) kept[0] = [i]
  await new Promise((resolve) => setTimeout(resolve, 50))
  console.log(`the same loop making one small array each time: ${collections} collections`)
}
