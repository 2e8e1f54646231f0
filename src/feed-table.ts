// Rows of a table, turned into feeds: columns go to the graph inputs that read them. Loaded for models that have named columns.
import { categoryPositions } from './columns.ts'
import { MleError } from './error.ts'
import { checkedShape, isRowObjects, numberOf, writer, type Fed, type Row, type RowObject } from './feed.ts'
import type { Column, ValueInfo } from './graph/graph.ts'
import { isTensorType } from './ops/types.ts'
import { isRow } from './tensor/tensor.ts'

export type TableFeeds = typeof tableFeeds

/**
 * Feeds for a table model: rows as objects keyed by column name, or as arrays in the order of `columns`.
 *
 * @throws MleError INPUT_COLUMNS naming missing or unknown columns
 */
export function tableFeeds(inputs: readonly ValueInfo[], columns: readonly Column[], rows: readonly RowObject[] | readonly Row[]): Map<string, Fed> {
  const byObject = isRowObjects(rows)
  if (byObject) checkColumnNames(columns, rows)
  else {
    const wrong = (rows as readonly Row[]).findIndex((row) => row.length !== columns.length)
    if (wrong >= 0) {
      const actual = (rows as readonly Row[])[wrong].length
      throw new MleError('INPUT_COLUMNS', `row ${wrong} has ${actual} values, but the model has ${columns.length} columns: ${columns.map((c) => c.name).join(', ')}`, { expected: columns.length, actual })
    }
  }
  const feeds = new Map<string, Fed>()
  for (const info of inputs) {
    if (!isTensorType(info.type)) throw new MleError('INPUT_COLUMNS', `input ${JSON.stringify(info.name)} is no tensor and cannot be filled from columns`)
    const own = columns.flatMap((column, position) => (column.input === info.name ? [{ column, position, positionOf: categoryPositions(column) }] : [])).sort((a, b) => a.column.index - b.column.index)
    const width = own.length
    const cells = (row: RowObject | Row, { column, position }: (typeof own)[number]): unknown =>
      isRow(row) ? row[position] : Object.hasOwn(row, column.name) ? (row as RowObject)[column.name] : null
    const isText = info.type.dtype === 'string'
    const shape = checkedShape(info, info.type, info.type.shape?.length === 1 ? [rows.length] : [rows.length, width])
    feeds.set(info.name, {
      shape,
      fill(view, firstRow, count) {
        const strings = isText ? (view.data as (string | null)[]) : undefined
        const write = isText ? undefined : writer(info, view)
        let at = 0
        for (let r = firstRow; r < firstRow + count; r++) {
          for (const cell of own) {
            const value = cells(rows[r], cell)
            if (strings !== undefined) strings[at++] = stringOf(value)
            else if (cell.positionOf !== undefined && (byObject || typeof value === 'string')) write?.(at++, cell.positionOf(value, r))
            else {
              const number = numberOf(value)
              if (number === undefined) {
                throw new MleError('INPUT_VALUE', `row ${r}, column ${JSON.stringify(cell.column.name)} is ${JSON.stringify(String(value))}, expected a number`, { section: `input ${info.name}` })
              }
              write?.(at++, number)
            }
          }
        }
      },
    })
  }
  return feeds
}

function stringOf(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (value === null || value === undefined || (typeof value === 'number' && Number.isNaN(value))) return null
  return String(value)
}

function checkColumnNames(columns: readonly Column[], rows: readonly RowObject[]): void {
  const known = new Set(columns.map((column) => column.name))
  const unknown = Object.keys(rows[0]).filter((key) => !known.has(key))
  const missing = columns.filter((column) => !Object.hasOwn(rows[0], column.name)).map((column) => column.name)
  if (missing.length === columns.length || (unknown.length > 0 && missing.length > 0)) {
    throw new MleError('INPUT_COLUMNS', `row 0 lacks ${missing.map((n) => JSON.stringify(n)).join(', ')}${unknown.length ? ` and has unknown ${unknown.map((n) => JSON.stringify(n)).join(', ')}` : ''}; the model's columns are ${columns.map((c) => c.name).join(', ')}`)
  }
  if (unknown.length > 0) {
    throw new MleError('INPUT_COLUMNS', `row 0 has ${unknown.map((n) => JSON.stringify(n)).join(', ')}, unknown to the model; its columns are ${columns.map((c) => c.name).join(', ')}`)
  }
}
