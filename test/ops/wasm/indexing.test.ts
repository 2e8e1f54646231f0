// Elements and slices at indices, triangles and blocks on wasm.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DType } from '../../../src/tensor/dtype.ts'
import { allocateData } from '../../../src/tensor/dtype.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { opGraph } from '../../support/run-op.ts'
import { assertEqual, everyOperatorComputed, equalSuite, noise, wasm } from './equal.ts'

const isNumber = (dtype: DType): boolean => dtype !== 'string'

equalSuite(['GatherElements', 'ScatterElements', 'OneHot'], 100, isNumber)

const DTYPES = ['float32', 'float64', 'int64', 'uint8', 'float16'] as const
const dtype = fc.constantFrom<DType>(...DTYPES)
const sizeOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1)

/** Numbers that differ, modulo what every dtype holds. */
function counted(type: DType, shape: readonly number[], from: number = 0): Tensor {
  const data = allocateData(type, sizeOf(shape))
  for (let i = 0; i < data.length; i++) data[i] = (typeof data[i] === 'bigint' ? BigInt((from + i) % 251) : (from + i) % 251) as never
  return { dtype: type, shape, data } as Tensor
}

const int64 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor => ({ dtype: 'int64', shape, data: BigInt64Array.from(values, BigInt) })
const dim = fc.integer({ min: 1, max: 5 })
const dims = (minLength: number, maxLength: number): fc.Arbitrary<number[]> => fc.array(dim, { minLength, maxLength })

/** Tuples of indices of the first `width` dimensions behind `batch`, some of them counted from the end. */
function tuplesOf(shape: readonly number[], batch: number, width: number, lead: readonly number[]): fc.Arbitrary<Tensor> {
  const count = sizeOf(lead)
  return fc.array(fc.tuple(...shape.slice(batch, batch + width).map((size) => fc.integer({ min: -size, max: size - 1 }))), { minLength: count, maxLength: count }).map((tuples) => int64(tuples.flat(), [...lead, width]))
}

test('wasm: slices at tuples of indices are gathered and scattered as on cpu', async () => {
  const example = dims(1, 4).chain((shape) => fc.tuple(fc.constant(shape), fc.integer({ min: 1, max: shape.length }), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 2 })))
  await fc.assert(fc.asyncProperty(dtype, example.chain(([shape, width, lead]) => fc.tuple(fc.constant(shape), fc.constant(width), fc.constant(lead), tuplesOf(shape, 0, width, lead))), async (type, [shape, width, lead, indices]) => {
    const data = { tensor: counted(type, shape) }
    await assertEqual('GatherND', { inputs: [data, { tensor: indices }] })
    await assertEqual('ScatterND', { inputs: [data, { tensor: indices }, { tensor: counted(type, [...lead, ...shape.slice(width)], 100) }] })
  }), { numRuns: 120 })
})

test('wasm: slices of batches are those of cpu', async () => {
  const example = dims(2, 4).chain((shape) => fc.integer({ min: 1, max: shape.length - 1 }).chain((batch) => fc.tuple(fc.constant(shape), fc.constant(batch), fc.integer({ min: 1, max: shape.length - batch }), dim)))
  await fc.assert(fc.asyncProperty(dtype, example.chain(([shape, batch, width, count]) => fc.tuple(fc.constant(shape), fc.constant(batch), tuplesOf(shape, batch, width, [...shape.slice(0, batch), count]))), (type, [shape, batch, indices]) =>
    assertEqual('GatherND', { inputs: [{ tensor: counted(type, shape) }, { tensor: indices }], attributes: { batch_dims: batch } })), { numRuns: 100 })
})

test('wasm: scattered floats are combined as on cpu, in order', async () => {
  const shape = fc.tuple(dim, fc.integer({ min: 1, max: 9 }), dim)
  await fc.assert(fc.asyncProperty(fc.nat(), fc.constantFrom('float32' as const, 'float64' as const), shape, fc.constantFrom('none', 'add', 'mul', 'max', 'min'), fc.integer({ min: -3, max: 2 }), fc.boolean(), (seed, type, own, reduction, axis, isNarrow) => {
    const size = own[(axis + 3) % 3]
    const places = Array.from({ length: sizeOf(own) }, (_, i) => ((i * 7 + seed) % (2 * size)) - size)
    const indices: Tensor = isNarrow ? { dtype: 'int32', shape: own, data: Int32Array.from(places) } : int64(places, own)
    return assertEqual('ScatterElements', { inputs: [{ tensor: noise(seed, type, own, 0.1) }, { tensor: indices }, { tensor: noise(seed + 1, type, own, 0.1) }], attributes: { axis, reduction } })
  }), { numRuns: 150 })
})

test('wasm: triangles are those of cpu', async () => {
  await fc.assert(fc.asyncProperty(dtype, dims(2, 4), fc.option(fc.integer({ min: -7, max: 7 })), fc.boolean(), (type, shape, k, isUpper) =>
    assertEqual('Trilu', { inputs: [{ tensor: counted(type, shape, 1) }, ...(k === null ? [] : [{ tensor: int64([k], []) }])], attributes: { upper: isUpper ? 1 : 0 } })), { numRuns: 120 })
})

test('wasm: blocks move between channels and space as on cpu', async () => {
  await fc.assert(fc.asyncProperty(dtype, dim, dim, dim, dim, fc.integer({ min: 1, max: 3 }), fc.constantFrom('DCR', 'CRD'), async (type, n, c, h, w, blocksize, mode) => {
    await assertEqual('DepthToSpace', { inputs: [{ tensor: counted(type, [n, c * blocksize * blocksize, h, w]) }], attributes: { blocksize, mode } })
    await assertEqual('SpaceToDepth', { inputs: [{ tensor: counted(type, [n, c, h * blocksize, w * blocksize]) }], attributes: { blocksize } })
  }), { numRuns: 60 })
})

test('wasm: indices of either width give the elements and the ones of cpu', async () => {
  for (const type of ['int32', 'int64'] as const) {
    const indices: Tensor = type === 'int32' ? { dtype: type, shape: [2, 3], data: Int32Array.of(0, -1, 2, 1, 1, -3) } : int64([0, -1, 2, 1, 1, -3], [2, 3])
    for (const own of ['float32', 'int64'] as const) {
      for (const axis of [0, 1]) {
        await assertEqual('GatherElements', { inputs: [{ tensor: counted(own, [3, 3]) }, { tensor: indices }], attributes: { axis } })
        await assertEqual('ScatterElements', { inputs: [{ tensor: counted(own, [3, 3]) }, { tensor: indices }, { tensor: counted(own, [2, 3], 50) }], attributes: { axis } })
      }
      for (const axis of [0, 1, -1]) await assertEqual('OneHot', { inputs: [{ tensor: indices }, { tensor: int64([3]), constant: true }, { tensor: counted(own, [2], 5) }], attributes: { axis } })
    }
  }
})

test('wasm: indices outside their dimensions are refused as on cpu', async () => {
  const x = counted('float32', [4, 3])
  const refused = async (key: string, inputs: readonly Tensor[]): Promise<void> => {
    const graph = opGraph(key, inputs.map((tensor) => ({ tensor })), {}, 1)
    await assert.rejects(wasm.run(graph, new Map(inputs.map((tensor, i) => [`x${i}`, tensor]))), { code: 'OP_INDEX' }, key)
  }
  for (const index of [4, -5]) {
    await refused('GatherElements', [x, int64([0, index], [2, 1])])
    await refused('ScatterElements', [x, int64([0, index], [2, 1]), counted('float32', [2, 1])])
    await refused('GatherND', [x, int64([0, index], [2, 1])])
    await refused('ScatterND', [x, int64([0, index], [2, 1]), counted('float32', [2, 3])])
  }
})

everyOperatorComputed('move', ['float32', 'float64', 'int64'], ['GatherElements', 'ScatterElements'])
everyOperatorComputed('move', ['int64', 'int32'], ['OneHot'])
everyOperatorComputed('move', DTYPES, ['GatherND', 'ScatterND', 'Trilu', 'DepthToSpace', 'SpaceToDepth'])
