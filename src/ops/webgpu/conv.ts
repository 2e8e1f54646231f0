// Convolutions as products of matrices whose right side is read from the image itself: rows are output channels of a group, columns places
// of the output, terms the window. Depthwise ones, which have one row, take a thread for each output instead.
import { int } from '../attributes.ts'
import { kernelOf, transposedSize } from '../schemas/conv.ts'
import { placeWindow, threeDims, windowOf, type Places } from '../window.ts'
import { isFloating, noDType } from './elementwise.ts'
import type { GpuContext, GpuDispatch, GpuKernel, GpuUniform } from './kernel.ts'
import { need } from './movement.ts'
import { isTiled, productDispatch, PUT_INSIDE } from './matmul.ts'
import { input, linear, output, word } from './wgsl.ts'

const AXES = ['d', 'h', 'w'] as const
const volume = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1)

interface Convolution {
  readonly places: Places
  readonly batch: number
  readonly groups: number
  /** Channels of a group, in and out. */
  readonly channels: number
  readonly filters: number
  readonly isTransposed: boolean
  readonly hasBias: boolean
}

function uniformsOf({ places, batch, groups, channels, filters }: Convolution): GpuUniform[] {
  const { input: from, output: to, kernel, strides, dilations, before } = places
  return [
    word('batch', batch), word('groups', groups), word('channels', channels), word('filters', filters), word('plane_in', volume(from)), word('plane_out', volume(to)), word('window', volume(kernel)),
    ...AXES.flatMap((axis, i): GpuUniform[] => [
      word(`in_${axis}`, from[i]), word(`out_${axis}`, to[i]), word(`kernel_${axis}`, kernel[i]), word(`stride_${axis}`, strides[i]), word(`dilation_${axis}`, dilations[i]), { name: `before_${axis}`, type: 'i32', value: before[i] },
    ]),
  ]
}

/**
 * `at_window(q, place) -> i32`: where in a plane of the input element `q` of the window lies for an output's place; negative where it lies
 * outside. A transposed convolution finds the inputs that reach the place.
 */
function windowText({ places: { kernel }, isTransposed }: Convolution): string {
  const active = AXES.map((axis, i) => ({ axis, isOne: kernel[i] === 1 }))
  const lines = ['  var r = q;', '  var p = place;', '  var at = 0i;']
  let scale = '1i'
  for (const { axis, isOne } of [...active].reverse()) {
    lines.push(`  let k_${axis} = ${isOne ? '0i' : `i32(r % u.kernel_${axis})`};`)
    if (!isOne) lines.push(`  r /= u.kernel_${axis};`)
    lines.push(`  let o_${axis} = i32(p % u.out_${axis});`, `  p /= u.out_${axis};`)
    if (isTransposed) {
      lines.push(`  let t_${axis} = o_${axis} + u.before_${axis} - k_${axis} * i32(u.dilation_${axis});`, `  if (t_${axis} < 0 || t_${axis} % i32(u.stride_${axis}) != 0) { return -1; }`, `  let i_${axis} = t_${axis} / i32(u.stride_${axis});`)
    } else lines.push(`  let i_${axis} = o_${axis} * i32(u.stride_${axis}) + k_${axis} * i32(u.dilation_${axis}) - u.before_${axis};`)
    lines.push(`  if (i_${axis} < 0 || i_${axis} >= i32(u.in_${axis})) { return -1; }`, `  at += i_${axis} * ${scale};`)
    scale = scale === '1i' ? `i32(u.in_${axis})` : `${scale} * i32(u.in_${axis})`
  }
  return `fn at_window(q: u32, place: u32) -> i32 {\n${lines.join('\n')}\n  return at;\n}\n`
}

/** Weight of filter `row` of a group for channel and window: [M, C, k], transposed [C, M, k]. */
function weightText({ isTransposed }: Convolution): string {
  return isTransposed
    ? 'fn weight(row: u32, c: u32, q: u32, g: u32) -> f32 { return a_at(((g * u.channels + c) * u.filters + row) * u.window + q); }\n'
    : 'fn weight(row: u32, c: u32, q: u32, g: u32) -> f32 { return a_at(((g * u.filters + row) * u.channels + c) * u.window + q); }\n'
}

function convolve(context: GpuContext, convolution: Convolution): readonly GpuDispatch[] | string {
  const { places, batch, groups, channels, filters, hasBias } = convolution
  const reads = [input(context, 0, 'x'), input(context, 1, 'a'), ...(hasBias ? [input(context, 2, 'bias')] : [])]
  const writes = [output(context, 0, 'y')]
  const uniforms = uniformsOf(convolution)
  const shared = windowText(convolution) + weightText(convolution)
  const outputs = batch * groups * filters * volume(places.output)
  const bias = hasBias ? ' + bias_at(m)' : ''
  if (filters === 1 || channels * volume(places.kernel) < 4) {
    return [linear(outputs, {
      reads, writes, uniforms, declarations: shared, fusable: true,
      body: `  let place = i % u.plane_out;\n  let m = i / u.plane_out % (u.groups * u.filters);\n  let n = i / u.plane_out / (u.groups * u.filters);\n  let g = m / u.filters;
  var s = 0.0;\n  for (var c = 0u; c < u.channels; c++) {\n    let plane = ((n * u.groups + g) * u.channels + c) * u.plane_in;\n    for (var q = 0u; q < u.window; q++) {
      let at = at_window(q, place);\n      if (at >= 0) { s += x_at(plane + u32(at)) * weight(m % u.filters, c, q, g); }\n    }\n  }\n  y_put(i, s${bias});`,
    })]
  }
  const tiled = isTiled(context, outputs)
  const dispatch = productDispatch(context, {
    batch: groups, m: filters, n: batch * volume(places.output), k: channels * volume(places.kernel), reads, writes, uniforms, fusable: true,
    declarations: `${shared}fn load_a(row: u32, k: u32, g: u32) -> f32 { return weight(row, k / u.window, k % u.window, g); }
fn load_b(k: u32, column: u32, g: u32) -> f32 {
  let at = at_window(k % u.window, column % u.plane_out);
  if (at < 0) { return 0.0; }
  return x_at((((column / u.plane_out) * u.groups + g) * u.channels + k / u.window) * u.plane_in + u32(at));
}
fn store(row: u32, column: u32, g: u32, value: f32) {
  let m = g * u.filters + row;
  y_put(((column / u.plane_out) * u.groups * u.filters + m) * u.plane_out + column % u.plane_out, value${bias});
}
${tiled ? PUT_INSIDE : ''}`,
  }, tiled)
  return typeof dispatch === 'string' ? dispatch : [dispatch]
}

// x [N, C, ...], W [M, C / group, ...], B [M] -> Y [N, M, ...]
const conv: GpuKernel = (context) => {
  const { attributes, inputs: [x, w, bias], outputs: [y] } = context
  const [image, weights, out] = [need(x), need(w), need(y)]
  if (!isFloating(image.dtype) || weights.dtype !== image.dtype) return noDType(context)
  if (out.size === 0) return []
  const kernel = (kernelOf(attributes, weights.shape) ?? []).map(Number)
  const groups = int(attributes, 'group', 1)
  return convolve(context, {
    places: placeWindow(windowOf(attributes, kernel), image.shape.slice(2), out.shape.slice(2)),
    batch: out.shape[0], groups, channels: weights.shape[1], filters: weights.shape[0] / groups, isTransposed: false, hasBias: bias !== undefined,
  })
}

// x [N, C, ...], W [C, M / group, ...], B [M] -> Y [N, M, ...]
const convTranspose: GpuKernel = (context) => {
  const { attributes, inputs: [x, w, bias], outputs: [y] } = context
  const [image, weights, out] = [need(x), need(w), need(y)]
  if (!isFloating(image.dtype) || weights.dtype !== image.dtype) return noDType(context)
  if (out.size === 0) return []
  const kernel = (kernelOf(attributes, weights.shape) ?? []).map(Number)
  const window = windowOf(attributes, kernel)
  const groups = int(attributes, 'group', 1)
  const dims = image.shape.slice(2)
  const places: Places = {
    input: threeDims(dims, 1), output: threeDims(out.shape.slice(2), 1), kernel: threeDims(kernel, 1), strides: threeDims(window.strides, 1), dilations: threeDims(window.dilations, 1),
    before: threeDims(dims.map((dim, axis) => transposedSize(window, attributes, axis, dim)[0]), 0), after: threeDims([], 0),
  }
  return convolve(context, { places, batch: out.shape[0], groups, channels: image.shape[1] / groups, filters: weights.shape[1], isTransposed: true, hasBias: bias !== undefined })
}

export const convKernels: readonly (readonly [string, GpuKernel])[] = [
  ['Conv', conv],
  ['ConvTranspose', convTranspose],
]
