// Attention kernels. Sums have one accumulator each, in the dtype, but for that of softmax, which has the partials of reductions; halves are computed in float32.
import { exp } from '../../math/exp.ts'
import { tanh } from '../../math/hyperbolic.ts'
import { logistic } from '../../math/logistic.ts'
import { expSingle, tanhSingle } from '../../math/single.ts'
import { MleError } from '../../error.ts'
import { broadcastStrides } from '../../tensor/shape.ts'
import { float, int, text } from '../attributes.ts'
import { headsOf, type Heads } from '../heads.ts'
import type { Kernel, KernelContext, KernelEntry, View } from '../kernel.ts'
import { attentionScale } from '../schemas/attention.ts'
import { dtypeOf, isHalf } from './elementwise.ts'
import { integers, view } from './moving.ts'
import { numbers, perShape, type Numbers } from './nest.ts'
import { widened } from './widen.ts'

const identity = (x: number): number => x
const roundingOf = (context: KernelContext): ((x: number) => number) => (dtypeOf(context) === 'float32' ? Math.fround : identity)

/** present [batch, heads, past + length, size] = past before new rows. */
function join(present: Numbers, past: View | undefined, fresh: Numbers, of: Heads, batches: number): void {
  const before = past === undefined ? 0 : past.shape[2]
  const old = past === undefined ? [] : numbers(past)
  for (let b = 0, o = 0, i = 0; b < batches; b++) {
    for (let h = 0; h < of.heads; h++) {
      for (let e = 0; e < before * of.size; e++) present[o++] = old[i++]
      for (let t = 0; t < of.length; t++) {
        const from = b * of.batchStep + h * of.headStep + t * of.rowStep
        for (let e = 0; e < of.size; e++) present[o++] = fresh[from + e]
      }
    }
  }
}

interface AttentionMemory {
  readonly keys: Numbers
  readonly values: Numbers
  readonly query: Numbers
  readonly scores: Numbers
  readonly partials: Numbers
  readonly maskSteps: readonly number[]
  readonly maskColumns: number
}

/** Softmax in place, its sum in the order of reductions; a row of -infinity becomes zeros. */
function softmaxRow(x: Numbers, n: number, partials: Numbers, round: (value: number) => number, exponential: (value: number) => number): void {
  let max = -Infinity
  for (let j = 0; j < n; j++) max = Math.max(max, x[j])
  for (let p = 0; p < 16; p++) partials[p] = 0
  for (let j = 0; j < n; j++) {
    x[j] = max === -Infinity ? 0 : exponential(round(x[j] - max))
    partials[j & 15] += x[j]
  }
  for (let half = 8; half >= 1; half >>= 1) for (let p = 0; p < half; p++) partials[p] += partials[p + half]
  if (max !== -Infinity) for (let j = 0; j < n; j++) x[j] /= partials[0]
}

// Q [batch, heads, queries, size], K [batch, kv heads, length, size], V [batch, kv heads, length, width] or packed -> Y like Q with width
function makeAttention(context: KernelContext): Kernel {
  const { attributes } = context
  const round = roundingOf(context)
  const causal = int(attributes, 'is_causal', 0) !== 0
  const softcap = round(float(attributes, 'softcap', 0))
  const [exponential, tangent] = dtypeOf(context) === 'float32' ? [expSingle, tanhSingle] : [exp, tanh]
  const mode = int(attributes, 'qk_matmul_output_mode', 0)
  const qHeads = int(attributes, 'q_num_heads', 0)
  const kvHeads = int(attributes, 'kv_num_heads', 0)
  const memory = perShape(([Q, K, V, mask, pastKey]): AttentionMemory => {
    const q = headsOf(view(Q), qHeads)
    const k = headsOf(view(K), kvHeads)
    const v = headsOf(view(V), kvHeads)
    const batches = view(Q).shape[0]
    const total = (pastKey === undefined ? 0 : pastKey.shape[2]) + k.length
    const shape = mask?.shape ?? []
    const columns = shape[shape.length - 1] ?? 1
    const make = (n: number): Numbers => (dtypeOf(context) === 'float32' ? new Float32Array(n) : new Float64Array(n))
    return {
      keys: make(batches * k.heads * total * k.size), values: make(batches * v.heads * total * v.size), query: make(q.size), scores: make(total), partials: make(16),
      maskSteps: broadcastStrides(shape, [batches, q.heads, q.length, columns]), maskColumns: columns,
    }
  })
  return (inputs, outputs) => {
    const [Q, K, V, mask, pastKey, pastValue, lengths] = inputs
    const [Y, presentKey, presentValue, matmul] = outputs
    const { keys, values, query, scores, partials, maskSteps, maskColumns } = memory(inputs, outputs)
    const q = headsOf(view(Q), qHeads)
    const k = headsOf(view(K), kvHeads)
    const v = headsOf(view(V), kvHeads)
    const batches = view(Q).shape[0]
    const past = pastKey === undefined ? 0 : pastKey.shape[2]
    const total = past + k.length
    const group = q.heads / k.heads
    const scale = round(Math.sqrt(attentionScale(context, q.size, false)))
    const known = lengths === undefined ? undefined : integers(lengths)
    join(keys, pastKey, numbers(K), k, batches)
    join(values, pastValue, numbers(V), v, batches)
    if (presentKey !== undefined) copy(numbers(presentKey), keys)
    if (presentValue !== undefined) copy(numbers(presentValue), values)
    for (let i = 0; i < keys.length; i++) keys[i] *= scale
    const [x, y, bias] = [numbers(Q), numbers(Y), mask === undefined ? [] : numbers(mask)]
    const isBool = mask?.dtype === 'bool'
    const yStep = view(Y).shape.length === 4 ? { head: q.length * v.size, row: v.size } : { head: v.size, row: q.heads * v.size }
    for (let b = 0, row = 0; b < batches; b++) {
      const visible = known === undefined ? total : known[b]
      const offset = pastKey === undefined && known !== undefined ? known[b] - q.length : past
      for (let h = 0; h < q.heads; h++) {
        const shared = b * k.heads + Math.floor(h / group)
        for (let i = 0; i < q.length; i++, row++) {
          for (let e = 0, at = b * q.batchStep + h * q.headStep + i * q.rowStep; e < q.size; e++) query[e] = x[at + e] * scale
          for (let j = 0, at = shared * total * k.size; j < total; j++, at += k.size) {
            let sum = 0
            for (let e = 0; e < q.size; e++) sum = round(sum + round(query[e] * keys[at + e]))
            scores[j] = sum
          }
          if (matmul !== undefined && mode === 0) put(matmul, row * total, scores)
          if (softcap > 0) for (let j = 0; j < total; j++) scores[j] = softcap * round(tangent(round(scores[j] / softcap)))
          if (matmul !== undefined && mode === 1) put(matmul, row * total, scores)
          const maskRow = mask === undefined ? 0 : b * maskSteps[0] + h * maskSteps[1] + i * maskSteps[2]
          for (let j = 0; j < total; j++) {
            const hidden = j >= visible || (causal && j > i + offset) || (mask !== undefined && (j >= maskColumns || (isBool && bias[maskRow + j * maskSteps[3]] === 0)))
            if (hidden) scores[j] = -Infinity
            else if (mask !== undefined && !isBool) scores[j] += bias[maskRow + j * maskSteps[3]]
          }
          if (matmul !== undefined && mode === 2) put(matmul, row * total, scores)
          softmaxRow(scores, total, partials, round, exponential)
          if (matmul !== undefined && mode === 3) put(matmul, row * total, scores)
          for (let c = 0, o = b * q.heads * q.length * v.size + h * yStep.head + i * yStep.row; c < v.size; c++) {
            let sum = 0
            for (let j = 0, at = shared * total * v.size + c; j < total; j++, at += v.size) if (scores[j] !== 0) sum = round(sum + round(scores[j] * values[at]))
            y[o + c] = sum
          }
        }
      }
    }
  }
}

function copy(to: Numbers, from: Numbers): void {
  for (let i = 0; i < to.length; i++) to[i] = from[i]
}

function put(output: View, at: number, row: Numbers): void {
  const y = numbers(output)
  for (let j = 0; j < row.length; j++) y[at + j] = row[j]
}

// X [batch, heads, steps, size] or [batch, steps, heads size], caches [positions, half] or [batch, steps, half] -> Y like X
function makeRotary(context: KernelContext): Kernel {
  const { attributes } = context
  const round = roundingOf(context)
  const interleaved = int(attributes, 'interleaved', 0) !== 0
  return ([X, cosines, sines, positions], [Y]) => {
    const of = headsOf(view(X), int(attributes, 'num_heads', 0))
    const turned = int(attributes, 'rotary_embedding_dim', 0) || of.size
    const half = turned / 2
    const batches = view(X).shape[0]
    const [x, y, cos, sin] = [numbers(X), numbers(Y), numbers(cosines), numbers(sines)]
    const ids = positions === undefined ? undefined : integers(positions)
    const rows = view(cosines).size / half
    for (let b = 0; b < batches; b++) {
      for (let t = 0; t < of.length; t++) {
        const id = ids === undefined ? b * of.length + t : ids[b * of.length + t]
        if (!(id >= 0 && id < rows)) throw new MleError('OP_INDEX', `position ${id} is outside a cache of ${rows}`, { expected: rows, actual: id })
        for (let h = 0; h < of.heads; h++) {
          const at = b * of.batchStep + h * of.headStep + t * of.rowStep
          for (let e = 0; e < half; e++) {
            const i = at + (interleaved ? 2 * e : e)
            const j = at + (interleaved ? 2 * e + 1 : e + half)
            const [c, s, p, q] = [cos[id * half + e], sin[id * half + e], x[i], x[j]]
            y[i] = round(c * p) - round(s * q)
            y[j] = round(s * p) + round(c * q)
          }
          for (let e = turned; e < of.size; e++) y[at + e] = x[at + e]
        }
      }
    }
  }
}

// query [batch, steps, heads size], key [batch, steps, kv heads size], value [batch, steps, kv heads width] -> output [batch, steps, heads width], state [batch, kv heads, size, width]
function makeLinearAttention(context: KernelContext): Kernel {
  const { attributes } = context
  const round = roundingOf(context)
  const rule = text(attributes, 'update_rule', 'gated_delta')
  const qHeads = int(attributes, 'q_num_heads', 1)
  const kvHeads = int(attributes, 'kv_num_heads', 1)
  const group = qHeads / kvHeads
  const stateOf = perShape(([Q, , V]) => new Float64Array((view(Q).shape[2] / qHeads) * (view(V).shape[2] / kvHeads) + view(V).shape[2] / kvHeads))
  return (inputs, outputs) => {
    const [Q, K, V, past, decays, betas, gates] = inputs
    const [output, present] = outputs
    const [batches, steps, columns] = view(Q).shape
    const size = columns / qHeads
    const width = view(V).shape[2] / kvHeads
    const scale = round(attentionScale(context, size, true))
    const [q, k, v, y] = [numbers(Q), numbers(K), numbers(V), numbers(output)]
    const state = stateOf(inputs, outputs)
    const update = size * width
    const decayColumns = decays === undefined ? 0 : decays.shape[2]
    const betaColumns = betas === undefined ? 0 : betas.shape[2]
    for (let b = 0; b < batches; b++) {
      for (let h = 0; h < kvHeads; h++) {
        const start = (b * kvHeads + h) * update
        for (let e = 0; e < update; e++) state[e] = past === undefined ? 0 : numbers(past)[start + e]
        for (let t = 0; t < steps; t++) {
          const at = b * steps + t
          const key = (at * kvHeads + h) * size
          if (decays !== undefined) {
            for (let d = 0; d < size; d++) {
              const factor = round(exp(numbers(decays)[at * decayColumns + (decayColumns === kvHeads ? h : h * size + d)]))
              for (let m = 0; m < width; m++) state[d * width + m] = round(state[d * width + m] * factor)
            }
          }
          for (let m = 0; m < width; m++) {
            let value = v[(at * kvHeads + h) * width + m]
            if (rule.endsWith('delta')) {
              let sum = 0
              for (let d = 0; d < size; d++) {
                const erase = gates === undefined ? k[key + d] : round(numbers(gates)[key + d] * k[key + d])
                sum = round(sum + round(state[d * width + m] * erase))
              }
              value = round(numbers(betas)[at * betaColumns + (betaColumns === 1 ? 0 : h)] * round(value - sum))
            }
            state[update + m] = value
          }
          for (let d = 0; d < size; d++) for (let m = 0; m < width; m++) state[d * width + m] = round(state[d * width + m] + round(k[key + d] * state[update + m]))
          for (let g = 0; g < group; g++) {
            const head = at * qHeads + h * group + g
            for (let m = 0; m < width; m++) {
              let sum = 0
              for (let d = 0; d < size; d++) sum = round(sum + round(q[head * size + d] * state[d * width + m]))
              y[head * width + m] = scale * sum
            }
          }
        }
        if (present !== undefined) for (let e = 0; e < update; e++) numbers(present)[start + e] = state[e]
      }
    }
  }
}

// input [batch, channels, length], weight [channels, 1, k], bias [channels], past_state [batch, channels, k - 1] -> output like the input, present_state
function makeCausalConv(context: KernelContext): Kernel {
  const round = roundingOf(context)
  const silu = text(context.attributes, 'activation', 'none') !== 'none'
  return ([input, weight, bias, past], [output, present]) => {
    const [batches, channels, length] = view(input).shape
    const k = view(weight).shape[2]
    const [x, w, y] = [numbers(input), numbers(weight), numbers(output)]
    for (let line = 0; line < batches * channels; line++) {
      const channel = line % channels
      /** Element t of the line, past ones before 0. */
      const at = (t: number): number => (t >= 0 ? x[line * length + t] : past === undefined ? 0 : numbers(past)[line * (k - 1) + t + k - 1])
      for (let t = 0; t < length; t++) {
        let sum = 0
        for (let j = 0; j < k; j++) sum = round(sum + round(w[channel * k + j] * at(t + j - k + 1)))
        if (bias !== undefined) sum = round(sum + numbers(bias)[channel])
        y[line * length + t] = silu ? sum * logistic(sum) : sum
      }
      if (present !== undefined) for (let j = 0; j < k - 1; j++) numbers(present)[line * (k - 1) + j] = at(length - k + 1 + j)
    }
  }
}

export const attentionKernels: readonly (readonly [string, KernelEntry])[] = [
  ['Attention', { make: /* @__PURE__ */ widened(makeAttention, isHalf) }],
  ['RotaryEmbedding', { make: /* @__PURE__ */ widened(makeRotary, isHalf) }],
  ['LinearAttention', { make: /* @__PURE__ */ widened(makeLinearAttention, isHalf) }],
  ['CausalConvWithState', { make: /* @__PURE__ */ widened(makeCausalConv, isHalf) }],
]
