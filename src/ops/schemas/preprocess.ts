// Feature transforms that have no good form in tensor operators.
import { MleError } from '../../error.ts'
import { int, text } from '../attributes.ts'
import { inputShape, tensorInput, unifyDims } from '../rules.ts'
import { exact, ulps, type InferContext, type OpSchema } from '../schema.ts'
import type { Dim, ValueType } from '../types.ts'

/** Only input 0 may carry rows: everything else belongs to the model. */
const onlyFirstCarriesRows = (_context: InferContext, carriesRows: readonly boolean[]): boolean => carriesRows.every((carries, i) => carries === (i === 0))

function oneOf(context: InferContext, name: string, allowed: readonly string[]): void {
  const value = text(context.attributes, name, allowed[0])
  if (!allowed.includes(value)) throw new MleError('OP_ATTRIBUTE', `attribute ${name} is ${JSON.stringify(value)}, expected ${allowed.join(', ')}`, { expected: allowed.join(', '), actual: value })
}

function sameColumns(context: InferContext, index: number, what: string): readonly Dim[] | undefined {
  const x = inputShape(context, 0, 2)
  const other = inputShape(context, index)
  if (x !== undefined && other !== undefined) unifyDims(x[1], other[other.length - 1], what)
  return x
}

/**
 * Power transforms of features, X [rows, features] and lambdas [features] -> Y like X; NaN stays NaN. `form` is 'box-cox', whose rows must be
 * positive, or 'yeo-johnson' ('yeo-johnson-expm1' computes the same by expm1 and log1p, as newer versions of scikit-learn do), or one of their
 * inverses.
 *
 * @formula box-cox: y = (x^l - 1) / l, log x for l = 0; yeo-johnson: ((x + 1)^l - 1) / l for x >= 0, -((1 - x)^(2 - l) - 1) / (2 - l) below
 */
const powerTransform: OpSchema = {
  name: 'PowerTransform',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'X', type: ['float64'] },
    { name: 'lambdas', type: ['float64'] },
  ],
  outputs: [{ name: 'Y' }],
  attributes: [{ name: 'form', kind: 'string', required: true }],
  infer(context): ValueType[] {
    oneOf(context, 'form', ['box-cox', 'yeo-johnson', 'yeo-johnson-expm1', 'box-cox-inverse', 'yeo-johnson-inverse'])
    return [{ dtype: tensorInput(context, 0).dtype, shape: sameColumns(context, 1, 'lambdas') }]
  },
  rowWise: onlyFirstCarriesRows,
  bound: ulps(64),
}

/**
 * Maps each feature to its quantile, X [rows, features], quantiles [levels, features] ascending, references [levels] -> Y like X; NaN stays NaN.
 * The quantile is the mean of the interpolations from below and from above, so that repeated quantiles give their middle.
 *
 * @formula y = (interp(x, q, r) - interp(-x, -reversed(q), -reversed(r))) / 2; `output` 'normal' takes the normal distribution's quantile of it;
 * `inverse` 1 goes back: y = interp(cdf(x), r, q)
 */
const quantileMap: OpSchema = {
  name: 'QuantileMap',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'X', type: ['float64'] },
    { name: 'quantiles', type: ['float64'] },
    { name: 'references', type: ['float64'] },
  ],
  outputs: [{ name: 'Y' }],
  attributes: [
    { name: 'output', kind: 'string', default: 'uniform' },
    { name: 'inverse', kind: 'int', default: 0 },
  ],
  infer(context): ValueType[] {
    oneOf(context, 'output', ['uniform', 'normal'])
    const quantiles = inputShape(context, 1, 2)
    const references = inputShape(context, 2, 1)
    if (quantiles !== undefined && references !== undefined) unifyDims(quantiles[0], references[0], 'levels')
    return [{ dtype: tensorInput(context, 0).dtype, shape: sameColumns(context, 1, 'features of quantiles') }]
  },
  rowWise: onlyFirstCarriesRows,
  bound: ulps(64),
}

/**
 * B-spline bases of each feature, X [rows, features], knots [features, knots] -> Y [rows, features x columns]. Outside the knots, `outside`
 * says: 'continue' the polynomial, 'error', 'periodic' (more bases than columns wrap around), or 'line': values plus slopes times the distance,
 * below low [features] lowValues and lowSlopes [features, columns], above high likewise.
 *
 * @formula y[r, f columns + j] = B_j,degree(x[r, f])
 */
const bsplineBasis: OpSchema = {
  name: 'BSplineBasis',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'X', type: ['float64'] },
    { name: 'knots', type: ['float64'] },
    { name: 'low', type: ['float64'], optional: true },
    { name: 'high', type: ['float64'], optional: true },
    { name: 'lowValues', type: ['float64'], optional: true },
    { name: 'lowSlopes', type: ['float64'], optional: true },
    { name: 'highValues', type: ['float64'], optional: true },
    { name: 'highSlopes', type: ['float64'], optional: true },
  ],
  outputs: [{ name: 'Y' }],
  attributes: [
    { name: 'degree', kind: 'int', required: true },
    { name: 'columns', kind: 'int', required: true },
    { name: 'outside', kind: 'string', default: 'continue' },
  ],
  infer(context): ValueType[] {
    oneOf(context, 'outside', ['continue', 'error', 'periodic', 'line'])
    const degree = int(context.attributes, 'degree', 0)
    const columns = int(context.attributes, 'columns', 0)
    const x = inputShape(context, 0, 2)
    const knots = inputShape(context, 1, 2)
    const count = knots?.[1]
    const periodic = text(context.attributes, 'outside', '') === 'periodic'
    if (degree < 0 || columns < 1) throw new MleError('OP_ATTRIBUTE', `degree ${degree} and columns ${columns} make no spline`)
    if (typeof count === 'number') unifyDims(count - degree - 1, periodic ? columns + degree : columns, 'bases of the knots')
    if (x !== undefined && knots !== undefined) unifyDims(x[1], knots[0], 'features of knots')
    if (text(context.attributes, 'outside', '') === 'line') {
      for (let i = 2; i < 8; i++) {
        const shape = inputShape(context, i, i < 4 ? 1 : 2)
        if (shape !== undefined && knots !== undefined) unifyDims(shape[0], knots[0], `features of input ${i}`)
        if (shape !== undefined && i >= 4) unifyDims(shape[1], columns, `columns of input ${i}`)
      }
    }
    return [{ dtype: 'float64', shape: x && [x[0], typeof x[1] === 'number' ? x[1] * columns : null] }]
  },
  rowWise: onlyFirstCarriesRows,
  // Sums of products of degree terms; judged against the magnitude 1 of a basis.
  bound: (eps) => 256 * eps,
}

const MISSING_ATTRIBUTES = [
  { name: 'missing', kind: 'string', default: 'unknown' },
  { name: 'unknown', kind: 'string', default: 'error' },
  { name: 'missingCode', kind: 'float' },
  { name: 'unknownCode', kind: 'float' },
] as const

/**
 * A number for each category. X of any shape, strings or numbers; categories [n] of X's dtype, codes [n] -> Y float64 like X. Missing values
 * (null, NaN) give missingCode where `missing` is 'code', else they count as unknown; unknown ones give unknownCode where `unknown` is 'code',
 * else they are an error.
 *
 * @formula y = codes[i] where categories[i] = x
 */
const categoryMap: OpSchema = {
  name: 'CategoryMap',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'X', type: 'T' },
    { name: 'categories', type: 'T' },
    { name: 'codes', type: ['float64'] },
  ],
  typeSets: { T: ['string', 'float64'] },
  outputs: [{ name: 'Y' }],
  attributes: MISSING_ATTRIBUTES,
  infer(context): ValueType[] {
    oneOf(context, 'missing', ['unknown', 'code'])
    oneOf(context, 'unknown', ['error', 'code'])
    const categories = inputShape(context, 1, 1)
    const codes = inputShape(context, 2, 1)
    if (categories !== undefined && codes !== undefined) unifyDims(categories[0], codes[0], 'codes')
    return [{ dtype: 'float64', shape: tensorInput(context, 0).shape }]
  },
  rowWise: onlyFirstCarriesRows,
  bound: exact,
}

/** True where a string is missing: null, or equal to `token` where there is one. X of any shape -> Y bool like X. @formula y = x is missing */
const isMissing: OpSchema = {
  name: 'IsMissing',
  domain: 'mle',
  version: 1,
  inputs: [{ name: 'X', type: ['string'] }],
  outputs: [{ name: 'Y' }],
  attributes: [{ name: 'token', kind: 'string' }],
  infer: (context) => [{ dtype: 'bool', shape: tensorInput(context, 0).shape }],
  rowWise: onlyFirstCarriesRows,
  bound: exact,
}

/** Strings with missing ones replaced: null, or those equal to `token` where there is one. X of any shape -> Y like X. @formula y = fill where x is missing, else x */
const fillMissing: OpSchema = {
  name: 'FillMissing',
  domain: 'mle',
  version: 1,
  inputs: [{ name: 'X', type: ['string'] }],
  outputs: [{ name: 'Y' }],
  attributes: [
    { name: 'fill', kind: 'string', required: true },
    { name: 'token', kind: 'string' },
  ],
  infer: (context) => [{ dtype: 'string', shape: tensorInput(context, 0).shape }],
  rowWise: onlyFirstCarriesRows,
  bound: exact,
}

/**
 * Fills NaN from the nearest training rows. X [rows, features], training [n, features] with NaN -> Y like X. For each missing value: the mean,
 * over the `neighbors` nearest training rows that have it, by distance over the features that both rows have; weighted by 1 / distance where
 * `weights` is 'distance'; the training mean where no row shares a feature. numpy's argpartition (its introselect) chooses among rows as far.
 *
 * @formula d(a, b) = sqrt(features / shared sum over shared features (a - b)^2), expanded to |a|^2 - 2 a b + |b|^2
 */
const knnImpute: OpSchema = {
  name: 'KnnImpute',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'X', type: ['float64'] },
    { name: 'training', type: ['float64'] },
  ],
  outputs: [{ name: 'Y' }],
  attributes: [
    { name: 'neighbors', kind: 'int', required: true },
    { name: 'weights', kind: 'string', default: 'uniform' },
  ],
  infer(context): ValueType[] {
    oneOf(context, 'weights', ['uniform', 'distance'])
    if (int(context.attributes, 'neighbors', 0) < 1) throw new MleError('OP_ATTRIBUTE', 'attribute neighbors must be at least 1')
    inputShape(context, 1, 2)
    return [{ dtype: tensorInput(context, 0).dtype, shape: sameColumns(context, 1, 'features of training') }]
  },
  rowWise: onlyFirstCarriesRows,
  bound: ulps(64),
}

export const preprocessSchemas: readonly OpSchema[] = [powerTransform, quantileMap, bsplineBasis, knnImpute, categoryMap, isMissing, fillMissing]
