// Estimators that predict as one fitted estimator inside them does: searches, self-training, frozen models.
import { attribute, placeOf, type PyObject } from '../../pickle/index.ts'
import type { Features } from '../features.ts'
import { firstAttribute, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, Methods, SklearnContext } from '../types.ts'
import { withKind } from './compose.ts'

/** The methods that a wrapper passes on. */
function delegated(context: SklearnContext, estimator: PyObject, x: Features, names: readonly string[]): Methods {
  const methods = withKind(context, firstAttribute(estimator, names), x, placeOf(estimator, names[0]))
  return { ...methods, fitPredict: undefined, predictStd: undefined }
}

const search: EstimatorImporter = (context, estimator, x) => {
  if (!estimator.state.has('best_estimator_')) throw unsupported(estimator, 'has no best_estimator_; fit it with refit=True')
  return delegated(context, estimator, x, ['best_estimator_'])
}

const selfTraining: EstimatorImporter = (context, estimator, x) => delegated(context, estimator, x, ['estimator_', 'base_estimator_'])

const frozen: EstimatorImporter = (context, estimator, x) => withKind(context, attribute(estimator, 'estimator'), x, placeOf(estimator, 'estimator'))

export const searches: readonly EstimatorEntry[] = [
  { names: ['GridSearchCV', 'RandomizedSearchCV', 'HalvingGridSearchCV', 'HalvingRandomSearchCV'], kind: 'transformer', importer: search },
  { names: ['SelfTrainingClassifier'], kind: 'classifier', importer: selfTraining },
  { names: ['FrozenEstimator'], kind: 'transformer', importer: frozen },
]
