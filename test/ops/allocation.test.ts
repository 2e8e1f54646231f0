// Sessions promise no garbage: once a kernel has seen a shape, running it makes no objects. Measured as growth of the heap over
// many runs. V8 may box the argument and the result of a function of src/math that it does not inline, 32 bytes; the scope of a
// closure takes 40, a closure or an array more.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { graphBuilder, type GraphBuilder, type ValueName } from '../../src/graph/builder.ts'
import { load, tensor, type Tensor } from '../../src/index.ts'

const RUNS = 20_000
const MAX_BYTES_PER_RUN = 36
const MAX_ROUNDS = 12

const int64 = (...values: number[]): Tensor => tensor(BigInt64Array.from(values, BigInt))
const square = tensor(Float64Array.from({ length: 16 }, (_, i) => i), [4, 4])

/** One graph for each kind of kernel, on X [batch, 4]. */
const graphs: readonly (readonly [string, (b: GraphBuilder, x: ValueName) => ValueName])[] = [
  ['Sub', (b, x) => b.add('Sub', [x, b.constant(tensor([[1, 2, 3, 4]]))])],
  ['Gemm', (b, x) => b.add('Gemm', [x, b.constant(square), b.constant(tensor([1, 2, 3, 4]))], { transB: 1 })],
  ['MatMul', (b, x) => b.add('MatMul', [x, b.constant(square)])],
  ['Sigmoid', (b, x) => b.add('Sigmoid', [x])],
  ['Softmax', (b, x) => b.add('Softmax', [x])],
  ['LogSoftmax', (b, x) => b.add('LogSoftmax', [x])],
  ['ReduceSum', (b, x) => b.add('ReduceSum', [x, b.constant(int64(1))])],
  ['ReduceLogSumExp', (b, x) => b.add('ReduceLogSumExp', [x, b.constant(int64(1))])],
  ['ArgMax and Cast', (b, x) => b.add('Cast', [b.add('ArgMax', [x], { axis: 1 })], { to: 'float64' })],
  ['Concat', (b, x) => b.add('Concat', [x, x], { axis: 1 })],
  ['Gather', (b, x) => b.add('Gather', [x, b.constant(int64(1, 0, 3))], { axis: 1 })],
  ['Slice', (b, x) => b.add('Slice', [x, b.constant(int64(1)), b.constant(int64(3)), b.constant(int64(1))])],
  ['Transpose', (b, x) => b.add('Transpose', [x])],
  ['Where and Greater', (b, x) => b.add('Where', [b.add('Greater', [x, b.constant(tensor(0))]), x, b.constant(tensor(0))])],
  ['Max', (b, x) => b.add('Max', [x, b.constant(tensor(0))])],
  ['Clip', (b, x) => b.add('Clip', [x, b.constant(tensor(0))])],
  ['TopK', (b, x) => b.addMany('TopK', [x, b.constant(int64(2))], 2)[0]],
  ['CumSum', (b, x) => b.add('CumSum', [x, b.constant(tensor(BigInt64Array.of(1n), []))])],
  ['Pad', (b, x) => b.add('Pad', [x, b.constant(int64(0, 1, 0, 1))])],
  ['ScatterElements', (b, x) => b.add('ScatterElements', [x, b.constant(tensor([[0n, 1n]])), b.constant(tensor([[5, 6]]))], { axis: 1 })],
  ['GatherElements', (b, x) => b.add('GatherElements', [x, b.constant(tensor([[0n, 1n]]))], { axis: 1 })],
  ['Split', (b, x) => b.addMany('Split', [x], 2, { axis: 1 })[1]],
]

function collector(): () => void {
  setFlagsFromString('--expose-gc')
  const gc: unknown = runInNewContext('gc')
  assert.ok(typeof gc === 'function')
  return () => gc()
}

test('kernels allocate nothing once they have seen a shape', async (t) => {
  const collect = collector()
  for (const [name, make] of graphs) {
    await t.test(name, async () => {
      const builder = graphBuilder()
      builder.output('Y', make(builder, builder.input('X', { dtype: 'float64', shape: ['batch', 4] })), { dtype: 'float64' })
      const model = await load(builder.build(), { device: 'cpu' })
      const session = model.session({ batch: 1 })
      const { data } = session.inputs.X
      assert.ok(data instanceof Float64Array)
      data.set([1.5, -2.25, 3.125, 4.75])
      // Compiling and its feedback allocate too, hence the warm-up, and rounds until one is clean: a busy machine compiles late. What a kernel allocates comes in every round.
      for (let i = 0; i < RUNS; i++) session.run()
      let least = Infinity
      for (let round = 0; round < MAX_ROUNDS && least > MAX_BYTES_PER_RUN; round++) {
        collect()
        const before = process.memoryUsage().heapUsed
        for (let i = 0; i < RUNS; i++) session.run()
        least = Math.min(least, (process.memoryUsage().heapUsed - before) / RUNS)
      }
      assert.ok(least <= MAX_BYTES_PER_RUN, `${name} allocates ${least.toFixed(1)} bytes per run`)
    })
  }
})
