// Every WebGPU kernel by operator key. What is missing here runs on cpu, between two submissions.
import { attentionKernels } from './attention.ts'
import { convKernels } from './conv.ts'
import { distanceKernels } from './distance.ts'
import { einsumKernels } from './einsum.ts'
import { elementwiseKernels } from './elementwise.ts'
import { indexKernels } from './indices.ts'
import type { GpuKernelTable } from './kernel.ts'
import { lossKernels } from './losses.ts'
import { matMulKernels } from './matmul.ts'
import { movementKernels } from './movement.ts'
import { normalizeKernels } from './normalize.ts'
import { poolKernels } from './pool.ts'
import { quantizeKernels } from './quantize.ts'
import { recurrentKernels } from './recurrent.ts'
import { reduceKernels } from './reduce.ts'
import { resizeKernels } from './resize.ts'
import { treeKernels } from './trees.ts'

export const gpuKernels: GpuKernelTable = /* @__PURE__ */ new Map([
  ...elementwiseKernels,
  ...movementKernels,
  ...indexKernels,
  ...reduceKernels,
  ...matMulKernels,
  ...normalizeKernels,
  ...convKernels,
  ...poolKernels,
  ...resizeKernels,
  ...attentionKernels,
  ...recurrentKernels,
  ...einsumKernels,
  ...treeKernels,
  ...distanceKernels,
  ...lossKernels,
  ...quantizeKernels,
])
