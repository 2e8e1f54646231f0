// Missing values from the nearest training rows on the wasm device: estimates and choices in WebAssembly, the rest is cpu's.
import { makeKnnImpute as imputer, type Estimator, type Training } from '../cpu/knn-impute.ts'
import type { Kernel, KernelContext, WasmHost } from '../kernel.ts'
import { nameOf } from './constants.ts'
import { blockOnce, numbersAt, offsetOf, wordsOf } from './memory.ts'
import { wasmFunction } from './module.ts'
import { CHOICE_BYTES } from './neighbors.ts'
import { PANEL_POINTS } from './point-distances.ts'

/** Training rows up to so many; a row of x takes 48 bytes of scratch for each. */
const MAX_ROWS = 65536
const TRAINING_BYTES = 28
/** Rows that are measured at once. */
const TOGETHER = 2 * PANEL_POINTS

// x [rows, features] f64, constant training [n, features] f64 with NaN; out like x
export function makeKnnImpute(host: WasmHost, context: KernelContext): Kernel | undefined {
  const training = context.constants[1]
  if (training === undefined || training.dtype !== 'float64' || training.size === 0 || training.shape[0] > MAX_ROWS) return undefined
  return imputer(context, (known) => estimatorOf(host, known, `${nameOf(host, training)} ${training.shape.join()}`))
}

function estimatorOf(host: WasmHost, { count, nFeatures: n, filled, norms, missing, starts, donors }: Training, key: string): Estimator {
  const rounded = Math.ceil(count / TOGETHER) * TOGETHER
  const words = wordsOf(host)
  const put = (name: string, list: ArrayLike<number>): number => blockOnce(host, `imputer's ${name} ${key}`, Math.max(1, list.length) * 4, (to) => words().set(list, to / 4))
  const panelsAt = blockOnce(host, `imputer's panels ${key}`, rounded * n * 8, (to) => {
    const packed = numbersAt(host, 'float64', to, rounded * n)
    for (let i = 0; i < count; i++) {
      const at = (i - (i % PANEL_POINTS)) * n + (i % PANEL_POINTS)
      for (let f = 0; f < n; f++) packed[at + f * PANEL_POINTS] = filled[i * n + f]
    }
  })
  const normsAt = blockOnce(host, `imputer's norms ${key}`, rounded * 8, (to) => (numbersAt(host, 'float64', to, rounded) as Float64Array).set(norms))
  const rowsOfMissing = new Int32Array(missing.length)
  for (let i = 0; i < count; i++) rowsOfMissing.fill(i, starts[i], starts[i + 1])
  const description = [count, n, panelsAt, normsAt, missing.length, put('rows of missing values', rowsOfMissing), put('missing values', missing)]
  const trainingAt = blockOnce(host, `imputer ${description.join()}`, TRAINING_BYTES, (to) => words().set(description, to / 4))
  const donorsAt = donors.map(({ rows }, f) => put(`donors ${f}`, rows))
  // Squares, then the order, then what the functions take.
  const orderAt = rounded * 8
  const restAt = orderAt + rounded * 4
  host.reserveScratch(restAt + CHOICE_BYTES + rounded * 16 + n * 32)
  const squares = wasmFunction(host.exports, 'imputeSquares')
  const choice = wasmFunction(host.exports, 'imputeChoice')
  return {
    measure: (x, start, norm) => void squares(trainingAt, offsetOf(x) + start * 8, norm, host.scratchOffset, host.scratchOffset + restAt),
    choose: (f, k, within) => choice(host.scratchOffset, donorsAt[f], donors[f].rows.length, k, within, host.scratchOffset + orderAt, host.scratchOffset + restAt),
    order: () => words().subarray((host.scratchOffset + orderAt) / 4),
  }
}
