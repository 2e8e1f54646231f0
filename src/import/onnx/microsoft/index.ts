// Operators of com.microsoft that exporters, optimizers and quantizers write become those of ai.onnx.
import type { DraftNode } from '../draft.ts'
import { loweringOf, type Lowering } from '../lowering.ts'
import type { UpgradeContext } from '../node-edits.ts'
import { attentionLowerings } from './attention.ts'
import { fusedLowerings } from './fused.ts'
import { quantizedLowerings } from './quantized.ts'

const LOWERINGS: ReadonlyMap<string, (lowering: Lowering) => void> = /* @__PURE__ */ new Map([...attentionLowerings, ...fusedLowerings, ...quantizedLowerings])

/** Adds what a node of com.microsoft becomes; false where there is no lowering for it. */
export function lowerMicrosoft(node: DraftNode, context: UpgradeContext): boolean {
  const lower = LOWERINGS.get(node.op)
  if (lower === undefined) return false
  lower(loweringOf(node, context))
  return true
}
