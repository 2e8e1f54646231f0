// Power transforms, lines through points, quantile maps and spline bases. Tables of knots become constants; a place among them is the count of
// knots at or below x.
import { normalQuantile as quantile } from '../../../math/index.ts'
import { int, text } from '../../../ops/attributes.ts'
import { tensor, type Tensor } from '../../../tensor/index.ts'
import type { Lower, Lowering } from '../context.ts'
import { expm1, log1p } from './arithmetic.ts'

const EPSILON = 2.220446049250313e-16

const row = (values: readonly number[]): Tensor => tensor(Float64Array.from(values))
const flags = (values: readonly boolean[]): Tensor => tensor(Uint8Array.from(values, Number), [values.length], 'bool')

/** `a` where a feature's flag is set, else `b`; features that all agree need no choice. */
function byFeature({ add, value }: Lowering, isA: readonly boolean[], a: () => string, b: () => string): string {
  if (isA.every(Boolean)) return a()
  if (!isA.some(Boolean)) return b()
  return add('Where', [value(flags(isA)), a(), b()])
}

/** ln(1 + x) or the power of 1 + x that stands for it: one side of Yeo and Johnson's transform. */
function yeoJohnsonSide(lowering: Lowering, x: string, lambdas: readonly number[], throughExpm1: boolean): string {
  const { add, scalar, value } = lowering
  const isLog = lambdas.map((lambda) => Math.abs(lambda) < EPSILON)
  const powers = value(row(lambdas.map((lambda, f) => (isLog[f] ? 1 : lambda))))
  return byFeature(lowering, isLog, () => log1p(lowering, x, 'float64'), () => {
    const top = throughExpm1 ? expm1(lowering, add('Mul', [powers, log1p(lowering, x, 'float64')]), 'float64') : add('Sub', [add('Pow', [add('Add', [x, scalar(1)]), powers]), scalar(1)])
    return add('Div', [top, powers])
  })
}

function yeoJohnsonInverseSide(lowering: Lowering, x: string, lambdas: readonly number[]): string {
  const { add, scalar, value } = lowering
  const isLog = lambdas.map((lambda) => Math.abs(lambda) < EPSILON)
  const safe = lambdas.map((lambda, f) => (isLog[f] ? 1 : lambda))
  return byFeature(lowering, isLog, () => add('Sub', [add('Exp', [x]), scalar(1)]), () => {
    const base = add('Add', [add('Mul', [x, value(row(safe))]), scalar(1)])
    return add('Sub', [add('Pow', [base, value(row(safe.map((lambda) => 1 / lambda)))]), scalar(1)])
  })
}

/** Yeo and Johnson's transform of negative numbers is that of their opposites with 2 - lambda, negated. */
function bothSides({ add, scalar, node }: Lowering, x: string, side: (x: string, isUpper: boolean) => string): void {
  const upper = side(x, true)
  const lower = add('Neg', [side(add('Neg', [x]), false)])
  add('Where', [add('GreaterOrEqual', [x, scalar(0)]), upper, lower], {}, node.outputs[0])
}

const powerTransform: Lower = (lowering) => {
  const { node, inputs: [x], constant, add, scalar, value, note, refuse } = lowering
  const lambdas = Array.from(constant(1, 'lambdas').data as Float64Array)
  const mirrored = lambdas.map((lambda) => 2 - lambda)
  const form = text(node.attributes, 'form', '')
  if (form === 'yeo-johnson' || form === 'yeo-johnson-expm1') {
    bothSides(lowering, x, (side, isUpper) => yeoJohnsonSide(lowering, side, isUpper ? lambdas : mirrored, form === 'yeo-johnson-expm1'))
  } else if (form === 'yeo-johnson-inverse') {
    bothSides(lowering, x, (side, isUpper) => yeoJohnsonInverseSide(lowering, side, isUpper ? lambdas : mirrored))
  } else if (form === 'box-cox') {
    note('Box-Cox refuses numbers that are not positive; here they give NaN or infinity')
    const isLog = lambdas.map((lambda) => Math.abs(lambda) < 1e-19)
    const powers = value(row(lambdas.map((lambda, f) => (isLog[f] ? 1 : lambda))))
    const log = add('Log', [x])
    add('Identity', [byFeature(lowering, isLog, () => log, () => add('Div', [expm1(lowering, add('Mul', [powers, log]), 'float64'), powers]))], {}, node.outputs[0])
  } else if (form === 'box-cox-inverse') {
    const isLog = lambdas.map((lambda) => lambda === 0)
    const safe = lambdas.map((lambda, f) => (isLog[f] ? 1 : lambda))
    const power = (): string => add('Pow', [add('Add', [add('Mul', [x, value(row(safe))]), scalar(1)]), value(row(safe.map((lambda) => 1 / lambda)))])
    add('Identity', [byFeature(lowering, isLog, () => add('Exp', [x]), power)], {}, node.outputs[0])
  } else refuse(`its form ${JSON.stringify(form)} is not known`)
}

/** Straight lines through the points of each column: knots [count, columns] ascending. */
interface Lines {
  readonly count: number
  readonly columns: number
  readonly knots: Float64Array
  readonly values: Float64Array
}

/** What lies on the lines at x [..., columns]; the first and last value outside, as numpy's interp. */
function onLines(lowering: Lowering, x: string, { count, columns, knots, values }: Lines): string {
  const { add, scalar, int64s, value } = lowering
  const slopes = new Float64Array(knots.length)
  for (let i = 0; i + columns < knots.length; i++) slopes[i] = (values[i + columns] - values[i]) / (knots[i + columns] - knots[i])
  const table = (data: Float64Array): string => value(tensor(data))
  const list = (data: Float64Array): string => value(tensor(data, [count, columns]))
  const reached = add('GreaterOrEqual', [add('Unsqueeze', [x, int64s(-2)]), list(knots)])
  const below = add('ReduceSum', [add('Cast', [reached], { to: 'int64' }), int64s(-2)], { keepdims: 0 })
  // Place in the flat tables of the knot at or below x, the last line for what lies beyond.
  const place = add('Clip', [add('Sub', [below, scalar(1, 'int64')]), scalar(0, 'int64'), scalar(Math.max(0, count - 2), 'int64')])
  const flat = add('Add', [add('Mul', [place, scalar(columns, 'int64')]), value(tensor(BigInt64Array.from({ length: columns }, (_, f) => BigInt(f))))])
  const at = (data: Float64Array): string => add('Gather', [table(data), flat], { axis: 0 })
  const [knot, first] = [at(knots), at(values)]
  const slope = at(slopes)
  let y = add('Add', [add('Mul', [slope, add('Sub', [x, knot])]), first])
  if (!knots.every(Number.isFinite)) {
    // Where one end is infinite the line is taken from the other.
    const shifted = (data: Float64Array): Float64Array => Float64Array.from(data, (_, i) => data[Math.min(i + columns, data.length - columns + (i % columns))])
    const last = at(shifted(values))
    const other = add('Add', [add('Mul', [slope, add('Sub', [x, at(shifted(knots))])]), last])
    const isFlat = add('And', [add('IsNaN', [other]), add('Equal', [first, last])])
    y = add('Where', [add('IsNaN', [y]), add('Where', [isFlat, first, other]), y])
  }
  const edge = (data: Float64Array, i: number): string => value(tensor(data.slice(i * columns, (i + 1) * columns)))
  y = add('Where', [add('Equal', [x, knot]), first, y])
  y = add('Where', [add('GreaterOrEqual', [x, edge(knots, count - 1)]), edge(values, count - 1), y])
  y = add('Where', [add('Less', [x, edge(knots, 0)]), edge(values, 0), y])
  return add('Where', [add('IsNaN', [x]), x, y])
}

const interpolate: Lower = (lowering) => {
  const { node, inputs: [x], constant, add, scalar, int64s, note } = lowering
  const knots = constant(1, 'knots').data as Float64Array
  const values = constant(2, 'values').data as Float64Array
  const count = knots.length
  const column = add('Unsqueeze', [x, int64s(-1)])
  const y = add('Squeeze', [onLines(lowering, column, { count, columns: 1, knots, values }), int64s(-1)])
  const outside = text(node.attributes, 'outside', 'clip')
  if (outside === 'clip') {
    add('Identity', [y], {}, node.outputs[0])
    return
  }
  if (outside === 'error') note('mle.Interpolate refuses numbers outside its knots; here they give NaN')
  const isOutside = add('Or', [add('Less', [x, scalar(knots[0])]), add('Greater', [x, scalar(knots[count - 1])])])
  add('Where', [isOutside, scalar(NaN), y], {}, node.outputs[0])
}

/** Coefficients of Wichura's AS 241 (PPND16), highest power first. */
const CENTRAL = [
  [2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457, 13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608],
  [5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867, 5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1],
] as const
const TAIL = [
  [7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258, 3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734],
  [1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459, 0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1],
] as const
const FAR_TAIL = [
  [2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093, 0.29656057182849489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772],
  [2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4, 0.0148753612908512648125, 0.13692988092273580531, 0.59983220655588793769, 1],
] as const

function polynomial({ add, scalar }: Lowering, r: string, [top, ...rest]: readonly number[], dtype: 'float32' | 'float64'): string {
  return rest.reduce((sum, coefficient) => add('Add', [add('Mul', [sum, r]), scalar(coefficient, dtype)]), scalar(top, dtype))
}

/** The standard normal quantile of p in (0, 1), infinite at both ends. */
function normalQuantile(lowering: Lowering, p: string, dtype: 'float32' | 'float64', out?: string): string {
  const { add, scalar } = lowering
  const number = (value: number): string => scalar(value, dtype)
  const ratio = (r: string, [top, bottom]: readonly (readonly number[])[]): string => add('Div', [polynomial(lowering, r, top, dtype), polynomial(lowering, r, bottom, dtype)])
  const q = add('Sub', [p, number(0.5)])
  const central = add('Mul', [q, ratio(add('Sub', [number(0.180625), add('Mul', [q, q])]), CENTRAL)])
  const isLow = add('Less', [q, number(0)])
  const tail = add('Where', [isLow, p, add('Sub', [number(1), p])])
  const root = add('Sqrt', [add('Neg', [add('Log', [tail])])])
  const near = ratio(add('Sub', [root, number(1.6)]), TAIL)
  const far = ratio(add('Sub', [root, number(5)]), FAR_TAIL)
  const size = add('Where', [add('LessOrEqual', [root, number(5)]), near, far])
  const isEnd = add('Equal', [tail, number(0)])
  const outer = add('Where', [isEnd, number(Infinity), size])
  const signed = add('Where', [isLow, add('Neg', [outer]), outer])
  return add('Where', [add('LessOrEqual', [add('Abs', [q]), number(0.425)]), central, signed], {}, out)
}

const quantileOfElements: Lower = (lowering) => {
  const { node, inputs, type, add } = lowering
  const { dtype } = type(0)
  if (dtype === 'float32' || dtype === 'float64') normalQuantile(lowering, inputs[0], dtype, node.outputs[0])
  else add('Cast', [normalQuantile(lowering, add('Cast', [inputs[0]], { to: 'float32' }), 'float32')], { to: dtype }, node.outputs[0])
}

const BOUND = 1e-7

const quantileMap: Lower = (lowering) => {
  const { node, inputs: [x], constant, add, scalar, value, refuse } = lowering
  const quantiles = constant(1, 'quantiles')
  const references = constant(2, 'references').data as Float64Array
  const [count, columns] = quantiles.shape
  if (int(node.attributes, 'inverse', 0) === 1) refuse('its inverse has no lowering yet')
  const isNormal = text(node.attributes, 'output', 'uniform') === 'normal'
  const knots = quantiles.data as Float64Array
  const values = Float64Array.from(knots, (_, i) => references[Math.floor(i / columns)])
  const mirrored = (data: Float64Array): Float64Array => Float64Array.from(data, (_, i) => -data[(count - 1 - Math.floor(i / columns)) * columns + (i % columns)])
  const up = onLines(lowering, x, { count, columns, knots, values })
  const down = onLines(lowering, add('Neg', [x]), { count, columns, knots: mirrored(knots), values: mirrored(values) })
  const edge = (i: number): string => value(tensor(knots.slice(i * columns, (i + 1) * columns)))
  let y = add('Mul', [add('Sub', [up, down]), scalar(0.5)])
  const [low, high] = [edge(0), edge(count - 1)]
  const isHigh = isNormal ? add('Greater', [add('Add', [x, scalar(BOUND)]), high]) : add('Equal', [x, high])
  const isLow = isNormal ? add('Less', [add('Sub', [x, scalar(BOUND)]), low]) : add('Equal', [x, low])
  y = add('Where', [isLow, scalar(0), add('Where', [isHigh, scalar(1), y])])
  if (isNormal) y = add('Clip', [normalQuantile(lowering, y, 'float64'), scalar(quantile(BOUND - EPSILON)), scalar(quantile(1 - (BOUND - EPSILON)))])
  add('Where', [add('IsNaN', [x]), x, y], {}, node.outputs[0])
}

/** The recurrence of Cox and de Boor with a table of knots: the interval of each element first, then its degree + 1 values. */
const bsplineBasis: Lower = (lowering) => {
  const { node, inputs, constant, add, scalar, int64s, value, note } = lowering
  const degree = int(node.attributes, 'degree', 3)
  const columns = int(node.attributes, 'columns', 1)
  const outside = text(node.attributes, 'outside', 'continue')
  const { shape: [features, count], data } = constant(1, 'knots')
  const knots = data as Float64Array
  if (outside === 'error') note('mle.BSplineBasis refuses numbers outside its knots; here the splines go on')
  const perFeature = (of: (f: number) => number): string => value(tensor(Float64Array.from({ length: features }, (_, f) => of(f))))
  const whole = (number: number): string => scalar(number, 'int64')
  let [x] = inputs
  if (outside === 'periodic') {
    const first = perFeature((f) => knots[f * count + degree])
    const period = perFeature((f) => knots[f * count + count - degree - 1] - knots[f * count + degree])
    const rest = add('Mod', [add('Sub', [x, first]), period], { fmod: 1 })
    x = add('Add', [first, add('Where', [add('Less', [rest, scalar(0)]), add('Add', [rest, period]), rest])])
  }
  // Inner knots alone decide the interval.
  const inner = count - 2 * degree - 2
  const table = new Float64Array(inner * features)
  for (let f = 0; f < features; f++) for (let i = 0; i < inner; i++) table[i * features + f] = knots[f * count + degree + 1 + i]
  const reached = add('Cast', [add('GreaterOrEqual', [add('Unsqueeze', [x, int64s(1)]), value(tensor(table, [inner, features]))])], { to: 'int64' })
  const interval = add('Add', [add('ReduceSum', [reached, int64s(1)], { keepdims: 0 }), whole(degree)])
  const starts = value(tensor(BigInt64Array.from({ length: features }, (_, f) => BigInt(f * count))))
  const flat = value(tensor(knots))
  const knot = (shift: number): string => add('Gather', [flat, add('Add', [add('Add', [interval, starts]), whole(shift)])], { axis: 0 })
  let values = [add('Add', [add('Mul', [x, scalar(0)]), scalar(1)])]
  const left: string[] = ['']
  const right: string[] = ['']
  for (let j = 1; j <= degree; j++) {
    left.push(add('Sub', [x, knot(1 - j)]))
    right.push(add('Sub', [knot(j), x]))
    let saved = ''
    const next: string[] = []
    for (let r = 0; r < j; r++) {
      const part = add('Div', [values[r], add('Add', [right[r + 1], left[j - r]])])
      const upper = add('Mul', [right[r + 1], part])
      next.push(saved === '' ? upper : add('Add', [saved, upper]))
      saved = add('Mul', [left[j - r], part])
    }
    values = [...next, saved]
  }
  const places = value(tensor(BigInt64Array.from({ length: columns }, (_, c) => BigInt(c))))
  const spread = values.map((one, j) => {
    const column = add('Mod', [add('Add', [interval, whole(j - degree)]), whole(columns)])
    return add('Where', [add('Equal', [add('Unsqueeze', [column, int64s(2)]), places]), add('Unsqueeze', [one, int64s(2)]), scalar(0)])
  })
  const total = spread.reduce((sum, one) => add('Add', [sum, one]))
  // Beyond the ends: a line from there with the slope that the splines have.
  const beyond = (end: number, values: number, slopes: number, isOutside: 'Less' | 'Greater', inner: string): string => {
    const distance = add('Unsqueeze', [add('Sub', [x, inputs[end]]), int64s(2)])
    const reshaped = (input: number): string => add('Reshape', [inputs[input], int64s(features, columns)])
    const line = add('Add', [reshaped(values), add('Mul', [distance, reshaped(slopes)])])
    return add('Where', [add('Unsqueeze', [add(isOutside, [x, inputs[end]]), int64s(2)]), line, inner])
  }
  const inside = outside === 'line' ? beyond(3, 6, 7, 'Greater', beyond(2, 4, 5, 'Less', total)) : total
  const known = add('Where', [add('Unsqueeze', [add('IsNaN', [x]), int64s(2)]), scalar(NaN), inside])
  add('Reshape', [known, int64s(0, features * columns)], {}, node.outputs[0])
}

export const interpolationLowerings: readonly (readonly [string, Lower])[] = [
  ['mle.PowerTransform', powerTransform],
  ['mle.Interpolate', interpolate],
  ['mle.NormalQuantile', quantileOfElements],
  ['mle.QuantileMap', quantileMap],
  ['mle.BSplineBasis', bsplineBasis],
]
