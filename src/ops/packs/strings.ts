import { stringKernels } from '../cpu/strings.ts'
import type { Pack } from '../packs.ts'
import { stringSchemas } from '../schemas/strings.ts'

export const pack: Pack = { schemas: stringSchemas, cpu: /* @__PURE__ */ new Map(stringKernels) }
