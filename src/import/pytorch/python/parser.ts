// Tokens -> syntax tree, by recursive descent. What models do not need (lambda, yield, decorators with effects, try) is refused with its line.
import type { Argument, ClassDefinition, Expression, FunctionDefinition, Parameter, Statement } from './syntax.ts'
import { syntaxError, tokenize, type Token } from './lexer.ts'

/** Expressions inside expressions, statements inside statements. */
const MAX_DEPTH = 200
const COMPARISONS = new Set(['==', '!=', '<', '>', '<=', '>=', 'in', 'is', 'not'])
const UPDATES = new Set(['+=', '-=', '*=', '/=', '//=', '%=', '**=', '@=', '|=', '&=', '^='])
const KEYWORDS = new Set(['if', 'else', 'elif', 'for', 'while', 'in', 'is', 'not', 'and', 'or', 'def', 'class', 'return', 'lambda', 'yield', 'try', 'except', 'finally', 'raise', 'with', 'import', 'from', 'pass', 'break', 'continue', 'del', 'global', 'nonlocal', 'assert', 'await', 'async'])
/** From loose to tight. */
const BINARY: readonly (readonly string[])[] = [['|'], ['^'], ['&'], ['<<', '>>'], ['+', '-'], ['*', '/', '//', '%', '@']]

interface Parser {
  readonly tokens: readonly Token[]
  readonly what: string
  at: number
  depth: number
}

/** The statements of a source text; `what` names it in messages. Throws PYTORCH_SYNTAX. */
export function parsePython(source: string, what: string): Statement[] {
  const p: Parser = { tokens: tokenize(source, what), what, at: 0, depth: 0 }
  const out: Statement[] = []
  while (peek(p).kind !== 'end') out.push(...statement(p))
  return out
}

/** A single expression. */
export function parseExpression(source: string, what: string): Expression {
  const p: Parser = { tokens: tokenize(source, what), what, at: 0, depth: 0 }
  const value = tupleOrExpression(p)
  if (peek(p).kind === 'newline') p.at++
  if (peek(p).kind !== 'end') throw unexpected(p, 'the end')
  return value
}

const peek = (p: Parser): Token => p.tokens[p.at]
const isOp = (p: Parser, text: string): boolean => peek(p).kind === 'op' && peek(p).text === text
const isWord = (p: Parser, text: string): boolean => peek(p).kind === 'name' && peek(p).text === text

function unexpected(p: Parser, expected: string): Error {
  const { kind, text, line } = peek(p)
  return syntaxError(p.what, line, `${text === '' ? kind : JSON.stringify(text)} where ${expected} is expected`)
}

function accept(p: Parser, text: string): boolean {
  const { kind } = peek(p)
  if ((kind === 'op' || kind === 'name') && peek(p).text === text) {
    p.at++
    return true
  }
  return false
}

function expect(p: Parser, text: string): void {
  if (!accept(p, text)) throw unexpected(p, JSON.stringify(text))
}

function name(p: Parser): string {
  const token = peek(p)
  if (token.kind !== 'name' || KEYWORDS.has(token.text)) throw unexpected(p, 'a name')
  p.at++
  return token.text
}

function deeper<T>(p: Parser, parse: () => T): T {
  if (++p.depth > MAX_DEPTH) throw syntaxError(p.what, peek(p).line, `nested deeper than ${MAX_DEPTH}`)
  const value = parse()
  p.depth--
  return value
}

function endLine(p: Parser): void {
  if (accept(p, ';')) return
  if (peek(p).kind === 'newline') p.at++
  else if (peek(p).kind !== 'end' && peek(p).kind !== 'dedent') throw unexpected(p, 'the end of the line')
}

function block(p: Parser): Statement[] {
  expect(p, ':')
  if (peek(p).kind !== 'newline') return statement(p)
  p.at++
  if (peek(p).kind !== 'indent') {
    // TorchScript leaves the body of an empty class out.
    return []
  }
  p.at++
  return deeper(p, () => {
    const out: Statement[] = []
    while (peek(p).kind !== 'dedent') {
      if (peek(p).kind === 'end') throw unexpected(p, 'a statement')
      out.push(...statement(p))
    }
    p.at++
    return out
  })
}

/** One statement, or the several of a line with semicolons. */
function statement(p: Parser): Statement[] {
  const token = peek(p)
  if (token.kind === 'newline') {
    p.at++
    return []
  }
  const { line } = token
  if (token.kind === 'op' && token.text === '@') {
    // Decorators (@torch.no_grad(), @staticmethod) change nothing of what is computed.
    while (peek(p).kind !== 'newline' && peek(p).kind !== 'end') p.at++
    return []
  }
  if (token.kind === 'name') {
    switch (token.text) {
      case 'def':
        return [definition(p)]
      case 'class':
        return [classDefinition(p)]
      case 'if':
        p.at++
        return [ifStatement(p, line)]
      case 'for': {
        p.at++
        const target = targets(p)
        expect(p, 'in')
        const source = tupleOrExpression(p)
        return [{ kind: 'for', line, target, source, body: block(p) }]
      }
      case 'while': {
        p.at++
        const condition = expression(p)
        return [{ kind: 'while', line, condition, body: block(p) }]
      }
      case 'with':
        p.at++
        while (!isOp(p, ':') && peek(p).kind !== 'newline' && peek(p).kind !== 'end') {
          expression(p)
          if (accept(p, 'as')) name(p)
          if (!accept(p, ',')) break
        }
        return [{ kind: 'with', line, body: block(p) }]
    }
  }
  const simple = simpleStatement(p)
  endLine(p)
  return [simple]
}

function ifStatement(p: Parser, line: number): Statement {
  const condition = expression(p)
  const yes = block(p)
  let no: Statement[] = []
  const next = peek(p)
  if (accept(p, 'elif')) no = [deeper(p, () => ifStatement(p, next.line))]
  else if (accept(p, 'else')) no = block(p)
  return { kind: 'if', line, condition, yes, no }
}

function simpleStatement(p: Parser): Statement {
  const { line, kind, text } = peek(p)
  if (kind === 'name') {
    if (accept(p, 'pass')) return { kind: 'pass', line }
    if (accept(p, 'break')) return { kind: 'break', line }
    if (accept(p, 'continue')) return { kind: 'continue', line }
    if (accept(p, 'return')) return peek(p).kind === 'newline' || peek(p).kind === 'end' || isOp(p, ';') ? { kind: 'return', line } : { kind: 'return', line, value: tupleOrExpression(p) }
    if (accept(p, 'import') || accept(p, 'from')) {
      skipLine(p)
      return { kind: 'import', line }
    }
    if (accept(p, 'raise')) {
      skipLine(p)
      return { kind: 'raise', line }
    }
    if (accept(p, 'assert')) {
      const condition = expression(p)
      if (accept(p, ',')) expression(p)
      return { kind: 'assert', line, condition }
    }
    if (KEYWORDS.has(text) && text !== 'not') throw syntaxError(p.what, line, `${text} is not understood here; the computation must be plain assignments, calls, if, for and return`)
  }
  const first = tupleOrExpression(p)
  if (accept(p, ':')) {
    const type = expression(p)
    return { kind: 'declare', line, target: first, type, value: accept(p, '=') ? tupleOrExpression(p) : undefined }
  }
  if (peek(p).kind === 'op' && UPDATES.has(peek(p).text)) {
    const op = peek(p).text.slice(0, -1)
    p.at++
    return { kind: 'update', line, target: first, op, value: tupleOrExpression(p) }
  }
  const assigned = [first]
  while (accept(p, '=')) assigned.push(tupleOrExpression(p))
  const value = assigned[assigned.length - 1]
  return assigned.length === 1 ? { kind: 'expression', line, value } : { kind: 'assign', line, targets: assigned.slice(0, -1), value }
}

function skipLine(p: Parser): void {
  while (peek(p).kind !== 'newline' && peek(p).kind !== 'end') p.at++
}

function definition(p: Parser): FunctionDefinition {
  const { line } = peek(p)
  expect(p, 'def')
  const own = name(p)
  expect(p, '(')
  const parameters: Parameter[] = []
  while (!accept(p, ')')) {
    const stars = accept(p, '**') ? 2 : accept(p, '*') ? 1 : 0
    // A lone star: the parameters after it are given by name.
    if (!(stars === 1 && (isOp(p, ',') || isOp(p, ')')))) {
      const parameter = name(p)
      const type = accept(p, ':') ? expression(p) : undefined
      const fallback = accept(p, '=') ? expression(p) : undefined
      parameters.push({ name: parameter, type, fallback, stars })
    }
    if (!accept(p, ',')) {
      expect(p, ')')
      break
    }
  }
  if (accept(p, '->')) expression(p)
  return { kind: 'def', line, name: own, parameters, body: block(p) }
}

function classDefinition(p: Parser): ClassDefinition {
  const { line } = peek(p)
  expect(p, 'class')
  const own = name(p)
  const bases: Expression[] = []
  if (accept(p, '(')) {
    while (!accept(p, ')')) {
      bases.push(expression(p))
      if (accept(p, '=')) expression(p)
      if (!accept(p, ',')) {
        expect(p, ')')
        break
      }
    }
  }
  return { kind: 'class', line, name: own, bases, body: block(p) }
}

/** Names before `in`. */
function targets(p: Parser): Expression {
  const { line } = peek(p)
  const items = [postfix(p)]
  let isTuple = false
  while (accept(p, ',')) {
    isTuple = true
    if (isWord(p, 'in')) break
    items.push(postfix(p))
  }
  return isTuple ? { kind: 'tuple', line, items } : items[0]
}

function startsExpression(p: Parser): boolean {
  const { kind, text } = peek(p)
  if (kind === 'op') return '([{-+~*'.includes(text) || text === '...'
  return kind === 'name' ? !KEYWORDS.has(text) || text === 'not' || text === 'lambda' : kind === 'int' || kind === 'float' || kind === 'text'
}

function tupleOrExpression(p: Parser): Expression {
  const { line } = peek(p)
  const first = starred(p)
  if (!isOp(p, ',')) return first
  const items = [first]
  while (accept(p, ',')) {
    if (!startsExpression(p)) break
    items.push(starred(p))
  }
  return { kind: 'tuple', line, items }
}

function starred(p: Parser): Expression {
  const { line } = peek(p)
  return accept(p, '*') ? { kind: 'star', line, value: expression(p) } : expression(p)
}

function expression(p: Parser): Expression {
  return deeper(p, () => {
    const { line } = peek(p)
    if (isWord(p, 'lambda')) throw syntaxError(p.what, line, 'lambda is not understood; write a method')
    const value = or(p)
    if (!accept(p, 'if')) return value
    const condition = or(p)
    expect(p, 'else')
    return { kind: 'choice', line, condition, yes: value, no: expression(p) }
  })
}

function or(p: Parser): Expression {
  let left = and(p)
  for (let { line } = peek(p); accept(p, 'or'); { line } = peek(p)) left = { kind: 'or', line, left, right: and(p) }
  return left
}

function and(p: Parser): Expression {
  let left = not(p)
  for (let { line } = peek(p); accept(p, 'and'); { line } = peek(p)) left = { kind: 'and', line, left, right: not(p) }
  return left
}

function not(p: Parser): Expression {
  const { line } = peek(p)
  if (accept(p, 'not')) return deeper(p, () => ({ kind: 'unary', line, op: 'not', value: not(p) }))
  return comparison(p)
}

function comparison(p: Parser): Expression {
  let left = binary(p, 0)
  let previous: Expression | undefined
  for (;;) {
    const { kind, text, line } = peek(p)
    if (!((kind === 'op' || kind === 'name') && COMPARISONS.has(text))) return left
    p.at++
    let op = text
    if (text === 'is' && accept(p, 'not')) op = 'is not'
    else if (text === 'not') {
      expect(p, 'in')
      op = 'not in'
    }
    const right = binary(p, 0)
    // a < b < c is a < b and b < c.
    const one: Expression = { kind: 'compare', line, op, left: previous ?? left, right }
    left = previous === undefined ? one : { kind: 'and', line, left, right: one }
    previous = right
  }
}

function binary(p: Parser, level: number): Expression {
  if (level === BINARY.length) return unary(p)
  let left = binary(p, level + 1)
  for (;;) {
    const { kind, text, line } = peek(p)
    if (kind !== 'op' || !BINARY[level].includes(text)) return left
    p.at++
    left = { kind: 'binary', line, op: text, left, right: binary(p, level + 1) }
  }
}

function unary(p: Parser): Expression {
  const { line } = peek(p)
  for (const op of ['-', '+', '~'] as const) {
    if (accept(p, op)) return deeper(p, () => ({ kind: 'unary', line, op, value: unary(p) }))
  }
  const base = postfix(p)
  return accept(p, '**') ? { kind: 'binary', line, op: '**', left: base, right: deeper(p, () => unary(p)) } : base
}

function postfix(p: Parser): Expression {
  let value = atom(p)
  for (;;) {
    const { line } = peek(p)
    if (accept(p, '.')) value = { kind: 'attribute', line, object: value, name: name(p) }
    else if (accept(p, '(')) value = { kind: 'call', line, callee: value, args: callArguments(p) }
    else if (accept(p, '[')) {
      value = { kind: 'index', line, object: value, index: subscripts(p) }
      expect(p, ']')
    } else return value
  }
}

function callArguments(p: Parser): Argument[] {
  const args: Argument[] = []
  while (!accept(p, ')')) {
    if (accept(p, '**')) args.push({ stars: 2, value: expression(p) })
    else if (accept(p, '*')) args.push({ stars: 1, value: expression(p) })
    else if (peek(p).kind === 'name' && p.tokens[p.at + 1].kind === 'op' && p.tokens[p.at + 1].text === '=') {
      const own = name(p)
      expect(p, '=')
      args.push({ name: own, stars: 0, value: expression(p) })
    } else {
      const { line } = peek(p)
      const value = expression(p)
      args.push({ stars: 0, value: isWord(p, 'for') ? comprehension(p, value, line) : value })
    }
    if (!accept(p, ',')) {
      expect(p, ')')
      break
    }
  }
  return args
}

function subscripts(p: Parser): Expression {
  const { line } = peek(p)
  const items = [subscript(p)]
  let isTuple = false
  while (accept(p, ',')) {
    isTuple = true
    if (isOp(p, ']')) break
    items.push(subscript(p))
  }
  return isTuple ? { kind: 'tuple', line, items } : items[0]
}

function subscript(p: Parser): Expression {
  const { line } = peek(p)
  const start = isOp(p, ':') ? undefined : expression(p)
  if (!accept(p, ':')) return start ?? { kind: 'slice', line }
  const stop = isOp(p, ':') || isOp(p, ']') || isOp(p, ',') ? undefined : expression(p)
  const step = accept(p, ':') && !isOp(p, ']') && !isOp(p, ',') ? expression(p) : undefined
  return { kind: 'slice', line, start, stop, step }
}

function comprehension(p: Parser, item: Expression, line: number): Expression {
  expect(p, 'for')
  const target = targets(p)
  expect(p, 'in')
  const source = or(p)
  return { kind: 'comprehension', line, item, target, source, condition: accept(p, 'if') ? or(p) : undefined }
}

function atom(p: Parser): Expression {
  const { kind, text, line } = peek(p)
  if (kind === 'int' || kind === 'float') {
    p.at++
    return { kind: 'number', line, value: Number(text), isFloat: kind === 'float' }
  }
  if (kind === 'text') {
    let value = ''
    for (; peek(p).kind === 'text'; p.at++) value += peek(p).text
    return { kind: 'text', line, value }
  }
  if (kind === 'name' && !KEYWORDS.has(text)) {
    p.at++
    if (text === 'None') return { kind: 'constant', line, value: null }
    if (text === 'True' || text === 'False') return { kind: 'constant', line, value: text === 'True' }
    return { kind: 'name', line, name: text }
  }
  if (accept(p, '...')) return { kind: 'ellipsis', line }
  if (accept(p, '(')) return parenthesized(p, line)
  if (accept(p, '[')) {
    const items: Expression[] = []
    while (!accept(p, ']')) {
      items.push(starred(p))
      if (items.length === 1 && isWord(p, 'for')) {
        const all = comprehension(p, items[0], line)
        expect(p, ']')
        return all
      }
      if (!accept(p, ',')) {
        expect(p, ']')
        break
      }
    }
    return { kind: 'list', line, items }
  }
  if (accept(p, '{')) {
    const entries: [Expression, Expression][] = []
    while (!accept(p, '}')) {
      const key = expression(p)
      expect(p, ':')
      entries.push([key, expression(p)])
      if (!accept(p, ',')) {
        expect(p, '}')
        break
      }
    }
    return { kind: 'dict', line, entries }
  }
  throw unexpected(p, 'an expression')
}

function parenthesized(p: Parser, line: number): Expression {
  if (accept(p, ')')) return { kind: 'tuple', line, items: [] }
  const first = deeper(p, () => starred(p))
  if (isWord(p, 'for')) {
    const all = comprehension(p, first, line)
    expect(p, ')')
    return all
  }
  if (accept(p, ')')) return first
  const items = [first]
  while (accept(p, ',')) {
    if (isOp(p, ')')) break
    items.push(deeper(p, () => starred(p)))
  }
  expect(p, ')')
  return { kind: 'tuple', line, items }
}
