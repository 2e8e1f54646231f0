// scipy.sparse matrices, which pickles describe as objects with data, indices, indptr and _shape.
import { MleError } from '../../error.ts'
import { bytesPerElement, sizeOf, viewData } from '../../tensor/index.ts'
import { arrayAttribute, asInt32, asInteger, asList, attribute, expectNumericArray, optionalAttribute, placeOf } from './access.ts'
import { isPyObject, type NumericDType, type NumericNdArray, type PyObject, type PyValue } from './values.ts'
import type { NumericArray } from '../../tensor/index.ts'

/** A compressed sparse row matrix with checked indices: row r holds entries [rowStarts[r], rowStarts[r + 1]). */
export interface CsrMatrix {
  readonly dtype: NumericDType
  readonly rows: number
  readonly columns: number
  readonly data: NumericArray
  readonly columnIndices: Int32Array
  readonly rowStarts: Int32Array
}

const MAX_ROWS = 2 ** 24

type SparseForm = 'csr' | 'csc' | 'coo'

function sparseForm(value: PyValue | undefined): SparseForm | undefined {
  if (!isPyObject(value) || !(value.module === 'scipy.sparse' || value.module.startsWith('scipy.sparse.'))) return undefined
  const form = value.name.slice(0, 3)
  const rest = value.name.slice(3)
  if (rest !== '_matrix' && rest !== '_array') return undefined
  return form === 'csr' || form === 'csc' || form === 'coo' ? form : undefined
}

/** True for csr, csc and coo matrices and arrays of scipy. */
export function isSparse(value: PyValue | undefined): value is PyObject {
  return sparseForm(value) !== undefined
}

function sparseError(where: string, what: string): MleError {
  return new MleError('PICKLE_SPARSE', `${where}: ${what}`, { section: where })
}

/** The entries of a sparse matrix as (row, column) pairs in stored order, all inside its shape. Throws PICKLE_SPARSE. */
function entriesOf(value: PyObject, where: string): { rows: number; columns: number; dtype: NumericDType; data: NumericArray; row: Int32Array; column: Int32Array } {
  const form = sparseForm(value)
  if (form === undefined) throw sparseError(where, `${value.module}.${value.name} is no csr, csc or coo matrix`)
  const shape = asList(optionalAttribute(value, '_shape') ?? attribute(value, 'shape'), placeOf(value, '_shape')).map((dim) => asInteger(dim, placeOf(value, '_shape')))
  if (shape.length !== 2) throw sparseError(where, `shape [${shape.join(', ')}] has ${shape.length} dimensions, expected 2`)
  sizeOf(shape)
  const [rows, columns] = shape
  const { data, dtype } = arrayAttribute(value, 'data', 1)
  if (dtype === 'float16' || dtype === 'bfloat16') throw sparseError(where, `dtype ${dtype} is not supported in sparse matrices`)
  let row: Int32Array
  let column: Int32Array
  if (form === 'coo') {
    const coords = optionalAttribute(value, 'coords')
    const [rowValue, columnValue] = coords === undefined ? [attribute(value, 'row'), attribute(value, 'col')] : asList(coords, placeOf(value, 'coords'))
    row = indexArray(rowValue, placeOf(value, 'row'))
    column = indexArray(columnValue, placeOf(value, 'col'))
  } else {
    const minor = indexArray(attribute(value, 'indices'), placeOf(value, 'indices'))
    const major = expandPointers(indexArray(attribute(value, 'indptr'), placeOf(value, 'indptr')), form === 'csr' ? rows : columns, minor.length, where)
    row = form === 'csr' ? major : minor
    column = form === 'csr' ? minor : major
  }
  if (row.length !== data.length || column.length !== data.length) throw sparseError(where, `${data.length} values but ${row.length} row and ${column.length} column indices`)
  checkRange(row, rows, 'row', where)
  checkRange(column, columns, 'column', where)
  return { rows, columns, dtype, data, row, column }
}

function indexArray(value: PyValue | undefined, where: string): Int32Array {
  return asInt32(expectNumericArray(value, where, 1), where)
}

function expandPointers(pointers: Int32Array, majors: number, entries: number, where: string): Int32Array {
  if (pointers.length !== majors + 1) throw sparseError(where, `indptr has ${pointers.length} elements, expected ${majors + 1}`)
  if (pointers[0] !== 0 || pointers[majors] !== entries) throw sparseError(where, `indptr runs from ${pointers[0]} to ${pointers[majors]}, expected 0 to ${entries}`)
  const out = new Int32Array(entries)
  for (let major = 0; major < majors; major++) {
    if (pointers[major + 1] < pointers[major]) throw sparseError(where, `indptr decreases at ${major + 1}`)
    out.fill(major, pointers[major], pointers[major + 1])
  }
  return out
}

function checkRange(indices: Int32Array, bound: number, axis: string, where: string): void {
  for (let i = 0; i < indices.length; i++) {
    if (indices[i] < 0 || indices[i] >= bound) throw sparseError(where, `${axis} index ${indices[i]} of entry ${i} is outside [0, ${bound})`)
  }
}

/** Any sparse matrix as csr: entries of one row keep their stored order; duplicates stay. Throws PICKLE_SPARSE. */
export function toCsr(value: PyObject, where: string): CsrMatrix {
  const { rows, columns, dtype, data, row, column } = entriesOf(value, where)
  if (sparseForm(value) === 'csr') return { dtype, rows, columns, data, columnIndices: column, rowStarts: asInt32(arrayAttribute(value, 'indptr'), where) }
  // A coo matrix of a few bytes may claim any number of rows.
  if (rows > MAX_ROWS) throw sparseError(where, `${rows} rows exceed the limit of ${MAX_ROWS}`)
  const rowStarts = new Int32Array(rows + 1)
  for (const one of row) rowStarts[one + 1]++
  for (let r = 0; r < rows; r++) rowStarts[r + 1] += rowStarts[r]
  const next = rowStarts.slice()
  const sorted = allocateNumeric(dtype, data.length)
  const columnIndices = new Int32Array(data.length)
  for (let i = 0; i < data.length; i++) {
    const to = next[row[i]]++
    columnIndices[to] = column[i]
    copyElement(data, i, sorted, to)
  }
  return { dtype, rows, columns, data: sorted, columnIndices, rowStarts }
}

/**
 * A sparse matrix as a dense array [rows, columns] of its dtype; duplicate entries add up, as scipy does.
 *
 * @param maxElements refuses larger results: a sparse matrix of a few bytes may claim any shape
 */
export function toDense(value: PyObject, where: string, maxElements: number = 2 ** 27): NumericNdArray {
  const { rows, columns, dtype, data, row, column } = entriesOf(value, where)
  if (rows * columns > maxElements) throw sparseError(where, `${rows} x ${columns} elements exceed the limit of ${maxElements} for a dense copy`)
  const out = allocateNumeric(dtype, rows * columns)
  for (let i = 0; i < data.length; i++) addElement(data, i, out, row[i] * columns + column[i], dtype === 'bool')
  return { kind: 'ndarray', dtype, shape: [rows, columns], data: out }
}

function allocateNumeric(dtype: NumericDType, length: number): NumericArray {
  return viewData(dtype, new ArrayBuffer(length * bytesPerElement(dtype)), 0, length)
}

function isBigArray(data: NumericArray): data is BigInt64Array | BigUint64Array {
  return data instanceof BigInt64Array || data instanceof BigUint64Array
}

function copyElement(source: NumericArray, from: number, out: NumericArray, to: number): void {
  if (isBigArray(source) && isBigArray(out)) out[to] = source[from]
  else if (!isBigArray(source) && !isBigArray(out)) out[to] = source[from]
}

function addElement(source: NumericArray, from: number, out: NumericArray, to: number, isBool: boolean): void {
  if (isBigArray(source) && isBigArray(out)) out[to] += source[from]
  else if (!isBigArray(source) && !isBigArray(out)) out[to] = isBool ? out[to] | source[from] : out[to] + source[from]
}
