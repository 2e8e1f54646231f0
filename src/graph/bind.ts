// Binds a plan to concrete input shapes: infers every shape, computes small shape values, places static values in memory
// and prepares the argument lists of kernels, so that running is a loop over prepared calls. Decoding binds a new shape
// for every token, so this file keeps to flat arrays by value number and allocates little per step.
import { allocateView, isView, REFERENCE_BYTES, tensorOfView, viewOfTensor, type Kernel, type Scratch, type Value, type View } from '../ops/kernel.ts'
import { isTensorType, type TensorType, type ValueType } from '../ops/types.ts'
import { bytesPerElement, viewKernelData, type DType } from '../tensor/dtype.ts'
import { sizeOf } from '../tensor/shape.ts'
import type { GpuWork } from '../ops/webgpu/kernel.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { atNode, inferNode } from './infer.ts'
import { alignUp, type Arena, type Region } from './arena.ts'
import { place, type Lifetime } from './place.ts'
import type { Plan, Step } from './plan.ts'

/** A step with its arguments. Positions in `late` are filled from the frame before each call. */
export interface BoundStep {
  readonly step: Step
  /** Set for static steps; the others resolve shapes when they run. */
  readonly kernel?: Kernel
  readonly inputs: (View | undefined)[]
  readonly outputs: readonly (View | undefined)[]
  readonly late: readonly number[]
  /** Values of the run's own that no later step reads. */
  drops: readonly number[]
  /** Set for steps that run on an accelerator. */
  readonly work?: Exclude<GpuWork, string>
  /** Why a step that an accelerator was asked for stays on the host. */
  readonly declined?: string
  /** Output types that later static steps rely on: checked when a host step has run. */
  readonly expected: readonly (TensorType | undefined)[]
}

export interface Bound {
  readonly inputTypes: readonly (TensorType | undefined)[]
  /** Values by number: views of static values, filled at bind; the others are set while running. */
  readonly frame: (Value | undefined)[]
  readonly steps: readonly BoundStep[]
  /** Values that a run puts into the frame and that nobody reads after it. */
  readonly transient: readonly number[]
  /** Outputs that each run makes anew, in memory of their own. */
  readonly freshOutputs: ReadonlySet<number>
  readonly activationBytes: number
  readonly ioBytes: number
  /** For each value the static value whose storage it is, or shares; -1 for values without. */
  readonly rootOf: readonly number[]
  /** Gives the views of static values their memory; called again whenever the memory has moved. */
  readonly attach: (activations: Memory, io: Memory) => void
}

/** A place in memory: what a region is at this moment. */
export interface Memory {
  readonly buffer: ArrayBufferLike
  readonly byteOffset: number
}

export function memoryOf(arena: Arena, region: Region): Memory {
  return { buffer: arena.bufferOf(region), byteOffset: region.byteOffset }
}

export interface BindOptions {
  /** 'io': inputs get memory of their own that the caller fills; 'given': the caller puts views into the frame per run. */
  readonly inputs: 'io' | 'given'
  /** Counts the texts of static values; their numbers are the arena's. */
  readonly scratch?: Scratch
  /** Asked of every static step; work sends it to the accelerator, a text says why it stays here. `known` are the inputs with values. */
  readonly accelerate?: (step: Step, inputs: readonly (View | undefined)[], outputs: readonly (View | undefined)[], known: readonly (View | undefined)[]) => GpuWork
}

interface MutableView {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly size: number
  data: View['data']
}

type ConcreteType = TensorType & { readonly shape: readonly number[] }

/** Values computed at bind time are at most this long: shapes, axes, sizes. */
const MAX_FOLDED_ELEMENTS = 1024

const NONE: readonly never[] = []
const NO_DATA = new Float32Array(0)

function withoutShape(type: ValueType | undefined): ValueType | undefined {
  return isTensorType(type) ? { dtype: type.dtype } : type
}

/** True for a type whose dtype and every dimension are known. */
export function isConcrete(type: ValueType | undefined): type is ConcreteType {
  if (type === undefined || !('dtype' in type) || type.shape === undefined) return false
  const { shape } = type
  for (let axis = 0; axis < shape.length; axis++) if (typeof shape[axis] !== 'number') return false
  return true
}

/** What the walk over the steps fills in, by value number. */
interface Walk {
  readonly plan: Plan
  readonly types: (ValueType | undefined)[]
  /** 1 for values whose type is concrete. */
  readonly concrete: number[]
  readonly frame: (Value | undefined)[]
  /** Views of static values. */
  readonly views: (MutableView | undefined)[]
  /** Values known at bind time, and the same as shape rules read them. */
  readonly known: (View | undefined)[]
  readonly knownTensors: (Tensor | undefined)[]
  /** Storage that a static value is, or shares: the number of the value that owns it; -1 for values without. */
  readonly root: number[]
  /** Values with storage of their own, by first use. */
  readonly owners: number[]
  readonly firstUse: number[]
  /** Last read of a storage through any value that shares it. */
  readonly lastUse: number[]
  /** 1 for storage in the io region: inputs and outputs. */
  readonly isIo: number[]
  readonly isOutput: readonly number[]
  /** 1 for constants of the plan. */
  readonly isConstant: readonly number[]
  /** 1 for storage that steps on the host touch; known where there is an accelerator. */
  readonly onHost: number[]
  readonly accelerate: BindOptions['accelerate']
  readonly scratch: Scratch | undefined
}

/**
 * Binds `plan` to input types with concrete shapes; undefined or incomplete ones make what depends on them dynamic.
 *
 * A step is static when all its shapes are known now. Its inputs may still come late: values that the caller gives, or
 * that host steps make in a shape that is known and checked.
 */
export function bindPlan(plan: Plan, inputTypes: readonly (ValueType | undefined)[], options: BindOptions): Bound {
  const walk = startWalk(plan, options)
  const { types, frame, views, root, isIo, isOutput } = walk
  plan.inputs.forEach((id, i) => {
    const type = inputTypes[i]
    // Without a type, what is planned says the dtype and nothing about the shape.
    types[id] = type ?? withoutShape(plan.types[id])
    if (isConcrete(type)) walk.concrete[id] = 1
    if (options.inputs === 'io' && isConcrete(type)) {
      addView(walk, id, type, sizeOf(type.shape), id, -1)
      isIo[id] = 1
    }
  })

  const steps: BoundStep[] = []
  const transient: number[] = []
  const freshOutputs = new Set<number>()
  /** By position in the plan. */
  const boundAt = plan.steps.map((step, position) => {
    try {
      return bindStep(walk, step, position)
    } catch (error) {
      throw atNode(error, step.node, step.index)
    }
  })
  for (let position = 0; position < boundAt.length; position++) {
    const bound = boundAt[position]
    if (bound === undefined) continue
    steps.push(bound)
    if (bound.kernel !== undefined) continue
    for (const id of bound.step.outputs) {
      if (id < 0) continue
      if (isOutput[id] === 1) {
        freshOutputs.add(id)
        continue
      }
      transient.push(id)
      // What is read last by a step that need not run any more stays until the end.
      const last = boundAt[Math.max(plan.lastUse[id], position)]
      if (last !== undefined) last.drops = [...last.drops, id]
    }
  }
  for (const id of plan.outputs) if (root[id] >= 0) isIo[root[id]] = 1

  if (options.accelerate !== undefined) markPlaces(walk, steps)
  const layout = layOut(walk)
  return {
    inputTypes: inputTypes.map((type) => (isTensorType(type) ? type : undefined)),
    frame,
    steps,
    transient,
    freshOutputs,
    activationBytes: layout.activationBytes,
    ioBytes: layout.ioBytes,
    rootOf: root,
    attach(activations, io) {
      for (let id = 0; id < views.length; id++) {
        const view = views[id]
        const owner = root[id]
        if (view === undefined || view.dtype === 'string' || !isOnHost(walk, owner)) continue
        const whole = views[owner]
        // An owner has a lower number than what shares its storage, in place mostly: as many numbers of its kind, which one array serves.
        if (whole !== undefined && owner < id && whole.size === view.size && whole.dtype === view.dtype) {
          view.data = whole.data
          continue
        }
        const memory = isIo[owner] === 1 ? io : activations
        view.data = viewKernelData(view.dtype, memory.buffer, memory.byteOffset + layout.offsets[owner], view.size)
      }
    },
  }
}

/** What every walk over a plan begins with; copied, which is faster than filled anew. Typed arrays of this size would live outside the heap. */
interface Start {
  readonly types: readonly (ValueType | undefined)[]
  readonly zeros: readonly number[]
  readonly minusOnes: readonly number[]
  /** 1 for constants, whose types are concrete. */
  readonly constant: readonly number[]
  readonly frame: readonly (Value | undefined)[]
  readonly known: readonly (View | undefined)[]
  readonly isOutput: readonly number[]
}

const starts = /* @__PURE__ */ new WeakMap<Plan, Start>()

function startOf(plan: Plan): Start {
  const count = plan.names.length
  const types = new Array<ValueType | undefined>(count).fill(undefined)
  const frame = new Array<Value | undefined>(count).fill(undefined)
  const known = new Array<View | undefined>(count).fill(undefined)
  const zeros = new Array<number>(count).fill(0)
  const constant = zeros.slice()
  const isOutput = zeros.slice()
  for (const [id, view] of plan.constantViews) {
    types[id] = view
    constant[id] = 1
    frame[id] = view
  }
  for (const [id, view] of plan.smallConstants) known[id] = view
  for (const id of plan.captures) types[id] = withoutShape(plan.types[id])
  for (const id of plan.outputs) isOutput[id] = 1
  return { types, zeros, minusOnes: zeros.map(() => -1), constant, frame, known, isOutput }
}

function startWalk(plan: Plan, { accelerate, scratch }: BindOptions): Walk {
  let start = starts.get(plan)
  if (start === undefined) starts.set(plan, (start = startOf(plan)))
  const count = plan.names.length
  return {
    plan,
    types: start.types.slice(),
    concrete: start.constant.slice(),
    frame: start.frame.slice(),
    views: new Array<MutableView | undefined>(count),
    known: start.known.slice(),
    knownTensors: new Array<Tensor | undefined>(count),
    root: start.minusOnes.slice(),
    owners: [],
    firstUse: start.zeros.slice(),
    lastUse: start.zeros.slice(),
    isIo: start.zeros.slice(),
    isOutput: start.isOutput,
    isConstant: start.constant,
    onHost: accelerate === undefined ? [] : start.zeros.slice(),
    accelerate,
    scratch,
  }
}

/** Adds a static value to the frame: storage of its own when `root` is `id`, else shared with `root`. */
function addView(walk: Walk, id: number, { dtype, shape }: ConcreteType, size: number, root: number, position: number): MutableView {
  if (dtype === 'string') walk.scratch?.take(0, size * REFERENCE_BYTES)
  const data = dtype === 'string' ? new Array<string>(size).fill('') : NO_DATA
  const view: MutableView = { dtype, shape, size, data }
  const last = Math.max(walk.plan.lastUse[id], position)
  if (root === id) {
    walk.owners.push(id)
    walk.firstUse[id] = position
    walk.lastUse[id] = last
  } else if (walk.lastUse[root] < last) walk.lastUse[root] = last
  walk.root[id] = root
  walk.views[id] = view
  walk.frame[id] = view
  return view
}

/** The step with its arguments, or undefined when there is nothing left to run. */
function bindStep(walk: Walk, step: Step, position: number): BoundStep | undefined {
  const { plan, types, concrete, frame } = walk
  const inputIds = step.inputs
  const outputIds = step.outputs
  const inputTypes = new Array<ValueType | undefined>(inputIds.length)
  let isStatic = step.host === undefined
  for (let i = 0; i < inputIds.length; i++) {
    const id = inputIds[i]
    if (id < 0) continue
    inputTypes[i] = types[id] ?? plan.types[id]
    if (concrete[id] === 0) isStatic = false
  }
  const outputTypes = step.bodies.length > 0 ? outputIds.map((id) => (id < 0 ? undefined : plan.types[id])) : inferNode(step.schema, step.node, step.index, inputTypes, valuesOf(walk, step))
  for (let i = 0; i < outputIds.length; i++) {
    const id = outputIds[i]
    if (id < 0) continue
    types[id] = outputTypes[i]
    if (isConcrete(outputTypes[i])) concrete[id] = 1
    else isStatic = false
  }
  if (!isStatic) return bindDynamic(step, outputTypes)
  if ((step.makesShape || step.schema.valueFromTypes !== undefined) && fold(walk, step, inputTypes, outputTypes)) return undefined
  if (step.schema.alias && share(walk, step, outputTypes[0])) return undefined

  const inputs = new Array<View | undefined>(inputIds.length)
  let late: number[] | undefined
  let isOutside = false
  for (let i = 0; i < inputIds.length; i++) {
    const id = inputIds[i]
    if (id < 0) continue
    const value = frame[id]
    if (isView(value)) {
      inputs[i] = value
      // Computed while binding, in memory of its own. Inputs that decide shapes are read on the host by every kernel.
      if (walk.root[id] < 0 && walk.isConstant[id] === 0 && step.schema.valueInputs?.includes(i) !== true) isOutside = true
    } else if (late === undefined) late = [i]
    else late.push(i)
  }
  const outputs = new Array<View | undefined>(outputIds.length)
  for (let i = 0; i < outputIds.length; i++) {
    const id = outputIds[i]
    const type = outputTypes[i]
    if (id < 0 || !isConcrete(type)) continue
    const size = sizeOf(type.shape)
    outputs[i] = addView(walk, id, type, size, i === 0 && step.schema.inPlace ? storageFor(walk, step, position, id, type.dtype, size) : id, position)
  }
  // A preferred kernel may need its arguments in the device's memory, which values that come late or were folded are not in.
  const kernel = step.schema.alias ? copyKernel : late === undefined && !isOutside ? step.kernel : step.cpuKernel
  const work = workOf(walk, step, inputs, outputs, late !== undefined)
  const isHosted = typeof work === 'string'
  return { step, kernel, inputs, outputs, late: late ?? NONE, drops: NONE, work: isHosted ? undefined : work, declined: isHosted ? work : undefined, expected: NONE }
}

/** What an accelerator makes of a static step. */
function workOf(walk: Walk, step: Step, inputs: readonly (View | undefined)[], outputs: readonly (View | undefined)[], isLate: boolean): GpuWork | undefined {
  if (walk.accelerate === undefined) return undefined
  if (isLate) return 'an input comes from a host step'
  if (step.schema.alias) return 'a copy of a constant or of an input'
  return walk.accelerate(step, inputs, outputs, inputs.map((view, i) => (step.inputs[i] >= 0 && walk.root[step.inputs[i]] < 0 ? view : undefined)))
}

function bindDynamic(step: Step, outputTypes: readonly (ValueType | undefined)[]): BoundStep {
  const expected = step.host === undefined ? NONE : outputTypes.map((type) => (isConcrete(type) ? type : undefined))
  return { step, kernel: undefined, inputs: [], outputs: NONE, late: NONE, drops: NONE, expected }
}

/** Input values for the shape rule, as far as they are known now. */
function valuesOf(walk: Walk, step: Step): readonly (Tensor | undefined)[] {
  if (step.valueInputs.length === 0) return NONE
  const values = new Array<Tensor | undefined>(step.inputs.length)
  for (const i of step.valueInputs) {
    const id = step.inputs[i]
    if (id < 0) continue
    const view = walk.known[id]
    if (view !== undefined) values[i] = walk.knownTensors[id] ??= tensorOfView(view)
  }
  return values
}

/** Computes a value that shape rules read, if its inputs are known now; true when the step need not run any more. */
function fold(walk: Walk, step: Step, inputs: readonly (ValueType | undefined)[], outputs: readonly (ValueType | undefined)[]): boolean {
  const { known, frame } = walk
  const { schema } = step
  if (schema.valueFromTypes !== undefined && step.outputs.length === 1 && step.outputs[0] >= 0) {
    const own = schema.valueFromTypes({ op: step.node.op, attributes: step.node.attributes, inputs, values: NONE, outputCount: 1 })
    if (own !== undefined) {
      known[step.outputs[0]] = frame[step.outputs[0]] = viewOfTensor(own)
      return true
    }
  }
  if (!step.makesShape) return false
  for (const id of step.inputs) if (id >= 0 && known[id] === undefined) return false
  const views: (View | undefined)[] = []
  for (let i = 0; i < step.outputs.length; i++) {
    const type = outputs[i]
    if (step.outputs[i] < 0) views.push(undefined)
    else if (!isConcrete(type) || type.dtype === 'string' || sizeOf(type.shape) > MAX_FOLDED_ELEMENTS) return false
    else views.push(allocateView(type.dtype, type.shape))
  }
  const kernel = schema.alias ? copyKernel : step.cpuKernel
  if (kernel === undefined) return false
  kernel(step.inputs.map((id) => (id < 0 ? undefined : known[id])), views)
  step.outputs.forEach((id, i) => {
    if (id >= 0) known[id] = frame[id] = views[i]
  })
  return true
}

/**
 * Lets an alias step's output be its input's memory. A constant or a given input handed on stays a copy, so that callers
 * never hold weights or memory that is not the instance's own.
 */
function share(walk: Walk, step: Step, type: ValueType | undefined): boolean {
  const source = step.inputs[0]
  const id = step.outputs[0]
  if (source < 0 || id < 0 || walk.root[source] < 0 || !isConcrete(type) || type.dtype === 'string') return false
  addView(walk, id, type, sizeOf(type.shape), walk.root[source], -1)
  return true
}

/** The storage of an input that ends its life in this step and may be overwritten by its output; else the output's own. */
function storageFor(walk: Walk, step: Step, position: number, output: number, dtype: DType, size: number): number {
  const { plan, views, root, isIo } = walk
  // An accelerator cannot bind one buffer for reading and for writing in one dispatch.
  if (walk.accelerate !== undefined || walk.isOutput[output] === 1 || dtype === 'string') return output
  const { inputs } = step
  for (let i = 0; i < inputs.length; i++) {
    const id = inputs[i]
    if (id < 0 || plan.lastUse[id] !== position || root[id] < 0) continue
    const storage = root[id]
    const view = views[id]
    if (view === undefined || isIo[storage] === 1 || walk.lastUse[storage] > position || view.size !== size || view.dtype !== dtype) continue
    let isFree = true
    for (let j = 0; j < inputs.length; j++) if (j !== i && inputs[j] >= 0 && root[inputs[j]] === storage) isFree = false
    if (isFree) return storage
  }
  return output
}

/** Output memory of an alias step that cannot share: plain copy. */
export const copyKernel: Kernel = (inputs, outputs) => {
  const source = inputs[0]
  const target = outputs[0]
  if (source === undefined || target === undefined) return
  if (Array.isArray(target.data)) for (let i = 0; i < target.size; i++) target.data[i] = source.data[i] as string
  else (target.data as Uint8Array).set(source.data as Uint8Array)
}

/** Which storages host steps touch; inputs and outputs are always on the host as well. */
function markPlaces(walk: Walk, steps: readonly BoundStep[]): void {
  const { root, isIo, onHost } = walk
  for (const { step, work } of steps) {
    if (work !== undefined) continue
    for (const id of step.inputs) if (id >= 0 && root[id] >= 0) onHost[root[id]] = 1
    for (const id of step.captures) if (root[id] >= 0) onHost[root[id]] = 1
    for (const id of step.outputs) if (id >= 0 && root[id] >= 0) onHost[root[id]] = 1
  }
  for (let id = 0; id < isIo.length; id++) if (isIo[id] === 1) onHost[id] = 1
}

function isOnHost(walk: Walk, storage: number): boolean {
  return walk.accelerate === undefined || walk.onHost[storage] === 1
}

interface Layout {
  readonly offsets: readonly number[]
  readonly activationBytes: number
  readonly ioBytes: number
}

function layOut(walk: Walk): Layout {
  const { views, owners, firstUse, lastUse, isIo } = walk
  const offsets = new Array<number>(views.length).fill(0)
  let ioBytes = 0
  const placed: number[] = []
  const lifetimes: Lifetime[] = []
  for (const id of owners) {
    const view = views[id]
    if (view === undefined || !isOnHost(walk, id)) continue
    const bytes = view.size * bytesPerElement(view.dtype)
    if (isIo[id] === 1) {
      offsets[id] = ioBytes
      ioBytes += alignUp(bytes)
    } else {
      placed.push(id)
      lifetimes.push({ bytes, first: firstUse[id], last: lastUse[id] })
    }
  }
  const placement = place(lifetimes)
  for (let i = 0; i < placed.length; i++) offsets[placed[i]] = placement.offsets[i]
  return { offsets, activationBytes: placement.totalBytes, ioBytes }
}
