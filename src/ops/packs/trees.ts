import { treeKernels } from '../cpu/trees.ts'
import type { Pack } from '../packs.ts'
import { treeSchemas } from '../schemas/trees.ts'

export const pack: Pack = {
  schemas: treeSchemas,
  cpu: /* @__PURE__ */ new Map(treeKernels),
}
