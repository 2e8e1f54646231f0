// Losses of classification: a thread for each label; means and sums over all labels in a second dispatch.
import { text } from '../attributes.ts'
import { isFloating, noDType } from './elementwise.ts'
import type { GpuContext, GpuDispatch, GpuKernel } from './kernel.ts'
import { knownIntegers, need } from './movement.ts'
import { input, lanesFor, linear, output, perRow, temporary, word, workgroupReduce } from './wgsl.ts'

const OUTSIDE = 'a label is outside the classes'

/** Losses from `score`, an expression of the logarithm of the probability of a label's class, after the statements `before`; `extra` runs first. */
function likelihood(context: GpuContext, score: string, before: string, extra: readonly GpuDispatch[]): readonly GpuDispatch[] | string {
  const { attributes, inputs: [x, labels, weights], constants, outputs: [y] } = context
  const scores = need(x)
  const out = need(y)
  if (!isFloating(scores.dtype)) return noDType(context)
  const [, classes] = scores.shape
  const ignored = attributes.get('ignore_index')
  const ignore = ignored?.kind === 'int' ? ignored.value : undefined
  if (knownIntegers(constants[1])?.some((label) => label !== ignore && (label < -classes || label >= classes)) === true) return OUTSIDE
  const count = need(labels).size
  if (out.size === 0 || count === 0) return 'a loss of nothing'
  const places = scores.shape.slice(2).reduce((product, dim) => product * dim, 1)
  const reduction = text(attributes, 'reduction', 'mean')
  const reads = [input(context, 0, 'x'), input(context, 1, 'k'), ...(weights === undefined ? [] : [input(context, 2, 'w')])]
  const uniforms = [word('classes', classes), word('places', places)]
  const loss = (put: string): string => `  let base = i / u.places * u.classes * u.places + i % u.places;
  let given = k_at(i);
  let label = select(given, given + i32(u.classes), given < 0);
  var loss = 0.0;
  var share = 0.0;
  if (${ignore === undefined ? 'true' : `given != ${ignore}i`} && label >= 0 && label < i32(u.classes)) {
${before}
    let own = ${score};
    share = ${weights === undefined ? '1.0' : 'w_at(u32(label))'};
    loss = -own * share;
  }
${put}`
  if (reduction === 'none') return [...extra, linear(count, { reads, uniforms, writes: [output(context, 0, 'y')], fusable: true, body: loss('  y_put(i, loss);') })]
  const threads = lanesFor(context, 1, count, true)
  const [losses, shares] = [temporary(0, count, 'losses'), temporary(1, count, 'shares')]
  return [
    ...extra,
    linear(count, { reads, uniforms, writes: [losses, shares], body: loss('  losses_put(i, loss);\n  shares_put(i, share);') }),
    perRow(1, threads, {
      reads: [losses, shares], writes: [output(context, 0, 'y')], uniforms: [word('count', count)], fusable: true,
      declarations: workgroupReduce(context, 'whole', threads, (a, b) => `${a} + ${b}`),
      body: `  var s = 0.0;\n  var t = 0.0;\n  for (var e = lane; e < u.count; e += ${threads}u) { s += losses_at(e); t += shares_at(e); }
  let loss = whole(lane, s);\n  let share = whole(lane, t);\n  if (lane == 0u) { y_put(row, ${reduction === 'mean' ? 'loss / share' : 'loss'}); }`,
    }),
  ]
}

// input [N, C, ...], target [N, ...], weight [C] -> loss [N, ...] or []
const negativeLogLikelihood: GpuKernel = (context) => likelihood(context, 'x_at(base + u32(label) * u.places)', '', [])

const TOTAL = `    var high = -mle_inf();
    for (var c = 0u; c < u.classes; c++) { high = mle_max(high, x_at(base + c * u.places)); }
    var sum = 0.0;
    for (var c = 0u; c < u.classes; c++) { sum += mle_exp(x_at(base + c * u.places) - high); }
    let total = mle_log(sum);`

// scores [N, C, ...], labels [N, ...], weights [C] -> output [N, ...] or [], log_prob like scores
const softmaxCrossEntropy: GpuKernel = (context) => {
  const { inputs: [x], outputs: [, logProb] } = context
  const { shape, dtype } = need(x)
  if (!isFloating(dtype)) return noDType(context)
  const places = shape.slice(2).reduce((product, dim) => product * dim, 1)
  const extra = logProb === undefined || logProb.size === 0 ? [] : [linear(shape[0] * places, {
    reads: [input(context, 0, 'x')], writes: [output(context, 1, 'p')], uniforms: [word('classes', shape[1]), word('places', places)],
    body: `  let base = i / u.places * u.classes * u.places + i % u.places;\n  {\n${TOTAL}\n    for (var c = 0u; c < u.classes; c++) { let at = base + c * u.places; p_put(at, (x_at(at) - high) - total); }\n  }`,
  })]
  return likelihood(context, '(x_at(base + u32(label) * u.places) - high) - total', TOTAL, extra)
}

export const lossKernels: readonly (readonly [string, GpuKernel])[] = [
  ['NegativeLogLikelihoodLoss', negativeLogLikelihood],
  ['SoftmaxCrossEntropyLoss', softmaxCrossEntropy],
]
