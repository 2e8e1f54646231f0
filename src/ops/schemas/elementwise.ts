// Operators that compute each element of the output from one element of each input, by numpy's broadcasting.
import { elementwise, elementwiseRows, broadcastDims } from '../rules.ts'
import { exact, type InferContext, type OpSchema } from '../schema.ts'
import { isTensorType, type ValueType } from '../types.ts'
import { ANY, T_ANY, T_NUMBERS, binary, op, toBool, unary } from './define.ts'

/** Correctly rounded by the hardware. */
export const EXACT: Pick<OpSchema, 'typeSets' | 'bound'> = { typeSets: T_NUMBERS, bound: exact }
const COMPARE = { typeSets: T_NUMBERS, bound: exact, infer: toBool, inPlace: false }
const LOGIC = { typeSets: { T: ['bool'] as const }, bound: exact }

function inferWhere(context: InferContext): ValueType[] {
  const [condition, ...values] = context.inputs
  const [type] = elementwise({ ...context, inputs: values })
  if (!isTensorType(condition) || !isTensorType(type) || condition.shape === undefined || type.shape === undefined) return [{ ...type, shape: undefined } as ValueType]
  return [{ dtype: type.dtype, shape: broadcastDims(condition.shape, type.shape) }]
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
