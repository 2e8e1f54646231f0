// Kernels of strings. A missing string counts as empty.
import { MleError } from '../../error.ts'
import { floats, int, ints, text, texts } from '../attributes.ts'
import { allocateView, isView, type HostKernel, type Kernel, type KernelContext, type KernelEntry, type Value } from '../kernel.ts'
import { fullMatchPattern } from '../text/re2.ts'
import { storeInt64 } from './arrays.ts'
import { integers, view } from './moving.ts'
import { broadcastNest, numbers, perShape, walk } from './nest.ts'

function textsOf(value: Value | undefined): readonly string[] {
  if (!isView(value) || !Array.isArray(value.data)) throw new TypeError('a kernel of strings was called without strings')
  return value.data.map((item) => item ?? '')
}

/** What a text takes of the engine's heap besides its characters, of which it may need two bytes for each. */
const TEXT_OBJECTS = 32

// X, Y [any] that broadcast -> Z
function makeConcat({ scratch }: KernelContext): Kernel {
  const layout = perShape((inputs, outputs) => broadcastNest(inputs, outputs))
  return (inputs, outputs) => {
    const nest = layout(inputs, outputs)
    const [x, y] = [textsOf(inputs[0]), textsOf(inputs[1])]
    const z = view(outputs[0]).data as string[]
    let length = 0
    walk(nest, (at) => {
      for (let e = 0; e < nest.inner; e++) length += (z[at[0] + e * nest.steps[0]] = x[at[1] + e * nest.steps[1]] + y[at[2] + e * nest.steps[2]]).length
    })
    // Engines join texts only when somebody reads them.
    scratch.take(0, z.length * TEXT_OBJECTS + 2 * length)
  }
}

/** Gives the parts of a string; at most `most` cuts, the rest stays whole. Returns how many there are. */
function split(value: string, delimiter: string, most: number, part: (text: string) => void): number {
  let count = 0
  let rest = delimiter === '' ? value.trimStart() : value
  for (; count < most; count++) {
    const at = delimiter === '' ? rest.search(/\s/) : rest.indexOf(delimiter)
    if (at < 0) break
    part(rest.slice(0, at))
    rest = delimiter === '' ? rest.slice(at).trimStart() : rest.slice(at + delimiter.length)
  }
  if (delimiter === '' && rest === '') return count
  part(delimiter === '' && count < most ? rest.trimEnd() : rest)
  return count + 1
}

// X [any] -> parts [any, most parts], counts [any]
const makeSplit = ({ attributes, scratch }: KernelContext): HostKernel => {
  const given = attributes.has('maxsplit') ? int(attributes, 'maxsplit', 0) : -1
  const most = given < 0 ? Infinity : given
  const delimiter = text(attributes, 'delimiter', '')
  return ([input]) => {
    const shape = isView(input) ? input.shape : []
    const texts = textsOf(input)
    const own = texts.map((value) => split(value, delimiter, most, () => undefined))
    const columns = own.reduce((width, count) => Math.max(width, count), 0)
    scratch.take(0, own.reduce((sum, count) => sum + count, 0) * TEXT_OBJECTS)
    const parts = allocateView('string', [...shape, columns], scratch)
    texts.forEach((value, i) => {
      let at = i * columns
      split(value, delimiter, most, (text) => (parts.data[at++] = text))
    })
    const counts = allocateView('int64', shape, scratch)
    storeInt64(numbers(counts), own)
    return [parts, counts]
  }
}

// X [n] or [1, n] -> those that are no stop words
const makeNormalizer = ({ attributes, scratch }: KernelContext): HostKernel => {
  const action = text(attributes, 'case_change_action', 'NONE')
  const exactCase = int(attributes, 'is_case_sensitive', 0) !== 0
  const key = (value: string): string => (exactCase ? value : value.toLowerCase())
  const stops = new Set((texts(attributes, 'stopwords') ?? []).map(key))
  return ([input]) => {
    const texts = textsOf(input)
    scratch.take(0, texts.reduce((sum, value) => sum + TEXT_OBJECTS + 2 * value.length, 0))
    const kept = texts.filter((value) => !stops.has(key(value)))
    const data = (kept.length === 0 ? [''] : kept).map((value) => (action === 'LOWER' ? value.toLowerCase() : action === 'UPPER' ? value.toUpperCase() : value))
    const shape = isView(input) && input.shape.length === 2 ? [1, data.length] : [data.length]
    return [{ dtype: 'string', shape, size: data.length, data }]
  }
}

/** Steps of a pattern in the time of an iteration, about. */
const STEPS_AN_ITERATION = 4096

// X [any] -> Y bool alike
function makeFullMatch({ attributes, scratch }: KernelContext): Kernel {
  const pattern = fullMatchPattern(text(attributes, 'pattern', ''))
  return ([input], [output]) => {
    const y = numbers(output)
    textsOf(input).forEach((value, i) => {
      scratch.spend((value.length * pattern.stateCount) / STEPS_AN_ITERATION)
      y[i] = pattern.test(value) ? 1 : 0
    })
  }
}

/** Pool entries by their items; entry i has items from one length's part of the pool. */
function poolOf(items: readonly string[], starts: readonly number[]): Map<string, number> {
  const pool = new Map<string, number>()
  if (starts.some((start, level) => start < (starts[level - 1] ?? 0) || start > items.length)) throw new MleError('OP_ATTRIBUTE', `attribute ngram_counts does not name places in a pool of ${items.length} in ascending order`)
  let entry = 0
  starts.forEach((start, level) => {
    const end = starts[level + 1] ?? items.length
    for (let at = start; at + level + 1 <= end; at += level + 1) pool.set(JSON.stringify(items.slice(at, at + level + 1)), entry++)
  })
  return pool
}

// X [n] or [rows, n] -> Y [columns] or [rows, columns] float32
function makeTfIdf({ attributes }: KernelContext): Kernel {
  const strings = texts(attributes, 'pool_strings') ?? []
  /** Where the n-grams of each length begin in the pool: none is longer. */
  const starts = ints(attributes, 'ngram_counts') ?? []
  const pool = poolOf(strings.length > 0 ? strings : (ints(attributes, 'pool_int64s') ?? []).map(String), starts)
  const columns = ints(attributes, 'ngram_indexes') ?? []
  const weights = floats(attributes, 'weights')
  const mode = text(attributes, 'mode', 'TF')
  const [lowest, highest, skips] = [int(attributes, 'min_gram_length', 1), int(attributes, 'max_gram_length', 1), int(attributes, 'max_skip_count', 0)]
  return ([input], [output]) => {
    const x = view(input)
    const items = x.dtype === 'string' ? textsOf(input) : integers(input).map(String)
    const y = numbers(output)
    for (let i = 0; i < y.length; i++) y[i] = 0
    const width = view(output).shape[view(output).shape.length - 1]
    const length = x.shape[x.shape.length - 1]
    for (let row = 0; row * length < items.length; row++) {
      const own = items.slice(row * length, (row + 1) * length)
      const counts = new Map<number, number>()
      for (let n = lowest; n <= Math.min(highest, length, starts.length); n++) {
        // Single items have nothing to skip.
        for (let step = 1; step <= (n === 1 ? 1 : skips + 1) && (n - 1) * step < length; step++) {
          for (let start = 0; start + (n - 1) * step < length; start++) {
            const entry = pool.get(JSON.stringify(Array.from({ length: n }, (_, k) => own[start + k * step])))
            if (entry !== undefined) counts.set(entry, (counts.get(entry) ?? 0) + 1)
          }
        }
      }
      for (const [entry, count] of counts) {
        const weight = mode === 'TF' ? 1 : (weights?.[entry] ?? 1)
        if (columns[entry] >= 0) y[row * width + columns[entry]] = (mode === 'IDF' ? 1 : count) * weight
      }
    }
  }
}

export const stringKernels: readonly (readonly [string, KernelEntry])[] = [
  ['StringConcat', { make: makeConcat }],
  ['StringSplit', { makeHost: makeSplit }],
  ['StringNormalizer', { makeHost: makeNormalizer }],
  ['RegexFullMatch', { make: makeFullMatch }],
  ['TfIdfVectorizer', { make: makeTfIdf }],
]
