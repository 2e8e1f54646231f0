// The layout of small trees for single rows (see assembly/trees/masked.ts), made when some rows have come one by one.
import { IS_NAN, IS_ZERO } from '../trees/derive.ts'
import { groupsOf, placesOf, type Decisions, type Group, type Places } from './threshold-groups.ts'
import { PACKED_BYTES, treeBlockKey, type LazyBlock, type PlacedTrees } from './tree-blocks.ts'

/** Trees of a chunk. */
const LANES = 16
/** A mask has a bit for each. */
const MAX_LEAVES = 32
/** Keys of a column that are searched, with one greater than all. */
const MAX_KEYS = 256
/** The ranks of a row fill as many vectors of 16. */
const MAX_COLUMNS = 64
/** Searching the thresholds of a column costs what masks spare two or three trees. */
const MIN_TREES_PER_COLUMN = 3
const MAX_GROUPS = 8
const HEADER_BYTES = 8
const LAYOUT_BYTES = 32
const GROUP_BYTES = 16
const CHUNK_BYTES = 12
const LEAF_MASK = 0x7fffff
/** Nothing is greater. */
const NO_KEY = 0x7fffffff
/** The place of no threshold. */
const NEVER_RIGHT = 127

/** A block for the layout, whose first word is its byte offset once it is filled, or 0; undefined where some tree is too large. */
export function maskedBlock(trees: PlacedTrees, packed: number): LazyBlock | undefined {
  const { host, schedule, count } = trees
  const sizes = Array.from({ length: schedule.trees }, (_, t) => (t + 1 < schedule.trees ? schedule.roots[t + 1] : count) - schedule.roots[t])
  if (packed === 0 || schedule.trees < LANES || sizes.some((nodes) => nodes > 2 * MAX_LEAVES - 1)) return undefined
  const chunks = chunksOf(sizes)
  const room = roomFor(trees, chunks)
  const block = host.block(treeBlockKey('masked trees', trees, packed), HEADER_BYTES + room, false)
  return {
    offset: block.offset,
    fill: () => block.fill((at) => {
      new Uint32Array(host.memory.buffer, at, 1)[0] = makeMasked(trees, chunks, packed, at + HEADER_BYTES)
    }),
  }
}

interface Chunk {
  /** Inner nodes of its largest tree. */
  readonly nodes: number
  /** Quarters of a mask that its trees need. */
  readonly quarters: number
}

const nodeBytes = ({ quarters }: Chunk): number => 32 + 16 * quarters

function chunksOf(sizes: readonly number[]): Chunk[] {
  return Array.from({ length: Math.ceil(sizes.length / LANES) }, (_, i) => {
    const nodes = (Math.max(...sizes.slice(i * LANES, (i + 1) * LANES)) - 1) / 2
    return { nodes, quarters: nodes < 16 ? 2 : 4 }
  })
}

function roomFor({ columns, schedule }: PlacedTrees, chunks: readonly Chunk[]): number {
  const nodes = chunks.reduce((sum, chunk) => sum + chunk.nodes * nodeBytes(chunk) + CHUNK_BYTES, 0)
  const searched = Math.min(columns, MAX_COLUMNS) + 3
  return LAYOUT_BYTES + 8 * 7 + nodes + 4 * schedule.trees + searched * 4 + columns * 8 + MAX_GROUPS * (GROUP_BYTES + searched * MAX_KEYS * 4)
}

/** Writes the layout at `at`; its offset, or 0 where it does not pay or the trees do not fit. */
function makeMasked(trees: PlacedTrees, chunks: readonly Chunk[], packed: number, at: number): number {
  const { host, schedule } = trees
  const words = new Int32Array(host.memory.buffer, packed, (trees.count * PACKED_BYTES) / 4)
  const nodes = listNodes(words, schedule.roots.subarray(0, schedule.trees))
  if (nodes === undefined) return 0
  const { standIn, read, pairs } = searchedColumns(trees, nodes.column)
  const count = read.length
  if (count === 0 || count > MAX_COLUMNS) return 0
  const column = nodes.column.map((own) => standIn[own])
  const decisions: Decisions = { column, threshold: new Float64Array(nodes.key), start: nodes.start.subarray(0, schedule.trees).filter((_, t) => t % LANES === 0) }
  const places = placesOf(decisions, count)
  const groups = groupsOf(decisions, places)
  if (groups.length > MAX_GROUPS || schedule.trees < MIN_TREES_PER_COLUMN * count * groups.length) return 0
  while (read.length % 4 !== 0) read.push(read[0])

  const u32 = new Uint32Array(host.memory.buffer)
  const bytes = new Uint8Array(host.memory.buffer)
  let end = at + LAYOUT_BYTES
  const take = (byteLength: number): number => {
    const offset = end
    end = Math.ceil((end + byteLength) / 8) * 8
    return offset
  }
  const put = (numbers: ArrayLike<number>): number => {
    const offset = take(numbers.length * 4)
    u32.set(numbers, offset >>> 2)
    return offset
  }
  const groupsAt = take(groups.length * GROUP_BYTES)
  const chunksAt = take(chunks.length * CHUNK_BYTES)
  u32.set([read.length, groups.length, groupsAt, put(nodes.firstLeaf), put(read.map(offsetInRow)), put(pairs.map(offsetInRow)), pairs.length / 2], at >>> 2)
  let chunk = 0
  groups.forEach((group, g) => {
    const { keys, below } = thresholdsOf(group, places)
    let keyCount = 1
    while (keys.some((own) => own.length >= keyCount)) keyCount *= 2
    const keysAt = take(read.length * keyCount * 4)
    const searched = new Int32Array(u32.buffer, keysAt, read.length * keyCount).fill(NO_KEY)
    keys.forEach((own, c) => searched.set(own, c * keyCount))
    u32.set([keyCount, keysAt, chunksAt + chunk * CHUNK_BYTES, group.end - chunk], (groupsAt + g * GROUP_BYTES) >>> 2)
    for (; chunk < group.end; chunk++) {
      const { nodes: most, quarters } = chunks[chunk]
      const stride = nodeBytes(chunks[chunk])
      const nodesAt = take(most * stride)
      u32.set([nodesAt, most, quarters], (chunksAt + chunk * CHUNK_BYTES) >>> 2)
      bytes.fill(0, nodesAt, nodesAt + most * stride)
      for (let lane = 0; lane < LANES; lane++) {
        const tree = chunk * LANES + lane
        const first = nodes.start[Math.min(tree, schedule.trees)]
        const own = nodes.start[Math.min(tree + 1, schedule.trees)] - first
        for (let n = 0, to = nodesAt + lane; n < most; n++, to += stride) {
          if (n >= own) {
            bytes[to + 16] = NEVER_RIGHT
            continue
          }
          bytes[to] = column[first + n]
          bytes[to + 16] = below[places.place[first + n]] - 128
          for (let q = 0; q < quarters; q++) bytes[to + 32 + 16 * q] = nodes.mask[first + n] >>> (8 * q)
        }
      }
    }
  })
  return at
}

/** Inner nodes, one tree after the other. */
interface ListedNodes {
  readonly column: Int32Array
  readonly key: Int32Array
  /** Leaves on its left, the first the lowest bit. */
  readonly mask: Int32Array
  /** [trees + 1] */
  readonly start: Int32Array
  /** [trees]: what the first leaf from the left is called, and each further one by one more. */
  readonly firstLeaf: Int32Array
}

/** Undefined where leaves are not called as they follow each other. */
function listNodes(words: Int32Array, roots: Int32Array): ListedNodes | undefined {
  const [column, key, mask] = [new Int32Array(words.length >>> 2), new Int32Array(words.length >>> 2), new Int32Array(words.length >>> 2)]
  const start = new Int32Array(roots.length + 1)
  const firstLeaf = new Int32Array(roots.length)
  let at = 0
  let leaves = 0
  let follow = true
  const visit = (node: number, tree: number): void => {
    const word = words[2 * node + 1]
    const far = word >>> 16
    if (far === 0) {
      const leaf = words[2 * node] & LEAF_MASK
      if (leaves === 0) firstLeaf[tree] = leaf
      follow &&= leaf === firstLeaf[tree] + leaves
      leaves++
      return
    }
    const before = leaves
    visit(node + far, tree)
    column[at] = (word & 0xffff) >>> 5
    key[at] = words[2 * node]
    // At least one leaf is on the right, so that no shift is by 32.
    mask[at++] = (1 << leaves) - (1 << before)
    visit(node + far + 1, tree)
  }
  roots.forEach((root, tree) => {
    leaves = 0
    visit(root, tree)
    start[tree + 1] = at
  })
  return follow ? { column: column.subarray(0, at), key: key.subarray(0, at), mask: mask.subarray(0, at), start, firstLeaf } : undefined
}

interface SearchedColumns {
  /** By column of rows: which of those that are searched stands for it. */
  readonly standIn: Int32Array
  /** Columns of rows that are searched. */
  readonly read: number[]
  /** Two columns each that one search is made for: they differ only where a value is missing. */
  readonly pairs: readonly number[]
}

function searchedColumns({ columns, derived }: PlacedTrees, used: Int32Array): SearchedColumns {
  const isUsed = new Uint8Array(columns)
  for (let i = 0; i < used.length; i++) isUsed[used[i]] = 1
  const standIn = new Int32Array(columns)
  const read: number[] = []
  const pairs: number[] = []
  const ofFeature = new Map<number, number>()
  for (let c = 0; c < columns; c++) {
    if (isUsed[c] === 0) continue
    const kind = derived?.columns.kinds[c]
    const feature = kind === IS_NAN || kind === IS_ZERO ? undefined : derived?.columns.features[c]
    const known = feature === undefined ? undefined : ofFeature.get(feature)
    standIn[c] = known ?? read.length
    if (known !== undefined) pairs.push(read[known], c)
    else {
      if (feature !== undefined) ofFeature.set(feature, read.length)
      read.push(c)
    }
  }
  return { standIn, read, pairs }
}

interface GroupThresholds {
  /** By column, ascending. */
  readonly keys: readonly Int32Array[]
  /** By place of a threshold among all: how many of its column the group has below it. */
  readonly below: Int32Array
}

function thresholdsOf({ marks }: Group, { sorted, first }: Places): GroupThresholds {
  const below = new Int32Array(marks.length)
  const keys = sorted.map((own, c) => {
    const kept = new Int32Array(own.length)
    let count = 0
    for (let i = 0; i < own.length; i++) {
      below[first[c] + i] = count
      if (marks[first[c] + i] === 1) kept[count++] = own[i]
    }
    return kept.subarray(0, count)
  })
  return { keys, below }
}

/** Byte offset in groups of rows. */
const offsetInRow = (column: number): number => column * 32
