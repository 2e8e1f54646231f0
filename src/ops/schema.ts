// What an operator is, apart from how any backend computes it. docs/operators.md is generated from these tables and
// the doc comment above each schema (first sentence, @formula, @see), so no prose reaches the runtime bundle.
import type { DType } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { AttributeKind, Attributes, ValueType } from './types.ts'

export interface InputSchema {
  readonly name: string
  /** dtypes it takes; a single letter such as 'T' binds every input that says 'T' to one dtype out of `typeSets`; without a set, to any, each time another. */
  readonly type: string | readonly DType[]
  readonly optional?: boolean
  /** Last input only: one or more. */
  readonly variadic?: boolean
}

export interface OutputSchema {
  readonly name: string
  readonly optional?: boolean
  readonly variadic?: boolean
}

export interface AttributeSchema {
  readonly name: string
  readonly kind: AttributeKind
  readonly required?: boolean
  readonly default?: number | string | readonly number[] | readonly string[]
}

/** What a shape rule may look at. */
export interface InferContext {
  readonly op: string
  readonly attributes: Attributes
  /** Types of the inputs; undefined where an optional input is left out. */
  readonly inputs: readonly (ValueType | undefined)[]
  /** Values of the inputs that are known before the run: initializers, and small integers computed from shapes. */
  readonly values: readonly (Tensor | undefined)[]
  readonly outputCount: number
  /** Types of the subgraphs' outputs by attribute name, for operators that have subgraphs; at plan time only. */
  readonly bodies?: ReadonlyMap<string, readonly (ValueType | undefined)[]>
}

/**
 * Error bound of one element against the float64 formula. `eps` is half an ulp of 1 in the output dtype,
 * `reference` the formula's value, `magnitude` the sum of |terms| that the formula reports for reducing operators.
 */
export type ErrorBound = (eps: number, reference: number, magnitude: number) => number

export interface OpSchema {
  readonly name: string
  /** 'ai.onnx', 'ai.onnx.ml', 'com.microsoft', or 'mle' for our own. */
  readonly domain: string
  /** The one current version; importers upgrade older definitions. */
  readonly version: number
  readonly inputs: readonly InputSchema[]
  readonly outputs: readonly OutputSchema[]
  readonly attributes: readonly AttributeSchema[]
  readonly typeSets?: Readonly<Record<string, readonly DType[]>>
  /** Indices of inputs whose values (not only shapes) decide output shapes, such as the shape of a Reshape. */
  readonly valueInputs?: readonly number[]
  /**
   * Types of the outputs. With concrete input shapes it must give concrete shapes, or null dimensions where the data
   * decide. Throws MleError on ranks, dimensions or dtypes that the operator does not take.
   */
  readonly infer: (context: InferContext) => readonly ValueType[]
  /** Types of the inputs of subgraph `name`, for operators that have subgraphs; undefined where its own declaration is to be used. */
  readonly bodyInputs?: (context: InferContext, name: string) => readonly (ValueType | undefined)[]
  /**
   * Row independence, which lets a batch run in row blocks: given which inputs carry rows along axis 0, returns true if
   * every output carries the same rows along axis 0 and output row i needs only row i of those inputs. Absent: never.
   */
  readonly rowWise?: (context: InferContext, carriesRows: readonly boolean[]) => boolean
  /** Output 0 is input 0's memory under another shape: no step, no copy. */
  readonly alias?: boolean
  /** Output 0 may overwrite an input of the same size and dtype (each element is read before it is written). */
  readonly inPlace?: boolean
  /** The value itself where the input types alone decide it, as for Shape and Size. */
  readonly valueFromTypes?: (context: InferContext) => Tensor | undefined
  readonly bound: ErrorBound
}

/** Exactly the formula rounded to the dtype: selections, copies, comparisons, integers. */
export const exact: ErrorBound = () => 0

/** The smallest number above 0 of the dtype whose `eps` is given: results below the normal range are spaced so. */
function smallest(eps: number): number {
  return eps < 1e-10 ? 2 ** -1074 : eps < 1e-5 ? 2 ** -149 : eps < 1e-3 ? 2 ** -24 : 2 ** -133
}

/** A few units in the last place of the result, as pointwise operators are judged. */
export const ulps =
  (count: number): ErrorBound =>
  (eps, reference) =>
    count * 2 * eps * Math.abs(reference) + smallest(eps)

/** 16 x eps x sum|terms|: a few terms added in the order of the formula. */
export const summing: ErrorBound = (eps, _reference, magnitude) => 16 * eps * magnitude + smallest(eps)

/** 16 x eps x sum|terms| + 1e-6 for float32 and half, 1e-12 x sum|terms| scale for float64: reducing operators. */
export const reducing: ErrorBound = (eps, _reference, magnitude) => 32 * eps * magnitude + (eps < 1e-10 ? 1e-300 : 1e-6)
