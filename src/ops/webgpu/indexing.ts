// One generator for all index arithmetic: from a linear index over a shape to the offset in an operand with strides.
import type { GpuUniform } from './kernel.ts'
import { word } from './wgsl.ts'

/** An index function: its text, and the uniform fields that it reads. */
export interface Indexing {
  /** Declares `fn NAME(i: u32) -> u32`. */
  readonly text: string
  readonly uniforms: readonly GpuUniform[]
}

/** Row-major strides in elements. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  for (let axis = shape.length - 1, step = 1; axis >= 0; step *= shape[axis--]) strides[axis] = step
  return strides
}

/** Strides with which `shape` is read over `whole`, which it broadcasts to: 0 along broadcast axes. */
export function broadcastStrides(shape: readonly number[], whole: readonly number[]): number[] {
  const own = stridesOf(shape)
  const lead = whole.length - shape.length
  return whole.map((_, axis) => (axis < lead || shape[axis - lead] === 1 ? 0 : own[axis - lead]))
}

/** Axes merged where one stride spans both, axes of one element left out: fewer divisions, and fewer different shaders. */
export function collapse(shape: readonly number[], strides: readonly number[]): { shape: number[]; strides: number[] } {
  const dims: number[] = []
  const steps: number[] = []
  shape.forEach((dim, axis) => {
    if (dim === 1) return
    const last = dims.length - 1
    if (last >= 0 && steps[last] === strides[axis] * dim) {
      dims[last] *= dim
      steps[last] = strides[axis]
    } else {
      dims.push(dim)
      steps.push(strides[axis])
    }
  })
  return { shape: dims, strides: steps }
}

/**
 * The offset of element `i` of `shape`, counted row-major, in an operand with `strides`. Sizes are uniform fields, so that shapes of one
 * structure share a pipeline. Negative strides wrap around in u32 as they should.
 *
 * @param offset of element 0
 */
export function strided(name: string, shape: readonly number[], strides: readonly number[], offset: number = 0): Indexing {
  const { shape: dims, strides: steps } = collapse(shape, strides)
  const uniforms: GpuUniform[] = []
  const field = (letter: string, value: number): string => {
    uniforms.push(word(`${name}_${letter}`, value >>> 0))
    return `u.${name}_${letter}`
  }
  const start = offset === 0 ? '0u' : field('o', offset)
  if (dims.length === 0) return { text: `fn ${name}(i: u32) -> u32 { return ${start}; }\n`, uniforms }
  if (dims.length === 1) {
    const text = steps[0] === 1 ? 'i' : steps[0] === 0 ? '0u' : `i * ${field('s0', steps[0])}`
    return { text: `fn ${name}(i: u32) -> u32 { return ${start === '0u' ? text : `${start} + ${text}`}; }\n`, uniforms }
  }
  const lines = [`fn ${name}(i: u32) -> u32 {`, '  var r = i;', `  var at = ${start};`]
  for (let axis = dims.length - 1; axis > 0; axis--) {
    const dim = field(`d${axis}`, dims[axis])
    if (steps[axis] !== 0) lines.push(steps[axis] === 1 ? `  at += r % ${dim};` : `  at += (r % ${dim}) * ${field(`s${axis}`, steps[axis])};`)
    lines.push(`  r /= ${dim};`)
  }
  if (steps[0] !== 0) lines.push(steps[0] === 1 ? '  at += r;' : `  at += r * ${field('s0', steps[0])};`)
  return { text: [...lines, '  return at;', '}', ''].join('\n'), uniforms }
}

/** As `strided`, for an operand that broadcasts to `whole`. */
export function broadcast(name: string, shape: readonly number[], whole: readonly number[]): Indexing {
  return strided(name, whole, broadcastStrides(shape, whole))
}

/** True where the operand is read element by element in order. */
export function isIdentity(shape: readonly number[], whole: readonly number[]): boolean {
  const { shape: dims, strides } = collapse(whole, broadcastStrides(shape, whole))
  return dims.length === 0 || (dims.length === 1 && strides[0] === 1)
}
