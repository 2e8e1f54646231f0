// Quantized operators of com.microsoft, as onnxruntime's quantizer writes them: dequantized, computed in floats, quantized again.
import { bitsReader, tensor } from '../../../tensor/index.ts'
import type { Lowering } from '../lowering.ts'
import { onnxError } from '../tensors.ts'
import { sum } from './fused.ts'

type Lower = (lowering: Lowering) => void

const dequantized = ({ add }: Lowering, x: string, scale: string, zero = ''): string => add('DequantizeLinear', zero === '' ? [x, scale] : [x, scale, zero])

function quantized({ add, node }: Lowering, y: string, scale: string, zero = ''): void {
  add('QuantizeLinear', zero === '' ? [y, scale] : [y, scale, zero], {}, node.outputs[0])
}

/** A, its scale and zero point, B with the same, those of the result. */
const binary = (key: 'Add' | 'Mul'): Lower => (lowering) => {
  const [a, aScale, aZero, b, bScale, bZero, scale, zero] = lowering.node.inputs
  quantized(lowering, lowering.add(key, [dequantized(lowering, a, aScale, aZero), dequantized(lowering, b, bScale, bZero)]), scale, zero)
}

/** X, its scale and zero point, those of the result. */
const unary = (compute: (lowering: Lowering, x: string) => string): Lower => (lowering) => {
  const [x, xScale, xZero, scale, zero] = lowering.node.inputs
  quantized(lowering, compute(lowering, dequantized(lowering, x, xScale, xZero)), scale, zero)
}

const WINDOW: readonly string[] = ['auto_pad', 'ceil_mode', 'count_include_pad', 'kernel_shape', 'pads', 'strides']

/** A pool of images whose channels may come last. */
const pool = (key: 'AveragePool' | 'GlobalAveragePool'): Lower => unary((lowering, x) => {
  const { add, draft, node, number } = lowering
  const last = number('channels_last', 0) !== 0
  const y = draft.fresh('pool')
  const attributes = new Map([...node.attributes].filter(([name]) => key === 'AveragePool' && WINDOW.includes(name)))
  draft.emit({ op: key, domain: 'ai.onnx', inputs: [last ? add('Transpose', [x], { perm: [0, 3, 1, 2] }) : x], outputs: [y], attributes })
  return last ? add('Transpose', [y], { perm: [0, 2, 3, 1] }) : y
})

const concat: Lower = (lowering) => {
  const { add, node, number } = lowering
  const [scale, zero, ...given] = node.inputs
  const parts = Array.from({ length: Math.floor(given.length / 3) }, (_, i) => dequantized(lowering, given[3 * i], given[3 * i + 1], given[3 * i + 2]))
  quantized(lowering, add('Concat', parts, { axis: number('axis', 0) }), scale, zero)
}

/** alpha A B + C of quantized matrices; C holds integers in units of both scales. A result without scale stays float. */
const gemm: Lower = (lowering) => {
  const { add, node, number, like } = lowering
  const [a, aScale, aZero, b, bScale, bZero, c = '', scale = '', zero = ''] = node.inputs
  const turn = (x: string, turns: boolean): string => (turns ? add('Transpose', [x], { perm: [1, 0] }) : x)
  const product = add('MatMulInteger', [turn(a, number('transA', 0) !== 0), turn(b, number('transB', 0) !== 0), aZero, bZero])
  const total = add('Cast', [sum(lowering, product, c)], { to: 'float32' })
  const units = add('Mul', [add('Mul', [aScale, bScale]), like(number('alpha', 1), aScale)])
  if (scale === '') add('Mul', [total, units], {}, node.outputs[0])
  else quantized(lowering, add('Mul', [total, units]), scale, zero)
}

/** A B of quantized matrices, as floats. */
const integerToFloat: Lower = (lowering) => {
  const { add, node } = lowering
  const [a, b, aScale, bScale, aZero = '', bZero = '', bias = ''] = node.inputs
  const product = add('Mul', [add('Cast', [add('MatMulInteger', [a, b, aZero, bZero])], { to: 'float32' }), add('Mul', [aScale, bScale])])
  add(bias === '' ? 'Identity' : 'Add', bias === '' ? [product] : [product, bias], {}, node.outputs[0])
}

/** A is quantized by its own range first. */
const dynamicMatMul: Lower = (lowering) => {
  const { add, addAll, draft, node } = lowering
  const [a, b, bScale, bZero = '', bias = ''] = node.inputs
  const [bytes, scale, zero] = [draft.fresh('bytes'), draft.fresh('scale'), draft.fresh('zero')]
  addAll('DynamicQuantizeLinear', [a], {}, [bytes, scale, zero])
  const product = add('Mul', [add('Cast', [add('MatMulInteger', [bytes, b, zero, bZero])], { to: 'float32' }), add('Mul', [scale, bScale])])
  add(bias === '' ? 'Identity' : 'Add', bias === '' ? [product] : [product, bias], {}, node.outputs[0])
}

/** Weights B [N, blocks, bytes] of a few bits, a scale and a zero point for each block, as a matrix [K, N] of floats. */
const matMulNBits: Lower = (lowering) => {
  const { add, constant, draft, node, number } = lowering
  const [a, b, scales, zeros = '', groups = '', bias = ''] = node.inputs
  const [K, N, bits, block] = [number('K', 0), number('N', 0), number('bits', 4), number('block_size', 0)]
  const fail = (what: string): never => {
    throw onnxError('ONNX_ATTRIBUTE', `MatMulNBits ${node.name ?? ''} ${what}`)
  }
  if (![2, 4, 8].includes(bits)) fail(`has weights of ${bits} bits, expected 2, 4 or 8`)
  if (!(K > 0 && N > 0 && block >= 16)) fail(`has K ${K}, N ${N} and block_size ${block}`)
  if (groups !== '') fail('has an order of groups (g_idx), which is not supported')
  const blocks = Math.ceil(K / block)
  const [packed, scale] = [draft.initializers.get(b), draft.initializers.get(scales)]
  const zero = zeros === '' ? undefined : draft.initializers.get(zeros)
  if (!(packed?.data instanceof Uint8Array) || scale === undefined || (zeros !== '' && zero === undefined)) return fail('has weights that are no constants')
  const perByte = 8 / bits
  const blob = (block * bits) / 8
  const zeroRow = Math.ceil((blocks * bits) / 8)
  const isPacked = zero?.dtype === 'uint8'
  const wanted = zero === undefined ? 0 : N * (isPacked ? zeroRow : blocks)
  if (packed.data.length !== N * blocks * blob || scale.data.length !== N * blocks || (zero !== undefined && zero.data.length !== wanted)) {
    fail(`has ${packed.data.length} bytes of weights, ${scale.data.length} scales and ${zero?.data.length ?? 0} zero points for K ${K} and N ${N} in blocks of ${block}`)
  }
  const mask = (1 << bits) - 1
  const bytes = packed.data
  const valueOf = ({ dtype, data }: typeof scale): ((index: number) => number) => {
    const read = bitsReader(dtype)
    return (index) => (read === undefined ? Number(data[index]) : read(Number(data[index])))
  }
  const scaleAt = valueOf(scale)
  const zeroAt = zero === undefined ? undefined : valueOf(zero)
  const weights = new Float32Array(K * N)
  for (let n = 0; n < N; n++) {
    for (let i = 0; i < blocks; i++) {
      const s = scaleAt(n * blocks + i)
      const z = zeroAt === undefined ? 1 << (bits - 1) : isPacked ? (zeroAt(n * zeroRow + Math.floor(i / perByte)) >> ((i % perByte) * bits)) & mask : zeroAt(n * blocks + i)
      for (let j = 0, k = i * block; j < block && k < K; j++, k++) {
        const quantum = (bytes[(n * blocks + i) * blob + Math.floor(j / perByte)] >> ((j % perByte) * bits)) & mask
        weights[k * N + n] = (quantum - z) * s
      }
    }
  }
  const product = add('MatMul', [a, add('CastLike', [constant(tensor(weights, [K, N])), a])])
  add(bias === '' ? 'Identity' : 'Add', bias === '' ? [product] : [product, bias], {}, node.outputs[0])
}

export const quantizedLowerings: readonly (readonly [string, Lower])[] = [
  ['DequantizeLinear', ({ node, draft }) => draft.emit({ ...node, domain: 'ai.onnx' })],
  ['DynamicQuantizeMatMul', dynamicMatMul],
  ['MatMulIntegerToFloat', integerToFloat],
  ['MatMulNBits', matMulNBits],
  ['QGemm', gemm],
  ['QLinearAdd', binary('Add')],
  ['QLinearAveragePool', pool('AveragePool')],
  ['QLinearConcat', concat],
  ['QLinearGlobalAveragePool', pool('GlobalAveragePool')],
  ['QLinearLeakyRelu', unary(({ add, number }, x) => add('LeakyRelu', [x], { alpha: number('alpha', 0.01) }))],
  ['QLinearMul', binary('Mul')],
  ['QLinearSigmoid', unary(({ add }, x) => add('Sigmoid', [x]))],
  ['QLinearSoftmax', unary(({ add, number }, x) => add('Softmax', [x], { axis: number('axis', -1) }))],
  ['QuantizeLinear', ({ node, draft }) => draft.emit({ ...node, domain: 'ai.onnx' })],
]
