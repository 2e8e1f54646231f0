// Comparisons, logic, selections and casts over raw memory with the bits of src/ops/cpu. A bool is a byte, 0 or 1. Operators are
// numbers that the loops are compiled for one by one.

// Comparisons
const EQUAL: i32 = 0
const LESS: i32 = 1
const LESS_OR_EQUAL: i32 = 2
/** Of an element with itself: whether it is NaN. */
const DIFFERENT: i32 = 3

// @ts-ignore: decorator
@inline
function mask<T>(op: i32, a: v128, b: v128): v128 {
  if (op == EQUAL) return v128.eq<T>(a, b)
  if (op == LESS) return v128.lt<T>(a, b)
  return op == LESS_OR_EQUAL ? v128.le<T>(a, b) : v128.ne<T>(a, b)
}

// @ts-ignore: decorator
@inline
function holds<T>(op: i32, a: T, b: T): bool {
  if (op == EQUAL) return a == b
  if (op == LESS) return a < b
  return op == LESS_OR_EQUAL ? a <= b : a != b
}

/** The mask of four elements from `step` bytes between them, 0 where all are the one in `same`. */
// @ts-ignore: decorator
@inline
function mask4<T>(op: i32, a: usize, aStep: usize, b: usize, bStep: usize): v128 {
  const low = mask<T>(op, aStep ? v128.load(a) : v128.load_splat<T>(a), bStep ? v128.load(b) : v128.load_splat<T>(b))
  if (sizeof<T>() == 4) return low
  const high = mask<T>(op, aStep ? v128.load(a, 16) : v128.load_splat<T>(a), bStep ? v128.load(b, 16) : v128.load_splat<T>(b))
  return v128.shuffle<i32>(low, high, 0, 2, 4, 6)
}

// a, b -> y [rows, columns, inner] bool; steps in bytes, those of y by its shape
// @ts-ignore: decorator
@inline
function comparisons<T>(op: i32, y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  const isVector = (aStep == 0 || aStep == sizeof<T>()) && (bStep == 0 || bStep == sizeof<T>())
  for (let row: usize = 0; row < rows; row++) {
    for (let column: usize = 0; column < columns; column++) {
      let p = a + row * aRow + column * aColumn
      let q = b + row * bRow + column * bColumn
      const end = y + inner
      if (isVector) {
        for (; y + 16 <= end; y += 16) {
          const m0 = mask4<T>(op, p, aStep, q, bStep)
          const m1 = mask4<T>(op, p + 4 * aStep, aStep, q + 4 * bStep, bStep)
          const m2 = mask4<T>(op, p + 8 * aStep, aStep, q + 8 * bStep, bStep)
          const m3 = mask4<T>(op, p + 12 * aStep, aStep, q + 12 * bStep, bStep)
          v128.store(y, v128.and(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(m0, m1), i16x8.narrow_i32x4_s(m2, m3)), i8x16.splat(1)))
          p += 16 * aStep
          q += 16 * bStep
        }
      }
      for (; y < end; y++, p += aStep, q += bStep) store<u8>(y, holds<T>(op, load<T>(p), load<T>(q)))
    }
  }
}

function compare<T>(op: i32, y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  if (op == EQUAL) comparisons<T>(EQUAL, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
  else if (op == LESS) comparisons<T>(LESS, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
  else if (op == LESS_OR_EQUAL) comparisons<T>(LESS_OR_EQUAL, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
  else comparisons<T>(DIFFERENT, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
}

export function compareFloat32(op: i32, y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  compare<f32>(op, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
}

export function compareFloat64(op: i32, y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  compare<f64>(op, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
}

export function compareInt32(op: i32, y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  compare<i32>(op, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
}

export function compareInt64(op: i32, y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  compare<i64>(op, y, rows, columns, inner, a, aRow, aColumn, aStep, b, bRow, bColumn, bStep)
}

// @ts-ignore: decorator
@inline
function combined(op: i32, a: v128, b: v128): v128 {
  return op == 0 ? v128.and(a, b) : op == 1 ? v128.or(a, b) : v128.xor(a, b)
}

/** And, Or, Xor (op 0, 1, 2). a, b -> y [rows, columns, inner], all bool */
export function combine(op: i32, y: usize, rows: usize, columns: usize, inner: usize, a: usize, aRow: usize, aColumn: usize, aStep: usize, b: usize, bRow: usize, bColumn: usize, bStep: usize): void {
  for (let row: usize = 0; row < rows; row++) {
    for (let column: usize = 0; column < columns; column++) {
      let p = a + row * aRow + column * aColumn
      let q = b + row * bRow + column * bColumn
      const end = y + inner
      if (aStep <= 1 && bStep <= 1) {
        for (; y + 16 <= end; y += 16, p += 16 * aStep, q += 16 * bStep) {
          v128.store(y, combined(op, aStep ? v128.load(p) : v128.load8_splat(p), bStep ? v128.load(q) : v128.load8_splat(q)))
        }
      }
      for (; y < end; y++, p += aStep, q += bStep) {
        const v = load<u8>(p)
        const w = load<u8>(q)
        store<u8>(y, op == 0 ? v & w : op == 1 ? v | w : v ^ w)
      }
    }
  }
}

/** 16 bytes of y for conditions at c, those of x and z where the condition is not 0 and where it is. */
// @ts-ignore: decorator
@inline
function chosen<T>(c: usize, cStep: usize, x: v128, z: v128): v128 {
  let m = i8x16.splat(0)
  if (sizeof<T>() == 1) m = cStep ? v128.load(c) : v128.load8_splat(c)
  else if (sizeof<T>() == 4) m = cStep ? i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(c))) : i32x4.splat(load<u8>(c))
  else m = i64x2.extend_low_i32x4_u(i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(cStep ? i16x8.splat(load<i16>(c)) : i8x16.splat(load<i8>(c)))))
  return v128.bitselect(z, x, v128.eq<T>(m, i8x16.splat(0)))
}

// conditions [bool], x, z -> y [rows, columns, inner]; steps in bytes
function select<T>(y: usize, rows: usize, columns: usize, inner: usize, c: usize, cRow: usize, cColumn: usize, cStep: usize, x: usize, xRow: usize, xColumn: usize, xStep: usize, z: usize, zRow: usize, zColumn: usize, zStep: usize): void {
  const isVector = cStep <= 1 && (xStep == 0 || xStep == sizeof<T>()) && (zStep == 0 || zStep == sizeof<T>())
  const lanes: usize = 16 / sizeof<T>()
  for (let row: usize = 0; row < rows; row++) {
    for (let column: usize = 0; column < columns; column++) {
      let r = c + row * cRow + column * cColumn
      let p = x + row * xRow + column * xColumn
      let q = z + row * zRow + column * zColumn
      const end = y + inner * sizeof<T>()
      if (isVector) {
        for (; y + 16 <= end; y += 16) {
          v128.store(y, chosen<T>(r, cStep, xStep ? v128.load(p) : v128.load_splat<T>(p), zStep ? v128.load(q) : v128.load_splat<T>(q)))
          r += lanes * cStep
          p += lanes * xStep
          q += lanes * zStep
        }
      }
      for (; y < end; y += sizeof<T>(), r += cStep, p += xStep, q += zStep) store<T>(y, load<u8>(r) ? load<T>(p) : load<T>(q))
    }
  }
}

export function select1(y: usize, rows: usize, columns: usize, inner: usize, c: usize, cRow: usize, cColumn: usize, cStep: usize, x: usize, xRow: usize, xColumn: usize, xStep: usize, z: usize, zRow: usize, zColumn: usize, zStep: usize): void {
  select<u8>(y, rows, columns, inner, c, cRow, cColumn, cStep, x, xRow, xColumn, xStep, z, zRow, zColumn, zStep)
}

export function select4(y: usize, rows: usize, columns: usize, inner: usize, c: usize, cRow: usize, cColumn: usize, cStep: usize, x: usize, xRow: usize, xColumn: usize, xStep: usize, z: usize, zRow: usize, zColumn: usize, zStep: usize): void {
  select<u32>(y, rows, columns, inner, c, cRow, cColumn, cStep, x, xRow, xColumn, xStep, z, zRow, zColumn, zStep)
}

export function select8(y: usize, rows: usize, columns: usize, inner: usize, c: usize, cRow: usize, cColumn: usize, cStep: usize, x: usize, xRow: usize, xColumn: usize, xStep: usize, z: usize, zRow: usize, zColumn: usize, zStep: usize): void {
  select<u64>(y, rows, columns, inner, c, cRow, cColumn, cStep, x, xRow, xColumn, xStep, z, zRow, zColumn, zStep)
}

// Numbers of dtypes
const FLOAT32: i32 = 0
const FLOAT64: i32 = 1
const INT32: i32 = 2
const INT64: i32 = 3
/** bool and uint8 as sources. */
const BYTES: i32 = 4

// Floats become integers by truncation; beyond the range they become its nearest end, NaN 0.
// @ts-ignore: decorator
@inline
function convert<F, T>(y: usize, x: usize, size: usize): void {
  for (const end = x + size * sizeof<F>(); x < end; x += sizeof<F>(), y += sizeof<T>()) store<T>(y, <T>load<F>(x))
}

// @ts-ignore: decorator
@inline
function castFrom<F>(to: i32, y: usize, x: usize, size: usize): void {
  if (to == FLOAT32) convert<F, f32>(y, x, size)
  else if (to == FLOAT64) convert<F, f64>(y, x, size)
  else if (to == INT32) convert<F, i32>(y, x, size)
  else if (to == INT64) convert<F, i64>(y, x, size)
  else for (const end = x + size * sizeof<F>(); x < end; x += sizeof<F>(), y++) store<u8>(y, load<F>(x) != 0)
}

/** x [size] of one dtype -> y [size] of another; `to` BYTES is bool. */
export function cast(from: i32, to: i32, y: usize, x: usize, size: usize): void {
  if (from == FLOAT32) castFrom<f32>(to, y, x, size)
  else if (from == FLOAT64) castFrom<f64>(to, y, x, size)
  else if (from == INT32) castFrom<i32>(to, y, x, size)
  else if (from == INT64) castFrom<i64>(to, y, x, size)
  else castFrom<u8>(to, y, x, size)
}

/** x [bytes] -> y alike: casts to the same dtype. */
export function copyBytes(y: usize, x: usize, bytes: usize): void {
  memory.copy(y, x, bytes)
}

/** x [size] bool -> 1 - x */
export function not(y: usize, x: usize, size: usize): void {
  const end = y + size
  for (; y + 16 <= end; y += 16, x += 16) v128.store(y, i8x16.sub(i8x16.splat(1), v128.load(x)))
  for (; y < end; y++, x++) store<u8>(y, 1 - load<u8>(x))
}
