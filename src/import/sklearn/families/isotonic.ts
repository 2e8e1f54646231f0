// IsotonicRegression: straight lines through thresholds.
import { arrayAttribute, asFloat64, type PyObject } from '../../pickle/index.ts'
import type { ValueName } from '../../../graph/builder.ts'
import { castTo, float64Constant, once, vectorResult } from '../emit.ts'
import { choice } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, SklearnContext } from '../types.ts'

/** Predictions of a fitted IsotonicRegression for `x` of any shape. */
export function isotonicValues(context: SklearnContext, estimator: PyObject, x: ValueName): ValueName {
  // Before 0.24 the thresholds had names of their own.
  const suffix = estimator.state.has('X_thresholds_') ? (['X_thresholds_', 'y_thresholds_'] as const) : (['_necessary_X_', '_necessary_y_'] as const)
  const thresholds = arrayAttribute(estimator, suffix[0], 1)
  const values = arrayAttribute(estimator, suffix[1], 1)
  const outOfBounds = choice(estimator, 'out_of_bounds', ['nan', 'clip', 'raise'], 'nan')
  // A single threshold predicts its value everywhere.
  const outside = values.shape[0] === 1 || outOfBounds === 'clip' ? 'clip' : outOfBounds === 'nan' ? 'nan' : 'error'
  // Thresholds of float32 make scikit-learn read and give float32.
  const isSingle = thresholds.dtype === 'float32'
  const input = isSingle ? castTo(context, castTo(context, x, 'float32'), 'float64') : x
  const value = context.builder.add('mle.Interpolate', [input, float64Constant(context, asFloat64(thresholds)), float64Constant(context, asFloat64(values))], { outside })
  return isSingle ? castTo(context, castTo(context, value, 'float32'), 'float64') : value
}

const isotonic: EstimatorImporter = (context, estimator, x) => {
  const value = once(() => isotonicValues(context, estimator, x.vector()))
  return {
    predict: () => vectorResult(value()),
    // One-dimensional, unlike what transformers give.
    extra: new Map([['transform', { output: 'transformed', result: () => vectorResult(value()) }]]),
  }
}

export const isotonicRegression: readonly EstimatorEntry[] = [{ names: ['IsotonicRegression'], kind: 'regressor', importer: isotonic }]
