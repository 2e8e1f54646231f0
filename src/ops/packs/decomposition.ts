import { codeKernels } from '../cpu/codes.ts'
import { convolutionKernels } from '../cpu/circular-convolution.ts'
import { detKernels } from '../cpu/det.ts'
import { gaussianProcessKernels } from '../cpu/gaussian-process.ts'
import { nmfKernels } from '../cpu/nmf.ts'
import type { Pack } from '../packs.ts'
import { convolutionSchemas } from '../schemas/circular-convolution.ts'
import { decompositionSchemas } from '../schemas/decomposition.ts'
import { detSchemas } from '../schemas/det.ts'
import { gaussianProcessSchemas } from '../schemas/gaussian-process.ts'

export const pack: Pack = {
  schemas: [...decompositionSchemas, ...gaussianProcessSchemas, ...convolutionSchemas, ...detSchemas],
  cpu: /* @__PURE__ */ new Map([...nmfKernels, ...codeKernels, ...gaussianProcessKernels, ...convolutionKernels, ...detKernels]),
}
