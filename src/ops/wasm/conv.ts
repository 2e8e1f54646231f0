// Convolutions on the wasm device. Constant weights of images are packed into panels of features once; see assembly/conv.ts.
import { int } from '../attributes.ts'
import { perShape } from '../cpu/nest.ts'
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { kernelOf } from '../schemas/conv.ts'
import { isTensorType, type Attributes } from '../types.ts'
import { placeWindow, windowOf } from '../window.ts'
import { makeTransposed } from './conv-transposed.ts'
import { placeOnce, nameOf, packMatrix } from './constants.ts'
import { blockOnce, offsetOf, wordsOf, writePlaces } from './memory.ts'
import { wasmFunction } from './module.ts'
import { fusible } from './epilogue.ts'
import { panelBytes, PANEL_BYTES } from './panels.ts'

/** The description of a convolution, in front of the scratch of the module's functions. */
const SHAPE_BYTES = 128
const PACKED_BYTES = 262144
const SCRATCH_BYTES = SHAPE_BYTES + 256 + PACKED_BYTES
/** More taps than fit into scratch as one panel are left to cpu. */
const MAX_TAPS = PACKED_BYTES / 32
/** Products of an output whose places fit in front of its rows. */
const MAX_DEPTH = 8192

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [['Conv', { packs: [1], make: (context) => makeConv(host, context) }], ['ConvTranspose', { packs: [1], make: (context) => makeTransposed(host, context) }]]
}

/** Taps of a window, from the shape of weights as far as it is known. */
function tapsOf(context: KernelContext): number {
  const type = context.inputTypes[1]
  const shape = context.constants[1]?.shape ?? (isTensorType(type) ? type.shape : undefined)
  return shape === undefined ? Infinity : shape.slice(2).reduce<number>((product, dim) => product * (typeof dim === 'number' ? dim : Infinity), 1)
}

/** Constant weights in panels of features, for windows that are read where they lie; 0 where those are not read so. */
function panelsOf(host: WasmHost, w: View, attributes: Attributes, bytes: number, groups: number): number {
  if (w.size === 0) return 0
  const features = w.shape[0] / groups
  const depth = w.size / w.shape[0]
  // Depthwise by so few features goes by rows.
  if (w.shape[1] === 1 && features < 4) return 0
  const { kernel, strides } = windowOf(attributes, kernelOf(attributes, w.shape)?.map(Number) ?? [])
  if (kernel.length > 2 || kernel.every((size) => size === 1) || strides[strides.length - 1] > 2 || depth > MAX_DEPTH || features * bytes < PANEL_BYTES / 2) return 0
  const pack = wasmFunction(host.exports, bytes === 4 ? 'packWeights32' : 'packWeights64')
  const groupBytes = panelBytes(bytes, depth, features)
  return blockOnce(host, `features ${bytes} ${nameOf(host, w)} ${groups} ${features} ${depth}`, groups * groupBytes, (to) => {
    for (let group = 0; group < groups; group++) {
      const matrix = { constant: w, from: group * features * depth, depth, columns: features, isTransposed: true }
      packMatrix(host, matrix, PANEL_BYTES / bytes, to + group * groupBytes, (from, _rowStep, _columnStep, k, some, at) => pack(from, some, k, at))
    }
  })
}

// x [N, C, ...], w [M, C / groups, ...], bias [M] -> y [N, M, ...]
function makeConv(host: WasmHost, context: KernelContext): Kernel | undefined {
  const type = context.inputTypes[0]
  if (!isTensorType(type) || (type.dtype !== 'float32' && type.dtype !== 'float64') || !(tapsOf(context) <= MAX_TAPS)) return undefined
  host.reserveScratch(SCRATCH_BYTES)
  const bytes = type.dtype === 'float32' ? 4 : 8
  const conv = wasmFunction(host.exports, bytes === 4 ? 'conv32' : 'conv64')
  const groups = int(context.attributes, 'group', 1)
  const weights = context.constants[1]
  const panels = weights === undefined ? 0 : panelsOf(host, weights, context.attributes, bytes, groups)
  const weightsAt = weights === undefined || panels !== 0 ? 0 : placeOnce(host, weights)
  const layouts = perShape(([x, w], [y]) => {
    if (x === undefined || w === undefined || y === undefined) throw new TypeError('Conv was called without an input that it needs')
    const kernel = kernelOf(context.attributes, w.shape)?.map(Number) ?? []
    const window = placeWindow(windowOf(context.attributes, kernel), x.shape.slice(2), y.shape.slice(2))
    const isPlain = [0, 1, 2].every((axis) => window.kernel[axis] === 1 && window.strides[axis] === 1 && window.before[axis] === 0 && window.after[axis] === 0)
    return { window, features: w.shape[0] / groups, channels: w.shape[1], isPlain: isPlain ? 1 : 0 }
  })
  const words = wordsOf(host)
  return fusible(host, bytes, false, (place) => (inputs, outputs) => {
    const [x, w, bias] = inputs
    const [y] = outputs
    if (x === undefined || w === undefined || y === undefined || y.size === 0) return
    const { window, features, channels, isPlain } = layouts(inputs, outputs)
    const { scratchOffset } = host
    writePlaces(words(), scratchOffset / 4, window)
    conv(scratchOffset, offsetOf(x), weights === undefined ? offsetOf(w) : weightsAt, panels, bias === undefined ? 0 : offsetOf(bias), place(inputs, y), offsetOf(y), x.shape[0], groups, channels, features, isPlain, scratchOffset + SHAPE_BYTES)
  })
}
