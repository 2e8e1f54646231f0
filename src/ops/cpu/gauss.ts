// Points and weights of Gauss and Legendre's formula on [0, 1], which integrates polynomials up to degree 2 n - 1 exactly by n points. The same bits on every engine:
// nothing but additions, multiplications and divisions.

export interface GaussPoints {
  /** Even: a point of no weight fills an odd number of them up. */
  readonly count: number
  /** Points, and what is left of 1. */
  readonly share: Float64Array
  readonly rest: Float64Array
  readonly weight: Float64Array
}

/** Newton's steps from a root's first guess, which is off by less than 1 / (2 count^2) of its distance to the next. */
const STEPS = 6

export function gaussPoints(count: number): GaussPoints {
  const padded = count + (count % 2)
  const share = new Float64Array(padded).fill(0.5)
  const rest = share.slice()
  const weight = new Float64Array(padded)
  for (let i = 0; 2 * i < count; i++) {
    let x = 2 * i + 1 === count ? 0 : cosine((Math.PI * (i + 0.75)) / (count + 0.5))
    let slope = 0
    for (let step = 0; step < STEPS; step++) {
      let value = 1
      let previous = 0
      for (let k = 1; k <= count; k++) {
        const next = ((2 * k - 1) * x * value - (k - 1) * previous) / k
        previous = value
        value = next
      }
      slope = (count * (x * value - previous)) / (x * x - 1)
      x -= value / slope
    }
    const last = count - 1 - i
    share[last] = rest[i] = (1 + x) / 2
    share[i] = rest[last] = (1 - x) / 2
    weight[i] = weight[last] = 1 / ((1 - x * x) * slope * slope)
  }
  return { count: padded, share, rest, weight }
}

/** Of an angle from 0 to a quarter of a turn. */
function cosine(angle: number): number {
  let sum = 1
  let term = 1
  for (let k = 1; k < 24; k += 2) {
    term *= -(angle * angle) / (k * (k + 1))
    sum += term
  }
  return sum
}
