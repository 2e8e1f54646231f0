// Attention against its formula, over the ways to hide positions; the variants that the formula shares are in the ONNX project's tests.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AttributeInput } from '../../../src/graph/builder.ts'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import { runOp } from '../../support/run-op.ts'

function noise(seed: number, shape: readonly number[]): Tensor {
  let state = seed * 2654435761 + 1
  return tensor(Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  }), shape)
}

const [BATCH, HEADS, KV, QUERIES, KEYS, SIZE, WIDTH] = [2, 4, 2, 3, 5, 4, 2]
const at = (t: Tensor, index: readonly number[]): number => Number(t.data[index.reduce((place, i, axis) => place * t.shape[axis] + i, 0)])
const [Q, K, V] = [noise(1, [BATCH, HEADS, QUERIES, SIZE]), noise(2, [BATCH, KV, KEYS, SIZE]), noise(3, [BATCH, KV, KEYS, WIDTH])]

/** Y with a bias for each batch, head, query and key. */
function formula(bias: (b: number, h: number, i: number, j: number) => number, softcap = 0): number[] {
  const out: number[] = []
  for (let b = 0; b < BATCH; b++) for (let h = 0; h < HEADS; h++) for (let i = 0; i < QUERIES; i++) {
    const shared = Math.floor(h / (HEADS / KV))
    const weights = Array.from({ length: KEYS }, (_, j) => {
      let score = 0
      for (let e = 0; e < SIZE; e++) score += at(Q, [b, h, i, e]) * at(K, [b, shared, j, e])
      score /= Math.sqrt(SIZE)
      return Math.exp((softcap > 0 ? softcap * Math.tanh(score / softcap) : score) + bias(b, h, i, j))
    })
    const sum = weights.reduce((a, c) => a + c, 0)
    for (let c = 0; c < WIDTH; c++) out.push(sum === 0 ? 0 : weights.reduce((total, weight, j) => total + (weight / sum) * at(V, [b, shared, j, c]), 0))
  }
  return out
}

async function check(inputs: readonly (Tensor | undefined)[], attributes: Record<string, AttributeInput>, want: readonly number[]): Promise<void> {
  const [Y] = await runOp('Attention', inputs, attributes, { outputs: 1 })
  want.forEach((value, i) => assert.ok(Math.abs(Number(Y.data[i]) - value) < 1e-13, `element ${i} is ${Y.data[i]}, expected ${value}`))
}

test('shared heads, masks, causal order, lengths, softcap', async () => {
  const mask = noise(4, [BATCH, 1, QUERIES, KEYS])
  const seen = Uint8Array.from({ length: QUERIES * KEYS }, (_, i) => (i < KEYS || i % 3 === 0 ? 0 : 1))
  const lengths = tensor(BigInt64Array.of(5n, 3n))
  await check([Q, K, V], {}, formula(() => 0))
  await check([Q, K, V], { softcap: 0.5 }, formula(() => 0, 0.5))
  await check([Q, K, V, mask], {}, formula((b, _h, i, j) => at(mask, [b, 0, i, j])))
  // The first query sees nothing.
  await check([Q, K, V, tensor(seen, [QUERIES, KEYS], 'bool')], {}, formula((_b, _h, i, j) => (seen[i * KEYS + j] ? 0 : -Infinity)))
  await check([Q, K, V], { is_causal: 1 }, formula((_b, _h, i, j) => (j <= i ? 0 : -Infinity)))
  await check([Q, K, V, undefined, undefined, undefined, lengths], {}, formula((b, _h, _i, j) => (j < [5, 3][b] ? 0 : -Infinity)))
  await check([Q, K, V, undefined, undefined, undefined, lengths], { is_causal: 1 }, formula((b, _h, i, j) => (j <= i + [5, 3][b] - QUERIES ? 0 : -Infinity)))
  // Columns that the mask does not have are hidden.
  const short = noise(5, [QUERIES, 2])
  await check([Q, K, V, short], {}, formula((_b, _h, i, j) => (j < 2 ? at(short, [i, j]) : -Infinity)))
})

test('past keys and values go before the new ones', async () => {
  const take = async (t: Tensor, from: number, to: number): Promise<Tensor> =>
    (await runOp('Slice', [t, tensor(BigInt64Array.of(BigInt(from))), tensor(BigInt64Array.of(BigInt(to))), tensor(BigInt64Array.of(2n))]))[0]
  const [Y, keys, values] = await runOp('Attention', [Q, await take(K, 2, 5), await take(V, 2, 5), undefined, await take(K, 0, 2), await take(V, 0, 2)], { is_causal: 1 }, { outputs: 3 })
  assert.deepEqual([keys, values], [K, V])
  formula((_b, _h, i, j) => (j <= i + 2 ? 0 : -Infinity)).forEach((value, i) => assert.ok(Math.abs(Number(Y.data[i]) - value) < 1e-13))
})

test('what does not fit is refused', async () => {
  await assert.rejects(runOp('Attention', [Q, K, V], { qk_matmul_output_mode: 4 }, { outputs: 1 }), { code: 'OP_ATTRIBUTE' })
  await assert.rejects(runOp('Attention', [noise(1, [2, 3, 4]), noise(2, [2, 3, 4]), noise(2, [2, 3, 4])], {}, { outputs: 1 }), { code: 'OP_ATTRIBUTE' })
  await assert.rejects(runOp('Attention', [Q, K, V, undefined, K], {}, { outputs: 1 }), { code: 'OP_INPUT' })
  await assert.rejects(runOp('Attention', [Q, noise(2, [BATCH, 3, KEYS, SIZE]), noise(3, [BATCH, 3, KEYS, WIDTH])], {}, { outputs: 1 }), { code: 'OP_DIMENSION' })
  const linear = [noise(1, [1, 2, 4]), noise(2, [1, 2, 4]), noise(3, [1, 2, 4])]
  await assert.rejects(runOp('LinearAttention', linear, { q_num_heads: 2, kv_num_heads: 2, update_rule: 'gated' }), { code: 'OP_INPUT' })
  await assert.rejects(runOp('LinearAttention', linear, { q_num_heads: 2, kv_num_heads: 2, update_rule: 'other' }), { code: 'OP_ATTRIBUTE' })
  await assert.rejects(runOp('CausalConvWithState', [noise(1, [1, 2, 4]), noise(2, [2, 1, 2])], { activation: 'relu' }), { code: 'OP_ATTRIBUTE' })
  await assert.rejects(runOp('RotaryEmbedding', [noise(1, [1, 1, 2, 4]), noise(2, [3, 2]), noise(3, [3, 2]), tensor(BigInt64Array.of(0n, 3n), [1, 2])]), { code: 'OP_INDEX' })
})
