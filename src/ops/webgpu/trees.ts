// Tree ensembles: one thread for each row walks all trees in their order. A float64 threshold becomes the largest float32 not above it, so that
// float32 inputs decide as they do against the threshold itself. Missing values are found by their bits.
import { int, text } from '../attributes.ts'
import type { View } from '../kernel.ts'
import { CATEGORICAL, EQUAL, MISSING_RIGHT, nodeWords, UNKNOWN_RIGHT, ZERO_MISSING, ZERO_THRESHOLD } from '../trees/layout.ts'
import { floor32 } from '../trees/neighbours.ts'
import { numberingOf, plainLeafIndex, plainNodeIds, plainNodes, type LeafNumbers, type PlainNodes } from '../trees/stored.ts'
import { noDType } from './elementwise.ts'
import type { GpuBinding, GpuContext, GpuKernel } from './kernel.ts'
import { need } from './movement.ts'
import { derived, given, input, linear, literal, output, word } from './wgsl.ts'

/** Outputs whose sums a thread keeps to itself; more are summed in the output's buffer. */
const MAX_PRIVATE = 16

/** Nodes as vectors of four words: threshold bits (or the bitset's offset), feature word, left child, bits of the set. */
function nodesOf(plain: PlainNodes): Uint32Array<ArrayBuffer> {
  const { thresholds, words } = nodeWords(plain.nodes)
  const count = words.length / 4
  const packed = new Uint32Array(count * 4)
  const floats = new Float32Array(packed.buffer)
  for (let node = 0; node < count; node++) {
    const flags = words[4 * node + 2]
    const threshold = thresholds[2 * node]
    if ((flags & CATEGORICAL) !== 0) packed[4 * node] = words[4 * node]
    // No float32 equals a threshold that is none.
    else floats[4 * node] = (flags & EQUAL) !== 0 && Math.fround(threshold) !== threshold ? NaN : floor32(threshold)
    packed[4 * node + 1] = flags
    packed[4 * node + 2] = words[4 * node + 3]
    packed[4 * node + 3] = words[4 * node + 1]
  }
  return packed
}

/** Trees in the form that kernels read, whatever the layout. */
function plainOf({ attributes }: GpuContext, nodes: View, roots: View): PlainNodes {
  return plainNodes(text(attributes, 'layout', ''), nodes.data as Uint8Array, roots.data as Uint32Array)
}

const spread = /* @__PURE__ */ new WeakMap<View, WeakMap<View, View>>()

/** What is stored by leaf, by node: trees of different nodes may have one tensor of numbers in common. */
function byNode(nodes: View, stored: View | undefined, name: string, make: () => Uint32Array | Int32Array): GpuBinding {
  if (stored === undefined) return derived(nodes, name, () => make().slice())
  let own = spread.get(nodes)
  if (own === undefined) spread.set(nodes, (own = new WeakMap()))
  let view = own.get(stored)
  if (view === undefined) own.set(stored, (view = { ...stored }))
  return derived(view, name, () => make().slice())
}

const copyOf = (view: View): Uint32Array<ArrayBuffer> => Uint32Array.from(view.data as Uint32Array)
const rounded = (view: View): Float32Array<ArrayBuffer> => Float32Array.from(view.data as Float64Array)

/** `leaf_of(root, x0) -> u32`: the leaf that the row whose features begin at x0 reaches. */
function walkText(hasCategories: boolean, rounding: string): string {
  const category = rounding === 'floor' ? 'mle_floor(x)' : 'trunc(x)'
  const categorical = hasCategories ? `  if ((flags & ${CATEGORICAL}u) != 0u) {
    let c = ${category};
    if (!(c >= 0.0) || !(c < f32(own.w))${rounding === 'exact' ? ' || c != x' : ''}) { return (flags & ${UNKNOWN_RIGHT}u) >> 28u; }
    let q = u32(c);
    return (categories[own.x + (q >> 5u)] >> (q & 31u)) & 1u;
  }
` : ''
  return `fn right_of(own: vec4<u32>, x: f32) -> u32 {
  let flags = own.y;
  if (mle_is_nan(x)) { return flags >> 31u; }
  let t = bitcast<f32>(own.x);
  if ((flags >> 27u) == 0u) { return select(0u, 1u, mle_less(t, x)); }
${categorical}  if ((flags & ${ZERO_MISSING}u) != 0u && abs(x) <= ${literal(ZERO_THRESHOLD)}) { return (flags & ${MISSING_RIGHT}u) >> 31u; }
  if ((flags & ${EQUAL}u) != 0u) { return select(0u, 1u, mle_equal(t, x)); }
  return select(0u, 1u, mle_less(t, x));
}
fn leaf_of(root: u32, x0: u32) -> u32 {
  var node = root;
  loop {
    let own = nodes_vec(node);
    if (own.z == node) { break; }
    node = own.z + right_of(own, x_at(x0 + (own.y & 0x07ffffffu)));
  }
  return node;
}
`
}

/** Bindings of the walk; in words why there is none. */
function walkBindings(context: GpuContext, roots: number, categories: number): GpuBinding[] | string {
  const { inputs: [x], constants } = context
  if (need(x).dtype !== 'float32') return noDType(context)
  const nodes = constants[1]
  const rootView = constants[roots]
  const sets = constants[categories]
  if (nodes === undefined || rootView === undefined || (context.inputs[categories] !== undefined && sets === undefined)) return 'its trees are not part of the model'
  return [input(context, 0, 'x'), { ...derived(nodes, 'nodes', () => nodesOf(plainOf(context, nodes, rootView))), vector: true }, derived(rootView, 'roots', copyOf), ...(sets === undefined ? [] : [derived(sets, 'categories', copyOf)])]
}

// X [rows, features] f32, nodes, leafIndex, roots, leafValues [leaves, width], treeTarget, categories, base -> Y [rows, outputs] f32
const treeEnsemble: GpuKernel = (context) => {
  const { attributes, inputs, outputs: [y], constants } = context
  const walk = walkBindings(context, 3, 6)
  if (typeof walk === 'string') return walk
  const out = need(y)
  if (out.dtype !== 'float32') return 'sums in float64'
  if (out.size === 0) return []
  const [, nodes, leafIndex, roots, leafValues, target, , base] = constants
  if (nodes === undefined || leafValues === undefined || roots === undefined || (inputs[2] !== undefined && leafIndex === undefined) || (inputs[5] !== undefined && target === undefined) || (inputs[7] !== undefined && base === undefined)) return 'its trees are not part of the model'
  const aggregate = text(attributes, 'aggregate', 'sum')
  const outputs = int(attributes, 'outputs', 1)
  const width = leafValues.shape[1]
  const start = aggregate === 'min' ? 'mle_inf()' : aggregate === 'max' ? '-mle_inf()' : base === undefined ? '0.0' : 'base_at(j)'
  const combine = aggregate === 'min' || aggregate === 'max' ? (a: string, b: string): string => `mle_${aggregate}(${a}, ${b})` : (a: string, b: string): string => `${a} + ${b}`
  const isPrivate = outputs <= MAX_PRIVATE
  const sum = (index: string): string => (isPrivate ? `sums[${index}]` : `y_at(i * u.outputs + ${index})`)
  const set = (index: string, value: string): string => (isPrivate ? `sums[${index}] = ${value};` : `y_put(i * u.outputs + ${index}, ${value});`)
  const reached = treesPerOutput(roots.size, outputs, width, target)
  const isMean = aggregate === 'mean'
  const isExtreme = aggregate === 'min' || aggregate === 'max'
  return [linear(out.shape[0], {
    reads: [
      ...walk, byNode(nodes, leafIndex, 'leaf_index', () => plainLeafIndex(plainOf(context, nodes, roots), leafIndex?.data as LeafNumbers | undefined)), derived(leafValues, 'leaf_values', rounded),
      ...(target === undefined ? [] : [derived(target, 'targets', copyOf)]), ...(base === undefined || isExtreme ? [] : [derived(base, 'base', rounded)]),
      ...(isMean || isExtreme ? [given(reached, 'reached')] : []),
    ],
    writes: [output(context, 0, 'y')],
    uniforms: [word('features', need(inputs[0]).shape[1]), word('trees', roots.size), word('width', width), word('outputs', outputs)],
    declarations: walkText(constants[6] !== undefined, text(attributes, 'rounding', 'trunc')),
    body: `${isPrivate ? `  var sums: array<f32, ${outputs}>;\n` : ''}  for (var j = 0u; j < u.outputs; j++) { ${set('j', start)} }
  for (var t = 0u; t < u.trees; t++) {
    let leaf = leaf_index[leaf_of(roots[t], i * u.features)] * u.width;
    let to = ${target === undefined ? '0u' : 'targets[t]'};
    for (var j = 0u; j < u.width; j++) { ${set('to + j', combine(sum('to + j'), 'leaf_values[leaf + j]'))} }
  }
  for (var j = 0u; j < u.outputs; j++) {
    let s = ${sum('j')};
    y_put(i * u.outputs + j, ${isMean ? 's / max(1.0, reached[j])' : isExtreme ? 'select(s, 0.0, reached[j] == 0.0)' : 's'});
  }`,
  })]
}

/** How many trees reach each output. */
function treesPerOutput(trees: number, outputs: number, width: number, target: View | undefined): Float32Array<ArrayBuffer> {
  const reached = new Float32Array(outputs)
  for (let tree = 0; tree < trees; tree++) {
    const first = target === undefined ? 0 : Number(target.data[tree])
    for (let j = 0; j < width; j++) reached[first + j]++
  }
  return reached
}

// X [rows, features] f32, nodes, roots, categories, nodeIds -> Y [rows, trees] i32
const treeLeaves: GpuKernel = (context) => {
  const { attributes, inputs, outputs: [y], constants } = context
  const walk = walkBindings(context, 2, 3)
  if (typeof walk === 'string') return walk
  const [, nodes, roots, , ids] = constants
  if (nodes === undefined || roots === undefined || (inputs[4] !== undefined && ids === undefined)) return 'its trees are not part of the model'
  const numbering = numberingOf(attributes)
  const idsOf = (): Int32Array => plainNodeIds(plainOf(context, nodes, roots), roots.data as Uint32Array, ids?.data as LeafNumbers | undefined, numbering)
  const out = need(y)
  if (out.size === 0) return []
  return [linear(out.size, {
    reads: [...walk, byNode(nodes, ids, ids === undefined ? `ids_${numbering}` : 'ids', idsOf)], writes: [output(context, 0, 'y')],
    uniforms: [word('features', need(inputs[0]).shape[1]), word('trees', roots.size)],
    declarations: walkText(constants[3] !== undefined, text(attributes, 'rounding', 'trunc')),
    body: `  let root = roots[i % u.trees];\n  let leaf = leaf_of(root, i / u.trees * u.features);\n  y_put(i, ${ids === undefined ? `ids_${numbering}` : 'ids'}[leaf]);`,
    fusable: true,
  })]
}

export const treeKernels: readonly (readonly [string, GpuKernel])[] = [
  ['mle.TreeEnsemble', treeEnsemble],
  ['mle.TreeLeaves', treeLeaves],
]
