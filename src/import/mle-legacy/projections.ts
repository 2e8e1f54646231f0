// KMeans, PCA, TruncatedSVD: centres or components.
import { graphBuilder, type GraphBuilder, type ValueName } from '../../graph/builder.ts'
import type { Metadata } from '../../graph/graph.ts'
import { float64Of, matrixShape, requireParameters, requireShape } from './arrays.ts'
import { legacyError } from './error.ts'
import type { LegacyMetadata } from './metadata.ts'
import type { Lowered } from './rebuild.ts'
import type { LegacyTensor } from './records.ts'

function about(metadata: LegacyMetadata): Metadata {
  return { framework: 'scikit-learn', ...(metadata.frameworkVersion === undefined ? {} : { frameworkVersion: metadata.frameworkVersion }), estimator: metadata.modelType }
}

function constant(builder: GraphBuilder, data: Float64Array, shape: readonly number[], hint: string): ValueName {
  return builder.constant({ dtype: 'float64', shape, data }, hint)
}

/** The nearest centre, the first of equals, and distances to all. */
export function lowerClustering(parameters: readonly LegacyTensor[], metadata: LegacyMetadata): Lowered {
  if (parameters.length === 0) {
    throw legacyError('LEGACY_LOST', `${metadata.modelType || 'a clustering without centres'} keeps the labels of its training rows, which the file does not hold; there is nothing to predict with`)
  }
  requireParameters('Clustering', parameters, [1])
  const [count, width] = matrixShape(parameters[0], 'centres')
  requireShape(count > 0 && width > 0, 'there are no centres')
  const builder = graphBuilder()
  const x = builder.input('X', { dtype: 'float64', shape: ['batch', width] })
  const centers = constant(builder, float64Of(parameters[0]), [count, width], 'centers')
  const distances = builder.add('mle.PairwiseDistance', [x, centers], { metric: 'euclidean', form: 'expanded' })
  const nearest = builder.add('ArgMin', [builder.add('mle.PairwiseDistance', [x, centers], { metric: 'sqeuclidean', form: 'expanded' })], { axis: 1, keepdims: 0 })
  builder.output('label', builder.add('Cast', [nearest], { to: 'int32' }), { dtype: 'int32', shape: ['batch'] })
  builder.output('transformed', distances, { dtype: 'float64', shape: ['batch', count] })
  return { graph: builder.build({ ...about(metadata), methods: [{ name: 'predict', outputs: ['label'] }, { name: 'transform', outputs: ['transformed'] }] }), notes: [] }
}

/** (x - mean) components^T. */
export function lowerDecomposition(parameters: readonly LegacyTensor[], metadata: LegacyMetadata): Lowered {
  requireParameters('Decomposition', parameters, [1, 2])
  const [components, width] = matrixShape(parameters[0], 'components')
  const mean = parameters.length > 1 ? float64Of(parameters[1]) : undefined
  requireShape(components > 0 && width > 0 && (mean === undefined || mean.length === width), `components of shape [${components}, ${width}] have a mean of ${mean?.length} numbers`)
  const builder = graphBuilder()
  const x = builder.input('X', { dtype: 'float64', shape: ['batch', width] })
  const centered = mean === undefined ? x : builder.add('Sub', [x, constant(builder, mean, [1, width], 'mean')])
  const value = builder.add('Gemm', [centered, constant(builder, float64Of(parameters[0]), [components, width], 'components')], { transB: 1 })
  const isWhitened = metadata.parameters.get('whiten') === true
  const name = isWhitened ? 'unwhitened' : 'transformed'
  builder.output(name, value, { dtype: 'float64', shape: ['batch', components] })
  const graph = builder.build({ ...about(metadata), methods: [{ name: isWhitened ? name : 'transform', outputs: [name] }] })
  const note = 'transform is not available: whitening divides each column by the deviation of the training data along it, which the file does not keep; unwhitened is the result before that division'
  return { graph, notes: isWhitened ? [note] : [] }
}
