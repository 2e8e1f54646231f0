import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { inferTypes } from '../../src/graph/infer.ts'
import { operatorKeys } from '../../src/graph/subgraphs.ts'
import { isTensorType } from '../../src/ops/types.ts'
import { loadOperators, loadPack, packNames } from '../../src/ops/packs.ts'
import { arbitraryProgram, arbitraryRows, evaluateApart, programGraph } from '../support/programs.ts'

await Promise.all(packNames().map(loadPack))

test('symbolic types agree with the shapes of a run', async () => {
  let known = 0
  let open = 0
  await fc.assert(fc.asyncProperty(arbitraryProgram(true), arbitraryRows(1, 5), async (program, rows) => {
    const graph = programGraph(program)
    const operators = await loadOperators(operatorKeys(graph))
    const views = evaluateApart(graph, new Map([['X', rows]]), operators)
    for (const [name, type] of inferTypes(graph, operators.schemas).types) {
      const view = views.get(name)
      assert.ok(isTensorType(type) && view !== undefined)
      assert.equal(type.dtype, view.dtype)
      if (type.shape === undefined) {
        open++
        continue
      }
      assert.equal(type.shape.length, view.shape.length, name)
      type.shape.forEach((dim, axis) => {
        if (dim === null) open++
        else known++
        assert.equal(dim === 'batch' ? rows.shape[0] : (dim ?? view.shape[axis]), view.shape[axis], `${name} axis ${axis} is ${dim}`)
      })
    }
  }), { numRuns: 200 })
  assert.ok(known > 8 * open, `${open} dimensions of ${known + open} stay unknown`)
})

test('every dimension of row-wise programs is known', async () => {
  await fc.assert(fc.asyncProperty(arbitraryProgram(false), async (program) => {
    const graph = programGraph(program)
    for (const [name, type] of inferTypes(graph, (await loadOperators(operatorKeys(graph))).schemas).types) {
      assert.ok(isTensorType(type) && type.shape !== undefined && !type.shape.includes(null), name)
    }
  }), { numRuns: 100 })
})
