// Builds the graph of a network node by node, with the type of every value known as it is made: what layers are written with.
import { graphBuilder, type AttributeInput, type GraphBuilder } from '../../graph/builder.ts'
import type { Graph, Metadata } from '../../graph/graph.ts'
import { MleError } from '../../error.ts'
import { schemaOf } from '../../ops/registry.ts'
import { isTensorType, type Attribute, type Dim, type TensorType, type ValueType } from '../../ops/types.ts'
import type { DType, Tensor } from '../../tensor/index.ts'

/** A tensor in the graph that is being built. */
export interface Value {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly Dim[]
}

type Attributes = Readonly<Record<string, AttributeInput>>

export interface Net {
  /** What floats are computed in. */
  readonly dtype: DType
  readonly builder: GraphBuilder
  input(name: string, dtype: DType, shape: readonly Dim[]): Value
  /** A constant; small ones are known to shape rules. */
  constant(tensor: Tensor, hint?: string): Value
  /** Adds an operator with one output; undefined stands for an optional input left out. */
  emit(op: string, inputs: readonly (Value | undefined)[], attributes?: Attributes): Value
  emitMany(op: string, inputs: readonly (Value | undefined)[], count: number, attributes?: Attributes): Value[]
  /** The same value with dimensions that the caller knows better than the shape rules. */
  retyped(value: Value, shape: readonly Dim[]): Value
  /** A graph inside this one, for Scan; it may use this one's values. Its own are passed to `make`. */
  subgraph(inputs: readonly { readonly dtype: DType; readonly shape: readonly Dim[] }[], make: (net: Net, inputs: Value[]) => Value[]): { graph: Attribute; types: TensorType[] }
  /** Adds a Scan over `sequences` along axis 1, in the order of time or against it; returns final states, then sequences of outputs [batch, time, ...]. */
  scan(states: readonly Value[], sequences: readonly Value[], reverse: boolean, step: (net: Net, states: Value[], slices: Value[]) => { states: Value[]; outputs: Value[] }): { states: Value[]; outputs: Value[] }
  output(name: string, value: Value): void
  build(metadata: Metadata): Graph
  /** Counts a layer or an operator; throws IMPORT_LIMIT past what any real network has: models called by models multiply (CWE-776). */
  count(): void
  /** What layers remember about values by name: a channels-first copy of a channels-last value. */
  readonly twins: Map<string, Value>
}

/** Constants up to this size are looked at by shape rules. */
const MAX_KNOWN = 1024
/** Layers and operators; the largest published networks have some ten thousand. */
const MAX_STEPS = 250_000

interface Shared {
  readonly known: Map<string, Tensor>
  bodies: number
  steps: number
}

/** Starts a network whose floats are of one dtype. */
export function createNet(dtype: DType): Net {
  return netOver(graphBuilder(), dtype, undefined, { known: new Map(), bodies: 0, steps: 0 })
}

function netOver(builder: GraphBuilder, dtype: DType, root: Net | undefined, shared: Shared): Net {
  const { known } = shared
  const countStep = (): void => {
    if (++shared.steps > MAX_STEPS) throw new MleError('IMPORT_LIMIT', `the network has more than ${MAX_STEPS} layers and operators; models that call each other multiply`, { expected: MAX_STEPS })
  }
  const emitTyped = (op: string, inputs: readonly (Value | undefined)[], count: number, attributes: Attributes, bodies?: ReadonlyMap<string, readonly TensorType[]>): Value[] => {
    countStep()
    const schema = schemaOf(op)
    const entries = new Map<string, Attribute>()
    for (const [name, value] of Object.entries(attributes)) {
      const declared = schema.attributes.find((one) => one.name === name)
      if (declared !== undefined) entries.set(name, isAttribute(value) ? value : ({ kind: declared.kind, value } as Attribute))
    }
    const types = schema.infer({
      op: schema.name,
      attributes: entries,
      inputs: inputs.map((one) => (one === undefined ? undefined : { dtype: one.dtype, shape: one.shape })),
      values: inputs.map((one) => (one === undefined ? undefined : known.get(one.name))),
      outputCount: count,
      bodies,
    })
    const names = builder.addMany(op, inputs.map((one) => one?.name ?? ''), count, attributes)
    return names.map((name, i) => ({ name, ...tensorTypeOf(types[i], op) }))
  }
  const net: Net = {
    dtype,
    builder,
    count: countStep,
    twins: new Map(),
    input: (name, type, shape) => ({ name: builder.input(name, { dtype: type, shape }), dtype: type, shape }),
    constant(value, hint) {
      if (root !== undefined) return root.constant(value, hint)
      const name = builder.constant(value, hint)
      if (value.data.length <= MAX_KNOWN) known.set(name, value)
      return { name, dtype: value.dtype, shape: value.shape }
    },
    emit: (op, inputs, attributes = {}) => emitTyped(op, inputs, 1, attributes)[0],
    emitMany: (op, inputs, count, attributes = {}) => emitTyped(op, inputs, count, attributes),
    retyped: (value, shape) => ({ ...value, shape }),
    subgraph(inputs, make) {
      const prefix = `body${shared.bodies++}/`
      const inner = netOver(graphBuilder(prefix), dtype, root ?? net, shared)
      const values = make(inner, inputs.map((type, i) => inner.input(`${prefix}in.${i}`, type.dtype, type.shape)))
      values.forEach((value, i) => inner.output(`${prefix}out.${i}`, value))
      return { graph: { kind: 'graph', value: inner.build({}) }, types: values.map((value) => ({ dtype: value.dtype, shape: value.shape })) }
    },
    scan(states, sequences, reverse, step) {
      const axis = 1
      const slices = sequences.map((one) => ({ dtype: one.dtype, shape: one.shape.filter((_, i) => i !== axis) }))
      let outputCount = 0
      const { graph, types } = net.subgraph([...states, ...slices], (inner, values) => {
        const result = step(inner, values.slice(0, states.length), values.slice(states.length))
        outputCount = result.outputs.length
        return [...result.states, ...result.outputs]
      })
      const ones = (count: number, value: number): number[] => new Array<number>(count).fill(value)
      const outputs = emitTyped('Scan', [...states, ...sequences], states.length + outputCount, {
        body: graph,
        num_scan_inputs: sequences.length,
        scan_input_axes: ones(sequences.length, axis),
        scan_output_axes: ones(outputCount, axis),
        ...(reverse ? { scan_input_directions: ones(sequences.length, 1), scan_output_directions: ones(outputCount, 1) } : {}),
      }, new Map([['body', types]]))
      const time = sequences[0].shape[axis]
      const batch = sequences[0].shape[0]
      return {
        states: outputs.slice(0, states.length).map((one, i) => ({ ...one, shape: states[i].shape })),
        outputs: outputs.slice(states.length).map((one, i) => ({ ...one, shape: [batch, time, ...(types[states.length + i].shape ?? []).slice(1)] })),
      }
    },
    output: (name, value) => builder.output(name, value.name, { dtype: value.dtype, shape: value.shape }),
    build: (metadata) => builder.build(metadata),
  }
  return net
}

function tensorTypeOf(type: ValueType, op: string): { dtype: DType; shape: readonly Dim[] } {
  if (!isTensorType(type) || type.shape === undefined) throw new MleError('IMPORT_RANK', `operator ${op} gives a tensor whose number of dimensions the file does not say; export the model to ONNX and import that`)
  return { dtype: type.dtype, shape: type.shape }
}

function isAttribute(value: AttributeInput): value is Attribute {
  return typeof value === 'object' && value !== null && 'kind' in value
}
