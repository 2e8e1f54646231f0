import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tinyGraph } from '../../conformance/malformed-files.ts'
import { MleError } from '../../src/error.ts'
import { readBytes, write, type ReadOptions } from '../../src/format/index.ts'
import type { Graph } from '../../src/graph/graph.ts'

const body: Graph = {
  inputs: [],
  outputs: [{ name: 'inner', type: { dtype: 'float32' } }],
  nodes: [{ op: 'Identity', domain: 'ai.onnx', version: 16, inputs: ['x'], outputs: ['inner'], attributes: new Map() }],
  initializers: new Map([['c', { dtype: 'int64', shape: [1], data: BigInt64Array.of(-1n) }]]),
  metadata: {},
}

const graph: Graph = {
  ...tinyGraph,
  nodes: [
    ...tinyGraph.nodes,
    {
      op: 'If',
      domain: 'ai.onnx',
      version: 16,
      inputs: ['flag'],
      outputs: ['z'],
      attributes: new Map([['else_branch', { kind: 'graph', value: body }], ['floats', { kind: 'floats', value: new Array(70).fill(0.5) }], ['then_branch', { kind: 'graph', value: body }]]),
    },
  ],
  initializers: new Map([...tinyGraph.initializers, ['flag', { dtype: 'bool', shape: [], data: Uint8Array.of(1) }], ['labels', { dtype: 'string', shape: [2], data: ['é', ''] }]]),
}

/** MleError, or the same graph; anything else fails. */
function check(bytes: Uint8Array, options: ReadOptions = {}): 'refused' | 'same' {
  try {
    assert.deepEqual(readBytes(bytes, options), graph)
    return 'same'
  } catch (error) {
    assert.ok(error instanceof MleError, String(error))
    assert.match(error.code, /^FORMAT_/)
    return 'refused'
  }
}

test('every flip of a single bit is refused, or changes nothing that is used', async () => {
  const bytes = await write(graph)
  const harmless = new Set<number>()
  for (let at = 0; at < bytes.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      bytes[at] ^= 1 << bit
      if (check(bytes) === 'same') harmless.add(at)
      bytes[at] ^= 1 << bit
    }
  }
  assert.equal(check(bytes), 'same')
  assert.deepEqual([...harmless], [], 'offsets of harmless flips')
})

test('every byte of the hashes counts at level sha256', async () => {
  const bytes = await write(graph)
  for (let at = 0; at < bytes.length; at += 3) {
    bytes[at] ^= 0x10
    assert.equal(check(bytes, { integrity: 'sha256' }), 'refused', `offset ${at}`)
    bytes[at] ^= 0x10
  }
})

test('a file cut anywhere is refused as truncated', async () => {
  const bytes = await write(graph)
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => readBytes(bytes.subarray(0, length)), (error) => error instanceof MleError && error.code === 'FORMAT_TRUNCATED', `length ${length}`)
  }
})

test('a file with more bytes is refused as trailing', async () => {
  const bytes = await write(graph)
  for (const more of [1, 63, 64, 4096]) {
    const longer = new Uint8Array(bytes.length + more)
    longer.set(bytes)
    assert.throws(() => readBytes(longer), (error) => error instanceof MleError && error.code === 'FORMAT_TRAILING')
  }
})
