import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { tensor, type Tensor } from '../../../src/tensor/tensor.ts'
import { runOp } from '../../support/run-op.ts'

const K = 2
const FEATURES = 4
const H = [1, 2, 0, 1, 0, 1, 3, 1]
const positive = fc.double({ min: 0.1, max: 5, noNaN: true })
const codes = fc.array(fc.array(positive, { minLength: K, maxLength: K }), { minLength: 1, maxLength: 4 })

const matrix = (rows: readonly (readonly number[])[], width: number): Tensor => tensor(Float64Array.from(rows.flat()), [rows.length, width])
const components = tensor(Float64Array.from(H), [K, FEATURES])
const reconstructed = (w: readonly number[]): number[] => Array.from({ length: FEATURES }, (_, f) => w[0] * H[f] + w[1] * H[FEATURES + f])

for (const solver of ['descent', 'multiply', 'multiply-step']) {
  for (const beta of solver === 'descent' ? [2] : [2, 1, 0, 1.5, 0.5, 3]) {
    test(`${solver} with beta ${beta} finds the code of what a code made`, async () => {
      await fc.assert(
        fc.asyncProperty(codes, async (w) => {
          const x = w.map(reconstructed)
          const [out] = await runOp('mle.NmfCode', [matrix(x, FEATURES), components], { solver, beta, tolerance: 1e-13, maxIterations: 20000 })
          w.flat().forEach((one, i) => assert.ok(Math.abs(Number(out.data[i]) - one) < 1e-2 * (1 + one), `${String(out.data[i])}, expected ${one}`))
        }),
        { numRuns: 8 },
      )
    })
  }
}

test('descent meets the conditions of the minimum, penalties included', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(positive, { minLength: FEATURES, maxLength: FEATURES }), { minLength: 1, maxLength: 4 }), fc.double({ min: 0, max: 2, noNaN: true }), fc.double({ min: 0, max: 2, noNaN: true }), async (x, l1, l2) => {
      const [out] = await runOp('mle.NmfCode', [matrix(x, FEATURES), components], { solver: 'descent', l1, l2, tolerance: 1e-14, maxIterations: 2000 })
      x.forEach((row, r) => {
        const w = [Number(out.data[2 * r]), Number(out.data[2 * r + 1])]
        const y = reconstructed(w)
        for (let a = 0; a < K; a++) {
          const gradient = row.reduce((sum, value, f) => sum + (y[f] - value) * H[a * FEATURES + f], 0) + l1 + l2 * w[a]
          assert.ok(w[a] === 0 ? gradient > -1e-6 : Math.abs(gradient) < 1e-6, `gradient ${gradient} at ${w[a]}`)
        }
      })
    }),
    { numRuns: 40 },
  )
})

test('a growing penalty is counted once more with every step', async () => {
  const x = matrix([[1, 2, 3, 4]], FEATURES)
  const one = async (attributes: Record<string, number>): Promise<number> => Number((await runOp('mle.NmfCode', [x, components], { solver: 'multiply', beta: 1, l1: 0.5, tolerance: 0, ...attributes }))[0].data[0])
  assert.equal(await one({ maxIterations: 1, growing: 1 }), await one({ maxIterations: 1 }))
  assert.ok((await one({ maxIterations: 2, growing: 1 })) < (await one({ maxIterations: 2 })))
})

test('negative values, unknown solvers and no rows', async () => {
  await assert.rejects(runOp('mle.NmfCode', [matrix([[1, 2, 3, -1]], FEATURES), components], { solver: 'descent' }), (error) => error instanceof MleError && error.code === 'OP_VALUE')
  await assert.rejects(runOp('mle.NmfCode', [matrix([[1, 2, 3, 4]], FEATURES), components], { solver: 'guess' }), (error) => error instanceof MleError && error.code === 'OP_ATTRIBUTE')
  const [out] = await runOp('mle.NmfCode', [tensor(new Float64Array(0), [0, FEATURES]), components], { solver: 'multiply' })
  assert.deepEqual(out.shape, [0, K])
})
