// Every schema at once, for importers, tools and tests. The runtime itself loads packs (packs.ts).
import { MleError } from '../error.ts'
import { opKey } from './kernel.ts'
import type { OpSchema } from './schema.ts'
import { arraySchemas } from './schemas/arrays.ts'
import { categoricalSchemas } from './schemas/hashed-categories.ts'
import { combineSchemas } from './schemas/combine.ts'
import { controlSchemas } from './schemas/control.ts'
import { decompositionSchemas } from './schemas/decomposition.ts'
import { distanceSchemas } from './schemas/distances.ts'
import { elementwiseSchemas } from './schemas/elementwise.ts'
import { exactSchemas } from './schemas/fused-matmul.ts'
import { foldSchemas } from './schemas/folds.ts'
import { functionSchemas } from './schemas/functions.ts'
import { labelSchemas } from './schemas/labels.ts'
import { layoutSchemas } from './schemas/layout.ts'
import { linearSchemas } from './schemas/linear.ts'
import { linearLeavesSchemas } from './schemas/linear-leaves.ts'
import { matMulSchemas } from './schemas/matmul.ts'
import { preprocessSchemas } from './schemas/preprocess.ts'
import { otherReduceSchemas } from './schemas/reduce-other.ts'
import { reduceSchemas } from './schemas/reduce.ts'
import { convolutionSchemas } from './schemas/circular-convolution.ts'
import { gaussianProcessSchemas } from './schemas/gaussian-process.ts'
import { convSchemas } from './schemas/conv.ts'
import { normalizeSchemas } from './schemas/normalize.ts'
import { poolSchemas } from './schemas/pool.ts'
import { rearrangeSchemas } from './schemas/rearrange.ts'
import { sampleSchemas } from './schemas/sample.ts'
import { resizeSchemas } from './schemas/resize.ts'
import { requireSchemas } from './schemas/require.ts'
import { svmSchemas } from './schemas/svm.ts'
import { tensorSchemas } from './schemas/tensor.ts'
import { textSchemas } from './schemas/text.ts'
import { treeShapSchemas } from './schemas/tree-shap.ts'
import { treeSchemas } from './schemas/trees.ts'
import { activationSchemas } from './schemas/activations.ts'
import { bitSchemas } from './schemas/bits.ts'
import { indexingSchemas } from './schemas/indexing.ts'
import { attentionSchemas } from './schemas/attention.ts'
import { recurrentSchemas } from './schemas/recurrent.ts'
import { mlSchemas } from './schemas/ml.ts'
import { quantizeSchemas } from './schemas/quantize.ts'
import { lossSchemas } from './schemas/losses.ts'
import { signalSchemas } from './schemas/signal.ts'
import { trainingSchemas } from './schemas/training.ts'
import { randomSchemas } from './schemas/random.ts'
import { imageSchemas } from './schemas/image.ts'
import { detSchemas } from './schemas/det.ts'
import { stringSchemas } from './schemas/strings.ts'

const ALL: ReadonlyMap<string, OpSchema> = /* @__PURE__ */ new Map(
  [
    ...elementwiseSchemas,
    ...foldSchemas,
    ...functionSchemas,
    ...reduceSchemas,
    ...otherReduceSchemas,
    ...linearSchemas,
    ...matMulSchemas,
    ...tensorSchemas,
    ...layoutSchemas,
    ...arraySchemas,
    ...treeSchemas,
    ...treeShapSchemas,
    ...linearLeavesSchemas,
    ...categoricalSchemas,
    ...labelSchemas,
    ...preprocessSchemas,
    ...distanceSchemas,
    ...svmSchemas,
    ...combineSchemas,
    ...exactSchemas,
    ...requireSchemas,
    ...decompositionSchemas,
    ...gaussianProcessSchemas,
    ...convolutionSchemas,
    ...convSchemas,
    ...normalizeSchemas,
    ...poolSchemas,
    ...rearrangeSchemas,
    ...sampleSchemas,
    ...resizeSchemas,
    ...textSchemas,
    ...controlSchemas,
    ...activationSchemas,
    ...bitSchemas,
    ...indexingSchemas,
    ...attentionSchemas,
    ...recurrentSchemas,
    ...mlSchemas,
    ...stringSchemas,
    ...detSchemas,
    ...imageSchemas,
    ...randomSchemas,
    ...trainingSchemas,
    ...signalSchemas,
    ...lossSchemas,
    ...quantizeSchemas,
  ].map((schema) => [opKey(schema.domain, schema.name), schema]),
)

/** Every schema by operator key. */
export function allSchemas(): ReadonlyMap<string, OpSchema> {
  return ALL
}

/** The schema of an operator key such as 'Gemm' or 'mle.TreeEnsemble'; throws GRAPH_OPERATOR. */
export function schemaOf(key: string): OpSchema {
  const schema = ALL.get(key)
  if (schema === undefined) throw new MleError('GRAPH_OPERATOR', `operator ${key} is not known to this version of mle-runtime`, { actual: key })
  return schema
}
