// Weights and an architecture file -> Graph. docs/architecture-files.md describes the forms: a list of layers, a printed model, a model's Python source.
import { MleError } from '../../../error.ts'
import type { Graph } from '../../../graph/graph.ts'
import { isDType, type DType, type Tensor } from '../../../tensor/index.ts'
import { parseJson, type Json, type JsonObject } from '../../json.ts'
import { architectureError, findLayer, type Weights } from '../layers/index.ts'
import { traceGraph, type InputSpec } from '../trace/session.ts'
import { float, tuple, type TensorValue, type Value } from '../trace/values.ts'
import { rankOrder } from '../trace/ranks.ts'
import { createWorld, placeModules, type ModuleClass } from './modules.ts'
import { runLayers, type LayerEntry } from './layers.ts'
import { parsePrinted, printedModule, type PrintedModule } from './printed.ts'
import { forwardInputs, methodsOf, sourceModel } from './source.ts'
import { createTracer, type Tracer } from '../trace/tracer.ts'

interface Architecture {
  readonly inputs: readonly InputSpec[] | undefined
  readonly outputs: readonly string[] | undefined
  /** Names for the outputs of a model; layers name theirs by `outputs`. */
  readonly prefix: string
  /** Beginnings of names of tensors that may stay unused. */
  readonly ignore: readonly string[]
  readonly layers?: readonly LayerEntry[]
  readonly printed?: PrintedModule
  readonly classes: ReadonlyMap<string, ModuleClass>
  readonly settings: ReadonlyMap<string, ReadonlyMap<string, Value>>
  readonly source?: { readonly text: string; readonly name: string; readonly className?: string; readonly args: ReadonlyMap<string, Value> }
}

const FIELDS = ['inputs', 'outputs', 'prefix', 'ignore', 'layers', 'model', 'forward', 'settings', 'source', 'class', 'arguments', 'comment']
const MAX_LAYERS = 10_000
const MAX_DEPTH = 32

function syntax(message: string): Error {
  return architectureError('ARCHITECTURE_SYNTAX', `architecture file: ${message}`)
}

/** Text of an architecture file in any of its forms: JSON, what print(model) shows, or Python. */
function parseArchitecture(text: string): Architecture {
  const start = text.trimStart()
  const plain = { inputs: undefined, outputs: undefined, prefix: '', ignore: [], classes: new Map(), settings: new Map() }
  if (start.startsWith('{')) {
    const json = parseJson(new TextEncoder().encode(text), 'architecture file')
    if (!(json instanceof Map)) throw syntax('it is no JSON object')
    return fromJson(json)
  }
  if (/^(?:import|from)\s/m.test(start) || /^\s*(?:class|def)\s/m.test(start)) return { ...plain, source: { text, name: 'model source', args: new Map() } }
  return { ...plain, printed: parsePrinted(text) }
}

function fromJson(json: JsonObject): Architecture {
  for (const key of json.keys()) if (!FIELDS.includes(key)) throw syntax(`the field ${JSON.stringify(key)} is not known; known are ${FIELDS.join(', ')}`)
  const forms = ['layers', 'model', 'source'].filter((key) => json.has(key))
  if (forms.length !== 1) throw syntax(`it needs exactly one of layers, model and source, got ${forms.length === 0 ? 'none' : forms.join(' and ')}`)
  const classes = new Map<string, ModuleClass>()
  for (const [type, value] of objectOf(json.get('forward'), 'forward')) classes.set(type, methodsOf(textOf(value, `forward.${type}`), type))
  const settings = new Map<string, ReadonlyMap<string, Value>>()
  for (const [key, value] of objectOf(json.get('settings'), 'settings')) settings.set(key, valuesOf(objectOf(value, `settings.${key}`)))
  const className = json.get('class')
  return {
    inputs: inputsOf(json.get('inputs')),
    outputs: json.has('outputs') ? namesOf(json.get('outputs'), 'outputs') : undefined,
    prefix: json.has('prefix') ? textOf(json.get('prefix'), 'prefix') : '',
    ignore: json.has('ignore') ? namesOf(json.get('ignore'), 'ignore') : [],
    layers: json.has('layers') ? layersOf(json.get('layers'), 'layers', 0) : undefined,
    printed: json.has('model') ? parsePrinted(textOf(json.get('model'), 'model')) : undefined,
    classes, settings,
    source: json.has('source') ? { text: textOf(json.get('source'), 'source'), name: 'source', className: className === undefined ? undefined : textOf(className, 'class'), args: valuesOf(objectOf(json.get('arguments'), 'arguments')) } : undefined,
  }
}

function objectOf(value: Json | undefined, where: string): JsonObject {
  if (value === undefined) return new Map()
  if (!(value instanceof Map)) throw syntax(`${where} is no object`)
  return value
}

/** A text, or lines of one. */
function textOf(value: Json | undefined, where: string): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value) && value.every((line) => typeof line === 'string')) return value.join('\n')
  throw syntax(`${where} is no text`)
}

function namesOf(value: Json | undefined, where: string): string[] {
  const items = Array.isArray(value) ? value : [value]
  return items.map((item) => {
    if (typeof item !== 'string' || item === '') throw syntax(`${where} holds ${JSON.stringify(item ?? null)}, expected names`)
    return item
  })
}

function valueOf(value: Json): Value {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number') return Number.isInteger(value) ? value : float(value)
  if (Array.isArray(value)) return tuple(value.map(valueOf))
  return { kind: 'dict', entries: new Map([...value].map(([key, item]): [string, Value] => [key, valueOf(item)])) }
}

const valuesOf = (object: JsonObject): Map<string, Value> => new Map([...object].map(([key, value]): [string, Value] => [key, valueOf(value)]))

function inputsOf(value: Json | undefined): InputSpec[] | undefined {
  if (value === undefined) return undefined
  return [...objectOf(value, 'inputs')].map(([name, spec]) => {
    const object = objectOf(spec, `inputs.${name}`)
    for (const key of object.keys()) if (key !== 'dtype' && key !== 'shape') throw syntax(`inputs.${name} has the field ${JSON.stringify(key)}; known are dtype and shape`)
    const dtype = object.get('dtype')
    const shape = object.get('shape')
    if (dtype !== undefined && !(isDType(dtype) && dtype !== 'string')) throw syntax(`inputs.${name} has the dtype ${JSON.stringify(dtype)}`)
    if (shape !== undefined && !(Array.isArray(shape) && shape.every((dim) => (typeof dim === 'number' && Number.isSafeInteger(dim) && dim >= 0) || (typeof dim === 'string' && /^[A-Za-z_]\w*$/.test(dim))))) {
      throw syntax(`inputs.${name} has the shape ${JSON.stringify(shape)}, expected counts and names`)
    }
    return { name, dtype: dtype as DType | undefined, shape: shape as (number | string)[] | undefined }
  })
}

const ENTRY_FIELDS = new Set(['type', 'name', 'as', 'from', 'layers', 'repeat', 'comment'])

function layersOf(value: Json | undefined, where: string, depth: number): LayerEntry[] {
  if (!Array.isArray(value) || value.length === 0) throw syntax(`${where} is no list of layers`)
  if (value.length > MAX_LAYERS || depth > MAX_DEPTH) throw syntax(`${where} holds more than ${MAX_LAYERS} layers or ${MAX_DEPTH} levels`)
  return value.map((item, i): LayerEntry => {
    const own = `${where}[${i}]`
    if (!(item instanceof Map)) throw syntax(`${own} is no object`)
    const type = textOf(item.get('type'), `${own}.type`)
    const repeat = item.get('repeat')
    if (repeat !== undefined && !(typeof repeat === 'number' && Number.isSafeInteger(repeat) && repeat >= 1 && repeat <= 1000)) throw syntax(`${own}.repeat is ${JSON.stringify(repeat)}, expected 1 to 1000`)
    return {
      type, where: own, repeat,
      name: item.has('name') ? textOf(item.get('name'), `${own}.name`) : '',
      as: item.has('as') ? namesOf(item.get('as'), `${own}.as`) : [],
      from: item.has('from') ? namesOf(item.get('from'), `${own}.from`) : undefined,
      layers: item.has('layers') ? layersOf(item.get('layers'), `${own}.layers`, depth + 1) : undefined,
      settings: new Map([...item].filter(([key]) => !ENTRY_FIELDS.has(key)).map(([key, setting]): [string, Value] => [key, valueOf(setting)])),
    }
  })
}

/** Tensors that no forward needs. */
const BOOKKEEPING = /(^|\.)(num_batches_tracked|position_ids|_float_tensor)$/

/** Wrappers that checkpoints put around a state dict. */
const WRAPPERS = ['', 'state_dict.', 'model_state_dict.', 'model.', 'module.', 'net.', 'network.', 'state_dict.model.', 'state_dict.module.', 'model_state_dict.module.', 'model.module.', 'ema.', 'params.', '_orig_mod.']

/**
 * The graph of weights under an architecture.
 *
 * @param text an architecture file: JSON, a printed model, or Python
 * @param shapes of inputs, which go before those of the file
 * @throws MleError ARCHITECTURE_*: _SYNTAX, _LAYER, _SETTING, _REFERENCE, _FORWARD, _MISSING, _EXTRA, _SHAPE; PYTORCH_* for text that cannot be followed
 */
export function importArchitecture(tensors: ReadonlyMap<string, Tensor>, text: string, shapes: ReadonlyMap<string, Omit<InputSpec, 'name'>>, framework: string): Graph {
  const architecture = parseArchitecture(text)
  const prefixes = architecture.prefix !== '' ? [architecture.prefix] : WRAPPERS.filter((prefix) => prefix === '' || [...tensors.keys()].some((name) => name.startsWith(prefix)))
  let failure: unknown
  for (const prefix of prefixes) {
    try {
      return attempt(tensors, architecture, prefix, shapes, framework)
    } catch (error) {
      // Layers without tensors of their own miss nothing where the others lie.
      if (!(error instanceof MleError && (error.code === 'ARCHITECTURE_MISSING' || error.code === 'ARCHITECTURE_EXTRA'))) throw error
      failure ??= error
    }
  }
  throw failure
}

function attempt(tensors: ReadonlyMap<string, Tensor>, architecture: Architecture, prefix: string, shapes: ReadonlyMap<string, Omit<InputSpec, 'name'>>, framework: string): Graph {
  const weights: Weights = { tensors, used: new Set(), prefix }
  const types = new Set<string>()
  const plan = planOf(architecture, weights, types)
  const inputs = (architecture.inputs ?? plan.inputs.map((name): InputSpec => ({ name }))).map((input): InputSpec => ({ ...input, ...shapes.get(input.name) }))
  for (const name of shapes.keys()) if (!inputs.some((input) => input.name === name)) throw architectureError('ARCHITECTURE_REFERENCE', `a shape is given for ${name}, but the inputs are ${inputs.map((input) => input.name).join(', ')}`)
  const graph = traceGraph({
    inputs, ranks: rankOrder(types), metadata: { framework, estimator: plan.name, properties: [['architecture', plan.form]] },
    outputNames: architecture.layers === undefined ? architecture.outputs : undefined,
    run: (t, values) => {
      weights.used.clear()
      return plan.run(t, values, inputs)
    },
  })
  const unused = [...tensors.keys()].filter((name) => name.startsWith(prefix) && !weights.used.has(name) && !BOOKKEEPING.test(name) && !architecture.ignore.some((start) => name.startsWith(start)))
  if (unused.length > 0) {
    throw architectureError('ARCHITECTURE_EXTRA', `${unused.length === 1 ? 'the tensor' : `${unused.length} tensors`} ${unused.slice(0, 5).map((name) => JSON.stringify(name)).join(', ')}${unused.length > 5 ? ', ...' : ''} of the file ${unused.length === 1 ? 'is' : 'are'} used by no layer; add the layer, or list the beginning of the name in "ignore"`)
  }
  return graph
}

interface Plan {
  readonly form: string
  readonly name: string
  /** Names of the inputs where the file does not give them. */
  readonly inputs: readonly string[]
  readonly run: (t: Tracer, values: readonly TensorValue[], inputs: readonly InputSpec[]) => Value
}

function planOf(architecture: Architecture, weights: Weights, types: Set<string>): Plan {
  const { layers, printed, source, classes, settings, outputs } = architecture
  if (layers !== undefined) {
    collectEntries(layers, types)
    return {
      form: 'layers', name: 'layers', inputs: ['input'],
      run: (t, values, inputs) => runLayers(createWorld(t, weights, 'architecture file'), layers, new Map(inputs.map((input, i): [string, Value] => [input.name, values[i]])), outputs),
    }
  }
  if (printed !== undefined) {
    collectPrinted(printed, types)
    const own = classes.get(printed.type)?.methods.get('forward')
    return {
      form: 'printed model', name: printed.type, inputs: own === undefined ? inputsOfLayer(printed.type) : forwardInputs(own),
      run: (t, values) => {
        const world = createWorld(t, weights, 'forward')
        return printedModule(world, printed, '', classes, settings).call('forward', values, new Map())
      },
    }
  }
  if (source === undefined) throw syntax('it describes no model')
  for (const [, type] of source.text.matchAll(/\b([A-Z]\w+)\(/g)) if (findLayer(type) !== undefined) types.add(type)
  const { module, inputs } = sourceModel(createWorld(createTracer(), weights, source.name), source.text, source)
  return {
    form: 'source', name: module.type, inputs,
    run: (t, values) => {
      const world = createWorld(t, weights, source.name)
      const own = sourceModel(world, source.text, source).module
      placeModules(world, own, '')
      return own.call('forward', values, new Map())
    },
  }
}

/** Layers that are called with several tensors. */
function inputsOfLayer(type: string): string[] {
  if (type === 'TransformerDecoder' || type === 'TransformerDecoderLayer') return ['tgt', 'memory']
  return type === 'MultiheadAttention' ? ['query', 'key', 'value'] : ['input']
}

function collectEntries(entries: readonly LayerEntry[], types: Set<string>): void {
  for (const { type, layers } of entries) {
    types.add(type)
    if (layers !== undefined) collectEntries(layers, types)
  }
}

/** Modules that a line stands for many times are one object: each is visited once. */
function collectPrinted(module: PrintedModule, types: Set<string>, seen: Set<PrintedModule> = new Set()): void {
  if (seen.has(module)) return
  seen.add(module)
  types.add(module.type)
  for (const child of module.children.values()) collectPrinted(child, types, seen)
}
