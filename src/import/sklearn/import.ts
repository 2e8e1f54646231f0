// From a fitted estimator, as the pickle reader describes it, to a graph.
import { MleError } from '../../error.ts'
import { graphBuilder, type ValueName } from '../../graph/builder.ts'
import type { Column, Graph, Metadata, Method } from '../../graph/graph.ts'
import { describe, isPyObject, type PyObject, type PyValue } from '../pickle/index.ts'
import { pruneGraph } from '../../graph/prune.ts'
import { needsLayout, sourceFeatures, type Features, type Source, type SourceUse } from './features.ts'
import { plainLabels } from './labels.ts'
import { featureCount, featureNames } from './params.ts'
import { findImporter, rootOf } from './registry.ts'
import type { EstimatorKind, Methods, Result, SklearnContext } from './types.ts'

/** Estimators inside estimators: a chain longer than this is no real model. */
const MAX_DEPTH = 64

const OUTPUT_NAMES = ['label', 'value', 'probabilities', 'log_probabilities', 'decision', 'transformed', 'scores', 'std', 'contributions', 'distances', 'indices']

interface Import {
  readonly graph: Graph
  readonly source: Source
}

/**
 * The graph of a fitted scikit-learn estimator, with every method it has as an output: predict -> `label` or `value`,
 * predict_proba -> `probabilities`, decision_function -> `decision`, transform -> `transformed`, score_samples -> `scores`.
 *
 * Numeric models read `X` float64 ['batch', features]. Models that read columns of strings have one input per column, listed in
 * `metadata.columns`; text vectorizers read `text` string ['batch'], DictVectorizer and FeatureHasher `rows`, one JSON text per row.
 *
 * @throws MleError SKLEARN_UNSUPPORTED naming an estimator or a setting that cannot be imported, SKLEARN_VALUE when the file holds none
 */
export function importSklearn(value: PyValue): Graph {
  const estimator = estimatorOf(value)
  // Columns of strings come to light only while importing, so a model that reads some is imported once more knowing them.
  const first = importOnce(estimator, undefined)
  return needsLayout(first.source.use, featureNames(estimator)) ? importOnce(estimator, first.source.use).graph : first.graph
}

function estimatorOf(value: PyValue): PyObject {
  if (isPyObject(value)) return value
  throw new MleError('SKLEARN_VALUE', `the file holds ${describe(value)}, expected a fitted estimator; save the estimator itself`, { actual: describe(value) })
}

function importOnce(estimator: PyObject, layout: SourceUse | undefined): Import {
  const builder = graphBuilder()
  let depth = 0
  const context: SklearnContext = {
    builder,
    kindOf: (inner) => (isPyObject(inner) ? findImporter(inner.module, inner.name)?.kind : undefined) ?? 'transformer',
    importEstimator(inner, x, where) {
      if (!isPyObject(inner)) throw new MleError('SKLEARN_VALUE', `${where} is ${describe(inner)}, expected an estimator`, { section: where })
      const entry = findImporter(inner.module, inner.name)
      if (entry === undefined) {
        throw new MleError('SKLEARN_UNSUPPORTED', `${where}: no importer for ${inner.module}.${inner.name}; ${whatToDo(inner)}`, { section: where, actual: `${inner.module}.${inner.name}`, offset: inner.offset })
      }
      if (depth >= MAX_DEPTH) throw new MleError('SKLEARN_DEPTH', `${where}: estimators are nested deeper than ${MAX_DEPTH}`, { section: where })
      depth++
      try {
        return memoized(entry.importer(context, inner, x))
      } finally {
        depth--
      }
    },
  }
  const source = sourceFeatures(context, { width: featureCount(estimator), names: featureNames(estimator, (one) => findImporter(one.module, one.name)?.columnNames?.(one)), reserved: new Set(OUTPUT_NAMES), layout })
  const methods = context.importEstimator(estimator, source.features, estimator.name)
  const kind: EstimatorKind = methods.classes !== undefined ? 'classifier' : (methods.kind ?? context.kindOf(estimator))
  const notes: string[] = []
  const listed = declareOutputs(context, methods, kind, notes)
  if (listed.length === 0) throw new MleError('SKLEARN_UNSUPPORTED', `${estimator.name} has no method that computes something from new data`, { section: estimator.name })
  const properties = methods.properties?.() ?? []
  const version = estimator.state.get('_sklearn_version')
  const metadata: Metadata = {
    framework: rootOf(estimator.module) === 'sklearn' ? 'scikit-learn' : rootOf(estimator.module),
    ...(typeof version === 'string' ? { frameworkVersion: version } : {}),
    estimator: estimator.name,
    methods: listed,
    columns: withCategories(source.columns(), findImporter(estimator.module, estimator.name)?.columnCategories?.(estimator)),
    ...(methods.classes === undefined ? {} : { classes: methods.classes.map(plainLabels) }),
    ...(properties.length === 0 ? {} : { properties }),
    ...(notes.length === 0 ? {} : { notes }),
  }
  return { graph: pruneGraph(builder.build(metadata)), source }
}

/** Estimators of scikit-learn that have nothing to compute for new rows, or take something else than rows. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ...['MDS', 'TSNE', 'SpectralEmbedding'].map((name) => [name, 'it places only the rows that it was fitted on: save its embedding_ as an array'] as const),
  ...['SpectralBiclustering', 'SpectralCoclustering'].map((name) => [name, 'it sorts only the rows that it was fitted on: save its row_labels_ as an array'] as const),
  ['MultiLabelBinarizer', 'it takes sets of labels: leave it out, the columns are its classes_'],
  ['PatchExtractor', 'it cuts images: cut them before'],
])

/** What helps where there is no importer for a class. */
function whatToDo({ module, name }: PyObject): string {
  if (rootOf(module) === 'sklearn') return ADVICE.get(name) ?? 'docs/scikit-learn.md lists what is read'
  return 'only classes of scikit-learn, XGBoost, LightGBM and CatBoost are read, as docs/scikit-learn.md lists them: save the model without this part and do in your program what it does'
}

/** Categories of the training table, for boosters that recode tables themselves. */
function withCategories(columns: readonly Column[] | undefined, categories: ReadonlyMap<number, Pick<Column, 'categories' | 'unseen'>> = new Map()): readonly Column[] | undefined {
  return columns?.map((column) => ({ ...column, ...categories.get(column.index) }))
}

function memoized(methods: Methods): Methods {
  const out: Record<string, unknown> = { ...methods }
  for (const [name, member] of Object.entries(methods)) {
    if (typeof member !== 'function') continue
    let made: { readonly value: unknown } | undefined
    out[name] = () => (made ??= { value: member() }).value
  }
  return out
}

/** Makes every method a graph output. One that cannot be imported is left out with a note, unless it is the only one. */
function declareOutputs(context: SklearnContext, methods: Methods, kind: EstimatorKind, notes: string[]): Method[] {
  const listed: Method[] = []
  let refusal: MleError | undefined
  const declare = (method: string, results: () => readonly (readonly [string, Result])[]): void => {
    let made: readonly (readonly [string, Result])[]
    try {
      made = results()
    } catch (error) {
      if (!(error instanceof MleError) || error.code !== 'SKLEARN_UNSUPPORTED') throw error
      refusal ??= error
      notes.push(`${method} is not available: ${error.message}`)
      return
    }
    for (const [name, result] of made) context.builder.output(name, result.value, { dtype: result.dtype, shape: result.shape }, result.sourceDtype)
    listed.push({ name: method, outputs: made.map(([name]) => name) })
  }
  const one = (method: string, output: string, result: (() => Result) | undefined): void => {
    if (result !== undefined) declare(method, () => [[output, result()]])
  }
  const list = (method: string, output: string, results: (() => readonly Result[]) | undefined): void => {
    if (results !== undefined) declare(method, () => results().map((result, i, all) => [all.length === 1 ? output : `${output}_${i}`, result] as const))
  }
  one('predict', kind === 'regressor' ? 'value' : 'label', methods.predict)
  list('predict_proba', 'probabilities', methods.predictProba)
  list('predict_log_proba', 'log_probabilities', methods.predictLogProba)
  one('decision_function', 'decision', methods.decisionFunction)
  const { transform } = methods
  if (transform !== undefined) one('transform', 'transformed', () => transformResult(context, transform()))
  one('score_samples', 'scores', methods.scoreSamples)
  one('predict_std', 'std', methods.predictStd)
  one('fit_predict', 'label', methods.fitPredict)
  const { neighbors } = methods
  if (neighbors !== undefined) declare('kneighbors', () => Object.entries(neighbors()))
  for (const [method, { output, result }] of methods.extra ?? []) one(method, output, result)
  if (listed.length === 0 && refusal !== undefined) throw refusal
  return listed
}

/** The columns of a transformer as one matrix: numbers, or strings when every column holds strings. */
export function transformResult(context: SklearnContext, features: Features): Result {
  const width = features.width ?? null
  if (features.width !== undefined && features.width > 0 && Array.from({ length: features.width }, (_, i) => features.kindOf(i)).every((kind) => kind === 'string')) {
    const columns: ValueName[] = Array.from({ length: features.width }, (_, i) => features.column(i, 'string'))
    const value = columns.length === 1 ? columns[0] : context.builder.add('Concat', columns, { axis: 1 })
    return { value, dtype: 'string', shape: ['batch', width] }
  }
  return { value: features.numbers(), dtype: 'float64', shape: ['batch', width], sourceDtype: features.sourceDtype }
}
