// mle bench: how fast a model loads and predicts here.
import { cpus } from 'node:os'
import { basename } from 'node:path'
import { MleError } from '../error.ts'
import type { InputRecord, InputValue } from '../feed.ts'
import type { DeviceName } from '../graph/device.ts'
import type { Graph, ValueInfo } from '../graph/graph.ts'
import type { Model } from '../model.ts'
import { isTensorType } from '../ops/types.ts'
import { allocateData } from '../tensor/dtype.ts'
import { isTensor, type Tensor } from '../tensor/tensor.ts'
import { countOption, onlyPositional, type Command, type ParsedArgs, type Terminal } from './command.ts'
import { readInputs } from './inputs.ts'
import { deviceOption, fileBytes, isMleFile, openModel } from './model-file.ts'
import { progressOn, type Progress } from './progress.ts'
import { bytesText } from './table.ts'

const DEFAULT_MEASURE_MS = 500
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
  readonly batch: number
  readonly rowsPerSecond: number
  readonly memory: { readonly weights: number; readonly activations: number; readonly io: number; readonly peak: number }
}

const HELP = `
Loads MODEL and predicts with made-up numbers, or with --input for models that take text or categories.
Each figure is taken from half a second of runs, after as many to warm up.

  --batch N            rows of a batch for the throughput, default 1000
  --input [NAME=]FILE  real inputs instead of made-up ones, as for mle run; rows are repeated to fill a batch
  --device NAME        cpu, wasm, webgpu or auto; default: every one that is available here
  --time MS            measure each figure for this long, default 500
  --json               the figures as JSON
`

async function execute(args: ParsedArgs, terminal: Terminal): Promise<void> {
  const path = onlyPositional(args, 'MODEL')
  const batch = countOption(args, 'batch', 1000)
  const measureMs = countOption(args, 'time', DEFAULT_MEASURE_MS)
  const device = deviceOption(args)
  const progress = progressOn(terminal)
  const reports: DeviceReport[] = []
  for (const name of device === undefined ? (['cpu', 'wasm', 'webgpu'] as const) : [device]) {
    try {
      reports.push(await measure(path, name, { batch, measureMs, specs: args.texts('input') }, progress))
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

interface Plan {
  readonly batch: number
  readonly measureMs: number
  readonly specs: readonly string[]
}

async function measure(path: string, device: DeviceName, { batch, measureMs, specs }: Plan, progress: Progress): Promise<DeviceReport> {
  const start = performance.now()
  const model = await openModel(path, device, progress)
  const loadMs = performance.now() - start
  try {
    const given = specs.length === 0 ? undefined : await readInputs(model.graph, specs)
    const one = given === undefined ? madeUp(model.graph, 1) : repeated(model.graph, given, 1)
    const many = given === undefined ? madeUp(model.graph, batch) : repeated(model.graph, given, batch)
    const firstStart = performance.now()
    await model.run(one)
    const firstRunMs = performance.now() - firstStart
    progress.show(`${device}: one row`)
    const oneRow = await sample(measureMs, () => model.run(one))
    progress.show(`${device}: ${batch} rows`)
    const batches = await sample(measureMs, () => model.run(many))
    const session = sessionTimes(model, one, measureMs)
    return {
      device: model.device.name,
      loadMs: round(loadMs),
      firstRunMs: round(firstRunMs),
      oneRowP50Us: round(oneRow.p50Us),
      oneRowP99Us: round(oneRow.p99Us),
      oneRowP999Us: round(oneRow.p999Us),
      ...(session === undefined ? {} : { sessionP50Us: round(session.p50Us), sessionP99Us: round(session.p99Us), sessionP999Us: round(session.p999Us) }),
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

async function sample(measureMs: number, work: () => Promise<unknown>): Promise<Times> {
  const warm = performance.now() + measureMs
  while (performance.now() < warm) await work()
  const times: number[] = []
  const end = performance.now() + measureMs
  while ((performance.now() < end || times.length === 0) && times.length < MAX_SAMPLES) {
    const start = performance.now()
    await work()
    times.push(performance.now() - start)
  }
  return quantiles(times)
}

function sessionTimes(model: Model, one: InputRecord, measureMs: number): Times | undefined {
  let session
  try {
    session = model.session({ batch: 1 })
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

/** Normal-looking numbers from a fixed sequence: the same on every call. */
export function madeUp(graph: Graph, rows: number): InputRecord {
  const record: Record<string, InputValue> = Object.create(null)
  for (const info of graph.inputs) record[info.name] = madeUpTensor(info, rows)
  return record
}

function madeUpTensor(info: ValueInfo, rows: number): Tensor {
  const { type } = info
  if (!isTensorType(type) || type.dtype === 'string' || type.shape === undefined) {
    throw new MleError('CLI_INPUTS', `input ${JSON.stringify(info.name)} takes ${isTensorType(type) && type.dtype === 'string' ? 'text' : 'no plain array'}, which cannot be made up; pass --input`)
  }
  const shape = type.shape.map((dim, axis) => (typeof dim === 'number' ? dim : axis === 0 ? rows : 1))
  const size = shape.reduce((product, dim) => product * dim, 1)
  if (!type.dtype.startsWith('float') || type.dtype === 'float16') return { dtype: type.dtype, shape, data: allocateData(type.dtype, size) }
  const data = new Float64Array(size)
  let state = 12345
  for (let i = 0; i < size; i++) {
    let sum = 0
    for (let k = 0; k < 4; k++) {
      state = Math.imul(state, 1664525) + 1013904223
      sum += (state >>> 0) / 2 ** 32 - 0.5
    }
    data[i] = sum * Math.sqrt(3)
  }
  return { dtype: 'float64', shape, data }
}

/** Rows of real inputs, from the start again where there are too few. */
function repeated(graph: Graph, inputs: InputRecord, rows: number): InputRecord {
  const record: Record<string, InputValue> = Object.create(null)
  for (const { name } of graph.inputs) {
    const value = inputs[name]
    if (!isTensor(value) || value.shape.length === 0 || value.shape[0] === 0) {
      record[name] = value
      continue
    }
    const width = value.data.length / value.shape[0]
    const data = allocateData(value.dtype, rows * width)
    for (let i = 0; i < data.length; i++) data[i] = value.data[i % value.data.length]
    record[name] = { dtype: value.dtype, shape: [rows, ...value.shape.slice(1)], data }
  }
  return record
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
    const { device, loadMs, firstRunMs, oneRowP50Us, oneRowP99Us, oneRowP999Us, sessionP50Us, sessionP99Us, sessionP999Us, batch, rowsPerSecond, memory } = report
    lines.push(
      '',
      `${device}`,
      `  load            ${loadMs} ms`,
      `  first run       ${firstRunMs} ms`,
      `  one row         ${oneRowP50Us} us median, ${oneRowP99Us} us 99th percentile, ${oneRowP999Us} us 99.9th`,
      ...(sessionP50Us === undefined ? [] : [`  one row, session ${sessionP50Us} us median, ${sessionP99Us} us 99th percentile, ${sessionP999Us} us 99.9th`]),
      `  ${batch} rows at once: ${rowsPerSecond.toLocaleString('en-US')} rows/s`,
      `  memory          ${bytesText(memory.weights)} weights, ${bytesText(memory.activations)} activations, ${bytesText(memory.io)} inputs and outputs, ${bytesText(memory.peak)} at most`,
    )
  }
  return lines.join('\n')
}

export const bench: Command = {
  usage: 'bench MODEL [--batch N] [--time MS] [--input [NAME=]FILE ...] [--device NAME] [--json]',
  help: HELP,
  options: {
    batch: { type: 'string' },
    time: { type: 'string' },
    input: { type: 'string', multiple: true },
    device: { type: 'string' },
    json: { type: 'boolean' },
  },
  run: execute,
}
