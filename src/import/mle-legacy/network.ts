// Networks of PyTorch and Keras, and whatever has no estimator of its own: the nodes as they stand, in float32.
import { graphBuilder, type GraphBuilder, type ValueName } from '../../graph/builder.ts'
import { float64Of, requireParameters, requireShape } from './arrays.ts'
import { legacyError } from './error.ts'
import { layerOf } from './linear.ts'
import type { LegacyMetadata } from './metadata.ts'
import type { Lowered } from './rebuild.ts'
import type { LegacyModel, Step } from './steps.ts'

const SQRT_HALF = Math.SQRT1_2
const SQRT_2_OVER_PI = 0.7978845608028654

/** Keras' default; nn.LayerNorm was never exported. */
const KERAS_EPSILON = 1e-3
const ENGINE_EPSILON = 1e-5

interface Value {
  readonly name: ValueName
  /** Columns, 0 where the file does not say. */
  readonly width: number
}

/** Lowers nodes one by one. Throws LEGACY_OPERATOR for those that only models of their own have, LEGACY_SHAPE. */
export function lowerNetwork(model: LegacyModel, metadata: LegacyMetadata, isTransposed: (step: Step) => boolean): Lowered {
  const builder = graphBuilder()
  const firstLinear = model.steps.find((step) => step.op === 'Linear')
  const width = firstLinear !== undefined && firstLinear === model.steps[0] ? layerOf(firstLinear, isTransposed(firstLinear)).inputs : model.width
  const values = new Map<number, Value>([[model.input, { name: builder.input('X', { dtype: 'float32', shape: ['batch', width || null] }), width }]])
  const notes = new Set<string>()
  for (const step of model.steps) {
    const inputs = step.inputs.map((id) => {
      const value = values.get(id)
      if (value === undefined) throw legacyError('LEGACY_GRAPH', `a node reads tensor ${id} before a node makes it`)
      return value
    })
    values.set(step.output, lowerStep(builder, step, inputs, metadata, isTransposed, notes))
  }
  const result = values.get(model.output)
  if (result === undefined) throw legacyError('LEGACY_GRAPH', `no node makes the output, tensor ${model.output}`)
  builder.output('output', result.name, { dtype: 'float32', shape: ['batch', result.width || null] })
  if (metadata.framework === 'pytorch') {
    notes.add('only Linear, ReLU and GELU modules are in the file, in the order in which they were registered; forward() and other modules are lost, so compare with the original')
  } else if (metadata.framework === 'tensorflow') {
    notes.add('activations that belong to a Dense layer, Dense layers without bias and layers of other kinds are lost, so compare with the original')
  }
  const graph = builder.build({
    ...(metadata.framework === '' ? {} : { framework: metadata.framework }),
    ...(metadata.frameworkVersion === undefined ? {} : { frameworkVersion: metadata.frameworkVersion }),
    ...(metadata.modelType === '' ? {} : { estimator: metadata.modelType }),
    methods: [{ name: 'predict', outputs: ['output'] }],
  })
  return { graph, notes: [...notes] }
}

function lowerStep(builder: GraphBuilder, step: Step, inputs: readonly Value[], metadata: LegacyMetadata, isTransposed: (step: Step) => boolean, notes: Set<string>): Value {
  const [x] = inputs
  const scalar = (value: number): ValueName => builder.constant({ dtype: 'float32', shape: [], data: Float32Array.of(value) }, 'scalar')
  const arity = step.op === 'MatMul' || step.op === 'Add' || step.op === 'Mul' ? 2 : 1
  if (inputs.length !== arity) throw legacyError('LEGACY_GRAPH', `${step.op} has ${inputs.length} inputs, expected ${arity}`)
  switch (step.op) {
    case 'Linear': {
      const layer = layerOf(step, isTransposed(step))
      requireShape(x.width === 0 || x.width === layer.inputs, `a Linear node takes ${layer.inputs} numbers, what it reads has ${x.width}`)
      const name = builder.add('Gemm', [
        x.name,
        builder.constant({ dtype: 'float32', shape: [layer.outputs, layer.inputs], data: Float32Array.from(layer.weights) }, 'weights'),
        builder.constant({ dtype: 'float32', shape: [layer.outputs], data: Float32Array.from(layer.bias) }, 'bias'),
      ], { transB: 1 })
      return { name, width: layer.outputs }
    }
    case 'Relu':
      if (metadata.framework === 'tensorflow') notes.add('ReLU may stand for a LeakyReLU layer, whose slope is lost')
      return { ...x, name: builder.add('Relu', [x.name]) }
    case 'Gelu': {
      // x times half of 1 + erf(x / sqrt 2), which is what PyTorch and Keras compute by default; the old engine took the tanh form.
      const isErf = metadata.framework === 'pytorch' || metadata.framework === 'tensorflow'
      if (isErf) {
        const swish = metadata.framework === 'tensorflow' ? ', or a swish activation written as GELU' : ''
        notes.add(`GELU is computed with the error function, the default of ${metadata.framework}; the file does not say whether the tanh form was asked for${swish}`)
      }
      const half = builder.add('Mul', [x.name, scalar(0.5)])
      const inner = isErf
        ? builder.add('Erf', [builder.add('Mul', [x.name, scalar(SQRT_HALF)])])
        : builder.add('Tanh', [builder.add('Mul', [scalar(SQRT_2_OVER_PI), builder.add('Add', [x.name, builder.add('Mul', [scalar(0.044715), cube(builder, x.name)])])])])
      return { ...x, name: builder.add('Mul', [half, builder.add('Add', [scalar(1), inner])]) }
    }
    case 'Softmax':
      return { ...x, name: builder.add('Softmax', [x.name], { axis: -1 }) }
    case 'LayerNorm': {
      requireParameters(step.op, step.parameters, [2])
      const [gamma, beta] = step.parameters.map((one) => Float32Array.from(float64Of(one)))
      requireShape(gamma.length === beta.length && (x.width === 0 || x.width === gamma.length), `a LayerNorm of ${gamma.length} and ${beta.length} numbers reads ${x.width}`)
      const isKeras = metadata.framework === 'tensorflow'
      if (isKeras) notes.add(`the epsilon of LayerNormalization is not in the file; ${KERAS_EPSILON}, the default of Keras, is used`)
      const axis = builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(-1n) }, 'axis')
      const centered = builder.add('Sub', [x.name, builder.add('ReduceMean', [x.name, axis], { keepdims: 1 })])
      const variance = builder.add('ReduceMean', [builder.add('Mul', [centered, centered]), axis], { keepdims: 1 })
      const deviation = builder.add('Sqrt', [builder.add('Add', [variance, scalar(isKeras ? KERAS_EPSILON : ENGINE_EPSILON)])])
      const row = (data: Float32Array, hint: string): ValueName => builder.constant({ dtype: 'float32', shape: [data.length], data }, hint)
      return { name: builder.add('Add', [builder.add('Mul', [builder.add('Div', [centered, deviation]), row(gamma, 'gamma')]), row(beta, 'beta')]), width: gamma.length }
    }
    case 'Dropout':
      return x
    case 'Add':
    case 'Mul':
      requireShape(x.width === inputs[1].width, `${step.op} reads ${x.width} and ${inputs[1].width} columns`)
      return { ...x, name: builder.add(step.op, [x.name, inputs[1].name]) }
    case 'MatMul':
      return { name: builder.add('MatMul', [x.name, inputs[1].name]), width: inputs[1].width }
    default:
      throw legacyError('LEGACY_OPERATOR', `operator ${step.op} is not read as part of a network`)
  }
}

function cube(builder: GraphBuilder, x: ValueName): ValueName {
  return builder.add('Mul', [builder.add('Mul', [x, x]), x])
}
