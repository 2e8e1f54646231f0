import { signalKernels } from '../cpu/signal.ts'
import type { Pack } from '../packs.ts'
import { signalSchemas } from '../schemas/signal.ts'

export const pack: Pack = { schemas: signalSchemas, cpu: /* @__PURE__ */ new Map(signalKernels) }
