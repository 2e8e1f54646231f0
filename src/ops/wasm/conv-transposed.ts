// Transposed convolutions on the wasm device. Outputs whose places are alike modulo the stride take the same taps of the window, so that each of
// these phases is a convolution of stride 1 by some of the taps; see assembly/conv.ts.
import { int } from '../attributes.ts'
import { numbers, perShape } from '../cpu/nest.ts'
import type { Kernel, KernelContext, View, WasmHost } from '../kernel.ts'
import { kernelOf, transposedSize } from '../schemas/conv.ts'
import { threeDims, windowOf, type Places, type Window } from '../window.ts'
import { nameOf } from './constants.ts'
import { blockOnce, bytesOf, numbersAt, offsetOf, wordsOf, writePlaces } from './memory.ts'
import { wasmFunction } from './module.ts'

/** The description of a phase, then what assembly/conv.ts asks for: packed panels, outputs of a block. */
const SHAPE_BYTES = 128
const PACKED_BYTES = 262144
const OUTPUTS_BYTES = 131072
const SCRATCH_BYTES = SHAPE_BYTES + 256 + PACKED_BYTES + OUTPUTS_BYTES
const MAX_TAPS = PACKED_BYTES / 32
const MAX_FEATURES = OUTPUTS_BYTES / 32
const MAX_PHASES = 4096
/** Words of a phase behind its window. */
const OUTPUT = 21

interface Axis {
  readonly stride: number
  readonly dilation: number
  readonly kernel: number
  /** Taps of one class are so far apart; there are as many classes. */
  readonly step: number
}

function axesOf({ kernel, strides, dilations }: Window): readonly Axis[] {
  const [k, s, d] = [threeDims(kernel, 1), threeDims(strides, 1), threeDims(dilations, 1)]
  return [0, 1, 2].map((i) => ({ stride: s[i], dilation: d[i], kernel: k[i], step: s[i] / divisor(s[i], d[i]) }))
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b)
}

const tapsOf = ({ kernel, step }: Axis, first: number): number => (first < kernel ? Math.ceil((kernel - first) / step) : 0)

interface Phase {
  readonly window: Places
  /** Class of the taps along each axis, and where the phase begins in a plane of outputs. */
  readonly weights: number
  readonly start: number
}

/** Places p of the outputs along an axis, modulo the stride: the class of taps that reach them, -1 for none, and how the window lies. */
function phaseOf({ stride, dilation, step }: Axis, before: number, p: number): { readonly first: number; readonly before: number; readonly dilation: number } {
  for (let first = 0; first < step; first++) {
    const shift = p + before - first * dilation
    if (shift % stride === 0) return { first, before: -shift / stride, dilation: -(step * dilation) / stride }
  }
  return { first: -1, before: 0, dilation: 0 }
}

// x [N, C, ...], w [C, M / groups, ...] constant, bias [M] -> y [N, M, ...]
export function makeTransposed(host: WasmHost, context: KernelContext): Kernel | undefined {
  const bytes = bytesOf(context)
  const w = context.constants[1]
  if (bytes === undefined || w === undefined || w.size === 0) return undefined
  const groups = int(context.attributes, 'group', 1)
  const [all, features] = w.shape
  const channels = all / groups
  const window = windowOf(context.attributes, kernelOf(context.attributes, w.shape)?.map(Number) ?? [])
  const axes = axesOf(window)
  // What lies beside the input counts as products with 0 here, and not at all on cpu: the same as long as weights are finite.
  if (axes.reduce((taps, { kernel }) => taps * kernel, 1) > MAX_TAPS || features > MAX_FEATURES || !isFinite(w)) return undefined
  // Each place modulo the strides is a phase with a layout of its own.
  if (axes.reduce((phases, { stride }) => phases * stride, 1) > MAX_PHASES) return undefined
  host.reserveScratch(SCRATCH_BYTES)
  const run = wasmFunction(host.exports, bytes === 4 ? 'transposed32' : 'transposed64')
  const classes = new Map<string, number>()
  for (let d = 0; d < axes[0].step; d++) {
    for (let h = 0; h < axes[1].step; h++) {
      for (let v = 0; v < axes[2].step; v++) classes.set(`${d},${h},${v}`, packClass(host, w, bytes, groups, axes, [d, h, v]))
    }
  }
  const layouts = perShape(([x], [y]) => {
    if (x === undefined || y === undefined) throw new TypeError('ConvTranspose was called without an input that it needs')
    const before = threeDims(x.shape.slice(2).map((dim, axis) => transposedSize(window, context.attributes, axis, dim)[0]), 0)
    const output = threeDims(y.shape.slice(2), 1)
    return { output, phases: phasesOf(axes, threeDims(x.shape.slice(2), 1), output, before, classes), size: output[0] * output[1] * output[2] }
  })
  const words = wordsOf(host)
  return (inputs, outputs) => {
    const [x, , bias] = inputs
    const [y] = outputs
    if (x === undefined || y === undefined || y.size === 0) return
    const { output, phases, size } = layouts(inputs, outputs)
    const { scratchOffset } = host
    const memory = words()
    const at = scratchOffset / 4
    for (let i = 0; i < phases.length; i++) {
      const { window: places, weights, start } = phases[i]
      writePlaces(memory, at, places)
      memory[at + OUTPUT] = output[1]
      memory[at + OUTPUT + 1] = output[2]
      for (let axis = 0; axis < 3; axis++) memory[at + OUTPUT + 2 + axis] = axes[axis].stride
      memory[at + OUTPUT + 5] = start
      run(scratchOffset, offsetOf(x), weights, bias === undefined ? 0 : offsetOf(bias), offsetOf(y), x.shape[0], groups, channels, features, size, scratchOffset + SHAPE_BYTES)
    }
  }
}

function isFinite(view: View): boolean {
  const values = numbers(view)
  for (let i = 0; i < view.size; i++) if (!Number.isFinite(values[i])) return false
  return true
}

// w [groups, channels, features, kernel] -> the taps of a class, [groups, features, channels, taps]
function packClass(host: WasmHost, w: View, bytes: number, groups: number, axes: readonly Axis[], first: readonly number[]): number {
  const [all, features] = w.shape
  const channels = all / groups
  const counts = axes.map((axis, i) => tapsOf(axis, first[i]))
  const length = all * features * counts[0] * counts[1] * counts[2]
  return blockOnce(host, `taps ${nameOf(host, w)} ${bytes} ${groups} ${first.join()} ${axes.map(({ step }) => step).join()}`, length * bytes, (to) => {
    const values = numbers(w)
    const packed = numbersAt(host, w.dtype, to, length)
    const [, { kernel: kh }, { kernel: kw }] = axes
    const kernelSize = axes[0].kernel * kh * kw
    let o = 0
    for (let g = 0; g < groups; g++) {
      for (let m = 0; m < features; m++) {
        for (let c = 0; c < channels; c++) {
          const start = ((g * channels + c) * features + m) * kernelSize
          for (let d = first[0]; d < axes[0].kernel; d += axes[0].step) {
            for (let h = first[1]; h < kh; h += axes[1].step) {
              for (let v = first[2]; v < kw; v += axes[2].step) packed[o++] = values[start + (d * kh + h) * kw + v]
            }
          }
        }
      }
    }
  })
}

function phasesOf(axes: readonly Axis[], input: readonly number[], output: readonly number[], before: readonly number[], classes: ReadonlyMap<string, number>): readonly Phase[] {
  const phases: Phase[] = []
  for (let d = 0; d < Math.min(axes[0].stride, output[0]); d++) {
    for (let h = 0; h < Math.min(axes[1].stride, output[1]); h++) {
      for (let v = 0; v < Math.min(axes[2].stride, output[2]); v++) {
        const place = [d, h, v]
        const along = axes.map((axis, i) => phaseOf(axis, before[i], place[i]))
        const isReached = along.every(({ first }) => first >= 0)
        phases.push({
          window: {
            input: threeDims(input, 1), output: threeDims(axes.map(({ stride }, i) => Math.ceil((output[i] - place[i]) / stride)), 1),
            // Without taps the sums are 0.
            kernel: threeDims(axes.map((axis, i) => (isReached ? tapsOf(axis, along[i].first) : 0)), 0),
            strides: [1, 1, 1], dilations: threeDims(along.map(({ dilation }) => dilation), 0), before: threeDims(along.map((one) => one.before), 0), after: [0, 0, 0],
          },
          weights: classes.get(along.map(({ first }) => Math.max(0, first)).join()) ?? 0,
          start: (d * output[1] + h) * output[2] + v,
        })
      }
    }
  }
  return phases
}
