// mle inspect: what a model file holds. Of an .mle file only header and JSON are read, whatever its size.
import { basename } from 'node:path'
import type { Guard } from '../format/types.ts'
import type { Graph, Metadata, ValueInfo } from '../graph/graph.ts'
import type { Placement } from '../graph/device.ts'
import { subgraphsOf } from '../graph/subgraphs.ts'
import { load } from '../load.ts'
import type { ModelMemory } from '../model.ts'
import { MleError } from '../error.ts'
import { isTensorType, type ValueType } from '../ops/types.ts'
import { bytesPerElement } from '../tensor/dtype.ts'
import { ACCESS_HELP, ACCESS_OPTIONS, guardFrom } from './access.ts'
import { onlyPositional, UsageError, wordOption, type Command, type ParsedArgs, type Terminal } from './command.ts'
import { IMPORT_HELP, IMPORT_OPTIONS, importSettings } from './import-options.ts'
import { fileBytes, graphOfFile, importFile, isMleFile, openModel, unguarded } from './model-file.ts'
import { progressOn, type Progress } from './progress.ts'
import { bytesText } from './table.ts'
import { weightsJson, weightsOf, weightsText } from './tensors.ts'

interface Description {
  readonly format: string
  readonly inputs: readonly ValueInfo[]
  readonly outputs: readonly ValueInfo[]
  readonly metadata: Metadata
  readonly operators: readonly { readonly op: string; readonly domain: string; readonly version: number; readonly count: number }[]
  readonly nodes: number
  readonly tensors: number
  readonly tensorBytes: number
  /** After the optimizer: its passes that found something, and how many nodes there were before it. */
  readonly passes?: readonly { readonly pass: string; readonly edits: number }[]
  readonly nodesBefore?: number
  /** Of a run of one row here, where the model can be loaded. */
  readonly memory?: ModelMemory
  /** Of .mle files: signed, encrypted, root hash, sections. */
  readonly container?: Readonly<Record<string, unknown>>
}

const HELP = `
Shows inputs, outputs, methods, classes, operators, sizes and notes of MODEL: an .mle file, or any file that mle convert takes.

  --json              the same as JSON, with every column name and, of .mle files, the sections
  --optimized         operators and sizes after the optimizer, and how often each of its passes found something
  --determinism NAME  with --optimized: strict (default), or relaxed for the passes that change last digits of float32 numbers
  --device NAME       webgpu: what would run on the GPU, in partitions, and why the rest stays on cpu, float64 taken as float32; auto: whether load
                      with determinism 'relaxed' takes the GPU by itself, or why not. Dimensions without a number are taken as 1
`

async function execute(args: ParsedArgs, terminal: Terminal): Promise<void> {
  const path = onlyPositional(args, 'MODEL')
  const determinism = wordOption(args, 'determinism', ['strict', 'relaxed'])
  const optimized = args.flag('optimized')
  if (determinism !== undefined && !optimized) throw new UsageError('--determinism goes with --optimized')
  const progress = progressOn(terminal)
  const guard = await guardFrom(args)
  if (guard !== undefined && !isMleFile(path)) throw unguarded(path)
  const settings = importSettings(args)
  const weights = isMleFile(path) || optimized || settings.architecture !== undefined ? undefined : await weightsOf(path)
  if (weights !== undefined) {
    terminal.out(`${args.flag('json') ? JSON.stringify(weightsJson(path, weights), null, 2) : weightsText(path, weights)}\n`)
    return
  }
  const described: Description = optimized ? await describeOptimized(await graphOfFile(path, progress, guard, settings), determinism) : isMleFile(path) ? await describeFile(path, guard) : describeGraph(await importFile(path, progress, settings))
  const description: Description = guard === undefined && !optimized && settings.architecture === undefined ? { ...described, memory: await memoryOf(path, progress) } : described
  const device = wordOption(args, 'device', ['auto', 'webgpu'])
  const partitions = device === undefined ? undefined : await partitionsOf(path, device, progress, guard)
  if (args.flag('json')) terminal.out(`${JSON.stringify({ ...jsonReport(path, description), partitions }, null, 2)}\n`)
  else terminal.out(`${textReport(path, description)}\n${partitions === undefined ? '' : `${partitionText(partitions)}\n`}`)
}

async function partitionsOf(path: string, device: 'auto' | 'webgpu', progress: Progress, guard: Guard | undefined): Promise<readonly Placement[]> {
  const model = await load(await graphOfFile(path, progress, guard), device === 'auto' ? { device, determinism: 'relaxed' } : { device, precision: 'float32' })
  try {
    return model.placement()
  } finally {
    model.dispose()
  }
}

/** Steps of a partition that are shown. */
const SHOWN_STEPS = 6

function partitionText(partitions: readonly Placement[]): string {
  const [{ reason: declined } = {}] = partitions
  if (declined !== undefined) return `webgpu    not taken: ${declined}`
  const islands = partitions.filter(({ place }) => place === 'host').length
  const lines = [`webgpu    ${partitions.length - islands} submissions, ${islands} stays on cpu`]
  for (const { place, steps, dispatches } of partitions) {
    const shown = steps.slice(0, SHOWN_STEPS).map(({ node, reason }) => (reason === undefined ? node : `${node} (${reason})`))
    const more = steps.length > SHOWN_STEPS ? `, ... (${steps.length})` : ''
    lines.push(`${' '.repeat(10)}${place === 'device' ? `gpu, ${steps.length} steps in ${dispatches} dispatches` : 'cpu'}: ${shown.join(', ')}${more}`)
  }
  return lines.join('\n')
}

/** Larger files are not loaded only to say what they need. */
const MAX_LOADED_BYTES = 2 ** 28

/** What a session of one row holds; undefined for models that cannot be loaded here, or have no fixed shapes. */
async function memoryOf(path: string, progress: Progress): Promise<ModelMemory | undefined> {
  if (fileBytes(path) > MAX_LOADED_BYTES) return undefined
  try {
    const model = await openModel(path, 'auto', progress)
    try {
      model.session({ batch: 1 })
      return model.memory
    } finally {
      model.dispose()
    }
  } catch (error) {
    // Nobody asked for the model itself: what is wrong with it is said by the commands that run it.
    if (error instanceof MleError) return undefined
    throw error
  } finally {
    progress.done()
  }
}

async function describeFile(path: string, guard: Guard | undefined): Promise<Description> {
  const { inspect: inspectFile } = await import('../format/index.ts')
  const { version, inputs, outputs, metadata, operators, nodeCount, tensors, weightBytes, signed, encrypted, compressed, root, sections } = await inspectFile(path, { guard })
  return {
    format: `mle ${version}`,
    inputs, outputs, metadata, operators,
    nodes: nodeCount,
    tensors: tensors.length,
    tensorBytes: weightBytes,
    container: { signed, encrypted, compressed, root, sections },
  }
}

async function describeOptimized(graph: Graph, determinism: 'strict' | 'relaxed' | undefined): Promise<Description> {
  const { optimizedGraph } = await import('../optimized.ts')
  const { graph: small, counts } = await optimizedGraph(graph, { determinism })
  return { ...describeGraph(small), passes: [...counts].map(([pass, edits]) => ({ pass, edits })), nodesBefore: describeGraph(graph).nodes }
}

function describeGraph(graph: Graph): Description {
  const counts = new Map<string, { op: string; domain: string; version: number; count: number }>()
  let nodes = 0
  const count = (list: Graph['nodes']): void => {
    for (const node of list) {
      nodes++
      const key = `${node.domain}.${node.op}`
      const entry = counts.get(key)
      if (entry === undefined) counts.set(key, { op: node.op, domain: node.domain, version: node.version, count: 1 })
      else entry.count++
      for (const { graph: body } of subgraphsOf(node)) count(body.nodes)
    }
  }
  count(graph.nodes)
  let tensorBytes = 0
  for (const { dtype, data } of graph.initializers.values()) {
    tensorBytes += dtype === 'string' ? Array.from({ length: data.length }, (_, i) => String(data[i]).length).reduce((sum, length) => sum + length, 0) : data.length * bytesPerElement(dtype)
  }
  return {
    format: graph.metadata.framework ?? 'foreign',
    inputs: graph.inputs,
    outputs: graph.outputs,
    metadata: graph.metadata,
    operators: [...counts.values()],
    nodes,
    tensors: graph.initializers.size,
    tensorBytes,
  }
}

function jsonReport(path: string, { format, inputs, outputs, metadata, operators, nodes, tensors, tensorBytes, memory, passes, nodesBefore, container }: Description): object {
  const { methods, columns, classes, notes, ...about } = metadata
  return { file: basename(path), bytes: fileBytes(path), format, ...about, inputs, outputs, methods, columns, classes, operators, nodes, tensors, tensorBytes, memory, passes, nodesBefore, notes, ...container }
}

function textReport(path: string, { format, inputs, outputs, metadata, operators, nodes, tensors, tensorBytes, memory, passes, nodesBefore, container }: Description): string {
  const { framework, frameworkVersion, estimator, methods = [], columns = [], classes = [], notes = [] } = metadata
  const lines: [string, string][] = [['file', `${basename(path)}, ${format}, ${bytesText(fileBytes(path))}`]]
  const origin = [framework, frameworkVersion].filter((part) => part !== undefined).join(' ')
  if (origin !== '' || estimator !== undefined) lines.push(['model', [origin, estimator].filter(Boolean).join(', ')])
  inputs.forEach((info, i) => lines.push([i === 0 ? 'inputs' : '', valueText(info)]))
  outputs.forEach((info, i) => lines.push([i === 0 ? 'outputs' : '', valueText(info)]))
  methods.forEach(({ name, outputs: own }, i) => lines.push([i === 0 ? 'methods' : '', own.length === 1 && own[0] === name ? name : `${name} -> ${own.join(', ')}`]))
  for (const line of treeLines(metadata)) lines.push(line)
  if (columns.length > 0) lines.push(['columns', listText(columns.map(({ name }) => name))])
  classes.forEach((labels, i) => lines.push([i === 0 ? 'classes' : '', listText(labels.map(String))]))
  lines.push(['operators', `${nodes}: ${operators.map(({ op, count }) => (count === 1 ? op : `${op} x${count}`)).join(', ')}`])
  lines.push(['tensors', `${tensors}, ${bytesText(tensorBytes)}`])
  if (passes !== undefined) lines.push(['optimizer', `${nodesBefore} nodes before; ${passes.map(({ pass, edits }) => `${pass} ${edits}`).join(', ') || 'nothing to do'}`])
  if (memory !== undefined) lines.push(['memory', `for one row: ${bytesText(memory.weights)} weights, ${bytesText(memory.activations)} activations, ${bytesText(memory.io)} inputs and outputs; ${bytesText(memory.peak)} at most`])
  if (container !== undefined) lines.push(['trust', `${container.signed ? 'signed' : 'not signed'}, ${container.encrypted ? 'encrypted' : 'not encrypted'}; root ${String(container.root)}`])
  notes.forEach((note, i) => lines.push([i === 0 ? 'notes' : '', note]))
  return lines.map(([title, text]) => `${title.padEnd(10)}${text}`).join('\n')
}

/** Features shown by importance. */
const SHOWN_FEATURES = 8

/** Trees of a boosted model, from the properties that its importer kept (src/import/tree-summary.ts). */
function treeLines({ properties = [] }: Metadata): [string, string][] {
  const known = new Map(properties)
  const pairs = (key: string): [string | number, number][] => {
    try {
      const value: unknown = JSON.parse(known.get(key) ?? '[]')
      return Array.isArray(value) ? value.filter((pair) => Array.isArray(pair) && pair.length === 2 && typeof pair[1] === 'number') : []
    } catch {
      return []
    }
  }
  const count = Number(known.get('trees.count'))
  const depths = pairs('trees.depths').map(([depth, trees]): [number, number] => [Number(depth), trees])
  if (!(count > 0) || depths.length === 0) return []
  const mean = depths.reduce((sum, [depth, trees]) => sum + depth * trees, 0) / count
  const [least, most] = [depths[0][0], depths[depths.length - 1][0]]
  const lines: [string, string][] = [['trees', `${count}, depth ${least === most ? least : `${least} to ${most}, mean ${mean.toFixed(1)}`}; ${known.get('trees.leaves')} leaves`]]
  for (const kind of ['gain', 'cover', 'splits']) {
    const features = pairs(`trees.${kind}`)
    if (features.length > 0) lines.push([`by ${kind}`, features.slice(0, SHOWN_FEATURES).map(([name, value]) => `${name} ${value}`).join(', ') + (features.length > SHOWN_FEATURES ? ', ...' : '')])
  }
  return lines
}

const SHOWN_NAMES = 20

function listText(names: readonly string[]): string {
  return names.length <= SHOWN_NAMES ? names.join(', ') : `${names.slice(0, SHOWN_NAMES).join(', ')}, ... (${names.length})`
}

function valueText({ name, type, sourceDtype }: ValueInfo): string {
  return `${name}  ${typeText(type)}${sourceDtype === undefined || (isTensorType(type) && type.dtype === sourceDtype) ? '' : ` (${sourceDtype} in the training library)`}`
}

function typeText(type: ValueType): string {
  if (isTensorType(type)) return `${type.dtype} ${type.shape === undefined ? 'of any shape' : `[${type.shape.map((dim) => dim ?? '?').join(', ')}]`}`
  if ('sequence' in type) return `sequence of ${typeText(type.sequence)}`
  if ('optional' in type) return `optional ${typeText(type.optional)}`
  return `map from ${type.map.key} to ${typeText(type.map.value)}`
}

export const inspect: Command = {
  usage: 'inspect MODEL [--json] [--optimized [--determinism NAME]] [--device auto|webgpu]',
  help: `${HELP.trim()}${IMPORT_HELP}
${ACCESS_HELP}`,
  options: { ...ACCESS_OPTIONS, ...IMPORT_OPTIONS, json: { type: 'boolean' }, optimized: { type: 'boolean' }, determinism: { type: 'string' }, device: { type: 'string' } },
  run: execute,
}
