// The definition of distances, two rows at a time, by textbook formulas.
import { abs2, dot, norm, type Row } from './vectors.ts'
import { log, exp } from '../../math/index.ts'

const zip = (x: Row, y: Row, f: (a: number, b: number, i: number) => number): number[] => x.map((a, i) => f(a, y[i], i))
const sum = (terms: Row): number => terms.reduce((total, term) => total + term, 0)
const mean = (x: Row): number => sum(x) / x.length
const power = (x: number, p: number): number => (x === 0 ? 0 : exp(p * log(x)))

/** The distance of two rows under a metric of `mle.PairwiseDistance`, except haversine. */
export function distanceFormula(metric: string, x: Row, y: Row, p: number = 2, parameters: Row = []): number {
  const difference = zip(x, y, (a, b) => a - b)
  const both = sum(zip(x, y, (a, b) => Number(a !== 0 && b !== 0)))
  const one = sum(zip(x, y, (a, b) => Number((a !== 0) !== (b !== 0))))
  const n = x.length
  switch (metric) {
    case 'euclidean': return norm(difference)
    case 'sqeuclidean': return abs2(difference)
    case 'manhattan': return sum(difference.map(Math.abs))
    case 'chebyshev': return Math.max(...difference.map(Math.abs))
    case 'minkowski': return power(sum(difference.map((d, i) => (parameters[i] ?? 1) * power(Math.abs(d), p))), 1 / p)
    case 'seuclidean': return Math.sqrt(sum(difference.map((d, i) => (d * d) / parameters[i])))
    case 'mahalanobis': return Math.sqrt(dot(difference, difference.map((_, i) => dot(parameters.slice(i * n, (i + 1) * n), difference))))
    case 'canberra': return sum(zip(x, y, (a, b) => (a === 0 && b === 0 ? 0 : Math.abs(a - b) / (Math.abs(a) + Math.abs(b)))))
    case 'braycurtis': return sum(difference.map(Math.abs)) / sum(zip(x, y, (a, b) => Math.abs(a) + Math.abs(b)))
    case 'braycurtis-sums': return sum(difference.map(Math.abs)) / sum(zip(x, y, (a, b) => Math.abs(a + b)))
    case 'chi2': return sum(zip(x, y, (a, b) => (a + b === 0 ? 0 : ((a - b) * (a - b)) / (a + b))))
    case 'hamming': return sum(zip(x, y, (a, b) => Number(a !== b))) / n
    case 'cosine': return 1 - dot(x, y) / (norm(x) * norm(y))
    case 'correlation': return distanceFormula('cosine', x.map((a) => a - mean(x)), y.map((b) => b - mean(y)))
    case 'matching': return one / n
    case 'jaccard': return both + one === 0 ? 0 : one / (both + one)
    case 'dice': return one / (2 * both + one)
    case 'kulsinski': return (one + n - both) / (one + n)
    case 'rogerstanimoto': case 'sokalmichener': return (2 * one) / (n + one)
    case 'russellrao': return (n - both) / n
    case 'sokalsneath': return one / (0.5 * both + one)
  }
  throw new TypeError(`no formula for ${metric}`)
}
