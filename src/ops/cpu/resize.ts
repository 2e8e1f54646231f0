// Resizing, axis by axis: each axis takes a weighted sum of a few places, or copies one.
import { float } from '../attributes.ts'
import { allocateView, type Kernel, type KernelContext, type KernelEntry, type View } from '../kernel.ts'
import { axisOptions, axisTaps, resizedAxes, resizedExtent, type Taps } from '../resize.ts'
import { bfloatToFloat, halfToFloat } from '../../tensor/half.ts'
import { text } from '../attributes.ts'
import { dtypeOf } from './elementwise.ts'
import { integers } from './moving.ts'
import { numbers, perShape, wordsOf, type Numbers } from './nest.ts'
import { widened } from './widen.ts'

/** One pass: from [outer, dim, inner] to [outer, size, inner]; elements are `words` long. */
export interface Pass {
  readonly taps: Taps
  readonly dim: number
  readonly size: number
  readonly outer: number
  readonly inner: number
}

function floatsOf(view: View | undefined): number[] | undefined {
  if (view === undefined || view.size === 0) return undefined
  const read = view.dtype === 'float16' ? halfToFloat : view.dtype === 'bfloat16' ? bfloatToFloat : (value: number): number => value
  return Array.from(numbers(view), read)
}

/** The passes in order; an axis that stays as it is needs none. */
export function passesOf({ attributes }: KernelContext, inputs: readonly (View | undefined)[]): Pass[] {
  const [x, roiView, scalesView, sizesView] = inputs
  if (x === undefined) throw new TypeError('Resize was called without its input')
  const rank = x.shape.length
  const roi = floatsOf(roiView)
  const sizes = sizesView === undefined || sizesView.size === 0 ? undefined : integers(sizesView)
  const extent = resizedExtent(attributes, x.shape, floatsOf(scalesView), sizes)
  const axes = resizedAxes(attributes, rank)
  const options = axisOptions(attributes, float(attributes, 'cubic_coeff_a', -0.75))
  const crops = options.transform === 'tf_crop_and_resize'
  const shape = [...x.shape]
  const todo = axes.filter((axis) => extent.sizes[axis] !== x.shape[axis] || extent.scales[axis] !== 1 || crops).sort((a, b) => a - b)
  return todo.map((axis): Pass => {
    const at = axes.indexOf(axis)
    const [dim, size] = [shape[axis], extent.sizes[axis]]
    const taps = axisTaps(dim, size, extent.scales[axis], { ...options, roi: [roi?.[at] ?? 0, roi?.[at + axes.length] ?? 1] })
    const outer = shape.slice(0, axis).reduce((count, d) => count * d, 1)
    const inner = shape.slice(axis + 1).reduce((count, d) => count * d, 1)
    shape[axis] = size
    return { taps, dim, size, outer, inner }
  })
}

// x [outer, dim, inner] -> y [outer, size, inner], copies of one place each
function copyPass(y: Numbers, x: Numbers, { taps: { places, outside }, dim, size, outer, inner }: Pass, words: number, fill: number): void {
  const length = inner * words
  for (let o = 0, to = 0; o < outer; o++) {
    for (let j = 0; j < size; j++) {
      const from = (o * dim + places[j]) * length
      if (outside !== undefined && outside[j] !== 0) for (let e = 0; e < length; e++) y[to++] = fill
      else for (let e = 0; e < length; e++) y[to++] = x[from + e]
    }
  }
}

// x [outer, dim, inner] -> y [outer, size, inner], sums over taps in order
function sumPass(y: Numbers, x: Numbers, { taps: { taps, places, weights, outside }, dim, size, outer, inner }: Pass, fill: number, round: (value: number) => number): void {
  for (let o = 0, to = 0; o < outer; o++) {
    for (let j = 0; j < size; j++, to += inner) {
      if (outside !== undefined && outside[j] !== 0) {
        for (let e = 0; e < inner; e++) y[to + e] = fill
        continue
      }
      for (let e = 0; e < inner; e++) y[to + e] = 0
      for (let t = j * taps; t < (j + 1) * taps; t++) {
        const weight = round(weights[t])
        // No weight, no part: infinities beside the place do not make it NaN.
        if (weight === 0) continue
        const from = (o * dim + places[t]) * inner
        for (let e = 0; e < inner; e++) y[to + e] += round(weight * x[from + e])
      }
    }
  }
}

function makeResize(context: KernelContext): Kernel {
  const { attributes } = context
  const dtype = dtypeOf(context)
  const copies = text(attributes, 'mode', 'nearest') === 'nearest'
  const words = wordsOf(dtype)
  const fill = float(attributes, 'extrapolation_value', 0)
  const round = dtype === 'float64' ? (value: number): number => value : Math.fround
  const plan = perShape((inputs) => {
    const passes = passesOf(context, inputs)
    // The last one writes the output.
    return passes.map((pass, i) => ({ pass, result: i === passes.length - 1 ? undefined : allocateView(dtype, [pass.outer, pass.size, pass.inner]) }))
  }, [1, 2, 3])
  return (inputs, outputs) => {
    const [output] = outputs
    if (output === undefined || output.size === 0) return
    let x = numbers(inputs[0])
    const passes = plan(inputs, outputs)
    if (passes.length === 0) {
      const y = numbers(output)
      for (let i = 0; i < output.size * words; i++) y[i] = x[i]
    }
    for (const { pass, result } of passes) {
      const y = numbers(result ?? output)
      if (copies) copyPass(y, x, pass, words, fill)
      else sumPass(y, x, pass, fill, round)
      x = y
    }
  }
}

/** Interpolation of integers is of floats, truncated. Copies of 16-bit floats keep their bits, so a fill other than 0 needs floats too. */
function resizeEntry(): KernelEntry {
  return {
    make(context) {
      const dtype = dtypeOf(context)
      const fills = text(context.attributes, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize' && dtype !== 'string'
      if (text(context.attributes, 'mode', 'nearest') === 'nearest' && !fills) return makeResize(context)
      const wide = ['float64', 'int32', 'uint32', 'int64', 'uint64'].includes(dtype) ? 'float64' : 'float32'
      return widened(makeResize, () => true, wide, 1)(context)
    },
  }
}

export const resizeKernels: readonly (readonly [string, KernelEntry])[] = [['Resize', /* @__PURE__ */ resizeEntry()]]
