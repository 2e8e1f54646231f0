// Which operators have wasm kernels, and in which module: known before any of it is loaded.
import type { WasmModuleName } from './module.ts'

const list = (names: string): readonly string[] => names.split(' ')

export const WASM_OPERATORS: ReadonlyMap<WasmModuleName, readonly string[]> = /* @__PURE__ */ new Map<WasmModuleName, readonly string[]>([
  ['trees', list('mle.TreeEnsemble mle.TreeLeaves')],
  ['linear', list('MatMul Gemm')],
  ['conv', list('Conv ConvTranspose')],
  ['elementwise', list('Add Sub Mul Div Max Min Sum Mean Neg Abs Sqrt Relu Reciprocal Floor Ceil Round Exp Sigmoid Tanh Erf Log LeakyRelu Clip Pow PRelu Sign')],
  ['activation', list('Gelu Elu Selu Celu HardSigmoid HardSwish Mish Swish ThresholdedRelu Softplus mle.Log1p mle.Expm1')],
  ['functions', list('Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh mle.NormalCdf mle.NormalQuantile mle.LogExpit')],
  ['logic', list('Equal Less LessOrEqual Greater GreaterOrEqual And Or Xor Not IsNaN Where Cast')],
  ['reduce', list('ReduceSum ReduceMean ReduceSumSquare ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceProd ReduceMax ReduceMin ArgMax ArgMin CumSum TopK GlobalMaxPool GlobalAveragePool Softmax LogSoftmax BatchNormalization InstanceNormalization GroupNormalization LayerNormalization RMSNormalization')],
  ['pool', list('MaxPool AveragePool')],
  ['norms', list('LpPool LRN')],
  ['resize', list('Resize')],
  ['move', list('Transpose Concat Slice Split Expand Tile Pad Gather GatherElements GatherND ScatterElements ScatterND OneHot Trilu DepthToSpace SpaceToDepth')],
  ['distance', list('mle.PairwiseDistance mle.NearestNeighbors mle.ClassSums mle.SvmDecision mle.TriangularSolve mle.KnnImpute')],
  ['preprocess', list('mle.PowerTransform mle.QuantileMap')],
  ['integer', list('MatMulInteger QLinearMatMul ConvInteger QLinearConv QuantizeLinear DequantizeLinear DynamicQuantizeLinear')],
  ['attention', list('Attention')],
  ['recurrent', list('LSTM GRU RNN')],
  ['weights', list('mle.WeightMatMul')],
])

/** Families that repay their start beside products and the like, but not for the few sums that follow an ensemble of trees. */
const SECONDARY: ReadonlySet<WasmModuleName> = /* @__PURE__ */ new Set<WasmModuleName>(['elementwise', 'activation', 'functions', 'logic', 'reduce', 'resize', 'preprocess', 'move'])

const primaryOf = (names: readonly WasmModuleName[]): readonly WasmModuleName[] => names.filter((name) => !SECONDARY.has(name))

/** Names of the modules that have kernels for some of these operators, as far as they are worth fetching. */
export function wasmModulesFor(keys: ReadonlySet<string>): readonly WasmModuleName[] {
  const names = [...WASM_OPERATORS].filter(([, operators]) => operators.some((key) => keys.has(key))).map(([name]) => name)
  return primaryOf(names).join() === 'trees' ? ['trees'] : names
}

/** Operators that take longer here than the nodes that a fusion would replace by them: the error function and the arithmetic around it take two thirds of Gelu's time. */
const SLOWER_FUSED: ReadonlySet<string> = /* @__PURE__ */ new Set(['Gelu'])

/** Whether one node of this operator is faster in WebAssembly than the several that it stands for. */
export function isWorthFusing(key: string): boolean {
  return !SLOWER_FUSED.has(key) && wasmModulesFor(new Set([key])).length > 0
}

/** Below this many bytes of weights the start of WebAssembly costs more than it brings, unless windows slide over images. */
const WORTH_BYTES = 32768
/** Stored trees are a third as large as what kernels read. */
const WORTH_TREE_BYTES = 9216

/** Whether device 'auto' computes a graph of these operators in WebAssembly. */
export function isWorthWasm(keys: ReadonlySet<string>, weightBytes: number): boolean {
  const primary = primaryOf(wasmModulesFor(keys))
  return primary.includes('conv') || (primary.length > 0 && weightBytes >= (primary.includes('trees') ? WORTH_TREE_BYTES : WORTH_BYTES))
}
