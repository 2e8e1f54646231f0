import { categoricalKernels } from '../cpu/categorical.ts'
import type { Pack } from '../packs.ts'
import { categoricalSchemas } from '../schemas/categorical.ts'

export const pack: Pack = {
  schemas: categoricalSchemas,
  cpu: /* @__PURE__ */ new Map(categoricalKernels),
}
