// Operators that move elements: copies between two strided layouts, and reads through a rule for each index.
import { halfToFloat } from '../../tensor/half.ts'
import { int, ints, tensorAttribute, text } from '../attributes.ts'
import { viewOfTensor, type View } from '../kernel.ts'
import { wideToNumber } from '../cpu/wide.ts'
import { oneHotAxis } from '../schemas/arrays.ts'
import { axisOf } from '../schemas/define.ts'
import { blockOf, croppedAxes } from '../schemas/rearrange.ts'
import { padsOf, sliceRange, splitSizes } from '../slices.ts'
import { castExpression, constantNumber, isArithmetic, isFloating, noDType, scalarOf } from './elementwise.ts'
import { broadcastStrides, collapse, strided, stridesOf } from './indexing.ts'
import type { GpuContext, GpuDispatch, GpuKernel } from './kernel.ts'
import { input, linear, literal, MAX_WORKGROUPS, output, word } from './wgsl.ts'

/** The view of an input that an operator needs. */
export function need(view: View | undefined): View {
  if (view === undefined) throw new TypeError('a kernel was called without an input that it needs')
  return view
}

/** The integers of an input, if they are known when the plan is bound. */
export function knownIntegers(view: View | undefined): number[] | undefined {
  if (view === undefined || Array.isArray(view.data)) return undefined
  const data = view.data as unknown as Readonly<Record<number, number>>
  const isWide = view.dtype === 'int64' || view.dtype === 'uint64'
  return Array.from({ length: view.size }, (_, i) => (isWide ? wideToNumber(view.data as Int32Array, 2 * i) : data[i]))
}

/** A layout of an operand: strides in elements and the offset of its first element. */
interface Layout {
  readonly strides: readonly number[]
  readonly offset?: number
}

/** y[to(i)] = x[from(i)] for each element i of `shape`. */
export function copy(context: GpuContext, shape: readonly number[], from: Layout & { readonly input: number }, to: Partial<Layout> & { readonly output: number }): GpuDispatch[] {
  const size = shape.reduce((product, dim) => product * dim, 1)
  if (size === 0) return []
  const isInOrder = to.strides === undefined
  if (isInOrder && (to.offset ?? 0) === 0) {
    const tiled = transposed(context, shape, from, to.output)
    if (tiled !== undefined) return [tiled]
  }
  const source = strided('source', shape, from.strides, from.offset)
  const target = strided('placed', shape, to.strides ?? stridesOf(shape), to.offset)
  return [linear(size, {
    reads: [input(context, from.input, 'x')],
    writes: [output(context, to.output, 'y')],
    uniforms: [...source.uniforms, ...target.uniforms],
    declarations: source.text + target.text,
    body: isInOrder && (to.offset ?? 0) === 0 ? '  y_put(i, x_at(source(i)));' : '  y_put(placed(i), x_at(source(i)));',
    fusable: isInOrder && (to.offset ?? 0) === 0,
  })]
}

/** Side of a square that a workgroup moves, and the threads that share a column of it. */
const SIDE = 32
const DOWN = 8

/**
 * A copy whose reads are dense along another axis than its writes: squares through workgroup memory, so that threads side by side read and write
 * side by side. Undefined where that does not pay.
 */
function transposed(context: GpuContext, shape: readonly number[], from: Layout & { readonly input: number }, toOutput: number): GpuDispatch | undefined {
  const { shape: dims, strides } = collapse(shape, from.strides)
  const last = dims.length - 1
  const dense = strides.indexOf(1)
  if (context.features.software || last < 1 || dense < 0 || dense === last || strides[last] === 0 || dims[last] < SIDE / 2 || dims[dense] < SIDE / 2) return undefined
  const others = dims.map((_, axis) => axis).filter((axis) => axis !== last && axis !== dense)
  const pick = (list: readonly number[]): number[] => others.map((axis) => list[axis])
  const steps = stridesOf(dims)
  const source = strided('source', pick(dims), pick(strides), from.offset)
  const target = strided('placed', pick(dims), pick(steps))
  const workgroups = [Math.ceil(dims[last] / SIDE), Math.ceil(dims[dense] / SIDE), pick(dims).reduce((product, dim) => product * dim, 1)] as const
  if (workgroups.some((count) => count > MAX_WORKGROUPS)) return undefined
  return {
    reads: [input(context, from.input, 'x')], writes: [output(context, toOutput, 'y')], fusable: true, threads: [SIDE, DOWN, 1], workgroups,
    uniforms: [word('rows', dims[dense]), word('columns', dims[last]), word('across', strides[last] >>> 0), word('down', steps[dense]), ...source.uniforms, ...target.uniforms],
    // A line longer than the square, so that a column lies in as many banks as a row.
    declarations: `${source.text}${target.text}var<workgroup> square: array<${scalarOf(context.inputs[from.input]) ?? 'f32'}, ${SIDE * (SIDE + 1)}>;\n`,
    body: `  let row0 = group.y * ${SIDE}u;
  let column0 = group.x * ${SIDE}u;
  let origin = source(group.z);
  for (var c = local.y; c < ${SIDE}u; c += ${DOWN}u) {
    if (row0 + local.x < u.rows && column0 + c < u.columns) { square[c * ${SIDE + 1}u + local.x] = x_at(origin + (column0 + c) * u.across + row0 + local.x); }
  }
  workgroupBarrier();
  let place = placed(group.z);
  for (var r = local.y; r < ${SIDE}u; r += ${DOWN}u) {
    if (row0 + r < u.rows && column0 + local.x < u.columns) { y_put(place + (row0 + r) * u.down + column0 + local.x, square[local.x * ${SIDE + 1}u + r]); }
  }`,
  }
}

/** y[i] = 0 (or false) everywhere. */
function clear(context: GpuContext): GpuDispatch[] {
  const y = need(context.outputs[0])
  if (y.size === 0) return []
  const zero = scalarOf(y) === 'f32' ? '0.0' : scalarOf(y) === 'bool' ? 'false' : scalarOf(y) === 'i32' ? '0i' : '0u'
  return [linear(y.size, { reads: [], writes: [output(context, 0, 'y')], body: `  y_put(i, ${zero});` })]
}

/** A pull of input 0 into output 0 in order, by strides over the output's shape or a finer one. */
function pull(plan: (context: GpuContext, x: View, shape: readonly number[]) => (Layout & { readonly shape?: readonly number[] }) | string): GpuKernel {
  return (context) => {
    const shape = need(context.outputs[0]).shape
    const layout = plan(context, need(context.inputs[0]), shape)
    return typeof layout === 'string' ? layout : copy(context, layout.shape ?? shape, { ...layout, input: 0 }, { output: 0 })
  }
}

const UNKNOWN = 'its shape inputs are not known before the run'

const transpose = pull(({ attributes }, x) => {
  const strides = stridesOf(x.shape)
  const perm = ints(attributes, 'perm')
  return { strides: perm === undefined ? strides.reverse() : perm.map((axis) => strides[axisOf(axis, strides.length)]) }
})

const expand = pull((_context, x, shape) => ({ strides: broadcastStrides(x.shape, shape) }))

const tile = pull(({ constants }, x) => {
  const times = knownIntegers(constants[1])
  if (times === undefined) return UNKNOWN
  return { shape: times.flatMap((count, i) => [count, x.shape[i]]), strides: stridesOf(x.shape).flatMap((stride) => [0, stride]) }
})

const slice = pull(({ inputs, constants }, { shape }) => {
  const strides = stridesOf(shape)
  const from = knownIntegers(constants[1])
  const to = knownIntegers(constants[2])
  const along = inputs[3] === undefined ? from?.map((_, i) => i) : knownIntegers(constants[3])
  const by = inputs[4] === undefined ? from?.map(() => 1) : knownIntegers(constants[4])
  if (from === undefined || to === undefined || along === undefined || by === undefined) return UNKNOWN
  let offset = 0
  along.forEach((given, i) => {
    const axis = axisOf(given, shape.length)
    const range = sliceRange(shape[axis], from[i], to[i], by[i])
    offset += range.start * strides[axis]
    strides[axis] *= range.step
  })
  return { strides, offset }
})

const split: GpuKernel = (context) => {
  const { attributes, inputs, outputs, constants } = context
  const { shape } = need(inputs[0])
  const own = stridesOf(shape)
  const axis = axisOf(int(attributes, 'axis', 0), shape.length)
  const given = inputs[1] === undefined ? undefined : knownIntegers(constants[1])
  if (inputs[1] !== undefined && given === undefined) return UNKNOWN
  let offset = 0
  return splitSizes(shape[axis], outputs.length, given).flatMap((size, index) => {
    const from = offset
    offset += size * own[axis]
    return outputs[index] === undefined ? [] : copy(context, shape.map((dim, i) => (i === axis ? size : dim)), { input: 0, strides: own, offset: from }, { output: index })
  })
}

const concat: GpuKernel = (context) => {
  const own = stridesOf(need(context.outputs[0]).shape)
  const axis = axisOf(int(context.attributes, 'axis', 0), own.length)
  let offset = 0
  return context.inputs.flatMap((x, index) => {
    const { shape } = need(x)
    const to = offset
    offset += shape[axis] * own[axis]
    return copy(context, shape, { input: index, strides: stridesOf(shape) }, { output: 0, strides: own, offset: to })
  })
}

// x [N, C b b, H, W] -> y [N, C, H b, W b], written as [N, C, H, b, W, b]
const depthToSpace = pull((context, _x, [n, c, h, w]) => {
  const b = blockOf(context)
  const [rows, columns] = [h / b, w / b]
  const plane = rows * columns
  const [channel, block] = text(context.attributes, 'mode', 'DCR') === 'DCR' ? [plane, c * plane] : [b * b * plane, plane]
  return { shape: [n, c, rows, b, columns, b], strides: [c * b * b * plane, channel, columns, b * block, 1, block] }
})

// x [N, C, H b, W b] -> y [N, b b C, H, W], written as [N, b, b, C, H, W]
const spaceToDepth = pull((context, { shape: [n, c, h, w] }) => {
  const b = blockOf(context)
  return { shape: [n, b, b, c, h / b, w / b], strides: [c * h * w, w, 1, h * w, b * w, b] }
})

const centerCropPad: GpuKernel = (context) => {
  const from = need(context.inputs[0]).shape
  const to = need(context.outputs[0]).shape
  const axes = croppedAxes(context, from.length)
  const parts = from.map((dim, axis) => {
    const size = axes.includes(axis) ? to[axis] : dim
    return size > dim ? [0, Math.floor((size - dim) / 2), dim] : [Math.floor((dim - size) / 2), 0, size]
  })
  const [fromStrides, toStrides] = [stridesOf(from), stridesOf(to)]
  const start = (which: number, strides: readonly number[]): number => parts.reduce((sum, part, axis) => sum + part[which] * strides[axis], 0)
  return [
    ...clear(context),
    ...copy(context, parts.map(([, , count]) => count), { input: 0, strides: fromStrides, offset: start(0, fromStrides) }, { output: 0, strides: toStrides, offset: start(1, toStrides) }),
  ]
}

// data [any] -> output alike, mask bool alike; outside training nothing is dropped
const dropout: GpuKernel = (context) => {
  const { inputs: [data, , training], constants, outputs: [, mask] } = context
  const { shape, size } = need(data)
  if (training !== undefined && knownIntegers(constants[2])?.[0] !== 0) return 'what it drops is drawn on the host'
  const kept = mask === undefined || size === 0 ? [] : [linear(size, { reads: [], writes: [output(context, 1, 'm')], body: '  m_put(i, true);' })]
  return [...kept, ...copy(context, shape, { input: 0, strides: stridesOf(shape) }, { output: 0 })]
}

/** A number of a constant as an expression of the view's scalar type; undefined where 32 bits do not hold it. */
function scalarText(view: View, index: number): string | undefined {
  const raw = view.dtype === 'int64' || view.dtype === 'uint64' ? wideToNumber(view.data as Int32Array, 2 * index) : Number(view.data[index])
  const scalar = scalarOf(view)
  if (scalar === 'f32') return literal(view.dtype === 'float16' ? halfToFloat(raw) : raw)
  if (scalar === 'bool') return raw === 0 ? 'false' : 'true'
  if (raw !== (scalar === 'i32' ? raw | 0 : raw >>> 0)) return undefined
  return scalar === 'i32' ? (raw === -2147483648 ? 'i32(-2147483647 - 1)' : `i32(${raw})`) : `${raw}u`
}

function zeroText(view: View): string {
  const scalar = scalarOf(view)
  return scalar === 'f32' ? '0.0' : scalar === 'bool' ? 'false' : scalar === 'i32' ? '0i' : '0u'
}

const pad: GpuKernel = (context) => {
  const { attributes, inputs: [x, , fill, axes], constants, outputs: [y] } = context
  const source = need(x)
  const target = need(y)
  const given = knownIntegers(constants[1])
  const along = axes === undefined ? undefined : knownIntegers(constants[3])
  if (given === undefined || (axes !== undefined && along === undefined)) return UNKNOWN
  if (target.size === 0) return []
  const rank = source.shape.length
  const pads = padsOf(given, along, rank)
  const mode = text(attributes, 'mode', 'constant')
  const strides = stridesOf(source.shape)
  const lines = ['  var r = i;', '  var at = 0u;', '  var inside = true;']
  const uniforms = []
  for (let axis = rank - 1; axis >= 0; axis--) {
    uniforms.push(word(`n${axis}`, source.shape[axis]), word(`m${axis}`, target.shape[axis]), { name: `p${axis}`, type: 'i32' as const, value: pads[axis] }, word(`s${axis}`, strides[axis]))
    lines.push(`  var c${axis} = i32(r % u.m${axis}) - u.p${axis};`, `  r /= u.m${axis};`)
    const dim = `i32(u.n${axis})`
    const outside = `c${axis} < 0 || c${axis} >= ${dim}`
    if (mode === 'constant') lines.push(`  if (${outside}) { inside = false; c${axis} = 0; }`)
    else if (mode === 'edge') lines.push(`  c${axis} = clamp(c${axis}, 0, ${dim} - 1);`)
    else if (mode === 'wrap') lines.push(`  c${axis} = ((c${axis} % ${dim}) + ${dim}) % ${dim};`)
    else lines.push(`  { let period = max(2 * (${dim} - 1), 1); c${axis} = ((c${axis} % period) + period) % period; if (c${axis} >= ${dim}) { c${axis} = period - c${axis}; } }`)
    lines.push(`  at += u32(c${axis}) * u.s${axis};`)
  }
  const value = mode === 'constant' && fill !== undefined ? 'fill_at(0u)' : zeroText(source)
  // An empty input has nothing to read.
  lines.push(source.size === 0 ? `  y_put(i, ${value});` : `  var v = ${value};`, ...(source.size === 0 ? [] : ['  if (inside) { v = x_at(at); }', '  y_put(i, v);']))
  return [linear(target.size, {
    reads: [input(context, 0, 'x'), ...(value.startsWith('fill') ? [input(context, 2, 'fill')] : [])],
    writes: [output(context, 0, 'y')], uniforms, body: lines.join('\n'), fusable: true,
  })]
}

const constantOfShape: GpuKernel = (context) => {
  const y = need(context.outputs[0])
  if (y.size === 0) return []
  const tensor = tensorAttribute(context.attributes, 'value')
  const value = tensor === undefined ? '0.0' : scalarText(viewOfTensor(tensor), 0)
  if (value === undefined) return 'a number that 32 bits do not hold'
  return [linear(y.size, { reads: [], writes: [output(context, 0, 'y')], body: `  y_put(i, ${value});`, fusable: true })]
}

const range: GpuKernel = (context) => {
  const { inputs: [start], constants, outputs: [y] } = context
  const { dtype } = need(start)
  if (!isArithmetic(dtype)) return noDType(context)
  const first = constantNumber(constants[0])
  const step = constantNumber(constants[2])
  if (first === undefined || step === undefined) return UNKNOWN
  if (need(y).size === 0) return []
  // One rounding, as of a product and a sum in float64, needs care: float32 ranges are exact where both fit.
  const value = isFloating(dtype) ? `fma(f32(i), ${literal(step)}, ${literal(first)})` : dtype === 'int32' ? `i32(${first}) + i32(i) * i32(${step})` : `${first}u + i * ${step}u`
  return [linear(need(y).size, { reads: [], writes: [output(context, 0, 'y')], body: `  y_put(i, ${value});`, fusable: true })]
}

const oneHot: GpuKernel = (context) => {
  const { attributes, inputs: [indices, , values], outputs: [y] } = context
  const { shape } = need(indices)
  const target = need(y)
  if (target.size === 0) return []
  if (scalarOf(indices) === undefined || scalarOf(values) === undefined) return noDType(context)
  const axis = oneHotAxis(int(attributes, 'axis', -1), shape.length)
  const inner = shape.slice(axis).reduce((product, dim) => product * dim, 1)
  const scalar = scalarOf(indices)
  const place = scalar === 'f32' ? 'let q = k_at(j); let place = select(-1, i32(trunc(select(q, q + f32(u.depth), q < 0.0))), abs(q) < 1e9);'
    : scalar === 'i32' ? 'let q = k_at(j); let place = select(q, q + i32(u.depth), q < 0);' : 'let place = i32(k_at(j));'
  return [linear(target.size, {
    reads: [input(context, 0, 'k'), input(context, 2, 'v')], writes: [output(context, 0, 'y')],
    uniforms: [word('depth', target.shape[axis]), word('inner', inner)],
    body: `  let column = (i / u.inner) % u.depth;\n  let j = (i / u.inner / u.depth) * u.inner + i % u.inner;\n  ${place}\n  y_put(i, v_at(select(0u, 1u, place == i32(column))));`,
    fusable: true,
  })]
}

const trilu: GpuKernel = (context) => {
  const { attributes, inputs: [x, k], constants, outputs: [y] } = context
  const diagonal = k === undefined ? 0 : knownIntegers(constants[1])?.[0]
  if (diagonal === undefined) return UNKNOWN
  const { shape, size } = need(y)
  if (size === 0) return []
  const [rows, columns] = shape.slice(-2)
  const upper = int(attributes, 'upper', 1) !== 0
  const bound = Math.max(-(2 ** 30), Math.min(2 ** 30, diagonal))
  return [linear(size, {
    reads: [input(context, 0, 'x')], writes: [output(context, 0, 'y')],
    uniforms: [word('rows', rows), word('columns', columns), { name: 'k', type: 'i32', value: bound }],
    body: `  let column = i % u.columns;\n  let offset = i32(column) - i32((i / u.columns) % u.rows);\n  y_put(i, select(${zeroText(need(x))}, x_at(i), offset ${upper ? '>=' : '<='} u.k));`,
    fusable: true,
  })]
}

const eyeLike: GpuKernel = (context) => {
  const y = need(context.outputs[0])
  if (y.size === 0) return []
  const one = scalarOf(y) === 'f32' ? '1.0' : scalarOf(y) === 'bool' ? 'true' : scalarOf(y) === 'i32' ? '1i' : '1u'
  return [linear(y.size, {
    reads: [], writes: [output(context, 0, 'y')], uniforms: [word('columns', y.shape[1]), { name: 'k', type: 'i32', value: int(context.attributes, 'k', 0) }],
    body: `  y_put(i, select(${zeroText(y)}, ${one}, i32(i % u.columns) - i32(i / u.columns) == u.k));`,
    fusable: true,
  })]
}

/** Elements as the dtype of another tensor. */
const castLike: GpuKernel = (context) => {
  const { inputs: [x], outputs: [y] } = context
  const expression = castExpression('x_at(i)', need(x).dtype, need(y).dtype)
  if (expression === undefined) return `no conversion from ${x?.dtype} to ${y?.dtype}`
  return need(y).size === 0 ? [] : [linear(need(y).size, { reads: [input(context, 0, 'x')], writes: [output(context, 0, 'y')], body: `  y_put(i, ${expression});`, fusable: true })]
}

const reverseSequence: GpuKernel = (context) => {
  const { shape, size } = need(context.inputs[0])
  if (size === 0) return []
  const timeFirst = int(context.attributes, 'time_axis', 0) === 0
  const [times, batches] = timeFirst ? [shape[0], shape[1]] : [shape[1], shape[0]]
  const place = (t: string): string => (timeFirst ? `(${t} * u.batches + b)` : `(b * u.times + ${t})`)
  return [linear(size, {
    reads: [input(context, 0, 'x'), input(context, 1, 'n')], writes: [output(context, 0, 'y')],
    uniforms: [word('times', times), word('batches', batches), word('inner', size / times / batches)],
    body: `  let e = i % u.inner;\n  let p = i / u.inner;\n  let t = ${timeFirst ? 'p / u.batches' : 'p % u.times'};\n  let b = ${timeFirst ? 'p % u.batches' : 'p / u.times'};
  let count = u32(clamp(n_at(b), 0, i32(u.times)));\n  let base = select(t, count - 1u - t, t < count);\n  y_put(i, x_at(${place('base')} * u.inner + e));`,
    fusable: true,
  })]
}

export const movementKernels: readonly (readonly [string, GpuKernel])[] = [
  ['Transpose', transpose],
  ['Expand', expand],
  ['Tile', tile],
  ['Slice', slice],
  ['Split', split],
  ['Concat', concat],
  ['DepthToSpace', depthToSpace],
  ['SpaceToDepth', spaceToDepth],
  ['CenterCropPad', centerCropPad],
  ['Dropout', dropout],
  ['Pad', pad],
  ['ConstantOfShape', constantOfShape],
  ['Range', range],
  ['OneHot', oneHot],
  ['Trilu', trilu],
  ['EyeLike', eyeLike],
  ['CastLike', castLike],
  ['ReverseSequence', reverseSequence],
]
