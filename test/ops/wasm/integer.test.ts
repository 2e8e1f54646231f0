import { test } from 'node:test'
import fc from 'fast-check'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { assertEqual, everyOperatorComputed } from './equal.ts'

type ByteType = 'int8' | 'uint8'

function bytes(dtype: ByteType, shape: readonly number[], values: readonly number[]): Tensor {
  const size = shape.reduce((product, dim) => product * dim, 1)
  const at = (i: number): number => (values.length === 0 ? 0 : values[i % values.length])
  return { dtype, shape, data: dtype === 'int8' ? Int8Array.from({ length: size }, (_, i) => at(i)) : Uint8Array.from({ length: size }, (_, i) => at(i)) }
}

const dtype = fc.constantFrom<ByteType>('int8', 'uint8')
const values = fc.array(fc.oneof(fc.integer({ min: -128, max: 255 }), fc.constantFrom(-128, 127, 255, 0)), { minLength: 1, maxLength: 97 })
const count = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 70 }))

test('wasm: products of bytes are those of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.tuple(dtype, dtype), fc.tuple(count, count, count), fc.tuple(values, values, values), fc.constantFrom('none', 'one', 'columns', 'rows'), fc.boolean(), ([left, right], [rows, depth, columns], [a, b, z], zeros, stack) => assertEqual('MatMulInteger', {
      inputs: [
        { tensor: bytes(left, stack ? [2, rows, depth] : [rows, depth], a) },
        { tensor: bytes(right, [depth, columns], b), constant: true },
        zeros === 'none' ? undefined : { tensor: bytes(left, zeros === 'rows' ? [rows] : [], z) },
        zeros === 'none' ? undefined : { tensor: bytes(right, zeros === 'columns' ? [columns] : [], z), constant: true },
      ],
    })),
    { numRuns: 150 },
  )
})

test('wasm: products of bytes deeper than a block are those of cpu', async () => {
  for (const [rows, depth, columns] of [[5, 9001, 11], [4, 4096, 8], [1, 4097, 9]]) {
    await assertEqual('MatMulInteger', {
      inputs: [{ tensor: bytes('uint8', [rows, depth], [0, 255, 3, 200, 17]) }, { tensor: bytes('int8', [depth, columns], [-128, 127, 5, -3, 90, 1, 0]), constant: true }, { tensor: bytes('uint8', [], [7]) }, { tensor: bytes('int8', [], [-4]), constant: true }],
    })
  }
})

everyOperatorComputed('integer', ['uint8', 'int8'], ['MatMulInteger'])
