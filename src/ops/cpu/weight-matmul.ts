// A product with weights of 16 or 8 bits: widened once where they are constant, then a product of float32.
import { int } from '../attributes.ts'
import { allocateView, type Kernel, type KernelContext, type KernelEntry, type View } from '../kernel.ts'
import { castLoop } from './cast.ts'
import { makeMatMul } from './matmul.ts'
import { view } from './moving.ts'
import { numbers, perShape } from './nest.ts'

/** W as float32 [depth, columns]: less its zero points, times its scales, rounded once. */
function widen(w: View, scale: View | undefined, zero: View | undefined, isTransposed: boolean): View {
  const plain = allocateView('float64', w.shape)
  castLoop(w.dtype, 'float64')(numbers(plain), numbers(w), w.size)
  const [depth, columns] = isTransposed ? [w.shape[1], w.shape[0]] : w.shape
  const whole = allocateView('float32', [depth, columns])
  const [x, y] = [numbers(plain), numbers(whole)]
  const of = (values: View | undefined, j: number, none: number): number => (values === undefined ? none : numbers(values)[values.size === 1 ? 0 : j])
  for (let k = 0, o = 0; k < depth; k++) {
    for (let j = 0; j < columns; j++, o++) y[o] = (x[isTransposed ? j * depth + k : o] - of(zero, j, 0)) * of(scale, j, 1)
  }
  return whole
}

// A [..., depth] f32, W [depth, columns] or transposed, scale and zero_point [] or [columns] -> Y [..., columns] f32
function makeWeightMatMul(context: KernelContext): Kernel {
  const isTransposed = int(context.attributes, 'transB', 0) !== 0
  const [, w, scale, zero] = context.constants
  const isConstant = w !== undefined && [2, 3].every((i) => context.inputTypes[i] === undefined || context.constants[i] !== undefined)
  const product = (b: View | undefined): Kernel => makeMatMul({ ...context, inputTypes: [context.inputTypes[0], { dtype: 'float32' }], constants: [undefined, b] })
  if (isConstant) {
    const b = widen(w, scale, zero, isTransposed)
    const multiply = product(b)
    return ([a], outputs) => multiply([a, b], outputs)
  }
  const multiply = perShape(() => product(undefined))
  return (inputs, outputs) => multiply(inputs, outputs)([inputs[0], widen(view(inputs[1]), inputs[2], inputs[3], isTransposed)], outputs)
}

export const weightMatMulKernels: readonly (readonly [string, KernelEntry])[] = [['mle.WeightMatMul', { make: makeWeightMatMul }]]
