// Kernels of strings. A missing string counts as empty.
import { floats, int, ints, text, texts } from '../attributes.ts'
import { allocateView, isView, type HostKernel, type Kernel, type KernelContext, type KernelEntry, type Value, type View } from '../kernel.ts'
import { fullMatchPattern } from '../text/re2.ts'
import { storeInt64 } from './arrays.ts'
import { integers, view } from './moving.ts'
import { broadcastNest, numbers, perShape, walk } from './nest.ts'

function textsOf(value: Value | undefined): readonly string[] {
  if (!isView(value) || !Array.isArray(value.data)) throw new TypeError('a kernel of strings was called without strings')
  return value.data.map((item) => item ?? '')
}

// X, Y [any] that broadcast -> Z
function makeConcat(): Kernel {
  const layout = perShape((inputs, outputs) => broadcastNest(inputs, outputs))
  return (inputs, outputs) => {
    const nest = layout(inputs, outputs)
    const [x, y] = [textsOf(inputs[0]), textsOf(inputs[1])]
    const z = view(outputs[0]).data as string[]
    walk(nest, (at) => {
      for (let e = 0; e < nest.inner; e++) z[at[0] + e * nest.steps[0]] = x[at[1] + e * nest.steps[1]] + y[at[2] + e * nest.steps[2]]
    })
  }
}

/** Parts of a string; at most `most` cuts, the rest stays whole. */
function split(value: string, delimiter: string, most: number): string[] {
  const parts: string[] = []
  let rest = delimiter === '' ? value.trimStart() : value
  while (parts.length < most) {
    const at = delimiter === '' ? rest.search(/\s/) : rest.indexOf(delimiter)
    if (at < 0) break
    parts.push(rest.slice(0, at))
    rest = delimiter === '' ? rest.slice(at).trimStart() : rest.slice(at + delimiter.length)
  }
  if (delimiter !== '' || rest !== '') parts.push(delimiter === '' && parts.length < most ? rest.trimEnd() : rest)
  return parts
}

// X [any] -> parts [any, most parts], counts [any]
const makeSplit = ({ attributes }: KernelContext): HostKernel => {
  const most = attributes.has('maxsplit') ? int(attributes, 'maxsplit', 0) : Infinity
  const delimiter = text(attributes, 'delimiter', '')
  return ([input]) => {
    const shape = isView(input) ? input.shape : []
    const all = textsOf(input).map((value) => split(value, delimiter, most < 0 ? Infinity : most))
    const columns = all.reduce((width, parts) => Math.max(width, parts.length), 0)
    const parts: View = { dtype: 'string', shape: [...shape, columns], size: all.length * columns, data: all.flatMap((own) => [...own, ...new Array<string>(columns - own.length).fill('')]) }
    const counts = allocateView('int64', shape)
    storeInt64(numbers(counts), all.map((own) => own.length))
    return [parts, counts]
  }
}

// X [n] or [1, n] -> those that are no stop words
const makeNormalizer = ({ attributes }: KernelContext): HostKernel => {
  const action = text(attributes, 'case_change_action', 'NONE')
  const exactCase = int(attributes, 'is_case_sensitive', 0) !== 0
  const key = (value: string): string => (exactCase ? value : value.toLowerCase())
  const stops = new Set((texts(attributes, 'stopwords') ?? []).map(key))
  return ([input]) => {
    const kept = textsOf(input).filter((value) => !stops.has(key(value)))
    const data = (kept.length === 0 ? [''] : kept).map((value) => (action === 'LOWER' ? value.toLowerCase() : action === 'UPPER' ? value.toUpperCase() : value))
    const shape = isView(input) && input.shape.length === 2 ? [1, data.length] : [data.length]
    return [{ dtype: 'string', shape, size: data.length, data }]
  }
}

// X [any] -> Y bool alike
function makeFullMatch({ attributes }: KernelContext): Kernel {
  const pattern = fullMatchPattern(text(attributes, 'pattern', ''))
  return ([input], [output]) => {
    const y = numbers(output)
    textsOf(input).forEach((value, i) => (y[i] = pattern.test(value) ? 1 : 0))
  }
}

/** Pool entries by their items; entry i has items from one length's part of the pool. */
function poolOf(items: readonly string[], starts: readonly number[]): Map<string, number> {
  const pool = new Map<string, number>()
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
  const pool = poolOf(strings.length > 0 ? strings : (ints(attributes, 'pool_int64s') ?? []).map(String), ints(attributes, 'ngram_counts') ?? [])
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
      for (let n = lowest; n <= Math.min(highest, length); n++) {
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
