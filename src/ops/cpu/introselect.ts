// The k smallest of a list as numpy's argpartition finds them: which of several equal ones come first follows from its introselect.

/** NaN is the largest. */
function isLess(a: number, b: number): boolean {
  return a < b || (b !== b && a === a)
}

function swap(order: Int32Array, a: number, b: number): void {
  const kept = order[a]
  order[a] = order[b]
  order[b] = kept
}

function swapIfLess(values: Float64Array, order: Int32Array, a: number, b: number): void {
  if (isLess(values[order[a]], values[order[b]])) swap(order, a, b)
}

/** The median of three at `low`, the smallest behind it and the largest at `high`, so that the scans of a partition need no bounds. */
function medianOf3(values: Float64Array, order: Int32Array, low: number, mid: number, high: number): void {
  swapIfLess(values, order, high, mid)
  swapIfLess(values, order, high, low)
  swapIfLess(values, order, low, mid)
  swap(order, mid, low + 1)
}

/** Which of the five from `at` on is their median. */
function medianOf5(values: Float64Array, order: Int32Array, at: number): number {
  swapIfLess(values, order, at + 1, at)
  swapIfLess(values, order, at + 4, at + 3)
  swapIfLess(values, order, at + 3, at)
  swapIfLess(values, order, at + 4, at + 1)
  swapIfLess(values, order, at + 2, at + 1)
  if (!isLess(values[order[at + 3]], values[order[at + 2]])) return 2
  return isLess(values[order[at + 3]], values[order[at + 1]]) ? 1 : 3
}

/** The place of a pivot that leaves a fair share on both sides; medians of five are moved to the front. */
function medianOfMedians(values: Float64Array, order: Int32Array, start: number, count: number): number {
  const medians = Math.floor(count / 5)
  for (let i = 0, at = start; i < medians; i++, at += 5) swap(order, at + medianOf5(values, order, at), start + i)
  const middle = Math.floor(medians / 2)
  if (medians > 2) select(values, order, start, medians, middle)
  return middle
}

function select(values: Float64Array, order: Int32Array, start: number, count: number, kth: number): void {
  const place = start + kth
  let low = start
  let high = start + count - 1
  if (kth < 3) {
    for (let i = low; i <= place; i++) {
      let least = i
      for (let j = i + 1; j <= high; j++) if (isLess(values[order[j]], values[order[least]])) least = j
      swap(order, i, least)
    }
    return
  }
  if (place === high) {
    let largest = low
    for (let j = low + 1; j <= high; j++) if (!isLess(values[order[j]], values[order[largest]])) largest = j
    swap(order, place, largest)
    return
  }
  // Twice the logarithm of the length; then medians of medians keep the time linear.
  let patience = 2 * (31 - Math.clz32(count))
  while (low + 1 < high) {
    let up = low + 1
    let down = high
    if (patience > 0 || down - up < 5) medianOf3(values, order, low, low + Math.floor((high - low) / 2), high)
    else {
      swap(order, up + medianOfMedians(values, order, up, down - up), low)
      up--
      down++
    }
    patience--
    const pivot = values[order[low]]
    for (;;) {
      do up++
      while (isLess(values[order[up]], pivot))
      do down--
      while (isLess(pivot, values[order[down]]))
      if (down < up) break
      swap(order, up, down)
    }
    swap(order, low, down)
    if (down >= place) high = down - 1
    if (down <= place) low = up
  }
  if (high === low + 1) swapIfLess(values, order, high, low)
}

/** Rearranges 0, 1, ... in `order` [values] so that the first k are the places of the k smallest, in numpy's order. */
export function argPartition(values: Float64Array, order: Int32Array, k: number): void {
  for (let i = 0; i < order.length; i++) order[i] = i
  select(values, order, 0, order.length, k - 1)
}
