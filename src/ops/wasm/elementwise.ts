// Elementwise operators on the wasm device. Broadcasting is three loops there; further axes are walked here.
import { float } from '../attributes.ts'
import { broadcastNest, numbers, perShape } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { isTensorType } from '../types.ts'
import { bytesOf, offsetOf } from './memory.ts'
import { wasmFunction } from './module.ts'

/** Numbers of the operators in assembly/elementwise.ts. */
const BINARY: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([['Add', 0], ['Sub', 1], ['Mul', 2], ['Div', 3], ['Max', 4], ['Min', 5], ['Sum', 0]])
const UNARY: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([
  ['Neg', 0], ['Abs', 1], ['Sqrt', 2], ['Relu', 3], ['Reciprocal', 4], ['Floor', 5], ['Ceil', 6], ['Round', 7], ['Exp', 11], ['Sigmoid', 12], ['Tanh', 13], ['Erf', 14], ['Log', 15],
])
const CLIP = 8
const LEAKY = 9
const SQUARE = 10
/** A vector's tail. */
const SCRATCH_BYTES = 16
/** Operands that need more calls than this for one run are left to cpu. */
const MAX_CALLS = 256

/** Kernels over a host's memory, by operator key. */
export function wasmElementwiseKernels(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [
    ...[...BINARY].map(([key, op]): [string, PreferredEntry] => [key, { make: (context, fallback) => makeBinary(host, context, op, fallback) }]),
    ...[...UNARY].map(([key, op]): [string, PreferredEntry] => [key, { make: (context) => makeUnary(host, context, op) }]),
    ['LeakyRelu', { make: (context) => makeUnary(host, context, LEAKY, float(context.attributes, 'alpha', 0.01)) }],
    ['Clip', { make: (context) => makeClip(host, context) }],
    ['Pow', { make: (context) => makePower(host, context) }],
  ]
}

interface Pairs {
  readonly rows: number
  readonly columns: number
  readonly inner: number
  /** Steps of rows, columns and elements of both operands in bytes. */
  readonly a: readonly number[]
  readonly b: readonly number[]
  /** Byte offsets of output and operands, three for each call. */
  readonly starts: readonly number[]
}

/** undefined where too many calls would be needed. */
function pairsOf(inputs: readonly (View | undefined)[], outputs: readonly (View | undefined)[], bytes: number): Pairs | undefined {
  const { rows, sizes, strides, inner, steps } = broadcastNest(inputs, outputs)
  const outer = Math.max(0, sizes.length - 2)
  const calls = sizes.slice(0, outer).reduce((product, size) => product * size, 1)
  if (calls > MAX_CALLS) return undefined
  const own = (operand: number): number[] => [strides[operand][sizes.length - 2] ?? 0, strides[operand][sizes.length - 1] ?? 0, steps[operand]].map((step) => step * bytes)
  let starts = [[0, 0, 0]]
  for (let axis = 0; axis < outer; axis++) starts = starts.flatMap((start) => Array.from({ length: sizes[axis] }, (_, i) => start.map((at, operand) => at + i * strides[operand][axis] * bytes)))
  return { rows: rows === 0 ? 0 : sizes[sizes.length - 2] ?? 1, columns: sizes[sizes.length - 1] ?? 1, inner, a: own(1), b: own(2), starts: starts.flat() }
}

// a, b broadcast to y
function makeBinary(host: WasmHost, context: KernelContext, op: number, fallback: Kernel): Kernel | undefined {
  const bytes = bytesOf(context)
  if (bytes === undefined || context.inputTypes.length !== 2) return undefined
  const binary = wasmFunction(host.exports, bytes === 4 ? 'binary32' : 'binary64')
  const layout = perShape((inputs, outputs) => pairsOf(inputs, outputs, bytes))
  return (inputs, outputs) => {
    const [a, b] = inputs
    const [y] = outputs
    if (a === undefined || b === undefined || y === undefined || y.size === 0) return
    const pairs = layout(inputs, outputs)
    if (pairs === undefined) {
      fallback(inputs, outputs)
      return
    }
    const { rows, columns, inner, starts } = pairs
    const [aAt, bAt, yAt] = [offsetOf(a), offsetOf(b), offsetOf(y)]
    for (let i = 0; i < starts.length; i += 3) {
      binary(op, yAt + starts[i], rows, columns, inner, aAt + starts[i + 1], pairs.a[0], pairs.a[1], pairs.a[2], bAt + starts[i + 2], pairs.b[0], pairs.b[1], pairs.b[2])
    }
  }
}

// x -> y alike
function makeUnary(host: WasmHost, context: KernelContext, op: number, parameter: number = 0): Kernel | undefined {
  const bytes = bytesOf(context)
  if (bytes === undefined) return undefined
  host.reserveScratch(SCRATCH_BYTES)
  const unary = wasmFunction(host.exports, bytes === 4 ? 'unary32' : 'unary64')
  return ([x], [y]) => {
    if (x !== undefined && y !== undefined) unary(op, offsetOf(y), offsetOf(x), y.size, parameter, 0, host.scratchOffset)
  }
}

// x [any]; low, high scalars, optional
function makeClip(host: WasmHost, context: KernelContext): Kernel | undefined {
  const bytes = bytesOf(context)
  if (bytes === undefined) return undefined
  host.reserveScratch(SCRATCH_BYTES)
  const unary = wasmFunction(host.exports, bytes === 4 ? 'unary32' : 'unary64')
  return ([x, low, high], [y]) => {
    if (x === undefined || y === undefined) return
    unary(CLIP, offsetOf(y), offsetOf(x), y.size, low === undefined ? -Infinity : numbers(low)[0], high === undefined ? Infinity : numbers(high)[0], host.scratchOffset)
  }
}

// x, a constant exponent of one element -> x^2, which src/math/pow.ts rounds correctly
function makePower(host: WasmHost, context: KernelContext): Kernel | undefined {
  const exponent = context.constants[1]
  if (exponent === undefined || exponent.size !== 1 || (exponent.dtype !== 'float32' && exponent.dtype !== 'float64')) return undefined
  const type = context.inputTypes[0]
  if (!isTensorType(type) || type.shape === undefined || exponent.shape.length > type.shape.length) return undefined
  return numbers(exponent)[0] === 2 ? makeUnary(host, context, SQUARE) : undefined
}
