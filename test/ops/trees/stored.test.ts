import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MleError } from '../../../src/error.ts'
import { treeKernels } from '../../../src/ops/cpu/trees.ts'
import { treeEnsembleFormula, treeLeavesFormula } from '../../../src/ops/formula/trees.ts'
import { viewOfTensor } from '../../../src/ops/kernel.ts'
import { encodeTrees, type EncodedTrees, type TreeDescription } from '../../../src/ops/trees/encode.ts'
import { nodeWords, STORED_LAYOUT } from '../../../src/ops/trees/layout.ts'
import { storeTrees } from '../../../src/ops/trees/store.ts'
import { plainCover, plainLeafIndex, plainNodes, storedNodes, type LeafNumbers, type PlainNodes } from '../../../src/ops/trees/stored.ts'
import { kernelsOf as wasmTreeKernels } from '../../../src/ops/wasm/trees.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { testHost } from '../wasm/host.ts'
import { attributesOf, bitsOf, randomCase, randomSource, randomTrees, runnerOf, storedInputs, storedLeavesInputs, takeRows } from './support.ts'

const host = await testHost(['trees'])
const cpu = new Map(treeKernels)
/** New ones for each memory: kernels know of others by where their trees lie. */
const wasm = (key: string): ReturnType<typeof wasmTreeKernels>[number][1] | undefined => {
  host.reset()
  return new Map(wasmTreeKernels(host)).get(key)
}

const rootsOf = (encoded: EncodedTrees): Uint32Array => encoded.roots.data as Uint32Array
const plainOf = (encoded: EncodedTrees): PlainNodes => plainNodes(STORED_LAYOUT, storeTrees(encoded).nodes.data as Uint8Array, rootsOf(encoded))

function fails(code: string, run: () => unknown): void {
  assert.throws(run, (error) => error instanceof MleError && error.code === code)
}

test('stored trees are read as they were, node by node', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const { encoded } = randomCase(seed, 0)
      const plain = plainOf(encoded)
      assert.ok(Buffer.from(plain.nodes).equals(Buffer.from(encoded.nodes.data as Uint8Array)))
      const { leafIndex, leafValues } = storeTrees(encoded)
      const index = plainLeafIndex(plain, leafIndex?.data as LeafNumbers | undefined)
      const [values, given] = [leafValues.data as Float64Array, encoded.leafValues.data as Float64Array]
      const width = leafValues.shape[1]
      plain.places?.forEach((place) => {
        const was = (encoded.leafIndex.data as Uint32Array)[place]
        assert.deepEqual(values.slice(index[place] * width, (index[place] + 1) * width), given.slice(was * width, (was + 1) * width))
      })
    }),
    { numRuns: 300 },
  )
})

test('stored trees give the same bits by formula, on cpu and in WebAssembly, and leaves the same numbers', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 0, max: 60 }), (seed, rows) => {
      const { attributes, inputs, leaves, encoded, x } = randomCase(seed, rows)
      const own = storedLeavesInputs(x, encoded)
      const entries = attributesOf({ ...attributes, layout: STORED_LAYOUT, numbering: own.numbering })
      const formulas = [treeEnsembleFormula, treeLeavesFormula]
      for (const [i, [key, before, after]] of ([['mle.TreeEnsemble', inputs, storedInputs(x, encoded, inputs[7])], ['mle.TreeLeaves', leaves, own.inputs]] as const).entries()) {
        const views = (list: readonly (Tensor | undefined)[]): ReturnType<typeof viewOfTensor>[] => list.map((tensor) => tensor && viewOfTensor(tensor)) as never
        assert.deepEqual(formulas[i](entries, views(after)), formulas[i](attributesOf(attributes), views(before)))
        const expected = bitsOf(runnerOf(key, cpu.get(key), attributesOf(attributes), before).run(x))
        assert.deepEqual(bitsOf(runnerOf(key, cpu.get(key), entries, after).run(x)), expected)
        const { run } = runnerOf(key, wasm(key), entries, after, host.place)
        assert.deepEqual(bitsOf(run(x)), expected)
        const order = Array.from({ length: rows }, (_, row) => row)
        assert.deepEqual(order.flatMap((row) => Array.from(bitsOf(run(takeRows(x, [row]))))), Array.from(expected))
        host.checkGuards()
      }
    }),
    { numRuns: 200 },
  )
})

const stump: TreeDescription = { left: [1, -1, -1], right: [2, -1, -1], feature: [3, 0, 0], threshold: [0.1, 0, 0], values: [0, 1, 2] }

test('thresholds take four bytes where float32 holds them, or where rows are float32: those are the largest that are not above', () => {
  const headerOf = (options: object, tree: Partial<TreeDescription> = {}): number[] => {
    const encoded = encodeTrees([{ ...stump, ...tree }], { width: 1, precision: 'float64', ...options })
    const { thresholdBytes, featureBytes, flagBits } = storedNodes(storeTrees(encoded).nodes.data as Uint8Array, rootsOf(encoded))
    return [thresholdBytes, featureBytes, flagBits]
  }
  assert.deepEqual(headerOf({}), [8, 1, 0])
  assert.deepEqual(headerOf({ rows: 'float32' }), [4, 1, 0])
  assert.deepEqual(headerOf({}, { threshold: [0.5, 0, 0] }), [4, 1, 0])
  assert.deepEqual(headerOf({ rows: 'float32' }, { comparison: 'eq' }), [8, 1, 5])
  assert.deepEqual(headerOf({ rows: 'float32' }, { categories: new Map([[0, { members: [1], side: 'right' as const }]]) }), [8, 1, 2])
  assert.deepEqual(headerOf({ rows: 'float32' }, { missingRight: true, feature: [127, 0, 0] }), [4, 1, 1])
  assert.deepEqual(headerOf({ rows: 'float32' }, { missingRight: true, feature: [128, 0, 0] }), [4, 2, 1])
  assert.deepEqual(headerOf({ rows: 'float32' }, { zeroMissing: true, feature: [0x07ffffff, 0, 0] }), [4, 4, 3])
  for (const threshold of [0.1, -0.1, 1e300, -1e300, 1e-320, -1e-320, -0]) {
    const encoded = encodeTrees([{ ...stump, threshold: [threshold, 0, 0] }], { width: 1, precision: 'float64', rows: 'float32' })
    const stored = nodeWords(plainOf(encoded).nodes).thresholds[0]
    assert.ok(stored <= threshold && Math.fround(stored) === stored)
    const edges = [-Infinity, -3.4028234663852886e38, -1.401298464324817e-45, 0, 1.401298464324817e-45, 3.4028234663852886e38, Infinity, Math.fround(threshold)]
    for (const x of edges) assert.equal(x > stored, x > threshold, `${x} against ${threshold}`)
  }
})

test('equal leaf vectors are stored once where that is smaller; NaN, 0 and -0 are not equal', () => {
  const chain = (values: readonly number[]): TreeDescription => {
    const count = values.length
    const at = Array.from({ length: 2 * count - 1 }, (_, i) => i)
    // Inner nodes come first, each with a leaf to its left.
    return { left: at.map((i) => (i < count - 1 ? count - 1 + i : -1)), right: at.map((i) => (i < count - 2 ? i + 1 : 2 * count - 2)), feature: at.map(() => 0), threshold: at, values: at.map((i) => values[i - count + 1]) }
  }
  const stored = (values: readonly number[]): { leafIndex?: Tensor; leafValues: Tensor } => storeTrees(encodeTrees([chain(values)], { width: 1, precision: 'float64' }))
  const same = stored([7, 7, NaN, 0, -0, 7, NaN, 0])
  assert.deepEqual(same.leafIndex?.data, Uint8Array.of(0, 0, 1, 2, 3, 0, 1, 2))
  assert.deepEqual(Array.from(same.leafValues.data as Float64Array), [7, NaN, 0, -0])
  const other = stored([1, 2, 3, 3])
  assert.deepEqual(other.leafIndex?.data, Uint8Array.of(0, 1, 2, 2))
  const all = stored([1, 2, 3, 4])
  assert.equal(all.leafIndex, undefined)
  assert.deepEqual(all.leafValues.data, Float64Array.of(1, 2, 3, 4))
  const many = stored(Array.from({ length: 900 }, (_, i) => i % 300))
  assert.equal(many.leafIndex?.dtype, 'uint16')
})

test('numbers of leaves are left out where a rule gives them', () => {
  const shape = { left: [1, 3, -1, -1, 5, -1, -1], right: [2, 4, -1, -1, 6, -1, -1], feature: [0, 1, 0, 0, 2, 0, 0], threshold: [0, 0, 0, 0, 0, 0, 0], values: [0, 0, 1, 2, 0, 3, 4] }
  const idsOf = (ids?: readonly number[]): { numbering: string; dtype: string | undefined } => {
    const { numbering, tensor } = storeTrees(encodeTrees([shape, { ...shape, ids }], { width: 1, precision: 'float64' })).nodeIds()
    return { numbering, dtype: tensor?.dtype }
  }
  assert.deepEqual(idsOf(), { numbering: 'place', dtype: undefined })
  const preorder = [0, 1, 6, 2, 3, 4, 5]
  const only = (ids: readonly number[]): string => storeTrees(encodeTrees([{ ...shape, left: [1, -1, 3, -1, -1, -1, -1], right: [2, -1, 4, -1, -1, -1, -1], ids }], { width: 1, precision: 'float64' })).nodeIds().numbering
  assert.equal(only([0, 1, 2, 3, 4]), 'place')
  assert.equal(storeTrees(encodeTrees([{ ...shape, ids: preorder }], { width: 1, precision: 'float64' })).nodeIds().numbering, 'preorder')
  const level = Array.from({ length: 9 }, (_, i) => i)
  const wide = { left: [1, 3, 5, 7, -1, -1, -1, -1, -1], right: [2, 4, 6, 8, -1, -1, -1, -1, -1], feature: level, threshold: level, values: level, ids: level }
  assert.equal(storeTrees(encodeTrees([wide], { width: 1, precision: 'float64' })).nodeIds().numbering, 'level')
  assert.deepEqual(idsOf([9, 9, 255, 0, 9, 1, 2]), { numbering: 'place', dtype: 'uint8' })
  assert.deepEqual(idsOf([9, 9, 256, 0, 9, 1, 2]), { numbering: 'place', dtype: 'uint16' })
  assert.deepEqual(idsOf([9, 9, 65536, 0, 9, 1, 2]), { numbering: 'place', dtype: 'int32' })
  assert.deepEqual(idsOf([9, 9, -1, 0, 9, 1, 2]), { numbering: 'place', dtype: 'int32' })
})

test('covers are those of leaves where inner nodes have their sums', () => {
  const coverOf = (cover: readonly number[]): { tensor: Tensor; read: number[] } => {
    const encoded = encodeTrees([{ ...stump, cover }], { width: 1, precision: 'float64' })
    const tensor = storeTrees(encoded).cover()
    assert.ok(tensor !== undefined)
    return { tensor, read: Array.from(plainCover(plainOf(encoded), tensor.data as Float64Array)) }
  }
  const cases = [
    [[3, 1, 2], 'uint8', 2], [[0, 1, 2], 'uint8', 2], [[301, 300, 1], 'uint16', 2], [[0.75, 0.5, 0.25], 'float32', 2], [[0.1 + 0.2, 0.1, 0.2], 'float64', 2],
    [[4, 1, 2], 'uint8', 3], [[0.5, 0.5, 0.25], 'float32', 3], [[0.3, 0.1, 0.2], 'float64', 3],
  ] as const
  for (const [cover, dtype, length] of cases) {
    const { tensor, read } = coverOf(cover)
    assert.deepEqual([tensor.dtype, tensor.shape], [dtype, [length]], `${cover.join(' ')}`)
    assert.deepEqual(read, cover[0] === 0 ? [3, 1, 2] : [...cover])
  }
})

test('each fault of stored nodes has its code', () => {
  const encoded = encodeTrees([stump, stump], { width: 1, precision: 'float64' })
  const bytes = storeTrees(encoded).nodes.data as Uint8Array
  const roots = rootsOf(encoded)
  const read = (change: (bytes: Uint8Array) => Uint8Array | void, at = roots): PlainNodes => {
    const own = bytes.slice()
    return plainNodes(STORED_LAYOUT, change(own) ?? own, at)
  }
  assert.equal(read(() => undefined).nodes.length, 6 * 16)
  fails('TREE_LAYOUT', () => plainNodes('splits/2', bytes, roots))
  fails('TREE_NODES', () => read((own) => own.subarray(0, 7)))
  fails('TREE_NODES', () => read((own) => own.subarray(0, own.length - 1)))
  fails('TREE_NODES', () => read((own) => Uint8Array.of(...own, 0)))
  for (const [at, value] of [[4, 5], [5, 3], [6, 6], [7, 1], [0, 7], [0, 0], [3, 255]]) fails('TREE_NODES', () => read((own) => void (own[at] = value)))
  // Bits behind the last one.
  fails('TREE_NODES', () => read((own) => void (own[own.length - 1] |= 0x40)))
  for (const at of [[0, 1], [1, 3], [3, 0], [0, 6], [0, 0xffffffff]]) fails('TREE_ROOTS', () => read(() => undefined, Uint32Array.from(at)))
  fails('TREE_NODES', () => read(() => undefined, Uint32Array.of(0)))
  // Two trees of three nodes: a split and two leaves each.
  for (const bits of [0b001000, 0b000001, 0b001010, 0b111111, 0b000000, 0b011000]) fails('TREE_ROOTS', () => read((own) => void (own[own.length - 1] = bits)))
  fails('TREE_LEAF_INDEX', () => plainLeafIndex(plainOf(encoded), new Uint8Array(3)))
  fails('TREE_COVER', () => plainCover(plainOf(encoded), [1, 2, 3]))
})

test('whatever stored nodes are changed into, cpu and WebAssembly refuse the same ones, by the same code, and agree on the rest', () => {
  let refused = 0
  fc.assert(
    fc.property(fc.integer(), fc.nat(3), (seed, changes) => {
      const random = randomSource(seed)
      const trees = randomTrees(random, { trees: 3, features: 4, width: 1, maxDepth: 4, precision: 'float64', comparisons: ['le', 'eq'], wild: true })
      const encoded = encodeTrees(trees, { width: 1, precision: 'float64' })
      const x: Tensor = { dtype: 'float64', shape: [9, 4], data: Float64Array.from({ length: 36 }, () => 4 * random() - 2) }
      const inputs = storedInputs(x, encoded)
      const own = storedLeavesInputs(x, encoded)
      const bytes = (storeTrees(encoded).nodes.data as Uint8Array).slice()
      const nodes: Tensor = { dtype: 'uint8', shape: [bytes.length], data: bytes }
      for (let change = 0; change < changes; change++) bytes[Math.floor(random() * (random() < 0.3 ? Math.min(8, bytes.length) : bytes.length))] ^= 1 << Math.floor(8 * random())
      const entries = attributesOf({ layout: STORED_LAYOUT, outputs: 1, numbering: own.numbering })
      for (const [key, list] of [['mle.TreeEnsemble', inputs], ['mle.TreeLeaves', own.inputs]] as const) {
        const outcome = (kernel: Parameters<typeof runnerOf>[1], place?: typeof host.place): unknown => {
          try {
            return bitsOf(runnerOf(key, kernel, entries, list.map((tensor, i) => (i === 1 ? nodes : tensor)), place).run(x))
          } catch (error) {
            assert.ok(error instanceof MleError, String(error))
            refused++
            return error.code
          }
        }
        const expected = outcome(cpu.get(key))
        assert.deepEqual(outcome(wasm(key), host.place), expected)
        host.checkGuards()
      }
    }),
    { numRuns: 400 },
  )
  assert.ok(refused > 100)
})
