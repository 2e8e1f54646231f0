// Types of values and attributes, shared by operators, graphs and files.
import type { DType } from '../tensor/dtype.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** A dimension: a count, a symbol such as 'batch' (equal symbols are equal counts), or null for an unknown count. */
export type Dim = number | string | null

/** A dense tensor; `shape` is absent when even the rank is unknown. */
export interface TensorType {
  readonly dtype: DType
  readonly shape?: readonly Dim[]
}

/** What a value is: a tensor, or one of ONNX's container types. */
export type ValueType =
  | TensorType
  | { readonly sequence: ValueType }
  | { readonly optional: ValueType }
  | { readonly map: { readonly key: DType; readonly value: ValueType } }

export function isTensorType(type: ValueType | undefined): type is TensorType {
  return type !== undefined && 'dtype' in type
}

/** A subgraph held by an attribute of If, Loop or Scan; operators treat it as opaque, the executor runs it. */
export interface Subgraph {
  readonly inputs: readonly { readonly name: string; readonly type: ValueType }[]
  readonly outputs: readonly { readonly name: string; readonly type: ValueType }[]
  readonly nodes: readonly unknown[]
}

/**
 * An attribute by kind, as its schema declares it. int: safe integers; ints and floats: lists; a list over 64 elements
 * is stored in a file as a tensor.
 */
export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  | { readonly kind: 'type'; readonly value: ValueType }
  | { readonly kind: 'graph'; readonly value: Subgraph }

export type AttributeKind = Attribute['kind']

export type Attributes = ReadonlyMap<string, Attribute>
