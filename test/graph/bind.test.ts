// Random graphs in planned memory against an evaluator that gives each value memory of its own: in-place steps, shared storage
// and reused bytes must not change a bit.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bindPlan } from '../../src/graph/bind.ts'
import { graphBuilder } from '../../src/graph/builder.ts'
import { cpuDevice } from '../../src/graph/device.ts'
import { planGraph } from '../../src/graph/plan.ts'
import { operatorKeys } from '../../src/graph/subgraphs.ts'
import { heapScratch } from '../../src/graph/scratch.ts'
import { tensorOfView } from '../../src/ops/kernel.ts'
import { loadOperators, packNames, loadPack } from '../../src/ops/packs.ts'
import { tensor } from '../../src/tensor/tensor.ts'
import { arbitraryProgram, arbitraryRows, evaluateApart, programGraph } from '../support/programs.ts'
import { runOn } from '../support/run-op.ts'

await Promise.all(packNames().map(loadPack))

test('planned memory gives the bits of separate memory', async () => {
  await fc.assert(fc.asyncProperty(arbitraryProgram(true), arbitraryRows(0, 9), fc.array(fc.nat(1000), { maxLength: 3 }), async (program, rows, picked) => {
    const graph = programGraph(program, picked)
    const feeds = new Map([['X', rows]])
    const apart = evaluateApart(graph, feeds, await loadOperators(operatorKeys(graph)))
    const together = await runOn(cpuDevice(), graph, feeds)
    graph.outputs.forEach(({ name }, i) => {
      const expected = apart.get(name)
      assert.ok(expected)
      assert.deepEqual(together[i], tensorOfView(expected), `output ${name}`)
    })
  }), { numRuns: 300 })
})

test('one binding runs again and again with the same result', async () => {
  await fc.assert(fc.asyncProperty(arbitraryProgram(true), arbitraryRows(1, 4), async (program, rows) => {
    const graph = programGraph(program)
    const feeds = new Map([['X', rows]])
    // runOn runs a binding twice; a third time on fresh memory must agree.
    assert.deepEqual(await runOn(cpuDevice(), graph, feeds), await runOn(cpuDevice(), graph, feeds))
  }), { numRuns: 50 })
})

const VALUE_BYTES = 8 * 8 * 8

/** Values of memory, in activations and in inputs and outputs, of a graph on X [batch, 8] when 8 rows are bound. */
async function valuesFor(build: (b: ReturnType<typeof graphBuilder>, x: string) => string): Promise<{ activations: number; io: number }> {
  const b = graphBuilder()
  b.output('Y', build(b, b.input('X', { dtype: 'float64', shape: ['batch', 8] })), { dtype: 'float64' })
  const graph = b.build()
  const operators = await loadOperators(operatorKeys(graph))
  const plan = planGraph(graph, ['Y'], { ...operators, scratch: heapScratch() })
  const { activationBytes, ioBytes } = bindPlan(plan, [{ dtype: 'float64', shape: [8, 8] }], { inputs: 'io' })
  return { activations: activationBytes / VALUE_BYTES, io: ioBytes / VALUE_BYTES }
}

test('a chain of elementwise steps and reshapes works in the memory of its output', async () => {
  assert.deepEqual(await valuesFor((b, x) => b.add('Relu', [b.add('Tanh', [b.add('Neg', [b.add('Exp', [x])])])])), { activations: 0, io: 2 })
  assert.deepEqual(await valuesFor((b, x) => b.add('Relu', [b.add('Reshape', [b.add('Neg', [x]), b.constant(tensor([8n, -1n]))])])), { activations: 0, io: 2 })
})

test('a value that is read again is not overwritten', async () => {
  assert.deepEqual(await valuesFor((b, x) => {
    const shared = b.add('Exp', [x])
    return b.add('Neg', [b.add('Add', [b.add('Tanh', [shared]), shared])])
  }), { activations: 1, io: 2 })
})
