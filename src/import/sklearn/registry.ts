// Which class names are known, and who imports them. A family is one file; it adds one line here.
import type { EstimatorEntry } from './types.ts'
import { adaBoost } from './families/adaboost.ts'
import { bagging } from './families/bagging.ts'
import { catboostWrappers } from './families/catboost.ts'
import { calibration } from './families/calibration.ts'
import { clusters } from './families/clusters.ts'
import { codes } from './families/codes.ts'
import { composition } from './families/compose.ts'
import { covariances } from './families/covariance.ts'
import { decompositions } from './families/decomposition.ts'
import { discriminantAnalysis } from './families/discriminant.ts'
import { dummies } from './families/dummy.ts'
import { encoders } from './families/encoders.ts'
import { featureSelection } from './families/feature-selection.ts'
import { forests } from './families/forests.ts'
import { gaussianProcesses } from './families/gaussian-process.ts'
import { gradientBoosting } from './families/gradient-boosting.ts'
import { histGradientBoosting } from './families/hist-gradient-boosting.ts'
import { imputers } from './families/imputers.ts'
import { isotonicRegression } from './families/isotonic.ts'
import { labelPropagation } from './families/label-propagation.ts'
import { kernelApproximations } from './families/kernel-approximation.ts'
import { lightgbmWrappers } from './families/lightgbm.ts'
import { kernelDensities } from './families/kernel-density.ts'
import { linearClassifiers } from './families/linear-classifiers.ts'
import { linearRegressors } from './families/linear-regressors.ts'
import { mixtures } from './families/mixtures.ts'
import { multioutput } from './families/multioutput.ts'
import { naiveBayesClassifiers } from './families/naive-bayes.ts'
import { neuralNetworks } from './families/neural-networks.ts'
import { oneVersus } from './families/one-versus.ts'
import { neighbors } from './families/neighbors.ts'
import { polynomials } from './families/polynomial.ts'
import { projections } from './families/projections.ts'
import { scalers } from './families/scalers.ts'
import { searches } from './families/searches.ts'
import { stacking } from './families/stacking.ts'
import { supportVectorMachines } from './families/svm.ts'
import { targets } from './families/target.ts'
import { textVectorizers } from './families/text.ts'
import { thresholds } from './families/thresholds.ts'
import { transforms } from './families/transforms.ts'
import { voting } from './families/voting.ts'
import { xgboostWrappers } from './families/xgboost.ts'

const FAMILIES: readonly (readonly EstimatorEntry[])[] = [
  linearRegressors,
  linearClassifiers,
  naiveBayesClassifiers,
  discriminantAnalysis,
  projections,
  scalers,
  transforms,
  polynomials,
  encoders,
  imputers,
  featureSelection,
  textVectorizers,
  targets,
  composition,
  searches,
  voting,
  stacking,
  multioutput,
  isotonicRegression,
  calibration,
  oneVersus,
  bagging,
  adaBoost,
  dummies,
  thresholds,
  labelPropagation,
  xgboostWrappers,
  lightgbmWrappers,
  catboostWrappers,
  forests,
  gradientBoosting,
  histGradientBoosting,
  supportVectorMachines,
  neighbors,
  kernelDensities,
  clusters,
  mixtures,
  covariances,
  decompositions,
  kernelApproximations,
  neuralNetworks,
  gaussianProcesses,
  codes,
]

let byName: Map<string, EstimatorEntry[]> | undefined

function table(): Map<string, EstimatorEntry[]> {
  if (byName === undefined) {
    byName = new Map()
    for (const entry of FAMILIES.flat()) {
      for (const name of entry.names) {
        const known = byName.get(name)
        if (known === undefined) byName.set(name, [entry])
        else known.push(entry)
      }
    }
  }
  return byName
}

/** Root package of a module path: 'sklearn' of 'sklearn.linear_model._base'. */
export function rootOf(module: string): string {
  const dot = module.indexOf('.')
  return dot < 0 ? module : module.slice(0, dot)
}

/** The importer of a class. Modules moved between versions, so only the root package and the class name count. */
export function findImporter(module: string, name: string): EstimatorEntry | undefined {
  const root = rootOf(module)
  return table().get(name)?.find((entry) => (entry.root ?? 'sklearn') === root)
}

/** True for a class that `importSklearn` knows. */
export function isKnownEstimator(module: string, name: string): boolean {
  return findImporter(module, name) !== undefined
}

/** Packages whose classes may be inside an estimator: they become inert descriptions that importers look at or ignore. */
const DATA_PACKAGES = new Set(['sklearn', 'scipy', 'numpy', 'xgboost', 'lightgbm', 'catboost'])

/** The pickle reader's `allow` for scikit-learn models: known estimators, and everything inert that they may hold. */
export function allowSklearn(module: string, name: string): boolean {
  return DATA_PACKAGES.has(rootOf(module)) || isKnownEstimator(module, name)
}
