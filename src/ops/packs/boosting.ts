import { categoricalKernels } from '../cpu/categorical.ts'
import { treeShapKernels } from '../cpu/tree-shap.ts'
import type { Pack } from '../packs.ts'
import { categoricalSchemas } from '../schemas/categorical.ts'
import { treeShapSchemas } from '../schemas/trees.ts'

export const pack: Pack = {
  schemas: [...categoricalSchemas, ...treeShapSchemas],
  cpu: /* @__PURE__ */ new Map([...categoricalKernels, ...treeShapKernels]),
}
