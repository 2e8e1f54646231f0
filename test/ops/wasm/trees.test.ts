import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { treeKernels } from '../../../src/ops/cpu/trees.ts'
import { MleError } from '../../../src/error.ts'
import { heapScratch } from '../../../src/graph/scratch.ts'
import { viewOfTensor, type Kernel, type KernelContext } from '../../../src/ops/kernel.ts'
import { checkLeaves, checkTrees, type NodePasses, type TreeFacts } from '../../../src/ops/trees/check.ts'
import { encodeTrees } from '../../../src/ops/trees/encode.ts'
import { passBytes, passesIn } from '../../../src/ops/wasm/tree-passes.ts'
import { kernelsOf as wasmTreeKernels } from '../../../src/ops/wasm/trees.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { attributesOf, bitsOf, ensembleInputs, leavesInputs, lopsidedTree, randomCase, randomRows, randomSource, randomTrees, runnerOf, takeRows } from '../trees/support.ts'
import { testHost } from './host.ts'
import { spiedTreeKernels } from './tree-spy.ts'

const host = await testHost(['trees'])
const cpu = new Map(treeKernels)
const wasm = new Map(wasmTreeKernels(host))

test('the wasm kernels equal the cpu kernels in every bit, whole and in parts', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 0, max: 60 }), fc.nat(60), (seed, rows, at) => {
      const { attributes, inputs, leaves, x } = randomCase(seed, rows)
      const entries = attributesOf(attributes)
      for (const [key, list] of [['mle.TreeEnsemble', inputs], ['mle.TreeLeaves', leaves]] as const) {
        host.reset()
        const expected = runnerOf(key, cpu.get(key), entries, list).run(x)
        const { run } = runnerOf(key, wasm.get(key), entries, list, host.place)
        assert.deepEqual(bitsOf(run(x)), bitsOf(expected))
        const order = Array.from({ length: rows }, (_row, i) => i)
        const split = at % (rows + 1)
        const parts = [run(takeRows(x, order.slice(0, split))), run(takeRows(x, order.slice(split)))].flatMap((part) => Array.from(bitsOf(part)))
        assert.deepEqual(parts, Array.from(bitsOf(expected)))
        host.checkGuards()
      }
    }),
    { numRuns: 300 },
  )
})

test('many rows, in several blocks, with few and many features', () => {
  for (const [rows, features] of [[1000, 20], [517, 700], [9, 4000], [300, 1]]) {
    for (const precision of ['float32', 'float64'] as const) {
      host.reset()
      const random = randomSource(rows + features)
      const trees = randomTrees(random, { trees: 13, features, width: 2, maxDepth: 9, precision, comparisons: ['le'], wild: rows === 300 })
      const encoded = encodeTrees(trees, { width: 2, precision })
      const x = randomRows(random, trees, rows, features, precision, rows !== 1000)
      const attributes = attributesOf({ layout: 'nodes16/1', outputs: 2, aggregate: 'mean' })
      const inputs = ensembleInputs(x, encoded)
      const expected = runnerOf('mle.TreeEnsemble', cpu.get('mle.TreeEnsemble'), attributes, inputs).run(x)
      const actual = runnerOf('mle.TreeEnsemble', wasm.get('mle.TreeEnsemble'), attributes, inputs, host.place).run(x)
      assert.deepEqual(bitsOf(actual), bitsOf(expected))
      host.checkGuards()
    }
  }
})

test('float64 rows that float32 holds, on thresholds that it does not', () => {
  const edges = [0, -0, 1e-50, -1e-50, 2 ** -149, -(2 ** -149), 2 ** -150, 0.1, -0.1, Math.fround(0.1), 3.4028234663852886e38, 1e39, -1e39, Infinity, -Infinity]
  const trees = edges.map((threshold, t) => ({ left: [1, -1, -1], right: [2, -1, -1], feature: [t % 2, 0, 0], threshold: [threshold, 0, 0], values: [0, 2 ** t, 0] }))
  const encoded = encodeTrees(trees, { width: 1, precision: 'float64' })
  const values = [...edges.map(Math.fround), Math.fround(0.1) * (1 + 2 ** -23), 1, -1, NaN]
  const attributes = attributesOf({ layout: 'nodes16/1', outputs: 1 })
  for (const scale of [1, 1 / 3]) {
    host.reset()
    // A third of a float32 is none: then stored nodes are walked.
    const data = Float64Array.from(values.flatMap((value) => [value * scale, -value * scale]))
    const x = { dtype: 'float64', shape: [values.length, 2], data } as const
    const inputs = ensembleInputs(x, encoded)
    const expected = runnerOf('mle.TreeEnsemble', cpu.get('mle.TreeEnsemble'), attributes, inputs).run(x)
    const { run } = runnerOf('mle.TreeEnsemble', wasm.get('mle.TreeEnsemble'), attributes, inputs, host.place)
    assert.deepEqual(bitsOf(run(x)), bitsOf(expected))
    const rows = values.map((_, row) => Array.from(bitsOf(run(takeRows(x, [row])))))
    assert.deepEqual(rows.flat(), Array.from(bitsOf(expected)))
    host.checkGuards()
  }
})

test('a tree too large for packed distances', () => {
  host.reset()
  // A complete tree of 2^17 leaves: the right half begins 2^17 nodes behind the root's children.
  const inner = 2 ** 17 - 1
  const nodes = 2 * inner + 1
  const random = randomSource(5)
  const at = Array.from({ length: nodes }, (_, i) => i)
  const tree = {
    left: at.map((i) => (i < inner ? 2 * i + 1 : -1)), right: at.map((i) => (i < inner ? 2 * i + 2 : -1)), feature: at.map(() => Math.floor(3 * random())),
    threshold: at.map(() => 2 * random() - 1), values: at.map((i) => i),
  }
  const encoded = encodeTrees([tree], { width: 1, precision: 'float64' })
  const x = { dtype: 'float64', shape: [40, 3], data: Float64Array.from({ length: 120 }, () => Math.fround(2 * random() - 1)) } as const
  const attributes = attributesOf({ layout: 'nodes16/1', outputs: 1 })
  const inputs = ensembleInputs(x, encoded)
  const expected = runnerOf('mle.TreeEnsemble', cpu.get('mle.TreeEnsemble'), attributes, inputs).run(x)
  assert.deepEqual(bitsOf(runnerOf('mle.TreeEnsemble', wasm.get('mle.TreeEnsemble'), attributes, inputs, host.place).run(x)), bitsOf(expected))
})

test('trees much deeper than their mean path', () => {
  const random = randomSource(3)
  const trees = Array.from({ length: 11 }, () => lopsidedTree(random))
  const encoded = encodeTrees(trees, { width: 1, precision: 'float64' })
  const attributes = attributesOf({ layout: 'nodes16/1', outputs: 1 })
  for (const rows of [1, 41]) {
    host.reset()
    const x = randomRows(random, trees, rows, 3, 'float64', true)
    const inputs = ensembleInputs(x, encoded)
    const expected = runnerOf('mle.TreeEnsemble', cpu.get('mle.TreeEnsemble'), attributes, inputs).run(x)
    assert.deepEqual(bitsOf(runnerOf('mle.TreeEnsemble', wasm.get('mle.TreeEnsemble'), attributes, inputs, host.place).run(x)), bitsOf(expected))
  }
})

test('single rows go on by themselves where some trees are much deeper, and many trees', () => {
  const random = randomSource(8)
  for (const count of [1, 9, 300]) {
    const trees = Array.from({ length: count }, (_, t) => (t % 5 === 3 ? randomTrees(random, { trees: 1, features: 3, width: 1, maxDepth: 3, precision: 'float64', comparisons: ['le'], wild: false })[0] : lopsidedTree(random)))
    const encoded = encodeTrees(trees, { width: 1, precision: 'float64' })
    const x = randomRows(random, trees, 40, 3, 'float32', true)
    for (const [key, entries, inputs] of [['mle.TreeEnsemble', { outputs: 1 }, ensembleInputs(x, encoded)], ['mle.TreeLeaves', {}, leavesInputs(x, encoded)]] as const) {
      host.reset()
      const attributes = attributesOf({ layout: 'nodes16/1', ...entries })
      const expected = bitsOf(runnerOf(key, cpu.get(key), attributes, inputs).run(x))
      const { run } = runnerOf(key, wasm.get(key), attributes, inputs, host.place)
      const actual = Array.from({ length: 40 }, (_, row) => Array.from(bitsOf(run(takeRows(x, [row]))))).flat()
      assert.deepEqual(actual, Array.from(expected))
      host.checkGuards()
    }
  }
})

test('leaves come from the packed nodes of the sums, where no two leaves share a value', () => {
  for (const areApart of [true, false]) {
    for (const rows of [1, 7, 40]) {
      const random = randomSource(rows)
      const trees = randomTrees(random, { trees: 11, features: 3, width: 1, maxDepth: 8, precision: 'float32', comparisons: ['le'], wild: false })
      const encoded = encodeTrees(trees, { width: 1, precision: 'float32' })
      const leafIndex = areApart ? encoded.leafIndex : { ...encoded.leafIndex, data: (encoded.leafIndex.data as Uint32Array).map((leaf) => leaf >>> 1) }
      const x = randomRows(random, trees, rows, 3, 'float32', true)
      host.reset()
      const spied = spiedTreeKernels(host)
      const placed = new Map<Tensor, Tensor>()
      const placeOnce = (tensor: Tensor): Tensor => {
        const known = placed.get(tensor) ?? host.place(tensor)
        placed.set(tensor, known)
        return known
      }
      const packed = [['mle.TreeEnsemble', ensembleInputs(x, { ...encoded, leafIndex })], ['mle.TreeLeaves', leavesInputs(x, encoded)]] as const
      const places = packed.map(([key, inputs]) => {
        const attributes = attributesOf({ layout: 'nodes16/1', outputs: 1 })
        const expected = runnerOf(key, cpu.get(key), attributes, inputs).run(x)
        assert.deepEqual(bitsOf(runnerOf(key, spied.kernels.get(key), attributes, inputs, placeOnce).run(x)), bitsOf(expected))
        return spied.packedAt()
      })
      assert.notEqual(places[0], 0)
      assert.equal(places[0] === places[1], areApart)
      host.checkGuards()
    }
  }
})

test('rows are rounded to float32 as Math.fround rounds them', () => {
  const values = [0, -0, NaN, Infinity, -Infinity, 1e300, -1e300, 3.4028235677973366e38, 0.1, -0.1, 2 ** -149, 2 ** -150, 1.5 * 2 ** -150, 1 + 2 ** -24, 1 + 3 * 2 ** -24, 5e-324]
  for (let size = 0; size <= values.length; size++) {
    host.reset()
    const context = (dtype: 'float64' | 'float32'): KernelContext => ({
      op: 'Cast', attributes: attributesOf({ to: 'float32' }), inputTypes: [{ dtype, shape: [null] }], outputTypes: [{ dtype: 'float32', shape: [null] }], constants: [undefined], scratch: heapScratch(),
    })
    const none: Kernel = () => assert.fail('left to cpu')
    const kernel = wasm.get('Cast')?.make(context('float64'), none)
    const x = viewOfTensor(host.place({ dtype: 'float64', shape: [size], data: Float64Array.from(values.slice(0, size)) }))
    const y = viewOfTensor(host.place({ dtype: 'float32', shape: [size], data: new Float32Array(size) }))
    kernel?.([x], [y])
    assert.deepEqual(y.data, Float32Array.from(values.slice(0, size)))
    host.checkGuards()
    assert.equal(wasm.get('Cast')?.make(context('float32'), none), undefined)
  }
})

test('constants outside the memory are copied into it', () => {
  host.reset()
  const { attributes, inputs, x } = randomCase(5, 17)
  const outside = runnerOf('mle.TreeEnsemble', wasm.get('mle.TreeEnsemble'), attributesOf(attributes), inputs, (tensor) => (tensor.dtype === 'uint8' ? tensor : host.place(tensor)))
  const expected = runnerOf('mle.TreeEnsemble', cpu.get('mle.TreeEnsemble'), attributesOf(attributes), inputs).run(x)
  assert.deepEqual(bitsOf(outside.run(x)), bitsOf(expected))
})

test('passes over nodes find in wasm what they find in TypeScript, and write nowhere else', () => {
  let refused = 0
  fc.assert(
    fc.property(fc.integer(), fc.nat(3), (seed, changes) => {
      const random = randomSource(seed)
      host.reset()
      const { inputs } = randomCase(seed, 1)
      const tensors = inputs.slice(1).map((tensor) => (tensor === undefined ? undefined : host.place(tensor)))
      const [nodes, leafIndex, roots, leafValues] = tensors
      if (nodes === undefined || leafIndex === undefined || roots === undefined || leafValues === undefined) throw new TypeError('a case has trees')
      const bytes = nodes.data as Uint8Array
      const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
      const indices = leafIndex.data as Uint32Array
      for (let i = 0; i < changes && words.length > 0; i++) {
        const at = Math.floor(random() * words.length)
        const values = [0, 1, -1, 2 ** 31, 2 ** 31 - 1, 2 ** 30, words.length / 4, Math.floor(random() * words.length), words[at] + 1, words[at] - 1, words[at] + 2, words[at] ^ (1 << Math.floor(random() * 32))]
        const value = values[Math.floor(random() * values.length)]
        if (random() < 0.3) indices[at >>> 2] = value
        else words[at] = value
      }
      const trees = {
        nodes: bytes, leafIndex: indices, roots: roots.data as Uint32Array, leafValues: leafValues.data as Float64Array, width: leafValues.shape[1],
        treeTarget: undefined, categories: tensors[5]?.data as Uint32Array | undefined,
      }
      const outcome = (passes?: NodePasses): TreeFacts | string => {
        try {
          const facts = checkTrees(trees, passes)
          checkLeaves(trees, facts, trees.width, passes)
          return facts
        } catch (error) {
          assert.ok(error instanceof MleError)
          return `${error.code} ${error.message}`
        }
      }
      host.reserveScratch(passBytes(roots.data as Uint32Array, nodes.shape[0]))
      const expected = outcome()
      if (typeof expected === 'string') refused++
      assert.deepEqual(outcome(passesIn(host)(trees.nodes)), expected)
      host.checkGuards()
    }),
    { numRuns: 500 },
  )
  assert.ok(refused > 100, `${refused} were refused`)
})
