// Class labels by position.
import { MleError } from '../../error.ts'
import { is64BitInteger } from '../../tensor/dtype.ts'
import type { Kernel, KernelEntry, View } from '../kernel.ts'

// index [any] bool, i32 or i64 as word pairs; classes [n] of any dtype; out [any] of that dtype
function makeLabelLookup(): Kernel {
  return (inputs, outputs) => {
    const [index, classes] = inputs
    const out = outputs[0]
    if (index === undefined || classes === undefined || out === undefined) return
    const count = classes.size
    const positions = index.data as Int32Array
    const wide = index.dtype === 'int64'
    const words = is64BitInteger(classes.dtype) ? 2 : 1
    // One element type at run time; TypeScript cannot pair the arrays of two views.
    const from = classes.data as Int32Array
    const to = out.data as Int32Array
    for (let i = 0; i < index.size; i++) {
      const position = wide ? positions[2 * i] : positions[i]
      if (position < 0 || position >= count || (wide && positions[2 * i + 1] !== 0)) throw outside(index, i, count)
      if (words === 1) to[i] = from[position]
      else {
        to[2 * i] = from[2 * position]
        to[2 * i + 1] = from[2 * position + 1]
      }
    }
  }
}

function outside(index: View, at: number, count: number): MleError {
  return new MleError('OP_INDEX', `class position at element ${at} is outside [0, ${count})`, { expected: count, actual: Number(index.data[index.dtype === 'int64' ? 2 * at : at]) })
}

export const labelKernels: readonly (readonly [string, KernelEntry])[] = [['mle.LabelLookup', { make: makeLabelLookup }]]
