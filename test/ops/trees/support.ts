// Random ensembles in the words of the training libraries, a naive evaluator of those, and a way to run kernels on tensors.
import { heapScratch } from '../../../src/graph/scratch.ts'
import type { Attribute, Attributes } from '../../../src/ops/types.ts'
import { allocateView, opKey, viewOfTensor, type KernelContext, type KernelEntry, type PreferredEntry, type View } from '../../../src/ops/kernel.ts'
import { treeSchemas } from '../../../src/ops/schemas/trees.ts'
import { encodeTrees, type CategorySplit, type Comparison, type EncodedTrees, type TreeDescription } from '../../../src/ops/trees/encode.ts'
import { AGGREGATES, CATEGORY_ROUNDINGS } from '../../../src/ops/trees/layout.ts'
import { storeTrees } from '../../../src/ops/trees/store.ts'
import { below32, below64 } from '../../../src/ops/trees/neighbours.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'

/** Uniform numbers from 0 to 1 by mulberry32. */
export function randomSource(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export interface RandomOptions {
  readonly trees: number
  readonly features: number
  readonly width: number
  readonly maxDepth: number
  readonly precision: 'float32' | 'float64'
  readonly comparisons: readonly Comparison[]
  /** Categories, zero as missing and odd thresholds too. */
  readonly wild: boolean
  /** Leaf values that float32 holds exactly. */
  readonly leaves32?: boolean
}

const ODD_THRESHOLDS = [NaN, Infinity, -Infinity, 0, -0, Number.MIN_VALUE, -Number.MIN_VALUE, 1.401298464324817e-45, 3.4028234663852886e38, Number.MAX_VALUE, 1e-36]

export function randomTree(random: () => number, options: RandomOptions): TreeDescription {
  const left: number[] = []
  const right: number[] = []
  const feature: number[] = []
  const threshold: number[] = []
  const values: number[] = []
  const missingRight: boolean[] = []
  const zeroMissing: boolean[] = []
  const comparison: Comparison[] = []
  const categories = new Map<number, CategorySplit>()
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]
  const grow = (depth: number): number => {
    const node = left.length
    const isLeaf = depth >= options.maxDepth || (depth > 0 && random() < 0.15) || (depth === 0 && random() < 0.05)
    left.push(-1)
    right.push(-1)
    feature.push(isLeaf ? -2 : Math.floor(random() * options.features))
    const t = random() < 0.3 ? Math.round(random() * 8 - 4) : random() * 8 - 4
    threshold.push(options.wild && random() < 0.1 ? pick(ODD_THRESHOLDS) : options.precision === 'float32' ? Math.fround(t) : t)
    missingRight.push(random() < 0.5)
    zeroMissing.push(options.wild && random() < 0.2)
    comparison.push(pick(options.comparisons))
    for (let j = 0; j < options.width; j++) values.push(options.leaves32 ? Math.fround(random() - 0.5) : random() - 0.5)
    if (isLeaf) return node
    if (options.wild && random() < 0.25) {
      const members = new Set<number>()
      while (random() < 0.8) members.add(Math.floor(random() * (random() < 0.2 ? 70 : 6)))
      const bits = random() < 0.5 ? Math.max(-1, ...members) + 1 + Math.floor(random() * 4) : undefined
      categories.set(node, { members, bits, side: random() < 0.5 ? 'left' : 'right', unknown: random() < 0.3 ? undefined : random() < 0.5 ? 'left' : 'right' })
    }
    left[node] = grow(depth + 1)
    right[node] = grow(depth + 1)
    return node
  }
  grow(0)
  return { left, right, feature, threshold, values, missingRight, zeroMissing, comparison, categories }
}

export function randomTrees(random: () => number, options: RandomOptions): TreeDescription[] {
  return Array.from({ length: options.trees }, () => randomTree(random, options))
}

/** Rows with values on thresholds, one unit in the last place beside them, categories, and every odd number. */
export function randomRows(random: () => number, trees: readonly TreeDescription[], rows: number, features: number, dtype: 'float32' | 'float64', odd: boolean): Tensor {
  const thresholds = trees.flatMap((tree) => Array.from(tree.threshold))
  const data = dtype === 'float32' ? new Float32Array(rows * features) : new Float64Array(rows * features)
  const below = dtype === 'float32' ? (x: number): number => below32(Math.fround(x)) : below64
  for (let i = 0; i < data.length; i++) {
    const kind = random()
    const t = thresholds[Math.floor(random() * thresholds.length)]
    if (kind < 0.2) data[i] = t
    else if (kind < 0.3) data[i] = below(t)
    else if (kind < 0.4) data[i] = -below(-t)
    else if (kind < 0.6 && odd) {
      const values = [NaN, NaN, NaN, 0, -0, Infinity, -Infinity, -1, -0.5, 0.5, 2.9, 31, 32, 33, 63, 64, 69.5, 1e10, -1e10, 1e-35, 1.0000000180025095e-35, -1e-36, 1e-34, 3e38, 1e300]
      data[i] = values[Math.floor(random() * values.length)]
    } else if (kind < 0.8 && odd) data[i] = Math.floor(random() * 10) - 1
    else data[i] = random() * 10 - 5
    if (!odd && Number.isNaN(data[i])) data[i] = 0.25
  }
  return { dtype, shape: [rows, features], data }
}

const COMPARE: Record<Comparison, (x: number, t: number) => boolean> = {
  le: (x, t) => x <= t,
  lt: (x, t) => x < t,
  ge: (x, t) => x >= t,
  gt: (x, t) => x > t,
  eq: (x, t) => x === t,
  ne: (x, t) => x !== t,
}

/** The leaf of a described tree that a row reaches, as a training library walks it. */
export function naiveLeaf(tree: TreeDescription, row: ArrayLike<number>, precision: 'float32' | 'float64', rounding: string): number {
  let node = tree.root ?? 0
  while (tree.left[node] >= 0) {
    const x = row[tree.feature[node]]
    const missingRight = Boolean((tree.missingRight as ArrayLike<boolean>)[node])
    const zeroMissing = Boolean((tree.zeroMissing as ArrayLike<boolean>)[node])
    const split = tree.categories?.get(node)
    let goesLeft: boolean
    if (Number.isNaN(x)) goesLeft = !missingRight
    else if (split !== undefined) {
      const members = new Set(split.members)
      const bits = split.bits ?? Math.max(-1, ...members) + 1
      const category = rounding === 'floor' ? Math.floor(x) : Math.trunc(x)
      const known = category >= 0 && category < bits && (rounding !== 'exact' || category === x)
      const otherSide = split.side === 'left' ? 'right' : 'left'
      goesLeft = (known ? (members.has(category) ? split.side : otherSide) : (split.unknown ?? otherSide)) === 'left'
    } else if (zeroMissing && Math.abs(x) <= Math.fround(1e-35)) goesLeft = !missingRight
    else {
      const t = tree.threshold[node]
      goesLeft = COMPARE[(tree.comparison as ArrayLike<Comparison>)[node]](x, precision === 'float32' ? Math.fround(t) : t)
    }
    node = goesLeft ? tree.left[node] : tree.right[node]
  }
  return node
}

export function attributesOf(entries: Readonly<Record<string, string | number>>): Attributes {
  return new Map(Object.entries(entries).map(([name, value]): [string, Attribute] => [name, typeof value === 'string' ? { kind: 'string', value } : { kind: 'int', value }]))
}

/** Inputs of mle.TreeEnsemble. */
export function ensembleInputs(x: Tensor, encoded: EncodedTrees, base?: Float64Array): (Tensor | undefined)[] {
  const { nodes, leafIndex, roots, leafValues, treeTarget, categories } = encoded
  return [x, nodes, leafIndex, roots, leafValues, treeTarget, categories, base === undefined ? undefined : { dtype: 'float64', shape: [base.length], data: base }]
}

/** Inputs of mle.TreeLeaves. */
export function leavesInputs(x: Tensor, encoded: EncodedTrees): (Tensor | undefined)[] {
  return [x, encoded.nodes, encoded.roots, encoded.categories, encoded.nodeIds]
}

/** The same ensemble as files hold it: inputs of mle.TreeEnsemble, and of mle.TreeLeaves with the rule of its numbers. */
export function storedInputs(x: Tensor, encoded: EncodedTrees, base?: Tensor): (Tensor | undefined)[] {
  const { nodes, leafIndex, roots, leafValues, treeTarget, categories } = storeTrees(encoded)
  return [x, nodes, leafIndex, roots, leafValues, treeTarget, categories, base]
}

export function storedLeavesInputs(x: Tensor, encoded: EncodedTrees): { readonly inputs: (Tensor | undefined)[]; readonly numbering: string } {
  const { nodes, roots, categories, nodeIds } = storeTrees(encoded)
  const { tensor, numbering } = nodeIds()
  return { inputs: [x, nodes, roots, categories, tensor], numbering }
}

export interface Runner {
  readonly views: (View | undefined)[]
  readonly run: (x: Tensor) => Tensor
}

/** A kernel made for these inputs; `run` gives other rows to it. The first input's shape is left open. */
export function runnerOf(
  key: string,
  entry: KernelEntry | PreferredEntry | undefined,
  attributes: Attributes,
  inputs: readonly (Tensor | undefined)[],
  place: (tensor: Tensor) => Tensor = (tensor) => tensor,
): Runner {
  const schema = treeSchemas.find((candidate) => opKey(candidate.domain, candidate.name) === key)
  if (schema === undefined || entry === undefined || !('make' in entry)) throw new Error(`no kernel ${key}`)
  const placed = inputs.map((tensor) => (tensor === undefined ? undefined : place(tensor)))
  const views = placed.map((tensor) => (tensor === undefined ? undefined : viewOfTensor(tensor)))
  const infer = (): readonly { dtype: string; shape?: readonly unknown[] }[] =>
    schema.infer({ op: schema.name, attributes, inputs: views, values: [], outputCount: 1 }) as never
  const [outputType] = infer()
  const context: KernelContext = {
    op: schema.name,
    attributes,
    inputTypes: views,
    outputTypes: [outputType as never],
    constants: views.map((view, i) => (i === 0 ? undefined : view)),
    scratch: heapScratch(),
  }
  const kernel = entry.make(context, () => {
    throw new Error(`${key} fell back to cpu`)
  })
  if (kernel === undefined) throw new Error(`${key} was left to cpu`)
  return {
    views,
    run(x) {
      views[0] = viewOfTensor(place(x))
      const [type] = infer()
      const blank = allocateView(type.dtype as never, type.shape as number[])
      const y = viewOfTensor(place({ dtype: blank.dtype, shape: blank.shape, data: blank.data }))
      kernel(views, [y])
      return { dtype: y.dtype, shape: y.shape, data: y.data }
    },
  }
}

/** A copy of a tensor's bytes. */
export function bitsOf({ data }: Tensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = data as Float64Array
  return new Uint8Array(buffer, byteOffset, byteLength).slice()
}

/** Some rows of X, in this order. */
export function takeRows(x: Tensor, order: readonly number[]): Tensor {
  const features = x.shape[1]
  const source = x.data as Float64Array
  const data = x.dtype === 'float32' ? new Float32Array(order.length * features) : new Float64Array(order.length * features)
  order.forEach((row, i) => data.set(source.subarray(row * features, (row + 1) * features), i * features))
  return { dtype: x.dtype, shape: [order.length, features], data }
}

export interface RandomCase {
  readonly encoded: EncodedTrees
  readonly attributes: Record<string, string | number>
  /** Of mle.TreeEnsemble and of mle.TreeLeaves. */
  readonly inputs: (Tensor | undefined)[]
  readonly leaves: (Tensor | undefined)[]
  readonly x: Tensor
}

/** Any ensemble, tame or wild, with rows for it. */
export function randomCase(seed: number, rows: number): RandomCase {
  const random = randomSource(seed)
  const pick = <T,>(list: readonly T[]): T => list[Math.floor(random() * list.length)]
  const width = pick([1, 1, 2, 3])
  const wild = random() < 0.4
  const precision = pick(['float32', 'float64'] as const)
  const options: RandomOptions = {
    trees: pick([1, 2, 5, 9, 20]), features: pick([1, 3, 7]), width, maxDepth: pick([1, 3, 6, 12]), precision, comparisons: ['le', 'lt'], wild,
  }
  const trees = randomTrees(random, options)
  const spread = random() < 0.4 ? 3 : 0
  const outputs = width + spread
  const treeTarget = spread > 0 ? trees.map(() => Math.floor(random() * (spread + 1))) : undefined
  const missing = random() < 0.5
  const encoded = encodeTrees(missing ? trees : trees.map((tree) => ({ ...tree, missingRight: false })), { width, precision, treeTarget })
  const aggregate = pick(['sum', 'sum', ...AGGREGATES])
  const base = aggregate === 'sum' && random() < 0.5 ? Float64Array.from({ length: outputs }, () => random()) : undefined
  const x = randomRows(random, trees, rows, options.features, precision === 'float32' ? 'float32' : pick(['float32', 'float64'] as const), wild || missing)
  return {
    attributes: { layout: 'nodes16/1', outputs, aggregate, accumulate: pick(['float64', 'float32']), rounding: pick(CATEGORY_ROUNDINGS) },
    inputs: ensembleInputs(x, encoded, base),
    leaves: leavesInputs(x, encoded),
    encoded,
    x,
  }
}

/** A full tree of depth 7 with one branch of 40 more steps: deeper than three times its mean path. */
export function lopsidedTree(random: () => number): TreeDescription {
  const left: number[] = []
  const right: number[] = []
  const grow = (depth: number, chain: boolean): number => {
    const node = left.length
    left.push(-1)
    right.push(-1)
    if (depth >= (chain ? 47 : 7)) return node
    const [a, b] = depth < 7 ? [grow(depth + 1, false), grow(depth + 1, chain)] : [grow(47, true), grow(depth + 1, true)]
    left[node] = a
    right[node] = b
    return node
  }
  grow(0, true)
  const threshold = left.map(() => random() - 2)
  return { left, right, threshold, feature: left.map(() => Math.floor(random() * 3)), values: left.map(() => random()), missingRight: left.map(() => random() < 0.5), zeroMissing: false }
}
