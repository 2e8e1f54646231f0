import { activationKernels } from '../cpu/activations.ts'
import type { Pack } from '../packs.ts'
import { activationSchemas } from '../schemas/activations.ts'

export const pack: Pack = { schemas: activationSchemas, cpu: /* @__PURE__ */ new Map(activationKernels) }
