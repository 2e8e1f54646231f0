import assert from 'node:assert/strict'
import { test } from 'node:test'
import { treeProperties } from '../../src/import/tree-summary.ts'

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
