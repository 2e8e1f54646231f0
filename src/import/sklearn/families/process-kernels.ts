// Kernels of Gaussian processes between rows of data and training rows, and of each row with itself.
import type { ValueName } from '../../../graph/builder.ts'
import { MleError } from '../../../error.ts'
import { gamma, pow } from '../../../math/index.ts'
import { asDict, asFloat64, asList, asNumber, attribute, describe, isNumericNdArray, isPyObject, numberAttribute, placeOf, type PyObject, type PyValue } from '../../pickle/index.ts'
import { affine, float64Constant, once, scalar, sumColumns, withScalar } from '../emit.ts'
import { unsupported } from '../params.ts'
import type { SklearnContext } from '../types.ts'
import { distancesTo, normalizedInput, pairwiseKernel, type Rows } from './kernels.ts'

/** A value per element, or one number for all of them. */
export type Form = ValueName | number

/** The depth of kernels of kernels. */
const MAX_DEPTH = 100
const PI = 3.141592653589793

export interface ProcessKernel {
  /** k(x, training), [batch, rows]. */
  readonly cross: () => Form
  /** k(x, x), [batch, 1]. */
  readonly diagonal: () => Form
}

function combine(context: SklearnContext, op: 'Add' | 'Mul', a: Form, b: Form): Form {
  if (typeof a === 'number' && typeof b === 'number') return op === 'Add' ? a + b : a * b
  if (typeof a === 'number') return combine(context, op, b, a)
  return typeof b === 'number' ? withScalar(context, op, a, b) : context.builder.add(op, [a, b])
}

function lengthScales(kernel: PyObject, width: number): Float64Array {
  const where = placeOf(kernel, 'length_scale')
  const value = attribute(kernel, 'length_scale')
  const scales = isNumericNdArray(value) && value.shape.length > 0 ? asFloat64(value) : Array.isArray(value) ? Float64Array.from(asList(value, where), (one) => asNumber(one, where)) : Float64Array.of(asNumber(value, where))
  if (scales.length !== 1 && scales.length !== width) throw unsupported(kernel, `length_scale has ${scales.length} elements for ${width} features`)
  return scales
}

/** Distances of x and training rows, both divided by the length scales. */
function scaledDistances(context: SklearnContext, kernel: PyObject, x: ValueName, rows: Rows, metric: 'euclidean' | 'sqeuclidean'): ValueName {
  const scales = lengthScales(kernel, rows.width)
  const scaled = context.builder.add('Div', [x, float64Constant(context, scales, [1, scales.length])])
  const data = rows.data.map((one, i) => one / scales[scales.length === 1 ? 0 : i % rows.width])
  return distancesTo(context, scaled, { ...rows, data }, metric)
}

function matern(context: SklearnContext, kernel: PyObject, x: ValueName, rows: Rows): ValueName {
  const { builder } = context
  const nu = numberAttribute(kernel, 'nu')
  const one = scalar(context, 1)
  const decay = (value: ValueName): ValueName => builder.add('Exp', [builder.add('Neg', [value])])
  if (nu === Infinity) return builder.add('Exp', [withScalar(context, 'Mul', scaledDistances(context, kernel, x, rows, 'sqeuclidean'), -0.5)])
  const distance = scaledDistances(context, kernel, x, rows, 'euclidean')
  if (nu === 0.5) return decay(distance)
  if (nu === 1.5) {
    const d = withScalar(context, 'Mul', distance, Math.sqrt(3))
    return builder.add('Mul', [builder.add('Add', [one, d]), decay(d)])
  }
  if (nu === 2.5) {
    const d = withScalar(context, 'Mul', distance, Math.sqrt(5))
    const sum = builder.add('Add', [builder.add('Add', [one, d]), withScalar(context, 'Div', builder.add('Mul', [d, d]), 3)])
    return builder.add('Mul', [sum, decay(d)])
  }
  if (!(nu > 0 && nu <= 170)) throw unsupported(kernel, `nu=${nu} is not supported`)
  // A distance of 0 counts as the smallest step above 0, as Bessel's function is infinite there.
  const shifted = builder.add('Where', [withScalar(context, 'Equal', distance, 0), scalar(context, 2.220446049250313e-16), distance])
  const d = withScalar(context, 'Mul', shifted, Math.sqrt(2 * nu))
  const scaled = withScalar(context, 'Mul', withScalar(context, 'Pow', d, nu), pow(2, 1 - nu) / gamma(nu))
  return builder.add('Mul', [scaled, builder.add('mle.BesselK', [d], { nu })])
}

/** k(x, x) of a kernel of sklearn.metrics.pairwise. */
function pairwiseDiagonal(context: SklearnContext, kernel: PyObject, metric: PyValue | undefined, x: ValueName, settings: { gamma: number; coef0: number; degree: number }): Form {
  const { builder } = context
  const squares = (value: ValueName): ValueName => sumColumns(context, builder.add('Mul', [value, value]), true)
  const scaled = (): ValueName => withScalar(context, 'Add', withScalar(context, 'Mul', squares(x), settings.gamma), settings.coef0)
  switch (metric) {
    case 'linear': return squares(x)
    case 'cosine': return squares(normalizedInput(context, x))
    case 'rbf': case 'laplacian': case 'chi2': return 1
    case 'additive_chi2': return 0
    case 'sigmoid': return builder.add('Tanh', [scaled()])
    case 'poly': case 'polynomial': return withScalar(context, 'Pow', scaled(), settings.degree)
    default: throw unsupported(kernel, `metric=${describe(metric)} is not supported`)
  }
}

/** A fitted kernel between x [batch, width] and training rows. Throws SKLEARN_UNSUPPORTED for kernels that are not known. */
export function processKernel(context: SklearnContext, value: PyValue | undefined, where: string, x: ValueName, rows: Rows): ProcessKernel {
  // A kernel that stands in several places is built once, so that a file cannot make the work double at every level.
  const known = new Map<PyValue, ProcessKernel>()
  const build = (one: PyValue | undefined, place: string, depth: number): ProcessKernel => {
    const found = one === undefined ? undefined : known.get(one)
    if (found !== undefined || one === undefined) return found ?? kernelOf(context, one, place, x, rows, depth, build)
    const { cross, diagonal } = kernelOf(context, one, place, x, rows, depth, build)
    const made = { cross: once(cross), diagonal: once(diagonal) }
    known.set(one, made)
    return made
  }
  return build(value, where, 0)
}

type Build = (value: PyValue | undefined, where: string, depth: number) => ProcessKernel

function kernelOf(context: SklearnContext, value: PyValue | undefined, where: string, x: ValueName, rows: Rows, depth: number, build: Build): ProcessKernel {
  const { builder } = context
  if (!isPyObject(value)) throw new MleError('SKLEARN_VALUE', `${where} is ${describe(value)}, expected a kernel`, { section: where })
  const kernel = value
  if (depth > MAX_DEPTH) throw unsupported(kernel, `kernels are nested deeper than ${MAX_DEPTH}`)
  const inner = (name: string): ProcessKernel => build(attribute(kernel, name), placeOf(kernel, name), depth + 1)
  switch (kernel.name) {
    case 'Sum': case 'Product': {
      const op = kernel.name === 'Sum' ? 'Add' : 'Mul'
      const [a, b] = [inner('k1'), inner('k2')]
      return { cross: () => combine(context, op, a.cross(), b.cross()), diagonal: () => combine(context, op, a.diagonal(), b.diagonal()) }
    }
    case 'Exponentiation': {
      const exponent = numberAttribute(kernel, 'exponent')
      const base = inner('kernel')
      const raise = (form: Form): Form => (typeof form === 'number' ? pow(form, exponent) : withScalar(context, 'Pow', form, exponent))
      return { cross: () => raise(base.cross()), diagonal: () => raise(base.diagonal()) }
    }
    case 'ConstantKernel': {
      const constant = numberAttribute(kernel, 'constant_value')
      return { cross: () => constant, diagonal: () => constant }
    }
    // Noise is independent of row to row, so that it counts on the diagonal only.
    case 'WhiteKernel': return { cross: () => 0, diagonal: () => numberAttribute(kernel, 'noise_level') }
    case 'RBF': return { cross: () => builder.add('Exp', [withScalar(context, 'Mul', scaledDistances(context, kernel, x, rows, 'sqeuclidean'), -0.5)]), diagonal: () => 1 }
    case 'Matern': return { cross: () => matern(context, kernel, x, rows), diagonal: () => 1 }
    case 'RationalQuadratic': {
      const alpha = numberAttribute(kernel, 'alpha')
      const [scale] = lengthScales(kernel, 1)
      const cross = (): ValueName => {
        const ratio = withScalar(context, 'Div', distancesTo(context, x, rows, 'sqeuclidean'), 2 * alpha * scale * scale)
        return withScalar(context, 'Pow', withScalar(context, 'Add', ratio, 1), -alpha)
      }
      return { cross, diagonal: () => 1 }
    }
    case 'ExpSineSquared': {
      const [scale] = lengthScales(kernel, 1)
      const cross = (): ValueName => {
        const angle = withScalar(context, 'Mul', distancesTo(context, x, rows, 'euclidean'), PI / numberAttribute(kernel, 'periodicity'))
        const ratio = withScalar(context, 'Div', builder.add('Sin', [angle]), scale)
        return builder.add('Exp', [withScalar(context, 'Mul', builder.add('Mul', [ratio, ratio]), -2)])
      }
      return { cross, diagonal: () => 1 }
    }
    case 'DotProduct': {
      const sigma = numberAttribute(kernel, 'sigma_0')
      return {
        cross: () => withScalar(context, 'Add', affine(context, x, rows.data, rows.rows), sigma * sigma),
        diagonal: () => withScalar(context, 'Add', sumColumns(context, builder.add('Mul', [x, x]), true), sigma * sigma),
      }
    }
    case 'PairwiseKernel': {
      const metric = kernel.state.get('metric')
      const extra = kernel.state.get('pairwise_kernels_kwargs')
      const more = extra === undefined || extra === null ? new Map<PyValue, PyValue>() : asDict(extra, placeOf(kernel, 'pairwise_kernels_kwargs'))
      const read = (name: string, fallback: number): number => asNumber(more.get(name) ?? fallback, placeOf(kernel, name))
      const settings = { gamma: numberAttribute(kernel, 'gamma'), coef0: read('coef0', 1), degree: read('degree', 3) }
      return { cross: () => pairwiseKernel(context, kernel, metric, x, rows, settings), diagonal: () => pairwiseDiagonal(context, kernel, metric, x, settings) }
    }
  }
  throw unsupported(kernel, 'is no kernel that is known')
}
