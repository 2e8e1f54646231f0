import { attentionKernels } from '../cpu/attention.ts'
import type { Pack } from '../packs.ts'
import { attentionSchemas } from '../schemas/attention.ts'

export const pack: Pack = { schemas: attentionSchemas, cpu: /* @__PURE__ */ new Map(attentionKernels) }
