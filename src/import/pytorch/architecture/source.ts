// The Python source of a model as its architecture: classes are read, constructors followed to find the layers, forward to find the computation. No Python runs.
import { architectureError } from '../layers/index.ts'
import { parsePython } from '../python/parser.ts'
import type { ClassDefinition, FunctionDefinition, Statement } from '../python/syntax.ts'
import { builtin } from '../trace/builtins.ts'
import { evaluate, run, type Scope } from '../trace/interpreter.ts'
import { isKind, type ModuleValue, type Value } from '../trace/values.ts'
import { classModule, copyModule, outerNames, type ModuleClass, type World } from './modules.ts'

/** Classes of a text by name; `known` are those that it may build on. */
export function classesOf(statements: readonly Statement[], constantOf: (statement: Statement) => [string, Value][]): Map<string, ModuleClass> {
  const out = new Map<string, ModuleClass>()
  for (const statement of statements) {
    if (statement.kind !== 'class') continue
    const methods = new Map<string, FunctionDefinition>()
    for (const one of statement.body) if (one.kind === 'def') methods.set(one.name, one)
    const bases = statement.bases.map((base) => (base.kind === 'name' ? base.name : base.kind === 'attribute' ? base.name : ''))
    const base = bases.map((name) => out.get(name)).find((one) => one !== undefined)
    const layerBase = bases.find((name) => name === 'Sequential' || name === 'ModuleList')
    out.set(statement.name, { name: statement.name, methods, base, layerBase, constants: new Map(statement.body.flatMap(constantOf)) })
  }
  return out
}

/** Methods given as text: one `def`, or several, or a class. */
export function methodsOf(text: string, type: string): ModuleClass {
  const statements = parsePython(dedent(text), `forward of ${type}`)
  const [own] = statements.filter((one): one is ClassDefinition => one.kind === 'class')
  const body = own === undefined ? statements : own.body
  const methods = new Map(body.filter((one): one is FunctionDefinition => one.kind === 'def').map((one) => [one.name, one]))
  if (!methods.has('forward')) throw architectureError('ARCHITECTURE_FORWARD', `the text for the class ${type} defines no method forward`)
  return { name: type, methods, constants: new Map() }
}

function dedent(text: string): string {
  const lines = text.split('\n')
  const widths = lines.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length)
  const width = Math.min(...widths, 1000)
  return lines.map((line) => line.slice(width)).join('\n')
}

export interface SourceOptions {
  /** The class to build; by default the last one with a forward method. */
  readonly className?: string
  /** Arguments of its constructor. */
  readonly args: ReadonlyMap<string, Value>
}

export interface SourceModel {
  readonly module: ModuleValue
  /** Parameters of its forward method without a default. */
  readonly inputs: readonly string[]
}

/** The model that a source text defines: the variable `model` where it sets one, else an instance of the last class. Not yet placed. */
export function sourceModel(world: World, text: string, { className, args }: SourceOptions): SourceModel {
  const statements = parsePython(text, world.what)
  const outer = outerNames(world)
  const scope: Scope = { variables: world.globals, outer, what: world.what }
  const constantOf = (statement: Statement): [string, Value][] => {
    if (statement.kind === 'assign' && statement.targets.length === 1 && statement.targets[0].kind === 'name') return [[statement.targets[0].name, evaluate(world.i, statement.value, scope)]]
    if (statement.kind === 'declare' && statement.target.kind === 'name' && statement.value !== undefined) return [[statement.target.name, evaluate(world.i, statement.value, scope)]]
    return []
  }
  const classes = classesOf(statements, constantOf)
  for (const [name, own] of classes) {
    world.globals.set(name, builtin(name, (given, keywords) => {
      const module = classModule(world, own, { path: undefined })
      module.call('__init__', given, keywords)
      return module
    }))
  }
  world.globals.set('copy', { kind: 'opaque', what: 'copy' })
  world.globals.set('deepcopy', builtin('deepcopy', ([value]) => (isKind(value, 'module') ? copyModule(world, value) : value)))
  for (const statement of statements) {
    if (statement.kind === 'class' || statement.kind === 'import') continue
    if (statement.kind === 'if' && isMainGuard(statement)) continue
    run(world.i, [statement], scope)
  }
  const made = world.globals.get('model')
  const forwardOf = (type: string): string[] => {
    for (let one = classes.get(type); one !== undefined; one = one.base) {
      const method = one.methods.get('forward')
      if (method !== undefined) return forwardInputs(method)
    }
    return ['input']
  }
  if (isKind(made, 'module') && className === undefined) return { module: made, inputs: forwardOf(made.type) }
  const own = className === undefined ? [...classes.values()].filter((one) => one.methods.has('forward') || one.layerBase !== undefined).at(-1) : classes.get(className)
  if (own === undefined) throw architectureError('ARCHITECTURE_SYNTAX', className === undefined ? `${world.what} defines no class with a forward method` : `${world.what} has no class ${className}; it has ${[...classes.keys()].join(', ')}`)
  const module = classModule(world, own, { path: undefined })
  module.call('__init__', [], args)
  return { module, inputs: forwardOf(own.name) }
}

function isMainGuard({ condition }: Extract<Statement, { kind: 'if' }>): boolean {
  return condition.kind === 'compare' && condition.left.kind === 'name' && condition.left.name === '__name__'
}

/** The parameters of forward that are inputs: those without a default. */
export function forwardInputs(method: FunctionDefinition): string[] {
  return method.parameters.slice(1).filter((parameter) => parameter.fallback === undefined && parameter.stars === 0).map((parameter) => parameter.name)
}
