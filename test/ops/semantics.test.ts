// Cases in which libraries differ, each with the answer that ONNX or numpy gives, and what operators refuse.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MleError } from '../../src/error.ts'
import type { AttributeInput } from '../../src/graph/builder.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { opGraph, runOp, cpu, type OpInput } from '../support/run-op.ts'
import { gridOf } from './values.ts'

type Given = Parameters<typeof tensor>[0]
const t = (data: Given, dtype?: Tensor['dtype'], shape?: number[]): Tensor => tensor(data, shape, dtype)
const ints = (...values: number[]): Tensor => tensor(BigInt64Array.from(values, BigInt))

async function check(key: string, inputs: readonly (Tensor | undefined)[], attributes: Readonly<Record<string, AttributeInput>>, expected: readonly unknown[], shape?: readonly number[]): Promise<void> {
  const [result] = await runOp(key, inputs, attributes, { outputs: 1 })
  const items = gridOf(result).items.map((item) => (typeof item === 'bigint' ? Number(item) : item))
  assert.deepEqual(items, expected, `${key} ${JSON.stringify(attributes)}`)
  if (shape !== undefined) assert.deepEqual(result.shape, shape)
}

test('Mod follows the divisor, or the dividend with fmod', async () => {
  const [a, b] = [ints(-4, 7, 5, 4, -7, 8), ints(2, -3, 8, -2, 3, 5)]
  await check('Mod', [a, b], {}, [0, -2, 5, 0, 2, 3])
  await check('Mod', [a, b], { fmod: 1 }, [0, 1, 5, 0, -1, 3])
  await check('Mod', [t([-4.3, 7.2, 5.0]), t([2.1, -3.4, 8.0])], { fmod: 1 }, [-4.3 % 2.1, 7.2 % -3.4, 5])
  await check('Mod', [ints(5, 0), ints(0, 0)], {}, [0, 0])
})

test('Round goes to even at halves and keeps the sign of zero', () =>
  check('Round', [t([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999999999999994, 4503599627370495.5, -0])], {}, [0, 2, 2, -0, -2, -2, 0, 4503599627370496, -0]))

test('Div of integers truncates and wraps', async () => {
  await check('Div', [t([-7, 7, -2147483648, 5], 'int32'), t([2, -2, -1, 0], 'int32')], {}, [-3, -3, -2147483648, 0])
  await check('Div', [ints(-7, 7, 1), ints(2, -2, 0)], {}, [-3, -3, 0])
})

test('64-bit integers keep all their bits', async () => {
  const big = 2n ** 62n + 3n
  const one = async (key: string, a: bigint, b: bigint, attributes = {}): Promise<unknown> => (await runOp(key, [t([a]), t([b])], attributes))[0].data[0]
  assert.equal(await one('Add', 2n ** 63n - 1n, 1n), -(2n ** 63n))
  assert.equal(await one('Sub', -(2n ** 63n), 1n), 2n ** 63n - 1n)
  assert.equal(await one('Mul', big, 5n), BigInt.asIntN(64, big * 5n))
  assert.equal(await one('Div', big, -7n), big / -7n)
  assert.equal(await one('Mod', -big, 1000n), 1000n - (big % 1000n))
  assert.equal(await one('Max', big, big - 1n), big)
  assert.equal((await runOp('ReduceSum', [t([big, big, -big, 1n])]))[0].data[0], BigInt.asIntN(64, big + 1n))
})

test('Cast: numbers', async () => {
  await check('Cast', [t([2.9, -2.9, NaN, Infinity, -Infinity, 3e9])], { to: 'int32' }, [2, -2, 0, 2147483647, -2147483648, 2147483647])
  await check('Cast', [t([300.7, -5.2, NaN])], { to: 'uint8' }, [255, 0, 0])
  await check('Cast', [t([1e30, -1e30, 2.5])], { to: 'int64' }, [2 ** 63, -(2 ** 63), 2])
  await check('Cast', [t([300, -1, 128], 'int32')], { to: 'uint8' }, [44, 255, 128])
  await check('Cast', [ints(-1, 2 ** 32 + 7)], { to: 'uint32' }, [4294967295, 7])
  await check('Cast', [t([0, -0, NaN, 0.1])], { to: 'bool' }, [false, false, true, true])
  await check('Cast', [t([true, false])], { to: 'float32' }, [1, 0])
  // Through a double this would round twice: 2^60 + 2^36 + 1 lies just above the middle of two float32.
  await check('Cast', [t([2n ** 60n + 2n ** 36n + 1n, -(2n ** 60n) - 2n ** 36n - 1n])], { to: 'float32' }, [2 ** 60 + 2 ** 37, -(2 ** 60) - 2 ** 37])
  await check('Cast', [t([65519.99, 65520, 1e-8, 2049])], { to: 'float16' }, [65504, Infinity, 0, 2048])
})

test('Cast: strings as Python reads and writes them', async () => {
  await check('Cast', [t([1, -0, 0.1, 1e16, 123456789012345.67, 1e-5, 0.0001, NaN, -Infinity, 5e-324])], { to: 'string' }, ['1.0', '-0.0', '0.1', '1e+16', '123456789012345.67', '1e-05', '0.0001', 'nan', '-inf', '5e-324'])
  await check('Cast', [t([0.1, 16777216, 1e10, 3.4028234663852886e38], 'float32')], { to: 'string' }, ['0.1', '16777216.0', '10000000000.0', '3.4028235e+38'])
  await check('Cast', [t([2n ** 63n - 1n, -5n])], { to: 'string' }, ['9223372036854775807', '-5'])
  await check('Cast', [t([true, false])], { to: 'string' }, ['True', 'False'])
  await check('Cast', [t([' 1.5 ', '-3', '1E8', '+INF', '-inf', 'NaN', '.5', '7.'])], { to: 'float64' }, [1.5, -3, 1e8, Infinity, -Infinity, NaN, 0.5, 7])
  await check('Cast', [t(['100.7', '-8'])], { to: 'int32' }, [100, -8])
  assert.deepEqual((await runOp('Cast', [t(['9223372036854775807'])], { to: 'int64' }))[0].data, BigInt64Array.of(2n ** 63n - 1n))
})

test('Slice clamps as Python does', async () => {
  const x = t([0, 1, 2, 3, 4])
  await check('Slice', [x, ints(-1), ints(-100), ints(0), ints(-2)], {}, [4, 2, 0])
  await check('Slice', [x, ints(1), ints(1000)], {}, [1, 2, 3, 4])
  await check('Slice', [x, ints(3), ints(1)], {}, [], [0])
  await check('Slice', [x, tensor(BigInt64Array.of(2n ** 63n - 1n)), tensor(BigInt64Array.of(-(2n ** 63n))), ints(-1), ints(-1)], {}, [4, 3, 2, 1, 0])
})

test('Gather counts negative indices from the end', async () => {
  await check('Gather', [t([[1, 2], [3, 4]]), ints(-1, 0)], { axis: -1 }, [2, 1, 4, 3])
  await check('Gather', [t(['a', 'b', 'c']), tensor(BigInt64Array.of(-1n), [])], {}, ['c'], [])
})

test('reductions over nothing give their identity', async () => {
  const none = t(new Float64Array(0), 'float64', [2, 0])
  for (const [key, value] of [['ReduceSum', 0], ['ReduceProd', 1], ['ReduceMax', -Infinity], ['ReduceMin', Infinity], ['ReduceMean', NaN], ['ReduceLogSumExp', -Infinity], ['ReduceL2', 0]] as const) {
    await check(key, [none, ints(1)], { keepdims: 0 }, [value, value], [2])
  }
  await check('ReduceMax', [tensor(new BigInt64Array(0))], { keepdims: 0 }, [-(2 ** 63)], [])
  await check('ReduceSum', [t([[1, 2], [3, 4]]), ints()], { noop_with_empty_axes: 1 }, [1, 2, 3, 4], [2, 2])
  await check('ReduceSum', [t([[1, 2], [3, 4]]), ints()], {}, [10], [1, 1])
})

test('ArgMax and ArgMin: first of equals, and NaN wins', async () => {
  await check('ArgMax', [t([1, 3, 3, 2])], {}, [1], [1])
  await check('ArgMax', [t([1, 3, 3, 2])], { select_last_index: 1 }, [2])
  await check('ArgMax', [t([1, NaN, 3, NaN])], { keepdims: 0 }, [1], [])
  await check('ArgMin', [t([1, NaN, -3, NaN])], { select_last_index: 1 }, [3])
})

test('NaN passes through Max, Min, Clip and Relu', async () => {
  await check('Max', [t([NaN, 1]), t([0, NaN])], {}, [NaN, NaN])
  await check('Clip', [t([NaN, -1, 9]), t(0), t(5)], {}, [NaN, 0, 5])
  await check('Clip', [t([1]), t(5), t(2)], {}, [2])
  await check('Relu', [t([NaN, -1, -0])], {}, [NaN, 0, 0])
  await check('Sign', [t([NaN, -2, 0])], {}, [NaN, -1, 0])
})

test('TopK puts lower indices first and NaN with the largest', async () => {
  const [values, indices] = await runOp('TopK', [t([1, NaN, 3, 3, -1]), ints(4)])
  assert.deepEqual([...values.data], [NaN, 3, 3, 1])
  assert.deepEqual([...indices.data], [1n, 2n, 3n, 0n])
  await check('TopK', [t([1, NaN, 3, 1]), ints(4)], { largest: 0 }, [1, 1, 3, NaN])
})

test('OneHot ignores indices outside, Where picks words whole, CumSum runs backwards', async () => {
  await check('OneHot', [ints(0, 3, -1, -4), t(3n as never, 'int64', []), t([0, 9])], {}, [9, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0], [4, 3])
  await check('Where', [t([[true], [false]]), ints(1, 2), ints(-3, 2 ** 40)], {}, [1, 2, -3, 2 ** 40])
  await check('CumSum', [t([1, 2, 3]), t(0n as never, 'int64', [])], { exclusive: 1, reverse: 1 }, [5, 3, 0])
})

test('a matrix product has one accumulator for each output, in every tile', async () => {
  // 1e16 + 1 + 1 - 1e16 is 0 from left to right, and 2 or more in any other order.
  const row = [1e16, 1, 1, -1e16]
  for (const [rows, columns] of [[1, 1], [5, 1], [1, 5], [4, 4], [6, 7]]) {
    const a = t(Float64Array.from({ length: rows * 4 }, (_, i) => row[i % 4]), 'float64', [rows, 4])
    const b = t(new Float64Array(4 * columns).fill(1), 'float64', [4, columns])
    await check('MatMul', [a, b], {}, new Array<number>(rows * columns).fill(0))
    await check('Gemm', [a, t(new Float64Array(4 * columns).fill(1), 'float64', [columns, 4])], { transB: 1 }, new Array<number>(rows * columns).fill(0))
  }
  const single = 2 ** 24
  await check('MatMul', [t([[single, 1, 1]], 'float32'), t([[1], [1], [1]], 'float32')], {}, [single])
})

test('sums go to 16 partials that are merged pairwise', async () => {
  const at = (entries: readonly (readonly [number, number])[], length: number): Tensor => {
    const data = new Float64Array(length)
    for (const [i, value] of entries) data[i] = value
    return t(data, 'float64', [length])
  }
  // Elements 0 and 16 share a partial, 0 and 8 meet first, then 4, 2 and 1.
  await check('ReduceSum', [at([[0, 1e16], [1, 1], [16, -1e16]], 20)], { keepdims: 0 }, [1])
  await check('ReduceSum', [at([[0, 1e16], [1, 1], [8, -1e16]], 20)], { keepdims: 0 }, [1])
  await check('ReduceSum', [at([[0, 1e16], [4, 1], [8, 1], [12, -1e16]], 20)], { keepdims: 0 }, [0])
  await check('ReduceSum', [at([[0, 1e16], [1, -1e16], [2, 1]], 3)], { keepdims: 0 }, [0])
  await check('ReduceSum', [t([1e16, 1, -1e16])], { keepdims: 0 }, [1])
})

/** Awaits an error with a code that names the node. */
async function refuses(code: string, key: string, inputs: readonly (Tensor | OpInput | undefined)[], attributes: Readonly<Record<string, AttributeInput>> = {}, outputs = 1): Promise<void> {
  await assert.rejects(runOp(key, inputs, attributes, { outputs }), (error: unknown) => {
    assert.ok(error instanceof MleError, String(error))
    assert.equal(error.code, code, error.message)
    assert.match(error.message, /^graph node 0 "/)
    return true
  })
}

test('SHAPE_BROADCAST: dimensions that do not broadcast', () => refuses('SHAPE_BROADCAST', 'Add', [t([1, 2]), t([1, 2, 3])]))
test('OP_INPUT: a missing or surplus input', async () => {
  await refuses('OP_INPUT', 'Add', [t([1])])
  await refuses('OP_INPUT', 'Neg', [t([1]), t([1])])
})
test('OP_OUTPUT: more outputs than there are', () => refuses('OP_OUTPUT', 'Neg', [t([1])], {}, 2))
test('OP_DTYPE: a dtype that the operator does not take, or two that differ', async () => {
  await refuses('OP_DTYPE', 'Exp', [t([1], 'int32')])
  await refuses('OP_DTYPE', 'Add', [t([1]), t([1], 'float32')])
})
test('OP_ATTRIBUTE: missing, of another kind, or out of its values', async () => {
  await refuses('OP_ATTRIBUTE', 'Concat', [t([1])])
  await refuses('OP_ATTRIBUTE', 'Cast', [t([1])], { to: 'float99' })
  await refuses('OP_ATTRIBUTE', 'Mod', [t([1]), t([1])])
  await refuses('OP_ATTRIBUTE', 'Pad', [t([1]), ints(1, 1)], { mode: 'mirror' })
  await refuses('OP_ATTRIBUTE', 'Slice', [t([1]), ints(0), ints(1), ints(0), ints(0)])
  await refuses('OP_ATTRIBUTE', 'Concat', [t([1])], { axis: { kind: 'string', value: 'x' } })
})
test('OP_RANK: another number of dimensions', async () => {
  await refuses('OP_RANK', 'Gemm', [t([1]), t([[1]])])
  await refuses('OP_RANK', 'MatMul', [t(1), t([[1]])])
  await refuses('OP_RANK', 'Transpose', [t([1])], { perm: [0, 1] })
  await refuses('OP_RANK', 'Tile', [t([1]), ints(1, 1)])
})
test('OP_AXIS: outside, or named twice', async () => {
  await refuses('OP_AXIS', 'Softmax', [t([1])], { axis: 1 })
  await refuses('OP_AXIS', 'ReduceSum', [t([[1]]), ints(0, -2)])
  await refuses('OP_AXIS', 'Flatten', [t([1])], { axis: 2 })
  await refuses('OP_AXIS', 'Concat', [t([1]), t([2])], { axis: 1 })
})
test('OP_DIMENSION: dimensions that do not fit', async () => {
  await refuses('OP_DIMENSION', 'MatMul', [t([[1, 2]]), t([[1]])])
  await refuses('OP_DIMENSION', 'Gemm', [t([[1]]), t([[1]]), t([1, 2])])
  await refuses('OP_DIMENSION', 'Concat', [t([[1, 2]]), t([[1]])], { axis: 0 })
  await refuses('OP_DIMENSION', 'Reshape', [t([1, 2, 3]), ints(2, 2)])
  await refuses('OP_DIMENSION', 'Reshape', [t([1, 2, 3]), ints(2, -1)])
  await refuses('OP_DIMENSION', 'Reshape', [t([1, 2]), ints(-1, -1)])
  await refuses('OP_DIMENSION', 'Reshape', [t([1]), ints(1, 0)])
  await refuses('OP_DIMENSION', 'Squeeze', [t([1, 2]), ints(0)])
  await refuses('OP_DIMENSION', 'Split', [t([1, 2]), ints(1, 2)], {}, 2)
  await refuses('OP_DIMENSION', 'TopK', [t([1, 2]), ints(3)], {}, 2)
  await refuses('OP_DIMENSION', 'Tile', [t([1]), ints(-1)])
  await refuses('OP_DIMENSION', 'Pad', [t([1]), ints(-1, -1)])
  await refuses('OP_DIMENSION', 'ConstantOfShape', [ints(-1)])
  await refuses('OP_DIMENSION', 'Range', [t(0), t(1), t(0)])
})
test('OP_EMPTY: the index of the largest of nothing', () => refuses('OP_EMPTY', 'ArgMax', [t(new Float64Array(0), 'float64', [2, 0])], { axis: 1 }))
test('OP_INDEX: an index outside its dimension, found when it is read', async () => {
  await refuses('OP_INDEX', 'Gather', [t([1, 2]), ints(2)])
  await refuses('OP_INDEX', 'GatherElements', [t([1, 2]), ints(-3)])
  await refuses('OP_INDEX', 'ScatterElements', [t([1, 2]), ints(2), t([1])])
})
test('CAST_STRING: a string that is no number', async () => {
  await refuses('CAST_STRING', 'Cast', [t(['1.5', 'one'])], { to: 'float64' })
  await refuses('CAST_STRING', 'Cast', [t([''])], { to: 'int32' })
  await refuses('CAST_STRING', 'Cast', [t(['0x10'])], { to: 'float32' })
})

test('an error names the node, and a constant is checked when the graph is planned', async () => {
  const graph = opGraph('Reshape', [{ tensor: t([1, 2, 3]) }, { tensor: ints(2, 2), constant: true }])
  await assert.rejects(cpu.run(graph, new Map([['x0', t([1, 2, 3])]])), (error: unknown) => error instanceof MleError && error.section === 'node 0 "Reshape"')
})
