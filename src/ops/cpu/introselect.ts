// The k smallest of a list as numpy's argpartition finds them: which of several equal ones come first follows from its introselect.

/** What compares values that are too close for estimates of them. */
export interface Near {
  /** Values that differ by no more are compared by `isLess`. */
  readonly within: number
  readonly isLess: (a: number, b: number) => boolean
}

/** Values that are what they are. */
const EXACT: Near = { within: -1, isLess: () => false }

/** Whether the value at one place of the order is less than that at another; NaN is the largest. */
function isLess(values: Float64Array, order: Int32Array, near: Near, a: number, b: number): boolean {
  const first = values[order[a]]
  const second = values[order[b]]
  if (Math.abs(first - second) <= near.within) return a !== b && near.isLess(order[a], order[b])
  return first < second || (second !== second && first === first)
}

function swap(order: Int32Array, a: number, b: number): void {
  const kept = order[a]
  order[a] = order[b]
  order[b] = kept
}

function swapIfLess(values: Float64Array, order: Int32Array, near: Near, a: number, b: number): void {
  if (isLess(values, order, near, a, b)) swap(order, a, b)
}

/** The median of three at `low`, the smallest behind it and the largest at `high`, so that the scans of a partition need no bounds. */
function medianOf3(values: Float64Array, order: Int32Array, near: Near, low: number, mid: number, high: number): void {
  swapIfLess(values, order, near, high, mid)
  swapIfLess(values, order, near, high, low)
  swapIfLess(values, order, near, low, mid)
  swap(order, mid, low + 1)
}

/** Which of the five from `at` on is their median. */
function medianOf5(values: Float64Array, order: Int32Array, near: Near, at: number): number {
  swapIfLess(values, order, near, at + 1, at)
  swapIfLess(values, order, near, at + 4, at + 3)
  swapIfLess(values, order, near, at + 3, at)
  swapIfLess(values, order, near, at + 4, at + 1)
  swapIfLess(values, order, near, at + 2, at + 1)
  if (!isLess(values, order, near, at + 3, at + 2)) return 2
  return isLess(values, order, near, at + 3, at + 1) ? 1 : 3
}

/** The place of a pivot that leaves a fair share on both sides; medians of five are moved to the front. */
function medianOfMedians(values: Float64Array, order: Int32Array, near: Near, start: number, count: number): number {
  const medians = Math.floor(count / 5)
  for (let i = 0, at = start; i < medians; i++, at += 5) swap(order, at + medianOf5(values, order, near, at), start + i)
  const middle = Math.floor(medians / 2)
  if (medians > 2) select(values, order, near, start, medians, middle)
  return middle
}

function select(values: Float64Array, order: Int32Array, near: Near, start: number, count: number, kth: number): void {
  const place = start + kth
  let low = start
  let high = start + count - 1
  if (kth < 3) {
    for (let i = low; i <= place; i++) {
      let least = i
      for (let j = i + 1; j <= high; j++) if (isLess(values, order, near, j, least)) least = j
      swap(order, i, least)
    }
    return
  }
  if (place === high) {
    let largest = low
    for (let j = low + 1; j <= high; j++) if (!isLess(values, order, near, j, largest)) largest = j
    swap(order, place, largest)
    return
  }
  // Twice the logarithm of the length; then medians of medians keep the time linear.
  let patience = 2 * (31 - Math.clz32(count))
  while (low + 1 < high) {
    let up = low + 1
    let down = high
    if (patience > 0 || down - up < 5) medianOf3(values, order, near, low, low + Math.floor((high - low) / 2), high)
    else {
      swap(order, up + medianOfMedians(values, order, near, up, down - up), low)
      up--
      down++
    }
    patience--
    // The pivot stays at `low` until both scans have met.
    for (;;) {
      do up++
      while (isLess(values, order, near, up, low))
      do down--
      while (isLess(values, order, near, low, down))
      if (down < up) break
      swap(order, up, down)
    }
    swap(order, low, down)
    if (down >= place) high = down - 1
    if (down <= place) low = up
  }
  if (high === low + 1) swapIfLess(values, order, near, high, low)
}

/**
 * Rearranges 0, 1, ... in `order` [values] so that the first k are the places of the k smallest, in numpy's order.
 *
 * @param near for values that are estimates
 */
export function argPartition(values: Float64Array, order: Int32Array, k: number, near: Near = EXACT): void {
  for (let i = 0; i < order.length; i++) order[i] = i
  select(values, order, near, 0, order.length, k - 1)
}
