// CbModel -> graph: float32 features against float32 borders, float64 sums in tree order, as the library's evaluator has them.
import type { GraphBuilder, ValueName } from '../../graph/builder.ts'
import { encodeTrees, type EncodedTrees, type TreeDescription } from '../../ops/trees/encode.ts'
import { once } from '../once.ts'
import { addTreeEnsemble, addTreeLeaves } from '../trees.ts'
import { addCtrs } from './ctr.ts'
import { catboostError, type CbModel, type CbTree } from './model.ts'

export interface LoweredCatboost {
  /** Columns of margins: values per leaf, or classes where more classes are declared than the trees know. */
  readonly outputs: number
  /** [rows, outputs] float64. */
  margin(): ValueName
  /** int32 [rows, trees] */
  leaves(): ValueName
}

/** Numbers of columns that the graph's inputs have. */
export interface InputWidths {
  readonly floats: number
  readonly cats: number
}

export function inputWidths(model: CbModel): InputWidths {
  const width = (features: readonly { readonly index: number }[]): number => features.reduce((max, { index }) => Math.max(max, index + 1), 0)
  return { floats: width(model.floatFeatures), cats: width(model.catFeatures) }
}

/** Adds a model over float32 rows `x` and string rows `cats`; either may be absent where the model has no such features. */
export function lowerCatboost(builder: GraphBuilder, model: CbModel, x: ValueName | undefined, cats: ValueName | undefined): LoweredCatboost {
  const { floats } = inputWidths(model)
  const usesOneHot = model.splits.some(({ kind }) => kind === 'oneHot')
  const hashes = once(() => {
    if (cats === undefined) throw catboostError('CATBOOST_FEATURE', 'it splits by categories, but names no categorical features')
    return builder.add('mle.CategoryHash', [cats])
  })
  const catWidth = usesOneHot ? inputWidths(model).cats : 0
  // Columns that trees read: numbers, hashes of categories, target statistics. Hashes are exact in float64 only.
  const rows = once((): ValueName => {
    const parts: ValueName[] = x === undefined ? [] : [x]
    if (model.ctrs.length > 0) parts.push(addCtrs(builder, model, hashes(), x))
    if (!usesOneHot && parts.length > 0) return parts.length === 1 ? parts[0] : builder.add('Concat', parts, { axis: 1 })
    const wide = parts.map((part) => builder.add('Cast', [part], { to: 'float64' }))
    const codes = builder.add('Cast', [hashes()], { to: 'float64' })
    wide.splice(x === undefined ? 0 : 1, 0, codes)
    return wide.length === 1 ? wide[0] : builder.add('Concat', wide, { axis: 1 })
  })
  const outputs = model.classes === undefined || model.dimension === 1 ? model.dimension : model.classes.labels.length
  const columns = model.dimension > 1 ? model.classes?.columns : undefined
  const nan = new Map(model.floatFeatures.map((feature) => [feature.index, feature.nan]))
  const encoded = once((): EncodedTrees =>
    encodeTrees(model.trees.map((tree) => describe(tree, model, { floats, catWidth }, nan, columns, outputs)), {
      width: outputs,
      comparison: 'le',
      precision: usesOneHot ? 'float64' : 'float32',
    }),
  )
  const margin = once((): ValueName => {
    const vector = (values: readonly number[], hint: string): ValueName => builder.constant({ dtype: 'float64', shape: [values.length], data: Float64Array.from(values) }, hint)
    let sum = addTreeEnsemble(builder, rows(), encoded(), { outputs })
    if (model.scale !== 1) sum = builder.add('Mul', [sum, vector([model.scale], 'scale')])
    // Classes that training never met have no leaf value; the library gives them -infinity.
    const bias = new Array<number>(outputs).fill(columns === undefined ? 0 : -Infinity)
    model.bias.forEach((value, i) => (bias[columns?.[i] ?? i] = value))
    return bias.some((value) => value !== 0) ? builder.add('Add', [sum, vector(bias, 'bias')]) : sum
  })
  return { outputs, margin, leaves: once(() => addTreeLeaves(builder, rows(), encoded())) }
}

function describe(
  tree: CbTree, model: CbModel, { floats, catWidth }: { readonly floats: number; readonly catWidth: number },
  nan: ReadonlyMap<number, string>, columns: readonly number[] | undefined, outputs: number,
): TreeDescription {
  const count = tree.left.length
  const feature = new Int32Array(count)
  const threshold = new Float64Array(count)
  const comparison = new Array<'le' | 'ne'>(count).fill('le')
  const missingRight = new Uint8Array(count)
  for (let node = 0; node < count; node++) {
    if (tree.left[node] < 0) continue
    const split = model.splits[tree.split[node]]
    switch (split.kind) {
      case 'float':
        feature[node] = split.feature
        threshold[node] = split.border
        missingRight[node] = nan.get(split.feature) === 'AsTrue' ? 1 : 0
        break
      case 'oneHot':
        feature[node] = floats + split.feature
        threshold[node] = split.value
        comparison[node] = 'ne'
        break
      case 'ctr':
        feature[node] = floats + catWidth + split.ctr
        threshold[node] = split.border
        break
    }
  }
  return { left: tree.left, right: tree.right, feature, threshold, values: columns === undefined ? tree.values : spread(tree.values, columns, outputs), comparison, missingRight, ids: leafNumbers(tree) }
}

/** Leaf vectors in the columns of their classes. */
function spread(values: Float64Array, columns: readonly number[], outputs: number): Float64Array {
  const { length } = columns
  if (length === outputs && columns.every((column, i) => column === i)) return values
  const out = new Float64Array((values.length / length) * outputs)
  for (let i = 0; i < values.length; i++) out[Math.floor(i / length) * outputs + columns[i % length]] = values[i]
  return out
}

/** Leaves numbered as the library reports them: from left to right of the file. */
function leafNumbers(tree: CbTree): Int32Array {
  const ids = new Int32Array(tree.left.length)
  let next = 0
  for (let node = 0; node < ids.length; node++) if (tree.left[node] < 0) ids[node] = next++
  return ids
}
