// Attention on the wasm device, head by head; see assembly/attention.ts. What hands out its scores, and halves, are left to cpu.
import { broadcastStrides } from '../../tensor/shape.ts'
import { float, int } from '../attributes.ts'
import { integers } from '../cpu/moving.ts'
import { perShape } from '../cpu/nest.ts'
import { headsOf, type Heads } from '../heads.ts'
import type { Kernel, KernelContext, PreferredEntry, View, WasmHost } from '../kernel.ts'
import { attentionScale } from '../schemas/attention.ts'
import { isTensorType } from '../types.ts'
import { bytesOf, offsetOf } from './memory.ts'
import { wasmFunction } from './module.ts'

/** As assembly/attention.ts divides it: what products take, scaled queries, scores, what softmax takes. */
const QUERIES_BYTES = 131072
const SCORES_BYTES = 524288
const SCRATCH_BYTES = 128 + 16 * 16384 + QUERIES_BYTES + SCORES_BYTES + 512
/** More keys or columns of a head than a block of one query has room for are left to cpu. */
const MAX_ROW_BYTES = SCORES_BYTES - 64

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [['Attention', { make: (context, fallback) => makeAttention(host, context, fallback) }]]
}

interface Layout {
  readonly q: Heads
  readonly k: Heads
  readonly v: Heads
  readonly batches: number
  readonly past: number
  /** Kind of the mask as the assembly numbers it, its steps by batch, head, query and key, and its columns. */
  readonly kind: number
  readonly maskSteps: readonly number[]
  readonly maskKeys: number
}

// Q [batch, heads, queries, size], K [batch, kv heads, length, size], V [batch, kv heads, length, width] or packed -> Y like Q with width
function makeAttention(host: WasmHost, context: KernelContext, fallback: Kernel): Kernel | undefined {
  const { attributes, inputTypes, outputTypes } = context
  const bytes = bytesOf(context)
  const dtypes = [0, 1, 2, 4, 5].map((i) => inputTypes[i]).filter((type) => type !== undefined)
  const [first] = dtypes
  const mask = inputTypes[3]
  if (bytes === undefined || !isTensorType(first) || !dtypes.every((type) => isTensorType(type) && type.dtype === first.dtype)) return undefined
  if (mask !== undefined && !(isTensorType(mask) && (mask.dtype === 'bool' || mask.dtype === first.dtype))) return undefined
  if (outputTypes[3] !== undefined) return undefined
  host.reserveScratch(SCRATCH_BYTES)
  const attend = wasmFunction(host.exports, bytes === 4 ? 'attend32' : 'attend64')
  const copyRows = wasmFunction(host.exports, 'copyRows')
  const round = bytes === 4 ? Math.fround : (x: number): number => x
  const causal = int(attributes, 'is_causal', 0) !== 0 ? 1 : 0
  const softcap = Math.max(0, round(float(attributes, 'softcap', 0)))
  const qHeads = int(attributes, 'q_num_heads', 0)
  const kvHeads = int(attributes, 'kv_num_heads', 0)
  const layouts = perShape(([Q, K, V, mask, pastKey]): Layout | undefined => {
    if (Q === undefined || K === undefined || V === undefined) return undefined
    const [q, k, v] = [headsOf(Q, qHeads), headsOf(K, kvHeads), headsOf(V, kvHeads)]
    const past = pastKey === undefined ? 0 : pastKey.shape[2]
    if ((past + k.length) * bytes > MAX_ROW_BYTES || q.size * bytes > QUERIES_BYTES - 64) return undefined
    const batches = Q.shape[0]
    const shape = mask?.shape ?? []
    const columns = shape[shape.length - 1] ?? 1
    const isBool = mask?.dtype === 'bool'
    const steps = broadcastStrides(shape, [batches, q.heads, q.length, columns]).map((step) => step * (isBool ? 1 : bytes))
    return { q, k, v, batches, past, kind: mask === undefined ? 0 : isBool ? 1 : 2, maskSteps: steps, maskKeys: columns }
  })
  /** The present rows of a head: past ones, then new ones. */
  const join = (present: View | undefined, pastRows: View | undefined, fresh: View, of: Heads, past: number, batches: number): void => {
    if (present === undefined) return
    const rowBytes = of.size * bytes
    for (let b = 0, head = 0; b < batches; b++) {
      for (let h = 0; h < of.heads; h++, head++) {
        const to = offsetOf(present) + head * (past + of.length) * rowBytes
        if (pastRows !== undefined) copyRows(offsetOf(pastRows) + head * past * rowBytes, rowBytes, past, rowBytes, to)
        copyRows(offsetOf(fresh) + (b * of.batchStep + h * of.headStep) * bytes, of.rowStep * bytes, of.length, rowBytes, to + past * rowBytes)
      }
    }
  }
  return (inputs, outputs) => {
    const [Q, K, V, maskView, pastKey, pastValue, lengths] = inputs
    const [Y, presentKey, presentValue] = outputs
    const layout = layouts(inputs, outputs)
    if (layout === undefined || Q === undefined || K === undefined || V === undefined || Y === undefined) {
      fallback(inputs, outputs)
      return
    }
    const { q, k, v, batches, past, kind, maskSteps, maskKeys } = layout
    join(presentKey, pastKey, K, k, past, batches)
    join(presentValue, pastValue, V, v, past, batches)
    const total = past + k.length
    const group = q.heads / k.heads
    const factor = round(Math.sqrt(attentionScale(context, q.size, false)))
    const known = lengths === undefined ? undefined : integers(lengths)
    const isPacked = Y.shape.length !== 4
    const yRow = (isPacked ? q.heads * v.size : v.size) * bytes
    for (let b = 0; b < batches; b++) {
      const visible = known === undefined ? total : Math.min(total, Math.max(0, known[b]))
      const offset = pastKey === undefined && known !== undefined ? Math.max(-q.length, Math.min(total, known[b] - q.length)) : past
      for (let h = 0; h < q.heads; h++) {
        const shared = Math.floor(h / group)
        const head = b * k.heads + shared
        attend(
          q.length, q.size, v.size, offsetOf(Q) + (b * q.batchStep + h * q.headStep) * bytes, q.rowStep * bytes,
          offsetOf(K) + (b * k.batchStep + shared * k.headStep) * bytes, k.rowStep * bytes, offsetOf(V) + (b * v.batchStep + shared * v.headStep) * bytes, v.rowStep * bytes, k.length,
          pastKey === undefined ? 0 : offsetOf(pastKey) + head * past * k.size * bytes, pastValue === undefined ? 0 : offsetOf(pastValue) + head * past * v.size * bytes, past,
          offsetOf(Y) + (b * q.heads * q.length * v.size + h * (isPacked ? v.size : q.length * v.size)) * bytes, yRow,
          factor, softcap, kind, maskView === undefined ? 0 : offsetOf(maskView) + b * maskSteps[0] + h * maskSteps[1], maskSteps[2], maskSteps[3], maskKeys, visible, causal, offset, host.scratchOffset,
        )
      }
    }
  }
}
