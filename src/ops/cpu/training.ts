// Steps of optimizers, each operation rounded to the dtype of the tensors.
import { pow } from '../../math/pow.ts'
import { float, text } from '../attributes.ts'
import type { KernelContext, KernelEntry, View } from '../kernel.ts'
import { optimizedCount } from '../schemas/training.ts'
import { view } from './moving.ts'
import { numbers, type Numbers } from './nest.ts'
import { wideToNumber } from './wide.ts'

type Round = (x: number) => number

/** One tensor's step: element i of x, gradient g, and the kept tensors, into the outputs in their order. */
type Update = (x: Numbers, g: Numbers, kept: readonly Numbers[], out: readonly Numbers[], size: number, round: Round) => void

/** `prepare` gets the rate R and the number of updates T; `kinds` groups of inputs. */
function stepEntry(kinds: number, prepare: (context: KernelContext) => (rate: number, updates: number, round: Round) => Update): KernelEntry {
  return {
    make(context) {
      const plan = prepare(context)
      return (inputs, outputs) => {
        const count = optimizedCount(inputs.length, kinds)
        const updates = wideToNumber(numbers(inputs[1]), 0)
        for (let i = 0; i < count; i++) {
          const x = view(inputs[2 + i])
          const round: Round = x.dtype === 'float64' ? (value) => value : Math.fround
          const at = (group: number): View => view(inputs[2 + group * count + i])
          const kept = Array.from({ length: kinds - 2 }, (_, k) => numbers(at(2 + k)))
          const out = Array.from({ length: kinds - 1 }, (_, k) => numbers(outputs[k * count + i]))
          plan(numbers(inputs[0])[0], updates, round)(numbers(x), numbers(at(1)), kept, out, x.size, round)
        }
      }
    },
  }
}

// R [], T [], then X, G, H [any]
const adagrad: KernelEntry = /* @__PURE__ */ stepEntry(3, ({ attributes }) => {
  const decay = float(attributes, 'decay_factor', 0)
  const epsilon = float(attributes, 'epsilon', 1e-6)
  const norm = float(attributes, 'norm_coefficient', 0)
  return (rate, updates, round) => {
    const r = round(rate / round(1 + round(updates * round(decay))))
    return (x, g, [h], [xOut, hOut], size) => {
      for (let i = 0; i < size; i++) {
        const slope = round(round(round(norm) * x[i]) + g[i])
        const sum = round(h[i] + round(slope * slope))
        xOut[i] = x[i] - round(round(r * slope) / round(round(Math.sqrt(sum)) + round(epsilon)))
        hOut[i] = sum
      }
    }
  }
})

// R [], T [], then X, G, V, H [any]
const adam: KernelEntry = /* @__PURE__ */ stepEntry(4, ({ attributes }) => {
  const [alpha, beta, epsilon, norm, post] = [['alpha', 0.9], ['beta', 0.999], ['epsilon', 1e-6], ['norm_coefficient', 0], ['norm_coefficient_post', 0]].map(([name, value]) => float(attributes, String(name), Number(value)))
  return (rate, updates, round) => {
    const [a, b] = [round(alpha), round(beta)]
    const r = updates > 0 ? round(round(rate * round(Math.sqrt(round(1 - round(pow(b, updates)))))) / round(1 - round(pow(a, updates)))) : rate
    return (x, g, [v, h], [xOut, vOut, hOut], size) => {
      for (let i = 0; i < size; i++) {
        const slope = round(round(round(norm) * x[i]) + g[i])
        const mean = round(round(a * v[i]) + round(round(1 - a) * slope))
        const square = round(round(b * h[i]) + round(round(1 - b) * round(slope * slope)))
        const moved = round(x[i] - round(round(r * mean) / round(round(Math.sqrt(square)) + round(epsilon))))
        xOut[i] = round(1 - round(post)) * moved
        vOut[i] = mean
        hOut[i] = square
      }
    }
  }
})

// R [], T [], then X, G, V [any]
const momentum: KernelEntry = /* @__PURE__ */ stepEntry(3, ({ attributes }) => {
  const [alpha, beta, norm] = [float(attributes, 'alpha', 0.9), float(attributes, 'beta', 1), float(attributes, 'norm_coefficient', 0)]
  const nesterov = text(attributes, 'mode', 'standard') === 'nesterov'
  return (rate, updates, round) => {
    const [a, b] = [round(alpha), updates > 0 ? round(beta) : 1]
    return (x, g, [v], [xOut, vOut], size) => {
      for (let i = 0; i < size; i++) {
        const slope = round(round(round(norm) * x[i]) + g[i])
        const speed = round(round(a * v[i]) + round(b * slope))
        xOut[i] = x[i] - round(rate * (nesterov ? round(slope + round(a * speed)) : speed))
        vOut[i] = speed
      }
    }
  }
})

export const trainingKernels: readonly (readonly [string, KernelEntry])[] = [
  ['ai.onnx.preview.training.Adagrad', adagrad],
  ['ai.onnx.preview.training.Adam', adam],
  ['ai.onnx.preview.training.Momentum', momentum],
]
