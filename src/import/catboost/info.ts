// model_info: the loss and the classes, which both file formats keep as JSON.
import type { Json, JsonObject } from '../json.ts'
import { catboostError, type CbClasses } from './model.ts'

export interface ModelInfo {
  readonly version: string
  readonly loss: string
  readonly lossParameters: ReadonlyMap<string, string>
  readonly classes: CbClasses | undefined
  readonly binaryThreshold: number
}

/**
 * Reads the entries of model_info.
 *
 * @param entries values may be parsed objects or, as the binary format keeps them, JSON text that `parse` reads
 */
export function readInfo(entries: ReadonlyMap<string, Json>, dimension: number, parse: (text: string, key: string) => Json): ModelInfo {
  const object = (key: string): JsonObject | undefined => {
    const value = entries.get(key)
    const parsed = typeof value === 'string' && value !== '' ? parse(value, key) : value
    return parsed instanceof Map ? parsed : undefined
  }
  const lossNode = object('params')?.get('loss_function')
  const loss = lossNode instanceof Map ? lossNode.get('type') : lossNode
  const lossParameters = new Map<string, string>()
  const parameters = lossNode instanceof Map ? lossNode.get('params') : undefined
  if (parameters instanceof Map) for (const [key, value] of parameters) lossParameters.set(key, String(value))
  const versionText = entries.get('catboost_version_info')
  const version = typeof versionText === 'string' ? /tags\/v?([0-9][^\s]*)|release ([0-9][^\s]*[0-9])/.exec(versionText) : null
  const threshold = entries.get('binclass_probability_threshold')
  const name = typeof loss === 'string' ? loss.split(':')[0] : ''
  return {
    version: version?.[1] ?? version?.[2] ?? 'unknown',
    loss: name,
    lossParameters,
    classes: classesOf(object('class_params') ?? object('multiclass_params'), dimension),
    binaryThreshold: threshold === undefined || threshold === '' ? 0.5 : probability(Number(threshold)),
  }
}

function probability(value: number): number {
  if (!(value > 0 && value < 1)) throw catboostError('CATBOOST_FIELD', `binclass_probability_threshold is ${value}, expected a number between 0 and 1`)
  return value
}

/** class_names in the order of columns; class_to_label says which column each dimension of the leaves is. */
function classesOf(parameters: JsonObject | undefined, dimension: number): CbClasses | undefined {
  if (parameters === undefined) return undefined
  const list = (key: string): Json[] => {
    const value = parameters.get(key) ?? []
    if (!Array.isArray(value)) throw catboostError('CATBOOST_CLASSES', `${key} is no list`)
    return value
  }
  const names = list('class_names')
  const toLabel = list('class_to_label')
  const declared = parameters.get('classes_count')
  const count = typeof declared === 'number' && declared > 0 ? declared : undefined
  const type = parameters.get('class_label_type')
  const kind = type === 'Float' || type === 'String' || type === 'Boolean' ? type : names.some((name) => typeof name === 'string') ? 'String' : 'Integer'
  const label = (value: Json): number | string => {
    if (typeof value === 'boolean') return value ? 'True' : 'False'
    if (typeof value === 'number' || typeof value === 'string') return value
    throw catboostError('CATBOOST_CLASSES', 'a class is neither a number nor text')
  }
  if (dimension === 1) return names.length === 2 ? { type: kind, labels: names.map(label), columns: [0] } : undefined
  // Without names classes are the numbers 0 ... count - 1, or the labels that were met.
  const labels = names.length > 0 ? names.map(label) : count !== undefined ? Array.from({ length: count }, (_, i) => i) : toLabel.map(label)
  const external = count !== undefined || names.length > 0
  const columns = Array.from({ length: dimension }, (_, i) => (external && toLabel.length === dimension ? Number(toLabel[i]) : i))
  const seen = new Set<number>()
  for (const column of columns) {
    if (!Number.isInteger(column) || column < 0 || column >= labels.length || seen.has(column)) {
      throw catboostError('CATBOOST_CLASSES', `class_to_label names class ${column}, but there are ${labels.length} classes, each for one of ${dimension} leaf values`)
    }
    seen.add(column)
  }
  return { type: kind, labels, columns }
}
