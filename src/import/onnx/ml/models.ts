// Linear models and support vector machines of ai.onnx.ml. Where the specification is silent, as onnxruntime computes them.
import { tensor } from '../../../tensor/index.ts'
import { int64s } from '../draft.ts'
import { onnxError } from '../tensors.ts'
import { cast, float32s, float64s, outputOf, strings, type Lowering } from '../lowering.ts'
import { columnTransform, labelsOf, transformed } from './lower.ts'

type Lower = (lowering: Lowering) => void

function required(lowering: Lowering, name: string): readonly number[] {
  const values = lowering.floats(name)
  if (values === undefined || values.length === 0) throw onnxError('ONNX_ATTRIBUTE', `${lowering.node.op} ${lowering.node.name ?? ''} has no ${name}`)
  return values
}

/** X [rows, features] float32 times coefficients [targets, features], plus intercepts. */
function product(lowering: Lowering, coefficients: readonly number[], intercepts: readonly number[], targets: number): string {
  const features = coefficients.length / targets
  if (!Number.isInteger(features)) throw onnxError('ONNX_ATTRIBUTE', `${lowering.node.op} ${lowering.node.name ?? ''} has ${coefficients.length} coefficients for ${targets} targets`)
  const x = cast(lowering, lowering.node.inputs[0], 'float32')
  const weights = lowering.constant(float32s(coefficients, [targets, features]))
  return lowering.add('Gemm', [x, weights, lowering.constant(float32s(intercepts.length > 0 ? intercepts : [0]))], { transB: 1 })
}

const linearRegressor: Lower = (lowering) => {
  const { node, number, text, floats } = lowering
  const targets = number('targets', 1)
  const scores = product(lowering, required(lowering, 'coefficients'), floats('intercepts') ?? [], targets)
  transformed(lowering, scores, columnTransform(text('post_transform', 'NONE'), targets), 'float32', node.outputs[0])
}

const linearClassifier: Lower = (lowering) => {
  const { add, constant, text } = lowering
  const intercepts = required(lowering, 'intercepts')
  const scores = product(lowering, required(lowering, 'coefficients'), intercepts, intercepts.length)
  const labels = labelsOf(lowering, 'classlabels_ints')
  const transform = text('post_transform', 'NONE')
  if (intercepts.length > 1) {
    add('mle.LabelLookup', [add('ArgMax', [scores], { axis: -1, keepdims: 0 }), constant(labels)], {}, outputOf(lowering, 0))
    transformed(lowering, scores, transform, 'float32', outputOf(lowering, 1))
    return
  }
  // One score for two classes: the second wins above 0.
  const flat = add('Squeeze', [scores, constant(int64s([1]))])
  const two = labels.data.length === 2 ? labels : labels.dtype === 'string' ? strings(['0', '1']) : int64s([0, 1])
  add('mle.LabelLookup', [add('Greater', [flat, constant(float32s([0], []))]), constant(two)], {}, outputOf(lowering, 0))
  if (labels.data.length !== 2) {
    transformed(lowering, scores, transform, 'float32', outputOf(lowering, 1))
    return
  }
  const positive = transform === 'LOGISTIC' ? add('Sigmoid', [scores]) : transform === 'PROBIT' ? add('mle.NormalQuantile', [scores]) : scores
  const negative = transform === 'LOGISTIC' ? add('Sigmoid', [add('Neg', [scores])]) : add('Sub', [constant(float32s([1], [])), positive])
  add('Concat', [negative, positive], { axis: 1 }, outputOf(lowering, 1))
}

/** Kernel values [rows, vectors] in float64: coefficients of both signs cancel in their sums. */
function kernels(lowering: Lowering, vectors: readonly number[], count: number): string {
  const { add, constant, text, floats } = lowering
  const x = cast(lowering, lowering.node.inputs[0], 'float64')
  const features = vectors.length / count
  if (!Number.isInteger(features)) throw onnxError('ONNX_ATTRIBUTE', `${lowering.node.op} ${lowering.node.name ?? ''} has ${vectors.length} numbers for ${count} support vectors`)
  const points = constant(float64s(vectors, [count, features]))
  const [gamma = 0, coef0 = 0, degree = 3] = floats('kernel_params') ?? []
  const scalar = (value: number): string => constant(tensor(Float64Array.of(value), []))
  const kind = text('kernel_type', 'LINEAR')
  if (kind === 'RBF') return add('Exp', [add('Mul', [add('mle.PairwiseDistance', [x, points], { metric: 'sqeuclidean' }), scalar(-gamma)])])
  const dots = add('Gemm', [x, points], { transB: 1 })
  if (kind === 'LINEAR') return dots
  const inner = add('Add', [add('Mul', [dots, scalar(gamma)]), scalar(coef0)])
  if (kind === 'POLY') return add('Pow', [inner, scalar(degree)])
  if (kind === 'SIGMOID') return add('Tanh', [inner])
  throw onnxError('ONNX_ATTRIBUTE', `${lowering.node.op} ${lowering.node.name ?? ''} has kernel_type ${JSON.stringify(kind)}, which is not known`)
}

const svmRegressor: Lower = (lowering) => {
  const { node, add, constant, number, floats, text } = lowering
  const coefficients = required(lowering, 'coefficients')
  const rho = constant(float64s([(floats('rho') ?? [0])[0]]))
  const count = number('n_supports', 0)
  const values = count > 0 ? kernels(lowering, required(lowering, 'support_vectors'), count) : cast(lowering, node.inputs[0], 'float64')
  const scores = add('Gemm', [values, constant(float64s(coefficients, [coefficients.length, 1])), rho])
  if (number('one_class', 0) !== 0) {
    const inside = add('Greater', [scores, constant(tensor(Float64Array.of(0), []))])
    add('Where', [inside, constant(float32s([1], [])), constant(float32s([-1], []))], {}, node.outputs[0])
    return
  }
  const transform = text('post_transform', 'NONE')
  cast(lowering, transform === 'PROBIT' ? transformed(lowering, scores, transform, 'float64') : scores, 'float32', node.outputs[0])
}

const svmClassifier: Lower = (lowering) => {
  const { node, add, constant, floats, ints, text } = lowering
  const labels = labelsOf(lowering, 'classlabels_ints')
  const classes = labels.data.length
  const coefficients = required(lowering, 'coefficients')
  const rho = required(lowering, 'rho')
  const counts = ints('vectors_per_class') ?? []
  const total = counts.reduce((sum, count) => sum + count, 0)
  const transform = text('post_transform', 'NONE')
  const finish = (scores: string, best: string): void => {
    add('mle.LabelLookup', [add('ArgMax', [best], { axis: -1, keepdims: 0 }), constant(labels)], {}, outputOf(lowering, 0))
    transformed(lowering, cast(lowering, scores, 'float32'), transform, 'float32', outputOf(lowering, 1))
  }
  if (total === 0) {
    // One row of weights for each class, as of a linear machine.
    const x = cast(lowering, node.inputs[0], 'float64')
    const scores = add('Gemm', [x, constant(float64s(coefficients, [classes, coefficients.length / classes])), constant(float64s([rho[0]]))], { transB: 1 })
    finish(scores, scores)
    return
  }
  const pairs = (classes * (classes - 1)) / 2
  if (coefficients.length !== (classes - 1) * total || rho.length < pairs || counts.length !== classes) {
    throw onnxError('ONNX_ATTRIBUTE', `SVMClassifier ${node.name ?? ''} has ${coefficients.length} coefficients and ${rho.length} intercepts for ${classes} classes and ${total} vectors`)
  }
  const values = kernels(lowering, required(lowering, 'support_vectors'), total)
  const decisions = add('mle.SvmDecision', [values, constant(float64s(coefficients, [classes - 1, total])), constant(float64s(rho.slice(0, pairs))), constant(tensor(Int32Array.from(counts)))])
  const votes = add('mle.PairVotes', [decisions], { classes })
  const [a, b] = [floats('prob_a') ?? [], floats('prob_b') ?? []]
  if (a.length > 0) {
    finish(add('mle.PairCoupling', [decisions, constant(float64s(a.slice(0, pairs))), constant(float64s(b.slice(0, pairs)))], { classes }), votes)
    return
  }
  if (classes > 2) {
    finish(decisions, votes)
    return
  }
  // Two classes without probabilities: the negated score stands before the score, each transformed by itself.
  const one = constant(tensor(Float64Array.of(1), []))
  const isLogistic = transform === 'LOGISTIC'
  const other = transform === 'NONE' || isLogistic ? add('Neg', [decisions]) : add('Sub', [one, decisions])
  const scores = add('Concat', [other, decisions], { axis: 1 })
  add('mle.LabelLookup', [add('ArgMax', [votes], { axis: -1, keepdims: 0 }), constant(labels)], {}, outputOf(lowering, 0))
  cast(lowering, isLogistic ? add('Sigmoid', [scores]) : scores, 'float32', outputOf(lowering, 1))
}

export const modelLowerings: readonly (readonly [string, Lower])[] = [
  ['LinearClassifier', linearClassifier],
  ['LinearRegressor', linearRegressor],
  ['SVMClassifier', svmClassifier],
  ['SVMRegressor', svmRegressor],
]
