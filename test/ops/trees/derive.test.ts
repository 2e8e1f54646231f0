import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkTrees } from '../../../src/ops/trees/check.ts'
import { deriveNodes, IS_NAN, IS_ZERO, NAN_RIGHT, PLAIN, TEST, testColumns, ZERO_LEFT, ZERO_RIGHT, type DerivedColumns } from '../../../src/ops/trees/derive.ts'
import { encodeTrees, type TreeDescription } from '../../../src/ops/trees/encode.ts'

function derive(tree: Partial<TreeDescription>): ReturnType<typeof deriveNodes> {
  const encoded = encodeTrees([{ left: [1, 3, -1, -1, -1], right: [2, 4, -1, -1, -1], feature: [7, 2, 0, 0, 0], threshold: [1, 2, 0, 0, 0], values: [0, 0, 0, 0, 0], ...tree }], { width: 1, precision: 'float64' })
  return deriveNodes(checkTrees({ nodes: encoded.nodes.data as Uint8Array, roots: encoded.roots.data as Uint32Array }))
}

test('ensembles that send nothing right but values keep the stored nodes', () => {
  assert.equal(derive({}), undefined)
  assert.equal(derive({ feature: [2 ** 26, 2, 0, 0, 0], missingRight: true }), undefined)
})

test('each kind of missing value has its column', () => {
  const kindsOf = (tree: Partial<TreeDescription>): [number, number][] => {
    const derived = derive(tree)
    assert.ok(derived)
    return [0, 1].map((node) => {
      const column = derived.words[4 * node + 2]
      return [derived.columns.features[column], derived.columns.kinds[column]]
    })
  }
  assert.deepEqual(kindsOf({ missingRight: [true, false] }), [[7, NAN_RIGHT], [2, PLAIN]])
  assert.deepEqual(kindsOf({ missingRight: true, threshold: [Infinity, 2] }), [[7, IS_NAN], [2, NAN_RIGHT]])
  assert.deepEqual(kindsOf({ zeroMissing: true }), [[7, ZERO_LEFT], [2, ZERO_LEFT]])
  assert.deepEqual(kindsOf({ zeroMissing: true, missingRight: true, threshold: [1, Infinity] }), [[7, ZERO_RIGHT], [2, IS_ZERO]])
})

test('nodes that test for categories or equality have columns of their own, by their features', () => {
  const columnsOf = (comparison: TreeDescription['comparison'], most: number): DerivedColumns | undefined => {
    // A chain: nodes 0, 1 and 3 split, by features 7, 2 and 7.
    const tree = { left: [1, 3, -1, 5, -1, -1, -1], right: [2, 4, -1, 6, -1, -1, -1], feature: [7, 2, 0, 7, 0, 0, 0], threshold: [1, 2, 0, 3, 0, 0, 0], values: [0, 0, 0, 0, 0, 0, 0], comparison }
    const encoded = encodeTrees([tree, tree], { width: 1, precision: 'float64' })
    return testColumns(checkTrees({ nodes: encoded.nodes.data as Uint8Array, roots: encoded.roots.data as Uint32Array }), most)
  }
  assert.equal(columnsOf('le', 100), undefined)
  const mixed = columnsOf(['eq', 'le', 'le', 'eq', 'le', 'le', 'le'], 100)
  assert.deepEqual([...(mixed?.columns.features ?? [])], [2, 7, 7, 7, 7])
  assert.deepEqual([...(mixed?.columns.kinds ?? [])], [PLAIN, TEST, TEST, TEST, TEST])
  assert.equal(mixed?.tests?.length, 4)
  assert.equal(columnsOf(['eq', 'le', 'le', 'eq', 'le', 'le', 'le'], 4), undefined)
  // Six tests, and four and a half steps for a row.
  assert.equal(columnsOf('eq', 100), undefined)
})
