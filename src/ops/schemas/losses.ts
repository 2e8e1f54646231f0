// Losses of classification. Classes lie along axis 1 of the scores; labels have the scores' shape without it.
import { MleError } from '../../error.ts'
import { text as textOf } from '../attributes.ts'
import { inputShape, like, tensorInput, unifyDims } from '../rules.ts'
import { reducing, type InferContext, type OpSchema } from '../schema.ts'
import type { ValueType } from '../types.ts'
import { int, oneOf, op, text } from './define.ts'

/** Types of the loss; the shape of the labels, or a scalar. */
function inferLoss(context: InferContext): ValueType[] {
  const { dtype } = tensorInput(context, 0)
  const scores = inputShape(context, 0)
  const labels = inputShape(context, 1)
  const reduction = oneOf('reduction', textOf(context.attributes, 'reduction', 'mean'), ['mean', 'sum', 'none'])
  if (scores !== undefined && scores.length < 2) throw new MleError('OP_RANK', `input 0 has ${scores.length} dimensions, expected 2 or more`, { expected: 2, actual: scores.length })
  if (scores !== undefined && labels !== undefined) {
    inputShape(context, 1, scores.length - 1)
    labels.forEach((dim, i) => unifyDims(scores[i === 0 ? 0 : i + 1], dim, `dimension ${i} of the labels`))
  }
  if (context.inputs[2] !== undefined) {
    const weights = inputShape(context, 2, 1)
    if (scores !== undefined && weights !== undefined) unifyDims(scores[1], weights[0], 'classes and weights')
  }
  return [{ dtype, shape: reduction === 'none' ? labels : [] }]
}

const LOSS: OpSchema['attributes'] = [int('ignore_index'), text('reduction', 'mean')]
const INDEX = 'int32|int64'

export const lossSchemas: readonly OpSchema[] = [
  /** Negative log likelihood of labels, weighted by class; those equal to ignore_index count nothing. A mean is over the weights. @formula loss[n, d] = -weight[target[n, d]] input[n, target[n, d], d] */
  op('NegativeLogLikelihoodLoss', 22, `input:T target:${INDEX} weight:T?`, { outputs: 'loss', bound: reducing, attributes: LOSS, infer: inferLoss }),
  /** Negative log of the softmax of scores at the labels, weighted by class; those equal to ignore_index count nothing. @formula output[n, d] = -weights[labels[n, d]] log softmax(scores[n, :, d])[labels[n, d]] */
  op('SoftmaxCrossEntropyLoss', 13, `scores:T labels:${INDEX} weights:T?`, {
    outputs: 'output log_prob?', bound: reducing, attributes: LOSS,
    infer: (context) => (context.outputCount > 1 ? [...inferLoss(context), ...like(context)] : inferLoss(context)),
  }),
]
