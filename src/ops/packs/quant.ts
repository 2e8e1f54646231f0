import { quantizeKernels } from '../cpu/quantize.ts'
import { quantizedProductKernels } from '../cpu/quantized-products.ts'
import { weightMatMulKernels } from '../cpu/weight-matmul.ts'
import type { Pack } from '../packs.ts'
import { quantizeSchemas } from '../schemas/quantize.ts'

export const pack: Pack = { schemas: quantizeSchemas, cpu: /* @__PURE__ */ new Map([...quantizeKernels, ...quantizedProductKernels, ...weightMatMulKernels]) }
