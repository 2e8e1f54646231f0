// From texts and records to counts of words, keys and values.
import { MleError } from '../../error.ts'
import { int, text } from '../attributes.ts'
import { inputShape, unifyDims } from '../rules.ts'
import { exact, type AttributeSchema, type InferContext, type OpSchema } from '../schema.ts'
import type { ValueType } from '../types.ts'

const onlyFirstCarriesRows = (_context: InferContext, carriesRows: readonly boolean[]): boolean => carriesRows.every((carries, i) => carries === (i === 0))

const ANALYZER_ATTRIBUTES: readonly AttributeSchema[] = [
  { name: 'width', kind: 'int', required: true },
  { name: 'analyzer', kind: 'string', default: 'word' },
  { name: 'lowest', kind: 'int', default: 1 },
  { name: 'highest', kind: 'int', default: 1 },
  { name: 'lowercase', kind: 'int', default: 1 },
  { name: 'stripAccents', kind: 'string', default: '' },
  { name: 'pattern', kind: 'string' },
  { name: 'binary', kind: 'int', default: 0 },
]

const MAX_WIDTH = 2 ** 31 - 1

function rowsByWidth(context: InferContext): ValueType[] {
  const width = int(context.attributes, 'width', 0)
  if (!Number.isSafeInteger(width) || width < 1 || width > MAX_WIDTH) throw new MleError('OP_ATTRIBUTE', `attribute width is ${width}, expected 1 to ${MAX_WIDTH}`, { actual: width })
  const rows = inputShape(context, 0, 1)
  return [{ dtype: 'float64', shape: [rows?.[0] ?? null, width] }]
}

function checkAnalyzer(context: InferContext): void {
  const analyzer = text(context.attributes, 'analyzer', 'word')
  if (!['word', 'char', 'char_wb'].includes(analyzer)) throw new MleError('OP_ATTRIBUTE', `attribute analyzer is ${JSON.stringify(analyzer)}, expected word, char or char_wb`, { actual: analyzer })
  const lowest = int(context.attributes, 'lowest', 1)
  const highest = int(context.attributes, 'highest', 1)
  if (lowest < 1 || highest < lowest) throw new MleError('OP_ATTRIBUTE', `n-grams of ${lowest} to ${highest}: expected 1 <= lowest <= highest`)
}

function checkVocabulary(context: InferContext, first: number): void {
  const words = inputShape(context, first, 1)
  const columns = inputShape(context, first + 1, 1)
  if (words !== undefined && columns !== undefined) unifyDims(words[0], columns[0], 'words and columns')
}

/**
 * How often each word or n-gram of a vocabulary occurs. texts [rows], vocabulary [n] strings, columns [n], stopWords [m] left out before n-grams
 * are made -> Y [rows, width]. `pattern` is a Python regular expression for words ('' splits at white space); `binary` 1 counts once.
 *
 * @formula y[r, columns[i]] = number of tokens of texts[r] that equal vocabulary[i]
 */
const textCounts: OpSchema = {
  name: 'TextCounts',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'texts', type: ['string'] },
    { name: 'vocabulary', type: ['string'] },
    { name: 'columns', type: ['int32'] },
    { name: 'stopWords', type: ['string'], optional: true },
  ],
  outputs: [{ name: 'Y' }],
  attributes: ANALYZER_ATTRIBUTES,
  infer(context) {
    checkAnalyzer(context)
    checkVocabulary(context, 1)
    return rowsByWidth(context)
  },
  rowWise: onlyFirstCarriesRows,
  bound: exact,
}

/**
 * Counts of words or n-grams by the hash of their UTF-8 bytes (MurmurHash3, 32 bits, seed 0). texts [rows], stopWords [m] -> Y [rows, width].
 * With `alternateSign` 1 a token counts -1 where its hash is negative.
 *
 * @formula y[r, |hash| mod width] += 1 or sign(hash)
 */
const textHash: OpSchema = {
  name: 'TextHash',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'texts', type: ['string'] },
    { name: 'stopWords', type: ['string'], optional: true },
  ],
  outputs: [{ name: 'Y' }],
  attributes: [...ANALYZER_ATTRIBUTES, { name: 'alternateSign', kind: 'int', default: 1 }],
  infer(context) {
    checkAnalyzer(context)
    return rowsByWidth(context)
  },
  rowWise: onlyFirstCarriesRows,
  bound: exact,
}

/**
 * Records as columns. rows [rows], one JSON object each, names [n], columns [n] -> Y [rows, width]. A number stands in the column of its key, a
 * string counts 1 in the column of key + separator + string, a list of strings counts each; null is NaN; other keys are ignored.
 *
 * @formula y[r, column(key)] += value
 */
const recordColumns: OpSchema = {
  name: 'RecordColumns',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'rows', type: ['string'] },
    { name: 'names', type: ['string'] },
    { name: 'columns', type: ['int32'] },
  ],
  outputs: [{ name: 'Y' }],
  attributes: [
    { name: 'width', kind: 'int', required: true },
    { name: 'separator', kind: 'string', default: '=' },
  ],
  infer(context) {
    checkVocabulary(context, 1)
    return rowsByWidth(context)
  },
  rowWise: onlyFirstCarriesRows,
  bound: exact,
}

/**
 * Records by the hash of their keys, as in TextHash. rows [rows], one JSON value each -> Y [rows, width]: objects for `input` 'dict', lists of
 * [key, value] for 'pair', lists of strings for 'string'. A string value hashes key=value and counts 1.
 *
 * @formula y[r, |hash(key)| mod width] += value or sign(hash) value
 */
const recordHash: OpSchema = {
  name: 'RecordHash',
  domain: 'mle',
  version: 1,
  inputs: [{ name: 'rows', type: ['string'] }],
  outputs: [{ name: 'Y' }],
  attributes: [
    { name: 'width', kind: 'int', required: true },
    { name: 'input', kind: 'string', default: 'dict' },
    { name: 'alternateSign', kind: 'int', default: 1 },
  ],
  infer(context) {
    const input = text(context.attributes, 'input', 'dict')
    if (!['dict', 'pair', 'string'].includes(input)) throw new MleError('OP_ATTRIBUTE', `attribute input is ${JSON.stringify(input)}, expected dict, pair or string`, { actual: input })
    return rowsByWidth(context)
  },
  rowWise: onlyFirstCarriesRows,
  bound: exact,
}

export const textSchemas: readonly OpSchema[] = [textCounts, textHash, recordColumns, recordHash]
