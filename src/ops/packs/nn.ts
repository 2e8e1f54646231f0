import { convKernels } from '../cpu/conv.ts'
import { normalizeKernels } from '../cpu/normalize.ts'
import { poolKernels } from '../cpu/pool.ts'
import { rearrangeKernels } from '../cpu/rearrange.ts'
import { sampleKernels } from '../cpu/sample.ts'
import { resizeKernels } from '../cpu/resize.ts'
import type { Pack } from '../packs.ts'
import { convSchemas } from '../schemas/conv.ts'
import { normalizeSchemas } from '../schemas/normalize.ts'
import { poolSchemas } from '../schemas/pool.ts'
import { rearrangeSchemas } from '../schemas/rearrange.ts'
import { sampleSchemas } from '../schemas/sample.ts'
import { resizeSchemas } from '../schemas/resize.ts'

export const pack: Pack = {
  schemas: [
    ...convSchemas,
    ...normalizeSchemas,
    ...poolSchemas,
    ...rearrangeSchemas,
    ...sampleSchemas,
    ...resizeSchemas,
  ],
  cpu: /* @__PURE__ */ new Map([
    ...convKernels,
    ...normalizeKernels,
    ...poolKernels,
    ...rearrangeKernels,
    ...sampleKernels,
    ...resizeKernels,
  ]),
}
