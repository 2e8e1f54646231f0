// A million single rows through sessions of some models, on cpu and on wasm, in a process of its own: prints heap growth and garbage collections as JSON.
import { PerformanceObserver } from 'node:perf_hooks'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { addTreeEnsemble } from '../../src/import/trees.ts'
import { load, tensor } from '../../src/index.ts'
import { encodeTrees } from '../../src/ops/trees/encode.ts'
import { randomSource } from '../ops/trees/support.ts'

const RUNS = 1_000_000
const FEATURES = 8
/** What looking at the heap makes by itself. */
const QUIET_BYTES = 8000
const random = randomSource(2)
const numbers = (count: number): Float64Array => Float64Array.from({ length: count }, () => random() - 0.5)

type Body = (b: ReturnType<typeof graphBuilder>, x: string) => string

/** Label and probabilities of whatever `body` gives. */
function classifier(body: Body): Graph {
  const b = graphBuilder()
  const p = body(b, b.input('X', { dtype: 'float64', shape: ['batch', FEATURES] }))
  b.output('label', b.add('mle.LabelLookup', [b.add('ArgMax', [p], { axis: 1, keepdims: 0 }), b.constant(tensor(Int32Array.of(3, 5, 7), [3]))]), { dtype: 'int32', shape: ['batch'] })
  b.output('probabilities', p, { dtype: 'float64', shape: ['batch', 3] })
  return b.build()
}

const layer = (b: ReturnType<typeof graphBuilder>, x: string, from: number, to: number): string =>
  b.add('Gemm', [x, b.constant(tensor(numbers(from * to), [to, from])), b.constant(tensor(numbers(to), [to]))], { transB: 1 })

/** The sums or means of 20 trees; missing values go either way. */
const trees = (b: ReturnType<typeof graphBuilder>, x: string, aggregate: 'mean' | 'sum'): string => {
  const encoded = encodeTrees(Array.from({ length: 20 }, (_, i) => ({
    left: [1, 3, 5, -1, -1, -1, -1], right: [2, 4, 6, -1, -1, -1, -1], feature: [0, 1, 2, 0, 0, 0, 0], threshold: [...numbers(3), 0, 0, 0, 0], values: [...numbers(21)],
    ...(aggregate === 'sum' ? { missingRight: [i & 1, i & 2, i & 4, 0, 0, 0, 0] } : {}),
  })), { width: 3, precision: 'float32' })
  return addTreeEnsemble(b, b.add('Cast', [x], { to: 'float32' }), encoded, { outputs: 3, aggregate })
}

const forest: Body = (b, x) => trees(b, x, 'mean')
const boosted: Body = (b, x) => b.add('Softmax', [trees(b, x, 'sum')])

/** A scaler and a support vector machine of three classes: products, elementwise operators and decisions, each in a module of its own. */
const machine: Body = (b, x) => {
  const vectors = 21
  const scaled = b.add('Div', [b.add('Sub', [x, b.constant(tensor(numbers(FEATURES)))]), b.constant(tensor(numbers(FEATURES).map((value) => 1 + value)))])
  const squares = b.add('mle.PairwiseDistance', [scaled, b.constant(tensor(numbers(vectors * FEATURES), [vectors, FEATURES]))], { metric: 'sqeuclidean', form: 'expanded' })
  const kernels = b.add('Exp', [b.add('Mul', [squares, b.constant(tensor(Float64Array.of(-0.125), []))])])
  return b.add('mle.SvmDecision', [kernels, b.constant(tensor(numbers(2 * vectors), [2, vectors])), b.constant(tensor(numbers(3))), b.constant(tensor(Int32Array.of(7, 7, 7)))])
}

const models: readonly (readonly [string, 'cpu' | 'wasm', Graph])[] = [
  ['logistic regression', 'cpu', classifier((b, x) => b.add('Softmax', [layer(b, x, FEATURES, 3)]))],
  ['forest', 'wasm', classifier(forest)],
  ['forest', 'cpu', classifier(forest)],
  ['boosted trees with missing values', 'wasm', classifier(boosted)],
  ['support vector machine behind a scaler', 'wasm', classifier(machine)],
  ['perceptron', 'wasm', classifier((b, x) => b.add('Softmax', [layer(b, b.add('Relu', [layer(b, x, FEATURES, 16)]), 16, 3)]))],
]

let collections = 0
const observer = new PerformanceObserver((list) => void (collections += list.getEntries().length))
for (const [name, device, graph] of models) {
  const model = await load(graph, { device })
  const session = model.session()
  const rows = numbers(FEATURES * 64)
  if (name.includes('missing')) for (let i = 0; i < rows.length; i += 3) rows[i] = NaN
  const x = session.inputs.X.data as Float64Array
  const run = (count: number): void => {
    for (let i = 0; i < count; i++) {
      for (let j = 0, at = (i & 63) * FEATURES; j < FEATURES; j++) x[j] = rows[at + j]
      session.run()
    }
  }
  // Code that is not compiled yet makes objects for numbers: warm up until a round makes none, which takes longer on a busy machine.
  for (let round = 0, made = Infinity; round < 40 && made > QUIET_BYTES; round++) {
    const start = process.memoryUsage().heapUsed
    run(30_000)
    made = process.memoryUsage().heapUsed - start
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  globalThis.gc?.()
  await new Promise((resolve) => setTimeout(resolve, 20))
  // Each call of the loop makes numbers until the engine has replaced its code, however long it goes on: what a short call makes is not the session's.
  const grownBy = (count: number): number => {
    const before = process.memoryUsage().heapUsed
    run(count)
    return process.memoryUsage().heapUsed - before
  }
  observer.observe({ entryTypes: ['gc'] })
  collections = 0
  const start = Math.min(grownBy(30_000), grownBy(30_000), grownBy(30_000))
  const growth = grownBy(RUNS) - start
  await new Promise((resolve) => setTimeout(resolve, 20))
  observer.disconnect()
  console.log(JSON.stringify({ name, device, growth, collections }))
}
