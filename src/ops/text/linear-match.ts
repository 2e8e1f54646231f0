// Matches a whole text against a regular expression in time that grows with its length, whatever the pattern: all ways through the pattern are
// followed at once (K. Thompson, Regular expression search algorithm, CACM 11/6, 1968), where a JavaScript engine tries one after the other.

/** More states than any pattern that people write has; each costs time at each character. */
const MAX_STATES = 4096

type Place = 'start' | 'end' | 'word' | 'inside'

type Part =
  | { readonly kind: 'char'; readonly accepts: (char: string) => boolean }
  | { readonly kind: 'place'; readonly place: Place }
  | { readonly kind: 'all' | 'any'; readonly parts: readonly Part[] }
  | { readonly kind: 'repeat'; readonly part: Part; readonly least: number; readonly most: number }

/** States by number: take a character and go on, go on at a place only, or go on at either of two; the last one is the end. */
interface State {
  readonly accepts?: (char: string) => boolean
  readonly place?: Place
  next: number
  other: number
}

export interface LinearMatcher {
  readonly stateCount: number
  /** True where the pattern matches the whole text. */
  test(text: string): boolean
}

/** A matcher of a valid pattern in JavaScript's syntax with flag u, without look-around and back-references; undefined where it takes too many states. */
export function linearMatcher(pattern: string): LinearMatcher | undefined {
  const states: State[] = []
  if (!compile(parse(pattern), states)) return undefined
  states.push({ next: -1, other: -1 })
  return { stateCount: states.length, test: (text) => matches(states, text) }
}

function parse(pattern: string): Part {
  let at = 0
  const one = (source: string): Part => {
    const expression = new RegExp(`^${source}$`, 'u')
    return { kind: 'char', accepts: (char) => expression.test(char) }
  }
  const choice = (): Part => {
    const parts = [sequence()]
    while (pattern[at] === '|') {
      at++
      parts.push(sequence())
    }
    return { kind: 'any', parts }
  }
  const sequence = (): Part => {
    const parts: Part[] = []
    while (at < pattern.length && pattern[at] !== '|' && pattern[at] !== ')') parts.push(repeated(atom()))
    return { kind: 'all', parts }
  }
  const atom = (): Part => {
    const start = at
    const char = String.fromCodePoint(pattern.codePointAt(at) ?? 0)
    at += char.length
    if (char === '.') return one(char)
    if (char === '^') return { kind: 'place', place: 'start' }
    if (char === '$') return { kind: 'place', place: 'end' }
    if (char === '(') {
      if (pattern[at] === '?') at = pattern[at + 1] === ':' ? at + 2 : pattern.indexOf('>', at) + 1
      const part = choice()
      at++
      return part
    }
    if (char === '\\') {
      const next = pattern[at++]
      return next === 'b' ? { kind: 'place', place: 'word' } : next === 'B' ? { kind: 'place', place: 'inside' } : one(`\\${next}`)
    }
    if (char !== '[') return { kind: 'char', accepts: (own) => own === char }
    for (; pattern[at] !== ']'; at++) if (pattern[at] === '\\') at++
    return one(pattern.slice(start, ++at))
  }
  const repeated = (part: Part): Part => {
    const found = /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(pattern.slice(at))
    if (found === null) return part
    at += found[0].length
    const [, sign, least, comma, most] = found
    if (sign !== undefined) return { kind: 'repeat', part, least: sign === '+' ? 1 : 0, most: sign === '?' ? 1 : Infinity }
    return { kind: 'repeat', part, least: Number(least), most: comma === '' ? Number(least) : most === '' ? Infinity : Number(most) }
  }
  return choice()
}

/** Adds the states of a part, which go on behind it; false where there would be too many. */
function compile(part: Part, states: State[]): boolean {
  if (states.length >= MAX_STATES) return false
  const add = (state: Partial<State>): State => {
    const made: State = { next: states.length + 1, other: -1, ...state }
    states.push(made)
    return made
  }
  switch (part.kind) {
    case 'char':
      add({ accepts: part.accepts })
      return true
    case 'place':
      add({ place: part.place })
      return true
    case 'all':
      return part.parts.every((own) => compile(own, states))
    case 'any': {
      const ends: State[] = []
      for (let i = 0; i < part.parts.length; i++) {
        const fork = i + 1 < part.parts.length ? add({}) : undefined
        if (!compile(part.parts[i], states)) return false
        if (fork === undefined) continue
        ends.push(add({}))
        fork.other = states.length
      }
      for (const end of ends) end.next = states.length
      return true
    }
    case 'repeat': {
      for (let i = 0; i < part.least; i++) if (!compile(part.part, states)) return false
      if (part.most === Infinity) {
        const start = states.length
        const fork = add({})
        if (!compile(part.part, states)) return false
        add({ next: start })
        fork.other = states.length
        return true
      }
      const forks: State[] = []
      for (let i = part.least; i < part.most; i++) {
        forks.push(add({}))
        if (!compile(part.part, states)) return false
      }
      for (const fork of forks) fork.other = states.length
      return true
    }
  }
}

const isWord = (code: number): boolean => (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95 || (code >= 97 && code <= 122)

function isAt(place: Place, text: string, at: number): boolean {
  if (place === 'start') return at === 0
  if (place === 'end') return at === text.length
  return (isWord(text.charCodeAt(at - 1)) !== isWord(text.charCodeAt(at))) === (place === 'word')
}

function matches(states: readonly State[], text: string): boolean {
  const end = states.length - 1
  /** At which character a state was reached last. */
  const reached = new Int32Array(states.length).fill(-1)
  let now: number[] = []
  let then: number[] = []
  const pending: number[] = []
  /** Adds what is reached from a state without taking a character. */
  const reach = (first: number, at: number): void => {
    pending.push(first)
    for (let n = pending.pop(); n !== undefined; n = pending.pop()) {
      if (reached[n] === at) continue
      reached[n] = at
      const { accepts, place, next, other } = states[n]
      if (accepts !== undefined || n === end) then.push(n)
      else if (place === undefined || isAt(place, text, at)) {
        if (other >= 0) pending.push(other)
        pending.push(next)
      }
    }
  }
  reach(0, 0)
  for (let at = 0; at < text.length; ) {
    ;[now, then] = [then, now]
    then.length = 0
    const char = String.fromCodePoint(text.codePointAt(at) ?? 0)
    at += char.length
    for (const n of now) if (states[n].accepts?.(char) === true) reach(states[n].next, at)
    if (then.length === 0) return false
  }
  return reached[end] === text.length
}
