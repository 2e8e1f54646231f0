// What losses of classification mean.
import { text } from '../attributes.ts'
import type { Attributes } from '../types.ts'
import { at, build, needed, num, type Formula, type Grid } from './formula.ts'

/** Losses of labels by their log probabilities, reduced as asked; `termsOf` is the sum of the magnitudes of what a log probability is made of. */
function likelihood(log: (index: readonly number[], label: number) => number, termsOf: (index: readonly number[], label: number) => number, scores: Grid, labels: Grid, weights: Grid | undefined, attributes: Attributes): Grid {
  const ignored = attributes.get('ignore_index')
  const isIgnored = (label: number): boolean => ignored?.kind === 'int' && label === ignored.value
  const weight = (label: number): number => (isIgnored(label) ? 0 : weights === undefined ? 1 : num(at(weights, [label])))
  const label = (index: readonly number[]): number => num(at(labels, index))
  const loss = (index: readonly number[]): number => (isIgnored(label(index)) ? 0 : -log(index, label(index)) * weight(label(index)))
  const each = build(scores.dtype, labels.shape, loss, (index) => (isIgnored(label(index)) ? 0 : termsOf(index, label(index)) * Math.abs(weight(label(index)))))
  const reduction = text(attributes, 'reduction', 'mean')
  if (reduction === 'none') return each
  const divisor = reduction === 'sum' ? 1 : labels.items.reduce<number>((sum, item) => sum + weight(num(item)), 0)
  const sum = (values: readonly unknown[]): number => values.reduce<number>((total, value) => total + Number(value), 0) / divisor
  return { dtype: scores.dtype, shape: [], items: [sum(each.items)], magnitudes: [sum(each.magnitudes ?? [])] }
}

const withClass = (index: readonly number[], label: number): number[] => [index[0], label, ...index.slice(1)]

const nll: Formula = ([input, target, weight], attributes) => {
  const x = needed(input)
  const log = (index: readonly number[], label: number): number => num(at(x, withClass(index, label)))
  return [likelihood(log, (index, label) => Math.abs(log(index, label)), x, needed(target), weight, attributes)]
}

const crossEntropy: Formula = ([scores, labels, weights], attributes, outputCount) => {
  const x = needed(scores)
  const partsOf = (index: readonly number[], label: number): readonly [number, number, number] => {
    const line = Array.from({ length: x.shape[1] }, (_, c) => num(at(x, withClass(index, c))))
    const largest = Math.max(...line)
    return [num(at(x, withClass(index, label))), largest, Math.log(line.reduce((sum, value) => sum + Math.exp(value - largest), 0))]
  }
  const log = (index: readonly number[], label: number): number => {
    const [score, largest, total] = partsOf(index, label)
    return score - largest - total
  }
  // The logarithm of a sum of n terms is as good as the sum: within n units of 1.
  const terms = (index: readonly number[], label: number): number => partsOf(index, label).reduce((sum, part) => sum + Math.abs(part), x.shape[1])
  const loss = likelihood(log, terms, x, needed(labels), weights, attributes)
  if (outputCount < 2) return [loss]
  const logProb = (index: readonly number[]): number => log([index[0], ...index.slice(2)], index[1])
  return [loss, build(x.dtype, x.shape, logProb, (index) => terms([index[0], ...index.slice(2)], index[1]))]
}

export const lossFormulas: readonly (readonly [string, Formula])[] = [
  ['NegativeLogLikelihoodLoss', nll],
  ['SoftmaxCrossEntropyLoss', crossEntropy],
]
