// Distances between rows: squares of 64 by 64 outputs, features in tiles of workgroup memory, four by four sums in each thread.
import { float, text } from '../attributes.ts'
import { noDType } from './elementwise.ts'
import type { GpuContext, GpuDispatch, GpuKernel } from './kernel.ts'
import { need } from './movement.ts'
import { input, linear, literal, MAX_WORKGROUPS, output, word } from './wgsl.ts'

/** Outputs of a workgroup along each side, of a thread, and features of a tile. */
const SIDE = 64
const OWN = 4
const DEPTH = 16
const ACROSS = SIDE / OWN
/** Lines of a tile are longer than it by one, so that writes along the features meet different banks. */
const LINE = SIDE + 1

/** How the features add up: the new sum from `s`, features `a` and `b`, feature number `f`; and the distance from the sum. */
interface Metric {
  readonly step: string
  readonly finish: string
}

function metricOf({ attributes, inputs }: GpuContext): Metric | undefined {
  const p = float(attributes, 'p', 2)
  const weight = inputs[2] === undefined ? '' : 'p_at(f) * '
  switch (text(attributes, 'metric', 'euclidean')) {
    // The difference is taken in either form: it loses no digits.
    case 'euclidean': return { step: 's + (a - b) * (a - b)', finish: 'sqrt(s)' }
    case 'sqeuclidean': return { step: 's + (a - b) * (a - b)', finish: 's' }
    case 'seuclidean': return { step: 's + (a - b) * (a - b) / p_at(f)', finish: 'sqrt(s)' }
    case 'manhattan': return { step: 's + abs(a - b)', finish: 's' }
    case 'chebyshev': return { step: 'mle_max(s, abs(a - b))', finish: 's' }
    case 'canberra': return { step: 's + select(abs(a - b) / (abs(a) + abs(b)), 0.0, abs(a) + abs(b) == 0.0)', finish: 's' }
    case 'chi2': return { step: 's + select((a - b) * (a - b) / (a + b), 0.0, a + b == 0.0)', finish: 's' }
    case 'hamming': return { step: 's + select(1.0, 0.0, mle_equal(a, b))', finish: 's / f32(u.n)' }
    case 'minkowski': return { step: `s + ${weight}mle_pow(abs(a - b), ${literal(p)})`, finish: `mle_pow(s, ${literal(1 / p)})` }
    default: return undefined
  }
}

// X [rows, n] f32, Y [points, n] f32, parameters [n] f32 -> D [rows, points] f32
const pairwiseDistance: GpuKernel = (context) => {
  const { attributes, features, inputs: [x, y, parameters], outputs: [d] } = context
  const out = need(d)
  if (need(x).dtype !== 'float32') return noDType(context)
  const metric = metricOf(context)
  if (metric === undefined) return `no kernel for the metric ${text(attributes, 'metric', 'euclidean')}`
  if (out.size === 0) return []
  const [rows, points] = out.shape
  const parts: Pick<GpuDispatch, 'reads' | 'writes' | 'uniforms' | 'fusable'> = {
    reads: [input(context, 0, 'x'), input(context, 1, 'q'), ...(parameters === undefined ? [] : [input(context, 2, 'p')])], writes: [output(context, 0, 'd')],
    uniforms: [word('rows', rows), word('points', points), word('n', need(y).shape[1])], fusable: true,
  }
  const declarations = `fn added(s: f32, a: f32, b: f32, f: u32) -> f32 { return ${metric.step}; }\nfn distance_of(s: f32) -> f32 { return ${metric.finish}; }\n`
  const workgroups = [Math.ceil(points / SIDE), Math.ceil(rows / SIDE), 1] as const
  if (features.software || out.size < SIDE || workgroups.some((count) => count > MAX_WORKGROUPS)) {
    return [linear(out.size, { ...parts, declarations, body: '  let r = i / u.points;\n  let j = i % u.points;\n  var s = 0.0;\n  for (var f = 0u; f < u.n; f++) { s = added(s, x_at(r * u.n + f), q_at(j * u.n + f), f); }\n  d_put(i, distance_of(s));' })]
  }
  const own = Array.from({ length: OWN }, (_, i) => i)
  const fill = (tile: string, at: string, origin: string, bound: string): string => `    for (var e = lane; e < ${SIDE * DEPTH}u; e += ${ACROSS * ACROSS}u) {
      let r = e / ${DEPTH}u;
      let f = e % ${DEPTH}u;
      var v = 0.0;
      if (${origin} + r < ${bound} && f0 + f < u.n) { v = ${at}((${origin} + r) * u.n + f0 + f); }
      ${tile}[f * ${LINE}u + r] = v;
    }`
  return [{
    ...parts, workgroups, threads: [ACROSS, ACROSS, 1],
    declarations: `${declarations}var<workgroup> tile_x: array<f32, ${DEPTH * LINE}>;\nvar<workgroup> tile_q: array<f32, ${DEPTH * LINE}>;\n`,
    body: `  let row0 = group.y * ${SIDE}u;
  let point0 = group.x * ${SIDE}u;
${own.flatMap((r) => own.map((c) => `  var s${r}${c} = 0.0;`)).join('\n')}
  for (var f0 = 0u; f0 < u.n; f0 += ${DEPTH}u) {
${fill('tile_x', 'x_at', 'row0', 'u.rows')}
${fill('tile_q', 'q_at', 'point0', 'u.points')}
    workgroupBarrier();
    for (var e = 0u; e < min(${DEPTH}u, u.n - f0); e++) {
      let f = f0 + e;
${own.map((r) => `      let a${r} = tile_x[e * ${LINE}u + local.y * ${OWN}u + ${r}u];`).join('\n')}
${own.map((c) => `      let b${c} = tile_q[e * ${LINE}u + local.x + ${c * ACROSS}u];`).join('\n')}
${own.flatMap((r) => own.map((c) => `      s${r}${c} = added(s${r}${c}, a${r}, b${c}, f);`)).join('\n')}
    }
    workgroupBarrier();
  }
${own.flatMap((r) => own.map((c) => `  { let row = row0 + local.y * ${OWN}u + ${r}u; let point = point0 + local.x + ${c * ACROSS}u; if (row < u.rows && point < u.points) { d_put(row * u.points + point, distance_of(s${r}${c})); } }`)).join('\n')}`,
  }]
}

export const distanceKernels: readonly (readonly [string, GpuKernel])[] = [['mle.PairwiseDistance', pairwiseDistance]]
