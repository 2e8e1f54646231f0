// Products of stacks of matrices, by the tiles of linear.ts; those of integers one term after the other.
import { is64BitInteger, isFloat } from '../../tensor/dtype.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { dtypeOf, isHalf } from './elementwise.ts'
import { packer, stackOf, tiledProduct, tilesOf, type Stack } from './linear.ts'
import { numbers, perShape } from './nest.ts'
import { addWide, mulWide } from './wide.ts'
import { widened } from './widen.ts'

// A [..., rows, depth], B [..., depth, columns] -> Y [..., rows, columns]
export function makeMatMul(context: KernelContext): Kernel {
  const dtype = dtypeOf(context)
  const layout = perShape(stackOf)
  if (!isFloat(dtype)) return integerMatMul(is64BitInteger(dtype), layout)
  const product = tiledProduct(tilesOf(dtype))
  const packed = packer(context, dtype)
  return (inputs, outputs) => {
    const [a, b] = inputs
    if (a === undefined || b === undefined) return
    const { rows, depth, columns, a: startsA, b: startsB } = layout(inputs, outputs)
    const y = numbers(outputs[0])
    const p = columns === 1 ? numbers(b) : packed(b, depth, columns)
    for (let i = 0; i < startsA.length; i++) product(numbers(a), startsA[i], depth, 1, p, startsB[i], true, y, i * rows * columns, rows, depth, columns)
  }
}

function integerMatMul(wide: boolean, layout: (inputs: readonly (View | undefined)[], outputs: readonly (View | undefined)[]) => Stack): Kernel {
  const term = new Int32Array(2)
  return (inputs, outputs) => {
    const { rows, depth, columns, a: startsA, b: startsB } = layout(inputs, outputs)
    const [a, b, y] = [numbers(inputs[0]), numbers(inputs[1]), numbers(outputs[0])]
    for (let o = 0; o < y.length; o++) y[o] = 0
    for (let s = 0, o = 0; s < startsA.length; s++) {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++, o++) {
          for (let k = 0; k < depth; k++) {
            const i = startsA[s] + row * depth + k
            const j = startsB[s] + k * columns + column
            if (wide) {
              mulWide(term, 0, a, 2 * i, b, 2 * j)
              addWide(y, 2 * o, y, 2 * o, term, 0)
            } else y[o] += Math.imul(a[i], b[j])
          }
        }
      }
    }
  }
}

export const matMulKernels: readonly (readonly [string, KernelEntry])[] = [['MatMul', { make: /* @__PURE__ */ widened(makeMatMul, isHalf) }]]
