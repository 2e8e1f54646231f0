// Files that the container has nothing against, but whose graph is wrong; and right models with inputs that do not fit.
import type { Graph, Node, ValueInfo } from '../../src/graph/graph.ts'
import type { Attributes } from '../../src/ops/types.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'

export interface Refusal {
  readonly name: string
  readonly what: string
  readonly graph: Graph
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly error: string
}

const f32 = (values: readonly number[], shape?: readonly number[]): Tensor => tensor(Float32Array.from(values), shape)
const NONE: Attributes = new Map()

function node(op: string, inputs: readonly string[], outputs: readonly string[], more: Partial<Node> = {}): Node {
  return { op, domain: 'ai.onnx', version: 14, inputs, outputs, attributes: NONE, ...more }
}

const info = (name: string, shape: readonly (number | string)[] = ['n']): ValueInfo => ({ name, type: { dtype: 'float32', shape } })

const TEXTS = (name: string): ValueInfo => ({ name, type: { dtype: 'string', shape: ['n'] } })

function graph(nodes: readonly Node[], more: Partial<Graph> = {}): Graph {
  return { inputs: [info('x')], outputs: [info('y')], nodes, initializers: new Map(), metadata: {}, ...more }
}

const X = { x: f32([1, 2]) }
const add = graph([node('Add', ['x', 'x'], ['y'])])

export function refusals(): readonly Refusal[] {
  return [
    { name: 'operator-unknown', what: 'an operator that nobody has', graph: graph([node('Abracadabra', ['x'], ['y'])]), inputs: X, error: 'GRAPH_OPERATOR' },
    { name: 'domain-unknown', what: 'an operator of a domain that nobody has', graph: graph([node('Add', ['x', 'x'], ['y'], { domain: 'example' })]), inputs: X, error: 'GRAPH_OPERATOR' },
    { name: 'version-newer', what: 'a version of an operator that is not published', graph: graph([node('Add', ['x', 'x'], ['y'], { version: 9999 })]), inputs: X, error: 'GRAPH_VERSION' },
    { name: 'name-of-prototype', what: 'an operator named like a property of objects', graph: graph([node('constructor', ['x'], ['y'])]), inputs: X, error: 'GRAPH_OPERATOR' },
    { name: 'dtypes-differ', what: 'inputs of two dtypes where one is asked for', graph: graph([node('Add', ['x', 'w'], ['y'])], { initializers: new Map([['w', tensor(Float64Array.of(1))]]) }), inputs: X, error: 'OP_DTYPE' },
    { name: 'broadcast', what: 'constant shapes that do not broadcast', graph: graph([node('Add', ['x', 'w'], ['y'])], { inputs: [info('x', [2])], initializers: new Map([['w', f32([1, 2, 3])]]) }), inputs: X, error: 'SHAPE_BROADCAST' },
    { name: 'broadcast-at-run', what: 'shapes that do not broadcast, known only with the inputs', graph: graph([node('Add', ['x', 'w'], ['y'])], { initializers: new Map([['w', f32([1, 2, 3])]]) }), inputs: X, error: 'SHAPE_BROADCAST' },
    { name: 'matmul-inner', what: 'a matrix product whose inner dimensions differ', graph: graph([node('MatMul', ['x', 'w'], ['y'], { version: 13 })], { inputs: [info('x', ['n', 2])], initializers: new Map([['w', f32([1, 2, 3], [3, 1])]]) }), inputs: { x: f32([1, 2], [1, 2]) }, error: 'OP_DIMENSION' },
    { name: 'axis-outside', what: 'an axis that the input does not have', graph: graph([node('Softmax', ['x'], ['y'], { version: 13, attributes: new Map([['axis', { kind: 'int', value: 1 }]]) })]), inputs: X, error: 'OP_AXIS' },
    { name: 'index-outside', what: 'an index outside the data', graph: graph([node('Gather', ['x', 'w'], ['y'], { version: 13 })], { initializers: new Map([['w', tensor(BigInt64Array.of(0n, 2n))]]) }), inputs: X, error: 'OP_INDEX' },
    { name: 'condition', what: 'data that break a condition of the model', graph: graph([node('IsNaN', ['x'], ['bad'], { version: 20 }), node('Not', ['bad'], ['good'], { version: 1 }), node('Require', ['x', 'good'], ['y'], { domain: 'mle', version: 1, attributes: new Map([['message', { kind: 'string', value: 'no missing values' }]]) })]), inputs: { x: f32([1, NaN]) }, error: 'OP_REQUIRE' },
    { name: 'input-rank', what: 'an input of another rank than the graph says', graph: add, inputs: { x: f32([1, 2, 3, 4], [1, 2, 2]) }, error: 'INPUT_SHAPE' },
    { name: 'input-dimension', what: 'an input of another size than the graph says', graph: graph([node('Add', ['x', 'x'], ['y'])], { inputs: [info('x', ['n', 3])], outputs: [info('y', ['n', 3])] }), inputs: { x: f32([1, 2, 3, 4], [2, 2]) }, error: 'INPUT_SHAPE' },
    { name: 'input-numbers', what: 'numbers where texts are asked for', graph: graph([node('Identity', ['x'], ['y'], { version: 25 })], { inputs: [TEXTS('x')], outputs: [TEXTS('y')] }), inputs: X, error: 'INPUT_DTYPE' },
    { name: 'input-symbols', what: 'two inputs that share a symbolic dimension and differ in it', graph: graph([node('Concat', ['x', 'z'], ['y'], { version: 13, attributes: new Map([['axis', { kind: 'int', value: 0 }]]) })], { inputs: [info('x'), info('z')], outputs: [info('y', [])] }), inputs: { x: f32([1, 2]), z: f32([1, 2, 3]) }, error: 'INPUT_SHAPE' },
  ]
}
