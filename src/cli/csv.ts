// Comma-separated values: RFC 4180 with a header row, https://www.rfc-editor.org/rfc/rfc4180
import { MleError } from '../error.ts'

export interface CsvTable {
  readonly columns: readonly string[]
  /** Cells as text in the order of `columns`; null where a cell is empty. */
  readonly rows: readonly (readonly (string | null)[])[]
}

/** Above what a table of any real model has; a table that does not fit is a mistake or an attack. */
export const CSV_LIMITS: { readonly columns: number; readonly cells: number; readonly cellCharacters: number } = {
  columns: 100_000,
  cells: 100_000_000,
  cellCharacters: 1_000_000,
}

function csvError(code: string, message: string, line: number): MleError {
  return new MleError(code, `line ${line}: ${message}`, { offset: line })
}

/**
 * Reads a table. Lines end in LF or CRLF; a cell in double quotes may hold commas, line ends and doubled quotes; blank
 * lines are skipped and an empty cell is a missing value, quoted or not, as pandas reads them.
 *
 * @throws MleError CSV_EMPTY, CSV_HEADER, CSV_QUOTE, CSV_RAGGED, CSV_LIMIT
 */
export function readCsv(text: string, limits: typeof CSV_LIMITS = CSV_LIMITS): CsvTable {
  const rows: (string | null)[][] = []
  let columns: readonly string[] | undefined
  let row: (string | null)[] = []
  let line = 1
  let rowLine = 1
  let cells = 0
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0

  const endRow = (): void => {
    if (columns === undefined) {
      columns = checkedHeader(row, rowLine)
    } else {
      if (row.length !== columns.length) throw csvError('CSV_RAGGED', `row has ${row.length} cells, the header has ${columns.length}`, rowLine)
      cells += row.length
      if (cells > limits.cells) throw csvError('CSV_LIMIT', `more than ${limits.cells} cells; split the file`, line)
      rows.push(row)
    }
    row = []
  }

  while (at < text.length) {
    const first = text.charCodeAt(at)
    if (row.length === 0) {
      rowLine = line
      const blank = lineEnd(text, at)
      if (blank > 0) {
        at += blank
        line++
        continue
      }
    }
    let cell: string
    if (first === QUOTE) {
      let end = at + 1
      let doubled = false
      for (;;) {
        end = text.indexOf('"', end)
        if (end < 0) throw csvError('CSV_QUOTE', 'a quoted cell has no closing quote', line)
        if (text.charCodeAt(end + 1) !== QUOTE) break
        doubled = true
        end += 2
      }
      cell = text.slice(at + 1, end)
      for (let i = cell.indexOf('\n'); i >= 0; i = cell.indexOf('\n', i + 1)) line++
      if (doubled) cell = cell.replaceAll('""', '"')
      at = end + 1
      if (at < text.length && text.charCodeAt(at) !== COMMA && lineEnd(text, at) === 0) throw csvError('CSV_QUOTE', `${JSON.stringify(text[at])} follows a closing quote, expected a comma or the end of the line`, line)
    } else {
      let end = at
      while (end < text.length && text.charCodeAt(end) !== COMMA && lineEnd(text, end) === 0) end++
      cell = text.slice(at, end)
      if (cell.includes('"')) throw csvError('CSV_QUOTE', `a quote stands inside the unquoted cell ${JSON.stringify(cell.slice(0, 40))}; quote the cell and double its quotes`, line)
      at = end
    }
    if (cell.length > limits.cellCharacters) throw csvError('CSV_LIMIT', `a cell of ${cell.length} characters exceeds the limit of ${limits.cellCharacters}`, line)
    row.push(cell === '' ? null : cell)
    if (row.length > limits.columns) throw csvError('CSV_LIMIT', `more than ${limits.columns} columns`, line)
    if (text.charCodeAt(at) === COMMA) {
      at++
      // A comma before the end of the line or of the text stands before one more, empty cell.
      const end = at === text.length ? 0 : lineEnd(text, at)
      if (end === 0 && at < text.length) continue
      row.push(null)
    }
    endRow()
    if (at < text.length) {
      at += lineEnd(text, at)
      line++
    }
  }
  if (columns === undefined) throw csvError('CSV_EMPTY', 'the file has no header row', 1)
  return { columns, rows }
}

const QUOTE = 0x22
const COMMA = 0x2c

/** Length of the line end at `at`: 1 for LF, 2 for CRLF, 0 elsewhere. */
function lineEnd(text: string, at: number): number {
  const code = text.charCodeAt(at)
  if (code === 0x0a) return 1
  return code === 0x0d && text.charCodeAt(at + 1) === 0x0a ? 2 : 0
}

function checkedHeader(cells: readonly (string | null)[], line: number): readonly string[] {
  const seen = new Set<string>()
  return cells.map((cell, i) => {
    // pandas writes its index under an empty name; other columns have names.
    const name = cell ?? (i === 0 ? '' : undefined)
    if (name === undefined) throw csvError('CSV_HEADER', `column ${i + 1} has no name`, line)
    if (seen.has(name)) throw csvError('CSV_HEADER', `two columns are named ${JSON.stringify(name)}`, line)
    seen.add(name)
    return name
  })
}

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/

/** A number as Python or pandas writes it; NaN for a missing cell; undefined for other text. */
export function csvNumber(cell: string | null): number | undefined {
  if (cell === null) return NaN
  const text = cell.trim()
  if (NUMBER.test(text)) return Number(text)
  const word = /^([+-]?)([a-z/]+)$/i.exec(text)
  switch (word?.[2].toLowerCase()) {
    case 'nan': case 'na': case 'n/a': case 'null': case 'none': return word?.[1] === '' ? NaN : undefined
    case 'inf': case 'infinity': return word?.[1] === '-' ? -Infinity : Infinity
    case 'true': return word?.[1] === '' ? 1 : undefined
    case 'false': return word?.[1] === '' ? 0 : undefined
    default: return undefined
  }
}
