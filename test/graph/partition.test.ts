import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { graphBuilder } from '../../src/graph/builder.ts'
import { bindPlan, type Bound } from '../../src/graph/bind.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { partition, poolBuffers, type Segment } from '../../src/graph/partition.ts'
import { planGraph, type Plan } from '../../src/graph/plan.ts'
import { operatorKeys } from '../../src/graph/subgraphs.ts'
import { heapScratch } from '../../src/graph/scratch.ts'
import { loadOperators } from '../../src/ops/packs.ts'

const TYPE = { dtype: 'float32', shape: [4] } as const

async function bound(graph: Graph, onDevice: (op: string) => boolean): Promise<{ plan: Plan; bound: Bound; segments: readonly Segment[] }> {
  const plan = planGraph(graph, graph.outputs.map((output) => output.name), { ...(await loadOperators(operatorKeys(graph))), scratch: heapScratch() })
  const result = bindPlan(plan, graph.inputs.map((input) => input.type), { inputs: 'io', accelerate: (step) => (onDevice(step.node.op) ? [] : 'not on the device') })
  return { plan, bound: result, segments: partition(result, plan.inputs, plan.outputs) }
}

/** Abs on the device, Neg on the host: a random program over earlier values. */
function program(steps: readonly { onDevice: boolean; source: number }[], outputs: readonly number[]): Graph {
  const b = graphBuilder()
  const values = [b.input('x', TYPE)]
  for (const { onDevice, source } of steps) values.push(b.add(onDevice ? 'Abs' : 'Neg', [values[source % values.length]]))
  outputs.forEach((output, i) => b.output(`y${i}`, values[output % values.length], TYPE))
  return b.build()
}

test('runs of device steps and islands alternate, with crossings at their borders only', async () => {
  const graph = program([{ onDevice: true, source: 0 }, { onDevice: true, source: 1 }, { onDevice: false, source: 2 }, { onDevice: true, source: 3 }], [4])
  const { segments, bound: b } = await bound(graph, (op) => op === 'Abs')
  assert.deepEqual(segments.map(({ place, first, end, uploads, downloads }) => [place, first, end, uploads.length, downloads.length]), [['device', 0, 2, 1, 1], ['host', 2, 3, 0, 0], ['device', 3, 4, 1, 1]])
  // The value between the two device steps never needs host memory.
  assert.equal(b.activationBytes, 128)
})

test('on random programs every step finds its inputs where it runs', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ onDevice: fc.boolean(), source: fc.nat(20) }), { minLength: 1, maxLength: 20 }),
      fc.array(fc.nat(20), { minLength: 1, maxLength: 3 }),
      async (steps, outputs) => {
        const { plan, bound: b, segments } = await bound(program(steps, outputs), (op) => op === 'Abs')
        const host = new Set(plan.inputs.map((id) => b.rootOf[id]))
        const device = new Set<number>()
        let next = 0
        for (const segment of segments) {
          assert.equal(segment.first, next)
          next = segment.end
          for (const root of segment.uploads) {
            assert.ok(host.has(root))
            device.add(root)
          }
          const [here, there] = segment.place === 'device' ? [device, host] : [host, device]
          for (const { step } of b.steps.slice(segment.first, segment.end)) {
            for (const id of step.inputs) assert.ok(here.has(b.rootOf[id]), `${segment.place} step reads ${plan.names[id]}`)
            for (const id of step.outputs) here.add(b.rootOf[id])
          }
          for (const root of segment.downloads) there.add(root)
        }
        assert.equal(next, b.steps.length)
        for (const id of plan.outputs) assert.ok(host.has(b.rootOf[id]))
      },
    ),
    { numRuns: 200 },
  ))

test('storages that live at the same time never share a buffer, and every buffer holds its storages', () =>
  fc.assert(
    fc.property(fc.array(fc.record({ bytes: fc.nat(1000), first: fc.nat(30), length: fc.nat(10) }), { maxLength: 40 }), (drawn) => {
      const storages = drawn.map(({ bytes, first, length }) => ({ bytes, first, last: first + length })).sort((a, b) => a.first - b.first).map((storage, id) => ({ ...storage, id }))
      const { bufferOf, bytes } = poolBuffers(storages)
      for (const a of storages) {
        assert.ok(bytes[bufferOf.get(a.id) ?? -1] >= a.bytes)
        for (const b of storages) if (a.id < b.id && b.first <= a.last && a.first <= b.last) assert.notEqual(bufferOf.get(a.id), bufferOf.get(b.id))
      }
    }),
  ))
