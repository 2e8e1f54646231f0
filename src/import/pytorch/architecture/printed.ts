// What print(model) shows -> modules: one line for each, children indented in parentheses.
import { architectureError, findLayer } from '../layers/index.ts'
import { parseExpression } from '../python/parser.ts'
import type { Expression } from '../python/syntax.ts'
import { float, list, tuple, type ModuleValue, type Value } from '../trace/values.ts'
import { classModule, makeLayer, unknownLayer, type ModuleClass, type World } from './modules.ts'

/** A module as it is printed. */
export interface PrintedModule {
  readonly type: string
  readonly args: readonly Value[]
  readonly keywords: ReadonlyMap<string, Value>
  readonly children: ReadonlyMap<string, PrintedModule>
}

const MAX_DEPTH = 64
const MAX_MODULES = 100_000

/** `(name): Class(` with children on the next lines, or `(name): Class(settings)`; `(0-11): 12 x Class(` stands for twelve. */
const LINE = /^(\s*)(?:\(([^)]*)\): )?(?:(\d+) x )?([A-Za-z_]\w*)\((.*)$/

/** Parses what print(model) shows. Throws ARCHITECTURE_SYNTAX with the line. */
export function parsePrinted(text: string): PrintedModule {
  const lines = text.split('\n').map((line) => line.replace(/\s+$/, '')).filter((line) => line.trim() !== '')
  let at = 0
  let count = 0
  const fail = (message: string): Error => architectureError('ARCHITECTURE_SYNTAX', `printed model, line ${at + 1}: ${message}`)
  const parse = (depth: number): { name: string; repeat: number; module: PrintedModule } => {
    if (depth > MAX_DEPTH || ++count > MAX_MODULES) throw fail(`more than ${MAX_DEPTH} levels or ${MAX_MODULES} modules`)
    const line = lines[at]
    const found = LINE.exec(line ?? '')
    if (found === null) throw fail(`${JSON.stringify((line ?? 'the end').trim().slice(0, 60))} where "(name): Class(" is expected`)
    const [, , name = '', repeat, type, rest] = found
    at++
    if (rest.endsWith(')') && balanced(rest.slice(0, -1))) {
      const { args, keywords } = settingsOf(type, rest.slice(0, -1))
      return { name, repeat: Number(repeat ?? 1), module: { type, args, keywords, children: new Map() } }
    }
    const { args, keywords } = settingsOf(type, rest.replace(/,\s*$/, ''))
    const children = new Map<string, PrintedModule>()
    for (;;) {
      if (at >= lines.length) throw fail(`${type} is not closed`)
      if (lines[at].trim() === ')') {
        at++
        return { name, repeat: Number(repeat ?? 1), module: { type, args, keywords, children } }
      }
      const child = parse(depth + 1)
      const span = /^(\d+)-(\d+)$/.exec(child.name)
      if (span === null) children.set(child.name, child.module)
      else for (let i = Number(span[1]); i <= Number(span[2]) && children.size <= MAX_MODULES; i++) children.set(String(i), child.module)
    }
  }
  const { module } = parse(0)
  if (at < lines.length) throw fail(`${JSON.stringify(lines[at].trim().slice(0, 60))} follows the end of the model`)
  return module

  function settingsOf(type: string, source: string): { args: Value[]; keywords: Map<string, Value> } {
    const args: Value[] = []
    const keywords = new Map<string, Value>()
    if (source.trim() === '') return { args, keywords }
    let call: Expression
    try {
      call = parseExpression(`${type}(${source})`, `printed model, line ${at}`)
    } catch {
      // Classes of one's own print what they like.
      return { args, keywords }
    }
    if (call.kind === 'call') {
      for (const { name, value } of call.args) {
        const own = literal(value)
        if (name === undefined) args.push(own)
        else keywords.set(name, own)
      }
    }
    return { args, keywords }
  }
}

function balanced(text: string): boolean {
  let depth = 0
  for (const char of text) {
    if (char === '(' || char === '[') depth++
    else if ((char === ')' || char === ']') && --depth < 0) return false
  }
  return depth === 0
}

/** A printed setting; names without quotes (mode=bilinear) are texts. */
function literal(e: Expression): Value {
  switch (e.kind) {
    case 'number':
      return e.isFloat ? float(e.value) : e.value
    case 'text':
      return e.value
    case 'constant':
      return e.value
    case 'name':
      return e.name
    case 'attribute':
      return e.name
    case 'tuple':
      return tuple(e.items.map(literal))
    case 'list':
      return list(e.items.map(literal))
    case 'unary': {
      const value = literal(e.value)
      return e.op === '-' && typeof value === 'number' ? -value : typeof value === 'object' && value !== null && value.kind === 'float' ? float(-value.value) : value
    }
    default:
      return null
  }
}

/**
 * The modules of a printed model. Settings that print() leaves out (the number of heads, say) come from `settings`, by the module's path or by its class.
 *
 * @param classes methods of classes that are not torch.nn's
 */
export function printedModule(world: World, printed: PrintedModule, path: string, classes: ReadonlyMap<string, ModuleClass>, settings: ReadonlyMap<string, ReadonlyMap<string, Value>>): ModuleValue {
  if (world.places.size > MAX_MODULES) throw architectureError('ARCHITECTURE_SYNTAX', `printed model: more than ${MAX_MODULES} modules`)
  const { type, args, keywords } = printed
  const children = new Map<string, Value>([...printed.children].map(([name, child]): [string, Value] => [name, printedModule(world, child, path === '' ? name : `${path}.${name}`, classes, settings)]))
  const more = new Map<string, Value>([...(settings.get(type) ?? []), ...(settings.get(path) ?? [])])
  const own = classes.get(type)
  if (own === undefined && findLayer(type) !== undefined) {
    const module = makeLayer(world, type, type === 'Sequential' || type === 'ModuleList' || type === 'ModuleDict' ? [] : args, new Map([...keywords, ...more]), { path })
    for (const [name, child] of children) module.attributes.set(name, child)
    return module
  }
  if (own === undefined && printed.children.size === 0) throw unknownLayer(type)
  return classModule(world, own ?? { name: type, methods: new Map(), constants: new Map() }, { path }, new Map([...more, ...children]))
}
