import { controlKernels } from '../cpu/control.ts'
import { sequenceKernels } from '../cpu/sequences.ts'
import type { Pack } from '../packs.ts'
import { controlSchemas } from '../schemas/control.ts'

export const pack: Pack = { schemas: controlSchemas, cpu: /* @__PURE__ */ new Map([...controlKernels, ...sequenceKernels]) }
