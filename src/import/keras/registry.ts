// The closed table of layers: what a file names is looked up here and nowhere else, so that no file can name code to run.
import { kerasError, nameOf, type Config } from './config.ts'
import type { LayerFactory } from './layer.ts'
import { attentionLayers } from './layers/attention.ts'
import { convolutionLayers } from './layers/convolution.ts'
import { coreLayers } from './layers/core.ts'
import { lookupLayers } from './layers/lookup.ts'
import { mergeLayers } from './layers/merge.ts'
import { normalizationLayers } from './layers/normalization.ts'
import { poolingLayers } from './layers/pooling.ts'
import { preprocessingLayers } from './layers/preprocessing.ts'
import { recurrentLayers } from './layers/recurrent.ts'

const LAYERS: ReadonlyMap<string, LayerFactory> = /* @__PURE__ */ new Map<string, LayerFactory>([
  ...coreLayers, ...convolutionLayers, ...poolingLayers, ...normalizationLayers, ...recurrentLayers, ...mergeLayers, ...attentionLayers, ...preprocessingLayers, ...lookupLayers,
  ['InputLayer', () => ({ call: (_net, { inputs }) => inputs.slice(0, 1) })],
])

/** Names that layers have had. */
const OLD_NAMES: ReadonlyMap<string, string> = /* @__PURE__ */ new Map([
  ['Convolution1D', 'Conv1D'], ['Convolution2D', 'Conv2D'], ['Convolution3D', 'Conv3D'], ['AtrousConvolution1D', 'Conv1D'], ['AtrousConvolution2D', 'Conv2D'],
  ['AtrousConv1D', 'Conv1D'], ['AtrousConv2D', 'Conv2D'], ['SeparableConvolution1D', 'SeparableConv1D'], ['SeparableConvolution2D', 'SeparableConv2D'],
  ['DepthwiseConvolution2D', 'DepthwiseConv2D'], ['Convolution2DTranspose', 'Conv2DTranspose'], ['BatchNormalizationV1', 'BatchNormalization'],
  ['BatchNormalizationV2', 'BatchNormalization'], ['SyncBatchNormalization', 'BatchNormalization'], ['LSTMV2', 'LSTM'], ['GRUV2', 'GRU'], ['DenseLayer', 'Dense'],
  ['MaxPool1D', 'MaxPooling1D'], ['MaxPool2D', 'MaxPooling2D'], ['MaxPool3D', 'MaxPooling3D'], ['AvgPool1D', 'AveragePooling1D'], ['AvgPool2D', 'AveragePooling2D'],
  ['AvgPool3D', 'AveragePooling3D'], ['GlobalMaxPool1D', 'GlobalMaxPooling1D'], ['GlobalMaxPool2D', 'GlobalMaxPooling2D'], ['GlobalMaxPool3D', 'GlobalMaxPooling3D'],
  ['GlobalAvgPool1D', 'GlobalAveragePooling1D'], ['GlobalAvgPool2D', 'GlobalAveragePooling2D'], ['GlobalAvgPool3D', 'GlobalAveragePooling3D'],
  ['TimeDistributedDense', 'Dense'], ['Input', 'InputLayer'],
])

export function layerNames(): string[] {
  return [...LAYERS.keys()]
}

/** The current name of a layer class; names of packages before it ('Custom>MyLayer') stay. */
export function currentName(className: string): string {
  return OLD_NAMES.get(className) ?? className
}

/** The factory of a layer class; throws KERAS_LAYER for classes that hold code, are custom or unknown. */
export function layerNamed(className: string, config: Config): LayerFactory {
  const found = LAYERS.get(currentName(className))
  if (found !== undefined) return found
  const where = `layer ${JSON.stringify(nameOf(config))}`
  if (className === 'Lambda') throw kerasError('KERAS_LAYER', `${where} is a Lambda: it holds Python code, which is never run; replace it by layers of Keras, or export the model to ONNX with tf2onnx and import that`)
  throw kerasError('KERAS_LAYER', `${where} has the class ${JSON.stringify(className)}, which is not one of Keras' layers that can be read (docs/keras.md lists them); export the model to ONNX with tf2onnx and import that`)
}

