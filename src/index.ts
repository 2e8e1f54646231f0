// mle-runtime: load a model, run it.
export { MleError, type MleErrorDetail } from './error.ts'
export type { InputRecord, InputValue, RowObject } from './feed.ts'
export type { Graph, Metadata } from './graph/graph.ts'
export { load, type LoadOptions } from './load.ts'
export { Model, type ModelMemory, type OutputRecord, type OutputValue, type RunOptions, type Session, type SessionOptions, type SessionTensor, type TensorInfo } from './model.ts'
export type { DType, NumericArray } from './tensor/dtype.ts'
export { tensor, type Nested, type Tensor } from './tensor/tensor.ts'
