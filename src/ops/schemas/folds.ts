// Several inputs folded into one output, from the left; bounds.
import { elementwise, elementwiseRows, inputShape } from '../rules.ts'
import { summing, type InferContext, type OpSchema } from '../schema.ts'
import type { ValueType } from '../types.ts'
import { FLOATS, op } from './define.ts'
import { EXACT } from './elementwise.ts'

function inferClip(context: InferContext): ValueType[] {
  for (const index of [1, 2]) if (context.inputs[index] !== undefined) inputShape(context, index, 0)
  return elementwise({ ...context, inputs: context.inputs.slice(0, 1) })
}

/** One or more inputs, folded from the left. Not in place: later inputs are read after the output is first written. */
function variadic(name: string, version: number, more: Pick<OpSchema, 'bound' | 'typeSets'>): OpSchema {
  return op(name, version, 'data_0:T*', { infer: (context) => elementwise(context), rowWise: elementwiseRows, ...more })
}

export const foldSchemas: readonly OpSchema[] = [
  /** Largest of the inputs; NaN wins. @formula Y = max(X1, X2, ...) */
  variadic('Max', 13, EXACT),
  /** Smallest of the inputs; NaN wins. @formula Y = min(X1, X2, ...) */
  variadic('Min', 13, EXACT),
  /** Sum of the inputs from left to right. @formula Y = X1 + X2 + ... */
  variadic('Sum', 13, { typeSets: { T: FLOATS }, bound: summing }),
  /** Sum of the inputs from left to right over their number. @formula Y = (X1 + ... + Xn) / n */
  variadic('Mean', 13, { typeSets: { T: FLOATS }, bound: summing }),
  /** X kept within [min, max]; max wins where min is above it, and NaN stays NaN. @formula Y = min(max(X, min), max) */
  op('Clip', 13, 'input:T min:T? max:T?', { ...EXACT, infer: inferClip, rowWise: ({ inputs }, carries) => inputs[0] !== undefined && carries[0] && !carries[1] && !carries[2], inPlace: true }),
]
