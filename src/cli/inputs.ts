// Input files -> what a model's graph inputs take. A file is an array (.npy), a table (.csv, .json) or nested lists (.json).
import { readFileSync } from 'node:fs'
import { categoryPositions } from '../columns.ts'
import { MleError } from '../error.ts'
import type { InputRecord, InputValue } from '../feed.ts'
import type { Column, Graph, ValueInfo } from '../graph/graph.ts'
import { isTensorType, type ValueType } from '../ops/types.ts'
import { isFloat, type DType } from '../tensor/dtype.ts'
import { tensor, type Nested, type Tensor } from '../tensor/tensor.ts'
import { UsageError } from './command.ts'
import { csvNumber, readCsv } from './csv.ts'

/** A cell as JSON gives it, or the text of a CSV cell. */
type Cell = string | number | boolean | null

interface Table {
  /** Absent for plain lists of rows. */
  readonly columns?: readonly string[]
  readonly rows: readonly (readonly Cell[])[]
  /** Every cell is text, numbers included. */
  readonly textual: boolean
}

type Loaded =
  | { readonly kind: 'array'; readonly path: string; readonly tensor: Tensor }
  | { readonly kind: 'table'; readonly path: string; readonly table: Table }
  | { readonly kind: 'objects'; readonly path: string; readonly objects: readonly object[] }
  | { readonly kind: 'nested'; readonly path: string; readonly value: unknown }

/**
 * Reads `[NAME=]FILE` arguments for a graph. One unnamed table fills all inputs by its columns; other unnamed files go to
 * the inputs that are left, in graph order.
 *
 * @throws MleError CLI_INPUTS, CLI_JSON, CLI_VALUE, CLI_FILE, INPUT_COLUMNS, CSV_*, NPY_*
 */
export async function readInputs(graph: Graph, specs: readonly string[]): Promise<InputRecord> {
  const names = new Set(graph.inputs.map((info) => info.name))
  const files = new Map<string, Loaded>()
  const unnamed: Loaded[] = []
  for (const spec of specs) {
    const name = [...names].find((candidate) => spec.startsWith(`${candidate}=`))
    if (name === undefined) {
      unnamed.push(await loadFile(spec))
    } else {
      if (files.has(name)) throw new UsageError(`--input ${name}= is given twice`)
      files.set(name, await loadFile(spec.slice(name.length + 1)))
    }
  }
  if (files.size === 0 && unnamed.length === 1 && (graph.inputs.length > 1 || graph.metadata.columns !== undefined)) {
    const spread = spreadTable(graph, unnamed[0])
    if (spread !== undefined) return spread
  }
  const record: Record<string, InputValue> = Object.create(null)
  for (const info of graph.inputs) {
    const file = files.get(info.name) ?? unnamed.shift()
    if (file !== undefined) record[info.name] = inputValue(info, file)
  }
  if (unnamed.length > 0) {
    throw new MleError('CLI_INPUTS', `${unnamed[0].path} is one input file too many: the model has ${graph.inputs.length === 1 ? 'one input' : `${graph.inputs.length} inputs`}, ${[...names].join(', ')}`)
  }
  return record
}

async function loadFile(path: string): Promise<Loaded> {
  const extension = /\.(npy|csv|json)$/i.exec(path)?.[1].toLowerCase()
  if (extension === undefined) throw new UsageError(`${path}: inputs are .npy, .csv or .json files`)
  const bytes = readBytes(path)
  if (extension === 'npy') {
    const { readNpy } = await import('../tensor/npy.ts')
    return { kind: 'array', path, tensor: readNpy(bytes) }
  }
  const text = decode(path, bytes)
  if (extension === 'csv') {
    try {
      return { kind: 'table', path, table: { ...readCsv(text), textual: true } }
    } catch (error) {
      if (error instanceof MleError) throw new MleError(error.code, `${path}: ${error.message}`, error)
      throw error
    }
  }
  return loadedJson(path, text)
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new MleError('CLI_FILE', `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    throw new MleError('CLI_UTF8', `${path} is not UTF-8 text; save it as UTF-8`)
  }
}

function loadedJson(path: string, text: string): Loaded {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new MleError('CLI_JSON', `${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (Array.isArray(value)) {
    if (value.length > 0 && value.every(isPlainObject)) return { kind: 'objects', path, objects: value }
    if (value.length > 0 && value.every(isNumberedColumn)) return { kind: 'table', path, table: { rows: rowsOfColumns(path, value), textual: false } }
    if (value.length > 0 && value.every((row): row is Cell[] => Array.isArray(row) && row.every(isCell))) return { kind: 'table', path, table: { rows: value, textual: false } }
    return { kind: 'nested', path, value }
  }
  if (isPlainObject(value)) {
    const { columns, rows } = value as { columns?: unknown; rows?: unknown }
    if (Array.isArray(columns) && columns.every((name) => typeof name === 'string') && Array.isArray(rows)) {
      const wrong = rows.findIndex((row) => !Array.isArray(row) || row.length !== columns.length || !row.every(isCell))
      if (wrong >= 0) throw new MleError('CLI_JSON', `${path}: row ${wrong} is no list of ${columns.length} values, one for each column`)
      return { kind: 'table', path, table: { columns, rows, textual: false } }
    }
    throw new MleError('CLI_JSON', `${path} holds an object; expected lists, a list of objects, or {"columns": [...], "rows": [...]}`)
  }
  return { kind: 'nested', path, value }
}

/** A column by its number in the training table, and what values it can have, which is not needed here. */
type NumberedColumn = readonly [number: number, values: readonly Cell[], categories?: readonly Cell[]]

function isNumberedColumn(value: unknown): value is NumberedColumn {
  return Array.isArray(value) && (value.length === 2 || value.length === 3) && Number.isSafeInteger(value[0]) && value.slice(1).every((cells) => Array.isArray(cells) && cells.every(isCell))
}

/** Rows of a list of numbered columns, which may come in any order. */
function rowsOfColumns(path: string, columns: readonly NumberedColumn[]): Cell[][] {
  const sorted = [...columns].sort(([a], [b]) => a - b)
  const height = sorted[0][1].length
  sorted.forEach(([number, values], i) => {
    if (i > 0 && number === sorted[i - 1][0]) throw new MleError('CLI_JSON', `${path}: column ${number} is there twice`)
    if (values.length !== height) throw new MleError('CLI_JSON', `${path}: column ${number} has ${values.length} values, column ${sorted[0][0]} has ${height}`)
  })
  return Array.from({ length: height }, (_, row) => sorted.map(([, values]) => values[row]))
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isCell(value: unknown): value is Cell {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

/** A whole table over the inputs by the model's columns, or by input names; undefined where neither applies. */
function spreadTable(graph: Graph, file: Loaded): InputRecord | undefined {
  const { columns = namedByInput(graph, file) } = graph.metadata
  if (columns === undefined || columns.length === 0) return undefined
  const table = tableOf(file, columns.map((column) => column.name))
  if (table === undefined || (table.columns === undefined && graph.inputs.length === 1)) return undefined
  const positions = columnPositions(file.path, table, columns)
  const record: Record<string, InputValue> = Object.create(null)
  for (const info of graph.inputs) {
    if (!isTensorType(info.type)) return undefined
    const own = columns.flatMap((column, i) => (column.input === info.name ? [{ column, position: positions[i] }] : [])).sort((a, b) => a.column.index - b.column.index)
    record[info.name] = cellsTensor(info, info.type, file.path, table, own.map(({ position }) => position), own.map(({ column }) => column.name), own.map(({ column }) => categoryPositions(column)))
  }
  return record
}

/** For models with one input per column, as converters of table models to ONNX make them: inputs are columns. */
function namedByInput(graph: Graph, file: Loaded): readonly Column[] | undefined {
  const names = new Set(file.kind === 'table' ? file.table.columns : file.kind === 'objects' ? Object.keys(file.objects[0]) : [])
  return graph.inputs.every((info) => names.has(info.name)) ? graph.inputs.map((info) => ({ name: info.name, input: info.name, index: 0 })) : undefined
}

function tableOf(file: Loaded, names: readonly string[]): Table | undefined {
  if (file.kind === 'table') return file.table
  if (file.kind === 'objects') return objectTable(file.path, file.objects, names)
  if (file.kind === 'array' && file.tensor.shape.length === 2) {
    const [rows, width] = file.tensor.shape
    const { data } = file.tensor
    const cells = Array.from({ length: data.length }, (_, i): Cell => {
      const value = data[i]
      return typeof value === 'bigint' ? Number(value) : value
    })
    return { rows: Array.from({ length: rows }, (_, r) => cells.slice(r * width, (r + 1) * width)), textual: false }
  }
  return undefined
}

function objectTable(path: string, objects: readonly object[], names: readonly string[]): Table {
  const known = new Set(names)
  const maps = objects.map((object) => new Map<string, unknown>(Object.entries(object)))
  const present = new Set<string>()
  maps.forEach((map, r) => {
    for (const [key, value] of map) {
      if (!known.has(key)) continue
      if (!isCell(value)) throw new MleError('CLI_VALUE', `${path}: row ${r}, column ${JSON.stringify(key)} is ${JSON.stringify(value).slice(0, 40)}, expected a number, a text or null`)
      present.add(key)
    }
  })
  const columns = names.filter((name) => present.has(name))
  return { columns, rows: maps.map((map) => columns.map((name) => (map.get(name) ?? null) as Cell)), textual: false }
}

/** Where each of the model's columns stands in the table. Further columns of the table, such as the target, are left alone. */
function columnPositions(path: string, table: Table, columns: readonly Column[]): number[] {
  if (table.columns === undefined) {
    const wrong = table.rows.findIndex((row) => row.length !== columns.length)
    if (wrong >= 0) {
      throw new MleError('INPUT_COLUMNS', `${path}: row ${wrong} has ${table.rows[wrong].length} values, the model has ${columns.length} columns: ${columns.map((column) => column.name).join(', ')}`)
    }
    return columns.map((_, i) => i)
  }
  const at = new Map(table.columns.map((name, i) => [name, i]))
  return columns.map(({ name }) => {
    const position = at.get(name)
    if (position === undefined) throw new MleError('INPUT_COLUMNS', `${path} lacks the column ${JSON.stringify(name)}; it has ${[...at.keys()].map((n) => JSON.stringify(n)).join(', ')}`, { expected: name })
    return position
  })
}

/** What one graph input takes from one file. */
function inputValue(info: ValueInfo, file: Loaded): InputValue {
  if (file.kind === 'array') return file.tensor
  // Vectorizers of dicts take each row as it stands in the file.
  if (info.sourceDtype === 'dict') return (file.kind === 'objects' ? file.objects : file.kind === 'table' ? file.table.rows : file.value) as InputValue
  if (!isTensorType(info.type)) return containerValue(info.type, file)
  if (file.kind === 'objects') {
    const columns = Object.keys(file.objects[0])
    return inputValue(info, { kind: 'table', path: file.path, table: objectTable(file.path, file.objects, columns) })
  }
  if (file.kind === 'table') {
    const { rows, columns } = file.table
    const width = columns?.length ?? rows[0]?.length ?? 0
    const ragged = rows.findIndex((row) => row.length !== width)
    if (ragged >= 0) throw new MleError('TENSOR_RAGGED', `${file.path}: row ${ragged} has ${rows[ragged].length} values, row 0 has ${width}`, { expected: width, actual: rows[ragged].length })
    return cellsTensor(info, info.type, file.path, file.table, Array.from({ length: width }, (_, i) => i), columns)
  }
  return nestedTensor(info.type.dtype, file.path, file.value)
}

function containerValue(type: ValueType, file: Loaded): InputValue {
  if (file.kind === 'objects') {
    const maps = file.objects.map((object) => new Map<string, Tensor>(Object.entries(object).map(([key, value]) => [key, tensor(value as Nested, [])])))
    return 'map' in type && maps.length === 1 ? maps[0] : (maps as unknown as InputValue)
  }
  throw new MleError('CLI_VALUE', `${file.path}: this input takes ${'sequence' in type ? 'a list' : 'one'} of JSON objects`)
}

function cellsTensor(info: ValueInfo, type: { readonly dtype: DType; readonly shape?: readonly unknown[] }, path: string, table: Table, positions: readonly number[], names: readonly string[] | undefined, recode: readonly ReturnType<typeof categoryPositions>[] = []): Tensor {
  const { rows, textual } = table
  const width = positions.length
  const shape = type.shape?.length === 1 && width === 1 ? [rows.length] : [rows.length, width]
  if (type.dtype === 'string') {
    const data = rows.flatMap((row) => positions.map((position) => textCell(row[position])))
    return { dtype: 'string', shape, data }
  }
  const data = new Float64Array(rows.length * width)
  let at = 0
  rows.forEach((row, r) => {
    positions.forEach((position, c) => {
      const cell = row[position]
      const positionOf = recode[c]
      // Tables with a header give the categories themselves, plain rows of numbers their positions.
      const isCategory = positionOf !== undefined && (table.columns !== undefined || typeof cell === 'string')
      const value = isCategory ? positionOf(cell, r) : textual && typeof cell === 'string' ? csvNumber(cell) : jsonNumber(cell)
      if (value === undefined) {
        const column = names === undefined ? String(position) : JSON.stringify(names[c])
        throw new MleError('CLI_VALUE', `${path}: row ${r}, column ${column} is ${JSON.stringify(cell)}, but input ${info.name} takes numbers`)
      }
      data[at++] = value
    })
  })
  // The engine converts and checks the range: a wide type keeps every value until then.
  return isFloat(type.dtype) ? { dtype: 'float64', shape, data } : tensor(Array.from(data), shape, 'int64')
}

function textCell(cell: Cell): string | null {
  return cell === null || typeof cell === 'string' ? cell : String(cell)
}

/** JSON has no words for these three, so they are written as strings, as the command writes them too. */
function jsonNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (value === null) return NaN
  if (typeof value === 'boolean') return value ? 1 : 0
  if (value === 'NaN') return NaN
  if (value === 'Infinity') return Infinity
  return value === '-Infinity' ? -Infinity : undefined
}

/** More dimensions than any array has. */
const MAX_DEPTH = 64

function nestedTensor(dtype: DType, path: string, value: unknown): Tensor {
  const convert = (item: unknown, depth: number): Nested => {
    if (depth > MAX_DEPTH) throw new MleError('CLI_VALUE', `${path}: lists nest deeper than ${MAX_DEPTH} levels`)
    if (Array.isArray(item)) return item.map((inner) => convert(inner, depth + 1))
    if (!isCell(item)) throw new MleError('CLI_VALUE', `${path}: ${JSON.stringify(item)?.slice(0, 40)} is no number, text or null`)
    if (dtype === 'string') return textCell(item)
    const number = jsonNumber(item)
    if (number === undefined) throw new MleError('CLI_VALUE', `${path}: ${JSON.stringify(item)} is no number`)
    return number
  }
  return tensor(convert(value, 0), undefined, dtype === 'string' ? 'string' : isFloat(dtype) ? 'float64' : 'int64')
}
