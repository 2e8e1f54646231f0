// From a text to its tokens or n-grams, as scikit-learn's text vectorizers cut it.
import { MleError } from '../../error.ts'
import { int, text } from '../attributes.ts'
import type { Attributes } from '../types.ts'
import { isCombining } from './combining.ts'
import { pythonPattern } from './pattern.ts'

/** Calls `emit` for each token or n-gram of a text. */
export type Analyzer = (document: string, emit: (token: string) => void) => void

/** Python's white space. */
const SPACES = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
const RUNS = /* @__PURE__ */ new RegExp(`${SPACES}{2,}`, 'gu')
const SPLIT = /* @__PURE__ */ new RegExp(`${SPACES}+`, 'u')
const DEFAULT_PATTERN = '(?u)\\b\\w\\w+\\b'
/** The same matches as the default pattern without its boundaries: whole runs of word characters. */
const DEFAULT_TOKENS = /[\p{L}\p{N}_]{2,}/gu

const isAscii = (value: string): boolean => {
  for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) > 127) return false
  return true
}

export function stripAccents(value: string, mode: string): string {
  if (mode === '' || isAscii(value)) return value
  let out = ''
  for (const char of value.normalize('NFKD')) {
    const code = char.codePointAt(0) ?? 0
    if (mode === 'ascii' ? code < 128 : !isCombining(code)) out += char
  }
  return out
}

/** Finds tokens as Python's findall does: whole matches, or the one group. */
function tokenizer(pattern: string): (value: string) => string[] {
  if (pattern === DEFAULT_PATTERN) return (value) => value.match(DEFAULT_TOKENS) ?? []
  if (pattern === '') return (value) => value.split(SPLIT).filter((one) => one !== '')
  const expression = pythonPattern(pattern)
  const groups = new RegExp(`${expression.source}|`, expression.flags.replace('g', '')).exec('')?.length ?? 1
  if (groups > 2) throw new MleError('TEXT_PATTERN', `token pattern ${JSON.stringify(pattern)} has ${groups - 1} groups, expected at most 1`)
  return groups === 1 ? (value) => value.match(expression) ?? [] : (value) => Array.from(value.matchAll(expression), (found) => found[1] ?? '')
}

/**
 * The analyzer that attributes describe: `analyzer` word, char or char_wb; `lowest` and `highest` n; `lowercase`, `stripAccents`,
 * `pattern` ('' splits at white space); `stopWords` are left out before n-grams are made.
 */
export function analyzerOf(attributes: Attributes, stopWords: ReadonlySet<string>): Analyzer {
  const kind = text(attributes, 'analyzer', 'word')
  const lowest = int(attributes, 'lowest', 1)
  const highest = int(attributes, 'highest', 1)
  const lowercase = int(attributes, 'lowercase', 1) === 1
  const accents = text(attributes, 'stripAccents', '')
  const prepare = (document: string): string => stripAccents(lowercase ? document.toLowerCase() : document, accents)
  if (kind === 'word') {
    const tokenize = tokenizer(text(attributes, 'pattern', DEFAULT_PATTERN))
    return (document, emit) => {
      let tokens = tokenize(prepare(document))
      if (stopWords.size > 0) tokens = tokens.filter((token) => !stopWords.has(token))
      wordGrams(tokens, lowest, highest, emit)
    }
  }
  const grams = kind === 'char' ? charGrams : boundedGrams
  return (document, emit) => grams(prepare(document).replace(RUNS, ' '), lowest, highest, emit)
}

function wordGrams(tokens: readonly string[], lowest: number, highest: number, emit: (token: string) => void): void {
  // As in scikit-learn, n-grams of one word come from every range that ends at 1.
  const from = highest === 1 ? 1 : lowest
  for (let n = from; n <= Math.min(highest, tokens.length); n++) {
    if (n === 1) tokens.forEach(emit)
    else for (let i = 0; i + n <= tokens.length; i++) emit(tokens.slice(i, i + n).join(' '))
  }
}

function charGrams(document: string, lowest: number, highest: number, emit: (token: string) => void): void {
  const chars = Array.from(document)
  for (let n = lowest; n <= Math.min(highest, chars.length); n++) {
    for (let i = 0; i + n <= chars.length; i++) emit(chars.slice(i, i + n).join(''))
  }
}

// N-grams inside words with a space at both ends; a word shorter than n counts once.
function boundedGrams(document: string, lowest: number, highest: number, emit: (token: string) => void): void {
  for (const word of document.split(SPLIT)) {
    if (word === '') continue
    const chars = [' ', ...Array.from(word), ' ']
    for (let n = lowest; n <= highest; n++) {
      emit(chars.slice(0, n).join(''))
      let offset = 0
      while (offset + n < chars.length) {
        offset++
        emit(chars.slice(offset, offset + n).join(''))
      }
      if (offset === 0) break
    }
  }
}
