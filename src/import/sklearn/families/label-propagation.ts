// LabelPropagation and LabelSpreading: for new rows, the labels of training rows weighed by a kernel.
import { arrayAttribute, asFloat64, asObject, attribute, placeOf } from '../../pickle/index.ts'
import { argMax, float64Constant, matrixResult, once, sumColumns } from '../emit.ts'
import { classesOf, classifierMethods } from '../labels.ts'
import { choice, numberSetting } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods } from '../types.ts'
import { denseAttribute } from './coefficients.ts'
import { pairwiseKernel, rowsOf } from './kernels.ts'
import { nearest } from './neighbor-search.ts'

const propagation: EstimatorImporter = (context, estimator, x): Methods => {
  const { builder } = context
  const classes = classesOf(estimator)
  const n = classes[0].values.length
  const kernel = choice(estimator, 'kernel', ['rbf', 'knn'], 'rbf')
  const probabilities = once(() => {
    const known = arrayAttribute(estimator, 'label_distributions_', 2)
    const distributions = float64Constant(context, asFloat64(known), known.shape)
    let sums
    if (kernel === 'rbf') {
      const rows = denseAttribute(estimator, 'X_')
      const weights = pairwiseKernel(context, estimator, 'rbf', x.numbers(rows.shape[1]), rowsOf(rows, asFloat64(rows)), { gamma: numberSetting(estimator, 'gamma', 20), coef0: undefined, degree: undefined })
      sums = builder.add('MatMul', [weights, distributions])
    } else {
      const search = asObject(attribute(estimator, 'nn_fit'), placeOf(estimator, 'nn_fit'))
      const { indices } = nearest(context, search, x, numberSetting(search, 'n_neighbors', 7))
      const axis = builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) }, 'axis')
      sums = builder.add('ReduceSum', [builder.add('Gather', [distributions, indices], { axis: 0 }), axis], { keepdims: 0 })
    }
    // A row that no training row is near to has no labels: NaN, as there.
    return [matrixResult(builder.add('Div', [sums, sumColumns(context, sums, true)]), n)]
  })
  return { ...classifierMethods(context, classes, () => [argMax(context, probabilities()[0].value)]), predictProba: probabilities }
}

export const labelPropagation: readonly EstimatorEntry[] = [{ names: ['LabelPropagation', 'LabelSpreading'], kind: 'classifier', importer: propagation }]
