// Operators of strings.
import { MleError } from '../../error.ts'
import { int as intOf, ints as intsOf, text as textOf } from '../attributes.ts'
import { elementwise, elementwiseRows, inputShape, like, tensorInput } from '../rules.ts'
import { exact, ulps, type InferContext, type OpSchema } from '../schema.ts'
import type { ValueType } from '../types.ts'
import { int, oneOf, op, text } from './define.ts'

/** More skips or longer n-grams than any text has are a damaged file. */
const MAX_GRAM = 1 << 16

function inferNormalizer(context: InferContext): ValueType[] {
  oneOf('case_change_action', textOf(context.attributes, 'case_change_action', 'NONE'), ['NONE', 'LOWER', 'UPPER'])
  const { dtype, shape } = tensorInput(context, 0)
  if (shape !== undefined && shape.length !== 1 && !(shape.length === 2 && (shape[0] === 1 || typeof shape[0] !== 'number'))) {
    throw new MleError('OP_RANK', `StringNormalizer takes [n] or [1, n], got [${shape.join(', ')}]`, { actual: shape.join(', ') })
  }
  return [{ dtype, shape: shape?.map((_, i) => (i === shape.length - 1 ? null : 1)) }]
}

function inferTfIdf(context: InferContext): ValueType[] {
  const { attributes } = context
  oneOf('mode', textOf(attributes, 'mode', ''), ['TF', 'IDF', 'TFIDF'])
  const [lowest, highest, skips] = [intOf(attributes, 'min_gram_length', 0), intOf(attributes, 'max_gram_length', 0), intOf(attributes, 'max_skip_count', 0)]
  if (!(lowest >= 1 && highest >= lowest && highest <= MAX_GRAM && skips >= 0 && skips <= MAX_GRAM)) {
    throw new MleError('OP_ATTRIBUTE', `n-grams of ${lowest} to ${highest} with up to ${skips} skips: expected 1 <= lowest <= highest, and no negative skips`)
  }
  const columns = (intsOf(attributes, 'ngram_indexes') ?? []).reduce((most, index) => Math.max(most, index + 1), 0)
  if (columns > 2 ** 31 - 1) throw new MleError('OP_ATTRIBUTE', `attribute ngram_indexes names column ${columns - 1}`, { actual: columns })
  const shape = inputShape(context, 0)
  if (shape !== undefined && shape.length !== 1 && shape.length !== 2) throw new MleError('OP_RANK', `input 0 has ${shape.length} dimensions, expected 1 or 2`, { expected: 2, actual: shape.length })
  return [{ dtype: 'float32', shape: shape && [...shape.slice(0, -1), columns] }]
}

export const stringSchemas: readonly OpSchema[] = [
  /** Strings one after the other, by numpy's broadcasting. @formula Z = X + Y */
  op('StringConcat', 20, 'X:string Y:string', { outputs: 'Z', bound: exact, infer: (context) => elementwise(context), rowWise: elementwiseRows }),
  /**
   * Parts of each string between delimiters, padded with empty strings, and how many there are; at most maxsplit cuts. Without a delimiter runs of white space
   * cut, and none at the ends.
   */
  op('StringSplit', 20, 'X:string', {
    outputs: 'Y Z', bound: exact, attributes: [text('delimiter', ''), int('maxsplit')],
    infer(context) {
      const { shape } = tensorInput(context, 0)
      return [{ dtype: 'string', shape: shape && [...shape, null] }, { dtype: 'int64', shape }]
    },
  }),
  /** Stop words left out and letters changed to lower or upper case; one empty string where nothing is left. Case changes know Unicode and no locale. */
  op('StringNormalizer', 10, 'X:string', {
    bound: exact, infer: inferNormalizer,
    attributes: [text('case_change_action', 'NONE'), int('is_case_sensitive', 0), text('locale', ''), { name: 'stopwords', kind: 'strings' }],
  }),
  /** True where a regular expression matches the whole string; the syntax is RE2's, without flags and Unicode classes. @see github.com/google/re2/wiki/Syntax */
  op('RegexFullMatch', 20, 'X:string', { bound: exact, attributes: [{ name: 'pattern', kind: 'string', required: true }], infer: (context) => like(context, 0, 'bool'), rowWise: elementwiseRows }),
  /**
   * Counts of n-grams of a pool in each row, items up to max_skip_count + 1 apart; weighed in modes IDF (any count as one) and TFIDF.
   *
   * @formula y[ngram_indexes[i]] = count of pool entry i, times weights[i]
   */
  op('TfIdfVectorizer', 9, 'X:string|int32|int64', {
    bound: ulps(2), infer: inferTfIdf,
    attributes: [
      int('max_gram_length'), int('max_skip_count'), int('min_gram_length'), { name: 'mode', kind: 'string', required: true }, { name: 'ngram_counts', kind: 'ints' },
      { name: 'ngram_indexes', kind: 'ints' }, { name: 'pool_int64s', kind: 'ints' }, { name: 'pool_strings', kind: 'strings' }, { name: 'weights', kind: 'floats' },
    ],
  }),
]
