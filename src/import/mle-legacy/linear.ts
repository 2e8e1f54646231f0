// Linear models: one Linear node. Their weights were written as [features, outputs] by the first exporters and as
// [outputs, features] later; two classes got a second row of zeros in between.
import { findImporter } from '../sklearn/registry.ts'
import { float64Of, matrixShape, requireParameters, requireShape } from './arrays.ts'
import { legacyError } from './error.ts'
import type { LegacyMetadata } from './metadata.ts'
import { float64Array, importRebuilt, LABEL_NOTE, positions, type Lowered } from './rebuild.ts'
import type { Step } from './steps.ts'

/** A layer as it computes: weights [outputs, inputs] row-major, bias [outputs]. */
export interface Layer {
  readonly weights: Float64Array
  readonly bias: Float64Array
  readonly inputs: number
  readonly outputs: number
}

/** The layer of a Linear step; `isTransposed` says that weights are [inputs, outputs]. Throws LEGACY_SHAPE. */
export function layerOf(step: Step, isTransposed: boolean): Layer {
  requireParameters('Linear', step.parameters, [2])
  const [weightTensor, biasTensor] = step.parameters
  const [rows, columns] = matrixShape(weightTensor, 'a weight')
  const stored = float64Of(weightTensor)
  const bias = float64Of(biasTensor)
  const outputs = isTransposed ? columns : rows
  const inputs = isTransposed ? rows : columns
  requireShape(bias.length === outputs, `a weight of shape [${rows}, ${columns}]${isTransposed ? ', transposed,' : ''} has a bias of ${bias.length} numbers`)
  if (!isTransposed) return { weights: stored, bias, inputs, outputs }
  const weights = new Float64Array(stored.length)
  for (let i = 0; i < inputs; i++) for (let o = 0; o < outputs; o++) weights[o * inputs + i] = stored[i * outputs + o]
  return { weights, bias, inputs, outputs }
}

/** True for two rows of which the first is zero: how two classes were widened to two scores. */
export function isWidened({ weights, bias, inputs, outputs }: Layer): boolean {
  return outputs === 2 && bias[0] === 0 && weights.subarray(0, inputs).every((one) => one === 0)
}

/** The second row alone. */
export function narrowed({ weights, bias, inputs }: Layer): Layer {
  return { weights: weights.slice(inputs), bias: bias.slice(1), inputs, outputs: 1 }
}

/** True for a class that the scikit-learn importer knows as a linear model would be known: by coefficients alone. */
export function isLinearEstimator(name: string): boolean {
  const kind = findImporter('sklearn', name)?.kind
  return kind === 'classifier' || kind === 'regressor'
}

/** A linear estimator from its layer. */
export function lowerLinear(metadata: LegacyMetadata, layer: Layer): Lowered {
  const isClassifier = findImporter('sklearn', metadata.modelType)?.kind === 'classifier'
  if (!isClassifier) {
    const isVector = layer.outputs === 1
    const coefficients = float64Array(layer.weights, isVector ? [layer.inputs] : [layer.outputs, layer.inputs])
    return importRebuilt(metadata, [['coef_', coefficients], ['intercept_', float64Array(layer.bias)], ['n_features_in_', layer.inputs]], [])
  }
  const own = isWidened(layer) ? narrowed(layer) : layer
  if (own.outputs === 0) throw legacyError('LEGACY_SHAPE', 'a classifier has no scores')
  const fitted = [
    ['coef_', float64Array(own.weights, [own.outputs, own.inputs])], ['intercept_', float64Array(own.bias)], ['n_features_in_', own.inputs],
    ['classes_', positions(own.outputs === 1 ? 2 : own.outputs)],
  ] as const
  return importRebuilt(metadata, fitted, [LABEL_NOTE])
}
