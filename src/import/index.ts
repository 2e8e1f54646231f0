// importModel: bytes of any supported foreign format -> Graph. An importer adds one line to FORMATS.
import { asMemoryLimit, MleError } from '../error.ts'
import type { Graph } from '../graph/graph.ts'
import { plainBytes } from '../tensor/bytes.ts'
import { isCatboost } from './catboost/detect.ts'
import { isKerasH5, isKerasZip, isTfjs } from './keras/detect.ts'
import { isLightgbm } from './lightgbm/detect.ts'
import { isMle } from './mle-legacy/detect.ts'
import { readJoblib, sniffPickle, type PickleLimits } from './pickle/index.ts'
import { isOnnx } from './onnx/detect.ts'
import type { InputShapes } from './pytorch/index.ts'
import { isPytorch } from './pytorch/detect.ts'
import { isSafetensors, isShardIndex } from './safetensors/detect.ts'
import { isTflite } from './tflite/detect.ts'
import { isXgboost } from './xgboost/detect.ts'
import { readTensors, type NamedTensors } from './tensors.ts'
import type { ZipLimits } from './zip.ts'

export { readTensors, type NamedTensors }
export type { InputShapes, PickleLimits, ZipLimits }

export interface ImportLimits {
  /** See src/import/pickle/limits.ts. */
  readonly pickle?: Partial<PickleLimits>
  /** See src/import/zip.ts. */
  readonly zip?: Partial<ZipLimits>
}

export interface ImportOptions {
  /** Helps to tell formats apart that bytes alone do not. */
  readonly fileName?: string
  readonly limits?: ImportLimits
  /** PyTorch and safetensors: an architecture file (docs/architecture-files.md), as text or as the object that its JSON is. */
  readonly architecture?: string | object
  /** PyTorch and safetensors: shapes of inputs by name, where the layers do not tell them: `{ x: ['batch', 3, 224, 224] }`. */
  readonly inputShapes?: InputShapes
  /** PyTorch and safetensors: without an architecture, a graph that gives the tensors themselves. */
  readonly weightsOnly?: boolean
  /** ONNX and TensorFlow.js: bytes of a file of external data by its plain name in the model's folder. */
  readonly externalData?: (name: string) => Uint8Array | undefined
}

export interface Format {
  readonly name: string
  /** True when the bytes look like this format; the first that says so reads them. */
  readonly matches: (bytes: Uint8Array, fileName: string) => boolean
  readonly read: (bytes: Uint8Array, options: ImportOptions) => Graph | Promise<Graph>
}

const FORMATS: readonly Format[] = [
  { name: 'mle-legacy', matches: isMle, read: async (bytes, options) => (await import('./mle-legacy/index.ts')).importMleLegacy(bytes, (inner) => importModel(inner, options)) },
  { name: 'onnx', matches: isOnnx, read: async (bytes, { externalData }) => (await import('./onnx/index.ts')).importOnnx(bytes, externalData) },
  { name: 'xgboost', matches: isXgboost, read: async (bytes) => (await import('./xgboost/index.ts')).importXgboost(bytes) },
  { name: 'lightgbm', matches: isLightgbm, read: async (bytes) => (await import('./lightgbm/index.ts')).importLightgbm(bytes) },
  { name: 'catboost', matches: isCatboost, read: async (bytes) => (await import('./catboost/index.ts')).importCatboost(bytes) },
  { name: 'tflite', matches: isTflite, read: async (bytes) => (await import('./tflite/index.ts')).importTflite(bytes) },
  { name: 'keras-h5', matches: isKerasH5, read: async (bytes) => (await import('./keras/index.ts')).importKerasH5(bytes) },
  { name: 'keras', matches: isKerasZip, read: async (bytes) => (await import('./keras/index.ts')).importKeras3(bytes) },
  { name: 'tfjs', matches: isTfjs, read: async (bytes, { externalData }) => (await import('./keras/index.ts')).importTfjs(bytes, externalData) },
  {
    name: 'pytorch',
    matches: isPytorch,
    async read(bytes, { architecture, inputShapes, limits, weightsOnly }) {
      const { importPytorch } = await import('./pytorch/index.ts')
      if (weightsOnly === true && architecture === undefined) return weightsGraph(bytes, 'model.pt', limits)
      return importPytorch(bytes, { architecture: architectureText(architecture), inputShapes, limits })
    },
  },
  {
    name: 'safetensors',
    matches: isSafetensors,
    async read(bytes, { architecture, inputShapes, limits, weightsOnly }) {
      if (weightsOnly === true && architecture === undefined) return weightsGraph(bytes, 'model.safetensors', limits)
      const { importSafetensors } = await import('./pytorch/index.ts')
      return importSafetensors(bytes, { architecture: architectureText(architecture), inputShapes })
    },
  },
  {
    name: 'pickle',
    matches: (bytes) => sniffPickle(bytes) !== undefined,
    async read(bytes, { limits }) {
      const { allowSklearn, importSklearn } = await import('./sklearn/index.ts')
      return importSklearn(await readJoblib(bytes, { allow: allowSklearn, limits: limits?.pickle }))
    },
  },
]

function architectureText(architecture: string | object | undefined): string | undefined {
  return architecture === undefined || typeof architecture === 'string' ? architecture : JSON.stringify(architecture)
}

async function weightsGraph(bytes: Uint8Array, fileName: string, limits: ImportLimits | undefined): Promise<Graph> {
  const { graphOfTensors } = await import('./tensor-graph.ts')
  const named = await readTensors(bytes, { fileName, limits })
  return graphOfTensors(named ?? { format: 'pytorch', tensors: new Map(), metadata: new Map() })
}

/**
 * Reads a model of a training library: scikit-learn (joblib or pickle), XGBoost (JSON, UBJSON, legacy binary), LightGBM (text),
 * CatBoost (JSON, binary), PyTorch (TorchScript; state dicts and safetensors with an architecture), ONNX, Keras (.h5, .keras), TensorFlow.js (model.json), TFLite; also .mle
 * files of versions 1 and 2.
 *
 * @param options.fileName the file's name, where the bytes alone do not tell the format
 * @throws MleError IMPORT_FORMAT for bytes of no known format; the importers' own codes otherwise
 * @example const graph = await importModel(await readFile('model.joblib'), { fileName: 'model.joblib' })
 */
export async function importModel(source: Uint8Array, options: ImportOptions = {}): Promise<Graph> {
  const bytes = plainBytes(source)
  const { fileName = '' } = options
  const format = FORMATS.find((one) => one.matches(bytes, fileName))
  if (format === undefined) {
    if (isShardIndex(bytes, fileName)) throw new MleError('SAFETENSORS_INDEX', `${fileName === '' ? 'the file' : fileName} lists in which files the tensors of a checkpoint lie; read those files (model-00001-of-0000N.safetensors), or join them into one with save_file of Python's safetensors`)
    const start = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    throw new MleError('IMPORT_FORMAT', `${fileName === '' ? 'the file' : fileName} begins with ${start === '' ? 'nothing' : start}, which no importer knows`, { actual: start })
  }
  const { withTreeSummary } = await import('./tree-summary.ts')
  try {
    return withTreeSummary(await format.read(bytes, options))
  } catch (error) {
    throw asMemoryLimit(error)
  }
}
