import { imageKernels } from '../cpu/image.ts'
import type { Pack } from '../packs.ts'
import { imageSchemas } from '../schemas/image.ts'

export const pack: Pack = { schemas: imageSchemas, cpu: /* @__PURE__ */ new Map(imageKernels) }
