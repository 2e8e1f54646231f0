// The wasm device, with one hand-assembled kernel, so that no build stands between these tests and the executor.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Graph, Node } from '../../src/graph/graph.ts'
import { cpuDevice } from '../../src/graph/device.ts'
import { RUN_LIMITS } from '../../src/graph/run-limits.ts'
import { createWasmDevice } from '../../src/graph/wasm-device.ts'
import { MleError, tensor } from '../../src/index.ts'
import { Model } from '../../src/model.ts'
import type { Kernel, View, WasmHost } from '../../src/ops/kernel.ts'
import type { WasmKernels } from '../../src/ops/wasm/index.ts'
import { loadOperators, type OperatorSet } from '../../src/ops/packs.ts'
import { exact, type OpSchema } from '../../src/ops/schema.ts'
import { elementwise } from '../../src/ops/rules.ts'
import { allSchemas } from '../../src/ops/registry.ts'

const hasCode = (code: string) => (error: unknown) => error instanceof MleError && error.code === code

/*
(module (import "env" "memory" (memory 1))
  (func (export "subtract") (param $a i32) (param $b i32) (param $y i32) (param $n i32)   ;; a, b, y: byte offsets of f32 [n]
    (loop (if (local.get $n) (then
      (f32.store (local.get $y) (f32.sub (f32.load (local.get $a)) (f32.load (local.get $b))))
      ;; each offset += 4, n -= 1
      (br 1))))))
*/
const advance = (local: number, by: number): number[] => [0x20, local, 0x41, by & 0x7f, 0x6a, 0x21, local]
const CODE = [
  0x00, 0x03, 0x40, 0x20, 3, 0x04, 0x40,
  0x20, 2, 0x20, 0, 0x2a, 2, 0, 0x20, 1, 0x2a, 2, 0, 0x93, 0x38, 2, 0,
  ...advance(0, 4), ...advance(1, 4), ...advance(2, 4), ...advance(3, -1),
  0x0c, 1, 0x0b, 0x0b, 0x0b,
]
const named = (text: string): number[] => [text.length, ...Buffer.from(text)]
const section = (id: number, bytes: number[]): number[] => [id, bytes.length, ...bytes]
const MODULE = Uint8Array.from([
  0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
  ...section(1, [1, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 0]),
  ...section(2, [1, ...named('env'), ...named('memory'), 2, 0, 1]),
  ...section(3, [1, 0]),
  ...section(7, [1, ...named('subtract'), 0, 0]),
  ...section(10, [1, CODE.length, ...CODE]),
])

const subtractSchema: OpSchema = {
  name: 'Subtract', domain: 'test', version: 1,
  inputs: [{ name: 'a', type: 'T' }, { name: 'b', type: 'T' }], outputs: [{ name: 'y' }], attributes: [],
  infer: (context) => elementwise(context), bound: exact,
}

const cpuSubtract: Kernel = ([a, b], [y]) => {
  for (let i = 0; i < (y?.size ?? 0); i++) (y as View).data[i] = Number((a as View).data[i]) - Number((b as View).data[i])
}

const operators: OperatorSet = {
  schemas: new Map([...allSchemas(), ['test.Subtract', subtractSchema]]),
  cpu: new Map([['test.Subtract', { make: () => cpuSubtract }]]),
}

function floats(view: View | undefined): Float32Array {
  assert.ok(view?.data instanceof Float32Array)
  return view.data
}

/** Counts the calls of the wasm kernel, to see that it and not its cpu twin has run. */
function wasmKernels(): WasmKernels & { calls: number } {
  const counted = {
    calls: 0,
    modulesFor: (keys: ReadonlySet<string>) => (keys.has('test.Subtract') ? ['subtract'] : []),
    instantiate: async (name: string, memory: WebAssembly.Memory) => {
      assert.equal(name, 'subtract')
      return (await WebAssembly.instantiate(MODULE, { env: { memory } })).instance.exports
    },
    table: ({ exports, memory }: WasmHost) => {
      const subtract = exports.subtract as (a: number, b: number, y: number, n: number) => void
      return new Map([['test.Subtract', {
        make({ inputTypes }: { inputTypes: readonly unknown[] }): Kernel | undefined {
          if (JSON.stringify(inputTypes[0]).includes('float64')) return undefined
          return ([a, b], [y]) => {
            counted.calls++
            for (const view of [a, b, y]) assert.equal(floats(view).buffer, memory.buffer)
            subtract(floats(a).byteOffset, floats(b).byteOffset, floats(y).byteOffset, floats(y).length)
          }
        },
      }]])
    },
  }
  return counted
}

const node = (inputs: string[], output: string): Node => ({ op: 'Subtract', domain: 'test', version: 1, inputs, outputs: [output], attributes: new Map() })

/** y = (x - w) - w */
function subtractGraph(weights: Float32Array | Float64Array): Graph {
  const w = tensor(weights)
  const type = { dtype: w.dtype, shape: [weights.length] } as const
  return {
    inputs: [{ name: 'x', type }],
    outputs: [{ name: 'y', type }],
    nodes: [node(['x', 'w'], 'h'), node(['h', 'w'], 'y')],
    initializers: new Map([['w', w]]),
    metadata: {},
  }
}

const MAX = 2 ** 30

async function wasmModel(graph: Graph, kernels: WasmKernels): Promise<Model> {
  return new Model(graph, await createWasmDevice(graph, { kernels, limits: { ...RUN_LIMITS, maxMemoryBytes: MAX } }), operators)
}

test('a wasm kernel gives the bits of its cpu twin', async () => {
  const bits = Uint32Array.of(0x7f800000, 0xff800000, 0x80000000, 1, 0x00800000, 0x3f8ccccd, 0x4b800001, 0x7f7fffff)
  const values = new Float32Array(bits.buffer)
  const graph = subtractGraph(Float32Array.from(values, (_, i) => 0.1 * (i + 1)))
  const kernels = wasmKernels()
  const wasm = (await wasmModel(graph, kernels)).runSync({ x: values }).y
  const cpu = new Model(graph, cpuDevice(), operators).runSync({ x: values }).y
  assert.equal(kernels.calls, 2)
  assert.deepEqual(new Uint32Array((wasm.data as Float32Array).buffer), new Uint32Array((cpu.data as Float32Array).buffer))
})

test('a kernel that declines a node leaves it to cpu', async () => {
  const kernels = wasmKernels()
  const model = await wasmModel(subtractGraph(Float64Array.of(0.1, 0.2)), kernels)
  assert.deepEqual(model.runSync({ x: Float64Array.of(1, 2) }).y.data, Float64Array.of(1 - 0.1 - 0.1, 2 - 0.2 - 0.2))
  assert.equal(kernels.calls, 0)
})

test('a session survives growth of the memory it shares', async () => {
  const kernels = wasmKernels()
  const model = await wasmModel(subtractGraph(Float32Array.of(1, 2)), kernels)
  const session = model.session()
  ;(session.inputs.x.data as Float32Array).set([10, 20])
  session.run()
  const before = session.inputs.x.data as Float32Array
  const { generation } = model.device.arena
  const others = []
  for (let i = 0; i < 64 && model.device.arena.generation === generation; i++) {
    const other = await wasmModel(subtractGraph(new Float32Array(2 ** 14)), kernels)
    others.push(other, other.session())
  }
  assert.notEqual(model.device.arena.generation, generation)
  assert.equal(before.length, 0, 'growing detaches earlier views')
  assert.deepEqual(session.inputs.x.data, Float32Array.of(10, 20))
  session.run()
  assert.deepEqual(session.outputs.y.data, Float32Array.of(8, 16))
  assert.deepEqual(model.runSync({ x: Float32Array.of(5, 5) }).y.data, Float32Array.of(3, 1))
  assert.deepEqual(session.outputs.y.data, Float32Array.of(8, 16))
})

test('a run survives growth of the memory between two runs', async () => {
  const kernels = wasmKernels()
  const model = await wasmModel(subtractGraph(Float32Array.of(1, 2)), kernels)
  assert.deepEqual(model.runSync({ x: Float32Array.of(5, 5) }).y.data, Float32Array.of(3, 1))
  const { generation } = model.device.arena
  const others = []
  for (let i = 0; i < 64 && model.device.arena.generation === generation; i++) others.push(await wasmModel(subtractGraph(new Float32Array(2 ** 14)), kernels).then((other) => [other, other.session()]))
  assert.notEqual(model.device.arena.generation, generation)
  assert.deepEqual(model.runSync({ x: Float32Array.of(7, 7) }).y.data, Float32Array.of(5, 3))
})

test('what a kernel of cpu keeps of a constant stays when the memory grows', async () => {
  const keeping: OperatorSet = { ...operators, cpu: new Map([['test.Subtract', { make: ({ constants }) => {
    const { data } = constants[1] as View
    return ([a], outputs) => cpuSubtract([a, { ...(a as View), data }], outputs)
  } }]]) }
  const kernels = wasmKernels()
  const graph = subtractGraph(Float64Array.of(1, 2))
  const model = new Model(graph, await createWasmDevice(graph, { kernels, limits: { ...RUN_LIMITS, maxMemoryBytes: MAX } }), keeping)
  assert.deepEqual(model.runSync({ x: Float64Array.of(5, 5) }).y.data, Float64Array.of(3, 1))
  const { generation } = model.device.arena
  model.device.arena.allocate(2 ** 24)
  assert.notEqual(model.device.arena.generation, generation)
  assert.deepEqual(model.runSync({ x: Float64Array.of(7, 7) }).y.data, Float64Array.of(5, 3))
  assert.equal(kernels.calls, 0)
})

/** h = x - w; a Loop doubles its state eight times, reading h in each iteration; y = h - w. */
function doublingGraph(size: number): Graph {
  const plain = subtractGraph(new Float32Array(size).fill(1))
  const type = { dtype: 'float32', shape: [size] } as const
  const any = { dtype: 'float32', shape: ['m'] } as const
  const concat: Node = { op: 'Concat', domain: 'ai.onnx', version: 13, inputs: ['s', 's'], outputs: ['s_out'], attributes: new Map([['axis', { kind: 'int', value: 0 }]]) }
  const bodyGraph: Graph = {
    inputs: [{ name: 'i', type: { dtype: 'int64', shape: [] } }, { name: 'c', type: { dtype: 'bool', shape: [] } }, { name: 's', type: any }],
    outputs: [{ name: 'c', type: { dtype: 'bool', shape: [] } }, { name: 's_out', type: any }, { name: 'seen', type }],
    nodes: [concat, node(['h', 'w'], 'seen')],
    initializers: new Map(),
    metadata: {},
  }
  const loop: Node = { op: 'Loop', domain: 'ai.onnx', version: 25, inputs: ['M', '', 'x'], outputs: ['big', 'scan'], attributes: new Map([['body', { kind: 'graph', value: bodyGraph }]]) }
  return {
    ...plain,
    nodes: [node(['x', 'w'], 'h'), loop, node(['h', 'w'], 'y')],
    outputs: [...plain.outputs, { name: 'big', type: any }, { name: 'scan', type: { dtype: 'float32', shape: [null, size] } }],
    initializers: new Map([...plain.initializers, ['M', tensor(BigInt64Array.of(8n), [])]]),
  }
}

test('memory that grows while a subgraph runs stays under the values of the graph around it', async () => {
  const graph = doublingGraph(1000)
  const all = await loadOperators(['Concat', 'Loop'])
  const set: OperatorSet = { schemas: new Map([...all.schemas, ...operators.schemas]), cpu: new Map([...all.cpu, ...operators.cpu]) }
  const kernels = wasmKernels()
  const model = new Model(graph, await createWasmDevice(graph, { kernels, limits: { ...RUN_LIMITS, maxMemoryBytes: MAX } }), set)
  const x = Float32Array.from({ length: 1000 }, (_, i) => i)
  model.session({ outputs: ['y'] })
  const { generation } = model.device.arena
  const { y, big, scan } = model.runSync({ x })
  assert.ok(model.device.arena.generation > generation, 'the test must make the memory grow')
  assert.deepEqual(y.data, x.map((value) => value - 2))
  assert.deepEqual(scan.data, Float32Array.from({ length: 8000 }, (_, i) => (i % 1000) - 2))
  assert.equal(big.data.length, 256000)
  assert.ok((big.data as Float32Array).every((value, i) => value === i % 1000))
})

test('2,000 live models share one memory and give it back', async () => {
  const kernels = wasmKernels()
  const models: Model[] = []
  for (let i = 0; i < 2000; i++) models.push(await wasmModel(subtractGraph(Float32Array.of(i, 2 * i)), kernels))
  for (const [i, model] of models.entries()) assert.deepEqual(model.runSync({ x: Float32Array.of(i, i) }).y.data, Float32Array.of(0 - i, 0 - 3 * i))
  const regions = models.map((model) => model.device.arena.allocate(64))
  const memories = new Set(models.map((model, i) => model.device.arena.bufferOf(regions[i])))
  assert.equal(memories.size, 1)
  const [buffer] = memories
  const bytes = buffer.byteLength
  for (const model of models) {
    model.dispose()
    assert.equal(model.device.arena.allocatedBytes, 0)
  }
  // What was given back is used again: the same load fits without growth.
  for (let i = 0; i < 1000; i++) (await wasmModel(subtractGraph(Float32Array.of(i, i)), kernels)).runSync({ x: Float32Array.of(0, 0) })
  assert.equal(buffer.byteLength, bytes)
})

test('a model of 16 MiB or more has a memory of its own', async () => {
  const kernels = wasmKernels()
  const large = await wasmModel(subtractGraph(new Float32Array(2 ** 22).fill(2)), kernels)
  const small = await wasmModel(subtractGraph(Float32Array.of(1)), kernels)
  assert.notEqual(large.device.arena.bufferOf(large.device.arena.allocate(1)), small.device.arena.bufferOf(small.device.arena.allocate(1)))
  const { data } = large.runSync({ x: new Float32Array(2 ** 22).fill(7) }).y
  assert.ok((data as Float32Array).every((value) => value === 3))
})

test('a disposed model on wasm says so and does not touch its neighbours', async () => {
  const kernels = wasmKernels()
  const [first, second] = [await wasmModel(subtractGraph(Float32Array.of(1)), kernels), await wasmModel(subtractGraph(Float32Array.of(2)), kernels)]
  const session = first.session()
  first.dispose()
  assert.throws(() => session.run(), hasCode('MODEL_DISPOSED'))
  assert.deepEqual(second.runSync({ x: Float32Array.of(9) }).y.data, Float32Array.of(5))
})

test('past its limit a model is refused', async () => {
  const graph = subtractGraph(new Float32Array(1000))
  const model = new Model(graph, await createWasmDevice(graph, { kernels: wasmKernels(), limits: { ...RUN_LIMITS, maxMemoryBytes: 2000 } }), operators)
  assert.throws(() => model.runSync({ x: new Float32Array(1000) }), hasCode('MEMORY_LIMIT'))
})

test('where compiling is forbidden loading fails, and the next load tries again', async () => {
  const kernels = wasmKernels()
  let forbidden = true
  const flaky: WasmKernels = { ...kernels, instantiate: (name, memory) => (forbidden ? Promise.reject(new WebAssembly.CompileError('blocked by policy')) : kernels.instantiate(name, memory)) }
  const graph = subtractGraph(Float32Array.of(1))
  await assert.rejects(createWasmDevice(graph, { kernels: flaky, limits: { ...RUN_LIMITS, maxMemoryBytes: MAX } }), /blocked by policy/)
  forbidden = false
  assert.deepEqual((await wasmModel(graph, flaky)).runSync({ x: Float32Array.of(3) }).y.data, Float32Array.of(1))
})
