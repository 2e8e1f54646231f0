// What the kernels of mle.TreeEnsemble and mle.TreeLeaves share when they are made: constants taken from the graph,
// checked once per model however many plans and backends use them.
import { MleError } from '../../error.ts'
import { int, text } from '../attributes.ts'
import type { KernelContext, View } from '../kernel.ts'
import { isTensorType } from '../types.ts'
import { checkLeaves, checkTrees, nodePasses, type NodePasses, type TreeFacts } from './check.ts'
import { AGGREGATES, CATEGORY_ROUNDINGS, NODE_LAYOUT, type Aggregate, type CategoryRounding, type TreeArrays } from './layout.ts'
import { numberingOf, plainLeafIndex, plainNodeIds, plainNodes, type LeafNumbers, type PlainNodes } from './stored.ts'

/** Facts by the array that holds the nodes: several plans of one model and both of its backends check it only once. */
const checked = /* @__PURE__ */ new WeakMap<Uint8Array, { roots: Uint32Array; categories: Uint32Array | undefined; facts: TreeFacts }>()

function factsOf(nodes: Uint8Array, roots: Uint32Array, categories: Uint32Array | undefined, passes: NodePasses): TreeFacts {
  const found = checked.get(nodes)
  if (found !== undefined && found.roots === roots && found.categories === categories) return found.facts
  const facts = checkTrees({ nodes, roots, categories }, passes)
  checked.set(nodes, { roots, categories, facts })
  return facts
}

/** What of the work before the first run a device does in its own memory. */
export interface TreePreparer {
  /** The constants at these inputs as kernels read them; the device may keep them in its memory, which grows for that: views of it are taken afterwards. */
  readonly plain: (context: KernelContext, inputs: TreeInputs) => PreparedNodes
  /** How to pass over plain nodes. */
  readonly passesOver: (nodes: Uint8Array, roots: Uint32Array) => NodePasses
}

/** Which inputs of a node hold its trees. */
export interface TreeInputs {
  readonly nodes: number
  readonly roots: number
  readonly leafIndex?: number
}

export interface PreparedNodes extends PlainNodes {
  /** [nodes]; where it has been asked for. */
  readonly leafIndex?: Uint32Array
  /** What passes would find, where it is known already. */
  readonly passes?: NodePasses
}

/** In TypeScript, from the arrays that the context has. */
const IN_TYPESCRIPT: TreePreparer = /* @__PURE__ */ {
  plain(context, { nodes, roots, leafIndex }) {
    const plain = plainNodes(layoutOf(context), uint8(constantAt(context, nodes)), uint32(constantAt(context, roots)))
    return leafIndex === undefined ? plain : { ...plain, leafIndex: plainLeafIndex(plain, optionalLeafNumbers(context, leafIndex)) }
  },
  passesOver: nodePasses,
}

export function layoutOf(context: KernelContext): string {
  return text(context.attributes, 'layout', NODE_LAYOUT)
}

export interface Ensemble {
  readonly arrays: TreeArrays
  readonly facts: TreeFacts
  readonly outputs: number
  readonly aggregate: Aggregate
  readonly accumulate: 'float64' | 'float32'
  readonly rounding: CategoryRounding
  /** [outputs]: what each column begins with, rounded as sums are. */
  readonly start: Float64Array
  /** [outputs]: trees that reach each column. */
  readonly treesPerOutput: Float64Array
  /** Absent where nodes and leafIndex are constants of the graph, which may move between runs. */
  readonly places?: Uint32Array
}

/**
 * The checked ensemble of a mle.TreeEnsemble node.
 *
 * @throws MleError TREE_CONSTANT if a tensor of the ensemble is computed by the graph, TREE_FEATURE if X has too few columns, and those of plainNodes, checkTrees and checkLeaves
 */
export function ensembleOf(context: KernelContext, { plain, passesOver }: TreePreparer = IN_TYPESCRIPT): Ensemble {
  const { attributes } = context
  const { nodes, places, leafIndex = new Uint32Array(0), passes: known } = plain(context, { nodes: 1, roots: 3, leafIndex: 2 })
  const leafView = constantAt(context, 4)
  const arrays: TreeArrays = {
    nodes,
    leafIndex,
    roots: uint32(constantAt(context, 3)),
    leafValues: float64(leafView),
    width: leafView.shape[1],
    treeTarget: optionalUint32(context, 5),
    categories: optionalUint32(context, 6),
  }
  const outputs = int(attributes, 'outputs', 1)
  const passes = known ?? passesOver(arrays.nodes, arrays.roots)
  const facts = factsOf(arrays.nodes, arrays.roots, arrays.categories, passes)
  checkLeaves(arrays, facts, outputs, passes)
  checkFeatures(context, facts)
  const treesPerOutput = new Float64Array(outputs)
  for (let t = 0; t < arrays.roots.length; t++) {
    const target = arrays.treeTarget === undefined ? 0 : arrays.treeTarget[t]
    for (let j = 0; j < arrays.width; j++) treesPerOutput[target + j]++
  }
  const aggregateName = text(attributes, 'aggregate', 'sum')
  const aggregate = AGGREGATES.find((name) => name === aggregateName) ?? 'sum'
  const accumulate = text(attributes, 'accumulate', 'float64') === 'float32' ? 'float32' : 'float64'
  const start = new Float64Array(outputs)
  if (context.inputTypes[7] !== undefined) {
    const base = float64(constantAt(context, 7))
    for (let j = 0; j < outputs; j++) start[j] = accumulate === 'float32' ? Math.fround(base[j]) : base[j]
  } else if (aggregate === 'min' || aggregate === 'max') {
    for (let j = 0; j < outputs; j++) if (treesPerOutput[j] > 0) start[j] = aggregate === 'min' ? Infinity : -Infinity
  }
  return {
    arrays,
    facts,
    outputs,
    aggregate,
    accumulate,
    rounding: roundingOf(context),
    start,
    treesPerOutput,
    places,
  }
}

export interface LeafEnsemble {
  readonly arrays: Pick<TreeArrays, 'nodes' | 'roots' | 'categories'>
  readonly facts: TreeFacts
  readonly rounding: CategoryRounding
  /** [nodes]: what is reported for each node. */
  readonly nodeIds: Int32Array
  /** As for an ensemble. */
  readonly places?: Uint32Array
}

/** The checked ensemble of a mle.TreeLeaves node; throws as `ensembleOf`. */
export function leafEnsembleOf(context: KernelContext, { plain, passesOver }: TreePreparer = IN_TYPESCRIPT): LeafEnsemble {
  const { nodes, places, passes } = plain(context, { nodes: 1, roots: 2 })
  const roots = uint32(constantAt(context, 2))
  const categories = optionalUint32(context, 3)
  const facts = factsOf(nodes, roots, categories, passes ?? passesOver(nodes, roots))
  checkFeatures(context, facts)
  const nodeIds = plainNodeIds({ nodes, places }, roots, optionalLeafNumbers(context, 4), numberingOf(context.attributes))
  return { arrays: { nodes, roots, categories }, facts, rounding: roundingOf(context), nodeIds, places }
}

function roundingOf(context: KernelContext): CategoryRounding {
  const rounding = text(context.attributes, 'rounding', 'trunc')
  return CATEGORY_ROUNDINGS.find((name) => name === rounding) ?? 'trunc'
}

function checkFeatures(context: KernelContext, facts: TreeFacts): void {
  const type = context.inputTypes[0]
  const features = isTensorType(type) ? type.shape?.[1] : undefined
  if (typeof features === 'number') requireFeatures(facts, features)
}

/** Throws TREE_FEATURE if rows have fewer columns than the trees read. */
export function requireFeatures(facts: TreeFacts, features: number): void {
  if (features < facts.featureCount) {
    throw new MleError('TREE_FEATURE', `the trees split by feature ${facts.featureCount - 1}, but X has ${features} columns`, { expected: facts.featureCount, actual: features })
  }
}

export function constantAt(context: KernelContext, index: number): View {
  const view = context.constants[index]
  if (view === undefined) throw new MleError('TREE_CONSTANT', `input ${index} must be an initializer, so that the trees can be checked before they run`, { actual: index })
  return view
}

function optionalUint32(context: KernelContext, index: number): Uint32Array | undefined {
  return context.inputTypes[index] === undefined ? undefined : uint32(constantAt(context, index))
}

export function uint8(view: View): Uint8Array {
  if (view.data instanceof Uint8Array) return view.data
  throw mismatch(view, 'uint8')
}

export function uint32(view: View): Uint32Array {
  if (view.data instanceof Uint32Array && view.dtype === 'uint32') return view.data
  throw mismatch(view, 'uint32')
}

/** Integers by node or by leaf. */
export function optionalLeafNumbers(context: KernelContext, index: number): LeafNumbers | undefined {
  if (context.inputTypes[index] === undefined) return undefined
  const view = constantAt(context, index)
  const { data } = view
  if (data instanceof Uint8Array || data instanceof Uint16Array || data instanceof Uint32Array || data instanceof Int32Array) return data
  throw mismatch(view, 'uint8, uint16 or 32 bits')
}

function float64(view: View): Float64Array {
  if (view.data instanceof Float64Array) return view.data
  throw mismatch(view, 'float64')
}

function mismatch(view: View, expected: string): MleError {
  return new MleError('OP_DTYPE', `a tensor of the trees is ${view.dtype}, expected ${expected}`, { expected, actual: view.dtype })
}
