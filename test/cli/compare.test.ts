import assert from 'node:assert/strict'
import { test } from 'node:test'
import { differenceOf } from '../../src/cli/differences.ts'
import { graphBuilder } from '../../src/graph/builder.ts'
import type { Graph } from '../../src/graph/graph.ts'
import { tensor, type Tensor } from '../../src/index.ts'
import { readCases } from '../support/fixtures.ts'
import { file, run, saved } from './support.ts'

/** y = relu((x + shift) scale), with names of inner values that do not depend on the numbers. */
function graph(shift: number, scale: number, outputName = 'y'): Graph {
  const b = graphBuilder()
  const x = b.input('x', { dtype: 'float32', shape: ['rows', 2] })
  const moved = b.add('Add', [x, b.constant(tensor([shift], [], 'float32'))])
  b.output(outputName, b.add('Relu', [b.add('Mul', [moved, b.constant(tensor([scale], [], 'float32'))])]), { dtype: 'float32', shape: ['rows', 2] })
  return b.build()
}

const rows = file('rows.json', '[[1, 2], [3, -4]]')
const a = await saved('a.mle', graph(1, 2))

test('equal models agree, under other names of outputs too', async () => {
  const same = await saved('same.mle', graph(1, 2))
  const { code, out, err } = await run('compare', a, same, '--input', rows)
  assert.deepEqual({ code, err }, { code: 0, err: '' })
  assert.match(out, /^value +max abs +max rel +max ulp +beyond\ny +0 +0 +0 +0 of 4\n$/)
  const renamed = await saved('renamed.mle', graph(1, 2, 'result'))
  const other = await run('compare', a, renamed, '--input', `x=${rows}`)
  assert.equal(other.code, 0)
  assert.match(other.out, /\ny \/ result +0 /)
})

test('names the first operator that differs, and how far', async () => {
  const scaled = await saved('scaled.mle', graph(1, 2.5))
  const { code, out, err } = await run('compare', a, scaled, '--input', rows)
  assert.equal(code, 1)
  assert.match(out, /\ny +2 +0\.200 +\S+ +3 of 4\n/)
  assert.match(err, /^mle: COMPARE_DIFFERENT: output "y" differs: 3 of 4 elements, by up to 2 \(\S+ ulp\), element 2 is 8 and 10; first at node 1 "Mul", value "mul\.0": 4 of 4 elements/)
  const traced = await run('compare', a, scaled, '--input', rows, '--trace')
  assert.match(traced.out, /\nadd\.0 +0 +0 +0 +0 of 4 +node 0 "Add"\nmul\.0 /)
  assert.equal((await run('compare', a, scaled, '--input', rows, '--rtol', '0.3')).code, 0)
})

test('one model on two devices, bit for bit, and one with relaxed passes', async () => {
  const fixture = readCases('sklearn').find(({ name }) => name === 'rf_classifier')
  assert.ok(fixture !== undefined)
  const { description } = fixture
  const model = file('forest.joblib', fixture.bytes(description.file))
  const X = file('X.npy', fixture.bytes(description.inputs[0].file))
  const { code, out, err } = await run('compare', model, '--device', 'cpu', '--device-b', 'wasm', '--input', X, '--trace')
  assert.deepEqual({ code, err }, { code: 0, err: '' })
  assert.match(out, /"TreeEnsemble"/)
  assert.equal((await run('compare', a, '--input', rows, '--determinism-b', 'relaxed')).code, 0)
})

test('faults', async () => {
  const fault = async (...argv: string[]): Promise<string> => {
    const { code, err } = await run('compare', ...argv)
    return `${code} ${/^mle: ([A-Z_]+):/.exec(err)?.[1] ?? err}`
  }
  assert.match(await fault(a, '--input', rows), /^2 mle: one model is compared with itself/)
  assert.match(await fault(a, a), /^2 mle: --input is missing/)
  assert.match(await fault(a, a, '--input', rows, '--rtol', 'much'), /^2 mle: --rtol takes a number/)
  assert.equal(await fault(a, a, '--input', rows, '--method', 'fly'), '1 METHOD_UNKNOWN')
  const empty = { ...graph(1, 2), outputs: [] }
  assert.equal(await fault(await saved('none.mle', empty), a, '--input', rows), '1 COMPARE_OUTPUTS')
})

test('differences', () => {
  const exact = { rtol: 0, atol: 0 }
  const of = (x: Tensor, y: Tensor, tolerance = exact) => differenceOf(x, y, tolerance)
  const next = new Float64Array(1)
  new BigInt64Array(next.buffer)[0] = 1n
  assert.equal(of(tensor(Float64Array.of(-0)), tensor(Float64Array.of(next[0]))).maxUlp, 1)
  assert.equal(of(tensor(Float64Array.of(1)), tensor(Float64Array.of(1 + 2 ** -52))).maxUlp, 1)
  assert.equal(of(tensor(Float32Array.of(1)), tensor(Float64Array.of(1 + 2 ** -23))).maxUlp, 1)
  assert.equal(of(tensor(Uint16Array.of(0x3c00), [1], 'float16'), tensor(Uint16Array.of(0x3c01), [1], 'float16')).maxUlp, 1)
  assert.deepEqual(of(tensor(Float32Array.of(NaN, Infinity)), tensor(Float32Array.of(NaN, Infinity))).beyond, 0)
  assert.equal(of(tensor(Float32Array.of(NaN)), tensor(Float32Array.of(1)), { rtol: 1, atol: 1 }).beyond, 1)
  assert.equal(of(tensor(Float32Array.of(Infinity)), tensor(Float32Array.of(1)), { rtol: 1, atol: 1 }).beyond, 1)
  assert.match(of(tensor([1, 2]), tensor([1])).kind ?? '', /shapes/)
  assert.deepEqual(of(tensor(['a', 'b']), tensor(['a', 'c'])).worst, { index: 1, a: 'b', b: 'c' })
  assert.equal(differenceOf([tensor([1])], [tensor([1])], exact).beyond, 0)
  assert.equal(differenceOf(new Map([['a', tensor([1])]]), new Map([['a', tensor([2])]]), exact).beyond, 1)
})
