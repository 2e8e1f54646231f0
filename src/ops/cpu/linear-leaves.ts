// Trees whose leaves hold linear functions.
import { MleError } from '../../error.ts'
import { int } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'

/** Throws LINEAR_LEAVES unless starts ascend from 0 to `count`. */
function checkStarts(starts: Uint32Array, count: number, what: string): void {
  if (starts.length > 0 && starts[0] === 0 && starts[starts.length - 1] === count && starts.every((start, i) => i === 0 || start >= starts[i - 1])) return
  throw new MleError('LINEAR_LEAVES', `${what} does not ascend from 0 to ${count}`, { expected: count, actual: starts[starts.length - 1] })
}

function constantAt(context: KernelContext, index: number): View {
  const view = context.constants[index]
  if (view === undefined) throw new MleError('TREE_CONSTANT', `input ${index} must be an initializer, so that it can be checked before it is read`, { actual: index })
  return view
}

// x [rows, features] f64, leaves [rows, trees] i32; out [rows, outputs] f64
function makeLinearLeaves(context: KernelContext): Kernel {
  const outputs = int(context.attributes, 'outputs', 1)
  const leafStarts = (constantAt(context, 2).data as Uint32Array).slice()
  const termStarts = (constantAt(context, 5).data as Uint32Array).slice()
  const features = (constantAt(context, 6).data as Uint32Array).slice()
  const trees = leafStarts.length - 1
  const leafCount = constantAt(context, 3).size
  checkStarts(leafStarts, leafCount, 'leafStarts')
  checkStarts(termStarts, features.length, 'termStarts')
  if (termStarts.length !== leafCount + 1) throw new MleError('LINEAR_LEAVES', `there are ${termStarts.length - 1} lists of terms for ${leafCount} leaves`, { expected: leafCount, actual: termStarts.length - 1 })
  const needed = features.reduce((max, feature) => Math.max(max, feature + 1), 0)
  return ([xView, leafView, , constantView, valueView, , , coefficientView], [outView]) => {
    if (xView === undefined || leafView === undefined || constantView === undefined || valueView === undefined || coefficientView === undefined || outView === undefined) return
    const [rows, width] = xView.shape
    if (width < needed || leafView.shape[1] !== trees) {
      throw new MleError('LINEAR_LEAVES', `rows have ${width} features and ${leafView.shape[1]} leaves, expected at least ${needed} and exactly ${trees}`, { expected: needed, actual: width })
    }
    const x = xView.data as Float64Array
    const leaves = leafView.data as Int32Array
    const constants = constantView.data as Float64Array
    const values = valueView.data as Float64Array
    const coefficients = coefficientView.data as Float64Array
    const y = outView.data as Float64Array
    y.fill(0)
    for (let row = 0; row < rows; row++) {
      for (let t = 0; t < trees; t++) {
        const own = leaves[row * trees + t]
        const leaf = leafStarts[t] + own
        if (own < 0 || leaf >= leafStarts[t + 1]) throw new MleError('OP_INDEX', `row ${row} is in leaf ${own} of tree ${t}, which has ${leafStarts[t + 1] - leafStarts[t]}`, { actual: own })
        let sum = constants[leaf]
        for (let k = termStarts[leaf]; k < termStarts[leaf + 1]; k++) {
          const value = x[row * width + features[k]]
          if (value !== value) {
            sum = values[leaf]
            break
          }
          sum += coefficients[k] * value
        }
        y[row * outputs + (t % outputs)] += sum
      }
    }
  }
}

export const linearLeavesKernels: readonly (readonly [string, KernelEntry])[] = [['mle.LinearLeaves', { make: makeLinearLeaves }]]
