// TorchScript archives -> Graph: classes and functions from the archive's sources, objects from its pickle, followed from forward on.
import type { Graph } from '../../../graph/graph.ts'
import type { Tensor } from '../../../tensor/index.ts'
import { isPyObject, isTuple, type PyObject, type PyValue } from '../../pickle/index.ts'
import { EXPORT_ADVICE, pytorchError } from '../error.ts'
import { parsePython } from '../python/parser.ts'
import type { ClassDefinition, Expression, FunctionDefinition, Statement } from '../python/syntax.ts'
import { tensorReader, type TensorReader } from '../tensors.ts'
import { builtin, pythonBuiltin, torchMember } from '../trace/builtins.ts'
import { callDefinition, evaluate, type Interpreter, type Scope } from '../trace/interpreter.ts'
import { traceGraph, type InputSpec } from '../trace/session.ts'
import type { Tracer } from '../trace/tracer.ts'
import { float, list, tuple, type ModuleValue, type Value } from '../trace/values.ts'
import type { PytorchFile } from '../archive.ts'
import { rankOrder } from '../trace/ranks.ts'

/** Parsed sources by module path, on demand. */
interface Sources {
  readonly find: (module: string, name: string) => FunctionDefinition | ClassDefinition | undefined
  readonly isPackage: (path: string) => boolean
}

function sourcesOf(file: PytorchFile): Sources {
  const parsed = new Map<string, ReadonlyMap<string, FunctionDefinition | ClassDefinition>>()
  const packages = new Set<string>()
  for (const path of file.sources.keys()) {
    const parts = path.slice(0, -'.py'.length).split('/')
    for (let i = 1; i <= parts.length; i++) packages.add(parts.slice(0, i).join('.'))
  }
  const load = (module: string): ReadonlyMap<string, FunctionDefinition | ClassDefinition> => {
    const path = `${module.replaceAll('.', '/')}.py`
    const text = file.sources.get(path)
    const own = new Map<string, FunctionDefinition | ClassDefinition>()
    if (text !== undefined) for (const statement of parsePython(text, `code/${path}`)) if (statement.kind === 'def' || statement.kind === 'class') own.set(statement.name, statement)
    parsed.set(module, own)
    return own
  }
  return { find: (module, name) => (parsed.get(module) ?? load(module)).get(name), isPackage: (path) => packages.has(path) }
}

/**
 * The graph of a script (torch.jit.save of a traced or a scripted module).
 *
 * @throws MleError PYTORCH_OPERATOR, PYTORCH_CONTROL, PYTORCH_SHAPE, ... where it cannot be followed
 */
export function importScript(file: PytorchFile, shapes: ReadonlyMap<string, Omit<InputSpec, 'name'>>): Graph {
  const root = file.value
  if (!isPyObject(root)) throw pytorchError('PYTORCH_ARCHIVE', 'the script holds no module')
  const sources = sourcesOf(file)
  // A method with overloads has a number for each.
  const entry = methodOf(sources, root, 'forward') === undefined ? 'forward__0' : 'forward'
  const forward = methodOf(sources, root, entry)
  if (forward === undefined) throw pytorchError('PYTORCH_SYNTAX', `the script's class ${root.name} has no method forward`)
  const inputs = forward.parameters.slice(1).filter((parameter) => parameter.fallback === undefined || shapes.has(parameter.name)).map(({ name, type }): InputSpec => {
    if (typeName(type) !== 'Tensor' && typeName(type) !== 'Optional') throw pytorchError('PYTORCH_INPUT', `the input ${name} of forward is no tensor but ${typeName(type)}; ${EXPORT_ADVICE}`)
    return { name, ...shapes.get(name) }
  })
  for (const name of shapes.keys()) if (!inputs.some((input) => input.name === name)) throw pytorchError('PYTORCH_INPUT', `a shape is given for ${name}, but the inputs are ${inputs.map((input) => input.name).join(', ')}`)
  const types = new Set<string>()
  collectTypes(root, types, new Set())
  const readers = { data: tensorReader(file, 'data/'), constants: tensorReader(file, 'constants/') }
  return traceGraph({
    inputs, ranks: rankOrder(types),
    metadata: { framework: 'pytorch', estimator: `TorchScript ${root.name}` },
    run: (t, values) => {
      const world = createWorld(file, sources, readers, t)
      const module = world.moduleOf(root, '')
      const keywords = new Map(forward.parameters.slice(1).filter((parameter) => inputs.some((input) => input.name === parameter.name)).map((parameter, i): [string, Value] => [parameter.name, values[i]]))
      return module.call(entry, [], keywords)
    },
  })
}

function typeName(type: Expression | undefined): string {
  if (type === undefined) return 'Tensor'
  if (type.kind === 'name') return type.name
  if (type.kind === 'attribute') return type.name
  return type.kind === 'index' && type.object.kind === 'name' ? type.object.name : 'another type'
}

function classOf(sources: Sources, object: PyObject): ClassDefinition | undefined {
  const found = sources.find(object.module, object.name)
  return found?.kind === 'class' ? found : undefined
}

function methodOf(sources: Sources, object: PyObject, name: string): FunctionDefinition | undefined {
  return classOf(sources, object)?.body.find((statement): statement is FunctionDefinition => statement.kind === 'def' && statement.name === name)
}

function collectTypes(object: PyObject, types: Set<string>, seen: Set<PyObject>): void {
  if (seen.has(object)) return
  seen.add(object)
  types.add(object.name)
  for (const value of object.state.values()) if (isPyObject(value) && value.module.startsWith('__torch__')) collectTypes(value, types, seen)
}

interface World {
  readonly moduleOf: (object: PyObject, path: string) => ModuleValue
}

/** Values of one attempt: constants belong to its tracer. */
function createWorld(file: PytorchFile, sources: Sources, readers: { readonly data: TensorReader; readonly constants: TensorReader }, t: Tracer): World {
  const modules = new Map<PyObject, ModuleValue>()
  const tensors = new Map<Tensor, Value>()
  const constantOf = (tensor: Tensor, hint: string): Value => {
    const known = tensors.get(tensor)
    if (known !== undefined) return known
    const value = t.constant(tensor, hint)
    tensors.set(tensor, value)
    return value
  }

  const namespaceMember = (path: string): Value | undefined => {
    if (path.startsWith('CONSTANTS.')) {
      const value = file.constants[Number(path.slice('CONSTANTS.c'.length))]
      return value === undefined ? undefined : valueOf(value, path, readers.constants)
    }
    if (!path.startsWith('__torch__')) return torchMember(i, path)
    const dot = path.lastIndexOf('.')
    const found = sources.find(path.slice(0, dot), path.slice(dot + 1))
    if (found?.kind === 'def') return builtin(found.name, (args, keywords) => callDefinition(i, found, args, keywords, scopeOf(path.slice(0, dot))))
    if (found?.kind === 'class') return builtin(found.name, (args) => instance(found, args))
    return sources.isPackage(path) ? { kind: 'namespace', path } : undefined
  }

  const i: Interpreter = { t, depth: 0, namespaceMember }
  const outer = (name: string): Value | undefined => (name === '__torch__' || name === 'CONSTANTS' ? { kind: 'namespace', path: name } : pythonBuiltin(i, name))
  const scopeOf = (module: string): Pick<Scope, 'outer' | 'what'> => ({ outer, what: `code/${module.replaceAll('.', '/')}.py` })

  /** A NamedTuple. */
  const instance = (definition: ClassDefinition, args: readonly Value[]): Value => {
    if (!definition.bases.some((base) => base.kind === 'name' && base.name === 'NamedTuple')) throw pytorchError('PYTORCH_OPERATOR', `an object of the script's class ${definition.name} is made while it runs, which is not supported; ${EXPORT_ADVICE}`)
    return tuple(args, definition.body.flatMap((one) => (one.kind === 'declare' && one.target.kind === 'name' ? [one.target.name] : [])))
  }

  const valueOf = (value: PyValue, where: string, reader: TensorReader, type?: Expression): Value => {
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
    // The pickle does not tell 2 from 2.0; the class's declaration does.
    if (typeof value === 'number') return !Number.isInteger(value) || typeName(type) === 'float' ? float(value) : value
    if (typeof value === 'bigint') return Number(value)
    if (Array.isArray(value)) return list(value.map((item, at) => valueOf(item, `${where}[${at}]`, reader, elementType(type))))
    if (isTuple(value)) return tuple(value.items.map((item, at) => valueOf(item, `${where}[${at}]`, reader)))
    if (value instanceof Map) {
      const entries = new Map<string | number, Value>()
      for (const [key, item] of value) if (typeof key === 'string' || typeof key === 'number') entries.set(key, valueOf(item, `${where}[${key}]`, reader))
      return { kind: 'dict', entries }
    }
    const tensor = reader.tensorOf(value, where)
    if (tensor !== undefined) return constantOf(tensor, where === '' ? 'constant' : where)
    if (isPyObject(value)) {
      if (value.module === 'torch.jit._pickle' && value.args.length > 0) return valueOf(value.args[0], where, reader, value.name === 'build_doublelist' ? { kind: 'index', line: 0, object: { kind: 'name', line: 0, name: 'List' }, index: { kind: 'name', line: 0, name: 'float' } } : type)
      if (value.module === '__torch__' || value.module.startsWith('__torch__.')) return moduleOf(value, where)
      if (value.module === 'torch' && value.name === 'device') return { kind: 'opaque', what: 'device' }
    }
    return { kind: 'opaque', what: `the attribute ${where}` }
  }

  const moduleOf = (object: PyObject, path: string): ModuleValue => {
    const known = modules.get(object)
    if (known !== undefined) return known
    const definition = classOf(sources, object)
    const declared = new Map<string, Extract<Statement, { kind: 'declare' }>>()
    for (const one of definition?.body ?? []) if (one.kind === 'declare' && one.target.kind === 'name') declared.set(one.target.name, one)
    const attributes = new Map<string, Value>()
    const module: ModuleValue = {
      kind: 'module', type: object.name, path, attributes,
      hasMethod: (name) => methodOf(sources, object, name) !== undefined,
      call: (name, args, keywords) => {
        const method = methodOf(sources, object, name)
        if (method === undefined) throw pytorchError('PYTORCH_SYNTAX', `the script's class ${object.name} has no method ${name}`)
        return callDefinition(i, method, [module, ...args], keywords, scopeOf(object.module))
      },
      find: (name) => {
        // What is computed is inference, however the module was saved.
        if (name === 'training') return false
        const state = object.state.get(name)
        const value = state !== undefined ? valueOf(state, path === '' ? name : `${path}.${name}`, readers.data, declared.get(name)?.type) : declared.get(name)?.value === undefined ? undefined : evaluate(i, declared.get(name)?.value ?? NONE, { variables: new Map(), ...scopeOf(object.module) })
        if (value !== undefined) attributes.set(name, value)
        return value
      },
    }
    modules.set(object, module)
    return module
  }

  return { moduleOf }
}

const NONE: Expression = { kind: 'constant', line: 0, value: null }

/** T of List[T]. */
function elementType(type: Expression | undefined): Expression | undefined {
  return type?.kind === 'index' ? type.index : undefined
}

