// Losses of classification. Sums have the order of reductions (docs/numerics.md).
import { log } from '../../math/log.ts'
import { is64BitInteger } from '../../tensor/dtype.ts'
import { text } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { dtypeOf, isHalf } from './elementwise.ts'
import { placeAt, view } from './moving.ts'
import { numbers, perShape, type Numbers } from './nest.ts'
import { addElements, largestIn, partialsFor, sumBy, sumExponentials } from './reduce.ts'
import { wideToNumber } from './wide.ts'
import { widened } from './widen.ts'

type Floats = Float64Array | Float32Array

/** logProb [N, C, places], labels [N, places], weights [C] -> y [N, places] or [] */
function makeLikelihood(context: KernelContext): (logProb: Numbers, shape: readonly number[], labels: View, weights: View | undefined, y: Numbers) => void {
  const dtype = dtypeOf(context)
  const reduction = text(context.attributes, 'reduction', 'mean')
  const ignored = context.attributes.get('ignore_index')
  const ignore = ignored?.kind === 'int' ? ignored.value : undefined
  const wide = is64BitInteger(dtypeOf(context, 1))
  const partials = partialsFor(dtype)
  const allocate = (length: number): Floats => (dtype === 'float64' ? new Float64Array(length) : new Float32Array(length))
  const memory = perShape(([labels]) => ({ losses: allocate(view(labels).size), weights: allocate(view(labels).size) }))
  return (logProb, shape, labels, weights, y) => {
    const [batch, classes] = shape
    const places = shape.slice(2).reduce((product, dim) => product * dim, 1)
    const index = numbers(labels)
    const own = memory([labels], [])
    const each = weights === undefined ? undefined : numbers(weights)
    for (let n = 0, i = 0; n < batch; n++) {
      for (let place = 0; place < places; place++, i++) {
        if (ignore !== undefined && (wide ? wideToNumber(index, 2 * i) : index[i]) === ignore) {
          own.losses[i] = 0
          own.weights[i] = 0
          continue
        }
        const label = placeAt(index, i, wide, classes)
        own.weights[i] = each === undefined ? 1 : each[label]
        own.losses[i] = -logProb[(n * classes + label) * places + place] * own.weights[i]
      }
    }
    if (reduction === 'none') {
      for (let i = 0; i < own.losses.length; i++) y[i] = own.losses[i]
      return
    }
    sumBy(addElements, partials, own.losses, 0, 1, own.losses.length)
    y[0] = partials[0]
    if (reduction !== 'mean') return
    sumBy(addElements, partials, own.weights, 0, 1, own.weights.length)
    y[0] /= partials[0]
  }
}

// input [N, C, ...], target [N, ...], weight [C] -> loss [N, ...] or []
function makeNll(context: KernelContext): Kernel {
  const likelihood = makeLikelihood(context)
  return ([input, target, weight], [loss]) => likelihood(numbers(input), view(input).shape, view(target), weight, numbers(loss))
}

// scores [N, C, ...], labels [N, ...], weights [C] -> output [N, ...] or [], log_prob like scores
function makeCrossEntropy(context: KernelContext): Kernel {
  const dtype = dtypeOf(context)
  const likelihood = makeLikelihood(context)
  const p = partialsFor(dtype)
  const rounded: Floats = dtype === 'float64' ? new Float64Array(1) : new Float32Array(1)
  const memory = perShape(([scores]): Floats => (dtype === 'float64' ? new Float64Array(view(scores).size) : new Float32Array(view(scores).size)))
  return (inputs, outputs) => {
    const [scores, labels, weights] = inputs
    const { shape } = view(scores)
    const [batch, classes] = shape
    const places = shape.slice(2).reduce((product, dim) => product * dim, 1)
    const logProb: Numbers = outputs[1] === undefined ? memory(inputs, outputs) : numbers(outputs[1])
    const x = numbers(scores)
    for (let n = 0; n < batch; n++) {
      for (let place = 0; place < places; place++) {
        const base = n * classes * places + place
        sumExponentials(p, x, base, places, classes)
        rounded[0] = log(p[0])
        const total = rounded[0]
        const largest = largestIn(p)
        for (let c = 0, at = base; c < classes; c++, at += places) {
          rounded[0] = x[at] - largest
          logProb[at] = rounded[0] - total
        }
      }
    }
    likelihood(logProb, shape, view(labels), weights, numbers(outputs[0]))
  }
}

export const lossKernels: readonly (readonly [string, KernelEntry])[] = [
  ['NegativeLogLikelihoodLoss', { make: /* @__PURE__ */ widened(makeNll, isHalf) }],
  ['SoftmaxCrossEntropyLoss', { make: /* @__PURE__ */ widened(makeCrossEntropy, isHalf) }],
]
