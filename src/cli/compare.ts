// mle compare: runs two models, or one on two devices, and names the first operator whose results differ.
import { MleError } from '../error.ts'
import type { DeviceName } from '../graph/device.ts'
import type { Graph, Node, ValueInfo } from '../graph/graph.ts'
import { inferTypes, nodeLabel } from '../graph/infer.ts'
import { load } from '../load.ts'
import type { OutputRecord } from '../runs.ts'
import { isTensorType } from '../ops/types.ts'
import { UsageError, wordOption, type Command, type ParsedArgs, type Terminal } from './command.ts'
import { differenceOf, type Difference, type Tolerance } from './differences.ts'
import { readInputs } from './inputs.ts'
import { graphOfFile } from './model-file.ts'
import { outputsOf } from './outputs.ts'
import { progressOn } from './progress.ts'
import { tableText } from './table.ts'

const HELP = `
Runs A and B on the same inputs and compares their outputs: by name where they share names, else in order. Of two graphs that share
names of inner values it names the first operator, in the order of A, whose result differs beyond the tolerance. With A alone the
model is compared with itself on two devices.

  --input [NAME=]FILE    as for mle run; names of A stand for the inputs of B in the same place where B has others
  --method NAME          compare only this method or output
  --device NAME          where A runs: auto (default), cpu, wasm or webgpu; B too, unless
  --device-b NAME        names another one for B
  --determinism-b NAME   B is optimized first: strict or relaxed (docs/optimizer.md)
  --rtol R, --atol A     numbers may differ by A + R x |number of B|; default 1e-5 and 1e-8, 0 and 0 for one model on two devices
  --trace                every value that both have, not only the first that differs

Prints the largest absolute and relative difference and how many floats lie between (ulp). Exit code 1 when something differs.
`

/** One side of the comparison. */
interface Side {
  readonly letter: 'A' | 'B'
  readonly graph: Graph
  readonly device: DeviceName
  readonly inputs: Awaited<ReturnType<typeof readInputs>>
}

interface Compared {
  readonly name: string
  readonly node?: string
  readonly difference: Difference
}

async function execute(args: ParsedArgs, terminal: Terminal): Promise<void> {
  const { positionals } = args
  if (positionals.length < 1 || positionals.length > 2) throw new UsageError(`expected A and B, or one model and --device-b; got ${positionals.length} models`)
  const devices = ['auto', 'cpu', 'wasm', 'webgpu'] as const
  const device = wordOption(args, 'device', devices) ?? 'auto'
  const deviceB = wordOption(args, 'device-b', devices) ?? device
  const determinism = wordOption(args, 'determinism-b', ['strict', 'relaxed'])
  if (positionals.length === 1 && deviceB === device && determinism === undefined) throw new UsageError('one model is compared with itself: name another --device-b or --determinism-b')
  const isExact = positionals.length === 1 && determinism !== 'relaxed'
  const tolerance = { rtol: numberOption(args, 'rtol', isExact ? 0 : 1e-5), atol: numberOption(args, 'atol', isExact ? 0 : 1e-8) }
  const progress = progressOn(terminal)
  const graphA = await graphOfFile(positionals[0], progress)
  const readB = positionals.length === 1 ? graphA : await graphOfFile(positionals[1], progress)
  const graphB = determinism === undefined ? readB : (await (await import('../optimized.ts')).optimizedGraph(readB, { determinism })).graph
  const specs = args.texts('input')
  if (specs.length === 0 && graphA.inputs.length > 0) throw new UsageError(`--input is missing; the model takes ${graphA.inputs.map(({ name }) => name).join(', ')}`)
  const a: Side = { letter: 'A', graph: graphA, device, inputs: await readInputs(graphA, specs) }
  const b: Side = { letter: 'B', graph: graphB, device: deviceB, inputs: await readInputs(graphB, specs.map((spec) => namedFor(graphB, graphA, spec))) }
  progress.show('running')
  const outputs = await compareOutputs(a, b, args.text('method'), tolerance)
  const differs = outputs.some(({ difference }) => difference.beyond > 0)
  const inner = differs || args.flag('trace') ? await compareInner(a, b, tolerance) : undefined
  progress.done()
  terminal.out(`${report(outputs)}\n`)
  if (inner !== undefined && args.flag('trace')) terminal.out(`\n${report(inner)}\n`)
  if (!differs) return
  const first = inner?.find(({ difference }) => difference.beyond > 0)
  const worst = outputs.find(({ difference }) => difference.beyond > 0) as Compared
  const where = inner === undefined || inner.length === 0 ? 'the graphs share no names of inner values' : first === undefined ? 'every inner value that both have agrees' : `first at ${first.node}, value ${JSON.stringify(first.name)}: ${inWords(first.difference)}`
  throw new MleError('COMPARE_DIFFERENT', `output ${JSON.stringify(worst.name)} differs: ${inWords(worst.difference)}; ${where}`, { section: first?.node })
}

function numberOption(args: ParsedArgs, name: string, fallback: number): number {
  const given = args.text(name)
  if (given === undefined) return fallback
  const value = Number(given)
  if (given.trim() === '' || !(value >= 0)) throw new UsageError(`--${name} takes a number of at least 0, got ${given}`)
  return value
}

/** NAME= of an input of A -> that of B, where B has other names. */
function namedFor(graphB: Graph, graphA: Graph, spec: string): string {
  const place = graphA.inputs.findIndex(({ name }) => spec.startsWith(`${name}=`))
  if (place < 0 || graphB.inputs.some(({ name }) => spec.startsWith(`${name}=`)) || graphB.inputs.length <= place) return spec
  return `${graphB.inputs[place].name}${spec.slice(graphA.inputs[place].name.length)}`
}

async function runSide({ graph, device, inputs }: Side, outputs: readonly ValueInfo[]): Promise<OutputRecord> {
  const model = await load({ ...graph, outputs }, { device, optimize: false })
  try {
    return await model.run(inputs, { outputs: outputs.map(({ name }) => name) })
  } finally {
    model.dispose()
  }
}

async function compareOutputs(a: Side, b: Side, method: string | undefined, tolerance: Tolerance): Promise<Compared[]> {
  const chosen = (graph: Graph): readonly ValueInfo[] => (method === undefined ? graph.outputs.filter(({ name }) => name !== 'contributions') : outputsOf(graph, method))
  const [ofA, ofB] = [chosen(a.graph), chosen(b.graph)]
  const shared = ofA.filter(({ name }) => ofB.some((info) => info.name === name))
  const pairs = shared.length > 0 ? shared.map(({ name }): [string, string] => [name, name]) : ofA.slice(0, ofB.length).map(({ name }, i): [string, string] => [name, ofB[i].name])
  if (pairs.length === 0) throw new MleError('COMPARE_OUTPUTS', 'the models have no outputs to compare')
  const [left, right] = [await runSide(a, ofA), await runSide(b, ofB)]
  return pairs.map(([nameA, nameB]) => ({ name: nameA === nameB ? nameA : `${nameA} / ${nameB}`, difference: differenceOf(left[nameA], right[nameB], tolerance) }))
}

/** Values that nodes of both graphs make, in the order of A. */
async function compareInner(a: Side, b: Side, tolerance: Tolerance): Promise<Compared[]> {
  const [madeA, madeB] = [await valuesOf(a.graph), await valuesOf(b.graph)]
  const shared = [...madeA.values()].filter(({ info }) => madeB.has(info.name))
  if (shared.length === 0) return []
  const [left, right] = [await runSide(a, shared.map(({ info }) => info)), await runSide(b, shared.map(({ info }) => madeB.get(info.name)?.info ?? info))]
  return shared.map(({ info, node, index }) => {
    const other = madeB.get(info.name)
    const elsewhere = other === undefined || (other.index === index && other.node.op === node.op) ? '' : ` (B: ${nodeLabel(other.node, other.index)})`
    return { name: info.name, node: `${nodeLabel(node, index)}${elsewhere}`, difference: differenceOf(left[info.name], right[info.name], tolerance) }
  })
}

interface Made {
  readonly info: ValueInfo
  readonly node: Node
  readonly index: number
}

/** The tensors that a graph's nodes make, by name. */
async function valuesOf(graph: Graph): Promise<Map<string, Made>> {
  const { allSchemas } = await import('../ops/registry.ts')
  const { types } = inferTypes(graph, allSchemas())
  const made = new Map<string, Made>()
  graph.nodes.forEach((node, index) => {
    // Explanations cost more than all the rest, and are their own end.
    if (node.op === 'TreeShap') return
    for (const name of node.outputs) {
      const type = types.get(name)
      if (name !== '' && isTensorType(type)) made.set(name, { info: { name, type }, node, index })
    }
  })
  return made
}

function report(compared: readonly Compared[]): string {
  const column = (title: string, cell: (one: Compared) => string, numeric = true) => ({ title, cells: compared.map(cell), numeric })
  const columns = [
    column('value', ({ name }) => name, false),
    column('max abs', ({ difference }) => number(difference.maxAbs)),
    column('max rel', ({ difference }) => number(difference.maxRel)),
    column('max ulp', ({ difference }) => number(difference.maxUlp)),
    column('beyond', ({ difference }) => difference.kind ?? `${difference.beyond} of ${difference.count}`),
  ]
  return tableText(compared.some(({ node }) => node !== undefined) ? [...columns, column('node', ({ node = '' }) => node, false)] : columns)
}

function number(value: number): string {
  return Number.isInteger(value) && value < 1e6 ? String(value) : value.toPrecision(3)
}

function inWords({ kind, beyond, count, maxAbs, maxUlp, worst }: Difference): string {
  if (kind !== undefined) return kind
  const element = worst === undefined ? '' : `, element ${worst.index} is ${worst.a} and ${worst.b}`
  return `${beyond} of ${count} elements, by up to ${number(maxAbs)}${maxUlp > 0 ? ` (${number(maxUlp)} ulp)` : ''}${element}`
}

export const compare: Command = {
  usage: 'compare A [B] --input [NAME=]FILE ... [--device NAME] [--device-b NAME] [--determinism-b NAME] [--method NAME] [--rtol R] [--atol A] [--trace]',
  help: HELP,
  options: {
    input: { type: 'string', multiple: true },
    method: { type: 'string' },
    device: { type: 'string' },
    'device-b': { type: 'string' },
    'determinism-b': { type: 'string' },
    rtol: { type: 'string' },
    atol: { type: 'string' },
    trace: { type: 'boolean' },
  },
  run: execute,
}
