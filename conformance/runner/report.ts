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

/** Failures that differ in one number only count as one. */
function withoutNumbers(text: string): string {
  return text.replace(/-?\d+(\.\d+)?([eE][+-]?\d+)?/g, '#')
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ').slice(0, 240)

/** A report to keep: counts by area, what was skipped, and failures grouped by the operator (or folder) of their vectors. */
export function markdownOf(outcomes: readonly Outcome[], command: string): string {
  const lines = [`Command: \`${command}\``, '', '| area | passed | failed | skipped |', '|---|---|---|---|']
  for (const { area, passed, failed, skipped } of countsByArea(outcomes)) lines.push(`| ${area} | ${passed} | ${failed} | ${skipped} |`)
  lines.push('', ...skipsOf(outcomes).map((line) => `- ${line}`))
  const groups = new Map<string, { vectors: number; readonly faults: Map<string, string> }>()
  for (const outcome of outcomes) {
    if (outcome.status !== 'failed') continue
    const [, ...path] = outcome.vector.path.split('/')
    const group = groups.get(path[0]) ?? { vectors: 0, faults: new Map<string, string>() }
    group.vectors++
    const text = faultText(outcome.fault)
    if (!group.faults.has(withoutNumbers(text))) group.faults.set(withoutNumbers(text), `${path.slice(1).join('/')}: ${text}`)
    groups.set(path[0], group)
  }
  lines.push('', '| failures of | vectors | the first of each kind |', '|---|---|---|')
  for (const [name, { vectors, faults }] of groups) lines.push(`| ${name} | ${vectors} | ${[...faults.values()].slice(0, 3).map(cell).join('<br>')} |`)
  return `${lines.join('\n')}\n`
}
