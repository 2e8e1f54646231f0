// One step at any node, and columns that say how it goes.

const CATEGORICAL: u32 = 0x40000000
const ZERO_MISSING: u32 = 0x20000000
const EQUAL: u32 = 0x08000000
const ZERO_THRESHOLD: f64 = 1.0000000180025095e-35
/** Above all categories of a node. */
const UNKNOWN: u32 = 0xfffffffe
const MISSING: u32 = 0xffffffff
const NONE: u32 = 0xffffffff
const ONE_KEY: i32 = 0x3f800000

function categoryOf(value: f64, rounding: u32): u32 {
  const category = rounding & 1 ? floor<f64>(value) : trunc<f64>(value)
  if (value != value) return MISSING
  return category >= 0 && category < <f64>UNKNOWN && (!(rounding & 2) || category == value) ? <u32>category : UNKNOWN
}

/** 1 for right at a node that tests for categories. */
// @ts-ignore: decorator
@inline
function rightOf(node: usize, category: u32, categories: usize): u32 {
  const word = load<u32>(node, 8)
  const isKnown = category < load<u32>(node, 4)
  const own: u32 = isKnown ? category : 0
  const first: u32 = isKnown ? load<u32>(node) : 0
  const members = load<u32>(categories + (<usize>(first + (own >>> 5)) << 2))
  return (isKnown ? members >>> (own & 31) : category == MISSING ? word >>> 31 : word >>> 28) & 1
}

/** 1 for right, with every flag honoured. */
export function rightAny(node: usize, value: f64, categories: usize, rounding: u32): u32 {
  const word = load<u32>(node, 8)
  if (word & CATEGORICAL) return rightOf(node, categoryOf(value, rounding), categories)
  if (value != value || (word & ZERO_MISSING && abs<f64>(value) <= ZERO_THRESHOLD)) return word >>> 31
  return word & EQUAL ? <u32>(value == load<f64>(node)) : <u32>(value > load<f64>(node))
}

// @ts-ignore: decorator
@inline
function valueOf(x: usize, isDouble: bool): f64 {
  return isDouble ? load<f64>(x) : <f64>load<f32>(x)
}

// x [features] f64 or f32; to [tests], `stride` bytes apart: f64 if that is 8, else i32 keys
/** Whether a row goes right at each node that has a column of its own. Those of a feature follow each other. */
export function testRow(plan: usize, x: usize, isDouble: bool, to: usize, stride: usize): void {
  const table = <usize>load<u32>(plan, 68)
  const categories = <usize>load<u32>(plan, 12)
  const rounding = load<u32>(plan, 48)
  let last = NONE
  let category: u32 = 0
  let value: f64 = 0
  let column = table + (<usize>load<u32>(plan, 108) << 3)
  for (const end = table + (<usize>load<u32>(plan, 64) << 3); column < end; column += 8) {
    const feature = load<u32>(column)
    if (feature != last) {
      last = feature
      value = valueOf(x + (<usize>feature << (isDouble ? 3 : 2)), isDouble)
      category = categoryOf(value, rounding)
    }
    const node = <usize>load<u32>(column, 4)
    const right = load<u32>(node, 8) & CATEGORICAL ? rightOf(node, category, categories) : rightAny(node, value, categories, rounding)
    if (stride == 8) store<f64>(to, <f64>right)
    else store<i32>(to, -<i32>right & ONE_KEY)
    to += stride
  }
}

// x [rows, features] f64 or f32; to [tests][`columnBytes`] u16; list [rows] u32: room
/** As `testRow` for a block of rows, column by column. */
export function testRows(plan: usize, x: usize, isDouble: bool, rows: u32, features: u32, to: usize, columnBytes: usize, list: usize): void {
  const table = <usize>load<u32>(plan, 68)
  const categories = <usize>load<u32>(plan, 12)
  const rounding = load<u32>(plan, 48)
  const shift: usize = isDouble ? 3 : 2
  const rowBytes = <usize>features << shift
  let last = NONE
  let column = table + (<usize>load<u32>(plan, 108) << 3)
  for (const end = table + (<usize>load<u32>(plan, 64) << 3); column < end; column += 8) {
    const feature = load<u32>(column)
    const node = <usize>load<u32>(column, 4)
    const until = to + (<usize>rows << 1)
    let from = x + (<usize>feature << shift)
    let at = to
    if (load<u32>(node, 8) & CATEGORICAL) {
      let own = list
      if (feature != last) {
        for (const stop = list + (<usize>rows << 2); own < stop; own += 4) {
          store<u32>(own, categoryOf(valueOf(from, isDouble), rounding))
          from += rowBytes
        }
        own = list
        last = feature
      }
      for (; at < until; at += 2) {
        store<u16>(at, rightOf(node, load<u32>(own), categories))
        own += 4
      }
    } else {
      for (; at < until; at += 2) {
        store<u16>(at, rightAny(node, valueOf(from, isDouble), categories, rounding))
        from += rowBytes
      }
    }
    to += columnBytes
  }
}
