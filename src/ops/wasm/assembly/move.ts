// Rearranging memory: elements of one to eight bytes, whatever they mean.
export { combineElements32, combineElements64, moveElements4, moveElements8, oneHot4, oneHot8, slices, triangles } from './parts/indexing.ts'

// x, elements of a row `step` bytes apart -> y [rows, inner]; rows of x lie next to each other: blocks of 4 x 4 change places in registers
function transposeBlock(y: usize, x: usize, rows: usize, inner: usize, step: usize): void {
  const rowBytes = inner * 4
  let row: usize = 0
  for (; row + 4 <= rows; row += 4) {
    let e: usize = 0
    let from = x + row * 4
    let to = y + row * rowBytes
    for (; e + 4 <= inner; e += 4) {
      const r0 = v128.load(from)
      const r1 = v128.load(from + step)
      const r2 = v128.load(from + 2 * step)
      const r3 = v128.load(from + 3 * step)
      const t0 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
      const t1 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
      const t2 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
      const t3 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
      v128.store(to, v128.shuffle<f32>(t0, t1, 0, 1, 4, 5))
      v128.store(to + rowBytes, v128.shuffle<f32>(t0, t1, 2, 3, 6, 7))
      v128.store(to + 2 * rowBytes, v128.shuffle<f32>(t2, t3, 0, 1, 4, 5))
      v128.store(to + 3 * rowBytes, v128.shuffle<f32>(t2, t3, 2, 3, 6, 7))
      from += 4 * step
      to += 16
    }
    for (; e < inner; e++) {
      store<u32>(to, load<u32>(from))
      store<u32>(to + rowBytes, load<u32>(from, 4))
      store<u32>(to + 2 * rowBytes, load<u32>(from, 8))
      store<u32>(to + 3 * rowBytes, load<u32>(from, 12))
      from += step
      to += 4
    }
  }
  for (; row < rows; row++) {
    let from = x + row * 4
    const end = y + (row + 1) * rowBytes
    for (let to = y + row * rowBytes; to < end; to += 4) {
      store<u32>(to, load<u32>(from))
      from += step
    }
  }
}

/** Rows up to so long are copied element by element, which costs less than a call. */
const SHORT_BYTES: usize = 64

// x -> y [n0, n1, n2, inner]; axes of x are s0, s1, s2 and step bytes apart, those of y t0, t1, t2 and one element
function copy<T>(y: usize, n0: usize, n1: usize, n2: usize, inner: usize, t0: usize, t1: usize, t2: usize, x: usize, s0: usize, s1: usize, s2: usize, step: usize): void {
  const rowBytes = inner * sizeof<T>()
  const isWhole = step == sizeof<T>() && rowBytes > SHORT_BYTES
  for (let i: usize = 0; i < n0; i++) {
    for (let j: usize = 0; j < n1; j++) {
      let from = x + i * s0 + j * s1
      let to = y + i * t0 + j * t1
      if (sizeof<T>() == 4 && s2 == 4 && step != 4 && t2 == rowBytes) {
        transposeBlock(to, from, n2, inner, step)
        continue
      }
      for (let k: usize = 0; k < n2; k++) {
        if (isWhole) memory.copy(to, from, rowBytes)
        else {
          let at = from
          const end = to + rowBytes
          for (let o = to; o < end; o += sizeof<T>()) {
            store<T>(o, load<T>(at))
            at += step
          }
        }
        from += s2
        to += t2
      }
    }
  }
}

export function copy1(y: usize, n0: usize, n1: usize, n2: usize, inner: usize, t0: usize, t1: usize, t2: usize, x: usize, s0: usize, s1: usize, s2: usize, step: usize): void {
  copy<u8>(y, n0, n1, n2, inner, t0, t1, t2, x, s0, s1, s2, step)
}

export function copy2(y: usize, n0: usize, n1: usize, n2: usize, inner: usize, t0: usize, t1: usize, t2: usize, x: usize, s0: usize, s1: usize, s2: usize, step: usize): void {
  copy<u16>(y, n0, n1, n2, inner, t0, t1, t2, x, s0, s1, s2, step)
}

export function copy4(y: usize, n0: usize, n1: usize, n2: usize, inner: usize, t0: usize, t1: usize, t2: usize, x: usize, s0: usize, s1: usize, s2: usize, step: usize): void {
  copy<u32>(y, n0, n1, n2, inner, t0, t1, t2, x, s0, s1, s2, step)
}

export function copy8(y: usize, n0: usize, n1: usize, n2: usize, inner: usize, t0: usize, t1: usize, t2: usize, x: usize, s0: usize, s1: usize, s2: usize, step: usize): void {
  copy<u64>(y, n0, n1, n2, inner, t0, t1, t2, x, s0, s1, s2, step)
}

// x [outer, dim, inner], indices [count] -> y [outer, count, inner]; places [count] u32 takes where each index lies
function gather<T>(y: usize, x: usize, places: usize, outer: usize, count: usize, dim: usize, inner: usize): void {
  const bytes = inner * sizeof<T>()
  const end = places + count * 4
  for (let i: usize = 0; i < outer; i++) {
    let p = places
    // Columns of a matrix, say: single elements, four at a time.
    if (inner == 1) {
      for (; p + 16 <= end; p += 16, y += 4 * sizeof<T>()) {
        store<T>(y, load<T>(x + <usize>load<u32>(p) * sizeof<T>()))
        store<T>(y + sizeof<T>(), load<T>(x + <usize>load<u32>(p, 4) * sizeof<T>()))
        store<T>(y + 2 * sizeof<T>(), load<T>(x + <usize>load<u32>(p, 8) * sizeof<T>()))
        store<T>(y + 3 * sizeof<T>(), load<T>(x + <usize>load<u32>(p, 12) * sizeof<T>()))
      }
    }
    for (; p < end; p += 4) {
      let from = x + <usize>load<u32>(p) * bytes
      if (bytes > SHORT_BYTES) {
        memory.copy(y, from, bytes)
        y += bytes
      } else {
        for (const last = y + bytes; y < last; y += sizeof<T>()) {
          store<T>(y, load<T>(from))
          from += sizeof<T>()
        }
      }
    }
    x += dim * bytes
  }
}

export function gather1(y: usize, x: usize, places: usize, outer: usize, count: usize, dim: usize, inner: usize): void {
  gather<u8>(y, x, places, outer, count, dim, inner)
}

export function gather4(y: usize, x: usize, places: usize, outer: usize, count: usize, dim: usize, inner: usize): void {
  gather<u32>(y, x, places, outer, count, dim, inner)
}

export function gather8(y: usize, x: usize, places: usize, outer: usize, count: usize, dim: usize, inner: usize): void {
  gather<u64>(y, x, places, outer, count, dim, inner)
}

// indices [count] -> places [count] u32, negative ones from the end; true where one lies outside the dimension
function locate<T>(indices: usize, count: usize, dim: usize, places: usize): bool {
  const size = <i64>dim
  for (let j: usize = 0; j < count; j++) {
    const index = <i64>load<T>(indices + j * sizeof<T>())
    const place = index < 0 ? index + size : index
    if (place < 0 || place >= size) return true
    store<u32>(places + j * 4, <u32>place)
  }
  return false
}

export function locate32(indices: usize, count: usize, dim: usize, places: usize): bool {
  return locate<i32>(indices, count, dim, places)
}

export function locate64(indices: usize, count: usize, dim: usize, places: usize): bool {
  return locate<i64>(indices, count, dim, places)
}

// y [size] filled with the element at `value`, or zero
function fill<T>(y: usize, size: usize, value: usize): void {
  const element: T = value ? load<T>(value) : <T>0
  for (const end = y + size * sizeof<T>(); y < end; y += sizeof<T>()) store<T>(y, element)
}

export function fill4(y: usize, size: usize, value: usize): void {
  fill<u32>(y, size, value)
}

export function fill8(y: usize, size: usize, value: usize): void {
  fill<u64>(y, size, value)
}

export function copyBytes(y: usize, x: usize, bytes: usize): void {
  memory.copy(y, x, bytes)
}
