import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importModel } from '../../src/import/index.ts'
import { treeProperties } from '../../src/import/tree-summary.ts'
import { readCases } from '../support/fixtures.ts'

const STUMP = { left: [1, -1, -1], right: [2, -1, -1], feature: [0, 0, 0], cover: [10, 4, 6], gain: [2.5, 0, 0] }
const DEEP = { left: [1, -1, 3, -1, -1], right: [2, -1, 4, -1, -1], feature: [1, 0, 0, 0, 0], cover: [8, 3, 5, 1, 4], gain: [4, 0, 1, 0, 0] }
const LEAF = { left: [-1], right: [-1], feature: [0], cover: [7], gain: [0] }
const nameOf = (feature: number): string => ['age', 'fare'][feature]

test('counts trees, depths and leaves, and sums splits, cover and gain by feature', () => {
  assert.deepEqual(treeProperties([STUMP, DEEP, LEAF], nameOf), [
    ['trees.count', '3'],
    ['trees.leaves', '6'],
    ['trees.depths', '[[0,1],[1,1],[2,1]]'],
    ['trees.splits', '[["age",2],["fare",1]]'],
    ['trees.cover', '[["age",15],["fare",8]]'],
    ['trees.gain', '[["fare",4],["age",3.5]]'],
  ])
})

test('says nothing of what the file does not have', () => {
  assert.deepEqual(treeProperties([{ ...STUMP, cover: undefined, gain: [0, 0, 0] }, LEAF], nameOf).map(([key]) => key), ['trees.count', 'trees.leaves', 'trees.depths', 'trees.splits'])
  assert.deepEqual(treeProperties([{ ...STUMP, cover: undefined, gain: [NaN, 0, 0] }], nameOf).map(([key]) => key), ['trees.count', 'trees.leaves', 'trees.depths', 'trees.splits'])
})

test('columns of one name count as one, and a long list is cut', () => {
  const wide = Array.from({ length: 100 }, (_, i) => ({ ...STUMP, feature: [i, 0, 0] }))
  const properties = new Map(treeProperties(wide, (feature) => `f${feature}`))
  assert.equal(JSON.parse(properties.get('trees.splits') ?? '').length, 30)
  assert.deepEqual(JSON.parse(new Map(treeProperties(wide, () => 'one')).get('trees.splits') ?? ''), [['one', 100]])
})

test('models of scikit-learn and ONNX say what their trees are, members of ensembles too', async () => {
  const summary = async (pack: Parameters<typeof readCases>[0], name: string): Promise<ReadonlyMap<string, string>> => {
    const fixture = readCases(pack).find((one) => one.name === name)
    assert.ok(fixture, `${pack} has no case ${name}`)
    const { metadata } = await importModel(fixture.bytes(fixture.description.file), { fileName: fixture.description.file })
    return new Map(metadata.properties)
  }
  const forest = await summary('sklearn', 'extratrees_classifier')
  assert.ok(Number(forest.get('trees.count')) > 1)
  assert.ok(forest.has('trees.gain') && forest.has('trees.cover') && forest.has('trees.splits'))
  const bagged = await summary('sklearn', 'bagging_regressor')
  assert.ok(Number(bagged.get('trees.count')) > 1)
  assert.ok(bagged.has('trees.splits') && !bagged.has('trees.gain'))
  const onnx = await summary('onnx_ml', 'tree_regressor_sum')
  assert.ok(Number(onnx.get('trees.leaves')) > 1)
})
