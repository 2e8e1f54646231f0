// Operators that compute each element of the output from one element of each input, by numpy's broadcasting.
import { elementwise, elementwiseRows, inputShape, broadcastDims } from '../rules.ts'
import { exact, summing, type InferContext, type OpSchema } from '../schema.ts'
import { isTensorType, type ValueType } from '../types.ts'
import { ANY, FLOATS, T_ANY, T_NUMBERS, binary, op, toBool, unary } from './define.ts'

/** Correctly rounded by the hardware. */
export const EXACT: Pick<OpSchema, 'typeSets' | 'bound'> = { typeSets: T_NUMBERS, bound: exact }
const COMPARE = { typeSets: T_NUMBERS, bound: exact, infer: toBool, inPlace: false }
const LOGIC = { typeSets: { T: ['bool'] as const }, bound: exact }

function inferClip(context: InferContext): ValueType[] {
  for (const index of [1, 2]) if (context.inputs[index] !== undefined) inputShape(context, index, 0)
  return elementwise({ ...context, inputs: context.inputs.slice(0, 1) })
}

function inferWhere(context: InferContext): ValueType[] {
  const [condition, ...values] = context.inputs
  const [type] = elementwise({ ...context, inputs: values })
  if (!isTensorType(condition) || !isTensorType(type) || condition.shape === undefined || type.shape === undefined) return [{ ...type, shape: undefined } as ValueType]
  return [{ dtype: type.dtype, shape: broadcastDims(condition.shape, type.shape) }]
}

/** One or more inputs, folded from the left. Not in place: later inputs are read after the output is first written. */
export function variadic(name: string, version: number, more: Pick<OpSchema, 'bound' | 'typeSets'>): OpSchema {
  return op(name, version, 'data_0:T*', { infer: (context) => elementwise(context), rowWise: elementwiseRows, ...more })
}

export const elementwiseSchemas: readonly OpSchema[] = [
  /** Sum of two tensors; integers wrap around. @formula C = A + B */
  binary('Add', 14, EXACT),
  /** Difference of two tensors; integers wrap around. @formula C = A - B */
  binary('Sub', 14, EXACT),
  /** Product of two tensors; integers wrap around. @formula C = A B */
  binary('Mul', 14, EXACT),
  /** Quotient of two tensors; integers truncate toward zero, and by zero give 0. @formula C = A / B */
  binary('Div', 14, EXACT),
  /** Negation. @formula Y = -X */
  unary('Neg', 13, EXACT),
  /** Absolute value. @formula Y = |X| */
  unary('Abs', 13, EXACT),
  /** Square root, correctly rounded. @formula Y = sqrt(X) */
  unary('Sqrt', 13, { bound: exact }),
  /** Exponential. @formula Y = e^X */
  unary('Exp', 13),
  /** Natural logarithm. @formula Y = ln(X) */
  unary('Log', 13),
  /** Logistic function, which neither overflows nor loses its small end. @formula Y = 1 / (1 + e^-X) */
  unary('Sigmoid', 13),
  /** Positive part; NaN stays NaN. @formula Y = max(X, 0) */
  unary('Relu', 14, EXACT),
  /** Largest of the inputs; NaN wins. @formula Y = max(X1, X2, ...) */
  variadic('Max', 13, EXACT),
  /** Smallest of the inputs; NaN wins. @formula Y = min(X1, X2, ...) */
  variadic('Min', 13, EXACT),
  /** Sum of the inputs from left to right. @formula Y = X1 + X2 + ... */
  variadic('Sum', 13, { typeSets: { T: FLOATS }, bound: summing }),
  /** X kept within [min, max]; max wins where min is above it, and NaN stays NaN. @formula Y = min(max(X, min), max) */
  op('Clip', 13, 'input:T min:T? max:T?', { ...EXACT, infer: inferClip, rowWise: ({ inputs }, carries) => inputs[0] !== undefined && carries[0] && !carries[1] && !carries[2], inPlace: true }),
  /** X where the condition holds, else Y. @formula Z = condition ? X : Y */
  op('Where', 16, 'condition:bool X:T Y:T', { typeSets: T_ANY, infer: inferWhere, rowWise: elementwiseRows, inPlace: true, bound: exact }),
  /** True where both are equal; NaN equals nothing. @formula C = A == B */
  binary('Equal', 19, { ...COMPARE, typeSets: { T: ANY } }),
  /** True where A is below B. @formula C = A < B */
  binary('Less', 13, COMPARE),
  /** True where A is not above B. @formula C = A <= B */
  binary('LessOrEqual', 16, COMPARE),
  /** True where A is above B. @formula C = A > B */
  binary('Greater', 13, COMPARE),
  /** True where A is not below B. @formula C = A >= B */
  binary('GreaterOrEqual', 16, COMPARE),
  /** Logical and. @formula C = A and B */
  binary('And', 7, LOGIC),
  /** Logical or. @formula C = A or B */
  binary('Or', 7, LOGIC),
  /** Logical exclusive or. @formula C = A != B */
  binary('Xor', 7, LOGIC),
  /** Logical negation. @formula Y = not X */
  unary('Not', 1, LOGIC),
  /** True where X is NaN. @formula Y = X != X */
  unary('IsNaN', 20, { bound: exact, infer: toBool, inPlace: false }),
]
