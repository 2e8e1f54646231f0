// Layers against their formulas, written out in float64: what TensorFlow.js does not compute, or computes in another way.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tensor } from '../../../src/tensor/index.ts'
import { importModel } from '../../../src/import/index.ts'
import { isHdf5 } from '../../../src/import/hdf5/signature.ts'
import { openZip, readZipEntry } from '../../../src/import/zip.ts'
import { load } from '../../../src/index.ts'
import { readPack } from '../../support/fixtures.ts'
import { zipArchive } from '../../support/zip.ts'
import { apply, at, close, layer, predict, randoms, range, sum, type Plain, type TestLayer } from './build.ts'

const random = randoms(11)

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

test('Conv1D, causal and dilated', async () => {
  const [x, w, b] = [random([2, 9, 3]), random([3, 3, 4]), random([4])]
  const got = await apply(x, layer('Conv1D', { filters: 4, kernel_size: [3], padding: 'causal', dilation_rate: [2] }, [w, b]))
  const want = range(2).flatMap((n) => range(9).flatMap((t) => range(4).map((f) => at(b, f) + sum(range(3).flatMap((k) => range(3).map((c) => at(x, n, t - 2 * (2 - k), c) * at(w, k, c, f)))))))
  close(got, want, [2, 9, 4])
})

test('Conv2D in groups, channels first', async () => {
  const [x, w] = [random([1, 4, 5, 6]), random([2, 3, 2, 6])]
  const got = await apply(x, layer('Conv2D', { filters: 6, kernel_size: [2, 3], groups: 2, use_bias: false, data_format: 'channels_first' }, [w]))
  const want = range(6).flatMap((f) => range(4).flatMap((i) => range(4).map((j) => sum(range(2).flatMap((p) => range(3).flatMap((q) => range(2).map((c) => at(x, 0, Math.floor(f / 3) * 2 + c, i + p, j + q) * at(w, p, q, c, f))))))))
  close(got, want, [1, 6, 4, 4])
})

test('DepthwiseConv1D with a multiplier', async () => {
  const [x, w, b] = [random([2, 7, 3]), random([3, 3, 2]), random([6])]
  const got = await apply(x, layer('DepthwiseConv1D', { kernel_size: [3], strides: [2], depth_multiplier: 2 }, [w, b]))
  const want = range(2).flatMap((n) => range(3).flatMap((t) => range(6).map((f) => at(b, f) + sum(range(3).map((k) => at(x, n, 2 * t + k, Math.floor(f / 2)) * at(w, k, Math.floor(f / 2), f % 2))))))
  close(got, want, [2, 3, 6])
})

// The gradient of a convolution: each input is spread over the outputs that it would have been computed from.
function transposedConv1D(x: Tensor, w: Tensor, stride: number, dilation: number, before: number, length: number): number[] {
  const [batch, steps, channels] = x.shape
  const [kernel, filters] = w.shape
  const out = new Float64Array(batch * length * filters)
  for (const n of range(batch)) for (const t of range(steps)) for (const k of range(kernel)) {
    const place = t * stride + k * dilation - before
    if (place < 0 || place >= length) continue
    for (const f of range(filters)) for (const c of range(channels)) out[(n * length + place) * filters + f] += at(x, n, t, c) * at(w, k, f, c)
  }
  return [...out]
}

test('Conv1DTranspose: strides, dilation, padding, output padding', async () => {
  const x = random([2, 5, 3])
  const w = random([3, 2, 3])
  const run = (config: Parameters<typeof layer>[1]): Promise<Tensor> => apply(x, layer('Conv1DTranspose', { filters: 2, kernel_size: [3], use_bias: false, ...config }, [w]))
  close(await run({ strides: [2], padding: 'valid' }), transposedConv1D(x, w, 2, 1, 0, 11), [2, 11, 2])
  close(await run({ strides: [2], padding: 'same' }), transposedConv1D(x, w, 2, 1, 0, 10), [2, 10, 2])
  close(await run({ strides: [1], padding: 'same', dilation_rate: [2] }), transposedConv1D(x, w, 1, 2, 2, 5), [2, 5, 2])
  close(await run({ strides: [5], padding: 'valid' }), transposedConv1D(x, w, 5, 1, 0, 25), [2, 25, 2])
  close(await run({ strides: [2], padding: 'valid', output_padding: [1] }), transposedConv1D(x, w, 2, 1, 0, 12), [2, 12, 2])
  close(await run({ strides: [2], padding: 'same', output_padding: [1] }), transposedConv1D(x, w, 2, 1, 0, 10), [2, 10, 2])
})

test('LocallyConnected1D', async () => {
  const [x, w, b] = [random([2, 6, 3]), random([4, 9, 2]), random([4, 2])]
  const got = await apply(x, layer('LocallyConnected1D', { filters: 2, kernel_size: [3], strides: [1] }, [w, b]))
  const want = range(2).flatMap((n) => range(4).flatMap((t) => range(2).map((f) => at(b, t, f) + sum(range(9).map((k) => at(x, n, t + Math.floor(k / 3), k % 3) * at(w, t, k, f))))))
  close(got, want, [2, 4, 2])
})

test('LocallyConnected2D', async () => {
  const [x, w] = [random([2, 4, 3, 2]), random([4, 12, 2])]
  const got = await apply(x, layer('LocallyConnected2D', { filters: 2, kernel_size: [3, 2], use_bias: false }, [w]))
  const want = range(2).flatMap((n) => range(2).flatMap((i) => range(2).flatMap((j) => range(2).map((f) => sum(range(12).map((k) => at(x, n, i + Math.floor(k / 4), j + (Math.floor(k / 2) % 2), k % 2) * at(w, i * 2 + j, k, f)))))))
  close(got, want, [2, 2, 2, 2])
})

test('BatchNormalization over any axis', async () => {
  const x = random([2, 3, 4, 5])
  for (const axis of [1, 2, 3, -1]) {
    const size = x.shape[axis < 0 ? 3 : axis]
    const [gamma, beta, mean] = [random([size]), random([size]), random([size])]
    const variance: Tensor = { dtype: 'float32', shape: [size], data: Float32Array.from(random([size]).data as Float32Array, (value) => Math.abs(value) + 0.1) }
    const got = await apply(x, layer('BatchNormalization', { axis, epsilon: 0.01 }, [gamma, beta, mean, variance]))
    const want = range(2).flatMap((n) => range(3).flatMap((i) => range(4).flatMap((j) => range(5).map((c) => {
      const k = [n, i, j, c][axis < 0 ? 3 : axis]
      return ((at(x, n, i, j, c) - at(mean, k)) / Math.sqrt(at(variance, k) + 0.01)) * at(gamma, k) + at(beta, k)
    }))))
    close(got, want, [2, 3, 4, 5])
  }
})

test('UnitNormalization, RMSNormalization, GroupNormalization', async () => {
  const x = random([2, 3, 4])
  const gamma = random([4])
  const length = (n: number, t: number): number => Math.sqrt(sum(range(4).map((c) => at(x, n, t, c) ** 2)))
  const over = (step: (n: number, t: number, c: number) => number): number[] => range(2).flatMap((n) => range(3).flatMap((t) => range(4).map((c) => step(n, t, c))))
  close(await apply(x, layer('UnitNormalization', { axis: -1 })), over((n, t, c) => at(x, n, t, c) / length(n, t)), [2, 3, 4])
  close(await apply(x, layer('RMSNormalization', { axis: -1, epsilon: 1e-6 }, [gamma])), over((n, t, c) => (at(x, n, t, c) / Math.sqrt(length(n, t) ** 2 / 4 + 1e-6)) * at(gamma, c)), [2, 3, 4])
  const beta = random([4])
  const want = over((n, t, c) => {
    const members = range(3).flatMap((s) => [0, 1].map((k) => at(x, n, s, Math.floor(c / 2) * 2 + k)))
    const mean = sum(members) / 6
    const variance = sum(members.map((value) => (value - mean) ** 2)) / 6
    return ((at(x, n, t, c) - mean) / Math.sqrt(variance + 1e-3)) * at(gamma, c) + at(beta, c)
  })
  close(await apply(x, layer('GroupNormalization', { groups: 2 }, [gamma, beta])), want, [2, 3, 4])
})

/** A GRU by its formula, with the reset gate before or after the product with the state. */
function gru(x: Tensor, kernel: Tensor, recurrent: Tensor, bias: Tensor, after: boolean, keep: (n: number, t: number) => boolean = () => true): number[] {
  const [batch, steps, features] = x.shape
  const units = recurrent.shape[0]
  return range(batch).flatMap((n) => {
    let h = new Array<number>(units).fill(0)
    return range(steps).flatMap((t) => {
      const input = (column: number): number => sum(range(features).map((c) => at(x, n, t, c) * at(kernel, c, column))) + (after ? at(bias, 0, column) : at(bias, column))
      const state = (column: number, values: readonly number[]): number => sum(range(units).map((u) => values[u] * at(recurrent, u, column))) + (after ? at(bias, 1, column) : 0)
      const old = h
      const z = range(units).map((u) => sigmoid(input(u) + state(u, old)))
      const r = range(units).map((u) => sigmoid(input(units + u) + state(units + u, old)))
      const candidate = range(units).map((u) => Math.tanh(input(2 * units + u) + (after ? r[u] * state(2 * units + u, old) : state(2 * units + u, old.map((value, k) => value * r[k])))))
      if (keep(n, t)) h = range(units).map((u) => z[u] * old[u] + (1 - z[u]) * candidate[u])
      return h
    })
  })
}

for (const after of [false, true]) {
  test(`GRU, reset ${after ? 'after' : 'before'} the product: by an operator, by steps, with a mask`, async () => {
    const x = random([2, 5, 3])
    const bias = random(after ? [2, 12] : [12])
    const arrays = [random([3, 12]), random([4, 12]), bias]
    const config = { units: 4, reset_after: after, recurrent_activation: 'sigmoid', return_sequences: true }
    close(await apply(x, layer('GRU', config, arrays)), gru(x, arrays[0], arrays[1], bias, after), [2, 5, 4])
    close(await apply(x, layer('Masking', { mask_value: 99 }), layer('GRU', config, arrays)), gru(x, arrays[0], arrays[1], bias, after), [2, 5, 4])
    const gaps: Tensor = { ...x, data: Float32Array.from(x.data as Float32Array, (value, i) => ([1, 4, 7].includes(Math.floor(i / 3)) ? 0 : value)) }
    close(await apply(gaps, layer('Masking', { mask_value: 0 }), layer('GRU', config, arrays)), gru(gaps, arrays[0], arrays[1], bias, after, (n, t) => ![1, 4, 7].includes(n * 5 + t)), [2, 5, 4])
  })
}

/** What CuDNN keeps for a gate's kernel [rows, units]: the transposed matrix, read row by row. */
function forCudnn(kernel: Tensor, gates: number): Tensor {
  const [rows, width] = kernel.shape
  const units = width / gates
  const data = new Float32Array(rows * width)
  for (const g of range(gates)) for (const i of range(rows)) for (const u of range(units)) {
    const flat = u * rows + i
    data[Math.floor(flat / units) * width + g * units + (flat % units)] = at(kernel, i, g * units + u)
  }
  return { ...kernel, data }
}

test('CuDNNLSTM and CuDNNGRU are LSTM and GRU with arrays in another order', async () => {
  const x = random([2, 5, 3])
  const [kernel, recurrent, bias] = [random([3, 16]), random([4, 16]), random([32])]
  const both: Tensor = { dtype: 'float32', shape: [16], data: Float32Array.from(range(16), (i) => at(bias, i) + at(bias, 16 + i)) }
  const plain = await apply(x, layer('LSTM', { units: 4, recurrent_activation: 'sigmoid' }, [kernel, recurrent, both]))
  close(await apply(x, layer('CuDNNLSTM', { units: 4 }, [forCudnn(kernel, 4), forCudnn(recurrent, 4), bias])), [...plain.data].map(Number), [2, 4])
  const [gruKernel, gruRecurrent, gruBias] = [random([3, 12]), random([4, 12]), random([24])]
  const want = gru(x, gruKernel, gruRecurrent, { ...gruBias, shape: [2, 12] }, true)
  close(await apply(x, layer('CuDNNGRU', { units: 4, return_sequences: true }, [forCudnn(gruKernel, 3), forCudnn(gruRecurrent, 3), gruBias])), want, [2, 5, 4])
})

test('twelve arrays of an LSTM and a turned kernel with channels first, as Keras 1 wrote them', async () => {
  const x = random([2, 5, 3])
  const gates = ['i', 'c', 'f', 'o'].map(() => [random([3, 4]), random([4, 4]), random([4])])
  const beside = (kind: number, rows: number): Tensor => ({
    dtype: 'float32', shape: rows === 1 ? [16] : [rows, 16],
    data: Float32Array.from({ length: rows * 16 }, (_, i) => Number(gates[[0, 2, 1, 3][Math.floor((i % 16) / 4)]][kind].data[Math.floor(i / 16) * 4 + (i % 4)])),
  })
  const modern = await apply(x, layer('LSTM', { units: 4, recurrent_activation: 'hard_sigmoid' }, [beside(0, 3), beside(1, 4), beside(2, 1)]))
  const input = { name: 'lstm', batch_input_shape: [null, 5, 3], output_dim: 4, inner_activation: 'hard_sigmoid', activation: 'tanh' }
  const [old] = await predict([{ class_name: 'LSTM', config: input, weights: gates.flat() }], [x], {}, '1.2.2')
  assert.deepEqual(old, modern)

  const image = random([1, 2, 5, 5])
  const kernel = random([3, 2, 2, 2])
  const turned: Tensor = { dtype: 'float32', shape: [2, 2, 2, 3], data: Float32Array.from({ length: 24 }, (_, i) => at(kernel, i % 3, Math.floor(i / 3) % 2, 1 - Math.floor(i / 12), 1 - (Math.floor(i / 6) % 2))) }
  const want = await apply(image, layer('Conv2D', { filters: 3, kernel_size: [2, 2], use_bias: false, data_format: 'channels_first' }, [turned]))
  const [got] = await predict([{ class_name: 'Convolution2D', config: { name: 'conv', batch_input_shape: [null, 2, 5, 5], nb_filter: 3, nb_row: 2, nb_col: 2, bias: false, border_mode: 'valid', dim_ordering: 'th' }, weights: [kernel] }], [image], {}, '1.2.2')
  assert.deepEqual(got, want)
})

const softmax = (scores: readonly number[]): number[] => {
  const powers = scores.map((one) => Math.exp(one - Math.max(...scores)))
  return powers.map((one) => one / sum(powers))
}

test('MultiHeadAttention: two heads, a causal mask', async () => {
  const x = random([2, 4, 6])
  const [heads, size] = [2, 3]
  const [wq, wk, wv] = [random([6, 2, 3]), random([6, 2, 3]), random([6, 2, 3])]
  const [bq, bk, bv] = [random([2, 3]), random([2, 3]), random([2, 3])]
  const [wo, bo] = [random([2, 3, 6]), random([6])]
  const node = [[['x', 0, 0, { value: ['x', 0, 0], use_causal_mask: true }]]]
  const [got] = await predict([
    { class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, 4, 6] } },
    { class_name: 'MultiHeadAttention', config: { name: 'attention', num_heads: heads, key_dim: size, use_bias: true }, weights: [wq, bq, wk, bk, wv, bv, wo, bo], inbound_nodes: node },
  ], [x], { input_layers: [['x', 0, 0]], output_layers: [['attention', 0, 0]] })
  const project = (w: Tensor, b: Tensor, n: number, t: number, h: number, d: number): number => at(b, h, d) + sum(range(6).map((c) => at(x, n, t, c) * at(w, c, h, d)))
  const want = range(2).flatMap((n) => range(4).flatMap((t) => {
    const mixed = range(heads).map((h) => {
      const shares = softmax(range(t + 1).map((s) => sum(range(size).map((d) => project(wq, bq, n, t, h, d) * project(wk, bk, n, s, h, d))) / Math.sqrt(size)))
      return range(size).map((d) => sum(shares.map((share, s) => share * project(wv, bv, n, s, h, d))))
    })
    return range(6).map((o) => at(bo, o) + sum(range(heads).flatMap((h) => range(size).map((d) => mixed[h][d] * at(wo, h, d, o)))))
  }))
  close(got, want, [2, 4, 6])
})

test('Attention and AdditiveAttention with masks', async () => {
  const [q, v] = [random([2, 3, 4]), random([2, 5, 4])]
  const gaps: Tensor = { ...v, data: Float32Array.from(v.data as Float32Array, (value, i) => ([2, 6].includes(Math.floor(i / 4)) ? 0 : value)) }
  const scale = random([4])
  for (const kind of ['Attention', 'AdditiveAttention']) {
    const [got] = await predict([
      { class_name: 'InputLayer', config: { name: 'q', batch_input_shape: [null, 3, 4] } },
      { class_name: 'InputLayer', config: { name: 'v', batch_input_shape: [null, 5, 4] } },
      { class_name: 'Masking', config: { name: 'masking', mask_value: 0 }, inbound_nodes: [[['v', 0, 0, {}]]] },
      { class_name: kind, config: { name: 'attention', use_scale: kind === 'AdditiveAttention' }, weights: kind === 'AdditiveAttention' ? [scale] : [], inbound_nodes: [[['q', 0, 0, {}], ['masking', 0, 0, {}]]] },
    ], [q, gaps], { input_layers: [['q', 0, 0], ['v', 0, 0]], output_layers: [['attention', 0, 0]] })
    const want = range(2).flatMap((n) => range(3).flatMap((t) => {
      const steps = range(5).filter((s) => ![2, 6].includes(n * 5 + s))
      const score = (s: number): number => sum(range(4).map((c) => (kind === 'Attention' ? at(q, n, t, c) * at(gaps, n, s, c) : at(scale, c) * Math.tanh(at(q, n, t, c) + at(gaps, n, s, c)))))
      const shares = softmax(steps.map(score))
      return range(4).map((c) => sum(steps.map((s, i) => shares[i] * at(gaps, n, s, c))))
    }))
    close(got, want, [2, 3, 4])
  }
})

test('GlobalAveragePooling1D leaves masked steps out; Concatenate along time joins masks', async () => {
  const x = random([2, 4, 3])
  const gaps: Tensor = { ...x, data: Float32Array.from(x.data as Float32Array, (value, i) => ([0, 6, 7].includes(Math.floor(i / 3)) ? 0 : value)) }
  const kept = (n: number): number[] => range(4).filter((t) => ![0, 6, 7].includes(n * 4 + t))
  const want = range(2).flatMap((n) => range(3).map((c) => sum(kept(n).map((t) => at(gaps, n, t, c))) / kept(n).length))
  close(await apply(gaps, layer('Masking', { mask_value: 0 }), layer('GlobalAveragePooling1D')), want, [2, 3])
  const [joined] = await predict([
    { class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, 4, 3] } },
    { class_name: 'Masking', config: { name: 'masking', mask_value: 0 }, inbound_nodes: [[['x', 0, 0, {}]]] },
    { class_name: 'Concatenate', config: { name: 'both', axis: 1 }, inbound_nodes: [[['masking', 0, 0, {}], ['x', 0, 0, {}]]] },
    { class_name: 'GlobalAveragePooling1D', config: { name: 'mean' }, inbound_nodes: [[['both', 0, 0, {}]]] },
  ], [gaps], { input_layers: [['x', 0, 0]], output_layers: [['mean', 0, 0]] })
  const twice = range(2).flatMap((n) => range(3).map((c) => (sum(kept(n).map((t) => at(gaps, n, t, c))) + sum(range(4).map((t) => at(gaps, n, t, c)))) / (kept(n).length + 4)))
  close(joined, twice, [2, 3])
})

test('operations between layers', async () => {
  const x = random([2, 3, 4])
  const operation = (name: string, fn: string, node: Plain): TestLayer => ({ class_name: 'TFOpLambda', config: { name, function: fn }, inbound_nodes: node })
  const [got] = await predict([
    { class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, 3, 4] } },
    operation('twice', 'math.multiply', [['x', 0, 0, { y: 2, name: null }]]),
    { class_name: 'SlicingOpLambda', config: { name: 'item', function: '__operators__.getitem' }, inbound_nodes: [['twice', 0, 0, { slice_spec: [{ start: null, stop: null, step: null }, -1, { start: 1, stop: 4, step: 2 }] }]] },
    operation('less', 'math.subtract', [['_CONSTANT_VALUE', -1, 1, { y: ['item', 0, 0], name: null }]]),
    operation('mean', 'math.reduce_mean', [['less', 0, 0, { axis: 1, keepdims: true }]]),
  ], [x], { input_layers: [['x', 0, 0]], output_layers: [['mean', 0, 0]] })
  close(got, range(2).map((n) => (1 - 2 * at(x, n, 2, 1) + 1 - 2 * at(x, n, 2, 3)) / 2), [2, 1])
})

test('preprocessing', async () => {
  const x = random([2, 4, 4, 1])
  close(await apply(x, layer('CenterCrop', { height: 2, width: 2 })), range(2).flatMap((n) => [1, 2].flatMap((i) => [1, 2].map((j) => at(x, n, i, j, 0)))), [2, 2, 2, 1])
  const half = range(2).flatMap((n) => range(2).flatMap((i) => range(2).map((j) => sum([0, 1].flatMap((p) => [0, 1].map((q) => at(x, n, 2 * i + p, 2 * j + q, 0)))) / 4)))
  close(await apply(x, layer('Resizing', { height: 2, width: 2, interpolation: 'bilinear' })), half, [2, 2, 2, 1])
  const [mean, variance] = [random([4]), { ...random([4]), data: Float32Array.of(0.25, 1, 4, 0) }]
  const flat = random([3, 4])
  const want = range(3).flatMap((n) => range(4).map((c) => (at(flat, n, c) - at(mean, c)) / Math.max(Math.sqrt(at(variance, c)), 1e-7)))
  close(await apply(flat, layer('Normalization', { axis: [-1] }, [mean, variance, { dtype: 'int32', shape: [], data: Int32Array.of(9) }])), want, [3, 4])
  close(await apply(flat, layer('Discretization', { bin_boundaries: [-0.5, 0, 0.5] })), [...flat.data].map((value) => [-0.5, 0, 0.5].filter((bound) => Number(value) >= bound).length), [3, 4])
  const binned = await apply({ ...flat, shape: [12, 1] }, layer('Discretization', { bin_boundaries: [-0.5, 0, 0.5], output_mode: 'one_hot' }))
  close(binned, Array.from(flat.data as Float32Array).flatMap((value) => range(4).map((bin) => ([-0.5, 0, 0.5].filter((bound) => value >= bound).length === bin ? 1 : 0))), [12, 4])
  const written = (value: number[]): Plain => ({ class_name: '__numpy__', config: { value, dtype: 'float32' } })
  close(await apply(flat, layer('Normalization', { axis: [-1], mean: written([...mean.data].map(Number)), variance: written([...variance.data].map(Number)) })), want, [3, 4])
  close(await apply(flat, layer('Rescaling', { scale: written([1, 2, 3, 4]), offset: 0.5 })), range(3).flatMap((n) => range(4).map((c) => at(flat, n, c) * (c + 1) + 0.5)), [3, 4])
  const ids: Tensor = { dtype: 'int32', shape: [2, 3], data: Int32Array.of(0, 2, 2, 1, 1, 1) }
  close(await apply(ids, layer('CategoryEncoding', { num_tokens: 4, output_mode: 'count' })), [1, 0, 2, 0, 0, 3, 0, 0], [2, 4])
  close(await apply(ids, layer('CategoryEncoding', { num_tokens: 4, output_mode: 'multi_hot' })), [1, 0, 1, 0, 0, 1, 0, 0], [2, 4])
})

test('float64 layers are computed in float64', async () => {
  const x: Tensor = { dtype: 'float64', shape: [1, 2], data: Float64Array.of(1 / 3, 1e-9) }
  const got = await apply(x, { class_name: 'Dense', config: { name: 'dense', units: 1, use_bias: false, dtype: 'float64' }, weights: [{ dtype: 'float32', shape: [2, 1], data: Float32Array.of(1, 1) }] })
  assert.deepEqual([got.dtype, got.data[0]], ['float64', 1 / 3 + 1e-9])
})

test('lookups of categories', async () => {
  const words: Tensor = { dtype: 'string', shape: [2, 3], data: ['b', 'a', 'x', '', 'c', 'c'] }
  const run = async (config: TestLayer['config']): Promise<unknown[]> => {
    const [got] = await predict([{ class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, 3], dtype: 'string' } }, layer('StringLookup', { vocabulary: ['a', 'b', 'c'], ...config })], [words])
    return [got.shape, ...Array.from(got.data as ArrayLike<unknown>, Number)]
  }
  assert.deepEqual(await run({}), [[2, 3], 2, 1, 0, 0, 3, 3])
  assert.deepEqual(await run({ mask_token: '' }), [[2, 3], 3, 2, 1, 0, 4, 4])
  assert.deepEqual(await run({ vocabulary: ['', '[UNK]', 'a', 'b', 'c'], mask_token: '', output_mode: 'count' }), [[2, 4], 1, 1, 1, 0, 0, 0, 0, 2])
  assert.deepEqual(await run({ output_mode: 'multi_hot' }), [[2, 4], 1, 1, 1, 0, 1, 0, 0, 1])
  const numbers: Tensor = { dtype: 'int64', shape: [2, 2], data: BigInt64Array.of(7n, 5n, 9n, 1n) }
  const got = await apply(numbers, layer('IntegerLookup', { vocabulary: [5, 7, 9] }))
  assert.deepEqual(Array.from(got.data as ArrayLike<unknown>, Number), [2, 1, 3, 0])
})

test('ReLU at its threshold, GroupNormalization and LayerNormalization of axes counted otherwise', async () => {
  const edge: Tensor = { dtype: 'float32', shape: [1, 4], data: Float32Array.of(-1, 0.5, 0.75, 3) }
  close(await apply(edge, layer('ReLU', { threshold: 0.5, max_value: 2 })), [0, 0, 0.75, 2], [1, 4])
  close(await apply(edge, layer('ReLU', { threshold: 0.5, negative_slope: 0.5 })), [-0.75, 0, 0.75, 3], [1, 4])
  const x = random([2, 4, 3])
  const [gamma, beta] = [random([4]), random([4])]
  const want = range(2).flatMap((n) => range(4).flatMap((c) => range(3).map((t) => {
    const group = range(2).flatMap((i) => range(3).map((j) => at(x, n, 2 * Math.floor(c / 2) + i, j)))
    const mean = sum(group) / 6
    return ((at(x, n, c, t) - mean) / Math.sqrt(sum(group.map((one) => (one - mean) ** 2)) / 6 + 1e-3)) * at(gamma, c) + at(beta, c)
  })))
  for (const axis of [1, -2]) close(await apply(x, layer('GroupNormalization', { groups: 2, axis }, [gamma, beta])), want, [2, 4, 3])
  const scale = random([3, 4])
  const all = range(2).map((n) => range(4).flatMap((i) => range(3).map((j) => at(x, n, i, j))))
  const normal = all.flatMap((row) => {
    const mean = sum(row) / 12
    return row.map((one, i) => ((one - mean) / Math.sqrt(sum(row.map((other) => (other - mean) ** 2)) / 12 + 1e-3)) * Number(scale.data[i]))
  })
  close(await apply(x, layer('LayerNormalization', { axis: [2, 1], center: false }, [scale])), normal, [2, 4, 3])
})

test('operations between layers take their settings', async () => {
  const x = random([2, 3, 4])
  const run = async (entry: TestLayer & { readonly [key: string]: unknown }, version: string): Promise<Tensor> =>
    (await predict([{ class_name: 'InputLayer', config: { name: 'x', batch_input_shape: [null, 3, 4] } }, entry], [x], { input_layers: [['x', 0, 0]], output_layers: [['y', 0, 0]] }, version))[0]
  const tf = (fn: string, settings: { readonly [key: string]: Plain }): Promise<Tensor> => run({ class_name: 'TFOpLambda', config: { name: 'y', function: fn }, inbound_nodes: [['x', 0, 0, settings]] }, '2.12.0')
  const shares = range(2).flatMap((n) => range(3).flatMap((t) => range(4).map((c) => Math.exp(at(x, n, t, c)) / sum(range(3).map((s) => Math.exp(at(x, n, s, c)))))))
  close(await tf('nn.softmax', { axis: 1 }), shares, [2, 3, 4])
  close(await tf('nn.log_softmax', { axis: -2 }), shares.map(Math.log), [2, 3, 4])
  close(await tf('linalg.matmul', { b: ['x', 0, 0], transpose_b: true }), range(2).flatMap((n) => range(3).flatMap((s) => range(3).map((t) => sum(range(4).map((c) => at(x, n, s, c) * at(x, n, t, c)))))), [2, 3, 3])
  close(await tf('linalg.matmul', { b: ['x', 0, 0], transpose_a: true }), range(2).flatMap((n) => range(4).flatMap((s) => range(4).map((t) => sum(range(3).map((c) => at(x, n, c, s) * at(x, n, c, t)))))), [2, 4, 4])
  const item = (spec: Plain): Promise<Tensor> => run({ class_name: 'SlicingOpLambda', config: { name: 'y', function: '__operators__.getitem' }, inbound_nodes: [['x', 0, 0, { slice_spec: spec }]] }, '2.12.0')
  const all = { start: null, stop: null, step: null }
  close(await item([all, null, { start: 1, stop: null, step: null }]), range(2).flatMap((n) => [1, 2].flatMap((t) => range(4).map((c) => at(x, n, t, c)))), [2, 1, 2, 4])
  close(await item([all, 2, null, { class_name: '__ellipsis__' }, null]), range(2).flatMap((n) => range(4).map((c) => at(x, n, 2, c))), [2, 1, 4, 1])
  close(await tf('nn.leaky_relu', { alpha: 0.1 }), Array.from(x.data as Float32Array, (one) => (one < 0 ? 0.1 * one : one)), [2, 3, 4])
  const curve = (one: number): number => 0.5 * one * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (one + 0.044715 * one ** 3)))
  close(await tf('nn.gelu', { approximate: true }), Array.from(x.data as Float32Array, curve), [2, 3, 4])
})

test('vocabularies that adapt() found lie beside the arrays of a .keras file', async () => {
  const packed = readPack('keras3').get('sequential/model.keras')
  if (packed === undefined) throw new Error('keras3.pack has no sequential/model.keras')
  const arrays = await readZipEntry(openZip(packed), 'model.weights.h5')
  const entry = (class_name: string, config: object): object => ({ module: 'keras.layers', class_name, config, registered_name: null })
  const run = async (className: string, vocabulary: string, input: Tensor): Promise<number[]> => {
    const layers = [entry('InputLayer', { name: 'x', batch_shape: [null, 3], dtype: input.dtype }), entry(className, { name: 'lookup', vocabulary: null, num_oov_indices: 1, output_mode: 'int' })]
    const files = { 'metadata.json': JSON.stringify({ keras_version: '3.5.0' }), 'config.json': JSON.stringify({ ...entry('Sequential', { name: 's', layers }), module: 'keras' }), 'model.weights.h5': arrays }
    const folder = className === 'StringLookup' ? 'string_lookup' : 'integer_lookup'
    const bytes = zipArchive([...Object.entries(files), [`assets/layers/${folder}/vocabulary.txt`, vocabulary]])
    const model = await load(await importModel(bytes, { fileName: 'model.keras' }))
    const result = await model.run({ [model.inputs[0].name]: input })
    model.dispose()
    return Array.from(result[model.outputs[0].name].data as ArrayLike<unknown>, Number)
  }
  assert.deepEqual(await run('StringLookup', '[UNK]\nred\na b\ngrün', { dtype: 'string', shape: [1, 3], data: ['grün', 'nothing', 'a b'] }), [3, 0, 2])
  assert.deepEqual(await run('IntegerLookup', '-1\n40\n7', { dtype: 'int64', shape: [1, 3], data: BigInt64Array.of(7n, 3n, 40n) }), [2, 0, 1])
})

test('a .keras file whose arrays lie where HDF5 may begin is an archive still', async () => {
  const packed = readPack('keras3').get('sequential/model.keras')
  if (packed === undefined) throw new Error('keras3.pack has no sequential/model.keras')
  const archive = openZip(packed)
  const entries = await Promise.all(['metadata.json', 'config.json', 'model.weights.h5'].map(async (name) => [name, await readZipEntry(archive, name)] as const))
  const padded = (bytes: number): Uint8Array => zipArchive([['padding', new Uint8Array(bytes)], ...entries])
  // The first place from which HDF5 is looked for behind the texts of the archive.
  const start = range(8192).find((bytes) => isHdf5(padded(bytes)))
  assert.ok(start !== undefined)
  const model = await load(await importModel(padded(start), { fileName: 'model.keras' }))
  assert.equal(model.metadata.estimator, 'Sequential')
  model.dispose()
})
