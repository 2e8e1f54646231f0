// Operators that read or write at indices computed in the run. An index outside reads and writes nothing: a GPU cannot raise an error.
import { int, text } from '../attributes.ts'
import { axisOf } from '../schemas/define.ts'
import { isArithmetic, isFloating, noDType, scalarOf } from './elementwise.ts'
import { stridesOf } from './indexing.ts'
import type { GpuContext, GpuDispatch, GpuKernel, GpuUniform } from './kernel.ts'
import { knownIntegers, need } from './movement.ts'
import { input, linear, output, word } from './wgsl.ts'

const product = (dims: readonly number[]): number => dims.reduce((total, dim) => total * dim, 1)

/** Updates of up to so many tuples that write single elements are walked by one thread each; more are left to cpu. */
const MAX_TUPLES = 4096

/** Constant indices outside their dimension are left to cpu, which says so. */
function isOutside({ constants }: GpuContext, index: number, dim: number): boolean {
  return knownIntegers(constants[index])?.some((place) => place < -dim || place >= dim) === true
}

const OUTSIDE = 'an index is outside its dimension'

/** The zero of the output's type. */
function zero({ outputs }: GpuContext): string {
  const scalar = scalarOf(outputs[0])
  return scalar === 'f32' ? '0.0' : scalar === 'bool' ? 'false' : scalar === 'i32' ? '0i' : '0u'
}

// data [outer, dim, inner], indices [count] -> y [outer, count, inner]
const gather: GpuKernel = (context) => {
  const { attributes, inputs: [data, indices], outputs: [y] } = context
  const { shape } = need(data)
  const axis = axisOf(int(attributes, 'axis', 0), shape.length)
  if (isOutside(context, 1, shape[axis])) return OUTSIDE
  if (need(y).size === 0) return []
  return [linear(need(y).size, {
    reads: [input(context, 0, 'x'), input(context, 1, 'k')], writes: [output(context, 0, 'y')],
    uniforms: [word('inner', product(shape.slice(axis + 1))), word('count', need(indices).size), word('dim', shape[axis])],
    body: `  let inner = i % u.inner;\n  let row = i / u.inner;\n  let q = k_at(row % u.count);\n  let place = select(q, q + i32(u.dim), q < 0);
  var v = ${zero(context)};\n  if (place >= 0 && place < i32(u.dim)) { v = x_at((row / u.count * u.dim + u32(place)) * u.inner + inner); }\n  y_put(i, v);`,
    fusable: true,
  })]
}

// index [any] bool, i32 or i64, classes [n] of any dtype but text -> y [any] of that dtype
const labelLookup: GpuKernel = (context) => {
  const { inputs: [index, classes], outputs: [y] } = context
  const [at, labels] = [need(index), need(classes)]
  if (isOutside(context, 0, labels.size)) return OUTSIDE
  if (need(y).size === 0) return []
  const place = at.dtype === 'bool' ? 'select(0i, 1i, k_at(i))' : 'k_at(i)'
  return [linear(at.size, {
    reads: [input(context, 0, 'k'), input(context, 1, 'x')], writes: [output(context, 0, 'y')], uniforms: [word('dim', labels.size)], fusable: true,
    body: `  let place = ${place};\n  var v = ${zero(context)};\n  if (place >= 0 && place < i32(u.dim)) { v = x_at(u32(place)); }\n  y_put(i, v);`,
  })]
}

/** Uniforms and statements that turn the linear index `i` over `along` into `at` in data of `shape`, with the indexed axis left out. */
function elementPlace(shape: readonly number[], along: readonly number[], axis: number): { uniforms: GpuUniform[]; lines: string } {
  const strides = stridesOf(shape)
  const uniforms: GpuUniform[] = [word('stride', strides[axis]), word('dim', shape[axis])]
  const lines = ['  var r = i;', '  var at = 0u;']
  for (let other = along.length - 1; other >= 0; other--) {
    uniforms.push(word(`m${other}`, along[other]))
    if (other !== axis) {
      uniforms.push(word(`s${other}`, strides[other]))
      lines.push(`  at += (r % u.m${other}) * u.s${other};`)
    }
    lines.push(`  r /= u.m${other};`)
  }
  return { uniforms, lines: lines.join('\n') }
}

// data, indices [...] -> y like the indices
const gatherElements: GpuKernel = (context) => {
  const { attributes, inputs: [data, indices], outputs: [y] } = context
  const { shape } = need(data)
  if (need(y).size === 0) return []
  const axis = axisOf(int(attributes, 'axis', 0), shape.length)
  if (isOutside(context, 1, shape[axis])) return OUTSIDE
  const { uniforms, lines } = elementPlace(shape, need(indices).shape, axis)
  return [linear(need(y).size, {
    reads: [input(context, 0, 'x'), input(context, 1, 'k')], writes: [output(context, 0, 'y')], uniforms,
    body: `${lines}\n  let q = k_at(i);\n  let place = select(q, q + i32(u.dim), q < 0);\n  var v = ${zero(context)};
  if (place >= 0 && place < i32(u.dim)) { v = x_at(at + u32(place) * u.stride); }\n  y_put(i, v);`,
    fusable: true,
  })]
}

function copyAll(context: GpuContext): GpuDispatch[] {
  const y = need(context.outputs[0])
  return y.size === 0 ? [] : [linear(y.size, { reads: [input(context, 0, 'x')], writes: [output(context, 0, 'y')], body: '  y_put(i, x_at(i));' })]
}

/** How an update joins the element that is there; undefined where the dtype has no arithmetic on the device. */
function combined(context: GpuContext, old: string, update: string): string | undefined {
  const { dtype } = need(context.inputs[0])
  const reduction = text(context.attributes, 'reduction', 'none')
  if (reduction === 'none') return update
  if (!isArithmetic(dtype)) return undefined
  if (reduction === 'add') return `${old} + ${update}`
  if (reduction === 'mul') return `${old} * ${update}`
  return `${isFloating(dtype) ? 'mle_' : ''}${reduction}(${old}, ${update})`
}

// data, indices, updates [...] -> y like the data. One thread for each line along the axis, so that equal indices are written in order.
const scatterElements: GpuKernel = (context) => {
  const { attributes, inputs: [data, indices] } = context
  const { shape } = need(data)
  const along = need(indices).shape
  const axis = axisOf(int(attributes, 'axis', 0), shape.length)
  if (isOutside(context, 1, shape[axis])) return OUTSIDE
  const value = combined(context, 'y_at(o)', 'w_at(j)')
  if (value === undefined) return noDType(context)
  const steps = along[axis]
  const lines = product(along) / Math.max(1, steps)
  if (need(indices).size === 0) return copyAll(context)
  const own = along.map((dim, other) => (other === axis ? 1 : dim))
  const place = elementPlace(shape, own, axis)
  const stride = stridesOf(along)
  const from = place.lines.replaceAll('var r = i', 'var q = i').replaceAll('var at = 0u', 'var base = 0u').replaceAll('r /=', 'q /=').replaceAll('(r %', '(q %').replaceAll('at +=', 'base +=').replaceAll('* u.s', '* u.t')
  return [...copyAll(context), linear(lines, {
    reads: [input(context, 1, 'k'), input(context, 2, 'w')], writes: [output(context, 0, 'y')],
    uniforms: [...place.uniforms, ...stride.flatMap((step, other) => (other === axis ? [] : [word(`t${other}`, step)])), word('steps', steps), word('step', stride[axis])],
    body: `${place.lines}\n${from}\n  for (var e = 0u; e < u.steps; e++) {\n    let j = base + e * u.step;\n    let p = k_at(j);\n    let place = select(p, p + i32(u.dim), p < 0);
    if (place < 0 || place >= i32(u.dim)) { continue; }\n    let o = at + u32(place) * u.stride;\n    y_put(o, ${value});\n  }`,
  })]
}

/** Statements that set `at` to the place of tuple `t` in data of `shape` from axis `first` on, and `inside`. */
function tuplePlace(shape: readonly number[], first: number, width: number): { uniforms: GpuUniform[]; lines: string } {
  const strides = stridesOf(shape)
  const uniforms: GpuUniform[] = [word('width', width)]
  const lines: string[] = []
  for (let k = 0; k < width; k++) {
    uniforms.push(word(`n${k}`, shape[first + k]), word(`s${k}`, strides[first + k]))
    lines.push(`{ let q = k_at(t * u.width + ${k}u); let p = select(q, q + i32(u.n${k}), q < 0); if (p < 0 || p >= i32(u.n${k})) { inside = false; } else { at += u32(p) * u.s${k}; } }`)
  }
  return { uniforms, lines: lines.join('\n') }
}

function isTupleOutside({ constants }: GpuContext, shape: readonly number[], first: number, width: number): boolean {
  return knownIntegers(constants[1])?.some((place, i) => place < -shape[first + (i % width)] || place >= shape[first + (i % width)]) === true
}

// data [batch..., dims..., slice...], indices [batch..., tuples..., width] -> y [batch..., tuples..., slice...]
const gatherND: GpuKernel = (context) => {
  const { attributes, inputs: [data, indices], outputs: [y] } = context
  const { shape } = need(data)
  const along = need(indices).shape
  const batch = int(attributes, 'batch_dims', 0)
  const width = along[along.length - 1]
  if (isTupleOutside(context, shape, batch, width)) return OUTSIDE
  if (need(y).size === 0) return []
  const { uniforms, lines } = tuplePlace(shape, batch, width)
  const tuples = product(along.slice(batch, -1))
  return [linear(need(y).size, {
    reads: [input(context, 0, 'x'), input(context, 1, 'k')], writes: [output(context, 0, 'y')],
    uniforms: [...uniforms, word('slice', product(shape.slice(batch + width))), word('tuples', tuples), word('each', product(shape.slice(batch)))],
    body: `  let t = i / u.slice;\n  var at = t / u.tuples * u.each + i % u.slice;\n  var inside = true;\n${lines}\n  var v = ${zero(context)};\n  if (inside) { v = x_at(at); }\n  y_put(i, v);`,
    fusable: true,
  })]
}

// data [dims..., slice...], indices [tuples..., width], updates [tuples..., slice...] -> y like the data. One thread for each element of
// a slice walks the tuples in order.
const scatterND: GpuKernel = (context) => {
  const { inputs: [data, indices] } = context
  const { shape } = need(data)
  const along = need(indices).shape
  const width = along[along.length - 1]
  const tuples = product(along.slice(0, -1))
  const slice = product(shape.slice(width))
  if (isTupleOutside(context, shape, 0, width)) return OUTSIDE
  if (tuples > MAX_TUPLES && slice < 64) return `${tuples} updates of ${slice} elements are faster on the host`
  const value = combined(context, 'y_at(at)', 'w_at(t * u.slice + i)')
  if (value === undefined) return noDType(context)
  if (tuples * slice === 0) return copyAll(context)
  const { uniforms, lines } = tuplePlace(shape, 0, width)
  return [...copyAll(context), linear(slice, {
    reads: [input(context, 1, 'k'), input(context, 2, 'w')], writes: [output(context, 0, 'y')], uniforms: [...uniforms, word('slice', slice), word('tuples', tuples)],
    body: `  for (var t = 0u; t < u.tuples; t++) {\n  var at = i;\n  var inside = true;\n${lines}\n  if (inside) { y_put(at, ${value}); }\n  }`,
  })]
}

// past_cache [batch, ..., n, ...], update [batch, ..., s, ...], write_indices [batch] -> present_cache like the cache
const tensorScatter: GpuKernel = (context) => {
  const { attributes, inputs: [cache, update, positions] } = context
  const { shape } = need(cache)
  const axis = axisOf(int(attributes, 'axis', -2), shape.length)
  const circular = text(attributes, 'mode', 'linear') === 'circular'
  const steps = need(update).shape[axis]
  if (need(update).size === 0) return copyAll(context)
  return [...copyAll(context), linear(need(update).size, {
    reads: [input(context, 1, 'w'), ...(positions === undefined ? [] : [input(context, 2, 'k')])], writes: [output(context, 0, 'y')],
    uniforms: [word('inner', product(shape.slice(axis + 1))), word('steps', steps), word('n', shape[axis]), word('per_batch', product(shape.slice(1, axis)))],
    body: `  let inner = i % u.inner;\n  let s = i / u.inner % u.steps;\n  let block = i / u.inner / u.steps;\n  let start = ${positions === undefined ? '0u' : 'u32(max(k_at(block / u.per_batch), 0))'};
  let place = ${circular ? '(start + s) % u.n' : 'start + s'};\n  if (place < u.n) { y_put((block * u.n + place) * u.inner + inner, w_at(i)); }`,
  })]
}

export const indexKernels: readonly (readonly [string, GpuKernel])[] = [
  ['Gather', gather],
  ['mle.LabelLookup', labelLookup],
  ['GatherElements', gatherElements],
  ['ScatterElements', scatterElements],
  ['GatherND', gatherND],
  ['ScatterND', scatterND],
  ['TensorScatter', tensorScatter],
]
