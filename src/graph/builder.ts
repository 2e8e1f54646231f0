// Builds a Graph node by node: what importers call.
import { MleError } from '../error.ts'
import type { Attribute, ValueType } from '../ops/types.ts'
import { signatureOf } from '../ops/signatures.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Graph, Metadata, Node, ValueInfo } from './graph.ts'

/** Attribute values as importers write them; the operator's signature decides the kind. */
export type AttributeInput = number | string | readonly number[] | readonly string[] | Tensor | Attribute

/** The name of a value in the graph being built. */
export type ValueName = string

export interface GraphBuilder {
  /** Declares a graph input. */
  input(name: string, type: ValueType, sourceDtype?: string): ValueName
  /** Adds a constant and returns its name; the same tensor object is stored once. */
  constant(tensor: Tensor, hint?: string): ValueName
  /** Adds an operator with one output. `inputs` may hold '' for optional ones left out. */
  add(op: string, inputs: readonly ValueName[], attributes?: Readonly<Record<string, AttributeInput>>): ValueName
  /** Adds an operator with several outputs. */
  addMany(op: string, inputs: readonly ValueName[], outputCount: number, attributes?: Readonly<Record<string, AttributeInput>>): ValueName[]
  /** Declares a graph output under its public name. */
  output(name: string, value: ValueName, type: ValueType, sourceDtype?: string): void
  build(metadata?: Metadata): Graph
}

/**
 * Starts an empty graph. `add` takes operator keys: 'Gemm', 'mle.TreeEnsemble', 'ai.onnx.ml.Scaler'.
 *
 * @param prefix begins inner names, so that a subgraph's own never hide those of the graphs around it
 */
export function graphBuilder(prefix: string = ''): GraphBuilder {
  const inputs: ValueInfo[] = []
  const outputs: ValueInfo[] = []
  const nodes: Node[] = []
  const initializers = new Map<string, Tensor>()
  const names = new Map<Tensor, string>()
  const taken = new Set<string>()
  const counts = new Map<string, number>()

  const fresh = (hint: string): string => {
    // Inner names carry a dot and a number, so that they never take the public name of an output declared later.
    let n = counts.get(hint) ?? 0
    while (taken.has(`${prefix}${hint}.${n}`)) n++
    counts.set(hint, n + 1)
    const name = `${prefix}${hint}.${n}`
    taken.add(name)
    return name
  }

  const addMany: GraphBuilder['addMany'] = (op, nodeInputs, outputCount, attributes = {}) => {
    const signature = signatureOf(op)
    const entries = new Map<string, Attribute>()
    for (const [name, value] of Object.entries(attributes)) {
      const declared = signature.attributes.find((a) => a.name === name)
      if (declared === undefined) throw new MleError('GRAPH_ATTRIBUTE', `operator ${op} has no attribute ${name}`)
      entries.set(name, isAttribute(value) ? value : ({ kind: declared.kind, value } as Attribute))
    }
    const nodeOutputs: string[] = []
    for (let i = 0; i < outputCount; i++) nodeOutputs.push(fresh(outputCount === 1 ? signature.name.toLowerCase() : `${signature.name.toLowerCase()}_${signature.outputs[i]?.name ?? i}`))
    nodes.push({ op: signature.name, domain: signature.domain, version: signature.version, inputs: nodeInputs, outputs: nodeOutputs, attributes: entries })
    return nodeOutputs
  }

  return {
    input(name, type, sourceDtype) {
      if (taken.has(name)) throw new MleError('GRAPH_NAME', `graph input ${JSON.stringify(name)} is declared twice`)
      taken.add(name)
      inputs.push({ name, type, sourceDtype })
      return name
    },
    constant(tensor, hint = 'constant') {
      const known = names.get(tensor)
      if (known !== undefined) return known
      const name = fresh(hint)
      names.set(tensor, name)
      initializers.set(name, tensor)
      return name
    },
    add: (op, nodeInputs, attributes) => addMany(op, nodeInputs, 1, attributes)[0],
    addMany,
    output(name, value, type, sourceDtype) {
      // An output carries its public name: an Identity costs nothing, the optimizer removes it.
      if (value !== name) {
        if (taken.has(name)) throw new MleError('GRAPH_NAME', `graph output ${JSON.stringify(name)} collides with another value`)
        taken.add(name)
        nodes.push({ op: 'Identity', domain: 'ai.onnx', version: signatureOf('Identity').version, inputs: [value], outputs: [name], attributes: new Map() })
      }
      outputs.push({ name, type, sourceDtype })
    },
    build: (metadata = {}) => ({ inputs, outputs, nodes, initializers, metadata }),
  }
}

function isAttribute(value: AttributeInput): value is Attribute {
  return typeof value === 'object' && value !== null && 'kind' in value
}
