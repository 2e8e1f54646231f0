// Python's regular expressions as JavaScript's: what token patterns of text vectorizers use. Classes and word boundaries are those of Python's
// str, which know Unicode.
import { MleError } from '../../error.ts'

const MAX_PATTERN_LENGTH = 2_000

const WORD = '\\p{L}\\p{N}_'
/** Everything but letters, numbers and the underscore, in a form that may stand inside a class. */
const NOT_WORD = '\\p{M}\\p{S}\\p{Z}\\p{C}\\p{Pd}\\p{Ps}\\p{Pe}\\p{Pi}\\p{Pf}\\p{Po}\\u203f\\u2040\\u2054\\ufe33\\ufe34\\ufe4d-\\ufe4f\\uff3f'
const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const NOT_SPACE = '\\x00-\\x08\\x0e-\\x1b\\x21-\\x84\\x86-\\x9f\\xa1-\\u167f\\u1681-\\u1fff\\u200b-\\u2027\\u202a-\\u202e\\u2030-\\u205e\\u2060-\\u2fff\\u3001-\\u{10ffff}'

/** Escapes that stand for classes: inside [...] and outside. */
const CLASSES: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['w', WORD],
  ['W', NOT_WORD],
  ['d', '\\p{Nd}'],
  ['D', '\\P{Nd}'],
  ['s', SPACE],
  ['S', NOT_SPACE],
])
const BOUNDARY = `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`
const NO_BOUNDARY = `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}]))`
const OUTSIDE: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['b', BOUNDARY],
  ['B', NO_BOUNDARY],
  ['A', '(?<![\\s\\S])'],
  ['Z', '(?![\\s\\S])'],
])

function refuse(pattern: string, what: string): MleError {
  return new MleError('TEXT_PATTERN', `token pattern ${JSON.stringify(pattern)}: ${what}`, { actual: pattern })
}

/**
 * A global RegExp that finds what Python's `re.compile(pattern).findall` finds.
 *
 * @throws MleError TEXT_PATTERN for syntax that has no equal here (verbose mode, conditionals, atomic groups, possessive repeats)
 */
export function pythonPattern(pattern: string): RegExp {
  if (pattern.length > MAX_PATTERN_LENGTH) throw refuse(pattern.slice(0, 40), `is longer than ${MAX_PATTERN_LENGTH} characters`)
  let flags = 'gu'
  let out = ''
  let inClass = false
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]
    if (char === '\\') {
      const next = pattern[++i]
      if (next === undefined) throw refuse(pattern, 'ends in a backslash')
      const [text, used] = escape(pattern, i, inClass)
      out += text
      i += used - 1
    } else if (inClass) {
      if (char === ']') inClass = false
      out += char === '[' ? '\\[' : char
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
      const inline = /^\(\?([aiLmsux]+)\)/.exec(pattern.slice(i))
      if (inline !== null) {
        flags += flagsOf(pattern, inline[1])
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

function flagsOf(pattern: string, letters: string): string {
  let flags = ''
  for (const letter of letters) {
    if (letter === 'i' || letter === 'm' || letter === 's') flags += letter
    else if (letter !== 'u') throw refuse(pattern, `flag ${letter} is not supported`)
  }
  return flags
}

/** The escape whose letter stands at `at`, and how many characters of the pattern it takes. */
function escape(pattern: string, at: number, inClass: boolean): readonly [string, number] {
  const letter = pattern[at]
  const members = CLASSES.get(letter)
  if (members !== undefined) return [inClass ? members : `[${members}]`, 1]
  if (!inClass) {
    const zeroWidth = OUTSIDE.get(letter)
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
