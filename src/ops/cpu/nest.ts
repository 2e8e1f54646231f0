// What the cpu kernels share: memory as plain numbers, results kept per shape, and loops over operands with strides.
import { is64BitInteger, type DType } from '../../tensor/dtype.ts'
import { broadcastStrides } from '../../tensor/shape.ts'
import type { View } from '../kernel.ts'

/** Kernel memory of any numeric dtype; two words for a 64-bit integer. */
export interface Numbers {
  readonly length: number
  [index: number]: number
}

/** The memory of a view; strings too, which kernels only copy and compare. */
export function numbers(view: View | undefined): Numbers {
  if (view === undefined) throw new TypeError('a kernel was called without an input that it needs')
  return view.data as unknown as Numbers
}

/** The memory of a float64 view, for kernels that know no other dtype. */
export function float64Of(view: View | undefined): Float64Array {
  if (view?.data instanceof Float64Array) return view.data
  throw new TypeError('expected float64')
}

/** The number of words that an element takes: 2 for 64-bit integers. */
export function wordsOf(dtype: DType): number {
  return is64BitInteger(dtype) ? 2 : 1
}

type Views = readonly (View | undefined)[]

/** Shapes that a kernel remembers at once: sessions and row blocks of one model alternate between few. */
const MAX_KEPT = 8

interface Kept<T> {
  readonly shapes: readonly (readonly number[] | undefined)[]
  readonly values: readonly number[]
  readonly result: T
}

/**
 * Calls `build` once per set of shapes of inputs and outputs and of the values of the inputs numbered in `valueInputs`, so
 * that a kernel allocates nothing when it sees them again.
 */
export function perShape<T>(build: (inputs: Views, outputs: Views) => T, valueInputs: readonly number[] = []): (inputs: Views, outputs: Views) => T {
  const kept: Kept<T>[] = []
  // Apart, because a closure over the arguments would cost every call an allocation.
  const add = (inputs: Views, outputs: Views): T => {
    const shapes = [...inputs, ...outputs].map((view) => view?.shape)
    const values = valueInputs.flatMap((index) => (inputs[index] === undefined ? [] : Array.from(numbers(inputs[index]))))
    const result = build(inputs, outputs)
    if (kept.length === MAX_KEPT) kept.pop()
    kept.unshift({ shapes, values, result })
    return result
  }
  return (inputs, outputs) => {
    for (let i = 0; i < kept.length; i++) if (isSame(kept[i], inputs, outputs, valueInputs)) return kept[i].result
    return add(inputs, outputs)
  }
}

function isSame(kept: Kept<unknown>, inputs: Views, outputs: Views, valueInputs: readonly number[]): boolean {
  const { shapes, values } = kept
  const count = inputs.length
  if (shapes.length !== count + outputs.length) return false
  for (let i = 0; i < shapes.length; i++) {
    const shape = (i < count ? inputs[i] : outputs[i - count])?.shape
    if (shape !== shapes[i] && !sameShape(shape, shapes[i])) return false
  }
  for (let i = 0, at = 0; i < valueInputs.length; i++) {
    const view = inputs[valueInputs[i]]
    if (view === undefined) continue
    const data = numbers(view)
    for (let j = 0; j < data.length; j++) if (data[j] !== values[at++]) return false
  }
  return true
}

function sameShape(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  if (a === undefined || b === undefined || a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Nested loops over operands: operand i moves by `strides[i][axis]` in outer loop `axis` and by `steps[i]` in the innermost one. */
export interface Nest {
  /** Runs of the innermost loop; 0 for empty tensors. */
  readonly rows: number
  readonly sizes: readonly number[]
  readonly strides: readonly (readonly number[])[]
  readonly inner: number
  readonly steps: readonly number[]
  readonly start: readonly number[]
  /** Current place, for `walk`. */
  readonly index: number[]
  readonly at: number[]
}

/** Loops over `shape` for operands with the given strides and starts; neighbouring axes that all operands step through evenly become one. */
export function nestOf(shape: readonly number[], strides: readonly (readonly number[])[], start: readonly number[] = strides.map(() => 0)): Nest {
  const sizes: number[] = []
  const kept: number[][] = strides.map(() => [])
  for (let axis = 0; axis < shape.length; axis++) {
    if (shape[axis] === 1) continue
    const last = sizes.length - 1
    const merges = last >= 0 && strides.every((own, i) => kept[i][last] === own[axis] * shape[axis])
    if (merges) {
      sizes[last] *= shape[axis]
      strides.forEach((own, i) => (kept[i][last] = own[axis]))
    } else {
      sizes.push(shape[axis])
      strides.forEach((own, i) => kept[i].push(own[axis]))
    }
  }
  const inner = sizes.pop() ?? 1
  const steps = kept.map((own) => own.pop() ?? 0)
  const rows = inner === 0 ? 0 : sizes.reduce((product, size) => product * size, 1)
  return { rows, sizes, strides: kept, inner, steps, start, index: sizes.map(() => 0), at: [...start] }
}

/**
 * Loops over the shape of output 0 for inputs that broadcast to it; the output is operand 0. Where elements take two words,
 * these are one more axis, along which operands of one word stand still; `words` is per operand.
 */
export function broadcastNest(inputs: Views, outputs: Views, words: readonly number[] = []): Nest {
  const shape = outputs[0]?.shape ?? []
  const most = Math.max(1, ...words)
  const strides = [outputs[0], ...inputs].map((view, i) => {
    const own = words[i] ?? 1
    return [...broadcastStrides(view?.shape ?? [], shape).map((stride) => stride * own), own === most ? 1 : 0]
  })
  return nestOf([...shape, most], strides)
}

/** Calls `row` with the place of each operand at the start of every innermost loop. */
export function walk(nest: Nest, row: (at: readonly number[]) => void): void {
  const { sizes, strides, index, at, start } = nest
  for (let i = 0; i < at.length; i++) at[i] = start[i]
  for (let axis = 0; axis < index.length; axis++) index[axis] = 0
  for (let left = nest.rows; left > 0; ) {
    row(at)
    if (--left === 0) return
    for (let axis = sizes.length - 1; ; axis--) {
      if (++index[axis] < sizes[axis]) {
        for (let i = 0; i < at.length; i++) at[i] += strides[i][axis]
        break
      }
      index[axis] = 0
      for (let i = 0; i < at.length; i++) at[i] -= strides[i][axis] * (sizes[axis] - 1)
    }
  }
}
