// A fitted scikit-learn estimator as the pickle reader would describe it, put together from the arrays and settings of an old
// file. The scikit-learn importer then knows the rest: decision rules, probabilities, names of outputs.
import type { Graph } from '../../graph/graph.ts'
import type { NumericNdArray, PyDType, PyObject, PyValue, StructNdArray } from '../pickle/index.ts'
import { importSklearn } from '../sklearn/index.ts'
import type { LegacyMetadata } from './metadata.ts'

/** What a lowering gives: the graph, and what the file lacks in words. */
export interface Lowered {
  readonly graph: Graph
  readonly notes: readonly string[]
}

export const LABEL_NOTE = 'the file does not keep class labels: a label is the position of its class in sorted order, 0, 1, ...'

/** An object of a class; `module` is enough to know scikit-learn's. */
export function pyObject(name: string, state: Iterable<readonly [string, PyValue]>, module: string = 'sklearn'): PyObject {
  return { kind: 'object', module, name, args: [], state: new Map(state), offset: 0 }
}

export function float64Array(data: Float64Array, shape: readonly number[] = [data.length]): NumericNdArray {
  return { kind: 'ndarray', dtype: 'float64', shape, data }
}

export function int32Array(data: Int32Array, shape: readonly number[] = [data.length]): NumericNdArray {
  return { kind: 'ndarray', dtype: 'int32', shape, data }
}

/** classes_ of a classifier whose labels are lost: 0, 1, ... */
export function positions(count: number): NumericNdArray {
  return { kind: 'ndarray', dtype: 'int64', shape: [count], data: BigInt64Array.from({ length: count }, (_, i) => BigInt(i)) }
}

const COLUMN_TYPES: { readonly [key in 'int32' | 'float64']: PyDType } = {
  int32: { kind: 'dtype', code: 'i4', element: 'int32', itemBytes: 4, bigEndian: false, fields: [], subShape: [] },
  float64: { kind: 'dtype', code: 'f8', element: 'float64', itemBytes: 8, bigEndian: false, fields: [], subShape: [] },
}

/** A structured array from columns of one length. */
export function recordArray(columns: readonly (readonly [string, Int32Array | Float64Array])[]): StructNdArray {
  const types = columns.map(([, data]) => COLUMN_TYPES[data instanceof Int32Array ? 'int32' : 'float64'])
  const itemBytes = types.reduce((sum, type) => sum + type.itemBytes, 0)
  const count = columns[0][1].length
  const out = new Uint8Array(count * itemBytes)
  const view = new DataView(out.buffer)
  let byteOffset = 0
  const fields = columns.map(([name, data], i) => {
    const field = { name, byteOffset, dtype: types[i] }
    for (let r = 0; r < count; r++) {
      if (data instanceof Int32Array) view.setInt32(r * itemBytes + byteOffset, data[r], true)
      else view.setFloat64(r * itemBytes + byteOffset, data[r], true)
    }
    byteOffset += types[i].itemBytes
    return field
  })
  return { kind: 'ndarray', dtype: 'struct', shape: [count], data: out, itemBytes, fields }
}

/** Settings of the estimator and its version; lists and texts of other objects are left out, nothing reads them. */
export function settingsOf(metadata: LegacyMetadata): [string, PyValue][] {
  const out: [string, PyValue][] = []
  for (const [name, value] of metadata.parameters) {
    if (value === null || typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') out.push([name, value])
  }
  if (metadata.frameworkVersion !== undefined) out.push(['_sklearn_version', metadata.frameworkVersion])
  return out
}

/** Imports an estimator of the file's class with its settings and the given fitted attributes. */
export function importRebuilt(metadata: LegacyMetadata, fitted: readonly (readonly [string, PyValue])[], notes: readonly string[], name: string = metadata.modelType): Lowered {
  return { graph: importSklearn(pyObject(name, [...settingsOf(metadata), ...fitted])), notes }
}
