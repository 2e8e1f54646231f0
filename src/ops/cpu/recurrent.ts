// Recurrent layers. A gate's sum has one accumulator: products with the input, then with the state, then biases; all rounded to the dtype.
import { MleError } from '../../error.ts'
import { softplus } from '../../math/activation.ts'
import { expm1 } from '../../math/expm1.ts'
import { tanh } from '../../math/hyperbolic.ts'
import { logistic } from '../../math/logistic.ts'
import { logisticSingle, tanhSingle } from '../../math/single.ts'
import { float, floats, int, text, texts } from '../attributes.ts'
import type { Kernel, KernelContext, KernelEntry } from '../kernel.ts'
import { RECURRENT_ACTIVATIONS } from '../schemas/recurrent.ts'
import type { Attributes } from '../types.ts'
import { dtypeOf, isHalf } from './elementwise.ts'
import { view } from './moving.ts'
import { numbers, perShape, type Numbers } from './nest.ts'
import { widened } from './widen.ts'

type Scalar = (x: number) => number

function activation(name: string, a: number, b: number, single: boolean): Scalar {
  switch (name) {
    case 'relu':
      return (x) => Math.max(0, x)
    case 'tanh':
      return single ? tanhSingle : tanh
    case 'sigmoid':
      return single ? logisticSingle : logistic
    case 'softsign':
      return (x) => x / (1 + Math.abs(x))
    case 'softplus':
      return softplus
    case 'affine':
      return (x) => a * x + b
    case 'leakyrelu':
      return (x) => (x < 0 ? a * x : x)
    case 'thresholdedrelu':
      return (x) => (x > a ? x : 0)
    case 'scaledtanh':
      return (x) => a * tanh(b * x)
    case 'hardsigmoid':
      return (x) => Math.max(0, Math.min(1, a * x + b))
    default:
      return (x) => (x < 0 ? a * expm1(x) : x)
  }
}

/**
 * The functions of each direction in order; parameters are taken from their lists by the functions that have them. What the gates' functions are given is clipped;
 * what an LSTM's cell state passes through on its way out is not, as in onnxruntime.
 */
function activationsOf(attributes: Attributes, defaults: readonly string[], round: Scalar, single: boolean): readonly (readonly Scalar[])[] {
  const directions = text(attributes, 'direction', 'forward') === 'bidirectional' ? 2 : 1
  const given = texts(attributes, 'activations') ?? []
  const names = given.length > 0 ? given : Array.from({ length: directions }, () => defaults).flat()
  const alphas = [...(floats(attributes, 'activation_alpha') ?? [])]
  const betas = [...(floats(attributes, 'activation_beta') ?? [])]
  const clip = float(attributes, 'clip', Infinity)
  const all = names.map((name, i): Scalar => {
    const parameters = RECURRENT_ACTIVATIONS.get(name.toLowerCase()) ?? {}
    const a = parameters.alpha === undefined ? 0 : (alphas.shift() ?? parameters.alpha)
    const b = parameters.beta === undefined ? 0 : (betas.shift() ?? parameters.beta)
    const f = activation(name.toLowerCase(), a, b, single)
    const isGate = i % defaults.length < 2
    return isGate && clip > 0 && clip < Infinity ? (x) => round(f(Math.min(clip, Math.max(-clip, x)))) : (x) => round(f(x))
  })
  return Array.from({ length: directions }, (_, d) => all.slice(d * defaults.length, (d + 1) * defaults.length))
}

/** What a cell reads and writes at one step of one sequence. */
interface Step {
  readonly hidden: number
  /** Sums over the input alone, then the step's gates. [gates hidden] */
  readonly sums: Numbers
  /** State before the step, and after it. [hidden] */
  readonly before: Numbers
  readonly state: Numbers
  /** Cell state of an LSTM. */
  readonly cell: Numbers
  readonly R: Numbers
  rAt: number
  readonly P: Numbers | undefined
  pAt: number
  /** Bias of gate row g; 0 without biases. */
  readonly bias: (row: number) => number
  readonly inputBias: (row: number) => number
  readonly stateBias: (row: number) => number
}

type Cell = (step: Step, functions: readonly Scalar[]) => void

/** x . row + start, in order. */
function dot(start: number, x: Numbers, i: number, w: Numbers, j: number, n: number, round: Scalar): number {
  let sum = start
  for (let e = 0; e < n; e++) sum = round(sum + round(x[i + e] * w[j + e]))
  return sum
}

const lstmCell = (attributes: Attributes, round: Scalar): Cell => {
  const coupled = int(attributes, 'input_forget', 0) !== 0
  return ({ hidden: n, sums, before, state, cell, R, rAt, P, pAt, bias }, [f, g, h]) => {
    for (let row = 0; row < 4 * n; row++) sums[row] = round(dot(sums[row], before, 0, R, rAt + row * n, n, round) + bias(row))
    for (let e = 0; e < n; e++) {
      const peep = (gate: number, value: number): number => (P === undefined ? 0 : round(P[pAt + gate * n + e] * value))
      const input = f(round(sums[e] + peep(0, cell[e])))
      const forget = coupled ? round(1 - input) : f(round(sums[2 * n + e] + peep(2, cell[e])))
      cell[e] = round(round(forget * cell[e]) + round(input * g(sums[3 * n + e])))
      state[e] = f(round(sums[n + e] + peep(1, cell[e]))) * h(cell[e])
    }
  }
}

const gruCell = (attributes: Attributes, round: Scalar): Cell => {
  const linear = int(attributes, 'linear_before_reset', 0) !== 0
  return ({ hidden: n, sums, before, state, cell, R, rAt, bias, inputBias, stateBias }, [f, g]) => {
    for (let row = 0; row < 2 * n; row++) sums[row] = f(round(dot(sums[row], before, 0, R, rAt + row * n, n, round) + bias(row)))
    for (let e = 0; e < n; e++) cell[e] = before[e] * sums[n + e]
    for (let e = 0; e < n; e++) {
      const row = 2 * n + e
      const at = rAt + row * n
      const value = linear
        ? round(round(sums[row] + round(sums[n + e] * round(dot(0, before, 0, R, at, n, round) + stateBias(row)))) + inputBias(row))
        : round(dot(sums[row], cell, 0, R, at, n, round) + bias(row))
      state[e] = round(round(1 - sums[e]) * g(value)) + round(sums[e] * before[e])
    }
  }
}

const rnnCell = (_attributes: Attributes, round: Scalar): Cell => ({ hidden: n, sums, before, state, R, rAt, bias }, [f]) => {
  for (let e = 0; e < n; e++) state[e] = f(round(dot(sums[e], before, 0, R, rAt + e * n, n, round) + bias(e)))
}

// X [steps, batch, features], W [directions, gates hidden, features], R [directions, gates hidden, hidden] -> Y [steps, directions, batch, hidden], Y_h, Y_c [directions, batch, hidden]
const layer = (gates: number, defaults: readonly string[], cellOf: (attributes: Attributes, round: Scalar) => Cell) => (context: KernelContext): Kernel => {
  const { attributes } = context
  const single = dtypeOf(context) === 'float32'
  const round: Scalar = single ? Math.fround : (x) => x
  const functions = activationsOf(attributes, defaults, round, single)
  const cell = cellOf(attributes, round)
  const batchFirst = int(attributes, 'layout', 0) !== 0
  const backwards = text(attributes, 'direction', 'forward') === 'reverse'
  const memory = perShape(([, , R]) => {
    const n = view(R).shape[2]
    const make = (length: number): Numbers => (single ? new Float32Array(length) : new Float64Array(length))
    return { sums: make(gates * n), before: make(n), state: make(n), cell: make(n) }
  })
  return (inputs, outputs) => {
    const [X, W, R, B, lengths, initialH, initialC, P] = inputs
    const [Y, finalH, finalC] = outputs
    const [first, second, features] = view(X).shape
    const [steps, batches] = batchFirst ? [second, first] : [first, second]
    const [directions, rows, n] = view(R).shape
    const [x, w] = [numbers(X), numbers(W)]
    const b = B === undefined ? undefined : numbers(B)
    let bAt = 0
    const inputBias = (row: number): number => (b === undefined ? 0 : b[bAt + row])
    const stateBias = (row: number): number => (b === undefined ? 0 : b[bAt + rows + row])
    const bias = (row: number): number => (b === undefined ? 0 : round(b[bAt + row] + b[bAt + rows + row]))
    const step: Step = { ...memory(inputs, outputs), hidden: n, R: numbers(R), rAt: 0, P: P === undefined ? undefined : numbers(P), pAt: 0, bias, inputBias, stateBias }
    const { sums, before, state, cell: memoryCell } = step
    const y = Y === undefined ? undefined : numbers(Y)
    if (y !== undefined) for (let i = 0; i < y.length; i++) y[i] = 0
    for (let d = 0; d < directions; d++) {
      bAt = d * 2 * rows
      step.rAt = d * rows * n
      step.pAt = d * 3 * n
      for (let s = 0; s < batches; s++) {
        const length = lengths === undefined ? steps : numbers(lengths)[s]
        if (!(length >= 0 && length <= steps)) throw new MleError('OP_INDEX', `sequence ${s} has length ${length}, the input has ${steps} steps`, { expected: steps, actual: length })
        const stateAt = (batchFirst ? s * directions + d : d * batches + s) * n
        for (let e = 0; e < n; e++) {
          state[e] = initialH === undefined ? 0 : numbers(initialH)[stateAt + e]
          memoryCell[e] = initialC === undefined ? 0 : numbers(initialC)[stateAt + e]
        }
        for (let i = 0; i < length; i++) {
          const t = backwards || d === 1 ? length - 1 - i : i
          const from = (batchFirst ? s * steps + t : t * batches + s) * features
          for (let e = 0; e < n; e++) before[e] = state[e]
          for (let row = 0; row < rows; row++) sums[row] = dot(0, x, from, w, (d * rows + row) * features, features, round)
          cell(step, functions[d])
          if (y === undefined) continue
          const to = (batchFirst ? (s * steps + t) * directions + d : (t * directions + d) * batches + s) * n
          for (let e = 0; e < n; e++) y[to + e] = state[e]
        }
        for (let e = 0; e < n; e++) {
          if (finalH !== undefined) numbers(finalH)[stateAt + e] = state[e]
          if (finalC !== undefined) numbers(finalC)[stateAt + e] = memoryCell[e]
        }
      }
    }
  }
}

export const recurrentKernels: readonly (readonly [string, KernelEntry])[] = [
  ['LSTM', { make: /* @__PURE__ */ widened(/* @__PURE__ */ layer(4, ['Sigmoid', 'Tanh', 'Tanh'], lstmCell), isHalf) }],
  ['GRU', { make: /* @__PURE__ */ widened(/* @__PURE__ */ layer(3, ['Sigmoid', 'Tanh'], gruCell), isHalf) }],
  ['RNN', { make: /* @__PURE__ */ widened(/* @__PURE__ */ layer(1, ['Tanh'], rnnCell), isHalf) }],
]
