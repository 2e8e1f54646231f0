import { textKernels } from '../cpu/text.ts'
import type { Pack } from '../packs.ts'
import { textSchemas } from '../schemas/text.ts'

export const pack: Pack = { schemas: textSchemas, cpu: new Map(textKernels) }
