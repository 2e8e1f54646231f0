// Results as columns of a table: one row for each row of the input.
import type { OutputValue } from '../runs.ts'
import { sizeOf } from '../tensor/shape.ts'
import { isTensor, type Tensor } from '../tensor/tensor.ts'
import { elementText, jsonText } from './json.ts'
import type { Column } from './table.ts'

export const SHOWN_ROWS = 20
const SHOWN_COLUMNS = 12
const SIGNIFICANT_DIGITS = 6

/** Columns of one result; `classes` name the columns of probabilities. */
export function resultColumns(name: string, value: OutputValue, classes: readonly (string | number)[] | undefined): Column[] {
  if (!isTensor(value)) {
    const items = Array.isArray(value) ? value : [value]
    const cells = items.slice(0, SHOWN_ROWS).map((item: OutputValue) => jsonText(item).trim().replaceAll(/\s+/g, ' '))
    return [{ title: name, cells, numeric: false }]
  }
  const { shape } = value
  const rows = shape.length === 0 ? 1 : shape[0]
  const width = rows === 0 ? sizeOf(shape.slice(1)) : sizeOf(shape) / rows
  const shown = Math.min(rows, SHOWN_ROWS)
  const columns = Array.from({ length: Math.min(width, SHOWN_COLUMNS) }, (_, c): Column => ({
    title: width === 1 ? name : `${name}[${classes?.length === width ? classes[c] : indexText(shape.slice(1), c)}]`,
    cells: Array.from({ length: shown }, (__, r) => cellText(value, r * width + c)),
    numeric: value.dtype !== 'string',
  }))
  if (width > SHOWN_COLUMNS) columns.push({ title: `... ${width - SHOWN_COLUMNS} more`, cells: new Array<string>(shown).fill(''), numeric: false })
  return columns
}

function indexText(shape: readonly number[], flat: number): string {
  const index: number[] = []
  let rest = flat
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(rest % shape[axis])
    rest = Math.floor(rest / shape[axis])
  }
  return index.join(', ')
}

function cellText(tensor: Tensor, index: number): string {
  const value = tensor.data[index]
  if (typeof value === 'string') return value
  if (value === null) return ''
  if (typeof value === 'number' && tensor.dtype.startsWith('float') && tensor.dtype !== 'float16') {
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(SIGNIFICANT_DIGITS)))
  }
  return elementText(tensor)(index).replaceAll('"', '')
}
