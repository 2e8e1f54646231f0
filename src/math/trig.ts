// sin, cos and tan: reduction by pi/2 in three pieces (Cody and Waite) up to 2^20 pi/2, beyond that and for the worst
// cases by Payne and Hanek's multiplication with the needed bits of 2/pi (SIGNUM Newsletter 18, 1983). Below 1 ulp everywhere.
import { exponentOf, pow2 } from './bits.ts'
import { productTail, sumTail } from './exact.ts'
import { ROUND } from './exp.ts'

/** sin(sqrt(z)) = sqrt(z) (1 + z S(z)), z <= (pi/4)^2. */
function sinTail(z: number): number {
  const w = z * z
  return -0.16666666666666666 + 0.008333333333333331 * z + w * (
    -0.0001984126984126504 + 2.755731921932058e-6 * z + w * (-2.50521062259944e-8 + 1.6058530596645953e-10 * z + w *
    -7.586636882825159e-13))
}

/** cos(sqrt(z)) = 1 - z/2 + z^2 C(z), z <= (pi/4)^2. */
function cosTail(z: number): number {
  const w = z * z
  return 0.041666666666666664 - 0.0013888888888888887 * z + w * (
    2.4801587301584632e-5 - 2.755731922139249e-7 * z + w * (2.0876755787492604e-9 - 1.1470460319209511e-11 * z + w *
    4.745838412531023e-14))
}

export function sin(x: number): number {
  return Math.abs(x) < 7.45e-9 ? x : circular(x, 0)
}

export function cos(x: number): number {
  return circular(x, 1)
}

export function tan(x: number): number {
  return Math.abs(x) < 7.45e-9 ? x : circular(x, 2)
}

/** kind 0: sin, 1: cos, 2: tan. The reduced argument is three numbers, so reduction calls evaluation: nothing here may allocate. */
function circular(x: number, kind: number): number {
  const ax = Math.abs(x)
  if (ax <= 0.7853981633974483) return evaluate(0, x, 0, kind)
  if (!(ax < 1647099)) return ax < Infinity ? circularFar(x, kind) : NaN
  const n = x * 0.6366197723675814 + ROUND - ROUND
  const first = x - n * 1.5707963267341256
  const second = n * 6.077100506303966e-11
  const r = first - second
  const rest = sumTail(first, -second, r) - n * 2.0222662487959506e-21
  const y = r + rest
  // Three pieces end at 2^-120 of a turn: too few where x is this close to a multiple of pi/2.
  return Math.abs(y) < 1e-9 ? circularFar(x, kind) : evaluate(n, y, r - y + rest, kind)
}

function circularFar(x: number, kind: number): number {
  // |x| = (a 2^27 + b) 2^e; sum both times 2/pi modulo 4, the integer part into n as soon as it appears.
  const ax = Math.abs(x)
  const e = exponentOf(ax) - 52
  const bits = ax * pow2(-e)
  const a = Math.floor(bits / 134217728)
  const b = bits - a * 134217728
  const skip = Math.max(0, Math.floor((e - 2) / 24))
  let high: number = 0
  let low: number = 0
  let n: number = 0
  for (let i: number = 0; i < 8; i++) {
    const digit = twoOverPi(skip + i)
    const weight = pow2(e - 24 * (skip + i + 1))
    let term: number = a * digit * (weight * 134217728)
    for (let half: number = 0; half < 2; half++) {
      term -= 4 * Math.floor(0.25 * term)
      const sum = high + term
      low += sumTail(high, term, sum)
      const whole = sum + ROUND - ROUND
      n += whole
      const part = sum - whole
      high = part + low
      low = sumTail(part, low, high)
      term = b * digit * weight
    }
  }
  const turn = high * 1.5707963267948966
  const rest = productTail(high, 1.5707963267948966, turn) + high * 6.123233995736766e-17 + low * 1.5707963267948966
  const y = turn + rest
  const yLow = turn - y + rest
  return x < 0 ? evaluate(-n, -y, -yLow, kind) : evaluate(n, y, yLow, kind)
}

/** The function at y + yLow + n pi/2, |y| <= pi/4. */
function evaluate(n: number, y: number, yLow: number, kind: number): number {
  const z = y * y
  if (kind === 2) {
    const sine = z * y * sinTail(z) + yLow * (1 - 0.5 * z)
    const s = y + sine
    const sLow = y - s + sine
    const one = 1 - 0.5 * z
    const cosine = 1 - one - 0.5 * z + (z * z * cosTail(z) - y * yLow)
    const c = one + cosine
    const cLow = one - c + cosine
    const flip = Math.floor(0.5 * n) !== 0.5 * n
    const a = flip ? -c : s
    const aLow = flip ? -cLow : sLow
    const b = flip ? s : c
    const bLow = flip ? sLow : cLow
    const q = a / b
    const p = q * b
    return q + (a - p - productTail(q, b, p) + aLow - q * bLow) / b
  }
  const turns = n + kind
  const quadrant = turns - 4 * Math.floor(0.25 * turns)
  let value: number = 0
  if (quadrant === 0 || quadrant === 2) value = y + (z * y * sinTail(z) + yLow * (1 - 0.5 * z))
  else {
    const one = 1 - 0.5 * z
    value = one + (1 - one - 0.5 * z + (z * z * cosTail(z) - y * yLow))
  }
  return quadrant >= 2 ? -value : value
}

/** 24-bit digits of 2/pi. Branches, not a table: Wasm kernels carry no static data, and this path is rare. */
function twoOverPi(digit: number): number {
  if (digit < 26) {
    if (digit < 13) {
      if (digit < 6) {
        if (digit < 3) {
          if (digit === 0) return 10680707
          if (digit === 1) return 7228996
          return 1387004
        }
        if (digit === 3) return 2578385
        if (digit === 4) return 16069853
        return 12639074
      }
      if (digit < 9) {
        if (digit === 6) return 9804092
        if (digit === 7) return 4427841
        return 16666979
      }
      if (digit === 9) return 11263675
      if (digit === 10) return 12935607
      if (digit === 11) return 2387514
      return 4345298
    }
    if (digit < 19) {
      if (digit < 16) {
        if (digit === 13) return 14681673
        if (digit === 14) return 3074569
        return 13734428
      }
      if (digit === 16) return 16653803
      if (digit === 17) return 1880361
      return 10960616
    }
    if (digit < 22) {
      if (digit === 19) return 8533493
      if (digit === 20) return 3062596
      return 8710556
    }
    if (digit === 22) return 7349940
    if (digit === 23) return 6258241
    if (digit === 24) return 3772886
    return 3769171
  }
  if (digit < 39) {
    if (digit < 32) {
      if (digit < 29) {
        if (digit === 26) return 3798172
        if (digit === 27) return 8675211
        return 12450088
      }
      if (digit === 29) return 3874808
      if (digit === 30) return 9961438
      return 366607
    }
    if (digit < 35) {
      if (digit === 32) return 15675153
      if (digit === 33) return 9132554
      return 7151469
    }
    if (digit === 35) return 3571407
    if (digit === 36) return 2607881
    if (digit === 37) return 12013382
    return 4155038
  }
  if (digit < 45) {
    if (digit < 42) {
      if (digit === 39) return 6285869
      if (digit === 40) return 7677882
      return 13102053
    }
    if (digit === 42) return 15825725
    if (digit === 43) return 473591
    return 9065106
  }
  if (digit < 48) {
    if (digit === 45) return 15363067
    if (digit === 46) return 6271263
    return 9264392
  }
  if (digit === 48) return 5636912
  if (digit === 49) return 4652155
  if (digit === 50) return 7056368
  return 13614112
}
