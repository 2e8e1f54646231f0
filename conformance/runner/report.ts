// What a run found: counts by area, and the first failures with all that is needed to look into them.
import type { Fault } from './judge.ts'
import { AREAS, type Vector } from './vectors.ts'

export type Outcome =
  | { readonly vector: Vector; readonly status: 'passed' }
  | { readonly vector: Vector; readonly status: 'failed'; readonly fault: Fault }
  | { readonly vector: Vector; readonly status: 'skipped'; readonly reason: string }

export interface Counts {
  readonly area: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export function countsByArea(outcomes: readonly Outcome[]): Counts[] {
  const rows = AREAS.map((area) => countsOf(area, outcomes.filter(({ vector }) => vector.area === area))).filter(({ passed, failed, skipped }) => passed + failed + skipped > 0)
  return [...rows, countsOf('total', outcomes)]
}

function countsOf(area: string, outcomes: readonly Outcome[]): Counts {
  const count = (status: Outcome['status']): number => outcomes.filter((outcome) => outcome.status === status).length
  return { area, passed: count('passed'), failed: count('failed'), skipped: count('skipped') }
}

export function tableOf(outcomes: readonly Outcome[]): string {
  const header = ['area', 'passed', 'failed', 'skipped']
  const rows = countsByArea(outcomes).map(({ area, passed, failed, skipped }) => [area, String(passed), String(failed), String(skipped)])
  const widths = header.map((_, i) => Math.max(...[header, ...rows].map((row) => row[i].length)))
  return [header, ...rows].map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ')).join('\n')
}

/** Skipped vectors by reason: a run that skips must say so. */
export function skipsOf(outcomes: readonly Outcome[]): string[] {
  const reasons = new Map<string, number>()
  for (const outcome of outcomes) if (outcome.status === 'skipped') reasons.set(outcome.reason, (reasons.get(outcome.reason) ?? 0) + 1)
  return [...reasons].map(([reason, count]) => `${count} skipped: ${reason}`)
}

export function faultText({ what, output, element, expected, got, bound, count }: Fault): string {
  const where = output === undefined ? '' : `output ${output}: `
  if (element === undefined) return `${where}${what}${expected === undefined ? '' : `: expected ${expected}, got ${got ?? 'nothing'}`}`
  const others = count !== undefined && count > 1 ? `, and ${count - 1} more` : ''
  return `${where}element [${element.join(', ')}]: expected ${expected}, got ${got}, allowed difference ${bound}${others}`
}
