import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { distanceFormula } from '../../../src/ops/formula/distances.ts'
import { classSumsFormula, nearestFormula } from '../../../src/ops/formula/neighbors.ts'
import { tensor } from '../../../src/tensor/tensor.ts'
import { runOp } from '../../support/run-op.ts'
import { matrix, neighborTree } from '../neighbor-tree.ts'

const grid = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 3 })
const points = fc.array(grid, { minLength: 4, maxLength: 40 })

for (const metric of ['euclidean', 'manhattan', 'chebyshev', 'minkowski', 'canberra']) {
  for (const search of ['brute', 'kd_tree', 'ball_tree']) {
    // Boxes bound distances of the Minkowski family only; the test's balls are Euclidean.
    if ((search === 'kd_tree' && metric === 'canberra') || (search === 'ball_tree' && metric !== 'euclidean')) continue
    test(`the nearest by ${metric} through ${search} are as far as the formula says`, async () => {
      await fc.assert(
        fc.asyncProperty(points, fc.array(grid, { minLength: 1, maxLength: 4 }), fc.integer({ min: 1, max: 4 }), fc.constantFrom('earlier', 'later'), async (rows, x, k, ties) => {
          const tree = search === 'brute' ? [] : [undefined, ...neighborTree(rows, search === 'ball_tree')]
          const inputs = [matrix(x), matrix(rows), ...tree].map((one, i) => (one === undefined || i === 0 ? one : { tensor: one, constant: true }))
          const [distances, indices] = await runOp('mle.NearestNeighbors', inputs, { metric, p: 3, k, search, ties })
          x.forEach((row, r) => {
            const want = nearestFormula(metric, row, rows, k, 3)
            const found = Array.from({ length: k }, (_, i) => Number(indices.data[r * k + i]))
            assert.equal(new Set(found).size, k)
            found.forEach((at, i) => {
              assert.ok(Math.abs(Number(distances.data[r * k + i]) - want[i]) < 1e-9, `distance ${i}`)
              assert.ok(Math.abs(distanceFormula(metric, row, rows[at], 3) - want[i]) < 1e-9, `point ${i}`)
            })
          })
        }),
        { numRuns: 25 },
      )
    })
  }
}

test('of equal distances the earlier ones stay, or the later ones', async () => {
  const rows = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
  const nearest = async (ties: string): Promise<unknown[]> => [...(await runOp('mle.NearestNeighbors', [matrix([[0, 0, 0]]), matrix(rows)], { k: 2, ties }))[1].data]
  assert.deepEqual(await nearest('earlier'), [0, 1])
  assert.deepEqual(await nearest('later'), [0, 3])
})

test('a damaged tree is an error', async () => {
  const rows = Array.from({ length: 8 }, (_, i) => [i, 0, 0])
  const run = (change: (order: Int32Array, nodes: Int32Array) => void): Promise<unknown> => {
    const [order, nodes, bounds] = neighborTree(rows, false)
    change(order.data as Int32Array, nodes.data as Int32Array)
    return runOp('mle.NearestNeighbors', [matrix([[0, 0, 0]]), matrix(rows), undefined, order, nodes, bounds].map((one) => one && { tensor: one, constant: true }).map((one, i) => (i === 0 ? one?.tensor : one)), { k: 2, search: 'kd_tree' })
  }
  await run(() => undefined)
  const damages: ((order: Int32Array, nodes: Int32Array) => void)[] = [
    (order) => (order[0] = 8), (order) => (order[0] = -1), (order) => (order[0] = order[1]),
    (_order, nodes) => (nodes[1] = 9), (_order, nodes) => (nodes[0] = -1), (_order, nodes) => (nodes[0] = 9), (_order, nodes) => (nodes[3 * 6 + 2] = 0),
  ]
  for (const damage of damages) await assert.rejects(run(damage), (error) => error instanceof MleError && error.code === 'OP_TREE')
})

test('sums by class equal the formula', async () => {
  const cases = fc.integer({ min: 1, max: 20 }).chain((k) => fc.record({
    index: fc.array(fc.nat(9), { minLength: k, maxLength: k }),
    weights: fc.option(fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { minLength: k, maxLength: k }), { nil: undefined }),
    labels: fc.array(fc.nat(2), { minLength: 10, maxLength: 10 }),
  }))
  await fc.assert(
    fc.asyncProperty(cases, async ({ index, weights, labels }) => {
      const inputs = [tensor(Int32Array.from(index), [1, index.length]), tensor(Int32Array.from(labels), [10]), ...(weights === undefined ? [] : [tensor(Float64Array.from(weights), [1, weights.length])])]
      const [out] = await runOp('mle.ClassSums', inputs, { classes: 3 })
      classSumsFormula(index, labels, 3, weights).forEach((value, c) => assert.ok(Math.abs(Number(out.data[c]) - value) < 1e-12))
    }),
    { numRuns: 60 },
  )
})

test('a label outside the classes is an error', async () => {
  for (const [at, label] of [[0, 3], [0, -1], [1, 0]]) {
    await assert.rejects(runOp('mle.ClassSums', [tensor(Int32Array.of(at), [1, 1]), tensor(Int32Array.of(label), [1])], { classes: 3 }), (error) => error instanceof MleError && error.code === 'OP_INDEX')
  }
})

test('a condition that does not hold is an error with its own text', async () => {
  const x = tensor(Float64Array.of(1, 2), [2])
  const [out] = await runOp('mle.Require', [x, tensor([true, true], [2, 1])], { message: 'no' })
  assert.deepEqual([...out.data], [1, 2])
  await assert.rejects(runOp('mle.Require', [x, tensor([true, false], [2, 1])], { message: 'rows must be near' }), (error) => error instanceof MleError && error.code === 'OP_REQUIRE' && error.message.includes('rows must be near'))
})

// KNeighborsClassifier(5, algorithm='brute').fit(X, y).kneighbors(Q) of scikit-learn 1.2.1 for integers.
test('among points as far numpy\'s partition chooses', async () => {
  const rows = Array.from('00 20 22 12 22 21 00 01 00 02 20 00 21 20 02 21 11 12 22 00'.split(' '), (pair) => Array.from(pair, Number))
  const queries = [[2, 1], [1, 2], [0, 1], [2, 2], [2, 0]]
  const [, indices] = await runOp('mle.NearestNeighbors', [matrix(queries), matrix(rows)], { metric: 'euclidean', form: 'expanded', k: 5, search: 'brute', ties: 'partition' })
  assert.deepEqual([...indices.data], [12, 5, 15, 10, 16, 17, 3, 9, 18, 16, 7, 11, 16, 14, 9, 18, 4, 2, 17, 12, 13, 1, 10, 15, 12])
})
