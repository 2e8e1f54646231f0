// LightGBM text models -> Graph.
import { graphBuilder, type GraphBuilder, type ValueName } from '../../graph/builder.ts'
import type { Graph, Method } from '../../graph/graph.ts'
import type { Dim } from '../../ops/types.ts'
import { tableCategories } from './categories.ts'
import { flattenClasses, lowerLightgbm } from './lower.ts'
import { objectiveOf } from './objective.ts'
import { parseLightgbm, type LgbModel } from './text.ts'

/**
 * The graph of a text model: input X float64 [batch, features]; outputs `margin`, and by objective `value`,
 * `probabilities` and `label`, `leaf` and `contributions` (pred_contrib); method predict is Booster.predict.
 */
export function importLightgbm(bytes: Uint8Array): Graph {
  return lightgbmGraph(parseLightgbm(bytes))
}

/** The same for a model from elsewhere. */
export function lightgbmGraph(model: LgbModel): Graph {
  const builder = graphBuilder()
  const x = builder.input('X', { dtype: 'float64', shape: ['batch', model.featureCount] })
  const lowered = lowerLightgbm(builder, model, x)
  const { outputs } = lowered
  const { task, link } = objectiveOf(model)
  const methods: Method[] = []
  const shape: readonly Dim[] = outputs === 1 ? ['batch'] : ['batch', outputs]
  const output = (name: string, value: ValueName, outputShape: readonly Dim[], dtype: 'float64' | 'int32' = 'float64'): string => {
    builder.output(name, value, { dtype, shape: outputShape })
    return name
  }
  const flat = (value: ValueName): ValueName => (outputs === 1 ? builder.add('Squeeze', [value, axisOne(builder)]) : value)
  if (task === 'multiclass') {
    const probabilities = output('probabilities', lowered.prediction(), shape)
    output('label', builder.add('Cast', [builder.add('ArgMax', [lowered.prediction()], { axis: 1, keepdims: 0 })], { to: 'int32' }), ['batch'], 'int32')
    methods.push({ name: 'predict', outputs: [probabilities] }, { name: 'predict_proba', outputs: [probabilities] })
  } else {
    methods.push({ name: 'predict', outputs: [output('value', flat(lowered.prediction()), shape)] })
    if (task === 'binary' && link === 'logistic') {
      const one = builder.constant({ dtype: 'float64', shape: [], data: Float64Array.of(1) }, 'one')
      const both = builder.add('Concat', [builder.add('Sub', [one, lowered.prediction()]), lowered.prediction()], { axis: 1 })
      methods.push({ name: 'predict_proba', outputs: [output('probabilities', both, ['batch', 2])] })
    }
  }
  methods.push({ name: 'margin', outputs: [output('margin', flat(lowered.margin()), shape)] })
  builder.output('leaf', lowered.leaves(), { dtype: 'int32', shape: ['batch', model.trees.length] })
  methods.push({ name: 'leaf', outputs: ['leaf'] })
  const contributions = lowered.contributions()
  if (contributions !== undefined) {
    const columns = (model.featureCount + 1) * outputs
    builder.output('contributions', flattenClasses(builder, contributions, columns), { dtype: 'float64', shape: ['batch', columns] })
    methods.push({ name: 'contributions', outputs: ['contributions'] })
  }
  const { byFeature, note } = tableCategories(model)
  const unmatched: [string, string][] = note === undefined ? [] : [['pandas_categorical', model.pandasCategorical ?? '']]
  return builder.build({
    framework: 'lightgbm',
    frameworkVersion: model.version,
    estimator: `Booster:${model.objective.join(' ') || 'custom'}`,
    methods,
    columns: model.featureNames.length === model.featureCount ? model.featureNames.map((name, index) => ({ name, input: 'X', index, ...byFeature.get(index) })) : undefined,
    ...(note === undefined ? {} : { notes: [note] }),
    properties: [...lowered.properties(), ...unmatched],
  })
}

function axisOne(builder: GraphBuilder): ValueName {
  return builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) }, 'axis')
}
