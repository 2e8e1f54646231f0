// Activation functions on the wasm device.
import { float, text } from '../attributes.ts'
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import type { Attributes } from '../types.ts'
import { bytesOf, offsetOf } from './memory.ts'
import { wasmFunction } from './module.ts'

/** The number of a function in assembly/activation.ts, and what it needs besides. */
type Function = readonly [op: number, a?: number, b?: number]

const FUNCTIONS: ReadonlyMap<string, (attributes: Attributes) => Function> = /* @__PURE__ */ new Map<string, (attributes: Attributes) => Function>([
  ['Gelu', (attributes) => [text(attributes, 'approximate', 'none') === 'tanh' ? 1 : 0]],
  ['Elu', (attributes) => [2, float(attributes, 'alpha', 1)]],
  ['Selu', (attributes) => {
    const gamma = float(attributes, 'gamma', 1.05070102214813232421875)
    return [3, gamma * float(attributes, 'alpha', 1.67326319217681884765625), gamma]
  }],
  ['Celu', (attributes) => [4, float(attributes, 'alpha', 1)]],
  ['HardSigmoid', (attributes) => [5, float(attributes, 'alpha', 0.2), float(attributes, 'beta', 0.5)]],
  ['HardSwish', () => [6]],
  ['Mish', () => [7]],
  ['Swish', (attributes) => [8, float(attributes, 'alpha', 1)]],
  ['ThresholdedRelu', (attributes) => [9, float(attributes, 'alpha', 1)]],
  ['Softplus', () => [10]],
  ['mle.Log1p', () => [11]],
  ['mle.Expm1', () => [12]],
])

/** Kernels over a host's memory, by operator key. */
export function wasmActivationKernels(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [...FUNCTIONS].map(([key, of]): [string, PreferredEntry] => [key, { make: (context) => makeActivation(host, context, of(context.attributes)) }])
}

// x -> y alike
function makeActivation(host: WasmHost, context: KernelContext, [op, a = 0, b = 0]: Function): Kernel | undefined {
  const bytes = bytesOf(context)
  if (bytes === undefined) return undefined
  const activate = wasmFunction(host.exports, bytes === 4 ? 'activate32' : 'activate64')
  return ([x], [y]) => {
    if (x !== undefined && y !== undefined) activate(op, offsetOf(y), offsetOf(x), y.size, a, b)
  }
}
