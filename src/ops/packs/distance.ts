import { distanceKernels } from '../cpu/distances.ts'
import { neighborKernels } from '../cpu/neighbors.ts'
import { svmKernels } from '../cpu/svm.ts'
import type { Pack } from '../packs.ts'
import { distanceSchemas } from '../schemas/distances.ts'
import { svmSchemas } from '../schemas/svm.ts'

export const pack: Pack = {
  schemas: [
    ...distanceSchemas,
    ...svmSchemas,
  ],
  cpu: /* @__PURE__ */ new Map([
    ...distanceKernels,
    ...neighborKernels,
    ...svmKernels,
  ]),
}
