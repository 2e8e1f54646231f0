// The definitions of mle.NearestNeighbors, up to ties, and of mle.ClassSums.
import { distanceFormula } from './distances.ts'
import type { Row } from './vectors.ts'

/** Distances to the k nearest points, ascending. */
export function nearestFormula(metric: string, x: Row, points: readonly Row[], k: number, p?: number): number[] {
  return points.map((point) => distanceFormula(metric, x, point, p)).sort((a, b) => a - b).slice(0, k)
}

export function classSumsFormula(index: Row, labels: Row, classes: number, weights: Row = index.map(() => 1)): number[] {
  return Array.from({ length: classes }, (_, c) => index.reduce((sum, at, i) => sum + (labels[at] === c ? weights[i] : 0), 0))
}
