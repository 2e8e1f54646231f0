// A private form of the nodes for ensembles that send missing values right: rows get further columns in which missing
// values are replaced, and nodes read those, so that every numeric node keeps to the one rule "right iff x > threshold".
// Walks need no test for NaN then, which costs a fifth to a half of their time.
import type { TreeFacts } from './check.ts'
import { CATEGORICAL, EQUAL, FEATURE_MASK, MISSING_RIGHT, ZERO_MISSING } from './layout.ts'

/** The value itself; NaN goes left. */
export const PLAIN = 0
/** NaN becomes infinity, which goes right. */
export const NAN_RIGHT = 1
/** 1 for NaN, else 0: for a threshold of infinity, which infinity does not pass. */
export const IS_NAN = 2
/** The same with zero as missing; it becomes NaN to go left. */
export const ZERO_LEFT = 3
export const ZERO_RIGHT = 4
export const IS_ZERO = 5
const KINDS = 6
/** Whether a row goes right at a node that tests for categories or equality. */
export const TEST = 6

/** Columns that walks read: column c of a derived row is a kind of feature `features[c]`. */
export interface Columns {
  readonly features: Int32Array
  readonly kinds: Int32Array
}

/** The columns of an ensemble, and which each node reads. */
export interface DerivedColumns {
  readonly columns: Columns
  /** [features, kinds]: 1 + the column; 0 where no node reads it. */
  readonly slots: Int32Array
  /** Nodes of the last columns, one each, by their features: 1 for rows that go right there, else 0. No node keeps a flag then. */
  readonly tests?: Int32Array
}

export interface DerivedNodes {
  readonly thresholds: Float64Array
  readonly words: Int32Array
  readonly columns: Columns
}

/** Ensembles over more features keep their flags: the table of columns would be larger than the trees. */
const MAX_FEATURES = 1 << 20

/** Flags of nodes that keep them, whatever their column holds. */
const KEPT = CATEGORICAL | EQUAL

const knownColumns = /* @__PURE__ */ new WeakMap<TreeFacts, DerivedColumns>()
const knownTests = /* @__PURE__ */ new WeakMap<TreeFacts, DerivedColumns | null>()
const knownNodes = /* @__PURE__ */ new WeakMap<TreeFacts, DerivedNodes>()

/**
 * The columns that nodes read instead of features, or undefined where the stored nodes will do. Plans of one model share them.
 *
 * @param mark sets the slots [features, kinds] of all inner nodes to 1
 */
export function derivedColumns(facts: TreeFacts, mark: (slots: Int32Array) => void = (slots) => markSlots(facts, slots)): DerivedColumns | undefined {
  const found = knownColumns.get(facts)
  if (found !== undefined) return found
  if ((facts.allFlags & (MISSING_RIGHT | ZERO_MISSING)) === 0 || facts.featureCount > MAX_FEATURES) return undefined
  const slots = new Int32Array(facts.featureCount * KINDS)
  mark(slots)
  const derived = columnsOf(slots)
  knownColumns.set(facts, derived)
  return derived
}

/**
 * Columns for ensembles that test for categories or equality: one more for each such node, so that walks need not know of them. Undefined where there are none,
 * where columns would be more than `most`, and where tests are more than a row has steps: it takes as long for one as for a step with all flags.
 */
export function testColumns(facts: TreeFacts, most: number): DerivedColumns | undefined {
  if ((facts.allFlags & KEPT) === 0 || facts.featureCount > MAX_FEATURES) return undefined
  let derived = knownTests.get(facts)
  if (derived === undefined) knownTests.set(facts, (derived = withTests(facts, most)))
  return derived ?? undefined
}

function withTests({ words, thresholds, featureCount, meanDepth }: TreeFacts, most: number): DerivedColumns | null {
  const slots = new Int32Array(featureCount * KINDS)
  const tests: number[] = []
  const mostTests = Math.min(most, meanDepth.reduce((sum, own) => sum + own, 0))
  const count = words.length >>> 2
  for (let i = 0; i < count; i++) {
    if (words[4 * i + 3] === i) continue
    if ((words[4 * i + 2] & KEPT) === 0) slots[slotOf(words[4 * i + 2], thresholds[2 * i])] = 1
    else if (tests.push(i) > mostTests) return null
  }
  const { columns: { features, kinds } } = columnsOf(slots)
  if (features.length + tests.length > most) return null
  const featureOf = (node: number): number => words[4 * node + 2] & FEATURE_MASK
  tests.sort((a, b) => featureOf(a) - featureOf(b) || a - b)
  return { columns: { features: Int32Array.of(...features, ...tests.map(featureOf)), kinds: Int32Array.of(...kinds, ...tests.map(() => TEST)) }, slots, tests: Int32Array.from(tests) }
}

/** Numbers the columns of slots that are 1. */
function columnsOf(slots: Int32Array): DerivedColumns {
  let count = 0
  for (let slot = 0; slot < slots.length; slot++) if (slots[slot] === 1) slots[slot] = ++count
  const features = new Int32Array(count)
  const kinds = new Int32Array(count)
  for (let slot = 0; slot < slots.length; slot++) {
    if (slots[slot] === 0) continue
    features[slots[slot] - 1] = Math.floor(slot / KINDS)
    kinds[slots[slot] - 1] = slot % KINDS
  }
  return { columns: { features, kinds }, slots }
}

function markSlots({ words, thresholds }: TreeFacts, slots: Int32Array): void {
  const count = words.length >>> 2
  for (let i = 0; i < count; i++) if (words[4 * i + 3] !== i) slots[slotOf(words[4 * i + 2], thresholds[2 * i])] = 1
}

/** Nodes that read columns instead of features, or undefined where the stored ones will do. Plans of one model share them. */
export function deriveNodes(facts: TreeFacts): DerivedNodes | undefined {
  const found = knownNodes.get(facts)
  if (found !== undefined) return found
  const derived = derivedColumns(facts)
  if (derived === undefined) return undefined
  const words = new Int32Array(facts.words)
  const thresholds = new Float64Array(words.buffer)
  const count = words.length >>> 2
  for (let i = 0; i < count; i++) {
    if (words[4 * i + 3] === i) continue
    const word = words[4 * i + 2]
    words[4 * i + 2] = ((word & KEPT) !== 0 ? word & ~FEATURE_MASK : 0) | columnOf(derived.slots, word, thresholds[2 * i])
    thresholds[2 * i] = thresholdIn(word, thresholds[2 * i])
  }
  const nodes = { thresholds, words, columns: derived.columns }
  knownNodes.set(facts, nodes)
  return nodes
}

/** The column that an inner node reads. */
export function columnOf(slots: Int32Array, word: number, threshold: number): number {
  return slots[slotOf(word, threshold)] - 1
}

/** The threshold of an inner node in its column. */
export function thresholdIn(word: number, threshold: number): number {
  const kind = slotOf(word, threshold) % KINDS
  return kind === IS_NAN || kind === IS_ZERO ? 0.5 : threshold
}

function slotOf(word: number, threshold: number): number {
  const first = (word & FEATURE_MASK) * KINDS
  if ((word & KEPT) !== 0) return first + PLAIN
  const zero = (word & ZERO_MISSING) !== 0
  if ((word & MISSING_RIGHT) === 0) return first + (zero ? ZERO_LEFT : PLAIN)
  const always = threshold === Infinity
  return first + (zero ? (always ? IS_ZERO : ZERO_RIGHT) : always ? IS_NAN : NAN_RIGHT)
}

/** Flags that only walks of any node honour, given whether nodes were derived. */
export function specialFlags(derived: boolean): number {
  return derived ? KEPT : KEPT | MISSING_RIGHT | ZERO_MISSING
}
