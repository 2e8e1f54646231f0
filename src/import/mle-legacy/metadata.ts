// The JSON of old .mle files: the only place where hyper-parameters were kept.
import { parseJson, type Json, type JsonObject } from '../json.ts'
import { legacyError } from './error.ts'

export interface LegacyMetadata {
  /** 'scikit-learn', 'pytorch', 'tensorflow', 'xgboost', 'lightgbm', 'catboost', or '' where it does not say. */
  readonly framework: string
  readonly frameworkVersion: string | undefined
  /** Class name of the estimator or module, '' where it does not say. */
  readonly modelType: string
  /** get_params() of the estimator: numbers, strings, booleans and null; other values were written as their str(). */
  readonly parameters: ReadonlyMap<string, Json>
  /** True where a number among the parameters was written with a decimal point: max_features 1.0 is all, 1 is one. */
  readonly isWrittenAsFloat: (parameter: string) => boolean
  /** Texts worth keeping. */
  readonly properties: readonly (readonly [string, string])[]
}

/** Texts and times that say where a model comes from. */
const KEPT = ['model_name', 'export_tool', 'export_tool_version', 'export_timestamp', 'export_time', 'description']

export function readMetadata(bytes: Uint8Array): LegacyMetadata {
  const root = parseJson(bytes, 'metadata of an old .mle file')
  if (!isObject(root)) throw legacyError('LEGACY_METADATA', 'its metadata is no JSON object')
  const text = (key: string): string | undefined => {
    const value = root.get(key)
    return typeof value === 'string' ? value : undefined
  }
  const parameters = root.get('model_params')
  const source = new TextDecoder('latin1').decode(bytes)
  return {
    framework: text('framework') ?? '',
    frameworkVersion: text('framework_version'),
    modelType: text('model_type') ?? text('model_name') ?? '',
    parameters: isObject(parameters) ? parameters : new Map(),
    isWrittenAsFloat: (parameter) => new RegExp(`"${parameter}": *[0-9]+\\.`).test(source),
    properties: KEPT.flatMap((key) => {
      const value = root.get(key)
      return typeof value === 'string' || typeof value === 'number' ? [[key, String(value)] as const] : []
    }),
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return value instanceof Map
}

/** A parameter that must be a number where it is there at all. */
export function numberParameter(metadata: LegacyMetadata, name: string): number | undefined {
  const value = metadata.parameters.get(name)
  return typeof value === 'number' ? value : undefined
}

export function textParameter(metadata: LegacyMetadata, name: string): string | undefined {
  const value = metadata.parameters.get(name)
  return typeof value === 'string' ? value : undefined
}
