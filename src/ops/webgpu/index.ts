// Every WebGPU kernel by operator key. What is missing here runs on cpu, between two submissions.
import { binary, unary } from './elementwise.ts'
import type { GpuKernelTable } from './kernel.ts'
import { matMul } from './matmul.ts'

export const gpuKernels: GpuKernelTable = /* @__PURE__ */ new Map([
  ['Add', /* @__PURE__ */ binary('p + q')],
  ['Mul', /* @__PURE__ */ binary('p * q')],
  ['Relu', /* @__PURE__ */ unary('max(x[i], 0.0)')],
  ['MatMul', matMul],
])
