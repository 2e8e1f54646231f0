import { recurrentKernels } from '../cpu/recurrent.ts'
import type { Pack } from '../packs.ts'
import { recurrentSchemas } from '../schemas/recurrent.ts'

export const pack: Pack = { schemas: recurrentSchemas, cpu: /* @__PURE__ */ new Map(recurrentKernels) }
