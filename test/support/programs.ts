// Random graphs, and an evaluator that gives each value memory of its own: what planned memory is compared with.
import fc from 'fast-check'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph, Node } from '../../src/graph/graph.ts'
import { inferNode } from '../../src/graph/infer.ts'
import { heapScratch } from '../../src/graph/scratch.ts'
import { allocateView, cloneView, opKey, tensorOfView, viewOfTensor, type View } from '../../src/ops/kernel.ts'
import type { OperatorSet } from '../../src/ops/packs.ts'
import { isTensorType } from '../../src/ops/types.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'

/** Columns of every matrix at the start; the random operators change them. */
export const COLUMNS = 4

/** One random step: which operator, and numbers that choose its operands among the values so far. */
export interface Choice {
  readonly op: string
  readonly a: number
  readonly b: number
}

const ROW_WISE = [
  'Neg', 'Relu', 'Tanh', 'Identity', 'Add', 'Sub', 'Mul', 'Max', 'AddRow', 'MatMul', 'Gemm', 'Softmax', 'ReduceSum', 'ReduceMean', 'Concat', 'Slice', 'Gather', 'Reshape', 'Where', 'Sum3', 'ArgMax', 'Clip',
  'TopK', 'CumSum', 'Split', 'Unsqueeze', 'Pad', 'Tile',
]
const ACROSS_ROWS = ['SoftmaxRows', 'SumRows', 'TransposeSquare', 'ConcatRows', 'ReverseRows', 'FlattenAll']

export function arbitraryProgram(across: boolean, maxLength: number = 14): fc.Arbitrary<Choice[]> {
  const op = across ? fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...ROW_WISE) }, { weight: 1, arbitrary: fc.constantFrom(...ACROSS_ROWS) }) : fc.constantFrom(...ROW_WISE)
  return fc.array(fc.record({ op, a: fc.nat(1000), b: fc.nat(1000) }), { minLength: 1, maxLength })
}

/**
 * The graph of a program on X ['batch', 4] in float64. Every value is a matrix again; operands whose widths differ are cut to
 * the smaller. The last value and those that `outputs` picks become outputs.
 */
export function programGraph(program: readonly Choice[], outputs: readonly number[] = []): Graph {
  const b = graphBuilder()
  const constant = (values: Tensor): string => b.constant(values)
  const int64 = (...values: number[]): string => constant(tensor(BigInt64Array.from(values, BigInt)))
  const ramp = (...shape: number[]): string => constant(tensor(Float64Array.from({ length: shape.reduce((p, d) => p * d, 1) }, (_, i) => ((i * 7) % 5) - 1.5), shape))
  const values: { name: string; columns: number }[] = [{ name: b.input('X', { dtype: 'float64', shape: ['batch', COLUMNS] }), columns: COLUMNS }]
  const cut = ({ name, columns }: { name: string; columns: number }, width: number): string => (columns === width ? name : b.add('Slice', [name, int64(0), int64(width), int64(1)]))
  for (const { op, a: first, b: second } of program) {
    const x = values[first % values.length]
    const other = values[second % values.length]
    const width = Math.min(x.columns, other.columns)
    const push = (name: string, columns: number): number => values.push({ name, columns })
    if (op === 'Neg' || op === 'Relu' || op === 'Tanh' || op === 'Identity' || op === 'Softmax') push(b.add(op, [x.name]), x.columns)
    else if (op === 'Add' || op === 'Sub' || op === 'Mul' || op === 'Max') push(b.add(op, [cut(x, width), cut(other, width)]), width)
    else if (op === 'Sum3') push(b.add('Sum', [cut(x, width), cut(other, width), cut(x, width)]), width)
    else if (op === 'AddRow') push(b.add('Add', [x.name, ramp(x.columns)]), x.columns)
    else if (op === 'MatMul') push(b.add('MatMul', [x.name, ramp(x.columns, 3)]), 3)
    else if (op === 'Gemm') push(b.add('Gemm', [x.name, ramp(2, x.columns), ramp(2)], { transB: 1 }), 2)
    else if (op === 'ReduceSum' || op === 'ReduceMean') push(b.add(op, [x.name, int64(1)]), 1)
    else if (op === 'Concat' && x.columns + other.columns <= 12) push(b.add('Concat', [x.name, other.name], { axis: 1 }), x.columns + other.columns)
    else if (op === 'Slice' && x.columns > 1) push(b.add('Slice', [x.name, int64(-1), int64(-100), int64(1), int64(-1)]), x.columns)
    else if (op === 'Gather') push(b.add('Gather', [x.name, int64(0, -1, 0)], { axis: 1 }), 3)
    else if (op === 'Reshape') push(b.add('Reshape', [b.add('Neg', [b.add('Reshape', [x.name, int64(-1, 1, x.columns)])]), int64(0, x.columns)]), x.columns)
    else if (op === 'Unsqueeze') push(b.add('Squeeze', [b.add('Relu', [b.add('Unsqueeze', [x.name, int64(1)])]), int64(1)]), x.columns)
    else if (op === 'Where') push(b.add('Where', [b.add('Greater', [cut(x, width), constant(tensor(0))]), cut(x, width), cut(other, width)]), width)
    else if (op === 'ArgMax') push(b.add('Cast', [b.add('ArgMax', [x.name], { axis: 1 })], { to: 'float64' }), 1)
    else if (op === 'Clip') push(b.add('Clip', [x.name, constant(tensor(-1)), constant(tensor(1))]), x.columns)
    else if (op === 'TopK') push(b.addMany('TopK', [x.name, int64(1)], 2)[0], 1)
    else if (op === 'CumSum') push(b.add('CumSum', [x.name, constant(tensor(BigInt64Array.of(1n), []))]), x.columns)
    else if (op === 'Split' && x.columns > 1) push(b.addMany('Split', [x.name], 2, { axis: 1 })[0], Math.ceil(x.columns / 2))
    else if (op === 'Pad') push(b.add('Pad', [x.name, int64(0, 1, 0, 0)]), x.columns + 1)
    else if (op === 'Tile' && x.columns <= 4) push(b.add('Tile', [x.name, int64(1, 2)]), 2 * x.columns)
    else if (op === 'SoftmaxRows') push(b.add('Softmax', [x.name], { axis: 0 }), x.columns)
    else if (op === 'SumRows') push(b.add('Sub', [x.name, b.add('ReduceSum', [x.name, int64(0)])]), x.columns)
    else if (op === 'TransposeSquare') push(b.add('MatMul', [x.name, b.add('MatMul', [b.add('Transpose', [x.name]), x.name])]), x.columns)
    else if (op === 'ConcatRows') push(b.add('Slice', [b.add('Concat', [ramp(1, x.columns), x.name], { axis: 0 }), int64(0), int64(-1), int64(0)]), x.columns)
    else if (op === 'ReverseRows') push(b.add('Slice', [x.name, int64(-1), int64(-1000), int64(0), int64(-1)]), x.columns)
    else if (op === 'FlattenAll') push(b.add('Neg', [b.add('Reshape', [b.add('Flatten', [x.name], { axis: 0 }), int64(-1, x.columns)])]), x.columns)
  }
  const last = values.length - 1
  const wanted = [...new Set([...outputs.map((i) => i % values.length), last])]
  wanted.forEach((i) => b.output(`out${i}`, values[i].name, { dtype: 'float64' }))
  return b.build()
}

/** Every value of a graph, each in memory that nothing else uses. */
export function evaluateApart(graph: Graph, feeds: ReadonlyMap<string, Tensor>, { schemas, cpu }: OperatorSet): Map<string, View> {
  const views = new Map<string, View>()
  for (const [name, given] of [...graph.initializers, ...feeds]) views.set(name, cloneView(viewOfTensor(given)))
  graph.nodes.forEach((node, index) => {
    evaluateNode(node, index, views, schemas, cpu).forEach((view, i) => views.set(node.outputs[i], view))
  })
  return views
}

function evaluateNode(node: Node, index: number, views: ReadonlyMap<string, View>, schemas: OperatorSet['schemas'], cpu: OperatorSet['cpu']): View[] {
  const key = opKey(node.domain, node.op)
  const schema = schemas.get(key)
  if (schema === undefined) throw new TypeError(`no schema of ${key}`)
  const inputs = node.inputs.map((name) => views.get(name))
  const types = inferNode(schema, node, index, inputs, inputs.map((view) => view && tensorOfView(view)))
  const outputs = node.outputs.map((_, i) => {
    const type = types[i]
    if (!isTensorType(type) || type.shape === undefined) throw new TypeError(`${key} has no shape`)
    return allocateView(type.dtype, type.shape.map(Number))
  })
  if (schema.alias) return outputs.map((output) => ({ ...cloneView(inputs[0] as View), shape: output.shape }))
  const entry = cpu.get(key)
  if (entry === undefined || !('make' in entry)) throw new TypeError(`no kernel of ${key}`)
  const context = { op: node.op, attributes: node.attributes, inputTypes: inputs, outputTypes: types, constants: inputs.map(() => undefined), scratch: heapScratch() }
  entry.make(context)(inputs, outputs)
  return outputs
}

/** Rows of X for a program. */
export function arbitraryRows(min: number, max: number): fc.Arbitrary<Tensor> {
  const item = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -3, max: 3, noNaN: true }))
  return fc.integer({ min, max }).chain((rows) => fc.array(item, { minLength: rows * COLUMNS, maxLength: rows * COLUMNS }).map((items) => tensor(Float64Array.from(items), [rows, COLUMNS])))
}
