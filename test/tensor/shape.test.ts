import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MleError } from '../../src/error.ts'
import { broadcastShapes, normalizeAxis } from '../../src/tensor/numpy-shapes.ts'
import { broadcastStrides, sizeOf, stridesOf } from '../../src/tensor/shape.ts'

const code = (expected: string) => (error: unknown): boolean => error instanceof Error && (error as MleError).code === expected

test('sizeOf multiplies and refuses what is no count', () => {
  assert.deepEqual([[], [0], [3], [2, 3, 4], [5, 0, 7]].map(sizeOf), [1, 0, 3, 24, 0])
  for (const bad of [[-1], [1.5], [NaN], [Infinity], [2 ** 53]]) assert.throws(() => sizeOf(bad), code('SHAPE_DIMENSION'), `${bad}`)
  assert.throws(() => sizeOf([2 ** 27, 2 ** 27]), code('SHAPE_TOO_LARGE'))
  // A zero makes any tensor empty, wherever it stands, even where the other sizes overflow to Infinity.
  const huge = new Array<number>(30).fill(2 ** 52)
  assert.throws(() => sizeOf(huge), code('SHAPE_TOO_LARGE'))
  assert.equal(sizeOf([...huge, 0]), 0)
  assert.equal(sizeOf([0, ...huge]), 0)
})

test('stridesOf is row-major', () => {
  assert.deepEqual(stridesOf([]), [])
  assert.deepEqual(stridesOf([4]), [1])
  assert.deepEqual(stridesOf([2, 3, 4]), [12, 4, 1])
})

test('broadcastShapes follows numpy', () => {
  const cases: readonly (readonly [number[], number[], number[]])[] = [
    [[], [], []], [[], [3], [3]], [[2, 1], [3], [2, 3]], [[8, 1, 6, 1], [7, 1, 5], [8, 7, 6, 5]], [[0], [1], [0]], [[1], [0], [0]], [[2, 0], [2, 1], [2, 0]],
  ]
  for (const [a, b, out] of cases) {
    assert.deepEqual(broadcastShapes(a, b), out)
    assert.deepEqual(broadcastShapes(b, a), out)
  }
  for (const [a, b] of [[[2], [3]], [[0], [2]], [[2, 3], [2, 4]]]) assert.throws(() => broadcastShapes(a, b), code('SHAPE_BROADCAST'))
})

test('broadcastStrides reads the element that numpy reads', () => {
  assert.deepEqual(broadcastStrides([3], [2, 3]), [0, 1])
  assert.deepEqual(broadcastStrides([2, 1], [2, 3]), [1, 0])
  assert.deepEqual(broadcastStrides([], [2, 3]), [0, 0])
  const dims = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 })
  fc.assert(fc.property(dims, fc.infiniteStream(fc.boolean()), fc.nat(4), (out, squeeze, drop) => {
    const shape = out.slice(Math.min(drop, out.length)).map((dim) => (squeeze.next().value === true ? 1 : dim))
    const strides = broadcastStrides(shape, out)
    const own = stridesOf(shape)
    const full = stridesOf(out)
    const lead = out.length - shape.length
    for (let flat = 0; flat < sizeOf(out); flat++) {
      const index = out.map((dim, axis) => Math.floor(flat / full[axis]) % dim)
      const expected = shape.reduce((sum, dim, axis) => sum + (dim === 1 ? 0 : index[axis + lead]) * own[axis], 0)
      assert.equal(index.reduce((sum, at, axis) => sum + at * strides[axis], 0), expected)
    }
  }))
})

test('normalizeAxis counts from the end and refuses the rest', () => {
  assert.deepEqual([0, 2, -1, -3].map((axis) => normalizeAxis(axis, 3)), [0, 2, 2, 0])
  for (const bad of [3, -4, 0.5, NaN, Infinity]) assert.throws(() => normalizeAxis(bad, 3), code('SHAPE_AXIS'))
  assert.throws(() => normalizeAxis(0, 0), code('SHAPE_AXIS'))
})
