// Products of features, and B-spline bases.
import type { ValueName } from '../../../graph/builder.ts'
import { bsplineBasis, bsplineSlopes } from '../../../ops/bspline.ts'
import { asBoolean, asFloat64, asInteger, asList, attribute, expectNumericArray, isPyObject, placeOf, type PyObject } from '../../pickle/index.ts'
import { concat, float64Constant, gatherColumns, withScalar } from '../emit.ts'
import { matrixFeatures } from '../features.ts'
import { booleanSetting, choice, featureCount, firstAttribute, numberSetting, unsupported } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter } from '../types.ts'

/** Combinations above this count are refused before any is made. */
const MAX_COLUMNS = 1_000_000

function degreesOf(estimator: PyObject): readonly [number, number] {
  if (estimator.state.has('_max_degree')) return [numberSetting(estimator, '_min_degree', 0), numberSetting(estimator, '_max_degree', 2)]
  const degree = attribute(estimator, 'degree')
  if (typeof degree === 'number') return [0, degree]
  const [low, high] = asList(degree, placeOf(estimator, 'degree')).map((one) => asInteger(one, placeOf(estimator, 'degree')))
  return [low, high]
}

// Column blocks by degree: those of degree d are x_f times the columns of degree d - 1 that begin with a feature >= f (> f for interactions).
const polynomial: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { builder } = context
    const [minDegree, maxDegree] = degreesOf(estimator)
    const onlyInteractions = booleanSetting(estimator, 'interaction_only', false)
    const nFeatures = featureCount(estimator) ?? numberSetting(estimator, 'n_input_features_', x.width ?? 0)
    const input = x.numbers(nFeatures)
    const blocks: ValueName[] = []
    let width = 0
    if (asBoolean(estimator.state.get('include_bias') ?? true, placeOf(estimator, 'include_bias'))) {
      // x^0 is 1 for every x, NaN included.
      blocks.push(withScalar(context, 'Pow', gatherColumns(context, input, [0]), 0))
      width++
    }
    let firsts = Array.from({ length: nFeatures }, (_, i) => i)
    let previous = input
    for (let degree = 1; degree <= maxDegree && firsts.length > 0; degree++) {
      if (degree > 1) {
        const left: number[] = []
        const right: number[] = []
        for (let f = 0; f < nFeatures; f++) {
          firsts.forEach((first, i) => {
            if (onlyInteractions ? first > f : first >= f) {
              left.push(i)
              right.push(f)
            }
          })
          if (left.length > MAX_COLUMNS) throw unsupported(estimator, `degree ${maxDegree} of ${nFeatures} features has more than ${MAX_COLUMNS} products`)
        }
        if (left.length === 0) break
        previous = builder.add('Mul', [gatherColumns(context, previous, left), gatherColumns(context, input, right)])
        firsts = right
      }
      if (degree >= minDegree) {
        blocks.push(previous)
        width += firsts.length
      }
    }
    return matrixFeatures(context, concat(context, blocks), width)
  },
})

// One B-spline basis per feature; outside the knots it goes on as `extrapolation` says.
const spline: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { builder } = context
    const extrapolation = choice(estimator, 'extrapolation', ['error', 'constant', 'linear', 'continue', 'periodic'], 'constant')
    const degree = numberSetting(estimator, 'degree', 3)
    const splines = asList(attribute(estimator, 'bsplines_'), placeOf(estimator, 'bsplines_')).map((one) => {
      if (!isPyObject(one)) throw unsupported(estimator, 'bsplines_ holds something else than splines')
      const knots = asFloat64(expectNumericArray(firstAttribute(one, ['t', '_t']), placeOf(one, 't'), 1))
      const [rows, columns] = expectNumericArray(firstAttribute(one, ['c', '_c']), placeOf(one, 'c'), 2).shape
      return { knots, rows, columns }
    })
    const nFeatures = splines.length
    if (nFeatures === 0) throw unsupported(estimator, 'bsplines_ is empty')
    const { columns, knots: { length: knotCount } } = splines[0]
    const flat = (pick: (one: (typeof splines)[number], f: number) => ArrayLike<number>, width: number): ValueName => {
      const out = new Float64Array(nFeatures * width)
      splines.forEach((one, f) => out.set(Array.from(pick(one, f)), f * width))
      return float64Constant(context, out, width === 1 ? [nFeatures] : [nFeatures, width])
    }
    const isLine = extrapolation === 'constant' || extrapolation === 'linear'
    const inputs = [x.numbers(nFeatures), flat(({ knots }) => knots, knotCount)]
    if (isLine) {
      const bounds = boundaries(degree, extrapolation === 'linear', nFeatures)
      const ends = (at: (knots: Float64Array, low: number, high: number, reach: number) => ArrayLike<number>, width: number): ValueName =>
        flat(({ knots }, f) => at(knots, knots[bounds[f].knot], knots[knotCount - 1 - bounds[f].knot], bounds[f].reach), width)
      const slopes = (knots: Float64Array, at: number): Float64Array => (extrapolation === 'linear' ? bsplineSlopes(knots, degree, at, columns) : new Float64Array(columns))
      const first = (values: Float64Array, reach: number): Float64Array => values.map((value, j) => (j < reach ? value : 0))
      const last = (values: Float64Array, reach: number): Float64Array => values.map((value, j) => (j >= columns - reach ? value : 0))
      inputs.push(
        ends((_knots, low) => [low], 1),
        ends((_knots, _low, high) => [high], 1),
        ends((knots, low, _high, reach) => first(bsplineBasis(knots, degree, low, columns), reach), columns),
        ends((knots, low, _high, reach) => first(slopes(knots, low), reach), columns),
        ends((knots, _low, high, reach) => last(bsplineBasis(knots, degree, high, columns), reach), columns),
        ends((knots, _low, high, reach) => last(slopes(knots, high), reach), columns),
      )
    }
    const value = builder.add('mle.BSplineBasis', inputs, { degree, columns, outside: isLine ? 'line' : extrapolation })
    const width = nFeatures * columns
    if (booleanSetting(estimator, 'include_bias', true)) return matrixFeatures(context, value, width)
    const kept = Array.from({ length: width }, (_, i) => i).filter((i) => (i + 1) % columns !== 0)
    return matrixFeatures(context, gatherColumns(context, value, kept), kept.length)
  },
})

// Where the spline of each feature ends and how many bases go on outside. Straight lines need one basis more for degrees 0 and 1, and
// scikit-learn raises its degree for that while it walks over the features: the later ones end further in.
function boundaries(degree: number, isLinear: boolean, nFeatures: number): { knot: number; reach: number }[] {
  let current = degree
  return Array.from({ length: nFeatures }, () => {
    const knot = current
    if (isLinear && current <= 1) current++
    return { knot, reach: current }
  })
}

export const polynomials: readonly EstimatorEntry[] = [
  { names: ['PolynomialFeatures'], kind: 'transformer', importer: polynomial },
  { names: ['SplineTransformer'], kind: 'transformer', importer: spline },
]
