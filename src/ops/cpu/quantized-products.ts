// Products of quantized matrices and images: integers less their zero points are exact in doubles, and so are their sums of products below 2^53,
// so that the kernels of float64 do the work.
import type { DType } from '../../tensor/dtype.ts'
import { minifloatBits } from '../../tensor/minifloat.ts'
import { isMinifloat } from '../../tensor/dtype.ts'
import { allocateView, type Kernel, type KernelContext, type KernelEntry, type View } from '../kernel.ts'
import { isTensorType, type ValueType } from '../types.ts'
import { makeConv } from './conv.ts'
import { dtypeOf } from './elementwise.ts'
import { makeMatMul } from './linear.ts'
import { view } from './moving.ts'
import { numbers, perShape } from './nest.ts'
import { doublesOf, quantizedRange, roundingTo } from './quantize.ts'
import { roundEven } from './round-even.ts'

const asDouble = (type: ValueType | undefined): ValueType | undefined => (isTensorType(type) ? { dtype: 'float64', shape: type.shape } : undefined)

/** The float64 kernel of an operator, for some inputs of a node of integers. */
function doubleKernel(make: (context: KernelContext) => Kernel, context: KernelContext, inputs: readonly number[]): Kernel {
  return make({ ...context, inputTypes: inputs.map((i) => asDouble(context.inputTypes[i])), outputTypes: context.outputTypes.map(asDouble), constants: inputs.map(() => undefined) })
}

/** Where the value of each element along `axis` of a tensor lies in a vector or stack of values: 0 for a single one. */
type Along = 'rows' | 'columns' | 'first'

/** Takes zero points off the elements in place: one for all, or one for each row, column or first index, of each matrix of a stack or of all. */
function subtract(x: Float64Array, shape: readonly number[], zero: View | undefined, along: Along): void {
  if (zero === undefined) return
  const values = doublesOf(zero, new Float64Array(zero.size))
  if (values.length === 1) {
    if (values[0] !== 0) for (let i = 0; i < x.length; i++) x[i] -= values[0]
    return
  }
  const at = placesOf(shape, along, zero)
  for (let i = 0; i < x.length; i++) x[i] -= values[at(i)]
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

// A [..., rows, depth] i8, B [..., depth, columns] i8, zero points -> Y [..., rows, columns] i32
function makeMatMulInteger(context: KernelContext): Kernel {
  const product = doubleKernel(makeMatMul, context, [0, 1])
  const memory = perShape(([a, b], [y]) => ({ a: allocateView('float64', view(a).shape), b: allocateView('float64', view(b).shape), y: allocateView('float64', view(y).shape) }))
  return (inputs, outputs) => {
    const { a, b, y } = memory(inputs, outputs)
    subtract(doublesOf(inputs[0], a.data as Float64Array), a.shape, inputs[2], 'rows')
    subtract(doublesOf(inputs[1], b.data as Float64Array), b.shape, inputs[3], 'columns')
    product([a, b], [y])
    const out = numbers(outputs[0])
    const sums = numbers(y)
    for (let i = 0; i < sums.length; i++) out[i] = sums[i]
  }
}

/** A function that stores a real number: rounded, plus the zero point, kept within the dtype. */
function quantizer(to: DType, zero: number): (value: number) => number {
  if (isMinifloat(to)) return minifloatBits(to)
  const [low, high] = quantizedRange(to)
  return (value) => Math.min(Math.max(roundEven(value) + zero, low), high)
}

const single = (input: View | undefined): number => doublesOf(input, new Float64Array(view(input).size))[0]

// a [..., rows, depth], b [..., depth, columns], each with scale and zero point; y_scale [], y_zero_point [] -> y [..., rows, columns]
function makeQLinearMatMul(context: KernelContext): Kernel {
  const product = doubleKernel(makeMatMul, context, [0, 3])
  const round = roundingTo(dtypeOf(context, 1))
  const to = dtypeOf(context, 7)
  const memory = perShape((inputs, [y]) => ({
    a: allocateView('float64', view(inputs[0]).shape), b: allocateView('float64', view(inputs[3]).shape), y: allocateView('float64', view(y).shape),
    scaleA: new Float64Array(view(inputs[1]).size), scaleB: new Float64Array(view(inputs[4]).size),
  }))
  return (inputs, outputs) => {
    const { a, b, y, scaleA, scaleB } = memory(inputs, outputs)
    subtract(doublesOf(inputs[0], a.data as Float64Array), a.shape, to.startsWith('float8') ? undefined : inputs[2], 'rows')
    subtract(doublesOf(inputs[3], b.data as Float64Array), b.shape, to.startsWith('float8') ? undefined : inputs[5], 'columns')
    product([a, b], [y])
    doublesOf(inputs[1], scaleA)
    doublesOf(inputs[4], scaleB)
    const scaleY = single(inputs[6])
    const store = quantizer(to, single(inputs[7]))
    const atA = scaleA.length === 1 ? (): number => 0 : placesOf(y.shape, 'rows', view(inputs[1]))
    const atB = scaleB.length === 1 ? (): number => 0 : placesOf(y.shape, 'columns', view(inputs[4]))
    const out = numbers(outputs[0])
    const sums = numbers(y)
    for (let i = 0; i < sums.length; i++) out[i] = store(sums[i] * round(round(scaleA[atA(i)] * scaleB[atB(i)]) / scaleY))
  }
}

/** x [N, C, ...] less its zero point, w [M, C / groups, ...] less its own, convolved in doubles; `at` are the places of x, w and their zero points. */
function convolution(context: KernelContext, [xAt, wAt, xZero, wZero]: readonly number[]): (inputs: readonly (View | undefined)[], outputs: readonly (View | undefined)[]) => View {
  const kernel = doubleKernel(makeConv, context, [xAt, wAt])
  const memory = perShape((inputs, [y]) => ({ x: allocateView('float64', view(inputs[xAt]).shape), w: allocateView('float64', view(inputs[wAt]).shape), y: allocateView('float64', view(y).shape) }))
  return (inputs, outputs) => {
    const { x, w, y } = memory(inputs, outputs)
    subtract(doublesOf(inputs[xAt], x.data as Float64Array), x.shape, inputs[xZero], 'first')
    subtract(doublesOf(inputs[wAt], w.data as Float64Array), w.shape, inputs[wZero], 'first')
    kernel([x, w], [y])
    return y
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
  return (inputs, outputs) => {
    const y = convolve(inputs, outputs)
    const [batch, channels, ...spatial] = y.shape
    const plane = spatial.reduce((product, dim) => product * dim, 1)
    const scaleX = single(inputs[1])
    const scaleW = numbers(inputs[4])
    const scaleY = single(inputs[6])
    const store = quantizer(to, single(inputs[7]))
    const bias = inputs[8] === undefined ? undefined : numbers(inputs[8])
    const out = numbers(outputs[0])
    const sums = numbers(y)
    for (let n = 0, i = 0; n < batch; n++) {
      for (let m = 0; m < channels; m++) {
        const scale = f(f(scaleX * scaleW[scaleW.length === 1 ? 0 : m]) / scaleY)
        const added = bias === undefined ? 0 : bias[m]
        for (const end = i + plane; i < end; i++) out[i] = store((sums[i] + added) * scale)
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
