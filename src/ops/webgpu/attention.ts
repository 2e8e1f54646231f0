// Attention: a workgroup for each query goes over the keys in tiles, with the softmax corrected as larger scores come (as in T. Dao et al.,
// FlashAttention, 2022), so that scores are never written to memory. Blocks of many queries are in flash.ts.
import { float, int } from '../attributes.ts'
import { headsOf, type Heads } from '../heads.ts'
import { attentionScale } from '../schemas/attention.ts'
import { isFloating, noDType } from './elementwise.ts'
import { flashAttention, joinedText } from './flash.ts'
import { broadcastStrides } from './indexing.ts'
import type { GpuBinding, GpuContext, GpuDispatch, GpuKernel, GpuUniform } from './kernel.ts'
import { need } from './movement.ts'
import { barrier, input, lanesOf, linear, output, perRow, real, word, workgroupReduce } from './wgsl.ts'

/** Keys of a tile, and threads of a workgroup. */
const TILE = 64
/** Floats of a query and of its output that workgroup memory keeps. */
const MAX_WIDTH = 1536

function headUniforms(name: string, { batchStep, headStep, rowStep }: Heads): GpuUniform[] {
  return [word(`${name}_batch`, batchStep), word(`${name}_head`, headStep), word(`${name}_row`, rowStep)]
}

// Q [batch, heads, queries, size], K [batch, kv heads, length, size], V [batch, kv heads, length, width] or packed -> Y like Q with width
const attention: GpuKernel = (context) => {
  const { attributes, inputs: [Q, K, V, mask, pastKey, pastValue, lengths], outputs } = context
  const [query, keys, values] = [need(Q), need(K), need(V)]
  if (!isFloating(query.dtype) || !isFloating(values.dtype) || (mask !== undefined && mask.dtype !== 'bool' && !isFloating(mask.dtype))) return noDType(context)
  if (outputs[3] !== undefined) return 'scores are asked for, which are never in memory'
  const q = headsOf(query, int(attributes, 'q_num_heads', 0))
  const kvHeads = int(attributes, 'kv_num_heads', 0)
  const k = headsOf(keys, kvHeads)
  const v = headsOf(values, kvHeads)
  if (q.size + v.size > MAX_WIDTH) return `heads of ${q.size} and ${v.size} elements`
  const past = pastKey === undefined ? 0 : pastKey.shape[2]
  const total = past + k.length
  const batches = query.shape[0]
  const hasPast = pastKey !== undefined && past > 0
  const shape = mask?.shape ?? []
  const columns = shape[shape.length - 1] ?? 1
  const steps = broadcastStrides(shape, [batches, q.heads, q.length, columns])
  const uniforms = [
    ...headUniforms('q', q), ...headUniforms('k', k), ...headUniforms('v', v), word('heads', q.heads), word('queries', q.length), word('k_size', k.size), word('v_size', v.size), word('kv_heads', k.heads),
    word('past', past), word('total', total), word('share', q.heads / k.heads), word('columns', columns), word('mask_batch', steps[0]), word('mask_head', steps[1]), word('mask_row', steps[2]), word('mask_column', steps[3]),
    word('y_head', query.shape.length === 4 ? q.length * v.size : v.size), word('y_row', query.shape.length === 4 ? v.size : q.heads * v.size),
    real('scale', attentionScale(context, q.size, false)), real('softcap', float(attributes, 'softcap', 0)),
  ]
  const dispatches: GpuDispatch[] = []
  presents(context, dispatches, uniforms, hasPast, total)
  if (need(outputs[0]).size === 0) return dispatches
  const isBool = mask?.dtype === 'bool'
  const place = 'b * u.mask_batch + h * u.mask_head + q * u.mask_row + j * u.mask_column'
  const hidden = [
    'j >= visible', ...(int(attributes, 'is_causal', 0) !== 0 ? ['i32(j) > i32(q) + offset'] : []),
    ...(mask === undefined ? [] : ['j >= u.columns']), ...(isBool ? [`!mask_at(min(${place}, ${Math.max(0, need(mask).size - 1)}u))`] : []),
  ].join(' || ')
  const bias = mask === undefined || isBool ? '' : ` s += mask_at(${place});`
  const cap = float(attributes, 'softcap', 0) > 0 ? ' s = u.softcap * mle_tanh(s / u.softcap);' : ''
  const known = lengths === undefined ? 'u.total' : 'u32(max(n_at(b), 0))'
  const offset = pastKey === undefined && lengths !== undefined ? 'n_at(b) - i32(u.queries)' : 'i32(u.past)'
  const reads = (vectorKeys: boolean, vectorValues: boolean): GpuBinding[] => [
    input(context, 0, 'q', { vector: vectorKeys }), input(context, 1, 'k', { vector: vectorKeys }), input(context, 2, 'v', { vector: vectorValues }), ...(mask === undefined ? [] : [input(context, 3, 'mask')]),
    ...(hasPast ? [input(context, 4, 'past_k', { vector: vectorKeys }), ...(pastValue === undefined ? [] : [input(context, 5, 'past_v', { vector: vectorValues })])] : []), ...(lengths === undefined ? [] : [input(context, 6, 'n')]),
  ]
  const blocks = flashAttention(context, { batches, q, k, v, hasPast, reads, uniforms, hidden, adjust: `${cap}${bias}`, known, offset, isCausal: int(attributes, 'is_causal', 0) !== 0 })
  if (blocks !== undefined) return [...dispatches, blocks]
  const threads = lanesOf(context, TILE)
  const wait = barrier(threads)
  dispatches.push(perRow(batches * q.heads * q.length, threads, {
    reads: reads(false, false),
    writes: [output(context, 0, 'y')],
    uniforms,
    declarations: `${joinedText('k', hasPast)}${joinedText('v', hasPast)}var<${threads === 1 ? 'private' : 'workgroup'}> own: array<f32, ${q.size}>;\nvar<${threads === 1 ? 'private' : 'workgroup'}> sums: array<f32, ${v.size}>;\nvar<${threads === 1 ? 'private' : 'workgroup'}> weights: array<f32, ${threads}>;
${workgroupReduce(context, 'largest', threads, (a, b) => `mle_max(${a}, ${b})`)}${workgroupReduce(context, 'whole', threads, (a, b) => `${a} + ${b}`)}`,
    body: `  let q = row % u.queries;
  let h = row / u.queries % u.heads;
  let b = row / u.queries / u.heads;
  let shared_head = h / u.share;
  let visible = ${known};
  let offset = ${offset};
  for (var e = lane; e < u.k_size; e += ${threads}u) { own[e] = q_at(b * u.q_batch + h * u.q_head + q * u.q_row + e) * u.scale; }
  for (var c = lane; c < u.v_size; c += ${threads}u) { sums[c] = 0.0; }
  ${wait}
  var high = -mle_inf();
  var total = 0.0;
  for (var first = 0u; first < u.total; first += ${threads}u) {
    let j = first + lane;
    var s = -mle_inf();
    if (j < u.total) {
      if (!(${hidden})) {
        s = 0.0;
        for (var e = 0u; e < u.k_size; e++) { s += own[e] * k_element(b, shared_head, j, e); }
       ${cap}${bias}
      }
    }
    let tile_high = largest(lane, s);
    let next = mle_max(high, tile_high);
    // A tile in which nothing is to be seen changes nothing.
    let keep = select(mle_exp(high - next), 0.0, mle_bits(high) == 0x7f800000u && mle_negative(high));
    let nothing = mle_bits(next) == 0x7f800000u && mle_negative(next);
    weights[lane] = select(mle_exp(s - next), 0.0, nothing || (mle_bits(s) == 0x7f800000u && mle_negative(s)));
    let added = whole(lane, weights[lane]);
    total = total * keep + added;
    ${wait}
    for (var c = lane; c < u.v_size; c += ${threads}u) {
      var t = sums[c] * keep;
      for (var e = 0u; e < min(${threads}u, u.total - first); e++) { let w = weights[e]; if (w != 0.0) { t += w * v_element(b, shared_head, first + e, c); } }
      sums[c] = t;
    }
    high = next;
    ${wait}
  }
  let at = b * u.heads * u.queries * u.v_size + h * u.y_head + q * u.y_row;
  for (var c = lane; c < u.v_size; c += ${threads}u) { y_put(at + c, select(sums[c] / total, 0.0, total == 0.0)); }`,
    fusable: true,
  }))
  return dispatches
}

/** Keys and values with those of the past before them, as outputs. */
function presents(context: GpuContext, dispatches: GpuDispatch[], uniforms: readonly GpuUniform[], hasPast: boolean, total: number): void {
  for (const [index, name] of [[1, 'k'], [2, 'v']] as const) {
    const present = context.outputs[index]
    if (present === undefined || present.size === 0) continue
    dispatches.push(linear(present.size, {
      reads: [input(context, index, name), ...(hasPast ? [input(context, 3 + index, `past_${name}`)] : [])], writes: [output(context, index, 'y')], uniforms,
      declarations: joinedText(name, hasPast),
      body: `  let e = i % u.${name}_size;\n  let j = i / u.${name}_size % ${total}u;\n  let h = i / u.${name}_size / ${total}u % u.kv_heads;\n  let b = i / u.${name}_size / ${total}u / u.kv_heads;\n  y_put(i, ${name}_element(b, h, j, e));`,
    }))
  }
}

// X [batch, heads, steps, size] or [batch, steps, heads size], caches [positions, half] or [batch, steps, half] -> Y like X
const rotary: GpuKernel = (context) => {
  const { attributes, inputs: [X, cosines, , positions] } = context
  const x = need(X)
  if (!isFloating(x.dtype)) return noDType(context)
  if (x.size === 0) return []
  const of = headsOf(x, int(attributes, 'num_heads', 0))
  const turned = int(attributes, 'rotary_embedding_dim', 0) || of.size
  const half = turned / 2
  const interleaved = int(attributes, 'interleaved', 0) !== 0
  const place = x.shape.length === 4
    ? '  let e = i % u.size;\n  let t = i / u.size % u.steps;\n  let b = i / u.size / u.steps / u.heads;'
    : '  let e = i % u.size;\n  let t = i / u.size / u.heads % u.steps;\n  let b = i / u.size / u.heads / u.steps;'
  return [linear(x.size, {
    reads: [input(context, 0, 'x'), input(context, 1, 'cosines'), input(context, 2, 'sines'), ...(positions === undefined ? [] : [input(context, 3, 'ids')])], writes: [output(context, 0, 'y')], fusable: true,
    uniforms: [word('head_size', of.size), word('heads', of.heads), word('steps', of.length), word('turned', turned), word('half_size', half), word('rows_', need(cosines).size / half)],
    body: `${place.replaceAll('u.size', 'u.head_size')}
  let angle = ${positions === undefined ? '(b * u.steps + t)' : 'u32(clamp(ids_at(b * u.steps + t), 0, i32(u.rows_) - 1))'} * u.half_size;
  if (e >= u.turned) { y_put(i, x_at(i)); return; }
  let second = ${interleaved ? '(e & 1u) == 1u' : 'e >= u.half_size'};
  let f = ${interleaved ? 'e >> 1u' : 'select(e, e - u.half_size, second)'};
  let other = ${interleaved ? 'select(i + 1u, i - 1u, second)' : 'select(i + u.half_size, i - u.half_size, second)'};
  let c = cosines_at(angle + f);\n  let s = sines_at(angle + f);
  y_put(i, select(c * x_at(i) - s * x_at(other), s * x_at(other) + c * x_at(i), second));`,
  })]
}

export const attentionKernels: readonly (readonly [string, GpuKernel])[] = [
  ['Attention', attention],
  ['RotaryEmbedding', rotary],
]
