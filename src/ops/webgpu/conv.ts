// Convolutions as products of matrices whose right side is read from the image itself: rows are output channels of a group, columns places
// of the output, terms the window. Those with few rows, depthwise ones above all, take a thread for each output instead.
import { int } from '../attributes.ts'
import { kernelOf, transposedSize } from '../schemas/conv.ts'
import { placeWindow, threeDims, windowOf, type Places } from '../window.ts'
import { isFloating, noDType } from './elementwise.ts'
import type { GpuContext, GpuDispatch, GpuKernel, GpuUniform } from './kernel.ts'
import { need } from './movement.ts'
import { isTiled, tiledProduct } from './product.ts'
import { input, linear, output, word } from './wgsl.ts'

/** Fewer filters of a group than this leave most of a tile empty. */
const MIN_FILTERS = 8
/** Smaller images are joined to one product. */
const MIN_PLANE = 1024
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

/** Where `place` of the output begins to look in the input: `struct Place`, and the `loops` and `inside` of its window. Windows are constants of the shader: divisions by them are cheap. */
function windowText({ places: { kernel, strides, dilations }, isTransposed }: Convolution): string {
  const constants = AXES.map((axis, i) => `const kernel_${axis} = ${kernel[i]}u;\nconst stride_${axis} = ${strides[i]};\nconst dilation_${axis} = ${dilations[i]};\n`).join('')
  const starts = [...AXES].reverse().map((axis) => `  let o_${axis} = i32(p % u.out_${axis});\n  p /= u.out_${axis};`).join('\n')
  const start = (axis: string): string => (isTransposed ? `o_${axis} + u.before_${axis}` : `o_${axis} * stride_${axis} - u.before_${axis}`)
  // A transposed convolution finds the inputs that reach the place.
  const step = (axis: string): string => isTransposed
    ? `  let t_${axis} = origin.${axis} - i32(k_${axis}) * dilation_${axis};\n  let i_${axis} = t_${axis} / stride_${axis};\n  if (t_${axis} < 0 || t_${axis} % stride_${axis} != 0 || i_${axis} >= u.in_${axis}) { return -1; }`
    : `  let i_${axis} = origin.${axis} + i32(k_${axis}) * dilation_${axis};\n  if (i_${axis} < 0 || i_${axis} >= u.in_${axis}) { return -1; }`
  return `${constants}const window = ${volume(kernel)}u;
struct Place { base: u32, d: i32, h: i32, w: i32 }
fn place_of(column: u32, g: u32) -> Place {
  var p = column % u.plane_out;
  let base = ((column / u.plane_out) * u.groups + g) * u.channels * u.plane_in;
${starts}
  return Place(base, ${AXES.map(start).join(', ')});
}
fn at_window(origin: Place, k_d: u32, k_h: u32, k_w: u32) -> i32 {
${AXES.map(step).join('\n')}
  return (i_d * u.in_h + i_h) * u.in_w + i_w;
}
`
}

function uniformsOf({ places, groups, channels, filters }: Convolution): GpuUniform[] {
  const { input: from, output: to, before } = places
  return [
    word('groups', groups), word('channels', channels), word('filters', filters), word('plane_in', volume(from)), word('plane_out', volume(to)),
    ...AXES.flatMap((axis, i): GpuUniform[] => [{ name: `in_${axis}`, type: 'i32', value: from[i] }, word(`out_${axis}`, to[i]), { name: `before_${axis}`, type: 'i32', value: before[i] }]),
  ]
}

/** Weight of filter `row` of a group for channel and window: [M, C, k], transposed [C, M, k]. */
function weightText({ isTransposed }: Convolution): string {
  return isTransposed
    ? 'fn weight(row: u32, c: u32, q: u32, g: u32) -> f32 { return a_at(((g * u.channels + c) * u.filters + row) * window + q); }\n'
    : 'fn weight(row: u32, c: u32, q: u32, g: u32) -> f32 { return a_at(((g * u.filters + row) * u.channels + c) * window + q); }\n'
}

/** A thread for each output: depthwise convolutions, small windows, and GPUs without parallel hardware. */
function direct(context: GpuContext, convolution: Convolution, outputs: number): GpuDispatch {
  const { hasBias } = convolution
  return linear(outputs, {
    reads: [input(context, 0, 'x'), input(context, 1, 'a'), ...(hasBias ? [input(context, 2, 'bias')] : [])], writes: [output(context, 0, 'y')], fusable: true,
    uniforms: uniformsOf(convolution), declarations: windowText(convolution) + weightText(convolution),
    body: `  let m = i / u.plane_out % (u.groups * u.filters);
  let n = i / u.plane_out / (u.groups * u.filters);
  let g = m / u.filters;
  let origin = place_of(n * u.plane_out + i % u.plane_out, g);
  var s = 0.0;
  for (var c = 0u; c < u.channels; c++) {
    for (var k_d = 0u; k_d < kernel_d; k_d++) { for (var k_h = 0u; k_h < kernel_h; k_h++) { for (var k_w = 0u; k_w < kernel_w; k_w++) {
      let at = at_window(origin, k_d, k_h, k_w);
      if (at >= 0) { s += x_at(origin.base + c * u.plane_in + u32(at)) * weight(m % u.filters, c, (k_d * kernel_h + k_h) * kernel_w + k_w, g); }
    } } }
  }
  y_put(i, s${hasBias ? ' + bias_at(m)' : ''});`,
  })
}

/** One tap without padding: a product of the weights and each image as it lies. */
function pointwise(context: GpuContext, { places, batch, groups, channels, filters, hasBias }: Convolution): readonly GpuDispatch[] {
  const plane = volume(places.output)
  const [vectorA, vectorB] = [channels % 4 === 0, plane % 4 === 0]
  const read = (name: string, place: string, vector: boolean): string => (vector ? `vec4<f32>(${name}_vec((${place}) >> 2u))` : `${name}_at(${place})`)
  const weights = '((batch % u.groups) * u.m + row) * u.k + k'
  return tiledProduct(context, {
    batch: batch * groups, m: filters, n: plane, k: channels, fusable: true,
    a: { along: 'terms', vector: vectorA }, b: { along: 'outer', vector: vectorB },
    reads: [input(context, 0, 'x', { vector: vectorB }), input(context, 1, 'a', { vector: vectorA }), ...(hasBias ? [input(context, 2, 'bias')] : [])], writes: [output(context, 0, 'y')],
    uniforms: [word('groups', groups)],
    declarations: `fn load_a${vectorA ? '4' : ''}(row: u32, k: u32, batch: u32) -> ${vectorA ? 'vec4<f32>' : 'f32'} { return ${read('a', weights, vectorA)}; }
fn load_b${vectorB ? '4' : ''}(k: u32, column: u32, batch: u32) -> ${vectorB ? 'vec4<f32>' : 'f32'} { return ${read('x', '(batch * u.k + k) * u.n + column', vectorB)}; }
fn store(row: u32, column: u32, batch: u32, value: f32) { y_put((batch * u.m + row) * u.n + column, value${hasBias ? ' + bias_at((batch % u.groups) * u.m + row)' : ''}); }
`,
  })
}

function convolve(context: GpuContext, convolution: Convolution): readonly GpuDispatch[] {
  const { places, batch, groups, channels, filters, isTransposed, hasBias } = convolution
  const outputs = batch * groups * filters * volume(places.output)
  const terms = channels * volume(places.kernel)
  if (filters < MIN_FILTERS || terms < 4 || !isTiled(context, outputs)) return [direct(context, convolution, outputs)]
  const isWhole = volume(places.kernel) === 1 && places.strides.every((stride) => stride === 1) && [...places.before, ...places.after].every((pad) => pad === 0) && volume(places.input) === volume(places.output)
  if (isWhole && !isTransposed && (batch === 1 || volume(places.output) >= MIN_PLANE)) return pointwise(context, convolution)
  const vector = !isTransposed && terms % 4 === 0
  return tiledProduct(context, {
    batch: groups, m: filters, n: batch * volume(places.output), k: terms, fusable: true, hasPlaces: true,
    a: { along: 'terms', vector }, b: { along: 'outer', vector: false },
    reads: [input(context, 0, 'x'), input(context, 1, 'a', { vector }), ...(hasBias ? [input(context, 2, 'bias')] : [])], writes: [output(context, 0, 'y')], uniforms: uniformsOf(convolution),
    declarations: `${windowText(convolution)}${vector
      ? 'fn load_a4(row: u32, k: u32, g: u32) -> vec4<f32> { return vec4<f32>(a_vec(((g * u.filters + row) * u.k + k) >> 2u)); }\n'
      : `${weightText(convolution)}fn load_a(row: u32, k: u32, g: u32) -> f32 { return weight(row, k / window, k % window, g); }\n`}fn load_b_at(k: u32, origin: Place) -> f32 {
  let q = k % window;
  let at = at_window(origin, q / (kernel_h * kernel_w), q / kernel_w % kernel_h, q % kernel_w);
  if (at < 0) { return 0.0; }
  return x_at(origin.base + (k / window) * u.plane_in + u32(at));
}
fn store(row: u32, column: u32, g: u32, value: f32) {
  let m = g * u.filters + row;
  y_put(((column / u.plane_out) * u.groups * u.filters + m) * u.plane_out + column % u.plane_out, value${hasBias ? ' + bias_at(m)' : ''});
}
`,
  })
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
