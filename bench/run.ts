// One workload in a process of its own: `node --import tsx bench/run.ts NAME [--quick]` writes bench/results/NAME.json.
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import type { WorkloadResult } from './results.ts'
import { WORKLOADS } from './workloads/index.ts'

const [name] = process.argv.slice(2)
const quick = process.argv.includes('--quick')
const workload = await WORKLOADS.get(name)?.()
if (workload === undefined) throw new Error(`no workload ${name}; there are ${[...WORKLOADS.keys()].join(', ')}`)
const tables = await workload({ quick, effort: quick ? { rounds: 3, ms: 40 } : { rounds: 5, ms: 120 } })
const result: WorkloadResult = {
  workload: name,
  measured: new Date().toISOString().slice(0, 16),
  quick,
  machine: `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
  node: process.version,
  tables,
}
mkdirSync(join(import.meta.dirname, 'results'), { recursive: true })
writeFileSync(join(import.meta.dirname, `results/${name}.json`), `${JSON.stringify(result, null, 1)}\n`)
// Peers keep threads and timers.
process.exit(0)
