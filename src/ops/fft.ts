// The discrete Fourier transform of any length in doubles: radix-p steps over the prime factors of the length (Cooley and Tukey).
import { cos, sin } from '../math/trig.ts'

export interface Transform {
  /** Input, to be filled before `run`; kept as it is. */
  readonly re: Float64Array
  readonly im: Float64Array
  readonly outRe: Float64Array
  readonly outIm: Float64Array
  /** Products that `run` takes: a prime number of elements takes its square. */
  readonly work: number
  /** out[k] = sum over n of in[n] e^(-2 pi i n k / length), with the opposite sign and divided by the length where inverse. */
  run(): void
}

/** A transform of `length` elements with memory of its own. */
export function fourier(length: number, inverse: boolean): Transform {
  const re = new Float64Array(length)
  const im = new Float64Array(length)
  const outRe = new Float64Array(length)
  const outIm = new Float64Array(length)
  const cosines = new Float64Array(length)
  const sines = new Float64Array(length)
  for (let k = 0; k < length; k++) {
    const [x, y] = turnOf(k, length)
    cosines[k] = x
    sines[k] = inverse ? y : -y
  }
  const factors = factorsOf(length)
  const most = Math.max(1, ...factors)
  const partRe = new Float64Array(most)
  const partIm = new Float64Array(most)

  // in [n] from `from`, `stride` apart -> out [n] from `to`
  const step = (level: number, n: number, from: number, stride: number, to: number): void => {
    if (n === 1) {
      outRe[to] = re[from]
      outIm[to] = im[from]
      return
    }
    const p = factors[level]
    const m = n / p
    for (let r = 0; r < p; r++) step(level + 1, m, from + r * stride, stride * p, to + r * m)
    const turn = length / n
    for (let k = 0; k < m; k++) {
      for (let r = 0; r < p; r++) {
        const w = r * k * turn
        const [a, b] = [outRe[to + r * m + k], outIm[to + r * m + k]]
        partRe[r] = a * cosines[w] - b * sines[w]
        partIm[r] = a * sines[w] + b * cosines[w]
      }
      for (let q = 0; q < p; q++) {
        let sumRe = 0
        let sumIm = 0
        for (let r = 0; r < p; r++) {
          const w = ((r * q) % p) * m * turn
          sumRe += partRe[r] * cosines[w] - partIm[r] * sines[w]
          sumIm += partRe[r] * sines[w] + partIm[r] * cosines[w]
        }
        outRe[to + q * m + k] = sumRe
        outIm[to + q * m + k] = sumIm
      }
    }
  }
  return {
    re, im, outRe, outIm,
    work: factors.reduce((sum, factor) => sum + factor, 0) * length,
    run() {
      if (length === 0) return
      step(0, length, 0, 1, 0)
      if (!inverse) return
      for (let k = 0; k < length; k++) {
        outRe[k] /= length
        outIm[k] /= length
      }
    },
  }
}

/** Cosine and sine of k / length of a turn, exact at the quarters: angles are brought to an eighth of a turn first. */
function turnOf(k: number, length: number): readonly [cosine: number, sine: number] {
  const quarter = Math.floor((4 * k) / length)
  const rest = 4 * k - quarter * length
  const isSteep = 2 * rest > length
  const angle = (Math.PI / 2) * ((isSteep ? length - rest : rest) / length)
  const [x, y] = isSteep ? [sin(angle), cos(angle)] : [cos(angle), sin(angle)]
  // No -0: adding a zero takes its sign away.
  return quarter === 0 ? [x, y] : quarter === 1 ? [0 - y, x] : quarter === 2 ? [0 - x, 0 - y] : [y, 0 - x]
}

function factorsOf(length: number): number[] {
  const factors: number[] = []
  for (let p = 2, rest = length; rest > 1; p++) {
    if (p * p > rest) p = rest
    for (; rest % p === 0; rest /= p) factors.push(p)
  }
  return factors
}
