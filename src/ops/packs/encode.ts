import { categoryKernels } from '../cpu/categories.ts'
import { imputeKernels } from '../cpu/knn-impute.ts'
import { preprocessKernels } from '../cpu/preprocess.ts'
import type { Pack } from '../packs.ts'
import { preprocessSchemas } from '../schemas/preprocess.ts'

export const pack: Pack = {
  schemas: preprocessSchemas,
  cpu: /* @__PURE__ */ new Map([
    ...preprocessKernels,
    ...categoryKernels,
    ...imputeKernels,
  ]),
}
