import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { matrix, neighborTree } from '../neighbor-tree.ts'
import { argPartition as partitionOnCpu } from '../../../src/ops/cpu/introselect.ts'
import { wasmFunction } from '../../../src/ops/wasm/module.ts'
import { WASM_OPERATORS } from '../../../src/ops/wasm/operators.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { opGraph } from '../../support/run-op.ts'
import { assertEqual, everyBlockStayed, everyOperatorComputed, noise, wasm, wasmOnly } from './equal.ts'
import { testHost } from './host.ts'

test('wasm: distances have the bits of cpu', async () => {
  const size = fc.integer({ min: 1, max: 40 })
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.constantFrom('euclidean', 'sqeuclidean', 'euclidean', 'sqeuclidean', 'manhattan', 'chebyshev', 'canberra', 'hamming', 'chi2', 'cosine', 'cosine', 'minkowski', 'minkowski'), fc.constantFrom('direct', 'expanded'), fc.tuple(fc.integer({ min: 0, max: 13 }), size, fc.oneof(size, fc.integer({ min: 250, max: 300 }))), fc.boolean(), fc.boolean(), fc.constantFrom(1, 1.5, 2, 3), (seed, metric, form, [rows, points, n], constant, odd, p) => assertEqual('mle.PairwiseDistance', {
      inputs: [{ tensor: noise(seed, 'float64', [rows, n], odd ? 0.02 : 0) }, { tensor: noise(seed + 1, 'float64', [points, n], odd ? 0.02 : 0), constant }],
      attributes: { metric, p, form: metric.endsWith('euclidean') ? form : 'direct' },
    }, constant ? wasmOnly : wasm)),
    { numRuns: 250 },
  )
})

test('wasm: decisions of support vector machines have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 0, max: 19 }), fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 2, maxLength: 5 }), fc.boolean(), (seed, rows, counts, odd) => {
      const vectors = counts.reduce((sum, count) => sum + count, 0)
      const pairs = (counts.length * (counts.length - 1)) / 2
      return assertEqual('mle.SvmDecision', {
        inputs: [
          { tensor: noise(seed, 'float64', [rows, vectors], odd ? 0.02 : 0) }, { tensor: noise(seed + 1, 'float64', [counts.length - 1, vectors], odd ? 0.02 : 0), constant: true },
          { tensor: noise(seed + 2, 'float64', [pairs], 0), constant: true }, { tensor: { dtype: 'int32', shape: [counts.length], data: Int32Array.from(counts) }, constant: true },
        ],
      }, wasmOnly)
    }),
    { numRuns: 150 },
  )
})

test('wasm: triangular systems have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 0, max: 19 }), fc.integer({ min: 1, max: 60 }), fc.boolean(), (seed, rows, n, odd) => assertEqual('mle.TriangularSolve', {
      inputs: [{ tensor: noise(seed, 'float64', [rows, n], odd ? 0.02 : 0) }, { tensor: noise(seed + 1, 'float64', [n, n], odd ? 0.01 : 0), constant: true }],
    }, wasmOnly)),
    { numRuns: 100 },
  )
})

const int32 = (shape: readonly number[], values: readonly number[]): Tensor => ({ dtype: 'int32', shape, data: Int32Array.from(values) })

test('wasm: sums of classes have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.array(fc.nat(4), { minLength: 1, maxLength: 20 }), fc.nat(9), fc.integer({ min: 1, max: 10 }), fc.boolean(), (seed, labels, rows, k, weighted) => assertEqual('mle.ClassSums', {
      inputs: [
        { tensor: int32([rows, k], Array.from({ length: rows * k }, (_, i) => (i * 7 + seed) % labels.length)) }, { tensor: int32([labels.length], labels), constant: true },
        ...(weighted ? [{ tensor: noise(seed, 'float64', [rows, k], 0.05) }] : []),
      ],
      attributes: { classes: 5 },
    })),
    { numRuns: 150 },
  )
})

test('wasm: points and classes outside are refused as on cpu', async () => {
  const refused = (index: number, label: number): Promise<void> => {
    const [places, labels] = [int32([1, 2], [0, index]), int32([2], [0, label])]
    return assert.rejects(wasm.run(opGraph('mle.ClassSums', [{ tensor: places }, { tensor: labels }], { classes: 2 }), new Map([['x0', places], ['x1', labels]])), { code: 'OP_INDEX' })
  }
  await refused(2, 0)
  await refused(-1, 0)
  await refused(1, 2)
  await refused(1, -1)
})

test('wasm: points that are no numbers take the place of the farthest, and others theirs, as on cpu', async () => {
  for (const ties of ['earlier', 'later']) {
    for (const k of [1, 2, 5]) {
      for (let seed = 0; seed < 40; seed++) {
        const inputs = [{ tensor: noise(seed, 'float64', [3, 4], 0) }, { tensor: noise(seed + 1, 'float64', [5 + ((seed * 7) % 150), 4], 0.05), constant: true }]
        await assertEqual('mle.NearestNeighbors', { inputs, attributes: { metric: 'euclidean', form: 'expanded', k, search: 'brute', ties }, outputs: 2 }, wasmOnly)
      }
    }
  }
})

for (const search of ['brute', 'kd_tree', 'ball_tree']) {
  test(`wasm: the nearest points through ${search} have the bits and the order of cpu`, async () => {
    // Few different values make ties; odd ones go into the queries.
    const point = fc.integer({ min: 1, max: 9 }).chain((n) => fc.array(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: n, maxLength: n }), { minLength: 4, maxLength: 150 }))
    await fc.assert(
      fc.asyncProperty(fc.nat(), point, (search === 'kd_tree' ? fc.constantFrom('euclidean', 'manhattan', 'chebyshev', 'minkowski') : fc.constantFrom('euclidean', 'manhattan', 'chebyshev', 'canberra', 'hamming', 'minkowski')), fc.constantFrom('direct', 'expanded'), fc.constantFrom('earlier', 'later'), fc.nat(9), fc.nat(7), fc.boolean(), fc.constantFrom(1, 0.37, 1e-108), fc.constantFrom(1.5, 3, 3, 2.3), (seed, rows, metric, form, ties, count, more, odd, unit, p) => {
        const scaled = rows.map((row) => row.map((value) => value * unit))
        const tree = search === 'brute' ? [] : [undefined, ...neighborTree(scaled, search === 'ball_tree')]
        const x = odd ? noise(seed, 'float64', [count, rows[0].length], 0.1) : matrix(scaled)
        return assertEqual('mle.NearestNeighbors', {
          inputs: [{ tensor: x }, ...[odd && search === 'brute' ? noise(seed + 1, 'float64', [rows.length, rows[0].length], 0.05) : matrix(scaled), ...tree].map((one) => one && { tensor: one, constant: true })],
          attributes: { metric, form: metric === 'euclidean' && search === 'brute' ? form : 'direct', k: Math.min(rows.length, 1 + more), search, ties, p },
          outputs: 2,
        }, wasmOnly)
      }),
      { numRuns: 200 },
    )
  })
}

test("wasm: the nearest points that numpy's argpartition chooses have the bits and the order of cpu", async () => {
  const point = fc.integer({ min: 1, max: 9 }).chain((n) => fc.array(fc.array(fc.integer({ min: -3, max: 3 }), { minLength: n, maxLength: n }), { minLength: 4, maxLength: 90 }))
  await fc.assert(
    fc.asyncProperty(fc.nat(), point, fc.constantFrom('euclidean', 'sqeuclidean', 'cosine', 'manhattan', 'hamming', 'minkowski'), fc.constantFrom('direct', 'expanded'), fc.nat(9), fc.nat(12), fc.boolean(), (seed, rows, metric, form, count, more, odd) => assertEqual('mle.NearestNeighbors', {
      inputs: [{ tensor: odd ? noise(seed, 'float64', [count, rows[0].length], 0.1) : matrix(rows) }, { tensor: odd ? noise(seed + 1, 'float64', [rows.length, rows[0].length], 0.05) : matrix(rows), constant: true }],
      attributes: { metric, p: 3, form: metric.endsWith('euclidean') ? form : 'direct', k: Math.min(rows.length, 1 + more), search: 'brute', ties: 'partition' },
      outputs: 2,
    }, wasmOnly)),
    { numRuns: 200 },
  )
})

test('wasm: missing values from neighbours have the bits of cpu', async () => {
  const missing = (tensor: Tensor, seed: number, share: number): Tensor => ({ ...tensor, data: (tensor.data as Float64Array).map((value, i) => (Math.imul(i + seed, 0x9e3779b1) >>> 8) / 2 ** 24 < share ? NaN : value) })
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.integer({ min: 0, max: 6 }), fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: 20 }), fc.constantFrom('numbers', 'whole', 'odd'), fc.constantFrom(0.05, 0.3, 0.8), fc.integer({ min: 1, max: 12 }), fc.constantFrom('uniform', 'distance'), (seed, rows, count, n, kind, share, neighbors, weights) => {
      const drawn = (from: number, shape: readonly number[]): Tensor => {
        const tensor = noise(from, 'float64', shape, kind === 'odd' ? 0.02 : 0)
        return missing(kind === 'whole' ? { ...tensor, data: (tensor.data as Float64Array).map(Math.round) } : tensor, from, share)
      }
      return assertEqual('mle.KnnImpute', { inputs: [{ tensor: drawn(seed, [rows, n]) }, { tensor: drawn(seed + 1, [count, n]), constant: true }], attributes: { neighbors, weights } }, wasmOnly)
    }),
    { numRuns: 300 },
  )
})

test("wasm: argpartition makes numpy's swaps, whatever misleads it", async () => {
  const host = await testHost(['distance'])
  const argPartition = wasmFunction(host.exports, 'argPartition')
  const most = 3000
  const [valuesAt, orderAt, scratch] = [most * 8, most * 4, 32 + most * 8].map((bytes) => host.allocate(bytes))
  const check = (values: readonly number[], k: number): void => {
    new Float64Array(host.memory.buffer, valuesAt).set(values)
    argPartition(valuesAt, orderAt, values.length, k, -1, scratch)
    const order = new Int32Array(values.length)
    partitionOnCpu(Float64Array.from(values), order, k)
    assert.deepEqual(new Int32Array(host.memory.buffer, orderAt, values.length), order)
    host.checkGuards()
  }
  const value = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 9 }) }, { weight: 3, arbitrary: fc.double() }, fc.constantFrom(NaN, Infinity, -0))
  fc.assert(fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), fc.nat(), (values, seed) => check(values, 1 + (seed % values.length))), { numRuns: 500 })
  // Medians of three that are nearly the smallest make it take medians of medians.
  for (const half of [50, 200, 1500]) check(Array.from({ length: 2 * half }, (_, i) => (i >= half ? 2 * (i - half + 1) : i % 2 === 0 ? i + 1 : half + i)), half)
})

everyOperatorComputed('distance', ['float64'], (WASM_OPERATORS.get('distance') ?? []).filter((key) => key !== 'mle.ClassSums'))
everyOperatorComputed('distance', ['int32'], ['mle.ClassSums'])
everyBlockStayed('mle.PairwiseDistance', 'mle.NearestNeighbors', 'mle.SvmDecision', 'mle.KnnImpute')
