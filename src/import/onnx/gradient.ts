// Gradient (ai.onnx.preview.training): derivatives of one value by others, as nodes that go from it back through the graph.
import type { Attribute } from '../../ops/types.ts'
import { tensor } from '../../tensor/index.ts'
import type { Node } from '../../graph/graph.ts'
import { int64s, type Draft, type DraftNode } from './draft.ts'
import type { Upgrade } from './node-edits.ts'
import { onnxError } from './tensors.ts'

type Attributes = Readonly<Record<string, Attribute>>

/** Adds one node and returns its output. */
type Emit = (op: string, inputs: readonly string[], attributes?: Attributes) => string

interface Step {
  readonly node: Node
  /** Derivative by the node's output. */
  readonly g: string
  readonly emit: Emit
  readonly draft: Draft
}

/** Derivatives by each input of a node; undefined where there is none. */
type Rule = (step: Step) => readonly (string | undefined)[]

const number = ({ emit, draft }: Pick<Step, 'emit' | 'draft'>, value: number, like: string): string => emit('CastLike', [draft.constant(tensor(Float32Array.of(value), []), 'number'), like])

/** Sums over the axes along which `like` was broadcast. */
function sumTo({ emit, draft }: Pick<Step, 'emit' | 'draft'>, g: string, like: string): string {
  const [whole, own] = [emit('Shape', [g]), emit('Shape', [like])]
  const axis = draft.constant(int64s([0]), 'axis')
  const missing = emit('Unsqueeze', [emit('Sub', [emit('Size', [whole]), emit('Size', [own])]), axis])
  const ones = emit('ConstantOfShape', [missing], { value: { kind: 'tensor', value: int64s([1]) } })
  const padded = emit('Concat', [ones, own], { axis: { kind: 'int', value: 0 } })
  const axes = emit('Squeeze', [emit('NonZero', [emit('Not', [emit('Equal', [padded, whole])])]), axis])
  return emit('Reshape', [emit('ReduceSum', [g, axes], { noop_with_empty_axes: { kind: 'int', value: 1 } }), own])
}

const shaped: Rule = ({ node, g, emit }) => [emit('Reshape', [g, emit('Shape', [node.inputs[0]])])]

/** The derivative of a sum over axes, spread over them again. */
function spread(step: Step): string {
  const { node, g, emit } = step
  const attributes: Attributes = { ...Object.fromEntries(node.attributes), keepdims: { kind: 'int', value: 1 } }
  return emit('Expand', [emit('Reshape', [g, emit('Shape', [emit(node.op, node.inputs, attributes)])]), emit('Shape', [node.inputs[0]])])
}

const RULES: ReadonlyMap<string, Rule> = /* @__PURE__ */ new Map<string, Rule>([
  ['Identity', ({ g }) => [g]],
  ['Neg', ({ g, emit }) => [emit('Neg', [g])]],
  ['Add', (step) => step.node.inputs.map((input) => sumTo(step, step.g, input))],
  ['Sum', (step) => step.node.inputs.map((input) => sumTo(step, step.g, input))],
  ['Sub', (step) => [sumTo(step, step.g, step.node.inputs[0]), sumTo(step, step.emit('Neg', [step.g]), step.node.inputs[1])]],
  ['Mul', (step) => {
    const [a, b] = step.node.inputs
    return [sumTo(step, step.emit('Mul', [step.g, b]), a), sumTo(step, step.emit('Mul', [step.g, a]), b)]
  }],
  ['Div', (step) => {
    const { g, emit, node: { inputs: [a, b], outputs: [y] } } = step
    const quotient = emit('Div', [g, b])
    return [sumTo(step, quotient, a), sumTo(step, emit('Neg', [emit('Mul', [quotient, y])]), b)]
  }],
  ['Pow', (step) => {
    const { g, emit, node: { inputs: [x, power] } } = step
    const exponent = emit('CastLike', [power, x])
    return [sumTo(step, emit('Mul', [g, emit('Mul', [exponent, emit('Pow', [x, emit('Sub', [exponent, number(step, 1, x)])])])]), x), undefined]
  }],
  ['MatMul', (step) => {
    const [a, b] = step.node.inputs
    const product = (equation: string, ...inputs: string[]): string => step.emit('Einsum', inputs, { equation: { kind: 'string', value: equation } })
    return [sumTo(step, product('...ij,...kj->...ik', step.g, b), a), sumTo(step, product('...ki,...kj->...ij', a, step.g), b)]
  }],
  ['Exp', ({ g, emit, node }) => [emit('Mul', [g, node.outputs[0]])]],
  ['Log', ({ g, emit, node }) => [emit('Div', [g, node.inputs[0]])]],
  ['Sqrt', (step) => [step.emit('Div', [step.g, step.emit('Mul', [step.node.outputs[0], number(step, 2, step.g)])])]],
  ['Reciprocal', ({ g, emit, node: { outputs: [y] } }) => [emit('Neg', [emit('Mul', [g, emit('Mul', [y, y])])])]],
  ['Tanh', (step) => {
    const [y] = step.node.outputs
    return [step.emit('Mul', [step.g, step.emit('Sub', [number(step, 1, y), step.emit('Mul', [y, y])])])]
  }],
  ['Sigmoid', (step) => {
    const [y] = step.node.outputs
    return [step.emit('Mul', [step.g, step.emit('Mul', [y, step.emit('Sub', [number(step, 1, y), y])])])]
  }],
  ['Relu', (step) => [step.emit('Where', [step.emit('Greater', [step.node.inputs[0], number(step, 0, step.g)]), step.g, number(step, 0, step.g)])]],
  ['Abs', ({ g, emit, node }) => [emit('Mul', [g, emit('Sign', [node.inputs[0]])])]],
  ['Sin', ({ g, emit, node }) => [emit('Mul', [g, emit('Cos', [node.inputs[0]])])]],
  ['Cos', ({ g, emit, node }) => [emit('Neg', [emit('Mul', [g, emit('Sin', [node.inputs[0]])])])]],
  ['Reshape', shaped], ['Flatten', shaped], ['Squeeze', shaped], ['Unsqueeze', shaped],
  ['Transpose', ({ node, g, emit }) => {
    const perm = node.attributes.get('perm')
    if (perm?.kind !== 'ints') return [emit('Transpose', [g])]
    return [emit('Transpose', [g], { perm: { kind: 'ints', value: perm.value.map((_, axis) => perm.value.indexOf(axis)) } })]
  }],
  ['ReduceSum', (step) => [spread(step)]],
  ['ReduceMean', (step) => {
    const { emit, node: { inputs: [x], outputs: [y] } } = step
    return [emit('Div', [spread(step), emit('CastLike', [emit('Div', [emit('Size', [x]), emit('Size', [y])]), x])])]
  }],
])

function texts(node: DraftNode, name: string): readonly string[] {
  const value = node.attributes.get(name)
  return value?.kind === 'strings' ? value.value : []
}

export const gradient: Upgrade = (node, { draft }) => {
  const where = `Gradient ${node.name ?? ''}`
  const xs = texts(node, 'xs')
  const fixed = [...xs, ...texts(node, 'zs')]
  const target = node.attributes.get('y')
  if (target?.kind !== 'string' || xs.length === 0 || node.inputs.length !== fixed.length) throw onnxError('ONNX_ATTRIBUTE', `${where} has ${node.inputs.length} inputs for ${fixed.length} names, or no y`)
  const emit: Emit = (op, inputs, attributes = {}) => {
    const name = draft.fresh(op.toLowerCase())
    draft.emit({ op, domain: 'ai.onnx', inputs, outputs: [name], attributes: new Map(Object.entries(attributes)) })
    return name
  }

  // The nodes between, computed again for the values at hand.
  const values = new Map(fixed.map((name, i) => [name, node.inputs[i]]))
  const path = pathTo(target.value, new Set(fixed), new Set(xs), draft)
  const copies = path.map((one): Node => {
    const copy = { ...one, inputs: one.inputs.map((name) => values.get(name) ?? name), outputs: one.outputs.map((name) => draft.fresh(name)) }
    one.outputs.forEach((name, i) => values.set(name, copy.outputs[i]))
    draft.emit(copy)
    return copy
  })
  const y = values.get(target.value) ?? target.value
  const slopes = new Map<string, string>()
  const add = (name: string, slope: string): void => {
    const before = slopes.get(name)
    slopes.set(name, before === undefined ? slope : emit('Add', [before, slope]))
  }
  add(y, emit('CastLike', [emit('ConstantOfShape', [emit('Shape', [y])], { value: { kind: 'tensor', value: tensor(Float32Array.of(1)) } }), y]))
  for (const copy of copies.toReversed()) {
    const g = slopes.get(copy.outputs[0])
    if (g === undefined) continue
    const rule = copy.domain === 'ai.onnx' ? RULES.get(copy.op) : undefined
    if (rule === undefined) throw onnxError('ONNX_GRADIENT', `${where}: the derivative of operator ${copy.op} is not known`)
    rule({ node: copy, g, emit, draft }).forEach((slope, i) => slope !== undefined && add(copy.inputs[i], slope))
  }
  xs.forEach((name, i) => {
    const x = values.get(name) ?? name
    const slope = slopes.get(x) ?? emit('Mul', [x, number({ emit, draft }, 0, x)])
    if (node.outputs[i] !== undefined && node.outputs[i] !== '') draft.emit({ op: 'Identity', domain: 'ai.onnx', inputs: [slope], outputs: [node.outputs[i]], attributes: new Map() })
  })
}

/** The nodes that `y` depends on through one of `xs`, in order; values in `fixed` are taken as given. */
function pathTo(y: string, fixed: ReadonlySet<string>, xs: ReadonlySet<string>, draft: Draft): readonly Node[] {
  const depends = new Set(xs)
  const candidates = draft.nodes.filter((node) => {
    const isNeeded = node.inputs.some((name) => depends.has(name)) && !node.outputs.some((name) => fixed.has(name))
    if (isNeeded) node.outputs.forEach((name) => depends.add(name))
    return isNeeded
  })
  const wanted = new Set([y])
  const kept: Node[] = []
  for (const node of candidates.toReversed()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue
    node.inputs.forEach((name) => wanted.add(name))
    kept.unshift(node)
  }
  return kept
}
