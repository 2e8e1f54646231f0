// Control flow through the public API. Only sequences and Identity compute here, so nothing but the executor is tested.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load, MleError, tensor } from '../../src/index.ts'
import { body, bool, BOOL, float32, graph, INT, int64, run, scalar } from './graphs.ts'

const hasCode = (code: string) => (error: unknown) => error instanceof MleError && error.code === code

/** Loop whose state grows by the iteration number: M -> [0, 1, ..., M - 1]. */
const growing = graph((b) => {
  const m = b.input('M', INT)
  const start = b.add('SequenceEmpty', [], { dtype: 'int64' })
  const loopBody = body((inner) => {
    const i = inner.input('i', INT)
    const cond = inner.input('cond_in', BOOL)
    const state = inner.input('state', { sequence: { dtype: 'int64' } })
    inner.output('cond_out', cond, BOOL)
    inner.output('state_out', inner.add('SequenceInsert', [state, i]), { sequence: { dtype: 'int64' } })
    inner.output('scan_out', i, INT)
  })
  const [state, scan] = b.addMany('Loop', [m, '', start], 2, { body: loopBody })
  b.output('count', b.add('SequenceLength', [state]), INT)
  b.output('scan', scan, { dtype: 'int64', shape: [null] })
  b.output('state', state, { sequence: { dtype: 'int64' } })
})

test('a Loop grows its state and stacks its scan outputs', async () => {
  const { count, scan, state } = await run(growing, { M: scalar(5) })
  assert.deepEqual(count, scalar(5))
  assert.deepEqual(scan, int64(0, 1, 2, 3, 4))
  assert.deepEqual(state, [0, 1, 2, 3, 4].map(scalar))
})

test('a Loop of no iterations gives empty scan outputs and its initial state', async () => {
  const { count, scan, state } = await run(growing, { M: scalar(0) })
  assert.deepEqual(count, scalar(0))
  assert.deepEqual(scan, int64())
  assert.deepEqual(state, [])
})

test('a Loop whose trip count is negative does not run', async () => {
  assert.deepEqual((await run(growing, { M: scalar(-3) })).count, scalar(0))
})

/** Loop that reads its condition from a captured sequence. */
const conditional = graph((b) => {
  const go = b.input('go', { dtype: 'bool', shape: ['n'] })
  const first = b.input('first', BOOL)
  const flags = b.add('SplitToSequence', [go], { keepdims: 0 })
  const loopBody = body((inner) => {
    const i = inner.input('i', INT)
    inner.input('cond_in', BOOL)
    inner.output('cond_out', inner.add('SequenceAt', [flags, i]), BOOL)
    inner.output('seen', i, INT)
  })
  b.output('seen', b.add('Loop', [b.constant(tensor(BigInt64Array.of(2n ** 63n - 1n), [])), first], { body: loopBody }), { dtype: 'int64', shape: [null] })
})

test('a Loop ends when its condition does', async () => {
  const flags = (...values: number[]) => ({ dtype: 'bool' as const, shape: [values.length], data: Uint8Array.from(values) })
  assert.deepEqual((await run(conditional, { go: flags(1, 1, 0, 1), first: bool(true) })).seen, int64(0, 1, 2))
  assert.deepEqual((await run(conditional, { go: flags(0), first: bool(true) })).seen, int64(0))
  assert.deepEqual((await run(conditional, { go: flags(1), first: bool(false) })).seen, int64())
})

test('an error inside a subgraph names the node', async () => {
  const model = await load(conditional, { device: 'cpu' })
  await assert.rejects(model.run({ go: { dtype: 'bool', shape: [1], data: Uint8Array.of(1) }, first: bool(true) }), (error: unknown) => {
    assert.ok(error instanceof MleError)
    assert.equal(error.code, 'OP_POSITION')
    assert.match(error.message, /node 0 "SequenceAt"/)
    return true
  })
})

test('nested Loops: the inner one reads values of both graphs around it', async () => {
  const nested = graph((b) => {
    const n = b.input('N', INT)
    const x = b.input('x', { dtype: 'float32', shape: [2] })
    const outer = body((mid) => {
      const i = mid.input('i', INT)
      const cond = mid.input('c', BOOL)
      const state = mid.input('s', { sequence: { dtype: 'float32' } })
      const inner = body((in2) => {
        in2.input('j', INT)
        const cond2 = in2.input('c2', BOOL)
        const state2 = in2.input('s2', { sequence: { dtype: 'float32' } })
        in2.output('c2_out', cond2, BOOL)
        in2.output('s2_out', in2.add('SequenceInsert', [state2, x]), { sequence: { dtype: 'float32' } })
        in2.output('outer_index', i, INT)
      })
      const [grown, indices] = mid.addMany('Loop', [i, '', state], 2, { body: inner })
      mid.output('c_out', cond, BOOL)
      mid.output('s_out', grown, { sequence: { dtype: 'float32' } })
      mid.output('count', mid.add('SequenceLength', [mid.add('SplitToSequence', [indices])]), INT)
    })
    const [state, counts] = b.addMany('Loop', [n, '', b.add('SequenceEmpty', [])], 2, { body: outer })
    b.output('joined', b.add('ConcatFromSequence', [state], { axis: 0, new_axis: 1 }), { dtype: 'float32', shape: [null, 2] })
    b.output('counts', counts, { dtype: 'int64', shape: [null] })
  })
  const { joined, counts } = await run(nested, { N: scalar(4), x: float32([7, 8]) })
  assert.deepEqual(counts, int64(0, 1, 2, 3))
  assert.deepEqual(joined, float32([7, 8, 7, 8, 7, 8, 7, 8, 7, 8, 7, 8], [6, 2]))
})

test('If: branches of different shapes, captures and constants of the graph around', async () => {
  const choose = graph((b) => {
    const x = b.input('x', { dtype: 'float32', shape: ['n', 2] })
    const cond = b.input('cond', BOOL)
    const constant = b.constant(float32([1, 2, 3]), 'three')
    const thenBranch = body((inner) => inner.output('y', inner.add('Identity', [x]), { dtype: 'float32' }))
    const elseBranch = body((inner) => inner.output('z', inner.add('Identity', [constant]), { dtype: 'float32' }))
    b.output('Y', b.add('If', [cond], { then_branch: thenBranch, else_branch: elseBranch }), { dtype: 'float32' })
  })
  assert.deepEqual((await run(choose, { x: float32([1, 2, 3, 4], [2, 2]), cond: bool(true) })).Y, float32([1, 2, 3, 4], [2, 2]))
  assert.deepEqual((await run(choose, { x: float32([1, 2, 3, 4], [2, 2]), cond: bool(false) })).Y, float32([1, 2, 3]))
})

test('If whose branches give different dtypes is refused when the graph is loaded', async () => {
  const bad = graph((b) => {
    const cond = b.input('cond', BOOL)
    const thenBranch = body((inner) => inner.output('y', inner.constant(float32([1])), { dtype: 'float32' }))
    const elseBranch = body((inner) => inner.output('z', inner.constant(int64(1)), { dtype: 'int64' }))
    b.output('Y', b.add('If', [cond], { then_branch: thenBranch, else_branch: elseBranch }), { dtype: 'float32' })
  })
  await assert.rejects(load(bad).then((model) => model.run({ cond: bool(true) })), hasCode('OP_DTYPE'))
})

test('Scan: state, slices along any axis, reversed directions, stacked outputs', async () => {
  const scan = graph((b) => {
    const x = b.input('x', { dtype: 'float32', shape: ['t', 2] })
    const y = b.input('y', { dtype: 'int64', shape: [2, 't'] })
    const scanBody = body((inner) => {
      const state = inner.input('s', { sequence: { dtype: 'float32' } })
      const row = inner.input('row', { dtype: 'float32', shape: [2] })
      const column = inner.input('column', { dtype: 'int64', shape: [2] })
      inner.output('s_out', inner.add('SequenceInsert', [state, row]), { sequence: { dtype: 'float32' } })
      inner.output('row_out', row, { dtype: 'float32', shape: [2] })
      inner.output('column_out', column, { dtype: 'int64', shape: [2] })
    })
    const [state, rows, columns] = b.addMany('Scan', [b.add('SequenceEmpty', []), x, y], 3, {
      body: scanBody, num_scan_inputs: 2, scan_input_axes: [0, 1], scan_input_directions: [1, 0], scan_output_axes: [1, 0], scan_output_directions: [0, 1],
    })
    b.output('state', b.add('ConcatFromSequence', [state], { axis: 0, new_axis: 1 }), { dtype: 'float32' })
    b.output('rows', rows, { dtype: 'float32' })
    b.output('columns', columns, { dtype: 'int64' })
  })
  const { state, rows, columns } = await run(scan, { x: float32([1, 2, 3, 4, 5, 6], [3, 2]), y: { dtype: 'int64', shape: [2, 3], data: BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n) } })
  assert.deepEqual(state, float32([5, 6, 3, 4, 1, 2], [3, 2]))
  assert.deepEqual(rows, float32([5, 3, 1, 6, 4, 2], [2, 3]))
  assert.deepEqual(columns, { dtype: 'int64', shape: [3, 2], data: BigInt64Array.of(3n, 6n, 2n, 5n, 1n, 4n) })
})

test('a Scan over nothing gives outputs without slices', async () => {
  const scan = graph((b) => {
    const x = b.input('x', { dtype: 'float32', shape: ['t', 2] })
    const scanBody = body((inner) => inner.output('out', inner.input('row', { dtype: 'float32', shape: [2] }), { dtype: 'float32', shape: [2] }))
    b.output('y', b.add('Scan', [x], { body: scanBody, num_scan_inputs: 1 }), { dtype: 'float32', shape: [null, 2] })
  })
  assert.deepEqual((await run(scan, { x: float32([], [0, 2]) })).y, float32([], [0, 2]))
  assert.deepEqual((await run(scan, { x: float32([1, 2], [1, 2]) })).y, float32([1, 2], [1, 2]))
})

test('SequenceMap runs its body for each element', async () => {
  const map = graph((b) => {
    const x = b.input('x', { dtype: 'float32', shape: ['n', 2] })
    const shared = b.input('shared', { dtype: 'float32', shape: [1] })
    const mapBody = body((inner) => {
      const element = inner.input('element', { dtype: 'float32' })
      const other = inner.input('other', { dtype: 'float32' })
      inner.output('joined', inner.add('ConcatFromSequence', [inner.add('SequenceConstruct', [element, other])], { axis: 0 }), { dtype: 'float32' })
    })
    b.output('y', b.add('SequenceMap', [b.add('SplitToSequence', [x], { keepdims: 0 }), shared], { body: mapBody }), { sequence: { dtype: 'float32' } })
  })
  assert.deepEqual((await run(map, { x: float32([1, 2, 3, 4], [2, 2]), shared: float32([9]) })).y, [float32([1, 2, 9]), float32([3, 4, 9])])
})

test('a Loop that never ends is an error', async () => {
  const endless = graph((b) => {
    const loopBody = body((inner) => {
      inner.input('i', INT)
      inner.output('cond_out', inner.input('cond_in', BOOL), BOOL)
    })
    b.addMany('Loop', ['', ''], 0, { body: loopBody })
    const [y] = b.addMany('Loop', ['', '', b.constant(float32([1]))], 1, {
      body: body((inner) => {
        inner.input('i', INT)
        inner.output('cond_out', inner.input('cond_in', BOOL), BOOL)
        inner.output('v_out', inner.input('v', { dtype: 'float32' }), { dtype: 'float32' })
      }),
    })
    b.output('Y', y, { dtype: 'float32' })
  })
  const model = await load(endless, { device: 'cpu' })
  await assert.rejects(model.run({}), hasCode('LOOP_LIMIT'))
})

test('bodies whose inputs or outputs do not fit are refused', async () => {
  const bad = (outputs: number) => graph((b) => {
    const loopBody = body((inner) => {
      inner.input('i', INT)
      inner.output('cond_out', inner.input('cond_in', BOOL), BOOL)
    })
    b.output('Y', b.addMany('Loop', ['', '', b.constant(float32([1]))], outputs, { body: loopBody })[0], { dtype: 'float32' })
  })
  await assert.rejects(load(bad(1)).then((model) => model.run({})), hasCode('OP_BODY'))
})
