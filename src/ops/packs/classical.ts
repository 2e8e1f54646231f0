import { codeKernels } from '../cpu/codes.ts'
import { combineKernels } from '../cpu/combine.ts'
import { fusedKernels } from '../cpu/fused-matmul.ts'
import { nmfKernels } from '../cpu/nmf.ts'
import { requireKernels } from '../cpu/require.ts'
import { convolutionKernels } from '../cpu/convolution.ts'
import { gaussianProcessKernels } from '../cpu/gaussian-process.ts'
import type { Pack } from '../packs.ts'
import { combineSchemas } from '../schemas/combine.ts'
import { decompositionSchemas } from '../schemas/decomposition.ts'
import { exactSchemas } from '../schemas/exact.ts'
import { convolutionSchemas } from '../schemas/convolution.ts'
import { gaussianProcessSchemas } from '../schemas/gaussian-process.ts'
import { requireSchemas } from '../schemas/require.ts'

export const pack: Pack = {
  schemas: [
    ...combineSchemas,
    ...exactSchemas,
    ...requireSchemas,
    ...decompositionSchemas,
    ...gaussianProcessSchemas,
    ...convolutionSchemas,
  ],
  cpu: /* @__PURE__ */ new Map([
    ...combineKernels,
    ...fusedKernels,
    ...requireKernels,
    ...nmfKernels,
    ...codeKernels,
    ...gaussianProcessKernels,
    ...convolutionKernels,
  ]),
}
