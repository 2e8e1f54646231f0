// Every workload by the name that `npm run bench -- NAME` takes, in the order of the report.
import type { Workload } from '../results.ts'

export const WORKLOADS: ReadonlyMap<string, () => Promise<Workload>> = new Map([
  ['trees', async () => (await import('./models.ts')).trees],
  ['tree-shapes', async () => (await import('./trees.ts')).treeShapes],
  ['dense', async () => (await import('./models.ts')).dense],
  ['gemm', async () => (await import('./gemm.ts')).gemm],
  ['networks', async () => (await import('./networks.ts')).nets],
  ['workers', async () => (await import('./workers.ts')).workers],
  ['load', async () => (await import('./load.ts')).load],
  ['startup', async () => (await import('./startup.ts')).startup],
  ['latency', async () => (await import('./latency.ts')).latency],
  ['memory', async () => (await import('./memory.ts')).memory],
  ['size', async () => (await import('./size.ts')).size],
])
