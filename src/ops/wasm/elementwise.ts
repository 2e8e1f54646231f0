// Elementwise operators on the wasm device.
import { bytesPerElement, isFloat, type DType } from '../../tensor/dtype.ts'
import { float } from '../attributes.ts'
import { numbers, perShape } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { isTensorType } from '../types.ts'
import { broadcastOf, type Broadcast } from './broadcast.ts'
import { erfTable } from './erf-table.ts'
import { blockOnce, bytesOf, numbersAt, offsetOf, TAIL_BYTES } from './memory.ts'
import { wasmFunction, type WasmFunction } from './module.ts'

/** Numbers of the operators in assembly/elementwise.ts. */
const BINARY: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([['Add', 0], ['Sub', 1], ['Mul', 2], ['Div', 3], ['Max', 4], ['Min', 5], ['Sum', 0], ['Mean', 0], ['PRelu', 6]])
const DIVIDE = 3
const UNARY: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([
  ['Neg', 0], ['Abs', 1], ['Sqrt', 2], ['Relu', 3], ['Reciprocal', 4], ['Floor', 5], ['Ceil', 6], ['Round', 7], ['Exp', 11], ['Sigmoid', 12], ['Tanh', 13], ['Log', 14], ['Sign', 15],
])
const CLIP = 8
const LEAKY = 9
const SQUARE = 10
/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [
    ...[...BINARY].map(([key, op]): [string, PreferredEntry] => [key, { make: (context, fallback) => makeBinary(host, context, op, fallback, key === 'Mean') }]),
    ...[...UNARY].map(([key, op]): [string, PreferredEntry] => [key, { make: (context) => makeUnary(host, context, op) }]),
    ['LeakyRelu', { make: (context) => makeUnary(host, context, LEAKY, float(context.attributes, 'alpha', 0.01)) }],
    ['Erf', { make: (context) => makeErf(host, context) }],
    ['Clip', { make: (context) => makeClip(host, context) }],
    ['Pow', { make: (context, fallback) => makePower(host, context, fallback) }],
  ]
}

/** Operators that have loops for integers, which wrap as cpu's do. */
const OF_INTEGERS: ReadonlySet<number> = /* @__PURE__ */ new Set([0, 1, 2, 4, 5])
const BINARY_LOOPS: ReadonlyMap<DType, string> = /* @__PURE__ */ new Map<DType, string>([['float32', 'binary32'], ['float64', 'binary64'], ['int32', 'binaryInt32'], ['int64', 'binaryInt64']])

// two inputs or more that broadcast to y, from the left; a mean divides by their number
function makeBinary(host: WasmHost, context: KernelContext, op: number, fallback: Kernel, isMean: boolean): Kernel | undefined {
  const [type] = context.inputTypes
  const loop = isTensorType(type) ? BINARY_LOOPS.get(type.dtype) : undefined
  const count = context.inputTypes.length
  if (!isTensorType(type) || loop === undefined || count < 2 || (!isFloat(type.dtype) && !OF_INTEGERS.has(op))) return undefined
  const run = wasmFunction(host.exports, loop)
  const bytes = bytesPerElement(type.dtype)
  const number = isMean ? blockOnce(host, `number ${count} ${type.dtype}`, bytes, (at) => (numbersAt(host, type.dtype, at, 1)[0] = count)) : 0
  const divide = (y: View): unknown => run(DIVIDE, offsetOf(y), 1, 1, y.size, offsetOf(y), 0, 0, bytes, number, 0, 0, 0)
  return broadcasting(bytes, fallback, (y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep) => run(op, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep), isMean ? divide : undefined)
}

// two inputs or more, alike or broadcast to y, from the left
function broadcasting(bytes: number, fallback: Kernel, run: WasmFunction, finish?: (y: View) => void): Kernel {
  const layout = perShape((inputs, outputs) => {
    const calls = inputs.slice(1).map((input, k) => broadcastOf([k === 0 ? inputs[0] : outputs[0], input], outputs, [bytes, bytes, bytes]))
    return calls.includes(undefined) ? undefined : (calls as Broadcast[])
  })
  return (inputs, outputs) => {
    const [y] = outputs
    if (y === undefined || y.size === 0) return
    const calls = layout(inputs, outputs)
    if (calls === undefined) {
      fallback(inputs, outputs)
      return
    }
    for (let k = 1; k < inputs.length; k++) {
      const a = k === 1 ? inputs[0] : y
      const b = inputs[k]
      if (a === undefined || b === undefined) return
      const { rows, columns, inner, starts, steps: [p, q] } = calls[k - 1]
      for (let i = 0; i < starts.length; i++) {
        const start = starts[i]
        run(offsetOf(y) + start[0], rows, columns, inner, offsetOf(a) + start[1], p[0], p[1], p[2], offsetOf(b) + start[2], q[0], q[1], q[2])
      }
    }
    finish?.(y)
  }
}

// x -> y alike
function makeUnary(host: WasmHost, context: KernelContext, op: number, parameter: number = 0): Kernel | undefined {
  const bytes = bytesOf(context)
  if (bytes === undefined) return undefined
  host.reserveScratch(TAIL_BYTES)
  const unary = wasmFunction(host.exports, bytes === 4 ? 'unary32' : 'unary64')
  return ([x], [y]) => {
    if (x !== undefined && y !== undefined) unary(op, offsetOf(y), offsetOf(x), y.size, parameter, 0, host.scratchOffset)
  }
}

// x -> y alike
function makeErf(host: WasmHost, context: KernelContext): Kernel | undefined {
  const bytes = bytesOf(context)
  if (bytes === undefined) return undefined
  host.reserveScratch(TAIL_BYTES)
  const run = wasmFunction(host.exports, `erf${bytes * 8}`)
  const table = bytes === 8 ? erfTable(host) : 0
  return ([x], [y]) => {
    if (x !== undefined && y !== undefined) run(offsetOf(y), offsetOf(x), y.size, table, host.scratchOffset)
  }
}

// x [any]; low, high scalars, optional
function makeClip(host: WasmHost, context: KernelContext): Kernel | undefined {
  const bytes = bytesOf(context)
  if (bytes === undefined) return undefined
  host.reserveScratch(TAIL_BYTES)
  const unary = wasmFunction(host.exports, bytes === 4 ? 'unary32' : 'unary64')
  return ([x, low, high], [y]) => {
    if (x === undefined || y === undefined) return
    unary(CLIP, offsetOf(y), offsetOf(x), y.size, low === undefined ? -Infinity : numbers(low)[0], high === undefined ? Infinity : numbers(high)[0], host.scratchOffset)
  }
}

// x, exponents of the same dtype -> x^exponent; squares, which src/math/pow.ts rounds correctly, where the exponent is a constant 2
function makePower(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const [type, other] = context.inputTypes
  if (!isTensorType(type) || !isTensorType(other)) return undefined
  const exponent = context.constants[1]
  const isOne = exponent?.size === 1 && (exponent.dtype === 'float32' || exponent.dtype === 'float64') && type.shape !== undefined && exponent.shape.length <= type.shape.length
  if (isOne && numbers(exponent)[0] === 2) return makeUnary(host, context, SQUARE)
  const bytes = bytesOf(context)
  return bytes === undefined || other.dtype !== type.dtype ? undefined : broadcasting(bytes, fallback, wasmFunction(host.exports, `powers${bytes * 8}`))
}
