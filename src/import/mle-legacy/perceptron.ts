// MLPClassifier and MLPRegressor. The exporters wrote ReLU or GELU for any activation; the true one is among the settings.
import { graphBuilder, type GraphBuilder, type ValueName } from '../../graph/builder.ts'
import type { Method } from '../../graph/graph.ts'
import { requireShape } from './arrays.ts'
import { legacyError } from './error.ts'
import { isWidened, narrowed, type Layer } from './linear.ts'
import { textParameter, type LegacyMetadata } from './metadata.ts'
import { LABEL_NOTE, type Lowered } from './rebuild.ts'

const ACTIVATIONS: ReadonlyMap<string, string | undefined> = new Map([['relu', 'Relu'], ['tanh', 'Tanh'], ['logistic', 'Sigmoid'], ['identity', undefined]])

/** Layers and the setting `activation`; `endsInSoftmax` tells several classes from several labels. Throws LEGACY_SHAPE, LEGACY_LOST. */
export function lowerPerceptron(metadata: LegacyMetadata, layers: readonly Layer[], endsInSoftmax: boolean): Lowered {
  const isClassifier = metadata.modelType !== 'MLPRegressor'
  const name = textParameter(metadata, 'activation')
  if (name === undefined || !ACTIVATIONS.has(name)) {
    throw legacyError('LEGACY_LOST', `the activation of ${metadata.modelType} is ${JSON.stringify(name ?? 'not in the file')}; the operators of the file do not say it, because several were written as one`)
  }
  const activation = ACTIVATIONS.get(name)
  const builder = graphBuilder()
  const x = builder.input('X', { dtype: 'float64', shape: ['batch', layers[0].inputs] })
  const last = layers[layers.length - 1]
  const final = isClassifier && isWidened(last) ? narrowed(last) : last
  let value = x
  layers.forEach((layer, i) => {
    requireShape(i === 0 || layer.inputs === layers[i - 1].outputs, `layer ${i} takes ${layer.inputs} numbers, the one before gives ${layers[i - 1]?.outputs}`)
    value = addLayer(builder, value, i === layers.length - 1 ? final : layer)
    if (i < layers.length - 1 && activation !== undefined) value = builder.add(activation, [value])
  })
  const squeezed = (one: ValueName): ValueName => builder.add('Squeeze', [one, axis(builder)])
  const methods: Method[] = []
  const about = { framework: 'scikit-learn', ...(metadata.frameworkVersion === undefined ? {} : { frameworkVersion: metadata.frameworkVersion }), estimator: metadata.modelType, methods }
  if (!isClassifier) {
    const isVector = final.outputs === 1
    builder.output('value', isVector ? squeezed(value) : value, { dtype: 'float64', shape: isVector ? ['batch'] : ['batch', final.outputs] })
    methods.push({ name: 'predict', outputs: ['value'] })
    return { graph: builder.build(about), notes: [] }
  }
  const half = builder.constant({ dtype: 'float64', shape: [], data: Float64Array.of(0.5) }, 'half')
  const classes = final.outputs === 1 ? 2 : final.outputs
  const isMultilabel = final.outputs > 1 && !endsInSoftmax
  let probabilities: ValueName
  let label: ValueName
  if (isMultilabel) {
    probabilities = builder.add('Sigmoid', [value])
    label = builder.add('Cast', [builder.add('Greater', [probabilities, half])], { to: 'int32' })
  } else if (final.outputs === 1) {
    const p = builder.add('Sigmoid', [value])
    const one = builder.constant({ dtype: 'float64', shape: [], data: Float64Array.of(1) }, 'one')
    probabilities = builder.add('Concat', [builder.add('Sub', [one, p]), p], { axis: 1 })
    label = builder.add('Cast', [squeezed(builder.add('Greater', [p, half]))], { to: 'int32' })
  } else {
    probabilities = builder.add('Softmax', [value], { axis: 1 })
    label = builder.add('Cast', [builder.add('ArgMax', [probabilities], { axis: 1, keepdims: 0 })], { to: 'int32' })
  }
  builder.output('label', label, { dtype: 'int32', shape: isMultilabel ? ['batch', classes] : ['batch'] }, 'int64')
  builder.output('probabilities', probabilities, { dtype: 'float64', shape: ['batch', classes] })
  builder.output('log_probabilities', builder.add('Log', [probabilities]), { dtype: 'float64', shape: ['batch', classes] })
  methods.push({ name: 'predict', outputs: ['label'] }, { name: 'predict_proba', outputs: ['probabilities'] }, { name: 'predict_log_proba', outputs: ['log_probabilities'] })
  if (isMultilabel) return { graph: builder.build(about), notes: [] }
  return { graph: builder.build({ ...about, classes: [Array.from({ length: classes }, (_, i) => i)] }), notes: [LABEL_NOTE] }
}

function addLayer(builder: GraphBuilder, x: ValueName, { weights, bias, inputs, outputs }: Layer): ValueName {
  return builder.add('Gemm', [
    x,
    builder.constant({ dtype: 'float64', shape: [outputs, inputs], data: weights }, 'weights'),
    builder.constant({ dtype: 'float64', shape: [outputs], data: bias }, 'bias'),
  ], { transB: 1 })
}

function axis(builder: GraphBuilder): ValueName {
  return builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) }, 'axis')
}
