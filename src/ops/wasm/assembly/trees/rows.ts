// Copies of a block of rows as walks read them.
import { testRow } from './any.ts'
import { groupBytesOf, keyOf } from './packed.ts'

const ZERO_THRESHOLD: f64 = 1.0000000180025095e-35

/** What a column of a kind holds for a value; the kinds are those of src/ops/trees/derive.ts but TEST, for which see any.ts. */
// @ts-ignore: decorator
@inline
export function replaced(kind: u32, value: f64): f64 {
  if (kind == 0) return value
  const isNaN = value != value
  if (kind == 1) return isNaN ? Infinity : value
  if (kind == 2) return isNaN ? 1 : 0
  const isMissing = isNaN || abs<f64>(value) <= ZERO_THRESHOLD
  if (kind == 5) return isMissing ? 1 : 0
  return !isMissing ? value : kind == 3 ? NaN : Infinity
}

// x [rows, features] T; to [rows, columns] f64, which walks read faster than f32
export function copyRows<T>(plan: usize, x: usize, rows: u32, features: u32, to: usize): void {
  const first = <usize>load<u32>(plan, 68)
  const columns = load<u32>(plan, 64)
  if (columns == 0) {
    const end = x + (<usize>rows * features << alignof<T>())
    for (; x < end; x += sizeof<T>()) {
      store<f64>(to, <f64>load<T>(x))
      to += 8
    }
    return
  }
  const valued = load<u32>(plan, 108)
  const end = first + (<usize>valued << 3)
  for (let row: u32 = 0; row < rows; row++) {
    for (let column = first; column < end; column += 8) {
      store<f64>(to, replaced(load<u32>(column, 4), <f64>load<T>(x + (<usize>load<u32>(column) << alignof<T>()))))
      to += 8
    }
    testRow(plan, x, sizeof<T>() == 8, to, 8)
    to += <usize>(columns - valued) << 3
    x += <usize>features << alignof<T>()
  }
}

// x [rows, features] T; to [rows in groups of 8][columns][8] i32 keys, the last group's other lanes as they were
/** False where float32 does not hold a value exactly. */
export function copyGroups<T>(plan: usize, x: usize, rows: u32, features: u32, to: usize): bool {
  const table = <usize>load<u32>(plan, 68)
  const derived = load<u32>(plan, 64)
  const columns = derived ? derived : features
  const groupBytes = groupBytesOf(columns)
  const valued = derived ? load<u32>(plan, 108) : features
  let isInexact: u32 = 0
  for (let row: u32 = 0; row < rows; row++) {
    let at = to + <usize>(row >>> 3) * groupBytes + (<usize>(row & 7) << 2)
    for (let c: u32 = 0; c < valued; c++) {
      const column = table + (<usize>c << 3)
      const value = derived ? replaced(load<u32>(column, 4), <f64>load<T>(x + (<usize>load<u32>(column) << alignof<T>()))) : <f64>load<T>(x + (<usize>c << alignof<T>()))
      const single = <f32>value
      if (sizeof<T>() == 8) isInexact |= <u32>(<f64>single != value) & <u32>(value == value)
      store<i32>(at, keyOf(single))
      at += 32
    }
    if (valued < columns) testRow(plan, x, sizeof<T>() == 8, at, 32)
    x += <usize>features << alignof<T>()
  }
  return isInexact == 0
}

// x [size] f64 -> y [size] f32
export function roundRows(x: usize, size: u32, y: usize): void {
  const end = y + (<usize>size << 2)
  for (; y + 16 <= end; y += 16) {
    const low = f32x4.demote_f64x2_zero(v128.load(x))
    const high = f32x4.demote_f64x2_zero(v128.load(x, 16))
    v128.store(y, i64x2.shuffle(low, high, 0, 2))
    x += 32
  }
  for (; y < end; y += 4) {
    store<f32>(y, <f32>load<f64>(x))
    x += 8
  }
}
