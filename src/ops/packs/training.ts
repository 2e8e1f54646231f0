import { trainingKernels } from '../cpu/training.ts'
import type { Pack } from '../packs.ts'
import { trainingSchemas } from '../schemas/training.ts'

export const pack: Pack = { schemas: trainingSchemas, cpu: /* @__PURE__ */ new Map(trainingKernels) }
