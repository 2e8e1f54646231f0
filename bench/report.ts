// bench/results/*.json -> bench/RESULTS.md.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { peerVersion } from './peers.ts'
import type { Cell, Table, WorkloadResult } from './results.ts'
import { TARGETS } from './targets.ts'
import { WORKLOADS } from './workloads/index.ts'

const FOLDER = join(import.meta.dirname, 'results')

export function readResults(): Map<string, WorkloadResult> {
  const results = new Map<string, WorkloadResult>()
  if (!existsSync(FOLDER)) return results
  const names = readdirSync(FOLDER)
  for (const name of WORKLOADS.keys()) if (names.includes(`${name}.json`)) results.set(name, JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as WorkloadResult)
  return results
}

export function writeReport({ python, failures }: { readonly python: string; readonly failures: readonly string[] }): void {
  const results = readResults()
  const [first] = results.values()
  const lines = [
    '# Beside other runtimes',
    '',
    'Written by `npm run bench`; see [README.md](README.md) for how. Medians over rounds in which the engines take turns; ± is half the distance between the',
    'slowest and the fastest round. In brackets: how many times as long as the first engine of the table (above 1: the first is faster). All engines agreed on',
    'the outputs before anything was timed. Every engine has one thread, unless a table says otherwise.',
    '',
    ...(first === undefined ? [] : [`- machine: ${[...new Set([...results.values()].map(({ machine }) => machine))].join('; ')}`, `- Node ${[...new Set([...results.values()].map(({ node }) => node))].join(', ')}`]),
    `- onnxruntime-node ${peerVersion('onnxruntime-node')}, onnxruntime-web ${peerVersion('onnxruntime-web')}, TensorFlow.js ${peerVersion('@tensorflow/tfjs')} with its wasm backend, ml-random-forest ${peerVersion('ml-random-forest')}, timed with mitata ${peerVersion('mitata')}`,
    `- ${python}`,
    ...failures.map((failure) => `- **failed**: ${failure}`),
    '',
    ...targetLines(results),
  ]
  for (const [name, { tables, measured, quick, node }] of results) {
    lines.push(`## ${name}`, '', `Measured ${measured.replace('T', ' ')} UTC${quick ? ', quickly' : ''}, Node ${node.slice(1)}.`, '')
    for (const table of tables) lines.push(...tableLines(table))
  }
  writeFileSync(join(import.meta.dirname, 'RESULTS.md'), `${lines.join('\n').trimEnd()}\n`)
}

function targetLines(results: ReadonlyMap<string, WorkloadResult>): string[] {
  const lines = ['## Targets', '', '| what | beside | target | measured | |', '|---|---|---|---|---|']
  for (const { what, beside, target, measure } of TARGETS) {
    const measured = measure(results)
    lines.push(`| ${what} | ${beside} | ${target.text} | ${measured === undefined ? 'not measured' : target.show(measured)} | ${measured === undefined ? '' : target.reached(measured) ? 'reached' : 'missed'} |`)
  }
  return [...lines, '', 'What holds back a missed target is in [NOTES.md](NOTES.md).', '']
}

function tableLines({ title, about, columns, rows, unit }: Table): string[] {
  const [first] = rows
  return [
    `### ${title}`,
    '',
    ...(about === undefined ? [] : [`${about[0].toUpperCase()}${about.slice(1)}.`, '']),
    `| engine | ${columns.join(' | ')} |`,
    `|---|${columns.map(() => '---:|').join('')}`,
    ...rows.map(({ engine, cells }, r) => `| ${engine} | ${cells.map((cell, c) => cellText(cell, r === 0 ? null : first.cells[c], unit)).join(' | ')} |`),
    '',
  ]
}

function cellText(cell: Cell | null, base: Cell | null, unit: Table['unit']): string {
  if (cell === null) return '-'
  const ratio = base === null || !(base.value > 0) ? '' : ` (${ratioText(unit === 'GFLOP/s' ? base.value / cell.value : cell.value / base.value)})`
  const spread = cell.spread === undefined ? '' : ` ±${cell.spread < 10 ? cell.spread.toFixed(1) : cell.spread.toFixed(0)}%`
  return `${quantity(cell.value, unit)}${ratio}${spread}`
}

export function ratioText(ratio: number): string {
  return `${ratio >= 100 ? ratio.toFixed(0) : ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2)}x`
}

function quantity(value: number, unit: Table['unit']): string {
  if (unit === 'GFLOP/s') return value.toFixed(1)
  if (unit === 'bytes') return value < 1e6 ? `${(value / 1e3).toFixed(1)} KB` : `${(value / 1e6).toFixed(1)} MB`
  return value < 1000 ? `${value.toPrecision(3)} us` : `${(value / 1000).toPrecision(3)} ms`
}
