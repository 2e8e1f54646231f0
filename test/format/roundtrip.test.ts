import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../src/error.ts'
import { layOut } from '../../conformance/malformed-files.ts'
import { open, read, readBytes, write } from '../../src/format/index.ts'
import type { Graph, Node } from '../../src/graph/graph.ts'
import type { Attribute } from '../../src/ops/types.ts'
import { isNumericArray } from '../../src/tensor/tensor.ts'
import { randomGraph } from './graphs.ts'

/** Tensors by their bits: deep equality of typed arrays treats all NaN alike. */
function bits(graph: Graph): unknown {
  const found: unknown[] = []
  const visit = (body: Graph): void => {
    for (const [name, { data }] of [...body.initializers].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (isNumericArray(data)) found.push([name, Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')])
    }
    for (const node of body.nodes) {
      for (const [name, attribute] of [...node.attributes].sort(([a], [b]) => (a < b ? -1 : 1))) {
        if (attribute.kind === 'graph') visit(attribute.value as Graph)
        if (attribute.kind === 'tensor' && isNumericArray(attribute.value.data)) {
          found.push([name, Buffer.from(attribute.value.data.buffer, attribute.value.data.byteOffset, attribute.value.data.byteLength).toString('hex')])
        }
      }
    }
  }
  visit(graph)
  return found
}

function assertEqual(actual: Graph, expected: Graph): void {
  assert.deepEqual(actual, expected)
  assert.deepEqual(bits(actual), bits(expected))
}

const reversed = (graph: Graph): Graph => ({
  ...graph,
  initializers: new Map([...graph.initializers].reverse()),
  nodes: graph.nodes.map((node): Node => ({
    ...node,
    attributes: new Map([...node.attributes].reverse().map(([name, attribute]): [string, Attribute] => [name, attribute.kind === 'graph' ? { kind: 'graph', value: reversed(attribute.value as Graph) } : attribute])),
  })),
})

test('what is written reads back the same, and writes the same bytes again', async () => {
  await fc.assert(
    fc.asyncProperty(randomGraph, async (graph) => {
      const bytes = await write(graph)
      const again = readBytes(bytes, { integrity: 'sha256' })
      assertEqual(again, graph)
      assert.deepEqual(await write(again), bytes)
      assertEqual(await read(new Blob([bytes])), graph)
    }),
    { numRuns: 300 },
  )
})

test('the order of initializers and attributes does not change the bytes', async () => {
  await fc.assert(fc.asyncProperty(randomGraph, async (graph) => assert.deepEqual(await write(reversed(graph)), await write(graph))), { numRuns: 100 })
})

test('memory of the caller, unaligned bytes and shared memory give the same graph', async () => {
  await fc.assert(
    fc.asyncProperty(randomGraph, fc.integer({ min: 1, max: 9 }), async (graph, shift) => {
      const bytes = await write(graph)
      const shifted = new Uint8Array(bytes.length + shift).subarray(shift)
      shifted.set(bytes)
      assertEqual(readBytes(shifted), graph)
      const shared = new Uint8Array(new SharedArrayBuffer(bytes.length))
      shared.set(bytes)
      assertEqual(readBytes(shared, { integrity: 'sha256' }), graph)
      let arena: Uint8Array | undefined
      const allocate = (byteLength: number): Uint8Array => {
        assert.equal(arena, undefined)
        return (arena = new Uint8Array(new ArrayBuffer(byteLength + 64), 64))
      }
      const inArena = readBytes(bytes, { allocate })
      assertEqual(inArena, graph)
      for (const { dtype, data, shape } of inArena.initializers.values()) {
        if (isNumericArray(data) && !shape.includes(0)) assert.equal(data.buffer, arena?.buffer, dtype)
      }
    }),
    { numRuns: 50 },
  )
})

test('damage of any kind throws a coded error or changes nothing', async () => {
  await fc.assert(
    fc.asyncProperty(randomGraph, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }), async (graph, flips) => {
      const bytes = await write(graph)
      for (const [at, mask] of flips) bytes[at % bytes.length] ^= mask
      try {
        assertEqual(readBytes(bytes), graph)
      } catch (error) {
        assert.ok(error instanceof MleError, String(error))
      }
    }),
    { numRuns: 200 },
  )
})

/** A value of the JSON replaced by one that some reader may stumble over. */
function mutate(value: unknown, pick: () => number): unknown {
  const odd = [null, 0, -1, 1, 2 ** 53 - 1, 2 ** 32, 1.5, '', '__proto__', 'x', 'NaN', '-0', [], {}, [[]], { tensor: 0 }, true]
  if (typeof value !== 'object' || value === null || pick() % 4 === 0) return odd[pick() % odd.length]
  const entries = Object.entries(value)
  if (entries.length === 0) return odd[pick() % odd.length]
  const chosen = pick() % entries.length
  const changed = entries.map(([key, item], i): [string, unknown] => [key, i === chosen ? mutate(item, pick) : item])
  return Array.isArray(value) ? changed.map(([, item]) => item) : Object.fromEntries(changed)
}

test('wrong JSON under right sums throws a coded error, or is a graph that can be written', async () => {
  let refused = 0
  await fc.assert(
    fc.asyncProperty(randomGraph, fc.array(fc.nat(), { minLength: 40, maxLength: 40 }), async (graph, picks) => {
      let next = 0
      const pick = (): number => picks[next++ % picks.length] + next
      const bytes = await write(graph)
      const sections = (await open(bytes)).sections.map(({ kind, offset, byteLength }) => ({ kind, bytes: bytes.subarray(offset, offset + byteLength) }))
      const which = pick() % 4 === 0 ? 0 : 1
      const json: unknown = JSON.parse(new TextDecoder().decode(sections[which].bytes))
      sections[which] = { kind: sections[which].kind, bytes: new TextEncoder().encode(JSON.stringify(mutate(json, pick))) }
      let read: Graph
      try {
        read = readBytes(layOut(sections), { integrity: 'sha256' })
      } catch (error) {
        assert.ok(error instanceof MleError, String(error))
        refused++
        return
      }
      assertEqual(readBytes(await write(read)), read)
    }),
    { numRuns: 500 },
  )
  assert.ok(refused > 100, `${refused} of 500 were refused`)
})
