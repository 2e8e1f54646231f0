// TensorFlow.js: model.json with the architecture and a list of arrays, which lie in files beside it.
import type { Graph } from '../../graph/graph.ts'
import { allocateData, bytesPerElement, sizeOf, viewData, type DType, type Tensor } from '../../tensor/index.ts'
import { halfToFloat } from '../../tensor/half.ts'
import { parseJson, type Json, type JsonObject } from '../json.ts'
import { isObject, kerasError, number, objects, serialized, shapeOf, text } from './config.ts'
import { buildGraph } from './graph.ts'
import { looksLikeKeras1, modernized } from './keras1.ts'
import { listWeights, type NamedTensor } from './weights.ts'

export type ShardReader = (name: string) => Uint8Array | undefined

/** The graph of a layers model. Throws TFJS_*, KERAS_*, JSON_*. */
export function importTfjs(bytes: Uint8Array, shards: ShardReader | undefined): Graph {
  const file = parseJson(bytes, 'model.json')
  if (!isObject(file)) throw kerasError('KERAS_CONFIG', 'model.json is not an object')
  const format = file.get('format')
  const topology = file.get('modelTopology') ?? (file.has('class_name') ? file : undefined)
  if (format === 'graph-model' || (isObject(topology) && (topology.has('node') || topology.has('library')))) {
    throw kerasError('TFJS_GRAPH_MODEL', 'the file is a graph model of TensorFlow.js, of which only layers models are read; export the original model to ONNX with tf2onnx, or convert it with tensorflowjs_converter --output_format=tfjs_layers_model')
  }
  if (!isObject(topology)) throw kerasError('KERAS_CONFIG', 'model.json has no modelTopology')
  if (!file.has('weightsManifest')) throw kerasError('KERAS_WEIGHTS', 'the file has an architecture and no weights; save the whole model with model.save()')
  // Converted Keras models keep their configuration one level down.
  const inner = topology.get('model_config')
  const written = topology.get('keras_version')
  const version = typeof written === 'string' ? written : 'tfjs'
  const isKeras1 = version.startsWith('1.') || looksLikeKeras1(new TextDecoder().decode(bytes.subarray(0, 1 << 16)))
  const source = isObject(inner) ? inner : typeof inner === 'string' ? parseJson(new TextEncoder().encode(inner), 'model_config') : topology
  const model = serialized(isKeras1 ? modernized(source) : source, 'modelTopology')
  const weights = listWeights(readManifest(objects(file, 'weightsManifest'), shards), 'model.json')
  return buildGraph(model, weights, { version: isKeras1 ? '1' : version, isTfjs: version.startsWith('tfjs') && !isKeras1, framework: 'tensorflow.js' })
}

function readManifest(groups: readonly JsonObject[], shards: ShardReader | undefined): NamedTensor[] {
  return groups.flatMap((group) => {
    const paths = group.get('paths')
    if (!Array.isArray(paths)) throw kerasError('TFJS_SHARD', 'a group of weights has no list of files')
    const parts = paths.map((path) => shard(path, shards))
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
    let at = 0
    for (const part of parts) {
      bytes.set(part, at)
      at += part.length
    }
    let from = 0
    const list = objects(group, 'weights').map((entry): NamedTensor => {
      const name = text(entry, 'name', '')
      const { tensor, used } = readTensor(entry, name, bytes, from)
      from += used
      return { name, tensor }
    })
    if (from !== bytes.length) throw kerasError('TFJS_SHARD', `the files ${paths.join(', ')} have ${bytes.length} bytes, their arrays need ${from}; a file is missing or belongs to another model`)
    return list
  })
}

/** The bytes of a file beside model.json. */
function shard(path: Json, shards: ShardReader | undefined): Uint8Array {
  if (typeof path !== 'string' || path === '' || path === '.' || path === '..' || /[/\\:\0]/.test(path)) {
    throw kerasError('TFJS_SHARD', `the weights lie in ${JSON.stringify(path)}, which is not a plain file name in the model's folder; move the file beside model.json`)
  }
  const found = shards?.(path)
  if (found === undefined) throw kerasError('TFJS_SHARD', `the weights lie in ${JSON.stringify(path)}, which is not there; pass the file by externalData, or keep it beside model.json`)
  return found
}

const DTYPES: ReadonlyMap<string, DType> = new Map([['float32', 'float32'], ['int32', 'int32'], ['bool', 'bool'], ['float16', 'float16'], ['uint8', 'uint8'], ['uint16', 'uint16']])

function readTensor(entry: JsonObject, name: string, bytes: Uint8Array, from: number): { tensor: Tensor; used: number } {
  const shape = shapeOf(entry.get('shape'), `shape of ${JSON.stringify(name)}`)
  const dtypeName = text(entry, 'dtype', 'float32')
  const quantization = entry.get('quantization')
  const storedName = isObject(quantization) ? text(quantization, 'dtype', '') : dtypeName
  const stored = DTYPES.get(storedName)
  const dtype = DTYPES.get(dtypeName)
  if (stored === undefined || dtype === undefined || shape === undefined || !shape.every((dim): dim is number => dim !== null)) {
    throw kerasError('TFJS_WEIGHT', `array ${JSON.stringify(name)} has the dtype ${dtypeName}${storedName === dtypeName ? '' : ` stored as ${storedName}`}, expected float32, int32 or bool, stored as they are or as uint8, uint16 or float16`)
  }
  const size = sizeOf(shape)
  const used = size * bytesPerElement(stored)
  if (!Number.isSafeInteger(used) || from + used > bytes.length) throw kerasError('TFJS_SHARD', `array ${JSON.stringify(name)} needs ${used} bytes at byte ${from}, its files have ${bytes.length}; a file is missing or cut off`)
  const data = viewData(stored, bytes.slice(from, from + used).buffer, 0, size)
  if (!isObject(quantization)) return { tensor: { dtype: stored, shape, data }, used }
  const scale = stored === 'float16' ? 1 : number(quantization, 'scale')
  const min = stored === 'float16' ? 0 : number(quantization, 'min')
  const values = allocateData(dtype, size)
  for (let i = 0; i < size; i++) {
    const raw = Number(data[i])
    const value = stored === 'float16' ? halfToFloat(raw) : raw * scale + min
    values[i] = dtype === 'int32' ? Math.round(value) : value
  }
  return { tensor: { dtype, shape, data: values }, used }
}
