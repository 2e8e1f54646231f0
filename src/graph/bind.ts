// Binds a plan to concrete input shapes: infers every shape, computes small shape values, places static values in memory
// and prepares the argument lists of kernels, so that running is a loop over prepared calls.
import { MleError } from '../error.ts'
import { allocateView, cloneView, isView, tensorOfView, viewOfTensor, type Kernel, type Value, type View } from '../ops/kernel.ts'
import { isTensorType, type TensorType, type ValueType } from '../ops/types.ts'
import { bytesPerElement, viewKernelData, type DType } from '../tensor/dtype.ts'
import { sizeOf } from '../tensor/shape.ts'
import { isPropagated, inferNode } from './infer.ts'
import { alignUp, type Arena, type Region } from './arena.ts'
import { place, type Lifetime } from './place.ts'
import type { Plan, Step } from './plan.ts'

/** A step with its arguments. Positions in `late` are filled from the frame before each call. */
export interface BoundStep {
  readonly step: Step
  /** Set for steps whose output shapes are known at bind time; others resolve shapes when they run. */
  readonly kernel?: Kernel
  readonly inputs: (View | undefined)[]
  readonly outputs: (View | undefined)[]
  readonly late: readonly number[]
}

/** Where a static value lives. */
interface Slot {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly size: number
  /** Storage that it is, or aliases. */
  readonly root: number
}

export interface Bound {
  readonly inputTypes: readonly (TensorType | undefined)[]
  /** Values by number: views of static values, filled at bind; the others are set while running. */
  readonly frame: (Value | undefined)[]
  readonly steps: readonly BoundStep[]
  readonly activationBytes: number
  readonly ioBytes: number
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
}

interface MutableView {
  dtype: DType
  shape: readonly number[]
  size: number
  data: View['data']
}

/** True for a type whose dtype and every dimension are known. */
function isConcrete(type: ValueType | undefined): type is TensorType & { readonly shape: readonly number[] } {
  return isTensorType(type) && type.shape !== undefined && type.shape.every((dim) => typeof dim === 'number')
}

/** Binds `plan` to input types with concrete shapes (undefined or incomplete ones make what depends on them dynamic). */
export function bindPlan(plan: Plan, inputTypes: readonly (ValueType | undefined)[], options: BindOptions): Bound {
  const count = plan.names.length
  const types = new Array<ValueType | undefined>(count)
  const frame = new Array<Value | undefined>(count)
  const slots = new Array<Slot | undefined>(count)
  const known = new Array<View | undefined>(count)
  const isIo = new Set<number>()

  for (const [id, tensor] of plan.constants) {
    types[id] = { dtype: tensor.dtype, shape: tensor.shape }
    frame[id] = viewOfTensor(tensor)
    if (isPropagated(tensor)) known[id] = viewOfTensor(tensor)
  }
  plan.inputs.forEach((id, i) => {
    const type = inputTypes[i]
    types[id] = type
    if (options.inputs === 'io' && isConcrete(type)) {
      slots[id] = { dtype: type.dtype, shape: type.shape, size: sizeOf(type.shape), root: id }
      isIo.add(id)
    }
  })
  plan.captures.forEach((id) => (types[id] = plan.types[id]))
  const outputIds = new Set(plan.outputs)

  // First walk: shapes, shape values, and which storage each static value shares.
  const firstUse = new Map<number, number>()
  const lastUse = new Map<number, number>()
  const live: { step: Step; position: number; isStatic: boolean }[] = []
  plan.steps.forEach((step, position) => {
    const inputs = step.inputs.map((id) => (id < 0 ? undefined : (types[id] ?? plan.types[id])))
    const values = step.inputs.map((id, i) => {
      if (id < 0 || !(step.schema.valueInputs?.includes(i) || plan.shapeValues.has(id))) return undefined
      const view = known[id]
      return view === undefined ? undefined : tensorOfView(view)
    })
    const outputs = inferNode(step.schema, step.node, step.index, inputs, values)
    step.outputs.forEach((id, i) => {
      if (id >= 0) types[id] = outputs[i]
    })
    if (foldShapeValue(step, inputs, outputs, plan, known, frame)) return
    const allConcrete = step.outputs.every((id, i) => id < 0 || isConcrete(outputs[i]))
    const isStatic = step.host === undefined && allConcrete
    if (isStatic && step.schema.alias) {
      const source = step.inputs[0]
      const slot = slots[source]
      const type = outputs[0]
      // A step that hands a constant or a given input on as an output stays a copy, so that callers never get weights.
      if (slot !== undefined && isConcrete(type) && type.dtype !== 'string') {
        slots[step.outputs[0]] = { dtype: type.dtype, shape: type.shape, size: slot.size, root: slot.root }
        lastUse.set(slot.root, Math.max(lastUse.get(slot.root) ?? 0, plan.lastUse[step.outputs[0]]))
        return
      }
    }
    if (isStatic) {
      step.outputs.forEach((id, i) => {
        const type = outputs[i]
        if (id < 0 || !isConcrete(type)) return
        const size = sizeOf(type.shape)
        const root = reusableInput(step, position, id, size, type.dtype, slots, lastUse, plan, isIo, outputIds) ?? id
        slots[id] = { dtype: type.dtype, shape: type.shape, size, root }
        if (root === id) firstUse.set(id, position)
        lastUse.set(root, Math.max(lastUse.get(root) ?? 0, plan.lastUse[id], position))
      })
    }
    live.push({ step, position, isStatic })
  })
  for (const id of outputIds) {
    const slot = slots[id]
    if (slot !== undefined) isIo.add(slot.root)
  }

  const layout = layOut(slots, firstUse, lastUse, isIo)
  const views = new Map<number, MutableView>()
  slots.forEach((slot, id) => {
    if (slot === undefined) return
    const data = slot.dtype === 'string' ? new Array<string>(slot.size).fill('') : []
    const view: MutableView = { dtype: slot.dtype, shape: slot.shape, size: slot.size, data }
    views.set(id, view)
    frame[id] = view
  })

  const steps = live.map(({ step, isStatic }): BoundStep => {
    const inputs = step.inputs.map((id) => {
      const value = id < 0 ? undefined : frame[id]
      return isView(value) ? value : undefined
    })
    const late = step.inputs.flatMap((id, i) => (id >= 0 && inputs[i] === undefined ? [i] : []))
    if (!isStatic) return { step, inputs, outputs: [], late }
    const outputs = step.outputs.map((id) => (id < 0 ? undefined : views.get(id)))
    // A preferred kernel may need its arguments in the device's memory, which values of the caller are not in.
    const kernel = step.schema.alias ? copyKernel : late.length > 0 ? step.cpuKernel : step.kernel
    return { step, kernel, inputs, outputs, late }
  })

  return {
    inputTypes: inputTypes.map((type) => (isTensorType(type) ? type : undefined)),
    frame,
    steps,
    activationBytes: layout.activationBytes,
    ioBytes: layout.ioBytes,
    attach(activations, io) {
      for (const [id, view] of views) {
        if (view.dtype === 'string') continue
        const slot = slots[id]
        if (slot === undefined) continue
        const memory = isIo.has(slot.root) ? io : activations
        view.data = viewKernelData(view.dtype, memory.buffer, memory.byteOffset + (layout.offsets.get(slot.root) ?? 0), view.size)
      }
    },
  }
}

/** Output memory of an alias step that cannot share: plain copy. */
const copyKernel: Kernel = (inputs, outputs) => {
  const source = inputs[0]
  const target = outputs[0]
  if (source === undefined || target === undefined) return
  if (Array.isArray(target.data)) for (let i = 0; i < target.size; i++) target.data[i] = source.data[i] as string
  else (target.data as Uint8Array).set(source.data as Uint8Array)
}

export { copyKernel }

/** Computes a value that shape rules read, if its inputs are known now; true when the step need not run any more. */
function foldShapeValue(
  step: Step,
  inputs: readonly (ValueType | undefined)[],
  outputs: readonly ValueType[],
  plan: Plan,
  known: (View | undefined)[],
  frame: (Value | undefined)[],
): boolean {
  const id = step.outputs[0]
  if (step.outputs.length !== 1 || !plan.shapeValues.has(id)) return false
  const type = outputs[0]
  if (!isConcrete(type) || type.dtype === 'string') return false
  let view: View
  const own = step.schema.valueFromTypes?.({ op: step.node.op, attributes: step.node.attributes, inputs, values: [], outputCount: 1 })
  if (own !== undefined) view = viewOfTensor(own)
  else {
    const values = step.inputs.map((input) => (input < 0 ? undefined : known[input]))
    if (step.inputs.some((input, i) => input >= 0 && values[i] === undefined)) return false
    if (step.schema.alias) view = { ...cloneView(values[0] as View), shape: type.shape }
    else if (step.cpuKernel !== undefined) {
      view = allocateView(type.dtype, type.shape)
      step.cpuKernel(values, [view])
    } else return false
  }
  known[id] = view
  frame[id] = view
  return true
}

/** The storage of an input that ends its life in this step and may be overwritten by its output. */
function reusableInput(
  step: Step,
  position: number,
  output: number,
  size: number,
  dtype: DType,
  slots: readonly (Slot | undefined)[],
  lastUse: ReadonlyMap<number, number>,
  plan: Plan,
  isIo: ReadonlySet<number>,
  outputIds: ReadonlySet<number>,
): number | undefined {
  if (!step.schema.inPlace || outputIds.has(output) || dtype === 'string') return undefined
  for (const id of step.inputs) {
    const slot = id < 0 ? undefined : slots[id]
    if (slot === undefined || isIo.has(slot.root) || slot.dtype !== dtype || slot.size !== size) continue
    if (plan.lastUse[id] !== position || (lastUse.get(slot.root) ?? 0) > position) continue
    if (step.inputs.filter((other) => other >= 0 && slots[other]?.root === slot.root).length > 1) continue
    return slot.root
  }
  return undefined
}

function layOut(
  slots: readonly (Slot | undefined)[],
  firstUse: ReadonlyMap<number, number>,
  lastUse: ReadonlyMap<number, number>,
  isIo: ReadonlySet<number>,
): { offsets: Map<number, number>; activationBytes: number; ioBytes: number } {
  const offsets = new Map<number, number>()
  let ioBytes = 0
  for (const root of isIo) {
    const slot = slots[root]
    if (slot === undefined) continue
    offsets.set(root, ioBytes)
    ioBytes += alignUp(slot.size * bytesPerElement(slot.dtype))
  }
  const roots: number[] = []
  const lifetimes: Lifetime[] = []
  slots.forEach((slot, id) => {
    if (slot === undefined || slot.root !== id || isIo.has(id)) return
    roots.push(id)
  })
  roots.sort((a, b) => (firstUse.get(a) ?? 0) - (firstUse.get(b) ?? 0))
  for (const id of roots) {
    const slot = slots[id]
    if (slot === undefined) throw new MleError('INTERNAL', 'a planned value has no slot')
    lifetimes.push({ bytes: slot.size * bytesPerElement(slot.dtype), first: firstUse.get(id) ?? 0, last: lastUse.get(id) ?? 0 })
  }
  const placement = place(lifetimes)
  roots.forEach((id, i) => offsets.set(id, placement.offsets[i]))
  return { offsets, activationBytes: placement.totalBytes, ioBytes }
}
