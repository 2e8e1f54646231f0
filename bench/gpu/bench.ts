// Measures the webgpu device: time on the GPU by its timestamps, TFLOP/s, GB/s and their share of the chip's peak. Each result of a small size is first
// compared with cpu's. Options: --tiny, --json FILE, --only WORD, --seconds N, --peak-tflops N --peak-gbs N.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { load } from '../../src/load.ts'
import { requestGpuDevice } from '../../src/platform/gpu.ts'
import { peakOf, type Peak } from './chips.ts'
import { workloads, type Workload } from './workloads.ts'

interface Measured {
  readonly name: string
  /** Median. */
  readonly ms: number
  readonly runs: number
  readonly dispatches: number
  readonly tflops?: number
  readonly gbPerSecond?: number
  readonly shareOfFlops?: number
  readonly shareOfMemory?: number
  readonly rowsPerSecond?: number
  readonly microsecondsPerLaunch?: number
}

const MIN_RUNS = 5
const MAX_RUNS = 200

const { values } = parseArgs({ options: { tiny: { type: 'boolean' }, json: { type: 'string' }, only: { type: 'string' }, seconds: { type: 'string' }, 'peak-tflops': { type: 'string' }, 'peak-gbs': { type: 'string' } } })
const gpu = await requestGpuDevice()
const { vendor, architecture, device, description } = gpu.adapterInfo
const chip = [vendor, architecture, device, description].filter(Boolean).join(' ')
const listed = peakOf(chip)
const peak: Peak | undefined = values['peak-tflops'] !== undefined && values['peak-gbs'] !== undefined ? { tflops: Number(values['peak-tflops']), gbPerSecond: Number(values['peak-gbs']) } : listed
console.log(`${chip}; ${gpu.features.has('timestamp-query') ? 'timed by its timestamps' : 'timed by the clock of the host'}; float16 ${gpu.features.has('shader-f16') ? 'native' : 'stored as float32'}`)

const measured: Measured[] = []
for (const workload of workloads(values.tiny === true)) {
  if (values.only !== undefined && !workload.name.includes(values.only)) continue
  try {
    const result = await measure(workload, Number(values.seconds ?? 2))
    measured.push(result)
    console.log(text(result))
  } catch (error) {
    console.log(`${workload.name.padEnd(36)} failed: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ chip, peak, date: new Date().toISOString(), node: process.version, results: measured }, null, 2)}\n`)
gpu.destroy()
process.exit()

async function measure(workload: Workload, seconds: number): Promise<Measured> {
  const { name, graph, inputs, flops, bytes, rows, launches, withTransfers } = workload
  const model = await load(graph, { device: 'webgpu', gpu })
  try {
    const first = await model.run(inputs)
    if (values.tiny === true) await compare(workload, first)
    const dispatches = model.placement({ inputs }).reduce((sum, partition) => sum + (partition.dispatches ?? 0), 0)
    const times: number[] = []
    const end = performance.now() + seconds * 1000
    while (times.length < MIN_RUNS || (times.length < MAX_RUNS && performance.now() < end)) times.push(await once())
    const ms = times.sort((a, b) => a - b)[times.length >> 1]
    const tflops = flops === undefined ? undefined : flops / ms / 1e9
    const gbPerSecond = bytes === undefined ? undefined : bytes / ms / 1e6
    return {
      name, ms, runs: times.length, dispatches, tflops, gbPerSecond,
      shareOfFlops: tflops === undefined || peak === undefined ? undefined : tflops / peak.tflops,
      shareOfMemory: gbPerSecond === undefined || peak === undefined || withTransfers === true ? undefined : gbPerSecond / peak.gbPerSecond,
      rowsPerSecond: rows === undefined ? undefined : (rows / ms) * 1000,
      microsecondsPerLaunch: launches === undefined ? undefined : (ms * 1000) / launches,
    }
  } finally {
    model.dispose()
  }

  /** One run: of launches and transfers by the clock, else the sum of what the GPU measured. */
  async function once(): Promise<number> {
    if (withTransfers !== true && launches === undefined) return (await model.profile(inputs)).reduce((sum, step) => sum + step.ms, 0)
    const start = performance.now()
    await model.run(inputs)
    return performance.now() - start
  }
}

/** What is fast by computing the wrong thing does not count. */
async function compare({ name, graph, inputs }: Workload, actual: Awaited<ReturnType<Awaited<ReturnType<typeof load>>['run']>>): Promise<void> {
  const cpu = await load(graph, { device: 'cpu' })
  const expected = await cpu.run(inputs)
  for (const [key, { data }] of Object.entries(expected)) {
    const wanted = data as Float32Array
    const got = actual[key].data as Float32Array
    const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
    wanted.forEach((value, i) => {
      if (!(Math.abs(got[i] - value) <= 2e-3 * largest + 1e-6)) throw new Error(`${name}: ${key}[${i}] is ${got[i]}, cpu says ${value}`)
    })
  }
}

function text({ name, ms, dispatches, tflops, gbPerSecond, shareOfFlops, shareOfMemory, rowsPerSecond, microsecondsPerLaunch }: Measured): string {
  const share = (value: number | undefined): string => (value === undefined ? '' : ` (${(100 * value).toFixed(1)} % of peak)`)
  return [
    `${name.padEnd(36)} ${ms.toFixed(3).padStart(10)} ms ${String(dispatches).padStart(4)} dispatches`,
    ...(tflops === undefined ? [] : [`${tflops.toFixed(3)} TFLOP/s${share(shareOfFlops)}`]),
    ...(gbPerSecond === undefined ? [] : [`${gbPerSecond.toFixed(1)} GB/s${share(shareOfMemory)}`]),
    ...(rowsPerSecond === undefined ? [] : [`${(rowsPerSecond / 1e6).toFixed(2)} million rows/s`]),
    ...(microsecondsPerLaunch === undefined ? [] : [`${microsecondsPerLaunch.toFixed(2)} us a launch`]),
  ].join('  ')
}
