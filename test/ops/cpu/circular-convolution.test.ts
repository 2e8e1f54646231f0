import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { tensor } from '../../../src/tensor/tensor.ts'
import { runOp } from '../../support/run-op.ts'

test('circular convolution equals the formula', async () => {
  const rows = fc.integer({ min: 1, max: 7 }).chain((n) => fc.array(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 2 * n, maxLength: 2 * n }), { maxLength: 4 }).map((list) => ({ n, list })))
  await fc.assert(
    fc.asyncProperty(rows, async ({ n, list }) => {
      const half = (start: number): ReturnType<typeof tensor> => tensor(Float64Array.from(list.flatMap((row) => row.slice(start, start + n))), [list.length, n])
      const [out] = await runOp('mle.CircularConvolution', [half(0), half(n)])
      const want = list.flatMap((row) => Array.from({ length: n }, (_, k) => Array.from({ length: n }, (_term, i) => row[i] * row[n + ((k - i + n) % n)]).reduce((sum, one) => sum + one, 0)))
      assert.deepEqual(Array.from(out.data, Number), want.map((one) => one + 0))
    }),
    { numRuns: 40 },
  )
})
