import { combineKernels } from '../cpu/combine.ts'
import { fusedKernels } from '../cpu/fused-matmul.ts'
import { requireKernels } from '../cpu/require.ts'
import type { Pack } from '../packs.ts'
import { combineSchemas } from '../schemas/combine.ts'
import { exactSchemas } from '../schemas/fused-matmul.ts'
import { requireSchemas } from '../schemas/require.ts'

export const pack: Pack = {
  schemas: [...combineSchemas, ...exactSchemas, ...requireSchemas],
  cpu: /* @__PURE__ */ new Map([...combineKernels, ...fusedKernels, ...requireKernels]),
}
