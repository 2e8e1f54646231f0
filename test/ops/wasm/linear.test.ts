import { test } from 'node:test'
import fc from 'fast-check'
import { assertEqual, equalSuite, everyBlockStayed, everyOperatorComputed, noise, wasmOnly } from './equal.ts'

equalSuite(['MatMul', 'Gemm'])

const dtype = fc.constantFrom('float32' as const, 'float64' as const)
const count = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 130 }))

test('wasm: products of all sizes have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, fc.tuple(count, count, count), fc.boolean(), fc.boolean(), fc.constantFrom('none', 'row', 'whole', 'column', 'scalar'), fc.tuple(fc.boolean(), fc.boolean()), fc.boolean(), (seed, type, [rows, depth, columns], transA, transB, form, [constantB, constantC], scaled) => {
      const shapes = new Map([['row', [columns]], ['whole', [rows, columns]], ['column', [rows, 1]], ['scalar', [1]]])
      const c = shapes.get(form)
      return assertEqual('Gemm', {
        inputs: [
          { tensor: noise(seed, type, transA ? [depth, rows] : [rows, depth]) },
          { tensor: noise(seed + 1, type, transB ? [columns, depth] : [depth, columns]), constant: constantB },
          ...(c === undefined ? [] : [{ tensor: noise(seed + 2, type, c), constant: constantC }]),
        ],
        attributes: { transA: transA ? 1 : 0, transB: transB ? 1 : 0, ...(scaled ? { alpha: 0.3, beta: 1.7 } : {}) },
      })
    }),
    { numRuns: 150 },
  )
})

test('wasm: stacks of matrices that broadcast have the bits of cpu', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, fc.tuple(count, count, count), fc.constantFrom([[3], []], [[2, 1], [1, 3]], [[], [2]], [[2, 2], [2, 2]], [[1], [4]]), fc.boolean(), (seed, type, [rows, depth, columns], [left, right], constant) => assertEqual('MatMul', {
      inputs: [{ tensor: noise(seed, type, [...left, rows, depth]) }, { tensor: noise(seed + 1, type, [...right, depth, columns]), constant }],
    })),
    { numRuns: 60 },
  )
})

test('wasm: products deeper, taller and wider than a block have the bits of cpu', async () => {
  for (const [rows, depth, columns] of [[5, 1100, 9], [200, 513, 17], [3, 600, 300], [1, 2000, 70], [97, 30, 270], [2, 3, 500], [300, 700, 1], [1, 3, 40000], [1, 20000, 9]]) {
    for (const type of ['float32', 'float64'] as const) {
      for (const constant of [true, false]) {
        for (const transB of [0, 1]) {
          await assertEqual('Gemm', {
            inputs: [{ tensor: noise(rows, type, [rows, depth], 0) }, { tensor: noise(depth, type, transB ? [columns, depth] : [depth, columns], 0.00001), constant }, { tensor: noise(columns, type, [columns]), constant }],
            attributes: { transB },
          })
        }
      }
    }
  }
})

test('wasm: single rows with many zeros have the bits of cpu, whatever the weights are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), dtype, fc.integer({ min: 90, max: 400 }), fc.integer({ min: 190, max: 300 }), fc.integer({ min: 0, max: 10 }), fc.boolean(), fc.boolean(), fc.boolean(), async (seed, type, depth, columns, share, odd, hasBias, isMatMul) => {
      const row = noise(seed, type, [1, depth], odd ? 0.02 : 0)
      const data = row.data as Float64Array
      for (let k = 0; k < depth; k++) if ((k * 7 + seed) % 10 < share) data[k] = (k & 1) === 0 ? 0 : -0
      const inputs = [{ tensor: row }, { tensor: noise(seed + 1, type, [depth, columns], odd ? 0.0001 : 0), constant: true }, ...(hasBias && !isMatMul ? [{ tensor: noise(seed + 2, type, [columns]), constant: true }] : [])]
      await assertEqual(isMatMul ? 'MatMul' : 'Gemm', { inputs }, wasmOnly)
    }),
    { numRuns: 80 },
  )
})

everyOperatorComputed('linear')
everyBlockStayed('MatMul', 'Gemm')
