import { treeShapKernels } from '../cpu/tree-shap.ts'
import type { Pack } from '../packs.ts'
import { treeShapSchemas } from '../schemas/tree-shap.ts'

export const pack: Pack = {
  schemas: treeShapSchemas,
  cpu: /* @__PURE__ */ new Map(treeShapKernels),
}
