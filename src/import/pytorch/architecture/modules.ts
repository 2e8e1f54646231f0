// Modules that an architecture describes: layers of torch.nn, and classes whose methods are given as text.
import { EXPORT_ADVICE } from '../error.ts'
import type { FunctionDefinition } from '../python/syntax.ts'
import { architectureError, findLayer, layerModule, layerNames, PARAMETER, weightValue, type LayerWorld, type Place, type Weights } from '../layers/index.ts'
import { pythonBuiltin, torchMember, builtin } from '../trace/builtins.ts'
import { callDefinition, type Interpreter, type Scope } from '../trace/interpreter.ts'
import type { Tracer } from '../trace/tracer.ts'
import { isKind, list, type ModuleValue, type Value } from '../trace/values.ts'
import type { Tensor } from '../../../tensor/index.ts'
import type { TensorValue } from '../trace/values.ts'

/** A class with methods in Python's words. */
export interface ModuleClass {
  readonly name: string
  readonly methods: ReadonlyMap<string, FunctionDefinition>
  /** Values that the class's body sets. */
  readonly constants: ReadonlyMap<string, Value>
  /** The class above it: one of the architecture's own, a layer, or none. */
  readonly base?: ModuleClass
  readonly layerBase?: string
}

/** All that is shared while one architecture is followed once. */
export interface World extends LayerWorld {
  readonly i: Interpreter
  readonly places: Map<ModuleValue, Place>
  /** Names of the text itself: its functions and classes. */
  readonly globals: Map<string, Value>
  readonly what: string
}

export function createWorld(t: Tracer, weights: Weights, what: string): World {
  const values = new Map<Tensor, TensorValue>()
  const globals = new Map<string, Value>()
  const world: World = { t, weights, values, globals, what, places: new Map(), i: { t, depth: 0, namespaceMember: (path) => member(path) } }
  const member = (path: string): Value | undefined => {
    const name = path.startsWith('torch.nn.') ? path.slice(path.lastIndexOf('.') + 1) : ''
    if (name !== '' && /^torch\.nn(\.modules(\.\w+)?)?\.\w+$/.test(path)) {
      if (name === 'Parameter' || name === 'Buffer') return builtin(name, () => PARAMETER)
      if (name === 'Module') return { kind: 'opaque', what: path }
      const layer = findLayer(name)
      if (layer !== undefined) return builtin(name, (args, keywords) => makeLayer(world, name, args, keywords))
    }
    if (/^torch\.(randn|rand|randint|normal|empty|Tensor|FloatTensor)$/.test(path)) return builtin(path, () => PARAMETER)
    return torchMember(world.i, path)
  }
  return world
}

/** Names that every text knows. */
export function outerNames(world: World): (name: string) => Value | undefined {
  return (name) => {
    const own = world.globals.get(name)
    if (own !== undefined) return own
    if (name === 'nn') return { kind: 'namespace', path: 'torch.nn' }
    if (name === 'F') return { kind: 'namespace', path: 'torch.nn.functional' }
    if (name === 'Tensor') return { kind: 'opaque', what: 'Tensor' }
    const known = pythonBuiltin(world.i, name)
    if (known !== undefined) return known
    // Imported one by one: from torch.nn import Linear; from copy import deepcopy.
    return world.i.namespaceMember(`torch.nn.${name}`) ?? world.i.namespaceMember(`math.${name}`) ?? world.i.namespaceMember(`torch.nn.functional.${name}`)
  }
}

/** A layer of torch.nn from the arguments of its constructor; children are its settings that are modules. */
export function makeLayer(world: World, type: string, args: readonly Value[], keywords: ReadonlyMap<string, Value>, place: Place = { path: undefined }): ModuleValue {
  const layer = findLayer(type)
  if (layer === undefined) throw unknownLayer(type)
  const settings = new Map<string, Value>()
  const children = new Map<string, Value>()
  if (type === 'Sequential' || type === 'ModuleList' || type === 'ModuleDict') fillContainer(children, args)
  else {
    args.forEach((value, i) => {
      const parameter = layer.parameters[i]
      if (parameter === undefined && layer.isOpen) return
      if (parameter === undefined) throw architectureError('ARCHITECTURE_SETTING', `layer ${type} takes ${layer.parameters.length} settings, got ${args.length}`)
      settings.set(parameter.name, value)
    })
    for (const [key, value] of keywords) settings.set(key, value)
  }
  const module = layerModule(() => world, type, layer, place, settings, children)
  world.places.set(module, place)
  if (type === 'TransformerEncoder' || type === 'TransformerDecoder') fillStack(world, module, settings, children)
  return module
}

export function unknownLayer(type: string): Error {
  const near = layerNames().filter((name) => name.toLowerCase() === type.toLowerCase() || (type.length > 3 && name.toLowerCase().includes(type.toLowerCase())))
  return architectureError('ARCHITECTURE_LAYER', `the layer type ${JSON.stringify(type)} is not known${near.length > 0 ? `; did you mean ${near.slice(0, 3).join(', ')}?` : '; docs/architecture-files.md lists those that are, and how to give the forward method of your own'}`)
}

function fillContainer(children: Map<string, Value>, args: readonly Value[]): void {
  const [first] = args
  if (args.length === 1 && isKind(first, 'dict')) for (const [key, value] of first.entries) children.set(String(key), value)
  else {
    const items = args.length === 1 && (isKind(first, 'list') || isKind(first, 'tuple')) ? first.items : args
    items.forEach((item, at) => children.set(String(at), item))
  }
}

/** Copies of one layer, each with a place of its own. */
function fillStack(world: World, module: ModuleValue, settings: Map<string, Value>, children: Map<string, Value>): void {
  const template = settings.get('encoder_layer') ?? settings.get('decoder_layer')
  const count = settings.get('num_layers')
  if (!isKind(template, 'module') || typeof count !== 'number' || count < 1 || count > 1000) return
  const stack = makeLayer(world, 'ModuleList', [list(Array.from({ length: count }, () => copyModule(world, template)))], new Map())
  children.set('layers', stack)
  const norm = settings.get('norm')
  if (isKind(norm, 'module')) children.set('norm', norm)
  settings.delete('encoder_layer')
  settings.delete('decoder_layer')
  settings.delete('norm')
  world.places.set(module, world.places.get(module) ?? { path: undefined })
}

const COPIES = new WeakMap<ModuleValue, () => ModuleValue>()

/** A module like another, not yet placed: copy.deepcopy of layers. */
export function copyModule(world: World, module: ModuleValue): ModuleValue {
  const own = COPIES.get(module)
  if (own !== undefined) return own()
  const layer = findLayer(module.type)
  if (layer === undefined) throw unknownLayer(module.type)
  const settings = new Map<string, Value>()
  for (const { name } of layer.parameters) {
    const value = module.find?.(name)
    if (value !== undefined && value !== PARAMETER) settings.set(name, value)
  }
  const place: Place = { path: undefined }
  const children = new Map([...module.attributes].map(([name, value]): [string, Value] => [name, isKind(value, 'module') ? copyModule(world, value) : value]))
  const copy = layerModule(() => world, module.type, layer, place, settings, children)
  world.places.set(copy, place)
  return copy
}

/** The method of a class or of those above it, and the class that has it. */
function findMethod(own: ModuleClass | undefined, name: string): { readonly method: FunctionDefinition; readonly owner: ModuleClass } | undefined {
  for (let one = own; one !== undefined; one = one.base) {
    const method = one.methods.get(name)
    if (method !== undefined) return { method, owner: one }
  }
  return undefined
}

function layerBaseOf(own: ModuleClass | undefined): string | undefined {
  for (let one = own; one !== undefined; one = one.base) if (one.layerBase !== undefined) return one.layerBase
  return undefined
}

/** An instance of a class of the architecture; its constructor has not run. */
export function classModule(world: World, own: ModuleClass, place: Place, attributes: Map<string, Value> = new Map()): ModuleValue {
  const module: ModuleValue = {
    kind: 'module', type: own.name, attributes,
    get path() {
      return place.path ?? ''
    },
    hasMethod: (name) => findMethod(own, name) !== undefined || BUILT_IN.has(name) || (name === 'forward' && layerBaseOf(own) !== undefined),
    call: (name, args, keywords) => callFrom(own, name, args, keywords),
    find(name) {
      if (name === 'training') return false
      if (place.path !== undefined) {
        const value = weightValue(world, place.path === '' ? name : `${place.path}.${name}`)
        if (value !== undefined) return value
      }
      for (let one: ModuleClass | undefined = own; one !== undefined; one = one.base) if (one.constants.has(name)) return one.constants.get(name)
      return name === '__class__' ? own.name : undefined
    },
  }
  const callFrom = (from: ModuleClass | undefined, name: string, args: readonly Value[], keywords: ReadonlyMap<string, Value>): Value => {
    const found = findMethod(from, name)
    if (found !== undefined) {
      const above = found.owner.base
      const parent: ModuleValue = { ...module, path: module.path, hasMethod: () => true, find: undefined, attributes: new Map(), call: (method, own, given) => callFrom(above ?? EMPTY_CLASS, method, own, given) }
      const outer = outerNames(world)
      const scope: Pick<Scope, 'outer' | 'what'> = { what: world.what, outer: (one) => (one === 'super' ? builtin('super', () => parent) : outer(one)) }
      return callDefinition(world.i, found.method, [module, ...args], keywords, scope)
    }
    if (name === '__init__') {
      const base = layerBaseOf(own)
      if (base === 'Sequential' || base === 'ModuleList') fillContainer(attributes, args)
      return null
    }
    if (name === 'forward' && layerBaseOf(own) === 'Sequential') {
      let value: Value = args[0] ?? null
      for (const child of attributes.values()) if (isKind(child, 'module')) value = child.call('forward', [value], new Map())
      return value
    }
    return callBuiltIn(module, name, args)
  }
  world.places.set(module, place)
  COPIES.set(module, () => {
    const copies = new Map([...attributes].map(([name, value]): [string, Value] => [name, isKind(value, 'module') ? copyModule(world, value) : value]))
    return classModule(world, own, { path: undefined }, copies)
  })
  return module
}

const EMPTY_CLASS: ModuleClass = { name: 'Module', methods: new Map(), constants: new Map() }
const BUILT_IN = new Set(['register_buffer', 'register_parameter', 'add_module', 'apply', 'modules', 'parameters', 'named_parameters', 'named_modules', 'children', 'eval', 'train', 'to', 'append', 'extend', 'half', 'float', 'requires_grad_', 'init_weights', '_init_weights', 'post_init'])

function callBuiltIn(module: ModuleValue, name: string, args: readonly Value[]): Value {
  const [first, second] = args
  switch (name) {
    case 'register_buffer':
    case 'register_parameter':
    case 'add_module':
      if (typeof first === 'string') module.attributes.set(first, second ?? null)
      return null
    case 'append':
      module.attributes.set(String(module.attributes.size), first)
      return module
    case 'modules':
    case 'parameters':
    case 'named_parameters':
    case 'named_modules':
    case 'children':
      return list([])
    default:
      if (BUILT_IN.has(name)) return module
      throw architectureError('ARCHITECTURE_FORWARD', `the class ${module.type}${module.path === '' ? '' : ` of ${module.path}`} has no method ${name}: a printed model does not say what its own classes compute; give the method in "forward" of the architecture file (docs/architecture-files.md), or ${EXPORT_ADVICE}`)
  }
}

/** Gives every module below its place, and puts tensors of the file where parameters were declared. */
export function placeModules(world: World, module: ModuleValue, path: string, depth = 0): void {
  const place = world.places.get(module)
  if (place === undefined || place.path !== undefined || depth > 100) return
  place.path = path
  for (const [name, value] of module.attributes) {
    const own = path === '' ? name : `${path}.${name}`
    if (isKind(value, 'module')) placeModules(world, value, own, depth + 1)
    // A buffer that the file has counts as the file has it.
    else if (value === PARAMETER || isKind(value, 'opaque') || (isKind(value, 'tensor') && world.weights.tensors.has(world.weights.prefix + own))) module.attributes.delete(name)
  }
}

