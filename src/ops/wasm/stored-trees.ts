// Constants of tree operators as kernels read them: where files hold them otherwise, WebAssembly brings them into that form, in blocks of the host's memory.
import type { KernelContext, View, WasmHost } from '../kernel.ts'
import { constantAt, layoutOf, optionalLeafNumbers, uint32, uint8, type PreparedNodes, type TreeInputs, type TreePreparer } from '../trees/ensemble.ts'
import { NODE_BYTES, NODE_LAYOUT } from '../trees/layout.ts'
import { checkLeafCount, plainNodes, refuseSize, storedNodes, type StoredNodes } from '../trees/stored.ts'
import { nameOf, placeOnce } from './constants.ts'
import { blockOnce } from './memory.ts'
import { wasmFunction } from './module.ts'
import { FOUND_BYTES, passBytes, passesIn, readFound } from './tree-passes.ts'

/** Views of blocks by the constants that they are made of: the checks of one view are known by it. */
const views = /* @__PURE__ */ new WeakMap<Uint8Array, Uint8Array>()

/** Prepares constants that lie in the host's memory. */
export function preparerIn(host: WasmHost): TreePreparer {
  return {
    plain(context, inputs) {
      const bytes = uint8(constantAt(context, inputs.nodes))
      const roots = uint32(constantAt(context, inputs.roots))
      if (layoutOf(context) !== NODE_LAYOUT) return expanded(host, context, inputs, storedNodes(bytes, roots))
      host.reserveScratch(passBytes(roots, Math.floor(bytes.length / NODE_BYTES)))
      // Views of before may be gone.
      const plain = plainNodes(NODE_LAYOUT, uint8(constantAt(context, inputs.nodes)), roots)
      return inputs.leafIndex === undefined ? plain : { ...plain, leafIndex: uint32(constantAt(context, inputs.leafIndex)) }
    },
    passesOver: passesIn(host),
  }
}

const STORED_WORDS = 6

function expanded(host: WasmHost, context: KernelContext, inputs: TreeInputs, stored: StoredNodes): PreparedNodes {
  const { nodes: count, leaves } = stored
  const view = constantAt(context, inputs.nodes)
  const starts = uint32(constantAt(context, inputs.roots)).slice()
  const numbers = inputs.leafIndex === undefined ? undefined : context.constants[inputs.leafIndex]
  const numberBytes = inputs.leafIndex === undefined ? 0 : (optionalLeafNumbers(context, inputs.leafIndex)?.BYTES_PER_ELEMENT ?? 0)
  checkLeafCount('TREE_LEAF_INDEX', 'leaf indices', numbers?.size ?? leaves, leaves)
  host.reserveScratch(passBytes(new Uint32Array(0), 0))
  const key = (what: string, ...more: readonly View[]): string => [what, ...[view, ...more].map((one) => nameOf(host, one))].join(' ')
  const from = placeOnce(host, view)
  const placesAt = host.block(key('places of leaves'), leaves * 4, false).offset
  const foundAt = host.block(key('passes over trees'), starts.length * FOUND_BYTES, false).offset
  const nodesAt = blockOnce(host, key('nodes of trees'), count * NODE_BYTES, (to) => {
    const at = host.scratchOffset
    new Uint32Array(host.memory.buffer, at, STORED_WORDS).set([from + stored.thresholdsAt, from + stored.featuresAt, from + stored.bitsAt, stored.thresholdBytes, stored.featureBytes, stored.flagBits])
    const expand = wasmFunction(host.exports, 'expandTree')
    starts.forEach((start, t) => {
      if (expand(at, t, start, starts[t + 1] ?? count, to, placesAt, foundAt + t * FOUND_BYTES) === 0) refuseSize(t, starts, count)
    })
  }, false)
  let indexAt = 0
  if (inputs.leafIndex !== undefined) {
    const index = numbers === undefined ? 0 : placeOnce(host, numbers)
    // Behind the indices: the largest.
    indexAt = blockOnce(host, key('leaf index', ...(numbers === undefined ? [] : [numbers])), count * 4 + 4, (to) => {
      const most = wasmFunction(host.exports, 'spreadLeaves')(index, numberBytes, placesAt, leaves, count, to)
      new Uint32Array(host.memory.buffer, to + count * 4, 1)[0] = most
    }, false)
  }
  const { buffer } = host.memory
  return {
    nodes: viewOnce(uint8(view), buffer, nodesAt, count * NODE_BYTES),
    places: new Uint32Array(buffer, placesAt, leaves),
    passes: {
      scanTree: (_start, _end, found, tree) => readFound(new DataView(buffer, foundAt + tree * FOUND_BYTES, FOUND_BYTES), found),
      leavesFit: (_leafIndex, rows) => leaves === 0 || new Uint32Array(buffer, indexAt + count * 4, 1)[0] < rows,
    },
    ...(inputs.leafIndex === undefined ? {} : { leafIndex: new Uint32Array(buffer, indexAt, count) }),
  }
}

function viewOnce(of: Uint8Array, buffer: ArrayBufferLike, offset: number, length: number): Uint8Array {
  const known = views.get(of)
  if (known !== undefined && known.buffer === buffer && known.byteOffset === offset && known.length === length) return known
  const made = new Uint8Array(buffer, offset, length)
  views.set(of, made)
  return made
}
