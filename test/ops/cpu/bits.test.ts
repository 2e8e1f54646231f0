// Bits of integers against BigInt arithmetic.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import type { DType } from '../../../src/tensor/dtype.ts'
import { runOp } from '../../support/run-op.ts'

const ARRAYS = { int8: Int8Array, int16: Int16Array, int32: Int32Array, uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array } as const
type Integer = keyof typeof ARRAYS | 'int64' | 'uint64'
const INTEGERS: readonly Integer[] = ['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64']

const bitsOf = (dtype: Integer): number => Number(dtype.replace(/\D+/, ''))
const wrap = (dtype: Integer, value: bigint): bigint => (dtype.startsWith('u') ? BigInt.asUintN(bitsOf(dtype), value) : BigInt.asIntN(bitsOf(dtype), value))

function make(dtype: Integer, values: readonly bigint[]): Tensor {
  const own = values.map((value) => wrap(dtype, value))
  if (dtype === 'int64') return tensor(BigInt64Array.from(own))
  if (dtype === 'uint64') return tensor(BigUint64Array.from(own))
  return tensor(ARRAYS[dtype].from(own.map(Number)), [own.length], dtype as DType)
}

const read = ({ data }: Tensor): bigint[] => Array.from(data as ArrayLike<number | bigint>, BigInt)
const words = fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), { minLength: 1, maxLength: 6 })

test('and, or, xor and not of every integer dtype', async () => {
  await fc.assert(fc.asyncProperty(words, words, async (left, right) => {
    const n = Math.min(left.length, right.length)
    for (const dtype of INTEGERS) {
      const a = left.slice(0, n).map((value) => wrap(dtype, value))
      const b = right.slice(0, n).map((value) => wrap(dtype, value))
      const inputs = [make(dtype, a), make(dtype, b)]
      const both = async (op: string, f: (x: bigint, y: bigint) => bigint): Promise<void> =>
        assert.deepEqual(read((await runOp(op, inputs))[0]), a.map((value, i) => wrap(dtype, f(value, b[i]))), `${op} ${dtype}`)
      await both('BitwiseAnd', (x, y) => x & y)
      await both('BitwiseOr', (x, y) => x | y)
      await both('BitwiseXor', (x, y) => x ^ y)
      assert.deepEqual(read((await runOp('BitwiseNot', [inputs[0]]))[0]), a.map((value) => wrap(dtype, ~value)), `not ${dtype}`)
    }
  }), { numRuns: 20 })
})

test('shifts by counts from 0 past the width', async () => {
  for (const dtype of ['uint8', 'uint16', 'uint32', 'uint64'] as const) {
    const counts = Array.from({ length: bitsOf(dtype) + 3 }, (_, i) => BigInt(i))
    const a = counts.map((_, i) => wrap(dtype, 0x9e3779b97f4a7c15n + BigInt(i)))
    for (const direction of ['LEFT', 'RIGHT']) {
      const [y] = await runOp('BitShift', [make(dtype, a), make(dtype, counts)], { direction })
      assert.deepEqual(read(y), a.map((value, i) => wrap(dtype, direction === 'LEFT' ? value << counts[i] : value >> counts[i])), `${dtype} ${direction}`)
    }
  }
})

test('BitCast keeps bytes and refuses another size', async () => {
  const [bits] = await runOp('BitCast', [tensor(Float32Array.of(1, -2))], { to: 'int32' })
  assert.deepEqual([...bits.data], [0x3f800000, -0x40000000])
  const [floats] = await runOp('BitCast', [tensor(BigInt64Array.of(0x3ff0000000000000n))], { to: 'float64' })
  assert.deepEqual([...floats.data], [1])
  await assert.rejects(runOp('BitCast', [tensor(Float32Array.of(1))], { to: 'int64' }), { code: 'OP_DTYPE' })
})
