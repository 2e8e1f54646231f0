// .mle files of versions 1 and 2, written by an earlier program of the same name in seven layouts -> Graph.
import type { Graph } from '../../graph/graph.ts'
import { sniffPickle } from '../pickle/index.ts'
import { payloadOf } from './boosters.ts'
import { lowerNaiveBayes, lowerNeighbors } from './classical.ts'
import { legacyError } from './error.ts'
import { findSections } from './layout.ts'
import { lowerLightgbm } from './lightgbm.ts'
import { isLinearEstimator, layerOf, lowerLinear } from './linear.ts'
import { readMetadata, type LegacyMetadata } from './metadata.ts'
import { lowerNetwork } from './network.ts'
import { lowerPerceptron } from './perceptron.ts'
import { lowerClustering, lowerDecomposition } from './projections.ts'
import type { Lowered } from './rebuild.ts'
import { readModel, type LegacyModel, type Step } from './steps.ts'
import { lowerSvm } from './svm.ts'
import { lowerTrees } from './trees.ts'
import { lowerXgboost } from './xgboost.ts'

const OTHERS_NOTE = 'the file holds earlier models too, because its exporter was used several times; only the last one is read, as its output says'

/** Reads bytes of another format: a pickle or a CatBoost model inside an old file. */
export type ReadForeign = (bytes: Uint8Array) => Promise<Graph>

/**
 * The graph of an old .mle file; `metadata.notes` says what the file lacks and what follows from that.
 *
 * @param readForeign what reads the pickles and boosters that some files hold
 * @throws MleError LEGACY_* for damaged files, and LEGACY_LOST where the file lacks what predictions need; codes of the pickle, JSON and
 * booster importers for what they read
 */
export async function importMleLegacy(bytes: Uint8Array, readForeign: ReadForeign): Promise<Graph> {
  const sections = findSections(bytes)
  const metadata = readMetadata(sections.metadata)
  if (sections.layout === 'C') {
    if (sniffPickle(sections.payload) !== 'pickle') {
      throw legacyError('LEGACY_PAYLOAD', 'its second section is no pickle', { offset: bytes.length - sections.payload.length })
    }
    return described({ graph: await readForeign(sections.payload), notes: [] }, metadata, 'C')
  }
  const model = readModel(sections.version, sections.graph, sections.weights)
  const lowered = await lower(model, metadata, readForeign)
  const notes = model.hasOthers ? [...lowered.notes, OTHERS_NOTE] : lowered.notes
  return described({ ...lowered, notes }, metadata, sections.layout)
}

function described({ graph, notes }: Lowered, metadata: LegacyMetadata, layout: string): Graph {
  const all = [...notes, ...(graph.metadata.notes ?? [])]
  const properties = [['mle_layout', layout] as const, ...metadata.properties, ...(graph.metadata.properties ?? [])]
  return { ...graph, metadata: { ...graph.metadata, properties, ...(all.length === 0 ? {} : { notes: all }) } }
}

const CHAIN_OPERATORS = new Set(['Linear', 'Relu', 'Gelu', 'Softmax'])

async function lower(model: LegacyModel, metadata: LegacyMetadata, readForeign: ReadForeign): Promise<Lowered> {
  const [first] = model.steps
  const isSklearn = metadata.framework === 'scikit-learn'
  const isPerceptron = isSklearn && (metadata.modelType === 'MLPClassifier' || metadata.modelType === 'MLPRegressor')
  // The writers that left out the description of a linear model's result also wrote its weights the other way round.
  const isTransposed = (step: Step): boolean => isSklearn && !isPerceptron && !step.isDescribed
  if (model.steps.every((step) => CHAIN_OPERATORS.has(step.op))) {
    const linear = model.steps.filter((step) => step.op === 'Linear')
    const isChain = model.steps.every((step, i) => i === 0 || step.inputs[0] === model.steps[i - 1].output)
    if (isPerceptron && linear.length > 0 && isChain) return lowerPerceptron(metadata, linear.map((step) => layerOf(step, false)), model.steps.at(-1)?.op === 'Softmax')
    const isOneLinear = linear.length === 1 && first === linear[0] && model.steps.slice(1).every((step) => step.op === 'Softmax')
    if (isSklearn && isOneLinear && isLinearEstimator(metadata.modelType)) return lowerLinear(metadata, layerOf(first, isTransposed(first)))
    return lowerNetwork(model, metadata, isTransposed)
  }
  if (model.steps.length > 1) return lowerNetwork(model, metadata, isTransposed)
  return lowerAlone(first, model, metadata, readForeign)
}

/** Models that are one node. */
async function lowerAlone(step: Step, model: LegacyModel, metadata: LegacyMetadata, readForeign: ReadForeign): Promise<Lowered> {
  const { op, parameters } = step
  switch (op) {
    case 'DecisionTree':
    case 'TreeEnsemble':
      return lowerTrees(op, parameters, metadata, model.width)
    case 'Svm':
      return lowerSvm(parameters, metadata)
    case 'NaiveBayes':
      return lowerNaiveBayes(parameters, metadata)
    case 'Neighbors':
      return lowerNeighbors(parameters, metadata)
    case 'Clustering':
      return lowerClustering(parameters, metadata)
    case 'Decomposition':
      return lowerDecomposition(parameters, metadata)
    case 'XGBoost':
      return lowerXgboost(parameters, metadata, model.width)
    case 'LightGBM':
      return lowerLightgbm(parameters, metadata, model.width)
    case 'CatBoost':
      return { graph: await readCatboost(payloadOf(op, parameters), readForeign), notes: [] }
    default:
      return lowerNetwork(model, metadata, () => false)
  }
}

/** A native CatBoost file begins with CBM1; nothing else may hide here. */
async function readCatboost(bytes: Uint8Array, readForeign: ReadForeign): Promise<Graph> {
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== 'CBM1') throw legacyError('LEGACY_BOOSTER', 'the bytes of its CatBoost model do not begin as a CatBoost file')
  return readForeign(bytes)
}
