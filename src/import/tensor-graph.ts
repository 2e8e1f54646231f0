import { graphBuilder } from '../graph/builder.ts'
import type { Graph } from '../graph/graph.ts'
import type { NamedTensors } from './tensors.ts'

/** A graph without inputs whose outputs are the tensors. */
export function graphOfTensors({ format, tensors, metadata }: NamedTensors): Graph {
  const builder = graphBuilder()
  for (const [name, tensor] of tensors) builder.output(name, builder.constant(tensor, 'stored'), { dtype: tensor.dtype, shape: tensor.shape })
  return builder.build({ framework: format, estimator: 'tensors', properties: metadata.size === 0 ? undefined : [...metadata] })
}
