import { arrayKernels } from '../cpu/arrays.ts'
import { selectKernels } from '../cpu/select.ts'
import type { Pack } from '../packs.ts'
import { arraySchemas } from '../schemas/arrays.ts'

export const pack: Pack = {
  schemas: arraySchemas,
  cpu: /* @__PURE__ */ new Map([
    ...arrayKernels,
    ...selectKernels,
  ]),
}
