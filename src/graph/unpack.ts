// Weights that a file stores in fewer bits, made whole again when the model is loaded: constants behind Cast and DequantizeLinear. Kernels
// then see constants, which they prepare once, and a run costs what it would with the original weights. The same numbers as the operators give.
import type { Attribute, Attributes } from '../ops/types.ts'
import { bfloatToFloat, halfToFloat } from '../tensor/half.ts'
import { isNumericArray, type Tensor } from '../tensor/tensor.ts'
import type { Graph, Node } from './graph.ts'

/** The version of Add that the graph's nodes have after import. */
const ADD_VERSION = 14

function isPacked({ op, domain, inputs }: Node, initializers: Graph['initializers']): boolean {
  return (op === 'Cast' || op === 'DequantizeLinear') && (domain === 'ai.onnx' || domain === '') && inputs.every((name) => name === '' || initializers.has(name))
}

/**
 * The graph with the results of such nodes as constants. Subgraphs keep their nodes: they are seldom large.
 *
 * @param keepBytes weights of so many bytes and more, as float32, stay as they are stored where products read them, which then are WeightMatMul
 */
export function unpackWeights(given: Graph, { keepBytes = Infinity }: { readonly keepBytes?: number } = {}): Graph {
  const graph = keepBytes === Infinity ? given : keepPacked(given, keepBytes)
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

/** The graph with products by large packed weights as nodes that read these: what a run computes does not change. */
function keepPacked(graph: Graph, least: number): Graph {
  const producers = new Map(graph.nodes.filter((node) => isPacked(node, graph.initializers)).map((node) => [node.outputs[0], node]))
  return { ...graph, nodes: graph.nodes.flatMap((node) => packedProduct(node, producers.get(node.inputs[1]), graph.initializers, least) ?? [node]) }
}

/** undefined where a node is no product of float32 by weights that can stay packed. */
function packedProduct(node: Node, producer: Node | undefined, initializers: ReadonlyMap<string, Tensor>, least: number): Node[] | undefined {
  if (producer === undefined || node.domain !== 'ai.onnx' || (node.op !== 'MatMul' && node.op !== 'Gemm')) return undefined
  const w = initializers.get(producer.inputs[0])
  const isTransposed = node.op === 'Gemm' && node.attributes.get('transB')?.value === 1
  const isPlain = [...node.attributes].every(([name, { value }]) => (name === 'transB' ? true : name === 'transA' ? value === 0 : (name === 'alpha' || name === 'beta') && value === 1))
  if (w === undefined || w.shape.length !== 2 || w.data.length * 4 < least || !isPlain) return undefined
  const isHalf = producer.op === 'Cast'
  const dtypes = isHalf ? ['float16', 'bfloat16'] : ['int8', 'uint8']
  if (!dtypes.includes(w.dtype) || (isHalf && textOf(producer.attributes, 'to') !== 'float32')) return undefined
  const scales = isHalf ? undefined : initializers.get(producer.inputs[1])
  if (!isHalf) {
    const axis = Number(producer.attributes.get('axis')?.value ?? 1)
    const columns = isTransposed ? 0 : 1
    if (scales?.dtype !== 'float32' || scales.shape.length > 1 || [...producer.attributes.keys()].some((name) => name !== 'axis')) return undefined
    if (scales.data.length > 1 && ((axis < 0 ? axis + 2 : axis) !== columns || scales.data.length !== w.shape[columns])) return undefined
  }
  const bias = node.op === 'Gemm' ? (node.inputs[2] ?? '') : ''
  const [output] = node.outputs
  // Gemm adds what MatMul and Add add, in the same order.
  const product = bias === '' ? output : `${output}~product`
  const attributes = new Map<string, Attribute>(isTransposed ? [['transB', { kind: 'int', value: 1 }]] : [])
  const made: Node[] = [{ ...node, op: 'WeightMatMul', domain: 'mle', version: 1, inputs: [node.inputs[0], ...producer.inputs], outputs: [product], attributes }]
  if (bias !== '') made.push({ op: 'Add', domain: 'ai.onnx', version: ADD_VERSION, name: node.name, inputs: [product, bias], outputs: [output], attributes: new Map() })
  return made
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
