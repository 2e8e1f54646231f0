// Runs bound plans on host memory (cpu and wasm): a loop over prepared kernel calls; steps whose shapes depend on data
// resolve them as they come, subgraphs run through instances of their own.
import { MleError } from '../error.ts'
import { allocateView, cloneView, isView, REFERENCE_BYTES, tensorOfView, VIEW_OBJECTS, type HostKernel, type Kernel, type SubgraphRunner, type Value, type View } from '../ops/kernel.ts'
import { isTensorType, type ValueType } from '../ops/types.ts'
import { bytesPerElement } from '../tensor/dtype.ts'
import { bindPlan, copyKernel, isConcrete, memoryOf, type BindOptions, type Bound, type BoundStep } from './bind.ts'
import type { WeightStore } from './device.ts'
import { atNode, inferNode, nodeLabel } from './infer.ts'
import type { Arena, Region } from './arena.ts'
import type { Body, Plan, Step } from './plan.ts'
import { heapScratch, type HeapScratch, type HeldValues } from './scratch.ts'

/** Bound shapes kept per subgraph; growing state makes a new one per iteration. */
const MAX_BOUND = 16

/** Elements of an input that decides shapes: sizes and axes, and parts of a Split. */
const MAX_VALUES = 65536

/** Memory of one model on one device: an activations region that all its plans share, grown when a binding needs more. */
export interface Workspace {
  readonly arena: Arena
  readonly weights?: WeightStore
  /** Counts what runs make besides the arena. */
  readonly scratch: HeapScratch
  activations: Region | undefined
  /** Changes whenever the activations region was replaced. */
  version: number
  /** Subgraphs have workspaces of their own: they run while values of the graph around them are alive. */
  readonly bodies: Map<Body, BodyState>
  /** Instances whose steps are running subgraphs now, outermost first; shared with the workspaces of subgraphs. */
  readonly callers: Instance[]
  /** All that hold values, those of subgraphs too. */
  readonly instances: Set<Instance>
}

interface BodyState {
  readonly workspace: Workspace
  /** Least recently used first. */
  readonly instances: Map<string, Instance>
  readonly runner: SubgraphRunner
}

export function createWorkspace(arena: Arena, weights?: WeightStore, scratch: HeapScratch = heapScratch()): Workspace {
  const instances = new Set<Instance>()
  scratch.measure = () => heldValues(instances, scratch.lists)
  return { arena, weights, scratch, activations: undefined, version: 0, bodies: new Map(), callers: [], instances }
}

/** What values take that are in frames or in kernels' lists, and neither in the arena nor constants. */
function heldValues(instances: ReadonlySet<Instance>, lists: HeapScratch['lists']): HeldValues {
  const held = { bytes: 0, objects: 0 }
  const seen = new Set<Value | undefined>([undefined, null])
  const visit = (value: Value | undefined): void => {
    if (seen.has(value)) return
    seen.add(value)
    if (isView(value)) {
      held.bytes += value.size * bytesPerElement(value.dtype)
      held.objects += VIEW_OBJECTS
      if (Array.isArray(value.data)) for (const text of value.data) held.objects += REFERENCE_BYTES + 2 * (text?.length ?? 0)
    } else if (value) {
      const items = Array.isArray(value) ? value : [...value.values()]
      held.objects += items.length * REFERENCE_BYTES
      items.forEach(visit)
    }
  }
  for (const { plan, bound: { frame, rootOf } } of instances) {
    frame.forEach((value, id) => {
      if (plan.constantViews.has(id) || (rootOf[id] >= 0 && !(isView(value) && value.dtype === 'string'))) seen.add(value)
    })
  }
  for (const { bound } of instances) bound.frame.forEach(visit)
  for (const list of lists) list.forEach(visit)
  return held
}

/** Gives back activations and everything that subgraphs hold; instances are released by who made them. */
export function disposeWorkspace(workspace: Workspace): void {
  if (workspace.activations !== undefined) workspace.arena.free(workspace.activations)
  workspace.activations = undefined
  workspace.version++
  for (const { instances, workspace: own } of workspace.bodies.values()) {
    for (const instance of instances.values()) releaseInstance(instance)
    instances.clear()
    disposeWorkspace(own)
  }
  workspace.bodies.clear()
}

function reserveActivations(workspace: Workspace, bytes: number): Region {
  const current = workspace.activations
  if (current !== undefined && current.byteLength >= bytes) return current
  if (current !== undefined) workspace.arena.free(current)
  workspace.activations = undefined
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
  isReleased: boolean
}

/**
 * Binds a plan and gives it an io region of its own. A plan whose activations take more than `maxActivationBytes` gets no memory: their bytes are returned.
 *
 * @throws MleError GRAPH_DTYPE when an input is not of the plan's dtype, MEMORY_LIMIT when the arena is full
 */
export function instantiate(plan: Plan, workspace: Workspace, inputTypes: readonly (ValueType | undefined)[], inputs: 'io' | 'given', accelerate?: BindOptions['accelerate']): Instance
export function instantiate(plan: Plan, workspace: Workspace, inputTypes: readonly (ValueType | undefined)[], inputs: 'io' | 'given', accelerate: BindOptions['accelerate'], maxActivationBytes: number): Instance | number
export function instantiate(plan: Plan, workspace: Workspace, inputTypes: readonly (ValueType | undefined)[], inputs: 'io' | 'given', accelerate?: BindOptions['accelerate'], maxActivationBytes: number = Infinity): Instance | number {
  plan.inputs.forEach((id, i) => checkDType(plan, id, inputTypes[i]))
  const bound = bindPlan(plan, inputTypes, { inputs, accelerate, scratch: workspace.scratch })
  if (bound.activationBytes > maxActivationBytes) return bound.activationBytes
  reserveActivations(workspace, bound.activationBytes)
  const instance: Instance = { plan, bound, workspace, io: workspace.arena.allocate(bound.ioBytes), generation: -1, version: -1, isReleased: false }
  workspace.instances.add(instance)
  refresh(instance)
  return instance
}

/** Kernels are made for the dtypes known when the graph is planned, so no other may reach them. */
function checkDType(plan: Plan, id: number, actual: ValueType | undefined): void {
  const planned = plan.types[id]
  if (!isTensorType(planned) || !isTensorType(actual) || planned.dtype === actual.dtype) return
  throw new MleError('GRAPH_DTYPE', `value ${JSON.stringify(plan.names[id])} is ${actual.dtype}, but the graph says ${planned.dtype}`, { expected: planned.dtype, actual: actual.dtype })
}

/** Makes views valid again after memory has grown or moved. */
export function refresh(instance: Instance): void {
  const { workspace } = instance
  if (instance.generation === workspace.arena.generation && instance.version === workspace.version) return
  const activations = reserveActivations(workspace, instance.bound.activationBytes)
  workspace.weights?.refresh()
  instance.bound.attach(memoryOf(workspace.arena, activations), memoryOf(workspace.arena, instance.io))
  instance.generation = workspace.arena.generation
  instance.version = workspace.version
}

export function releaseInstance(instance: Instance): void {
  instance.isReleased = true
  instance.workspace.instances.delete(instance)
  instance.workspace.arena.free(instance.io)
}

/** Runs once. Inputs must be in the frame: in their io memory, or put there by the caller. */
export function runInstance(instance: Instance): void {
  instance.workspace.scratch.begin()
  runOnce(instance)
}

function runOnce(instance: Instance): void {
  refresh(instance)
  try {
    runSteps(instance, 0, instance.bound.steps.length)
  } finally {
    clearTransients(instance)
  }
}

/** Lets go of values that only the run itself has read. */
export function clearTransients(instance: Instance): void {
  const { frame, transient } = instance.bound
  for (let i = 0; i < transient.length; i++) frame[transient[i]] = undefined
}

/** Runs the bound steps from `first` up to `end` on the host. */
export function runSteps(instance: Instance, first: number, end: number): void {
  const { steps, frame } = instance.bound
  let position = first
  try {
    for (; position < end; position++) {
      const bound = steps[position]
      if (bound.kernel === undefined) runDynamic(instance, bound)
      else if (bound.late.length === 0) bound.kernel(bound.inputs, bound.outputs)
      else runLate(frame, bound, bound.kernel)
    }
  } catch (error) {
    const { step } = steps[position]
    throw atNode(error, step.node, step.index)
  }
}

/** A static step of which some inputs are made in this run: neither it nor the frame holds them any longer than anybody reads them. */
function runLate(frame: (Value | undefined)[], { step, inputs, outputs, late, drops }: BoundStep, kernel: Kernel): void {
  for (let i = 0; i < late.length; i++) {
    const value = frame[step.inputs[late[i]]]
    inputs[late[i]] = isView(value) ? value : undefined
  }
  kernel(inputs, outputs)
  for (let i = 0; i < late.length; i++) inputs[late[i]] = undefined
  for (let i = 0; i < drops.length; i++) frame[drops[i]] = undefined
}

/** A step that may allocate: a host kernel, or a kernel whose output shapes follow from values computed in this run. */
function runDynamic(instance: Instance, bound: BoundStep): void {
  const { step } = bound
  if (step.host !== undefined) runHost(instance, bound)
  else runResolved(instance, bound)
  for (const id of bound.drops) instance.bound.frame[id] = undefined
}

function runHost(instance: Instance, bound: BoundStep): void {
  const { step, expected } = bound
  const { frame } = instance.bound
  if (step.host === undefined) return
  const inputs = step.inputs.map((id) => (id < 0 ? undefined : frame[id]))
  const results = step.bodies.length === 0 ? step.host(inputs) : runControl(instance, step, step.host, inputs)
  step.outputs.forEach((id, i) => {
    if (id < 0) return
    checkExpected(instance.plan, id, results[i], expected[i])
    frame[id] = results[i]
  })
}

function runControl(instance: Instance, step: Step, host: HostKernel, inputs: readonly (Value | undefined)[]): readonly Value[] {
  const { workspace, bound } = instance
  for (const body of step.bodies) {
    body.runner = bodyState(workspace, body).runner
    body.captured = body.from.map((id) => bound.frame[id])
  }
  workspace.callers.push(instance)
  try {
    return host(inputs)
  } finally {
    workspace.callers.pop()
    for (const body of step.bodies) body.captured = []
  }
}

/** A host step's result must be what later static steps were bound to. */
function checkExpected(plan: Plan, id: number, value: Value | undefined, expected: ValueType | undefined): void {
  if (isView(value)) checkDType(plan, id, value)
  if (!isConcrete(expected)) return
  if (!isView(value)) throw new MleError('GRAPH_SHAPE', `value ${JSON.stringify(plan.names[id])} came out as no tensor, expected [${expected.shape.join(', ')}]`)
  if (expected.shape.length === value.shape.length && expected.shape.every((dim, axis) => dim === value.shape[axis])) return
  throw new MleError('GRAPH_SHAPE', `value ${JSON.stringify(plan.names[id])} came out as [${value.shape.join(', ')}], expected [${expected.shape.join(', ')}]`)
}

function runResolved(instance: Instance, bound: BoundStep): void {
  const { step } = bound
  const { frame } = instance.bound
  const inputs = step.inputs.map((id) => {
    const value = id < 0 ? undefined : frame[id]
    checkDType(instance.plan, id, isView(value) ? value : undefined)
    return value
  })
  if (step.schema.alias && !isView(inputs[0])) {
    frame[step.outputs[0]] = inputs[0]
    return
  }
  const views = inputs.map((value) => (isView(value) ? value : undefined))
  const types = inputs.map(typeOfValue)
  const values = views.map((view, i) => {
    if (view === undefined || !step.schema.valueInputs?.includes(i)) return undefined
    if (view.size > MAX_VALUES) throw new MleError('OP_DIMENSION', `input ${i} decides a shape by ${view.size} elements, expected at most ${MAX_VALUES}`, { expected: MAX_VALUES, actual: view.size })
    return tensorOfView(view)
  })
  const outputs = inferNode(step.schema, step.node, step.index, types, values).map((type, i): View | undefined => {
    if (step.outputs[i] === undefined || step.outputs[i] < 0) return undefined
    if (!isConcrete(type)) {
      throw new MleError('GRAPH_SHAPE', `graph ${nodeLabel(step.node, step.index)}: output ${i} has no known shape even with its inputs at hand`)
    }
    return allocateView(type.dtype, type.shape, instance.workspace.scratch)
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
  const first: Value | undefined = Array.isArray(value) ? value[0] : undefined
  const element = typeOfValue(first)
  if (element !== undefined) return { sequence: element }
  return undefined
}

/** A subgraph's instances in this workspace: bound per shape of its inputs and captures, kept for the shapes seen last. */
function bodyState(workspace: Workspace, body: Body): BodyState {
  let state = workspace.bodies.get(body)
  if (state !== undefined) return state
  // Captures are bound like inputs, because their shapes decide as much.
  const plan: Plan = { ...body.plan, inputs: [...body.plan.inputs, ...body.plan.captures], captures: [] }
  const own: Workspace = { ...workspace, activations: undefined, version: 0, bodies: new Map() }
  const instances = new Map<string, Instance>()
  const runner: SubgraphRunner = (inputs) => {
    own.scratch.spend(1)
    const given = [...inputs, ...body.captured]
    const key = given.map(shapeKey).join(';')
    let instance = instances.get(key)
    if (instance === undefined) {
      if (instances.size >= MAX_BOUND) {
        const [oldest, evicted] = instances.entries().next().value as [string, Instance]
        instances.delete(oldest)
        releaseInstance(evicted)
      }
      instance = instantiate(plan, own, given.map(typeOfValue), 'given')
    } else instances.delete(key)
    instances.set(key, instance)
    refreshCallers(workspace)
    const { frame, freshOutputs } = instance.bound
    plan.inputs.forEach((id, i) => (frame[id] = given[i]))
    runOnce(instance)
    // The next iteration overwrites static memory, and inputs belong to others: such results leave as copies.
    const results = plan.outputs.map((id) => ownValue(frame[id], freshOutputs.has(id), own.scratch))
    plan.inputs.forEach((id) => (frame[id] = undefined))
    for (const id of freshOutputs) frame[id] = undefined
    return results
  }
  state = { workspace: own, instances, runner }
  workspace.bodies.set(body, state)
  return state
}

/** Binding a subgraph may have grown the memory under the graphs around it, whose values it is about to read. */
function refreshCallers(workspace: Workspace): void {
  for (const caller of workspace.callers) refresh(caller)
}

function shapeKey(value: Value | undefined): string {
  if (isView(value)) return `${value.dtype}[${value.shape.join()}]`
  return value === undefined || value === null ? '-' : Array.isArray(value) ? `s${shapeKey(value[0])}` : 'm'
}

function ownValue(value: Value | undefined, isFresh: boolean, scratch: HeapScratch): Value {
  if (value === undefined) throw new MleError('GRAPH_UNDEFINED', 'a subgraph output was not computed')
  return isView(value) && !isFresh ? cloneView(value, scratch) : value
}
