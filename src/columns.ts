// Values of category columns -> the positions that a model reads, as the training library recodes a table.
import { MleError } from './error.ts'
import type { Column } from './graph/graph.ts'

/**
 * What turns a table's value in `column` into its position among the column's categories; undefined for columns without categories.
 * Missing values (null, NaN) stay missing. Digits count as numbers where the categories are numbers.
 *
 * @throws MleError INPUT_CATEGORY (from the function) for a value that training did not see, unless the library takes it as missing
 */
export function categoryPositions({ name, input, categories, unseen }: Column): ((value: unknown, row: number) => number) | undefined {
  if (categories === undefined) return undefined
  const positions = new Map(categories.map((category, position) => [category, position]))
  return (value, row) => {
    if (value === null || value === undefined || (typeof value === 'number' && Number.isNaN(value))) return NaN
    const own = typeof value === 'string' ? value : Number(value)
    const position = positions.get(own) ?? (typeof own === 'string' && own.trim() !== '' ? positions.get(Number(own)) : positions.get(String(own)))
    if (position !== undefined) return position
    if (unseen === 'missing') return NaN
    const shown = categories.slice(0, 8).map((category) => JSON.stringify(category)).join(', ')
    throw new MleError('INPUT_CATEGORY', `row ${row}, column ${JSON.stringify(name)} is ${JSON.stringify(String(value))}, which training did not see; it knows ${shown}${categories.length > 8 ? ` and ${categories.length - 8} more` : ''}`, { section: `input ${input}`, actual: String(value) })
  }
}
