// Products on wasm compute what follows them: the bits of the steps one after the other on cpu.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { graphBuilder, type GraphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { planGraph } from '../../src/graph/plan.ts'
import { operatorKeys } from '../../src/graph/subgraphs.ts'
import { createWasmDevice } from '../../src/graph/wasm-device.ts'
import { load } from '../../src/index.ts'
import { loadOperators } from '../../src/ops/packs.ts'
import { wasmKernelsGiven } from '../../src/ops/wasm/index.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { bitsOf, noise } from '../ops/wasm/equal.ts'
import { cpu, runOn } from '../support/run-op.ts'

type Dtype = 'float32' | 'float64'
const kernels = wasmKernelsGiven(undefined)
const device = (graph: Graph): ReturnType<typeof createWasmDevice> => createWasmDevice(graph, { kernels })

/** Operators of the steps that are left on wasm, and what they compute as against cpu. */
async function stepsOf(graph: Graph): Promise<string[]> {
  const own = await device(graph)
  const plan = planGraph(graph, graph.outputs.map(({ name }) => name), { ...(await loadOperators(operatorKeys(graph))), ...own })
  own.dispose()
  return plan.steps.map(({ node }) => node.op).filter((op) => op !== 'Identity')
}

async function assertSame(graph: Graph, feeds: ReadonlyMap<string, Tensor>): Promise<void> {
  const [expected, actual] = [await cpu.run(graph, feeds), await runOn(await device(graph), graph, feeds)]
  expected.forEach((tensor, i) => {
    assert.deepEqual(actual[i].shape, tensor.shape)
    assert.deepEqual(bitsOf(actual[i]), bitsOf(tensor), `output ${i}`)
  })
}

/** Inputs of a graph with their values. */
function feeding(b: GraphBuilder, type: Dtype): { readonly feeds: Map<string, Tensor>; readonly input: (shape: readonly number[], special?: number) => string; readonly constant: (shape: readonly number[]) => string } {
  const feeds = new Map<string, Tensor>()
  let seed = 1
  return {
    feeds,
    input(shape, special = 0.02) {
      const name = `x${feeds.size}`
      feeds.set(name, noise(seed++, type, shape, special))
      return b.input(name, { dtype: type, shape })
    },
    constant: (shape) => b.constant(noise(seed++, type, shape, 0)),
  }
}

/** What may follow: a row, a residual before or after the value, bounds. */
interface Follows {
  readonly row: boolean
  readonly residual: 'none' | 'left' | 'right'
  readonly bounds: 'none' | 'Relu' | readonly [number | undefined, number | undefined]
}

const follows: fc.Arbitrary<Follows> = fc.record({
  row: fc.boolean(), residual: fc.constantFrom<Follows['residual'][]>('none', 'left', 'right'),
  bounds: fc.constantFrom<Follows['bounds'][]>('none', 'Relu', [0, 6], [-0, 1], [-1, undefined], [undefined, 0], [-2, -0], [NaN, 1], [1, -1]),
})

function followed(b: GraphBuilder, type: Dtype, value: string, { row, residual, bounds }: Follows, makeRow: () => string, makeResidual: () => string): string {
  let y = value
  if (row) y = b.add('Add', [y, makeRow()])
  if (residual !== 'none') y = b.add('Add', residual === 'left' ? [makeResidual(), y] : [y, makeResidual()])
  if (bounds === 'none') return y
  if (bounds === 'Relu') return b.add('Relu', [y])
  const bound = (x: number | undefined): string => (x === undefined ? '' : b.constant({ dtype: type, shape: [], data: type === 'float32' ? Float32Array.of(x) : Float64Array.of(x) }))
  return b.add('Clip', [y, bound(bounds[0]), bound(bounds[1])])
}

const dtype = fc.constantFrom<Dtype>('float32', 'float64')

test('products and what follows them have the bits of cpu', async () => {
  const sizes = fc.record({ batch: fc.constantFrom<number[][]>([], [1], [3], [2, 2]), rows: fc.integer({ min: 1, max: 21 }), depth: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 500, max: 1100 })), columns: fc.integer({ min: 1, max: 70 }) })
  await fc.assert(
    fc.asyncProperty(dtype, sizes, fc.boolean(), follows, async (type, { batch, rows, depth, columns }, isConstant, what) => {
      const b = graphBuilder()
      const { feeds, input, constant } = feeding(b, type)
      const residual = what.residual === 'none' ? '' : input([...batch, rows, columns], 0.1)
      const product = b.add('MatMul', [input([...batch, rows, depth]), isConstant ? constant([depth, columns]) : input([depth, columns])])
      b.output('y', followed(b, type, product, what, () => constant([columns]), () => residual), { dtype: type })
      await assertSame(b.build(), feeds)
    }),
    { numRuns: 150 },
  )
})

test('Gemm and what follows it has the bits of cpu', async () => {
  // Without terms the sums are zeros, whose signs bounds and factors may change.
  const sizes = fc.record({ rows: fc.integer({ min: 1, max: 9 }), depth: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 })), columns: fc.integer({ min: 1, max: 40 }) })
  const addend = fc.constantFrom<'none' | 'row' | 'column' | 'all'>('none', 'row', 'column', 'all')
  await fc.assert(
    fc.asyncProperty(dtype, sizes, addend, fc.constantFrom(1, -0.7), fc.constantFrom(1, 2.5), follows, async (type, { rows, depth, columns }, c, alpha, beta, what) => {
      const b = graphBuilder()
      const { feeds, input, constant } = feeding(b, type)
      const shape = { none: [], row: [columns], column: [rows, 1], all: [rows, columns] }[c]
      const residual = input([rows, columns], 0.1)
      const product = b.add('Gemm', [input([rows, depth]), constant([columns, depth]), ...(c === 'none' ? [] : [constant(shape)])], { alpha, beta, transB: 1 })
      b.output('y', followed(b, type, product, what, () => constant([columns]), () => residual), { dtype: type })
      await assertSame(b.build(), feeds)
    }),
    { numRuns: 100 },
  )
})

test('bounds choose among zeros as Relu and Clip do', async () => {
  for (const alpha of [1, -1]) {
    for (const bounds of ['Relu', [0, 6], [-0, 1], [-2, 0], [-2, -0]] as const) {
      const b = graphBuilder()
      const { feeds, input, constant } = feeding(b, 'float32')
      // No terms: +0 times alpha.
      const product = b.add('Gemm', [input([5, 0]), constant([0, 7])], { alpha })
      b.output('y', followed(b, 'float32', product, { row: false, residual: 'none', bounds }, () => '', () => ''), { dtype: 'float32' })
      await assertSame(b.build(), feeds)
    }
  }
})

test('convolutions and what follows them have the bits of cpu', async () => {
  const sizes = fc.record({ batch: fc.integer({ min: 1, max: 2 }), channels: fc.integer({ min: 1, max: 5 }), features: fc.integer({ min: 1, max: 19 }), height: fc.integer({ min: 1, max: 9 }), width: fc.integer({ min: 1, max: 60 }), kernel: fc.constantFrom(1, 3), stride: fc.integer({ min: 1, max: 2 }), group: fc.integer({ min: 1, max: 2 }) })
  await fc.assert(
    fc.asyncProperty(dtype, sizes, fc.boolean(), follows, async (type, { batch, channels, features, height, width, kernel, stride, group }, hasBias, what) => {
      const b = graphBuilder()
      const { feeds, input, constant } = feeding(b, type)
      const pad = (kernel - 1) / 2
      const out = [height, width].map((size) => Math.floor((size - 1) / stride) + 1)
      const residual = what.residual === 'none' ? '' : input([batch, features * group, ...out], 0.1)
      const product = b.add('Conv', [input([batch, channels * group, height, width]), constant([features * group, channels, kernel, kernel]), ...(hasBias ? [constant([features * group])] : [])], { group, strides: [stride, stride], pads: [pad, pad, pad, pad] })
      b.output('y', followed(b, type, product, { ...what, row: false }, () => '', () => residual), { dtype: type })
      await assertSame(b.build(), feeds)
    }),
    { numRuns: 100 },
  )
})

/** x [N, 8] by a matrix, and what `more` makes of the product. */
function small(more: (b: GraphBuilder, product: string) => void): Graph {
  const b = graphBuilder()
  more(b, b.add('MatMul', [b.input('x', { dtype: 'float32', shape: ['N', 8] }), b.constant(noise(1, 'float32', [8, 6], 0))]))
  return b.build()
}
const output = (b: GraphBuilder, name: string, value: string): void => b.output(name, value, { dtype: 'float32' })
const row = (b: GraphBuilder): string => b.constant(noise(2, 'float32', [6], 0))

test('a bias, a residual and Relu are computed with the product; what follows them is not', async () => {
  const graph = small((b, y) => {
    const residual = b.input('r', { dtype: 'float32', shape: ['N', 6] })
    output(b, 'y', b.add('Sqrt', [b.add('Relu', [b.add('Add', [residual, b.add('Add', [row(b), y])])])]))
  })
  assert.deepEqual(await stepsOf(graph), ['MatMul', 'Sqrt'])
})

test('a sum of two products goes to the later one', async () => {
  const graph = small((b, y) => output(b, 'y', b.add('Add', [y, b.add('MatMul', ['x', b.constant(noise(3, 'float32', [8, 6], 0))])])))
  assert.deepEqual(await stepsOf(graph), ['MatMul', 'MatMul'])
  await assertSame(graph, new Map([['x', noise(4, 'float32', [5, 8], 0)]]))
})

test('what is read elsewhere, or is an output, stays a step', async () => {
  assert.deepEqual(await stepsOf(small((b, y) => [y, b.add('Relu', [y])].forEach((value, i) => output(b, `y${i}`, value)))), ['MatMul', 'Relu'])
  assert.deepEqual(await stepsOf(small((b, y) => output(b, 'y', b.add('Add', [b.add('Relu', [y]), y])))), ['MatMul', 'Relu', 'Add'])
  assert.deepEqual(await stepsOf(small((b, y) => output(b, 'y', b.add('Add', [y, y])))), ['MatMul', 'Add'])
})

test('addends of another shape, later ones, and bounds that are no constants stay steps', async () => {
  assert.deepEqual(await stepsOf(small((b, y) => output(b, 'y', b.add('Add', [y, b.input('r', { dtype: 'float32', shape: ['M', 6] })])))), ['MatMul', 'Add'])
  assert.deepEqual(await stepsOf(small((b, y) => output(b, 'y', b.add('Add', [y, b.input('r', { dtype: 'float32', shape: [1, 6] })])))), ['MatMul', 'Add'])
  assert.deepEqual(await stepsOf(small((b, y) => output(b, 'y', b.add('Add', [y, b.add('Slice', [b.input('r', { dtype: 'float32', shape: ['N', 6] }), ...[0, 9].map((i) => b.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(BigInt(i)) }))])])))), ['MatMul', 'Slice', 'Add'])
  assert.deepEqual(await stepsOf(small((b, y) => output(b, 'y', b.add('Clip', [y, b.input('low', { dtype: 'float32', shape: [] })])))), ['MatMul', 'Clip'])
})

test('rows stay apart, and runs that ask for intermediate values or have late ones get the same bits', async () => {
  const graph = small((b, y) => {
    const residual = b.input('r', { dtype: 'float32', shape: ['N', 6] })
    output(b, 'sum', b.add('Add', [b.add('Add', [y, row(b)]), residual]))
    output(b, 'y', b.add('Relu', ['sum']))
  })
  const [onCpu, onWasm] = [await load(graph, { device: 'cpu' }), await load(graph, { device: 'wasm' })]
  const feeds = { x: noise(5, 'float32', [1000, 8], 0.01), r: noise(6, 'float32', [1000, 6], 0.01) }
  for (const outputs of [['y'], ['sum', 'y']]) {
    const [expected, actual] = [onCpu.runSync(feeds, outputs), onWasm.runSync(feeds, outputs)]
    for (const name of outputs) assert.deepEqual(bitsOf(actual[name] as Tensor), bitsOf(expected[name] as Tensor), name)
  }
  onCpu.dispose()
  onWasm.dispose()
})
