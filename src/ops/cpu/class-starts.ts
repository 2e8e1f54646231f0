import { MleError } from '../../error.ts'
import type { View } from '../kernel.ts'

/** Where the support vectors of each class begin, and the end of the last. */
export function classStarts(counts: View | undefined, nVectors: number): Int32Array {
  const data = counts?.data
  if (!(data instanceof Int32Array)) throw new TypeError('expected int32')
  const starts = new Int32Array(data.length + 1)
  for (let c = 0; c < data.length; c++) {
    if (data[c] < 0 || data[c] > nVectors - starts[c]) throw new MleError('OP_VALUE', `counts of support vectors exceed ${nVectors}`, { expected: nVectors })
    starts[c + 1] = starts[c] + data[c]
  }
  if (starts[data.length] !== nVectors) throw new MleError('OP_VALUE', `counts of support vectors add up to ${starts[data.length]}, expected ${nVectors}`, { expected: nVectors, actual: starts[data.length] })
  return starts
}
