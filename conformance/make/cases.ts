// How a case of an operator is written down.
import type { AttributeInput } from '../../src/graph/builder.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

/** An input that is part of the model. */
export interface Constant {
  readonly constant: Tensor
}

export function constant(value: Tensor): Constant {
  return { constant: value }
}

export interface OperatorCase {
  readonly name: string
  /** undefined leaves an optional one out. */
  readonly inputs: readonly (Tensor | Constant | undefined)[]
  readonly attributes?: Readonly<Record<string, AttributeInput | undefined>>
  /** 1 when absent. */
  readonly outputs?: number
}

/** Cases by operator key. */
export type Cases = readonly (readonly [key: string, cases: readonly OperatorCase[]])[]
