import { einsumKernels } from '../cpu/einsum.ts'
import { indexingKernels } from '../cpu/indexing.ts'
import type { Pack } from '../packs.ts'
import { indexingSchemas } from '../schemas/indexing.ts'

export const pack: Pack = { schemas: indexingSchemas, cpu: /* @__PURE__ */ new Map([...indexingKernels, ...einsumKernels]) }
