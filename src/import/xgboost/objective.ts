// What each objective does to margins, and how base_score (kept in the objective's output space) becomes a margin.
// Formulas: XGBoost's documentation of learning task parameters; all in float32 as the library computes them.
import type { GraphBuilder, ValueName } from '../../graph/builder.ts'
import { log } from '../../math/index.ts'
import { xgboostError } from './model.ts'

export type Link = 'identity' | 'logistic' | 'exponential' | 'softmax' | 'argmax' | 'sign'

interface Objective {
  /** From margin to what Booster.predict returns. */
  readonly predict: Link
  /** From base_score to margin; the inverse of `predict` unless the library says otherwise. */
  readonly base: 'identity' | 'logit' | 'log'
  readonly task: 'regression' | 'binary' | 'multiclass' | 'ranking' | 'survival'
}

const OBJECTIVES: ReadonlyMap<string, Objective> = /* @__PURE__ */ new Map<string, Objective>([
  ['reg:squarederror', { predict: 'identity', base: 'identity', task: 'regression' }],
  ['reg:linear', { predict: 'identity', base: 'identity', task: 'regression' }],
  ['reg:squaredlogerror', { predict: 'identity', base: 'identity', task: 'regression' }],
  ['reg:pseudohubererror', { predict: 'identity', base: 'identity', task: 'regression' }],
  ['reg:absoluteerror', { predict: 'identity', base: 'identity', task: 'regression' }],
  ['reg:quantileerror', { predict: 'identity', base: 'identity', task: 'regression' }],
  ['reg:expectileerror', { predict: 'identity', base: 'identity', task: 'regression' }],
  ['reg:logistic', { predict: 'logistic', base: 'logit', task: 'regression' }],
  ['reg:gamma', { predict: 'exponential', base: 'log', task: 'regression' }],
  ['reg:tweedie', { predict: 'exponential', base: 'log', task: 'regression' }],
  ['count:poisson', { predict: 'exponential', base: 'log', task: 'regression' }],
  ['binary:logistic', { predict: 'logistic', base: 'logit', task: 'binary' }],
  ['binary:logitraw', { predict: 'identity', base: 'identity', task: 'binary' }],
  ['binary:hinge', { predict: 'sign', base: 'identity', task: 'binary' }],
  ['multi:softprob', { predict: 'softmax', base: 'identity', task: 'multiclass' }],
  ['multi:softmax', { predict: 'argmax', base: 'identity', task: 'multiclass' }],
  ['rank:pairwise', { predict: 'identity', base: 'identity', task: 'ranking' }],
  ['rank:ndcg', { predict: 'identity', base: 'identity', task: 'ranking' }],
  ['rank:map', { predict: 'identity', base: 'identity', task: 'ranking' }],
  ['survival:cox', { predict: 'exponential', base: 'log', task: 'survival' }],
  ['survival:aft', { predict: 'exponential', base: 'log', task: 'survival' }],
])

/** The objective by its name; throws XGBOOST_OBJECTIVE. */
export function objectiveOf(name: string): Objective {
  const found = OBJECTIVES.get(name)
  if (found === undefined) {
    throw xgboostError('XGBOOST_OBJECTIVE', `objective ${JSON.stringify(name)} is not known, so its outputs have no defined transform; known are ${[...OBJECTIVES.keys()].join(', ')}`)
  }
  return found
}

/** The margin that a base_score stands for, in float32. */
export function baseMargin(objective: Objective, baseScore: number): number {
  if (objective.base === 'logit') {
    if (!(baseScore > 0 && baseScore < 1)) throw xgboostError('XGBOOST_BASE_SCORE', `base_score ${baseScore} is no probability, which a logistic objective needs`)
    return Math.fround(-log(Math.fround(Math.fround(1 / baseScore) - 1)))
  }
  return objective.base === 'log' ? Math.fround(log(baseScore)) : Math.fround(baseScore)
}

/** Adds the transform of `link` to margins [rows, outputs] float32. */
export function addLink(builder: GraphBuilder, link: Link, margin: ValueName): ValueName {
  switch (link) {
    case 'identity':
      return margin
    case 'logistic':
      return builder.add('Sigmoid', [margin])
    case 'exponential':
      return builder.add('Exp', [margin])
    case 'softmax':
      return builder.add('Softmax', [margin], { axis: 1 })
    case 'argmax':
      return builder.add('Cast', [builder.add('ArgMax', [margin], { axis: 1, keepdims: 0 })], { to: 'float32' })
    case 'sign': {
      const zero = builder.constant({ dtype: 'float32', shape: [], data: new Float32Array(1) }, 'zero')
      return builder.add('Cast', [builder.add('Greater', [margin, zero])], { to: 'float32' })
    }
  }
}
