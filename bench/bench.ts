// npm run bench [-- NAME ...] [--quick] [--resume]: the package beside other runtimes; writes bench/RESULTS.md.
//   NAME      only these workloads (trees, dense, gemm, ...); the report keeps what is known of the others
//   --quick   fewer and shorter rounds, for a look
//   --resume  skips workloads that this or an earlier, interrupted command has measured in the last hour
// Each workload is a process of its own, so that one that fails costs no other its figures. Matrix products are measured on Node 24, whose engine
// compiles vectors better, as far as there is a package of it for this machine; the report says which Node each workload had.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pythonVersions } from './engines/python.ts'
import { installRuntimes } from '../scripts/runtimes.ts'
import { runtimes } from '../test/support/runtimes.ts'
import { peerVersion } from './peers.ts'
import { writeReport, readResults } from './report.ts'
import { WORKLOADS } from './workloads/index.ts'

const HERE = import.meta.dirname
const TOP = join(HERE, '..')
const HOUR_MS = 3_600_000
const TIMEOUT_MS = 300_000
/** Workloads for the newer Node of test/runtimes/package.json. */
const ON_NODE_24: readonly string[] = ['gemm']

const args = process.argv.slice(2)
const quick = args.includes('--quick')
const resume = args.includes('--resume')
const names = args.filter((arg) => !arg.startsWith('--'))
const unknown = names.filter((name) => !WORKLOADS.has(name))
if (unknown.length > 0) {
  console.error(`no workload ${unknown.join(', ')}; there are ${[...WORKLOADS.keys()].join(', ')}`)
  process.exit(2)
}

function step(title: string, command: string, given: readonly string[], cwd: string): void {
  console.error(title)
  const { status } = spawnSync(command, [...given], { cwd, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw new Error(`${title}: ${command} ${given.join(' ')} failed`)
}

/** The lockfile that npm writes into node_modules tells whether what is installed is what is asked for. */
function peersInstalled(): boolean {
  return existsSync(join(HERE, 'node_modules/.package-lock.json')) && ['onnxruntime-node', 'onnxruntime-web', '@tensorflow/tfjs', 'mitata', 'ml-random-forest'].every((name) => {
    const wanted = (JSON.parse(readFileSync(join(HERE, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }).dependencies[name]
    return peerVersion(name) === wanted
  })
}

if (!peersInstalled()) step('installing the other runtimes', 'npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], HERE)
step('building the package', 'npm', ['run', 'build'], TOP)

function nodeFor(name: string): string {
  if (!ON_NODE_24.includes(name)) return process.execPath
  installRuntimes()
  const newer = runtimes().find((runtime) => runtime.name === 'Node 24')
  if (newer?.missing !== undefined) console.error(`  on Node ${process.versions.node}: ${newer.missing}`)
  return newer?.command[0] ?? process.execPath
}

const known = readResults()
const failures: string[] = []
for (const name of names.length > 0 ? names : WORKLOADS.keys()) {
  const before = known.get(name)
  if (resume && before !== undefined && before.quick === quick && Date.now() - Date.parse(`${before.measured}Z`) < HOUR_MS) continue
  console.error(name)
  const started = performance.now()
  const { status, signal } = spawnSync(nodeFor(name), ['--import', 'tsx', join(HERE, 'run.ts'), name, ...(quick ? ['--quick'] : [])], { cwd: TOP, stdio: ['ignore', 'ignore', 'inherit'], timeout: TIMEOUT_MS })
  if (status === 0) console.error(`  ${((performance.now() - started) / 1000).toFixed(0)} s`)
  else failures.push(`${name} (${signal ?? `exit ${status}`})`)
}
writeReport({ python: pythonVersions(), failures })
console.error(`wrote bench/RESULTS.md${failures.length > 0 ? `; failed: ${failures.join(', ')}` : ''}`)
process.exit(failures.length > 0 ? 1 : 0)
