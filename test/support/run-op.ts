// Runs one operator, or a graph, through the planner and the executor: what tests of operators and importers share.
import { graphBuilder, type AttributeInput } from '../../src/graph/builder.ts'
import { cpuDevice, type Device } from '../../src/graph/device.ts'
import { createWorkspace, disposeWorkspace, instantiate, releaseInstance, runInstance } from '../../src/graph/execute.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { planGraph } from '../../src/graph/plan.ts'
import { operatorKeys } from '../../src/graph/subgraphs.ts'
import { cloneView, isView, tensorOfView, viewOfTensor, type View } from '../../src/ops/kernel.ts'
import { loadOperators } from '../../src/ops/packs.ts'
import { schemaOf } from '../../src/ops/registry.ts'
import type { ValueType } from '../../src/ops/types.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

/** A backend under test: runs a graph once and gives its tensor outputs in order. */
export interface Platform {
  readonly name: string
  run(graph: Graph, feeds: ReadonlyMap<string, Tensor>): Promise<Tensor[]>
}

/** The portable backend. */
export const cpu: Platform = { name: 'cpu', run: (graph, feeds) => runOn(cpuDevice(), graph, feeds) }

/** Runs a graph on a host device; outputs have memory of their own. */
export async function runOn(device: Device, graph: Graph, feeds: ReadonlyMap<string, Tensor>, outputs: readonly string[] = graph.outputs.map((info) => info.name)): Promise<Tensor[]> {
  const operators = await loadOperators(operatorKeys(graph))
  const plan = planGraph(graph, outputs, { ...operators, preferred: device.preferred, fuse: device.fuse, weights: device.weights, scratch: device.scratch })
  const workspace = createWorkspace(device.arena, device.weights)
  const tensors = graph.inputs.map(({ name }) => {
    const tensor = feeds.get(name)
    if (tensor === undefined) throw new TypeError(`no value for input ${name}`)
    return tensor
  })
  const instance = instantiate(plan, workspace, tensors.map(({ dtype, shape }): ValueType => ({ dtype, shape })), 'io')
  const results: Tensor[] = []
  // Twice: what the first run leaves in memory must not show in the second.
  for (let time = 0; time < 2; time++) {
    tensors.forEach((tensor, i) => fill(instance.bound.frame[plan.inputs[i]] as View, viewOfTensor(tensor)))
    runInstance(instance)
  }
  for (const id of plan.outputs) {
    const value = instance.bound.frame[id]
    if (!isView(value)) throw new TypeError(`output ${plan.names[id]} is no tensor`)
    results.push(tensorOfView(cloneView(value)))
  }
  releaseInstance(instance)
  disposeWorkspace(workspace)
  device.dispose()
  return results
}

function fill(target: View, source: View): void {
  for (let i = 0; i < source.data.length; i++) target.data[i] = source.data[i] as never
}

/** How an input of `opGraph` is given. */
export interface OpInput {
  readonly tensor: Tensor
  /** Part of the model rather than of the run. */
  readonly constant?: boolean
}

/** A graph of one operator. Inputs are named x0, x1, ...; undefined leaves an optional one out. Outputs are y0, y1, ... */
export function opGraph(key: string, inputs: readonly (OpInput | undefined)[], attributes: Readonly<Record<string, AttributeInput>> = {}, outputCount: number = schemaOf(key).outputs.length): Graph {
  const builder = graphBuilder()
  const names = inputs.map((input, i) => {
    if (input === undefined) return ''
    const { dtype, shape } = input.tensor
    return input.constant ? builder.constant(input.tensor, `x${i}`) : builder.input(`x${i}`, { dtype, shape: shape.map(() => null) })
  })
  builder.addMany(key, names, outputCount, attributes).forEach((name, i) => builder.output(`y${i}`, name, { dtype: 'float32' }))
  return builder.build()
}

/** Runs one operator on a platform. */
export async function runOp(
  key: string,
  inputs: readonly (Tensor | OpInput | undefined)[],
  attributes: Readonly<Record<string, AttributeInput>> = {},
  { platform = cpu, outputs = schemaOf(key).outputs.length }: { platform?: Platform; outputs?: number } = {},
): Promise<Tensor[]> {
  const given = inputs.map((input) => (input === undefined || 'tensor' in input ? input : { tensor: input }))
  const feeds = new Map<string, Tensor>()
  given.forEach((input, i) => {
    if (input !== undefined && !input.constant) feeds.set(`x${i}`, input.tensor)
  })
  return platform.run(opGraph(key, given, attributes, outputs), feeds)
}

