// Recurrent layers: kernels of wasm against cpu's, bit for bit, never through the fallback.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AttributeInput } from '../../../src/graph/builder.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import type { Example } from '../cases.ts'
import { assertEqual, everyBlockStayed, everyOperatorComputed, noise, wasmOnly } from './equal.ts'

const GATES = new Map([['LSTM', 4], ['GRU', 3], ['RNN', 1]])
const FUNCTIONS = new Map([['LSTM', 3], ['GRU', 2], ['RNN', 1]])

interface Drawn {
  readonly dtype: 'float32' | 'float64'
  readonly sizes: readonly [steps: number, batches: number, features: number, hidden: number]
  readonly direction: 'forward' | 'reverse' | 'bidirectional'
  readonly layout: number
  readonly hasBias: boolean
  readonly hasState: boolean
  readonly hasLengths: boolean
  /** GRU: the linear form. */
  readonly other: boolean
  readonly functions: 'usual' | 'relu' | 'hard'
  readonly special: number
  readonly seed: number
}

function check(op: string, { dtype, sizes, direction, layout, hasBias, hasState, hasLengths, other, functions, special, seed }: Drawn): Promise<void> {
  const [steps, batches, features, hidden] = sizes
  const gates = GATES.get(op) ?? 1
  const directions = direction === 'bidirectional' ? 2 : 1
  const state = layout === 1 ? [batches, directions, hidden] : [directions, batches, hidden]
  const lengths: Tensor = { dtype: 'int32', shape: [batches], data: Int32Array.from({ length: batches }, (_, s) => Math.max(0, steps - ((seed + s) % (steps + 1)))) }
  const of = (n: number, shape: readonly number[]): Tensor => noise(seed + n, dtype, shape, special, 1)
  const inputs = [
    { tensor: of(1, layout === 1 ? [batches, steps, features] : [steps, batches, features]) },
    { tensor: of(2, [directions, gates * hidden, features]), constant: true }, { tensor: of(3, [directions, gates * hidden, hidden]), constant: true },
    hasBias ? { tensor: of(4, [directions, 2 * gates * hidden]), constant: true } : undefined, hasLengths ? { tensor: lengths } : undefined,
    ...(hasState ? [{ tensor: of(5, state) }, ...(op === 'LSTM' ? [{ tensor: of(6, state) }] : [])] : []),
  ]
  while (inputs[inputs.length - 1] === undefined) inputs.pop()
  const attributes: Record<string, AttributeInput> = { direction, layout, hidden_size: hidden }
  if (other && op === 'GRU') attributes.linear_before_reset = 1
  const own = functions === 'relu' ? ['Sigmoid', 'Relu', 'Relu'] : ['HardSigmoid', 'Tanh', 'Tanh']
  if (functions !== 'usual') attributes.activations = Array.from({ length: directions }, () => own.slice(op === 'RNN' && functions === 'relu' ? 1 : 0).slice(0, FUNCTIONS.get(op))).flat()
  if (functions === 'hard' && seed % 2 === 0) {
    attributes.activation_alpha = Array.from({ length: directions }, (_, d) => 0.25 + d)
    attributes.activation_beta = Array.from({ length: directions }, (_, d) => 0.5 - d / 8)
  }
  return assertEqual(op, { inputs, attributes, outputs: op === 'LSTM' ? 3 : 2 }, wasmOnly)
}

const count = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max })

for (const op of GATES.keys()) {
  test(`wasm: ${op} has cpu's bits`, async () => {
    const drawn = fc.record({
      dtype: fc.constantFrom('float32' as const, 'float64' as const), sizes: fc.tuple(count(6), count(5), count(9), count(11)), direction: fc.constantFrom('forward' as const, 'reverse' as const, 'bidirectional' as const),
      layout: fc.integer({ min: 0, max: 1 }), hasBias: fc.boolean(), hasState: fc.boolean(), hasLengths: fc.boolean(), other: fc.boolean(), functions: fc.constantFrom('usual' as const, 'relu' as const, 'hard' as const), special: fc.constantFrom(0, 0, 0, 0.02), seed: fc.integer({ min: 0, max: 1e6 }),
    })
    await fc.assert(fc.asyncProperty(drawn, (example) => check(op, example)), { numRuns: 70 })
  })

  test(`wasm: ${op} over several blocks of sequences and steps has cpu's bits`, async () => {
    const plain = { dtype: 'float32', direction: 'bidirectional', layout: 0, hasBias: true, hasState: true, hasLengths: false, other: false, functions: 'usual', special: 0, seed: 3 } as const
    await check(op, { ...plain, sizes: [70, 19, 5, 37] })
  })
}

test('functions of other kinds, peepholes and weights that are computed are left to cpu', async () => {
  const [X, W, R, P] = [noise(1, 'float32', [3, 2, 4], 0), noise(2, 'float32', [1, 20, 4], 0), noise(3, 'float32', [1, 20, 5], 0), noise(4, 'float32', [1, 15], 0)]
  const weights = [{ tensor: W, constant: true }, { tensor: R, constant: true }]
  const examples: readonly Example[] = [
    { inputs: [{ tensor: X }, ...weights], attributes: { activations: ['Sigmoid', 'Softsign', 'Tanh'] } },
    { inputs: [{ tensor: X }, ...weights], attributes: { clip: 0.5 } },
    { inputs: [{ tensor: X }, ...weights, undefined, undefined, undefined, undefined, { tensor: P, constant: true }] },
    { inputs: [{ tensor: X }, { tensor: W }, { tensor: R }] },
  ]
  for (const example of examples) {
    await assertEqual('LSTM', { ...example, outputs: 3 })
    await assert.rejects(assertEqual('LSTM', { ...example, outputs: 3 }, wasmOnly), /left to cpu/)
  }
})

everyOperatorComputed('recurrent')
everyBlockStayed('LSTM', 'GRU', 'RNN')
