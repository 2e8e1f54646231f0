// Classifiers that compare classes two by two: votes and scores from decisions [batch, pairs].
import type { ValueName } from '../../../graph/builder.ts'
import { argMax } from '../emit.ts'
import type { SklearnContext } from '../types.ts'

/** Position of the class that wins most pairs, the first on ties; a pair's first class wins where its decision is > 0. int64 [batch]. */
export function mostVotes(context: SklearnContext, decisions: ValueName, classes: number): ValueName {
  return argMax(context, context.builder.add('mle.PairVotes', [decisions], { classes }))
}

/**
 * One score per class, float64 [batch, classes]: votes, and confidences to break ties. `second` says, bool [batch, pairs], that a pair's second
 * class won; `confidence` [batch, pairs] is the larger, the clearer it did.
 */
export function pairScores(context: SklearnContext, second: ValueName, confidence: ValueName, classes: number): ValueName {
  return context.builder.add('mle.PairScores', [second, confidence], { classes })
}
