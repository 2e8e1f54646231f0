// Steps of optimizers (ai.onnx.preview.training). Tensors to optimize come first, then as many gradients, then what the optimizer keeps of each.
import { MleError } from '../../error.ts'
import { text as textOf } from '../attributes.ts'
import { like } from '../rules.ts'
import { ulps, type InferContext, type OpSchema } from '../schema.ts'
import type { ValueType } from '../types.ts'
import { float, oneOf, op, text } from './define.ts'

/** Number of tensors that a step optimizes: the inputs after R and T come in `kinds` groups. */
export function optimizedCount(inputs: number, kinds: number): number {
  const count = (inputs - 2) / kinds
  if (!Number.isInteger(count) || count < 1) throw new MleError('OP_INPUT', `${inputs} inputs, expected R, T and a multiple of ${kinds}`, { expected: 2 + kinds, actual: inputs })
  return count
}

/** New values of the tensors and of all that is kept of them: every group but the gradients. */
const inferStep = (kinds: number) => (context: InferContext): ValueType[] => {
  const count = optimizedCount(context.inputs.length, kinds)
  return context.inputs.flatMap((_, i) => (i < 2 || (i >= 2 + count && i < 2 + 2 * count) ? [] : like(context, i)))
}

const FLOAT = 'float32|float64'
const step = (name: string, kinds: number, attributes: OpSchema['attributes'], check: (context: InferContext) => void = () => {}): OpSchema =>
  op(name, 1, `R:${FLOAT} T:int64 inputs:${FLOAT}*`, {
    domain: 'ai.onnx.preview.training', outputs: 'outputs*', attributes, bound: ulps(16),
    infer(context) {
      check(context)
      return inferStep(kinds)(context)
    },
  })

export const trainingSchemas: readonly OpSchema[] = [
  /** A step of AdaGrad at rate R / (1 + T decay_factor), with sums of squared gradients H. @formula H' = H + g^2, X' = X - r g / (sqrt(H') + epsilon) */
  step('Adagrad', 3, [float('decay_factor', 0), float('epsilon', 1e-6), float('norm_coefficient', 0)]),
  /** A step of Adam with moving averages V of gradients and H of their squares. @formula V' = alpha V + (1 - alpha) g, H' = beta H + (1 - beta) g^2, X' = X - r V' / (sqrt(H') + epsilon) */
  step('Adam', 4, [float('alpha', 0.9), float('beta', 0.999), float('epsilon', 1e-6), float('norm_coefficient', 0), float('norm_coefficient_post', 0)]),
  /** A step with momentum V, plain or Nesterov's. @formula V' = alpha V + beta g, X' = X - R V' (standard) or X - R (g + alpha V') (nesterov) */
  step('Momentum', 3, [float('alpha', 0.9), float('beta', 1), text('mode', 'standard'), float('norm_coefficient', 0)], ({ attributes }) => {
    oneOf('mode', textOf(attributes, 'mode', 'standard'), ['standard', 'nesterov'])
  }),
]
