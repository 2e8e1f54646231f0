// mle bench: how fast a model loads and predicts here.
import { cpus } from 'node:os'
import { basename } from 'node:path'
import { MleError } from '../error.ts'
import type { InputRecord } from '../feed.ts'
import type { DeviceName } from '../graph/device.ts'
import type { Model } from '../model.ts'
import { isTensor } from '../tensor/tensor.ts'
import { countOption, onlyPositional, UsageError, type Command, type ParsedArgs, type Terminal } from './command.ts'
import { readInputs } from './inputs.ts'
import { madeUp, repeated, rowsSymbol } from './made-up.ts'
import { deviceOption, fileBytes, isMleFile, openModel } from './model-file.ts'
import { progressOn, type Progress } from './progress.ts'
import { bytesText } from './table.ts'

const DEFAULT_MEASURE_MS = 500
const DEFAULT_BATCH = 1000
const MAX_SAMPLES = 200_000

interface DeviceReport {
  readonly device: string
  /** Reading, importing and loading the file, in this process for the first time. */
  readonly loadMs: number
  readonly firstRunMs: number
  readonly oneRowP50Us: number
  readonly oneRowP99Us: number
  readonly oneRowP999Us: number
  /** The same through a session, which allocates nothing; absent where shapes depend on data. */
  readonly sessionP50Us?: number
  readonly sessionP99Us?: number
  readonly sessionP999Us?: number
  /** What the batch was. */
  readonly inputs: readonly { readonly name: string; readonly dtype?: string; readonly shape?: readonly number[] }[]
  readonly batch: number
  readonly rowsPerSecond: number
  readonly memory: { readonly weights: number; readonly activations: number; readonly io: number; readonly peak: number }
}

const HELP = `
Loads MODEL and predicts with made-up inputs: numbers, zeros for integers, categories and words that the model has; or with --input.
Each figure is taken from half a second of runs, after as many to warm up.

  --batch N            rows of a batch for the throughput; default 1000, fewer where they would take longer than a measurement
  --dim NAME=N         the size of a dimension that the model leaves open, such as a length; 1 where it is not given
  --input [NAME=]FILE  real inputs instead of made-up ones, as for mle run; rows are repeated to fill a batch
  --device NAME        cpu, wasm, webgpu or auto; default: every one that is available here
  --time MS            measure each figure for this long, default 500
  --json               the figures as JSON
`

async function execute(args: ParsedArgs, terminal: Terminal): Promise<void> {
  const path = onlyPositional(args, 'MODEL')
  const batch = args.text('batch') === undefined ? undefined : countOption(args, 'batch', DEFAULT_BATCH)
  const named = new Map(args.texts('dim').map(dimension))
  const measureMs = countOption(args, 'time', DEFAULT_MEASURE_MS)
  const device = deviceOption(args)
  const progress = progressOn(terminal)
  const reports: DeviceReport[] = []
  for (const name of device === undefined ? (['cpu', 'wasm', 'webgpu'] as const) : [device]) {
    try {
      reports.push(await measure(path, name, { batch, named, measureMs, specs: args.texts('input') }, progress))
    } catch (error) {
      if (device === undefined && error instanceof MleError && error.code.startsWith('DEVICE_')) continue
      throw error
    } finally {
      progress.done()
    }
  }
  if (args.flag('json')) terminal.out(`${JSON.stringify({ file: basename(path), bytes: fileBytes(path), foreign: !isMleFile(path), host: hostText(), devices: reports }, null, 2)}\n`)
  else terminal.out(`${textReport(path, reports)}\n`)
}

/** `NAME=N` */
function dimension(text: string): [string, number] {
  const at = text.lastIndexOf('=')
  const size = Number(text.slice(at + 1))
  if (at <= 0 || !Number.isInteger(size) || size < 1) throw new UsageError(`--dim is NAME=N with a count, got ${JSON.stringify(text)}`)
  return [text.slice(0, at), size]
}

interface Plan {
  readonly batch: number | undefined
  readonly named: ReadonlyMap<string, number>
  readonly measureMs: number
  readonly specs: readonly string[]
}

async function measure(path: string, device: DeviceName, { batch: wanted, named, measureMs, specs }: Plan, progress: Progress): Promise<DeviceReport> {
  const start = performance.now()
  const model = await openModel(path, device, progress)
  const loadMs = performance.now() - start
  try {
    const symbol = rowsSymbol(model.graph)
    const unknown = [...named.keys()].find((name) => !model.inputs.some(({ shape }) => shape.includes(name)))
    if (unknown !== undefined) throw new MleError('CLI_INPUTS', `the model has no dimension ${JSON.stringify(unknown)}; --dim names those of mle inspect`, { actual: unknown })
    const given = specs.length === 0 ? undefined : await readInputs(model.graph, specs)
    const inputsOf = (rows: number): InputRecord => (given === undefined ? madeUp(model.graph, { rows, named }) : repeated(model.graph, given, rows))
    const one = inputsOf(1)
    const firstStart = performance.now()
    await firstRun(model, one, given === undefined)
    const firstRunMs = performance.now() - firstStart
    progress.show(`${device}: one row`)
    const oneRow = await sample(measureMs, () => model.run(one))
    const most = wanted ?? Math.max(1, Math.min(DEFAULT_BATCH, Math.floor((measureMs * 1000) / oneRow.p50Us)))
    const many = inputsOf(most)
    // Where a model fixes its batch, that is it.
    const [first] = Object.values(many)
    const batch = (symbol === undefined ? undefined : named.get(symbol)) ?? (isTensor(first) && first.shape.length > 0 ? first.shape[0] : 1)
    progress.show(`${device}: ${batch} rows`)
    const batches = await sample(measureMs, () => model.run(many))
    const session = sessionTimes(model, one, measureMs, named)
    return {
      device: model.device.name,
      loadMs: round(loadMs),
      firstRunMs: round(firstRunMs),
      oneRowP50Us: round(oneRow.p50Us),
      oneRowP99Us: round(oneRow.p99Us),
      oneRowP999Us: round(oneRow.p999Us),
      ...(session === undefined ? {} : { sessionP50Us: round(session.p50Us), sessionP99Us: round(session.p99Us), sessionP999Us: round(session.p999Us) }),
      inputs: Object.entries(many).map(([name, value]) => ({ name, ...(isTensor(value) ? { dtype: value.dtype, shape: value.shape } : {}) })),
      batch,
      rowsPerSecond: Math.round((batch * 1e6) / batches.p50Us),
      memory: model.memory,
    }
  } finally {
    model.dispose()
  }
}

interface Times {
  readonly p50Us: number
  readonly p99Us: number
  readonly p999Us: number
}

/** The first run shows whether the model takes what was made up. */
async function firstRun(model: Model, inputs: InputRecord, isMadeUp: boolean): Promise<void> {
  try {
    await model.run(inputs)
  } catch (error) {
    if (isMadeUp && error instanceof MleError) throw new MleError('CLI_INPUTS', `the model refuses made-up inputs (${error.message}); pass --input, or sizes of its dimensions with --dim`)
    throw error
  }
}

async function sample(measureMs: number, work: () => Promise<unknown>): Promise<Times> {
  const began = performance.now()
  do await work()
  while (performance.now() - began < measureMs)
  const times: number[] = []
  const end = performance.now() + measureMs
  do {
    const start = performance.now()
    await work()
    times.push(performance.now() - start)
  } while (performance.now() < end && times.length < MAX_SAMPLES)
  return quantiles(times)
}

function sessionTimes(model: Model, one: InputRecord, measureMs: number, named: ReadonlyMap<string, number>): Times | undefined {
  let session
  try {
    session = model.session({ batch: 1, dims: Object.fromEntries(named) })
  } catch (error) {
    if (error instanceof MleError && error.code.startsWith('SESSION_')) return undefined
    throw error
  }
  for (const [name, value] of Object.entries(one)) {
    const { data } = session.inputs[name]
    if (!isTensor(value) || value.data.length !== data.length) return undefined
    for (let i = 0; i < data.length; i++) data[i] = value.data[i]
  }
  const warm = performance.now() + measureMs
  while (performance.now() < warm) session.run()
  const times: number[] = []
  const end = performance.now() + measureMs
  while (performance.now() < end && times.length < MAX_SAMPLES) {
    const start = performance.now()
    session.run()
    times.push(performance.now() - start)
  }
  session.dispose()
  return quantiles(times)
}

function quantiles(timesMs: number[]): Times {
  timesMs.sort((a, b) => a - b)
  const at = (share: number): number => timesMs[Math.min(timesMs.length - 1, Math.floor(share * timesMs.length))] * 1000
  return { p50Us: at(0.5), p99Us: at(0.99), p999Us: at(0.999) }
}

function round(value: number): number {
  return Number(value.toPrecision(4))
}

function hostText(): string {
  return `${process.release.name} ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}`
}

function textReport(path: string, reports: readonly DeviceReport[]): string {
  const lines = [`${basename(path)}: ${bytesText(fileBytes(path))}, ${hostText()}`]
  for (const report of reports) {
    const { device, loadMs, firstRunMs, oneRowP50Us, oneRowP99Us, oneRowP999Us, sessionP50Us, sessionP99Us, sessionP999Us, inputs, batch, rowsPerSecond, memory } = report
    lines.push(
      '',
      `${device}`,
      `  load            ${loadMs} ms`,
      `  first run       ${firstRunMs} ms`,
      `  one row         ${oneRowP50Us} us median, ${oneRowP99Us} us 99th percentile, ${oneRowP999Us} us 99.9th`,
      ...(sessionP50Us === undefined ? [] : [`  one row, session ${sessionP50Us} us median, ${sessionP99Us} us 99th percentile, ${sessionP999Us} us 99.9th`]),
      `  ${batch} ${batch === 1 ? 'row' : 'rows'} at once: ${rowsPerSecond.toLocaleString('en-US')} rows/s (${inputs.map(({ name, shape }) => `${name}${shape === undefined ? '' : ` [${shape.join(', ')}]`}`).join(', ')})`,
      `  memory          ${bytesText(memory.weights)} weights, ${bytesText(memory.activations)} activations, ${bytesText(memory.io)} inputs and outputs, ${bytesText(memory.peak)} at most`,
    )
  }
  return lines.join('\n')
}

export const bench: Command = {
  usage: 'bench MODEL [--batch N] [--dim NAME=N ...] [--time MS] [--input [NAME=]FILE ...] [--device NAME] [--json]',
  help: HELP,
  options: {
    batch: { type: 'string' },
    dim: { type: 'string', multiple: true },
    time: { type: 'string' },
    input: { type: 'string', multiple: true },
    device: { type: 'string' },
    json: { type: 'boolean' },
  },
  run: execute,
}
