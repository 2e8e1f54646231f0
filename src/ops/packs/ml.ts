import { mlKernels } from '../cpu/ml.ts'
import type { Pack } from '../packs.ts'
import { mlSchemas } from '../schemas/ml.ts'

export const pack: Pack = { schemas: mlSchemas, cpu: /* @__PURE__ */ new Map(mlKernels) }
