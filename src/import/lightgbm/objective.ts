// What each LightGBM objective does to raw scores (ConvertOutput), in float64. Source: LightGBM's documentation of
// objectives and the parameters that its model text carries behind the name.
import type { GraphBuilder, ValueName } from '../../graph/builder.ts'
import { lightgbmError, type LgbModel } from './text.ts'

export interface LgbObjective {
  readonly task: 'regression' | 'binary' | 'multiclass' | 'ranking' | 'crossentropy'
  readonly link: 'identity' | 'logistic' | 'exponential' | 'softmax' | 'square' | 'softplus'
  /** Scale of the logistic link. */
  readonly sigmoid: number
}

/** The objective of a model; no objective line means a custom one, whose raw scores are all there is. */
export function objectiveOf(model: LgbModel): LgbObjective {
  const [name = 'custom', ...parameters] = model.objective
  const sigmoid = Number(parameters.find((p) => p.startsWith('sigmoid:'))?.slice(8) ?? 1)
  const plain = (task: LgbObjective['task'], link: LgbObjective['link'] = 'identity'): LgbObjective => ({ task, link, sigmoid })
  switch (name) {
    case 'regression':
    case 'regression_l2':
    case 'mean_squared_error':
    case 'mse':
    // These inherit reg_sqrt from it.
    case 'regression_l1':
    case 'fair':
    case 'quantile':
    case 'mape':
      return plain('regression', parameters.includes('sqrt') ? 'square' : 'identity')
    case 'huber':
    case 'custom':
    case 'none':
      return plain('regression')
    case 'poisson':
    case 'gamma':
    case 'tweedie':
      return plain('regression', 'exponential')
    case 'binary':
      return plain('binary', 'logistic')
    case 'multiclass':
      return plain('multiclass', 'softmax')
    case 'multiclassova':
      return plain('multiclass', 'logistic')
    case 'cross_entropy':
    case 'xentropy':
      return { task: 'crossentropy', link: 'logistic', sigmoid: 1 }
    case 'cross_entropy_lambda':
    case 'xentlambda':
      return plain('crossentropy', 'softplus')
    case 'lambdarank':
    case 'rank_xendcg':
      return plain('ranking')
    default:
      throw lightgbmError('LIGHTGBM_OBJECTIVE', `objective ${JSON.stringify(name)} is not known, so its outputs have no defined transform`)
  }
}

/** Adds the transform to raw scores [rows, outputs] float64. */
export function addLink(builder: GraphBuilder, objective: LgbObjective, raw: ValueName): ValueName {
  const scalar = (value: number): ValueName => builder.constant({ dtype: 'float64', shape: [], data: Float64Array.of(value) }, 'scalar')
  switch (objective.link) {
    case 'identity':
      return raw
    case 'logistic':
      return builder.add('Sigmoid', [objective.sigmoid === 1 ? raw : builder.add('Mul', [raw, scalar(objective.sigmoid)])])
    case 'exponential':
      return builder.add('Exp', [raw])
    case 'softmax':
      return builder.add('Softmax', [raw], { axis: 1 })
    case 'square':
      return builder.add('Mul', [raw, builder.add('Abs', [raw])])
    case 'softplus':
      return builder.add('Softplus', [raw])
  }
}
