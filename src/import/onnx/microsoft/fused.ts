// Operators of com.microsoft that fuse a few of ai.onnx, as onnxruntime's optimizers and exporters write them.
import { int64s } from '../draft.ts'
import { outputOf, type Lowering } from '../lowering.ts'
import { onnxError } from '../tensors.ts'

type Lower = (lowering: Lowering) => void

/** The same operator in ai.onnx. */
const renamed = (key: string): Lower => ({ node, draft }) => draft.emit({ ...node, op: key, domain: 'ai.onnx' })

/** Sums of the inputs that are there. */
export function sum({ add }: Lowering, ...terms: readonly (string | undefined)[]): string {
  const given = terms.filter((term): term is string => term !== undefined && term !== '')
  return given.slice(1).reduce((total, term) => add('Add', [total, term]), given[0])
}

const gelu = (approximate: 'none' | 'tanh'): Lower => (lowering) => {
  const [x, bias] = lowering.node.inputs
  lowering.add('Gelu', [sum(lowering, x, bias)], { approximate }, lowering.node.outputs[0])
}

const quickGelu: Lower = ({ node, add, like, number }) => {
  const [x] = node.inputs
  add('Mul', [x, add('Sigmoid', [add('Mul', [x, like(number('alpha', 1.702), x)])])], {}, node.outputs[0])
}

const swapped = ({ add }: Lowering, x: string, swaps: boolean): string => (swaps ? add('Einsum', [x], { equation: '...ij->...ji' }) : x)

const fusedMatMul: Lower = (lowering) => {
  const { node, add, like, number } = lowering
  if (number('transBatchA', 0) !== 0 || number('transBatchB', 0) !== 0) throw onnxError('ONNX_ATTRIBUTE', `${node.op} ${node.name ?? ''} moves its batch (transBatchA, transBatchB), which is not supported`)
  const [a, b] = [swapped(lowering, node.inputs[0], number('transA', 0) !== 0), swapped(lowering, node.inputs[1], number('transB', 0) !== 0)]
  const alpha = number('alpha', 1)
  if (alpha === 1) add('MatMul', [a, b], {}, node.outputs[0])
  else add('Mul', [add('MatMul', [a, b]), like(alpha, node.inputs[0])], {}, node.outputs[0])
}

/** The function that a fused product ends with; its parameters are attributes, or a list of them. */
function activated({ node, add, like, number, text, floats }: Lowering, y: string): void {
  const name = text('activation', '')
  const [first, second] = floats('activation_params') ?? []
  const alpha = first ?? number('activation_alpha', NaN)
  const beta = second ?? number('activation_beta', NaN)
  const [output] = node.outputs
  if (name === 'Clip') add('Clip', [y, like(first ?? -Infinity, y), like(second ?? Infinity, y)], {}, output)
  else if (name === 'LeakyRelu' || name === 'Elu') add(name, [y], Number.isNaN(alpha) ? {} : { alpha }, output)
  else if (name === 'HardSigmoid') add(name, [y], { ...(Number.isNaN(alpha) ? {} : { alpha }), ...(Number.isNaN(beta) ? {} : { beta }) }, output)
  else if (['Relu', 'Sigmoid', 'Tanh', 'Softplus', 'Softsign', 'Gelu'].includes(name)) add(name, [y], {}, output)
  else throw onnxError('ONNX_ATTRIBUTE', `${node.op} ${node.name ?? ''} has activation ${JSON.stringify(name)}, which is not known`)
}

/** Conv or Gemm, a sum with a further input where there is one, and an activation. */
const fusedProduct = (key: 'Conv' | 'Gemm'): Lower => (lowering) => {
  const { node, draft } = lowering
  const attributes = new Map([...node.attributes].filter(([name]) => !name.startsWith('activation')))
  const [product, rest] = key === 'Conv' ? [node.inputs.slice(0, 3), node.inputs[3]] : [node.inputs, undefined]
  const y = draft.fresh('product')
  draft.emit({ ...node, op: key, domain: 'ai.onnx', inputs: product, outputs: [y], attributes })
  if (node.attributes.has('activation')) activated(lowering, sum(lowering, y, rest))
  else lowering.add('Identity', [sum(lowering, y, rest)], {}, node.outputs[0])
}

/** Layer normalization of input + skip + bias, and that sum as the fourth output. */
const skipLayerNormalization = (simplified: boolean): Lower => (lowering) => {
  const { node, add, addAll, number } = lowering
  const [input, skip, gamma, beta, bias] = simplified ? [node.inputs[0], node.inputs[1], node.inputs[2], undefined, node.inputs[3]] : node.inputs
  const total = sum(lowering, input, skip, bias)
  const epsilon = number('epsilon', 1e-12)
  if (simplified) add('RMSNormalization', [total, gamma], { axis: -1, epsilon }, node.outputs[0])
  else addAll('LayerNormalization', [total, gamma, beta ?? ''], { axis: -1, epsilon }, node.outputs.slice(0, 3))
  const whole = outputOf(lowering, 3)
  if (whole !== undefined) add('Identity', [total], {}, whole)
}

const simplifiedLayerNormalization: Lower = ({ node, add, number }) => {
  add('RMSNormalization', node.inputs.slice(0, 2), { axis: number('axis', -1), epsilon: number('epsilon', 1e-5) }, node.outputs[0])
}

/** Words, positions and segments looked up, added and normalized; then how many places of each row the mask counts. */
const embedLayerNormalization: Lower = (lowering) => {
  const { node, add, addAll, constant, draft, number } = lowering
  const [ids, segments = '', words, positions, segmentTable = '', gamma, beta, mask = '', places = ''] = node.inputs
  const length = add('Shape', [ids], { start: 1, end: 2 })
  const position = places === '' ? add('Slice', [positions, constant(int64s([0])), length, constant(int64s([0]))]) : add('Gather', [positions, places], { axis: 0 })
  const segment = segments === '' || segmentTable === '' ? undefined : add('Gather', [segmentTable, segments], { axis: 0 })
  const total = sum(lowering, add('Gather', [words, ids], { axis: 0 }), position, segment)
  addAll('LayerNormalization', [total, gamma, beta], { axis: -1, epsilon: number('epsilon', 1e-12) }, node.outputs.slice(0, 1))
  const [lengths, embedded] = [outputOf(lowering, 1), outputOf(lowering, 2)]
  if (lengths !== undefined) {
    const counted = mask === '' ? add('ConstantOfShape', [add('Shape', [ids], { start: 0, end: 1 })]) : add('ReduceSum', [add('Cast', [mask], { to: 'int64' }), constant(int64s([1]))], { keepdims: 0 })
    add('Cast', [counted], { to: 'int32' }, lengths)
    draft.ranks.set(lengths, 1)
  }
  if (embedded !== undefined) add('Identity', [total], {}, embedded)
}

const distances: Lower = ({ node, add, text }) => {
  const metric = text('metric', 'sqeuclidean')
  if (metric !== 'euclidean' && metric !== 'sqeuclidean') throw onnxError('ONNX_ATTRIBUTE', `CDist ${node.name ?? ''} has metric ${JSON.stringify(metric)}, expected euclidean or sqeuclidean`)
  add('mle.PairwiseDistance', node.inputs, { metric }, node.outputs[0])
}

export const fusedLowerings: readonly (readonly [string, Lower])[] = [
  ['BiasGelu', gelu('none')],
  ['CDist', distances],
  ['EmbedLayerNormalization', embedLayerNormalization],
  ['FastGelu', gelu('tanh')],
  ['FusedConv', fusedProduct('Conv')],
  ['FusedGemm', fusedProduct('Gemm')],
  ['FusedMatMul', fusedMatMul],
  ['Gelu', gelu('none')],
  ['GridSample', renamed('GridSample')],
  ['QuickGelu', quickGelu],
  ['SimplifiedLayerNormalization', simplifiedLayerNormalization],
  ['SkipLayerNormalization', skipLayerNormalization(false)],
  ['SkipSimplifiedLayerNormalization', skipLayerNormalization(true)],
  ['TransposeMatMul', fusedMatMul],
  ['Trilu', renamed('Trilu')],
]
