import { functionKernels } from '../cpu/functions.ts'
import { otherReduceKernels } from '../cpu/reduce-other.ts'
import type { Pack } from '../packs.ts'
import { functionSchemas } from '../schemas/functions.ts'
import { otherReduceSchemas } from '../schemas/reduce-other.ts'

export const pack: Pack = {
  schemas: [
    ...functionSchemas,
    ...otherReduceSchemas,
  ],
  cpu: /* @__PURE__ */ new Map([
    ...functionKernels,
    ...otherReduceKernels,
  ]),
}
