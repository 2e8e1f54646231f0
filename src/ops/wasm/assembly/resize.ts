// Resizing over raw memory with the bits of src/ops/cpu/resize.ts: rows of an image first, into scratch, then its columns.

// A table of taps for one axis: places [size, taps] u32, then weights [size, taps] of the dtype, 8 bytes aligned; 0 where the axis stays as it is.

// @ts-ignore: decorator
@inline
function weightsOf(table: usize, count: usize): usize {
  return table + ((count * 4 + 7) & ~7)
}

// y [length] = sum over taps, in order, of weight x [place, length]; taps without weight take no part
// @ts-ignore: decorator
@inline
function blend<T>(y: usize, x: usize, length: usize, places: usize, weights: usize, taps: usize): void {
  const bytes = length * sizeof<T>()
  let at: usize = 0
  for (; at + 16 <= bytes; at += 16) {
    let sum = v128.splat<T>(0)
    for (let t: usize = 0; t < taps; t++) {
      const weight = load<T>(weights + t * sizeof<T>())
      if (weight != 0) sum = v128.add<T>(sum, v128.mul<T>(v128.splat<T>(weight), v128.load(x + <usize>load<u32>(places + t * 4) * bytes + at)))
    }
    v128.store(y + at, sum)
  }
  for (; at < bytes; at += sizeof<T>()) {
    let sum: T = 0
    for (let t: usize = 0; t < taps; t++) {
      const weight = load<T>(weights + t * sizeof<T>())
      if (weight != 0) sum += weight * load<T>(x + <usize>load<u32>(places + t * 4) * bytes + at)
    }
    store<T>(y + at, sum)
  }
}

// x [outer, height, width, inner] -> y [outer, toHeight, toWidth, inner]; row holds [width, inner]
// @ts-ignore: decorator
@inline
function resize<T>(y: usize, x: usize, outer: usize, height: usize, width: usize, inner: usize, toHeight: usize, toWidth: usize, rows: usize, rowTaps: usize, columns: usize, columnTaps: usize, row: usize): void {
  const length = width * inner
  const rowWeights = weightsOf(rows, toHeight * rowTaps)
  const columnWeights = weightsOf(columns, toWidth * columnTaps)
  for (let o: usize = 0; o < outer; o++, x += height * length * sizeof<T>()) {
    for (let i: usize = 0; i < toHeight; i++) {
      const to = columns ? row : y
      let from = x + i * length * sizeof<T>()
      if (rows) {
        blend<T>(to, x, length, rows + i * rowTaps * 4, rowWeights + i * rowTaps * sizeof<T>(), rowTaps)
        from = to
      }
      if (columns) {
        for (let j: usize = 0; j < toWidth; j++, y += inner * sizeof<T>()) blend<T>(y, from, inner, columns + j * columnTaps * 4, columnWeights + j * columnTaps * sizeof<T>(), columnTaps)
      } else y += length * sizeof<T>()
    }
  }
}

export function resize32(y: usize, x: usize, outer: usize, height: usize, width: usize, inner: usize, toHeight: usize, toWidth: usize, rows: usize, rowTaps: usize, columns: usize, columnTaps: usize, row: usize): void {
  resize<f32>(y, x, outer, height, width, inner, toHeight, toWidth, rows, rowTaps, columns, columnTaps, row)
}

export function resize64(y: usize, x: usize, outer: usize, height: usize, width: usize, inner: usize, toHeight: usize, toWidth: usize, rows: usize, rowTaps: usize, columns: usize, columnTaps: usize, row: usize): void {
  resize<f64>(y, x, outer, height, width, inner, toHeight, toWidth, rows, rowTaps, columns, columnTaps, row)
}

// The same by copies of one place each: rows [toHeight] u32 and columns [toWidth] u32, 0 where the axis stays as it is
// @ts-ignore: decorator
@inline
function repeat<T>(y: usize, x: usize, outer: usize, height: usize, width: usize, inner: usize, toHeight: usize, toWidth: usize, rows: usize, columns: usize): void {
  const bytes = inner * sizeof<T>()
  const fromBytes = width * bytes
  const toBytes = toWidth * bytes
  for (let o: usize = 0; o < outer; o++, x += height * fromBytes) {
    let last: usize = -1
    for (let i: usize = 0; i < toHeight; i++, y += toBytes) {
      const place = rows ? <usize>load<u32>(rows + i * 4) : i
      const from = x + place * fromBytes
      if (place == last) memory.copy(y, y - toBytes, toBytes)
      else if (!columns) memory.copy(y, from, toBytes)
      else if (inner == 1) for (let j: usize = 0; j < toWidth; j++) store<T>(y + j * sizeof<T>(), load<T>(from + <usize>load<u32>(columns + j * 4) * sizeof<T>()))
      else for (let j: usize = 0; j < toWidth; j++) memory.copy(y + j * bytes, from + <usize>load<u32>(columns + j * 4) * bytes, bytes)
      last = place
    }
  }
}

export function repeat1(y: usize, x: usize, outer: usize, height: usize, width: usize, inner: usize, toHeight: usize, toWidth: usize, rows: usize, columns: usize): void {
  repeat<u8>(y, x, outer, height, width, inner, toHeight, toWidth, rows, columns)
}

export function repeat4(y: usize, x: usize, outer: usize, height: usize, width: usize, inner: usize, toHeight: usize, toWidth: usize, rows: usize, columns: usize): void {
  repeat<u32>(y, x, outer, height, width, inner, toHeight, toWidth, rows, columns)
}

export function repeat8(y: usize, x: usize, outer: usize, height: usize, width: usize, inner: usize, toHeight: usize, toWidth: usize, rows: usize, columns: usize): void {
  repeat<u64>(y, x, outer, height, width, inner, toHeight, toWidth, rows, columns)
}
