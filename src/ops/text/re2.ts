// Regular expressions of RE2 as JavaScript's: the part that both have. RE2 knows neither look-around nor back-references.
import { MleError } from '../../error.ts'
import { linearMatcher } from './linear-match.ts'

const MAX_PATTERN_LENGTH = 2_000
const ESCAPES = 'wWdDsSbBtnrfvAz'

export interface FullMatcher {
  test(text: string): boolean
  /** Steps that a character of a text may take. */
  readonly stateCount: number
}

/** What engines match in linear time: no choices and at most one repeat. */
const IS_SIMPLE = /^(?:[^|*+?{(\\]|\\.)*[*+?]?(?:[^|*+?{(\\]|\\.)*$/

/** Matches exactly the strings that RE2's FullMatch does, in linear time as it; throws TEXT_PATTERN for syntax that has no equal here. */
export function fullMatchPattern(pattern: string): FullMatcher {
  const refuse = (what: string): MleError => new MleError('TEXT_PATTERN', `regular expression ${JSON.stringify(pattern.slice(0, 80))}: ${what}`, { actual: pattern.slice(0, 80) })
  if (pattern.length > MAX_PATTERN_LENGTH) throw refuse(`is longer than ${MAX_PATTERN_LENGTH} characters`)
  let out = ''
  let inClass = false
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]
    if (char === '\\') {
      const next = pattern[++i] ?? ''
      if (/[a-zA-Z0-9]/.test(next)) {
        if (!ESCAPES.includes(next)) throw refuse(`has the escape \\${next}, which is not supported`)
        // White space is ASCII in RE2; its text ends are those of the whole string.
        if (next === 's' || next === 'S') {
          if (inClass && next === 'S') throw refuse('has \\S in a class, which is not supported')
          out += inClass ? '\\t\\n\\f\\r ' : next === 's' ? '[\\t\\n\\f\\r ]' : '[^\\t\\n\\f\\r ]'
        } else out += next === 'A' ? '^' : next === 'z' ? '$' : `\\${next}`
      } else if (next === '') throw refuse('ends in a backslash')
      else out += /[\^$\\.*+?()[\]{}|/-]/.test(next) && (next !== '-' || inClass) ? `\\${next}` : next
    } else if (inClass) {
      if (char === '[' && pattern[i + 1] === ':') throw refuse('has a named class, which is not supported')
      if (char === ']') inClass = false
      out += char === '[' ? '\\[' : char
    } else if (char === '[') {
      inClass = true
      out += char
      if (pattern[i + 1] === '^') out += pattern[++i]
      if (pattern[i + 1] === ']') {
        out += '\\]'
        i++
      }
    } else if (char === '.') out += '[^\\n]'
    else if (char === '(' && pattern[i + 1] === '?') {
      const opening = /^\(\?(?::|P?<(?=[A-Za-z_]))/.exec(pattern.slice(i))
      if (opening === null) throw refuse('has flags or a look-around, which are not supported')
      out += opening[0].replace('P', '')
      i += opening[0].length - 1
    } else out += char
  }
  let expression: RegExp
  try {
    expression = new RegExp(`^(?:${out})$`, 'u')
  } catch (error) {
    throw refuse(`is no regular expression (${error instanceof Error ? error.message : String(error)})`)
  }
  if (IS_SIMPLE.test(out)) return { stateCount: 1, test: (text) => expression.test(text) }
  const matcher = linearMatcher(out)
  if (matcher === undefined) throw refuse('repeats too much: it takes thousands of states')
  return matcher
}
