// Layouts of trees for batches and for single rows, made in WebAssembly once rows enough have come for them: a piece with each call, so that no call waits for all
// of it. Whichever thread's call comes next makes the next piece; what it needs to know is in a state that all share (see assembly/trees/order.ts).
import { wordsOf } from './memory.ts'
import { wasmFunction, type WasmFunction } from './module.ts'
import { treeBlockKey, type PlacedTrees } from './tree-blocks.ts'

const STATE_BYTES = 256
/** Words of a state. */
const RESULT = 0
const LOCK = 1
const IS_BEGUN = 63
/** Rows of batches, or by themselves, after which the layout for them is made. */
const WORTH_LAYOUT_ROWS = 256
/** Small steps that a call may take, some 10 to 20 ns each, and more for each of its rows: an eighth of its own time. */
const STEPS = 4096
const STEPS_PER_ROW = 24

/** What a layout is made from: words of the state by their byte offsets, as assembly/trees/ has them. */
export type LayoutFields = readonly (readonly [offset: number, value: number])[]

export interface LayoutPlan {
  readonly name: 'masked' | 'ranked'
  /** Bytes of each region of its room. */
  readonly regions: readonly number[]
  /** Called once, with the byte offsets of the regions. */
  readonly describe: (...regions: number[]) => LayoutFields
  readonly more: readonly number[]
}

/** A layout that is made when rows enough have come for it. */
export class LateLayout {
  readonly #words: () => Int32Array
  readonly #state: number
  readonly #describe: () => LayoutFields
  readonly #make: WasmFunction
  readonly #field: number
  #rows = 0
  #isDone = false

  /**
   * Reserves room, which stays untouched until then.
   *
   * @param field byte offset of where the plan says which layout it is
   */
  constructor(trees: PlacedTrees, { name, regions, describe, more }: LayoutPlan, field: number) {
    const { host } = trees
    const offsets = regions.map(() => 0)
    let end = 0
    regions.forEach((bytes, i) => {
      offsets[i] = end
      end = Math.ceil((end + bytes) / 8) * 8
    })
    const { offset } = host.block(treeBlockKey(`${name} trees`, trees, ...more), end, false)
    this.#state = host.block(treeBlockKey(`state of ${name} trees`, trees, ...more), STATE_BYTES).offset
    this.#words = wordsOf(host)
    this.#describe = () => describe(...offsets.map((own) => offset + own))
    this.#make = wasmFunction(host.exports, name === 'masked' ? 'makeMasked' : 'makeRanked')
    this.#field = field
  }

  /** Takes notice of rows, and makes a piece of the layout where it is worth it. */
  count(rows: number): void {
    if (this.#isDone) return
    this.#rows += rows
    if (this.#rows >= WORTH_LAYOUT_ROWS) this.#goOn(rows)
  }

  #goOn(rows: number): void {
    const words = this.#words()
    const state = this.#state / 4
    // Another thread is at it.
    if (Atomics.compareExchange(words, state + LOCK, 0, 1) !== 0) return
    if (words[state + IS_BEGUN] === 0) {
      for (const [offset, value] of this.#describe()) words[state + offset / 4] = value
      words[state + IS_BEGUN] = 1
    }
    this.#isDone = this.#make(this.#state, STEPS + Math.min(rows * STEPS_PER_ROW, 0x7fff0000)) === 1
    if (this.#isDone) words[this.#field / 4] = words[state + RESULT]
    Atomics.store(words, state + LOCK, 0)
  }
}

/** Nodes of each tree. */
export function treeSizes({ schedule, count }: PlacedTrees): number[] {
  return Array.from({ length: schedule.trees }, (_, t) => (t + 1 < schedule.trees ? schedule.roots[t + 1] : count) - schedule.roots[t])
}

export interface OrderPlan {
  readonly decisions: number
  readonly columns: number
  readonly units: number
  readonly groups: number
}

/** Regions that ordering thresholds needs: decisions, entries, maps, columns, groups, ends of units, counts. */
export function orderRegions({ decisions, columns, units, groups }: OrderPlan): number[] {
  return [12 * decisions, 16 * decisions, Math.max(16 * decisions, groups * (decisions + columns)), 8 * columns, 8 * groups, 4 * units, 4 * columns]
}

export function orderFields(trees: number, { columns, units, groups }: OrderPlan, [code, entries, maps, table, groupTable, unitEnds, counts]: readonly number[]): LayoutFields {
  return [[12, trees], [16, columns], [20, code], [24, entries], [28, table], [32, groupTable], [76, groups], [84, units], [88, unitEnds], [92, maps], [96, counts]]
}
