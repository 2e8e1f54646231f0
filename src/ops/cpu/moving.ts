// Kernels that move elements: most are copies between two strided layouts. 64-bit integers move as two words, one more axis.
import { MleError } from '../../error.ts'
import { is64BitInteger } from '../../tensor/dtype.ts'
import { stridesOf } from '../../tensor/shape.ts'
import { int, ints } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { axisOf } from '../schemas/define.ts'
import type { Attributes } from '../types.ts'
import { dtypeOf } from './elementwise.ts'
import { makeCast } from './cast.ts'
import { nestOf, numbers, perShape, walk, wordsOf, type Nest, type Numbers } from './nest.ts'
import { wideToNumber } from './wide.ts'

type Views = readonly (View | undefined)[]

/** Integers of an input as numbers; those past 2^53, such as the usual "to the end", come out as the nearest. */
export function integers(view: View | undefined): number[] {
  const data = numbers(view)
  return view !== undefined && is64BitInteger(view.dtype) ? Array.from({ length: view.size }, (_, i) => wideToNumber(data, 2 * i)) : Array.from({ length: data.length }, (_, i) => data[i])
}

export function view(of: View | undefined): View {
  if (of === undefined) throw new TypeError('a kernel was called without an input that it needs')
  return of
}

/** Copies from input `from` (operand 1) to output `to` (operand 0). */
interface Move {
  readonly nest: Nest
  readonly from: number
  readonly to: number
}

/** Loops over `shape` with strides in elements, for elements of `words` words. */
export function move(shape: readonly number[], to: readonly number[], from: readonly number[], words: number, startTo: number = 0, startFrom: number = 0): Nest {
  const own = (strides: readonly number[]): number[] => [...strides.map((stride) => stride * words), 1]
  return nestOf([...shape, words], [own(to), own(from)], [startTo * words, startFrom * words])
}

export function moveEntry(plan: (context: KernelContext, inputs: Views, outputs: Views, words: number) => readonly Move[], valueInputs: readonly number[] = []): KernelEntry {
  return {
    make(context) {
      const words = wordsOf(dtypeOf(context))
      let y: Numbers
      let x: Numbers
      let nest: Nest
      const layout = perShape((inputs, outputs) => plan(context, inputs, outputs, words), valueInputs)
      const row = (at: readonly number[]): void => {
        const { inner, steps } = nest
        const [s, t] = steps
        for (let e = 0, o = at[0], i = at[1]; e < inner; e++, o += s, i += t) y[o] = x[i]
      }
      return (inputs, outputs) => {
        const moves = layout(inputs, outputs)
        for (let m = 0; m < moves.length; m++) {
          nest = moves[m].nest
          y = numbers(outputs[moves[m].to])
          x = numbers(inputs[moves[m].from])
          walk(nest, row)
        }
      }
    },
  }
}

/** A copy between strided layouts, in elements. */
export interface Strided {
  readonly shape: readonly number[]
  readonly to: readonly number[]
  readonly from: readonly number[]
  readonly startTo: number
  readonly startFrom: number
  readonly input: number
  readonly output: number
}

/** What an operator that only moves elements copies; wasm makes the same copies. */
export type Moves = (attributes: Attributes, inputs: Views, outputs: Views) => readonly Strided[]

/** A single copy, from input 0 to output 0, that fills the output in order. */
export function pulled(y: View | undefined, from: readonly number[], startFrom: number = 0, shape: readonly number[] = view(y).shape): readonly Strided[] {
  return [{ shape, to: stridesOf(shape), from, startTo: 0, startFrom, input: 0, output: 0 }]
}

export function stridedEntry(moves: Moves, valueInputs?: readonly number[]): KernelEntry {
  return moveEntry(({ attributes }, inputs, outputs, words) => moves(attributes, inputs, outputs).map(({ shape, to, from, startTo, startFrom, input, output }) => (
    { nest: move(shape, to, from, words, startTo, startFrom), from: input, to: output }
  )), valueInputs)
}

export const transposeMoves: Moves = (attributes, [x], [y]) => {
  const strides = stridesOf(view(x).shape)
  const perm = ints(attributes, 'perm')
  return pulled(y, perm === undefined ? strides.reverse() : perm.map((axis) => strides[axisOf(axis, strides.length)]))
}

export const concatMoves: Moves = (attributes, inputs, [y]) => {
  const to = stridesOf(view(y).shape)
  const axis = axisOf(int(attributes, 'axis', 0), to.length)
  let end = 0
  return inputs.map((x, input) => {
    const { shape } = view(x)
    const startTo = end
    end += shape[axis] * to[axis]
    return { shape, to, from: stridesOf(shape), startTo, startFrom: 0, input, output: 0 }
  })
}

/** Index j as a place in [0, dim), negative ones from the end; throws OP_INDEX. */
export function placeAt(indices: Numbers, j: number, wide: boolean, dim: number): number {
  const index = wide ? wideToNumber(indices, 2 * j) : indices[j]
  const place = index < 0 ? index + dim : index
  if (!(place >= 0 && place < dim)) throw new MleError('OP_INDEX', `index ${index} at element ${j} is outside a dimension of ${dim}`, { expected: dim, actual: index })
  return place
}

// data [outer, dim, inner], indices [count] -> y [outer, count, inner]
function makeGather(context: KernelContext): Kernel {
  const words = wordsOf(dtypeOf(context))
  const wide = is64BitInteger(dtypeOf(context, 1))
  const { scratch } = context
  return ([data, indices], outputs) => {
    const { shape } = view(data)
    const count = view(indices).size
    const axis = axisOf(int(context.attributes, 'axis', 0), shape.length)
    const dim = shape[axis]
    let outer = 1
    let inner = words
    for (let i = 0; i < axis; i++) outer *= shape[i]
    for (let i = axis + 1; i < shape.length; i++) inner *= shape[i]
    const places = scratch.int32(count)
    for (let j = 0; j < count; j++) places[j] = placeAt(numbers(indices), j, wide, dim)
    const x = numbers(data)
    const y = numbers(outputs[0])
    for (let i = 0, o = 0, base = 0; i < outer; i++, base += dim * inner) {
      for (let j = 0; j < count; j++) {
        for (let from = base + places[j] * inner, end = from + inner; from < end; from++) y[o++] = x[from]
      }
    }
  }
}

export const movingKernels: readonly (readonly [string, KernelEntry])[] = [
  ['Cast', { make: makeCast }],
  ['Concat', /* @__PURE__ */ stridedEntry(concatMoves)],
  ['Gather', { make: makeGather }],
]

