// What the lowerings of ai.onnx.ml share: labels, and scores transformed.
import { tensor, type DType, type Tensor } from '../../../tensor/index.ts'
import { int64s } from '../draft.ts'
import { strings, type Lowering } from '../lowering.ts'
import { onnxError } from '../tensors.ts'

/** Labels of a classifier by the attributes that hold them. */
export function labelsOf(lowering: Lowering, ints: string): Tensor {
  const texts = lowering.texts('classlabels_strings')
  if (texts !== undefined && texts.length > 0) return strings(texts)
  const numbers = lowering.int64s(ints)
  if (numbers === undefined || numbers.data.length === 0) throw onnxError('ONNX_ATTRIBUTE', `${lowering.node.op} ${lowering.node.name ?? ''} has no class labels`)
  return numbers
}

/** Of a single column of scores only PROBIT changes anything. */
export function columnTransform(transform: string, columns: number): string {
  return columns > 1 || transform === 'PROBIT' ? transform : 'NONE'
}

/** Scores [rows, n] after a post_transform. */
export function transformed(lowering: Lowering, scores: string, transform: string, dtype: DType, output?: string): string {
  const { add, constant } = lowering
  switch (transform) {
    case 'NONE':
      return output === undefined ? scores : add('Identity', [scores], {}, output)
    case 'LOGISTIC':
      return add('Sigmoid', [scores], {}, output)
    case 'SOFTMAX':
      return add('Softmax', [scores], { axis: -1 }, output)
    case 'SOFTMAX_ZERO': {
      // Scores of 0 stay out of the sum.
      const largest = add('ReduceMax', [scores, constant(int64s([-1]))], { keepdims: 1 })
      const small = constant(tensor([1e-7], [], dtype))
      const counts = add('Greater', [add('Abs', [scores]), small])
      const zero = constant(tensor([0], [], dtype))
      const powers = add('Where', [counts, add('Exp', [add('Sub', [scores, largest])]), zero])
      const kept = add('Where', [counts, powers, add('Mul', [scores, add('Exp', [add('Neg', [largest])])])])
      return add('Div', [kept, add('ReduceSum', [powers, constant(int64s([-1]))], { keepdims: 1 })], {}, output)
    }
    case 'PROBIT':
      return add('mle.NormalQuantile', [scores], {}, output)
    default:
      throw onnxError('ONNX_ATTRIBUTE', `${lowering.node.op} ${lowering.node.name ?? ''} has post_transform ${JSON.stringify(transform)}, which is not known`)
  }
}
