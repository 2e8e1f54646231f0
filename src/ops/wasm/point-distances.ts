// Distances from rows to the points of a model on the wasm device. Points are packed once.
import { float, text } from '../attributes.ts'
import type { KernelContext, WasmHost } from '../kernel.ts'
import { eachPiece, nameOf } from './constants.ts'
import { blockOnce } from './memory.ts'
import { wasmFunction } from './module.ts'

/** Points side by side. */
export const PANEL_POINTS = 4
/** A tile of a product, or of distances. */
export const TILE_BYTES = 128

/** Functions of assembly/distance.ts for metrics other than Euclidean ones. */
const OTHER_METRICS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['manhattan', 'manhattanDistances'], ['chebyshev', 'chebyshevDistances'], ['canberra', 'canberraDistances'], ['hamming', 'hammingDistances'], ['chi2', 'chiSquaredDistances'],
  ['cosine', 'cosineDistances'], ['minkowski', 'minkowskiDistances'],
])

/** Distances of `rows` rows at `x` to all points, row by row from `out` on. */
export interface PointDistances {
  readonly points: number
  /** Of the scratch that it takes. */
  readonly scratchBytes: number
  readonly measure: (rows: number, x: number, out: number) => void
}

/**
 * Distances to the points that are a kernel's second input; undefined where they are not constant, or the metric is cpu's.
 *
 * @param isRoot false gives squares of Euclidean distances
 */
export function pointDistances(host: WasmHost, { attributes, constants, inputTypes }: KernelContext, isRoot: boolean): PointDistances | undefined {
  const metric = text(attributes, 'metric', 'euclidean')
  const points = constants[1]
  const other = OTHER_METRICS.get(metric)
  const isEuclidean = metric === 'euclidean' || metric === 'sqeuclidean'
  // Weighted features are cpu's.
  if ((!isEuclidean && other === undefined) || points === undefined || points.dtype !== 'float64' || points.size === 0 || (metric === 'minkowski' && inputTypes[2] !== undefined)) return undefined
  const [count, n] = points.shape
  const isCosine = metric === 'cosine'
  const scratchBytes = TILE_BYTES + (isCosine ? n * 8 : 0)
  host.reserveScratch(scratchBytes)
  const key = `${nameOf(host, points)} ${count} ${n}`
  const pack = wasmFunction(host.exports, 'packPoints')
  const panelCount = Math.ceil(count / PANEL_POINTS)
  const panels = blockOnce(host, `${isCosine ? 'unit ' : ''}points ${key}`, panelCount * PANEL_POINTS * 8 * n, (to) => {
    eachPiece(host, points, { from: 0, units: count, unitSize: n, together: PANEL_POINTS }, (at, first, some) => pack(at, some, n, to + first * n * 8))
    if (isCosine) wasmFunction(host.exports, 'unitPanels')(to, panelCount, n)
  })
  if (other !== undefined) {
    const run = wasmFunction(host.exports, other)
    const p = float(attributes, 'p', 2)
    return { points: count, scratchBytes, measure: (rows, x, out) => void run(rows, n, count, x, panels, out, host.scratchOffset, p) }
  }
  const squares = wasmFunction(host.exports, 'squaredNorms')
  const pairwise = wasmFunction(host.exports, 'pairwise')
  const norms = text(attributes, 'form', 'direct') !== 'expanded' ? 0 : blockOnce(host, `norms ${key}`, count * 8, (to) =>
    eachPiece(host, points, { from: 0, units: count, unitSize: n }, (at, first, some) => squares(at, some, n, to + first * 8)))
  const root = isRoot && metric === 'euclidean' ? 1 : 0
  return { points: count, scratchBytes, measure: (rows, x, out) => void pairwise(rows, n, count, x, panels, norms, out, root, host.scratchOffset) }
}
