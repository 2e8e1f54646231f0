// Euclidean distances on the wasm device: to the points of a model, which are packed once.
import { text } from '../attributes.ts'
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import { blockOnce, offsetOf } from './memory.ts'
import { wasmFunction } from './module.ts'

/** A tile of a product, or of distances. */
const SCRATCH_BYTES = 128

/** Kernels over a host's memory, by operator key. */
export function wasmDistanceKernels(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [['mle.PairwiseDistance', { make: (context) => makePairwiseDistance(host, context) }]]
}

// x [rows, n] f64, y [points, n] f64 constant; out [rows, points] f64
function makePairwiseDistance(host: WasmHost, context: KernelContext): Kernel | undefined {
  const metric = text(context.attributes, 'metric', 'euclidean')
  const points = context.constants[1]
  if ((metric !== 'euclidean' && metric !== 'sqeuclidean') || points === undefined || points.dtype !== 'float64' || points.size === 0) return undefined
  host.reserveScratch(SCRATCH_BYTES)
  const isExpanded = text(context.attributes, 'form', 'direct') === 'expanded'
  const [count, n] = points.shape
  const from = offsetOf(points)
  const pack = wasmFunction(host.exports, 'packPoints')
  const measure = wasmFunction(host.exports, 'squaredNorms')
  const pairwise = wasmFunction(host.exports, 'pairwise')
  const panels = blockOnce(host, `points ${from} ${count} ${n}`, Math.ceil(count / 4) * 32 * n, (to) => pack(from, count, n, to))
  const norms = isExpanded ? blockOnce(host, `norms ${from} ${count} ${n}`, count * 8, (to) => measure(from, count, n, to)) : 0
  return ([x], [out]) => {
    if (x !== undefined && out !== undefined) pairwise(x.shape[0], n, count, offsetOf(x), panels, norms, offsetOf(out), metric === 'euclidean' ? 1 : 0, host.scratchOffset)
  }
}
