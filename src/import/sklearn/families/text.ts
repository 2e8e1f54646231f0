// Text vectorizers, tf-idf, and vectorizers of dicts.
import type { ValueName } from '../../../graph/builder.ts'
import {
  asFloat64, asInteger, asList, asString, attribute, expectNumericArray, isNdArray, isPyObject, isTuple, optionalAttribute, placeOf, toCsr, type PyObject, type PyValue,
} from '../../pickle/index.ts'
import { float64Constant, scalar, stringConstant, withScalar } from '../emit.ts'
import { matrixFeatures, type Features } from '../features.ts'
import { booleanSetting, choice, dtypeSetting, firstAttribute, numberSetting, unsupported, unsupportedSetting } from '../params.ts'
import { englishStopWords } from '../stop-words.ts'
import type { EstimatorEntry, EstimatorImporter, SklearnContext } from '../types.ts'
import { normalized } from './scalers.ts'

interface AnalyzerSettings {
  readonly attributes: Record<string, string | number>
  readonly stopWords: ValueName
}

/** Settings that say how a text is cut; functions of the user's own are refused. */
function analyzerSettings(context: SklearnContext, estimator: PyObject): AnalyzerSettings {
  for (const name of ['preprocessor', 'tokenizer']) if (optionalAttribute(estimator, name) !== undefined) throw unsupportedSetting(estimator, name, ['None'])
  choice(estimator, 'input', ['content'], 'content')
  const analyzer = choice(estimator, 'analyzer', ['word', 'char', 'char_wb'], 'word')
  const accents = estimator.state.get('strip_accents') === null ? '' : choice(estimator, 'strip_accents', ['ascii', 'unicode'], 'unicode')
  const range = estimator.state.get('ngram_range')
  const [lowest, highest] = range === undefined ? [1, 1] : (isTuple(range) ? range.items : asList(range, placeOf(estimator, 'ngram_range'))).map((n) => asInteger(n, placeOf(estimator, 'ngram_range')))
  const pattern = optionalAttribute(estimator, 'token_pattern')
  const isWord = analyzer === 'word'
  if (isWord && pattern === undefined) throw unsupportedSetting(estimator, 'token_pattern', ['a regular expression'])
  const stopWords = isWord ? stopWordsOf(estimator) : []
  return {
    attributes: {
      analyzer,
      lowest,
      highest,
      lowercase: booleanSetting(estimator, 'lowercase', true) ? 1 : 0,
      stripAccents: estimator.state.has('strip_accents') ? accents : '',
      binary: booleanSetting(estimator, 'binary', false) ? 1 : 0,
      ...(isWord ? { pattern: asString(pattern, placeOf(estimator, 'token_pattern')) } : {}),
    },
    stopWords: stopWords.length === 0 ? '' : stringConstant(context, stopWords, 'stopWords'),
  }
}

function stopWordsOf(estimator: PyObject): string[] {
  const value = optionalAttribute(estimator, 'stop_words')
  if (value === undefined) return []
  if (value === 'english') return englishStopWords()
  if (typeof value === 'string') throw unsupportedSetting(estimator, 'stop_words', ['english', 'a list'])
  const where = placeOf(estimator, 'stop_words')
  return (value instanceof Set ? [...value] : isNdArray(value) && value.dtype === 'string' ? [...value.data] : asList(value, where)).map((word) => asString(word, where))
}

interface Vocabulary {
  readonly words: readonly string[]
  readonly columns: Int32Array
  readonly width: number
}

/** `vocabulary_`, or a vocabulary given by hand, which an unfitted vectorizer uses as it is. */
function vocabularyOf(estimator: PyObject): Vocabulary {
  const value = firstAttribute(estimator, ['vocabulary_', 'vocabulary'])
  const where = placeOf(estimator, 'vocabulary_')
  if (value instanceof Map || (isPyObject(value) && value.entries !== undefined)) return vocabularyFromEntries(value instanceof Map ? value : new Map(isPyObject(value) ? value.entries : []), where)
  // A set is numbered in sorted order, a list as it stands.
  const items = value instanceof Set ? [...value].sort((a, b) => comparePython(asString(a, where), asString(b, where))) : isNdArray(value) && value.dtype === 'string' ? [...value.data] : asList(value, where)
  return vocabularyFromEntries(new Map<PyValue, PyValue>(items.map((word, i) => [word, i])), where)
}

/** Python orders strings by code point, JavaScript by UTF-16 unit. */
function comparePython(a: string, b: string): number {
  const left = Array.from(a, (char) => char.codePointAt(0) ?? 0)
  const right = Array.from(b, (char) => char.codePointAt(0) ?? 0)
  for (let i = 0; i < Math.min(left.length, right.length); i++) if (left[i] !== right[i]) return left[i] - right[i]
  return left.length - right.length
}

function vocabularyFromEntries(entries: ReadonlyMap<PyValue, PyValue>, where: string): Vocabulary {
  const words: string[] = []
  const columns = new Int32Array(entries.size)
  let width = 0
  for (const [word, index] of entries) {
    columns[words.length] = asInteger(index, where)
    width = Math.max(width, columns[words.length] + 1)
    words.push(asString(word, where))
  }
  return { words, columns, width }
}

function vocabularyInputs(context: SklearnContext, { words, columns }: Vocabulary): ValueName[] {
  return [stringConstant(context, words, 'vocabulary'), context.builder.constant({ dtype: 'int32', shape: [columns.length], data: columns }, 'columns')]
}

function counts(context: SklearnContext, estimator: PyObject, x: Features): Features {
  const { attributes, stopWords } = analyzerSettings(context, estimator)
  const vocabulary = vocabularyOf(estimator)
  if (vocabulary.width === 0) throw unsupported(estimator, 'has an empty vocabulary')
  const inputs = [x.text(), ...vocabularyInputs(context, vocabulary), ...(stopWords === '' ? [] : [stopWords])]
  const value = context.builder.add('mle.TextCounts', inputs, { ...attributes, width: vocabulary.width })
  return matrixFeatures(context, value, vocabulary.width, { sourceDtype: countDtype(estimator) })
}

/** `dtype` of a CountVectorizer, int64 unless it was set; a TfidfVectorizer's weights are floats. */
function countDtype(estimator: PyObject): string | undefined {
  const name = dtypeSetting(estimator, 'dtype') ?? 'int64'
  return estimator.name === 'CountVectorizer' && (name === 'int64' || name === 'int32') ? name : undefined
}

/** Counts -> (1 + log) -> times idf -> rows of norm 1, as the settings of a TfidfTransformer say. */
function weighted(context: SklearnContext, estimator: PyObject, x: Features): Features {
  const { builder } = context
  let value = x.numbers()
  if (booleanSetting(estimator, 'sublinear_tf', false)) {
    const isZero = withScalar(context, 'Equal', value, 0)
    const positive = builder.add('Where', [isZero, scalar(context, 1), value])
    value = builder.add('Where', [isZero, scalar(context, 0), withScalar(context, 'Add', builder.add('Log', [positive]), 1)])
  }
  if (booleanSetting(estimator, 'use_idf', true)) {
    const idf = idfOf(estimator)
    value = builder.add('Mul', [value, float64Constant(context, idf, [1, idf.length])])
  }
  const norm = estimator.state.get('norm')
  if (norm !== null) value = normalized(context, value, choice(estimator, 'norm', ['l1', 'l2'], 'l2'))
  return matrixFeatures(context, value, x.width)
}

function idfOf(estimator: PyObject): Float64Array {
  const direct = optionalAttribute(estimator, 'idf_')
  if (isNdArray(direct)) return asFloat64(expectNumericArray(direct, placeOf(estimator, 'idf_'), 1))
  const diagonal = attribute(estimator, '_idf_diag')
  const where = placeOf(estimator, '_idf_diag')
  if (!isPyObject(diagonal)) throw unsupported(estimator, '_idf_diag is no sparse matrix')
  const isDia = diagonal.name.startsWith('dia_')
  if (isDia) {
    // dia_matrix: the main diagonal is its only row.
    const data = expectNumericArray(diagonal.state.get('data'), where, 2)
    if (data.shape[0] !== 1) throw unsupported(estimator, '_idf_diag has more than one diagonal')
    return asFloat64(data)
  }
  const csr = toCsr(diagonal, where)
  const out = new Float64Array(csr.columns)
  const data = asFloat64({ kind: 'ndarray', dtype: csr.dtype, shape: [csr.data.length], data: csr.data })
  for (let r = 0; r < csr.rows; r++) {
    for (let i = csr.rowStarts[r]; i < csr.rowStarts[r + 1]; i++) if (csr.columnIndices[i] === r) out[r] += data[i]
  }
  return out
}

const countVectorizer: EstimatorImporter = (context, estimator, x) => ({ transform: () => counts(context, estimator, x) })

const tfidfVectorizer: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const inner = attribute(estimator, '_tfidf')
    if (!isPyObject(inner)) throw unsupported(estimator, 'has no fitted _tfidf')
    return weighted(context, inner, counts(context, estimator, x))
  },
})

const tfidfTransformer: EstimatorImporter = (context, estimator, x) => ({ transform: () => weighted(context, estimator, x) })

const hashingVectorizer: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { attributes, stopWords } = analyzerSettings(context, estimator)
    const width = numberSetting(estimator, 'n_features', 2 ** 20)
    if (estimator.state.get('non_negative') === true) throw unsupportedSetting(estimator, 'non_negative', ['False'])
    const alternateSign = booleanSetting(estimator, 'alternate_sign', true) ? 1 : 0
    let value = context.builder.add('mle.TextHash', [x.text(), ...(stopWords === '' ? [] : [stopWords])], { ...attributes, width, alternateSign })
    const norm = estimator.state.get('norm')
    if (norm !== null) value = normalized(context, value, choice(estimator, 'norm', ['l1', 'l2'], 'l2'))
    return matrixFeatures(context, value, width)
  },
})

const dictVectorizer: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const vocabulary = vocabularyOf(estimator)
    const separator = asString(estimator.state.get('separator') ?? '=', placeOf(estimator, 'separator'))
    return matrixFeatures(context, context.builder.add('mle.RecordColumns', [x.records(), ...vocabularyInputs(context, vocabulary)], { width: vocabulary.width, separator }), vocabulary.width)
  },
})

const featureHasher: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const width = numberSetting(estimator, 'n_features', 2 ** 20)
    const input = choice(estimator, 'input_type', ['dict', 'pair', 'string'], 'dict')
    const alternateSign = booleanSetting(estimator, 'alternate_sign', true) ? 1 : 0
    return matrixFeatures(context, context.builder.add('mle.RecordHash', [x.records()], { width, input, alternateSign }), width)
  },
})

export const textVectorizers: readonly EstimatorEntry[] = [
  { names: ['CountVectorizer'], kind: 'transformer', importer: countVectorizer },
  { names: ['TfidfVectorizer'], kind: 'transformer', importer: tfidfVectorizer },
  { names: ['TfidfTransformer'], kind: 'transformer', importer: tfidfTransformer },
  { names: ['HashingVectorizer'], kind: 'transformer', importer: hashingVectorizer },
  { names: ['DictVectorizer'], kind: 'transformer', importer: dictVectorizer },
  { names: ['FeatureHasher'], kind: 'transformer', importer: featureHasher },
]
