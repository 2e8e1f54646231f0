// Regressors around a regressor, and the way back from a transformed target.
import { MleError } from '../../../error.ts'
import type { ValueName } from '../../../graph/builder.ts'
import { arrayAttribute, asFloat64, asNumber, attribute, describe, isPyObject, optionalAttribute, placeOf, type PyObject, type PyValue } from '../../pickle/index.ts'
import { float64Constant, squeeze, unsqueeze, vectorResult } from '../emit.ts'
import { booleanSetting, choice, isPlaceholder, numberSetting, unsupported, unsupportedSetting } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Result, SklearnContext } from '../types.ts'
import { denseAttribute, transposed } from './coefficients.ts'
import { namedSteps, withKind } from './compose.ts'
import { pairwiseKernel, rowsOf } from './kernels.ts'
import { numbersOf } from './members.ts'
import { applyFunction } from './transforms.ts'

type Inverse = (context: SklearnContext, estimator: PyObject, value: ValueName) => ValueName

const perColumn = (context: SklearnContext, op: string, value: ValueName, data: Float64Array): ValueName => context.builder.add(op, [value, float64Constant(context, data, [1, data.length])])

/** value * scale + offset, each where the setting asks for it. */
function scaledBack(offset: readonly [setting: string, attribute: string] | undefined, scale: readonly [setting: string | undefined, attribute: string]): Inverse {
  return (context, estimator, value) => {
    let out = value
    if (scale[0] === undefined || booleanSetting(estimator, scale[0], true)) out = perColumn(context, 'Mul', out, asFloat64(arrayAttribute(estimator, scale[1], 1)))
    if (offset !== undefined && booleanSetting(estimator, offset[0], true)) out = perColumn(context, 'Add', out, asFloat64(arrayAttribute(estimator, offset[1], 1)))
    return out
  }
}

const minMaxBack: Inverse = (context, estimator, value) =>
  perColumn(context, 'Div', perColumn(context, 'Sub', value, asFloat64(arrayAttribute(estimator, 'min_', 1))), asFloat64(arrayAttribute(estimator, 'scale_', 1)))

const powerBack: Inverse = (context, estimator, value) => {
  const scaled = booleanSetting(estimator, 'standardize', true) ? inverseTransform(context, attribute(estimator, '_scaler'), value, placeOf(estimator, '_scaler')) : value
  const form = `${choice(estimator, 'method', ['yeo-johnson', 'box-cox'], 'yeo-johnson')}-inverse`
  return context.builder.add('mle.PowerTransform', [scaled, float64Constant(context, asFloat64(arrayAttribute(estimator, 'lambdas_', 1)))], { form })
}

const quantileBack: Inverse = (context, estimator, value) => {
  const quantiles = arrayAttribute(estimator, 'quantiles_', 2)
  const output = choice(estimator, 'output_distribution', ['uniform', 'normal'], 'uniform')
  const inputs = [value, float64Constant(context, asFloat64(quantiles), quantiles.shape), float64Constant(context, asFloat64(arrayAttribute(estimator, 'references_', 1)))]
  return context.builder.add('mle.QuantileMap', inputs, { output, inverse: 1 })
}

const functionBack: Inverse = (context, estimator, value) => {
  const keywords = estimator.state.get('inv_kw_args')
  if (keywords instanceof Map && keywords.size > 0) throw unsupportedSetting(estimator, 'inv_kw_args', ['none'])
  return applyFunction(context, estimator, 'inverse_func', value)
}

const pipelineBack: Inverse = (context, estimator, value) =>
  namedSteps(attribute(estimator, 'steps'), placeOf(estimator, 'steps')).reduceRight((current, { name, estimator: step }) => (isPlaceholder(step) ? current : inverseTransform(context, step, current, `Pipeline step ${name}`)), value)

const INVERSES: ReadonlyMap<string, Inverse> = new Map([
  ['StandardScaler', scaledBack(['with_mean', 'mean_'], ['with_std', 'scale_'])],
  ['RobustScaler', scaledBack(['with_centering', 'center_'], ['with_scaling', 'scale_'])],
  ['MaxAbsScaler', scaledBack(undefined, [undefined, 'scale_'])],
  ['MinMaxScaler', minMaxBack],
  ['PowerTransformer', powerBack],
  ['QuantileTransformer', quantileBack],
  ['FunctionTransformer', functionBack],
  ['Pipeline', pipelineBack],
])

/** What an estimator's inverse_transform makes of [batch, columns]. */
export function inverseTransform(context: SklearnContext, estimator: PyValue | undefined, value: ValueName, where: string): ValueName {
  const inverse = isPyObject(estimator) ? INVERSES.get(estimator.name) : undefined
  if (inverse === undefined || !isPyObject(estimator)) {
    throw new MleError('SKLEARN_UNSUPPORTED', `${where}: the inverse transform of ${describe(estimator)} is not known; known are ${[...INVERSES.keys()].join(', ')}`, { section: where })
  }
  return inverse(context, estimator, value)
}

const transformedTarget: EstimatorImporter = (context, estimator, x) => ({
  kind: 'regressor',
  predict: (): Result => {
    const predicted = context.importEstimator(attribute(estimator, 'regressor_'), x, placeOf(estimator, 'regressor_')).predict?.()
    if (predicted === undefined) throw unsupported(estimator, 'regressor_ does not predict')
    const columns = predicted.shape.length === 1 ? 1 : predicted.shape[1]
    const numbers = numbersOf(context, predicted)
    const value = inverseTransform(context, attribute(estimator, 'transformer_'), predicted.shape.length === 1 ? unsqueeze(context, numbers) : numbers, placeOf(estimator, 'transformer_'))
    return columns === 1 && numberSetting(estimator, '_training_dim', 1) === 1 ? vectorResult(squeeze(context, value)) : { value, dtype: 'float64', shape: ['batch', columns] }
  },
})

const ransac: EstimatorImporter = (context, estimator, x) => {
  const { predict } = withKind(context, attribute(estimator, 'estimator_'), x, placeOf(estimator, 'estimator_'))
  if (predict === undefined) throw unsupported(estimator, 'estimator_ does not predict')
  return { kind: 'regressor', predict }
}

// K(x, training rows) times dual coefficients.
const kernelRidge: EstimatorImporter = (context, estimator, x) => ({
  predict: (): Result => {
    const dual = arrayAttribute(estimator, 'dual_coef_')
    const targets = dual.shape.length === 1 ? 1 : dual.shape[1]
    const weights = float64Constant(context, transposed(asFloat64(dual), dual.shape[0], targets), [targets, dual.shape[0]], 'weights')
    const kernel = estimator.state.get('kernel')
    const setting = (name: string): number | undefined => {
      const value = optionalAttribute(estimator, name)
      return value === undefined ? undefined : asNumber(value, placeOf(estimator, name))
    }
    const fit = denseAttribute(estimator, 'X_fit_')
    const rows = rowsOf(fit, asFloat64(fit))
    // chi2 has a default gamma of its own; the settings of the others are always passed on.
    const similarities =
      kernel === 'precomputed' ? x.numbers(dual.shape[0]) : pairwiseKernel(context, estimator, kernel, x.numbers(rows.width), rows, { gamma: setting('gamma'), coef0: setting('coef0'), degree: setting('degree') })
    const value = context.builder.add('Gemm', [similarities, weights], { transB: 1 })
    return dual.shape.length === 1 ? vectorResult(squeeze(context, value)) : { value, dtype: 'float64', shape: ['batch', targets] }
  },
})

export const targets: readonly EstimatorEntry[] = [
  { names: ['TransformedTargetRegressor'], kind: 'regressor', importer: transformedTarget },
  { names: ['RANSACRegressor'], kind: 'regressor', importer: ransac },
  { names: ['KernelRidge'], kind: 'regressor', importer: kernelRidge },
]
