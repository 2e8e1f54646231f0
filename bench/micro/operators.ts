// What single operators take on cpu and on wasm, by turns: node --import tsx bench/micro/operators.ts 'OPERATOR INPUT ... [{ATTRIBUTES}]' ...
// An input is dtype[shape] with made-up numbers (floats within 3, integers below 2), dtype[shape]<N (integers below N) or dtype[shape]=A:B:C (these, over and over); - leaves one
// out, ! before it makes it a constant: 'TopK float32[100,1000] !int64[1]=5', 'Gelu float64[20000] {"approximate":"tanh"}'. --ms N: how long each is measured.
import { parseArgs } from 'node:util'
import { cpuDevice, type Device } from '../../src/graph/device.ts'
import { createWorkspace, instantiate, runInstance, type Instance } from '../../src/graph/execute.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { planGraph } from '../../src/graph/plan.ts'
import { operatorKeys } from '../../src/graph/subgraphs.ts'
import { createWasmDevice } from '../../src/graph/wasm-device.ts'
import { isView, viewOfTensor } from '../../src/ops/kernel.ts'
import { loadOperators } from '../../src/ops/packs.ts'
import { wasmKernelsGiven } from '../../src/ops/wasm/index.ts'
import { allocateData, type DType } from '../../src/tensor/dtype.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { opGraph, type OpInput } from '../../test/support/run-op.ts'
import { uniform } from '../random.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { ms: { type: 'string', default: '300' } } })

function inputOf(text: string): OpInput | undefined {
  if (text === '-') return undefined
  const parts = /^(!?)(\w+)\[([\d,]*)\](?:<(\d+))?(?:=(.*))?$/.exec(text)
  if (parts === null) throw new RangeError(`${text} is no input`)
  const [, mark, dtype, dims, below = '2', list] = parts
  const shape = dims === '' ? [] : dims.split(',').map(Number)
  const data = allocateData(dtype as DType, shape.reduce((product, dim) => product * dim, 1))
  const given = list?.split(':').map(Number)
  const next = uniform(7)
  for (let i = 0; i < data.length; i++) {
    const value = given?.[i % given.length] ?? (dtype.startsWith('float') ? (next() - 0.5) * 6 : Math.floor(next() * Number(below)))
    data[i] = (typeof data[i] === 'bigint' ? BigInt(value) : value) as never
  }
  return { tensor: { dtype: dtype as DType, shape, data } as Tensor, constant: mark === '!' }
}

async function instanceOn(device: Device, graph: Graph, fed: readonly Tensor[]): Promise<Instance> {
  const plan = planGraph(graph, graph.outputs.map(({ name }) => name), { ...(await loadOperators(operatorKeys(graph))), preferred: device.preferred, fuse: device.fuse, weights: device.weights, scratch: device.scratch })
  const instance = instantiate(plan, createWorkspace(device.arena, device.weights), fed.map(({ dtype, shape }) => ({ dtype, shape })), 'io')
  plan.inputs.forEach((id, i) => {
    const view = instance.bound.frame[id]
    if (isView(view)) viewOfTensor(fed[i]).data.forEach((value: unknown, e: number) => (view.data[e] = value as never))
  })
  return instance
}

for (const line of positionals) {
  const words = line.split(' ')
  const attributes = words.at(-1)?.startsWith('{') ? JSON.parse(words.pop() as string) : {}
  const inputs = words.slice(1).map(inputOf)
  const fed = inputs.flatMap((input) => (input === undefined || input.constant ? [] : [input.tensor]))
  const graph = opGraph(words[0], inputs, attributes)
  const instances = [await instanceOn(cpuDevice(), graph, fed), await instanceOn(await createWasmDevice(graph, { kernels: wasmKernelsGiven(undefined) }), graph, fed)]
  const best = [Infinity, Infinity]
  for (let i = 0; i < 3; i++) instances.forEach(runInstance)
  for (const end = performance.now() + Number(values.ms); performance.now() < end;) {
    instances.forEach((instance, i) => {
      const start = performance.now()
      for (let call = 0; call < 10; call++) runInstance(instance)
      best[i] = Math.min(best[i], (performance.now() - start) / 10)
    })
  }
  const [{ kernel, step, outputs }] = instances[1].bound.steps
  const perElement = best.map((ms) => ((ms * 1e6) / (outputs[0]?.size ?? 1)).toFixed(2))
  console.log(`${line}: cpu ${(best[0] * 1e3).toFixed(1)} us, ${kernel === step.cpuKernel ? 'left to cpu' : 'wasm'} ${(best[1] * 1e3).toFixed(1)} us; ${perElement.join(' and ')} ns an element of output 0`)
}
