// Decisions of support vector machines and of classifiers that compare classes two by two. Pairs of classes stand in the order
// (0, 1), (0, 2), ..., (0, n - 1), (1, 2), ...
import { MleError } from '../../error.ts'
import { int } from '../attributes.ts'
import { inputShape, unifyDims } from '../rules.ts'
import { exact, reducing, ulps, type InferContext, type OpSchema } from '../schema.ts'
import type { Dim, ValueType } from '../types.ts'

const onlyFirstCarriesRows = (_context: InferContext, carriesRows: readonly boolean[]): boolean => carriesRows.every((carries, i) => carries === (i === 0))

/** The attribute `classes`, at least 2, and rows of the inputs, which have one column per pair. */
function pairRows(context: InferContext, inputs: number): { rows: Dim; classes: number } {
  const classes = int(context.attributes, 'classes', 0)
  if (!(classes >= 2 && classes <= 65536)) throw new MleError('OP_ATTRIBUTE', `attribute classes is ${classes}, expected 2 to 65536`, { actual: classes })
  let rows: Dim = null
  for (let i = 0; i < inputs; i++) {
    const shape = inputShape(context, i, 2)
    if (shape === undefined) continue
    unifyDims(shape[1], (classes * (classes - 1)) / 2, 'pairs of classes')
    rows = unifyDims(rows, shape[0], 'rows')
  }
  return { rows, classes }
}

/**
 * Decisions of a support vector classifier between each pair of classes. K [rows, vectors] holds kernels, vectors sorted by class; coefficients
 * [classes - 1, vectors], intercepts [pairs], counts int32 [classes] (vectors of each class) -> D [rows, pairs].
 *
 * @formula d[r, (a, b)] = intercept(a, b) + sum over v of class a of coef[b - 1, v] K[r, v] + sum over v of class b of coef[a, v] K[r, v]
 * @see C.-C. Chang and C.-J. Lin, LIBSVM: a library for support vector machines, ACM TIST 2(3), 2011
 */
const svmDecision: OpSchema = {
  name: 'SvmDecision',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'K', type: ['float64'] },
    { name: 'coefficients', type: ['float64'] },
    { name: 'intercepts', type: ['float64'] },
    { name: 'counts', type: ['int32'] },
  ],
  outputs: [{ name: 'D' }],
  attributes: [],
  infer(context): ValueType[] {
    const kernels = inputShape(context, 0, 2)
    const coefficients = inputShape(context, 1, 2)
    const pairs = inputShape(context, 2, 1)?.[0] ?? null
    const classes = inputShape(context, 3, 1)?.[0] ?? null
    if (kernels !== undefined && coefficients !== undefined) unifyDims(kernels[1], coefficients[1], 'support vectors')
    if (typeof classes === 'number') {
      if (coefficients !== undefined) unifyDims(coefficients[0], classes - 1, 'rows of coefficients')
      unifyDims(pairs, (classes * (classes - 1)) / 2, 'pairs of classes')
    }
    return [{ dtype: 'float64', shape: [kernels?.[0] ?? null, pairs] }]
  },
  rowWise: onlyFirstCarriesRows,
  bound: reducing,
}

/** Wins of each class over the others, D [rows, pairs] -> V [rows, classes]; a pair's first class wins where D > 0. @formula v[c] = |{(c, b): d > 0}| + |{(a, c): not d > 0}| */
const pairVotes: OpSchema = {
  name: 'PairVotes',
  domain: 'mle',
  version: 1,
  inputs: [{ name: 'D', type: ['float64'] }],
  outputs: [{ name: 'V' }],
  attributes: [{ name: 'classes', kind: 'int', required: true }],
  infer(context): ValueType[] {
    const { rows, classes } = pairRows(context, 1)
    return [{ dtype: 'float64', shape: [rows, classes] }]
  },
  rowWise: onlyFirstCarriesRows,
  bound: exact,
}

/**
 * One score per class from comparisons of classes two by two: votes, with the sum of confidences squeezed into (-1/3, 1/3) to break ties. second bool
 * [rows, pairs] says that a pair's second class won, confidence [rows, pairs] how clearly -> S [rows, classes].
 *
 * @formula s[c] = votes[c] + u / (3 (|u| + 1)), u = sum of confidence(a, c) - sum of confidence(c, b)
 */
const pairScores: OpSchema = {
  name: 'PairScores',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'second', type: ['bool'] },
    { name: 'confidence', type: ['float64'] },
  ],
  outputs: [{ name: 'S' }],
  attributes: [{ name: 'classes', kind: 'int', required: true }],
  infer(context): ValueType[] {
    const { rows, classes } = pairRows(context, 2)
    return [{ dtype: 'float64', shape: [rows, classes] }]
  },
  rowWise: (_context, carriesRows) => carriesRows[0] && carriesRows[1],
  bound: reducing,
}

/**
 * Probabilities of classes from decisions between pairs: a sigmoid per pair, kept 1e-7 away from 0 and 1, then the second method of Wu, Lin and Weng,
 * iterated until no error exceeds 0.005 / classes. D [rows, pairs], a and b [pairs] -> P [rows, classes].
 *
 * @formula r = 1 / (1 + e^(a d + b)); p minimises the sum over pairs of (r(j, i) p(i) - r(i, j) p(j))^2 with sum of p = 1
 * @see T.-F. Wu, C.-J. Lin and R. C. Weng, Probability estimates for multi-class classification by pairwise coupling, JMLR 5, 2004
 */
const pairCoupling: OpSchema = {
  name: 'PairCoupling',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'D', type: ['float64'] },
    { name: 'a', type: ['float64'] },
    { name: 'b', type: ['float64'] },
  ],
  outputs: [{ name: 'P' }],
  attributes: [{ name: 'classes', kind: 'int', required: true }],
  infer(context): ValueType[] {
    const { rows, classes } = pairRows(context, 1)
    const pairs = (classes * (classes - 1)) / 2
    for (const i of [1, 2]) unifyDims(inputShape(context, i, 1)?.[0] ?? null, pairs, 'pairs of classes')
    return [{ dtype: 'float64', shape: [rows, classes] }]
  },
  rowWise: onlyFirstCarriesRows,
  bound: ulps(4096),
}

export const svmSchemas: readonly OpSchema[] = [svmDecision, pairVotes, pairScores, pairCoupling]
