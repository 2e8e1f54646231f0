// Text and record vectorizers in plain TypeScript.
import { MleError } from '../../error.ts'
import { int, text } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { analyzerOf } from '../text/analyze.ts'
import { murmur3 } from '../text/murmur3.ts'
import { float64Of } from './nest.ts'

function stringAt(view: View, index: number): string {
  const value = view.data[index]
  if (typeof value === 'string') return value
  throw new MleError('OP_TEXT', `row ${index} is missing; every row needs a text`, { actual: 'null' })
}

function wordSet(view: View | undefined): Set<string> {
  const words = new Set<string>()
  if (view !== undefined) for (let i = 0; i < view.size; i++) words.add(stringAt(view, i))
  return words
}

function vocabularyOf(words: View | undefined, columns: View | undefined, width: number): Map<string, number> {
  const table = new Map<string, number>()
  if (words === undefined || columns === undefined) return table
  for (let i = 0; i < words.size; i++) {
    const column = Number(columns.data[i])
    if (column < 0 || column >= width) throw new MleError('OP_INDEX', `column ${column} of word ${i} is outside [0, ${width})`, { expected: width, actual: column })
    table.set(stringAt(words, i), column)
  }
  return table
}

// texts [rows] string, vocabulary [n] string, columns [n] i32, stopWords [m] string; out [rows, width] f64
function makeTextCounts({ attributes, constants }: KernelContext): Kernel {
  const width = int(attributes, 'width', 1)
  const binary = int(attributes, 'binary', 0) === 1
  const analyze = analyzerOf(attributes, wordSet(constants[3]))
  const vocabulary = vocabularyOf(constants[1], constants[2], width)
  return ([texts], [outView]) => {
    if (texts === undefined) return
    const out = float64Of(outView).fill(0)
    for (let r = 0; r < texts.size; r++) {
      analyze(stringAt(texts, r), (token) => {
        const column = vocabulary.get(token)
        if (column !== undefined) out[r * width + column] = binary ? 1 : out[r * width + column] + 1
      })
    }
  }
}

const encoder = /* @__PURE__ */ new TextEncoder()

/** Column and sign of a key. The magnitude of -2^31 is taken as 2^31 - 1 - (width - 1), as scikit-learn does. */
function slotOf(key: string, width: number): { column: number; sign: number } {
  const hash = murmur3(encoder.encode(key))
  const column = hash === -2147483648 ? (2147483647 - (width - 1)) % width : Math.abs(hash) % width
  return { column, sign: hash >= 0 ? 1 : -1 }
}

// texts [rows] string, stopWords [m] string; out [rows, width] f64
function makeTextHash({ attributes, constants }: KernelContext): Kernel {
  const width = int(attributes, 'width', 1)
  const binary = int(attributes, 'binary', 0) === 1
  const alternates = int(attributes, 'alternateSign', 1) === 1
  const analyze = analyzerOf(attributes, wordSet(constants[1]))
  return ([texts], [outView]) => {
    if (texts === undefined) return
    const out = float64Of(outView).fill(0)
    for (let r = 0; r < texts.size; r++) {
      analyze(stringAt(texts, r), (token) => {
        const { column, sign } = slotOf(token, width)
        out[r * width + column] = binary ? 1 : out[r * width + column] + (alternates ? sign : 1)
      })
    }
  }
}

function parseRow(rows: View, r: number): unknown {
  try {
    return JSON.parse(stringAt(rows, r))
  } catch (error) {
    throw new MleError('OP_RECORD', `row ${r} is no JSON text (${error instanceof Error ? error.message : String(error)})`)
  }
}

function entriesOf(rows: View, r: number): [string, unknown][] {
  const value = parseRow(rows, r)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new MleError('OP_RECORD', `row ${r} is no object; expected keys and values`)
  return Object.entries(value)
}

function badValue(r: number, key: string, value: unknown): MleError {
  return new MleError('OP_RECORD', `row ${r}: the value of ${JSON.stringify(key)} is ${JSON.stringify(value)}, expected a number, a string, a list of strings or null`)
}

// rows [rows] JSON objects, names [n] string, columns [n] i32; out [rows, width] f64
function makeRecordColumns({ attributes, constants }: KernelContext): Kernel {
  const width = int(attributes, 'width', 1)
  const separator = text(attributes, 'separator', '=')
  const names = vocabularyOf(constants[1], constants[2], width)
  return ([rows], [outView]) => {
    if (rows === undefined) return
    const out = float64Of(outView).fill(0)
    for (let r = 0; r < rows.size; r++) {
      const add = (name: string, value: number): void => {
        const column = names.get(name)
        if (column !== undefined) out[r * width + column] += value
      }
      for (const [key, value] of entriesOf(rows, r)) {
        if (typeof value === 'string') add(`${key}${separator}${value}`, 1)
        else if (value === null) add(key, NaN)
        else if (typeof value === 'number' || typeof value === 'boolean') add(key, Number(value))
        else if (Array.isArray(value)) {
          for (const one of value) {
            if (typeof one !== 'string') throw badValue(r, key, value)
            add(`${key}${separator}${one}`, 1)
          }
        } else throw badValue(r, key, value)
      }
    }
  }
}

/** Keys and values of one row. */
function pairsOf(rows: View, r: number, input: string): readonly (readonly [string, unknown])[] {
  if (input === 'dict') return entriesOf(rows, r)
  const list = parseRow(rows, r)
  if (!Array.isArray(list)) throw new MleError('OP_RECORD', `row ${r} is no list`)
  return list.map((one): readonly [string, unknown] => {
    if (input === 'string' && typeof one === 'string') return [one, 1]
    if (input === 'pair' && Array.isArray(one) && one.length === 2 && typeof one[0] === 'string') return [one[0], one[1]]
    throw new MleError('OP_RECORD', `row ${r} holds ${JSON.stringify(one)}, expected ${input === 'pair' ? 'pairs of a key and a value' : 'strings'}`)
  })
}

// rows [rows] JSON values; out [rows, width] f64
function makeRecordHash({ attributes }: KernelContext): Kernel {
  const width = int(attributes, 'width', 1)
  const input = text(attributes, 'input', 'dict')
  const alternates = int(attributes, 'alternateSign', 1) === 1
  return ([rows], [outView]) => {
    if (rows === undefined) return
    const out = float64Of(outView).fill(0)
    for (let r = 0; r < rows.size; r++) {
      for (const [key, value] of pairsOf(rows, r, input)) {
        if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') throw badValue(r, key, value)
        const { column, sign } = slotOf(typeof value === 'string' ? `${key}=${value}` : key, width)
        const amount = typeof value === 'string' ? 1 : Number(value)
        out[r * width + column] += alternates ? sign * amount : amount
      }
    }
  }
}

export const textKernels: readonly (readonly [string, KernelEntry])[] = [
  ['mle.TextCounts', { make: makeTextCounts }],
  ['mle.TextHash', { make: makeTextHash }],
  ['mle.RecordColumns', { make: makeRecordColumns }],
  ['mle.RecordHash', { make: makeRecordHash }],
]
