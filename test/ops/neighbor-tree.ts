// Trees of points for the search of neighbours, as scikit-learn's files have them.
import { distanceFormula } from '../../src/ops/formula/distances.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'

export const matrix = (rows: readonly (readonly number[])[]): Tensor => tensor(Float64Array.from(rows.flat()), [rows.length, rows[0].length])

/** A tree of three levels over points sorted by their first feature: inputs order, nodes, bounds and radii. */
export function neighborTree(rows: readonly (readonly number[])[], isBall: boolean): Tensor[] {
  const nFeatures = rows[0].length
  const order = rows.map((_, i) => i).sort((a, b) => rows[a][0] - rows[b][0])
  const nodes: number[] = []
  const low: number[] = []
  const high: number[] = []
  const centres: number[] = []
  const radii: number[] = []
  for (let level = 0, count = 1; level < 3; level++, count *= 2) {
    for (let i = 0; i < count; i++) {
      const start = Math.floor((rows.length * i) / count)
      const end = Math.floor((rows.length * (i + 1)) / count)
      const held = order.slice(start, end).map((at) => rows[at])
      nodes.push(start, end, level === 2 ? 1 : 0)
      for (let f = 0; f < nFeatures; f++) {
        low.push(Math.min(...held.map((one) => one[f])))
        high.push(Math.max(...held.map((one) => one[f])))
        centres.push(held.reduce((sum, one) => sum + one[f] / held.length, 0))
      }
      radii.push(Math.max(...held.map((one) => distanceFormula('euclidean', one, centres.slice(-nFeatures)))) + 1e-12)
    }
  }
  const tree = [tensor(Int32Array.from(order), [order.length]), tensor(Int32Array.from(nodes), [7, 3])]
  if (isBall) return [...tree, tensor(Float64Array.from(centres), [1, 7, nFeatures]), tensor(Float64Array.from(radii), [7])]
  return [...tree, tensor(Float64Array.from([...low, ...high]), [2, 7, nFeatures])]
}
