// Which operators are loaded together, and how a pack is fetched. A page that runs a forest ships no convolution.
import { MleError } from '../error.ts'
import { opKey, type KernelEntry, type KernelTable } from './kernel.ts'
import type { OpSchema } from './schema.ts'

/** Operators that are loaded together. */
export type PackName = 'core' | 'common' | 'trees' | 'math' | 'arrays' | 'encode' | 'distance' | 'boosting' | 'explain' | 'nn' | 'decomposition' | 'classical' | 'text' | 'control' | 'activation' | 'bits' | 'indexing' | 'attention' | 'recurrent' | 'ml' | 'strings' | 'quant' | 'loss' | 'signal' | 'training' | 'random' | 'image'

/** The schemas of a pack and their kernels on the portable cpu backend. */
export interface Pack {
  readonly schemas: readonly OpSchema[]
  readonly cpu: KernelTable
}

/** Schemas and kernels of the packs that are loaded, by operator key. */
export interface OperatorSet {
  readonly schemas: ReadonlyMap<string, OpSchema>
  readonly cpu: KernelTable
}

/** Operators that are in no list below are in this pack. */
const OTHERS: PackName = 'classical'

/** The operators of each pack by key; a test holds the lists against what the packs have. */
const OPERATORS: ReadonlyMap<PackName, string> = /* @__PURE__ */ new Map<PackName, string>([
  [
    'core',
    'Abs Add And ArgMax ArgMin Cast Concat Div Equal Exp Gather Gemm Greater GreaterOrEqual Identity IsNaN Less LessOrEqual Log LogSoftmax Mul Neg Not Or ' +
      'ReduceMean ReduceSum Relu Sigmoid Softmax Sqrt Squeeze Sub Unsqueeze Where Xor mle.LabelLookup',
  ],
  ['common', 'Clip Flatten MatMul Max Mean Min Reshape Sum Transpose'],
  ['trees', 'mle.TreeEnsemble mle.TreeLeaves'],
  [
    'math',
    'Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh CumSum Erf Floor Hardmax IsInf LeakyRelu LpNormalization Mod Pow Reciprocal ReduceL1 ReduceL2 ' +
      'ReduceLogSum ReduceLogSumExp ReduceMax ReduceMin ReduceProd ReduceSumSquare Round Sign Sin Sinh Softplus Tan Tanh TopK mle.Digamma mle.Expm1 ' +
      'mle.Log1p mle.LogExpit mle.LogGamma mle.NormalCdf mle.NormalQuantile mle.XLogY',
  ],
  ['arrays', 'Compress ConstantOfShape Expand GatherElements NonZero OneHot Pad Range ScatterElements Shape Size Slice Split Tile Unique'],
  ['encode', 'mle.BSplineBasis mle.CategoryMap mle.FillMissing mle.IsMissing mle.KnnImpute mle.PowerTransform mle.QuantileMap'],
  ['distance', 'mle.ClassSums mle.NearestNeighbors mle.PairCoupling mle.PairScores mle.PairVotes mle.PairwiseDistance mle.SvmDecision'],
  ['boosting', 'mle.CategoryHash mle.CtrValues mle.LinearLeaves'],
  ['explain', 'mle.TreeShap'],
  [
    'nn',
    'AffineGrid AveragePool BatchNormalization CenterCropPad Col2Im Conv ConvTranspose DeformConv DepthToSpace GlobalAveragePool GlobalLpPool GlobalMaxPool ' +
      'GridSample GroupNormalization InstanceNormalization LRN LayerNormalization LpPool MaxPool MaxRoiPool MaxUnpool MeanVarianceNormalization ' +
      'NonMaxSuppression RMSNormalization Resize RoiAlign SpaceToDepth',
  ],
  ['decomposition', 'Det mle.BarycenterWeights mle.BesselK mle.CircularConvolution mle.NmfCode mle.SparseCode mle.TopicCode mle.TriangularSolve'],
  ['text', 'mle.RecordColumns mle.RecordHash mle.TextCounts mle.TextHash'],
  [
    'control',
    'ConcatFromSequence If Loop Optional OptionalGetElement OptionalHasElement Scan SequenceAt SequenceConstruct SequenceEmpty SequenceErase ' +
      'SequenceInsert SequenceLength SequenceMap SplitToSequence',
  ],
  ['activation', 'Celu Elu Gelu HardSigmoid HardSwish Mish PRelu Selu Shrink Softsign SwiGLU Swish ThresholdedRelu'],
  ['bits', 'BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor'],
  ['indexing', 'CastLike CumProd Einsum EyeLike GatherND ReverseSequence ScatterND TensorScatter Trilu'],
  ['attention', 'Attention CausalConvWithState LinearAttention RotaryEmbedding'],
  ['recurrent', 'GRU LSTM RNN'],
  ['ml', 'ai.onnx.ml.ZipMap'],
  ['quant', 'ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv QLinearMatMul QuantizeLinear mle.WeightMatMul'],
  ['loss', 'NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss'],
  ['signal', 'BlackmanWindow DFT HammingWindow HannWindow MelWeightMatrix STFT'],
  ['training', 'ai.onnx.preview.training.Adagrad ai.onnx.preview.training.Adam ai.onnx.preview.training.Momentum'],
  ['random', 'Bernoulli Dropout Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike'],
  ['image', 'ImageDecoder'],
  ['strings', 'RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer'],
])

const LOADERS: ReadonlyMap<PackName, () => Promise<Pack>> = /* @__PURE__ */ new Map<PackName, () => Promise<Pack>>([
  ['core', async () => (await import('./packs/core.ts')).pack],
  ['common', async () => (await import('./packs/common.ts')).pack],
  ['trees', async () => (await import('./packs/trees.ts')).pack],
  ['math', async () => (await import('./packs/math.ts')).pack],
  ['arrays', async () => (await import('./packs/arrays.ts')).pack],
  ['encode', async () => (await import('./packs/encode.ts')).pack],
  ['distance', async () => (await import('./packs/distance.ts')).pack],
  ['decomposition', async () => (await import('./packs/decomposition.ts')).pack],
  ['classical', async () => (await import('./packs/classical.ts')).pack],
  ['boosting', async () => (await import('./packs/boosting.ts')).pack],
  ['explain', async () => (await import('./packs/explain.ts')).pack],
  ['nn', async () => (await import('./packs/nn.ts')).pack],
  ['text', async () => (await import('./packs/text.ts')).pack],
  ['control', async () => (await import('./packs/control.ts')).pack],
  ['activation', async () => (await import('./packs/activation.ts')).pack],
  ['bits', async () => (await import('./packs/bits.ts')).pack],
  ['indexing', async () => (await import('./packs/indexing.ts')).pack],
  ['attention', async () => (await import('./packs/attention.ts')).pack],
  ['recurrent', async () => (await import('./packs/recurrent.ts')).pack],
  ['ml', async () => (await import('./packs/ml.ts')).pack],
  ['quant', async () => (await import('./packs/quant.ts')).pack],
  ['loss', async () => (await import('./packs/loss.ts')).pack],
  ['signal', async () => (await import('./packs/signal.ts')).pack],
  ['training', async () => (await import('./packs/training.ts')).pack],
  ['random', async () => (await import('./packs/random.ts')).pack],
  ['image', async () => (await import('./packs/image.ts')).pack],
  ['strings', async () => (await import('./packs/strings.ts')).pack],
])

/** Names of all packs. */
export function packNames(): readonly PackName[] {
  return [...LOADERS.keys()]
}

const loaded = /* @__PURE__ */ new Map<PackName, Pack>()

/** A pack, loaded at its first use: hosts take a while for an import even where the module is there already. */
export async function loadPack(name: PackName): Promise<Pack> {
  const known = loaded.get(name)
  if (known !== undefined) return known
  const fetch = LOADERS.get(name)
  if (fetch === undefined) throw new RangeError(`there is no pack ${name}`)
  const pack = await fetch()
  loaded.set(name, pack)
  return pack
}

/** The pack that an operator is in, if it exists at all. */
export function packOf(key: string): PackName {
  for (const [name, keys] of OPERATORS) if (` ${keys} `.includes(` ${key} `)) return name
  return OTHERS
}

/**
 * Loads the packs of the named operators, all at once.
 *
 * @throws MleError GRAPH_OPERATOR naming the first operator that no pack has
 */
export async function loadOperators(keys: Iterable<string>): Promise<OperatorSet> {
  const wanted = [...keys]
  const packs = await Promise.all([...new Set(wanted.map(packOf))].map(loadPack))
  const schemas = new Map<string, OpSchema>()
  const cpu = new Map<string, KernelEntry>()
  for (const pack of packs) {
    for (const schema of pack.schemas) schemas.set(opKey(schema.domain, schema.name), schema)
    for (const [key, kernel] of pack.cpu) cpu.set(key, kernel)
  }
  for (const key of wanted) {
    if (!schemas.has(key)) throw new MleError('GRAPH_OPERATOR', `operator ${key} is not known to this version of mle-runtime`, { actual: key })
  }
  return { schemas, cpu }
}
