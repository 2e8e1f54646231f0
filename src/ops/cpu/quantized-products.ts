// Products of quantized matrices and images: integers less their zero points are exact in doubles, and so are their sums of products below 2^53,
// so that the kernels of float64 do the work.
import type { DType } from '../../tensor/dtype.ts'
import { minifloatBits } from '../../tensor/minifloat.ts'
import { isMinifloat } from '../../tensor/dtype.ts'
import { allocateView, type Kernel, type KernelContext, type KernelEntry, type View } from '../kernel.ts'
import { isTensorType, type ValueType } from '../types.ts'
import { makeConv } from './conv.ts'
import { dtypeOf } from './elementwise.ts'
import { makeMatMul } from './matmul.ts'
import { view } from './moving.ts'
import { numbers, perShape } from './nest.ts'
import { doublesOf, quantizedRange, roundingTo } from './quantize.ts'
import { roundEven } from '../../math/round-even.ts'

const asDouble = (type: ValueType | undefined): ValueType | undefined => (isTensorType(type) ? { dtype: 'float64', shape: type.shape } : undefined)

/** The float64 kernel of an operator, for some inputs of a node of integers. */
function doubleKernel(make: (context: KernelContext) => Kernel, context: KernelContext, inputs: readonly number[]): Kernel {
  return make({ ...context, inputTypes: inputs.map((i) => asDouble(context.inputTypes[i])), outputTypes: context.outputTypes.map(asDouble), constants: inputs.map(() => undefined) })
}

/** Where the value of each element along `axis` of a tensor lies in a vector or stack of values: 0 for a single one. */
type Along = 'rows' | 'columns' | 'first'

/** Scales or zero points as doubles, and where those of an element are. */
interface Parameters {
  readonly values: Float64Array
  readonly at: (element: number) => number
}

/** Memory for the values of a view that belong to elements of `shape`: one for all, or one for each row, column or first index, of each matrix of a stack or of all. */
function parametersOf(shape: readonly number[], along: Along, values: View | undefined): Parameters {
  return { values: new Float64Array(values?.size ?? 0), at: values === undefined || values.size === 1 ? (): number => 0 : placesOf(shape, along, values) }
}

/** Takes zero points off the elements in place. */
function subtract(x: Float64Array, zero: View | undefined, { values, at }: Parameters): void {
  if (zero === undefined) return
  doublesOf(zero, values)
  if (values.length > 1) for (let i = 0; i < x.length; i++) x[i] -= values[at(i)]
  else if (values[0] !== 0) for (let i = 0; i < x.length; i++) x[i] -= values[0]
}

function placesOf(shape: readonly number[], along: Along, values: View): (element: number) => number {
  const rank = shape.length
  if (along === 'first') {
    const inner = shape.slice(1).reduce((product, dim) => product * dim, 1)
    return (element) => Math.floor(element / inner)
  }
  const columns = rank === 0 ? 1 : shape[rank - 1]
  const rows = rank < 2 ? 1 : shape[rank - 2]
  // A vector serves every matrix of a stack; more dimensions have values for each, or 1 to share them.
  const perMatrix = along === 'rows' ? rows : columns
  const shared = values.size === perMatrix
  return (element) => {
    const row = Math.floor(element / columns)
    const own = along === 'rows' ? row % rows : element % columns
    return shared ? own : Math.floor(row / rows) * perMatrix + own
  }
}

interface Doubles {
  readonly operands: readonly [View, View]
  readonly results: readonly [View]
}

/** Memory for a product in doubles. */
function doublesFor(a: View | undefined, b: View | undefined, y: View | undefined): Doubles {
  const like = (of: View | undefined): View => allocateView('float64', view(of).shape)
  return { operands: [like(a), like(b)], results: [like(y)] }
}

// A [..., rows, depth] i8, B [..., depth, columns] i8, zero points -> Y [..., rows, columns] i32
function makeMatMulInteger(context: KernelContext): Kernel {
  const product = doubleKernel(makeMatMul, context, [0, 1])
  const memory = perShape(([a, b, zeroA, zeroB], [y]) => ({
    ...doublesFor(a, b, y), zeroA: parametersOf(view(a).shape, 'rows', zeroA), zeroB: parametersOf(view(b).shape, 'columns', zeroB),
  }))
  return (inputs, outputs) => {
    const { operands, results, zeroA, zeroB } = memory(inputs, outputs)
    subtract(doublesOf(inputs[0], operands[0].data as Float64Array), inputs[2], zeroA)
    subtract(doublesOf(inputs[1], operands[1].data as Float64Array), inputs[3], zeroB)
    product(operands, results)
    const out = numbers(outputs[0])
    const sums = numbers(results[0])
    for (let i = 0; i < sums.length; i++) out[i] = sums[i]
  }
}

/** A function that stores a real number: rounded, plus the zero point, kept within the dtype. */
function quantizer(to: DType): (value: number, zero: number) => number {
  if (isMinifloat(to)) {
    const bits = minifloatBits(to)
    return (value) => bits(value)
  }
  const [low, high] = quantizedRange(to)
  return (value, zero) => Math.min(Math.max(roundEven(value) + zero, low), high)
}

/** The one value of a scale or zero point, through memory of its own. */
function singles(): (input: View | undefined) => number {
  const memory = new Float64Array(1)
  return (input) => doublesOf(input, memory)[0]
}

// a [..., rows, depth], b [..., depth, columns], each with scale and zero point; y_scale [], y_zero_point [] -> y [..., rows, columns]
function makeQLinearMatMul(context: KernelContext): Kernel {
  const product = doubleKernel(makeMatMul, context, [0, 3])
  const round = roundingTo(dtypeOf(context, 1))
  const to = dtypeOf(context, 7)
  const hasZeros = !to.startsWith('float8')
  const store = quantizer(to)
  const single = singles()
  const memory = perShape(([a, scaleA, zeroA, b, scaleB, zeroB], [y]) => ({
    ...doublesFor(a, b, y), zeroA: parametersOf(view(a).shape, 'rows', zeroA), zeroB: parametersOf(view(b).shape, 'columns', zeroB),
    scaleA: parametersOf(view(y).shape, 'rows', scaleA), scaleB: parametersOf(view(y).shape, 'columns', scaleB),
  }))
  return (inputs, outputs) => {
    const { operands, results, zeroA, zeroB, scaleA, scaleB } = memory(inputs, outputs)
    subtract(doublesOf(inputs[0], operands[0].data as Float64Array), hasZeros ? inputs[2] : undefined, zeroA)
    subtract(doublesOf(inputs[3], operands[1].data as Float64Array), hasZeros ? inputs[5] : undefined, zeroB)
    product(operands, results)
    const ofA = doublesOf(inputs[1], scaleA.values)
    const ofB = doublesOf(inputs[4], scaleB.values)
    const scaleY = single(inputs[6])
    const zeroY = single(inputs[7])
    const out = numbers(outputs[0])
    const sums = numbers(results[0])
    for (let i = 0; i < sums.length; i++) out[i] = store(sums[i] * round(round(ofA[scaleA.at(i)] * ofB[scaleB.at(i)]) / scaleY), zeroY)
  }
}

/** x [N, C, ...] less its zero point, w [M, C / groups, ...] less its own, convolved in doubles; `at` are the places of x, w and their zero points. */
function convolution(context: KernelContext, [xAt, wAt, xZero, wZero]: readonly number[]): (inputs: readonly (View | undefined)[], outputs: readonly (View | undefined)[]) => View {
  const kernel = doubleKernel(makeConv, context, [xAt, wAt])
  const memory = perShape((inputs, [y]) => ({
    ...doublesFor(inputs[xAt], inputs[wAt], y), zeroX: parametersOf(view(inputs[xAt]).shape, 'first', inputs[xZero]), zeroW: parametersOf(view(inputs[wAt]).shape, 'first', inputs[wZero]),
  }))
  return (inputs, outputs) => {
    const { operands, results, zeroX, zeroW } = memory(inputs, outputs)
    subtract(doublesOf(inputs[xAt], operands[0].data as Float64Array), inputs[xZero], zeroX)
    subtract(doublesOf(inputs[wAt], operands[1].data as Float64Array), inputs[wZero], zeroW)
    kernel(operands, results)
    return results[0]
  }
}

// x [N, C, ...] i8, w [M, C / groups, ...] i8 -> y [N, M, ...] i32
function makeConvInteger(context: KernelContext): Kernel {
  const convolve = convolution(context, [0, 1, 2, 3])
  return (inputs, outputs) => {
    const sums = numbers(convolve(inputs, outputs))
    const out = numbers(outputs[0])
    for (let i = 0; i < sums.length; i++) out[i] = sums[i]
  }
}

// x [N, C, ...], w [M, C / groups, ...], each with scale and zero point; y_scale [], y_zero_point [], B [M] i32 -> y [N, M, ...]
function makeQLinearConv(context: KernelContext): Kernel {
  const convolve = convolution(context, [0, 3, 2, 5])
  const to = dtypeOf(context, 7)
  const f = Math.fround
  const store = quantizer(to)
  const single = singles()
  return (inputs, outputs) => {
    const y = convolve(inputs, outputs)
    const batch = y.shape[0]
    const channels = y.shape[1]
    let plane = 1
    for (let axis = 2; axis < y.shape.length; axis++) plane *= y.shape[axis]
    const scaleX = single(inputs[1])
    const scaleW = numbers(inputs[4])
    const scaleY = single(inputs[6])
    const zeroY = single(inputs[7])
    const bias = inputs[8] === undefined ? undefined : numbers(inputs[8])
    const out = numbers(outputs[0])
    const sums = numbers(y)
    for (let n = 0, i = 0; n < batch; n++) {
      for (let m = 0; m < channels; m++) {
        const scale = f(f(scaleX * scaleW[scaleW.length === 1 ? 0 : m]) / scaleY)
        const added = bias === undefined ? 0 : bias[m]
        for (const end = i + plane; i < end; i++) out[i] = store((sums[i] + added) * scale, zeroY)
      }
    }
  }
}

export const quantizedProductKernels: readonly (readonly [string, KernelEntry])[] = [
  ['MatMulInteger', { make: makeMatMulInteger }],
  ['QLinearMatMul', { make: makeQLinearMatMul }],
  ['ConvInteger', { make: makeConvInteger }],
  ['QLinearConv', { make: makeQLinearConv }],
]
