import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { linearLeavesFormula, type FormulaLeaf } from '../../../src/ops/formula/linear-leaves.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { runOp, type OpInput } from '../../support/run-op.ts'

const constant = (tensor: Tensor): OpInput => ({ tensor, constant: true })
const uint32 = (data: readonly number[]): OpInput => constant({ dtype: 'uint32', shape: [data.length], data: Uint32Array.from(data) })
const float64 = (data: readonly number[]): OpInput => constant({ dtype: 'float64', shape: [data.length], data: Float64Array.from(data) })

function starts(counts: readonly number[]): number[] {
  return counts.reduce((list, count) => [...list, list[list.length - 1] + count], [0])
}

function inputsOf(x: readonly (readonly number[])[], reached: readonly (readonly number[])[], trees: readonly (readonly FormulaLeaf[])[]): OpInput[] {
  const leaves = trees.flat()
  return [
    { tensor: { dtype: 'float64', shape: [x.length, x[0].length], data: Float64Array.from(x.flat()) } },
    { tensor: { dtype: 'int32', shape: [reached.length, trees.length], data: Int32Array.from(reached.flat()) } },
    uint32(starts(trees.map((tree) => tree.length))),
    float64(leaves.map(({ constant: value }) => value)),
    float64(leaves.map(({ value }) => value)),
    uint32(starts(leaves.map(({ terms }) => terms.length))),
    uint32(leaves.flatMap(({ terms }) => terms.map(([feature]) => feature))),
    float64(leaves.flatMap(({ terms }) => terms.map(([, coefficient]) => coefficient))),
  ]
}

const number = fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 })
const leaf = fc.record({ constant: number, value: number, terms: fc.array(fc.tuple(fc.nat(2), number), { maxLength: 3 }) })
const row = fc.tuple(...[0, 1, 2].map(() => fc.oneof({ weight: 4, arbitrary: number }, { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -0) })))

test('equals the formula', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(leaf, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }), fc.array(row, { minLength: 1, maxLength: 4 }), fc.constantFrom(1, 2), fc.nat(), async (trees, x, outputs, pick) => {
      const reached = x.map((_, r) => trees.map((tree, t) => (pick + r * 7 + t) % tree.length))
      const [y] = await runOp('mle.LinearLeaves', inputsOf(x, reached, trees), { outputs })
      assert.deepEqual([...y.data], x.flatMap((own, r) => linearLeavesFormula(own, reached[r], trees, outputs)))
    }),
    { numRuns: 60 },
  )
})

const TREES = [[{ constant: 1, value: 2, terms: [[0, 1]] as const }]]

test('constants that do not fit together are refused', async () => {
  const sound = (): OpInput[] => inputsOf([[1]], [[0]], TREES)
  await runOp('mle.LinearLeaves', sound(), { outputs: 1 })
  const broken: readonly (readonly [position: number, input: OpInput])[] = [[2, uint32([0, 2])], [2, uint32([0, 1, 1])], [5, uint32([0, 2])], [5, uint32([0, 1, 1])], [6, uint32([3])]]
  for (const [position, input] of broken) {
    const inputs = sound()
    inputs[position] = input
    await assert.rejects(runOp('mle.LinearLeaves', inputs, { outputs: 1 }), (error) => error instanceof MleError && error.code === 'LINEAR_LEAVES', `input ${position}`)
  }
})

test('a leaf that the tree does not have is refused', async () => {
  for (const leafNumber of [1, -1]) {
    await assert.rejects(runOp('mle.LinearLeaves', inputsOf([[1]], [[leafNumber]], TREES), { outputs: 1 }), (error) => error instanceof MleError && error.code === 'OP_INDEX')
  }
})
