// Trees of layout splits/1, which src/ops/trees/stored.ts describes, become nodes16/1.

const INFINITY_HIGH: u64 = 0x7ff0000000000000
const CATEGORICAL: u32 = 0x40000000
const FEATURE_MASK: u32 = 0x07ffffff

// nodes: u32 thresholds, features and bits by their addresses, u32 bytes of a threshold, bytes of a feature, flag bits; to [nodes] nodes16/1; places [leaves] u32; found as `scanTree` fills it
/** One tree, whose nodes are those from `start` to `end`, and what a pass over it would find; 0 if its bits are those of another tree. */
export function expandTree(stored: usize, tree: u32, start: u32, end: u32, to: usize, places: usize, found: usize): u32 {
  const thresholdBytes = load<u32>(stored, 12)
  const featureBytes = load<u32>(stored, 16)
  const flagBits = load<u32>(stored, 20)
  const bits = <usize>load<u32>(stored, 8)
  // Each tree before this one has a leaf more than splits.
  const splits = (start - tree) >>> 1
  let threshold = <usize>(load<u32>(stored) + splits * thresholdBytes)
  let feature = <usize>(load<u32>(stored, 4) + splits * featureBytes)
  let place = places + (<usize>(start - splits) << 2)
  let next = start + 1
  let at = start
  // Right children whose turn will come, in a chain through where their own left child will stand. No child has place 0.
  let pending: u32 = 0
  let level: i32 = 1
  let deepest: i32 = 1
  let leafLevels: i64 = 0
  let flags: u32 = 0
  let largest: i32 = -1
  let bad: u32 = 0
  for (let bit = start; ; bit++) {
    const node = to + (<usize>at << 4)
    if (!((<u32>load<u8>(bits + (bit >>> 3)) >>> (bit & 7)) & 1)) {
      store<u64>(node, INFINITY_HIGH)
      store<u64>(node, <u64>at << 32, 8)
      store<u32>(place, at)
      place += 4
      leafLevels += level
      if (!pending) break
      at = pending
      const right = to + (<usize>at << 4)
      level = load<i32>(right, 8)
      pending = load<u32>(right, 12)
      continue
    }
    if (next + 2 > end) return 0
    if (thresholdBytes == 4) store<f64>(node, <f64>load<f32>(threshold))
    else store<u64>(node, load<u64>(threshold))
    threshold += <usize>thresholdBytes
    const stored32: u32 = featureBytes == 1 ? load<u8>(feature) : featureBytes == 2 ? load<u16>(feature) : load<u32>(feature)
    const word = rotr<u32>(stored32, flagBits)
    feature += <usize>featureBytes
    store<u32>(node, word, 8)
    store<u32>(node, next, 12)
    const value = load<f64>(node)
    bad |= <u32>(value != value) & <u32>((word & CATEGORICAL) == 0)
    flags |= word
    largest = max(largest, <i32>(word & FEATURE_MASK))
    level++
    deepest = max(deepest, level)
    store<i32>(to + (<usize>next << 4), level, 24)
    store<u32>(to + (<usize>next << 4), pending, 28)
    pending = next + 1
    at = next
    next += 2
  }
  store<f64>(found, <f64>leafLevels)
  store<u32>(found, bad, 8)
  store<i32>(found, deepest, 12)
  store<u32>(found, flags, 16)
  store<i32>(found, largest, 20)
  return next == end ? 1 : 0
}

// from [leaves] u8, u16 or u32 of `bytes`, 0 for the leaves' own numbers; places [leaves] u32; to [nodes] u32
/** What is stored by leaf, by node; 0 for inner nodes. Gives the largest. */
export function spreadLeaves(from: usize, bytes: u32, places: usize, leaves: u32, nodes: u32, to: usize): u32 {
  let most: u32 = 0
  memory.fill(to, 0, <usize>nodes << 2)
  for (let leaf: u32 = 0; leaf < leaves; leaf++) {
    const value: u32 = bytes == 0 ? leaf : bytes == 1 ? load<u8>(from) : bytes == 2 ? load<u16>(from) : load<u32>(from)
    from += <usize>bytes
    store<u32>(to + (<usize>load<u32>(places) << 2), value)
    places += 4
    most = max(most, value)
  }
  return most
}
