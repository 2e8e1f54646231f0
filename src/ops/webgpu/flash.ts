// Attention on parallel hardware: a workgroup takes a block of one head's queries over tiles of keys and values, which it reads from memory once, side by
// side. Each thread keeps a few scores and outputs in registers; maxima and sums are corrected as larger scores come (as in T. Dao et al., FlashAttention, 2022).
import type { Heads } from '../heads.ts'
import type { GpuBinding, GpuContext, GpuDispatch, GpuUniform } from './kernel.ts'
import { output, perRow, word } from './wgsl.ts'

/** Threads of a workgroup lie in a square: each has every eighth query, key and vector of output columns. */
const SIDE = 8
/** Queries and keys of a block, from large to small. */
const BLOCKS: readonly (readonly [queries: number, keys: number])[] = [[32, 32], [32, 16], [16, 16], [16, 8]]
/** Floats of workgroup memory that every device has. */
const MEMORY = 4096
/** Columns of outputs: more would not stay in registers. */
const MAX_WIDTH = 128
/** Fewer queries leave most of a block idle. */
const MIN_QUERIES = 8
/** The place of -Infinity in the order of scores as integers. */
const LOWEST = -0x7f800000

/** What decides the scores, as text of WGSL. */
export interface Scores {
  readonly batches: number
  readonly q: Heads
  readonly k: Heads
  readonly v: Heads
  readonly hasPast: boolean
  readonly reads: (vectorKeys: boolean, vectorValues: boolean) => readonly GpuBinding[]
  readonly uniforms: readonly GpuUniform[]
  /** Whether key `j` is hidden from query `q` of head `h` in batch `b`; has `visible` and `offset`. */
  readonly hidden: string
  /** Statements that change the score `s` of what is not hidden. */
  readonly adjust: string
  /** Keys that batch `b` has, at most `u.total`, and the place of its first query among them. */
  readonly known: string
  readonly offset: string
  readonly isCausal: boolean
}

/** `NAME(b, h, j, e) -> f32`: an element of the keys or values, those of the past first. */
export function joinedText(name: string, hasPast: boolean): string {
  const fresh = `${name}_at(b * u.${name}_batch + h * u.${name}_head + (j - u.past) * u.${name}_row + e)`
  const past = hasPast ? `  if (j < u.past) { return past_${name}_at(((b * u.kv_heads + h) * u.past + j) * u.${name}_size + e); }\n` : ''
  return `fn ${name}_element(b: u32, h: u32, j: u32, e: u32) -> f32 {\n${past}  return ${fresh};\n}\n`
}

/** `NAME_four(b, h, j, e) -> vec4<f32>`: elements 4 e to 4 e + 3, zeros behind the last. */
function foursText(name: string, hasPast: boolean, vector: boolean): string {
  const head = `fn ${name}_four(b: u32, h: u32, j: u32, e: u32) -> vec4<f32> {\n`
  if (!vector) {
    return `${name === 'q' ? 'fn q_element(b: u32, h: u32, j: u32, e: u32) -> f32 { return q_at(b * u.q_batch + h * u.q_head + j * u.q_row + e); }\n' : joinedText(name, hasPast)}${head}  let size = u.${name === 'v' ? 'v' : 'k'}_size;
  var four = vec4<f32>(0.0);
${[...'xyzw'].map((part, i) => `  if (4u * e + ${i}u < size) { four.${part} = ${name}_element(b, h, j, 4u * e + ${i}u); }`).join('\n')}
  return four;\n}\n`
  }
  const past = hasPast ? `  if (j < u.past) { return vec4<f32>(past_${name}_vec(((((b * u.kv_heads + h) * u.past + j) * u.${name}_size) >> 2u) + e)); }\n` : ''
  return `${head}${past}  return vec4<f32>(${name}_vec(((b * u.${name}_batch + h * u.${name}_head + ${name === 'q' ? 'j' : '(j - u.past)'} * u.${name}_row) >> 2u) + e));\n}\n`
}

const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

/** Weights of a block, in lines of keys that begin in different banks of memory; the last has no gap behind it. */
const weightsOf = (keys: number): number => keys * (SIDE + 1) - 1

/** Queries and keys of a block: the largest that leaves workgroups enough to keep the chip busy, else the smallest; undefined where memory has no room for any. */
function choose({ features }: GpuContext, { batches, q, k, v }: Scores, across: number, columns: number): readonly [queries: number, keys: number] | undefined {
  if (features.software || q.length < MIN_QUERIES || v.size > MAX_WIDTH || k.size === 0 || v.size === 0) return undefined
  let found: readonly [number, number] | undefined
  for (const block of BLOCKS) {
    const [queries, keys] = block
    const weights = Math.ceil(((queries / SIDE) * weightsOf(keys)) / 4)
    const floats = 4 * (queries * across + keys * Math.max(across, columns) + weights + 1) + queries * SIDE
    if (floats > MEMORY || (found !== undefined && queries === found[0])) continue
    found = block
    if (batches * q.heads * Math.ceil(q.length / queries) >= features.busyWorkgroups) break
  }
  return found
}

/** The dispatch, or undefined where another kernel should be taken. */
export function flashAttention(context: GpuContext, scores: Scores): GpuDispatch | undefined {
  const { batches, q, k, v, hasPast, reads, uniforms, hidden, adjust, known, offset, isCausal } = scores
  const vectors = Math.ceil(k.size / 4)
  const columns = Math.ceil(v.size / 4)
  // Lines of an odd number of vectors begin in different banks of memory.
  const line = vectors | 1
  const block = choose(context, scores, line, columns)
  if (block === undefined) return undefined
  const [queries, keys] = block
  const [vectorKeys, vectorValues] = [k.size % 4 === 0, v.size % 4 === 0]
  const rows = count(queries / SIDE)
  const owned = count(keys / SIDE)
  const parts = count(Math.ceil(columns / SIDE))
  const threads = SIDE * SIDE
  const reals = `vec${rows.length}<f32>`
  const ints = `vec${rows.length}<i32>`
  const part = (r: number): string => 'xyzw'[r]
  const blocks = Math.ceil(q.length / queries)
  return perRow(batches * q.heads * blocks, threads, {
    reads: reads(vectorKeys, vectorValues),
    writes: [output(context, 0, 'y')],
    uniforms: [...uniforms, word('blocks', blocks)],
    fusable: true,
    declarations: `${foursText('q', false, vectorKeys)}${foursText('k', hasPast, vectorKeys)}${foursText('v', hasPast, vectorValues)}
fn score(dots: f32, b: u32, h: u32, q: u32, j: u32, visible: u32, offset: i32) -> f32 {
  if (${hidden}) { return -mle_inf(); }
  var s = dots;
${adjust}
  return s;
}
// Scores as integers of the same order, NaN above all.
fn order_of(s: f32) -> i32 { return select(mle_key(s), 0x7fc00000, mle_is_nan(s)); }
fn score_of(order: i32) -> f32 { return bitcast<f32>(select(order, i32(u32(-order) | 0x80000000u), order < 0)); }
fn weight(s: f32, high: f32) -> f32 { return select(mle_exp(s - high), 0.0, order_of(s) == ${LOWEST}); }
fn is_finite4(a: vec4<f32>) -> bool { return mle_is_finite(a.x) && mle_is_finite(a.y) && mle_is_finite(a.z) && mle_is_finite(a.w); }
var<workgroup> tile_q: array<vec4<f32>, ${queries * line}>;
var<workgroup> tile: array<vec4<f32>, ${keys * Math.max(line, columns)}>;
var<workgroup> weights: array<${reals}, ${weightsOf(keys)}>;
var<workgroup> highs: array<${ints}, ${threads}>;
var<workgroup> has_infinite: atomic<u32>;
`,
    body: `  let across = lane % ${SIDE}u;
  let down = lane / ${SIDE}u;
  let first_q = row % u.blocks * ${queries}u;
  let h = row / u.blocks % u.heads;
  let b = row / u.blocks / u.heads;
  let shared_head = h / u.share;
  let visible = ${known};
  let offset = ${offset};
  // Keys that some query of the block may see.
  var end = min(u.total, visible);
${isCausal ? `  end = u32(clamp(i32(min(first_q + ${queries}u, u.queries)) + offset, 0, i32(end)));` : ''}
  for (var slot = lane; slot < ${queries * vectors}u; slot += ${threads}u) {
    let own = slot / ${vectors}u;
    let e = slot % ${vectors}u;
    var four = vec4<f32>(0.0);
    if (first_q + own < u.queries) { four = q_four(b, h, first_q + own, e) * u.scale; }
    tile_q[own * ${line}u + e] = four;
  }
${rows.map((r) => `  let q_${r} = min(first_q + down + ${r * SIDE}u, u.queries - 1u);`).join('\n')}
${parts.map((p) => `  let column_${p} = min(across + ${p * SIDE}u, ${columns - 1}u);`).join('\n')}
${rows.flatMap((r) => parts.map((p) => `  var sum_${r}_${p} = vec4<f32>(0.0);`)).join('\n')}
  var high = ${ints}(${LOWEST});
  var total = ${reals}(0.0);
  for (var first = 0u; first < end; first += ${keys}u) {
    for (var slot = lane; slot < ${keys * vectors}u; slot += ${threads}u) {
      let own = slot / ${vectors}u;
      let e = slot % ${vectors}u;
      var four = vec4<f32>(0.0);
      if (first + own < end) { four = k_four(b, shared_head, first + own, e); }
      tile[own * ${line}u + e] = four;
    }
    workgroupBarrier();
${owned.map((c) => `    var s_${c} = ${reals}(0.0);`).join('\n')}
    for (var e = 0u; e < ${vectors}u; e++) {
${rows.map((r) => `      let four_${r} = tile_q[(down + ${r * SIDE}u) * ${line}u + e];`).join('\n')}
${owned.map((c) => `      { let key = tile[(across + ${c * SIDE}u) * ${line}u + e]; s_${c} += ${reals}(${rows.map((r) => `dot(four_${r}, key)`).join(', ')}); }`).join('\n')}
    }
    var next = high;
${owned.map((c) => `    { let j = first + across + ${c * SIDE}u;
      s_${c} = ${reals}(${rows.map((r) => `score(s_${c}.${part(r)}, b, h, q_${r}, j, end, offset)`).join(', ')});
      next = max(next, ${ints}(${rows.map((r) => `order_of(s_${c}.${part(r)})`).join(', ')})); }`).join('\n')}
    highs[down * ${SIDE}u + across] = next;
    workgroupBarrier();
    for (var other = 0u; other < ${SIDE}u; other++) { next = max(next, highs[down * ${SIDE}u + other]); }
    let peak = ${reals}(${rows.map((r) => `score_of(next.${part(r)})`).join(', ')});
    let keep = ${reals}(${rows.map((r) => `select(mle_exp(score_of(high.${part(r)}) - peak.${part(r)}), 0.0, high.${part(r)} == ${LOWEST})`).join(', ')});
    total *= keep;
${owned.map((c) => `    { let w = ${reals}(${rows.map((r) => `weight(s_${c}.${part(r)}, peak.${part(r)})`).join(', ')});
      total += w;
      weights[(across + ${c * SIDE}u) * ${SIDE + 1}u + down] = w; }`).join('\n')}
${rows.flatMap((r) => parts.map((p) => `    sum_${r}_${p} *= keep.${part(r)};`)).join('\n')}
    high = next;
    for (var slot = lane; slot < ${keys * columns}u; slot += ${threads}u) {
      let own = slot / ${columns}u;
      let e = slot % ${columns}u;
      var four = vec4<f32>(0.0);
      if (first + own < end) { four = v_four(b, shared_head, first + own, e); }
      if (!is_finite4(four)) { atomicStore(&has_infinite, 1u); }
      tile[slot] = four;
    }
    workgroupBarrier();
    // Values of no weight do not count, infinite ones neither.
    if (atomicLoad(&has_infinite) != 0u) {
      for (var j = 0u; j < ${keys}u; j++) {
        let w = weights[j * ${SIDE + 1}u + down];
${parts.map((p) => `        { let four = tile[j * ${columns}u + column_${p}]; ${rows.map((r) => `if (w.${part(r)} != 0.0) { sum_${r}_${p} += w.${part(r)} * four; }`).join(' ')} }`).join('\n')}
      }
    } else {
      for (var j = 0u; j < ${keys}u; j++) {
        let w = weights[j * ${SIDE + 1}u + down];
${parts.map((p) => `        { let four = tile[j * ${columns}u + column_${p}]; ${rows.map((r) => `sum_${r}_${p} += w.${part(r)} * four;`).join(' ')} }`).join('\n')}
      }
    }
    workgroupBarrier();
  }
  weights[across * ${SIDE + 1}u + down] = total;
  workgroupBarrier();
  total = ${reals}(0.0);
  for (var other = 0u; other < ${SIDE}u; other++) { total += weights[other * ${SIDE + 1}u + down]; }
  let place = b * u.heads * u.queries * u.v_size + h * u.y_head;
${rows.map((r) => `  if (first_q + down + ${r * SIDE}u < u.queries) {
    let at = place + q_${r} * u.y_row;
    let own = total.${part(r)};
${parts.map((p) => `    for (var i = 0u; i < 4u; i++) { let c = (across + ${p * SIDE}u) * 4u + i; if (c < u.v_size) { y_put(at + c, select(sum_${r}_${p}[i] / own, 0.0, own == 0.0)); } }`).join('\n')}
  }`).join('\n')}`,
  })
}
