// What importers of estimators take and give.
import type { GraphBuilder, ValueName } from '../../graph/builder.ts'
import type { Column } from '../../graph/graph.ts'
import type { Dim } from '../../ops/types.ts'
import type { DType } from '../../tensor/dtype.ts'
import type { LabelArray, PyObject, PyValue } from '../pickle/index.ts'
import type { Features } from './features.ts'

/** A computed array: its value in the graph and what is known of it. */
export interface Result {
  readonly value: ValueName
  readonly dtype: DType
  /** ['batch'], ['batch', 3], ... */
  readonly shape: readonly Dim[]
  /** scikit-learn's dtype where it differs: labels of int64 are int32 here. */
  readonly sourceDtype?: string
}

/**
 * What a fitted estimator can compute, each built when first asked for and then shared, so that a meta-estimator asks inner
 * ones for just what it needs. Absent members are methods that the estimator does not have.
 */
export interface Methods {
  /** Meta-estimators that are what their inner estimator is say so here. */
  readonly kind?: EstimatorKind
  /** Class labels in the order of probability columns, one list per output; classifiers only. */
  readonly classes?: readonly LabelArray[]
  /** Labels of classifiers, clusterers and outlier detectors; values of regressors. Several outputs stand in columns. */
  readonly predict?: () => Result
  /** Classifiers: position of the predicted label in `classes`, int64 ['batch'], one per output. */
  readonly predictIndex?: () => readonly ValueName[]
  /** One matrix [batch, classes] per output. */
  readonly predictProba?: () => readonly Result[]
  readonly predictLogProba?: () => readonly Result[]
  readonly decisionFunction?: () => Result
  readonly transform?: () => Features
  readonly scoreSamples?: () => Result
  /** Standard deviations that `predict(return_std=True)` gives. */
  readonly predictStd?: () => Result
  /** Labels of the training data, for clusterers that cannot predict. */
  readonly fitPredict?: () => Result
  /** kneighbors: distances [batch, k] and positions among the training rows, nearest first. */
  readonly neighbors?: () => { readonly distances: Result; readonly indices: Result }
  /** Methods with names of their own: method name -> output name and result. */
  readonly extra?: ReadonlyMap<string, { readonly output: string; readonly result: () => Result }>
  /** What the metadata says of the estimator besides: the shape of its trees (src/import/tree-summary.ts). */
  readonly properties?: () => readonly (readonly [string, string])[]
}

export type EstimatorKind = 'classifier' | 'regressor' | 'clusterer' | 'outlier' | 'transformer'

/** Everything an importer may use besides its estimator. */
export interface SklearnContext {
  readonly builder: GraphBuilder
  /** Methods of an inner estimator applied to `x`. Throws SKLEARN_UNSUPPORTED for classes that no importer knows. */
  readonly importEstimator: (estimator: PyValue | undefined, x: Features, where: string) => Methods
  /** What an estimator is by its class; meta-estimators that are what they hold say so in their methods. */
  readonly kindOf: (estimator: PyValue | undefined) => EstimatorKind
}

export type EstimatorImporter = (context: SklearnContext, estimator: PyObject, x: Features) => Methods

/** One line of the registry. */
export interface EstimatorEntry {
  /** Class names, as no two estimators of scikit-learn share one. */
  readonly names: readonly string[]
  readonly kind: EstimatorKind
  /** Root package of the class; 'sklearn' unless said otherwise. */
  readonly root?: string
  readonly importer: EstimatorImporter
  /** Names of the columns read, where the estimator keeps them elsewhere than in feature_names_in_. */
  readonly columnNames?: (estimator: PyObject) => readonly string[] | undefined
  /** Categories by column, where the estimator itself recodes tables. */
  readonly columnCategories?: (estimator: PyObject) => ReadonlyMap<number, Pick<Column, 'categories' | 'unseen'>>
}
