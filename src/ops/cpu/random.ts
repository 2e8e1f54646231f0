// Random numbers, drawn in doubles in row-major order and rounded once.
import { exp } from '../../math/exp.ts'
import { float, int } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { drawnDtype } from '../schemas/random.ts'
import { isTensorType } from '../types.ts'
import { randomState, seedOf, type RandomState } from '../twister.ts'
import { castLoop } from './cast.ts'
import { dtypeOf, isHalf } from './elementwise.ts'
import { view } from './moving.ts'
import { numbers } from './nest.ts'
import { widened } from './widen.ts'

/** A kernel that fills doubles from a fresh state and stores them in the output's dtype. */
function drawn(context: KernelContext, fill: (y: Float64Array, state: RandomState, input: Float64Array) => void): Kernel {
  const [type] = context.outputTypes
  if (!isTensorType(type)) throw new TypeError(`${context.op}: the output has no dtype`)
  const store = castLoop('float64', type.dtype)
  const seed = seedOf(float(context.attributes, 'seed', 0))
  const read = context.op === 'Bernoulli' || context.op === 'Multinomial' ? castLoop(dtypeOf(context), 'float64') : undefined
  return (inputs, outputs) => {
    const [made, given] = [view(outputs[0]).size, read === undefined ? 0 : view(inputs[0]).size]
    const memory = context.scratch.float64(made + given)
    const [y, x] = [memory.subarray(0, made), memory.subarray(made, made + given)]
    read?.(x, numbers(inputs[0]), x.length)
    fill(y, randomState(seed), x)
    store(numbers(outputs[0]), y, y.length)
  }
}

function makeNormal(context: KernelContext): Kernel {
  const [mean, scale] = [float(context.attributes, 'mean', 0), float(context.attributes, 'scale', 1)]
  return drawn(context, (y, state) => {
    for (let i = 0; i < y.length; i++) y[i] = mean + scale * state.normal()
  })
}

function makeUniform(context: KernelContext): Kernel {
  const [low, high] = [float(context.attributes, 'low', 0), float(context.attributes, 'high', 1)]
  return drawn(context, (y, state) => {
    for (let i = 0; i < y.length; i++) y[i] = low + (high - low) * state.uniform()
  })
}

// input [any] of probabilities -> output alike; by inversion, from the smaller side, as numpy's binomial of one trial
function makeBernoulli(context: KernelContext): Kernel {
  return drawn(context, (y, state, p) => {
    for (let i = 0; i < y.length; i++) y[i] = p[i] === 0 ? 0 : p[i] <= 0.5 ? Number(state.uniform() > 1 - p[i]) : Number(state.uniform() <= p[i])
  })
}

// input [batch, classes] -> output [batch, sample_size]
function makeMultinomial(context: KernelContext): Kernel {
  const samples = int(context.attributes, 'sample_size', 1)
  drawnDtype(context, 'int32', () => true)
  return drawn(context, (y, state, logits) => {
    const batch = samples === 0 ? 0 : y.length / samples
    const classes = batch === 0 ? 0 : logits.length / batch
    for (let b = 0, o = 0; b < batch; b++) {
      const row = logits.subarray(b * classes, (b + 1) * classes)
      const largest = row.reduce((most, value) => Math.max(most, value), -Infinity)
      const weights = row.map((value) => exp(value - largest))
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      for (let s = 0; s < samples; s++, o++) {
        const target = state.uniform() * total
        let sum = 0
        let c = 0
        while (c < classes - 1 && (sum += weights[c]) <= target) c++
        y[o] = c
      }
    }
  })
}

/** A scalar of any float dtype. */
function scalarOf(input: View | undefined, fallback: number): number {
  if (input === undefined) return fallback
  const value = new Float64Array(1)
  castLoop(input.dtype, 'float64')(value, numbers(input), 1)
  return value[0]
}

// data [any], ratio [], training_mode [] -> output and mask alike
function makeDropout(context: KernelContext): Kernel {
  const seed = seedOf(float(context.attributes, 'seed', 0))
  const round = dtypeOf(context) === 'float64' ? (x: number): number => x : Math.fround
  return ([data, ratioInput, training], [output, mask]) => {
    const [x, y] = [numbers(data), numbers(output)]
    const isTraining = training !== undefined && numbers(training)[0] !== 0
    const ratio = isTraining ? scalarOf(ratioInput, 0.5) : 0
    const kept = mask === undefined ? undefined : numbers(mask)
    if (ratio === 0) {
      for (let i = 0; i < x.length; i++) y[i] = x[i]
      for (let i = 0; kept !== undefined && i < kept.length; i++) kept[i] = 1
      return
    }
    const state = randomState(seed)
    const scale = round(1 / (1 - ratio))
    for (let i = 0; i < x.length; i++) {
      const stays = state.uniform() >= ratio
      y[i] = stays ? x[i] * scale : 0
      if (kept !== undefined) kept[i] = Number(stays)
    }
  }
}

export const randomKernels: readonly (readonly [string, KernelEntry])[] = [
  ['Bernoulli', { make: makeBernoulli }],
  ['RandomNormal', { make: makeNormal }],
  ['RandomNormalLike', { make: makeNormal }],
  ['RandomUniform', { make: makeUniform }],
  ['RandomUniformLike', { make: makeUniform }],
  ['Multinomial', { make: makeMultinomial }],
  ['Dropout', { make: /* @__PURE__ */ widened(makeDropout, isHalf, 'float32', 1) }],
]
