// Trees of layout splits/1, which src/ops/trees/stored.ts describes, become nodes16/1.

const INFINITY_HIGH: u64 = 0x7ff0000000000000

// nodes: u32 thresholds, features and bits by their addresses, u32 bytes of a threshold, bytes of a feature, flag bits; to [nodes] nodes16/1; places [leaves] u32
/** One tree, whose nodes are those from `start` to `end`; 0 if its bits are those of another tree. */
export function expandTree(stored: usize, tree: u32, start: u32, end: u32, to: usize, places: usize): u32 {
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
  for (let bit = start; ; bit++) {
    const node = to + (<usize>at << 4)
    if (!((<u32>load<u8>(bits + (bit >>> 3)) >>> (bit & 7)) & 1)) {
      store<u64>(node, INFINITY_HIGH)
      store<u64>(node, <u64>at << 32, 8)
      store<u32>(place, at)
      place += 4
      if (!pending) break
      at = pending
      pending = load<u32>(to + (<usize>at << 4), 12)
      continue
    }
    if (next + 2 > end) return 0
    if (thresholdBytes == 4) store<f64>(node, <f64>load<f32>(threshold))
    else store<u64>(node, load<u64>(threshold))
    threshold += <usize>thresholdBytes
    const word: u32 = featureBytes == 1 ? load<u8>(feature) : featureBytes == 2 ? load<u16>(feature) : load<u32>(feature)
    feature += <usize>featureBytes
    store<u32>(node, rotr<u32>(word, flagBits), 8)
    store<u32>(node, next, 12)
    store<u32>(to + (<usize>next << 4), pending, 28)
    pending = next + 1
    at = next
    next += 2
  }
  return next == end ? 1 : 0
}

// from [leaves] u8, u16 or u32 of `bytes`, 0 for the leaves' own numbers; places [leaves] u32; to [nodes] u32
/** What is stored by leaf, by node; 0 for inner nodes. */
export function spreadLeaves(from: usize, bytes: u32, places: usize, leaves: u32, nodes: u32, to: usize): void {
  memory.fill(to, 0, <usize>nodes << 2)
  for (let leaf: u32 = 0; leaf < leaves; leaf++) {
    const value: u32 = bytes == 0 ? leaf : bytes == 1 ? load<u8>(from) : bytes == 2 ? load<u16>(from) : load<u32>(from)
    from += <usize>bytes
    store<u32>(to + (<usize>load<u32>(places) << 2), value)
    places += 4
  }
}
