// Einsum: one thread for each output sums over the other axes. Products of two matrices go to MatMul in most models; this is for the rest.
import { text } from '../attributes.ts'
import { einsumPlan } from '../einsum.ts'
import { isArithmetic, noDType, scalarOf } from './elementwise.ts'
import { strided, stridesOf } from './indexing.ts'
import type { GpuKernel, GpuUniform } from './kernel.ts'
import { need } from './movement.ts'
import { input, linear, output, word } from './wgsl.ts'

// Inputs [any] -> Output by the equation
const einsum: GpuKernel = (context) => {
  const { attributes, inputs, outputs: [y] } = context
  if (!isArithmetic(need(inputs[0]).dtype)) return noDType(context)
  const out = need(y)
  if (out.size === 0) return []
  const shapes = inputs.map((view) => need(view).shape)
  const plan = einsumPlan(text(attributes, 'equation', ''), shapes.map((shape) => shape.length))
  const sizeOf = (label: string): number => plan.inputs.flatMap((own, i) => own.flatMap((other, axis) => (other === label ? [shapes[i][axis]] : []))).find((dim) => dim !== 1) ?? 1
  // A label that an input has twice walks its diagonal; a dimension of 1 stands still.
  const stepsOf = (labels: readonly string[]): number[][] => plan.inputs.map((own, i) => {
    const strides = stridesOf(shapes[i])
    return labels.map((label) => own.reduce((sum, other, axis) => sum + (other === label && shapes[i][axis] !== 1 ? strides[axis] : 0), 0))
  })
  const outer = stepsOf(plan.output)
  const inner = stepsOf(plan.summed)
  const summed = plan.summed.map(sizeOf)
  const uniforms: GpuUniform[] = [word('terms', summed.reduce((product, dim) => product * dim, 1))]
  const texts: string[] = []
  inputs.forEach((_, i) => {
    for (const [name, shape, steps] of [[`outer${i}`, plan.output.map(sizeOf), outer[i]], [`inner${i}`, summed, inner[i]]] as const) {
      const indexing = strided(name, shape, steps)
      texts.push(indexing.text)
      uniforms.push(...indexing.uniforms)
    }
  })
  const zero = scalarOf(inputs[0]) === 'f32' ? '0.0' : scalarOf(inputs[0]) === 'i32' ? '0i' : '0u'
  return [linear(out.size, {
    reads: inputs.map((_, i) => input(context, i, `x${i}`)), writes: [output(context, 0, 'y')], uniforms, declarations: texts.join(''), fusable: true,
    body: `${inputs.map((_, i) => `  let b${i} = outer${i}(i);`).join('\n')}\n  var s = ${zero};\n  for (var t = 0u; t < u.terms; t++) { s += ${inputs.map((_, i) => `x${i}_at(b${i} + inner${i}(t))`).join(' * ')}; }\n  y_put(i, s);`,
  })]
}

export const einsumKernels: readonly (readonly [string, GpuKernel])[] = [['Einsum', einsum]]
