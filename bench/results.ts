// What workloads hand to the report.
import type { Effort, Result } from './measure.ts'

/** Engines by rows, conditions by columns; the first engine is what ratios refer to. */
export interface Table {
  readonly title: string
  readonly about?: string
  readonly columns: readonly string[]
  readonly rows: readonly { readonly engine: string; readonly cells: readonly (Cell | null)[] }[]
  /** What a cell is; times are microseconds. Ratios above 1 are in favour of the first engine. */
  readonly unit: 'us' | 'bytes' | 'GFLOP/s'
}

export interface Cell {
  readonly value: number
  /** Percent up and down between rounds. */
  readonly spread?: number
}

export interface WorkloadResult {
  readonly workload: string
  readonly measured: string
  readonly quick: boolean
  readonly machine: string
  readonly node: string
  readonly tables: readonly Table[]
}

export interface Context {
  readonly quick: boolean
  readonly effort: Effort
}

export type Workload = (context: Context) => Promise<Table[]>

/** One column of a table from measured engines; further columns are added by `joined`. */
export interface Column {
  readonly name: string
  readonly results: readonly Result[]
}

export function joined(title: string, about: string, columns: readonly Column[]): Table {
  const engines = [...new Set(columns.flatMap(({ results }) => results.map(({ engine }) => engine)))]
  return {
    title,
    about,
    unit: 'us',
    columns: columns.map(({ name }) => name),
    rows: engines.map((engine) => ({
      engine,
      cells: columns.map(({ results }): Cell | null => {
        const found = results.find((result) => result.engine === engine)
        return found === undefined ? null : { value: found.us, spread: found.spread }
      }),
    })),
  }
}
