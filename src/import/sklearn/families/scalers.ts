// Scalers: one subtraction and one division per feature, NaN passing through.
import { arrayAttribute, asFloat64, asList, asNumber, attribute, isTuple, placeOf } from '../../pickle/index.ts'
import type { ValueName } from '../../../graph/builder.ts'
import { castTo, float64Constant, maxColumns, sumColumns, withScalar } from '../emit.ts'
import { matrixFeatures, type Features } from '../features.ts'
import { booleanSetting, choice, numberSetting } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, SklearnContext } from '../types.ts'

const perFeature = (context: SklearnContext, op: string, value: ValueName, data: Float64Array): ValueName => context.builder.add(op, [value, float64Constant(context, data, [1, data.length])])

const standard: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const mean = booleanSetting(estimator, 'with_mean', true) ? asFloat64(arrayAttribute(estimator, 'mean_', 1)) : undefined
    const scale = booleanSetting(estimator, 'with_std', true) ? asFloat64(arrayAttribute(estimator, 'scale_', 1)) : undefined
    return shifted(context, x, mean, scale, 'Div')
  },
})

const robust: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const center = booleanSetting(estimator, 'with_centering', true) ? asFloat64(arrayAttribute(estimator, 'center_', 1)) : undefined
    const scale = booleanSetting(estimator, 'with_scaling', true) ? asFloat64(arrayAttribute(estimator, 'scale_', 1)) : undefined
    return shifted(context, x, center, scale, 'Div')
  },
})

const maxAbs: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const scaled = shifted(context, x, undefined, asFloat64(arrayAttribute(estimator, 'scale_', 1)), 'Div')
    if (estimator.state.get('clip') !== true) return scaled
    const clipped = context.builder.add('Clip', [scaled.numbers(), float64Constant(context, [-1], []), float64Constant(context, [1], [])])
    return matrixFeatures(context, clipped, scaled.width, { names: x.names })
  },
})

function shifted(context: SklearnContext, x: Features, offset: Float64Array | undefined, scale: Float64Array | undefined, by: 'Div' | 'Mul'): Features {
  if (offset === undefined && scale === undefined) return x
  const width = (offset ?? scale)?.length
  let value = x.numbers(width)
  if (offset !== undefined) value = perFeature(context, 'Sub', value, offset)
  if (scale !== undefined) value = perFeature(context, by, value, scale)
  return matrixFeatures(context, value, width, { names: x.names })
}

// x * scale + min, in that order.
const minMax: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const scale = asFloat64(arrayAttribute(estimator, 'scale_', 1))
    const min = asFloat64(arrayAttribute(estimator, 'min_', 1))
    let value = perFeature(context, 'Mul', x.numbers(scale.length), scale)
    value = perFeature(context, 'Add', value, min)
    if (booleanSetting(estimator, 'clip', false)) {
      const range = attribute(estimator, 'feature_range')
      const [low, high] = isTuple(range) ? range.items : asList(range, placeOf(estimator, 'feature_range'))
      const bounds = [low, high].map((one) => float64Constant(context, [asNumber(one, placeOf(estimator, 'feature_range'))], []))
      value = context.builder.add('Clip', [value, ...bounds])
    }
    return matrixFeatures(context, value, scale.length, { names: x.names })
  },
})

/** Each row divided by its norm; rows of norm 0 stay. */
export function normalized(context: SklearnContext, value: ValueName, norm: 'l1' | 'l2' | 'max'): ValueName {
  const { builder } = context
  const absolute = norm === 'l2' ? builder.add('Mul', [value, value]) : builder.add('Abs', [value])
  let length = norm === 'max' ? maxColumns(context, absolute, true) : sumColumns(context, absolute, true)
  if (norm === 'l2') length = builder.add('Sqrt', [length])
  // Norms below 10 eps count as 0, as in scikit-learn since 0.24; earlier versions took only 0 itself, which no real row tells apart.
  const isZero = withScalar(context, 'Less', length, 10 * 2 ** -52)
  return builder.add('Div', [value, builder.add('Where', [isZero, float64Constant(context, [1], [1, 1]), length])])
}

const normalizer: EstimatorImporter = (context, estimator, x) => ({
  transform: () => matrixFeatures(context, normalized(context, x.numbers(), choice(estimator, 'norm', ['l1', 'l2', 'max'], 'l2')), x.width, { names: x.names }),
})

const binarizer: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const above = withScalar(context, 'Greater', x.numbers(), numberSetting(estimator, 'threshold', 0))
    return matrixFeatures(context, castTo(context, above, 'float64'), x.width, { names: x.names })
  },
})

export const scalers: readonly EstimatorEntry[] = [
  { names: ['StandardScaler'], kind: 'transformer', importer: standard },
  { names: ['RobustScaler'], kind: 'transformer', importer: robust },
  { names: ['MaxAbsScaler'], kind: 'transformer', importer: maxAbs },
  { names: ['MinMaxScaler'], kind: 'transformer', importer: minMax },
  { names: ['Normalizer'], kind: 'transformer', importer: normalizer },
  { names: ['Binarizer'], kind: 'transformer', importer: binarizer },
]
