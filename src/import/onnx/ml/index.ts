// Operators of ai.onnx.ml become operators of tensors, mle.TreeEnsemble and their like.
import type { DraftNode } from '../draft.ts'
import type { UpgradeContext } from '../node-edits.ts'
import { featureLowerings } from './features.ts'
import { loweringOf, type Lowering } from '../lowering.ts'
import { modelLowerings } from './models.ts'
import { treeLowerings } from './trees.ts'

const LOWERINGS: ReadonlyMap<string, (lowering: Lowering) => void> = /* @__PURE__ */ new Map([...featureLowerings, ...modelLowerings, ...treeLowerings])

/** Adds what a node of ai.onnx.ml becomes; false where there is no lowering for it. */
export function lowerMl(node: DraftNode, context: UpgradeContext): boolean {
  const lower = LOWERINGS.get(node.op)
  if (lower === undefined) return false
  lower(loweringOf(node, context))
  return true
}
