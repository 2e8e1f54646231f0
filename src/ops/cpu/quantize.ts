// Numbers to integers or floats of few bits and back. Everything is computed in doubles and rounded where the definition rounds.
import { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from '../../tensor/half.ts'
import { isInteger, isMinifloat, narrowRange, type DType } from '../../tensor/dtype.ts'
import { minifloatBits } from '../../tensor/minifloat.ts'
import { int, text } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { axisOf } from '../schemas/define.ts'
import { quantizedDtype } from '../schemas/quantize.ts'
import { isTensorType } from '../types.ts'
import { castLoop, integerRange, type CastLoop } from './cast.ts'
import { dtypeOf } from './elementwise.ts'
import { view } from './moving.ts'
import { numbers, perShape, type Numbers } from './nest.ts'
import { roundEven } from '../../math/round-even.ts'

const identity = (x: number): number => x

/** Rounds a double to a float dtype; power-of-two scales and integers are worked with in float32 and float64. */
export function roundingTo(dtype: DType): (x: number) => number {
  if (dtype === 'float64' || isInteger(dtype)) return identity
  if (dtype === 'float16') return (x) => halfToFloat(floatToHalf(x))
  return dtype === 'bfloat16' ? (x) => bfloatToFloat(floatToBfloat(x)) : Math.fround
}

/** Made once, because sessions make no garbage. */
const toDoubles = /* @__PURE__ */ new Map<DType, CastLoop>()

/** The elements of a view as doubles; kept per shape. */
export function doublesOf(input: View | undefined, memory: Float64Array): Float64Array {
  if (input === undefined) return memory
  let loop = toDoubles.get(input.dtype)
  if (loop === undefined) toDoubles.set(input.dtype, (loop = castLoop(input.dtype, 'float64')))
  loop(memory, numbers(input), input.size)
  return memory
}

/** Zero points beside their scales: one serves all. */
function zeroPoints(input: View | undefined, memory: Float64Array): void {
  doublesOf(input, memory)
  if (input?.size === 1) memory.fill(memory[0])
}

/** Ends of the integers that quantizing makes. */
export function quantizedRange(dtype: DType): readonly [low: number, high: number] {
  return narrowRange(dtype) ?? integerRange(dtype)
}

/**
 * The input as rows of `inner` elements: row r takes the scales from `firstScale(r)` on, `step` apart. One scale for all is one row.
 */
interface Rows {
  readonly rows: number
  readonly inner: number
  readonly step: number
  readonly first: Int32Array
}

function rowsOf({ attributes }: KernelContext, { shape, size }: View, scale: View): Rows {
  if (scale.size === 1) return { rows: 1, inner: size, step: 0, first: Int32Array.of(0) }
  const axis = axisOf(int(attributes, 'axis', 1), shape.length)
  const block = int(attributes, 'block_size', 0)
  const inner = shape.slice(axis + 1).reduce((product, dim) => product * dim, 1)
  const dim = shape[axis]
  const rows = inner === 0 ? 0 : size / inner
  const blocks = block === 0 ? 0 : Math.ceil(dim / block)
  const first = Int32Array.from({ length: rows }, (_, row) => (block === 0 ? row % dim : (Math.floor(row / dim) * blocks + Math.floor((row % dim) / block)) * inner))
  return { rows, inner, step: block === 0 ? 0 : 1, first }
}

interface Memory extends Rows {
  readonly x: Float64Array
  readonly scale: Float64Array
  readonly zero: Float64Array
}

const memoryOf = (context: KernelContext): ((inputs: readonly (View | undefined)[], outputs: readonly (View | undefined)[]) => Memory) =>
  perShape(([x, scale]) => ({ ...rowsOf(context, view(x), view(scale)), x: new Float64Array(view(x).size), scale: new Float64Array(view(scale).size), zero: new Float64Array(view(scale).size) }))

// x [any], y_scale [], [places] or blocks, y_zero_point alike -> y like x
function makeQuantize(context: KernelContext): Kernel {
  const to = quantizedDtype({ attributes: context.attributes, inputs: context.inputTypes })
  const scaleDtype = dtypeOf(context, 1)
  const named = text(context.attributes, 'precision', '')
  const round = roundingTo(named === '' ? scaleDtype : (named as DType))
  const memory = memoryOf(context)
  const encode = isMinifloat(to) ? minifloatBits(to, { saturate: int(context.attributes, 'saturate', 1) !== 0, round: 'up' }) : undefined
  const [low, high] = encode === undefined ? quantizedRange(to) : [0, 0]
  return (inputs, outputs) => {
    const { rows, inner, step, first, x, scale, zero } = memory(inputs, outputs)
    doublesOf(inputs[0], x)
    doublesOf(inputs[1], scale)
    const hasZero = inputs[2] !== undefined && !to.startsWith('float8')
    if (hasZero) zeroPoints(inputs[2], zero)
    const y = numbers(outputs[0])
    for (let row = 0, e = 0; row < rows; row++) {
      for (let i = 0, s = first[row]; i < inner; i++, e++, s += step) {
        const q = round(round(x[e]) / round(scale[s]))
        if (encode !== undefined) y[e] = encode(hasZero ? q + zero[s] : q)
        else y[e] = q === q ? Math.min(Math.max(roundEven(q) + zero[s], low), high) : Math.min(Math.max(0, low), high)
      }
    }
  }
}

// x [any], x_scale [], [places] or blocks, x_zero_point alike -> y like x
function makeDequantize(context: KernelContext): Kernel {
  const [type] = context.outputTypes
  if (!isTensorType(type)) throw new TypeError('DequantizeLinear: the output has no dtype')
  const store = castLoop('float64', type.dtype)
  const memory = memoryOf(context)
  return (inputs, outputs) => {
    const { rows, inner, step, first, x, scale, zero } = memory(inputs, outputs)
    doublesOf(inputs[0], x)
    doublesOf(inputs[1], scale)
    zeroPoints(inputs[2], zero)
    for (let row = 0, e = 0; row < rows; row++) {
      for (let i = 0, s = first[row]; i < inner; i++, e++, s += step) x[e] = (x[e] - zero[s]) * scale[s]
    }
    store(numbers(outputs[0]), x, x.length)
  }
}

const f = Math.fround

// x [any] f32 -> y like x u8, y_scale [], y_zero_point []
const dynamicQuantize: Kernel = ([input], [output, scaleOut, zeroOut]) => {
  const x: Numbers = numbers(input)
  const y = numbers(output)
  let low = 0
  let high = 0
  for (let i = 0; i < x.length; i++) {
    low = Math.min(low, x[i])
    high = Math.max(high, x[i])
  }
  const scale = low === high ? 1 : f(f(high - low) / 255)
  const zero = roundEven(Math.min(Math.max(f(0 - f(low / scale)), 0), 255))
  numbers(scaleOut)[0] = scale
  numbers(zeroOut)[0] = zero
  for (let i = 0; i < x.length; i++) y[i] = Math.min(Math.max(roundEven(f(x[i] / scale)) + zero, 0), 255)
}

export const quantizeKernels: readonly (readonly [string, KernelEntry])[] = [
  ['QuantizeLinear', { make: makeQuantize }],
  ['DequantizeLinear', { make: makeDequantize }],
  ['DynamicQuantizeLinear', { make: () => dynamicQuantize }],
]
