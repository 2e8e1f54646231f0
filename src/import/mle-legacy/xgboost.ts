// XGBoost: the list of trees that a booster's JSON dump is. Objective and base_score are not among them.
import { graphBuilder } from '../../graph/builder.ts'
import type { Method } from '../../graph/graph.ts'
import { parseJson, type JsonObject } from '../json.ts'
import { lowerBooster } from '../xgboost/lower.ts'
import type { XgbTree } from '../xgboost/model.ts'
import { boosterError, numberOf, objectOf, objects, payloadOf } from './boosters.ts'
import { numberParameter, type LegacyMetadata } from './metadata.ts'
import type { Lowered } from './rebuild.ts'
import type { LegacyTensor } from './records.ts'

const NAMES_NOTE =
  'the file names features but not their order: give rows as objects or a table with a header; columns of plain arrays are in the order in which trees first use them'

/** Margins without base_score, which the dump does not hold. */
export function lowerXgboost(parameters: readonly LegacyTensor[], metadata: LegacyMetadata, declaredWidth: number): Lowered {
  const dumped = objects(parseJson(payloadOf('XGBoost', parameters), 'XGBoost trees'), 'the dump of XGBoost')
  const names = new Map<string, number>()
  collectNames(dumped, names)
  const areNumbers = [...names.keys()].every((name) => /^f\d{1,7}$/.test(name))
  if (areNumbers) for (const name of names.keys()) names.set(name, Number(name.slice(1)))
  let needed = 1
  for (const index of names.values()) needed = Math.max(needed, index + 1)
  if (areNumbers && declaredWidth > 0 && needed > declaredWidth) {
    throw boosterError(`a tree splits by feature ${needed - 1}, but the input has ${declaredWidth} columns`)
  }
  const featureCount = areNumbers ? Math.max(needed, declaredWidth) : names.size
  const trees = dumped.map((root) => xgboostTree(root, names))
  const rounds = numberParameter(metadata, 'num_trees')
  const outputs = rounds !== undefined && rounds > 0 && trees.length % rounds === 0 ? trees.length / rounds : 1
  const builder = graphBuilder()
  const x = builder.input('X', { dtype: 'float32', shape: ['batch', featureCount] })
  const lowered = lowerBooster(builder, {
    version: metadata.frameworkVersion ?? '', booster: 'gbtree', objective: 'reg:squarederror', objectiveParameters: new Map(), baseScore: [0],
    classCount: outputs > 1 ? outputs : 0, targetCount: 1, featureCount, parallelTrees: 1, trees, treeOutput: trees.map((_, i) => i % outputs),
    attributes: new Map(), featureNames: [], featureTypes: [], categories: new Map(),
  }, x)
  const margin = lowered.margin()
  const flat = outputs === 1 ? builder.add('Squeeze', [margin, builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) }, 'axis')]) : margin
  builder.output('margin_without_start', flat, { dtype: 'float32', shape: outputs === 1 ? ['batch'] : ['batch', outputs] })
  const methods: Method[] = [{ name: 'margin_without_start', outputs: ['margin_without_start'] }]
  const notes = [
    'predict is not available: the file holds the trees only; objective and base_score are lost',
    'margin_without_start is the sum of the leaves, to which base_score (as a margin) must be added',
  ]
  if (outputs > 1) notes.push(`there are ${outputs} trees a round: they count as one for each class; with num_parallel_tree set, add the columns up`)
  if (!areNumbers) notes.push(NAMES_NOTE)
  const columns = areNumbers ? undefined : [...names].map(([name, index]) => ({ name, input: 'X', index }))
  return { graph: builder.build({ framework: 'xgboost', frameworkVersion: metadata.frameworkVersion, estimator: 'Booster', methods, columns }), notes }
}

/** Names of features by first use; walks without recursion, for any depth that the parser let through. */
function collectNames(roots: readonly JsonObject[], names: Map<string, number>): void {
  const pending: JsonObject[] = [...roots].reverse()
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    const split = node.get('split')
    if (typeof split === 'string') {
      if (!names.has(split)) names.set(split, names.size)
    } else if (!node.has('leaf')) throw boosterError('a node of XGBoost has neither split nor leaf')
    const children = node.get('children')
    if (Array.isArray(children)) for (let i = children.length - 1; i >= 0; i--) pending.push(objectOf(children[i], 'a node of XGBoost'))
  }
}

function xgboostTree(root: JsonObject, names: ReadonlyMap<string, number>): XgbTree {
  const left: number[] = []
  const right: number[] = []
  const feature: number[] = []
  const condition: number[] = []
  const defaultLeft: number[] = []
  const pending: { node: JsonObject; set: (index: number) => void }[] = [{ node: root, set: () => {} }]
  for (let entry = pending.pop(); entry !== undefined; entry = pending.pop()) {
    const { node } = entry
    const index = left.length
    entry.set(index)
    left.push(-1)
    right.push(-1)
    feature.push(0)
    defaultLeft.push(0)
    if (node.has('leaf')) {
      condition.push(numberOf(node, 'leaf'))
      continue
    }
    condition.push(numberOf(node, 'split_condition'))
    feature[index] = names.get(String(node.get('split'))) ?? 0
    const yes = numberOf(node, 'yes')
    defaultLeft[index] = numberOf(node, 'missing') === yes ? 1 : 0
    const children = node.get('children')
    if (!Array.isArray(children) || children.length !== 2) throw boosterError('a split of XGBoost has not two children')
    for (const child of children) {
      const own = objectOf(child, 'a node of XGBoost')
      const isYes = numberOf(own, 'nodeid') === yes
      const side = isYes ? left : right
      pending.push({ node: own, set: (at) => (side[index] = at) })
    }
  }
  if (left.some((child, i) => child >= 0 !== right[i] >= 0)) throw boosterError('the children of a split of XGBoost do not have the ids that the split names')
  return {
    left: Int32Array.from(left), right: Int32Array.from(right), feature: Uint32Array.from(feature), condition: Float32Array.from(condition), defaultLeft: Uint8Array.from(defaultLeft),
    cover: new Float32Array(0), gain: new Float32Array(0),
  }
}
