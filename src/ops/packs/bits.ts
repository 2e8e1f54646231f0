import { bitKernels } from '../cpu/bits.ts'
import type { Pack } from '../packs.ts'
import { bitSchemas } from '../schemas/bits.ts'

export const pack: Pack = { schemas: bitSchemas, cpu: /* @__PURE__ */ new Map(bitKernels) }
