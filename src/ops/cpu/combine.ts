// Lines through points and weighted medians.
import { MleError } from '../../error.ts'
import { text } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry } from '../kernel.ts'
import { float64Of } from './nest.ts'

/** The number of knots at or below x. */
function knotsUpTo(x: number, knots: Float64Array): number {
  let low = 0
  let high = knots.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (knots[middle] <= x) low = middle + 1
    else high = middle
  }
  return low
}

/** Between knots j and j + 1. Where one of them is infinite the line is taken from the other, as numpy's interp does. */
function onLine(x: number, knots: Float64Array, values: Float64Array, j: number): number {
  const slope = (values[j + 1] - values[j]) / (knots[j + 1] - knots[j])
  const y = slope * (x - knots[j]) + values[j]
  if (y === y) return y
  const other = slope * (x - knots[j + 1]) + values[j + 1]
  return other !== other && values[j] === values[j + 1] ? values[j] : other
}

// x [any] f64, knots [n] f64 ascending, values [n] f64; out like x
function makeInterpolate({ attributes }: KernelContext): Kernel {
  const outside = text(attributes, 'outside', 'clip')
  return ([xView, knotView, valueView], [outView]) => {
    const x = float64Of(xView)
    const knots = float64Of(knotView)
    const values = float64Of(valueView)
    const out = float64Of(outView)
    const last = knots.length - 1
    for (let i = 0; i < x.length; i++) {
      const at = x[i]
      if (at !== at) {
        out[i] = NaN
        continue
      }
      const j = knotsUpTo(at, knots) - 1
      const isBelow = j < 0
      if (isBelow || at > knots[last]) {
        if (outside === 'error') throw new MleError('OP_VALUE', `element ${i} is ${at}, outside the knots ${knots[0]} to ${knots[last]}`, { expected: `${knots[0]} to ${knots[last]}`, actual: at })
        out[i] = outside === 'nan' ? NaN : values[isBelow ? 0 : last]
      } else out[i] = j === last || knots[j] === at ? values[j] : onLine(at, knots, values, j)
    }
  }
}

// x [rows, n] f64, weights [n] f64; out [rows]. A stable merge sort of positions: rows are short, and nothing is allocated.
function makeWeightedMedian({ scratch }: KernelContext): Kernel {
  return ([xView, weightView], [outView]) => {
    const x = float64Of(xView)
    const weights = float64Of(weightView)
    const out = float64Of(outView)
    const n = weights.length
    const positions = scratch.int32(2 * n)
    for (let row = 0; row < out.length; row++) {
      const start = row * n
      const order = sortPositions(x, start, n, positions)
      let total = 0
      for (let i = 0; i < n; i++) total += weights[positions[order + i]]
      const half = 0.5 * total
      let sum = 0
      let median = 0
      for (let i = 0; i < n; i++) {
        sum += weights[positions[order + i]]
        if (sum >= half) {
          median = i
          break
        }
      }
      out[row] = x[start + positions[order + median]]
    }
  }
}

/** Ascending positions of x[start...start + n], NaN last; they end up in one half of `positions`, whose offset is returned. */
function sortPositions(x: Float64Array, start: number, n: number, positions: Int32Array): number {
  for (let i = 0; i < n; i++) positions[i] = i
  let from = 0
  for (let run = 1; run < n; run *= 2) {
    const to = n - from
    for (let left = 0; left < n; left += 2 * run) {
      const middle = Math.min(left + run, n)
      const end = Math.min(left + 2 * run, n)
      let a = left
      let b = middle
      for (let at = left; at < end; at++) {
        const takesLeft = a < middle && (b >= end || !isAfter(x[start + positions[from + a]], x[start + positions[from + b]]))
        positions[to + at] = positions[from + (takesLeft ? a++ : b++)]
      }
    }
    from = to
  }
  return from
}

function isAfter(a: number, b: number): boolean {
  return a > b || (a !== a && b === b)
}

export const combineKernels: readonly (readonly [string, KernelEntry])[] = [
  ['mle.Interpolate', { make: makeInterpolate }],
  ['mle.WeightedMedian', { make: makeWeightedMedian }],
]
