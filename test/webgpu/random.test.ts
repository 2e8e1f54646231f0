// Random graphs of whole numbers: every operation on them is exact in float32, whatever its order, so webgpu must equal cpu in every bit; through partitions,
// fusion, shared buffers and islands, broadcasting, batches of no row, and int64 of which some do not fit 32 bits.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { load, tensor } from '../../src/index.ts'
import { gpuTest } from '../support/gpu.ts'

const RUNS = 40
const COLUMNS = 6

interface Draw {
  readonly op: number
  readonly a: number
  readonly b: number
  readonly seed: number
}

/** A graph over matrices of small whole numbers; each step keeps them small. */
function program(rows: number, draws: readonly Draw[], outputs: readonly number[]): Graph {
  const b = graphBuilder()
  const shape = [rows, COLUMNS]
  const matrix = (height: number, width: number, seed: number): string => b.constant(tensor(Float32Array.from({ length: height * width }, (_, i) => ((i * 7 + seed * 13) % 5) - 2), [height, width]))
  const low = b.constant(tensor(Float32Array.of(-50), []))
  const high = b.constant(tensor(Float32Array.of(50), []))
  const values = [b.input('X', { dtype: 'float32', shape })]
  const ids = b.input('ids', { dtype: 'int64', shape: [rows, 1] })
  for (const { op, a, b: other, seed } of draws) {
    const x = values[a % values.length]
    const y = values[other % values.length]
    const steps: readonly (() => string)[] = [
      () => b.add('Add', [x, y]),
      () => b.add('Sub', [x, matrix(1, COLUMNS, seed)]),
      () => b.add('Mul', [x, matrix(rows, 1, seed)]),
      () => b.add('Max', [x, y]),
      () => b.add('Abs', [x]),
      () => b.add('Relu', [b.add('Neg', [x])]),
      () => b.add('MatMul', [x, matrix(COLUMNS, COLUMNS, seed)]),
      () => b.add('Transpose', [b.add('Reshape', [b.add('Transpose', [x], { perm: [1, 0] }), b.constant({ dtype: 'int64', shape: [2], data: BigInt64Array.of(6n, BigInt(rows)) })])], { perm: [1, 0] }),
      () => b.add('Add', [x, b.add('ReduceSum', [y, b.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) })], { keepdims: 1 })]),
      () => b.add('Where', [b.add('Less', [x, y]), x, y]),
      () => b.add('Gather', [x, b.constant({ dtype: 'int64', shape: [COLUMNS], data: BigInt64Array.from({ length: COLUMNS }, (_, i) => BigInt((i * seed + 1) % COLUMNS)) })], { axis: 1 }),
      () => rows === 0 ? b.add('Abs', [x]) : b.add('Concat', [b.add('Slice', [x, ...[[1], [rows], [0]].map((list) => b.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.from(list, BigInt) }))]), b.add('ReduceMax', [y, b.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(0n) })], { keepdims: 1 })], { axis: 0 }),
      // Only cpu has it: what it gives is thrown away, but it makes an island.
      () => b.add('Where', [b.add('IsNaN', [b.add('mle.Digamma', [x])]), b.add('Abs', [x]), b.add('Neg', [x])]),
      // Halves that are used apart.
      () => {
        const [left, right] = b.addMany('Split', [x], 2, { axis: 1, num_outputs: 2 })
        return b.add('Concat', [b.add('Neg', [left]), b.add('Abs', [b.add('Sub', [left, right])])], { axis: 1 })
      },
      // Numbers of 64 bits, compared on the GPU where 32 hold them, added on cpu.
      () => b.add('Where', [b.add('Greater', [ids, b.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(seed)) })]), x, y]),
      () => b.add('Add', [x, b.add('Clip', [b.add('Cast', [b.add('Add', [ids, ids])], { to: 'float32' }), low, high])]),
      // A row against a column.
      () => b.add('Mul', [b.add('Sub', [b.add('ReduceMin', [x, b.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(1n) })], { keepdims: 1 }), matrix(1, COLUMNS, seed)]), matrix(1, COLUMNS, seed + 1)]),
      () => b.add('CumSum', [x, b.constant({ dtype: 'int64', shape: [], data: BigInt64Array.of(1n) })]),
    ]
    values.push(b.add('Clip', [steps[op % steps.length](), low, high]))
  }
  const named = [...new Set([...outputs.map((output) => values[output % values.length]), values[values.length - 1]])]
  named.forEach((value, i) => b.output(`Y${i}`, b.add('Identity', [value]), { dtype: 'float32' }))
  return b.build()
}

gpuTest('on random graphs webgpu equals cpu', async (gpu, t) => {
  const count = { graphs: 0, partitions: 0, islands: 0, empty: 0, wide: 0 }
  const draw = fc.record({ op: fc.integer({ min: 0, max: 16 }), a: fc.nat(40), b: fc.nat(40), seed: fc.integer({ min: 1, max: 9 }) })
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(5, 5, 3, 1, 0), fc.array(draw, { minLength: 1, maxLength: 14, size: 'max' }), fc.array(fc.nat(40), { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 99 }), fc.constantFrom(0n, 0n, 0n, 2n ** 40n),
      async (rows, draws, outputs, seed, wide) => {
        const graph = program(rows, draws, outputs)
        const [model, cpu] = [await load(graph, { device: 'webgpu', gpu }), await load(graph, { device: 'cpu' })]
        for (const turn of [0, 1]) {
          const X = tensor(Float32Array.from({ length: rows * COLUMNS }, (_, i) => ((i * seed + turn * 3) % 9) - 4), [rows, COLUMNS])
          const ids = tensor(BigInt64Array.from({ length: rows }, (_, i) => (i === 1 ? wide : 0n) + BigInt(((i * seed) % 21) - 10)), [rows, 1])
          const [actual, expected] = [await model.run({ X, ids }), await cpu.run({ X, ids })]
          for (const [name, { shape, data }] of Object.entries(expected)) {
            assert.deepEqual(actual[name].shape, shape)
            // Zeros of either sign.
            assert.deepEqual(Array.from(actual[name].data as Float32Array, (x) => x + 0), Array.from(data as Float32Array, (x) => x + 0))
          }
        }
        const places = model.placement()
        count.graphs++
        count.partitions += places.length
        count.islands += places.filter(({ place }) => place === 'host').length
        count.empty += rows === 0 ? 1 : 0
        count.wide += wide > 0n && rows > 1 ? 1 : 0
        model.dispose()
      },
    ),
    { numRuns: RUNS },
  )
  t.diagnostic(`${count.graphs} graphs of ${count.partitions} partitions, ${count.islands} of them on the host; ${count.empty} without rows, ${count.wide} with numbers beyond 32 bits`)
})
