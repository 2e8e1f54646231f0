// Codes of rows over the components of a model, found by iteration.
import { MleError } from '../../error.ts'
import { float, int, text } from '../attributes.ts'
import { inputShape, unifyDims } from '../rules.ts'
import { reducing, type InferContext, type OpSchema } from '../schema.ts'
import type { ValueType } from '../types.ts'
import { oneOf } from './define.ts'

const onlyFirstCarriesRows = (_context: InferContext, carriesRows: readonly boolean[]): boolean => carriesRows.every((carries, i) => carries === (i === 0))

/** X [rows, features] and components [k, features] -> float64 [rows, k]. */
function inferCodes(context: InferContext): ValueType[] {
  const x = inputShape(context, 0, 2)
  const components = inputShape(context, 1, 2)
  if (x !== undefined && components !== undefined) unifyDims(x[1], components[1], 'features')
  return [{ dtype: 'float64', shape: [x?.[0] ?? null, components?.[0] ?? null] }]
}

function checkIterations(context: InferContext): void {
  const count = int(context.attributes, 'maxIterations', 0)
  if (count < 0) throw new MleError('OP_ATTRIBUTE', `attribute maxIterations is ${count}, expected 0 or more`, { actual: count })
}

const X_AND_COMPONENTS: OpSchema['inputs'] = [
  { name: 'X', type: ['float64'] },
  { name: 'components', type: ['float64'] },
]

/**
 * Non-negative W [rows, k] for which W H is close to X [rows, features], H being the components [k, features]. `solver` 'descent' starts at 0 and goes
 * down one coordinate after another until the sum of violations falls to `tolerance` times the first; 'multiply' starts at sqrt(mean X / k) and
 * multiplies until every tenth step gains less than `tolerance` of the first error; 'multiply-step' until a step changes W by less than `tolerance`
 * of its length. `beta` is the divergence (2 Frobenius, 1 Kullback-Leibler, 0 Itakura-Saito). With `growing` step t counts l1 t times. All rows stop together, so that a row's code depends on
 * the others.
 *
 * @formula W = argmin over W >= 0 of D_beta(X, W H) + l1 |W|_1 + l2 |W|^2 / 2
 * @see A. Cichocki and A.-H. Phan, Fast local algorithms for large scale nonnegative matrix and tensor factorizations, IEICE E92-A(3), 2009; C. Fevotte and J. Idier, Algorithms for nonnegative matrix factorization with the beta-divergence, Neural Computation 23(9), 2011
 */
const nmfCode: OpSchema = {
  name: 'NmfCode',
  domain: 'mle',
  version: 1,
  inputs: X_AND_COMPONENTS,
  outputs: [{ name: 'W' }],
  attributes: [
    { name: 'solver', kind: 'string', required: true },
    { name: 'beta', kind: 'float', default: 2 },
    { name: 'l1', kind: 'float', default: 0 },
    { name: 'l2', kind: 'float', default: 0 },
    { name: 'growing', kind: 'int', default: 0 },
    { name: 'tolerance', kind: 'float', default: 0.0001 },
    { name: 'maxIterations', kind: 'int', default: 200 },
  ],
  infer(context) {
    oneOf('solver', text(context.attributes, 'solver', ''), ['descent', 'multiply', 'multiply-step'])
    checkIterations(context)
    return inferCodes(context)
  },
  bound: reducing,
}

/**
 * Topics of documents by variational inference: counts X [rows, words], components [topics, words] = e^E[log beta] -> G [rows, topics], not normalised.
 * A row stops when a step changes its topics by less than `tolerance` on average.
 *
 * @formula g[k] = prior + e^(psi(g[k]) - psi(sum g)) sum over w of x[w] b[k, w] / (sum over j of e^(psi(g[j]) - psi(sum g)) b[j, w] + 2^-52)
 * @see M. D. Hoffman, D. M. Blei and F. Bach, Online learning for latent Dirichlet allocation, NIPS 2010
 */
const topicCode: OpSchema = {
  name: 'TopicCode',
  domain: 'mle',
  version: 1,
  inputs: X_AND_COMPONENTS,
  outputs: [{ name: 'G' }],
  attributes: [
    { name: 'prior', kind: 'float', required: true },
    { name: 'tolerance', kind: 'float', default: 0.001 },
    { name: 'maxIterations', kind: 'int', default: 100 },
  ],
  infer(context) {
    checkIterations(context)
    return inferCodes(context)
  },
  rowWise: onlyFirstCarriesRows,
  bound: reducing,
}

/**
 * Sparse codes of rows over a dictionary: products X [rows, k] = rows times dictionary, gram [k, k] = dictionary times itself, norms [rows] = squared
 * lengths of the rows -> C [rows, k]. `algorithm` 'omp' adds atoms one by one, `nonzero` of them; 'lasso' goes down one coordinate after another
 * until the duality gap is below `tolerance` times the squared length.
 *
 * @formula omp: least squares over the atoms chosen by largest |residual product|; lasso: argmin of |x - c D|^2 / 2 + alpha |c|_1 (c >= 0 where `positive`)
 * @see R. Rubinstein, M. Zibulevsky and M. Elad, Efficient implementation of the K-SVD algorithm using batch orthogonal matching pursuit, Technion 2008
 */
const sparseCode: OpSchema = {
  name: 'SparseCode',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'X', type: ['float64'] },
    { name: 'gram', type: ['float64'] },
    { name: 'norms', type: ['float64'], optional: true },
  ],
  outputs: [{ name: 'C' }],
  attributes: [
    { name: 'algorithm', kind: 'string', required: true },
    { name: 'nonzero', kind: 'int', default: 1 },
    { name: 'alpha', kind: 'float', default: 1 },
    { name: 'positive', kind: 'int', default: 0 },
    { name: 'tolerance', kind: 'float', default: 0.0001 },
    { name: 'maxIterations', kind: 'int', default: 1000 },
  ],
  infer(context) {
    const algorithm = oneOf('algorithm', text(context.attributes, 'algorithm', ''), ['omp', 'lasso'])
    checkIterations(context)
    const gram = inputShape(context, 1, 2)
    if (gram !== undefined) unifyDims(gram[0], gram[1], 'sides of gram')
    const x = inputShape(context, 0, 2)
    const k = gram?.[0] ?? null
    const nonzero = int(context.attributes, 'nonzero', 1)
    if (algorithm === 'omp' && (nonzero < 1 || (typeof k === 'number' && nonzero > k))) throw new MleError('OP_ATTRIBUTE', `attribute nonzero is ${nonzero}, expected 1 to ${k}`, { actual: nonzero })
    if (algorithm === 'lasso') {
      const norms = inputShape(context, 2, 1)
      if (x !== undefined && norms !== undefined) unifyDims(x[0], norms[0], 'rows of norms')
      const alpha = float(context.attributes, 'alpha', 1)
      if (!(alpha >= 0)) throw new MleError('OP_ATTRIBUTE', `attribute alpha is ${alpha}, expected 0 or more`, { actual: alpha })
    }
    return [{ dtype: 'float64', shape: x && [x[0], unifyDims(x[1], k, 'atoms')] }]
  },
  rowWise: (context, carriesRows) => carriesRows[0] && !carriesRows[1] && (context.inputs[2] === undefined || carriesRows[2]),
  bound: reducing,
}

/**
 * Weights with which points come closest to a row: X [rows, features], Y [points, features], index int32 [rows, k] of points -> W [rows, k], rows of sum 1.
 * `regularization` times the trace (itself where that is 0) is added to the diagonal.
 *
 * @formula w = u / sum of u with (G + r I) u = 1, g[i, j] = (y[i] - x) (y[j] - x)
 * @see S. T. Roweis and L. K. Saul, Nonlinear dimensionality reduction by locally linear embedding, Science 290, 2000
 */
const barycenterWeights: OpSchema = {
  name: 'BarycenterWeights',
  domain: 'mle',
  version: 1,
  inputs: [
    { name: 'X', type: ['float64'] },
    { name: 'Y', type: ['float64'] },
    { name: 'index', type: ['int32'] },
  ],
  outputs: [{ name: 'W' }],
  attributes: [{ name: 'regularization', kind: 'float', default: 0.001 }],
  infer(context) {
    const x = inputShape(context, 0, 2)
    const y = inputShape(context, 1, 2)
    const index = inputShape(context, 2, 2)
    if (x !== undefined && y !== undefined) unifyDims(x[1], y[1], 'features')
    if (x !== undefined && index !== undefined) unifyDims(x[0], index[0], 'rows')
    return [{ dtype: 'float64', shape: index }]
  },
  rowWise: (_context, carriesRows) => carriesRows[0] && !carriesRows[1] && carriesRows[2],
  bound: reducing,
}

export const decompositionSchemas: readonly OpSchema[] = [nmfCode, topicCode, sparseCode, barycenterWeights]
