// Cases of the activations of networks and of arithmetic on bits, with their formulas.
import { normalCdf } from '../../src/math/index.ts'
import { float, text } from '../../src/ops/attributes.ts'
import { big, build, commonShape, needed, num, spread, type Formula, type Item } from '../../src/ops/formula/formula.ts'
import type { Attributes } from '../../src/ops/types.ts'
import type { DType } from '../../src/tensor/dtype.ts'
import type { Cases, OperatorCase } from './cases.ts'
import { tensorOf } from './grids.ts'
import { fill, integers } from './values.ts'

/** Each element of the inputs, broadcast together. */
const each = (f: (items: readonly Item[], attributes: Attributes) => Item): Formula => (inputs, attributes) => {
  const given = inputs.map(needed)
  return [build(given[0].dtype, commonShape(given.map(({ shape }) => shape)), (index) => f(given.map((grid) => spread(grid, index)), attributes))]
}

const one = (f: (x: number, attributes: Attributes) => number): Formula => each(([x], attributes) => f(num(x), attributes))
const sigmoid = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)))
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
const cut = (x: number): number => Math.max(0, Math.min(1, x))

/** x to the nearest float32: the default alpha and gamma of Selu are given so. */
const SELU = { alpha: 1.6732631921768188, gamma: 1.0507010221481323 }

export const activationFormulas: readonly (readonly [string, Formula])[] = [
  ['Elu', one((x, attributes) => (x < 0 ? float(attributes, 'alpha', 1) * Math.expm1(x) : x))],
  ['Celu', one((x, attributes) => (x < 0 ? float(attributes, 'alpha', 1) * Math.expm1(x / float(attributes, 'alpha', 1)) : x))],
  ['Selu', one((x, attributes) => float(attributes, 'gamma', SELU.gamma) * (x > 0 ? x : float(attributes, 'alpha', SELU.alpha) * Math.expm1(x)))],
  ['HardSigmoid', one((x, attributes) => cut(float(attributes, 'alpha', 0.2) * x + float(attributes, 'beta', 0.5)))],
  ['HardSwish', one((x) => x * cut(x / 6 + 0.5))],
  ['Gelu', one((x, attributes) => (text(attributes, 'approximate', 'none') === 'none' ? x * normalCdf(x) : 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)))))],
  ['Mish', one((x) => x * Math.tanh(softplus(x)))],
  ['Swish', one((x, attributes) => x * sigmoid(float(attributes, 'alpha', 1) * x))],
  ['Softsign', one((x) => x / (1 + Math.abs(x)))],
  ['ThresholdedRelu', one((x, attributes) => (x > float(attributes, 'alpha', 1) ? x : 0))],
  ['PRelu', each(([x, slope]) => (num(x) < 0 ? num(slope) * num(x) : x))],
  ['BitwiseAnd', each(([a, b]) => big(a) & big(b))],
  ['BitwiseOr', each(([a, b]) => big(a) | big(b))],
  ['BitwiseXor', each(([a, b]) => big(a) ^ big(b))],
  ['BitwiseNot', each(([a]) => ~big(a))],
  ['BitShift', each(([a, b], attributes) => (text(attributes, 'direction', '') === 'LEFT' ? big(a) << big(b) : big(a) >> big(b)))],
]

/** Where activations bend, and where they are flat. Sums of almost equal terms are left out: their bound is one of a few ulps. */
const BENDS = [0, -0, NaN, Infinity, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 2.5, -2.5, 1.5, -1.5, 6, 10, 20]
const FLOATS: readonly DType[] = ['float32', 'float64', 'float16', 'bfloat16']

/** `open`: values whose result no definition settles. */
function activation(key: string, others: Readonly<Record<string, OperatorCase['attributes']>> = {}, open: readonly number[] = []): [string, OperatorCase[]] {
  const items = BENDS.filter((x) => !open.some((one) => Object.is(one, x)))
  const values = (dtype: DType): OperatorCase['inputs'] => [tensorOf(dtype, [items.length], items)]
  return [key, [
    ...FLOATS.map((dtype): OperatorCase => ({ name: dtype, inputs: values(dtype) })),
    { name: 'empty', inputs: [fill('float32', [0, 3])] },
    ...Object.entries(others).map(([name, attributes]): OperatorCase => ({ name, inputs: values('float64'), attributes })),
  ]]
}

const WHOLE: readonly DType[] = ['int32', 'int64', 'uint8', 'uint64']
const bitwise = (key: string): [string, OperatorCase[]] => [key, [
  ...WHOLE.map((dtype): OperatorCase => ({ name: dtype, inputs: [integers(dtype), fill(dtype, [13], 'moderate', 4)] })),
  { name: 'broadcast', inputs: [fill('int32', [2, 1]), fill('int32', [3], 'moderate', 2)] },
]]

export const activationCases: Cases = [
  activation('Elu', { alpha: { alpha: 0.5 } }), activation('Celu', { alpha: { alpha: 2 } }), activation('Selu', { both: { alpha: 2, gamma: 0.5 } }), activation('HardSigmoid', { both: { alpha: 0.25, beta: 0.75 } }),
  activation('HardSwish'), activation('Gelu'), activation('Mish'), activation('Swish', { alpha: { alpha: 2 } }), activation('Softsign', {}, [Infinity]), activation('ThresholdedRelu', { alpha: { alpha: 2 } }, [NaN]),
  ['PRelu', [...FLOATS.map((dtype): OperatorCase => ({ name: dtype, inputs: [tensorOf(dtype, [BENDS.length], BENDS), tensorOf(dtype, [1], [0.25])] })), { name: 'channels', inputs: [fill('float32', [2, 3, 2]), fill('float32', [3, 1], 'moderate', 2)] }]],
  ...['BitwiseAnd', 'BitwiseOr', 'BitwiseXor'].map(bitwise),
  ['BitwiseNot', WHOLE.map((dtype): OperatorCase => ({ name: dtype, inputs: [integers(dtype)] }))],
  ['BitShift', ['LEFT', 'RIGHT'].map((direction): OperatorCase => ({ name: direction.toLowerCase(), inputs: [integers('uint8'), fill('uint8', [13], 'moderate', 6)], attributes: { direction } }))],
]
