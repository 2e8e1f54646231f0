// NaN, infinities, zeros of both signs and numbers below 2^-126: what docs/webgpu.md says of them.
import assert from 'node:assert/strict'
import type { AttributeInput } from '../../src/graph/builder.ts'
import { graphBuilder } from '../../src/graph/builder.ts'
import { load, tensor, type Tensor } from '../../src/index.ts'
import { gpuTest } from '../support/gpu.ts'

const TINY = 2 ** -126
const SPECIAL = Float32Array.of(NaN, Infinity, -Infinity, 0, -0, 1, -1, 2.5, 3.4e38, -3.4e38, 1e-40, -1e-40, TINY, -TINY, 88.8, -104)
/** Every special number against every other. */
const LEFT = tensor(Float32Array.from({ length: 256 }, (_, i) => SPECIAL[i >> 4]), [16, 16])
const RIGHT = tensor(Float32Array.from({ length: 256 }, (_, i) => SPECIAL[i & 15]), [16, 16])

type Step = readonly [op: string, inputs: 1 | 2, attributes?: Readonly<Record<string, AttributeInput>>]

/** These keep every number as it is, also below 2^-126. */
const KEEPING: readonly Step[] = [
  ['Less', 2], ['LessOrEqual', 2], ['Greater', 2], ['GreaterOrEqual', 2], ['Equal', 2], ['IsNaN', 1], ['IsInf', 1], ['Abs', 1], ['Neg', 1], ['Max', 2], ['Min', 2], ['Relu', 1], ['Sign', 1],
  ['Transpose', 1, { perm: [1, 0] }], ['ArgMax', 1, { axis: 1 }], ['ArgMin', 1, { axis: 0 }], ['ReduceMax', 1], ['ReduceMin', 1],
]
/** Arithmetic: numbers below 2^-126 may count as zero, as operands and as results. */
const COMPUTING: readonly Step[] = [
  ['Add', 2], ['Sub', 2], ['Mul', 2], ['Div', 2], ['Exp', 1], ['Sqrt', 1], ['Floor', 1], ['Ceil', 1], ['Sigmoid', 1], ['Tanh', 1], ['Erf', 1], ['Reciprocal', 1], ['Log', 1], ['Softplus', 1],
  ['Softmax', 1, { axis: 1 }], ['ReduceSum', 1], ['ReduceMean', 1],
]

async function both(gpu: GPUDevice, [op, inputs, attributes = {}]: Step, [left, right]: readonly [Tensor, Tensor]): Promise<[actual: Tensor, expected: Tensor]> {
  const b = graphBuilder()
  const names = ['A', 'B'].map((name) => b.input(name, { dtype: 'float32', shape: [16, 16] }))
  b.output('Y', b.add(op, names.slice(0, inputs), attributes), { dtype: op.startsWith('Arg') ? 'int64' : /^(Less|Greater|Equal|Is)/.test(op) ? 'bool' : 'float32' })
  b.output('unused', b.add('Identity', [names[1]]), { dtype: 'float32', shape: [16, 16] })
  const graph = b.build()
  const [model, cpu] = [await load(graph, { device: 'webgpu', gpu }), await load(graph, { device: 'cpu' })]
  const given = { A: left, B: right }
  const results: [Tensor, Tensor] = [(await model.run(given, ['Y'])).Y, (await cpu.run(given, ['Y'])).Y]
  assert.deepEqual(model.placement({ inputs: given, outputs: ['Y'] }).map(({ place }) => place), ['device'], `${op} runs on the GPU`)
  model.dispose()
  return results
}

for (const step of KEEPING) {
  gpuTest(`${step[0]} keeps every number`, async (gpu) => {
    const [actual, expected] = await both(gpu, step, [LEFT, RIGHT])
    assert.deepEqual(actual.shape, expected.shape)
    Array.from(expected.data as Float32Array).forEach((value, i) => {
      const own = (actual.data as Float32Array)[i]
      // Of two zeros either may be the larger.
      assert.ok(Object.is(own, value) || own === value, `${step[0]} of ${LEFT.data[i]} and ${RIGHT.data[i]}: ${own}, expected ${value}`)
    })
  })
}

const flushed = ({ data, shape }: Tensor): Tensor => tensor((data as Float32Array).map((x) => (Math.abs(x) < TINY ? x * 0 : x)), shape)
const isClose = (own: number, value: number): boolean => Object.is(own, value) || own === value || Math.abs(own - value) <= 4e-6 * Math.abs(value) + TINY

for (const step of COMPUTING) {
  gpuTest(`${step[0]} gives NaN, infinities and numbers as cpu does, but for numbers below 2^-126`, async (gpu) => {
    const [actual, expected] = await both(gpu, step, [LEFT, RIGHT])
    const [, zeroed] = await both(gpu, step, [flushed(LEFT), flushed(RIGHT)])
    Array.from(expected.data as Float32Array).forEach((value, i) => {
      const own = (actual.data as Float32Array)[i]
      // Either of the operands may have counted as zero.
      assert.ok(isClose(own, value) || isClose(own, (zeroed.data as Float32Array)[i]), `${step[0]} of ${LEFT.data[i]} and ${RIGHT.data[i]}: ${own}, expected ${value} or ${String(zeroed.data[i])}`)
    })
  })
}
