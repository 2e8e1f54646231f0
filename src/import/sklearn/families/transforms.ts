// Feature by feature: power and quantile transforms, bins, functions, kernel centring.
import type { ValueName } from '../../../graph/builder.ts'
import {
  arrayAttribute, asFloat64, asList, attribute, expectNumericArray, isNdArray, isPyGlobal, isPyObject, numberAttribute, placeOf, type PyObject, type PyValue,
} from '../../pickle/index.ts'
import { castTo, float64Constant, sumColumns, withScalar } from '../emit.ts'
import { matrixFeatures, type Features } from '../features.ts'
import { booleanSetting, choice, isSince, unsupported, unsupportedSetting } from '../params.ts'
import type { EstimatorEntry, EstimatorImporter, SklearnContext } from '../types.ts'
import { oneHotColumns } from './encoders.ts'

const power: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const lambdas = asFloat64(arrayAttribute(estimator, 'lambdas_', 1))
    const method = choice(estimator, 'method', ['yeo-johnson', 'box-cox'], 'yeo-johnson')
    // Since 1.7 scipy's form, exact for small x where the older one rounds.
    const form = method === 'yeo-johnson' && isSince(estimator, 1, 7) ? 'yeo-johnson-expm1' : method
    const value = context.builder.add('mle.PowerTransform', [x.numbers(lambdas.length), float64Constant(context, lambdas)], { form })
    const features = matrixFeatures(context, value, lambdas.length, { names: x.names })
    if (!booleanSetting(estimator, 'standardize', true)) return features
    const scaler = context.importEstimator(attribute(estimator, '_scaler'), features, placeOf(estimator, '_scaler'))
    return scaler.transform?.() ?? features
  },
})

const quantile: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const quantiles = arrayAttribute(estimator, 'quantiles_', 2)
    const [, nFeatures] = quantiles.shape
    const output = choice(estimator, 'output_distribution', ['uniform', 'normal'], 'uniform')
    const inputs = [x.numbers(nFeatures), float64Constant(context, asFloat64(quantiles), quantiles.shape), float64Constant(context, asFloat64(arrayAttribute(estimator, 'references_', 1)))]
    return matrixFeatures(context, context.builder.add('mle.QuantileMap', inputs, { output }), nFeatures, { names: x.names })
  },
})

// The number of inner edges at or below x. Before 1.1 values within a small tolerance below an edge counted as above it.
const bins: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { builder } = context
    const edges = binEdges(estimator)
    const nFeatures = edges.length
    const inner = edges.map((one) => one.subarray(1, -1))
    const width = Math.max(1, ...inner.map((one) => one.length))
    const padded = new Float64Array(nFeatures * width).fill(Infinity)
    inner.forEach((one, f) => padded.set(one, f * width))
    let value = x.numbers(nFeatures)
    if (!isSince(estimator, 1, 1, true)) {
      const slack = withScalar(context, 'Add', withScalar(context, 'Mul', builder.add('Abs', [value]), 1e-5), 1e-8)
      value = builder.add('Add', [value, slack])
    }
    const spread = builder.add('Unsqueeze', [value, builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(2n) })])
    const above = castTo(context, builder.add('GreaterOrEqual', [spread, float64Constant(context, padded, [1, nFeatures, width])]), 'float64')
    const codes = builder.add('ReduceSum', [above, builder.constant({ dtype: 'int64', shape: [1], data: BigInt64Array.of(2n) })], { keepdims: 0 })
    if (choice(estimator, 'encode', ['onehot', 'onehot-dense', 'ordinal'], 'onehot') === 'ordinal') return matrixFeatures(context, codes, nFeatures)
    const featureOf: number[] = []
    const codeOf: number[] = []
    edges.forEach((one, f) => {
      for (let c = 0; c < Math.max(1, one.length - 1); c++) {
        featureOf.push(f)
        codeOf.push(c)
      }
    })
    return matrixFeatures(context, oneHotColumns(context, codes, featureOf, codeOf), codeOf.length)
  },
})

function binEdges(estimator: PyObject): Float64Array[] {
  const where = placeOf(estimator, 'bin_edges_')
  const value = attribute(estimator, 'bin_edges_')
  if (isNdArray(value) && value.dtype !== 'object') {
    const { shape, ...rest } = expectNumericArray(value, where, 2)
    const data = asFloat64({ shape, ...rest })
    return Array.from({ length: shape[0] }, (_, f) => data.slice(f * shape[1], (f + 1) * shape[1]))
  }
  return asList(value, where).map((one) => asFloat64(expectNumericArray(one, where, 1)))
}

type Build = (context: SklearnContext, x: ValueName) => ValueName

const unary =
  (op: string): Build =>
  (context, x) =>
    context.builder.add(op, [x])
const scaledBy =
  (op: string, factor: number): Build =>
  (context, x) =>
    withScalar(context, 'Mul', context.builder.add(op, [x]), factor)
const times =
  (factor: number): Build =>
  (context, x) =>
    withScalar(context, 'Mul', x, factor)

/** numpy functions of one array, by name; aliases under the name they were pickled with. */
const FUNCTIONS: ReadonlyMap<string, Build> = new Map<string, Build>([
  ['abs', unary('Abs')],
  ['absolute', unary('Abs')],
  ['fabs', unary('Abs')],
  ['sqrt', unary('Sqrt')],
  ['exp', unary('Exp')],
  ['expm1', unary('mle.Expm1')],
  ['log', unary('Log')],
  ['log1p', unary('mle.Log1p')],
  ['log2', scaledBy('Log', Math.LOG2E)],
  ['log10', scaledBy('Log', Math.LOG10E)],
  ['exp2', (context, x) => context.builder.add('Pow', [float64Constant(context, [2], []), x])],
  ['square', (context, x) => context.builder.add('Mul', [x, x])],
  ['negative', unary('Neg')],
  ['positive', (_context, x) => x],
  ['reciprocal', unary('Reciprocal')],
  ['sign', unary('Sign')],
  ['floor', unary('Floor')],
  ['ceil', unary('Ceil')],
  ['rint', unary('Round')],
  ['trunc', (context, x) => context.builder.add('Mul', [context.builder.add('Sign', [x]), context.builder.add('Floor', [context.builder.add('Abs', [x])])])],
  ['sin', unary('Sin')],
  ['cos', unary('Cos')],
  ['tan', unary('Tan')],
  ['arcsin', unary('Asin')],
  ['arccos', unary('Acos')],
  ['arctan', unary('Atan')],
  ['sinh', unary('Sinh')],
  ['cosh', unary('Cosh')],
  ['tanh', unary('Tanh')],
  ['arcsinh', unary('Asinh')],
  ['arccosh', unary('Acosh')],
  ['arctanh', unary('Atanh')],
  ['cbrt', (context, x) => {
    const root = context.builder.add('Pow', [context.builder.add('Abs', [x]), float64Constant(context, [1 / 3], [])])
    return context.builder.add('Mul', [context.builder.add('Sign', [x]), root])
  }],
  ['deg2rad', times(Math.PI / 180)],
  ['radians', times(Math.PI / 180)],
  ['rad2deg', times(180 / Math.PI)],
  ['degrees', times(180 / Math.PI)],
  ['expit', unary('Sigmoid')],
  ['logit', (context, x) => context.builder.add('Sub', [context.builder.add('Log', [x]), context.builder.add('mle.Log1p', [context.builder.add('Neg', [x])])])],
  ['log_expit', unary('mle.LogExpit')],
  ['erf', unary('Erf')],
  ['ndtr', unary('mle.NormalCdf')],
  ['ndtri', unary('mle.NormalQuantile')],
  ['_identity', (_context, x) => x],
])

/** A numpy or scipy.special function named by the file, or undefined for other values. */
export function namedFunction(value: PyValue | undefined): { readonly name: string; readonly build: Build | undefined } | undefined {
  const found = isPyGlobal(value) ? value : isPyObject(value) && value.args.length > 0 && (value.name === '_ufunc_reconstruct' || value.name === 'ufunc') ? { module: 'numpy', name: String(value.args.at(-1)) } : undefined
  if (found === undefined) return undefined
  const isKnownModule = /^(numpy|scipy\.special|sklearn\.preprocessing)(\.|$)/.test(found.module)
  return { name: `${found.module}.${found.name}`, build: isKnownModule ? FUNCTIONS.get(found.name) : undefined }
}

/** Applies a function that a setting holds; None is the identity. */
export function applyFunction(context: SklearnContext, estimator: PyObject, setting: string, x: ValueName): ValueName {
  const value = estimator.state.get(setting)
  if (value === null || value === undefined) return x
  const named = namedFunction(value)
  if (named?.build === undefined) {
    throw unsupported(estimator, `${setting}=${named?.name ?? 'a function'} is not supported; known are numpy and scipy.special functions of one array: ${[...FUNCTIONS.keys()].join(', ')}`)
  }
  return named.build(context, x)
}

const functionTransformer: EstimatorImporter = (context, estimator, x) => ({
  transform: (): Features => {
    const func = estimator.state.get('func')
    if (func === null || func === undefined) return x
    const keywords = estimator.state.get('kw_args')
    if (keywords instanceof Map && keywords.size > 0) throw unsupportedSetting(estimator, 'kw_args', ['none'])
    const named = namedFunction(func)
    if (named !== undefined && named.name.endsWith('._identity')) return x
    return matrixFeatures(context, applyFunction(context, estimator, 'func', x.numbers()), x.width, { names: x.names })
  },
})

// K - mean of its row - means of the training kernel's columns + the training kernel's mean
const kernelCenterer: EstimatorImporter = (context, estimator, x) => ({
  transform: () => {
    const { builder } = context
    const rows = asFloat64(arrayAttribute(estimator, 'K_fit_rows_', 1))
    const kernel = x.numbers(rows.length)
    const means = withScalar(context, 'Div', sumColumns(context, kernel, true), rows.length)
    const centered = builder.add('Sub', [builder.add('Sub', [kernel, float64Constant(context, rows, [1, rows.length])]), means])
    return matrixFeatures(context, withScalar(context, 'Add', centered, numberAttribute(estimator, 'K_fit_all_')), rows.length)
  },
})

export const transforms: readonly EstimatorEntry[] = [
  { names: ['PowerTransformer'], kind: 'transformer', importer: power },
  { names: ['QuantileTransformer'], kind: 'transformer', importer: quantile },
  { names: ['KBinsDiscretizer'], kind: 'transformer', importer: bins },
  { names: ['FunctionTransformer'], kind: 'transformer', importer: functionTransformer },
  { names: ['KernelCenterer'], kind: 'transformer', importer: kernelCenterer },
]
