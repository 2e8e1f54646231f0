import { foldKernels } from '../cpu/folds.ts'
import { matMulKernels } from '../cpu/matmul.ts'
import { stridedEntry, transposeMoves } from '../cpu/moving.ts'
import type { Pack } from '../packs.ts'
import { foldSchemas } from '../schemas/folds.ts'
import { layoutSchemas } from '../schemas/layout.ts'
import { matMulSchemas } from '../schemas/matmul.ts'

export const pack: Pack = {
  schemas: [
    ...foldSchemas,
    ...layoutSchemas,
    ...matMulSchemas,
  ],
  cpu: /* @__PURE__ */ new Map([
    ...foldKernels,
    ...matMulKernels,
    ['Transpose', stridedEntry(transposeMoves)],
  ]),
}
