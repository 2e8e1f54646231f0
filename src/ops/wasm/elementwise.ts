// Elementwise operators on the wasm device.
import { float } from '../attributes.ts'
import { numbers, perShape } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import { isTensorType } from '../types.ts'
import { broadcastOf } from './broadcast.ts'
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

// a, b broadcast to y
function makeBinary(host: WasmHost, context: KernelContext, op: number, fallback: Kernel): Kernel | undefined {
  const bytes = bytesOf(context)
  if (bytes === undefined || context.inputTypes.length !== 2) return undefined
  const binary = wasmFunction(host.exports, bytes === 4 ? 'binary32' : 'binary64')
  const layout = perShape((inputs, outputs) => broadcastOf(inputs, outputs, [bytes, bytes, bytes]))
  return (inputs, outputs) => {
    const [a, b] = inputs
    const [y] = outputs
    if (a === undefined || b === undefined || y === undefined || y.size === 0) return
    const calls = layout(inputs, outputs)
    if (calls === undefined) {
      fallback(inputs, outputs)
      return
    }
    const { rows, columns, inner, starts, steps: [p, q] } = calls
    for (let i = 0; i < starts.length; i++) {
      const start = starts[i]
      binary(op, offsetOf(y) + start[0], rows, columns, inner, offsetOf(a) + start[1], p[0], p[1], p[2], offsetOf(b) + start[2], q[0], q[1], q[2])
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
