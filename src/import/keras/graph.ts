// A model of any of the file formats -> Graph.
import type { Graph } from '../../graph/graph.ts'
import type { Dim } from '../../ops/types.ts'
import type { DType } from '../../tensor/index.ts'
import type { Json } from '../json.ts'
import { createNet } from '../network/net.ts'
import { pruneGraph } from '../../graph/prune.ts'
import { isObject, type Serialized } from './config.ts'
import { inputDtype } from './inputs.ts'
import { networkOf, withLayers } from './network.ts'
import type { Weights } from './weights.ts'

export interface Source {
  readonly version: string
  readonly backend?: string
  /** Made by TensorFlow.js itself, not converted from Keras. */
  readonly isTfjs: boolean
  readonly framework: 'keras' | 'tensorflow.js'
}

/** 1, 2 or 3; what TensorFlow.js writes is in the form of Keras 2. */
function majorOf(source: Source): number {
  if (source.isTfjs) return 2
  const major = Number.parseInt(source.version, 10)
  return major === 1 || major >= 3 ? major : 2
}

/** float64 where a layer computes in it, else float32. */
function floatOf(model: Json): DType {
  const stack: Json[] = [model]
  while (stack.length > 0) {
    const next = stack.pop()
    if (Array.isArray(next)) stack.push(...next)
    else if (isObject(next)) {
      const dtype = next.get('dtype')
      const name = isObject(dtype) && isObject(dtype.get('config')) ? dtype.get('config') : dtype
      if (name === 'float64' || (isObject(name) && name.get('name') === 'float64')) return 'float64'
      for (const [key, value] of next) if (key !== 'kernel_initializer' && key !== 'bias_initializer') stack.push(value)
    }
  }
  return 'float32'
}

/** The graph of a model. Throws KERAS_*. */
export function buildGraph(model: Serialized, weights: Weights, source: Source): Graph {
  const notes: string[] = []
  const info = withLayers({
    major: majorOf(source), version: source.version, backend: source.backend, isTfjs: source.isTfjs,
    note: (text) => {
      if (!notes.includes(text)) notes.push(text)
    },
  })
  const network = networkOf(model, weights, info)
  const net = createNet(floatOf(model.whole))
  const inputs = network.inputs.map(({ name, dtype, shape }) => {
    const dims = shape.map((dim, axis): Dim => (axis === 0 ? 'batch' : (dim ?? `${name}.${axis}`)))
    return { value: net.input(name, inputDtype(dtype, net.dtype), dims) }
  })
  const outputs = network.call(net, inputs)
  const taken = new Set(network.inputs.map((one) => one.name))
  const names = outputs.map((_, i) => {
    const base = network.outputNames[i] ?? `${network.outputNames[0]}_${i}`
    let name = taken.has(base) ? `${base}_output` : base
    for (let n = 1; taken.has(name); n++) name = `${base}_output_${n}`
    taken.add(name)
    return name
  })
  outputs.forEach(({ value }, i) => net.output(names[i], value))
  const modelName = model.config.get('name')
  return pruneGraph(net.build({
    name: typeof modelName === 'string' ? modelName : undefined,
    framework: source.framework,
    frameworkVersion: source.version,
    estimator: model.className,
    methods: [{ name: 'predict', outputs: names }],
    ...(notes.length === 0 ? {} : { notes }),
  }))
}
