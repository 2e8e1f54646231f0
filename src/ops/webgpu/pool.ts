// Pools: a thread for each output walks its window; global ones are reductions over the spatial dimensions.
import { int } from '../attributes.ts'
import { placeWindow, poolWindow } from '../window.ts'
import { isFloating, noDType } from './elementwise.ts'
import type { GpuContext, GpuDispatch, GpuKernel, GpuUniform } from './kernel.ts'
import { need } from './movement.ts'
import { input, lanesFor, linear, literal, output, perRow, word, workgroupReduce } from './wgsl.ts'

const AXES = ['d', 'h', 'w'] as const
const volume = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1)

interface WindowLoop {
  readonly before: string
  /** Statements for each element inside, which has `at`, its place in the input. */
  readonly each: string
  readonly after: string
}

/** A thread for each output: `inside` elements of the window lie in the data, `padded` in the data or its padding. */
function windowDispatch(context: GpuContext, { before, each, after }: WindowLoop, writes: GpuDispatch['writes'], fusable: boolean): readonly GpuDispatch[] | string {
  const { attributes, inputs: [x], outputs: [y] } = context
  const { shape } = need(x)
  const out = need(y ?? context.outputs[1])
  if (out.size === 0) return []
  const places = placeWindow(poolWindow(attributes), shape.slice(2), out.shape.slice(2))
  const uniforms = [
    word('plane_out', volume(places.output)), word('plane_in', volume(places.input)),
    ...AXES.flatMap((axis, i): GpuUniform[] => [
      { name: `in_${axis}`, type: 'i32', value: places.input[i] }, word(`out_${axis}`, places.output[i]), { name: `kernel_${axis}`, type: 'i32', value: places.kernel[i] },
      { name: `stride_${axis}`, type: 'i32', value: places.strides[i] }, { name: `dilation_${axis}`, type: 'i32', value: places.dilations[i] },
      { name: `before_${axis}`, type: 'i32', value: places.before[i] }, { name: `after_${axis}`, type: 'i32', value: places.after[i] },
    ]),
  ]
  const starts = [...AXES].reverse().map((axis) => `  let s_${axis} = i32(p % u.out_${axis}) * u.stride_${axis} - u.before_${axis};\n  p /= u.out_${axis};`).join('\n')
  const open = AXES.map((axis) => `  for (var k_${axis} = 0; k_${axis} < u.kernel_${axis}; k_${axis}++) {\n  let i_${axis} = s_${axis} + k_${axis} * u.dilation_${axis};\n  if (i_${axis} >= u.in_${axis} + u.after_${axis}) { break; }`).join('\n')
  const within = AXES.map((axis) => `i_${axis} >= 0 && i_${axis} < u.in_${axis}`).join(' && ')
  return [linear(out.size, {
    reads: [input(context, 0, 'x')], writes, uniforms, fusable,
    body: `  var p = i % u.plane_out;\n  let plane = i / u.plane_out * u.plane_in;\n${starts}\n  var inside = 0u;\n  var padded = 0u;\n${before}\n${open}
  padded++;\n  if (${within}) {\n  inside++;\n  let at = plane + u32((i_d * u.in_h + i_h) * u.in_w + i_w);\n${each}\n  }\n  }}}\n${after}`,
  })]
}

// x [N, C, ...] -> y [N, C, ...], indices int64 alike
const maxPool: GpuKernel = (context) => {
  const { attributes, inputs: [x], outputs: [y, indices] } = context
  if (!isFloating(need(x).dtype)) return noDType(context)
  const writes = [...(y === undefined ? [] : [output(context, 0, 'y')]), ...(indices === undefined ? [] : [output(context, 1, 'k')])]
  // Indices of column-major order count the last spatial dimension slowest.
  const index = int(attributes, 'storage_order', 0) === 0 ? 'found' : 'plane + (((found - plane) % u32(u.in_w)) * u32(u.in_h) + (found - plane) / u32(u.in_w) % u32(u.in_h)) * u32(u.in_d) + (found - plane) / u32(u.in_w * u.in_h)'
  return windowDispatch(context, {
    before: '  var best = -mle_inf();\n  var found = 0u;',
    each: '  let v = x_at(at);\n  if (inside == 1u || v > best || (mle_is_nan(v) && !mle_is_nan(best))) { if (!(mle_is_nan(best) && inside > 1u)) { best = v; found = at; } }',
    after: `${y === undefined ? '' : '  y_put(i, best);\n'}${indices === undefined ? '' : `  k_put(i, select(i32(${index}), -1, inside == 0u));`}`,
  }, writes, indices === undefined)
}

const averagePool: GpuKernel = (context) => {
  if (!isFloating(need(context.inputs[0]).dtype)) return noDType(context)
  const count = int(context.attributes, 'count_include_pad', 0) !== 0 ? 'padded' : 'inside'
  return windowDispatch(context, { before: '  var s = 0.0;', each: '  s += x_at(at);', after: `  y_put(i, s / f32(${count}));` }, [output(context, 0, 'y')], true)
}

/** |x|^p and the p-th root. */
function powers(p: number): readonly [term: string, root: string] {
  if (p === 1) return ['abs(v)', 's']
  if (p === 2) return ['v * v', 'sqrt(s)']
  return [`mle_pow(abs(v), ${literal(p)})`, `mle_pow(s, ${literal(1 / p)})`]
}

const lpPool: GpuKernel = (context) => {
  if (!isFloating(need(context.inputs[0]).dtype)) return noDType(context)
  const [term, root] = powers(int(context.attributes, 'p', 2))
  return windowDispatch(context, { before: '  var s = 0.0;', each: `  let v = x_at(at);\n  s += ${term};`, after: `  y_put(i, ${root});` }, [output(context, 0, 'y')], true)
}

/** A workgroup for each plane. */
function global(fold: (context: GpuContext, count: number) => { readonly start: string; readonly step: string; readonly combine: (a: string, b: string) => string; readonly finish: string }): GpuKernel {
  return (context) => {
    const { inputs: [x], outputs: [y] } = context
    const [source, target] = [need(x), need(y)]
    if (!isFloating(source.dtype)) return noDType(context)
    if (target.size === 0) return []
    const count = source.size / target.size
    const { start, step, combine, finish } = fold(context, count)
    const threads = lanesFor(context, target.size, count, true)
    return [perRow(target.size, threads, {
      reads: [input(context, 0, 'x')], writes: [output(context, 0, 'y')], uniforms: [word('count', count)], declarations: workgroupReduce(context, 'whole', threads, combine), fusable: true,
      body: `  var t = ${start};\n  for (var e = lane; e < u.count; e += ${threads}u) { let v = x_at(row * u.count + e); t = ${step}; }\n  let s = whole(lane, t);\n  if (lane == 0u) { y_put(row, ${finish}); }`,
    })]
  }
}

const add = (a: string, b: string): string => `${a} + ${b}`

// x [N, C, ...], indices int64 alike -> y with zeros between
const maxUnpool: GpuKernel = (context) => {
  const { inputs: [x], outputs: [y] } = context
  if (!isFloating(need(x).dtype)) return noDType(context)
  const [source, target] = [need(x), need(y)]
  if (target.size === 0) return []
  const writes = [output(context, 0, 'y')]
  const zeros = linear(target.size, { reads: [], writes, body: '  y_put(i, 0.0);' })
  if (source.size === 0) return [zeros]
  return [zeros, linear(source.size, { reads: [input(context, 0, 'x'), input(context, 1, 'k')], writes, uniforms: [word('bound', target.size)], body: '  let at = k_at(i);\n  if (at >= 0 && at < i32(u.bound)) { y_put(u32(at), x_at(i)); }' })]
}

export const poolKernels: readonly (readonly [string, GpuKernel])[] = [
  ['MaxPool', maxPool],
  ['AveragePool', averagePool],
  ['LpPool', lpPool],
  ['GlobalAveragePool', global((_context, count) => ({ start: '0.0', step: 't + v', combine: add, finish: `s / ${literal(count)}` }))],
  ['GlobalMaxPool', global(() => ({ start: '-mle_inf()', step: 'mle_max(t, v)', combine: (a, b) => `mle_max(${a}, ${b})`, finish: 's' }))],
  ['GlobalLpPool', global(({ attributes }) => {
    const [term, root] = powers(int(attributes, 'p', 2))
    return { start: '0.0', step: `t + ${term}`, combine: add, finish: root }
  })],
  ['MaxUnpool', maxUnpool],
]
