// Whether device 'auto' takes the GPU for a model, or in words why not. Asked only where results may differ in their last digits.
import { MleError } from '../error.ts'
import { opKey } from '../ops/kernel.ts'
import type { OperatorSet } from '../ops/packs.ts'
import { isTensorType, type TensorType, type ValueType } from '../ops/types.ts'
import { gpuKernels } from '../ops/webgpu/index.ts'
import { sizeOf } from '../tensor/shape.ts'
import { bindPlan } from './bind.ts'
import type { Device, DeviceOptions } from './device.ts'
import { isSoftware } from './gpu-features.ts'
import type { Graph, Node } from './graph.ts'
import { inferTypes, nodeLabel } from './infer.ts'
import { refuseFloat64 } from './narrow.ts'
import { partition } from './partition.ts'
import { planGraph } from './plan.ts'
import { RUN_LIMITS } from './run-limits.ts'
import { createWebgpuDevice } from './webgpu-device.ts'

/** Each is a wait for the GPU, and one for what goes back to it. */
const MAX_ISLANDS = 4
/** Multiply-adds of one run, below which the host is done before a GPU has been asked and has answered: some 2 ms in WebAssembly. */
const WORTH_WORK = 2 ** 25

/**
 * A device, or why there is none. Symbols of input shapes count as 1: who has large batches of small work asks for 'webgpu'.
 *
 * @param options a GPU of the caller's counts whatever it is; one of our own must be hardware
 */
export async function chooseWebgpu(graph: Graph, operators: OperatorSet, { gpu, precision, limits = RUN_LIMITS }: Pick<DeviceOptions, 'gpu' | 'precision' | 'limits'>): Promise<Device | string> {
  const types = graph.inputs.map(({ type }) => ofOne(type))
  try {
    if (precision !== 'float32') refuseFloat64(graph, operators.schemas)
  } catch (error) {
    if (error instanceof MleError && error.code === 'DEVICE_FLOAT64') return "values are float64, which a GPU does not have; precision: 'float32' computes with other digits"
    throw error
  }
  const work = workOf({ ...graph, inputs: graph.inputs.map((info, i) => ({ ...info, type: types[i] })) }, operators)
  if (work < WORTH_WORK) return `the work is too small: a run of one takes ${Math.ceil(work / 1e5) / 10} million multiplications, a GPU is worth asking from ${Math.floor(WORTH_WORK / 1e6)} million on`
  let device: Device
  try {
    device = await createWebgpuDevice(gpuKernels, limits, gpu)
  } catch (error) {
    if (error instanceof MleError && error.code === 'DEVICE_UNAVAILABLE') return `no GPU: ${error.message}`
    throw error
  }
  const reason = reasonAgainst(device, graph, operators, types, gpu !== undefined && 'queue' in gpu)
  if (reason === undefined) return device
  device.dispose()
  return reason
}

function reasonAgainst(device: Device, graph: Graph, operators: OperatorSet, types: readonly ValueType[], isGiven: boolean): string | undefined {
  if (!isGiven && isSoftware(device.gpu?.adapterInfo)) return 'the only adapter is software, which computes on the same processor with more ado'
  const plan = planGraph(graph, graph.outputs.map(({ name }) => name), { ...operators, scratch: device.scratch })
  const bound = bindPlan(plan, types, { inputs: 'io', accelerate: device.accelerator?.accelerate })
  const islands = partition(bound, plan.inputs, plan.outputs).filter(({ place }) => place === 'host')
  if (islands.length <= MAX_ISLANDS) return undefined
  const named = islands.map(({ first }) => nodeLabel(bound.steps[first].step.node, bound.steps[first].step.index))
  return `${islands.length} stays on the host between submissions, at most ${MAX_ISLANDS} are worth it: ${named.slice(0, MAX_ISLANDS + 1).join(', ')}${named.length > MAX_ISLANDS + 1 ? ', ...' : ''}`
}

/** A type whose open dimensions are 1. */
function ofOne(type: ValueType): ValueType {
  return isTensorType(type) ? { dtype: type.dtype, shape: type.shape?.map((dim) => (typeof dim === 'number' ? dim : 1)) } : type
}

/** Multiply-adds of a run, as far as shapes tell. */
function workOf(graph: Graph, { schemas }: OperatorSet): number {
  const { types } = inferTypes(graph, schemas)
  const shapeOf = (name: string | undefined): readonly number[] => {
    const type = name === undefined || name === '' ? undefined : (graph.initializers.get(name) ?? types.get(name))
    const shape = type !== undefined && ('data' in type || isTensorType(type)) ? (type as TensorType).shape : undefined
    return shape?.map((dim) => (typeof dim === 'number' ? dim : 1)) ?? []
  }
  return graph.nodes.reduce((sum, node) => sum + workOfNode(node, shapeOf), 0)
}

function workOfNode(node: Node, shapeOf: (name: string | undefined) => readonly number[]): number {
  const [first, second, third] = node.inputs.map(shapeOf)
  const out = sizeOf(shapeOf(node.outputs[0]))
  switch (opKey(node.domain, node.op)) {
    case 'MatMul':
      return out * (first.at(-1) ?? 1)
    case 'Gemm':
      return out * (sizeOf(first) / (shapeOf(node.outputs[0])[0] || 1))
    case 'Conv':
      return out * (sizeOf(second) / (second[0] || 1))
    case 'ConvTranspose':
      return sizeOf(first) * (sizeOf(second) / (second[0] || 1))
    case 'LSTM':
    case 'GRU':
    case 'RNN':
      return (first[0] ?? 1) * (first[1] ?? 1) * (sizeOf(second) + sizeOf(third))
    case 'Attention':
      return 2 * sizeOf(first) * (second.at(-2) ?? 1)
    default:
      return out
  }
}
