import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MleError } from '../../../src/error.ts'
import { checkLeaves, checkTrees, type TreeFacts } from '../../../src/ops/trees/check.ts'
import { CATEGORICAL, EQUAL, UNKNOWN_RIGHT, ZERO_MISSING } from '../../../src/ops/trees/layout.ts'

/** [threshold or bitset [offset, bits], feature word, left] per node. */
type NodeFields = readonly [number | readonly [number, number], number, number]

const LEAF = (at: number): NodeFields => [Infinity, 0, at]

function pack(fields: readonly NodeFields[]): Uint8Array {
  const bytes = new ArrayBuffer(16 * fields.length)
  const view = new DataView(bytes)
  fields.forEach(([threshold, word, left], i) => {
    if (typeof threshold === 'number') view.setFloat64(16 * i, threshold, true)
    else {
      view.setUint32(16 * i, threshold[0], true)
      view.setUint32(16 * i + 4, threshold[1], true)
    }
    view.setUint32(16 * i + 8, word, true)
    view.setUint32(16 * i + 12, left, true)
  })
  return new Uint8Array(bytes)
}

const GOOD: readonly NodeFields[] = [[0.5, 3, 1], [1, 7, 3], LEAF(2), LEAF(3), LEAF(4)]

function facts(fields: readonly NodeFields[], roots: readonly number[] = [0], categories?: readonly number[]): TreeFacts {
  return checkTrees({ nodes: pack(fields), roots: Uint32Array.from(roots), categories: categories && Uint32Array.from(categories) })
}

function fails(code: string, run: () => unknown): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof MleError, String(error))
    assert.equal(error.code, code, error.message)
    return true
  })
}

test('facts of a good ensemble', () => {
  const { depth, meanDepth, featureCount, flags, allFlags } = facts([...GOOD, [0, (0x80000000 | 9) >>> 0, 6], LEAF(6), LEAF(7), LEAF(8)], [0, 5, 8])
  assert.deepEqual(Array.from(depth), [2, 1, 0])
  assert.deepEqual(Array.from(meanDepth), [5 / 3, 1, 0])
  assert.equal(featureCount, 10)
  assert.deepEqual(Array.from(flags), [0, 0x80000000, 0])
  assert.equal(allFlags, 0x80000000)
})

test('an ensemble without trees', () => {
  assert.equal(facts([], []).featureCount, 0)
})

test('each fault has its code', () => {
  const at = (index: number, node: NodeFields): readonly NodeFields[] => GOOD.map((own, i) => (i === index ? node : own))
  fails('TREE_NODES', () => checkTrees({ nodes: new Uint8Array(17), roots: Uint32Array.of(0) }))
  fails('TREE_ROOTS', () => facts(GOOD, []))
  fails('TREE_ROOTS', () => facts(GOOD, [1]))
  fails('TREE_ROOTS', () => facts(GOOD, [0, 0]))
  fails('TREE_ROOTS', () => facts(GOOD, [0, 5]))
  fails('TREE_ROOTS', () => facts([LEAF(0), LEAF(1)], [0, 0xffffffff]))
  fails('TREE_CHILD', () => facts(at(1, [1, 7, 0])))
  fails('TREE_CHILD', () => facts(at(1, [1, 7, 4])))
  fails('TREE_CHILD', () => facts(at(1, [1, 7, 0xffffffff])))
  fails('TREE_CHILD', () => facts([[0.5, 3, 2], LEAF(1), LEAF(2), LEAF(3)], [0, 1]))
  fails('TREE_SHARED', () => facts([[0.5, 3, 1], [1, 7, 3], [1, 7, 3], LEAF(3), LEAF(4)]))
  fails('TREE_SHARED', () => facts([[0.5, 3, 1], [1, 7, 2], LEAF(2), LEAF(3)]))
  fails('TREE_UNREACHED', () => facts([[0.5, 3, 2], LEAF(1), LEAF(2), LEAF(3)]))
  fails('TREE_UNREACHED', () => facts([...GOOD, LEAF(5)]))
  fails('TREE_LEAF', () => facts(at(4, [0, 0, 4])))
  fails('TREE_LEAF', () => facts(at(4, [Infinity, 1, 4])))
  fails('TREE_LEAF', () => facts(at(4, [Infinity, 0x80000000, 4])))
  fails('TREE_THRESHOLD', () => facts(at(1, [NaN, 7, 3])))
  fails('TREE_THRESHOLD', () => facts(at(1, [NaN, EQUAL, 3])))
  fails('TREE_FLAGS', () => facts(at(1, [1, UNKNOWN_RIGHT, 3])))
  fails('TREE_FLAGS', () => facts(at(1, [[0, 1], CATEGORICAL | EQUAL, 3]), [0], [1]))
  fails('TREE_FLAGS', () => facts(at(1, [[0, 1], CATEGORICAL | ZERO_MISSING, 3]), [0], [1]))
  fails('TREE_CATEGORIES', () => facts(at(1, [[0, 33], CATEGORICAL, 3]), [0], [1]))
  fails('TREE_CATEGORIES', () => facts(at(1, [[0xffffffff, 1], CATEGORICAL, 3]), [0], [1]))
  fails('TREE_CATEGORIES', () => facts(at(1, [[0, 0xffffffff], CATEGORICAL, 3]), [0], [1]))
  fails('TREE_CATEGORIES', () => facts(at(1, [[0, 1], CATEGORICAL, 3])))
  facts(at(1, [[1, 32], CATEGORICAL, 3]), [0], [1, 2])
})

test('leaf vectors and targets', () => {
  const nodes = pack(GOOD)
  const roots = Uint32Array.of(0)
  const own = checkTrees({ nodes, roots })
  const leaves = { nodes, roots, leafIndex: Uint32Array.of(0, 0, 0, 1, 2), leafValues: new Float64Array(6), width: 2 }
  checkLeaves(leaves, own, 2)
  checkLeaves({ ...leaves, treeTarget: Uint32Array.of(3) }, own, 5)
  fails('TREE_LEAF_INDEX', () => checkLeaves({ ...leaves, leafIndex: Uint32Array.of(0, 0, 0, 1) }, own, 2))
  fails('TREE_LEAF_INDEX', () => checkLeaves({ ...leaves, leafIndex: Uint32Array.of(0, 0, 0, 1, 3) }, own, 2))
  fails('TREE_LEAF_INDEX', () => checkLeaves({ ...leaves, leafIndex: Uint32Array.of(0, 1, 0, 1, 2) }, own, 2))
  fails('TREE_LEAF_INDEX', () => checkLeaves({ ...leaves, leafValues: new Float64Array(0), width: 0 }, own, 2))
  fails('TREE_TARGET', () => checkLeaves(leaves, own, 1))
  fails('TREE_TARGET', () => checkLeaves({ ...leaves, treeTarget: Uint32Array.of(4) }, own, 5))
  fails('TREE_TARGET', () => checkLeaves({ ...leaves, treeTarget: Uint32Array.of(0, 0) }, own, 2))
})
