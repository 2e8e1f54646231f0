// Operators that compute each element from one element of each input.
import type { View } from '../kernel.ts'
import type { GpuKernel } from './kernel.ts'
import { linearShader, linearWorkgroups } from './wgsl.ts'

function isFloat32(view: View | undefined): view is View {
  return view?.dtype === 'float32'
}

// x [...] f32 -> y [...] f32
export function unary(expression: string): GpuKernel {
  const code = linearShader({ reads: ['x'], writes: ['y'], uniforms: [], body: `  y[i] = ${expression};` })
  return ({ inputs: [x], outputs: [y] }) => {
    if (!isFloat32(x) || !isFloat32(y)) return undefined
    return y.size === 0 ? [] : [{ code, reads: [0], writes: [0], uniforms: [y.size], workgroups: linearWorkgroups(y.size) }]
  }
}

// a [...] f32, b [...] f32 -> y [...] f32, where each input is y's shape or a suffix of it: row-major, so that its element
// for i is i modulo its size. Other broadcasts are left to cpu.
export function binary(expression: string): GpuKernel {
  const body = `  let p = a[i % u.sizeA];\n  let q = b[i % u.sizeB];\n  y[i] = ${expression};`
  const code = linearShader({ reads: ['a', 'b'], writes: ['y'], uniforms: ['sizeA', 'sizeB'], body })
  return ({ inputs: [a, b], outputs: [y] }) => {
    if (!isFloat32(a) || !isFloat32(b) || !isFloat32(y) || !isSuffix(a.shape, y.shape) || !isSuffix(b.shape, y.shape)) return undefined
    return y.size === 0 ? [] : [{ code, reads: [0, 1], writes: [0], uniforms: [y.size, a.size, b.size], workgroups: linearWorkgroups(y.size) }]
  }
}

/** True when `shape` without leading ones is the end of `whole`. */
function isSuffix(shape: readonly number[], whole: readonly number[]): boolean {
  let first = 0
  while (first < shape.length && shape[first] === 1) first++
  const lead = whole.length - shape.length
  return shape.every((dim, axis) => axis < first || dim === whole[lead + axis])
}
