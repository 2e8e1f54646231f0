// Random graphs of whole numbers: every operation on them is exact in float32, whatever its order, so webgpu must equal cpu in every bit; through partitions,
// fusion, shared buffers and islands.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load, tensor } from '../../src/index.ts'
import { gpuTest } from '../support/gpu.ts'

const RUNS = 25
const ROWS = 5
const COLUMNS = 6

interface Draw {
  readonly op: number
  readonly a: number
  readonly b: number
  readonly seed: number
}

/** A graph over matrices of small whole numbers; each step keeps them small. */
function program(draws: readonly Draw[], outputs: readonly number[]): Graph {
  const b = graphBuilder()
  const shape = [ROWS, COLUMNS]
  const matrix = (rows: number, columns: number, seed: number): string => b.constant(tensor(Float32Array.from({ length: rows * columns }, (_, i) => ((i * 7 + seed * 13) % 5) - 2), [rows, columns]))
  const low = b.constant(tensor(Float32Array.of(-50), []))
  const high = b.constant(tensor(Float32Array.of(50), []))
  const values = [b.input('X', { dtype: 'float32', shape })]
  for (const { op, a, b: other, seed } of draws) {
    const x = values[a % values.length]
    const y = values[other % values.length]
    const steps: readonly (() => string)[] = [
      () => b.add('Add', [x, y]),
      () => b.add('Sub', [x, matrix(1, COLUMNS, seed)]),
      () => b.add('Mul', [x, matrix(ROWS, 1, seed)]),
      () => b.add('Max', [x, y]),
      () => b.add('Abs', [x]),
      () => b.add('Relu', [b.add('Neg', [x])]),
      () => b.add('MatMul', [x, matrix(COLUMNS, COLUMNS, seed)]),
      () => b.add('Transpose', [b.add('Reshape', [b.add('Transpose', [x], { perm: [1, 0] }), b.constant({ dtype: 'int64', shape: [2], data: BigInt64Array.of(6n, 5n) })])], { perm: [1, 0] }),
      () => b.add('Add', [x, b.add('ReduceSum', [y, b.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) })], { keepdims: 1 })]),
      () => b.add('Where', [b.add('Less', [x, y]), x, y]),
      () => b.add('Gather', [x, b.constant({ dtype: 'int64', shape: [COLUMNS], data: BigInt64Array.from({ length: COLUMNS }, (_, i) => BigInt((i * seed + 1) % COLUMNS)) })], { axis: 1 }),
      () => b.add('Concat', [b.add('Slice', [x, ...[[1], [5], [0]].map((list) => b.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.from(list, BigInt) }))]), b.add('ReduceMax', [y, b.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(0n) })], { keepdims: 1 })], { axis: 0 }),
      // Only cpu has it: what it gives is thrown away, but it makes an island.
      () => b.add('Where', [b.add('IsNaN', [b.add('mle.Digamma', [x])]), b.add('Abs', [x]), b.add('Neg', [x])]),
      // Halves that are used apart.
      () => {
        const [left, right] = b.addMany('Split', [x], 2, { axis: 1, num_outputs: 2 })
        return b.add('Concat', [b.add('Neg', [left]), b.add('Abs', [b.add('Sub', [left, right])])], { axis: 1 })
      },
      () => b.add('CumSum', [x, b.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(1n) })]),
    ]
    values.push(b.add('Clip', [steps[op % steps.length](), low, high]))
  }
  const named = [...new Set(outputs.map((output) => values[output % values.length]))]
  named.forEach((value, i) => b.output(`Y${i}`, b.add('Identity', [value]), { dtype: 'float32' }))
  return b.build()
}

gpuTest('on random graphs webgpu equals cpu', async (gpu, t) => {
  let graphs = 0
  let partitions = 0
  const draw = fc.record({ op: fc.nat(100), a: fc.nat(40), b: fc.nat(40), seed: fc.integer({ min: 1, max: 9 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(draw, { minLength: 1, maxLength: 14 }), fc.array(fc.nat(40), { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 99 }), async (draws, outputs, seed) => {
      const graph = program(draws, outputs)
      const [model, cpu] = [await load(graph, { device: 'webgpu', gpu }), await load(graph, { device: 'cpu' })]
      for (const turn of [0, 1]) {
        const X = tensor(Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => ((i * seed + turn * 3) % 9) - 4), [ROWS, COLUMNS])
        const [actual, expected] = [await model.run({ X }), await cpu.run({ X })]
        for (const [name, { shape, data }] of Object.entries(expected)) {
          assert.deepEqual(actual[name].shape, shape)
          // Zeros of either sign.
          assert.deepEqual(Array.from(actual[name].data as Float32Array, (x) => x + 0), Array.from(data as Float32Array, (x) => x + 0))
        }
      }
      graphs++
      partitions += model.placement().length
      model.dispose()
    }),
    { numRuns: RUNS },
  )
  t.diagnostic(`${graphs} graphs of ${partitions} partitions`)
})
