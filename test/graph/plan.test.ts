import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { cpuDevice } from '../../src/graph/device.ts'
import { planGraph, type Plan } from '../../src/graph/plan.ts'
import { operatorKeys } from '../../src/graph/subgraphs.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { heapScratch } from '../../src/graph/scratch.ts'
import { MleError } from '../../src/error.ts'
import { loadOperators, loadPack, packNames } from '../../src/ops/packs.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import { arbitraryProgram, arbitraryRows, COLUMNS, programGraph } from '../support/programs.ts'
import { runOn } from '../support/run-op.ts'

await Promise.all(packNames().map(loadPack))

async function planOf(graph: Graph, outputs: readonly string[] = graph.outputs.map((info) => info.name)): Promise<Plan> {
  return planGraph(graph, outputs, { ...(await loadOperators(operatorKeys(graph))), scratch: heapScratch() })
}

/** Nodes that an output depends on, by searching backwards. */
function ancestors(graph: Graph, output: string): Set<number> {
  const found = new Set<number>()
  const visit = (name: string): void => {
    const index = graph.nodes.findIndex((node) => node.outputs.includes(name))
    if (index < 0 || found.has(index)) return
    found.add(index)
    graph.nodes[index].inputs.forEach(visit)
  }
  visit(output)
  return found
}

test('a plan has the steps that its outputs need, in order, and no others', async () => {
  await fc.assert(fc.asyncProperty(arbitraryProgram(true, 20), fc.array(fc.nat(1000), { minLength: 1, maxLength: 3 }), async (program, picked) => {
    const graph = programGraph(program, picked)
    for (const { name } of graph.outputs) {
      const plan = await planOf(graph, [name])
      assert.deepEqual(plan.steps.map((step) => step.index), [...ancestors(graph, name)].sort((a, b) => a - b))
    }
  }), { numRuns: 100 })
})

test('an output is the same whether it is asked for alone or with others', async () => {
  await fc.assert(fc.asyncProperty(arbitraryProgram(true), arbitraryRows(1, 5), fc.array(fc.nat(1000), { minLength: 1, maxLength: 3 }), async (program, rows, picked) => {
    const graph = programGraph(program, picked)
    const feeds = new Map([['X', rows]])
    const all = await runOn(cpuDevice(), graph, feeds)
    for (const [i, { name }] of graph.outputs.entries()) assert.deepEqual(await runOn(cpuDevice(), graph, feeds, [name]), [all[i]])
  }), { numRuns: 80 })
})

test('an unknown output is refused by name', () =>
  assert.rejects(planOf(programGraph([{ op: 'Neg', a: 0, b: 0 }]), ['nothing']), (error: unknown) => error instanceof MleError && error.code === 'GRAPH_OUTPUT' && error.message.includes('nothing')))

/** Row i of an output with one row for each of X. */
function rowOf({ data, shape }: Tensor, row: number): number[] {
  const width = shape.slice(1).reduce((product, dim) => product * dim, 1)
  return Array.from(data as Float64Array).slice(row * width, (row + 1) * width)
}

const rowAlone = (rows: Tensor, row: number): Tensor => tensor(Float64Array.from(rowOf(rows, row)), [1, COLUMNS])

/** True if the batch gives the rows of single runs, bit for bit. */
async function batchIsRows(graph: Graph, rows: Tensor): Promise<boolean> {
  const [batch] = await runOn(cpuDevice(), graph, new Map([['X', rows]]))
  if (batch.shape[0] !== rows.shape[0]) return false
  for (let row = 0; row < rows.shape[0]; row++) {
    const [alone] = await runOn(cpuDevice(), graph, new Map([['X', rowAlone(rows, row)]]))
    if (!rowOf(batch, row).every((value, i) => Object.is(value, rowOf(alone, 0)[i]))) return false
  }
  return true
}

test('a plan that is called row independent gives the batch row by row, bit for bit', async () => {
  let independent = 0
  await fc.assert(fc.asyncProperty(arbitraryProgram(true, 8), arbitraryRows(1, 5), async (program, rows) => {
    const graph = programGraph(program)
    if ((await planOf(graph)).rowSymbol === undefined) return
    independent++
    assert.ok(await batchIsRows(graph, rows))
  }), { numRuns: 200 })
  assert.ok(independent >= 40, `only ${independent} of 200 programs were row independent`)
})

test('programs of row-wise operators are found row independent', async () => {
  await fc.assert(fc.asyncProperty(arbitraryProgram(false), async (program) => {
    assert.equal((await planOf(programGraph(program))).rowSymbol, 'batch')
  }), { numRuns: 150 })
})

test('operators that mix rows are not', async () => {
  for (const op of ['SoftmaxRows', 'SumRows', 'TransposeSquare', 'ConcatRows', 'ReverseRows']) {
    const graph = programGraph([{ op, a: 0, b: 0 }])
    assert.equal((await planOf(graph)).rowSymbol, undefined, op)
    // The example shows that it would be wrong.
    assert.equal(await batchIsRows(graph, tensor(Float64Array.from({ length: 12 }, (_, i) => i * i), [3, COLUMNS])), false, op)
  }
})
