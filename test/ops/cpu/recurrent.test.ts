// Recurrent layers against their formulas with numbers in nested arrays.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AttributeInput } from '../../../src/graph/builder.ts'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import { runOp } from '../../support/run-op.ts'

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** Numbers in [-1, 1) that only depend on the seed. */
function noise(seed: number, shape: readonly number[]): Tensor {
  let state = seed * 2654435761 + 1
  const data = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
  return tensor(data, shape)
}

interface Layer {
  readonly X: Tensor
  readonly W: Tensor
  readonly R: Tensor
  readonly B?: Tensor
  readonly lengths?: readonly number[]
  readonly h?: Tensor
  readonly c?: Tensor
  readonly P?: Tensor
}

const at = (t: Tensor | undefined, index: readonly number[]): number => (t === undefined ? 0 : Number(t.data[index.reduce((place, i, axis) => place * t.shape[axis] + i, 0)]))

interface Options {
  readonly linear?: boolean
  readonly clip?: number
  readonly coupled?: boolean
}

/** State after one step of sequence s in direction d. */
function stepOf(op: string, { X, W, R, B, P }: Layer, { linear = false, clip = Infinity, coupled = false }: Options, d: number, s: number, t: number, h: readonly number[], c: readonly number[]): { h: number[]; c: number[] } {
  const n = h.length
  const gates = R.shape[1] / n
  const cut = (x: number): number => Math.min(clip, Math.max(-clip, x))
  const input = (row: number): number => Array.from({ length: X.shape[2] }, (_, e) => at(X, [t, s, e]) * at(W, [d, row, e])).reduce((a, b) => a + b, at(B, [d, row]))
  const state = (row: number, from: readonly number[]): number => from.reduce((sum, value, e) => sum + value * at(R, [d, row, e]), at(B, [d, gates * n + row]))
  const units = Array.from({ length: n }, (_, e) => e)
  if (op === 'RNN') return { h: units.map((e) => Math.tanh(cut(input(e) + state(e, h)))), c: [] }
  if (op === 'GRU') {
    const reset = units.map((e) => sigmoid(cut(input(n + e) + state(n + e, h))))
    return {
      h: units.map((e) => {
        const z = sigmoid(cut(input(e) + state(e, h)))
        const product = linear ? reset[e] * state(2 * n + e, h) : state(2 * n + e, h.map((value, i) => value * reset[i]))
        return (1 - z) * Math.tanh(cut(input(2 * n + e) + product)) + z * h[e]
      }),
      c: [],
    }
  }
  const next = units.map((e) => {
    const i = sigmoid(cut(input(e) + state(e, h) + at(P, [d, e]) * c[e]))
    const f = coupled ? 1 - i : sigmoid(cut(input(2 * n + e) + state(2 * n + e, h) + at(P, [d, 2 * n + e]) * c[e]))
    return f * c[e] + i * Math.tanh(cut(input(3 * n + e) + state(3 * n + e, h)))
  })
  // The state itself is not clipped, as in onnxruntime.
  return { h: units.map((e) => sigmoid(cut(input(n + e) + state(n + e, h) + at(P, [d, n + e]) * next[e])) * Math.tanh(next[e])), c: next }
}

function layerOf(op: string, layer: Layer, direction: string, options: Options): { Y: number[]; H: number[]; C: number[] } {
  const [steps, batches] = layer.X.shape
  const [directions, , n] = layer.R.shape
  const Y = new Array<number>(steps * directions * batches * n).fill(0)
  const [H, C]: number[][] = [[], []]
  for (let d = 0; d < directions; d++) {
    for (let s = 0; s < batches; s++) {
      let h = Array.from({ length: n }, (_, e) => at(layer.h, [d, s, e]))
      let c = Array.from({ length: n }, (_, e) => at(layer.c, [d, s, e]))
      const length = layer.lengths?.[s] ?? steps
      for (let i = 0; i < length; i++) {
        const t = direction === 'reverse' || d === 1 ? length - 1 - i : i
        const result = stepOf(op, layer, options, d, s, t, h, c)
        h = result.h
        c = result.c
        h.forEach((value, e) => (Y[((t * directions + d) * batches + s) * n + e] = value))
      }
      H.push(...h)
      C.push(...c)
    }
  }
  return { Y, H, C }
}

function assertClose(got: Tensor, want: readonly number[], tolerance: number, where: string): void {
  assert.equal(got.data.length, want.length, where)
  want.forEach((value, i) => assert.ok(Math.abs(Number(got.data[i]) - value) <= tolerance, `${where}: element ${i} is ${got.data[i]}, expected ${value}`))
}

const [STEPS, BATCHES, FEATURES, HIDDEN] = [4, 3, 2, 3]
const GATES = new Map([['LSTM', 4], ['GRU', 3], ['RNN', 1]])

for (const [op, gates] of GATES) {
  for (const direction of ['forward', 'reverse', 'bidirectional']) {
    test(`${op} ${direction}: all inputs, lengths of sequences, both precisions`, async () => {
      const d = direction === 'bidirectional' ? 2 : 1
      const full: Layer = {
        X: noise(1, [STEPS, BATCHES, FEATURES]), W: noise(2, [d, gates * HIDDEN, FEATURES]), R: noise(3, [d, gates * HIDDEN, HIDDEN]), B: noise(4, [d, 2 * gates * HIDDEN]),
        lengths: [4, 1, 3], h: noise(5, [d, BATCHES, HIDDEN]), c: op === 'LSTM' ? noise(6, [d, BATCHES, HIDDEN]) : undefined, P: op === 'LSTM' ? noise(7, [d, 3 * HIDDEN]) : undefined,
      }
      const variants: readonly (readonly [Layer, Options])[] = [[full, {}], [{ X: full.X, W: full.W, R: full.R }, {}], [full, { clip: 0.25 }], [full, op === 'GRU' ? { linear: true } : { coupled: op === 'LSTM' }]]
      for (const [layer, options] of variants) {
        const want = layerOf(op, layer, direction, options)
        for (const dtype of ['float64', 'float32'] as const) {
          const typed = (t: Tensor | undefined): Tensor | undefined => (t === undefined || dtype === 'float64' ? t : tensor(Float32Array.from(t.data as Float64Array), t.shape))
          const lengths = layer.lengths === undefined ? undefined : tensor(Int32Array.from(layer.lengths))
          const inputs = [typed(layer.X), typed(layer.W), typed(layer.R), typed(layer.B), lengths, typed(layer.h), ...(op === 'LSTM' ? [typed(layer.c), typed(layer.P)] : [])]
          const attributes: Record<string, AttributeInput> = { direction, hidden_size: HIDDEN }
          if (options.clip !== undefined) attributes.clip = options.clip
          if (options.linear) attributes.linear_before_reset = 1
          if (options.coupled) attributes.input_forget = 1
          const [Y, H, C] = await runOp(op, inputs, attributes)
          const tolerance = dtype === 'float64' ? 1e-12 : 2e-6
          assert.deepEqual(Y.shape, [STEPS, d, BATCHES, HIDDEN])
          assertClose(Y, want.Y, tolerance, `${dtype} Y`)
          assertClose(H, want.H, tolerance, `${dtype} Y_h`)
          if (op === 'LSTM') assertClose(C, want.C, tolerance, `${dtype} Y_c`)
        }
      }
    })
  }

  test(`${op}: batch first is the same with axes exchanged`, async () => {
    const [W, R] = [noise(2, [2, gates * HIDDEN, FEATURES]), noise(3, [2, gates * HIDDEN, HIDDEN])]
    const X = noise(1, [STEPS, BATCHES, FEATURES])
    const swap = async (t: Tensor, perm: readonly number[]): Promise<Tensor> => (await runOp('Transpose', [t], { perm }))[0]
    const attributes = { direction: 'bidirectional', hidden_size: HIDDEN }
    const [Y, H] = await runOp(op, [X, W, R], attributes)
    const [first, last] = await runOp(op, [await swap(X, [1, 0, 2]), W, R], { ...attributes, layout: 1 })
    assert.deepEqual(first, await swap(Y, [2, 0, 1, 3]))
    assert.deepEqual(last, await swap(H, [1, 0, 2]))
  })
}

test('activations take their parameters in order', async () => {
  const X = tensor(Float64Array.of(0.5), [1, 1, 1])
  const W = tensor(Float64Array.of(1, 2), [2, 1, 1])
  const R = tensor(Float64Array.of(0, 0), [2, 1, 1])
  const run = async (activations: readonly string[], alpha: readonly number[], beta: readonly number[] = []): Promise<number[]> =>
    Array.from((await runOp('RNN', [X, W, R], { direction: 'bidirectional', hidden_size: 1, activations, activation_alpha: alpha, activation_beta: beta }))[0].data, Number)
  assert.deepEqual(await run(['Affine', 'affine'], [2, 3], [10, 20]), [11, 23])
  assert.deepEqual(await run(['Relu', 'ThresholdedRelu'], [2]), [0.5, 0])
  assert.deepEqual(await run(['Softsign', 'HardSigmoid'], [], []), [0.5 / 1.5, 0.7])
  assert.deepEqual(await run(['LeakyRelu', 'Elu'], []), [0.5, 1])
  const [scaled, soft] = await run(['ScaledTanh', 'Softplus'], [2], [3])
  assert.ok(Math.abs(scaled - 2 * Math.tanh(1.5)) < 1e-15 && Math.abs(soft - Math.log1p(Math.E)) < 1e-15)
  await assert.rejects(run(['Relu', 'Sine'], []), { code: 'OP_ATTRIBUTE' })
  await assert.rejects(run(['Relu'], []), { code: 'OP_ATTRIBUTE' })
})

test('lengths beyond the input are refused', async () => {
  const [X, W, R] = [noise(1, [2, 1, 1]), noise(2, [1, 1, 1]), noise(3, [1, 1, 1])]
  await assert.rejects(runOp('RNN', [X, W, R, undefined, tensor(Int32Array.of(3))], { hidden_size: 1 }), { code: 'OP_INDEX' })
})
