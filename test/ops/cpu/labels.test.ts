import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { labelKernels } from '../../../src/ops/cpu/labels.ts'
import { labelLookupFormula } from '../../../src/ops/formula/labels.ts'
import { allocateView, viewOfTensor, type KernelContext, type View } from '../../../src/ops/kernel.ts'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'

const entry = new Map(labelKernels).get('mle.LabelLookup')

function lookUp(index: Tensor, classes: Tensor): View {
  assert.ok(entry !== undefined && 'make' in entry)
  const out = allocateView(classes.dtype, index.shape)
  entry.make({} as KernelContext)([viewOfTensor(index), viewOfTensor(classes)], [out])
  return out
}

test('labels of every dtype equal the formula', () => {
  const labels = fc.oneof(
    fc.array(fc.string(), { minLength: 1 }).map((list) => ({ dtype: 'string' as const, list })),
    fc.array(fc.integer(), { minLength: 1 }).map((list) => ({ dtype: 'int32' as const, list })),
    fc.array(fc.double({ noNaN: true }), { minLength: 1 }).map((list) => ({ dtype: 'float64' as const, list })),
  )
  fc.assert(
    fc.property(labels, fc.array(fc.nat()), fc.constantFrom('int32' as const, 'int64' as const), ({ dtype, list }, raw, indexDtype) => {
      const index = raw.map((one) => one % list.length)
      const positions = tensor(index.map((one) => (indexDtype === 'int64' ? BigInt(one) : one)), [index.length], indexDtype)
      const out = lookUp(positions, tensor(list, [list.length], dtype))
      assert.deepEqual([...out.data], labelLookupFormula<string | number>(index, list))
    }),
  )
})

test('a bool index picks one of two', () => {
  assert.deepEqual(lookUp(tensor([false, true]), tensor(['no', 'yes'])).data, ['no', 'yes'])
})

test('a position outside the list is an error', () => {
  for (const index of [tensor([2], [1], 'int32'), tensor([-1], [1], 'int32'), tensor([2n ** 32n])]) {
    assert.throws(() => lookUp(index, tensor(['no', 'yes'])), (error) => error instanceof MleError && error.code === 'OP_INDEX')
  }
})
