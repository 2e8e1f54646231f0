import type { Pack } from '../packs.ts'
import { controlSchemas } from '../schemas/control.ts'

export const pack: Pack = { schemas: controlSchemas, cpu: new Map() }
