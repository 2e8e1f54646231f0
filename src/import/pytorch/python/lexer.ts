// Python text -> tokens, with indentation as tokens of its own.
import { pytorchError } from '../error.ts'

export interface Token {
  readonly kind: 'name' | 'int' | 'float' | 'text' | 'op' | 'newline' | 'indent' | 'dedent' | 'end'
  readonly text: string
  readonly line: number
}

/** Source of one module: torch's own functional.py is about 100 KB. */
const MAX_SOURCE = 8 * 1024 * 1024
const MAX_INDENT = 100

const NAME = /[A-Za-z_][A-Za-z0-9_]*/y
const FLOAT = /(?:\d[\d_]*\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d[\d_]*[eE][+-]?\d+)/y
const INT = /(?:0[xX][0-9a-fA-F]+|\d[\d_]*)/y
const OPERATORS = ['**=', '//=', '>>=', '<<=', '...', '->', '**', '//', '>=', '<=', '==', '!=', '+=', '-=', '*=', '/=', '%=', '@=', '|=', '&=', '^=', ':=', '>>', '<<', ...'()[]{},:.;=+-*/%@<>|&^~']
const ESCAPES: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([['n', '\n'], ['t', '\t'], ['r', '\r'], ['0', '\0'], ['\\', '\\'], ["'", "'"], ['"', '"'], ['\n', ''], ['a', '\x07'], ['b', '\b'], ['f', '\f'], ['v', '\v']])

export function syntaxError(what: string, line: number, message: string): Error {
  return pytorchError('PYTORCH_SYNTAX', `${what}, line ${line}: ${message}`, what)
}

/** Tokens of `source`; `what` names it in messages. Throws PYTORCH_SYNTAX. */
export function tokenize(source: string, what: string): Token[] {
  if (source.length > MAX_SOURCE) throw syntaxError(what, 1, `${source.length} characters exceed the limit of ${MAX_SOURCE}`)
  const tokens: Token[] = []
  const indents = [0]
  let at = 0
  let line = 1
  let depth = 0
  let startsLine = true
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    return pattern.exec(source)?.[0]
  }
  while (at < source.length) {
    if (startsLine && depth === 0) {
      let width = 0
      while (source[at] === ' ' || source[at] === '\t') width += source[at++] === '\t' ? 8 - (width % 8) : 1
      const next = source[at]
      if (next === '\n' || next === '\r' || next === '#' || next === undefined) {
        while (at < source.length && source[at] !== '\n') at++
        at++
        line++
        continue
      }
      startsLine = false
      if (width > indents[indents.length - 1]) {
        if (indents.length > MAX_INDENT) throw syntaxError(what, line, `more than ${MAX_INDENT} levels of indentation`)
        indents.push(width)
        tokens.push({ kind: 'indent', text: '', line })
      }
      while (width < indents[indents.length - 1]) {
        indents.pop()
        tokens.push({ kind: 'dedent', text: '', line })
      }
      if (width !== indents[indents.length - 1]) throw syntaxError(what, line, 'the indentation fits no line above')
    }
    const char = source[at]
    if (char === '\n') {
      if (depth === 0) {
        tokens.push({ kind: 'newline', text: '', line })
        startsLine = true
      }
      at++
      line++
    } else if (char === ' ' || char === '\t' || char === '\r' || char === '\f') at++
    else if (char === '#') while (at < source.length && source[at] !== '\n') at++
    else if (char === '\\' && source[at + 1] === '\n') {
      at += 2
      line++
    } else if (char === '"' || char === "'") at = string(at, '')
    else {
      const name = match(NAME)
      if (name !== undefined) {
        at += name.length
        if ((source[at] === '"' || source[at] === "'") && /^(?:[rRbBuUfF]|[rR][bBfF]|[bBfF][rR])$/.test(name)) at = string(at, name.toLowerCase())
        else tokens.push({ kind: 'name', text: name, line })
        continue
      }
      const float = match(FLOAT)
      const int = float === undefined ? match(INT) : undefined
      const number = float ?? int
      if (number !== undefined) {
        tokens.push({ kind: float === undefined ? 'int' : 'float', text: number.replaceAll('_', ''), line })
        at += number.length
        continue
      }
      const operator = OPERATORS.find((one) => source.startsWith(one, at))
      if (operator === undefined) throw syntaxError(what, line, `unexpected ${JSON.stringify(char)}`)
      if ('([{'.includes(operator)) depth++
      else if (')]}'.includes(operator)) depth = Math.max(0, depth - 1)
      tokens.push({ kind: 'op', text: operator, line })
      at += operator.length
    }
  }
  if (!startsLine) tokens.push({ kind: 'newline', text: '', line })
  for (; indents.length > 1; indents.pop()) tokens.push({ kind: 'dedent', text: '', line })
  tokens.push({ kind: 'end', text: '', line })
  return tokens

  function string(start: number, prefix: string): number {
    const quote = source[start]
    const isTriple = source.startsWith(quote.repeat(3), start)
    const close = isTriple ? quote.repeat(3) : quote
    const first = line
    let text = ''
    let i = start + close.length
    for (;;) {
      if (i >= source.length || (!isTriple && source[i] === '\n')) throw syntaxError(what, first, 'a string is not closed')
      if (source.startsWith(close, i)) break
      if (source[i] === '\n') line++
      if (source[i] === '\\' && !prefix.includes('r')) {
        const escaped = source[i + 1] ?? ''
        const hex = escaped === 'x' ? /^[0-9a-fA-F]{2}/.exec(source.slice(i + 2, i + 4))?.[0] : undefined
        const octal = /^[0-7]{3}/.exec(source.slice(i + 1, i + 4))?.[0]
        if (hex !== undefined) {
          text += String.fromCharCode(parseInt(hex, 16))
          i += 4
        } else if (octal !== undefined) {
          text += String.fromCharCode(parseInt(octal, 8))
          i += 4
        } else {
          text += ESCAPES.get(escaped) ?? `\\${escaped}`
          i += 2
        }
      } else text += source[i++]
    }
    tokens.push({ kind: 'text', text, line: first })
    return i + close.length
  }
}
