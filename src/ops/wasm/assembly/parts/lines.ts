// Running sums, products and the largest elements of lines: n elements `step` bytes apart.

/** The product of a line: element e goes to partial e modulo 16, halves are multiplied onto halves. */
export function productOf<T>(x: usize, step: usize, n: usize, partials: usize): T {
  for (let e: usize = 0; e < 16; e++) store<T>(partials + e * sizeof<T>(), <T>1)
  for (let e: usize = 0; e < n; e++, x += step) {
    const p = partials + (e & 15) * sizeof<T>()
    store<T>(p, load<T>(p) * load<T>(x))
  }
  for (let half: usize = 8; half >= 1; half >>= 1) {
    for (let e: usize = 0; e < half; e++) store<T>(partials + e * sizeof<T>(), load<T>(partials + e * sizeof<T>()) * load<T>(partials + (e + half) * sizeof<T>()))
  }
  return load<T>(partials)
}

// x -> y alike, from the other end where `step` is negative
export function runningSum<T>(x: usize, y: usize, step: isize, n: usize, isExclusive: bool): void {
  let sum: T = 0
  for (; n > 0; n--, x += step, y += step) {
    const value = load<T>(x)
    if (isExclusive) store<T>(y, sum)
    sum += value
    if (!isExclusive) store<T>(y, sum)
  }
}

/** An integer in the order of numbers: 0 is -0, NaN is above all. */
// @ts-ignore: decorator
@inline
function keyOf(x: f64): i64 {
  if (x != x) return i64.MAX_VALUE
  const bits = reinterpret<i64>(x + 0.0)
  return bits ^ ((bits >> 63) & i64.MAX_VALUE)
}

/** The places of the k first in order, of equal ones those further to the front: `places` [k] u32, sorted as `keys` [k] i64 are. */
export function firstOf<T>(isLargest: bool, x: usize, step: usize, n: usize, k: usize, keys: usize, places: usize): void {
  let count: usize = 0
  let last = i64.MIN_VALUE
  for (let e: usize = 0; e < n; e++, x += step) {
    const own = keyOf(<f64>load<T>(x))
    const key = isLargest ? own : ~own
    if (count < k) count++
    else if (key <= last) continue
    let at = count - 1
    for (; at > 0 && load<i64>(keys + at * 8 - 8) < key; at--) {
      store<i64>(keys + at * 8, load<i64>(keys + at * 8 - 8))
      store<u32>(places + at * 4, load<u32>(places + at * 4 - 4))
    }
    store<i64>(keys + at * 8, key)
    store<u32>(places + at * 4, <u32>e)
    last = load<i64>(keys + k * 8 - 8)
  }
}
