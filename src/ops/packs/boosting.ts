import { categoricalKernels } from '../cpu/hashed-categories.ts'
import { linearLeavesKernels } from '../cpu/linear-leaves.ts'
import type { Pack } from '../packs.ts'
import { categoricalSchemas } from '../schemas/hashed-categories.ts'
import { linearLeavesSchemas } from '../schemas/linear-leaves.ts'

export const pack: Pack = {
  schemas: [...categoricalSchemas, ...linearLeavesSchemas],
  cpu: /* @__PURE__ */ new Map([...categoricalKernels, ...linearLeavesKernels]),
}
