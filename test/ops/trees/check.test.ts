import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { checkLeaves, checkTrees, type TreeFacts } from '../../../src/ops/trees/check.ts'
import { encodeTrees } from '../../../src/ops/trees/encode.ts'
import { findFault } from '../../../src/ops/trees/fault.ts'
import { CATEGORICAL, EQUAL, UNKNOWN_RIGHT, ZERO_MISSING } from '../../../src/ops/trees/layout.ts'
import { randomSource, randomTrees } from './support.ts'

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

test('the fast pass refuses what breaks a rule, and only that', () => {
  let refused = 0
  fc.assert(
    fc.property(fc.integer(), fc.nat(3), (seed, changes) => {
      const random = randomSource(seed)
      const trees = randomTrees(random, { trees: 3, features: 4, width: 1, maxDepth: 4, precision: 'float64', comparisons: ['le', 'eq'], wild: true })
      const encoded = encodeTrees(trees, { width: 1, precision: 'float64' })
      const nodes = (encoded.nodes.data as Uint8Array).slice()
      const roots = (encoded.roots.data as Uint32Array).slice()
      const categories = encoded.categories?.data as Uint32Array | undefined
      const words = new Uint32Array(nodes.buffer)
      for (let change = 0; change < changes; change++) {
        const at = Math.floor(random() * words.length)
        const kind = random()
        if (kind < 0.1 && roots.length > 1) roots[Math.floor(random() * roots.length)] += Math.floor(random() * 3) - 1
        else if (kind < 0.4) words[at] = words[Math.floor(random() * words.length)]
        else if (kind < 0.7) words[at] += Math.floor(random() * 5) - 2
        else words[at] ^= 1 << Math.floor(random() * 32)
      }
      let code: string | undefined
      try {
        findFault({ nodes, roots, categories })
      } catch (error) {
        code = error instanceof MleError ? error.code : undefined
      }
      if (code === undefined) {
        checkTrees({ nodes, roots, categories })
        return
      }
      refused++
      fails(code, () => checkTrees({ nodes, roots, categories }))
    }),
    { numRuns: 2000 },
  )
  assert.ok(refused > 500)
})
