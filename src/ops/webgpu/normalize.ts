// Normalizations and softmax: a workgroup for each line, which is read once where it fits into workgroup memory.
import { float, int } from '../attributes.ts'
import { axisOf } from '../schemas/define.ts'
import { meanVarianceAxes } from '../schemas/normalize.ts'
import { isFloating, noDType } from './elementwise.ts'
import { broadcast } from './indexing.ts'
import type { GpuContext, GpuKernel, GpuUniform } from './kernel.ts'
import { need } from './movement.ts'
import { lineParts, linesOf } from './reduce.ts'
import { input, lanesFor, linear, literal, output, perRow, real, word, workgroupReduce } from './wgsl.ts'

/** Floats of a line that workgroup memory keeps, beside what reductions need of the 16 KiB that every device has. */
const KEPT_FLOATS = 3072

/** Text that depends on how many threads share a line. */
interface Lanes {
  readonly threads: number
  /** Loops over a thread's elements of the line. */
  readonly each: string
  readonly sum: string
}

function lanes(context: GpuContext, rows: number, count: number, isDense: boolean = true): Lanes {
  const threads = lanesFor(context, rows, count, isDense)
  return { threads, each: `for (var e = lane; e < u.count; e += ${threads}u)`, sum: workgroupReduce(context, 'whole', threads, (a, b) => `${a} + ${b}`) }
}

const trailing = (shape: readonly number[], axis: number): number => shape.slice(axis).reduce((product, dim) => product * dim, 1)

/** How a line's element is read after the first time: from workgroup memory, or from the buffer again. */
function cache(threads: number, count: number, place: string): { declaration: string; keep: (value: string) => string; kept: string } {
  // No more than the line needs, by steps: what a workgroup keeps decides how many of them run at once.
  return count <= KEPT_FLOATS && threads > 1 ? { declaration: `var<workgroup> line: array<f32, ${Math.ceil(count / 256) * 256}>;\n`, keep: (value) => `line[e] = ${value};`, kept: 'line[e]' } : { declaration: '', keep: () => '', kept: `x_at(${place})` }
}

function softmax(isLog: boolean): GpuKernel {
  return (context) => {
    const { attributes, inputs: [x] } = context
    const { dtype, shape, size } = need(x)
    if (!isFloating(dtype)) return noDType(context)
    if (size === 0) return []
    const lines = linesOf(shape, [axisOf(int(attributes, 'axis', -1), shape.length)])
    const { threads, each, sum } = lanes(context, lines.rows, lines.count, lines.isDense)
    const { uniforms, declarations } = lineParts(lines)
    const { declaration, keep, kept } = cache(threads, lines.count, 'base + inner(e)')
    // Exponentials are computed twice rather than kept where the line is not: memory is what a GPU waits for.
    const body = `  let base = outer(row);
  var m = -mle_inf();
  ${each} { let v = x_at(base + inner(e)); ${keep('v')} m = mle_max(m, v); }
  let high = largest(lane, m);
  var s = 0.0;
  ${each} { s += mle_exp(${kept} - high); }
  let total = whole(lane, s);
${isLog ? `  let log_total = mle_log(total);\n  ${each} { y_put(base + inner(e), (${kept} - high) - log_total); }` : `  ${each} { y_put(base + inner(e), mle_exp(${kept} - high) / total); }`}`
    return [perRow(lines.rows, threads, {
      reads: [input(context, 0, 'x')], writes: [output(context, 0, 'y')], uniforms, body, fusable: true,
      declarations: `${declarations}${declaration}${workgroupReduce(context, 'largest', threads, (a, b) => `mle_max(${a}, ${b})`)}${sum}`,
    })]
  }
}

/** 1 at the first largest element of each line. */
const hardmax: GpuKernel = (context) => {
  const { attributes, inputs: [x] } = context
  const { dtype, shape, size } = need(x)
  if (!isFloating(dtype)) return noDType(context)
  if (size === 0) return []
  const lines = linesOf(shape, [axisOf(int(attributes, 'axis', -1), shape.length)])
  const { uniforms, declarations } = lineParts(lines)
  return [linear(lines.rows, {
    reads: [input(context, 0, 'x')], writes: [output(context, 0, 'y')], uniforms, declarations,
    body: `  let base = outer(i);\n  var best = 0u;\n  var value = x_at(base + inner(0u));
  for (var e = 1u; e < u.count; e++) { let v = x_at(base + inner(e)); if (!mle_is_nan(value) && (mle_is_nan(v) || v > value)) { best = e; value = v; } }
  for (var e = 0u; e < u.count; e++) { y_put(base + inner(e), select(0.0, 1.0, e == best)); }`,
  })]
}

const lpNormalization: GpuKernel = (context) => {
  const { attributes, inputs: [x] } = context
  const { dtype, shape, size } = need(x)
  if (!isFloating(dtype)) return noDType(context)
  if (size === 0) return []
  const euclid = int(attributes, 'p', 2) === 2
  const lines = linesOf(shape, [axisOf(int(attributes, 'axis', -1), shape.length)])
  const { threads, each, sum } = lanes(context, lines.rows, lines.count, lines.isDense)
  const { uniforms, declarations } = lineParts(lines)
  return [perRow(lines.rows, threads, {
    reads: [input(context, 0, 'x')], writes: [output(context, 0, 'y')], uniforms, declarations: declarations + sum, fusable: true,
    body: `  let base = outer(row);\n  var s = 0.0;\n  ${each} { let v = x_at(base + inner(e)); s += ${euclid ? 'v * v' : 'abs(v)'}; }
  let total = whole(lane, s);\n  let norm = ${euclid ? 'sqrt(total)' : 'total'};\n  ${each} { let v = x_at(base + inner(e)); y_put(base + inner(e), select(v / norm, 0.0, norm == 0.0)); }`,
  })]
}

/** Statements that leave `mean` and `variance` of a line, in two passes as everywhere; `place` is where element e is. */
function momentsText(each: string, place: string, centered: boolean, keep: (value: string) => string, kept: string): string {
  const first = centered
    ? `  var s = 0.0;\n  ${each} { let v = x_at(${place}); ${keep('v')} s += v; }\n  let mean = whole(lane, s) / f32(u.count);`
    : `  ${keep('v') === '' ? '' : `${each} { let v = x_at(${place}); ${keep('v')} }`}\n  let mean = 0.0;`
  return `${first}\n  var t = 0.0;\n  ${each} { let v = ${kept} - mean; t += v * v; }\n  let variance = whole(lane, t) / f32(u.count);`
}

// x [outer, n], scale and bias broadcast to x -> y alike, mean and inverse deviation [outer]
function trailingNormalization(centered: boolean): GpuKernel {
  return (context) => {
    const { attributes, inputs: [x, scale, bias], outputs } = context
    const { dtype, shape, size } = need(x)
    if (!isFloating(dtype) || outputs.some((view) => view !== undefined && !isFloating(view.dtype))) return noDType(context)
    if (size === 0) return []
    const axis = axisOf(int(attributes, 'axis', -1), shape.length)
    const count = trailing(shape, axis)
    const { threads, each, sum } = lanes(context, size / count, count)
    const { declaration, keep, kept } = cache(threads, count, 'row * u.count + e')
    const scales = broadcast('scale_index', need(scale).shape, shape)
    const biases = bias === undefined ? undefined : broadcast('bias_index', bias.shape, shape)
    const writes = [output(context, 0, 'y')]
    if (outputs[1] !== undefined) writes.push(output(context, 1, 'mean_out'))
    if (outputs[2] !== undefined) writes.push(output(context, 2, 'inverse_out'))
    const statistics = [outputs[1] === undefined ? '' : 'mean_out_put(row, mean);', outputs[2] === undefined ? '' : 'inverse_out_put(row, inverse);'].join(' ')
    return [perRow(size / count, threads, {
      reads: [input(context, 0, 'x'), input(context, 1, 'scale'), ...(bias === undefined ? [] : [input(context, 2, 'bias')])], writes, fusable: true,
      uniforms: [word('count', count), real('epsilon', float(attributes, 'epsilon', 1e-5)), ...scales.uniforms, ...(biases?.uniforms ?? [])],
      declarations: `${declaration}${sum}${scales.text}${biases?.text ?? ''}`,
      body: `${momentsText(each, 'row * u.count + e', centered, keep, kept)}\n  let inverse = 1.0 / sqrt(variance + u.epsilon);\n  if (lane == 0u) { ${statistics} }
  ${each} { let i = row * u.count + e; y_put(i, (${kept} - mean) * inverse * scale_at(scale_index(i))${biases === undefined ? '' : ' + bias_at(bias_index(i))'}); }`,
    })]
  }
}

// x [N, C, ...], scale, bias [C] -> y alike; statistics over the channels of a group
function groupNormalization(groupsOf: (context: GpuContext, channels: number) => number): GpuKernel {
  return (context) => {
    const { attributes, inputs: [x] } = context
    const { dtype, shape, size } = need(x)
    if (!isFloating(dtype)) return noDType(context)
    if (size === 0) return []
    const groups = groupsOf(context, shape[1])
    const count = size / shape[0] / groups
    const { threads, each, sum } = lanes(context, shape[0] * groups, count)
    const { declaration, keep, kept } = cache(threads, count, 'row * u.count + e')
    return [perRow(shape[0] * groups, threads, {
      reads: [input(context, 0, 'x'), input(context, 1, 'scale'), input(context, 2, 'bias')], writes: [output(context, 0, 'y')], fusable: true,
      uniforms: [word('count', count), word('plane', trailing(shape, 2)), word('groups', groups), word('each', shape[1] / groups), real('epsilon', float(attributes, 'epsilon', 1e-5))],
      declarations: declaration + sum,
      body: `${momentsText(each, 'row * u.count + e', true, keep, kept)}\n  let inverse = 1.0 / sqrt(variance + u.epsilon);
  ${each} { let c = (row % u.groups) * u.each + e / u.plane; y_put(row * u.count + e, (${kept} - mean) * (scale_at(c) * inverse) + bias_at(c)); }`,
    })]
  }
}

// x [N, C, ...], scale, bias, mean, variance [C] -> y alike
const batchNormalization: GpuKernel = (context) => {
  const { attributes, inputs: [x], outputs } = context
  const { dtype, shape, size } = need(x)
  if (!isFloating(dtype)) return noDType(context)
  if (int(attributes, 'training_mode', 0) !== 0 || outputs.length > 1) return 'statistics of a batch are taken on the host'
  if (size === 0) return []
  const channels = shape.length < 2 ? 1 : shape[1]
  return [linear(size, {
    reads: [input(context, 0, 'x'), input(context, 1, 'scale'), input(context, 2, 'bias'), input(context, 3, 'mean'), input(context, 4, 'variance')], writes: [output(context, 0, 'y')], fusable: true,
    uniforms: [word('channels', channels), word('plane', trailing(shape, 2)), real('epsilon', float(attributes, 'epsilon', 1e-5))],
    body: '  let c = i / u.plane % u.channels;\n  y_put(i, (x_at(i) - mean_at(c)) * (scale_at(c) / sqrt(variance_at(c) + u.epsilon)) + bias_at(c));',
  })]
}

// x [N, C, ...] -> y alike; squares of up to `size` channels around each
const lrn: GpuKernel = (context) => {
  const { attributes, inputs: [x] } = context
  const { dtype, shape, size } = need(x)
  if (!isFloating(dtype)) return noDType(context)
  if (size === 0) return []
  const span = int(attributes, 'size', 1)
  const uniforms: GpuUniform[] = [
    word('channels', shape[1]), word('plane', trailing(shape, 2)), { name: 'below', type: 'i32', value: Math.floor((span - 1) / 2) }, { name: 'above', type: 'i32', value: Math.ceil((span - 1) / 2) },
    real('alpha', float(attributes, 'alpha', 1e-4) / span), real('beta', float(attributes, 'beta', 0.75)), real('bias', float(attributes, 'bias', 1)),
  ]
  return [linear(size, {
    reads: [input(context, 0, 'x')], writes: [output(context, 0, 'y')], uniforms, fusable: true,
    body: `  let c = i32(i / u.plane % u.channels);\n  let start = i - u32(c) * u.plane;\n  var s = 0.0;
  for (var k = max(0, c - u.below); k <= min(i32(u.channels) - 1, c + u.above); k++) { let v = x_at(start + u32(k) * u.plane); s += v * v; }
  y_put(i, x_at(i) / mle_pow(u.bias + u.alpha * s, u.beta));`,
  })]
}

// x [any] -> y alike; statistics over `axes`
const meanVariance: GpuKernel = (context) => {
  const { dtype, shape, size } = need(context.inputs[0])
  if (!isFloating(dtype)) return noDType(context)
  if (size === 0) return []
  const lines = linesOf(shape, meanVarianceAxes(context, shape.length))
  const { threads, each, sum } = lanes(context, lines.rows, lines.count, lines.isDense)
  const { uniforms, declarations } = lineParts(lines)
  const { declaration, keep, kept } = cache(threads, lines.count, 'base + inner(e)')
  return [perRow(lines.rows, threads, {
    reads: [input(context, 0, 'x')], writes: [output(context, 0, 'y')], uniforms, declarations: declarations + declaration + sum, fusable: true,
    body: `  let base = outer(row);\n${momentsText(each, 'base + inner(e)', true, keep, kept)}\n  let spread = sqrt(variance) + ${literal(1e-9)};\n  ${each} { y_put(base + inner(e), (${kept} - mean) / spread); }`,
  })]
}

export const normalizeKernels: readonly (readonly [string, GpuKernel])[] = [
  ['Softmax', softmax(false)],
  ['LogSoftmax', softmax(true)],
  ['Hardmax', hardmax],
  ['LpNormalization', lpNormalization],
  ['LayerNormalization', trailingNormalization(true)],
  ['RMSNormalization', trailingNormalization(false)],
  ['InstanceNormalization', groupNormalization((_context, channels) => channels)],
  ['GroupNormalization', groupNormalization(({ attributes }) => int(attributes, 'num_groups', 1))],
  ['BatchNormalization', batchNormalization],
  ['LRN', lrn],
  ['MeanVarianceNormalization', meanVariance],
]

