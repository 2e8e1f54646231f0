// Activation functions on the wasm device.
import { float } from '../attributes.ts'
import { isTanh, seluFactors } from '../cpu/activations.ts'
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import type { Attributes } from '../types.ts'
import { erfTable } from './erf-table.ts'
import { bytesOf, offsetOf, TAIL_BYTES } from './memory.ts'
import { wasmFunction } from './module.ts'

/** The name of a function in assembly/activation.ts without the bits of its dtype, and what it needs besides. */
type Function = readonly [name: string, a?: number, b?: number]

const FUNCTIONS: ReadonlyMap<string, (attributes: Attributes) => Function> = /* @__PURE__ */ new Map<string, (attributes: Attributes) => Function>([
  ['Gelu', (attributes) => [isTanh(attributes) ? 'geluTanh' : 'gelu']],
  ['Elu', (attributes) => ['elu', float(attributes, 'alpha', 1)]],
  ['Selu', (attributes) => ['selu', ...seluFactors(attributes)]],
  ['Celu', (attributes) => ['celu', float(attributes, 'alpha', 1)]],
  ['HardSigmoid', (attributes) => ['hardSigmoid', float(attributes, 'alpha', 0.2), float(attributes, 'beta', 0.5)]],
  ['HardSwish', () => ['hardSwish']],
  ['Mish', () => ['mish']],
  ['Swish', (attributes) => ['swish', float(attributes, 'alpha', 1)]],
  ['ThresholdedRelu', (attributes) => ['thresholdedRelu', float(attributes, 'alpha', 1)]],
  ['Softplus', () => ['softplus']],
  ['mle.Log1p', () => ['log1p']],
  ['mle.Expm1', () => ['expm1']],
])

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [...FUNCTIONS].map(([key, of]): [string, PreferredEntry] => [key, { make: (context) => makeActivation(host, context, of(context.attributes)) }])
}

// x -> y alike
function makeActivation(host: WasmHost, context: KernelContext, [name, a = 0, b = 0]: Function): Kernel | undefined {
  const bytes = bytesOf(context)
  if (bytes === undefined) return undefined
  host.reserveScratch(TAIL_BYTES)
  const activate = wasmFunction(host.exports, `${name}${bytes * 8}`)
  const first = name === 'gelu' && bytes === 8 ? erfTable(host) : a
  return ([x], [y]) => {
    if (x !== undefined && y !== undefined) activate(offsetOf(y), offsetOf(x), y.size, first, b, host.scratchOffset)
  }
}
