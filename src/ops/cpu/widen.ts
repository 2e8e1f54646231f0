// Kernels for dtypes that have no arithmetic of their own: elements are brought to a wider float, computed there and
// rounded back.
import type { DType } from '../../tensor/dtype.ts'
import { allocateView, type Kernel, type KernelContext, type View } from '../kernel.ts'
import { isTensorType, type ValueType } from '../types.ts'
import { castLoop, type CastLoop } from './cast.ts'
import { numbers, perShape } from './nest.ts'

type Make = (context: KernelContext) => Kernel
type Views = readonly (View | undefined)[]

interface Converted {
  readonly inputs: (View | undefined)[]
  readonly outputs: (View | undefined)[]
}

/**
 * Makes a kernel that computes in `wide` wherever the inputs or outputs numbered below `leading` are of a dtype that
 * `which` picks; without any it is the kernel itself.
 */
export function widened(make: Make, which: (dtype: DType) => boolean, wide: 'float32' | 'float64' = 'float32', leading: number = Infinity): Make {
  const picked = (type: ValueType | undefined, index: number): DType | undefined => (index < leading && isTensorType(type) && type.dtype !== wide && which(type.dtype) ? type.dtype : undefined)
  return (context) => {
    const from = context.inputTypes.map(picked)
    const to = context.outputTypes.map(picked)
    if (![...from, ...to].some((dtype) => dtype !== undefined)) return make(context)
    const widen = (dtypes: readonly (DType | undefined)[]) => (type: ValueType | undefined, i: number): ValueType | undefined =>
      dtypes[i] !== undefined && isTensorType(type) ? { dtype: wide, shape: type.shape } : type
    const kernel = make({
      ...context,
      inputTypes: context.inputTypes.map(widen(from)),
      outputTypes: context.outputTypes.map(widen(to)),
      constants: context.constants.map((view, i) => (from[i] === undefined ? view : undefined)),
    })
    const into = from.map((dtype) => dtype && castLoop(dtype, wide))
    const back = to.map((dtype) => dtype && castLoop(wide, dtype))
    const memory = perShape((inputs, outputs): Converted => ({ inputs: inputs.map(copyFor(into, wide)), outputs: outputs.map(copyFor(back, wide)) }))
    return (inputs, outputs) => {
      const copies = memory(inputs, outputs)
      convert(into, inputs, copies.inputs)
      for (let i = 0; i < outputs.length; i++) if (back[i] === undefined) copies.outputs[i] = outputs[i]
      kernel(copies.inputs, copies.outputs)
      for (let i = 0; i < outputs.length; i++) {
        const loop = back[i]
        const output = outputs[i]
        if (loop !== undefined && output !== undefined) loop(numbers(output), numbers(copies.outputs[i]), output.size)
      }
    }
  }
}

const copyFor = (loops: readonly (CastLoop | undefined)[], wide: DType) => (view: View | undefined, i: number): View | undefined =>
  view !== undefined && loops[i] !== undefined ? allocateView(wide, view.shape) : undefined

function convert(loops: readonly (CastLoop | undefined)[], views: Views, copies: (View | undefined)[]): void {
  for (let i = 0; i < views.length; i++) {
    const loop = loops[i]
    const view = views[i]
    if (loop === undefined || view === undefined) copies[i] = view
    else loop(numbers(copies[i]), numbers(view), view.size)
  }
}
