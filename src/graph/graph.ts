// The intermediate representation: what importers make, files store and plans are made from. Plain data, values by name.
import type { Attributes, Dim, ValueType } from '../ops/types.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** A graph input or output. */
export interface ValueInfo {
  readonly name: string
  readonly type: ValueType
  /** The training library's dtype where it differs (labels are plain numbers or strings here); used when npy is written. */
  readonly sourceDtype?: string
}

/** One operator application. '' in `inputs` or `outputs` stands for an optional one left out. */
export interface Node {
  readonly op: string
  readonly domain: string
  readonly version: number
  readonly name?: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: Attributes
}

/** A method of the training library and the graph outputs that it returns: predict -> label. */
export interface Method {
  readonly name: string
  readonly outputs: readonly string[]
}

/** A column of a table model: rows may be objects keyed by these names, and CSV headers are matched to them. */
export interface Column {
  readonly name: string
  /** The graph input that takes it, and the column within that input; '' for a column of the table that the model does not read. */
  readonly input: string
  readonly index: number
  /** Values of the training table where the model reads their positions. Tables give the values, arrays of numbers the positions. */
  readonly categories?: readonly (string | number)[]
  /** What a value outside `categories` is: a missing value, or (the default) an error, as in the training library. */
  readonly unseen?: 'missing' | 'error'
}

/** What a model says about itself; every field is optional and stored in the metadata section. */
export interface Metadata {
  readonly name?: string
  /** Where it comes from: 'scikit-learn', 'xgboost', 'onnx', ... and the version that wrote it. */
  readonly framework?: string
  readonly frameworkVersion?: string
  readonly estimator?: string
  readonly methods?: readonly Method[]
  readonly columns?: readonly Column[]
  /** Class labels in the order of probability columns; one list per output of multi-output models. */
  readonly classes?: readonly (readonly (string | number)[])[]
  readonly modelId?: string
  readonly modelVersion?: number
  /** Free text pairs kept from the source, as ONNX metadata_props are. */
  readonly properties?: readonly (readonly [string, string])[]
  /** What an importer could not keep, in words. */
  readonly notes?: readonly string[]
}

/** A model. Nodes are in topological order; every name is defined once, by an input, an initializer or a node. */
export interface Graph {
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  readonly nodes: readonly Node[]
  readonly initializers: ReadonlyMap<string, Tensor>
  readonly metadata: Metadata
}

export type { Attributes, Dim, ValueType }
