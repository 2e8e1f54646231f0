import assert from 'node:assert/strict'
import { test } from 'node:test'
import { read, write } from '../../src/format/index.ts'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { shrinkWeights, type WeightBits } from '../../src/graph/shrink.ts'
import { unpackWeights } from '../../src/graph/unpack.ts'
import { load } from '../../src/index.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { throwsCode } from '../support/errors.ts'

const K = 64
const N = 48
/** A matrix whose columns differ much in size, one of them all zero. */
function matrix(dtype: 'float32' | 'float64', rows: number, columns: number): Tensor {
  const values = Array.from({ length: rows * columns }, (_, i) => ((i * 7919) % 1009 - 400) * (1 + (i % columns)) * (i % columns === 3 ? 0 : 1e-4))
  return { dtype, shape: [rows, columns], data: dtype === 'float32' ? Float32Array.from(values) : Float64Array.from(values) }
}

function linear(dtype: 'float32' | 'float64', transB: 0 | 1 = 0): Graph {
  const b = graphBuilder()
  const x = b.input('X', { dtype, shape: ['batch', K] })
  const w = b.constant(transB === 0 ? matrix(dtype, K, N) : matrix(dtype, N, K), 'w')
  const bias = b.constant({ dtype, shape: [N], data: dtype === 'float32' ? new Float32Array(N).fill(0.5) : new Float64Array(N).fill(0.5) }, 'bias')
  b.output('Y', b.add('Gemm', [x, w, bias], { transB }), { dtype, shape: ['batch', N] })
  return b.build({ name: 'linear' })
}

const rows = [Array.from({ length: K }, (_, i) => Math.cos(i))]
/** Largest error of a weight, as a part of the largest in its channel. */
const BOUNDS: ReadonlyMap<WeightBits, number> = new Map([['fp16', 2 ** -11], ['bf16', 2 ** -8], ['int8', 1.01 / 255]])

for (const dtype of ['float32', 'float64'] as const) {
  for (const [bits, bound] of BOUNDS) {
    for (const transB of [0, 1] as const) {
      test(`${bits} of ${dtype}${transB === 1 ? ', transposed' : ''}: small files, whole weights after loading, errors within the bits`, async () => {
        const graph = linear(dtype, transB)
        const { graph: small, count, bytesBefore, bytesAfter } = shrinkWeights(graph, bits)
        assert.equal(count, 1)
        assert.ok(bytesAfter < bytesBefore / (dtype === 'float32' ? 1.9 : 3.5))
        const file = await write(small)
        assert.ok(file.length < (await write(graph)).length)
        assert.deepEqual(await write(await read(file)), file)
        const model = await load(file)
        const name = [...graph.initializers.keys()].find((key) => key.startsWith('w')) ?? ''
        const [exact, loaded] = [graph.initializers.get(name), model.graph.initializers.get(name)]
        assert.ok(exact && loaded && loaded.dtype === dtype)
        assert.deepEqual([...model.graph.initializers.keys()].sort(), [...graph.initializers.keys()].sort())
        const channel = (i: number): number => (transB === 0 ? i % N : Math.floor(i / K))
        const sizes = new Float64Array(N)
        exact.data.forEach((value, i) => (sizes[channel(i)] = Math.max(sizes[channel(i)], Math.abs(Number(value)))))
        exact.data.forEach((value, i) => assert.ok(Math.abs(Number(value) - Number(loaded.data[i])) <= 2 * bound * sizes[channel(i)], `element ${i}`))
        const [expected, actual] = [await (await load(graph)).run({ X: rows }), await model.run({ X: rows })]
        assert.ok(expected.Y.data.every((value, i) => Math.abs(Number(value) - Number(actual.Y.data[i])) <= 2 * bound * sizes[i] * K))
      })
    }
  }
}

test('weights made whole are what the operators give', async () => {
  for (const dtype of ['float32', 'float64'] as const) {
    const { graph } = shrinkWeights(linear(dtype), 'int8')
    const name = graph.nodes[0].outputs[0]
    const whole = unpackWeights(graph).initializers.get(name)
    const [q, s, z] = graph.nodes[0].inputs.map((key) => graph.initializers.get(key) ?? assert.fail(key))
    const b = graphBuilder()
    const inputs = [q, s, z].map((tensor, i) => b.input(`i${i}`, { dtype: tensor.dtype, shape: tensor.shape }))
    b.output('Y', b.add('DequantizeLinear', inputs, { axis: 1 }), { dtype, shape: [K, N] })
    assert.deepEqual((await (await load(b.build())).run({ i0: q, i1: s, i2: z })).Y.data, whole?.data)
  }
})

test('what stays says why; a model without matrices is refused', () => {
  const graph = linear('float32')
  const [name, w] = [...graph.initializers].find(([key]) => key.startsWith('w')) ?? assert.fail('w')
  const infinite = { ...w, data: Float32Array.from(w.data as Float32Array, (value, i) => (i === 9 ? Infinity : value)) }
  throwsCode('WEIGHTS_NONE', () => shrinkWeights({ ...graph, initializers: new Map([...graph.initializers, [name, infinite]]) }, 'int8'), /NaN or infinities/)
  const huge = { ...w, data: Float32Array.from(w.data as Float32Array, (value, i) => (i === 9 ? 1e6 : value)) }
  throwsCode('WEIGHTS_NONE', () => shrinkWeights({ ...graph, initializers: new Map([...graph.initializers, [name, huge]]) }, 'fp16'), /bf16/)
  throwsCode('WEIGHTS_NONE', () => shrinkWeights({ ...graph, nodes: [] }, 'bf16'), /no product/)
  throwsCode('WEIGHTS_NONE', () => shrinkWeights({ ...graph, initializers: new Map(), nodes: [] }, 'bf16'), /trees/)
  const taken = new Map<string, Tensor>([...graph.initializers, [`${name}.int8`, { dtype: 'int8', shape: [1], data: Int8Array.of(1) }]])
  throwsCode('WEIGHTS_NAME', () => shrinkWeights({ ...graph, initializers: taken }, 'int8'))
})

test('large weights stay packed in memory, and give the bits of whole ones', async () => {
  const size = 1024
  for (const [bits, transB] of [['fp16', 0], ['int8', 1]] as const) {
    const b = graphBuilder()
    const w = b.constant(matrix('float32', size, size), 'w')
    const bias = b.constant({ dtype: 'float32', shape: [size], data: Float32Array.from({ length: size }, (_, i) => Math.sin(i)) }, 'bias')
    b.output('Y', b.add('Gemm', [b.input('X', { dtype: 'float32', shape: ['batch', size] }), w, bias], { transB }), { dtype: 'float32', shape: ['batch', size] })
    const small = shrinkWeights(b.build(), bits).graph
    const X = { dtype: 'float32' as const, shape: [2, size], data: Float32Array.from({ length: 2 * size }, (_, i) => Math.cos(i)) }
    const whole = await load(unpackWeights(small), { device: 'wasm' })
    for (const device of ['cpu', 'wasm'] as const) {
      const packed = await load(small, { device })
      assert.deepEqual(packed.graph.nodes.map(({ op }) => op).slice(0, 2), ['WeightMatMul', 'Add'])
      assert.ok(packed.memory.weights < whole.memory.weights / 1.9)
      assert.deepEqual((await packed.run({ X })).Y, (await whole.run({ X })).Y)
    }
  }
})
