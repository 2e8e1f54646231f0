// Reading an estimator's settings. A setting that changes predictions and is not known here is refused, never ignored.
import { MleError } from '../../error.ts'
import { attribute, describe, isNumericNdArray, isPyDType, isPyGlobal, isPyObject, isTuple, optionalAttribute, placeOf, asNumber, asBoolean, type PyObject, type PyValue } from '../pickle/index.ts'

/** The refusal of one estimator or one of its settings. */
export function unsupported(estimator: PyObject, what: string): MleError {
  return new MleError('SKLEARN_UNSUPPORTED', `${estimator.module}.${estimator.name}: ${what}`, { section: estimator.name, offset: estimator.offset })
}

/** The refusal of a setting by its value. */
export function unsupportedSetting(estimator: PyObject, name: string, allowed?: readonly string[]): MleError {
  const hint = allowed === undefined ? '' : `; known are ${allowed.join(', ')}`
  return unsupported(estimator, `${name}=${describe(estimator.state.get(name))} is not supported${hint}`)
}

/** A setting that must be one of the given strings; `fallback` where versions before it was added left it out. */
export function choice<T extends string>(estimator: PyObject, name: string, allowed: readonly T[], fallback?: T): T {
  const value = estimator.state.get(name)
  if (value === undefined && fallback !== undefined) return fallback
  for (const one of allowed) if (value === one) return one
  throw unsupportedSetting(estimator, name, allowed)
}

export function booleanSetting(estimator: PyObject, name: string, fallback: boolean): boolean {
  const value = estimator.state.get(name)
  return value === undefined ? fallback : asBoolean(value, `${estimator.name}.${name}`)
}

export function numberSetting(estimator: PyObject, name: string, fallback: number): number {
  const value = estimator.state.get(name)
  return value === undefined ? fallback : asNumber(value, `${estimator.name}.${name}`)
}

/** The file of another library that an object keeps as bytes; throws SKLEARN_VALUE. */
export function embeddedFile(object: PyObject, name: string): Uint8Array {
  const bytes = attribute(object, name)
  if (bytes instanceof Uint8Array) return bytes
  throw new MleError('SKLEARN_VALUE', `${placeOf(object, name)} is ${describe(bytes)}, expected the bytes of a model`, { section: object.name, offset: object.offset })
}

/** The name of the numpy dtype of a setting, where it is one. */
export function dtypeSetting(estimator: PyObject, name: string): string | undefined {
  const value = estimator.state.get(name)
  return isPyGlobal(value) ? value.name : isPyDType(value) ? value.element : undefined
}

/** The first of several attributes that is there and not None: names changed between versions. */
export function firstAttribute(object: PyObject, names: readonly string[]): Exclude<PyValue, null> {
  for (const name of names) {
    const value = optionalAttribute(object, name)
    if (value !== undefined) return value
  }
  attribute(object, names[0])
  throw unsupported(object, `${names.join(' or ')} is None`)
}

/** [major, minor] of the scikit-learn that wrote an estimator; [0, 0] where it does not say. */
export function versionOf(estimator: PyObject): readonly [number, number] {
  const text = estimator.state.get('_sklearn_version')
  const match = typeof text === 'string' ? /^(\d+)\.(\d+)/.exec(text) : null
  return match === null ? [0, 0] : [Number(match[1]), Number(match[2])]
}

/** True when the estimator was written by scikit-learn major.minor or later; `unknown` where it does not say. */
export function isSince(estimator: PyObject, major: number, minor: number, unknown: boolean = false): boolean {
  const [a, b] = versionOf(estimator)
  return a === 0 && b === 0 ? unknown : a > major || (a === major && b >= minor)
}

function ownNames(estimator: PyObject): readonly string[] | undefined {
  const value = optionalAttribute(estimator, 'feature_names_in_')
  if (typeof value !== 'object' || !('kind' in value) || value.kind !== 'ndarray') return undefined
  const names: string[] = []
  for (const name of value.data) {
    if (typeof name !== 'string') return undefined
    names.push(name)
  }
  return names
}

/** More columns than any real table has, before lists of that length are made (CWE-789). */
const MAX_COUNT = 2 ** 26

/** A number of columns or outputs; throws SKLEARN_SHAPE where it can be none. */
export function checkedCount(value: number, estimator: PyObject, name: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= MAX_COUNT) return value
  throw new MleError('SKLEARN_SHAPE', `${estimator.name}.${name} is ${value}, expected a count up to ${MAX_COUNT}: the file is damaged`, { section: estimator.name, offset: estimator.offset, actual: value })
}

function ownCount(estimator: PyObject): number | undefined {
  const value = optionalAttribute(estimator, 'n_features_in_')
  const count = isNumericNdArray(value) ? Number(value.data[0]) : value
  return typeof count === 'number' ? checkedCount(count, estimator, 'n_features_in_') : undefined
}

/** Attributes that hold the estimator which an outer one gives its whole input. */
const WRAPPED = ['best_estimator_', 'estimator_', 'regressor_', 'base_estimator_', 'estimator']

/** What the estimator itself, or the first inner one that reads the same input, says of it. */
function fromFirstReader<T>(estimator: PyObject, own: (one: PyObject) => T | undefined, depth: number = 0): T | undefined {
  const found = own(estimator)
  if (found !== undefined || depth > 16) return found
  const { state } = estimator
  for (const list of ['steps', 'transformer_list']) {
    const steps = state.get(list)
    if (!Array.isArray(steps)) continue
    for (const step of steps) {
      const inner = isTuple(step) ? step.items[1] : Array.isArray(step) ? step[1] : undefined
      if (isPyObject(inner)) return fromFirstReader(inner, own, depth + 1)
    }
  }
  // Members of an ensemble read the same input, but for those of bagging, which may read some columns of it.
  const members = state.get('estimators_')
  if (Array.isArray(members) && isPyObject(members[0]) && !state.has('estimators_features_')) return fromFirstReader(members[0], own, depth + 1)
  for (const name of WRAPPED) {
    const inner = state.get(name)
    if (isPyObject(inner)) return fromFirstReader(inner, own, depth + 1)
  }
  return undefined
}

/** Feature names that a DataFrame gave at fit; pipelines and searches leave them to what they hold. */
export function featureNames(estimator: PyObject, elsewhere: (one: PyObject) => readonly string[] | undefined = () => undefined): readonly string[] | undefined {
  return fromFirstReader(estimator, (one) => ownNames(one) ?? elsewhere(one))
}

/** n_features_in_ (0.24 and later), or undefined. */
export function featureCount(estimator: PyObject): number | undefined {
  return fromFirstReader(estimator, ownCount)
}

/** True for the string 'passthrough', 'drop' and None, which stand for estimators in lists of them. */
export function isPlaceholder(value: PyValue | undefined): value is 'passthrough' | 'drop' | null {
  return value === 'passthrough' || value === 'drop' || value === null
}

export { isPyObject }
