// Distances on the wasm device, to the points of a model, which are packed once; and what support vector machines and Gaussian
// processes compute from kernels of distances.
import { int, text } from '../attributes.ts'
import { classStarts } from '../cpu/class-starts.ts'
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import { eachPiece, nameOf } from './constants.ts'
import { blockOnce, offsetOf, wordsOf } from './memory.ts'
import { wasmFunction } from './module.ts'
import { makeNearestNeighbors, PANEL_POINTS } from './neighbors.ts'

/** A tile of a product, or of distances. */
const SCRATCH_BYTES = 128

/** Kernels over a host's memory, by operator key. */
export function wasmDistanceKernels(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [
    ['mle.PairwiseDistance', { packs: [1], make: (context) => makePairwiseDistance(host, context) }],
    ['mle.NearestNeighbors', { packs: [1], make: (context) => makeNearestNeighbors(host, context) }],
    ['mle.ClassSums', { make: (context, fallback) => makeClassSums(host, context, fallback) }],
    ['mle.SvmDecision', { make: (context) => makeSvmDecision(host, context) }],
    ['mle.TriangularSolve', { make: (context) => makeTriangularSolve(host, context) }],
  ]
}

/** Functions of assembly/distance.ts for metrics other than Euclidean ones. */
const OTHER_METRICS: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['manhattan', 'manhattanDistances'], ['chebyshev', 'chebyshevDistances'], ['canberra', 'canberraDistances'], ['hamming', 'hammingDistances'], ['chi2', 'chiSquaredDistances'],
])

// x [rows, n] f64, y [points, n] f64 constant; out [rows, points] f64
function makePairwiseDistance(host: WasmHost, context: KernelContext): Kernel | undefined {
  const metric = text(context.attributes, 'metric', 'euclidean')
  const points = context.constants[1]
  const other = OTHER_METRICS.get(metric)
  if ((metric !== 'euclidean' && metric !== 'sqeuclidean' && other === undefined) || points === undefined || points.dtype !== 'float64' || points.size === 0) return undefined
  host.reserveScratch(SCRATCH_BYTES)
  const isExpanded = text(context.attributes, 'form', 'direct') === 'expanded'
  const [count, n] = points.shape
  const key = `${nameOf(host, points)} ${count} ${n}`
  const pack = wasmFunction(host.exports, 'packPoints')
  const panels = blockOnce(host, `points ${key}`, Math.ceil(count / PANEL_POINTS) * PANEL_POINTS * 8 * n, (to) =>
    eachPiece(host, points, { from: 0, units: count, unitSize: n, together: PANEL_POINTS }, (at, first, some) => pack(at, some, n, to + first * n * 8)))
  if (other !== undefined) {
    const run = wasmFunction(host.exports, other)
    return ([x], [out]) => {
      if (x !== undefined && out !== undefined) run(x.shape[0], n, count, offsetOf(x), panels, offsetOf(out), host.scratchOffset)
    }
  }
  const measure = wasmFunction(host.exports, 'squaredNorms')
  const pairwise = wasmFunction(host.exports, 'pairwise')
  const norms = !isExpanded ? 0 : blockOnce(host, `norms ${key}`, count * 8, (to) =>
    eachPiece(host, points, { from: 0, units: count, unitSize: n }, (at, first, some) => measure(at, some, n, to + first * 8)))
  return ([x], [out]) => {
    if (x !== undefined && out !== undefined) pairwise(x.shape[0], n, count, offsetOf(x), panels, norms, offsetOf(out), metric === 'euclidean' ? 1 : 0, host.scratchOffset)
  }
}

/** From so many weights on cpu adds as numpy does, in pairs. */
const PAIRWISE_COUNT = 8

// index [rows, k] i32, labels [points] i32, weights [rows, k] f64, optional; out [rows, classes] f64. What lies outside is cpu's, which says so.
function makeClassSums(host: WasmHost, { attributes }: KernelContext, fallback: Kernel): Kernel {
  const classes = int(attributes, 'classes', 1)
  const run = wasmFunction(host.exports, 'classSums')
  return (inputs, outputs) => {
    const [index, labels, weights] = inputs
    const [out] = outputs
    if (index === undefined || labels === undefined || out === undefined || (weights !== undefined && index.shape[1] >= PAIRWISE_COUNT)) fallback(inputs, outputs)
    else if (run(offsetOf(out), offsetOf(index), offsetOf(labels), labels.size, weights === undefined ? 0 : offsetOf(weights), index.shape[0], index.shape[1], classes) !== 0) fallback(inputs, outputs)
  }
}

// K [rows, vectors] f64, coefficients [classes - 1, vectors] f64, intercepts [pairs] f64, constant counts [classes] i32; out [rows, pairs] f64
function makeSvmDecision(host: WasmHost, { constants }: KernelContext): Kernel | undefined {
  const [, coefficients, , counts] = constants
  if (coefficients === undefined || counts === undefined) return undefined
  const vectors = coefficients.shape[1]
  const starts = classStarts(counts, vectors)
  const words = wordsOf(host)
  const startsAt = blockOnce(host, `class starts ${starts.join()}`, starts.length * 4, (to) => words().set(starts, to / 4))
  const decide = wasmFunction(host.exports, 'svmDecision')
  return ([kernels, coefs, intercepts], [out]) => {
    if (kernels === undefined || coefs === undefined || intercepts === undefined || out === undefined || out.size === 0) return
    decide(kernels.shape[0], vectors, starts.length - 1, offsetOf(kernels), offsetOf(coefs), offsetOf(intercepts), startsAt, offsetOf(out))
  }
}

/** Matrices up to so many rows. */
const MAX_SYSTEM = 16384

// b [rows, n] f64, l [n, n] f64 constant; out [rows, n] f64
function makeTriangularSolve(host: WasmHost, { constants }: KernelContext): Kernel | undefined {
  const matrix = constants[1]
  if (matrix === undefined || matrix.shape[0] > MAX_SYSTEM) return undefined
  const [n] = matrix.shape
  host.reserveScratch(Math.max(SCRATCH_BYTES, n * 64))
  const solve = wasmFunction(host.exports, 'triangularSolve')
  return ([b, l], [out]) => {
    if (b !== undefined && l !== undefined && out !== undefined && out.size > 0) solve(b.shape[0], n, offsetOf(b), offsetOf(l), offsetOf(out), host.scratchOffset)
  }
}
