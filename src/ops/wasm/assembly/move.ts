// Rearranging memory: elements of four or eight bytes, whatever they mean.

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

// x -> y [n0, n1, n2, inner]; axes of x are s0, s1, s2 and step bytes apart
function copy<T>(y: usize, n0: usize, n1: usize, n2: usize, inner: usize, x: usize, s0: usize, s1: usize, s2: usize, step: usize): void {
  const rowBytes = inner * sizeof<T>()
  for (let i: usize = 0; i < n0; i++) {
    for (let j: usize = 0; j < n1; j++) {
      let from = x + i * s0 + j * s1
      if (sizeof<T>() == 4 && s2 == 4 && step != 4) {
        transposeBlock(y, from, n2, inner, step)
        y += n2 * rowBytes
        continue
      }
      for (let k: usize = 0; k < n2; k++) {
        if (step == sizeof<T>()) {
          memory.copy(y, from, rowBytes)
          y += rowBytes
        } else {
          let at = from
          for (const end = y + rowBytes; y < end; y += sizeof<T>()) {
            store<T>(y, load<T>(at))
            at += step
          }
        }
        from += s2
      }
    }
  }
}

export function copy4(y: usize, n0: usize, n1: usize, n2: usize, inner: usize, x: usize, s0: usize, s1: usize, s2: usize, step: usize): void {
  copy<u32>(y, n0, n1, n2, inner, x, s0, s1, s2, step)
}

export function copy8(y: usize, n0: usize, n1: usize, n2: usize, inner: usize, x: usize, s0: usize, s1: usize, s2: usize, step: usize): void {
  copy<u64>(y, n0, n1, n2, inner, x, s0, s1, s2, step)
}
