import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { graphBuilder } from '../../../src/graph/builder.ts'
import { createWorkspace, instantiate } from '../../../src/graph/execute.ts'
import { operatorKeys } from '../../../src/graph/subgraphs.ts'
import { planGraph } from '../../../src/graph/plan.ts'
import { createWasmDevice } from '../../../src/graph/wasm-device.ts'
import { loadOperators } from '../../../src/ops/packs.ts'
import { wasmKernelsGiven } from '../../../src/ops/wasm/index.ts'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import { opGraph, type OpInput } from '../../support/run-op.ts'
import { assertEqual, everyOperatorComputed, equalSuite, wasm, wasmOnly } from './equal.ts'

equalSuite(['Transpose', 'Concat', 'Slice', 'Split', 'Expand', 'Tile', 'Pad', 'Gather'], 80, (dtype) => dtype !== 'string')

test('wasm: transposes of larger tensors have the bits of cpu', async () => {
  const shape = fc.array(fc.integer({ min: 1, max: 13 }), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(shape.chain((dims) => fc.tuple(fc.constant(dims), fc.shuffledSubarray(dims.map((_, i) => i), { minLength: dims.length }))), fc.constantFrom('float32' as const, 'float64' as const), ([dims, perm], dtype) => {
      const size = dims.reduce((product, dim) => product * dim, 1)
      const data = dtype === 'float32' ? Float32Array.from({ length: size }, (_, i) => i) : Float64Array.from({ length: size }, (_, i) => i)
      const tensor: Tensor = { dtype, shape: dims, data }
      return assertEqual('Transpose', { inputs: [{ tensor }], attributes: { perm } })
    }),
    { numRuns: 120 },
  )
})

/** Numbers from 0 on, modulo what every dtype holds. */
function counted(dtype: 'float32' | 'float64' | 'int64' | 'uint8', shape: readonly number[]): Tensor {
  const values = Array.from({ length: shape.reduce((product, dim) => product * dim, 1) }, (_, i) => i % 251)
  if (dtype === 'int64') return { dtype, shape, data: BigInt64Array.from(values, BigInt) }
  return { dtype, shape, data: dtype === 'float32' ? Float32Array.from(values) : dtype === 'float64' ? Float64Array.from(values) : Uint8Array.from(values) }
}

const DTYPES = ['float32', 'float64', 'int64', 'uint8'] as const
const list = (...values: number[]): { tensor: Tensor; constant: true } => ({ tensor: { dtype: 'int64', shape: [values.length], data: BigInt64Array.from(values, BigInt) }, constant: true })

test('wasm: tensors of networks are moved as on cpu', async () => {
  for (const dtype of DTYPES) {
    const x = { tensor: counted(dtype, [3, 4, 17, 40]) }
    for (const perm of [[0, 2, 1, 3], [3, 2, 1, 0], [0, 1, 3, 2], [1, 0, 3, 2]]) await assertEqual('Transpose', { inputs: [x], attributes: { perm } })
    for (const axis of [0, 1, 2, 3]) {
      const other = [3, 4, 17, 40].map((dim, i) => (i === axis ? 1 : dim))
      await assertEqual('Concat', { inputs: [x, { tensor: counted(dtype, other) }, x], attributes: { axis } })
      await assertEqual('Split', { inputs: [x], attributes: { axis, num_outputs: 3 }, outputs: 3 })
      await assertEqual('Gather', { inputs: [x, { tensor: { dtype: 'int64', shape: [2, 3], data: BigInt64Array.of(0n, -1n, 2n, 1n, 1n, -3n) } }], attributes: { axis } })
    }
    await assertEqual('Slice', { inputs: [x, list(1, 35, 0), list(3, 2, 17), list(0, 3, 2), list(1, -3, 2)] })
    await assertEqual('Pad', { inputs: [x, list(0, 1, -2, 3, 1, 0, 4, -1)] })
    await assertEqual('Pad', { inputs: [x, list(2, -20, 1, 25), { tensor: counted(dtype, []) }, list(2, 3)] })
    await assertEqual('Tile', { inputs: [{ tensor: counted(dtype, [2, 1, 5]) }, list(3, 4, 2)] })
    await assertEqual('Expand', { inputs: [{ tensor: counted(dtype, [4, 1, 40]) }, list(3, 4, 17, 40)] })
  }
})

test('wasm: an index outside a dimension is refused as on cpu', async () => {
  for (const dtype of ['int32', 'int64'] as const) {
    for (const index of [4, -5]) {
      const indices: Tensor = { dtype, shape: [2], data: dtype === 'int32' ? Int32Array.of(0, index) : BigInt64Array.of(0n, BigInt(index)) }
      await assert.rejects(assertEqual('Gather', { inputs: [{ tensor: counted('float32', [4, 3]) }, { tensor: indices }] }), { code: 'OP_INDEX' })
      const graph = opGraph('Gather', [{ tensor: counted('float32', [4, 3]) }, { tensor: indices }], {}, 1)
      await assert.rejects(wasm.run(graph, new Map([['x0', counted('float32', [4, 3])], ['x1', indices]])), { code: 'OP_INDEX' })
    }
  }
})

test('wasm: a shape computed while binding leaves the step that reads it in WebAssembly', async () => {
  const builder = graphBuilder()
  const x = builder.input('x', { dtype: 'float32', shape: [null, 6] })
  const rows = builder.add('Slice', [builder.add('Shape', [x]), builder.constant(tensor([0n])), builder.constant(tensor([1n]))])
  const shape = builder.add('Concat', [rows, builder.constant(tensor([3n]))], { axis: 0 })
  builder.output('y', builder.add('Expand', [builder.add('Slice', [x, builder.constant(tensor([0n, 0n])), builder.add('Concat', [rows, builder.constant(tensor([1n]))], { axis: 0 })]), shape]), { dtype: 'float32' })
  const graph = builder.build()
  const fed: Tensor = { dtype: 'float32', shape: [2, 6], data: Float32Array.from({ length: 12 }, (_, i) => i) }
  const device = await createWasmDevice(graph, { kernels: wasmKernelsGiven(undefined) })
  const operators = await loadOperators(operatorKeys(graph))
  const plan = planGraph(graph, ['y'], { ...operators, preferred: device.preferred, weights: device.weights, scratch: device.scratch })
  const { bound } = instantiate(plan, createWorkspace(device.arena, device.weights), [{ dtype: 'float32', shape: [2, 6] }], 'io')
  assert.deepEqual(bound.steps.map(({ step, kernel }) => [step.node.op, kernel !== undefined && kernel !== step.cpuKernel]), [['Slice', true], ['Expand', true]])
  assert.deepEqual((await wasm.run(graph, new Map([['x', fed]])))[0].data, Float32Array.of(0, 0, 0, 6, 6, 6))
})

everyOperatorComputed('move', ['float32', 'float64', 'int64', 'uint8'], ['Transpose', 'Concat', 'Slice', 'Split', 'Expand', 'Tile', 'Gather'])
test('wasm: mirrored, repeated and wrapped edges are those of cpu', async () => {
  const list = (...values: number[]): OpInput => ({ tensor: { dtype: 'int64', shape: [values.length], data: BigInt64Array.from(values, BigInt) }, constant: true })
  for (const mode of ['reflect', 'edge', 'wrap']) {
    for (const dtype of ['float32', 'float64', 'int64', 'uint8'] as const) {
      for (const pads of [[0, 0, 2, 2, 0, 0, 2, 2], [1, 0, 3, 0, 0, 2, 1, 4], [0, 0, 0, -2, 0, 0, 0, 3], [0, 0, 5, 0, 0, 0, 11, 0]]) {
        await assertEqual('Pad', { inputs: [{ tensor: counted(dtype, [2, 3, 4, 5]) }, list(...pads)], attributes: { mode } }, wasmOnly)
      }
    }
  }
})

test('wasm: columns of a matrix by their places are those of cpu', async () => {
  for (const dtype of ['float32', 'float64', 'uint8'] as const) {
    for (const count of [1, 3, 4, 11]) {
      const indices: Tensor = { dtype: 'int64', shape: [count], data: BigInt64Array.from({ length: count }, (_, i) => BigInt(((i * 5) % 7) - 3)) }
      await assertEqual('Gather', { inputs: [{ tensor: counted(dtype, [6, 7]) }, { tensor: indices, constant: true }], attributes: { axis: 1 } }, wasmOnly)
    }
  }
})

everyOperatorComputed('move', ['float32', 'float64', 'int64'], ['Pad'])
