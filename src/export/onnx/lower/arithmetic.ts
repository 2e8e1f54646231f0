// Functions of elements that ONNX does not have by name, and operators that only check or look up.
import type { Lower, Lowering } from '../context.ts'
import type { DType } from '../../../tensor/index.ts'

const output = ({ node }: Lowering): string => node.outputs[0]

/** ln(1 + x) = x ln(u) / (u - 1) with u = 1 + x, x itself where u is 1: the error of u cancels (W. Kahan). */
export function log1p({ add, scalar }: Lowering, x: string, dtype: DType, out?: string): string {
  const one = scalar(1, dtype)
  const u = add('Add', [x, one])
  const isOne = add('Equal', [u, one])
  const bottom = add('Where', [isOne, one, add('Sub', [u, one])])
  // Above every finite ratio: the quotient would be infinity by infinity.
  const ratio = add('Where', [add('IsInf', [u]), one, add('Div', [x, bottom])])
  return add('Where', [isOne, x, add('Mul', [add('Log', [u]), ratio])], {}, out)
}

/** e^x - 1 = (u - 1) x / ln(u) with u = e^x; x where u is 1, -1 where u - 1 is, u where it is infinite. */
export function expm1({ add, scalar }: Lowering, x: string, dtype: DType, out?: string): string {
  const one = scalar(1, dtype)
  const u = add('Exp', [x])
  const isOne = add('Equal', [u, one])
  const less = add('Sub', [u, one])
  const isPlain = add('Or', [add('Equal', [less, scalar(-1, dtype)]), add('IsInf', [u])])
  const bottom = add('Where', [add('Or', [isOne, isPlain]), one, add('Log', [add('Where', [add('Or', [isOne, isPlain]), one, u])])])
  const exact = add('Mul', [less, add('Div', [x, bottom])])
  return add('Where', [isOne, x, add('Where', [isPlain, less, exact])], {}, out)
}

const logExpit: Lower = (lowering) => {
  const { add, inputs } = lowering
  add('Neg', [add('Softplus', [add('Neg', [inputs[0]])])], {}, output(lowering))
}

const normalCdf: Lower = (lowering) => {
  const { add, scalar, inputs, type, note } = lowering
  const { dtype } = type(0)
  note('mle.NormalCdf is computed with Erf: far below the mean it keeps fewer digits')
  const erf = add('Erf', [add('Mul', [inputs[0], scalar(Math.SQRT1_2, dtype)])])
  add('Mul', [add('Add', [erf, scalar(1, dtype)]), scalar(0.5, dtype)], {}, output(lowering))
}

const xLogY: Lower = (lowering) => {
  const { add, scalar, inputs: [a, b], type } = lowering
  const zero = scalar(0, type(0).dtype)
  const isZero = add('And', [add('Equal', [a, zero]), add('Not', [add('IsNaN', [b])])])
  add('Where', [isZero, zero, add('Mul', [a, add('Log', [b])])], {}, output(lowering))
}

/** Positions outside the list are an error in both; ONNX counts negative ones from the end. */
const labelLookup: Lower = (lowering) => {
  const { add, inputs: [index, classes], type } = lowering
  add('Gather', [classes, type(0).dtype === 'int64' ? index : add('Cast', [index], { to: 'int64' })], { axis: 0 }, output(lowering))
}

const require: Lower = (lowering) => {
  const { add, inputs, note } = lowering
  note('mle.Require is left out: ONNX has no operator that refuses a value')
  add('Identity', [inputs[0]], {}, output(lowering))
}

export const arithmeticLowerings: readonly (readonly [string, Lower])[] = [
  ['mle.Log1p', (lowering) => void log1p(lowering, lowering.inputs[0], lowering.type(0).dtype, output(lowering))],
  ['mle.Expm1', (lowering) => void expm1(lowering, lowering.inputs[0], lowering.type(0).dtype, output(lowering))],
  ['mle.LogExpit', logExpit],
  ['mle.NormalCdf', normalCdf],
  ['mle.XLogY', xLogY],
  ['mle.LabelLookup', labelLookup],
  ['mle.Require', require],
]
