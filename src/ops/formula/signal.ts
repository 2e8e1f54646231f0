// What Fourier transforms and windows mean.
import { int, text } from '../attributes.ts'
import type { DType } from '../../tensor/dtype.ts'
import { at, build, front, list, needed, num, type Formula, type Grid } from './formula.ts'

interface Complex {
  readonly re: number
  readonly im: number
}

/** Element k of the transform of a signal; the magnitude is the sum of the terms'. */
function frequency(signal: readonly Complex[], k: number, sign: number): Complex & { readonly magnitude: number } {
  let [re, im, magnitude] = [0, 0, 0]
  signal.forEach((x, n) => {
    // A multiple of the length is a whole turn.
    const angle = (sign * 2 * Math.PI * ((n * k) % signal.length)) / signal.length
    re += x.re * Math.cos(angle) - x.im * Math.sin(angle)
    im += x.re * Math.sin(angle) + x.im * Math.cos(angle)
    magnitude += Math.abs(x.re) + Math.abs(x.im)
  })
  return { re, im, magnitude }
}

const complexAt = (grid: Grid, index: readonly number[]): Complex => ({ re: num(at(grid, [...index, 0])), im: grid.shape[index.length] === 2 ? num(at(grid, [...index, 1])) : 0 })

const dft: Formula = ([input, lengthInput, axisInput], attributes) => {
  const x = needed(input)
  const axis = front(axisInput === undefined ? -2 : list(axisInput)[0], x.shape.length)
  const inverse = int(attributes, 'inverse', 0) === 1
  const onesided = int(attributes, 'onesided', 0) === 1
  const dim = x.shape[axis]
  const length = lengthInput === undefined ? (inverse && onesided ? 2 * (dim - 1) : dim) : list(lengthInput)[0]
  const line = (index: readonly number[]): Complex[] => {
    const given = (n: number): Complex => (n < dim ? complexAt(x, index.slice(0, -1).map((i, a) => (a === axis ? n : i))) : { re: 0, im: 0 })
    const half = Math.floor(length / 2)
    return Array.from({ length }, (_, n) => {
      if (!inverse || !onesided) return given(n)
      if (n > half) return { re: given(length - n).re, im: -given(length - n).im }
      return n === 0 || 2 * n === length ? { re: given(n).re, im: 0 } : given(n)
    })
  }
  const shape = x.shape.map((own, a) => (a === axis ? (onesided && !inverse ? Math.floor(length / 2) + 1 : length) : a === x.shape.length - 1 ? (inverse && onesided ? 1 : 2) : own))
  const scale = inverse ? 1 / length : 1
  const value = (index: readonly number[]): ReturnType<typeof frequency> => frequency(line(index), index[axis], inverse ? 1 : -1)
  return [build(x.dtype, shape, (index) => scale * (index[index.length - 1] === 0 ? value(index).re : value(index).im), (index) => scale * value(index).magnitude)]
}

const stft: Formula = ([signal, step, window, length], attributes) => {
  const x = needed(signal)
  const frame = length !== undefined ? list(length)[0] : (window?.shape[0] ?? x.shape[1])
  const hop = list(step)[0]
  const frames = Math.max(0, Math.floor((x.shape[1] - frame) / hop) + 1)
  const bins = int(attributes, 'onesided', 1) === 1 ? Math.floor(frame / 2) + 1 : frame
  const value = ([b, f, k]: readonly number[]): ReturnType<typeof frequency> => {
    const part = Array.from({ length: frame }, (_, n) => {
      const { re, im } = complexAt(x, [b, f * hop + n])
      const weight = window === undefined ? 1 : num(at(window, [n]))
      return { re: re * weight, im: im * weight }
    })
    return frequency(part, k, -1)
  }
  return [build(x.dtype, [x.shape[0], frames, bins, 2], (index) => (index[3] === 0 ? value(index).re : value(index).im), (index) => value(index).magnitude)]
}

const window = (weights: readonly number[]): Formula => ([size], attributes) => {
  const count = list(size)[0]
  const period = int(attributes, 'periodic', 1) === 1 ? count : count - 1
  return [build(text(attributes, 'output_datatype', 'float32') as DType, [count], ([n]) => weights.reduce((sum, weight, k) => sum + weight * Math.cos(period === 0 ? 0 : (2 * Math.PI * k * n) / period), 0))]
}

export const signalFormulas: readonly (readonly [string, Formula])[] = [
  ['DFT', dft],
  ['STFT', stft],
  ['HannWindow', window([0.5, -0.5])],
  ['HammingWindow', window([25 / 46, -21 / 46])],
  ['BlackmanWindow', window([0.42, -0.5, 0.08])],
]
