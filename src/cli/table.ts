// Tables for people: aligned columns, numbers to the right.

export interface Column {
  readonly title: string
  readonly cells: readonly string[]
  /** Numbers: aligned at the end. */
  readonly numeric: boolean
}

/** Lines of an aligned table. */
export function tableText(columns: readonly Column[]): string {
  const widths = columns.map(({ title, cells }) => cells.reduce((width, cell) => Math.max(width, cell.length), title.length))
  const line = (texts: readonly string[]): string => texts.map((text, i) => (columns[i].numeric ? text.padStart(widths[i]) : text.padEnd(widths[i]))).join('  ').trimEnd()
  const rows = columns[0]?.cells.length ?? 0
  return [line(columns.map(({ title }) => title)), ...Array.from({ length: rows }, (_, r) => line(columns.map(({ cells }) => cells[r])))].join('\n')
}

/** 1234567 -> 1.23 MB. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`
}
