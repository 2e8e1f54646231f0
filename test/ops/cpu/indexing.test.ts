// Selecting and placing by index, and Einsum, against plain loops.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { einsumPlan } from '../../../src/ops/einsum.ts'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import { runOp } from '../../support/run-op.ts'

const int64 = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor => tensor(BigInt64Array.from(values, BigInt), shape)
const range = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => i + 1)
const list = ({ data }: Tensor): number[] => Array.from(data as ArrayLike<number | bigint>, Number)

test('Trilu keeps a triangle of each matrix', async () => {
  for (const upper of [0, 1]) {
    for (const k of [-9, -1, 0, 1, 2, 9]) {
      const [y] = await runOp('Trilu', [tensor(range(24), [2, 3, 4]), int64([k], [])], { upper })
      assert.deepEqual(list(y), Array.from({ length: 24 }, (_, i) => {
        const offset = (i % 4) - (Math.floor(i / 4) % 3)
        return (upper === 1 ? offset >= k : offset <= k) ? i + 1 : 0
      }))
    }
  }
  assert.deepEqual((await runOp('Trilu', [int64([5, 6, 7, 8], [2, 2]), undefined]))[0].data, BigInt64Array.of(5n, 6n, 0n, 8n))
  await assert.rejects(runOp('Trilu', [tensor([1, 2])]), { code: 'OP_RANK' })
})

test('EyeLike puts ones on a diagonal', async () => {
  const x = tensor(range(6), [2, 3])
  assert.deepEqual(list((await runOp('EyeLike', [x]))[0]), [1, 0, 0, 0, 1, 0])
  assert.deepEqual((await runOp('EyeLike', [x], { k: 1, dtype: 'int64' }))[0].data, BigInt64Array.of(0n, 1n, 0n, 0n, 0n, 1n))
  assert.deepEqual(list((await runOp('EyeLike', [x], { k: -1, dtype: 'float16' }))[0]), [0, 0, 0, 0x3c00, 0, 0])
  await assert.rejects(runOp('EyeLike', [x], { dtype: 'string' }), { code: 'OP_ATTRIBUTE' })
})

test('CumProd along an axis, exclusive and reversed', async () => {
  const x = tensor(range(6), [2, 3])
  const run = async (attributes: Record<string, number>, axis: number): Promise<number[]> => list((await runOp('CumProd', [x, int64([axis], [])], attributes))[0])
  assert.deepEqual(await run({}, 1), [1, 2, 6, 4, 20, 120])
  assert.deepEqual(await run({}, 0), [1, 2, 3, 4, 10, 18])
  assert.deepEqual(await run({ exclusive: 1 }, -1), [1, 1, 2, 1, 4, 20])
  assert.deepEqual(await run({ reverse: 1 }, 1), [6, 6, 3, 120, 30, 6])
  assert.deepEqual(await run({ reverse: 1, exclusive: 1 }, 1), [6, 3, 1, 30, 6, 1])
  assert.deepEqual((await runOp('CumProd', [tensor(BigInt64Array.of(3n, 2n ** 40n, -5n)), int64([0], [])]))[0].data, BigInt64Array.of(3n, 3n * 2n ** 40n, -15n * 2n ** 40n))
})

test('CastLike follows Cast', async () => {
  assert.deepEqual((await runOp('CastLike', [tensor(Float32Array.of(1.7, -2.7)), tensor(Int32Array.of())]))[0].data, Int32Array.of(1, -2))
  assert.deepEqual((await runOp('CastLike', [tensor(Float32Array.of(1.5)), { dtype: 'string', shape: [1], data: [''] }]))[0].data, ['1.5'])
})

test('GatherND takes slices by tuples, with and without batches', async () => {
  const data = tensor(range(12), [2, 3, 2])
  assert.deepEqual(list((await runOp('GatherND', [data, int64([1, 2, 0, -1], [2, 2])]))[0]), [11, 12, 5, 6])
  assert.deepEqual(list((await runOp('GatherND', [data, int64([2, 0], [2, 1])], { batch_dims: 1 }))[0]), [5, 6, 7, 8])
  assert.deepEqual(list((await runOp('GatherND', [data, int64([1, 0, 1], [1, 3])]))[0]), [8])
  await assert.rejects(runOp('GatherND', [data, int64([2, 0], [1, 2])]), { code: 'OP_INDEX' })
  await assert.rejects(runOp('GatherND', [data, int64([0, 0, 0, 0], [1, 4])]), { code: 'OP_DIMENSION' })
})

test('ScatterND writes and combines slices in order', async () => {
  const data = tensor(range(6), [3, 2])
  const indices = int64([2, 0, 2], [3, 1])
  const updates = tensor(Float32Array.of(10, 20, 30, 40, 50, 60), [3, 2])
  const run = async (reduction: string): Promise<number[]> => list((await runOp('ScatterND', [data, indices, updates], { reduction }))[0])
  assert.deepEqual(await run('none'), [30, 40, 3, 4, 50, 60])
  assert.deepEqual(await run('add'), [31, 42, 3, 4, 65, 86])
  assert.deepEqual(await run('mul'), [30, 80, 3, 4, 2500, 7200])
  assert.deepEqual(await run('max'), [30, 40, 3, 4, 50, 60])
  assert.deepEqual(await run('min'), [1, 2, 3, 4, 5, 6])
  await assert.rejects(runOp('ScatterND', [data, indices, tensor(range(3))]), { code: 'OP_RANK' })
  await assert.rejects(run('other'), { code: 'OP_ATTRIBUTE' })
})

test('TensorScatter writes a cache, in a line or a circle', async () => {
  const cache = tensor(new Float32Array(8), [2, 4, 1])
  const update = tensor(range(4), [2, 2, 1])
  assert.deepEqual(list((await runOp('TensorScatter', [cache, update]))[0]), [1, 2, 0, 0, 3, 4, 0, 0])
  assert.deepEqual(list((await runOp('TensorScatter', [cache, update, int64([1, 2])]))[0]), [0, 1, 2, 0, 0, 0, 3, 4])
  assert.deepEqual(list((await runOp('TensorScatter', [cache, update, int64([3, 2])], { mode: 'circular' }))[0]), [2, 0, 0, 1, 0, 0, 3, 4])
  await assert.rejects(runOp('TensorScatter', [cache, update, int64([3, 2])]), { code: 'OP_INDEX' })
  await assert.rejects(runOp('TensorScatter', [cache, update], { axis: 0 }), { code: 'OP_AXIS' })
})

test('ReverseSequence turns the first steps of each batch', async () => {
  const x = tensor(range(6), [3, 2])
  assert.deepEqual(list((await runOp('ReverseSequence', [x, int64([3, 2])]))[0]), [5, 4, 3, 2, 1, 6])
  assert.deepEqual(list((await runOp('ReverseSequence', [x, int64([1, 2, 0])], { batch_axis: 0, time_axis: 1 }))[0]), [1, 2, 4, 3, 5, 6])
  await assert.rejects(runOp('ReverseSequence', [x, int64([4, 0])]), { code: 'OP_INDEX' })
  await assert.rejects(runOp('ReverseSequence', [x, int64([4, 0])], { time_axis: 1 }), { code: 'OP_ATTRIBUTE' })
})

test('Einsum: products, diagonals, ellipses, several inputs', async () => {
  const a = tensor(range(6), [2, 3])
  const b = tensor(range(12), [3, 4])
  const run = async (equation: string, ...inputs: Tensor[]): Promise<Tensor> => (await runOp('Einsum', inputs, { equation }))[0]
  const product = await run('ij,jk->ik', a, b)
  assert.deepEqual(product.shape, [2, 4])
  assert.deepEqual(list(product), list((await runOp('MatMul', [a, b]))[0]))
  assert.deepEqual(list(await run('ij, jk', a, b)), list(product))
  assert.deepEqual(list(await run('ij->ji', a)), [1, 4, 2, 5, 3, 6])
  assert.deepEqual(list(await run('ii->i', tensor(range(9), [3, 3]))), [1, 5, 9])
  assert.deepEqual(await run('ij->', a).then(list), [21])
  assert.deepEqual(list(await run('...ii->...i', tensor(range(8), [2, 2, 2]))), [1, 4, 5, 8])
  assert.deepEqual(list(await run('...ij,jk->...ik', tensor(range(12), [2, 2, 3]), b)).slice(0, 4), list(product).slice(0, 4))
  assert.deepEqual(list(await run('i,i,i->', tensor(range(3)), tensor(range(3)), tensor(range(3)))), [36])
  assert.deepEqual((await run('i,i', tensor(BigInt64Array.of(2n ** 40n, 3n)), tensor(BigInt64Array.of(5n, 7n)))).data, BigInt64Array.of(5n * 2n ** 40n + 21n))
  await assert.rejects(run('ij,jk->ik', a, a), { code: 'OP_DIMENSION' })
})

test('equations that are no equations are refused', () => {
  for (const [equation, ranks] of [['ij', [3]], ['ij->k', [2]], ['ij->ii', [2]], ['i,j', [1]], ['i1', [2]], ['i->j->k', [1]], ['......', [2]]] as const) {
    assert.throws(() => einsumPlan(equation, ranks), { code: 'OP_ATTRIBUTE' }, equation)
  }
})
