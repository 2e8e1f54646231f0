import { lossKernels } from '../cpu/losses.ts'
import type { Pack } from '../packs.ts'
import { lossSchemas } from '../schemas/losses.ts'

export const pack: Pack = { schemas: lossSchemas, cpu: /* @__PURE__ */ new Map(lossKernels) }
