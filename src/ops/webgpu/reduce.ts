// Reductions along axes: one workgroup for each result where there is much to add, one thread where there is little.
import { int } from '../attributes.ts'
import { axisOf } from '../schemas/define.ts'
import { noDType, isArithmetic, isFloating, scalarOf } from './elementwise.ts'
import { collapse, strided, stridesOf, type Indexing } from './indexing.ts'
import type { GpuContext, GpuDispatch, GpuKernel } from './kernel.ts'
import { knownIntegers, need } from './movement.ts'
import { input, lanesFor, linear, literal, output, perRow, temporary, word, workgroupReduce } from './wgsl.ts'

/** Lines longer than this, of which there are too few to keep the chip busy, are reduced in parts of it first. */
const PART = 4096

/** An axis, or several, as lines: `outer(row)` gives where a line begins, `inner(e)` how far in its element e is. */
export interface Lines {
  readonly rows: number
  readonly count: number
  /** The line's elements lie side by side. */
  readonly isDense: boolean
  readonly outer: Indexing
  readonly inner: Indexing
}

export function linesOf(shape: readonly number[], axes: readonly number[]): Lines {
  const strides = stridesOf(shape)
  const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis))
  const pick = (list: readonly number[], from: readonly number[]): number[] => from.map((axis) => list[axis])
  const ordered = [...axes].sort((a, b) => a - b)
  return {
    rows: kept.reduce((product, axis) => product * shape[axis], 1),
    count: ordered.reduce((product, axis) => product * shape[axis], 1),
    isDense: isDense(pick(shape, ordered), pick(strides, ordered)),
    outer: strided('outer', pick(shape, kept), pick(strides, kept)),
    inner: strided('inner', pick(shape, ordered), pick(strides, ordered)),
  }
}

function isDense(dims: readonly number[], strides: readonly number[]): boolean {
  const merged = collapse(dims, strides).strides
  return (merged[merged.length - 1] ?? 1) === 1
}

export function lineParts({ outer, inner, count }: Lines): { uniforms: GpuDispatch['uniforms']; declarations: string } {
  return { uniforms: [word('count', count), ...outer.uniforms, ...inner.uniforms], declarations: outer.text + inner.text }
}

interface Reduction {
  /** Expression that starts the accumulator; `of` is the dtype. */
  readonly start: (context: GpuContext) => string
  readonly term: (x: string) => string
  readonly combine: (a: string, b: string) => string
  readonly finish?: (value: string, count: number) => string
}

function axesOf(context: GpuContext): number[] | undefined {
  const { attributes, inputs: [x, axes], constants } = context
  const rank = need(x).shape.length
  const given = axes === undefined ? [] : knownIntegers(constants[1])
  if (given === undefined) return undefined
  if (given.length > 0) return given.map((axis) => axisOf(axis, rank))
  return int(attributes, 'noop_with_empty_axes', 0) !== 0 ? [] : Array.from({ length: rank }, (_, axis) => axis)
}

function reduction({ start, term, combine, finish = (value) => value }: Reduction): GpuKernel {
  return (context) => {
    const { inputs: [x], outputs: [y] } = context
    const { dtype, shape } = need(x)
    if (!isArithmetic(dtype) || (!isFloating(dtype) && finish('s', 1) !== 's')) return noDType(context)
    const axes = axesOf(context)
    if (axes === undefined) return 'its axes are not known before the run'
    if (need(y).size === 0) return []
    const lines = linesOf(shape, axes)
    const { uniforms, declarations } = lineParts(lines)
    const parts = { reads: [input(context, 0, 'x')], writes: [output(context, 0, 'y')], uniforms, fusable: true }
    const first = start(context)
    const scalar = scalarOf(x)
    const threads = scalar === 'f32' ? lanesFor(context, lines.rows, lines.count, lines.isDense) : 1
    const loop = (from: string, to: string): string => `  var s = ${first};\n  for (var e = ${from}; e < ${to}; e += ${threads}u) { let v = x_at(base + inner(e)); s = ${combine('s', term('v'))}; }`
    if (threads === 1) return [linear(lines.rows, { ...parts, declarations, body: `  let base = outer(i);\n${loop('0u', 'u.count')}\n  y_put(i, ${finish('s', lines.count)});` })]
    const whole = workgroupReduce(context, 'whole', threads, combine)
    const count = Math.ceil(lines.count / PART)
    if (count > 1 && lines.rows < context.features.busyWorkgroups) {
      const partial = temporary(0, lines.rows * count, 'partial')
      return [
        perRow(lines.rows * count, threads, {
          reads: parts.reads, writes: [partial], uniforms: [...uniforms, word('parts', count)], declarations: declarations + whole,
          body: `  let base = outer(row / u.parts);\n  let begin = (row % u.parts) * ${PART}u;\n${loop('begin + lane', `min(u.count, begin + ${PART}u)`)}\n  let total = whole(lane, s);\n  if (lane == 0u) { partial_put(row, total); }`,
        }),
        perRow(lines.rows, threads, {
          reads: [partial], writes: parts.writes, uniforms: [word('parts', count)], declarations: whole, fusable: true,
          body: `  var s = ${first};\n  for (var e = lane; e < u.parts; e += ${threads}u) { s = ${combine('s', 'partial_at(row * u.parts + e)')}; }\n  let total = whole(lane, s);\n  if (lane == 0u) { y_put(row, ${finish('total', lines.count)}); }`,
        }),
      ]
    }
    return [perRow(lines.rows, threads, {
      ...parts, declarations: declarations + whole,
      body: `  let base = outer(row);\n${loop('lane', 'u.count')}\n  let total = whole(lane, s);\n  if (lane == 0u) { y_put(row, ${finish('total', lines.count)}); }`,
    })]
  }
}

const zeroOf = ({ inputs }: GpuContext): string => (scalarOf(inputs[0]) === 'f32' ? '0.0' : scalarOf(inputs[0]) === 'i32' ? '0i' : '0u')
const oneOf = ({ inputs }: GpuContext): string => (scalarOf(inputs[0]) === 'f32' ? '1.0' : scalarOf(inputs[0]) === 'i32' ? '1i' : '1u')
const add = (a: string, b: string): string => `${a} + ${b}`
const same = (x: string): string => x

/** Largest or smallest, in floats with NaN first; `none` is the value of no elements. */
function extreme(name: 'max' | 'min'): GpuKernel {
  const none = ({ inputs }: GpuContext): string => {
    const scalar = scalarOf(inputs[0])
    if (scalar === 'f32') return name === 'max' ? '-mle_inf()' : 'mle_inf()'
    if (scalar === 'u32') return name === 'max' ? '0u' : '0xffffffffu'
    return name === 'max' ? 'i32(-2147483647 - 1)' : '2147483647i'
  }
  const floats = reduction({ start: none, term: same, combine: (a, b) => `mle_${name}(${a}, ${b})` })
  const others = reduction({ start: none, term: same, combine: (a, b) => `${name}(${a}, ${b})` })
  return (context) => (isFloating(need(context.inputs[0]).dtype) ? floats : others)(context)
}

/** ln of the sum of exponentials, from the largest element down; an infinity is not subtracted from itself. */
const logSumExp: GpuKernel = (context) => {
  const { inputs: [x], outputs: [y] } = context
  if (!isFloating(need(x).dtype)) return noDType(context)
  const axes = axesOf(context)
  if (axes === undefined) return 'its axes are not known before the run'
  if (need(y).size === 0) return []
  const lines = linesOf(need(x).shape, axes)
  const { uniforms, declarations } = lineParts(lines)
  const threads = lanesFor(context, lines.rows, lines.count, lines.isDense)
  return [perRow(lines.rows, threads, {
    reads: [input(context, 0, 'x')], writes: [output(context, 0, 'y')], uniforms, fusable: true,
    declarations: declarations + workgroupReduce(context, 'largest', threads, (a, b) => `mle_max(${a}, ${b})`) + workgroupReduce(context, 'whole', threads, add),
    body: `  let base = outer(row);\n  var m = -mle_inf();\n  for (var e = lane; e < u.count; e += ${threads}u) { m = mle_max(m, x_at(base + inner(e))); }\n  let high = largest(lane, m);
  var s = 0.0;\n  if (mle_is_finite(high)) { for (var e = lane; e < u.count; e += ${threads}u) { s += mle_exp(x_at(base + inner(e)) - high); } }\n  let total = whole(lane, s);
  if (lane == 0u) { var v = high; if (mle_is_finite(high)) { v = high + mle_log(total); }\n  y_put(row, v); }`,
  })]
}

/** Index of the largest (or smallest) element; NaN is beyond all. */
function arg(sign: 1 | -1): GpuKernel {
  return (context) => {
    const { attributes, inputs: [x], outputs: [y] } = context
    const { dtype, shape } = need(x)
    const scalar = scalarOf(x)
    if (scalar === undefined || scalar === 'bool' || dtype === 'uint64' || dtype === 'int64') return noDType(context)
    if (need(y).size === 0) return []
    const last = int(attributes, 'select_last_index', 0) !== 0
    const lines = linesOf(shape, [axisOf(int(attributes, 'axis', 0), shape.length)])
    const { uniforms, declarations } = lineParts(lines)
    const before = sign > 0 ? '>' : '<'
    const beyond = scalar === 'f32'
      ? `(mle_is_nan(a) && !mle_is_nan(b)) || (mle_${sign > 0 ? 'less(b, a)' : 'less(a, b)'})${last ? ' || mle_equal(a, b) || (mle_is_nan(a) && mle_is_nan(b))' : ''}`
      : `a ${before}${last ? '=' : ''} b`
    const text = `fn beyond(a: ${scalar}, b: ${scalar}) -> bool { return ${beyond}; }\n`
    const threads = lanesFor(context, lines.rows, lines.count, lines.isDense)
    const parts = { reads: [input(context, 0, 'x')], writes: [output(context, 0, 'y')], uniforms, fusable: true }
    const loop = `  var best = lane;\n  var value = x_at(base + inner(lane));\n  for (var e = lane + ${threads}u; e < u.count; e += ${threads}u) { let v = x_at(base + inner(e)); if (beyond(v, value)) { best = e; value = v; } }`
    if (threads === 1) return [perRow(lines.rows, 1, { ...parts, declarations: declarations + text, body: `  let base = outer(row);\n${loop}\n  y_put(row, i32(best));` })]
    // There are more elements than threads, so each thread has one. Of two that are equal the place decides.
    return [perRow(lines.rows, threads, {
      ...parts, declarations: `${declarations}${text}var<workgroup> values: array<${scalar}, ${threads}>;\nvar<workgroup> places: array<u32, ${threads}>;\n`,
      body: `  let base = outer(row);\n${loop}
  values[lane] = value;\n  places[lane] = best;\n  workgroupBarrier();
  for (var half = ${threads / 2}u; half > 0u; half >>= 1u) {
    if (lane < half) {
      let other = lane + half;
      let isBeyond = beyond(values[other], values[lane]);
      let isWithin = beyond(values[lane], values[other]);
      if (${last ? '(isBeyond && (!isWithin || places[other] > places[lane]))' : 'isBeyond || (!isWithin && places[other] < places[lane])'}) { values[lane] = values[other]; places[lane] = places[other]; }
    }
    workgroupBarrier();
  }
  if (lane == 0u) { y_put(row, i32(places[0])); }`,
    })]
  }
}

/** Running sums or products, one after the other along the axis. */
function running(operator: '+' | '*'): GpuKernel {
  return (context) => {
    const { attributes, inputs: [x], constants, outputs: [y] } = context
    const { dtype, shape, size } = need(x)
    const axis = knownIntegers(constants[1])?.[0]
    if (!isArithmetic(dtype)) return noDType(context)
    if (axis === undefined) return 'its axis is not known before the run'
    if (need(y).size === 0) return []
    const lines = linesOf(shape, [axisOf(axis, shape.length)])
    const { uniforms, declarations } = lineParts(lines)
    const exclusive = int(attributes, 'exclusive', 0) !== 0
    const place = int(attributes, 'reverse', 0) !== 0 ? 'u.count - 1u - e' : 'e'
    const store = '    y_put(at, s);\n'
    return [linear(size / Math.max(1, lines.count), {
      reads: [input(context, 0, 'x')], writes: [output(context, 0, 'y')], uniforms, declarations,
      body: `  let base = outer(i);\n  var s = ${operator === '+' ? zeroOf(context) : oneOf(context)};\n  for (var e = 0u; e < u.count; e++) {\n    let at = base + inner(${place});\n${exclusive ? store : ''}    s = s ${operator} x_at(at);\n${exclusive ? '' : store}  }`,
    })]
  }
}

/** Each element counts those that go before it, which gives its place: no order between threads, and equal elements keep theirs. */
const topK: GpuKernel = (context) => {
  const { attributes, inputs: [x], outputs: [values, indices] } = context
  const { dtype, shape, size } = need(x)
  const scalar = scalarOf(x)
  if (scalar === undefined || scalar === 'bool' || dtype === 'int64' || dtype === 'uint64') return noDType(context)
  const out = values ?? need(indices)
  if (out.size === 0) return []
  const axis = axisOf(int(attributes, 'axis', -1), shape.length)
  const count = shape[axis]
  if (size * count > 2 ** 34) return `sorting lines of ${count} is faster on the host`
  const lines = linesOf(shape, [axis])
  const target = strided('placed', out.shape.map((dim, i) => (i === axis ? 1 : dim)), stridesOf(out.shape))
  const { uniforms, declarations } = lineParts(lines)
  const sign = int(attributes, 'largest', 1) !== 0 ? '>' : '<'
  const nan = int(attributes, 'largest', 1) !== 0 ? 'mle_is_nan(a)' : 'mle_is_nan(b)'
  const before = scalar === 'f32'
    ? `  let an = mle_is_nan(a);\n  let bn = mle_is_nan(b);\n  if (an || bn) { if (an == bn) { return p < q; } return ${nan}; }\n  if (mle_equal(a, b)) { return p < q; }\n  return mle_less(${sign === '>' ? 'b, a' : 'a, b'});`
    : `  if (a == b) { return p < q; }\n  return a ${sign} b;`
  const step = stridesOf(out.shape)[axis]
  const reads = [input(context, 0, 'x')]
  const writes = [...(values === undefined ? [] : [output(context, 0, 'v')]), ...(indices === undefined ? [] : [output(context, 1, 'k')])]
  return [linear(size, {
    reads, writes, uniforms: [...uniforms, ...target.uniforms, word('k', out.shape[axis]), word('step', step)],
    declarations: `${declarations}${target.text}fn before(a: ${scalar}, p: u32, b: ${scalar}, q: u32) -> bool {\n${before}\n}\n`,
    body: `  let row = i / u.count;\n  let own = i % u.count;\n  let base = outer(row);\n  let value = x_at(base + inner(own));\n  var rank = 0u;
  for (var e = 0u; e < u.count; e++) { if (before(x_at(base + inner(e)), e, value, own)) { rank++; } }
  if (rank >= u.k) { return; }\n  let at = placed(row) + rank * u.step;\n${values === undefined ? '' : '  v_put(at, value);\n'}${indices === undefined ? '' : '  k_put(at, i32(own));'}`,
  })]
}

export const reduceKernels: readonly (readonly [string, GpuKernel])[] = [
  ['ReduceSum', reduction({ start: zeroOf, term: same, combine: add })],
  ['ReduceMean', reduction({ start: zeroOf, term: same, combine: add, finish: (value, count) => (count === 0 ? 'mle_nan()' : `${value} / ${literal(count)}`) })],
  ['ReduceMax', extreme('max')],
  ['ReduceMin', extreme('min')],
  ['ReduceProd', reduction({ start: oneOf, term: same, combine: (a, b) => `${a} * ${b}` })],
  ['ReduceSumSquare', reduction({ start: zeroOf, term: (x) => `${x} * ${x}`, combine: add })],
  ['ReduceL1', reduction({ start: zeroOf, term: (x) => `abs(${x})`, combine: add })],
  ['ReduceL2', reduction({ start: zeroOf, term: (x) => `${x} * ${x}`, combine: add, finish: (value) => `sqrt(${value})` })],
  ['ReduceLogSum', reduction({ start: zeroOf, term: same, combine: add, finish: (value) => `mle_log(${value})` })],
  ['ReduceLogSumExp', logSumExp],
  ['ArgMax', arg(1)],
  ['ArgMin', arg(-1)],
  ['CumSum', running('+')],
  ['CumProd', running('*')],
  ['TopK', topK],
]
