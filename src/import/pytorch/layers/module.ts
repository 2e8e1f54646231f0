// A layer of torch.nn: its class, settings, tensors and children, as a value that forward methods can call.
import type { Tensor } from '../../../tensor/index.ts'
import { MleError } from '../../../error.ts'
import { callFunction } from '../functions/index.ts'
import type { Tracer } from '../trace/tracer.ts'
import { describeValue, isKind, type ModuleValue, type TensorValue, type Value } from '../trace/values.ts'

export function architectureError(code: string, message: string, section?: string): MleError {
  return new MleError(code, message, { section })
}

/** Tensors of the file by name; remembers which were used. */
export interface Weights {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly used: Set<string>
  /** Goes before every name. */
  readonly prefix: string
}

/** Everything that the modules of one attempt share. */
export interface LayerWorld {
  readonly t: Tracer
  readonly weights: Weights
  readonly values: Map<Tensor, TensorValue>
}

/** What a layer's forward may ask for. */
export interface LayerUse {
  readonly t: Tracer
  readonly type: string
  /** For messages: `layer 3 (Conv2d)`. */
  readonly label: string
  readonly module: ModuleValue
  /** A setting, its default, or null where it was left out. */
  setting(name: string): Value
  /** A setting as it was given; undefined where it was left out. */
  given(name: string): Value | undefined
  has(name: string): boolean
  /** A tensor, whose dimensions must be those given (null: any). Throws ARCHITECTURE_MISSING, ARCHITECTURE_SHAPE. */
  tensor(name: string, dims: readonly (number | null)[]): TensorValue
  /** A tensor where the setting `flag` asks for it, or where it is left out and the file has it. */
  optional(name: string, dims: readonly (number | null)[], flag: string): TensorValue | undefined
  call(name: string, args: readonly Value[], keywords?: Readonly<Record<string, Value>>): Value
  child(name: string): ModuleValue
}

export interface Layer {
  /** Constructor's parameters as `fn` declares those of functions. */
  readonly parameters: readonly { readonly name: string; readonly fallback?: Value }[]
  /** It has settings that change nothing here. */
  readonly isOpen: boolean
  readonly forward: (use: LayerUse, args: readonly Value[], keywords: ReadonlyMap<string, Value>) => Value
}

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)

/** A tensor of the file as a constant; undefined where the file has none of that name. */
export function weightValue({ t, weights, values }: LayerWorld, path: string): TensorValue | undefined {
  const name = weights.prefix + path
  const tensor = weights.tensors.get(name)
  if (tensor === undefined) return undefined
  weights.used.add(name)
  const known = values.get(tensor)
  if (known !== undefined) return known
  // Weights in half precision are computed in float32, as on a processor.
  const stored = t.constant(tensor, path)
  const value = tensor.dtype === 'float16' || tensor.dtype === 'bfloat16' ? t.op('Cast', [stored], { to: 'float32' }) : stored
  values.set(tensor, value)
  return value
}

/** Where a module stands; undefined while the module that holds it is still being made. */
export interface Place {
  path: string | undefined
}

/** What stands for a tensor of the file while modules are being made. */
export const PARAMETER: Value = { kind: 'opaque', what: 'a parameter' }

/** The module of a layer of torch.nn. `place` may still change until it is first called: sources build modules before they have a place. */
export function layerModule(world: () => LayerWorld, type: string, layer: Layer, place: Place, settings: ReadonlyMap<string, Value>, children: Map<string, Value>): ModuleValue {
  const module: ModuleValue = {
    kind: 'module', type, attributes: children,
    get path() {
      return place.path ?? ''
    },
    hasMethod: (name) => name === 'forward' || IGNORED_METHODS.has(name),
    call: (name, args, keywords) => (name === 'forward' ? layer.forward(use(), args, keywords) : module),
    find(name) {
      if (name === 'training') return false
      const value = settings.get(name)
      if (value !== undefined && place.path !== undefined) return value
      if (place.path === undefined) return value ?? layer.parameters.find((one) => one.name === name && one.name !== 'bias')?.fallback ?? PARAMETER
      return weightValue(world(), join(place.path, name)) ?? layer.parameters.find((one) => one.name === name)?.fallback
    },
  }
  const use = (): LayerUse => {
    const own = world()
    const path = place.path ?? ''
    const label = path === '' ? type : `${path} (${type})`
    const checked = (value: TensorValue, name: string, dims: readonly (number | null)[]): TensorValue => {
      if (value.shape.length !== dims.length || dims.some((dim, axis) => dim !== null && dim !== value.shape[axis])) {
        throw architectureError('ARCHITECTURE_SHAPE', `layer ${label}: the tensor ${join(path, name)} has shape [${value.shape.join(', ')}], expected [${dims.map((dim) => dim ?? '?').join(', ')}]`, path)
      }
      return value
    }
    const setting = (name: string): Value => settings.get(name) ?? layer.parameters.find((one) => one.name === name)?.fallback ?? null
    return {
      t: own.t, type, label, module, setting,
      given: (name) => settings.get(name),
      has: (name) => own.weights.tensors.has(own.weights.prefix + join(path, name)),
      tensor(name, dims) {
        const value = weightValue(own, join(path, name))
        if (value === undefined) throw architectureError('ARCHITECTURE_MISSING', `layer ${label}: the file has no tensor ${JSON.stringify(own.weights.prefix + join(path, name))}${nearest(own.weights, join(path, name))}`, path)
        return checked(value, name, dims)
      },
      optional(name, dims, flag) {
        const given = setting(flag)
        if (given === false) return undefined
        if (given === true && settings.has(flag)) return this.tensor(name, dims)
        const value = weightValue(own, join(path, name))
        return value === undefined ? undefined : checked(value, name, dims)
      },
      call: (name, args, keywords = {}) => callFunction(own.t, name, args, new Map(Object.entries(keywords)), true),
      child(name) {
        const value = children.get(name)
        if (!isKind(value, 'module')) throw architectureError('ARCHITECTURE_LAYER', `layer ${label} has no child ${name}, got ${describeValue(value)}`, path)
        return value
      },
    }
  }
  return module
}

const IGNORED_METHODS = new Set(['eval', 'train', 'to', 'cuda', 'cpu', 'apply', 'requires_grad_', 'half', 'float', 'reset_parameters', 'flatten_parameters'])

/** Names that the file has near the one that is missing. */
function nearest({ tensors, prefix }: Weights, path: string): string {
  const last = path.slice(path.lastIndexOf('.') + 1)
  const similar = [...tensors.keys()].filter((name) => name.endsWith(`.${last}`) || name === last).slice(0, 4)
  const shown = similar.length > 0 ? similar : [...tensors.keys()].slice(0, 4)
  return `; it has ${shown.map((name) => JSON.stringify(name)).join(', ')}${tensors.size > shown.length ? ', ...' : ''}${prefix === '' ? '' : ` (prefix ${JSON.stringify(prefix)})`}`
}
