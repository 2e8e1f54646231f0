import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tinyGraph } from '../../conformance/malformed-files.ts'
import { MleError } from '../../src/error.ts'
import { readBytes, write } from '../../src/format/index.ts'
import type { Graph, Metadata, Node } from '../../src/graph/graph.ts'
import type { Attribute } from '../../src/ops/types.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

const failsWith = (code: string) => (error: unknown): boolean => error instanceof MleError && error.code === code

const withTensor = (tensor: Tensor): Graph => ({ ...tinyGraph, initializers: new Map([['w', tensor]]) })
const withAttribute = (attribute: Attribute): Graph => ({ ...tinyGraph, nodes: tinyGraph.nodes.map((node): Node => ({ ...node, attributes: new Map([['a', attribute]]) })) })
const withMetadata = (metadata: Metadata): Graph => ({ ...tinyGraph, metadata })

test('FORMAT_WRITE for what a file cannot hold', async () => {
  const extra: Record<string, string> = { created: 'today' }
  const wrong: Graph[] = [
    withTensor({ dtype: 'string', shape: [1], data: [null] }),
    withTensor({ dtype: 'string', shape: [1], data: ['\ud800'] }),
    withTensor({ dtype: 'float32', shape: [2], data: Float64Array.of(1, 2) }),
    withTensor({ dtype: 'float32', shape: [2], data: ['1', '2'] }),
    withTensor({ dtype: 'string', shape: [1], data: Float32Array.of(1) }),
    withTensor({ dtype: 'float32', shape: [3], data: Float32Array.of(1, 2) }),
    withTensor({ dtype: 'float32', shape: [-2], data: Float32Array.of(1, 2) }),
    withTensor({ dtype: 'bool', shape: [1], data: Uint8Array.of(2) }),
    withAttribute({ kind: 'int', value: 1.5 }),
    withAttribute({ kind: 'int', value: NaN }),
    withAttribute({ kind: 'ints', value: new Array(65).fill(0.5) }),
    withAttribute({ kind: 'ints', value: new Array(65).fill(2 ** 63) }),
    withAttribute({ kind: 'string', value: '\udc00' }),
    withAttribute({ kind: 'graph', value: { ...tinyGraph, inputs: [], outputs: [], nodes: [] } }),
    withMetadata({ name: 'a\ud800' }),
    withMetadata({ name: '\\\ud800' }),
    withMetadata(extra),
  ]
  for (const graph of wrong) await assert.rejects(write(graph), failsWith('FORMAT_WRITE'))
  assert.deepEqual(readBytes(await write(withMetadata({ name: '\\ud800' }))).metadata, { name: '\\ud800' })
})

test('names and order are checked before anything is written', async () => {
  const [node] = tinyGraph.nodes
  await assert.rejects(write({ ...tinyGraph, nodes: [node, node] }), failsWith('FORMAT_NAME'))
  await assert.rejects(write({ ...tinyGraph, initializers: new Map() }), failsWith('FORMAT_UNDEFINED'))
  await assert.rejects(write({ ...tinyGraph, outputs: [...tinyGraph.outputs, ...tinyGraph.outputs] }), failsWith('FORMAT_NAME'))
})

test('what a reader would refuse is not written', async () => {
  const shape = new Array<number>(33).fill(1)
  await assert.rejects(write(withTensor({ dtype: 'float32', shape, data: Float32Array.of(1) })), failsWith('FORMAT_LIMIT'))
  const dtype: unknown = 'complex64'
  await assert.rejects(write({ ...tinyGraph, inputs: [{ name: 'x', type: { dtype: dtype as 'float32' } }] }), failsWith('FORMAT_DTYPE'))
})

test('NaN of a long list has one bit pattern, NaN of a tensor keeps its own', async () => {
  const odd = new Float64Array(Uint32Array.of(0xdeadbeef, 0xfff4dead).buffer)
  const list = await write(withAttribute({ kind: 'floats', value: new Array(65).fill(odd[0]) }))
  assert.deepEqual(list, await write(withAttribute({ kind: 'floats', value: new Array(65).fill(NaN) })))
  const { data } = readBytes(await write(withTensor({ dtype: 'float64', shape: [1], data: odd }))).initializers.get('w') ?? { data: [] }
  assert.ok(ArrayBuffer.isView(data))
  assert.deepEqual(new Uint32Array(data.buffer.slice(data.byteOffset, data.byteOffset + 8)), Uint32Array.of(0xdeadbeef, 0xfff4dead))
})

test('-0 of an int is 0, of a float -0', async () => {
  const value = async (attribute: Attribute): Promise<unknown> => readBytes(await write(withAttribute(attribute))).nodes[0].attributes.get('a')?.value
  assert.ok(Object.is(await value({ kind: 'int', value: -0 }), 0))
  assert.ok(Object.is(await value({ kind: 'float', value: -0 }), -0))
})

test('a view into a larger buffer is written as the view', async () => {
  const buffer = Float32Array.of(9, 1, 2, 9)
  assert.deepEqual(await write(withTensor({ dtype: 'float32', shape: [2], data: buffer.subarray(1, 3) })), await write(tinyGraph))
})

test('fields that are undefined are left out', async () => {
  const graph: Graph = { ...tinyGraph, inputs: tinyGraph.inputs.map((input) => ({ ...input, sourceDtype: undefined })), metadata: { ...tinyGraph.metadata, framework: undefined } }
  assert.deepEqual(await write(graph), await write(tinyGraph))
})
