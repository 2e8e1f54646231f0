// The Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998) with the doubles and normal deviates of numpy's RandomState, which ONNX's reference
// implementation draws from: a seed gives the same numbers here.
import { log } from '../math/log.ts'

const SIZE = 624
const MIDDLE = 397

export interface RandomState {
  /** The next number in [0, 1), of 53 bits. */
  uniform(): number
  /** The next number of the standard normal distribution, by Marsaglia's polar method. */
  normal(): number
}

/** The state that a seed of 32 bits gives. */
export function randomState(seed: number): RandomState {
  const state = new Uint32Array(SIZE)
  state[0] = seed
  for (let i = 1; i < SIZE; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i
  let at = SIZE
  const next = (): number => {
    if (at === SIZE) {
      for (let i = 0; i < SIZE; i++) {
        const y = (state[i] & 0x80000000) | (state[(i + 1) % SIZE] & 0x7fffffff)
        state[i] = state[(i + MIDDLE) % SIZE] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
      }
      at = 0
    }
    let y = state[at++]
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }
  const uniform = (): number => {
    const high = next() >>> 5
    return (high * 67108864 + (next() >>> 6)) / 9007199254740992
  }
  let spare: number | undefined
  return {
    uniform,
    normal() {
      if (spare !== undefined) {
        const kept = spare
        spare = undefined
        return kept
      }
      for (;;) {
        const a = 2 * uniform() - 1
        const b = 2 * uniform() - 1
        const square = a * a + b * b
        if (square >= 1 || square === 0) continue
        const scale = Math.sqrt((-2 * log(square)) / square)
        spare = scale * a
        return scale * b
      }
    },
  }
}

/** The seed of 32 bits that an attribute of float or int stands for. */
export function seedOf(value: number): number {
  return Math.trunc(value) >>> 0
}
