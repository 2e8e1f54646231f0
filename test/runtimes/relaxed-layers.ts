// Layers on wasm with fused multiply-add beside cpu's float64, within the bounds of the schemas.
import { load } from '../../src/load.ts'
import { schemaOf } from '../../src/ops/registry.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { opGraph, type OpInput } from '../support/run-op.ts'

interface Layer {
  readonly op: string
  readonly inputs: readonly Tensor[]
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>
  /** Inputs whose absolute values give the sum of |terms|; none where the bound does not ask for it. */
  readonly factors: readonly number[]
  /** What gives the same from widened inputs. */
  readonly formula?: string
}

/** Numbers in [-1, 1) that only depend on the seed. */
function noise(seed: number, ...shape: number[]): Tensor {
  let state = seed * 2654435761 + 1
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
  return { dtype: 'float32', shape, data }
}

const bytes = (seed: number, ...shape: number[]): Tensor => ({ dtype: 'int8', shape, data: Int8Array.from(noise(seed, ...shape).data as Float32Array, (value) => Math.round(value * 127)) })

const LAYERS: readonly Layer[] = [
  { op: 'MatMul', inputs: [noise(1, 33, 700), noise(2, 700, 45)], factors: [0, 1] },
  { op: 'Gemm', inputs: [noise(1, 5, 300), noise(2, 40, 300), noise(3, 40)], attributes: { transB: 1 }, factors: [0, 1, 2] },
  { op: 'Conv', inputs: [noise(1, 2, 40, 13, 17), noise(2, 24, 40, 3, 3), noise(3, 24)], attributes: { pads: [1, 1, 1, 1] }, factors: [0, 1, 2] },
  { op: 'Conv', inputs: [noise(1, 1, 40, 5, 7, 9), noise(2, 24, 40, 3, 3, 3)], factors: [0, 1] },
  { op: 'ConvTranspose', inputs: [noise(1, 1, 60, 9, 9), noise(2, 60, 10, 2, 2)], attributes: { strides: [2, 2] }, factors: [0, 1] },
  { op: 'Attention', inputs: [noise(1, 1, 4, 70, 32), noise(2, 1, 4, 90, 32), noise(3, 1, 4, 90, 24)], factors: [2] },
  { op: 'LSTM', inputs: [noise(1, 20, 3, 40), noise(2, 1, 120, 40), noise(3, 1, 120, 30), noise(4, 1, 240)], attributes: { hidden_size: 30 }, factors: [] },
  { op: 'GRU', inputs: [noise(1, 20, 3, 40), noise(2, 1, 90, 40), noise(3, 1, 90, 30), noise(4, 1, 180)], attributes: { hidden_size: 30 }, factors: [] },
  { op: 'RNN', inputs: [noise(1, 20, 3, 40), noise(2, 1, 30, 40), noise(3, 1, 30, 30), noise(4, 1, 60)], attributes: { hidden_size: 30 }, factors: [] },
  { op: 'mle.WeightMatMul', inputs: [noise(1, 9, 700), bytes(2, 700, 45)], factors: [0, 1], formula: 'MatMul' },
]

const widened = ({ shape, data }: Tensor): Tensor => ({ dtype: 'float64', shape, data: Float64Array.from(data as Float32Array) })
const absolute = ({ shape, data }: Tensor): Tensor => ({ dtype: 'float64', shape, data: Float64Array.from(data as Float32Array, Math.abs) })

async function run(op: string, { attributes }: Layer, tensors: readonly Tensor[], device: 'cpu' | 'wasm', determinism: 'strict' | 'relaxed'): Promise<Float64Array> {
  const model = await load(opGraph(op, tensors.map((tensor, i): OpInput => ({ tensor, constant: i > 0 && op !== 'Attention' })), attributes, 1), { device, determinism })
  const { y0 } = await model.run(Object.fromEntries(model.inputs.map(({ name }) => [name, tensors[Number(name.slice(1))]])))
  model.dispose()
  return Float64Array.from((y0 as Tensor).data as Float32Array)
}

/** What is wrong with the layers, and the operators of those whose bits are not those of the strict build. */
export async function checkLayers(): Promise<{ readonly faults: readonly string[]; readonly different: readonly string[] }> {
  const faults: string[] = []
  const different: string[] = []
  for (const layer of LAYERS) {
    const { op, inputs, factors, formula = op } = layer
    const [strict, relaxed] = [await run(op, layer, inputs, 'wasm', 'strict'), await run(op, layer, inputs, 'wasm', 'relaxed')]
    const wanted = await run(formula, layer, inputs.map(widened), 'cpu', 'strict')
    const sums = factors.length === 0 ? undefined : await run(formula, layer, inputs.map((tensor, i) => (factors.includes(i) ? absolute(tensor) : widened(tensor))), 'cpu', 'strict')
    const { bound } = schemaOf(op)
    const wrong = wanted.findIndex((value, i) => !(Math.abs(relaxed[i] - value) <= bound(2 ** -24, value, sums?.[i] ?? 0)))
    if (wrong >= 0 || relaxed.length !== wanted.length) faults.push(`${op} element ${wrong} is ${relaxed[wrong]}, expected ${wanted[wrong]} within ${bound(2 ** -24, wanted[wrong], sums?.[wrong] ?? 0)}`)
    if (relaxed.some((value, i) => value !== strict[i])) different.push(op)
  }
  return { faults, different }
}

/** Operators that `checkLayers` computes. */
export const LAYER_OPERATORS: readonly string[] = LAYERS.map(({ op }) => op)
