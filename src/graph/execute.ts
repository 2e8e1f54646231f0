// Runs bound plans on host memory (cpu and wasm): a loop over prepared kernel calls; steps whose shapes depend on data
// resolve them as they come, subgraphs run through executors of their own.
import { MleError } from '../error.ts'
import { allocateView, cloneView, isView, tensorOfView, viewOfTensor, type Value, type View } from '../ops/kernel.ts'
import { isTensorType, type ValueType } from '../ops/types.ts'
import { bindPlan, copyKernel, memoryOf, type Bound, type BoundStep } from './bind.ts'
import { atNode, inferNode, nodeLabel } from './infer.ts'
import type { Arena, Region } from './arena.ts'
import type { Body, Plan } from './plan.ts'

/** Bound shapes kept per plan; decoding makes a new one per token, servers see few. */
const MAX_BOUND = 16

/** Memory of one model on one device: an activations region that all its plans share, grown when a binding needs more. */
export interface Workspace {
  readonly arena: Arena
  activations: Region | undefined
  /** Changes whenever the activations region was replaced. */
  version: number
}

export function createWorkspace(arena: Arena): Workspace {
  return { arena, activations: undefined, version: 0 }
}

function reserveActivations(workspace: Workspace, bytes: number): Region {
  const current = workspace.activations
  if (current !== undefined && current.byteLength >= bytes) return current
  if (current !== undefined) workspace.arena.free(current)
  workspace.version++
  return (workspace.activations = workspace.arena.allocate(bytes))
}

/** A bound plan with memory: what a session or a run holds. */
export interface Instance {
  readonly plan: Plan
  readonly bound: Bound
  readonly workspace: Workspace
  readonly io: Region
  generation: number
  version: number
}

/** Binds a plan and gives it an io region of its own. */
export function instantiate(plan: Plan, workspace: Workspace, inputTypes: readonly (ValueType | undefined)[], inputs: 'io' | 'given'): Instance {
  const bound = bindPlan(plan, inputTypes, { inputs })
  reserveActivations(workspace, bound.activationBytes)
  const instance: Instance = { plan, bound, workspace, io: workspace.arena.allocate(bound.ioBytes), generation: -1, version: -1 }
  for (const { step } of bound.steps) for (const body of step.bodies) prepareBody(body, workspace)
  refresh(instance)
  return instance
}

/** Makes views valid again after memory has grown or moved. */
export function refresh(instance: Instance): void {
  const { workspace } = instance
  if (instance.generation === workspace.arena.generation && instance.version === workspace.version) return
  const activations = reserveActivations(workspace, instance.bound.activationBytes)
  instance.bound.attach(memoryOf(workspace.arena, activations), memoryOf(workspace.arena, instance.io))
  instance.generation = workspace.arena.generation
  instance.version = workspace.version
}

export function releaseInstance(instance: Instance): void {
  instance.workspace.arena.free(instance.io)
}

/** Runs once. Inputs must be in the frame: in their io memory, or put there by the caller. */
export function runInstance(instance: Instance): void {
  refresh(instance)
  const { steps, frame } = instance.bound
  let position = 0
  try {
    for (; position < steps.length; position++) {
      const bound = steps[position]
      for (let i = 0; i < bound.late.length; i++) {
        const at = bound.late[i]
        const value = frame[bound.step.inputs[at]]
        bound.inputs[at] = isView(value) ? value : undefined
      }
      if (bound.kernel !== undefined) bound.kernel(bound.inputs, bound.outputs)
      else runDynamic(bound, frame)
    }
  } catch (error) {
    const { step } = steps[position]
    throw atNode(error, step.node, step.index)
  }
}

/** A step that may allocate: a host kernel, or a kernel whose output shapes follow from values computed in this run. */
function runDynamic(bound: BoundStep, frame: (Value | undefined)[]): void {
  const { step } = bound
  const inputs = step.inputs.map((id) => (id < 0 ? undefined : frame[id]))
  if (step.host !== undefined) {
    for (const body of step.bodies) body.captured = body.from.map((id) => frame[id])
    const results = step.host(inputs)
    step.outputs.forEach((id, i) => {
      if (id >= 0) frame[id] = results[i]
    })
    return
  }
  const views = inputs.map((value) => (isView(value) ? value : undefined))
  const types = step.inputs.map((id, i): ValueType | undefined => (id < 0 ? undefined : typeOfValue(inputs[i])))
  const values = views.map((view, i) => (view !== undefined && step.schema.valueInputs?.includes(i) ? tensorOfView(view) : undefined))
  const outputs = inferNode(step.schema, step.node, step.index, types, values).map((type, i): View | undefined => {
    if (step.outputs[i] === undefined || step.outputs[i] < 0) return undefined
    if (!isTensorType(type) || type.shape === undefined || type.shape.some((dim) => typeof dim !== 'number')) {
      throw new MleError('GRAPH_SHAPE', `graph ${nodeLabel(step.node, step.index)}: output ${i} has no known shape even with its inputs at hand`)
    }
    return allocateView(type.dtype, type.shape as readonly number[])
  })
  const kernel = step.schema.alias ? copyKernel : step.cpuKernel
  kernel?.(views, outputs)
  step.outputs.forEach((id, i) => {
    if (id >= 0) frame[id] = outputs[i]
  })
}

/** The type of a value at hand. */
export function typeOfValue(value: Value | undefined): ValueType | undefined {
  if (value === undefined || value === null) return undefined
  if (isView(value)) return { dtype: value.dtype, shape: value.shape }
  if (Array.isArray(value)) return { sequence: typeOfValue(value[0]) ?? { dtype: 'float32' } }
  return undefined
}

/** Gives a subgraph its runner: instances bound per shape of its inputs and captures, kept for the shapes seen last. */
function prepareBody(body: Body, workspace: Workspace): void {
  if (body.runner !== undefined) return
  const { plan } = body
  const instances = new Map<string, Instance>()
  const ownWorkspace = createWorkspace(workspace.arena)
  body.runner = (inputs) => {
    const given = [...inputs, ...body.captured]
    const ids = [...plan.inputs, ...plan.captures]
    const key = given.map(shapeKey).join(';')
    let instance = instances.get(key)
    if (instance === undefined) {
      instance = instantiate(withCaptures(plan, given), ownWorkspace, given.map(typeOfValue), 'given')
      if (instances.size >= MAX_BOUND) {
        const [oldest, evicted] = instances.entries().next().value as [string, Instance]
        instances.delete(oldest)
        releaseInstance(evicted)
      }
      instances.set(key, instance)
    }
    ids.forEach((id, i) => (instance.bound.frame[id] = given[i]))
    runInstance(instance)
    // The next iteration overwrites this memory, so results leave as copies.
    return plan.outputs.map((id) => ownValue(instance.bound.frame[id]))
  }
}

/** The plan with its captures as further inputs, so that binding sees their shapes. */
function withCaptures(plan: Plan, given: readonly (Value | undefined)[]): Plan {
  return plan.captures.length === 0 || given.length === plan.inputs.length ? plan : { ...plan, inputs: [...plan.inputs, ...plan.captures], captures: [] }
}

function shapeKey(value: Value | undefined): string {
  return isView(value) ? `${value.dtype}[${value.shape.join()}]` : value === undefined || value === null ? '-' : 'v'
}

function ownValue(value: Value | undefined): Value {
  if (value === undefined) throw new MleError('GRAPH_UNDEFINED', 'a subgraph output was not computed')
  return isView(value) ? cloneView(value) : value
}

export { viewOfTensor }
