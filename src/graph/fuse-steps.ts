// Steps that a device's kernel of a product computes along with it: a row of biases, a residual, bounds (Relu, Clip), in this order. Each result has the bits
// that the steps had one after the other, and is written once. Values that anything else reads, graph outputs among them, are computed as they were.
import type { Epilogue, Kernel, View } from '../ops/kernel.ts'
import type { InferContext, OpSchema } from '../ops/schema.ts'
import { isTensorType, type TensorType, type ValueType } from '../ops/types.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Step } from './plan.ts'

/** What fusing asks of a plan's values, by number. */
export interface PlannedValues {
  readonly types: readonly (ValueType | undefined)[]
  readonly constants: ReadonlyMap<number, Tensor>
  readonly outputs: readonly number[]
}

/** A step that follows; its inputs as positions among those of the fused step: -1 is the result so far, undefined an input left out. */
interface Follower {
  readonly step: Step
  readonly from: readonly (number | undefined)[]
}

interface Chain {
  readonly followers: Follower[]
  /** Inputs of the fused step. */
  readonly inputs: number[]
  epilogue: Epilogue
}

/** The steps with chains joined, each at the place of its product. */
export function fuseSteps(steps: readonly Step[], values: PlannedValues): readonly Step[] {
  const readers = readersOf(steps, values.outputs)
  const madeAt = new Map<number, number>()
  steps.forEach(({ outputs }, position) => outputs.forEach((id) => madeAt.set(id, position)))
  const joined = new Set<Step>()
  const fused = new Map<Step, Step>()
  // From the last on, so that a sum of two products goes to the one whose other operand is there.
  for (let position = steps.length - 1; position >= 0; position--) {
    const step = steps[position]
    if (step.kernel?.fuse === undefined) continue
    const chain = chainFrom(step, values, readers, (id) => (madeAt.get(id) ?? -1) < position)
    if (chain.followers.length === 0) continue
    for (const { step: follower } of chain.followers) joined.add(follower)
    fused.set(step, fusedStep(step, chain))
  }
  return fused.size === 0 ? steps : steps.filter((step) => !joined.has(step)).map((step) => fused.get(step) ?? step)
}

/** The only step that reads a value; undefined where there are several reads, or others. */
function readersOf(steps: readonly Step[], outputs: readonly number[]): ReadonlyMap<number, Step | undefined> {
  const readers = new Map<number, Step | undefined>()
  for (const step of steps) {
    for (const id of step.inputs) readers.set(id, readers.has(id) ? undefined : step)
    for (const id of step.captures) readers.set(id, undefined)
  }
  for (const id of outputs) readers.set(id, undefined)
  return readers
}

function chainFrom(step: Step, values: PlannedValues, readers: ReadonlyMap<number, Step | undefined>, isThere: (id: number) => boolean): Chain {
  const chain: Chain = { followers: [], inputs: ownInputs(step), epilogue: {} }
  let [value] = step.outputs
  for (let next = readers.get(value); next !== undefined; next = readers.get(value)) {
    const epilogue = extended(chain, next, value, step.kernel?.fuse?.addsRows === true, values, isThere)
    if (epilogue === undefined) break
    const result = value
    chain.epilogue = epilogue
    chain.followers.push({ step: next, from: next.inputs.map((id) => (id < 0 ? undefined : id === result ? -1 : chain.inputs.push(id) - 1)) })
    ;[value] = next.outputs
  }
  return chain
}

/** All that the operator may have; what is added comes behind. */
function ownInputs({ inputs, schema }: Step): number[] {
  return schema.inputs.map((_, i) => inputs[i] ?? -1)
}

/** The epilogue with one more step, if that is one that follows. */
function extended({ epilogue, inputs }: Chain, step: Step, value: number, addsRows: boolean, { types, constants }: PlannedValues, isThere: (id: number) => boolean): Epilogue | undefined {
  const type = types[value]
  // What a kernel of the device's reads is in the device's memory.
  if (!isTensorType(type) || step.kernel === step.cpuKernel || step.node.domain !== 'ai.onnx' || epilogue.bounds !== undefined) return undefined
  if (step.node.op !== 'Add') {
    const bounds = boundsOf(step, value, constants)
    return bounds && { ...epilogue, bounds }
  }
  const other = step.inputs[0] === value ? step.inputs[1] : step.inputs[0]
  const added = types[other]
  if (other === value || epilogue.residual !== undefined || !isTensorType(added)) return undefined
  if (addsRows && epilogue.row === undefined && constants.has(other) && isRowOf(added, type)) return { ...epilogue, row: inputs.length }
  return isThere(other) && sameShape(added, type) ? { ...epilogue, residual: inputs.length } : undefined
}

function isRowOf({ shape }: TensorType, of: TensorType): boolean {
  return shape?.length === 1 && typeof shape[0] === 'number' && shape[0] > 1 && of.shape !== undefined && of.shape.length > 1 && of.shape[of.shape.length - 1] === shape[0]
}

/** Equal dimensions, symbols included. */
function sameShape(a: TensorType, b: TensorType): boolean {
  return a.shape !== undefined && b.shape !== undefined && a.shape.length === b.shape.length && a.shape.every((dim, i) => dim !== null && dim === b.shape?.[i])
}

/** What Relu and Clip by constants keep their input within. */
function boundsOf({ node, inputs }: Step, value: number, constants: ReadonlyMap<number, Tensor>): Epilogue['bounds'] {
  if (inputs[0] !== value) return undefined
  if (node.op === 'Relu') return [0, Infinity]
  if (node.op !== 'Clip') return undefined
  const bound = (id: number | undefined, none: number): number => (id === undefined || id < 0 ? none : Number(constants.get(id)?.data[0] ?? NaN))
  const [low, high] = [bound(inputs[1], -Infinity), bound(inputs[2], Infinity)]
  return Number.isNaN(low) || Number.isNaN(high) || Object.is(high, -0) ? undefined : [low, high]
}

function fusedStep(step: Step, { followers, inputs, epilogue }: Chain): Step {
  const { kernel, cpuKernel } = step
  if (kernel?.fuse === undefined || cpuKernel === undefined) throw new TypeError('a step without kernels was fused')
  return {
    ...step,
    inputs,
    outputs: followers[followers.length - 1].step.outputs,
    schema: fusedSchema(step, followers),
    kernel: kernel.fuse(epilogue),
    cpuKernel: inTurn(cpuKernel, step.schema.inputs.length, followers),
  }
}

/** Shapes and rows as the steps had them one after the other. */
function fusedSchema({ schema }: Step, followers: readonly Follower[]): OpSchema {
  const count = schema.inputs.length
  const own = (context: InferContext): InferContext => ({ ...context, inputs: context.inputs.slice(0, count), values: context.values.slice(0, count) })
  const contextOf = ({ step: { node }, from }: Follower, given: readonly (ValueType | undefined)[], result: ValueType): InferContext => {
    const types = from.map((i) => (i === undefined ? undefined : i < 0 ? result : given[i]))
    return { op: node.op, attributes: node.attributes, inputs: types, values: types.map(() => undefined), outputCount: 1 }
  }
  return {
    ...schema,
    infer(context) {
      let [result] = schema.infer(own(context))
      for (const follower of followers) [result] = follower.step.schema.infer(contextOf(follower, context.inputs, result))
      return [result]
    },
    rowWise(context, carriesRows) {
      if (schema.rowWise?.(own(context), carriesRows.slice(0, count)) !== true) return false
      let [result] = schema.infer(own(context))
      return followers.every((follower) => {
        const next = contextOf(follower, context.inputs, result)
        ;[result] = follower.step.schema.infer(next)
        return follower.step.schema.rowWise?.(next, follower.from.map((i) => i !== undefined && (i < 0 || carriesRows[i]))) === true
      })
    },
  }
}

/** cpu's kernels one after the other, the later ones over the result of the first, for values that are not in the device's memory. */
function inTurn(first: Kernel, count: number, followers: readonly Follower[]): Kernel {
  const own: (View | undefined)[] = []
  const given: (View | undefined)[][] = followers.map(() => [])
  return (inputs, outputs) => {
    for (let i = 0; i < count; i++) own[i] = inputs[i]
    first(own, outputs)
    for (let i = 0; i < followers.length; i++) {
      const { step, from } = followers[i]
      from.forEach((at, j) => (given[i][j] = at === undefined ? undefined : at < 0 ? outputs[0] : inputs[at]))
      step.cpuKernel?.(given[i], outputs)
    }
  }
}
