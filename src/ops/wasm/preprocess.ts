// Power transforms and quantile maps on the wasm device.
import { int, text } from '../attributes.ts'
import { NORMAL_BOUND, normalLimits } from '../cpu/preprocess.ts'
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import { offsetOf } from './memory.ts'
import { wasmFunction } from './module.ts'

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [
    ['mle.PowerTransform', { make: (context, fallback) => makePowerTransform(host, context, fallback) }],
    ['mle.QuantileMap', { make: (context) => makeQuantileMap(host, context) }],
  ]
}

/** Names of the functions in assembly/preprocess.ts. */
const FORMS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['yeo-johnson', 'yeoJohnsonOf'], ['yeo-johnson-expm1', 'yeoJohnsonExpm1Of'], ['box-cox', 'boxCoxOf'], ['box-cox-inverse', 'boxCoxInverseOf'], ['yeo-johnson-inverse', 'yeoJohnsonInverseOf'],
])

// x [rows, features] f64, lambdas [features] f64; out like x. Box-Cox of what is not positive is cpu's, which refuses it.
function makePowerTransform(host: WasmHost, { attributes }: KernelContext, fallback: Kernel): Kernel | undefined {
  const form = text(attributes, 'form', '')
  const name = FORMS.get(form)
  if (name === undefined) return undefined
  const run = wasmFunction(host.exports, name)
  const hasNotPositive = wasmFunction(host.exports, 'hasNotPositive')
  return (inputs, outputs) => {
    const [x, lambdas] = inputs
    const [out] = outputs
    if (x === undefined || lambdas === undefined || out === undefined || (form === 'box-cox' && hasNotPositive(offsetOf(x), x.size) !== 0)) fallback(inputs, outputs)
    else if (x.size > 0) run(offsetOf(out), offsetOf(x), x.size / lambdas.size, lambdas.size, offsetOf(lambdas))
  }
}

// x [rows, features] f64, quantiles [levels, features] f64, references [levels] f64; out like x
function makeQuantileMap(host: WasmHost, { attributes }: KernelContext): Kernel | undefined {
  if (int(attributes, 'inverse', 0) === 1) return undefined
  const isNormal = text(attributes, 'output', 'uniform') === 'normal' ? 1 : 0
  const [lowest, highest] = normalLimits()
  const run = wasmFunction(host.exports, 'quantileMap')
  return ([x, quantiles, references], [out]) => {
    if (x === undefined || quantiles === undefined || references === undefined || out === undefined || x.size === 0) return
    const features = quantiles.size / references.size
    run(isNormal, offsetOf(out), offsetOf(x), x.size / features, features, offsetOf(quantiles), references.size, offsetOf(references), NORMAL_BOUND, lowest, highest)
  }
}
