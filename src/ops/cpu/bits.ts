// Kernels over the bits of integers. Storing a 32-bit result into a narrower array keeps its low bits.
import { text } from '../attributes.ts'
import type { Kernel, KernelEntry, View } from '../kernel.ts'
import type { DType } from '../../tensor/dtype.ts'
import { binaryEntry, eachWide, pairs, unaryEntry, widePairs, type BinaryLoops } from './elementwise.ts'
import type { Numbers } from './nest.ts'

function bitwise(f: (a: number, b: number) => number): BinaryLoops {
  return {
    float64: pairs(f),
    wide: widePairs((y, o, a, i, b, j) => {
      const low = f(a[i], b[j])
      y[o + 1] = f(a[i + 1], b[j + 1])
      y[o] = low
    }),
  }
}

const BITS: ReadonlyMap<DType, number> = new Map<DType, number>([['uint8', 8], ['uint16', 16], ['uint32', 32]])

function shift(left: boolean, dtype: DType): BinaryLoops {
  const bits = BITS.get(dtype) ?? 64
  return {
    float64: pairs((a, count) => (count >= bits ? 0 : left ? (a << count) >>> 0 : a >>> count)),
    wide: widePairs((y, o, a, i, b, j) => {
      const count = b[j + 1] !== 0 || b[j] >= 64 ? 64 : b[j]
      const [low, high] = [a[i], a[i + 1]]
      const rest = count & 31
      if (count === 64) {
        y[o] = 0
        y[o + 1] = 0
      } else if (left) {
        const carried = rest === 0 ? 0 : low >>> (32 - rest)
        y[o + 1] = count >= 32 ? low << rest : (high << rest) | carried
        y[o] = count >= 32 ? 0 : low << rest
      } else {
        const carried = rest === 0 ? 0 : high << (32 - rest)
        y[o] = count >= 32 ? high >>> rest : (low >>> rest) | carried
        y[o + 1] = count >= 32 ? 0 : high >>> rest
      }
    }),
  }
}

function bytesOf(view: View | undefined): Uint8Array {
  if (view === undefined || Array.isArray(view.data)) throw new TypeError('BitCast was called without a tensor of numbers')
  return new Uint8Array(view.data.buffer, view.data.byteOffset, view.data.byteLength)
}

// input [any] -> output [any] with the same bytes
const bitCast: Kernel = ([input], [output]) => bytesOf(output).set(bytesOf(input))

export const bitKernels: readonly (readonly [string, KernelEntry])[] = [
  ['BitwiseAnd', /* @__PURE__ */ binaryEntry(bitwise((a, b) => a & b))],
  ['BitwiseOr', /* @__PURE__ */ binaryEntry(bitwise((a, b) => a | b))],
  ['BitwiseXor', /* @__PURE__ */ binaryEntry(bitwise((a, b) => a ^ b))],
  ['BitwiseNot', /* @__PURE__ */ unaryEntry(not, not, eachWide((y, o, x) => {
    y[o] = ~x[o]
    y[o + 1] = ~x[o + 1]
  }))],
  ['BitShift', /* @__PURE__ */ binaryEntry((attributes, dtype) => shift(text(attributes, 'direction', 'LEFT') === 'LEFT', dtype))],
  ['BitCast', { make: () => bitCast }],
]

function not(y: Numbers, x: Numbers, n: number): void {
  for (let i = 0; i < n; i++) y[i] = ~x[i]
}
