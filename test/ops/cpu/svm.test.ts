import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { exp } from '../../../src/math/index.ts'
import { couplingLoss, pairScoresFormula, pairsOf, pairVotesFormula, svmDecisionFormula } from '../../../src/ops/formula/svm.ts'
import { tensor } from '../../../src/tensor/tensor.ts'
import { runOp } from '../../support/run-op.ts'

const number = fc.double({ min: -3, max: 3, noNaN: true })

const numbers = (count: number): fc.Arbitrary<number[]> => fc.array(number, { minLength: count, maxLength: count })

const close = (got: ArrayLike<unknown>, want: readonly number[], tolerance: number): void => {
  assert.equal(got.length, want.length)
  want.forEach((value, i) => assert.ok(Math.abs(Number(got[i]) - value) <= tolerance * (1 + Math.abs(value)), `element ${i}: ${String(got[i])}, expected ${value}`))
}

test('decisions equal the formula', async () => {
  const cases = fc.record({ rows: fc.nat(3), counts: fc.array(fc.nat(3), { minLength: 2, maxLength: 4 }) }).chain(({ rows, counts }) => {
    const vectors = counts.reduce((sum, one) => sum + one, 0)
    return fc.record({
      counts: fc.constant(counts),
      kernels: fc.array(numbers(vectors), { minLength: rows, maxLength: rows }),
      coefficients: fc.array(numbers(vectors), { minLength: counts.length - 1, maxLength: counts.length - 1 }),
      intercepts: numbers(pairsOf(counts.length).length),
    })
  })
  await fc.assert(
    fc.asyncProperty(cases, async ({ counts, kernels, coefficients, intercepts }) => {
      const classOf = counts.flatMap((count, c) => new Array<number>(count).fill(c))
      const [out] = await runOp('mle.SvmDecision', [
        tensor(Float64Array.from(kernels.flat()), [kernels.length, classOf.length]), tensor(Float64Array.from(coefficients.flat()), [coefficients.length, classOf.length]),
        tensor(Float64Array.from(intercepts), [intercepts.length]), tensor(Int32Array.from(counts), [counts.length]),
      ])
      close(out.data, kernels.flatMap((row) => svmDecisionFormula(row, coefficients, intercepts, classOf)), 1e-12)
    }),
    { numRuns: 40 },
  )
})

test('counts that do not add up are an error', async () => {
  for (const counts of [[1, 1], [3, 1], [-1, 4]]) {
    await assert.rejects(
      runOp('mle.SvmDecision', [tensor(new Float64Array(3), [1, 3]), tensor(new Float64Array(3), [1, 3]), tensor(new Float64Array(1), [1]), { tensor: tensor(Int32Array.from(counts), [2]), constant: true }]),
      (error) => error instanceof MleError && error.code === 'OP_VALUE',
    )
  }
})

test('votes and scores equal the formula, ties and zeros included', async () => {
  const cases = fc.integer({ min: 2, max: 5 }).chain((classes) => fc.record({
    classes: fc.constant(classes),
    d: fc.array(fc.oneof(fc.constantFrom(0, -0, 1, -1), number), { minLength: pairsOf(classes).length, maxLength: pairsOf(classes).length }),
  }))
  await fc.assert(
    fc.asyncProperty(cases, async ({ classes, d }) => {
      const [votes] = await runOp('mle.PairVotes', [tensor(Float64Array.from(d), [1, d.length])], { classes })
      assert.deepEqual([...votes.data], pairVotesFormula(d, classes))
      const second = d.map((value) => value < 0)
      const [scores] = await runOp('mle.PairScores', [tensor(second, [1, d.length]), tensor(Float64Array.from(d), [1, d.length])], { classes })
      close(scores.data, pairScoresFormula(second, d, classes), 1e-12)
    }),
    { numRuns: 60 },
  )
})

test('coupled probabilities are positive, add up to 1 and come close to the least loss', async () => {
  const cases = fc.integer({ min: 2, max: 5 }).chain((classes) => fc.record({ classes: fc.constant(classes), d: numbers(pairsOf(classes).length) }))
  await fc.assert(
    fc.asyncProperty(cases, async ({ classes, d }) => {
      const pairs = pairsOf(classes)
      const ones = new Float64Array(pairs.length)
      const [out] = await runOp('mle.PairCoupling', [tensor(Float64Array.from(d), [1, d.length]), tensor(ones.fill(-2), [d.length]), tensor(new Float64Array(d.length), [d.length])], { classes })
      const p = Array.from(out.data, Number)
      assert.ok(Math.abs(p.reduce((sum, one) => sum + one, 0) - 1) < 1e-12)
      assert.ok(p.every((one) => one > 0 && one < 1))
      const r = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
      pairs.forEach(([a, b], i) => {
        r[a][b] = 1 / (1 + exp(-2 * d[i]))
        r[b][a] = 1 - r[a][b]
      })
      const loss = couplingLoss(r, p)
      // Moving probability from one class to another must not help by more than the iteration's tolerance.
      for (const [a, b] of pairs) {
        for (const step of [0.02, -0.02]) {
          const moved = p.map((one, c) => (c === a ? one + step : c === b ? one - step : one))
          assert.ok(couplingLoss(r, moved) > loss - 0.001, `moving ${step} from ${b} to ${a} helps`)
        }
      }
    }),
    { numRuns: 60 },
  )
})
