// Models: layers one after the other (Sequential), or called on each other's outputs (Functional), nested in each other.
import type { Json, JsonObject } from '../json.ts'
import type { Net } from '../network/net.ts'
import { isObject, kerasError, nameOf, object, objects, serialized, shapeOf, unsupported, type Serialized } from './config.ts'
import type { CallArguments, Layer, Masked, ModelInfo } from './layer.ts'
import { operationNamed } from './operations.ts'
import { dtypeName, inputOf, ownShape, type NetworkInput } from './inputs.ts'
import { layerNamed } from './registry.ts'
import { recordingWeights, type Member, type Weights } from './weights.ts'

export interface Network {
  readonly inputs: readonly NetworkInput[]
  readonly outputNames: readonly string[]
  call(net: Net, inputs: readonly Masked[]): Masked[]
}

const MODELS = new Set(['Sequential', 'Functional', 'Model'])
/** Models in models; no real one is deeper. */
const MAX_DEPTH = 32

/** Reads a serialized model. Throws KERAS_CONFIG, KERAS_LAYER, KERAS_GRAPH, KERAS_UNSUPPORTED, KERAS_WEIGHTS. */
export function networkOf(model: Serialized, weights: Weights, info: ModelInfo, depth = 0): Network {
  if (depth > MAX_DEPTH) throw kerasError('KERAS_GRAPH', `models are nested deeper than ${MAX_DEPTH}`)
  if (model.className === 'Sequential') return sequential(model, weights, info, depth)
  if (MODELS.has(model.className)) return functional(model, weights, info, depth)
  throw unsupported(`model class ${JSON.stringify(model.className)}, which is defined in Python code that the file does not hold`)
}

/** The info with a function that makes layers, models among them. */
export function withLayers(info: Omit<ModelInfo, 'layer'>, depth = 0): ModelInfo {
  const own: ModelInfo = { ...info, layer: (one, where, weights) => layerOf(serialized(one, where), weights, own, depth) }
  return own
}

function layerOf(one: Serialized, weights: Weights, info: ModelInfo, depth: number): Layer {
  const name = nameOf(one.config)
  if (MODELS.has(one.className)) {
    const network = networkOf(one, weights, withLayers(info, depth + 1), depth + 1)
    return { className: one.className, name, inputs: network.inputs, call: (net, { inputs }) => network.call(net, inputs) }
  }
  refuseForeign(one, name)
  refuseQuantized(one, name)
  const operation = operationNamed(one)
  if (operation !== undefined) return { className: one.className, name, isOperation: true, call: operation }
  return { className: one.className, name, ...layerNamed(one.className, one.config)(one.config, weights, info, one.whole) }
}

const OWN_MODULES = /^(keras|tf_keras|builtins|tensorflow\.keras|tensorflow\.python\.keras)(\.|$)/

/** A class of the same name from another module is not Keras' own: nothing that a file names is ever imported. */
function refuseForeign({ className, whole }: Serialized, name: string): void {
  const module = whole.get('module')
  const registered = whole.get('registered_name')
  const isForeign = (typeof module === 'string' && !OWN_MODULES.test(module)) || (typeof registered === 'string' && registered.includes('>') && !registered.startsWith('keras>'))
  if (isForeign) throw kerasError('KERAS_LAYER', `layer ${JSON.stringify(name)} has the class ${JSON.stringify(className)} of ${JSON.stringify(module ?? registered)}, which is code of its own that is never run; export the model to ONNX with tf2onnx and import that`)
}

/** Keras 3 quantizes a layer's inputs anew at each call, by their range: floats would give other numbers. */
function refuseQuantized({ config }: Serialized, name: string): void {
  const policy = config.get('dtype')
  const inner = isObject(policy) ? policy.get('config') : undefined
  const written = typeof policy === 'string' ? policy : isObject(inner) ? inner.get('name') : undefined
  const isQuantized = (isObject(policy) && String(policy.get('class_name')).startsWith('Quantized')) || (typeof written === 'string' && written.includes('_from_'))
  if (isQuantized) throw unsupported(`layer ${JSON.stringify(name)}, which model.quantize() made compute in integers`)
}

/** Layers with the arrays that belong to each. */
function instantiate(parts: readonly Serialized[], weights: Weights, info: ModelInfo, depth: number): Layer[] {
  const { recorded } = weights
  // Where arrays are counted only, once is enough: twice at each level would take ages for models nested deep.
  if (recorded !== undefined) {
    return parts.map((one) => {
      const before = recorded.length
      const layer = layerOf(one, weights, info, depth)
      if (one.config.get('trainable') === false) for (let i = before; i < recorded.length; i++) recorded[i] = { ...recorded[i], trainable: false }
      return layer
    })
  }
  const members = parts.map((one): Member => {
    const { weights: recorder, specs } = recordingWeights()
    instantiate([one], recorder, info, depth)
    return { name: nameOf(one.config), className: one.className, specs }
  })
  const sources = weights.members(members)
  return parts.map((one, i) => layerOf(one, sources[i], info, depth))
}

function layerName(entry: JsonObject): string | undefined {
  const name = entry.get('name')
  return typeof name === 'string' ? name : undefined
}

/** A layer's entry in a model's list; its name may stand outside its configuration. */
function entryOf(entry: JsonObject, index: number): Serialized {
  const one = serialized(entry, `layer ${index}`)
  const outer = layerName(entry)
  if (one.config.has('name') || outer === undefined) return one
  return { ...one, config: new Map<string, Json>([...one.config, ['name', outer]]) }
}

const INPUT = 'InputLayer'

function sequential(model: Serialized, weights: Weights, info: ModelInfo, depth: number): Network {
  const parts = objects(model.config, 'layers').map(entryOf)
  if (parts.length === 0) throw kerasError('KERAS_CONFIG', `model ${JSON.stringify(nameOf(model.config))} has no layers`)
  const body = parts.filter((one) => one.className !== INPUT)
  if (body.length > 0 && body[0].className === 'Merge' && Array.isArray(body[0].config.get('layers'))) return mergedFirst(body, weights, info, depth)
  const layers = instantiate(body, weights, info, depth)
  const inputs = layers[0]?.inputs === undefined || parts[0].className === INPUT ? sequentialInputs(parts, model) : nestedInputs(layers[0], layers[0].inputs)
  return {
    inputs,
    outputNames: [body.length === 0 ? 'output' : nameOf(body[body.length - 1].config)],
    call: (net, given) => layers.reduce<readonly Masked[]>((values, layer) => called(net, layer, { inputs: values, tensors: new Map(), plain: new Map() }), given).slice(),
  }
}

/** Keras 1: a Sequential that begins by merging others. */
function mergedFirst(body: readonly Serialized[], weights: Weights, info: ModelInfo, depth: number): Network {
  const branches = objects(body[0].config, 'layers').map((one) => networkOf(serialized(one, 'branch of a Merge'), weights, info, depth + 1))
  const layers = instantiate(body, weights, info, depth)
  return {
    inputs: branches.flatMap((branch) => branch.inputs),
    outputNames: [nameOf(body[body.length - 1].config)],
    call(net, given) {
      let at = 0
      const first = branches.flatMap((branch) => branch.call(net, given.slice(at, (at += branch.inputs.length))))
      return layers.reduce<readonly Masked[]>((values, layer) => called(net, layer, { inputs: values, tensors: new Map(), plain: new Map() }), first).slice()
    },
  }
}

/** The inputs of a Sequential that begins with a model. */
function nestedInputs(first: Layer, inner: readonly NetworkInput[]): NetworkInput[] {
  return inner.map((one) => ({ ...one, name: inner.length === 1 ? `${first.name}_input` : one.name }))
}

function sequentialInputs(parts: readonly Serialized[], model: Serialized): NetworkInput[] {
  const [first] = parts
  if (first.className === INPUT) return [inputOf(first.config)]
  const wrapped = object(first.config, 'layer')
  const configs = [first.config, ...(wrapped === undefined ? [] : [serialized(wrapped, 'wrapped layer').config])]
  const built = object(model.whole, 'build_config') ?? new Map<string, Json>()
  const shape = configs.map(ownShape).find((one) => one !== undefined) ?? shapeOf(model.config.get('build_input_shape'), 'build_input_shape') ?? shapeOf(built.get('input_shape'), 'input_shape')
  if (shape === undefined) throw kerasError('KERAS_SHAPE', `model ${JSON.stringify(nameOf(model.config))} does not say what shape its input has; call model.build(shape) before it is saved`)
  const dtype = first.config.get('dtype') ?? first.config.get('input_dtype')
  return [{ name: `${nameOf(first.config)}_input`, dtype: dtypeName(dtype), shape }]
}

/** The call of a layer, with errors that name it. */
function called(net: Net, layer: Layer, given: CallArguments): Masked[] {
  net.count()
  const named = given.tensors.get('inputs') ?? given.tensors.get('sequences')
  const call = withMask(given.inputs.length === 0 && named !== undefined ? { ...given, inputs: named } : given)
  // Attention layers and operations may get all that they read by name.
  const reads = call.inputs.length > 0 || call.tensors.has('query') || (layer.isOperation === true && call.tensors.size > 0)
  if (!reads) throw kerasError('KERAS_GRAPH', `layer ${JSON.stringify(layer.name)} (${layer.className}) is called on nothing`)
  try {
    return layer.call(net, call)
  } catch (error) {
    throw atLayer(error, layer)
  }
}

/** A mask that the call passes, or one for each input, goes before those that the inputs bring along. */
function withMask(call: CallArguments): CallArguments {
  const masks = call.tensors.get('mask')
  if (masks === undefined || call.inputs.length === 0) return call
  return { ...call, inputs: call.inputs.map((one, i) => (masks[i] === undefined ? one : { ...one, mask: masks[i].value })) }
}

function atLayer(error: unknown, layer: Layer): unknown {
  if (!(error instanceof Error) || !('code' in error) || /^(KERAS|IMPORT_LIMIT)/.test(String(error.code))) return error
  return kerasError('KERAS_SHAPE', `layer ${JSON.stringify(layer.name)} (${layer.className}): ${error.message}`)
}

/** A tensor of the graph: which layer, which of its calls, which of its outputs. */
interface Reference {
  readonly layer: string
  readonly node: number
  readonly tensor: number
}

/** References in the nested lists that inputs, outputs and arguments are. */
function references(value: Json | undefined): Reference[] {
  if (value === undefined || value === null) return []
  const single = referenceOf(value)
  if (single !== undefined) return [single]
  if (Array.isArray(value)) return value.flatMap(references)
  return isObject(value) ? [...value.values()].flatMap(references) : []
}

function referenceOf(value: Json): Reference | undefined {
  if (Array.isArray(value) && (value.length === 3 || value.length === 4) && typeof value[0] === 'string' && typeof value[1] === 'number' && typeof value[2] === 'number' && value[1] >= 0) {
    return { layer: value[0], node: value[1], tensor: value[2] }
  }
  if (isObject(value) && value.get('class_name') === '__keras_tensor__') {
    const config = value.get('config')
    const history = isObject(config) ? config.get('keras_history') : undefined
    return history === undefined ? undefined : referenceOf(history)
  }
  return undefined
}

interface InboundCall {
  /** Positional arguments: tensors (lists flattened), or plain values. */
  readonly args: readonly (readonly Reference[] | { readonly plain: Json })[]
  readonly named: ReadonlyMap<string, readonly Reference[] | { readonly plain: Json }>
}

/** A call in the form of Keras 1 and 2, a list of [layer, node, tensor, keywords], or of Keras 3, args and kwargs. */
function inboundCall(value: Json): InboundCall {
  const argument = (one: Json): readonly Reference[] | { readonly plain: Json } => {
    const found = references(one)
    return found.length > 0 ? found : { plain: one }
  }
  const keywords = (one: Json | undefined): [string, readonly Reference[] | { readonly plain: Json }][] => (isObject(one) ? [...one].map(([key, item]) => [key, argument(item)]) : [])
  if (isObject(value)) {
    const args = value.get('args')
    return { args: Array.isArray(args) ? args.map(argument) : [], named: new Map(keywords(value.get('kwargs'))) }
  }
  if (!Array.isArray(value)) throw kerasError('KERAS_GRAPH', 'a call of a layer is neither a list nor an object')
  // A call on one tensor may stand without its list.
  const list = typeof value[0] === 'string' ? [value] : value
  const named = new Map<string, readonly Reference[] | { readonly plain: Json }>()
  const args: (readonly Reference[] | { readonly plain: Json })[] = []
  for (const one of list) {
    if (!Array.isArray(one)) throw kerasError('KERAS_GRAPH', 'an input of a layer is not a list')
    if (one[0] === '_CONSTANT_VALUE') args.push({ plain: one[2] })
    else args.push(argument(one.slice(0, 3)))
    for (const [key, item] of keywords(one[3])) named.set(key, item)
  }
  return { args, named }
}

function functional(model: Serialized, weights: Weights, info: ModelInfo, depth: number): Network {
  const { config } = model
  if (!config.has('layers') || !config.has('output_layers')) throw unsupported(`model ${JSON.stringify(nameOf(config))} of class ${model.className} without a list of layers, which is defined in Python code`)
  const entries = objects(config, 'layers')
  const parts = entries.map(entryOf)
  const names = entries.map((entry, i) => layerName(entry) ?? nameOf(parts[i].config))
  const layers = instantiate(parts.map((one) => one), weights, info, depth)
  const index = new Map(names.map((name, i) => [name, i]))
  const calls = entries.map((entry) => {
    const nodes = entry.get('inbound_nodes')
    return Array.isArray(nodes) ? nodes.map(inboundCall) : []
  })
  const inputRefs = references(config.get('input_layers'))
  const outputRefs = references(config.get('output_layers'))
  const inputs = inputRefs.map(({ layer }) => {
    const at = index.get(layer)
    if (at === undefined || parts[at].className !== INPUT) throw kerasError('KERAS_GRAPH', `model input ${JSON.stringify(layer)} is not an InputLayer`)
    return { ...inputOf(parts[at].config), name: layer }
  })
  // A model counts the call that made it, which its list of calls leaves out: numbers then begin at 1.
  const highest = new Map<string, number>()
  const allRefs = [...outputRefs, ...calls.flat().flatMap(({ args, named }) => [...args, ...named.values()].flatMap((one) => ('plain' in one ? [] : one)))]
  for (const { layer, node } of allRefs) highest.set(layer, Math.max(node, highest.get(layer) ?? 0))
  const skipped = parts.map((one, at) => (MODELS.has(one.className) && (highest.get(names[at]) ?? 0) >= calls[at].length ? 1 : 0))
  return {
    inputs,
    outputNames: outputNames(config.get('output_layers'), outputRefs),
    call(net, given) {
      const results = new Map<string, Masked[]>()
      const active = new Set<string>()
      inputRefs.forEach(({ layer }, i) => {
        if (given[i] === undefined) throw kerasError('KERAS_GRAPH', `model ${JSON.stringify(nameOf(config))} gets ${given.length} inputs, expected ${inputRefs.length}`)
        results.set(`${layer}/0`, [given[i]])
      })
      const value = ({ layer, node, tensor }: Reference): Masked => {
        const at = index.get(layer)
        if (at === undefined) throw kerasError('KERAS_GRAPH', `the graph names layer ${JSON.stringify(layer)}, which the model does not have`)
        const outputs = run(at, nodeOf(at, node))
        const found = outputs[tensor]
        if (found === undefined) throw kerasError('KERAS_GRAPH', `layer ${JSON.stringify(layer)} has ${outputs.length} outputs, output ${tensor} is asked for`)
        return found
      }
      const nodeOf = (at: number, node: number): number => (parts[at].className === INPUT ? 0 : node - skipped[at])
      const run = (at: number, node: number): Masked[] => {
        const key = `${names[at]}/${node}`
        const known = results.get(key)
        if (known !== undefined) return known
        const inbound = calls[at][node]
        if (inbound === undefined) throw kerasError('KERAS_GRAPH', `layer ${JSON.stringify(names[at])} is called ${calls[at].length} times, call ${node} is asked for`)
        if (active.has(key)) throw kerasError('KERAS_GRAPH', `layer ${JSON.stringify(names[at])} depends on itself`)
        if (active.size > MAX_CHAIN) throw kerasError('KERAS_GRAPH', `layers depend on each other over more than ${MAX_CHAIN} steps`)
        active.add(key)
        const tensors = new Map<string, readonly Masked[]>()
        const plain = new Map<string, Json>()
        const own: Masked[] = []
        inbound.args.forEach((one, i) => ('plain' in one ? plain.set(String(i), one.plain) : own.push(...one.map(value))))
        for (const [name, one] of inbound.named) {
          if ('plain' in one) plain.set(name, one.plain)
          else tensors.set(name, one.map(value))
        }
        active.delete(key)
        const made = called(net, layers[at], { inputs: own, tensors, plain })
        results.set(key, made)
        return made
      }
      // In the order of the file first, so that long chains do not pile up calls.
      for (let at = 0; at < layers.length; at++) for (let node = 0; node < calls[at].length; node++) if (isReady(calls[at][node])) run(at, node)
      return outputRefs.map(value)

      function isReady({ args, named }: InboundCall): boolean {
        return [...args, ...named.values()].every((one) => 'plain' in one || one.every((ref) => {
          const at = index.get(ref.layer)
          return at !== undefined && results.has(`${ref.layer}/${nodeOf(at, ref.node)}`)
        }))
      }
    },
  }
}

/** Layers in a row that wait for each other; deeper than the deepest known networks. */
const MAX_CHAIN = 2000

/** Names of the outputs: keys of a dictionary, else the layers that make them. */
function outputNames(value: Json | undefined, refs: readonly Reference[]): string[] {
  const given = isObject(value) && value.size === refs.length ? [...value.keys()] : refs.map((ref) => ref.layer)
  const seen = new Map<string, number>()
  return given.map((name) => {
    const count = seen.get(name) ?? 0
    seen.set(name, count + 1)
    return count === 0 ? name : `${name}_${count}`
  })
}
