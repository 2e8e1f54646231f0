// Comparisons, logic, selections and casts on the wasm device.
import { bytesPerElement, type DType } from '../../tensor/dtype.ts'
import { perShape } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import { castTarget } from '../schemas/tensor.ts'
import { isTensorType } from '../types.ts'
import { broadcastOf } from './broadcast.ts'
import { offsetOf } from './memory.ts'
import { wasmFunction, type WasmFunction } from './module.ts'

/** Numbers of the comparisons in assembly/logic.ts, and whether the operands change places. */
const COMPARISONS: ReadonlyMap<string, readonly [op: number, isSwapped: boolean]> = /* @__PURE__ */ new Map([
  ['Equal', [0, false]], ['Less', [1, false]], ['LessOrEqual', [2, false]], ['Greater', [1, true]], ['GreaterOrEqual', [2, true]],
] as const)
const DIFFERENT = 3
const COMBINATIONS: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([['And', 0], ['Or', 1], ['Xor', 2]])
/** What compares elements of a dtype. A uint8 or bool is compared by cpu. */
const COMPARED: ReadonlyMap<DType, string> = /* @__PURE__ */ new Map<DType, string>([['float32', 'compareFloat32'], ['float64', 'compareFloat64'], ['int32', 'compareInt32'], ['int64', 'compareInt64']])
/** Numbers of the dtypes of casts in assembly/logic.ts. */
const SOURCES: ReadonlyMap<DType, number> = /* @__PURE__ */ new Map<DType, number>([['float32', 0], ['float64', 1], ['int32', 2], ['int64', 3], ['bool', 4], ['uint8', 4]])
const TARGETS: ReadonlyMap<DType, number> = /* @__PURE__ */ new Map<DType, number>([['float32', 0], ['float64', 1], ['int32', 2], ['int64', 3], ['bool', 4]])

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [
    ...[...COMPARISONS].map(([key, [op, isSwapped]]): [string, PreferredEntry] => [key, { make: (context, fallback) => makeComparison(host, context, fallback, op, isSwapped) }]),
    ...[...COMBINATIONS].map(([key, op]): [string, PreferredEntry] => [key, { make: (_context, fallback) => makePairs(wasmFunction(host.exports, 'combine'), fallback, op, 1) }]),
    ['Not', { make: () => makeNot(host) }],
    ['IsNaN', { make: (context) => makeIsNaN(host, context) }],
    ['Where', { make: (context, fallback) => makeWhere(host, context, fallback) }],
    ['Cast', { make: (context) => makeCast(host, context) }],
  ]
}

function dtypeAt({ inputTypes }: KernelContext, index: number): DType | undefined {
  const type = inputTypes[index]
  return isTensorType(type) ? type.dtype : undefined
}

/** The comparison for the dtype of input 0. */
function comparing(host: WasmHost, context: KernelContext): WasmFunction | undefined {
  const name = COMPARED.get(dtypeAt(context, 0) ?? 'string')
  return name === undefined ? undefined : wasmFunction(host.exports, name)
}

function makeComparison(host: WasmHost, context: KernelContext, fallback: Kernel, op: number, isSwapped: boolean): Kernel | undefined {
  const compare = comparing(host, context)
  const dtype = dtypeAt(context, 0)
  return compare === undefined || dtype === undefined ? undefined : makePairs(compare, fallback, op, bytesPerElement(dtype), isSwapped)
}

// a, b broadcast to y bool
function makePairs(run: WasmFunction, fallback: Kernel, op: number, bytes: number, isSwapped: boolean = false): Kernel {
  const layout = perShape((inputs, outputs) => broadcastOf(inputs, outputs, [1, bytes, bytes]))
  const first = isSwapped ? 1 : 0
  const second = 1 - first
  return (inputs, outputs) => {
    const a = inputs[first]
    const b = inputs[second]
    const [y] = outputs
    if (a === undefined || b === undefined || y === undefined || y.size === 0) return
    const calls = layout(inputs, outputs)
    if (calls === undefined) {
      fallback(inputs, outputs)
      return
    }
    const { rows, columns, inner, steps, starts } = calls
    const [aSteps, bSteps] = [steps[first], steps[second]]
    for (let i = 0; i < starts.length; i++) {
      const start = starts[i]
      run(op, offsetOf(y) + start[0], rows, columns, inner, offsetOf(a) + start[1 + first], aSteps[0], aSteps[1], aSteps[2], offsetOf(b) + start[1 + second], bSteps[0], bSteps[1], bSteps[2])
    }
  }
}

// x [any] bool -> y alike
function makeNot(host: WasmHost): Kernel {
  const not = wasmFunction(host.exports, 'not')
  return ([x], [y]) => {
    if (x !== undefined && y !== undefined) not(offsetOf(y), offsetOf(x), y.size)
  }
}

// x [any] -> y bool
function makeIsNaN(host: WasmHost, context: KernelContext): Kernel | undefined {
  const dtype = dtypeAt(context, 0)
  const compare = comparing(host, context)
  if (compare === undefined || dtype === undefined) return undefined
  const bytes = bytesPerElement(dtype)
  return ([x], [y]) => {
    if (x !== undefined && y !== undefined) compare(DIFFERENT, offsetOf(y), 1, 1, y.size, offsetOf(x), 0, 0, bytes, offsetOf(x), 0, 0, bytes)
  }
}

// condition bool, x, z broadcast to y
function makeWhere(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const dtype = dtypeAt(context, 1)
  const bytes = dtype === undefined || dtype === 'string' ? 0 : bytesPerElement(dtype)
  if (bytes !== 1 && bytes !== 4 && bytes !== 8) return undefined
  const select = wasmFunction(host.exports, `select${bytes}`)
  const layout = perShape((inputs, outputs) => broadcastOf(inputs, outputs, [bytes, 1, bytes, bytes]))
  return (inputs, outputs) => {
    const [condition, x, z] = inputs
    const [y] = outputs
    if (condition === undefined || x === undefined || z === undefined || y === undefined || y.size === 0) return
    const calls = layout(inputs, outputs)
    if (calls === undefined) {
      fallback(inputs, outputs)
      return
    }
    const { rows, columns, inner, starts, steps: [c, p, q] } = calls
    for (let i = 0; i < starts.length; i++) {
      const start = starts[i]
      select(offsetOf(y) + start[0], rows, columns, inner, offsetOf(condition) + start[1], c[0], c[1], c[2], offsetOf(x) + start[2], p[0], p[1], p[2], offsetOf(z) + start[3], q[0], q[1], q[2])
    }
  }
}

// x [any] of one dtype -> y of another
function makeCast(host: WasmHost, context: KernelContext): Kernel | undefined {
  const dtype = dtypeAt(context, 0)
  const from = dtype === undefined ? undefined : SOURCES.get(dtype)
  const target = castTarget(context)
  const to = TARGETS.get(target)
  if (dtype !== undefined && from !== undefined && dtype === target) {
    const bytes = bytesPerElement(dtype)
    const copy = wasmFunction(host.exports, 'copyBytes')
    return ([x], [y]) => {
      if (x !== undefined && y !== undefined) copy(offsetOf(y), offsetOf(x), y.size * bytes)
    }
  }
  if (from === undefined || to === undefined) return undefined
  const cast = wasmFunction(host.exports, 'cast')
  return ([x], [y]) => {
    if (x !== undefined && y !== undefined) cast(from, to, offsetOf(y), offsetOf(x), y.size)
  }
}
