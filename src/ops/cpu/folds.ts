// Several inputs folded into one output, from the left; bounds.
import { is64BitInteger } from '../../tensor/dtype.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { ADD, MAX, MIN, binaryKernel, dtypeOf, isHalf, pickBinary, type BinaryLoops } from './elementwise.ts'
import { broadcastNest, numbers, perShape, walk, wordsOf, type Nest, type Numbers } from './nest.ts'
import { compareWide, copyWide } from './wide.ts'
import { widened } from './widen.ts'

/** Folds any number of inputs from the left into the output, then scales it if asked. */
function variadicEntry(loops: BinaryLoops, mean: boolean = false): KernelEntry {
  const make = (context: KernelContext): Kernel => {
    const dtype = dtypeOf(context)
    const words = wordsOf(dtype)
    const fold = binaryKernel(pickBinary(loops, dtype))
    const copy = copyBroadcast(words)
    const pair: (View | undefined)[] = [undefined, undefined]
    return (inputs, outputs) => {
      copy(inputs[0], outputs)
      for (let k = 1; k < inputs.length; k++) {
        pair[0] = outputs[0]
        pair[1] = inputs[k]
        fold(pair, outputs)
      }
      if (!mean) return
      const y = numbers(outputs[0])
      const size = outputs[0]?.size ?? 0
      for (let i = 0; i < size; i++) y[i] /= inputs.length
    }
  }
  return { make: widened(make, isHalf) }
}

/** y = x broadcast to its shape. */
function copyBroadcast(words: number): (input: View | undefined, outputs: readonly (View | undefined)[]) => void {
  let y: Numbers
  let x: Numbers
  let nest: Nest
  const layout = perShape((inputs, outputs) => broadcastNest(inputs, outputs, [words, words]))
  const one: (View | undefined)[] = [undefined]
  const row = (at: readonly number[]): void => {
    const step = nest.steps[1]
    for (let e = 0; e < nest.inner; e++) y[at[0] + e] = x[at[1] + e * step]
  }
  return (input, outputs) => {
    one[0] = input
    nest = layout(one, outputs)
    y = numbers(outputs[0])
    x = numbers(input)
    walk(nest, row)
  }
}

// x [any]; low, high scalars, optional. Bounds are read before the output is written: it may be in their place.
function makeClip(context: KernelContext): Kernel {
  if (is64BitInteger(dtypeOf(context))) return clipWide
  return ([input, low, high], [output]) => {
    const x = numbers(input)
    const y = numbers(output)
    const from = low === undefined ? -Infinity : numbers(low)[0]
    const to = high === undefined ? Infinity : numbers(high)[0]
    for (let i = 0; i < (output?.size ?? 0); i++) y[i] = Math.min(Math.max(x[i], from), to)
  }
}

const clipWide: Kernel = ([input, low, high], [output]) => {
  const x = numbers(input)
  const y = numbers(output)
  for (let o = 0; o < y.length; o += 2) {
    const above = low === undefined || compareWide(x, o, numbers(low), 0) >= 0
    const floor = above ? x : numbers(low)
    const at = above ? o : 0
    if (high !== undefined && compareWide(floor, at, numbers(high), 0) > 0) copyWide(y, o, numbers(high), 0)
    else copyWide(y, o, floor, at)
  }
}

export const foldKernels: readonly (readonly [string, KernelEntry])[] = [
  ['Max', /* @__PURE__ */ variadicEntry(MAX)],
  ['Min', /* @__PURE__ */ variadicEntry(MIN)],
  ['Sum', /* @__PURE__ */ variadicEntry(ADD)],
  ['Mean', /* @__PURE__ */ variadicEntry(ADD, true)],
  ['Clip', { make: /* @__PURE__ */ widened(makeClip, isHalf) }],
]
