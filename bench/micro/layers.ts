// What layers of networks take on cpu and on wasm: node --import tsx bench/micro/layers.ts
import { graphBuilder, type AttributeInput } from '../../src/graph/builder.ts'
import { load, type Tensor } from '../../src/index.ts'
import type { DType } from '../../src/tensor/dtype.ts'

const size = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1)

function values(dtype: DType, shape: readonly number[]): Tensor {
  const length = size(shape)
  if (dtype === 'uint8') return { dtype, shape, data: Uint8Array.from({ length }, (_, i) => (i * 37) % 251) }
  if (dtype === 'int8') return { dtype, shape, data: Int8Array.from({ length }, (_, i) => ((i * 37) % 251) - 125) }
  return { dtype, shape, data: Float32Array.from({ length }, (_, i) => Math.sin(i) * 0.1) }
}

interface Layer {
  readonly name: string
  readonly op: string
  readonly input: Tensor
  /** Constants behind the input; an array is part of the model. */
  readonly rest: readonly Tensor[]
  readonly attributes?: Readonly<Record<string, AttributeInput>>
}

const f32 = (...shape: number[]): Tensor => values('float32', shape)
const scale = (): Tensor => ({ dtype: 'float32', shape: [], data: Float32Array.of(0.02) })
const zero = (): Tensor => values('uint8', [])

const LAYERS: readonly Layer[] = [
  { name: 'Attention, 4 heads of 64, 128 queries and keys', op: 'Attention', input: f32(1, 4, 128, 64), rest: [f32(1, 4, 128, 64), f32(1, 4, 128, 64)] },
  { name: 'Attention, 4 heads of 64, 1 query, 1,024 keys', op: 'Attention', input: f32(1, 4, 1, 64), rest: [f32(1, 4, 1024, 64), f32(1, 4, 1024, 64)] },
  { name: 'LSTM, 50 steps, 128 features and units', op: 'LSTM', input: f32(50, 1, 128), rest: [f32(1, 512, 128), f32(1, 512, 128), f32(1, 1024)], attributes: { hidden_size: 128 } },
  { name: 'GRU, 50 steps, 128 features and units, 8 sequences', op: 'GRU', input: f32(50, 8, 128), rest: [f32(1, 384, 128), f32(1, 384, 128), f32(1, 768)], attributes: { hidden_size: 128, linear_before_reset: 1 } },
  { name: 'Conv 3 x 3, 64 to 64 channels, 56 x 56', op: 'Conv', input: f32(1, 64, 56, 56), rest: [f32(64, 64, 3, 3)], attributes: { pads: [1, 1, 1, 1] } },
  { name: 'QLinearConv of the same', op: 'QLinearConv', input: values('uint8', [1, 64, 56, 56]), rest: [scale(), zero(), values('int8', [64, 64, 3, 3]), scale(), values('int8', []), scale(), zero()], attributes: { pads: [1, 1, 1, 1] } },
  { name: 'ConvTranspose 2 x 2, stride 2, 64 to 32 channels, 56 x 56', op: 'ConvTranspose', input: f32(1, 64, 56, 56), rest: [f32(64, 32, 2, 2)], attributes: { strides: [2, 2] } },
  { name: 'QLinearMatMul, 64 rows, 512 by 512', op: 'QLinearMatMul', input: values('uint8', [64, 512]), rest: [scale(), zero(), values('int8', [512, 512]), scale(), values('int8', []), scale(), zero()] },
]

for (const { name, op, input, rest, attributes = {} } of LAYERS) {
  const times: string[] = []
  for (const device of ['cpu', 'wasm'] as const) {
    const b = graphBuilder()
    const isGiven = op === 'Attention'
    const given = [input, ...(isGiven ? rest : [])].map((tensor, i) => b.input(`x${i}`, { dtype: tensor.dtype, shape: tensor.shape }))
    const fixed = isGiven ? [] : rest.map((tensor) => b.constant(tensor))
    b.output('y', b.add(op, [...given, ...fixed], attributes), { dtype: op.startsWith('Q') ? 'uint8' : 'float32' })
    const model = await load(b.build(), { device })
    const session = model.session()
    given.forEach((key, i) => (session.inputs[key].data as Float32Array).set([input, ...rest][i].data as Float32Array))
    session.run()
    let best = Infinity
    for (let round = 0, start = performance.now(); round < 5 || performance.now() - start < 400; round++) {
      const from = performance.now()
      session.run()
      best = Math.min(best, performance.now() - from)
    }
    times.push(`${device} ${best.toFixed(3)} ms`)
    model.dispose()
  }
  console.log(`${name}: ${times.join(', ')}`)
}
