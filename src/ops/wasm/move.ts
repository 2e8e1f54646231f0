// Rearranging memory on the wasm device.
import { stridesOf } from '../../tensor/shape.ts'
import { bytesPerElement } from '../../tensor/dtype.ts'
import { ints } from '../attributes.ts'
import { nestOf, perShape } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import { axisOf } from '../schemas/define.ts'
import { isTensorType } from '../types.ts'
import { offsetOf } from './memory.ts'
import { wasmFunction } from './module.ts'

/** Kernels over a host's memory, by operator key. */
export function wasmMoveKernels(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [['Transpose', { make: (context, fallback) => makeTranspose(host, context, fallback) }]]
}

// x [any] -> y, its axes in another order; more than four axes that do not merge are cpu's
function makeTranspose(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const type = context.inputTypes[0]
  if (!isTensorType(type) || type.dtype === 'string') return undefined
  const bytes = bytesPerElement(type.dtype)
  if (bytes !== 4 && bytes !== 8) return undefined
  const copy = wasmFunction(host.exports, bytes === 4 ? 'copy4' : 'copy8')
  const perm = ints(context.attributes, 'perm')
  const layout = perShape(([x], [y]) => {
    if (x === undefined || y === undefined || y.size === 0) return undefined
    const own = stridesOf(x.shape)
    const from = perm === undefined ? own.reverse() : perm.map((axis) => own[axisOf(axis, own.length)])
    const { sizes, strides, inner, steps } = nestOf(y.shape, [stridesOf(y.shape), from])
    if (sizes.length > 3) return undefined
    const lead = 3 - sizes.length
    const axis = (list: readonly number[], i: number, fill: number): number => (i < lead ? fill : list[i - lead])
    return { n: [0, 1, 2].map((i) => axis(sizes, i, 1)), steps: [0, 1, 2].map((i) => axis(strides[1], i, 0) * bytes), inner, step: steps[1] * bytes }
  })
  return (inputs, outputs) => {
    const [x] = inputs
    const [y] = outputs
    const own = layout(inputs, outputs)
    if (x === undefined || y === undefined || own === undefined) fallback(inputs, outputs)
    else copy(offsetOf(y), own.n[0], own.n[1], own.n[2], own.inner, offsetOf(x), own.steps[0], own.steps[1], own.steps[2], own.step)
  }
}
