// Hashed categories and target statistics, as CatBoost has them.
import { inputShape, tensorInput, unifyDims } from '../rules.ts'
import { exact, type OpSchema } from '../schema.ts'

/**
 * The low 32 bits of CityHash64 (version 1.0) of each string's UTF-8 bytes, as a signed integer. A missing string is an error.
 *
 * @formula y[i] = int32(CityHash64(utf8(x[i])) mod 2^32)
 */
const categoryHash: OpSchema = {
  name: 'CategoryHash',
  domain: 'mle',
  version: 1,
  inputs: [{ name: 'X', type: ['string'] }],
  outputs: [{ name: 'Y' }],
  attributes: [],
  infer: (context) => [{ dtype: 'int32', shape: tensorInput(context, 0).shape }],
  rowWise: (_context, carriesRows) => carriesRows[0],
  bound: exact,
}

/**
 * Values kept by the joint hash of a combination of features. hashes [rows, categories] (of mle.CategoryHash), X [rows,
 * features]; elements [elements, 3] of (kind, feature, value), those of table t from elementStarts[t] on; keys [keys, 2] of
 * (low, high) word, those of table t from keyStarts[t] on and ascending; columns [columns]: the table of each output column;
 * values: for each column one for every key of its table and a last one for all other hashes -> Y [rows, columns].
 * A kind is 0: the category's hash, sign-extended; 1: whether x > value; 2: the same, true for NaN; 3: whether the hash equals value.
 * A combination's hash starts at 0 and takes each element e as m * (hash + m * e) mod 2^64, m = 0x4906ba494954cb65.
 *
 * @formula y[r, c] = values[c, position of hash(r, columns[c]) in the keys of table columns[c]]
 */
const ctrValues: OpSchema = {
  name: 'CtrValues',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'hashes', type: ['int32'] },
    { name: 'X', type: ['float32'], optional: true },
    { name: 'elements', type: ['float64'] },
    { name: 'elementStarts', type: ['uint32'] },
    { name: 'keys', type: ['uint32'] },
    { name: 'keyStarts', type: ['uint32'] },
    { name: 'columns', type: ['uint32'] },
    { name: 'values', type: ['float32'] },
  ],
  outputs: [{ name: 'Y' }],
  attributes: [],
  infer(context) {
    const rows = inputShape(context, 0, 2)?.[0] ?? null
    if (context.inputs[1] !== undefined) unifyDims(inputShape(context, 1, 2)?.[0] ?? null, rows, 'rows of X')
    unifyDims(inputShape(context, 2, 2)?.[1] ?? null, 3, 'numbers per element')
    const starts = inputShape(context, 3, 1)?.[0] ?? null
    unifyDims(inputShape(context, 4, 2)?.[1] ?? null, 2, 'words per key')
    unifyDims(inputShape(context, 5, 1)?.[0] ?? null, starts, 'length of keyStarts')
    const columns = inputShape(context, 6, 1)?.[0] ?? null
    inputShape(context, 7, 1)
    return [{ dtype: 'float32', shape: [rows, columns] }]
  },
  rowWise: (context, carriesRows) => carriesRows.every((carries, i) => carries === (i === 0 || (i === 1 && context.inputs[1] !== undefined))),
  bound: exact,
}

export const categoricalSchemas: readonly OpSchema[] = [categoryHash, ctrValues]
