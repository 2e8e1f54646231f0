// CbModel -> graph: float32 features against float32 borders, float64 sums in tree order, as the library's evaluator has them.
import type { GraphBuilder, ValueName } from '../../graph/builder.ts'
import { encodeTrees, type EncodedTrees, type TreeDescription } from '../../ops/trees/encode.ts'
import { once } from '../once.ts'
import { treeProperties } from '../tree-summary.ts'
import { addTreeEnsemble, addTreeLeaves, addTreeShap } from '../trees.ts'
import { addCtrs } from './ctr.ts'
import { catboostError, MAX_FEATURES, type CbModel, type CbTree } from './model.ts'

export interface LoweredCatboost {
  /** Columns of margins: values per leaf, or classes where more classes are declared than the trees know. */
  readonly outputs: number
  /** [rows, outputs] float64. */
  margin(): ValueName
  /** int32 [rows, trees] */
  leaves(): ValueName
  /** SHAP values [rows, outputs, features + 1] in the order of the training table; undefined where the file has no leaf weights. */
  contributions(): ValueName | undefined
  /** What the file says of its trees, once they are encoded. */
  properties(): [string, string][]
}

/** Numbers of columns that the graph's inputs have. */
export interface InputWidths {
  readonly floats: number
  readonly cats: number
}

export function inputWidths(model: CbModel): InputWidths {
  const width = (features: readonly { readonly index: number }[]): number => features.reduce((max, { index }) => Math.max(max, index + 1), 0)
  const widths = { floats: width(model.floatFeatures), cats: width(model.catFeatures) }
  if (widths.floats + widths.cats > MAX_FEATURES) throw catboostError('CATBOOST_LIMIT', `it numbers features up to ${Math.max(widths.floats, widths.cats)}, at most ${MAX_FEATURES} are read`)
  return widths
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
  const described = once(() => model.trees.map((tree) => describe(tree, model, { floats, catWidth }, nan, columns, outputs)))
  const encoded = once((): EncodedTrees =>
    encodeTrees(described(), {
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
  const properties = (): [string, string][] => treeProperties(described().map((tree) => ({ ...tree, cover: undefined })), columnNames(model, floats, catWidth))
  const contributions = once((): ValueName | undefined => {
    // Nothing can be added up to the -infinity of classes without trees.
    if (encoded().cover === undefined || model.scale === 0 || outputs !== model.dimension) return undefined
    const players = playersOf(model, catWidth)
    const { features, combinations } = players
    if (combinations.length * features > MAX_SPREAD) return undefined
    const base = Array.from({ length: outputs }, () => 0)
    model.bias.forEach((value, i) => (base[columns?.[i] ?? i] = value / model.scale))
    let values = addTreeShap(builder, rows(), encoded(), { outputs, base, players: players.of === undefined ? undefined : { count: features + combinations.length, of: players.of } })
    if (combinations.length > 0) values = addSpread(builder, values, features, combinations)
    return model.scale === 1 ? values : builder.add('Mul', [values, builder.constant({ dtype: 'float64', shape: [], data: Float64Array.of(model.scale) }, 'scale')])
  })
  return { outputs, margin, leaves: once(() => addTreeLeaves(builder, rows(), encoded())), contributions, properties }
}

/** Names of the columns that trees read: features of the table, and statistics of several. */
function columnNames(model: CbModel, floats: number, catWidth: number): (column: number) => string {
  const nameOf = ({ name, flatIndex }: { readonly name: string; readonly flatIndex: number }): string => (name === '' ? String(flatIndex) : name)
  const floatNames = new Map(model.floatFeatures.map((feature) => [feature.index, nameOf(feature)]))
  const catNames = new Map(model.catFeatures.map((feature) => [feature.index, nameOf(feature)]))
  return (column) => {
    if (column < floats) return floatNames.get(column) ?? String(column)
    if (column < floats + catWidth) return catNames.get(column - floats) ?? String(column)
    const { type, elements } = model.ctrs[column - floats - catWidth]
    return `${type}(${elements.map(({ kind, feature }) => (kind === 'float' ? floatNames : catNames).get(feature) ?? String(feature)).join(', ')})`
  }
}

/** Elements of the matrix that spreads combinations over their features. */
const MAX_SPREAD = 1 << 24

interface Players {
  readonly features: number
  /** Player of each column that trees read: its feature's place in the table, or `features` + a combination's number; absent where that is the column. */
  readonly of?: readonly number[]
  /** Features of several-feature statistics, by place. */
  readonly combinations: readonly (readonly number[])[]
}

/** What counts as one feature in SHAP values: columns that come from the same features of the table. */
function playersOf(model: CbModel, catWidth: number): Players {
  const { floats, cats } = inputWidths(model)
  const features = floats + cats
  // Places in the table, where the file numbers all of its features; numbers before categories otherwise.
  const flat = new Map<string, number>()
  for (const { index, flatIndex } of model.floatFeatures) flat.set(`f${index}`, flatIndex)
  for (const { index, flatIndex } of model.catFeatures) flat.set(`c${index}`, flatIndex)
  const isComplete = flat.size === features && new Set(flat.values()).size === features && [...flat.values()].every((place) => place < features)
  const place = (kind: 'f' | 'c', index: number): number => (isComplete ? (flat.get(`${kind}${index}`) ?? 0) : kind === 'f' ? index : floats + index)
  const combinations: number[][] = []
  const numbers = new Map<string, number>()
  const of = Array.from({ length: floats + catWidth }, (_, column) => (column < floats ? place('f', column) : place('c', column - floats)))
  for (const { elements } of model.ctrs) {
    const set = [...new Set(elements.map(({ kind, feature }) => place(kind === 'float' ? 'f' : 'c', feature)))].sort((a, b) => a - b)
    const key = set.join()
    let player = set.length === 1 ? set[0] : numbers.get(key)
    if (player === undefined) {
      player = features + combinations.length
      combinations.push(set)
      numbers.set(key, player)
    }
    of.push(player)
  }
  const isPlain = of.length === features && of.every((player, column) => player === column)
  return { features, of: isPlain ? undefined : of, combinations }
}

/** [rows, outputs, features + combinations + 1] -> [rows, outputs, features + 1]: a combination's contribution goes to its features in equal parts. */
function addSpread(builder: GraphBuilder, values: ValueName, features: number, combinations: readonly (readonly number[])[]): ValueName {
  const sizes = builder.constant({ dtype: 'int64', shape: [3], data: BigInt64Array.of(BigInt(features), BigInt(combinations.length), 1n) }, 'sizes')
  const [own, joint, expectation] = builder.addMany('Split', [values, sizes], 3, { axis: 2 })
  const shares = new Float64Array(combinations.length * features)
  combinations.forEach((set, i) => {
    for (const feature of set) shares[i * features + feature] = 1 / set.length
  })
  const spread = builder.add('MatMul', [joint, builder.constant({ dtype: 'float64', shape: [combinations.length, features], data: shares }, 'shares')])
  return builder.add('Concat', [builder.add('Add', [own, spread]), expectation], { axis: 2 })
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
  return { left: tree.left, right: tree.right, feature, threshold, values: columns === undefined ? tree.values : spread(tree.values, columns, outputs), comparison, missingRight, ids: leafNumbers(tree), cover: tree.weights }
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
