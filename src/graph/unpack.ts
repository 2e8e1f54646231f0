// Weights that a file stores in fewer bits, made whole again when the model is loaded: constants behind Cast and DequantizeLinear. Kernels
// then see constants, which they prepare once, and a run costs what it would with the original weights. The same numbers as the operators give.
import type { Attributes } from '../ops/types.ts'
import { bfloatToFloat, halfToFloat } from '../tensor/half.ts'
import { isNumericArray, type Tensor } from '../tensor/tensor.ts'
import type { Graph, Node } from './graph.ts'

function isPacked({ op, domain, inputs }: Node, initializers: Graph['initializers']): boolean {
  return (op === 'Cast' || op === 'DequantizeLinear') && (domain === 'ai.onnx' || domain === '') && inputs.every((name) => name === '' || initializers.has(name))
}

/** The graph with the results of such nodes as constants. Subgraphs keep their nodes: they are seldom large. */
export function unpackWeights(graph: Graph): Graph {
  const initializers = new Map(graph.initializers)
  const nodes: Node[] = []
  for (const node of graph.nodes) {
    const tensor = isPacked(node, initializers) ? unpacked(node, initializers) : undefined
    if (tensor === undefined) nodes.push(node)
    else initializers.set(node.outputs[0], tensor)
  }
  return { ...graph, nodes, initializers: withoutUnused(graph, nodes, initializers) }
}

function unpacked({ op, inputs, attributes }: Node, initializers: ReadonlyMap<string, Tensor>): Tensor | undefined {
  const x = initializers.get(inputs[0])
  if (x === undefined) return undefined
  if (op === 'Cast') return widened(x, textOf(attributes, 'to'))
  const scale = initializers.get(inputs[1])
  return scale === undefined ? undefined : dequantized(x, scale, initializers.get(inputs[2] ?? ''), attributes)
}

const textOf = (attributes: Attributes, name: string): unknown => attributes.get(name)?.value

/** A wider float of a narrower one: exact. Others are left to the operator. */
function widened({ dtype, shape, data }: Tensor, to: unknown): Tensor | undefined {
  if (!isNumericArray(data) || (to !== 'float32' && to !== 'float64')) return undefined
  const out = to === 'float32' ? new Float32Array(data.length) : new Float64Array(data.length)
  if (data instanceof Uint16Array && dtype === 'float16') for (let i = 0; i < out.length; i++) out[i] = halfToFloat(data[i])
  else if (data instanceof Uint16Array && dtype === 'bfloat16') for (let i = 0; i < out.length; i++) out[i] = bfloatToFloat(data[i])
  else if (data instanceof Float32Array && to === 'float64') out.set(data)
  else return undefined
  return { dtype: to, shape, data: out }
}

function dequantized(x: Tensor, scale: Tensor, zero: Tensor | undefined, attributes: Attributes): Tensor | undefined {
  const { data, shape } = x
  const small = (tensor: Tensor): tensor is Tensor & { readonly data: Int8Array | Uint8Array } => (tensor.dtype === 'int8' && tensor.data instanceof Int8Array) || (tensor.dtype === 'uint8' && tensor.data instanceof Uint8Array)
  if (!small(x) || (zero !== undefined && !small(zero)) || scale.shape.length > 1 || [...attributes.keys()].some((name) => name !== 'axis')) return undefined
  if (!(scale.data instanceof Float32Array) && !(scale.data instanceof Float64Array)) return undefined
  const given = Number(attributes.get('axis')?.value ?? 1)
  const axis = scale.shape.length === 0 ? 0 : given < 0 ? given + shape.length : given
  const channels = scale.data.length
  if (scale.shape.length === 1 && shape[axis] !== channels) return undefined
  const inner = scale.shape.length === 0 ? data.length : shape.slice(axis + 1).reduce((product, dim) => product * dim, 1)
  const out = scale.data instanceof Float32Array ? new Float32Array(data.length) : new Float64Array(data.length)
  for (let i = 0; i < out.length; i++) {
    const channel = Math.floor(i / inner) % channels
    out[i] = (Number(data[i]) - (zero === undefined ? 0 : Number(zero.data[channel]))) * scale.data[channel]
  }
  return { dtype: scale.dtype, shape, data: out }
}

/** Constants that only unpacked nodes read are dropped: their memory is given back. */
function withoutUnused(graph: Graph, nodes: readonly Node[], initializers: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const used = new Set(graph.outputs.map(({ name }) => name))
  const visit = (list: readonly Node[]): void => {
    for (const { inputs, attributes } of list) {
      for (const name of inputs) used.add(name)
      for (const attribute of attributes.values()) {
        if (attribute.kind !== 'graph') continue
        const body = attribute.value as Graph
        visit(body.nodes)
        for (const { name } of body.outputs) used.add(name)
      }
    }
  }
  visit(nodes)
  return new Map([...initializers].filter(([name]) => used.has(name)))
}
