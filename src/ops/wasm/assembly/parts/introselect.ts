// numpy's argpartition as src/ops/cpu/introselect.ts has it: the same comparisons decide the same swaps, but of a partition all elements are
// compared first, without branches, which would guess wrong at every other one.

/** A choice in memory: within, f64, isNear, i32, left and right lists (usize), values, order. */
const WITHIN: usize = 0
const NEAR: usize = 8
const LEFT: usize = 12
const RIGHT: usize = 16
const VALUES: usize = 20
const ORDER: usize = 24
export const CHOICE_BYTES: usize = 32

// @ts-ignore: decorator
@inline
function placeOf(choice: usize, at: isize): usize {
  return <usize>load<u32>(choice, ORDER) + <usize>at * 4
}

// @ts-ignore: decorator
@inline
function valueAt(choice: usize, at: isize): f64 {
  return load<f64>(<usize>load<u32>(choice, VALUES) + <usize>load<u32>(placeOf(choice, at)) * 8)
}

/** NaN is the largest. */
function isLess(choice: usize, a: isize, b: isize): bool {
  const first = valueAt(choice, a)
  const second = valueAt(choice, b)
  if (abs<f64>(first - second) <= load<f64>(choice, WITHIN) && a != b) store<i32>(choice, 1, NEAR)
  return first < second || (second != second && first == first)
}

// @ts-ignore: decorator
@inline
function swap(choice: usize, a: isize, b: isize): void {
  const first = placeOf(choice, a)
  const second = placeOf(choice, b)
  const kept = load<u32>(first)
  store<u32>(first, load<u32>(second))
  store<u32>(second, kept)
}

function swapIfLess(choice: usize, a: isize, b: isize): void {
  if (isLess(choice, a, b)) swap(choice, a, b)
}

function medianOf3(choice: usize, low: isize, mid: isize, high: isize): void {
  swapIfLess(choice, high, mid)
  swapIfLess(choice, high, low)
  swapIfLess(choice, low, mid)
  swap(choice, mid, low + 1)
}

function medianOf5(choice: usize, at: isize): isize {
  swapIfLess(choice, at + 1, at)
  swapIfLess(choice, at + 4, at + 3)
  swapIfLess(choice, at + 3, at)
  swapIfLess(choice, at + 4, at + 1)
  swapIfLess(choice, at + 2, at + 1)
  if (!isLess(choice, at + 3, at + 2)) return 2
  return isLess(choice, at + 3, at + 1) ? 1 : 3
}

function medianOfMedians(choice: usize, start: isize, count: isize): isize {
  const medians = count / 5
  for (let i: isize = 0; i < medians; i++) swap(choice, start + 5 * i + medianOf5(choice, start + 5 * i), start + i)
  const middle = medians / 2
  if (medians > 2) select(choice, start, medians, middle)
  return middle
}

/** Scans from both sides until they have met; gives where from the left. The scan from the right is one place below it, or two where they met at one element. */
function scanBranching(choice: usize, low: isize, from: isize, to: isize): isize {
  let up = from
  let down = to
  for (;;) {
    do up++
    while (isLess(choice, up, low))
    do down--
    while (isLess(choice, low, down))
    if (down < up) break
    swap(choice, up, down)
  }
  return (up << 1) | (up - down - 1)
}

/** The same where the elements at low + 1 and high bound both scans, and the pivot at low is a number. */
function scan(choice: usize, low: isize, high: isize): isize {
  const pivot = valueAt(choice, low)
  const within = load<f64>(choice, WITHIN)
  const values = <usize>load<u32>(choice, VALUES)
  const order = <usize>load<u32>(choice, ORDER)
  let left = <usize>load<u32>(choice, LEFT)
  let right = <usize>load<u32>(choice, RIGHT)
  const rightStart = right
  const leftStart = left
  let isNear: i32 = 0
  for (let i = low + 2; i < high; i++) {
    const value = load<f64>(values + <usize>load<u32>(order + <usize>i * 4) * 8)
    store<u32>(left, <u32>i)
    left += <usize>!(value < pivot) << 2
    store<u32>(right, <u32>i)
    right += <usize>(value <= pivot) << 2
    isNear |= <i32>(abs<f64>(value - pivot) <= within)
  }
  if (isNear) store<i32>(choice, 1, NEAR)
  const leftEnd = left
  left = leftStart
  let up = high
  while (left < leftEnd && right > rightStart) {
    const nextUp = <isize>load<u32>(left)
    const nextDown = <isize>load<u32>(right - 4)
    if (nextDown < nextUp) break
    if (nextUp == nextDown) return ((nextUp + 1) << 1) | 1
    swap(choice, nextUp, nextDown)
    up = nextDown
    left += 4
    right -= 4
  }
  if (left < leftEnd) up = min<isize>(up, <isize>load<u32>(left))
  return up << 1
}

function select(choice: usize, start: isize, count: isize, kth: isize): void {
  const place = start + kth
  let low = start
  let high = start + count - 1
  if (kth < 3) {
    for (let i = low; i <= place; i++) {
      let least = i
      for (let j = i + 1; j <= high; j++) if (isLess(choice, j, least)) least = j
      swap(choice, i, least)
    }
    return
  }
  if (place == high) {
    let largest = low
    for (let j = low + 1; j <= high; j++) if (!isLess(choice, j, largest)) largest = j
    swap(choice, place, largest)
    return
  }
  let patience: i32 = 2 * (31 - clz<i32>(<i32>count))
  while (low + 1 < high) {
    let up = low + 1
    let met: isize = 0
    if (patience > 0 || high - up < 5) {
      medianOf3(choice, low, low + (high - low) / 2, high)
      const pivot = valueAt(choice, low)
      met = pivot == pivot ? scan(choice, low, high) : scanBranching(choice, low, up, high)
    } else {
      swap(choice, up + medianOfMedians(choice, up, high - up), low)
      met = scanBranching(choice, low, up - 1, high + 1)
    }
    patience--
    up = met >> 1
    const down = up - 1 - (met & 1)
    swap(choice, low, down)
    if (down >= place) high = down - 1
    if (down <= place) low = up
  }
  if (high == low + 1) swapIfLess(choice, high, low)
}

/**
 * Rearranges 0, 1, ... in `order` [count] so that the first k are the places of the k smallest values, in numpy's order. `scratch` takes CHOICE_BYTES and two
 * numbers of 32 bits for each value. True where two values that differ by `within` or less were compared.
 */
export function argPartition(values: usize, order: usize, count: usize, k: usize, within: f64, scratch: usize): bool {
  store<f64>(scratch, within, WITHIN)
  store<i32>(scratch, 0, NEAR)
  store<u32>(scratch, <u32>(scratch + CHOICE_BYTES), LEFT)
  store<u32>(scratch, <u32>(scratch + CHOICE_BYTES + count * 4), RIGHT)
  store<u32>(scratch, <u32>values, VALUES)
  store<u32>(scratch, <u32>order, ORDER)
  for (let i: usize = 0; i < count; i++) store<u32>(order + i * 4, <u32>i)
  select(scratch, 0, count, k - 1)
  return load<i32>(scratch, NEAR) != 0
}
