// Python's regular expressions as JavaScript's: what token patterns of text vectorizers use. Classes and word boundaries are those of Python's
// str, which know Unicode.
import { MleError } from '../../error.ts'

const MAX_PATTERN_LENGTH = 2_000

const WORD = '\\p{L}\\p{N}_'
/** Everything but letters, numbers and the underscore, in a form that may stand inside a class. */
const NOT_WORD = '\\p{M}\\p{S}\\p{Z}\\p{C}\\p{Pd}\\p{Ps}\\p{Pe}\\p{Pi}\\p{Pf}\\p{Po}\\u203f\\u2040\\u2054\\ufe33\\ufe34\\ufe4d-\\ufe4f\\uff3f'
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const NOT_SPACE = '\\x00-\\x08\\x0e-\\x1b\\x21-\\x84\\x86-\\x9f\\xa1-\\u167f\\u1681-\\u1fff\\u200b-\\u2027\\u202a-\\u202e\\u2030-\\u205e\\u2060-\\u2fff\\u3001-\\u{10ffff}'

/** What escapes stand for. */
interface Escapes {
  /** Classes, inside [...] and outside. */
  readonly classes: ReadonlyMap<string, string>
  /** Places, outside of [...]. */
  readonly places: ReadonlyMap<string, string>
}

function escapesOf(word: string, notWord: string, digit: string, notDigit: string, space: string, notSpace: string): Escapes {
  return {
    classes: new Map([['w', word], ['W', notWord], ['d', digit], ['D', notDigit], ['s', space], ['S', notSpace]]),
    places: new Map([
      ['b', `(?:(?<=[${word}])(?![${word}])|(?<![${word}])(?=[${word}]))`],
      ['B', `(?:(?<=[${word}])(?=[${word}])|(?<![${word}])(?![${word}]))`],
      ['A', '(?<![\\s\\S])'],
      ['Z', '(?![\\s\\S])'],
    ]),
  }
}

const UNICODE: Escapes = /* @__PURE__ */ escapesOf(WORD, NOT_WORD, '\\p{Nd}', '\\P{Nd}', SPACE, NOT_SPACE)
/** With flag a only ASCII characters are letters, digits and spaces. */
const ASCII: Escapes = /* @__PURE__ */ escapesOf('a-zA-Z0-9_', '\\x00-/:-@[-^`{-\\u{10ffff}', '0-9', '\\D', '\\t-\\r\\x20', '\\x00-\\x08\\x0e-\\x1f!-\\u{10ffff}')

const FLAGS = /^\(\?([aiLmsux]+)\)/

function refuse(pattern: string, what: string): MleError {
  return new MleError('TEXT_PATTERN', `token pattern ${JSON.stringify(pattern)}: ${what}`, { actual: pattern })
}

/**
 * A global RegExp that finds what Python's `re.compile(pattern).findall` finds.
 *
 * @throws MleError TEXT_PATTERN for syntax that has no equal here (conditionals, atomic groups, possessive repeats, flags inside)
 */
export function pythonPattern(pattern: string): RegExp {
  if (pattern.length > MAX_PATTERN_LENGTH) throw refuse(pattern.slice(0, 40), `is longer than ${MAX_PATTERN_LENGTH} characters`)
  const [, letters = ''] = FLAGS.exec(pattern) ?? []
  const escapes = letters.includes('a') ? ASCII : UNICODE
  const isVerbose = letters.includes('x')
  let flags = 'gu'
  let out = ''
  let inClass = false
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]
    if (char === '\\') {
      const next = pattern[++i]
      if (next === undefined) throw refuse(pattern, 'ends in a backslash')
      const [text, used] = escape(pattern, i, inClass, escapes)
      out += text
      i += used - 1
    } else if (inClass) {
      if (char === ']') inClass = false
      out += char === '[' ? '\\[' : char
    } else if (isVerbose && /\s/.test(char)) {
      continue
    } else if (isVerbose && char === '#') {
      const end = pattern.indexOf('\n', i)
      i = end < 0 ? pattern.length : end
    } else if (char === '[') {
      inClass = true
      out += '['
      if (pattern[i + 1] === '^') out += pattern[++i]
      // A bracket right at the start is a member.
      if (pattern[i + 1] === ']') {
        i++
        out += '\\]'
      }
    } else if (char === '(' && pattern[i + 1] === '?') {
      const inline = FLAGS.exec(pattern.slice(i))
      if (inline !== null) {
        flags += flagsOf(pattern, inline[1], i === 0)
        i += inline[0].length - 1
        continue
      }
      const named = /^\(\?P(<[A-Za-z_]\w*>)/.exec(pattern.slice(i))
      const back = /^\(\?P=([A-Za-z_]\w*)\)/.exec(pattern.slice(i))
      const comment = /^\(\?#[^)]*\)/.exec(pattern.slice(i))
      if (named !== null) {
        out += `(?${named[1]}`
        i += named[0].length - 1
      } else if (back !== null) {
        out += `\\k<${back[1]}>`
        i += back[0].length - 1
      } else if (comment !== null) i += comment[0].length - 1
      else if (/^\(\?(?::|=|!|<=|<!)/.test(pattern.slice(i))) {
        out += '(?'
        i++
      } else throw refuse(pattern, `${pattern.slice(i, i + 4)} is not supported`)
    } else if (char === '{' && !/^\{\d*,?\d*\}/.test(pattern.slice(i))) out += '\\{'
    else if (char === '{' && pattern[i + 1] === ',') out += '{0'
    else if (char === '}' && !/\{\d*,?\d*$/.test(pattern.slice(0, i))) out += '\\}'
    else if (char === ']') out += '\\]'
    else if (char === '+' && i > 0 && /[*+?}]/.test(pattern[i - 1]) && pattern[i - 2] !== '\\') throw refuse(pattern, 'possessive repeats are not supported')
    else out += char
  }
  try {
    return new RegExp(out, [...new Set(flags)].join(''))
  } catch (error) {
    throw refuse(pattern, `cannot be read (${error instanceof Error ? error.message : String(error)})`)
  }
}

/** Flags of JavaScript; a and x, which change how the rest is read, come first in the pattern. */
function flagsOf(pattern: string, letters: string, isFirst: boolean): string {
  let flags = ''
  for (const letter of letters) {
    if (letter === 'i' || letter === 'm' || letter === 's') flags += letter
    else if (letter !== 'u' && !(isFirst && (letter === 'a' || letter === 'x'))) throw refuse(pattern, `flag ${letter} is not supported`)
  }
  return flags
}

/** The escape whose letter stands at `at`, and how many characters of the pattern it takes. */
function escape(pattern: string, at: number, inClass: boolean, { classes, places }: Escapes): readonly [string, number] {
  const letter = pattern[at]
  const members = classes.get(letter)
  if (members !== undefined) return [inClass ? members : `[${members}]`, 1]
  if (!inClass) {
    const zeroWidth = places.get(letter)
    if (zeroWidth !== undefined) return [zeroWidth, 1]
    if (/[1-9]/.test(letter)) return [`\\${letter}`, 1]
  } else if (letter === 'b') return ['\\x08', 1]
  if (letter === 'a') return ['\\x07', 1]
  if (/[nrtfv]/.test(letter)) return [`\\${letter}`, 1]
  const code = /^(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})/.exec(pattern.slice(at))
  if (code !== null) return [`\\${code[0]}`, code[0].length]
  const long = /^U([0-9a-fA-F]{8})/.exec(pattern.slice(at))
  if (long !== null) return [`\\u{${long[1].replace(/^0+(?=.)/, '')}}`, long[0].length]
  if (letter === '0') return ['\\0', 1]
  if (/[A-Za-z0-9]/.test(letter)) throw refuse(pattern, `escape \\${letter} is not supported`)
  // Escaped punctuation stands for itself; only characters with a meaning may be escaped in a Unicode pattern.
  return [/[\^$\\.*+?()[\]{}|/-]/.test(letter) && (inClass || letter !== '-') ? `\\${letter}` : letter, 1]
}
