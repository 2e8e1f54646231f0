// Resizing and sampling of images. Places and weights along each axis are computed on the host, where they are in float64.
import { float, int, text } from '../attributes.ts'
import { halfToFloat } from '../../tensor/half.ts'
import type { View } from '../kernel.ts'
import { axisOptions, axisTaps, resizedAxes, resizedExtent } from '../resize.ts'
import { isFloating, noDType, scalarOf } from './elementwise.ts'
import { stridesOf } from './indexing.ts'
import type { GpuKernel, GpuUniform } from './kernel.ts'
import { knownIntegers, need } from './movement.ts'
import { given, input, linear, literal, output, word } from './wgsl.ts'

function knownFloats(view: View | undefined): number[] | undefined {
  if (view === undefined || view.size === 0 || Array.isArray(view.data)) return undefined
  return Array.from(view.data as ArrayLike<number>, view.dtype === 'float16' ? halfToFloat : Number)
}

// x [any] -> y [any]: a weighted sum of a few places along each axis that changes
const resize: GpuKernel = (context) => {
  const { attributes, inputs, outputs: [y], constants } = context
  const x = need(inputs[0])
  const out = need(y)
  const isNearest = text(attributes, 'mode', 'nearest') === 'nearest'
  if (isNearest ? scalarOf(x) === undefined : !isFloating(x.dtype)) return noDType(context)
  if ([1, 2, 3].some((index) => inputs[index] !== undefined && need(inputs[index]).size > 0 && constants[index] === undefined)) return 'its sizes are not known before the run'
  if (out.size === 0) return []
  const rank = x.shape.length
  const sizes = constants[3] === undefined || constants[3].size === 0 ? undefined : knownIntegers(constants[3])
  const extent = resizedExtent(attributes, x.shape, knownFloats(constants[2]), sizes)
  const roi = knownFloats(constants[1])
  const axes = resizedAxes(attributes, rank)
  const options = axisOptions(attributes, float(attributes, 'cubic_coeff_a', -0.75))
  const crops = options.transform === 'tf_crop_and_resize'
  if (crops && scalarOf(x) !== 'f32') return noDType(context)
  const strides = stridesOf(x.shape)
  const places: number[] = []
  const weights: number[] = []
  const uniforms: GpuUniform[] = []
  const coordinates = ['  var r = i;', '  var start = 0u;', '  var outside = false;']
  const open: string[] = []
  let weight = '1.0'
  let at = 'start'
  for (let axis = rank - 1; axis >= 0; axis--) {
    uniforms.push(word(`m${axis}`, out.shape[axis]), word(`s${axis}`, strides[axis]))
    const isMoved = axes.includes(axis) && (extent.sizes[axis] !== x.shape[axis] || extent.scales[axis] !== 1 || crops)
    if (!isMoved) {
      coordinates.push(`  start += (r % u.m${axis}) * u.s${axis};`, `  r /= u.m${axis};`)
      continue
    }
    const which = axes.indexOf(axis)
    const taps = axisTaps(x.shape[axis], extent.sizes[axis], extent.scales[axis], { ...options, roi: [roi?.[which] ?? 0, roi?.[which + axes.length] ?? 1] })
    uniforms.push(word(`t${axis}`, taps.taps), word(`b${axis}`, places.length))
    taps.places.forEach((place, i) => places.push(taps.outside?.[Math.floor(i / taps.taps)] === 1 ? -1 : place))
    taps.weights.forEach((value) => weights.push(value))
    coordinates.push(`  let c${axis} = u.b${axis} + (r % u.m${axis}) * u.t${axis};`, `  r /= u.m${axis};`, `  if (places[c${axis}] < 0) { outside = true; }`)
    open.push(`for (var k${axis} = c${axis}; k${axis} < c${axis} + u.t${axis}; k${axis}++) {`)
    weight = `${weight} * weights[k${axis}]`
    at = `${at} + u32(places[k${axis}]) * u.s${axis}`
  }
  const value = isNearest
    ? `  ${open.map((loop) => loop.replace('for (var', '{ let').replace(/;.*/, ';')).join(' ')} v = x_at(${at}); ${'}'.repeat(open.length)}`
    : `  ${open.join(' ')} let w = ${weight}; if (w != 0.0) { v += w * x_at(${at}); } ${'}'.repeat(open.length)}`
  const zero = scalarOf(x) === 'f32' ? '0.0' : scalarOf(x) === 'bool' ? 'false' : scalarOf(x) === 'i32' ? '0i' : '0u'
  const fill = crops ? literal(float(attributes, 'extrapolation_value', 0)) : zero
  const tables = open.length === 0 ? [] : [given(Int32Array.from(places), 'places'), ...(isNearest ? [] : [given(Float32Array.from(weights), 'weights')])]
  return [linear(out.size, {
    reads: [input(context, 0, 'x'), ...tables], writes: [output(context, 0, 'y')], uniforms, fusable: true,
    body: `${coordinates.join('\n')}\n  var v = ${zero};\n  if (outside) { v = ${fill}; } else {\n${value}\n  }\n  y_put(i, v);`,
  })]
}

/** `sample(coordinate, dim) -> Sample`: places (-1 outside) and weights along an axis. */
function sampleText(mode: string, padding: string, align: boolean): string {
  const count = mode === 'nearest' ? 1 : mode === 'linear' ? 2 : 4
  const weight = mode === 'nearest' ? '1.0' : mode === 'linear' ? 'select(x - first, 1.0 - (x - first), t == 0u)' : 'cubic_weight(x - place)'
  const outside = padding === 'border' ? 'place = clamp(place, 0.0, f32(dim) - 1.0);' : padding === 'reflection' ? 'place = trunc(reflected(place, low, high));' : 'place = -1.0;'
  return `struct Sample { places: array<i32, ${count}>, weights: array<f32, ${count}> }
fn reflected(x: f32, low: f32, high: f32) -> f32 {
  let range = high - low;
  if (range <= 0.0 || (x >= low && x <= high)) { return select(x, low, x < low || x > high); }
  let away = select(x - high, low - x, x < low);
  let folds = floor(away / range);
  let rest = away - folds * range;
  return select(high - rest, low + rest, (x < low) == (folds % 2.0 == 0.0));
}
fn cubic_weight(distance: f32) -> f32 {
  let t = abs(distance);
  if (t <= 1.0) { return (1.25 * t - 2.25) * t * t + 1.0; }
  return select(0.0, ((-0.75 * t + 3.75) * t - 6.0) * t + 3.0, t < 2.0);
}
fn sample(coordinate: f32, dim: u32) -> Sample {
  let low = ${align ? '0.0' : '-0.5'};
  let high = ${align ? 'f32(dim) - 1.0' : 'f32(dim) - 0.5'};
  var x = ${align ? '(coordinate + 1.0) / 2.0 * (f32(dim) - 1.0)' : '((coordinate + 1.0) * f32(dim) - 1.0) / 2.0'};
  var s: Sample;
  let is_number = !mle_is_nan(x);
  ${mode === 'nearest' ? 'x = mle_round(x);' : ''}
  ${padding === 'zeros' || (padding === 'border' && mode === 'cubic') ? '' : `if (!(x >= low && x <= high)) { x = ${padding === 'border' ? 'clamp(x, 0.0, f32(dim) - 1.0)' : 'reflected(x, low, high)'}; }`}
  let first = floor(x);
  for (var t = 0u; t < ${count}u; t++) {
    var place = first + f32(t)${mode === 'cubic' ? ' - 1.0' : ''};
    s.weights[t] = ${weight};
    if (!(place >= 0.0 && place < f32(dim))) { ${outside} }
    s.places[t] = select(-1, i32(place), is_number && abs(place) < 1e9);
  }
  return s;
}
`
}

// x [N, C, ...], grid [N, ..., rank] (columns first) -> y [N, C, ...]
const gridSample: GpuKernel = (context) => {
  const { attributes, inputs: [image], outputs: [y] } = context
  const { shape, dtype } = need(image)
  const out = need(y)
  if (!isFloating(dtype) || !isFloating(need(context.inputs[1]).dtype)) return noDType(context)
  if (out.size === 0) return []
  const rank = shape.length - 2
  if (rank > 3) return `${rank} spatial dimensions`
  const mode = text(attributes, 'mode', 'linear')
  const padding = text(attributes, 'padding_mode', 'zeros')
  const align = int(attributes, 'align_corners', 0) !== 0
  const count = mode === 'nearest' ? 1 : mode === 'linear' ? 2 : 4
  const spatial = shape.slice(2)
  const names = ['d', 'h', 'w'].slice(3 - rank)
  const each = spatial.reduce((product, dim) => product * dim, 1)
  const axes = names.map((name, axis) => ({ name, axis, column: rank - 1 - axis }))
  const open = axes.map(({ name }) => `for (var k_${name} = 0u; k_${name} < ${count}u; k_${name}++) {`).join(' ')
  const weight = axes.map(({ name }) => `s_${name}.weights[k_${name}]`).join(' * ')
  const isInside = axes.map(({ name }) => `s_${name}.places[k_${name}] >= 0`).join(' && ')
  const at = axes.reduce((text_, { name }) => (text_ === '' ? `u32(s_${name}.places[k_${name}])` : `(${text_}) * u.n_${name} + u32(s_${name}.places[k_${name}])`), '')
  return [linear(out.size, {
    reads: [input(context, 0, 'x'), input(context, 1, 'grid')], writes: [output(context, 0, 'y')], fusable: true,
    uniforms: [word('channels', shape[1]), word('points', out.size / shape[0] / shape[1]), word('each', each), ...axes.map(({ name, axis }) => word(`n_${name}`, spatial[axis]))],
    declarations: sampleText(mode, padding, align),
    body: `  let p = i % u.points;\n  let plane = i / u.points;\n  let g = (plane / u.channels * u.points + p) * ${rank}u;
${axes.map(({ name, column }) => `  var s_${name} = sample(grid_at(g + ${column}u), u.n_${name});`).join('\n')}
  var v = 0.0;\n  ${open} let w = ${weight}; if (w != 0.0 && ${isInside}) { v += w * x_at(plane * u.each + ${at}); } ${'}'.repeat(rank)}\n  y_put(i, v);`,
  })]
}

// theta [N, rank, rank + 1] -> grid [N, ..., rank], columns first
const affineGrid: GpuKernel = (context) => {
  const { attributes, inputs: [theta], outputs: [y] } = context
  const out = need(y)
  if (!isFloating(need(theta).dtype)) return noDType(context)
  if (out.size === 0) return []
  const rank = out.shape[out.shape.length - 1]
  const align = int(attributes, 'align_corners', 0) !== 0
  const [depth, height, width] = rank === 3 ? [out.shape[1], out.shape[2], out.shape[3]] : [1, out.shape[1], out.shape[2]]
  return [linear(out.size, {
    reads: [input(context, 0, 'theta')], writes: [output(context, 0, 'y')], fusable: true,
    uniforms: [word('d', depth), word('h', height), word('w', width)],
    declarations: `fn along(place: u32, dim: u32) -> f32 { ${align ? 'return select(2.0 * f32(place) / (f32(dim) - 1.0) - 1.0, 0.0, dim == 1u);' : 'return (2.0 * f32(place) + 1.0) / f32(dim) - 1.0;'} }\n`,
    body: `  let r = i % ${rank}u;\n  var p = i / ${rank}u;\n  let w = p % u.w;\n  p /= u.w;\n  let h = p % u.h;\n  p /= u.h;\n  let d = p % u.d;\n  let n = p / u.d;\n  let at = (n * ${rank}u + r) * ${rank + 1}u;
  var s = theta_at(at) * along(w, u.w) + theta_at(at + 1u) * along(h, u.h);\n  ${rank === 3 ? 's += theta_at(at + 2u) * along(d, u.d);' : ''}\n  y_put(i, s + theta_at(at + ${rank}u));`,
  })]
}

export const resizeKernels: readonly (readonly [string, GpuKernel])[] = [
  ['Resize', resize],
  ['GridSample', gridSample],
  ['AffineGrid', affineGrid],
]
