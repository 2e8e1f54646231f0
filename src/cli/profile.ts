// mle profile: what each step of a model takes on a GPU, the slowest first.
import type { StepTime } from '../graph/device.ts'
import { load } from '../load.ts'
import { madeUp } from './made-up.ts'
import { countOption, onlyPositional, type Command, type ParsedArgs, type Terminal } from './command.ts'
import { readInputs } from './inputs.ts'
import { graphOfFile } from './model-file.ts'
import { progressOn } from './progress.ts'
import { tableText } from './table.ts'

/** Steps that are shown. */
const SHOWN = 30

const HELP = `
Runs MODEL on the GPU, with made-up numbers or with --input, and shows what each step takes: the median of several runs after one that compiles.
Fused steps count as one. On the GPU the time is between two of its timestamps; where it has none, and for steps that stay on cpu, it is by the host's clock.

  --batch N            rows of the made-up inputs, default 1
  --input [NAME=]FILE  real inputs instead, as for mle run
  --runs N             runs to measure, default 5
  --json               every step in order as JSON
`

async function execute(args: ParsedArgs, terminal: Terminal): Promise<void> {
  const path = onlyPositional(args, 'MODEL')
  const batch = countOption(args, 'batch', 1)
  const runs = countOption(args, 'runs', 5)
  const progress = progressOn(terminal)
  const graph = await graphOfFile(path, progress, undefined)
  const model = await load(graph, { device: 'webgpu', precision: 'float32' })
  try {
    const specs = args.texts('input')
    const inputs = specs.length === 0 ? madeUp(model.graph, { rows: batch, named: new Map() }) : await readInputs(model.graph, specs)
    await model.run(inputs)
    const measured: (readonly StepTime[])[] = []
    for (let i = 0; i < runs; i++) measured.push(await model.profile(inputs))
    const times = measured[0].map((time, i): StepTime => ({ ...time, ms: median(measured.map((run) => run[i].ms)) }))
    terminal.out(args.flag('json') ? `${JSON.stringify(times, null, 2)}\n` : `${report(times)}\n`)
  } finally {
    model.dispose()
    progress.done()
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]
}

function report(times: readonly StepTime[]): string {
  const total = times.reduce((sum, { ms }) => sum + ms, 0)
  const slowest = times.toSorted((a, b) => b.ms - a.ms).slice(0, SHOWN)
  const isTimed = times.some(({ clock }) => clock === 'gpu')
  const clock = !times.some(({ place }) => place === 'device') ? 'nothing runs on the GPU' : isTimed ? 'timestamps of the GPU' : "the host's clock: this GPU has no timestamps"
  return [
    `${times.length} steps, ${total.toFixed(3)} ms; ${clock}`,
    tableText([
      { title: 'ms', numeric: true, cells: slowest.map(({ ms }) => ms.toFixed(3)) },
      { title: '%', numeric: true, cells: slowest.map(({ ms }) => (total === 0 ? '0.0' : ((100 * ms) / total).toFixed(1))) },
      { title: 'where', numeric: false, cells: slowest.map(({ place }) => (place === 'device' ? 'gpu' : 'cpu')) },
      { title: 'step', numeric: false, cells: slowest.map(({ steps }) => steps.join(', ')) },
    ]),
    ...(times.length > SHOWN ? [`... ${times.length - SHOWN} more, with less`] : []),
  ].join('\n')
}

export const profile: Command = {
  usage: 'profile MODEL [--batch N] [--input [NAME=]FILE ...] [--runs N] [--json]',
  help: HELP,
  options: { batch: { type: 'string' }, input: { type: 'string', multiple: true }, runs: { type: 'string' }, json: { type: 'boolean' } },
  run: execute,
}
