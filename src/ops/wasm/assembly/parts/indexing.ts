// Elements and slices at places that indices name. What returns a bool is true where an index lies outside its dimension: the rest is not done then.

/** Slices up to so long are copied word by word, which costs less than a call. */
const SHORT_BYTES: usize = 64

/** The place that an index names, negative ones from the end; -1 outside. */
// @ts-ignore: decorator
@inline
function placeOf(index: i64, dim: i64): i64 {
  const place = index < 0 ? index + dim : index
  return place < dim ? max<i64>(place, -1) : -1
}

// @ts-ignore: decorator
@inline
function indexAt(isWide: bool, at: usize): i64 {
  return isWide ? load<i64>(at) : <i64>load<i32>(at)
}

/** What is done with elements; any other number is the smaller of both. */
const GATHER: i32 = 0
const SCATTER: i32 = 1
const ADD: i32 = 2
const MUL: i32 = 3
const MAX: i32 = 4

// indices and list [n0, n1, inner]; elements of data s0, s1 and step bytes apart, and `along` from one index to the next
// @ts-ignore: decorator
@inline
function elements<T>(op: i32, list: usize, data: usize, indices: usize, isWide: bool, n0: usize, n1: usize, inner: usize, s0: usize, s1: usize, step: usize, along: usize, dim: usize): bool {
  const indexBytes: usize = isWide ? 8 : 4
  for (let i: usize = 0; i < n0; i++) {
    for (let j: usize = 0; j < n1; j++) {
      let base = data + i * s0 + j * s1
      for (let e: usize = 0; e < inner; e++, base += step, list += sizeof<T>(), indices += indexBytes) {
        const place = placeOf(indexAt(isWide, indices), <i64>dim)
        if (place < 0) return true
        const at = base + <usize>place * along
        if (op == GATHER) store<T>(list, load<T>(at))
        else if (op == SCATTER) store<T>(at, load<T>(list))
        else {
          const a = load<T>(at)
          const b = load<T>(list)
          store<T>(at, op == ADD ? a + b : op == MUL ? a * b : op == MAX ? max<T>(a, b) : min<T>(a, b))
        }
      }
    }
  }
  return false
}

export function moveElements4(op: i32, list: usize, data: usize, indices: usize, isWide: bool, n0: usize, n1: usize, inner: usize, s0: usize, s1: usize, step: usize, along: usize, dim: usize): bool {
  return elements<u32>(op, list, data, indices, isWide, n0, n1, inner, s0, s1, step, along, dim)
}

export function moveElements8(op: i32, list: usize, data: usize, indices: usize, isWide: bool, n0: usize, n1: usize, inner: usize, s0: usize, s1: usize, step: usize, along: usize, dim: usize): bool {
  return elements<u64>(op, list, data, indices, isWide, n0, n1, inner, s0, s1, step, along, dim)
}

export function combineElements32(op: i32, list: usize, data: usize, indices: usize, isWide: bool, n0: usize, n1: usize, inner: usize, s0: usize, s1: usize, step: usize, along: usize, dim: usize): bool {
  return elements<f32>(op, list, data, indices, isWide, n0, n1, inner, s0, s1, step, along, dim)
}

export function combineElements64(op: i32, list: usize, data: usize, indices: usize, isWide: bool, n0: usize, n1: usize, inner: usize, s0: usize, s1: usize, step: usize, along: usize, dim: usize): bool {
  return elements<f64>(op, list, data, indices, isWide, n0, n1, inner, s0, s1, step, along, dim)
}

// @ts-ignore: decorator
@inline
function copySlice(to: usize, from: usize, bytes: usize): void {
  if (bytes > SHORT_BYTES || (bytes & 3) != 0) {
    memory.copy(to, from, bytes)
    return
  }
  for (const end = to + bytes; to < end; to += 4, from += 4) store<u32>(to, load<u32>(from))
}

// indices [tuples, width] i64, each the place of a slice of data; list [tuples, slice]. `layout` has width dimensions and width strides in bytes, u32.
// Of every `perBatch` tuples data lies `batchBytes` further on.
export function slices(isScatter: bool, list: usize, data: usize, indices: usize, tuples: usize, width: usize, layout: usize, bytes: usize, perBatch: usize, batchBytes: usize): bool {
  const end = layout + width * 4
  let inBatch: usize = 0
  for (let t: usize = 0; t < tuples; t++, inBatch++, list += bytes) {
    if (inBatch == perBatch) {
      inBatch = 0
      data += batchBytes
    }
    let at = data
    for (let k = layout; k < end; k += 4, indices += 8) {
      const place = placeOf(load<i64>(indices), <i64>load<u32>(k))
      if (place < 0) return true
      at += <usize>place * <usize>load<u32>(k + width * 4)
    }
    if (isScatter) copySlice(at, list, bytes)
    else copySlice(list, at, bytes)
  }
  return false
}

// indices [outer, inner] -> y [outer, depth, inner], filled before: the element at `on` where the index is, if it is one
// @ts-ignore: decorator
@inline
function oneHot<T>(y: usize, indices: usize, isWide: bool, outer: usize, inner: usize, depth: usize, on: usize): void {
  const element = load<T>(on)
  const indexBytes: usize = isWide ? 8 : 4
  for (let o: usize = 0; o < outer; o++, y += depth * inner * sizeof<T>()) {
    for (let e: usize = 0; e < inner; e++, indices += indexBytes) {
      const place = placeOf(indexAt(isWide, indices), <i64>depth)
      if (place >= 0) store<T>(y + (<usize>place * inner + e) * sizeof<T>(), element)
    }
  }
}

export function oneHot4(y: usize, indices: usize, isWide: bool, outer: usize, inner: usize, depth: usize, on: usize): void {
  oneHot<u32>(y, indices, isWide, outer, inner, depth, on)
}

export function oneHot8(y: usize, indices: usize, isWide: bool, outer: usize, inner: usize, depth: usize, on: usize): void {
  oneHot<u64>(y, indices, isWide, outer, inner, depth, on)
}

// x [matrices, rows, columns] -> y alike, which may be x; elements on one side of the diagonal `diagonal` columns to the right are 0
export function triangles(y: usize, x: usize, matrices: usize, rows: isize, columns: isize, elementBytes: usize, diagonal: isize, isUpper: bool): void {
  const rowBytes = <usize>columns * elementBytes
  for (let m: usize = 0; m < matrices; m++) {
    for (let row: isize = 0; row < rows; row++, x += rowBytes, y += rowBytes) {
      const cut = <usize>max<isize>(0, min<isize>(columns, row + diagonal + (isUpper ? 0 : 1))) * elementBytes
      if (isUpper) {
        memory.fill(y, 0, cut)
        memory.copy(y + cut, x + cut, rowBytes - cut)
      } else {
        memory.copy(y, x, cut)
        memory.fill(y + cut, 0, rowBytes - cut)
      }
    }
  }
}
