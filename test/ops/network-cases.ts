// Random examples of operators of networks that have formulas in float64: quantization, losses, signals.
import fc from 'fast-check'
import type { DType } from '../../src/tensor/dtype.ts'
import { tensor, type Tensor } from '../../src/tensor/tensor.ts'
import type { AttributeInput } from '../../src/graph/builder.ts'
import type { Example } from './cases.ts'
import { arbitraryTensor } from './values.ts'

const run = (value: Tensor): { tensor: Tensor } => ({ tensor: value })
const fixed = (value: Tensor): { tensor: Tensor; constant: boolean } => ({ tensor: value, constant: true })
const count = (value: number): Tensor => tensor(BigInt64Array.of(BigInt(value)), [])
const floats: fc.Arbitrary<DType> = fc.constantFrom<DType>('float32', 'float64', 'float16')
const given = (attributes: Readonly<Record<string, AttributeInput | undefined>>): Record<string, AttributeInput> =>
  Object.fromEntries(Object.entries(attributes).filter((entry): entry is [string, AttributeInput] => entry[1] !== undefined))
/** Scales that are powers of two and a half: quotients are exact, ties occur. */
const scales = (shape: readonly number[], dtype: DType): fc.Arbitrary<Tensor> => {
  const size = shape.reduce((product, dim) => product * dim, 1)
  return fc.array(fc.constantFrom(0.5, 0.25, 1, 2, 0.75, 1.5), { minLength: size, maxLength: size }).map((values) => tensor(values, shape, dtype))
}
const QUANTIZED: readonly DType[] = ['uint8', 'int8', 'uint16', 'int16', 'uint4', 'int4', 'uint2', 'int2']
const FLOATS8: readonly DType[] = ['float8e4m3fn', 'float8e5m2', 'float8e4m3fnuz', 'float8e5m2fnuz', 'float4e2m1']

/** Layouts of scales over [2, 6, 3]: one, along an axis, in blocks of 4 along axis 1. */
const layout: fc.Arbitrary<{ scale: number[]; attributes: Record<string, AttributeInput> }> = fc.constantFrom<{ scale: number[]; attributes: Record<string, AttributeInput> }>(
  { scale: [], attributes: {} }, { scale: [1], attributes: {} }, { scale: [6], attributes: {} }, { scale: [2], attributes: { axis: 0 } }, { scale: [3], attributes: { axis: -1 } }, { scale: [2, 2, 3], attributes: { axis: 1, block_size: 4 } },
)
const X_SHAPE = [2, 6, 3]

const quantize = fc.tuple(floats, layout, fc.constantFrom(...QUANTIZED, ...FLOATS8), fc.boolean()).chain(([dtype, { scale, attributes }, to, hasZero]) =>
  fc.tuple(arbitraryTensor(dtype, X_SHAPE, 'moderate').filter((x) => dtype !== 'float64' || x.data.length > 0), scales(scale, dtype === 'float64' ? 'float64' : dtype), arbitraryTensor(to, scale)).map(([x, s, zero]): Example =>
    hasZero && !to.startsWith('float') ? { inputs: [run(x), fixed(s), fixed(zero)], attributes } : { inputs: [run(x), fixed(s)], attributes: { ...attributes, output_dtype: to } }))
  // NaN becomes 0, which the formula does not say.
  .filter(({ inputs }) => Array.from(inputs[0]?.tensor.data as ArrayLike<number>, (x, i) => (inputs[0]?.tensor.dtype === 'float16' ? (Number((inputs[0].tensor.data as Uint16Array)[i]) & 0x7c00) !== 0x7c00 : Number.isFinite(x))).every(Boolean))

const dequantize = fc.tuple(floats, layout, fc.constantFrom(...QUANTIZED, ...FLOATS8, 'int32' as DType), fc.boolean()).chain(([dtype, { scale, attributes }, from, hasZero]) =>
  fc.tuple(arbitraryTensor(from, X_SHAPE, 'moderate'), scales(scale, dtype), arbitraryTensor(from, scale, 'moderate')).map(([x, s, zero]): Example => ({ inputs: [run(x), run(s), ...(hasZero && !from.startsWith('float') ? [run(zero)] : [])], attributes })))

const eights = fc.constantFrom<DType>('int8', 'uint8')
const size = fc.integer({ min: 0, max: 7 })
const matMulInteger = fc.tuple(eights, eights, size, size, size, fc.constantFrom('none', 'one', 'each')).chain(([a, b, rows, depth, columns, zeros]) =>
  fc.tuple(arbitraryTensor(a, [rows, depth]), arbitraryTensor(b, [depth, columns]), arbitraryTensor(a, zeros === 'each' ? [rows] : []), arbitraryTensor(b, zeros === 'each' ? [columns] : [])).map(([x, y, zx, zy]): Example =>
    ({ inputs: [run(x), run(y), ...(zeros === 'none' ? [] : [run(zx), fixed(zy)])] })))

const qLinearMatMul = fc.tuple(eights, eights, eights, fc.constantFrom<DType>('float32', 'float16'), fc.boolean(), fc.tuple(size, size, size)).chain(([a, b, to, dtype, each, [rows, depth, columns]]) =>
  fc.tuple(arbitraryTensor(a, [rows, depth]), scales(each ? [rows] : [], dtype), arbitraryTensor(a, each ? [rows] : []), arbitraryTensor(b, [depth, columns]), scales(each ? [columns] : [], dtype), arbitraryTensor(b, each ? [columns] : []), scales([], dtype), arbitraryTensor(to, []))
    .map((inputs): Example => ({ inputs: inputs.map(run) })))

const weightMatMul = fc.tuple(fc.constantFrom<DType>('float16', 'bfloat16', 'int8', 'uint8'), fc.boolean(), fc.boolean(), fc.constantFrom<readonly number[]>([], [2], [2, 3]), fc.tuple(size, size, size), fc.boolean()).chain(([dtype, transposed, each, stack, [rows, depth, columns], constant]) => {
  const isBytes = dtype === 'int8' || dtype === 'uint8'
  const shape = each ? [columns] : []
  return fc.tuple(arbitraryTensor('float32', [...stack, rows, depth], 'moderate'), arbitraryTensor(dtype, transposed ? [columns, depth] : [depth, columns], 'moderate'), scales(shape, 'float32'), arbitraryTensor(isBytes ? dtype : 'int8', shape)).map(([a, w, scale, zero]): Example =>
    ({ inputs: [run(a), ...[w, ...(isBytes ? [scale, zero] : [])].map(constant ? fixed : run)], attributes: transposed ? { transB: 1 } : {} }))
})

const lossOf = (outputs: fc.Arbitrary<number>): fc.Arbitrary<Example> => fc.tuple(fc.constantFrom<DType>('float32', 'float64', 'float16'), fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 0, maxLength: 2 }), fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 5 }), fc.record({ reduction: fc.constantFrom('mean', 'sum', 'none', undefined), ignore: fc.constantFrom(undefined, 0, -1, 100) }), fc.boolean(), fc.constantFrom<DType>('int32', 'int64'), outputs)
  .chain(([dtype, places, batch, classes, { reduction, ignore }, weighted, index, outputCount]) => {
    const labels = [batch, ...places]
    const total = labels.reduce((product, dim) => product * dim, 1)
    return fc.tuple(arbitraryTensor(dtype, [batch, classes, ...places], 'coarse'), fc.array(fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: classes - 1 }) }, { weight: ignore === undefined ? 0 : 1, arbitrary: fc.constant(ignore ?? 0) }), { minLength: total, maxLength: total }), arbitraryTensor(dtype, [classes], 'positive'))
      .filter(([, , w]) => w.data.length > 0).map(([x, chosen, w]): Example => {
        // An ignored index beyond the classes is fine, others are refused.
        const legal = chosen.map((label) => (label < classes || label === ignore ? label : 0))
        return { inputs: [run(x), run(tensor(index === 'int64' ? BigInt64Array.from(legal, BigInt) : Int32Array.from(legal), labels)), ...(weighted ? [run(w)] : [])], attributes: given({ reduction, ignore_index: ignore }), outputs: outputCount }
      })
  })

const dft = fc.tuple(floats, fc.constantFrom([1, 6, 2], [2, 5, 1], [1, 3, 4, 1], [2, 1, 2], [3, 8, 2], [0, 3, 1], [1, 7, 2]), fc.record({ inverse: fc.constantFrom(0, 1), onesided: fc.constantFrom(0, 1) }), fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }), fc.boolean()).chain(([dtype, shape, attributes, length, hasAxis]) =>
  arbitraryTensor(dtype, shape, 'coarse').filter((x) => Array.from(x.data as ArrayLike<number>).every((value) => (dtype === 'float16' ? (value & 0x7c00) !== 0x7c00 : Number.isFinite(value)))).map((x): Example => ({ inputs: [run(x), length === undefined ? undefined : run(count(length)), ...(hasAxis ? [fixed(count(shape.length === 4 ? 1 : -2))] : [])], attributes })))
  .filter(({ inputs, attributes }) => inputs[1] !== undefined || attributes?.inverse !== 1 || attributes.onesided !== 1 || Number(inputs[0]?.tensor.shape.at(-2)) > 1)

const stft = fc.tuple(fc.constantFrom<DType>('float32', 'float64'), fc.constantFrom([1, 12, 1], [2, 9, 2]), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 8 }), fc.constantFrom('window', 'length', 'both'), fc.constantFrom(0, 1)).chain(([dtype, shape, step, frame, form, onesided]) =>
  fc.tuple(arbitraryTensor(dtype, shape, 'positive'), arbitraryTensor(dtype, [frame], 'positive')).map(([x, w]): Example => ({ inputs: [run(x), run(count(step)), form === 'length' ? undefined : run(w), ...(form === 'window' ? [] : [run(count(frame))])], attributes: { onesided } })))

const window = fc.record({ length: fc.integer({ min: 2, max: 20 }), periodic: fc.constantFrom(0, 1), dtype: fc.constantFrom(undefined, 'float64', 'float16') }).map(({ length, periodic, dtype }): Example => ({ inputs: [run(count(length))], attributes: given({ periodic, output_datatype: dtype }) }))

export const networkCases: readonly (readonly [string, fc.Arbitrary<Example>])[] = [
  ['QuantizeLinear', quantize],
  ['DequantizeLinear', dequantize],
  ['mle.WeightMatMul', weightMatMul],
  ['MatMulInteger', matMulInteger],
  ['QLinearMatMul', qLinearMatMul],
  ['NegativeLogLikelihoodLoss', lossOf(fc.constant(1))],
  ['SoftmaxCrossEntropyLoss', lossOf(fc.constantFrom(1, 2))],
  ['DFT', dft],
  ['STFT', stft],
  ['HannWindow', window],
  ['HammingWindow', window],
  ['BlackmanWindow', window],
]
