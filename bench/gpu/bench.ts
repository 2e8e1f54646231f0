// Measures the webgpu device: time on the GPU by its timestamps, TFLOP/s, GB/s and their share of the chip's peak. Small sizes come first and are compared
// with cpu's results: what is fast by computing the wrong thing does not count. Options: --small (nothing else), --json FILE, --markdown FILE (real GPUs
// only), --only WORD, --seconds N, --peak-tflops N --peak-gbs N, --dawn NAME (a flag of Dawn's, such as enable-dawn-features=disable_robustness).
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { create } from 'webgpu'
import { load } from '../../src/load.ts'
import { requestDeviceOf } from '../../src/platform/gpu.ts'
import { peakOf, type Peak } from './chips.ts'
import { markdownOf } from './report.ts'
import { fullWorkloads, smallWorkloads, type Workload } from './workloads.ts'

export interface Measured {
  readonly name: string
  /** Median; on the GPU, or by the clock for transfers and launches. */
  readonly ms: number
  /** Median of whole runs by the clock, with copies to and from the host. */
  readonly runMs: number
  readonly runs: number
  readonly dispatches: number
  readonly tflops?: number
  readonly gbPerSecond?: number
  readonly shareOfFlops?: number
  readonly shareOfMemory?: number
  readonly rowsPerSecond?: number
  readonly microsecondsPerLaunch?: number
}

/** What --json writes. */
export interface Report {
  readonly chip: string
  readonly peak: Peak | undefined
  readonly date: string
  readonly node: string
  readonly results: readonly Measured[]
}

const MIN_RUNS = 5
const MAX_RUNS = 200

const { values } = parseArgs({
  options: {
    small: { type: 'boolean' }, json: { type: 'string' }, markdown: { type: 'string' }, only: { type: 'string' }, seconds: { type: 'string' },
    'peak-tflops': { type: 'string' }, 'peak-gbs': { type: 'string' }, dawn: { type: 'string', multiple: true },
  },
})
// Dawn rounds timestamps to 65 microseconds unless told otherwise. The instance is kept: devices outlive it badly.
const instance = create(['disable-dawn-features=timestamp_quantization', ...(values.dawn ?? [])])
const gpu = await requestDeviceOf(instance)
const { vendor, architecture, device, description } = gpu.adapterInfo
const chip = [vendor, architecture, device, description].filter(Boolean).join(' ')
const isSoftware = /swiftshader|llvmpipe|lavapipe|basic render/i.test(chip)
const listed = peakOf(chip)
const peak: Peak | undefined = values['peak-tflops'] !== undefined && values['peak-gbs'] !== undefined ? { tflops: Number(values['peak-tflops']), gbPerSecond: Number(values['peak-gbs']) } : listed
console.log(`${chip}; ${gpu.features.has('timestamp-query') ? 'timed by its timestamps' : 'timed by the clock of the host'}; float16 ${gpu.features.has('shader-f16') ? 'native' : 'stored as float32'}`)
if (isSoftware && values.markdown !== undefined) throw new Error('--markdown is for figures of real GPUs: this adapter computes on the processor')

const measured: Measured[] = []
const isWanted = ({ name }: Workload): boolean => values.only === undefined || name.includes(values.only)
for (const make of smallWorkloads()) await attempt(make, true)
if (values.small !== true) for (const make of fullWorkloads()) await attempt(make, false)

const report: Report = { chip, peak, date: new Date().toISOString(), node: process.version, results: measured }
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
if (values.markdown !== undefined) writeFileSync(values.markdown, markdownOf(report))
gpu.destroy()
process.exit()

/** Workloads are made one at a time: the large ones are gigabytes together. */
async function attempt(make: () => Workload, isSmall: boolean): Promise<void> {
  const workload = make()
  if (!isWanted(workload)) return
  try {
    const result = await measure(workload, isSmall, isSmall ? Math.min(0.2, seconds()) : seconds())
    if (!isSmall || values.small === true) measured.push(result)
    console.log(text(result))
  } catch (error) {
    console.log(`${workload.name.padEnd(36)} failed: ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}

function seconds(): number {
  return Number(values.seconds ?? 2)
}

async function measure(workload: Workload, isCompared: boolean, duration: number): Promise<Measured> {
  const { name, graph, inputs, flops, bytes, rows, launches, withTransfers } = workload
  const model = await load(graph, { device: 'webgpu', gpu })
  try {
    const first = await model.run(inputs)
    if (isCompared) await compare(workload, first)
    const dispatches = model.placement({ inputs }).reduce((sum, partition) => sum + (partition.dispatches ?? 0), 0)
    const isByClock = withTransfers === true || launches !== undefined
    const byClock = await median(duration / (isByClock ? 1 : 3), async () => {
      const start = performance.now()
      await model.run(inputs)
      return performance.now() - start
    })
    const onGpu = isByClock ? byClock : await median(duration, async () => (await model.profile(inputs)).reduce((sum, step) => sum + step.ms, 0))
    const { ms, runs } = onGpu
    const tflops = flops === undefined ? undefined : flops / ms / 1e9
    const gbPerSecond = bytes === undefined ? undefined : bytes / ms / 1e6
    return {
      name, ms, runMs: byClock.ms, runs, dispatches, tflops, gbPerSecond,
      shareOfFlops: tflops === undefined || peak === undefined ? undefined : tflops / peak.tflops,
      shareOfMemory: gbPerSecond === undefined || peak === undefined || withTransfers === true ? undefined : gbPerSecond / peak.gbPerSecond,
      rowsPerSecond: rows === undefined ? undefined : (rows / ms) * 1000,
      microsecondsPerLaunch: launches === undefined ? undefined : ((ms - (await oneLaunch(workload, duration))) * 1000) / (launches - 1),
    }
  } finally {
    model.dispose()
  }
}

/** The clock's time for the same with one launch: what a run costs besides. */
async function oneLaunch({ single }: Workload, duration: number): Promise<number> {
  if (single === undefined) return 0
  const model = await load(single.graph, { device: 'webgpu', gpu })
  await model.run(single.inputs)
  const { ms } = await median(duration, async () => {
    const start = performance.now()
    await model.run(single.inputs)
    return performance.now() - start
  })
  model.dispose()
  return ms
}

async function median(duration: number, once: () => Promise<number>): Promise<{ readonly ms: number; readonly runs: number }> {
  const times: number[] = []
  const end = performance.now() + duration * 1000
  while (times.length < MIN_RUNS || (times.length < MAX_RUNS && performance.now() < end)) times.push(await once())
  return { ms: times.sort((a, b) => a - b)[times.length >> 1], runs: times.length }
}

/** Throws where a result is not cpu's. */
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
