// Quantization, and products and convolutions of bytes: kernels of wasm against cpu's, never through the fallback.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import type { OpInput } from '../../support/run-op.ts'
import { assertEqual, everyBlockStayed, everyOperatorComputed, noise, wasmOnly } from './equal.ts'

type ByteType = 'int8' | 'uint8'

function bytes(dtype: ByteType, shape: readonly number[], seed: number): Tensor {
  const values = noise(seed, 'float32', shape, 0, 128).data as Float32Array
  return { dtype, shape, data: dtype === 'int8' ? Int8Array.from(values, Math.floor) : Uint8Array.from(values, (value) => Math.floor(value + 128)) }
}

/** Scales are positive; sometimes an odd one. */
function scales(shape: readonly number[], seed: number, odd: boolean): Tensor {
  const data = (noise(seed, 'float32', shape, 0, 1).data as Float32Array).map((value) => Math.abs(value) * 0.05 + 1e-4)
  if (odd && data.length > 0) data[seed % data.length] = [NaN, Infinity, 0, 1e-38][seed % 4]
  return { dtype: 'float32', shape, data }
}

const fixed = (tensor: Tensor): OpInput => ({ tensor, constant: true })
const dtype = fc.constantFrom<ByteType>('int8', 'uint8')
const count = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max })
const seeds = fc.integer({ min: 0, max: 1e6 })

test('wasm: QLinearMatMul has cpu\'s bits', async () => {
  await fc.assert(fc.asyncProperty(fc.tuple(dtype, dtype, dtype), fc.tuple(count(9), count(40), count(21)), fc.boolean(), fc.boolean(), fc.boolean(), seeds, ([a, b, y], [rows, depth, columns], perColumn, stack, odd, seed) => assertEqual('QLinearMatMul', {
    inputs: [
      { tensor: bytes(a, stack ? [2, rows, depth] : [rows, depth], seed) }, { tensor: scales([], seed + 1, false) }, { tensor: bytes(a, [], seed + 2) },
      fixed(bytes(b, [depth, columns], seed + 3)), fixed(scales(perColumn ? [columns] : [], seed + 4, odd)), fixed(bytes(b, perColumn ? [columns] : [], seed + 5)), { tensor: scales([], seed + 6, odd) }, { tensor: bytes(y, [], seed + 7) },
    ],
  }, wasmOnly)), { numRuns: 120 })
})

interface Drawn {
  readonly types: readonly [ByteType, ByteType, ByteType]
  readonly sizes: readonly [batch: number, groups: number, channels: number, features: number]
  readonly spatial: readonly (readonly [dim: number, kernel: number, stride: number, dilation: number, before: number, after: number])[]
  readonly perFeature: boolean
  readonly hasBias: boolean
  readonly odd: boolean
  readonly seed: number
}

const axis = fc.tuple(fc.integer({ min: 5, max: 14 }), count(3), count(2), count(2), fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 }))
const conv: fc.Arbitrary<Drawn> = fc.record({
  types: fc.tuple(dtype, dtype, dtype), sizes: fc.tuple(count(2), count(3), count(5), count(6)), spatial: fc.array(axis, { minLength: 1, maxLength: 3 }), perFeature: fc.boolean(), hasBias: fc.boolean(), odd: fc.boolean(), seed: seeds,
})

async function check(form: 'ConvInteger' | 'QLinearConv', { types: [x, w, y], sizes: [batch, groups, channels, features], spatial, perFeature, hasBias, odd, seed }: Drawn): Promise<void> {
  const all = groups * features
  const input = bytes(x, [batch, groups * channels, ...spatial.map(([dim]) => dim)], seed)
  const weights = fixed(bytes(w, [all, channels, ...spatial.map(([, kernel]) => kernel)], seed + 1))
  const attributes = { group: groups, strides: spatial.map((own) => own[2]), dilations: spatial.map((own) => own[3]), pads: [...spatial.map((own) => own[4]), ...spatial.map((own) => own[5])] }
  const zeroX = { tensor: bytes(x, [], seed + 2) }
  const zeroW = fixed(bytes(w, perFeature ? [all] : [], seed + 3))
  if (form === 'ConvInteger') return assertEqual(form, { inputs: [{ tensor: input }, weights, ...(hasBias ? [zeroX, zeroW] : [])], attributes }, wasmOnly)
  const bias: Tensor = { dtype: 'int32', shape: [all], data: Int32Array.from(noise(seed + 8, 'float32', [all], 0, 1e5).data as Float32Array) }
  await assertEqual(form, {
    inputs: [
      { tensor: input }, { tensor: scales([], seed + 4, false) }, zeroX, weights, fixed(scales(perFeature ? [all] : [], seed + 5, odd)), zeroW, { tensor: scales([], seed + 6, odd) }, { tensor: bytes(y, [], seed + 7) },
      ...(hasBias ? [fixed(bias)] : []),
    ],
    attributes,
  }, wasmOnly)
}

for (const form of ['ConvInteger', 'QLinearConv'] as const) {
  test(`wasm: ${form} has cpu's bits`, async () => {
    await fc.assert(fc.asyncProperty(conv, (drawn) => check(form, drawn)), { numRuns: 120 })
  })

  test(`wasm: ${form} of several blocks of channels and places has cpu's bits`, async () => {
    const plain = { types: ['uint8', 'int8', 'uint8'], perFeature: true, hasBias: true, odd: false, seed: 5 } as const
    await check(form, { ...plain, sizes: [1, 1, 131, 5], spatial: [[9, 3, 1, 1, 1, 1], [37, 3, 1, 1, 1, 1]] })
    await check(form, { ...plain, sizes: [1, 1, 1031, 9], spatial: [[5, 1, 1, 1, 0, 0], [9, 1, 1, 1, 0, 0]] })
    await check(form, { ...plain, sizes: [1, 20, 1, 1], spatial: [[40, 3, 2, 1, 1, 1], [41, 3, 1, 1, 1, 1]] })
  })
}

test('wasm: numbers become bytes and bytes numbers with cpu\'s bits', async () => {
  await fc.assert(fc.asyncProperty(dtype, fc.tuple(count(3), count(4), fc.integer({ min: 16, max: 40 })), fc.boolean(), fc.boolean(), seeds, async (type, [n, channels, plane], perChannel, odd, seed) => {
    const scale = scales(perChannel ? [channels] : [], seed + 1, odd)
    const zero = { tensor: bytes(type, perChannel ? [channels] : [], seed + 2) }
    const x = noise(seed, 'float32', [n, channels, plane], odd ? 0.05 : 0, 9)
    await assertEqual('QuantizeLinear', { inputs: [{ tensor: x }, { tensor: scale }, zero], attributes: { axis: 1 } }, wasmOnly)
    await assertEqual('DequantizeLinear', { inputs: [{ tensor: bytes(type, [n, channels, plane], seed) }, { tensor: scale }, zero], attributes: { axis: 1 } }, wasmOnly)
    await assertEqual('DynamicQuantizeLinear', { inputs: [{ tensor: x }], outputs: 3 }, wasmOnly)
  }), { numRuns: 80 })
})

test('weights that are computed are left to cpu', async () => {
  const inputs = [{ tensor: bytes('uint8', [1, 2, 6], 1) }, { tensor: bytes('int8', [3, 2, 2], 2) }]
  await assertEqual('ConvInteger', { inputs })
  await assert.rejects(assertEqual('ConvInteger', { inputs }, wasmOnly), /left to cpu/)
})

everyOperatorComputed('integer', ['uint8', 'int8'], ['QLinearMatMul', 'ConvInteger', 'QLinearConv', 'DequantizeLinear'])
everyOperatorComputed('integer', ['float32'], ['QuantizeLinear', 'DynamicQuantizeLinear'])
everyBlockStayed('QLinearMatMul', 'ConvInteger', 'QLinearConv')
