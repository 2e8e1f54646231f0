import { categoricalKernels } from '../cpu/hashed-categories.ts'
import { linearLeavesKernels } from '../cpu/linear-leaves.ts'
import { treeShapKernels } from '../cpu/tree-shap.ts'
import type { Pack } from '../packs.ts'
import { categoricalSchemas } from '../schemas/hashed-categories.ts'
import { linearLeavesSchemas } from '../schemas/linear-leaves.ts'
import { treeShapSchemas } from '../schemas/tree-shap.ts'

export const pack: Pack = {
  schemas: [...categoricalSchemas, ...linearLeavesSchemas, ...treeShapSchemas],
  cpu: /* @__PURE__ */ new Map([...categoricalKernels, ...linearLeavesKernels, ...treeShapKernels]),
}
