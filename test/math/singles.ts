// The functions for float32 beside those for float64, whose error is far below theirs.
import { erf, exp, expm1, logistic, normalCdf, softplus, tanh } from '../../src/math/index.ts'
import { erfSingle, expm1Single, expSingle, logisticSingle, normalCdfSingle, softplusSingle, tanhSingle } from '../../src/math/single.ts'

export interface Single {
  readonly name: string
  readonly single: (x: number) => number
  readonly double: (x: number) => number
  /** Where results are ordinary float32 numbers. */
  readonly low: number
  readonly high: number
  /** Largest relative error before rounding, as a power of two, of results that do not round to 1. */
  readonly bound: number
  readonly special: string
}

export const SINGLES: readonly Single[] = [
  { name: 'expSingle', single: expSingle, double: exp, low: -103, high: 88.7, bound: -36, special: 'past the ends of float32 a number past the ends' },
  { name: 'expm1Single', single: expm1Single, double: expm1, low: -103, high: 88.7, bound: -34, special: 'keeps -0; past the largest float32 a number past it' },
  { name: 'logisticSingle', single: logisticSingle, double: logistic, low: -103, high: 40, bound: -36, special: '0 and 1 at infinities' },
  { name: 'tanhSingle', single: tanhSingle, double: tanh, low: -12, high: 12, bound: -35, special: 'keeps -0; +-1 from 10 on' },
  { name: 'softplusSingle', single: softplusSingle, double: softplus, low: -103, high: 100, bound: -36, special: 'x and 0 at infinities' },
  { name: 'erfSingle', single: erfSingle, double: erf, low: -5, high: 5, bound: -36, special: 'keeps -0; from 4 on the value at 4, which rounds to +-1' },
  { name: 'normalCdfSingle', single: normalCdfSingle, double: normalCdf, low: -14.1, high: 6, bound: -36, special: '0 and 1 at infinities' },
]

const POINTS = 200_000

export interface Measured {
  readonly points: number
  /** Largest relative error before rounding, as a power of two, of results that do not round to 1. */
  readonly relative: number
  /** Arguments whose rounded result is not the nearest float32 number, but its neighbour. */
  readonly neighbours: number
  /** Rounded results further away than that. */
  readonly wrong: number
}

const words = new Int32Array(1)
const float = new Float32Array(words.buffer)

/** Numbers of float32 in order: neighbours differ by one. */
export function place(x: number): number {
  float[0] = x
  return words[0] < 0 ? -(words[0] & 0x7fffffff) : words[0]
}

/** Over evenly spaced float32 arguments, and as many again ever closer to 0. */
export function measureSingle({ single, double, low, high }: Single): Measured {
  let largest = 0
  let neighbours = 0
  let wrong = 0
  for (let i = 0; i < POINTS; i++) {
    const share = (i >> 1) / (POINTS / 2)
    const x = Math.fround(i % 2 === 0 ? low + (high - low) * share : (i % 4 === 1 ? low : high) * 2 ** (-100 * share))
    const value = single(x)
    const exact = double(x)
    const error = Math.abs(value - exact) / Math.abs(exact)
    if (error > largest && Math.abs(Math.fround(exact)) !== 1) largest = error
    const distance = Math.abs(place(value) - place(exact))
    if (distance === 1) neighbours++
    else if (distance > 1) wrong++
  }
  return { points: POINTS, relative: Math.log2(largest), neighbours, wrong }
}
