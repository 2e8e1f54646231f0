// Passes over the nodes of an ensemble when its kernels are made: in WebAssembly where they lie in the host's memory.
import type { WasmHost } from '../kernel.ts'
import { nodePasses, type NodePasses, type TreeFacts, type TreeScan } from '../trees/check.ts'
import { derivedColumns, specialFlags, testColumns, type DerivedColumns } from '../trees/derive.ts'
import { wasmFunction } from './module.ts'

/** What a pass over a tree finds: f64 and four words. */
export const FOUND_BYTES = 24
/** Slots of columns that are marked in scratch; of more, in TypeScript. */
const SLOT_BYTES = 65536
const SLOTS_PER_FEATURE = 6
/** More columns are too many for batches over ranks. */
const MAX_TESTED_COLUMNS = 1024

/** Scratch for `passesIn`: levels of the largest tree's nodes behind what is found. To be reserved before views of constants are taken. */
export function passBytes(roots: Uint32Array, count: number): number {
  let largest = 0
  for (let t = 0; t < roots.length; t++) largest = Math.max(largest, Math.min(roots[t + 1] ?? count, count) - roots[t])
  return FOUND_BYTES + Math.max(SLOT_BYTES, 4 * (largest + 2))
}

/** What a pass over a tree has left in the memory. */
export function readFound(view: DataView, found: TreeScan): void {
  found.leafLevels = view.getFloat64(0, true)
  found.bad = view.getInt32(8, true)
  found.deepest = view.getInt32(12, true)
  found.flags = view.getInt32(16, true)
  found.maxFeature = Math.max(found.maxFeature, view.getInt32(20, true))
}

/** The passes over nodes in the host's memory; in TypeScript where they lie elsewhere. */
export function passesIn(host: WasmHost): (nodes: Uint8Array) => NodePasses {
  return (nodes) => {
    const { buffer } = host.memory
    if (nodes.buffer !== buffer) return nodePasses(nodes)
    const scan = wasmFunction(host.exports, 'scanTree')
    const fit = wasmFunction(host.exports, 'leavesFit')
    const at = host.scratchOffset
    const view = new DataView(buffer, at, FOUND_BYTES)
    return {
      scanTree(start, end, found) {
        view.setInt32(20, found.maxFeature, true)
        scan(nodes.byteOffset, at + FOUND_BYTES, start, end, at)
        readFound(view, found)
      },
      leavesFit: (leafIndex, leaves) =>
        leafIndex.buffer === buffer ? fit(nodes.byteOffset, leafIndex.byteOffset, leafIndex.length, Math.min(leaves, 0xffffffff)) === 1 : nodePasses(nodes).leavesFit(leafIndex, leaves),
    }
  }
}

/** The columns of an ensemble whose checked nodes lie in the host's memory; more slots than scratch has room for are marked in TypeScript. */
export function columnsIn(host: WasmHost, nodes: Uint8Array, facts: TreeFacts): DerivedColumns | undefined {
  const { buffer } = host.memory
  const tested = testColumns(facts, MAX_TESTED_COLUMNS)
  if (tested !== undefined) return tested
  if (nodes.buffer !== buffer) return derivedColumns(facts)
  return derivedColumns(facts, facts.featureCount * SLOTS_PER_FEATURE * 4 > SLOT_BYTES ? undefined : (slots) => {
    const marks = new Int32Array(buffer, host.scratchOffset, slots.length)
    marks.fill(0)
    wasmFunction(host.exports, 'markSlots')(nodes.byteOffset, facts.words.length >>> 2, host.scratchOffset)
    slots.set(marks)
  })
}

/** Flags that only walks of any node honour. */
export function flagsLeft(derived: DerivedColumns | undefined): number {
  return derived?.tests === undefined ? specialFlags(derived !== undefined) : 0
}
