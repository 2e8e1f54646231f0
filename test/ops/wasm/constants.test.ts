// Constants that kernels pack from outside the memory, piece by piece: those here are larger than a piece.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { viewOfTensor, type View } from '../../../src/ops/kernel.ts'
import { eachPiece, nameOf, packMatrix, placeOnce } from '../../../src/ops/wasm/constants.ts'
import { wasmFunction } from '../../../src/ops/wasm/module.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'
import { assertEqual, noise, wasmOnly } from './equal.ts'
import { testHost } from './host.ts'

const host = await testHost(['linear'])
const floats = (view: View): Float32Array => view.data as Float32Array

/** A constant outside the host's memory, and a copy in it. */
function outsideAndInside(shape: readonly number[]): readonly [View, View] {
  const tensor = noise(1, 'float32', shape)
  return [viewOfTensor(tensor), viewOfTensor(host.place(tensor))]
}

test('pieces are whole units, in order, and what lies in the memory is one', () => {
  for (const [units, unitSize, together, pieces] of [[1000, 100, 1, 2], [1000, 100, 8, 2], [3, 70000, 1, 3], [16, 70000, 8, 2], [10, 10, 4, 1], [0, 5, 1, 0]]) {
    host.reset()
    const [outside, inside] = outsideAndInside([units, unitSize])
    const seen: number[] = []
    const copy = new Float32Array(units * unitSize)
    eachPiece(host, outside, { from: 0, units, unitSize, together }, (at, first, count) => {
      assert.equal(first % together, 0)
      seen.push(first)
      copy.set(new Float32Array(host.memory.buffer, at, count * unitSize), first * unitSize)
    })
    assert.equal(seen.length, pieces)
    assert.deepEqual(copy, floats(outside))
    const whole: unknown[] = []
    eachPiece(host, inside, { from: 0, units, unitSize, together }, (...piece) => whole.push(piece))
    assert.deepEqual(whole, [[floats(inside).byteOffset, 0, units]])
    host.checkGuards()
  }
})

test('a matrix is packed alike from outside and from inside, also where it begins within a constant', () => {
  const pack = wasmFunction(host.exports, 'packPanels32')
  for (const [depth, columns] of [[300, 301], [3, 40000], [9000, 13], [2, 2]]) {
    for (const isTransposed of [false, true]) {
      host.reset()
      const bytes = Math.ceil(columns / 8) * 32 * depth
      const panels = outsideAndInside([2, depth, columns]).map((constant) => {
        const to = host.allocate(bytes)
        packMatrix(host, { constant, from: depth * columns, depth, columns, isTransposed }, 8, to, pack)
        return Buffer.from(host.memory.buffer.slice(to, to + bytes))
      })
      assert.ok(panels[0].equals(panels[1]), `${depth} x ${columns}`)
      assert.ok(panels[0].some((byte) => byte !== 0))
      host.checkGuards()
    }
  }
})

test('a constant that must be in the memory is copied once, and stays where it is already', () => {
  host.reset()
  const [outside, inside] = outsideAndInside([5])
  const at = placeOnce(host, outside)
  assert.equal(placeOnce(host, outside), at)
  assert.deepEqual(new Float32Array(host.memory.buffer, at, 5), floats(outside))
  assert.equal(placeOnce(host, inside), floats(inside).byteOffset)
})

test('a constant has one name, and no other has it', () => {
  host.reset()
  const [outside, inside] = outsideAndInside([4])
  const [other] = outsideAndInside([4])
  const part: View = { ...outside, data: floats(outside).subarray(1) }
  assert.equal(nameOf(host, outside), nameOf(host, { ...outside, data: floats(outside).subarray(0) }))
  assert.equal(new Set([outside, inside, other, part].map((view) => nameOf(host, view))).size, 4)
})

const bytesOf = (shape: readonly number[]): Tensor => ({ dtype: 'int8', shape, data: Int8Array.from(noise(5, 'float32', shape, 0, 127).data as Float32Array) })
const constant = (tensor: Tensor): { tensor: Tensor; constant: true } => ({ tensor, constant: true })

test('wasm: large constants of each kind have the bits of cpu', async () => {
  await assertEqual('LSTM', { inputs: [{ tensor: noise(1, 'float32', [2, 1, 190], 0) }, constant(noise(2, 'float32', [1, 660, 190], 0)), constant(noise(3, 'float32', [1, 660, 165], 0))], attributes: { hidden_size: 165 }, outputs: 3 }, wasmOnly)
  await assertEqual('mle.PairwiseDistance', { inputs: [{ tensor: noise(1, 'float64', [3, 61], 0) }, constant(noise(2, 'float64', [705, 61], 0))], attributes: { form: 'expanded' } }, wasmOnly)
  await assertEqual('MatMulInteger', { inputs: [{ tensor: bytesOf([2, 1003]) }, constant(bytesOf([1003, 301])), undefined, constant(bytesOf([301]))] }, wasmOnly)
  for (const transB of [0, 1]) await assertEqual('mle.WeightMatMul', { inputs: [{ tensor: noise(1, 'float32', [2, 1001], 0) }, constant(bytesOf(transB ? [301, 1001] : [1001, 301]))], attributes: { transB } }, wasmOnly)
})
