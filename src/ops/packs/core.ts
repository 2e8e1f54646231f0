import { elementwiseKernels } from '../cpu/elementwise.ts'
import { labelKernels } from '../cpu/labels.ts'
import { linearKernels } from '../cpu/linear.ts'
import { movingKernels } from '../cpu/moving.ts'
import { reduceKernels } from '../cpu/reduce.ts'
import type { Pack } from '../packs.ts'
import { elementwiseSchemas } from '../schemas/elementwise.ts'
import { labelSchemas } from '../schemas/labels.ts'
import { linearSchemas } from '../schemas/linear.ts'
import { reduceSchemas } from '../schemas/reduce.ts'
import { tensorSchemas } from '../schemas/tensor.ts'

export const pack: Pack = {
  schemas: [
    ...elementwiseSchemas,
    ...linearSchemas,
    ...reduceSchemas,
    ...tensorSchemas,
    ...labelSchemas,
  ],
  cpu: /* @__PURE__ */ new Map([
    ...elementwiseKernels,
    ...linearKernels,
    ...reduceKernels,
    ...movingKernels,
    ...labelKernels,
  ]),
}
