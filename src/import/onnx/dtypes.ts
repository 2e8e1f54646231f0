// dtypes of values while a graph is imported: older operators become constants of their inputs' dtype before types are inferred.
import type { Attribute } from '../../ops/types.ts'
import { isDType, type DType } from '../../tensor/index.ts'
import type { DraftNode } from './draft.ts'

/** Operators whose first output has the dtype of the input at that index. */
const LIKE: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([
  ...[
    'Abs', 'Acos', 'Acosh', 'Add', 'Asin', 'Asinh', 'Atan', 'Atanh', 'AveragePool', 'BatchNormalization', 'Ceil', 'Celu', 'Clip', 'Compress', 'Concat', 'Conv', 'ConvTranspose', 'Cos', 'Cosh', 'CumSum',
    'DepthToSpace', 'Div', 'Dropout', 'Einsum', 'Elu', 'Erf', 'Exp', 'Expand', 'Flatten', 'Floor', 'Gather', 'GatherElements', 'GatherND', 'Gemm', 'GlobalAveragePool', 'GlobalLpPool', 'GlobalMaxPool', 'GRU',
    'Hardmax', 'HardSigmoid', 'HardSwish', 'Identity', 'InstanceNormalization', 'LayerNormalization', 'LeakyRelu', 'Log', 'LogSoftmax', 'LpNormalization', 'LpPool', 'LRN', 'LSTM', 'MatMul', 'Max', 'MaxPool',
    'Mean', 'MeanVarianceNormalization', 'Min', 'Mod', 'Mul', 'Neg', 'Pad', 'Pow', 'PRelu', 'Range', 'Reciprocal', 'ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceMax', 'ReduceMean',
    'ReduceMin', 'ReduceProd', 'ReduceSum', 'ReduceSumSquare', 'Relu', 'Reshape', 'Resize', 'RNN', 'Round', 'ScatterElements', 'ScatterND', 'Selu', 'Sigmoid', 'Sign', 'Sin', 'Sinh', 'Slice', 'Softmax',
    'Softplus', 'Softsign', 'SpaceToDepth', 'Split', 'Sqrt', 'Squeeze', 'Sub', 'Sum', 'Tan', 'Tanh', 'ThresholdedRelu', 'Tile', 'TopK', 'Transpose', 'Trilu', 'Unique', 'Unsqueeze',
  ].map((op): [string, number] => [op, 0]),
  ['CastLike', 1], ['Where', 1], ['mle.LabelLookup', 1], ['OneHot', 2],
])

/** Operators whose first output has one dtype. */
const FIXED: ReadonlyMap<string, DType> = /* @__PURE__ */ new Map<string, DType>([
  ...['And', 'Equal', 'Greater', 'GreaterOrEqual', 'IsInf', 'IsNaN', 'Less', 'LessOrEqual', 'Not', 'Or', 'Xor'].map((op): [string, DType] => [op, 'bool']),
  ...['ArgMax', 'ArgMin', 'NonZero', 'Shape', 'Size'].map((op): [string, DType] => [op, 'int64']),
  ['StringNormalizer', 'string'],
])

/** Operators whose other outputs have the dtype of the first. */
const ALIKE: ReadonlySet<string> = /* @__PURE__ */ new Set(['GRU', 'LSTM', 'RNN', 'Split'])

function resultDtype(key: string, inputs: readonly string[], attributes: ReadonlyMap<string, Attribute>, dtypes: ReadonlyMap<string, DType>): DType | undefined {
  const index = LIKE.get(key)
  if (index !== undefined) return dtypes.get(inputs[index] ?? '')
  const to = attributes.get('to')
  if (key === 'Cast' && to?.kind === 'string' && isDType(to.value)) return to.value
  return FIXED.get(key)
}

/** Notes the dtypes of a node's outputs, as far as the operator and the dtypes of its inputs tell them without inference. */
export function noteDtypes(key: string, { inputs, outputs, attributes }: Pick<DraftNode, 'inputs' | 'outputs' | 'attributes'>, dtypes: Map<string, DType>): void {
  const dtype = resultDtype(key, inputs, attributes, dtypes)
  if (dtype === undefined) return
  for (const name of ALIKE.has(key) ? outputs : outputs.slice(0, 1)) if (name !== '') dtypes.set(name, dtype)
}
