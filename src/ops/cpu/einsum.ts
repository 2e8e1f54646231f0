// Einsum: one accumulator for each output, summed axes in their order in the equation, the last one innermost.
import { isFloat } from '../../tensor/dtype.ts'
import { stridesOf } from '../../tensor/shape.ts'
import { text } from '../attributes.ts'
import { einsumPlan } from '../einsum.ts'
import type { Kernel, KernelContext, KernelEntry } from '../kernel.ts'
import { dtypeOf } from './elementwise.ts'
import { view } from './moving.ts'
import { numbers, perShape, type Numbers } from './nest.ts'
import { widened } from './widen.ts'

interface Loops {
  readonly sizes: readonly number[]
  /** Steps of each input along each loop. */
  readonly steps: readonly (readonly number[])[]
  /** How many loops run over the output; the others sum. */
  readonly outer: number
}

// Inputs [any] -> Output by the equation
function makeEinsum(context: KernelContext): Kernel {
  const equation = text(context.attributes, 'equation', '')
  const round = dtypeOf(context) === 'float32' ? Math.fround : (x: number): number => x
  const layout = perShape((inputs): Loops => {
    const shapes = inputs.map((input) => view(input).shape)
    const plan = einsumPlan(equation, shapes.map((shape) => shape.length))
    const labels = [...plan.output, ...plan.summed]
    const sizes = labels.map((label) => {
      const dims = plan.inputs.flatMap((own, i) => own.flatMap((other, axis) => (other === label ? [shapes[i][axis]] : [])))
      return dims.find((dim) => dim !== 1) ?? 1
    })
    // A label that an input has twice walks its diagonal; a dimension of 1 stands still.
    const steps = plan.inputs.map((own, i) => {
      const strides = stridesOf(shapes[i])
      return labels.map((label) => own.reduce((sum, other, axis) => sum + (other === label && shapes[i][axis] !== 1 ? strides[axis] : 0), 0))
    })
    return { sizes, steps, outer: plan.output.length }
  })
  const data: Numbers[] = []
  const at: number[] = []
  let loops: Loops
  let y: Numbers
  let o = 0
  let sum = 0
  const visit = (loop: number): void => {
    if (loop === loops.outer) sum = 0
    if (loop === loops.sizes.length) {
      let term = data[0][at[0]]
      for (let i = 1; i < at.length; i++) term = round(term * data[i][at[i]])
      sum = round(sum + term)
    } else {
      const size = loops.sizes[loop]
      for (let e = 0; e < size; e++) {
        visit(loop + 1)
        for (let i = 0; i < at.length; i++) at[i] += loops.steps[i][loop]
      }
      for (let i = 0; i < at.length; i++) at[i] -= size * loops.steps[i][loop]
    }
    if (loop === loops.outer) y[o++] = sum
  }
  return (inputs, outputs) => {
    loops = layout(inputs, outputs)
    for (let i = 0; i < inputs.length; i++) {
      data[i] = numbers(inputs[i])
      at[i] = 0
    }
    y = numbers(outputs[0])
    o = 0
    visit(0)
  }
}

export const einsumKernels: readonly (readonly [string, KernelEntry])[] = [
  // Integer sums stay exact below 2^53.
  ['Einsum', { make: (context) => widened(makeEinsum, (dtype) => dtype !== 'float32' && dtype !== 'float64', isFloat(dtypeOf(context)) ? 'float32' : 'float64')(context) }],
]
