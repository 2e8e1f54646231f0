// Integers of 8 to 32 bits as floats and back, and products of quantized matrices. Integers lie in 32 bits on the device.
import { int } from '../attributes.ts'
import { quantizedRange } from '../cpu/quantize.ts'
import { axisOf } from '../schemas/define.ts'
import { isInteger } from '../../tensor/dtype.ts'
import type { View } from '../kernel.ts'
import { noDType, scalarOf } from './elementwise.ts'
import { broadcast, strided, type Indexing } from './indexing.ts'
import type { GpuContext, GpuDispatch, GpuElementwise, GpuKernel } from './kernel.ts'
import { need } from './movement.ts'
import { input, linear, output, word } from './wgsl.ts'

/** Integers that a float32 or an i32 holds. */
function isNarrow(view: View): boolean {
  return isInteger(view.dtype) && view.dtype !== 'int64' && view.dtype !== 'uint64' && view.dtype !== 'uint32' && scalarOf(view) !== undefined
}

/** Where the scale of element `i` lies; undefined for blocks that do not divide their axis. */
function scaleIndex({ attributes }: GpuContext, { shape }: View, scale: View): Indexing | undefined {
  if (scale.size === 1) return strided('scale_index', [], [])
  const axis = axisOf(int(attributes, 'axis', 1), shape.length)
  const block = int(attributes, 'block_size', 0)
  const volume = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1)
  const [outer, inner] = [volume(shape.slice(0, axis)), volume(shape.slice(axis + 1))]
  if (block === 0) return strided('scale_index', [outer, shape[axis], inner], [0, 1, 0])
  if (shape[axis] % block !== 0) return undefined
  const blocks = shape[axis] / block
  return strided('scale_index', [outer, blocks, block, inner], [blocks * inner, inner, 0, 1])
}

/** A kernel of one expression of an element, its scale and its zero point, which is '' where there is none. */
function scaled(context: GpuContext, expression: (x: string, scale: string, zero: string) => string): GpuElementwise | readonly GpuDispatch[] | string {
  const { inputs: [x, scale, zero], outputs: [y] } = context
  const [source, factor] = [need(x), need(scale)]
  if (need(y).size === 0) return []
  if (factor.size === 1 && (zero === undefined || zero.size === 1)) return { expression: ([value, by, less = '']) => expression(value, by, less) }
  const index = scaleIndex(context, source, factor)
  if (index === undefined) return 'its blocks do not divide the axis'
  return [linear(source.size, {
    reads: [input(context, 0, 'x'), input(context, 1, 's'), ...(zero === undefined ? [] : [input(context, 2, 'z')])], writes: [output(context, 0, 'y')],
    uniforms: index.uniforms, declarations: index.text, fusable: true,
    body: `  let at = scale_index(i);\n  y_put(i, ${expression('x_at(i)', 's_at(at)', zero === undefined ? '' : `z_at(${zero.size === 1 ? '0u' : 'at'})`)});`,
  })]
}

// x [any] integer, x_scale [], [places] or blocks, x_zero_point alike -> y like x
const dequantize: GpuKernel = (context) => {
  const { inputs: [x, scale], outputs: [y] } = context
  if (!isNarrow(need(x)) || need(scale).dtype !== 'float32' || need(y).dtype !== 'float32') return noDType(context)
  return scaled(context, (value, by, zero) => `(f32(${zero === '' ? value : `i32(${value}) - i32(${zero})`}) * ${by})`)
}

// x [any] f32, y_scale [], [places] or blocks, y_zero_point alike -> y like x
const quantize: GpuKernel = (context) => {
  const { attributes, inputs: [x, scale], outputs: [y] } = context
  const target = need(y)
  if (need(x).dtype !== 'float32' || need(scale).dtype !== 'float32' || !isNarrow(target) || attributes.has('precision')) return noDType(context)
  return scaled(context, (value, by, zero) => saturated(`${value} / ${by}`, zero, target))
}

/** A float rounded to an integer of `target`, ties to even, plus the zero point. NaN counts as 0, and without the zero point. */
function saturated(value: string, zero: string, target: View): string {
  const [low, high] = quantizedRange(target.dtype)
  const added = zero === '' ? 'quantized' : `quantized + i32(${zero})`
  const text = `clamp(${added.replace('quantized', `i32(clamp(mle_round(${value}), -1e9, 1e9))`)}, ${low}i, ${high}i)`
  const kept = `select(${text}, ${Math.max(0, low)}i, mle_is_nan(${value}))`
  return scalarOf(target) === 'u32' ? `u32(${kept})` : kept
}

// A [..., m, k], B [..., k, n] int8 or uint8, zero points [], [m] or [n] -> Y [..., m, n] i32
const matMulInteger: GpuKernel = (context) => {
  const { inputs: [a, b, zeroA, zeroB], outputs: [y] } = context
  const [left, right, out] = [need(a), need(b), need(y)]
  if (out.size === 0) return []
  if (left.shape.length < 2 || right.shape.length < 2) return 'a product of vectors'
  const [m, k] = left.shape.slice(-2)
  const n = right.shape[right.shape.length - 1]
  const [lead, leadA, leadB] = [out.shape.slice(0, -2), left.shape.slice(0, -2), right.shape.slice(0, -2)]
  if ((zeroA !== undefined && zeroA.size !== 1 && (zeroA.shape.length !== 1 || leadA.length > 0)) || (zeroB !== undefined && zeroB.size !== 1 && (zeroB.shape.length !== 1 || leadB.length > 0))) return 'zero points of matrices'
  const [batchA, batchB] = [broadcast('batch_a', leadA, lead), broadcast('batch_b', leadB, lead)]
  const zero = (view: View | undefined, name: string, place: string): string => (view === undefined ? '0i' : `i32(${name}_at(${view.size === 1 ? '0u' : place}))`)
  return [linear(out.size, {
    reads: [input(context, 0, 'a'), input(context, 1, 'b'), ...(zeroA === undefined ? [] : [input(context, 2, 'za')]), ...(zeroB === undefined ? [] : [input(context, 3, 'zb')])],
    writes: [output(context, 0, 'y')], uniforms: [word('m', m), word('n', n), word('k', k), ...batchA.uniforms, ...batchB.uniforms], declarations: batchA.text + batchB.text, fusable: true,
    body: `  let column = i % u.n;
  let row = i / u.n % u.m;
  let batch = i / u.n / u.m;
  let from_a = (batch_a(batch) * u.m + row) * u.k;
  let from_b = batch_b(batch) * u.k * u.n + column;
  let less_a = ${zero(zeroA, 'za', 'row')};
  let less_b = ${zero(zeroB, 'zb', 'column')};
  var s = 0i;
  for (var k = 0u; k < u.k; k++) { s += (i32(a_at(from_a + k)) - less_a) * (i32(b_at(from_b + k * u.n)) - less_b); }
  y_put(i, s);`,
  })]
}

export const quantizeKernels: readonly (readonly [string, GpuKernel])[] = [
  ['DequantizeLinear', dequantize],
  ['QuantizeLinear', quantize],
  ['MatMulInteger', matMulInteger],
]
