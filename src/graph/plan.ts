// From a graph to an ordered list of steps for a set of outputs: kernels chosen once, values numbered, lifetimes known.
// Shapes come later, in bind.ts.
import { MleError } from '../error.ts'
import {
  cloneView, opKey, viewOfTensor,
  type HostKernel, type Kernel, type KernelContext, type KernelEntry, type KernelTable, type PreferredEntry, type PreferredTable, type Scratch, type SubgraphRunner, type Value, type View,
} from '../ops/kernel.ts'
import type { InferContext, OpSchema } from '../ops/schema.ts'
import { isTensorType, type ValueType } from '../ops/types.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Graph, Node } from './graph.ts'
import type { WeightStore } from './device.ts'
import type { fuseSteps } from './fuse-steps.ts'
import { atNode, inferTypes, isPropagated, nodeLabel, scopeOf, type GraphTypes, type OuterScope } from './infer.ts'
import { capturedNames, subgraphsOf } from './subgraphs.ts'

/** One operator application with its kernel and its values by number; -1 stands for an optional one left out. */
export interface Step {
  readonly node: Node
  readonly index: number
  readonly schema: OpSchema
  /** Node inputs. */
  readonly inputs: readonly number[]
  readonly outputs: readonly number[]
  /** Values of this plan that the step's subgraphs read besides their own inputs. */
  readonly captures: readonly number[]
  /** Positions of the inputs whose values the shape rule may want. */
  readonly valueInputs: readonly number[]
  /** True when a shape rule, or a step that computes for one, reads an output. */
  readonly makesShape: boolean
  /** The preferred kernel, and the cpu kernel that runs where values are not in the device's memory. */
  readonly kernel?: Kernel
  readonly cpuKernel?: Kernel
  readonly host?: HostKernel
  readonly bodies: readonly Body[]
}

/** A subgraph of a step: its plan and, set by the executor before the step runs, its captured values. */
export interface Body {
  readonly plan: Plan
  /** For each capture of the plan, its value number in the plan around it. */
  readonly from: readonly number[]
  captured: readonly (Value | undefined)[]
  /** Set by the executor before the step runs. */
  runner?: SubgraphRunner
}

export interface Plan {
  /** Value number -> name, for messages. */
  readonly names: readonly string[]
  readonly types: readonly (ValueType | undefined)[]
  readonly inputs: readonly number[]
  /** Outer values that a subgraph's plan reads; empty for a model's own plan. */
  readonly captures: readonly number[]
  readonly captureNames: readonly string[]
  readonly outputs: readonly number[]
  readonly constants: ReadonlyMap<number, Tensor>
  /** Constants as kernels read them: in the device's memory where one of its kernels does, else the graph's arrays. */
  readonly constantViews: ReadonlyMap<number, View>
  /** Constants that shape rules may want by value; on the heap, where no growth of a memory detaches them. */
  readonly smallConstants: ReadonlyMap<number, View>
  readonly steps: readonly Step[]
  /** Position in `steps` of the last read of each value; steps.length for outputs, -1 for never. */
  readonly lastUse: readonly number[]
  /** Values whose contents shape rules need: computed at bind time where possible. */
  readonly shapeValues: ReadonlySet<number>
  /** The symbol of the row dimension if the whole plan is row independent. */
  readonly rowSymbol?: string
}

/** What planning needs to know of the device. */
export interface PlanTarget {
  readonly schemas: ReadonlyMap<string, OpSchema>
  readonly cpu: KernelTable
  /** Kernels preferred over cpu's, such as wasm's. */
  readonly preferred?: PreferredTable
  /** Where the device's kernels read constants; the graph's own memory if absent. */
  readonly weights?: WeightStore
  readonly scratch: Scratch
  /** Joins steps whose kernels compute what follows them. */
  readonly fuse?: typeof fuseSteps
}

/**
 * Plans the computation of `outputNames`, leaving out every node they do not need.
 *
 * @throws MleError GRAPH_OUTPUT for an unknown output name, GRAPH_OPERATOR and GRAPH_KERNEL for what this version cannot compute
 */
export function planGraph(graph: Graph, outputNames: readonly string[], target: PlanTarget): Plan {
  return planTyped(graph, outputNames, target, inferTypes(graph, target.schemas), undefined)
}

function planTyped(graph: Graph, outputNames: readonly string[], target: PlanTarget, inferred: GraphTypes, outer: OuterScope | undefined): Plan {
  const scope = scopeOf(graph, inferred.types, outer)
  const needed = neededNodes(graph, outputNames)
  const ids = new Map<string, number>()
  const names: string[] = []
  const idOf = (name: string): number => {
    if (name === '') return -1
    let id = ids.get(name)
    if (id === undefined) {
      id = names.length
      ids.set(name, id)
      names.push(name)
    }
    return id
  }

  // Constants of the graphs around a subgraph are its own constants: kernels may prepare them, shape rules read them.
  const captureNames = outer === undefined ? [] : capturedNames(graph).filter((name) => outer.constantOf(name) === undefined)
  const captures = captureNames.map(idOf)
  const inputs = graph.inputs.map((input) => idOf(input.name))
  const constants = new Map<number, Tensor>()
  /** In the graph's arrays, which nothing detaches: kernels of cpu may keep what they find there. */
  const ownViews = new Map<number, View>()
  const placedViews = new Map<number, View>()
  const valueOf = (name: string): number => {
    const id = idOf(name)
    const tensor = id < 0 || constants.has(id) ? undefined : scope.constantOf(name)
    if (tensor !== undefined) {
      constants.set(id, tensor)
      ownViews.set(id, viewOfTensor(tensor))
    }
    return id
  }
  /** A constant where a kernel of the device reads it. */
  const placed = (id: number): View | undefined => {
    const tensor = constants.get(id)
    if (tensor === undefined || target.weights === undefined) return ownViews.get(id)
    const view = target.weights.view(tensor)
    placedViews.set(id, view)
    return view
  }

  const made: Step[] = []
  for (const index of needed) {
    const node = graph.nodes[index]
    const key = opKey(node.domain, node.op)
    const schema = target.schemas.get(key)
    if (schema === undefined) throw new MleError('GRAPH_OPERATOR', `graph ${nodeLabel(node, index)}: unknown operator`)
    const inputIds = node.inputs.map(valueOf)
    const cpu = target.cpu.get(key)
    // Making the kernels before this one may have grown the memory under the constants.
    target.weights?.refresh()
    const context: KernelContext = {
      op: node.op,
      attributes: node.attributes,
      inputTypes: node.inputs.map((name) => scope.typeOf(name)),
      outputTypes: node.outputs.map((name) => scope.typeOf(name)),
      constants: inputIds.map((id) => ownViews.get(id)),
      scratch: target.scratch,
    }
    const bodies = subgraphsOf(node).map(({ name, graph: body }) => {
      const types = inferred.bodies.get(node)?.get(name)
      if (types === undefined) throw new MleError('INTERNAL', 'a subgraph was not inferred')
      const plan = planTyped(body, body.outputs.map((output) => output.name), target, types, scope)
      return { name, body: { plan, from: plan.captureNames.map(idOf), captured: [] } as Body }
    })
    if (cpu === undefined && !schema.alias) throw new MleError('GRAPH_KERNEL', `graph ${nodeLabel(node, index)}: the cpu backend has no kernel for it`)
    try {
      made.push({
        node,
        index,
        schema,
        inputs: inputIds,
        outputs: node.outputs.map(idOf),
        captures: [...new Set(bodies.flatMap(({ body }) => body.from))],
        valueInputs: [],
        makesShape: false,
        bodies: bodies.map(({ body }) => body),
        ...makeKernels(cpu, context, target.preferred?.get(key), (i) => placed(inputIds[i]), new Map(bodies.map(({ name, body }) => [name, body]))),
      })
    } catch (error) {
      throw atNode(error, node, index)
    }
  }

  const outputs = outputNames.map(valueOf)
  const types = names.map((name) => scope.typeOf(name))
  const steps = target.fuse?.(made, { types, constants, outputs }) ?? made
  const shapeValues = valuesNeededByShapes(steps)
  return {
    names,
    types,
    inputs,
    captures,
    captureNames,
    outputs,
    constants,
    constantViews: new Map([...ownViews, ...placedViews]),
    smallConstants: new Map([...constants].filter(([id, tensor]) => shapeValues.has(id) && isPropagated(tensor)).map(([id, tensor]) => [id, cloneView(viewOfTensor(tensor))])),
    steps: steps.map((step) => ({
      ...step,
      valueInputs: step.inputs.flatMap((id, i) => (step.schema.valueInputs?.includes(i) || shapeValues.has(id) ? [i] : [])),
      makesShape: step.outputs.some((id) => shapeValues.has(id)),
    })),
    lastUse: lastUses(names.length, steps, outputs),
    shapeValues,
    rowSymbol: outer === undefined ? rowSymbolOf(graph, inputs, outputs, steps, inferred.types, names, constants) : undefined,
  }
}

/** @param placed gives the constant at an input where a preferred kernel reads it */
function makeKernels(
  cpu: KernelEntry | undefined,
  context: KernelContext,
  preferred: PreferredEntry | undefined,
  placed: (input: number) => View | undefined,
  bodies: ReadonlyMap<string, Body>,
): Pick<Step, 'kernel' | 'cpuKernel' | 'host'> {
  if (cpu === undefined) return {}
  if ('makeHost' in cpu) return { host: cpu.makeHost(context) }
  if ('makeControl' in cpu) {
    const runners = new Map<string, SubgraphRunner>()
    for (const [name, body] of bodies) {
      runners.set(name, (inputs) => {
        if (body.runner === undefined) throw new TypeError('subgraph was not prepared by an executor')
        return body.runner(inputs)
      })
    }
    return { host: cpu.makeControl(context, runners) }
  }
  // Beside a preferred kernel, cpu's runs rarely: it prepares its copy of the weights only then.
  let made: Kernel | undefined
  const fallback: Kernel = (inputs, outputs) => (made ??= cpu.make(context))(inputs, outputs)
  const kernel = preferred?.make({ ...context, constants: context.constants.map((own, i) => (preferred.packs?.includes(i) ? own : placed(i))) }, fallback)
  if (kernel !== undefined) return { kernel, cpuKernel: fallback }
  const cpuKernel = cpu.make(context)
  return { cpuKernel, kernel: cpuKernel }
}

/** Indices of the nodes that the outputs depend on, in graph order. */
function neededNodes(graph: Graph, outputNames: readonly string[]): number[] {
  const producer = new Map<string, number>()
  graph.nodes.forEach((node, index) => node.outputs.forEach((name) => name !== '' && producer.set(name, index)))
  const known = new Set<string>([...graph.inputs.map((input) => input.name), ...graph.initializers.keys()])
  const needed = new Set<number>()
  const pending: string[] = []
  for (const name of outputNames) {
    if (!graph.outputs.some((output) => output.name === name)) {
      throw new MleError('GRAPH_OUTPUT', `the model has no output ${JSON.stringify(name)}; it has ${graph.outputs.map((o) => o.name).join(', ')}`, { actual: name })
    }
    pending.push(name)
  }
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (known.has(name)) continue
    const index = producer.get(name)
    if (index === undefined || needed.has(index)) continue
    needed.add(index)
    const node = graph.nodes[index]
    for (const input of node.inputs) if (input !== '') pending.push(input)
    for (const { graph: body } of subgraphsOf(node)) pending.push(...capturedNames(body))
  }
  return [...needed].sort((a, b) => a - b)
}

function lastUses(count: number, steps: readonly Step[], outputs: readonly number[]): number[] {
  const last = new Array<number>(count).fill(-1)
  steps.forEach((step, position) => {
    for (const id of step.inputs) if (id >= 0) last[id] = position
    for (const id of step.captures) last[id] = position
  })
  for (const id of outputs) last[id] = steps.length
  return last
}

/** Backward closure of every input that some shape rule reads by value. */
function valuesNeededByShapes(steps: readonly Step[]): Set<number> {
  const needed = new Set<number>()
  for (const step of steps) for (const position of step.schema.valueInputs ?? []) if (step.inputs[position] >= 0) needed.add(step.inputs[position])
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i]
    if (!step.outputs.some((id) => needed.has(id)) || step.schema.valueFromTypes !== undefined) continue
    for (const id of step.inputs) if (id >= 0) needed.add(id)
  }
  return needed
}

/** The row symbol if every step keeps rows apart and every output carries them; see OpSchema.rowWise. */
function rowSymbolOf(
  graph: Graph,
  inputs: readonly number[],
  outputs: readonly number[],
  steps: readonly Step[],
  types: ReadonlyMap<string, ValueType>,
  names: readonly string[],
  constants: ReadonlyMap<number, Tensor>,
): string | undefined {
  const first = graph.inputs.find((input) => isTensorType(input.type))
  const symbol = isTensorType(first?.type) ? first.type.shape?.[0] : undefined
  if (typeof symbol !== 'string') return undefined
  const carries = new Set<number>()
  for (let i = 0; i < inputs.length; i++) {
    const type = graph.inputs[i].type
    if (!isTensorType(type) || type.shape?.[0] !== symbol || type.shape.indexOf(symbol, 1) >= 0) return undefined
    carries.add(inputs[i])
  }
  for (const step of steps) {
    const carriesRows = step.inputs.map((id) => carries.has(id))
    if (step.captures.some((id) => carries.has(id))) return undefined
    if (!carriesRows.some(Boolean)) continue
    const context: InferContext = {
      op: step.node.op,
      attributes: step.node.attributes,
      inputs: step.inputs.map((id) => (id < 0 ? undefined : types.get(names[id]))),
      values: step.inputs.map((id) => {
        const tensor = constants.get(id)
        return tensor !== undefined && isPropagated(tensor) ? tensor : undefined
      }),
      outputCount: step.outputs.length,
    }
    if (step.schema.rowWise?.(context, carriesRows) !== true) return undefined
    for (const id of step.outputs) if (id >= 0) carries.add(id)
  }
  return outputs.every((id) => carries.has(id)) ? symbol : undefined
}
