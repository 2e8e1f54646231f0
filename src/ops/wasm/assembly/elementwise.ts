// Elementwise operators over raw memory with the bits of src/ops/cpu/elementwise.ts. Operators are numbers that the loops are compiled for
// one by one: the number is a literal where a loop is instantiated.
import { pow } from '../../../math/pow.ts'
import { erfLanes } from './parts/erf.ts'
import { erfSingles, expOf, logisticOf, logOf, tanhOf } from './parts/functions.ts'
import { powLanes } from './parts/powers.ts'

// @ts-ignore: decorator
@inline
function pair<T>(op: i32, a: v128, b: v128): v128 {
  if (op == 0) return v128.add<T>(a, b)
  if (op == 1) return v128.sub<T>(a, b)
  if (op == 2) return v128.mul<T>(a, b)
  if (isInteger<T>()) return v128.bitselect(a, b, op == 4 ? v128.gt<T>(a, b) : v128.lt<T>(a, b))
  if (op == 3) return v128.div<T>(a, b)
  if (op == 4) return v128.max<T>(a, b)
  if (op == 5) return v128.min<T>(a, b)
  return v128.bitselect(v128.mul<T>(b, a), a, v128.lt<T>(a, v128.splat<T>(0)))
}

// @ts-ignore: decorator
@inline
function scalarPair<T>(op: i32, a: T, b: T): T {
  if (op == 0) return a + b
  if (op == 1) return a - b
  if (op == 2) return a * b
  if (op == 3) return a / b
  if (op == 4) return max<T>(a, b)
  if (op == 5) return min<T>(a, b)
  return a < <T>0 ? b * a : a
}

// a, b -> y [rows, columns, inner]; steps in bytes, those of y by its shape
// @ts-ignore: decorator
@inline
function pairs<T>(op: i32, y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  for (let row: usize = 0; row < rows; row++) {
    for (let column: usize = 0; column < columns; column++) {
      let p = a + row * aRow + column * aColumn
      let q = b + row * bRow + column * bColumn
      const end = y + inner * sizeof<T>()
      if (aStep == sizeof<T>() && bStep == sizeof<T>()) {
        for (; y + 16 <= end; y += 16, p += 16, q += 16) v128.store(y, pair<T>(op, v128.load(p), v128.load(q)))
      } else if (aStep == sizeof<T>() && bStep == 0) {
        const value = v128.load_splat<T>(q)
        for (; y + 16 <= end; y += 16, p += 16) v128.store(y, pair<T>(op, v128.load(p), value))
      } else if (aStep == 0 && bStep == sizeof<T>()) {
        const value = v128.load_splat<T>(p)
        for (; y + 16 <= end; y += 16, q += 16) v128.store(y, pair<T>(op, value, v128.load(q)))
      }
      for (; y < end; y += sizeof<T>(), p += aStep, q += bStep) store<T>(y, scalarPair<T>(op, load<T>(p), load<T>(q)))
    }
  }
}

function binary<T>(op: i32, y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  if (op == 0) pairs<T>(0, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
  else if (op == 1) pairs<T>(1, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
  else if (op == 2) pairs<T>(2, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
  else if (op == 4) pairs<T>(4, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
  else if (op == 5) pairs<T>(5, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
  else if (isInteger<T>()) return
  else if (op == 3) pairs<T>(3, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
  else pairs<T>(6, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
}

/** Two numbers `step` bytes apart as float64. */
// @ts-ignore: decorator
@inline
function two<T>(at: usize, step: usize): v128 {
  return f64x2(<f64>load<T>(at), <f64>load<T>(at + step))
}

// a, b -> y [rows, columns, inner], a^b
// @ts-ignore: decorator
@inline
function powers<T>(y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  for (let row: usize = 0; row < rows; row++) {
    for (let column: usize = 0; column < columns; column++) {
      let p = a + row * aRow + column * aColumn
      let q = b + row * bRow + column * bColumn
      const end = y + inner * sizeof<T>()
      for (; y + 2 * sizeof<T>() <= end; y += 2 * sizeof<T>(), p += 2 * aStep, q += 2 * bStep) {
        const value = powLanes(two<T>(p, aStep), two<T>(q, bStep))
        if (sizeof<T>() == 8) v128.store(y, value)
        else v128.store64_lane(y, f32x4.demote_f64x2_zero(value), 0)
      }
      if (y < end) {
        store<T>(y, <T>pow(<f64>load<T>(p), <f64>load<T>(q)))
        y = end
      }
    }
  }
}

/** `first` and `second` are what some operators need besides: bounds, a slope. */
// @ts-ignore: decorator
@inline
function one<T>(op: i32, x: v128, first: v128, second: v128): v128 {
  if (op == 0) return v128.neg<T>(x)
  if (op == 1) return v128.abs<T>(x)
  if (op == 2) return v128.sqrt<T>(x)
  if (op == 3) return v128.max<T>(x, v128.splat<T>(0))
  if (op == 4) return v128.div<T>(v128.splat<T>(1), x)
  if (op == 5) return v128.floor<T>(x)
  if (op == 6) return v128.ceil<T>(x)
  if (op == 7) return v128.nearest<T>(x)
  if (op == 8) return v128.min<T>(v128.max<T>(x, first), second)
  if (op == 9) return v128.bitselect(v128.mul<T>(x, first), x, v128.lt<T>(x, v128.splat<T>(0)))
  if (op == 10) return v128.mul<T>(x, x)
  if (op == 11) return expOf<T>(x)
  if (op == 12) return logisticOf<T>(x)
  if (op == 13) return tanhOf<T>(x)
  if (op == 14) return logOf<T>(x)
  // 0, which keeps its sign, and NaN are their own sign.
  const zero = v128.splat<T>(0)
  const sign = v128.or(v128.and(x, v128.splat<T>(-0.0)), v128.splat<T>(1))
  return v128.bitselect(sign, x, v128.or(v128.gt<T>(x, zero), v128.lt<T>(x, zero)))
}

// x -> y [size]; scratch takes what is left of a vector
// @ts-ignore: decorator
@inline
function each<T>(op: i32, y: usize, x: usize, size: usize, first: v128, second: v128, scratch: usize): void {
  const end = y + size * sizeof<T>()
  for (; y + 16 <= end; y += 16, x += 16) v128.store(y, one<T>(op, v128.load(x), first, second))
  if (y == end) return
  v128.store(scratch, v128.splat<T>(0))
  memory.copy(scratch, x, end - y)
  v128.store(scratch, one<T>(op, v128.load(scratch), first, second))
  memory.copy(y, scratch, end - y)
}

function unary<T>(op: i32, y: usize, x: usize, size: usize, low: T, high: T, scratch: usize): void {
  const a = v128.splat<T>(low)
  const b = v128.splat<T>(high)
  if (op == 0) each<T>(0, y, x, size, a, b, scratch)
  else if (op == 1) each<T>(1, y, x, size, a, b, scratch)
  else if (op == 2) each<T>(2, y, x, size, a, b, scratch)
  else if (op == 3) each<T>(3, y, x, size, a, b, scratch)
  else if (op == 4) each<T>(4, y, x, size, a, b, scratch)
  else if (op == 5) each<T>(5, y, x, size, a, b, scratch)
  else if (op == 6) each<T>(6, y, x, size, a, b, scratch)
  else if (op == 7) each<T>(7, y, x, size, a, b, scratch)
  else if (op == 8) each<T>(8, y, x, size, a, b, scratch)
  else if (op == 9) each<T>(9, y, x, size, a, b, scratch)
  else if (op == 10) each<T>(10, y, x, size, a, b, scratch)
  else if (op == 11) each<T>(11, y, x, size, a, b, scratch)
  else if (op == 12) each<T>(12, y, x, size, a, b, scratch)
  else if (op == 13) each<T>(13, y, x, size, a, b, scratch)
  else if (op == 14) each<T>(14, y, x, size, a, b, scratch)
  else each<T>(15, y, x, size, a, b, scratch)
}

// x -> y [size], the error function; scratch takes what is left of a vector
// @ts-ignore: decorator
@inline
function eachErf<T>(y: usize, x: usize, size: usize, table: usize, scratch: usize): void {
  const end = y + size * sizeof<T>()
  for (; y < end; y += 16, x += 16) {
    const isLast = y + 16 > end
    if (isLast) {
      v128.store(scratch, v128.splat<T>(0))
      memory.copy(scratch, x, end - y)
    }
    const v = v128.load(isLast ? scratch : x)
    v128.store(isLast ? scratch : y, sizeof<T>() == 8 ? erfLanes(v, table) : erfSingles(v))
    if (isLast) memory.copy(y, scratch, end - y)
  }
}

export function erf32(y: usize, x: usize, size: usize, table: usize, scratch: usize): void {
  eachErf<f32>(y, x, size, table, scratch)
}

export function erf64(y: usize, x: usize, size: usize, table: usize, scratch: usize): void {
  eachErf<f64>(y, x, size, table, scratch)
}

export function binary32(op: i32, y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  binary<f32>(op, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
}

export function binary64(op: i32, y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  binary<f64>(op, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
}

export function binaryInt32(op: i32, y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  binary<i32>(op, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
}

export function binaryInt64(op: i32, y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  binary<i64>(op, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
}

export function powers32(y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  powers<f32>(y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
}

export function powers64(y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  powers<f64>(y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
}

export function unary32(op: i32, y: usize, x: usize, size: usize, low: f32, high: f32, scratch: usize): void {
  unary<f32>(op, y, x, size, low, high, scratch)
}

export function unary64(op: i32, y: usize, x: usize, size: usize, low: f64, high: f64, scratch: usize): void {
  unary<f64>(op, y, x, size, low, high, scratch)
}
