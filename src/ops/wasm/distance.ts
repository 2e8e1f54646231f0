// Distances on the wasm device, to the points of a model, which are packed once; and what support vector machines and Gaussian
// processes compute from kernels of distances.
import { int } from '../attributes.ts'
import { classStarts } from '../cpu/class-starts.ts'
import type { Kernel, KernelContext, PreferredEntry, WasmHost } from '../kernel.ts'
import { makeKnnImpute } from './knn-impute.ts'
import { blockOnce, offsetOf, wordsOf } from './memory.ts'
import { wasmFunction } from './module.ts'
import { makeNearestNeighbors } from './neighbors.ts'
import { pointDistances, TILE_BYTES } from './point-distances.ts'

/** Kernels over a host's memory, by operator key. */
export function kernelsOf(host: WasmHost): readonly (readonly [string, PreferredEntry])[] {
  return [
    ['mle.PairwiseDistance', { packs: [1], make: (context) => makePairwiseDistance(host, context) }],
    ['mle.NearestNeighbors', { packs: [1], make: (context) => makeNearestNeighbors(host, context) }],
    ['mle.ClassSums', { make: (context, fallback) => makeClassSums(host, context, fallback) }],
    ['mle.SvmDecision', { make: (context) => makeSvmDecision(host, context) }],
    ['mle.TriangularSolve', { make: (context) => makeTriangularSolve(host, context) }],
    ['mle.KnnImpute', { packs: [1], make: (context) => makeKnnImpute(host, context) }],
  ]
}

// x [rows, n] f64, y [points, n] f64 constant; out [rows, points] f64
function makePairwiseDistance(host: WasmHost, context: KernelContext): Kernel | undefined {
  const distances = pointDistances(host, context, true)
  return distances && (([x], [out]) => {
    if (x !== undefined && out !== undefined) distances.measure(x.shape[0], offsetOf(x), offsetOf(out))
  })
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
  host.reserveScratch(Math.max(TILE_BYTES, n * 64))
  const solve = wasmFunction(host.exports, 'triangularSolve')
  return ([b, l], [out]) => {
    if (b !== undefined && l !== undefined && out !== undefined && out.size > 0) solve(b.shape[0], n, offsetOf(b), offsetOf(l), offsetOf(out), host.scratchOffset)
  }
}
