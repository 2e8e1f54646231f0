// Sums of leaf vectors, in tree order.

/** Sums start at `start`. */
export function begin<Y>(plan: usize, y: usize, rows: u32): void {
  const start = <usize>load<u32>(plan, 36)
  const bytes = <usize>load<u32>(plan, 28) << 3
  for (let row: u32 = 0; row < rows; row++) {
    for (let j: usize = 0; j < bytes; j += 8) {
      store<Y>(y, <Y>load<f64>(start + j))
      y += sizeof<Y>()
    }
  }
}

/** Means are sums divided once. */
export function divide<Y>(plan: usize, y: usize, rows: u32): void {
  const counts = <usize>load<u32>(plan, 40)
  const bytes = <usize>load<u32>(plan, 28) << 3
  for (let row: u32 = 0; row < rows; row++) {
    for (let j: usize = 0; j < bytes; j += 8) {
      store<Y>(y, <Y>(<f64>load<Y>(y) / max<f64>(1.0, load<f64>(counts + j))))
      y += sizeof<Y>()
    }
  }
}

/** As `add` of sums, with indices of leaves in place of nodes. */
export function addLeaves<Y>(plan: usize, y: usize, stride: usize, table: usize, leaves: usize, count: u32): void {
  const values = <usize>load<u32>(plan, 8)
  const width = load<u32>(plan, 24)
  const end = leaves + (<usize>count << 2)
  if (width == 1 && table == 0) {
    for (; leaves < end; leaves += 4) {
      store<Y>(y, <Y>(<f64>load<Y>(y) + load<f64>(values + (<usize>load<u32>(leaves) << 3))))
      y += stride
    }
    return
  }
  for (; leaves < end; leaves += 4) {
    let to = y
    if (table) {
      to += <usize>load<u32>(table, 16) << alignof<Y>()
      table += 32
    }
    let from = values + (<usize>(load<u32>(leaves) * width) << 3)
    const last = from + (<usize>width << 3)
    if (sizeof<Y>() == 8) {
      for (; from + 8 < last; from += 16) {
        v128.store(to, f64x2.add(v128.load(to), v128.load(from)))
        to += 16
      }
      if (from < last) store<f64>(to, load<f64>(to) + load<f64>(from))
    } else {
      do {
        store<Y>(to, <Y>(<f64>load<Y>(to) + load<f64>(from)))
        to += sizeof<Y>()
        from += 8
      } while (from < last)
    }
    y += stride
  }
}
