import { randomKernels } from '../cpu/random.ts'
import type { Pack } from '../packs.ts'
import { randomSchemas } from '../schemas/random.ts'

export const pack: Pack = { schemas: randomSchemas, cpu: /* @__PURE__ */ new Map(randomKernels) }
