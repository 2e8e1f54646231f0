// Sequences and optionals through the public API.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GraphBuilder, ValueName } from '../../src/graph/builder.ts'
import { load, MleError, tensor, type Tensor } from '../../src/index.ts'
import type { ValueType } from '../../src/ops/types.ts'
import { bool, float32, graph, INT, int64, run, scalar } from './graphs.ts'

const hasCode = (code: string) => (error: unknown) => error instanceof MleError && error.code === code

const X: ValueType = { dtype: 'float32', shape: ['n'] }
const SEQUENCE: ValueType = { sequence: { dtype: 'float32' } }

/** A graph over x [n] and an index, whose one output `define` returns. */
function indexed(define: (b: GraphBuilder, x: ValueName, index: ValueName) => ValueName, type: ValueType = SEQUENCE) {
  return graph((b) => b.output('Y', define(b, b.input('x', X), b.input('index', INT)), type))
}

const three = (b: GraphBuilder, x: ValueName): ValueName => b.add('SequenceConstruct', [x, b.constant(float32([8])), b.constant(float32([9]))])
const input = (index: number) => ({ x: float32([1, 2]), index: scalar(index) })
const [x, eight, nine] = [float32([1, 2]), float32([8]), float32([9])]

test('SequenceConstruct keeps its tensors, whatever their shapes', async () => {
  assert.deepEqual((await run(indexed(three), input(0))).Y, [x, eight, nine])
})

test('SequenceInsert at the end, at positions and counted from the end', async () => {
  const g = indexed((b, value, index) => b.add('SequenceInsert', [three(b, value), b.constant(float32([0.5])), index]))
  const half = float32([0.5])
  assert.deepEqual((await run(g, input(0))).Y, [half, x, eight, nine])
  assert.deepEqual((await run(g, input(3))).Y, [x, eight, nine, half])
  assert.deepEqual((await run(g, input(-1))).Y, [x, eight, half, nine])
  await assert.rejects(run(g, input(4)), hasCode('OP_POSITION'))
  await assert.rejects(run(g, input(-4)), hasCode('OP_POSITION'))
  assert.deepEqual((await run(indexed((b, value) => b.add('SequenceInsert', [three(b, value), value])), input(0))).Y, [x, eight, nine, x])
})

test('SequenceErase, SequenceAt and SequenceLength', async () => {
  const erase = indexed((b, value, index) => b.add('SequenceErase', [three(b, value), index]))
  assert.deepEqual((await run(erase, input(0))).Y, [eight, nine])
  assert.deepEqual((await run(erase, input(-1))).Y, [x, eight])
  await assert.rejects(run(erase, input(3)), hasCode('OP_POSITION'))
  assert.deepEqual((await run(indexed((b, value) => b.add('SequenceErase', [three(b, value)])), input(0))).Y, [x, eight])
  await assert.rejects(run(indexed((b) => b.add('SequenceErase', [b.add('SequenceEmpty', [])])), input(0)), hasCode('OP_POSITION'))
  const at = indexed((b, value, index) => b.add('SequenceAt', [three(b, value), index]), X)
  assert.deepEqual((await run(at, input(0))).Y, x)
  assert.deepEqual((await run(at, input(-2))).Y, eight)
  await assert.rejects(run(at, input(-4)), hasCode('OP_POSITION'))
  assert.deepEqual((await run(indexed((b, value) => b.add('SequenceLength', [three(b, value)]), INT), input(0))).Y, scalar(3))
})

test('SplitToSequence by ones, by a size, by a list; ConcatFromSequence puts it together again', async () => {
  const source = float32([1, 2, 3, 4, 5, 6], [3, 2])
  const split = (sizes: Tensor | undefined, attributes: Record<string, number>) => graph((b) => {
    const parts = b.add('SplitToSequence', sizes === undefined ? [b.input('x', { dtype: 'float32', shape: ['n', 2] })] : [b.input('x', { dtype: 'float32', shape: ['n', 2] }), b.constant(sizes)], attributes)
    b.output('parts', parts, SEQUENCE)
    b.output('joined', b.add('ConcatFromSequence', [parts], { axis: attributes.axis, new_axis: attributes.keepdims === 0 ? 1 : 0 }), { dtype: 'float32' })
  })
  const cases: [Tensor | undefined, Record<string, number>, Tensor[]][] = [
    [undefined, { axis: 0 }, [float32([1, 2], [1, 2]), float32([3, 4], [1, 2]), float32([5, 6], [1, 2])]],
    [undefined, { axis: 1, keepdims: 0 }, [float32([1, 3, 5]), float32([2, 4, 6])]],
    [scalar(2), { axis: 0 }, [float32([1, 2, 3, 4], [2, 2]), float32([5, 6], [1, 2])]],
    [int64(0, 3), { axis: 0 }, [float32([], [0, 2]), source]],
    [int64(1, 1), { axis: -1 }, [float32([1, 3, 5], [3, 1]), float32([2, 4, 6], [3, 1])]],
  ]
  for (const [sizes, attributes, parts] of cases) {
    const result = await run(split(sizes, attributes), { x: source })
    assert.deepEqual(result.parts, parts)
    assert.deepEqual(result.joined, source)
  }
  await assert.rejects(run(split(int64(1, 1), { axis: 0 }), { x: source }), hasCode('OP_SPLIT'))
  await assert.rejects(run(split(scalar(0), { axis: 0 }), { x: source }), hasCode('OP_SPLIT'))
})

test('ConcatFromSequence refuses tensors that do not fit', async () => {
  const g = graph((b) => b.output('Y', b.add('ConcatFromSequence', [b.add('SequenceConstruct', [b.input('x', X), b.constant(float32([1], [1, 1]))])], { axis: 0 }), X))
  await assert.rejects(run(g, { x: float32([1]) }), hasCode('OP_PARTS'))
})

test('a sequence holds strings, and one dtype only', async () => {
  const words = graph((b) => {
    const parts = b.add('SplitToSequence', [b.input('x', { dtype: 'string', shape: ['n'] })])
    b.output('joined', b.add('ConcatFromSequence', [parts], { axis: 0, new_axis: 1 }), { dtype: 'string' })
  })
  assert.deepEqual((await run(words, { x: tensor(['a', 'b']) })).joined, tensor([['a'], ['b']]))
  const mixed = indexed((b, value, index) => b.add('SequenceConstruct', [value, index]))
  await assert.rejects(run(mixed, input(0)), hasCode('OP_DTYPE'))
})

test('a tensor in a sequence stays as it was when its memory is used again', async () => {
  // x's copy dies after the construction; the later Identity copies may take its memory.
  const g = indexed((b, value) => {
    const [first, second] = b.addMany('If', [b.constant(bool(true))], 2, {
      then_branch: { kind: 'graph', value: graph((t) => {
        t.output('a', t.add('Identity', [value]), X)
        t.output('c', t.add('Identity', [value]), X)
      }) },
      else_branch: { kind: 'graph', value: graph((t) => {
        t.output('d', t.add('Identity', [value]), X)
        t.output('e', t.add('Identity', [value]), X)
      }) },
    })
    return b.add('SequenceConstruct', [first, second, value])
  })
  assert.deepEqual((await run(g, input(0))).Y, [x, x, x])
})

test('Optional, OptionalHasElement and OptionalGetElement', async () => {
  const full = graph((b) => {
    const held = b.add('Optional', [b.input('x', X)])
    b.output('has', b.add('OptionalHasElement', [held]), { dtype: 'bool', shape: [] })
    b.output('Y', b.add('OptionalGetElement', [held]), X)
  })
  assert.deepEqual(await run(full, { x }), Object.assign(Object.create(null), { has: bool(true), Y: x }))
  const none = { kind: 'type', value: { dtype: 'float32' } } as const
  const emptyHas = graph((b) => {
    b.output('has', b.add('OptionalHasElement', [b.add('Optional', [], { type: none })]), { dtype: 'bool', shape: [] })
    b.output('absent', b.add('OptionalHasElement', []), { dtype: 'bool', shape: [] })
  })
  assert.deepEqual(await run(emptyHas, {}), Object.assign(Object.create(null), { has: bool(false), absent: bool(false) }))
  const emptyGet = graph((b) => b.output('Y', b.add('OptionalGetElement', [b.add('Optional', [], { type: none })]), X))
  await assert.rejects(run(emptyGet, {}), hasCode('OP_OPTIONAL'))
  const untyped = graph((b) => b.output('Y', b.add('Optional', []), { optional: X }))
  await assert.rejects(run(untyped, {}), hasCode('OP_INPUT'))
})

test('an optional of a sequence', async () => {
  const g = indexed((b, value) => b.add('OptionalGetElement', [b.add('Optional', [three(b, value)])]))
  assert.deepEqual((await run(g, input(0))).Y, [x, eight, nine])
})

test('an unknown element dtype is refused', async () => {
  await assert.rejects(async () => load(indexed((b) => b.add('SequenceEmpty', [], { dtype: 'float31' }))).then((model) => model.run(input(0))), hasCode('OP_ATTRIBUTE'))
})
